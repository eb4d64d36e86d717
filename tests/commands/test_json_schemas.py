"""The documents of ``--json`` are what ``docs/schemas`` says: every command's real output is validated."""

import json
import shutil
import signal
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from arbcore.broker.news import News
from arbcore.cli import COMMANDS, main

jsonschema = pytest.importorskip("jsonschema", reason="jsonschema is not installed")

ROOT = Path(__file__).resolve().parents[2]
SCHEMAS = {
    path.stem: json.loads(path.read_text(encoding="utf-8"))
    for path in sorted((ROOT / "docs" / "schemas").glob("*.json"))
}
NO_IBKR = pytest.mark.skipif(
    find_spec("ib_insync") is None and find_spec("ib_async") is None, reason="no library of the broker"
)
SAMPLE = "examples/es_spy_synthetic.csv"
MODEL = "--r 0.043 --d 0.0125 --factor auto:60 --exit-bps 0.5 --cost-bps 0.5"
LEGS = "examples/es_quotes_synthetic.csv examples/spy_quotes_synthetic.csv"
NOW = "--expiry ESZ26 --now 2026-11-20T15:00Z"
#: Schema and command line.
RUNS = (
    ("config", "config show"),
    ("doctor", "doctor"),
    ("backtest", f"backtest {SAMPLE} {MODEL} --entry-bps 3"),
    ("backtest", f"backtest {SAMPLE} {MODEL} --entry-bps 3 --check-lookahead --latency-rows 1"),
    ("backtest", f"backtest {SAMPLE} {MODEL} --entry-bps 3 --close-at-end"),
    ("backtest", f"backtest {SAMPLE} {MODEL} --entry-bps 900"),
    ("sweep", f"sweep {SAMPLE} {MODEL} --entry-bps 1:4:1"),
    ("sweep", f"sweep {SAMPLE} {MODEL} --entry-bps 1:4:1 --full --walk-forward 300r:120r"),
    ("sweep", f"sweep {SAMPLE} {MODEL} --entry-bps 900:901:1"),
    ("quotes-join", f"quotes join {LEGS} -o joined.csv --pair es-spy"),
    ("quotes-check", f"quotes check {SAMPLE} --r 0.043 --d 0.0125"),
    ("quotes-check", f"quotes check {SAMPLE} --r 0.043 --d 0.0125 --true-factor 10.03"),
    ("quotes-convert", f"quotes convert {SAMPLE} -o converted.csv.gz"),
    ("fair", f"fair --spot 6810 {NOW} --r 0.043 --d 0.0125"),
    ("fair", f"fair --spy 680.1 680.12 --factor 10.03 {NOW} --dtb3 3.63 --es 6838.25 6838.5 --far 6890 6891"),
    ("gateway-faults", "gateway --list-faults"),
    ("exchange", "exchange --test empty --duration 0.5 --quiet --no-builtin"),
    ("simulate", "simulate --rounds 2 --round-s 3 --workers 1"),
    ("simulate", "simulate --rounds 2 --round-s 3 --workers 1 --against builtin --regime all"),
)  # fmt: skip
#: A session, and its journal again.
SESSION_RUNS = (
    ("exchange", "exchange --test prod-like --duration 1 --seed 7 --journal run.journal --quiet"),
    ("replay", "replay run.journal"),
)
#: The carry bot's own, over its store.
CARRY_RUNS = (
    ("ibkr", "ibkr --paper --simulate --seed 7 --duration 1 --db s.sqlite3 --quiet"),
    ("report", "report --db s.sqlite3"),
    ("status", "status --db s.sqlite3"),
)
#: Servers, whose documents are lines.
SERVERS = (
    ("serve", "serve --mode prod-like --port 0 --text-port 0 --round 1 --restart 1 --quiet"),
    ("gateway", "gateway --port 0 --seed 7 --quiet"),
)
EVERY = (*RUNS, *SESSION_RUNS, *CARRY_RUNS, *SERVERS)


def check(name: str, document: dict[str, Any]) -> None:
    jsonschema.Draft202012Validator(SCHEMAS[name]).validate(document)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("documents")
    shutil.copytree(ROOT / "examples", folder / "examples")
    return folder


def run(line: str, folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(folder)
    assert main([*line.split(), "--json"]) in (0, 1), line
    return capsys.readouterr().out


@pytest.mark.parametrize(("name", "line"), RUNS, ids=[line for _, line in RUNS])
def test_a_document_is_what_its_schema_says(
    name: str, line: str, folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    check(name, json.loads(run(line, folder, capsys, monkeypatch)))


def test_a_sessions_documents_are_what_their_schemas_say(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, line in SESSION_RUNS:
        check(name, json.loads(run(line, tmp_path, capsys, monkeypatch)))


@NO_IBKR
def test_the_carry_bots_documents_are_what_their_schemas_say(folder: Path) -> None:
    for name, line in CARRY_RUNS:
        done = subprocess.run(
            [sys.executable, "-m", "arbcore", *line.split(), "--json"],
            cwd=folder, capture_output=True, text=True, timeout=100,
        )  # fmt: skip
        assert done.returncode in (0, 1), done.stderr
        check(name, json.loads(done.stdout))


@pytest.mark.parametrize(("name", "line"), SERVERS)
def test_a_servers_lines_are_what_their_schema_says(name: str, line: str, folder: Path) -> None:
    server = subprocess.Popen(
        [sys.executable, "-m", "arbcore", *line.split(), "--json"],
        cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    assert server.stdout is not None
    lines = [server.stdout.readline()]
    if name == "serve":
        lines.append(server.stdout.readline())  # the first round's end
    server.send_signal(signal.SIGINT)
    rest, _ = server.communicate(timeout=30)
    events = [json.loads(each) for each in (*lines, *rest.splitlines()) if each]
    assert len(events) >= 2
    for event in events:
        check(name, event)


@pytest.mark.parametrize("held", [None, {"ES": -1, "SPY": 502}])
def test_an_alarm_is_what_its_schema_says(held: dict[str, int] | None) -> None:
    news = News(kind="alarm", text="Halted.", mode="paper", account="DU1", machine="m", held=held, ts_ns=1)
    check("alert", json.loads(json.dumps(news.document())))


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_schema_is_one_and_refuses_what_lacks(name: str) -> None:
    schema = SCHEMAS[name]
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["title"].startswith("arbcore.")
    with pytest.raises(jsonschema.ValidationError):
        check(name, {})


def test_every_command_that_prints_documents_has_a_schema() -> None:
    # A completion is a script for a shell and no document.
    held = {line.split()[0] for _, line in EVERY} | {"completion"}
    assert held == {name for name, _ in COMMANDS}
    assert {name for name, _ in EVERY} == set(SCHEMAS) - {"alert"}
