"""``arbcore sweep`` as its users meet it: documents, files, sentences and exit codes."""

import csv
import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from html_text import Page, references_of

import arbcore
from arbcore.cli import main

SAMPLE = Path(__file__).resolve().parents[2] / "examples" / "es_spy_synthetic.csv"
BASE = ["--r", "0.043", "--d", "0.0125", "--factor", "10.03", "--cost-bps", "0.5"]
RANGES = ["--entry-bps", "1:5:1", "--exit_bps", "-1:1:0.5"]
SETTINGS: dict[str, Any] = {"r": 0.043, "d": 0.0125, "factor": 10.03, "cost_bps": 0.5}
Capture = pytest.CaptureFixture[str]


def document(capsys: Capture, *words: str) -> dict[str, Any]:
    assert main(["sweep", *words, "--json"]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def test_the_document_is_the_librarys(capsys: Capture) -> None:
    found = document(capsys, str(SAMPLE), *BASE, *RANGES)
    result = arbcore.sweep(SAMPLE, entry_bps="1:5:1", exit_bps="-1:1:0.5", **SETTINGS)
    table = found.pop("table")
    assert {name: list(column) for name, column in result.table.items()} == table
    assert found == json.loads(json.dumps(result.summary))
    assert found["schema"] == "arbcore.sweep/2"
    assert found["ranges"] == {"entry_bps": [1, 2, 3, 4, 5], "exit_bps": [-1, -0.5, 0, 0.5, 1]}


def test_every_cell_is_the_backtest_of_the_command_line(capsys: Capture) -> None:
    table = document(capsys, str(SAMPLE), *BASE, "--entry-bps", "2,4", "--es-fee", "0:3:3", "--full")["table"]
    for at in range(4):
        words = ["--entry-bps", str(table["entry_bps"][at]), "--es-fee", str(table["es_fee"][at])]
        assert main(["backtest", str(SAMPLE), *BASE, *words, "--json"]) == 0
        single = json.loads(capsys.readouterr().out)
        assert {name: column[at] for name, column in table.items() if name in single} == {
            name: single[name] for name in table if name in single
        }


def test_the_order_of_the_flags_is_the_order_of_the_grid(capsys: Capture) -> None:
    words = ["--exit-bps", "0:1:1", "--slippage-ticks", "0:1:1,2", "--entry-bps", "3,4"]
    found = document(capsys, str(SAMPLE), *BASE, *words)
    assert list(found["ranges"]) == ["exit_bps", "es_slippage_ticks", "entry_bps"]
    assert found["params"]["spy_slippage_ticks"] == 2


def test_the_table_file_has_one_row_a_cell(tmp_path: Path, capsys: Capture) -> None:
    path = tmp_path / "cells.csv"
    found = document(capsys, str(SAMPLE), *BASE, *RANGES, "--csv", str(path))
    header, *rows = csv.reader(io.StringIO(path.read_text(encoding="utf-8")))
    assert header[:2] == ["entry_bps", "exit_bps"]
    promised = "trades wins gross_pnl costs net_pnl open_pnl total_pnl profit_factor exposure average_hold_s"
    assert {*promised.split(), "max_drawdown_closed", "class"} <= set(header)
    assert len(rows) == 25
    for name, column in zip(header, zip(*rows, strict=True), strict=True):
        assert list(column) == ["" if cell is None else str(cell) for cell in found["table"][name]]
    assert [left.name for left in tmp_path.iterdir()] == ["cells.csv"]


def test_text_shows_cells_regions_and_the_map_within_eighty_columns(capsys: Capture) -> None:
    assert main(["sweep", str(SAMPLE), *BASE, *RANGES, "--stop-bps", "0,9"]) == 0
    out, err = capsys.readouterr()
    assert "50 cells over 780 rows used of 780" in out
    axes = "entry_bps down and exit_bps across\nat stop_bps"
    for part in ("Best cells", "Most robust regions", axes, "1 to 9  gains, from 0 to +", "* best cell"):
        assert part in out
    assert max(map(len, out[out.index("Total P&L in USD,") :].splitlines())) <= 80
    assert "front quarterly contract's was used: 2026-03-20" in err
    assert main(["sweep", str(SAMPLE), *BASE, "--entry-bps", "1:5:1"]) == 0
    assert "Total P&L in USD by entry_bps" in capsys.readouterr().out


def test_the_walk_forward_is_reported(capsys: Capture) -> None:
    words = [str(SAMPLE), *BASE, *RANGES, "--walk_forward", "400r:200r"]
    walked = document(capsys, *words)["walk_forward"]
    assert [window["test_rows"] for window in walked["windows"]] == [200, 180]
    assert main(["sweep", *words]) == 0
    out = capsys.readouterr().out
    assert "Walk-forward over 2 windows" in out
    assert f"out of sample {walked['best']['out_of_sample_net_pnl']:+,.0f}" in out


def test_standard_input_and_workers_give_the_same(capsys: Capture) -> None:
    plain = document(capsys, str(SAMPLE), *BASE, *RANGES)
    assert document(capsys, str(SAMPLE), *BASE, *RANGES, "--workers", "3") == plain
    words = [sys.executable, "-m", "arbcore", "sweep", "-", *BASE, *RANGES, "--json"]
    done = subprocess.run(words, input=SAMPLE.read_bytes(), capture_output=True, timeout=60)
    found = json.loads(done.stdout)
    assert found["table"] == plain["table"]


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        ([], 2, "The following arguments are required: DATA"),
        (["a.csv"], 2, "Nothing varies; give at least one setting as LO:HI:STEP"),
        (["a.csv", "--entry-bps", "5"], 2, "Nothing varies"),
        (["a.csv", "--entry-bps", "9:5:1"], 2, "which runs backwards; write 5:9:1"),
        (["a.csv", "--entry-bps", "5:9:0"], 2, "the step of a range must be above 0"),
        (["a.csv", "--entry-bps", "5:9:3"], 2, "does not reach 9 in steps of 3; end it at 8 or 11"),
        (
            ["a.csv", "--entry-bps", "0:999:1", "--exit-bps", "0:999:1"],
            2,
            "1,000,000 cells and a sweep has at",
        ),
        (["a.csv", "--entry-bps", "1:2:1", "--fill", "touch,mid"], 2, "--fill: invalid choice: 'touch,mid'"),
        (["a.csv", "--entry-bps", "1:2:1", "--cost-bps", "-2:2:1"], 2, "cost_bps is -2.0; it may be from 0"),
        (["a.csv", "--latency-rows", "0:2:1"], 2, "write one for each, such as --latency-rows 0:2:1,0"),
        (["a.csv", "./a.csv", "--entry-bps", "1:2:1"], 2, "./a.csv is named twice"),
        (["-", "-", "--entry-bps", "1:2:1"], 2, "- is named twice"),
        (["a.csv", "--entry-bps", "1:2:1", "--workers", "0"], 2, "0 is not a whole number from 1 to 1024"),
        (["a.csv", "--entry-bps", "1:2:1", "--workers", "2", "--dask", "h:1"], 2, "workers and dask exclude"),
        (["a.csv", "--entry-bps", "1:2:1", "--walk-forward", "5"], 2, "TRAIN:TEST in days with rows"),
        (["a.csv", "b.csv", "--entry-bps", "1:2:1", "--walk-forward", "5:1"], 2, "over one file of quotes"),
        (["a.csv", "--entry-bps", "1:2:1", "--csv", "a.csv"], 2, "would overwrite the quotes a.csv"),
        (["a.csv", "--entry-bps", "1:2:1"], 3, "a.csv does not exist"),
    ],
)
def test_what_is_wrong_is_one_sentence(
    words: list[str],
    code: int,
    sentence: str,
    tmp_path: Path,
    capsys: Capture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["sweep", *words]) == code
    out, err = capsys.readouterr()
    assert out == ""
    assert sentence in err
    assert err.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_too_few_rows_to_walk_is_said(capsys: Capture) -> None:
    assert main(["sweep", str(SAMPLE), "--entry-bps", "1:2:1", "--walk-forward", "20:5"]) == 2
    assert "The data has 2 days, too few to train on 20" in capsys.readouterr().err


