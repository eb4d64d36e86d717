"""Combines the cells of several files; each file is a run of its own.

Money, trades and times are summed; the profit factor, the exposure and the average hold are computed from the
sums. The drawdown is the worst of all files. Sharpe is undefined, because no equity runs through all files.
"""

from array import array
from collections.abc import Sequence
from typing import Any

from arbcore.research._sweep import SweepBlock, period_name

WORST = ("max_drawdown_closed", "max_drawdown")
UNDEFINED = ("sharpe",)


def merged(blocks: Sequence[SweepBlock], rows: Sequence[int]) -> SweepBlock:
    """The same cells over several files with ``rows`` rows each; a single block is returned unchanged."""
    if len(blocks) == 1:
        return blocks[0]
    columns: dict[str, Any] = {}
    for name, first in blocks[0].columns.items():
        cells = list(zip(*(block.columns[name] for block in blocks), strict=True))
        if name in WORST:
            found = [max(each) for each in cells]
        elif name in UNDEFINED:
            found = [float("nan")] * len(cells)
        else:
            found = [sum(each) for each in cells]
        columns[name] = array(first.typecode, found)
    for at in range(len(blocks[0])):
        columns["total_pnl"][at] = columns["net_pnl"][at] + columns["open_pnl"][at]
        trades = [block.columns["trades"][at] for block in blocks]
        holds = [block.columns["average_hold_s"][at] for block in blocks]
        exposures = [block.columns["exposure"][at] for block in blocks]
        won, lost = columns["winning_pnl"][at], columns["losing_pnl"][at]
        columns["profit_factor"][at] = won / -lost if lost < 0 else float("nan")
        columns["average_hold_s"][at] = _mean(holds, trades)
        columns["exposure"][at] = _mean(exposures, rows)
    return SweepBlock(columns)


def take_periods(blocks: Sequence[SweepBlock]) -> "list[array[int] | array[float]]":
    """Removes the P&L by period and cell from the blocks and returns it, file after file."""
    found = []
    for block in blocks:
        number = 0
        while period_name(number) in block.columns:
            found.append(block.columns.pop(period_name(number)))
            number += 1
    return found


def _mean(values: Sequence[float], weights: Sequence[float]) -> float:
    """The mean weighted over the files with a weight; NaN if no file has one."""
    total = sum(weights)
    if total == 0:
        return float("nan")
    return sum(value * weight for value, weight in zip(values, weights, strict=True) if weight) / total


def classes_of(block: SweepBlock) -> list[str]:
    """Each cell's class by total P&L: ``gain``, ``loss``, ``zero``, or ``idle`` without a trade."""
    columns = block.columns
    return [
        # An undefined exposure (NaN) is not above 0, so such a cell is idle.
        "idle"
        if not trades and not exposure > 0.0
        else "gain" if total > 0.0 else "loss" if total < 0.0 else "zero"
        for trades, exposure, total in zip(
            columns["trades"], columns["exposure"], columns["total_pnl"], strict=True
        )
    ]  # fmt: skip


def cell_document(block: SweepBlock, at: int) -> dict[str, float | None]:
    """The numbers of one cell; None for an undefined number."""
    # Only NaN, an undefined number, differs from itself.
    return {name: None if column[at] != column[at] else column[at] for name, column in block.columns.items()}
