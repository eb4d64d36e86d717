"""The deepest drawdowns of an equity curve, and the table that shows them."""

from collections.abc import Sequence
from dataclasses import dataclass

from arbcore.core.text import time_span
from arbcore.pages.markup import Markup, number
from arbcore.pages.page import table
from arbcore.pages.scale import moment
from arbcore.pages.series import Envelope

#: How many drawdowns are shown.
SHOWN = 5


@dataclass(frozen=True, slots=True)
class Fall:
    """A drawdown from a peak to its lowest point and back; ``back_ns`` is None if it has not ended."""

    peak_ns: int
    low_ns: int
    back_ns: int | None
    last_ns: int
    depth: float

    @property
    def seconds(self) -> float:
        """Seconds below the peak, at most to the end of the data."""
        return ((self.last_ns if self.back_ns is None else self.back_ns) - self.peak_ns) / 1e9


def falls_of(envelope: Envelope, at_most: int = SHOWN) -> list[Fall]:
    """Returns the deepest drawdowns, deepest first; the earlier one first if two are equal.

    Args:
        envelope: Columns ``first_ns``, ``last_ns``, ``equity_max`` and ``drawdown_max`` of buckets of rows.
            Times are those of buckets, so they are only as exact as a bucket is long.
        at_most: Most drawdowns to return.
    """
    found: list[Fall] = []
    peak, peak_ns = 0.0, envelope["first_ns"][0] if envelope["first_ns"] else 0
    low_ns, depth, below = peak_ns, 0.0, False
    columns = (envelope[name] for name in ("first_ns", "last_ns", "equity_max", "drawdown_max"))
    for first_ns, last_ns, high, fall in zip(*columns, strict=True):
        if below and high >= peak:
            found.append(Fall(peak_ns, low_ns, first_ns, last_ns, depth))
            below, depth = False, 0.0
        if high >= peak:
            peak, peak_ns = high, first_ns
        if fall > 0.0:
            below = True
            if fall > depth:
                depth, low_ns = fall, last_ns
    if below:
        found.append(Fall(peak_ns, low_ns, None, envelope["last_ns"][-1], depth))
    return sorted(found, key=lambda fall: (-fall.depth, fall.peak_ns))[:at_most]


def drawdown_table(falls: Sequence[Fall]) -> Markup:
    """Returns the table of drawdowns: when each began, reached its lowest point, and ended."""
    rows = [
        [f"{place:,}", number(fall.depth), moment(fall.peak_ns), moment(fall.low_ns),
         "not yet" if fall.back_ns is None else moment(fall.back_ns), time_span(fall.seconds)]
        for place, fall in enumerate(falls, 1)
    ]  # fmt: skip
    caption = "The deepest falls below the highest point so far; times are as exact as the chart's"
    head = ["", "depth, USD", "from", "lowest", "back at the peak", "length"]
    return table(caption, head, rows, numbers=(1, 5))
