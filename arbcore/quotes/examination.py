"""What rows of both legs come to, before anybody believes a backtest of them: row by row, in flat memory.

Owns the numbers of ``quotes check``. The level is that of a backtest (``arbcore.carry.level``), and so are
the deviation from it and the edges at the touch.
"""

import heapq
import math
from collections import deque
from dataclasses import dataclass, field

from arbcore.carry._carry import exponential, years_to_expiry
from arbcore.carry.calendar import front_contract
from arbcore.carry.level import Level, LevelRow, LevelRule, factor_of
from arbcore.carry.notes import OUTLIER_BPS, OUTLIER_ROWS_MAX
from arbcore.carry.settlement import settlement_day
from arbcore.core.civil import NS_PER_HOUR, NS_PER_MINUTE, NS_PER_S, iso_time
from arbcore.errors import UsageError
from arbcore.quotes.percentiles import Percentiles
from arbcore.quotes.spans import date_around, regular_segment

#: At most so many outliers and gaps are shown, the first outliers and the longest gaps.
SHOWN_MAX = 100
#: Points of a curve, at most.
POINTS_MAX = 2_000
#: Edges, in bps, of which it is said how often they were there.
EDGE_STEPS_BPS = (0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 5.0)
_GAP_LEAST_NS = 10 * NS_PER_S
_GAP_STEPS = 5
_STEPS_MAX = 10_000


@dataclass
class LegFigures:
    """One leg's spreads, and how long its quotes stood still."""

    spread_bps: Percentiles = field(default_factory=Percentiles)
    still_s: Percentiles = field(default_factory=Percentiles)
    _bid: float = math.nan
    _ask: float = math.nan
    _since_ns: int = 0

    def add(self, ts_ns: int, bid: float, ask: float) -> None:
        """The leg's quote on one row."""
        self.spread_bps.add(1e4 * (ask - bid) / ((ask + bid) / 2))
        if bid != self._bid or ask != self._ask:
            self._bid, self._ask, self._since_ns = bid, ask, ts_ns
        self.still_s.add((ts_ns - self._since_ns) / NS_PER_S)


@dataclass
class Hour:
    """What one hour of New York's day had."""

    deviation: Percentiles = field(default_factory=Percentiles)
    edge: Percentiles = field(default_factory=Percentiles)


class PercentileCurve:
    """Up to ``POINTS_MAX`` of any number of points in order, evenly chosen by their count."""

    def __init__(self) -> None:
        self.points: list[tuple[int, float, float]] = []
        self._every = 1
        self._seen = 0

    def add(self, ts_ns: int, value: float, other: float) -> None:
        """One point more."""
        if self._seen % self._every == 0:
            self.points.append((ts_ns, value, other))
            if len(self.points) > POINTS_MAX:
                del self.points[1::2]
                self._every *= 2
        self._seen += 1


class HalfLife:
    """How fast a deviation falls back: an autoregression of its last values of successive minutes."""

    def __init__(self) -> None:
        self._minute = -1
        self._value = 0.0
        self._before: tuple[int, float] | None = None
        self._n = self._x = self._y = self._xx = self._xy = 0.0

    def add(self, ts_ns: int, value: float) -> None:
        """The deviation at a time; times must not decrease."""
        minute = ts_ns // NS_PER_MINUTE
        if minute != self._minute and self._minute >= 0:
            self._close()
        self._minute, self._value = minute, value

    def _close(self) -> None:
        if self._before is not None and self._before[0] == self._minute - 1:
            x, y = self._before[1], self._value
            self._n += 1
            self._x += x
            self._y += y
            self._xx += x * x
            self._xy += x * y
        self._before = (self._minute, self._value)

    def seconds(self) -> float | None:
        """The half-life; None below 30 pairs of minutes, or where the deviation does not fall back."""
        if self._n < 30:
            return None
        spread = self._xx - self._x * self._x / self._n
        if spread <= 0:
            return None
        slope = (self._xy - self._x * self._y / self._n) / spread
        return -60.0 * math.log(2) / math.log(slope) if 0 < slope < 1 else None


class Outliers:
    """Rows that stand alone: up to three in a row, more than 10 bps off the rows before and after them."""

    def __init__(self) -> None:
        self.count = 0
        self.first: list[tuple[int, float]] = []
        self._kept: float | None = None
        self._window: deque[tuple[int, float]] = deque()

    def add(self, ts_ns: int, x: float) -> None:
        """A row's factor; rows come in order of time."""
        if self._kept is None:
            self._kept = x
            return
        if not self._window and abs(x - self._kept) <= OUTLIER_BPS * 1e-4 * self._kept:
            # Near the row before, whatever comes after it.
            self._kept = x
            return
        self._window.append((ts_ns, x))
        if len(self._window) > OUTLIER_ROWS_MAX:
            self._settle()

    def close(self) -> None:
        """The rows are over."""
        while len(self._window) > 1:
            self._settle()

    def _settle(self) -> None:
        """Judges the first row of the window, which has all rows that may come after its run."""
        for length in range(1, min(OUTLIER_ROWS_MAX, len(self._window) - 1) + 1):
            run = [self._window[at] for at in range(length)]
            if self._alone([x for _, x in run], self._window[length][1]):
                for ts_ns, x in run:
                    self.count += 1
                    if len(self.first) < SHOWN_MAX and self._kept is not None:
                        self.first.append((ts_ns, 1e4 * (x / self._kept - 1)))
                    self._window.popleft()
                return
        self._kept = self._window.popleft()[1]

    def _alone(self, run: list[float], after: float) -> bool:
        before = self._kept or after
        part = OUTLIER_BPS * 1e-4
        high, low = max(before, after), min(before, after)
        return all(x > high * (1 + part) for x in run) or all(x < low * (1 - part) for x in run)


