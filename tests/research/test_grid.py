"""Ranges and cells of a sweep: exact values, one order, and a sentence for what is none."""

import itertools
import random
from fractions import Fraction

import pytest

from arbcore.errors import ConfigError
from arbcore.research.grid import CELLS_MAX, Axis, Grid, read_values, split_ranges
from arbcore.research.research_settings import BacktestSettings


def grid_of(**ranges: str) -> Grid:
    fixed, axes = split_ranges(ranges)
    return Grid(BacktestSettings(**fixed), axes)


def test_a_range_has_both_ends_and_the_decimals_that_were_written() -> None:
    assert read_values("entry_bps", "0.1:0.5:0.1") == (0.1, 0.2, 0.3, 0.4, 0.5)
    assert read_values("exit_bps", "-1:1:0.5") == (-1.0, -0.5, 0.0, 0.5, 1.0)
    assert read_values("entry_bps", "5:5:1") == (5.0,)
    assert read_values("max_hold_days", "1,2,5") == (1.0, 2.0, 5.0)
    assert read_values("cost_bps", "4e-1") == 0.4
    assert read_values("factor", "auto:60") == "auto:60"


@pytest.mark.parametrize("seed", range(20))
def test_random_ranges_are_their_fractions(seed: int) -> None:
    rng = random.Random(seed)
    low, step = Fraction(rng.randint(-500, 500), 100), Fraction(rng.randint(1, 99), 1000)
    count = rng.randint(1, 200)
    words = [str(float(each)) for each in (low, low + (count - 1) * step, step)]
    assert read_values("exit_bps", ":".join(words)) == tuple(float(low + at * step) for at in range(count))


@pytest.mark.parametrize(
    ("name", "text", "part"),
    [
        ("entry_bps", "30:5:1", "which runs backwards; write 5:30:1"),
        ("entry_bps", "5:30:0", "step of a range must be above 0"),
        ("entry_bps", "5:30:-1", "step of a range must be above 0"),
        ("entry_bps", "5:30:4", "does not reach 30 in steps of 4; end it at 29 or 33"),
        ("entry_bps", "5:30", "a range is LO:HI:STEP"),
        ("entry_bps", "5:30:1:2", "a range is LO:HI:STEP"),
        ("entry_bps", "5::1", "a range LO:HI:STEP"),
        ("entry_bps", "nan:5:1", "it may be a number"),
        ("entry_bps", "1,2,", "it may be a number"),
        ("entry_bps", "1,2,1.0", "varies over 1 twice"),
        ("entry_bps", "soon", "it may be a number"),
        ("entry_bps", "0:1e9:1e-9", "which has more than 250,000 values; take a larger step"),
        ("entry_bps", "1e999:1e999:1", "too large a number"),
        ("entry_bps", "0:1:1e-999", "which has more than 250,000 values"),
    ],
)
def test_what_is_no_range_is_one_sentence(name: str, text: str, part: str) -> None:
    with pytest.raises(ConfigError, match=name) as caught:
        read_values(name, text)
    assert part in str(caught.value)


def test_settings_that_are_no_numbers_cannot_vary() -> None:
    for name, value in (("fill", "touch,mid"), ("fill", ["touch", "mid"]), ("close_at_end", [False, True])):
        with pytest.raises(ConfigError, match="only a setting that is a number can vary"):
            split_ranges({name: value})


def test_sequences_vary_and_keep_the_order_of_the_names() -> None:
    fixed, axes = split_ranges({"exit_bps": [2, 0.5], "r": 0.04, "entry_bps": range(3), "fill": "mid"})
    assert fixed == {"r": 0.04, "fill": "mid"}
    assert axes == [Axis("exit_bps", (2.0, 0.5)), Axis("entry_bps", (0.0, 1.0, 2.0))]
    with pytest.raises(ConfigError, match="varies over no value"):
        split_ranges({"entry_bps": []})
    with pytest.raises(ConfigError, match="varies over 'a', which is not a number"):
        split_ranges({"entry_bps": ["a"]})


def test_the_first_setting_varies_slowest() -> None:
    grid = grid_of(entry_bps="1:3:1", exit_bps="0,5", cost_bps="2")
    expected = list(itertools.product((1.0, 2.0, 3.0), (0.0, 5.0)))
    assert [grid.values_of(cell) for cell in range(grid.cells)] == expected
    assert [grid.cell_at(grid.place_of(cell)) for cell in range(grid.cells)] == list(range(6))
    assert grid.columns() == {"entry_bps": [1, 1, 2, 2, 3, 3], "exit_bps": [0, 5] * 3}


def test_a_cell_has_the_settings_of_its_values_and_no_other() -> None:
    grid = grid_of(entry_bps="1:3:1", contracts="1,4", cost_bps="2")
    for cell, made in enumerate(grid.settings(range(grid.cells))):
        entry, contracts = grid.values_of(cell)
        assert made == BacktestSettings(entry_bps=entry, contracts=contracts, cost_bps=2)
        assert type(made.contracts) is int


def test_a_cell_that_is_refused_refuses_the_sweep() -> None:
    with pytest.raises(ConfigError, match=r"cost_bps is -1\.0; it may be from 0 to"):
        grid_of(cost_bps="-1:1:1")
    with pytest.raises(ConfigError, match=r"contracts is 1\.5; it must be a whole number"):
        grid_of(contracts="1:2:0.5")


def test_a_grid_varies_and_is_bounded() -> None:
    with pytest.raises(ConfigError, match="Nothing varies"):
        grid_of(cost_bps="1")
    assert grid_of(entry_bps="1:500:1", exit_bps="1:500:1").cells == CELLS_MAX
    with pytest.raises(ConfigError, match="make 250,500 cells and a sweep has at most 250,000"):
        grid_of(entry_bps="1:501:1", exit_bps="1:500:1")
