"""What is fetched: sessions, contracts and requests, by the broker's rules for bars and how far they go back.

It has no clock: times are integer nanoseconds passed in, and the same arguments give the same plan.
"""

from dataclasses import dataclass

from arbcore.carry.calendar import close_clock_ns, front_contract
from arbcore.carry.pairs import Pair
from arbcore.core.civil import NS_PER_DAY, NS_PER_MINUTE, NS_PER_S, iso_date, new_york_to_utc, utc_to_new_york
from arbcore.core.text import printable
from arbcore.errors import UsageError

OPEN_CLOCK_NS = 570 * NS_PER_MINUTE
DAYS_MAX = 260
TICKS_A_REQUEST = 1_000


@dataclass(frozen=True, slots=True)
class BarRule:
    """One size of bars: its broker name, its length, the time one request spans, and how far back they go."""

    name: str
    setting: str
    length_s: int
    span_s: int
    back_days: int | None


#: The broker's rules. Bars of 30 seconds or less go back half a year; ``span_s`` is the most per request.
BARS = {
    "1s": BarRule("1s", "1 secs", 1, 1_800, 183),
    "5s": BarRule("5s", "5 secs", 5, 3_600, 183),
    "30s": BarRule("30s", "30 secs", 30, 28_800, 183),
    "1m": BarRule("1m", "1 min", 60, 28_800, None),
    "ticks": BarRule("ticks", "", 0, 0, 183),
}


@dataclass(frozen=True, slots=True)
class FetchRequest:
    """A time range of one leg. For ticks it is a whole session, fetched page by page."""

    leg: str
    contract: str
    expiry_ns: int
    begin_ns: int
    end_ns: int


def bar_rule(name: str) -> BarRule:
    """The rule for a size of bars. UsageError if the broker has no such bars."""
    rule = BARS.get(name)
    if rule is None:
        raise UsageError(f"--bar is '{printable(name, 20)}'; the sizes are {', '.join(BARS)}.")
    return rule


def sessions_before(end_ns: int, days: int) -> list[tuple[int, int]]:
    """(open, close) of the last ``days`` sessions that began before an instant; the last one ends at it."""
    if not 1 <= days <= DAYS_MAX:
        raise UsageError(f"--days is {days}; 1 to {DAYS_MAX} sessions can be fetched.")
    found: list[tuple[int, int]] = []
    day = utc_to_new_york(end_ns)[0]
    while len(found) < days:
        close_ns = close_clock_ns(day)
        if close_ns is not None:
            opens = new_york_to_utc(day, OPEN_CLOCK_NS)
            if opens < end_ns:
                whole_s = min(new_york_to_utc(day, close_ns), end_ns) // NS_PER_S * NS_PER_S
                found.append((opens, whole_s))
        day -= 1
    return found[::-1]


def check_reach(rule: BarRule, sessions: list[tuple[int, int]], now_ns: int) -> None:
    """Raises UsageError if the broker does not keep such bars for so long."""
    if rule.back_days is None:
        return
    first_ns = now_ns - rule.back_days * NS_PER_DAY
    if sessions[0][0] < first_ns:
        first = iso_date(utc_to_new_york(sessions[0][0])[0])
        limit = iso_date(utc_to_new_york(first_ns)[0])
        what = "ticks" if rule.name == "ticks" else f"bars of {rule.name}"
        raise UsageError(
            f"The broker keeps {what} for {rule.back_days} days, from {limit}; the first session asked "
            f"for is {first}: take fewer --days, a later --end, or --bar 1m."
        )


def requests_of(pair: Pair, rule: BarRule, sessions: list[tuple[int, int]]) -> list[FetchRequest]:
    """All requests, session by session, alternating between the legs."""
    found: list[FetchRequest] = []
    for opens, closes in sessions:
        front = front_contract(opens)
        code = pair.future + front.code[2:]
        span_ns = (rule.span_s or 86_400) * NS_PER_S
        for begin in range(opens, closes, span_ns):
            end = min(begin + span_ns, closes)
            found.append(FetchRequest("fut", code, front.expiry_ns, begin, end))
            found.append(FetchRequest("etf", pair.etf, 0, begin, end))
    return found
