"""``arbcore quotes`` as it is typed: exit codes, JSON, sentences, files."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from leg_files import SECOND, TEN, iso, write_leg

from arbcore.cli import main

ROWS = [(TEN + at * SECOND, 6000.0, 6000.25) for at in range(5)]


@pytest.fixture
def legs(tmp_path: Path) -> tuple[str, str]:
    return str(write_leg(tmp_path / "f.csv", ROWS)), str(write_leg(tmp_path / "e.csv", ROWS))


def said(capsys: pytest.CaptureFixture[str]) -> tuple[str, str]:
    found = capsys.readouterr()
    return found.out, found.err


def test_join_check_convert(
    tmp_path: Path, legs: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    both, page, minutes = tmp_path / "both.csv", tmp_path / "q.html", tmp_path / "m.csv.gz"
    assert main(["quotes", "join", *legs, "-o", str(both), "--pair", "es-spy", "--json"]) == 0
    document = json.loads(said(capsys)[0])
    assert document == {
        "schema": "arbcore.quotes.join/1", "rows": 5, "rows_in": {"fut": 5, "etf": 5},
        "rows_skipped": {"missing": 0, "crossed": 0, "closed": 0, "unpaired": 0, "stale": 0},
        "pair": "es-spy", "notes": [],
    }  # fmt: skip
    assert main(["quotes", "check", str(both), "--html", str(page), "--json"]) == 0
    checked = json.loads(said(capsys)[0])
    assert (checked["schema"], checked["rows_used"]) == ("arbcore.quotes.check/1", 5)
    assert page.read_text(encoding="utf-8").startswith("<!doctype html>")
    assert main(["quotes", "check", str(both)]) == 0
    out, _ = said(capsys)
    assert out.rstrip().splitlines()[-1] == checked["verdict"]
    assert main(["quotes", "convert", str(both), "-o", str(minutes), "--every", "2s"]) == 0
    assert said(capsys)[0].startswith("3 rows in ")


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (["join", "F", "E", "-o", "F"], 2, "would overwrite"),
        (["join", "F", "E", "-o", "OUT.txt"], 2, "ends in none of"),
        (["join", "F", "E", "-o", "OUT.csv", "--tz", "Europe/Berlin"], 2, "tz is Europe/Berlin"),
        (["join", "F", "E", "-o", "OUT.csv", "--max-age", "5"], 2, "--max-age '5' is not a span of time"),
        (["join", "F", "none.csv", "-o", "OUT.csv"], 3, "does not exist"),
        (["check", "F"], 3, "quotes of one instrument"),
        (["convert", "F", "-o", "OUT.csv"], 3, "quotes of one instrument"),
        (["check", "none.csv"], 3, "does not exist"),
        ([], 2, "COMMAND"),
        (["join", "F"], 2, "required"),
    ],
)
def test_wrong_usage_and_bad_input(
    tmp_path: Path, legs: tuple[str, str], capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch, words: list[str], code: int, sentence: str,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    named = [{"F": legs[0], "E": legs[1]}.get(word, word) for word in words]
    assert main(["quotes", *named]) == code
    out, err = said(capsys)
    assert out == ""
    assert err.startswith("arbcore: ")
    assert sentence in err
    assert len(err.splitlines()) == 1
    assert not list(tmp_path.glob("*OUT*"))


def test_times_without_a_zone_are_said_and_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    # Ten o'clock in New York, written without a zone.
    texts = [f"2026-03-02 10:00:0{at}" for at in range(5)]
    files = []
    for name in ("f.csv", "e.csv"):
        lines = ["ts,bid,ask", *(f"{text},1,2" for text in texts)]
        (tmp_path / name).write_text("\n".join(lines), encoding="utf-8")
        files.append(str(tmp_path / name))
    out = tmp_path / "out.csv"
    assert main(["quotes", "join", *files, "-o", str(out), "--tz", "America/New_York"]) == 0
    assert "zone" not in said(capsys)[1]
    assert out.read_text(encoding="utf-8").splitlines()[1].startswith(iso(TEN))
    assert main(["quotes", "join", *files, "-o", str(out)]) == 0
    assert "name no zone and were taken as UTC" in said(capsys)[1]
    # Five in the morning is no session.
    assert len(out.read_text(encoding="utf-8").splitlines()) == 1


@pytest.mark.parametrize(
    ("spelling", "options"),
    [
        ("20260302 10:00:00 US/Eastern", []), ("20260302T150000Z", []), ("03/02/2026 3:00:00 PM", []),
        ("02/03/2026 15:00", ["--time-order", "dmy"]), ("2026/03/02 15:00:00", []), ("20260302-15:00:00", []),
        ("2026-03-02 09:00:00 America/Chicago", []), ("1772463600", []), ("1772463600000", []),
    ],
)  # fmt: skip
def test_times_in_every_spelling(tmp_path: Path, spelling: str, options: list[str]) -> None:
    files = []
    for name in ("f.csv", "e.csv"):
        (tmp_path / name).write_text(f"ts,bid,ask\n{spelling},1,2\n", encoding="utf-8")
        files.append(str(tmp_path / name))
    out = tmp_path / "out.csv"
    assert main(["quotes", "join", *files, "-o", str(out), "--session", "all", *options]) == 0
    assert out.read_text(encoding="utf-8").splitlines()[1] == f"{iso(TEN)},1,2,1,2,0,0"


#: More than a pipe holds: when all of it is written, the command reads.
MANY = "".join(f"{iso(TEN + at * SECOND)},6000.0,6000.25,598.0,598.01\n" for at in range(20_000))


JOIN_OF_STDIN = ["quotes", "join", "-", "leg.csv", "-o", "out.csv"]


@pytest.mark.parametrize(
    ("words", "number", "code"),
    [
        (JOIN_OF_STDIN, "SIGTERM", 0),
        (JOIN_OF_STDIN, "SIGHUP", 0),
        ([*JOIN_OF_STDIN, "--sort"], "SIGINT", 130),
        (["quotes", "convert", "-", "-o", "out.csv"], "SIGTERM", 0),
        (["quotes", "check", "-", "--html", "out.html"], "SIGTERM", 0),
        (["backtest", "-", "--trades", "out.csv"], "SIGTERM", 0),
        (["sweep", "-", "--entry-bps", "1:3:1", "--exit-bps", "0:1:1", "--csv", "out.csv"], "SIGTERM", 0),
    ],
)
def test_a_command_that_is_stopped_leaves_nothing_half_written(
    tmp_path: Path, words: list[str], number: str, code: int
) -> None:
    write_leg(tmp_path / "leg.csv", ROWS)
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    header = "ts,bid,ask,x,y\n" if words[1] == "join" else "ts,es_bid,es_ask,spy_bid,spy_ask\n"
    # Whoever starts a command in the background of a script has it ignore Ctrl-C.
    ignored = {"preexec_fn": lambda: signal.signal(signal.SIGINT, signal.SIG_IGN)} if code == 0 else {}
    with subprocess.Popen(
        [sys.executable, "-m", "arbcore", *words], cwd=tmp_path, env=os.environ | {"TMPDIR": str(scratch)},
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **ignored,
    ) as stopped:  # fmt: skip
        assert stopped.stdin is not None
        stopped.stdin.write(header + MANY)
        stopped.stdin.flush()
        stopped.send_signal(signal.Signals[number])
        out, err = stopped.communicate(timeout=60)
    assert (stopped.returncode, out) == (code, ""), err
    assert err.splitlines()[-1:] == ["arbcore: Stopped." if code == 0 else "arbcore: Interrupted."]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["leg.csv", "scratch"]
    assert list(scratch.iterdir()) == []
