"""The contracts of one input: the product and expiry of each code, and a number for each contract.

Owns the errors about codes that do not belong to one product.
"""

from arbcore.core.text import printable
from arbcore.errors import InputError, UsageError
from arbcore.quotes.symbols import ETFS, FUTURES, read_code

#: The number for rows of a spread or an option of the product; these rows are left out.
OTHER = -1
#: Continuous symbols that are the front contract on every date: the calendar series, and a plain name.
_FRONT = (None, "c.0")


class Contracts:
    """Numbers for the contracts of one input; all of them are of one product.

    Args:
        name: the input's name in errors.
        leg: ``fut`` or ``etf``.
        day: the date of the first row, needed to read a year of one digit.
    """

    def __init__(self, name: str, *, leg: str, day: int) -> None:
        self._name = name
        self._leg = leg
        self._day = day
        self._numbers: dict[int | None, int] = {}
        self.root: str | None = None
        #: The first text of a spread or an option, and (``_product``) the first that names only a product.
        self.other: str | None = None
        self._product: str | None = None
        self._series: str | None = None
        #: The day of expiry of each contract, by its number; None if the codes name only a product.
        self.expiries: list[int] | None = None

    def number(self, text: str) -> int:
        """The number of a code's contract, OTHER for a spread. Raises InputError for another product."""
        code = read_code(text, day=self._day)
        if code is None:
            if text.strip().upper().lstrip("/").startswith(FUTURES):
                self.other = self.other or text
                return OTHER
            raise InputError(
                f"{self._name}: {printable(text, 40)!r} is not a symbol of a contract that is known."
            )
        self._check(code.root)
        if code.expiry_day is None:
            self._check_series(code.series, text)
        if code.expiry_day not in self._numbers:
            self._numbers[code.expiry_day] = len(self._numbers)
            if (code.expiry_day is None) != (None in self._numbers):
                raise InputError(
                    f"{self._name}: {printable(text, 40)} is in one file with contracts of {self.root}; "
                    "keep one or the other."
                )
            if code.expiry_day is not None:
                self.expiries = [*(self.expiries or []), code.expiry_day]
        return self._numbers[code.expiry_day]

    @property
    def note(self) -> str | None:
        """The note about a continuous symbol that is not always the front contract; else None."""
        if self._series in _FRONT:
            return None
        return (
            f"{self._name}: {printable(str(self._product), 40)} does not say which contract a row is of, and "
            "is not the front one on every date; a backtest takes it for that. Get the contracts themselves "
            "(such as ESH6 and ESM6), and each row gets its expiry."
        )

    def _check_series(self, series: str | None, text: str) -> None:
        """Raises InputError for a second continuous symbol: it is not known which contract a price is of."""
        if self._product is None:
            self._product, self._series = text, series
        elif series != self._series:
            raise InputError(
                f"{self._name} holds {printable(self._product, 40)} and {printable(text, 40)}, which are not "
                "one contract; give each a file of its own."
            )

    def _check(self, root: str) -> None:
        if self.root is None:
            known, others = (FUTURES, ETFS) if self._leg == "fut" else (ETFS, FUTURES)
            if root in others:
                raise UsageError(
                    f"{self._name} holds {root}; the future comes first and the ETF second, so swap the two."
                )
            if root not in known:
                kind = "future" if self._leg == "fut" else "ETF"
                raise InputError(
                    f"{self._name} holds {printable(root, 40)}, which is the {kind} of no pair; those are "
                    f"{', '.join(known)}."
                )
            self.root = root
        elif root != self.root:
            raise InputError(
                f"{self._name} holds two products, {self.root} and {printable(root, 40)}; give each a file "
                "of its own."
            )
