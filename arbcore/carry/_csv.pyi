from collections.abc import Callable

from arbcore.carry._rows import RowSource
from arbcore.errors import DataError

CHUNK_BYTES: int
RECORD_BYTES_MAX: int
REQUIRED: tuple[str, ...]
OPTIONAL: tuple[str, ...]
FACTOR_NAMES: tuple[str, ...]
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
    ) -> None: ...
    def room(self) -> memoryview: ...
    def filled(self, count: int) -> None: ...
    def finish(self) -> None: ...
    def too_long(self, line: int) -> DataError: ...
    def bad_cell(self, kind: str, role: int, line: int) -> DataError: ...
