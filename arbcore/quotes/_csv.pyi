from collections.abc import Callable

from arbcore.carry._row_source import RowSource
from arbcore.errors import DataError

CHUNK_BYTES: int
RECORD_BYTES_MAX: int
PRICE_MIN: float
PRICE_MAX: float

class CsvReader(RowSource):
    name: str
    def __init__(
        self,
        name: str,
        *,
        expiry_of: Callable[[str], int],
        skip_bad: bool = False,
        ordered: bool = True,
        tz: str | None = None,
        day_first: bool = False,
        use_factor: bool = False,
    ) -> None: ...
    def room(self) -> memoryview: ...
    def filled(self, count: int) -> None: ...
    def finish(self) -> None: ...
    def too_long(self, line: int) -> DataError: ...
    def bad_cell(self, kind: str, role: int, line: int) -> DataError: ...
