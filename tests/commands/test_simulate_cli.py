"""``arbcore simulate`` as its users meet it: what is printed where, wrong usage, and files."""

import json
import os
import re
import signal
import subprocess
import sys

import pytest

from arbcore import cli

PATIENCE_S = 120.0
STRATEGY = """
class Bonds:
    def __init__(self, width: int = 1):
        self.width = width

    def on_book(self, desk, symbol):
        desk.quote("BOND", "BUY", 1000 - self.width, 10)


class Exits:
    def on_book(self, desk, symbol):
        raise SystemExit(7)
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "mine.py").write_text(STRATEGY)
    return tmp_path


def run(folder, *words, rounds="3", round_s="2"):
    command = [sys.executable, "-m", "arbcore", "simulate", "--rounds", rounds, "--round-s", round_s, *words]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=PATIENCE_S)


def test_the_document_has_the_documented_keys_and_only_the_time_differs(folder):
    words = ("--strategy", "mine:Bonds", "--param", "width=2", "--against", "builtin", "--json")
    found = []
    for workers in ("1", "2"):
        done = run(folder, *words, "--workers", workers)
        assert (done.returncode, done.stderr) == (0, "")
        found.append(json.loads(done.stdout))
        assert found[-1].pop("elapsed_s") > 0
    assert found[0] == found[1]
    (document, _) = found
    assert document["schema"] == "arbcore.simulate/1"
    assert (document["seed"], document["rounds"], document["round_s"]) == (1, 3, 2)
    figures = {"rounds", "mean", "low", "high", "sd", "p05", "p95", "worst", "losing"}
    assert set(document["all"]) == set(document["regimes"]["normal"]) == figures
    assert set(document["strategies"]["Bonds"]["pnl"]) == set(document["symbols"]["XLF"]["pnl"]) == figures
    assert set(document["against"]["all"]) == figures
    assert set(document["paired"]) == {"rounds", "mean", "low", "high", "different", "verdict"}
    assert document["bot"] == "built-in + Bonds(width=2)"


def test_the_text_names_both_bots_and_the_verdict(folder):
    done = run(
        folder, "--strategy", "mine:Bonds", "--against", "mine:Bonds", "--param", "width=5", "--no-builtin"
    )
    assert done.returncode == 0
    assert done.stdout.startswith("Bonds: 3 rounds of 2 s, regime normal, seeds from 1, in ")
    assert "against Bonds(width=5)" in done.stdout
    worst = r"^The worst round has the seed ([123]); --html FILE --round-of \1 "
    assert re.search(worst, done.stdout, re.MULTILINE)
    assert all(len(line) < 100 for line in done.stdout.splitlines()[1:-1])


def test_a_strategy_alone_is_compared_with_the_built_in_ones(folder):
    words = ("--strategy", "mine:Bonds", "--no-builtin", "--against", "builtin", "--json")
    document = json.loads(run(folder, *words).stdout)
    assert (document["bot"], document["against"]["bot"]) == ("Bonds", "built-in")
    assert set(document["strategies"]) == {"Bonds", "unattributed"}


def test_files_and_a_comparison_with_settings_of_a_file(folder):
    (folder / "other.env").write_text("# wider\nARBCORE_BOND_EDGE_TICKS=3\n")
    done = run(folder, "--against", "other.env", "--csv", "rounds.csv", "--html", "rounds.html")
    assert (done.returncode, done.stderr) == (0, "")
    assert "against built-in with" in done.stdout
    lines = (folder / "rounds.csv").read_text().splitlines()
    assert lines[0].startswith("round,seed,regime,fair_pnl,")
    assert len(lines) == 4
    assert (folder / "rounds.html").read_text().startswith("<!doctype html>")


@pytest.mark.parametrize(
    ("words", "code", "part"),
    [
        (("--strategy", "mine"), 2, "package.module:Class"),
        (("--strategy", "mine:Bond"), 2, "did you mean Bonds?"),
        (("--strategy", "nowhere_at_all:Bonds"), 2, "there is no module nowhere_at_all"),
        (("--against", "mine:Bond"), 2, "--against mine:Bond"),
        (("--against", "none.env"), 3, "none.env is not a file"),
        (("--against", "bad.env"), 3, "bad.env has lines that are not NAME=VALUE (1)"),
        (("--against", "unknown.env"), 2, "did you mean ARBCORE_BOND_ENABLED?"),
        (("--against", "bad.env", "--param", "x=1"), 2, "takes no --param"),
        (("--against", "builtin", "--param", "x=1"), 2, "takes no --param"),
        (("--no-builtin",), 2, "nothing to play"),
        (("--param", "width=1"), 2, "before any --strategy"),
        (("--strategy", "mine:Bonds", "--param", "width"), 2, "not NAME=VALUE"),
        (("--strategy", "mine:Bonds", "--param", "width=wide"), 2, "a whole number"),
        (("--strategy", "mine:Bonds", "--param", "wdth=1"), 2, "did you mean width?"),
        (("--rounds", "0"), 2, "whole number from 1"),
        (("--rounds", "lots"), 2, "whole number from 1"),
        (("--round-s", "0"), 2, "seconds from 0.1"),
        (("--regime", "wild"), 2, "choose from"),
        (("--set", "ARBCORE_BOND_EDGE=1"), 2, "did you mean ARBCORE_BOND_EDGE_TICKS?"),
        (("--workers", "2", "--dask", "127.0.0.1:1"), 2, "exclude each other"),
        (("--csv", "x", "--html", "x"), 2, "would overwrite"),
    ],
)
def test_what_cannot_be_is_one_sentence(folder, words, code, part, monkeypatch, capsys):
    (folder / "bad.env").write_text("what is this\n")
    (folder / "unknown.env").write_text("ARBCORE_BOND_ENABLE=0\n")
    monkeypatch.chdir(folder)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.delitem(sys.modules, "mine", raising=False)
    assert cli.main(["simulate", "--rounds", "1", "--round-s", "1", *words]) == code
    printed = capsys.readouterr()
    assert part in printed.err
    assert (printed.err.count("\n"), printed.out) == (1, "")


def test_a_strategy_that_exits_is_off_and_the_rounds_go_on(folder):
    done = run(folder, "--strategy", "mine:Exits", "--json", rounds="2", round_s="1")
    assert done.returncode == 0
    assert json.loads(done.stdout)["strategy_errors"]["Exits"]["rounds"] == 2
    assert done.stderr.count("\n") == 1
    assert "Exits failed in 2 rounds of 2, first on seed 1: SystemExit in " in done.stderr


def test_the_classic_profile_is_the_first_strategies_alone_and_set_goes_before_it(folder):
    words = ("--profile", "classic", "--set", "ARBCORE_VALE_SIGNAL_TICKS=20", "--json")
    document = json.loads(run(folder, *words, rounds="1").stdout)
    assert set(document["strategies"]) == {"xlf_arbitrage", "vale", "market_making", "unattributed"}
    assert document["settings"]["ARBCORE_VALE_SIGNAL_TICKS"] == 20
    assert document["settings"]["ARBCORE_MARKET_MAKING_AVERAGES"] == 1


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
def test_ctrl_c_ends_it_and_its_workers(folder):
    command = [sys.executable, "-m", "arbcore", "simulate", "--rounds", "100000", "--csv", "rounds.csv"]
    with subprocess.Popen(
        command, cwd=folder, stderr=subprocess.PIPE, text=True, start_new_session=True,
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
    ) as process:  # fmt: skip
        try:
            with pytest.raises(subprocess.TimeoutExpired):
                process.wait(3)
            os.killpg(process.pid, signal.SIGINT)
            _, said = process.communicate(timeout=PATIENCE_S)
        finally:
            process.kill()
    assert process.returncode == 130
    assert said == "arbcore: Interrupted.\n"
    assert not (folder / "rounds.csv").exists()
