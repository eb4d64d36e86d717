from collections.abc import Callable, Iterable

PRICE_MIN: float
PRICE_MAX: float

class LegSource:
    rows: int
    malformed: int
    others: int
    def take(self, limit: int = 1024) -> list[tuple[int, float, float, int, int]]: ...

class MergedLeg(LegSource):
    def __init__(self, sources: Iterable[LegSource]) -> None: ...

class SortedLeg(LegSource):
    def __init__(self, source: LegSource) -> None: ...

class RolledLeg(LegSource):
    def __init__(self, source: LegSource, chosen_at: Callable[[int], tuple[int, int, int]]) -> None: ...

class ColumnsLeg(LegSource):
    def __init__(self, batches: Iterable[tuple[object, ...]], name: str, *, ordered: bool = True) -> None: ...
