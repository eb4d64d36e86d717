from collections.abc import Sequence

from arbcore.carry.row_terms import RowTerms
from arbcore.research._sweep_rows import SweepRows

class SegmentTable:
    def __init__(self, rows: SweepRows, *, expiries_ns: Sequence[int], fixed: bool) -> None: ...
    @property
    def expiries_ns(self) -> list[int]: ...

class SweepGroup:
    def __init__(self, terms: RowTerms) -> None: ...

class SweepWindow:
    def __init__(self, rows: SweepRows, table: SegmentTable, *, maps: int) -> None: ...
