"""Best cells and robust regions of a grid: which cells made the most, and which have good neighbours too.

A cell's neighbourhood is the cell with every cell within one step on every axis. Its worth is that of its
worst cell. Owns these definitions only; it must not know what the scores mean.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from arbcore.research.grid import Grid

#: How many cells and regions a result shows.
SHOWN = 3


@dataclass(frozen=True)
class Region:
    """A neighbourhood: its middle, the lowest score and the mean of it, and its cells in order."""

    cell: int
    worst: float
    mean: float
    cells: tuple[int, ...]


def best_cells(scores: Sequence[float], count: int = SHOWN) -> list[int]:
    """The cells with the highest scores, the highest first; of equal ones the first of the grid."""
    return sorted(range(len(scores)), key=lambda cell: (-scores[cell], cell))[:count]


def robust_regions(
    grid: Grid, scores: Sequence[float], count: int = SHOWN, *, idle: Sequence[bool] = ()
) -> list[Region]:
    """The neighbourhoods whose worst cell is best, the best first, none overlapping another.

    Only whole neighbourhoods count: on an axis of three values or more, the first and the last value have
    no neighbour on one side and are no middle. Of equal ones the first of the grid comes first. Where every
    cell is ``idle`` there is no region.
    """
    worst = _lowest_around(grid.shape, scores)
    middles = [cell for cell in range(grid.cells) if not on_border(grid, cell)]
    if idle:
        all_idle = _lowest_around(grid.shape, [float(each) for each in idle])
        middles = [cell for cell in middles if all_idle[cell] == 0.0]
    middles.sort(key=lambda cell: (-worst[cell], cell))
    found: list[Region] = []
    taken: list[tuple[int, ...]] = []
    for cell in middles:
        if len(found) == count:
            break
        place = grid.place_of(cell)
        if any(_overlap(place, other) for other in taken):
            continue
        cells = tuple(neighbourhood(grid, cell))
        mean = sum(scores[near] for near in cells) / len(cells)
        found.append(Region(cell, worst[cell], mean, cells))
        taken.append(place)
    return found


def on_border(grid: Grid, cell: int) -> bool:
    """Whether a cell is the first or the last on an axis of three values or more."""
    return any(
        length >= 3 and at in (0, length - 1)
        for at, length in zip(grid.place_of(cell), grid.shape, strict=True)
    )


def neighbourhood(grid: Grid, cell: int) -> list[int]:
    """The cell and those within one step on every axis, in the order of the grid."""
    places: list[tuple[int, ...]] = [()]
    for at, length in zip(grid.place_of(cell), grid.shape, strict=True):
        reach = range(max(0, at - 1), min(length, at + 2))
        places = [(*place, near) for place in places for near in reach]
    return [grid.cell_at(place) for place in places]


def _overlap(one: Sequence[int], other: Sequence[int]) -> bool:
    return all(abs(a - b) <= 2 for a, b in zip(one, other, strict=True))


def _lowest_around(shape: Sequence[int], scores: Sequence[float]) -> list[float]:
    """The lowest score of each cell's neighbourhood: one axis after the other, so the work stays linear."""
    lowest = list(scores)
    stride = len(lowest)
    for length in shape:
        stride //= length
        before = lowest
        lowest = []
        for cell, score in enumerate(before):
            at = cell // stride % length
            if at > 0:
                score = min(score, before[cell - stride])
            if at < length - 1:
                score = min(score, before[cell + stride])
            lowest.append(score)
    return lowest
