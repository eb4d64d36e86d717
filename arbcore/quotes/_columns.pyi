from collections.abc import Callable, Sequence
from typing import Any

from arbcore.carry._row_source import RowSource
from arbcore.errors import DataError

class ColumnReader(RowSource):
    def __init__(
        self,
        name: str = "",
        *,
        expiry_of: Callable[[str], int],
        skip_bad: bool = False,
        ordered: bool = True,
        tz: str | None = None,
        day_first: bool = False,
    ) -> None: ...
    def called(self, names: dict[str, str], pair: str | None, unused: str | None) -> None: ...
    def begin(self, length: int) -> None: ...
    def column(
        self,
        name: str,
        values: Any,
        *,
        unit_ns: int = 0,
        wall: bool = False,
        faults: bytes | None = None,
        cells: Sequence[Any] | None = None,
    ) -> None: ...
    def called_at(self, role: int) -> str: ...
    def where_row(self) -> str: ...
    def where(self, role: int) -> str: ...
    def shown(self, role: int) -> tuple[str, str]: ...
    def fault(self, kind: str, role: int) -> DataError: ...
