"""The numbers of a file of both legs, to read before a backtest of it; block by block, in constant memory.

Owns the numbers of ``quotes check``. The level (``arbcore.carry.level``), the deviation from it and the edges
at the touch are those of a backtest. Rows come as columns, a few thousand at a time, because a call for each
row and number would take most of the time.
"""

import heapq
import math
import operator
from array import array
from bisect import bisect_left, bisect_right
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import compress, islice

from arbcore.carry._carry import exponential, years_to_expiry
from arbcore.carry.calendar import front_contract
from arbcore.carry.evidence import PRINT_ROWS_MAX
from arbcore.carry.level import Level, LevelRule
from arbcore.carry.notes import OUTLIER_BPS
from arbcore.carry.settlement import settlement_day
from arbcore.core.civil import NS_PER_HOUR, NS_PER_MINUTE, NS_PER_S, iso_time
from arbcore.errors import UsageError
from arbcore.quotes.percentiles import Percentiles
from arbcore.quotes.spans import date_around, regular_segment

#: The most outliers and gaps shown: the first outliers and the longest gaps.
SHOWN_MAX = 100
#: The most points of a curve.
POINTS_MAX = 2_000
#: The parts of New York's day in which rows are counted, half an hour each.
DAY_PARTS = 48
_PART_NS = 30 * NS_PER_MINUTE
#: The minutes after which the rest of a deviation is measured.
DECAY_MINUTES = (1, 2, 3, 5, 10, 15, 20, 30, 45, 60)
#: The edges, in bps, whose frequency is reported.
EDGE_STEPS_BPS = (0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 5.0)
_GAP_LEAST_NS = 10 * NS_PER_S
_GAP_STEPS = 5
_STEPS_MAX = 10_000


@dataclass
class LegFigures:
    """The spreads of one leg, and how long its quotes did not change."""

    spread_bps: Percentiles = field(default_factory=Percentiles)
    still_s: Percentiles = field(default_factory=Percentiles)
    _bid: float = math.nan
    _ask: float = math.nan
    _since_ns: int = 0

    def add_all(self, times: Sequence[int], bids: Sequence[float], asks: Sequence[float]) -> None:
        """Adds the leg's quotes on successive rows."""
        self.spread_bps.add_all(
            [1e4 * (ask - bid) / ((ask + bid) / 2) for bid, ask in zip(bids, asks, strict=True)]
        )
        last_bid, last_ask, since_ns = self._bid, self._ask, self._since_ns
        still: list[int] = []
        append = still.append
        for ts_ns, bid, ask in zip(times, bids, asks, strict=True):
            if bid != last_bid or ask != last_ask:
                last_bid, last_ask, since_ns = bid, ask, ts_ns
            append(ts_ns - since_ns)
        self._bid, self._ask, self._since_ns = last_bid, last_ask, since_ns
        self.still_s.add_all([ns / NS_PER_S for ns in still])


@dataclass
class Hour:
    """The values of one hour of New York's day."""

    deviation: Percentiles = field(default_factory=Percentiles)
    edge: Percentiles = field(default_factory=Percentiles)


@dataclass(slots=True)
class _Rows:
    """Usable rows as columns; ``prices`` are the four price columns."""

    times: Sequence[int]
    prices: Sequence[Sequence[float]]
    expiries: Sequence[int | None] | None
    indexes: Sequence[float | None] | None

    def where(self, kept: Sequence[bool]) -> "_Rows":
        """The rows for which ``kept`` is true."""
        return _Rows(
            list(compress(self.times, kept)), [list(compress(each, kept)) for each in self.prices],
            None if self.expiries is None else list(compress(self.expiries, kept)),
            None if self.indexes is None else list(compress(self.indexes, kept)),
        )  # fmt: skip

    def cut(self, first: int, beyond: int) -> "_Rows":
        """The rows from ``first`` up to but not including ``beyond``."""
        if first == 0 and beyond == len(self.times):
            return self
        return _Rows(
            self.times[first:beyond], [each[first:beyond] for each in self.prices],
            None if self.expiries is None else self.expiries[first:beyond],
            None if self.indexes is None else self.indexes[first:beyond],
        )  # fmt: skip


