from array import array
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from arbcore.carry._sweep_rows import SweepRows
from arbcore.carry.settings import BacktestSettings

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

def run_block(
    rows: SweepRows,
    settings: Sequence[BacktestSettings],
    *,
    expiries_ns: Sequence[int],
    fixed: bool,
    full: bool = False,
) -> SweepBlock: ...
