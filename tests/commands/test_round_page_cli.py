"""The round page and the list of fills on the command line: of a run, a journal and a simulated round."""

import csv
import json
import subprocess
import sys

import pytest
from html_text import Page

from arbcore import cli
from arbcore.trading.round_history import TRADES_HEADER

PATIENCE_S = 60


def run(folder, *words):
    command = [sys.executable, "-m", "arbcore", *words]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=PATIENCE_S)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A run of a second with its journal and page, and what was printed."""
    folder = tmp_path_factory.mktemp("run")
    done = run(
        folder, "exchange", "--test", "prod-like", "--duration", "4", "--seed", "3", "--quiet", "--json",
        "--journal", "run.journal", "--html", "run.html",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    (folder / "run.json").write_text(done.stdout)
    return folder


def tables(path):
    found = Page(path.read_text(encoding="utf-8")).tables
    return [rows for rows in found if rows[0][:3] == ["round", "s", "order"]]


def test_a_run_and_the_replay_of_its_journal_show_the_same(folder):
    done = run(folder, "replay", "run.journal", "--html", "replay.html", "--trades", "fills.csv")
    assert done.returncode == 0, done.stderr
    assert tables(folder / "run.html") == tables(folder / "replay.html") != []
    said = json.loads((folder / "run.json").read_text())
    page = Page((folder / "run.html").read_text(encoding="utf-8"))
    assert int(page.data["orders"]) == said["orders_sent"] + said["converts_sent"] > 0
    assert int(page.data["fills"]) == said["fills"]
    assert int(page.data["fair_pnl"]) == said["fair_pnl"]
    assert "from bytes read to bytes written" in page.text
    assert "unattributed" not in {row[3] for rows in tables(folder / "run.html") for row in rows[1:]}
    with (folder / "fills.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == TRADES_HEADER.split(",")
    assert len(rows) == said["fills"]
    held = {}
    for row in rows:
        size = int(row["size"]) * (1 if row["dir"] == "BUY" else -1)
        held[row["symbol"]] = held.get(row["symbol"], 0) + size
        if not said["converts_sent"]:
            assert int(row["position"]) == held[row["symbol"]]


def test_a_page_needs_no_journal_and_leaves_none(folder, tmp_path):
    words = ("exchange", "--test", "prod-like", "--duration", "0.5", "--quiet", "--html", "run.html")
    done = run(tmp_path, *words)
    assert (done.returncode, done.stderr) == (0, "")
    assert {path.name for path in tmp_path.iterdir()} == {"run.html"}
    assert (tmp_path / "run.html").read_text().startswith("<!doctype html>")


def test_a_simulated_round_is_the_one_of_its_seed(tmp_path):
    words = ("simulate", "--rounds", "2", "--round-s", "4", "--seed", "8", "--csv", "rounds.csv")
    done = run(tmp_path, *words, "--html", "round.html", "--round-of", "9")
    assert (done.returncode, done.stderr) == (0, "")
    with (tmp_path / "rounds.csv").open(newline="") as file:
        pnl = {row["seed"]: row["fair_pnl"] for row in csv.DictReader(file)}
    page = Page((tmp_path / "round.html").read_text(encoding="utf-8"))
    assert page.data["fair_pnl"] == pnl["9"]
    assert "seed 9, regime normal" in page.text


def test_the_classic_profile_plays_its_three_strategies_only(tmp_path):
    words = ("exchange", "--test", "prod-like", "--duration", "0.5", "--quiet", "--json")
    found = json.loads(run(tmp_path, *words, "--profile", "classic").stdout)
    assert set(found["strategies"]) == {"xlf_arbitrage", "vale", "market_making", "unattributed"}


@pytest.mark.parametrize(
    ("words", "code", "part"),
    [
        (("simulate", "--round-of", "3"), 2, "needs --html FILE"),
        (("simulate", "--round-of", "3", "--html", "x.html", "--regime", "all"), 2, "one regime"),
        (("exchange", "--test", "empty", "--html", "none/x.html"), 1, "cannot be written"),
        (("exchange", "--test", "empty", "--html", "x", "--journal", "x"), 2, "would overwrite"),
        (("exchange", "--test", "empty", "--profile", "old"), 2, "invalid choice"),
        (("replay", "run.journal", "--html", "run.journal"), 2, "would overwrite the journal"),
        (("replay", "run.journal", "--html", "x", "--trades", "x"), 2, "would overwrite"),
        (("replay", "run.html", "--html", "x.html"), 3, "not an arbcore journal"),
    ],
)
def test_what_cannot_be_is_one_sentence(folder, monkeypatch, capsys, words, code, part):
    monkeypatch.chdir(folder)
    try:
        found = cli.main(list(words))
    except SystemExit as ended:
        found = ended.code
    said = capsys.readouterr().err
    assert found == code
    assert part in said
    assert not (folder / "x.html").exists()