class PercentileCurve:
    """Selects up to ``POINTS_MAX`` of any number of points in order, evenly spaced by their count."""

    def __init__(self) -> None:
        self.points: list[tuple[int, float, float]] = []
        self._every = 1
        self._seen = 0

    def add_all(self, times: Sequence[int], values: Sequence[float], others: Sequence[float]) -> None:
        """Adds successive points."""
        at = -self._seen % self._every
        while at < len(times):
            self.points.append((times[at], values[at], others[at]))
            if len(self.points) > POINTS_MAX:
                del self.points[1::2]
                self._every *= 2
            at += 1
            at += -(self._seen + at) % self._every
        self._seen += len(times)


@dataclass(slots=True)
class _Regression:
    """The sums for the regression line through pairs of values."""

    n: float = 0.0
    x: float = 0.0
    y: float = 0.0
    xx: float = 0.0
    xy: float = 0.0

    def add(self, x: float, y: float) -> None:
        self.n += 1
        self.x += x
        self.y += y
        self.xx += x * x
        self.xy += x * y

    def slope(self) -> float | None:
        """The slope; None below 30 pairs, or if all x are equal."""
        spread = self.xx - self.x * self.x / self.n if self.n >= 30 else 0.0
        return (self.xy - self.x * self.y / self.n) / spread if spread > 0 else None


class HalfLife:
    """How fast a deviation decays: regresses the last value of each minute on that of some minutes before."""

    def __init__(self) -> None:
        self._minute = -1
        self._value = 0.0
        self._before: deque[tuple[int, float]] = deque(maxlen=DECAY_MINUTES[-1])
        self._after = {minutes: _Regression() for minutes in DECAY_MINUTES}

    def add_all(self, times: Sequence[int], values: Sequence[float]) -> None:
        """Adds deviations; their times must not decrease."""
        at = 0
        while at < len(times):
            minute = times[at] // NS_PER_MINUTE
            if minute != self._minute:
                self.close()
            at = bisect_left(times, (minute + 1) * NS_PER_MINUTE, at)
            self._minute, self._value = minute, values[at - 1]

    def close(self) -> None:
        """Ends the current minute."""
        if self._minute < 0:
            return
        before = dict(self._before)
        for minutes, line in self._after.items():
            x = before.get(self._minute - minutes)
            if x is not None:
                line.add(x, self._value)
        self._before.append((self._minute, self._value))

    def seconds(self) -> float | None:
        """The half-life; None below 30 pairs of minutes, or if the deviation does not decay."""
        slope = self._after[1].slope()
        return -60.0 * math.log(2) / math.log(slope) if slope is not None and 0 < slope < 1 else None

    def decay(self) -> list[tuple[int, float]]:
        """(minutes, the share of a deviation left after them), if there are enough pairs of minutes."""
        slopes = [(minutes, line.slope()) for minutes, line in self._after.items()]
        return [(minutes, slope) for minutes, slope in slopes if slope is not None]


class Outliers:
    """Rows that stand alone: up to three in a row, more than 10 bps off the rows before and after them."""

    def __init__(self) -> None:
        self.count = 0
        self.first: list[tuple[int, float]] = []
        self._kept: float | None = None
        self._window: deque[tuple[int, float]] = deque()

    def add_all(self, times: Sequence[int], xs: Sequence[float]) -> None:
        """Adds the factors of successive rows, in order of time."""
        part, window = OUTLIER_BPS * 1e-4, self._window
        kept = xs[0] if self._kept is None else self._kept
        for ts_ns, x in zip(times, xs, strict=True):
            if not window and abs(x - kept) <= part * kept:
                # A row near the previous one is no outlier, whatever follows it.
                kept = x
                continue
            window.append((ts_ns, x))
            if len(window) > PRINT_ROWS_MAX:
                kept = self._settle(kept)
                while window and abs(window[0][1] - kept) <= part * kept:
                    kept = window.popleft()[1]
        self._kept = kept

    def close(self) -> None:
        """Ends the rows."""
        while len(self._window) > 1 and self._kept is not None:
            self._kept = self._settle(self._kept)

    def _settle(self, kept: float) -> float:
        """Judges the first row of the window; the window has all rows that the decision needs.

        Takes and returns the factor of the last row that does not stand alone.
        """
        for length in range(1, min(PRINT_ROWS_MAX, len(self._window) - 1) + 1):
            run = [self._window[at] for at in range(length)]
            if self._alone(kept, [x for _, x in run], self._window[length][1]):
                for ts_ns, x in run:
                    self.count += 1
                    if len(self.first) < SHOWN_MAX:
                        self.first.append((ts_ns, 1e4 * (x / kept - 1)))
                    self._window.popleft()
                return kept
        return self._window.popleft()[1]

    @staticmethod
    def _alone(before: float, run: list[float], after: float) -> bool:
        part = OUTLIER_BPS * 1e-4
        high, low = max(before, after), min(before, after)
        return all(x > high * (1 + part) for x in run) or all(x < low * (1 - part) for x in run)


