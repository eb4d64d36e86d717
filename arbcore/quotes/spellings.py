"""The errors about a cell that is not a time or not a number: the accepted forms, and what to do.

Owns the sentences only; ``_cells`` decides which forms are read.
"""

import re

from arbcore.core._cells import time_and_zone

_NUMBER = re.compile(r"[0-9]+(\.[0-9]*)?")
_DECIMAL_COMMA = re.compile(r"[+-]?[0-9]{1,3}(\.?[0-9]{3})*,[0-9]+|[+-]?[0-9]+,[0-9]+")
_DAY_S = 86_400


def why_no_time(text: str, *, tz: str | None, day_first: bool) -> str:
    """The rest of a sentence about a cell that is not a time."""
    reason = time_and_zone(text.encode(), tz=tz, day_first=day_first)
    if reason == "no_hour":
        return f"does not exist: the clock{'' if tz is None else ' of ' + tz} went forward over it"
    if reason == "small" or (_NUMBER.fullmatch(text) and not _is_long(text)):
        kind = "seconds of a day" if float(text) < _DAY_S else "a row number, or a time without its date"
        return f"is a number before the epochs of 1990 (it may be {kind})"
    if _NUMBER.fullmatch(text):
        return "is not an epoch up to 2261; a date and a time in digits have a T between them"
    if re.fullmatch(r"[0-9]{1,2}/[0-9]{1,2}/[0-9]{4}.*", text):
        other = time_and_zone(text.encode(), tz=tz, day_first=not day_first)
        if isinstance(other, tuple):
            first = "month" if day_first else "day"
            return f"is not a date; if the {first} comes first pass --time-order " + (
                "mdy" if day_first else "dmy"
            )
    if (
        re.match(r"(0|1[0-5]|16[0-6]|167[0-7]|22[7-9]|226[2-9]|2[3-9]|[3-9])[0-9]*-[0-9]{2}-", text)
        and len(text) >= 10
    ):
        return "is not a time of the years 1678 to 2261"
    return "is not a time such as 2026-03-02T14:30:00Z and no epoch from 1990 on"


def _is_long(text: str) -> bool:
    return len(text.partition(".")[0]) > 11


def why_no_number(text: str) -> str:
    """The rest of a sentence about a cell that is not a number."""
    if _DECIMAL_COMMA.fullmatch(text):
        return "has a decimal comma; write it with a point"
    return "is not a number"
