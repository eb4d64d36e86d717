"""Best cells and robust regions of a grid: the cells with the highest scores, and those with good neighbours.

The neighbourhood of a cell is the cell and all cells within one step on every axis. Its value is that of its
worst cell. Owns these definitions only; it must not know what the scores mean.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from arbcore.research.grid import Grid

#: The number of cells and of regions that a result shows.
SHOWN = 3


@dataclass(frozen=True)
class Region:
    """A neighbourhood: its middle cell, its lowest and its mean score, and its cells in order."""

    cell: int
    worst: float
    mean: float
    cells: tuple[int, ...]


def best_cells(scores: Sequence[float], count: int = SHOWN) -> list[int]:
    """The cells with the highest scores, the highest first; of equal cells the first of the grid."""
    return sorted(range(len(scores)), key=lambda cell: (-scores[cell], cell))[:count]


def robust_regions(
    grid: Grid, scores: Sequence[float], count: int = SHOWN, *, idle: Sequence[bool] = ()
) -> list[Region]:
    """The neighbourhoods with the best worst cells, the best first; none overlaps another.

    Only whole neighbourhoods count: on an axis of three or more values, the first and the last value lack a
    neighbour and cannot be the middle. Of equal neighbourhoods the first of the grid comes first. If every
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
    """Whether a cell has the first or the last value on an axis of three or more values."""
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
    """The lowest score in each cell's neighbourhood; it works axis by axis, so the time is linear."""
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
