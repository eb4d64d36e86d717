"""``arbcore quotes`` as it is typed: exit codes, JSON, sentences, files."""

import json
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
