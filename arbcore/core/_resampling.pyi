from array import array
from collections.abc import Iterable

def resampled_means(values: array[float], *, resamples: int, seed: int) -> array[float]: ...
def column_summary(
    values: array[float], *, periods: int, cells: int
) -> tuple[array[float], array[float], array[float]]: ...
def moved_columns(
    values: array[float],
    *,
    periods: int,
    cells: int,
    columns: Iterable[int],
    shifts: Iterable[float],
    scales: Iterable[float],
) -> array[float]: ...
def long_run_variances(values: array[float], *, periods: int, cells: int, block: float) -> array[float]: ...
def largest_means(
    values: array[float], *, periods: int, cells: int, resamples: int, block: float, seed: int
) -> array[float]: ...
def overfit_splits(
    values: array[float], *, periods: int, cells: int, blocks: int, counts: Iterable[int]
) -> tuple[int, int]: ...
