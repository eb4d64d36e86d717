from array import array
from collections.abc import Iterable

from arbcore.carry._values import RowValues
from arbcore.core.result_documents import RunNumbers
from arbcore.research._sweep_rows import SweepRows
from arbcore.research.research_settings import BacktestSettings

COUNTS: tuple[str, ...]
NUMBERS: tuple[str, ...]
FULL_NUMBERS: tuple[str, ...]

def period_name(number: int) -> str: ...

class SweepBlock:
    columns: dict[str, array[int] | array[float]]
    def __init__(self, columns: dict[str, array[int] | array[float]]) -> None: ...
    def __len__(self) -> int: ...
    @staticmethod
    def empty(count: int, *, full: bool, periods: int = 0) -> SweepBlock: ...
    @staticmethod
    def joined(blocks: Iterable[SweepBlock]) -> SweepBlock: ...
    def set_cell(self, at: int, summary: RunNumbers) -> None: ...

def can_jump(settings: BacktestSettings) -> bool: ...

class SweepRun:
    done: int
    total: int
    def __init__(
        self,
        rows: SweepRows,
        settings: Iterable[BacktestSettings],
        *,
        expiries_ns: Iterable[int],
        fixed: bool,
        full: bool = False,
        evidence: bool = False,
    ) -> None: ...
    def advance(self) -> bool: ...
    def block(self) -> SweepBlock: ...

def run_block(
    rows: SweepRows,
    settings: Iterable[BacktestSettings],
    *,
    expiries_ns: Iterable[int],
    fixed: bool,
    full: bool = False,
    evidence: bool = False,
) -> SweepBlock: ...
def leveled(
    rows: SweepRows, settings: BacktestSettings, *, expiries_ns: Iterable[int], fixed: bool
) -> SweepRows: ...
def row_values(
    rows: SweepRows, settings: BacktestSettings, *, expiries_ns: Iterable[int], fixed: bool
) -> RowValues: ...
