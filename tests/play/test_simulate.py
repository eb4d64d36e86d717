"""``arbcore.simulate``: the numbers against single rounds, the same for any place they are played in."""

import math
import random
import statistics
import sys
from concurrent.futures import Executor, Future, ThreadPoolExecutor

import pytest
from html_text import Page

import arbcore
from arbcore.errors import ConfigError, RunError, UsageError
from arbcore.play import simulate as module
from arbcore.play.outcome import decided
from arbcore.play.round_statistics import always_valid_interval
from arbcore.play.rounds import RoundPlan, play
from arbcore.play.simulate import simulate
from arbcore.trading.trading_settings import SECOND_NS
from arbcore.venue.regimes import REGIMES

SHORT = {"rounds": 4, "round_s": 2}


class Bonds:
    """Quotes BOND at a width."""

    def __init__(self, width: int = 1, size: int = 10):
        self.width = width
        self.size = size

    def on_book(self, desk, symbol):
        desk.quote("BOND", "BUY", 1000 - self.width, self.size)
        desk.quote("BOND", "SELL", 1000 + self.width, self.size)


class Gambler:
    """Draws from Python's own generator."""

    def on_book(self, desk, symbol):
        desk.quote("BOND", "BUY", random.choice((997, 998, 999)), random.randrange(1, 20))


class Fails:
    def on_trade(self, desk, symbol, price, size):
        raise ValueError("no\ngood")


class Prints:
    def on_start(self, desk):
        print("a strategy's text")


def numbers(result):
    return {name: value for name, value in result.summary.items() if name != "elapsed_s"}


def test_every_round_is_the_one_of_its_seed():
    result = simulate(rounds=3, round_s=5, seed=7, regime="thin", workers=1)
    single = [play(RoundPlan(seed, regime="thin", round_ns=5 * SECOND_NS)).fair_pnl for seed in (7, 8, 9)]
    assert [played.seed for played in result.rounds] == [7, 8, 9]
    assert [played.scores[0].fair_pnl for played in result.rounds] == single
    assert result.summary["all"]["mean"] == statistics.fmean(single)
    assert result.summary["all"]["worst"] == min(single)
    worst = {"seed": 7 + single.index(min(single)), "regime": "thin", "fair_pnl": min(single)}
    assert result.summary["worst_round"] == worst
    assert list(result.summary["regimes"]) == ["thin"]


def test_strategies_and_symbols_add_up_to_the_pnl():
    for played in simulate(rounds=3, round_s=20, workers=1, regime="crowded").rounds:
        (score,) = played.scores
        assert sum(score.symbols.values()) == pytest.approx(score.fair_pnl, abs=1)
        assert sum(score.strategies.values()) == pytest.approx(score.fair_pnl, abs=60), "what was under way"
        assert score.limit_breaches == 0


@pytest.mark.parametrize("regime", ["normal", "all"])
def test_the_numbers_are_the_same_wherever_rounds_are_played(regime):
    arguments = {**SHORT, "regime": regime, "against": Gambler}
    one = simulate(Bonds, workers=1, **arguments)
    assert numbers(simulate(Bonds, workers=2, **arguments)) == numbers(one)
    with ThreadPoolExecutor(1) as pool:
        assert numbers(simulate(Bonds, executor=pool, **arguments)) == numbers(one)
    assert one.summary["all"]["rounds"] == 4 * (len(REGIMES) if regime == "all" else 1)


def test_rounds_that_are_finished_out_of_order_are_told_in_order(monkeypatch):
    monkeypatch.setattr(module, "PIECE_S", SHORT["round_s"])

    class Backwards(Executor):
        def __init__(self):
            self.waiting = []

        def submit(self, play_it, piece):
            future = Future()
            self.waiting.append((future, play_it, piece))
            if len(self.waiting) == 4:
                for each, play_each, given in reversed(self.waiting):
                    each.set_result(play_each(given))
            return future

    assert numbers(simulate(executor=Backwards(), **SHORT)) == numbers(simulate(workers=1, **SHORT))