class Examination:
    """The numbers of a file of both legs.

    Args:
        r: the rate of the fair value, continuously compounded, a year.
        d: the ETF's dividend yield, likewise.
        true_factor: the index over the ETF, if it is known.
    """

    def __init__(self, *, r: float, d: float, true_factor: float | None) -> None:
        self._r, self._d, self._true_factor = r, d, true_factor
        self._level = Level(LevelRule())
        self.used = self.disordered = 0
        self.first_ns: int | None = None
        self.last_ns: int | None = None
        self.fut, self.etf = LegFigures(), LegFigures()
        self.deviation, self.edge = Percentiles(), Percentiles()
        self.levels = Percentiles()
        self.hours: dict[int, Hour] = {}
        self.curve = PercentileCurve()
        self.half_life, self.outliers = HalfLife(), Outliers()
        self.largest_edge: tuple[float, int] | None = None
        self.edge_counts = dict.fromkeys(EDGE_STEPS_BPS, 0)
        self.implied: list[float | None] = [None, None]
        self.dates: dict[str, int] = {"dates": 0, "regular_rows": 0}
        #: Counts of rows by New York date and part of the day.
        self.rows_of: dict[int, array[int]] = {}
        self._gaps: list[tuple[int, int, int]] = []
        self._steps: dict[int, int] = {}
        self._around = (1, 0, 0)
        self._segment = (1, 0, False)
        self._expiry_ns = 0
        self._settlement = 0

    def add_block(
        self,
        times: Sequence[int],
        prices: Sequence[Sequence[float]],
        *,
        expiries: Sequence[int | None] | None = None,
        indexes: Sequence[float | None] | None = None,
    ) -> None:
        """Adds usable rows: times, the four price columns, and expiries and indexes if there are any."""
        rows = _Rows(times, prices, expiries, indexes)
        if not _is_ordered(times, self.last_ns):
            rows = rows.where(self._in_order(times))
            self.disordered += len(times) - len(rows.times)
        if not rows.times:
            return
        self._place(rows.times)
        self.used += len(rows.times)
        self.last_ns = rows.times[-1]
        self.fut.add_all(rows.times, *rows.prices[:2])
        self.etf.add_all(rows.times, *rows.prices[2:])
        for first, beyond, expiry_ns in self._stretches(rows.times, rows.expiries):
            self._count(rows.times, first, beyond)
            self._value(rows.cut(first, beyond), expiry_ns)

    def _in_order(self, times: Sequence[int]) -> list[bool]:
        """For each row, whether it is no older than the last row taken before it."""
        last_ns = times[0] if self.last_ns is None else self.last_ns
        kept = []
        for ts_ns in times:
            kept.append(ts_ns >= last_ns)
            last_ns = max(last_ns, ts_ns)
        return kept

    def _stretches(
        self, times: Sequence[int], expiries: Sequence[int | None] | None
    ) -> Iterator[tuple[int, int, int]]:
        """Yields (first, beyond, expiry) of rows of one date and one contract."""
        at = 0
        while at < len(times):
            if not self._around[0] <= times[at] <= self._around[1]:
                self._around = date_around(times[at])
                self._settlement = settlement_day(self._around[2])
                self.dates["dates"] += 1
            beyond = bisect_right(times, self._around[1], at)
            expiry_ns = None if expiries is None else expiries[at]
            if expiries is not None:
                last = at + 1
                while last < beyond and expiries[last] == expiry_ns:
                    last += 1
                beyond = last
            if expiry_ns is None:
                expiry_ns = self._front(times[at])
                # A contract is the front one until it expires. Before the first contract each row stands
                # alone.
                beyond = max(at + 1, min(beyond, bisect_left(times, expiry_ns, at)))
            yield at, beyond, expiry_ns
            at = beyond

    def _count(self, times: Sequence[int], first: int, beyond: int) -> None:
        """Counts rows of one date by the part of the day."""
        counts = self.rows_of.setdefault(self._around[2], array("q", bytes(8 * DAY_PARTS)))
        at = first
        while at < beyond:
            part = (times[at] - self._around[0]) // _PART_NS
            last = bisect_left(times, self._around[0] + (part + 1) * _PART_NS, at, beyond)
            # The day on which the clocks go back has one more hour; it counts in the last part.
            counts[min(part, DAY_PARTS - 1)] += last - at
            at = last

    def _value(self, rows: "_Rows", expiry_ns: int) -> None:
        """Values rows of one date and contract: their factors, the level, and the rows that stand alone."""
        rate = self._r - self._d
        years = [years_to_expiry(ts_ns, expiry_ns) for ts_ns in rows.times]
        growths = [exponential(rate * t) for t in years]
        # This is `factor_of` without dividends, inline.
        xs = [
            (fut_bid + fut_ask) / 2 / ((etf_bid + etf_ask) / 2 * growth)
            for fut_bid, fut_ask, etf_bid, etf_ask, growth in zip(*rows.prices, growths, strict=True)
        ]
        self.outliers.add_all(rows.times, xs)
        factors = self._level.decide_all(
            rows.times, xs, expiry_ns=expiry_ns, settlement_day=self._settlement, r=self._r, d=self._d
        )
        known = next((at for at, factor in enumerate(factors) if factor == factor), len(factors))
        if known == len(factors):
            return
        rows = rows.cut(known, len(factors))
        self._decided(rows, factors[known:], xs[known:], growths[known:])
        if rows.indexes is not None or self._true_factor is not None:
            self._imply(rows, factors[known:], years[known:])

    def _decided(
        self, rows: "_Rows", factors: list[float], xs: list[float], growths: list[float]
    ) -> None:
        times = rows.times
        deviations = [1e4 * (x / factor - 1) for x, factor in zip(xs, factors, strict=True)]
        fairs = list(map(operator.mul, factors, growths))
        # The larger of the edges of selling the future and of buying it.
        edges = [
            sale
            if (sale := 1e4 * (fut_bid / (etf_ask * c) - 1)) >= (buy := 1e4 * (1 - fut_ask / (etf_bid * c)))
            else buy
            for fut_bid, fut_ask, etf_bid, etf_ask, c in zip(*rows.prices, fairs, strict=True)
        ]
        first = self._level.first or factors[0]
        self.levels.add_all([1e4 * math.log(factor / first) for factor in factors])
        large = [edge for edge in edges if edge >= EDGE_STEPS_BPS[0]]
        for step in EDGE_STEPS_BPS:
            self.edge_counts[step] += sum(edge >= step for edge in large)
        best = max(edges)
        if self.largest_edge is None or best > self.largest_edge[0]:
            self.largest_edge = (best, times[edges.index(best)])
        at = 0
        while at < len(times):
            hour = (times[at] - self._around[0]) // NS_PER_HOUR
            beyond = bisect_left(times, self._around[0] + (hour + 1) * NS_PER_HOUR, at)
            found = self.hours.setdefault(min(hour, 23), Hour())
            found.deviation.add_all(deviations[at:beyond])
            found.edge.add_all(edges[at:beyond])
            at = beyond
        self.half_life.add_all(times, deviations)
        self.curve.add_all(times, factors, deviations)

    def _imply(self, rows: "_Rows", factors: Sequence[float], years: Sequence[float]) -> None:
        """Updates the rate at which the market finances, from the first and the last row that imply one."""

        def rate_at(at: int) -> float | None:
            index = None if rows.indexes is None else rows.indexes[at]
            true_factor = self._true_factor
            if index is not None:
                true_factor = index / ((rows.prices[2][at] + rows.prices[3][at]) / 2)
            if not true_factor or years[at] <= 0:
                return None
            return self._r + math.log(factors[at] / true_factor) / years[at]

        if self.implied[0] is None:
            rates = map(rate_at, range(len(factors)))
            self.implied[0] = next((rate for rate in rates if rate is not None), None)
        rates = map(rate_at, range(len(factors) - 1, -1, -1))
        last = next((rate for rate in rates if rate is not None), None)
        self.implied[1] = self.implied[1] if last is None else last

    def _place(self, times: Sequence[int]) -> None:
        """Counts the rows in regular hours, and collects the gaps between rows."""
        if self.last_ns is None:
            self.first_ns = times[0]
        before = times if self.last_ns is None else [self.last_ns, *times[:-1]]
        after = islice(times, 1, None) if self.last_ns is None else times
        steps = list(map(operator.sub, after, before))
        for step, count in Counter(steps).items():
            if step > 0 and (step in self._steps or len(self._steps) < _STEPS_MAX):
                self._steps[step] = self._steps.get(step, 0) + count
        # The indexes in `times` at which the steps end.
        shift = len(times) - len(steps)
        gaps = [at + shift for at, step in enumerate(steps) if step > _GAP_LEAST_NS]
        for at in gaps:
            begins = times[at - 1] if at else self.last_ns
            first, last, is_open = self._segment_at(times[at])
            if begins is not None and is_open and first <= begins <= last:
                heapq.heappush(self._gaps, (times[at] - begins, begins, times[at]))
                if len(self._gaps) > SHOWN_MAX:
                    heapq.heappop(self._gaps)
        at = 0
        while at < len(times):
            _, last, is_open = self._segment_at(times[at])
            beyond = bisect_right(times, last, at)
            self.dates["regular_rows"] += (beyond - at) * is_open
            at = beyond

    def _segment_at(self, ts_ns: int) -> tuple[int, int, bool]:
        if not self._segment[0] <= ts_ns <= self._segment[1]:
            self._segment = regular_segment(ts_ns)
        return self._segment

    def _front(self, ts_ns: int) -> int:
        if ts_ns >= self._expiry_ns:
            try:
                self._expiry_ns = front_contract(ts_ns).expiry_ns
            except UsageError:
                # Before the first contract a row has no time value.
                return ts_ns
        return self._expiry_ns

    def finish(self) -> None:
        """Ends the rows."""
        self.half_life.close()
        self.outliers.close()
        self.deviation = Percentiles.merged(hour.deviation for hour in self.hours.values())
        self.edge = Percentiles.merged(hour.edge for hour in self.hours.values())

    @property
    def warming_up(self) -> int:
        """The number of rows without a known level."""
        return self._level.warming_up

    @property
    def step_ns(self) -> int | None:
        """The most frequent difference of times."""
        return max(self._steps, key=lambda step: (self._steps[step], -step)) if self._steps else None

    def gaps(self) -> list[tuple[int, int, int]]:
        """(length, from, to) of the longest times in regular hours without a row, in order of time."""
        least = max(_GAP_LEAST_NS, _GAP_STEPS * (self.step_ns or 0))
        return sorted((gap for gap in self._gaps if gap[0] > least), key=lambda gap: gap[1])

    def level(self) -> dict[str, float | None]:
        """The first, the last and the median factor of the decided rows."""
        first, middle = self._level.first, self.levels.at(0.5)
        return {
            "first": first,
            "last": self._level.last,
            "median": None if first is None or middle is None else first * math.exp(middle / 1e4),
        }

    def edges(self) -> dict[str, float | str | None]:
        """The ``edge_bps`` of the document."""
        largest = self.largest_edge
        return {
            "p50": self.edge.at(0.5), "p95": self.edge.at(0.95), "p99": self.edge.at(0.99),
            "max": None if largest is None else largest[0],
            "max_ts": None if largest is None else iso_time(largest[1]),
        }  # fmt: skip


def _is_ordered(times: Sequence[int], last_ns: int | None) -> bool:
    """Whether no time decreases."""
    if not times or (last_ns is not None and times[0] < last_ns):
        return not times
    return all(map(operator.le, times, islice(times, 1, None)))
