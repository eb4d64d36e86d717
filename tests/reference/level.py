"""Twin of ``carry/level``: the level used to decide on each row.

Written from the definition's three steps; all rows so far are kept in lists.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from reference.carry import exponential

LN2 = 0.6931471805599453
YEAR_S = 31_536_000.0


@dataclass
class Seen:
    """The input of the level from one row: its contract, the factor at which it is fair, and its rates."""

    ts_ns: int
    expiry_ns: int
    settlement_day: int
    x: float
    r: float
    d: float


@dataclass
class Tracked:
    """The level of one contract: f, w, and the rows since it was started."""

    half_life_s: float
    f: float = 0.0
    w: float = 0.0
    rows: list[Seen] = field(default_factory=list)

    def gap_s(self, at: int) -> float:
        """Returns dt′ of a row: the seconds since the row before it, 0 for the first."""
        return float(self.rows[at].ts_ns - self.rows[at - 1].ts_ns) / 1e9 if at else 0.0

    def step(self, row: Seen) -> float | None:
        """Returns the factor to decide on the row, None while warming up; then learns from the row."""
        self.rows.append(row)
        at = len(self.rows) - 1
        gap_s = self.gap_s(at)
        # 1. Move the level to this row.
        if at == 0:
            self.f, dt = row.x, 0.0
        else:
            years = gap_s / YEAR_S
            settled = float(row.settlement_day - self.rows[at - 1].settlement_day) / 365.0
            self.f *= exponential(-row.d * years - row.r * (settled - years))
            dt = min(gap_s, max(60.0, self.gap_s(at - 1)))
        # 2. Decide.
        decided = self.f if self.w >= self.half_life_s else None
        # 3. Learn.
        y = row.x
        if self.w >= self.half_life_s:
            y = min(max(y, self.f * (1.0 - 0.001)), self.f * (1.0 + 0.001))
        g = 0.0
        if self.w + dt > 0.0:
            g = max(1.0 - exponential(-LN2 * (dt / self.half_life_s)), dt / (self.w + dt))
        self.f += g * (y - self.f)
        self.w += dt
        return decided


def tracked(half_life_s: float) -> Callable[[Seen], float | None]:
    """Returns a function to call with each row in turn; a row of another contract restarts the level."""
    now: list[Tracked] = []

    def decide(row: Seen) -> float | None:
        if not now or now[-1].rows[-1].expiry_ns != row.expiry_ns:
            now.append(Tracked(half_life_s))
        return now[-1].step(row)

    return decide


def auto(rows: int) -> Callable[[Seen], float | None]:
    """Returns a function that gives the median of the first rows, for all rows after them."""
    xs: list[float] = []

    def decide(row: Seen) -> float | None:
        xs.append(row.x)
        return middle(sorted(xs[:rows])) if len(xs) > rows else None

    return decide


def middle(ordered: Sequence[float]) -> float:
    """Returns the median: the middle value, or the mean of the middle two."""
    half = len(ordered) // 2
    return ordered[half] if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) / 2
