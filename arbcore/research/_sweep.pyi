from array import array
from collections.abc import Iterable, Mapping
from typing import Any

from arbcore.research._sweep_rows import SweepRows
from arbcore.research.research_settings import BacktestSettings

COUNTS: tuple[str, ...]
NUMBERS: tuple[str, ...]
FULL_NUMBERS: tuple[str, ...]

class SweepBlock:
    columns: dict[str, array[Any]]
    def __init__(self, columns: dict[str, array[Any]]) -> None: ...
    def __len__(self) -> int: ...
    @staticmethod
    def empty(count: int, *, full: bool) -> SweepBlock: ...
    @staticmethod
    def joined(blocks: Iterable[SweepBlock]) -> SweepBlock: ...
    def set_cell(self, at: int, summary: Mapping[str, Any]) -> None: ...

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
        level: str | None = None,
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
    level: str | None = None,
) -> SweepBlock: ...