def test_several_files_are_named_and_summed(tmp_path: Path, capsys: Capture) -> None:
    lines = SAMPLE.read_text(encoding="utf-8").splitlines(keepends=True)
    parts = [tmp_path / "monday.csv", tmp_path / "tuesday.csv"]
    parts[0].write_text("".join(lines[:391]), encoding="utf-8")
    parts[1].write_text("".join([lines[0], *lines[391:]]), encoding="utf-8")
    found = document(capsys, *map(str, parts), *BASE, *RANGES)
    assert [(each["name"], each["rows"]) for each in found["files"]] == [(str(part), 390) for part in parts]
    single = [document(capsys, str(part), *BASE, *RANGES)["table"] for part in parts]
    for at, net in enumerate(found["table"]["net_pnl"]):
        assert net == single[0]["net_pnl"][at] + single[1]["net_pnl"][at]
    assert main(["sweep", *map(str, parts), *BASE, *RANGES]) == 0
    out, err = capsys.readouterr()
    assert "of 2 files" in out
    assert "the worst of any file" in err


def test_a_terminal_sees_blocks() -> None:
    pty = pytest.importorskip("pty")
    leader, follower = pty.openpty()
    words = [sys.executable, "-m", "arbcore", "sweep", str(SAMPLE), *BASE, *RANGES]
    environment = os.environ | {"TERM": "xterm-256color"}
    environment.pop("NO_COLOR", None)
    child = subprocess.Popen(words, stdout=follower, stderr=subprocess.DEVNULL, env=environment)
    os.close(follower)
    seen = b""
    while True:
        try:
            piece = os.read(leader, 1 << 16)
        except OSError:  # Linux says so that the other end is closed.
            break
        if not piece:
            break
        seen += piece
    os.close(leader)
    assert child.wait(timeout=60) == 0
    assert b"\x1b[48;5;" in seen


def test_the_page_has_the_map_the_regions_and_the_walk(tmp_path: Path, capsys: Capture) -> None:
    path = tmp_path / "<b>.html"
    quotes = tmp_path / "<i>.csv"
    quotes.write_bytes(SAMPLE.read_bytes())
    words = [*BASE, *RANGES, "--walk-forward", "400r:200r", "--html", str(path)]
    assert main(["sweep", str(quotes), *words]) == 0
    page = Page(path.read_text(encoding="utf-8"))
    assert references_of(page) == []
    assert "<i>.csv" in page.text
    kinds = {"gain", "loss", "zero", "idle"}
    assert sum(name == "rect" and found.get("class") in kinds for name, found in page.elements) == 25
    assert sum("frame-soft" in found.get("class", "") for _, found in page.elements) == 8
    for title in ("Robust regions", "Walk-forward", "The best cells"):
        assert title in page.text
    capsys.readouterr()
    assert main(["sweep", str(quotes), *BASE, *RANGES, "--html", str(path), "--csv", str(path)]) == 2
    assert "would overwrite --csv" in capsys.readouterr().err
