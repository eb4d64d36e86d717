from collections.abc import Callable

from arbcore.errors import DataError

CHUNK_BYTES: int
RECORD_BYTES_MAX: int
REQUIRED: tuple[str, ...]
OPTIONAL: tuple[str, ...]
FACTOR_NAMES: tuple[str, ...]
PRICE_MIN: float
PRICE_MAX: float

class CsvReader:
    name: str
    rows: int
    missing: int
    crossed: int
    malformed: int
    has_expiry: bool
    has_factor: bool
    def __init__(
        self,
        name: str,
        *,
        expiry_of: Callable[[str], int],
        skip_bad: bool = False,
        ordered: bool = True,
        vectors: bool = True,
    ) -> None: ...
    @property
    def skipped(self) -> dict[str, int]: ...
    def room(self) -> memoryview: ...
    def filled(self, count: int) -> None: ...
    def take(
        self, limit: int = 1024
    ) -> list[tuple[int, float, float, float, float, float | None, int | None]]: ...
    def finish(self) -> None: ...
    def too_long(self, line: int) -> DataError: ...
    def bad_cell(self, kind: str, role: int, line: int) -> DataError: ...
