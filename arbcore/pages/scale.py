"""Maps numbers and times to places on a chart: scales, round ticks, and a time axis that shortens gaps.

Places are shares from 0 to 1. It must not know how anything is drawn.
"""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from arbcore.core.civil import NS_PER_DAY, NS_PER_HOUR, NS_PER_MINUTE, NS_PER_S, date_of

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

#: A gap between two rows is drawn at most this many times as long as the median one.
_GAP_MAX = 2.0
_TICKS_MAX = 8
#: Least distance of two labels, as a share of the axis.
_TICKS_APART = 0.105
#: If two numbers differ by less than this share of them, there are no usable round numbers between them.
_SPAN_LEAST = 1e-7
#: A label this close to an end of the axis is aligned inwards.
EDGE = 0.04
_ROUND = (1.0, 2.0, 5.0, 10.0)
#: Numbers from these sizes on are written in this unit, which keeps labels short.
_LARGE = ((1e9, " bn"), (1e6, " M"))
_MONTH_STEPS = (1, 3, 6, 12, 24, 60, 120, 240, 600, 1200)
_CLOCK_STEPS_NS = (
    *(step * NS_PER_S for step in (1, 2, 5, 10, 15, 30)),
    *(step * NS_PER_MINUTE for step in (1, 2, 5, 10, 15, 30)),
    *(step * NS_PER_HOUR for step in (1, 2, 3, 6, 12)),
    *(step * NS_PER_DAY for step in (1, 2, 7, 14)),
)


def round_step(span: float, count: int) -> float:
    """Returns the least 1, 2 or 5 times a power of ten that divides ``span`` into at most ``count`` parts."""
    if not span > 0 or not math.isfinite(span):
        return 1.0
    least = span / count
    power = 10.0 ** math.floor(math.log10(least)) if least > 0 else 1.0
    if power == 0.0:
        return 1.0
    return next(factor * power for factor in _ROUND if factor * power >= least * (1 - 1e-9))


def _multiples(low: float, high: float, count: int) -> tuple[range, float]:
    """Returns the multiples of a round step from ``low`` to ``high``, and the step.

    There are at least two multiples: a single one would not show the scale.
    """
    step = round_step(high - low, count)
    found = range(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1)
    return (found, step) if len(found) > 1 else _multiples(low, high, count + 1)


def _is_one(low: float, high: float) -> bool:
    """Whether two numbers are too close for a round number between them."""
    return not high > low or high - low < _SPAN_LEAST * max(abs(low), abs(high))


def ticks(low: float, high: float, count: int = 5) -> list[float]:
    """Returns round numbers from ``low`` to ``high``, including both if they are round.

    If the two are too close for a round number between them, returns ``low`` alone.
    """
    if _is_one(low, high):
        return [low]
    found, step = _multiples(low, high, count)
    return [at * step for at in found]


def decimals_of(step: float) -> int:
    """Returns the number of decimals that a multiple of ``step`` needs."""
    return max(0, min(12, -math.floor(math.log10(step) + 1e-9)))


def unit_of(largest: float) -> tuple[float, str]:
    """Returns the unit that keeps numbers of this size short, and its name, such as (1e6, " M")."""
    return next(((unit, name) for unit, name in _LARGE if largest >= unit), (1.0, ""))


@dataclass(frozen=True)
class Scale:
    """A linear map from ``low`` .. ``high`` to 0 .. 1."""

    low: float
    high: float

    @classmethod
    def around(cls, values: Sequence[float], *, margin: float = 0.06) -> "Scale":
        """Makes a scale that shows all finite values with a margin; from 0 to 1 without any."""
        finite = [value for value in values if math.isfinite(value)]
        low, high = (min(finite), max(finite)) if finite else (0.0, 1.0)
        largest = max(abs(low), abs(high))
        room = (high - low) * margin if high - low > _SPAN_LEAST * largest else largest * margin or 1.0
        return cls(low - room, high + room)

    def __call__(self, value: float) -> float:
        """Returns the share of a value; a value outside the scale gets the nearest end."""
        return min(1.0, max(0.0, (value - self.low) / (self.high - self.low)))

    def labels(self, count: int = 5, *, whole: bool = False) -> list[tuple[float, str]]:
        """Returns (share, text) of the round numbers on the scale; with ``whole`` only whole numbers."""
        if _is_one(self.low, self.high):
            step = round_step(self.high - self.low, count)
        else:
            _, step = _multiples(self.low, self.high, count)
        unit, name = unit_of(max(abs(self.low), abs(self.high)))
        digits = 0 if whole and unit == 1.0 else decimals_of(step / unit)

        def text(value: float) -> str:
            return f"{value / unit:,.{digits}f}{name}".replace("-", "\N{MINUS SIGN}") if value else "0"

        return [
            (self(value), text(value))
            for value in ticks(self.low, self.high, count)
            if not whole or abs(value - round(value)) < 1e-9
        ]


