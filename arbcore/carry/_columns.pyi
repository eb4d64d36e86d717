from collections.abc import Callable, Sequence
from typing import Any

from arbcore.carry._rows import RowSource
from arbcore.errors import DataError

ROLES: tuple[str, ...]

def places_of(names: Sequence[str], where: str) -> dict[str, int]: ...

class ColumnReader(RowSource):
    def __init__(
        self,
        name: str = "",
        *,
        expiry_of: Callable[[str], int],
        skip_bad: bool = False,
        ordered: bool = True,
    ) -> None: ...
    def begin(self, length: int) -> None: ...
    def column(
        self,
        name: str,
        values: Any,
        *,
        unit_ns: int = 0,
        faults: bytes | None = None,
        cells: Sequence[Any] | None = None,
    ) -> None: ...
    def where(self, role: int) -> str: ...
    def shown(self, role: int) -> str: ...
    def fault(self, kind: str, role: int) -> DataError: ...
