"""The heat map on a terminal: its scale, its marks, and that it never is wider than it may be."""

import io
import random
import re

import pytest

from arbcore.commands._sweep_text import HeatPicture, HeatScale, bars, heat_map, takes_colours, width_of

ESCAPE = re.compile(r"\x1b\[[0-9;]*m")


def picture(values: list[list[float | None]], marks: dict[tuple[int, int], str] | None = None) -> HeatPicture:
    return HeatPicture(
        rows=[str(at / 2) for at in range(len(values))],
        columns=[str(at) for at in range(len(values[0]))],
        values=values,
        marks=marks or {},
        row_name="entry_bps",
        column_name="exit_bps",
    )


def test_gains_are_digits_losses_letters_and_nothing_is_a_dot() -> None:
    scale = HeatScale.of([-50.0, 0.0, 100.0])
    cells = {value: scale.cell(value, "", width=1, colours=False) for value in (-50, -25, -1, 0, 1, 50, 100)}
    assert cells == {-50: "i", -25: "e", -1: "a", 0: ".", 1: "1", 50: "5", 100: "9"}


def test_values_of_one_sign_use_the_whole_scale() -> None:
    # From 0, so that cells that are nearly the same look so.
    scale = HeatScale.of([1000.0, 1010.0])
    assert [scale.cell(value, "", width=1, colours=False) for value in (100, 500, 1000, 1010)] == list("1599")
    scale = HeatScale.of([-1000.0, -1010.0])
    assert [scale.cell(value, "", width=1, colours=False) for value in (-100, -1000, -1010)] == list("aii")
    assert HeatScale.of([7.0, 7.0]).cell(7.0, "", width=1, colours=False) == "9"
    assert HeatScale.of([0.0]).legend(width=80, colours=False) == [".  neither gain nor loss"]


def test_a_gain_is_as_deep_whatever_was_lost_and_no_trade_is_neither() -> None:
    for worst in (-1.0, -1e9):
        scale = HeatScale.of([worst, 50.0, 100.0, None])
        assert scale.cell(50.0, "", width=1, colours=False) == "5"
        assert scale.cell(None, "*", width=3, colours=False) == "-* "
    assert HeatScale.of([None, None]).legend(width=80, colours=False) == ["-  no trade"]
    zero, idle = (HeatScale.of([0.0, None]).cell(value, "", width=1, colours=True) for value in (0.0, None))
    assert (zero, idle) == ("\x1b[48;5;231;38;5;16m \x1b[0m", "\x1b[48;5;246;38;5;16m \x1b[0m")


def test_the_map_names_rows_and_columns_and_marks_cells() -> None:
    values = [[-1.0, 0.0, None], [2.0, 1.0, 0.1]]
    lines = heat_map(picture(values, {(1, 0): "*", (0, 1): "o"}), width=40, colours=False)
    assert lines == [
        "entry_bps   exit_bps",
        "           0   1   2",
        "      0.0  i   .o  -",
        "      0.5  9*  5   1",
        "1 to 9  gains, from 0 to +2.00 USD",
        "a to i  losses, from 0 to -1.00 USD",
        ".  neither gain nor loss",
        "-  no trade",
        "* best cell",
        "o middle of the most robust region",
    ]


def test_blocks_have_the_colour_of_their_step_and_no_letters() -> None:
    lines = heat_map(picture([[-2.0, 2.0]]), width=40, colours=True)
    assert "\x1b[48;5;161;38;5;231m    \x1b[0m\x1b[48;5;26;38;5;231m    \x1b[0m" in lines[2]


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("colours", [False, True])
def test_no_line_is_wider_than_the_terminal(seed: int, colours: bool) -> None:
    rng = random.Random(seed)
    rows, columns, width = rng.randint(1, 80), rng.randint(1, 300), rng.choice([8, 20, 43, 80, 200])
    values = [[rng.choice([rng.gauss(0, 1e4), 0.0, None]) for _ in range(columns)] for _ in range(rows)]
    best = (rng.randrange(rows), rng.randrange(columns))
    lines = heat_map(picture(values, {best: "*"}), width=width, colours=colours)
    assert max(len(ESCAPE.sub("", line)) for line in lines) <= width
    # However few are shown, the best cell is among them.
    assert any(line.lstrip().startswith(f"{best[0] / 2} "[: width // 3]) for line in lines)


def test_bars_show_every_value_or_say_how_many() -> None:
    lines = bars(["1", "20"], [-50.0, None], marks={}, width=40)
    assert lines == [" 1        -50  " + "-" * 22, "20   no trade"]
    lines = bars(["1", "20"], [-50.0, 100.0], marks={1: "*"}, width=40)
    assert lines == [" 1    -50  " + "-" * 13, "20 * +100  " + "+" * 26, "* best cell"]
    many = bars([str(at) for at in range(99)], [0.0] * 99, marks={50: "*"}, width=20)
    assert max(map(len, many)) <= 20
    assert any(line.startswith("50 *") for line in many)
    assert many[-1] == "shown: 25 of 99 valu"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("stream", "environment", "expected"),
    [
        (Terminal(), {"TERM": "xterm-256color"}, True),
        (Terminal(), {"TERM": "xterm", "COLORTERM": "truecolor"}, True),
        (Terminal(), {"TERM": "xterm"}, False),
        (Terminal(), {}, False),
        (Terminal(), {"TERM": "xterm-256color", "NO_COLOR": "1"}, False),
        (io.StringIO(), {"TERM": "xterm-256color"}, False),
    ],
)
def test_colours_are_for_terminals_that_have_them(
    stream: io.StringIO, environment: dict[str, str], expected: bool
) -> None:
    assert takes_colours(stream, environment) is expected


def test_what_is_piped_has_a_width_of_its_own() -> None:
    assert width_of(io.StringIO()) == 80
