"""Reads a vendor's symbol: the product, and for a future its contract.

Owns the reading of contract codes (``ESH6``, ``ESH26``, ``ESH2026``, ``ES.c.0``, ``/ESH26``). The calendar
has the day on which a contract expires.
"""

import re
from dataclasses import dataclass

from arbcore.carry.calendar import MONTH_CODES, quarterly_expiry
from arbcore.carry.pairs import PAIRS
from arbcore.core.civil import date_of

#: By future: the ETF of the same index.
ETF_OF = {pair.future: pair.etf for pair in PAIRS}
FUTURES = tuple(ETF_OF)
ETFS = tuple(dict.fromkeys(ETF_OF.values()))

_MONTHS = {letter: month for month, letter in MONTH_CODES.items()}
_CODE = re.compile(
    rf"/?({'|'.join(sorted(FUTURES, key=len, reverse=True))})([FGHJKMNQUVXZ])([0-9]{{4}}|[0-9]{{1,2}})"
)
_IN_NAME = re.compile(rf"(?<![A-Z0-9]){_CODE.pattern}(?![A-Z0-9])")
_ROOT = re.compile(r"/?([A-Z0-9]+)(?:\.([cnv]\.[0-9]+)|\.FUT|\.OPT)?", re.IGNORECASE)


@dataclass(frozen=True)
class Code:
    """The meaning of a symbol: a product, and for a future its contract's day of expiry if it has one.

    ``series`` is the rule of a continuous symbol, such as ``c.0``: by calendar, volume or open interest.
    """

    root: str
    expiry_day: int | None
    series: str | None = None


def read_code(text: str, *, day: int) -> Code | None:
    """The product and contract of a vendor's symbol; None if it is not in a pair (a spread, for example).

    A year of one digit means the first such year whose contract has not expired before ``day``.
    """
    spelled = text.strip()
    match = _CODE.fullmatch(spelled.upper())
    if match is not None:
        if match[2] not in _MONTHS:
            return None
        return Code(match[1], _expiry(match[2], match[3], day))
    match = _ROOT.fullmatch(spelled)
    if match is None:
        return None
    return Code(match[1].upper(), None, None if match[2] is None else match[2].lower())


def code_in_name(name: str, *, day: int) -> Code | None:
    """The contract whose code is in a file's name, such as ``ESH26`` in ``glbx-ESH26.csv``."""
    found = [match for match in _IN_NAME.finditer(name.upper()) if match[2] in _MONTHS]
    return Code(found[0][1], _expiry(found[0][2], found[0][3], day)) if found else None


def _expiry(letter: str, digits: str, day: int) -> int:
    month = _MONTHS[letter]
    if len(digits) == 4:
        return quarterly_expiry(int(digits), month)
    if len(digits) == 2:
        return quarterly_expiry(2000 + int(digits) - (100 if int(digits) >= 97 else 0), month)
    year = date_of(day)[0]
    year += (int(digits) - year) % 10
    # In January, last year's digit means a contract nine years away, never one that has expired.
    expiry = quarterly_expiry(year, month)
    return expiry if expiry >= day else quarterly_expiry(year + 10, month)
