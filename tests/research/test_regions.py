"""Best and robust cells against their definitions, spelled out in full."""

import itertools
import random

import pytest
from quotes import constant

from arbcore.research.grid import Axis, Grid
from arbcore.research.regions import best_cells, neighbourhood, on_border, robust_regions

NAMES = ("entry_bps", "exit_bps", "cost_bps")


def grid_of(*shape: int) -> Grid:
    axes = [Axis(name, tuple(map(float, range(n)))) for name, n in zip(NAMES, shape, strict=False)]
    return Grid(constant(), axes)


def near(grid: Grid, cell: int) -> list[int]:
    here = grid.place_of(cell)
    return [
        other
        for other in range(grid.cells)
        if all(abs(a - b) <= 1 for a, b in zip(here, grid.place_of(other), strict=True))
    ]


def test_the_best_are_in_order_and_the_first_of_equals_leads() -> None:
    assert best_cells([1.0, 5.0, 3.0, 5.0]) == [1, 3, 2]
    assert best_cells([1.0], 3) == [0]


def test_a_plateau_is_more_robust_than_a_peak() -> None:
    scores = [0.0] * 49
    scores[1 * 7 + 1] = 100.0  # a peak alone
    for row, column in itertools.product((3, 4, 5), (3, 4, 5)):
        scores[row * 7 + column] = 10.0 + row
    grid = grid_of(7, 7)
    assert best_cells(scores, 1) == [8]
    first = robust_regions(grid, scores, 1)[0]
    assert (grid.place_of(first.cell), first.worst) == ((4, 4), 13.0)
    assert first.mean == pytest.approx(14.0)
    assert first.cells == tuple(near(grid, first.cell))


def test_the_border_is_no_middle_unless_an_axis_is_short() -> None:
    grid = grid_of(3, 2)
    assert [cell for cell in range(6) if not on_border(grid, cell)] == [2, 3]
    assert len(neighbourhood(grid, 2)) == 6
    assert [region.cell for region in robust_regions(grid, [9.0, 9, 1, 2, 9, 9])] == [2]
    assert [region.cell for region in robust_regions(grid_of(1, 2), [1.0, 2.0])] == [0]


@pytest.mark.parametrize("seed", range(15))
def test_random_grids_agree_with_the_definition(seed: int) -> None:
    rng = random.Random(seed)
    shape = [rng.randint(1, 8) for _ in range(rng.randint(1, 3))]
    grid = grid_of(*shape)
    scores = [float(rng.randint(-9, 9)) for _ in range(grid.cells)]
    middles = [cell for cell in range(grid.cells) if not on_border(grid, cell)]
    worst = {cell: min(scores[other] for other in near(grid, cell)) for cell in middles}
    regions = robust_regions(grid, scores, 99)
    if middles:
        best = max(worst.values())
        assert regions[0].cell == min(cell for cell in middles if worst[cell] == best)
    for region in regions:
        assert region.worst == worst[region.cell]
        assert region.cells == tuple(near(grid, region.cell))
    for one, other in itertools.combinations(regions, 2):
        assert not set(one.cells) & set(other.cells)
