"""A sweep: many settings over the same rows, each to the numbers of its own single run, bit by bit.

Owns which numbers a cell has and how they are kept. Rows come from ``_sweep_rows``; threads, files and ranges
are other people's business.
"""
from array import array

cimport cython

from arbcore.carry._backtest import Backtest
from arbcore.carry._sweep_rows cimport SweepRows

#: Columns of whole numbers, of numbers, and those that need every row and are there with ``full`` only.
COUNTS = ("trades", "wins")
NUMBERS = (
    "gross_pnl", "costs", "financing", "dividends", "net_pnl", "winning_pnl", "losing_pnl",
    "profit_factor", "exposure", "average_hold_s", "max_drawdown_closed",
)
FULL_NUMBERS = ("max_drawdown", "sharpe")


@cython.final
cdef class SweepBlock:
    """The numbers of some cells, by column: ``array("q")`` of counts and ``array("d")``; NaN is undefined.

    Blocks pickle, and ``joined`` puts them together in the order given.
    """

    cdef readonly dict columns

    def __init__(self, dict columns not None):
        self.columns = columns

    def __reduce__(self):
        return SweepBlock, (self.columns,)

    def __len__(self) -> int:
        return len(self.columns["trades"])

    def __eq__(self, other) -> bool:
        # By their bytes: an undefined number equals another, and 0.0 is not -0.0.
        if not isinstance(other, SweepBlock):
            return NotImplemented
        return (
            list(self.columns) == list(other.columns)
            and all(self.columns[name].tobytes() == other.columns[name].tobytes() for name in self.columns)
        )

    @staticmethod
    def empty(count, *, full):
        """A block of zeros."""
        names = {name: "q" for name in COUNTS} | {name: "d" for name in NUMBERS}
        names |= {name: "d" for name in FULL_NUMBERS} if full else {}
        return SweepBlock({name: array(code, bytes(8 * count)) for name, code in names.items()})

    @staticmethod
    def joined(blocks):
        """All cells of some blocks, in order."""
        columns = {}
        for block in blocks:
            for name, column in block.columns.items():
                columns.setdefault(name, array(column.typecode)).extend(column)
        return SweepBlock(columns)

    def set_cell(self, at, summary) -> None:
        """Takes the numbers of one cell from the summary of its single run."""
        average_ns = summary["average_hold_ns"]
        found = summary | {"average_hold_s": None if average_ns is None else average_ns / 1e9}
        for name, column in self.columns.items():
            value = found[name]
            column[at] = float("nan") if value is None else value


def run_block(SweepRows rows not None, settings, *, expiries_ns, fixed, full=False) -> SweepBlock:
    """The numbers of each of some settings over the rows; the interpreter is free meanwhile.

    Expiries are those of ``Backtest``; ``full`` adds what needs every row.
    """
    block = SweepBlock.empty(len(settings), full=full)
    for at, each in enumerate(settings):
        kernel = Backtest(each, expiries_ns=expiries_ns, fixed=fixed)
        kernel.feed_memory(rows)
        kernel.end()
        block.set_cell(at, kernel.summary())
    return block