class Examination:
    """The numbers of a file of both legs.

    Args:
        r: the rate of the fair value, continuously compounded, a year.
        d: the ETF's dividend yield, likewise.
        true_factor: the index over the ETF, where it is known.
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
        self._gaps: list[tuple[int, int, int]] = []
        self._steps: dict[int, int] = {}
        self._around = (1, 0, 0)
        self._segment = (1, 0, False)
        self._expiry_ns = 0
        self._settlement = 0

    def add(
        self, ts_ns: int, prices: tuple[float, ...], *, expiry_ns: int | None, index: float | None
    ) -> None:
        """One usable row: its time, the four prices, and its expiry and index where the file has them."""
        if self.last_ns is not None and ts_ns < self.last_ns:
            self.disordered += 1
            return
        self._place(ts_ns)
        self.used += 1
        self.last_ns = ts_ns
        fut_bid, fut_ask, etf_bid, etf_ask = prices
        self.fut.add(ts_ns, fut_bid, fut_ask)
        self.etf.add(ts_ns, etf_bid, etf_ask)
        expiry_ns = self._front(ts_ns) if expiry_ns is None else expiry_ns
        t = years_to_expiry(ts_ns, expiry_ns)
        growth = exponential((self._r - self._d) * t)
        x = factor_of(fut_mid=(fut_bid + fut_ask) / 2, etf_mid=(etf_bid + etf_ask) / 2, growth=growth)
        self.outliers.add(ts_ns, x)
        factor = self._level.decide(LevelRow(ts_ns, expiry_ns, self._settlement, x=x, r=self._r, d=self._d))
        if factor is None:
            return
        self._decided(ts_ns, prices, factor=factor, growth=growth, x=x)
        true_factor = self._true_factor if index is None else index / ((etf_bid + etf_ask) / 2)
        if true_factor and t > 0:
            implied = self._r + math.log(factor / true_factor) / t
            self.implied = [implied if self.implied[0] is None else self.implied[0], implied]

    def _decided(
        self, ts_ns: int, prices: tuple[float, ...], *, factor: float, growth: float, x: float
    ) -> None:
        fut_bid, fut_ask, etf_bid, etf_ask = prices
        c = factor * growth
        deviation = 1e4 * (x / factor - 1)
        edge = max(1e4 * (fut_bid / (etf_ask * c) - 1), 1e4 * (1 - fut_ask / (etf_bid * c)))
        self.deviation.add(deviation)
        self.edge.add(edge)
        first = self._level.first or factor
        self.levels.add(1e4 * math.log(factor / first))
        for step in EDGE_STEPS_BPS:
            if edge < step:
                break
            self.edge_counts[step] += 1
        if self.largest_edge is None or edge > self.largest_edge[0]:
            self.largest_edge = (edge, ts_ns)
        hour = (ts_ns - self._around[0]) // NS_PER_HOUR
        found = self.hours.setdefault(min(hour, 23), Hour())
        found.deviation.add(deviation)
        found.edge.add(edge)
        self.half_life.add(ts_ns, deviation)
        self.curve.add(ts_ns, factor, deviation)

    def _place(self, ts_ns: int) -> None:
        """The row's date, whether it is in regular hours, and what lies between it and the row before."""
        first, last, is_open = self._segment
        same = first <= ts_ns <= last
        if not same:
            self._segment = regular_segment(ts_ns)
            is_open = self._segment[2]
        if not self._around[0] <= ts_ns <= self._around[1]:
            self._around = date_around(ts_ns)
            self._settlement = settlement_day(self._around[2])
            self.dates["dates"] += 1
        self.dates["regular_rows"] += is_open
        if self.last_ns is None:
            self.first_ns = ts_ns
            return
        step = ts_ns - self.last_ns
        if step > 0 and (step in self._steps or len(self._steps) < _STEPS_MAX):
            self._steps[step] = self._steps.get(step, 0) + 1
        if same and is_open and step > _GAP_LEAST_NS:
            heapq.heappush(self._gaps, (step, self.last_ns, ts_ns))
            if len(self._gaps) > SHOWN_MAX:
                heapq.heappop(self._gaps)

    def _front(self, ts_ns: int) -> int:
        if ts_ns >= self._expiry_ns:
            try:
                self._expiry_ns = front_contract(ts_ns).expiry_ns
            except UsageError:
                # Before any contract: without time value.
                return ts_ns
        return self._expiry_ns

    @property
    def warming_up(self) -> int:
        """Rows from which the level was not known yet."""
        return self._level.warming_up

    @property
    def step_ns(self) -> int | None:
        """The commonest difference of times."""
        return max(self._steps, key=lambda step: (self._steps[step], -step)) if self._steps else None

    def gaps(self) -> list[tuple[int, int, int]]:
        """(length, from, to) of the longest stretches of regular hours without a row, in order of time."""
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
        """``edge_bps`` of the document."""
        largest = self.largest_edge
        return {
            "p50": self.edge.at(0.5), "p95": self.edge.at(0.95), "p99": self.edge.at(0.99),
            "max": None if largest is None else largest[0],
            "max_ts": None if largest is None else iso_time(largest[1]),
        }  # fmt: skip
