"""The README is true: what it shows runs, its links lead somewhere, its figures are the measured ones."""

import json
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
from doc_pages import PageRun, blocks_of, inline_commands

import arbcore
from arbcore.cli import build_parser, main

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
COMMANDS = [words for block in blocks_of(README) if block.kind == "sh" for words in block.commands()]
LINES_MAX = 150
PICTURE_BYTES_MAX = 150_000


def test_what_the_readme_shows_runs(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    page = PageRun(README, tmp_path)
    page.run()
    assert page.done == sum(words[0] == "arbcore" for words in COMMANDS)


def test_the_readme_is_short() -> None:
    assert README.count("\n") < LINES_MAX


def test_the_shown_strategy_earns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (block,) = (block for block in blocks_of(README) if block.file_name == "basket.py")
    (tmp_path / block.file_name).write_text(block.text, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    run = "simulate --strategy basket:Basket --no-builtin --rounds 3 --round-s 100 --workers 1 --json"
    assert main(run.split()) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["strategy_errors"] == {}
    assert found["all"]["worst"] > 0


def test_one_backtest_earns_what_was_planted_and_the_other_finds_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    planted, fair = (words for words in COMMANDS if words[1] == "backtest" and "examples/" in words[2])
    monkeypatch.chdir(ROOT)
    documents = []
    for words in (planted, fair):
        assert main([*words[1:], "--json"]) == 0
        documents.append(json.loads(capsys.readouterr().out))
    assert documents[0]["total_pnl"] > 0
    assert documents[0]["evidence"]["delayed"]["total_pnl"] > 0
    assert documents[1]["trades"] == 0
    assert any(note.startswith("Nothing was traded: the largest edge") for note in documents[1]["notes"])
    (shown,) = re.findall(r"```text\nevidence(.*?)\nnote(.*?)```", README, re.DOTALL)
    verdict, note = (" ".join(text.split()) for text in shown)
    assert verdict == documents[0]["evidence"]["verdict"]
    assert note in documents[1]["notes"]


@pytest.mark.parametrize("command", inline_commands(README))
def test_commands_in_the_text_are_understood(command: str) -> None:
    build_parser().parse_args(shlex.split(command)[1:])


@pytest.mark.parametrize("words", [words for words in COMMANDS if words[0] == "make"], ids=shlex.join)
def test_make_knows_its_commands(words: list[str]) -> None:
    done = subprocess.run([*words, "-n"], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    expected = {"run": "exchange --test prod-like --duration 20", "test": "pytest"}
    assert expected[words[1]] in done.stdout


def test_make_run_and_make_test_come_first() -> None:
    assert [words[:2] for words in COMMANDS[:2]] == [["make", "run"], ["make", "test"]]


@pytest.mark.parametrize("target", re.findall(r"\]\(([^)]+)\)", README))
def test_links_lead_somewhere(target: str) -> None:
    path = ROOT / target
    assert path.is_file()
    if path.suffix == ".png":
        assert path.stat().st_size < PICTURE_BYTES_MAX


def test_its_figures_are_those_of_the_documentation() -> None:
    measured = (ROOT / "docs" / "concepts" / "measured.md").read_text(encoding="utf-8")
    section = README.split("## What is measured", 1)[1].split("\n## ", 1)[0]
    figures = re.findall(r"[0-9][0-9.,]*[0-9]|[0-9]", "".join(re.findall(r"^\|.*\|$", section, re.MULTILINE)))
    assert len(figures) > 8
    for figure in figures:
        assert figure in measured, figure


def test_the_version_of_the_changelog_is_the_packages() -> None:
    changes = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    versions = re.findall(r"^## (\d+\.\d+\.\d+)", changes, re.MULTILINE)
    assert versions[0] == arbcore.__version__