def test_a_strategy_that_draws_random_numbers_repeats():
    random.seed(1)
    first = simulate(Gambler, builtin=False, workers=1, **SHORT)
    random.seed(2)
    assert numbers(simulate(Gambler, builtin=False, workers=1, **SHORT)) == numbers(first)


def test_a_comparison_is_paired_round_by_round():
    found = simulate(
        Bonds, against=Bonds, against_parameters={"width": 3}, builtin=False, rounds=12, round_s=20
    )
    differences = [played.scores[0].fair_pnl - played.scores[1].fair_pnl for played in found.rounds]
    paired = found.summary["paired"]
    assert paired["mean"] == statistics.fmean(differences)
    half = 2.2010 * statistics.stdev(differences) / math.sqrt(12)
    assert paired["low"] == pytest.approx(paired["mean"] - half, rel=1e-3)
    assert paired["different"]
    assert "The first is better" in paired["verdict"]
    assert found.summary["against"]["all"]["mean"] == pytest.approx(
        found.summary["all"]["mean"] - paired["mean"]
    )
    assert (found.summary["bot"], found.summary["against"]["bot"]) == ("Bonds", "Bonds(width=3)")


def test_a_bot_against_itself_is_not_different():
    paired = simulate(Bonds, against=Bonds, **SHORT).summary["paired"]
    assert (paired["mean"], paired["different"]) == (0, False)
    assert paired["verdict"] == "No difference in any of 4 rounds."


def test_settings_and_no_strategy_can_be_compared():
    found = simulate(
        settings={"ARBCORE_VALE_ENABLED": "0"}, against_settings={"ARBCORE_BOND_ENABLED": "0"}, **SHORT
    )
    assert found.summary["settings"] == {"ARBCORE_VALE_ENABLED": False}
    assert "bond" not in found.rounds[0].scores[1].strategies
    assert "bond" in found.rounds[0].scores[0].strategies
    assert "vale" not in found.rounds[0].scores[1].strategies
    assert simulate(Bonds, against=(), **SHORT).summary["against"]["bot"] == "built-in"
    alone = simulate(Bonds, against=(), builtin=False, **SHORT)
    assert (alone.summary["bot"], alone.summary["against"]["bot"]) == ("Bonds", "built-in")
    assert "bond" in alone.rounds[0].scores[1].strategies
    assert "bond" not in alone.rounds[0].scores[0].strategies


def test_auto_stops_at_the_first_look_that_decides_and_says_what_holds():
    found = simulate(Bonds, builtin=False, rounds="auto", round_s=4)
    count = found.summary["rounds"]
    assert found.summary["auto"]
    assert count in range(module.AUTO_FIRST, module.AUTO_MAX, module.AUTO_STEP)
    assert decided(found.setup, found.rounds)
    assert count == module.AUTO_FIRST or not decided(found.setup, found.rounds[: count - module.AUTO_STEP])
    pnl = [float(played.scores[0].fair_pnl) for played in found.rounds]
    assert (found.summary["all"]["low"], found.summary["all"]["high"]) == always_valid_interval(pnl)


def test_auto_ends_undecided_where_nothing_can_be_told(monkeypatch):
    monkeypatch.setattr(module, "AUTO_FIRST", 2)
    monkeypatch.setattr(module, "AUTO_STEP", 2)
    monkeypatch.setattr(module, "AUTO_MAX", 5)
    found = simulate(Bonds, against=Bonds, rounds="auto", round_s=1)
    assert found.summary["rounds"] == 5
    assert "Nothing was decided in 5 rounds" in found.notes[-1]


def test_progress_is_told_up_to_the_end():
    told = []
    simulate(workers=2, progress=lambda done, total: told.append((done, total)), **SHORT)
    assert told[-1] == (4, 4)
    assert told == sorted(told)


def test_a_strategy_that_fails_is_switched_off_and_said():
    found = simulate(Fails, workers=1, **SHORT)
    assert found.summary["strategy_errors"]["Fails"]["rounds"] == 4
    (note,) = found.notes
    assert note.startswith("Fails failed in 4 rounds of 4, first on seed 1: ")
    assert "\n" not in note