class TimeAxis:
    """An axis of ordered times; long gaps between them are drawn short."""

    def __init__(self, times_ns: Sequence[int]) -> None:
        self.times_ns = list(times_ns)
        steps = [later - earlier for earlier, later in pairwise(self.times_ns)]
        moves = [step for step in steps if step > 0]
        self._gap_ns = _GAP_MAX * statistics.median(moves) if moves else 1.0
        reached, places = 0.0, [0.0] if self.times_ns else []
        for step in steps:
            reached += min(float(step), self._gap_ns)
            places.append(reached)
        #: The share of each time; a single time is in the middle.
        self.places = [place / reached for place in places] if reached > 0 else [0.5] * len(places)

    def breaks(self) -> set[int]:
        """Returns the indices of the times right after a shortened gap."""
        return {
            at
            for at in range(1, len(self.times_ns))
            if self.times_ns[at] - self.times_ns[at - 1] > self._gap_ns
        }

    def labels(self) -> list[tuple[float, str]]:
        """Returns (share, text): dates or clock times in UTC, as many as fit."""
        if not self.times_ns:
            return []
        if self.times_ns[0] == self.times_ns[-1]:
            return [(self.places[0], moment(self.times_ns[0]))]
        found: list[_Tick] = []
        for step_ns in _CLOCK_STEPS_NS:
            found = self._ticks([time_ns // step_ns for time_ns in self.times_ns], step_ns)
            if len(found) <= _TICKS_MAX:
                break
        else:
            months = [_months(time_ns) for time_ns in self.times_ns]
            for step in _MONTH_STEPS:
                found = self._ticks([month // step for month in months], None)
                if len(found) <= _TICKS_MAX:
                    break
        return [(tick.place, tick.text) for tick in _apart(found)]

    def _ticks(self, keys: Sequence[int], step_ns: int | None) -> list["_Tick"]:
        """Returns a tick for each first time with a new key; ``step_ns`` is None if keys are months."""
        found = []
        day = None
        for at, key in enumerate(keys):
            if at > 0 and key == keys[at - 1]:
                continue
            time_ns = self.times_ns[at]
            new_day = time_ns // NS_PER_DAY != day
            day = time_ns // NS_PER_DAY
            if step_ns is None:
                text = _month_text(time_ns)
            elif step_ns >= NS_PER_DAY:
                text = day_text(time_ns)
            else:
                # If a session begins between two round times, its first tick shows only the date.
                near = time_ns - key * step_ns <= self._gap_ns
                clock = clock_text(key * step_ns) if near else ""
                text = f"{day_text(time_ns)} {clock}".strip() if new_day else clock
            if text:
                found.append(_Tick(self.places[at], text, new_day))
        return found


@dataclass(frozen=True)
class _Tick:
    place: float
    text: str
    new_day: bool


def _apart(found: list[_Tick]) -> list[_Tick]:
    """Returns the ticks that fit beside each other; dates have priority over clock times."""
    kept: list[_Tick] = []
    for tick in found:
        # A label at an edge of the chart is aligned inwards, not centred.
        inwards = kept and (kept[-1].place < EDGE or tick.place > 1 - EDGE)
        if kept and tick.place - kept[-1].place < _TICKS_APART * (1.4 if inwards else 1.0):
            if tick.new_day and not kept[-1].new_day:
                kept[-1] = tick
            continue
        kept.append(tick)
    return kept


def _months(instant_ns: int) -> int:
    year, month, _ = date_of(instant_ns // NS_PER_DAY)
    return year * 12 + month - 1


def day_text(instant_ns: int) -> str:
    """Formats an instant as ``7 Oct``."""
    _, month, day = date_of(instant_ns // NS_PER_DAY)
    return f"{day} {MONTHS[month - 1]}"


def _month_text(instant_ns: int) -> str:
    year, month, _ = date_of(instant_ns // NS_PER_DAY)
    return f"{MONTHS[month - 1]} {year}"


def clock_text(instant_ns: int) -> str:
    """Formats an instant as ``14:31``, with the seconds unless they are 0."""
    second, rest_ns = divmod(instant_ns % NS_PER_DAY, NS_PER_S)
    text = f"{second // 3600:02d}:{second // 60 % 60:02d}"
    return text if second % 60 == 0 and rest_ns == 0 else f"{text}:{second % 60:02d}"


def moment(instant_ns: int) -> str:
    """Formats an instant as ``7 Oct 2013 14:31``, in UTC."""
    year, _, _ = date_of(instant_ns // NS_PER_DAY)
    return f"{day_text(instant_ns)} {year} {clock_text(instant_ns)}"
