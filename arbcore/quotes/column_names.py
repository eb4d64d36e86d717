"""Resolves column names: finds which column of a file or a frame is the time, a price, a contract, a
factor.

Owns the forms of the names; the symbols are those of ``carry.pairs``. It reads no cell. The prices of future
and ETF are ``fut_bid,fut_ask,etf_bid,etf_ask``, or named with symbols such as ``es_bid`` and ``spy_ask``, in
any case, with ``_``, a space, ``-`` or nothing in between.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from arbcore.carry.pairs import PAIRS
from arbcore.core.text import printable
from arbcore.errors import DataError

#: Roles of the required columns, named after the first pair.
REQUIRED = ("ts", "es_bid", "es_ask", "spy_bid", "spy_ask")
OPTIONAL = ("expiry", "factor", "index")
#: The role of the time of day, if a ``date`` column has the date.
CLOCK = "clock"
ROLES = (*REQUIRED, *OPTIONAL, CLOCK)
FACTOR_ROLES = ("factor", "index")
#: The names of a time column; of several the first in this list is used, the others are ignored.
TIME_NAMES = ("ts", "timestamp", "datetime")

#: The symbol of each future, with the ETF of its pair.
ETF_OF_FUTURE = {pair.future.lower(): pair.etf.lower() for pair in PAIRS}
_GENERIC = ("fut", "etf")
_SIDES = ("bid", "ask")


@dataclass(frozen=True)
class Columns:
    """The places of the columns by role, their names in the data, and the pair of these names.

    ``pair`` is a name such as ``es-spy``; None if the columns are ``fut_…`` and ``etf_…``. ``unused`` names a
    factor or index column of the data that the settings do not use.
    """

    places: dict[str, int]
    names: dict[str, str]
    pair: str | None
    unused: str | None


def resolve(names: Iterable[object], *, where: str, line: int | None, use_factor: bool) -> Columns:
    """Finds the columns among ``names``; ``where`` begins an error about them, such as "quotes.csv, line 1".

    With ``use_factor`` each row's factor comes from a ``factor`` or else an ``index`` column. Raises
    DataError for a column that is missing or comes twice, in one form of its name or in two.
    """
    given = [str(name).strip(" \t") for name in names]
    lower = [name.lower() for name in given]
    places = _time(lower, given, where=where, line=line)
    found, pair = _quotes(given, where=where, line=line)
    places |= found
    unused = None
    for name in OPTIONAL:
        at = _only(name, lower, where=where, line=line)
        if at is None:
            continue
        if name in FACTOR_ROLES and not use_factor:
            unused = unused or name
        elif not (name == "index" and "factor" in places):
            places[name] = at
    if use_factor and not any(name in places for name in FACTOR_ROLES):
        raise DataError(
            "missing_column",
            f"{where}: there is no column factor or index to take the factor from; drop --factor column.",
            line=line, column="factor",
        )  # fmt: skip
    return Columns(places, {role: _shown(role, given[at]) for role, at in places.items()}, pair, unused)


def may_count(name: str) -> bool:
    """Whether a column of this name may have a role, together with the right other columns."""
    plain = name.strip(" \t").lower()
    for mark in "_ -":
        plain = plain.replace(mark, "")
    return plain.endswith(_SIDES) or plain in (*TIME_NAMES, "date", "time", *OPTIONAL)


def _shown(role: str, name: str) -> str:
    """The name of a column in an error."""
    return role if name.lower() == role else printable(name, 40)


def _only(name: str, lower: list[str], *, where: str, line: int | None) -> int | None:
    """The place of a name; None if it is not there."""
    if lower.count(name) > 1:
        raise DataError(
            "duplicate_column", f"{where}: column {name} is there twice; remove or rename one.",
            line=line, column=name,
        )  # fmt: skip
    return lower.index(name) if name in lower else None


def _time(lower: list[str], given: list[str], *, where: str, line: int | None) -> dict[str, int]:
    for name in TIME_NAMES:
        at = _only(name, lower, where=where, line=line)
        if at is not None:
            return {"ts": at}
    date = _only("date", lower, where=where, line=line)
    time = _only("time", lower, where=where, line=line)
    if date is not None and time is not None:
        return {"ts": date, CLOCK: time}
    if date is not None or time is not None:
        return {"ts": time if date is None else date}  # type: ignore[dict-item]
    raise _missing("ts", given, where=where, line=line)


def _missing(name: str, given: list[str], *, where: str, line: int | None) -> DataError:
    shown = ", ".join(printable(each, 40) for each in given[:12])
    return DataError(
        "missing_column",
        f"{where}: there is no column {name} in the header ({shown}); the columns {', '.join(REQUIRED)} are "
        "needed, in any order.",
        line=line, column=name,
    )  # fmt: skip


def _quotes(given: list[str], *, where: str, line: int | None) -> tuple[dict[str, int], str | None]:
    """The places of the four prices, and the pair of their symbols."""
    spelled: dict[tuple[str, str], list[int]] = {}
    for at, name in enumerate(given):
        letters = name.lower()
        for mark in "_ -":
            letters = letters.replace(mark, "")
        spelled.setdefault((letters[:-3], letters[-3:]), []).append(at)

    def has(symbol: str) -> bool:
        return any((symbol, side) in spelled for side in _SIDES)

    futures = [symbol for symbol in (*ETF_OF_FUTURE, _GENERIC[0]) if has(symbol)]
    etfs = [symbol for symbol in (*dict.fromkeys(ETF_OF_FUTURE.values()), _GENERIC[1]) if has(symbol)]
    for symbols in (futures, etfs):
        if len(symbols) > 1:
            both = [given[spelled[symbol, side][0]] for symbol in symbols for side in _SIDES
                    if (symbol, side) in spelled]  # fmt: skip
            shown = ", ".join(printable(name, 40) for name in both)
            raise DataError(
                "duplicate_column",
                f"{where}: the columns {shown} name one leg in two ways; keep the columns of one pair.",
                line=line, column=printable(both[-1], 40),
            )  # fmt: skip
    future = futures[0] if futures else _future_of(etfs)
    etf = etfs[0] if etfs else ETF_OF_FUTURE.get(future, _GENERIC[1])
    if {future, etf} != set(_GENERIC) and ETF_OF_FUTURE.get(future) != etf:
        raise DataError(
            "missing_column",
            f"{where}: {future.upper()} and {etf.upper()} are no pair; {future.upper()} goes with "
            f"{ETF_OF_FUTURE.get(future, _GENERIC[1]).upper()}.",
            line=line, column=f"{ETF_OF_FUTURE.get(future, _GENERIC[1])}_bid",
        )  # fmt: skip
    places: dict[str, int] = {}
    for role, symbol, side in zip(REQUIRED[1:], (future, future, etf, etf), _SIDES * 2, strict=True):
        at_places = spelled.get((symbol, side), [])
        if not at_places:
            raise _missing(f"{symbol}_{side}", given, where=where, line=line)
        if len(at_places) > 1:
            name = printable(given[at_places[1]], 40)
            raise DataError(
                "duplicate_column", f"{where}: column {name} is there twice; remove or rename one.",
                line=line, column=name,
            )  # fmt: skip
        places[role] = at_places[0]
    return places, None if future == _GENERIC[0] else f"{future}-{etf}"


def _future_of(etfs: list[str]) -> str:
    """The future that is missing next to an ETF's columns, for the error."""
    for future, etf in ETF_OF_FUTURE.items():
        if etfs == [etf]:
            return future
    return _GENERIC[0] if etfs == [_GENERIC[1]] else "es"


class RowNumbers:
    """Refuses an ``index`` column that only counts the rows: 0, 1, 2 and so on, or a later part of that."""

    def __init__(self) -> None:
        self._seen: list[float] = []

    def saw(self, value: float, future: float, *, where: str, line: int) -> None:
        """Checks the index and the future's bid of one of the first rows. Raises DataError."""
        self._seen.append(value)
        first = self._seen[0]
        counts = [first + at for at in range(len(self._seen))] == self._seen and first == int(first)
        # An index is never 0 or 1, and it does not rise by 1 per row while it is far from its future.
        far = not future / 2 < value < future * 2
        if counts and (first in (0, 1) or (len(self._seen) == ROWS_LOOKED_AT and far)):
            raise DataError(
                "row_number",
                f"{where}, column index: it counts the rows ({first:g} first) and is not an index; leave out "
                "--factor column or remove the column.",
                line=line, column="index",
            )  # fmt: skip


#: The number of first rows that show whether an index column only counts the rows.
ROWS_LOOKED_AT = 3
