"""Whether a backtest knows only what it could know: cutting the data must change nothing before the cut.

Owns where the data is cut and what is compared: ledger and equity. Runs whatever it is given over rows in
memory; where those come from is none of its business.

What only the future can say is left out. An open position is closed at the end of the data
(``--close-at-end``) in no run here; and where rows name their own contract, the equity of the last row before
a cut is not compared, for a roll is known with the row after it.
"""

from array import array
from bisect import bisect_right
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from random import Random
from typing import Any

from arbcore.carry._backtest import Backtest
from arbcore.carry._sweep_rows import SweepRows
from arbcore.carry.civil import iso_time
from arbcore.carry.settings import BacktestSettings

#: Cuts of each kind: evenly spaced, around entries and exits, and at random.
CUTS_OF_A_KIND = 64
#: Below this many rows each of them is a cut.
EVERY_ROW_BELOW = 200
ENTRY, EXIT = 2, 3  # places in a trade of the kernel's ledger


@dataclass(frozen=True)
class History:
    """What a run over some rows said: the equity of each, the trades, the factor where it was calibrated."""

    times_ns: "array[int]"
    equity: "array[float]"
    trades: list[tuple[Any, ...]]
    factor: float | None


@dataclass(frozen=True)
class Verdict:
    """How many cuts were tried, and the first difference as a part of a sentence."""

    cuts: int
    difference: str | None

    @property
    def document(self) -> dict[str, object]:
        return {"cuts": self.cuts, "ok": self.difference is None, "difference": self.difference}

    @property
    def sentence(self) -> str:
        if self.difference is not None:
            return f"Lookahead: {self.difference}."
        return f"Lookahead check: cutting the data at {self.cuts:,} places changed nothing before them."


def history_of(
    rows: SweepRows, settings: BacktestSettings, *, expiries_ns: Iterable[int], fixed: bool
) -> History:
    """One run of the backtest."""
    kernel = Backtest(
        replace(settings, close_at_end=False),
        expiries_ns=expiries_ns,
        fixed=fixed,
        keep_trades=True,
        keep_equity=True,
    )
    kernel.feed_memory(rows)
    kernel.end()
    times, values = array("q"), array("d")
    new_times, new_values = kernel.take_equity()
    times.frombytes(new_times)
    values.frombytes(new_values)
    return History(times, values, list(kernel.take_trades()), kernel.calibrated_factor)


def check(
    rows: SweepRows,
    run: Callable[[SweepRows], History],
    *,
    seed: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> Verdict:
    """Runs the whole and each cut, up to the first difference; ``progress`` takes (cuts done, cuts)."""
    whole = run(rows)
    cuts = cuts_of(whole, seed)
    for done, cut in enumerate(cuts):
        if progress is not None:
            progress(done, len(cuts))
        part = run(rows.window(0, cut))
        settled = cut - 1 if rows.has_expiry else cut
        difference = difference_of(whole, part, cut=cut, settled=settled)
        if difference is not None:
            after = f"with the data cut after usable row {cut:,} ({iso_time(whole.times_ns[cut - 1])})"
            return Verdict(done + 1, f"{after}, {difference}")
    return Verdict(len(cuts), None)


def cuts_of(whole: History, seed: int) -> list[int]:
    """How many rows are left by each cut, in order: 1 to one less than all."""
    count = len(whole.times_ns)
    if count <= EVERY_ROW_BELOW:
        return list(range(1, count))
    cuts = {count * at // (CUTS_OF_A_KIND + 1) for at in range(1, CUTS_OF_A_KIND + 1)}
    rng = Random(seed)
    cuts |= {rng.randrange(1, count) for _ in range(CUTS_OF_A_KIND)}
    instants = [trade[at] for trade in whole.trades for at in (ENTRY, EXIT)]
    step = max(1, len(instants) * 2 // CUTS_OF_A_KIND)
    for instant_ns in instants[::step]:
        after = bisect_right(whole.times_ns, instant_ns)
        cuts |= {after - 1, after}
    return sorted(cut for cut in cuts if 0 < cut < count)


def difference_of(whole: History, part: History, *, cut: int, settled: int) -> str | None:
    """What the run over the first ``cut`` rows says otherwise; its equity counts up to row ``settled``."""
    if part.factor is not None and part.factor != whole.factor:
        return f"the calibrated factor is {part.factor!r} and not {whole.factor!r}"
    count = len(part.trades)
    if part.trades != whole.trades[:count]:
        for number, (trade, other) in enumerate(zip(part.trades, whole.trades, strict=False), 1):
            if trade != other:
                return f"trade {number}, entered {iso_time(trade[ENTRY])}, is {trade[1:]} and not {other[1:]}"
        return f"there is a trade {count:,} that the whole data does not make"
    # A trade that the cut run has not made is closed by what came after.
    if count < len(whole.trades) and whole.trades[count][EXIT] < whole.times_ns[cut - 1]:
        return f"trade {count + 1}, closed {iso_time(whole.trades[count][EXIT])}, is missing"
    mine, others = part.equity[:settled], whole.equity[:settled]
    if mine.tobytes() == others.tobytes():
        return None
    at = next(
        (at for at in range(len(mine)) if mine[at : at + 1].tobytes() != others[at : at + 1].tobytes()),
        len(mine),
    )
    shown = repr(mine[at]) if at < len(mine) else "missing"
    row = f"usable row {at + 1:,} ({iso_time(whole.times_ns[at])})"
    return f"the equity of {row} is {shown} and not {others[at]!r}"
