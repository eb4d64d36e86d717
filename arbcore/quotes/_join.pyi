from array import array
from collections.abc import Callable, Sequence

from arbcore.quotes._legs import LegSource

BLOCK_ROWS: int

class Joiner:
    rows: int
    closed: int
    unpaired: int
    stale: int
    def __init__(
        self,
        fut: LegSource,
        etf: LegSource,
        *,
        max_age_ns: int,
        every_ns: int = 0,
        segment_at: Callable[[int], tuple[int, int, bool]] | None = None,
        expiries: Sequence[int] | None = None,
    ) -> None: ...
    @property
    def skipped(self) -> dict[str, int]: ...
    @property
    def spans(self) -> tuple[tuple[int, int] | None, tuple[int, int] | None]: ...
    def text(self) -> bytes: ...
    def columns(
        self,
    ) -> tuple[
        array[int],
        array[float],
        array[float],
        array[float],
        array[float],
        array[int],
        array[int],
        array[int],
    ]: ...
