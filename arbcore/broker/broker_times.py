"""Reads the times that Trader Workstation writes as instants, also in zones that this machine does not know.

The libraries look a zone up in the system's table, and lose the execution if it is not there. This module
knows the rules of New York, Chicago and UTC, and learns the offset of TWS's log-in zone from TWS's clock.
Only other zones need the system's table or the package tzdata.
"""

import datetime as dt
import re
import zoneinfo

from arbcore.core.civil import NS_PER_DAY, NS_PER_S, day_of, is_date, new_york_to_utc
from arbcore.core.text import printable
from arbcore.desk.hours import behind_new_york_ns
from arbcore.errors import InputError

_WRITTEN = re.compile(
    r"(?P<date>\d{4}-?\d{2}-?\d{2})(?P<gap>[ -]+)(?P<clock>\d{1,2}:\d{2}:\d{2})(?:\.\d+)?"
    r"(?: +(?P<zone>\S.*))?",
    re.ASCII,
)
_EPOCH = re.compile(r"\d{9,11}", re.ASCII)
_UTC = frozenset({"UTC", "GMT", "Etc/UTC", "Etc/GMT", "Zulu", "Z"})
#: Zones differ by whole quarters of an hour; rounding to one removes the age of the greeting.
_QUARTER_NS = 900 * NS_PER_S
_OFFSET_MAX_NS = 15 * 3_600 * NS_PER_S
REMEDY = "install the package tzdata (pip install tzdata) or log TWS in with the zone of New York"


class Zones:
    """Reads the times of one connection. Call ``learn`` first, or a time in the log-in's zone is an error."""

    def __init__(self) -> None:
        #: The name of TWS's log-in zone, and how far its clock is ahead of UTC; None while not known.
        self.login = ""
        self.login_offset_ns: int | None = None

    def learn(self, greeting: str, utc_ns: int) -> None:
        """Takes TWS's clock as written at the log-in, and the UTC time of that moment."""
        match = _WRITTEN.fullmatch(greeting.strip())
        if match is None:
            return
        self.login = match["zone"] or ""
        offset_ns = _clock_ns(match) - utc_ns
        quarters = round(offset_ns / _QUARTER_NS)
        if abs(offset_ns) <= _OFFSET_MAX_NS:
            self.login_offset_ns = quarters * _QUARTER_NS

    def instant_ns(self, text: str) -> int:
        """The instant that TWS wrote, as UTC nanoseconds. Raises InputError that names the remedy."""
        written = text.strip()
        if _EPOCH.fullmatch(written):
            return int(written) * NS_PER_S
        match = _WRITTEN.fullmatch(written)
        if match is None:
            raise InputError(f"'{printable(text, 60)}' is not a time in any form that TWS writes.")
        clock_ns, zone = _clock_ns(match), match["zone"]
        if zone in _UTC or (zone is None and match["gap"] == "-"):
            return clock_ns
        if zone is None:
            return self._by_login(clock_ns, text)
        behind_ns = behind_new_york_ns(zone)
        if behind_ns is not None:
            return new_york_to_utc(clock_ns // NS_PER_DAY, clock_ns % NS_PER_DAY) + behind_ns
        if (moment := _in_system_zone(match)) is not None:
            return moment
        # The log-in's own zone needs no table, whatever its name.
        return self._by_login(clock_ns, text)

    def known(self, zone: str) -> bool:
        """Whether the zone's rules are known; otherwise only the log-in's clock gives its offset."""
        if zone in _UTC or behind_new_york_ns(zone) is not None:
            return True
        try:
            zoneinfo.ZoneInfo(zone)
        except (ValueError, OSError, zoneinfo.ZoneInfoNotFoundError):
            return False
        return True

    def _by_login(self, clock_ns: int, text: str) -> int:
        if self.login_offset_ns is None:
            raise InputError(
                f"The time '{printable(text, 60)}' is in a zone that this machine does not know; {REMEDY}."
            )
        return clock_ns - self.login_offset_ns


def _clock_ns(match: re.Match[str]) -> int:
    """The written date and time as nanoseconds, as if they were UTC."""
    digits = match["date"].replace("-", "")
    date = int(digits[:4]), int(digits[4:6]), int(digits[6:])
    hour, minute, second = (int(part) for part in match["clock"].split(":"))
    if not is_date(*date) or hour > 23 or minute > 59 or second > 60:
        raise InputError(f"'{printable(match[0], 60)}' is a time that does not exist.")
    return (day_of(*date) * 86_400 + hour * 3_600 + minute * 60 + second) * NS_PER_S


def _in_system_zone(match: re.Match[str]) -> int | None:
    try:
        zone = zoneinfo.ZoneInfo(match["zone"])
    except (ValueError, OSError, zoneinfo.ZoneInfoNotFoundError):
        return None
    clock_s = _clock_ns(match) // NS_PER_S
    local = dt.datetime(1970, 1, 1) + dt.timedelta(seconds=clock_s)
    return round(local.replace(tzinfo=zone).timestamp()) * NS_PER_S
