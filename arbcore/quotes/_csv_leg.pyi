from collections.abc import Callable

from arbcore.quotes._legs import LegSource

ROLES: tuple[str, ...]
CHUNK_BYTES: int
RECORD_BYTES_MAX: int

class CsvLeg(LegSource):
    name: str
    places: dict[str, int]
    line: int
    zoned: bool
    def __init__(
        self,
        stream: Callable[[memoryview], int],
        name: str,
        *,
        head: bytes,
        places: dict[str, int],
        delimiter: str,
        line: int,
        contract_of: Callable[[str], int] | None = None,
        contract: int = 0,
        shift_ns: int = 0,
        fixed: bool = False,
        ordered: bool = True,
        skip_bad: bool = False,
        final: bool = False,
        tz: str | None = None,
        day_first: bool = False,
    ) -> None: ...
    def survey(
        self,
        volumes: dict[tuple[int, int], float],
        steps: dict[int, int],
        *,
        bars: bool = False,
        date_of: Callable[[int], tuple[int, int, int]] | None = None,
    ) -> int | None: ...