def test_what_a_strategy_prints_is_no_result(capsys):
    simulate(Prints, workers=1, **SHORT)
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.count("a strategy's text") >= 4


def test_a_class_that_no_worker_can_import_is_played_here_and_said():
    class Local(Bonds):
        pass

    found = simulate(Local, builtin=False, workers=2, **SHORT)
    assert "Local cannot be imported by another process" in found.notes[0]
    assert found.summary["all"] == simulate(Bonds, builtin=False, workers=1, **SHORT).summary["all"]


class Broken(Executor):
    def submit(self, *_):
        future = Future()
        future.set_exception(ModuleNotFoundError("No module named 'mine'"))
        return future


def test_a_worker_that_fails_is_one_sentence():
    with pytest.raises(RunError, match=r"No module named 'mine'.*each worker needs"):
        simulate(executor=Broken(), **SHORT)


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        ({"rounds": 0}, "rounds is 0"),
        ({"rounds": True}, "rounds is True"),
        ({"rounds": 1.5}, "rounds is 1.5"),
        ({"rounds": "many"}, "rounds is many"),
        ({"round_s": 0}, "round_s is 0"),
        ({"round_s": math.nan}, "round_s is nan"),
        ({"round_s": "5"}, "round_s is 5"),
        ({"seed": -1}, "seed is -1"),
        ({"seed": 2**63}, "seed is"),
        ({"workers": 0}, "workers is 0"),
        ({"regime": "wild"}, "regime is 'wild'"),
        ({"workers": 1, "dask": "x:1"}, "exclude each other"),
        ({"strategy": Bonds()}, "give a strategy's class"),
        ({"strategy": "mine:Bonds"}, "give a strategy's class"),
        ({"builtin": False}, "nothing to play"),
        ({"parameters": {"width": 2}}, "give one class"),
        ({"strategy": Bonds, "parameters": {"wide": 2}}, "wide"),
        ({"strategy": int}, "not a strategy"),
        ({"settings": {"ARBCORE_BOND_EDGE": "1"}}, "did you mean ARBCORE_BOND_EDGE_TICKS"),
    ],
)
def test_what_cannot_be_is_one_sentence(arguments, part):
    with pytest.raises((UsageError, ConfigError)) as caught:
        simulate(**{**SHORT, "workers": None, **arguments})
    assert part in str(caught.value)
    assert "\n" not in str(caught.value)


def test_nothing_of_the_folder_or_the_environment_changes_a_result(tmp_path, monkeypatch):
    before = numbers(simulate(workers=1, **SHORT))
    (tmp_path / ".env").write_text("ARBCORE_BOND_ENABLED=0\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ARBCORE_XLF_ARBITRAGE_ENABLED", "0")
    assert numbers(simulate(workers=1, **SHORT)) == before


def test_the_page_says_what_the_document_says():
    found = simulate(Bonds, against=(), rounds=2, round_s=3, regime="all")
    page = found.to_html()
    text = " ".join(Page(page).text.split())
    assert found.summary["paired"]["verdict"] in text
    for regime in REGIMES:
        assert regime in text
    assert page.count("<svg") >= 4
    assert "http" not in page.replace("http-equiv", "")
    single = simulate(rounds=1, round_s=1, workers=1).to_html()
    assert "P&amp;L of a round" in single


def test_the_table_has_a_row_a_round(tmp_path):
    found = simulate(Bonds, against=(), regime="all", rounds=2, round_s=2)
    found.to_csv(str(tmp_path / "rounds.csv"))
    head, *rows = (tmp_path / "rounds.csv").read_text().splitlines()
    assert head.startswith("round,seed,regime,fair_pnl,against_fair_pnl,difference,pnl_xlf_arbitrage,")
    assert [row.split(",")[:3] for row in rows[:3]] == [
        ["0", "1", "calm"],
        ["1", "2", "calm"],
        ["0", "1", "normal"],
    ]
    assert len(rows) == 2 * len(REGIMES)


def test_it_is_a_public_name():
    assert arbcore.simulate is simulate
    assert "arbcore.play.simulate" in sys.modules
