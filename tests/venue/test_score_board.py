"""The score board: ranking, sums over rounds, and lines that fit."""

import pytest

from arbcore.venue.score_board import ScoreBoard


def score(fair_pnl=0, fills=0, connections=1, stopped=False):
    return {"fair_pnl": fair_pnl, "fills": fills, "connections": connections, "stopped": stopped}


def standings(teams, phase="open", left_s=133.9, number=3):
    return {"round": number, "phase": phase, "left_s": left_s, "teams": teams}


def test_rounds_are_added_up_and_the_best_over_all_stands_first():
    board = ScoreBoard("here")
    board.end_round({"A": score(100), "B": score(-5)})
    board.end_round({"A": score(-300)})
    now = standings({"A": score(50), "B": score(0), "C": score(-1)})
    assert board.ranking(now) == [("C", -1, -1), ("B", 0, -5), ("A", 50, -150)]
    assert (board.rounds, board.totals) == ({"A": 2, "B": 1}, {"A": -200, "B": -5})


def test_a_team_that_is_gone_keeps_its_place():
    board = ScoreBoard("here")
    board.end_round({"GONE": score(1000)})
    lines = board.lines(standings({"HERE": score(10)}), now_s=0.0, height=22)
    assert lines[-2].split() == ["1", "GONE", "+0", "+1,000", "1", "0", "gone"]
    assert lines[-1].split() == ["2", "HERE", "+10", "+10", "0", "0", "playing"]


def test_stopped_disconnected_and_doubled_teams_are_marked():
    board = ScoreBoard("here")
    board.mark("TWO", 100.0)
    teams = {"S": score(stopped=True), "AWAY": score(connections=0), "TWO": score()}
    lines = "\n".join(board.lines(standings(teams), now_s=101.0, height=22))
    assert "stopped" in lines
    assert "gone" in lines
    assert "two bots?" in lines
    assert "two bots?" not in "\n".join(board.lines(standings(teams), now_s=161.0, height=22))


@pytest.mark.parametrize("count", [0, 1, 17, 18, 19, 20, 200])
@pytest.mark.parametrize("notice", ["", "Open to the network."])
def test_the_board_fits_a_terminal_of_80_by_24(count, notice):
    board = ScoreBoard("127.0.0.1:25000, plain text on 20000   prod-like, normal, seed 4294967295", notice)
    name = "T" * 32
    scores = {f"{number}{name}"[:32]: score(-10_000_000, 100_000) for number in range(count)}
    board.end_round(scores)
    lines = board.lines(standings(scores), now_s=0.0, height=22)
    assert len(lines) <= 22
    assert all(len(line) < 80 for line in lines)
    shown = sum("playing" in line for line in lines)
    left_out = [line for line in lines if " more" in line]
    assert shown + sum(int(line.split()[1]) for line in left_out) == count


def test_names_are_made_safe():
    board = ScoreBoard("here")
    (*_, line) = board.lines(standings({"\x1b[31mRED": score()}), now_s=0.0, height=22)
    assert "\x1b" not in line


@pytest.mark.parametrize(
    ("phase", "left_s", "part"),
    [
        ("open", 133.9, "round 3, 02:13 left, 1 team connected"),
        ("open", None, "round 3, 1 team connected"),
        ("closed", None, "round 3 (closed), 1 team connected"),
        ("restarting", None, "round 3 (restarting), 1 team connected"),
    ],
)
def test_the_plain_line_has_the_clock_and_the_first_teams(phase, left_s, part):
    now = standings({"A": score(5)}, phase=phase, left_s=left_s)
    assert ScoreBoard("here").line(now) == f"{part}: A +5"
