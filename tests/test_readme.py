"""The README is true: each of its commands runs, and does what the text around it says."""

import json
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

import arbcore
from arbcore.cli import COMMANDS

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```sh\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
# Named in the text and not run: they dial hosts that only the organiser's network has.
INLINE = re.findall(r"`(arbcore [^`]*)`", README)
DURATION_MAX_S = 1


def commands_of(block: str) -> list[list[str]]:
    return [words for line in block.splitlines() if (words := shlex.split(line, comments=True))]


ALL_COMMANDS = [words for block in BLOCKS for words in commands_of(block)]


def quickened(words: list[str], *, port: int) -> list[str]:
    """The README's command as the test runs it: a short run, on a port that is free."""
    words = [word.replace("25000", str(port)) for word in words]
    if words[1] == "exchange" or "--duration" in words:
        if "--duration" not in words:
            words += ["--duration", "999"]
        at = words.index("--duration") + 1
        words[at] = str(min(float(words[at]), DURATION_MAX_S))
    return [sys.executable, "-m", *words]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def python_blocks() -> dict[str, str]:
    """The README's Python files: each begins with its own name as a comment."""
    found = re.findall(r"^```python\n# (\w+\.py)\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
    return dict(found)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in python_blocks().items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    return tmp_path


def run(words: list[str], folder: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(words, cwd=folder, capture_output=True, text=True, timeout=100)


SERVERS = ("arbcore serve", "arbcore gateway")
RUNNABLE = [
    block for block in BLOCKS if "arbcore" in block and not any(server in block for server in SERVERS)
]


@pytest.mark.parametrize("block", [block for block in RUNNABLE if "--address" not in block])
def test_commands_run_one_after_the_other(block: str, folder: Path) -> None:
    for words in commands_of(block):
        if words[0] == ".":
            assert words[1:] == [".venv/bin/activate"]
            continue
        assert words[0] == "arbcore", words
        done = run(quickened(words, port=free_port()), folder)
        assert done.returncode == 0, f"{shlex.join(words)}\n{done.stdout}\n{done.stderr}"
        assert done.stdout
        if "--json" in words:
            assert json.loads(done.stdout)["schema"].startswith("arbcore.")


def test_two_shells_meet_on_one_exchange(folder: Path) -> None:
    (serve,) = (words for words in ALL_COMMANDS if words[:2] == ["arbcore", "serve"])
    clients = [words for words in ALL_COMMANDS if "--address" in words]
    assert clients
    port = free_port()
    server = subprocess.Popen(
        quickened(serve, port=port), cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    try:
        assert server.stdout is not None
        assert str(port) in server.stdout.readline()
        for words in clients:
            done = run(quickened(words, port=port), folder)
            assert done.returncode == 0, f"{shlex.join(words)}\n{done.stdout}\n{done.stderr}"
            assert f"127.0.0.1:{port}" in done.stdout
    finally:
        server.send_signal(signal.SIGINT)
        server.communicate(timeout=30)
    assert server.returncode == 130


@pytest.mark.skipif(find_spec("ib_insync") is None, reason="ib_insync is not installed")
def test_a_program_of_ones_own_trades_on_the_gateway(folder: Path) -> None:
    (gateway,) = (words for words in ALL_COMMANDS if words[:2] == ["arbcore", "gateway"])
    program = folder / "first_order.py"
    port = free_port()
    program.write_text(program.read_text(encoding="utf-8").replace("7400", str(port)), encoding="utf-8")
    server = subprocess.Popen(
        [sys.executable, "-m", *(word.replace("7400", str(port)) for word in gateway)],
        cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    try:
        assert server.stdout is not None
        assert str(port) in server.stdout.readline()
        done = run([sys.executable, program.name], folder)
        assert done.returncode == 0, done.stderr
        assert done.stdout.startswith("Filled 100.0 at 68"), done.stdout
    finally:
        server.send_signal(signal.SIGINT)
        server.communicate(timeout=30)
    assert server.returncode == 130


def test_every_subcommand_is_in_the_readme() -> None:
    shown = {words[1] for words in ALL_COMMANDS if words[0] == "arbcore"}
    assert {name for name, *_ in COMMANDS} <= shown


@pytest.mark.parametrize("command", INLINE)
def test_commands_in_the_text_are_understood(command: str) -> None:
    # Parsed, not run. "MODE" and the like stand for a value.
    from arbcore.cli import build_parser

    words = shlex.split(command)[1:]
    build_parser().parse_args([{"MODE": "empty"}.get(word, word) for word in words])


@pytest.mark.parametrize("words", [words for words in ALL_COMMANDS if words[0] == "make"], ids=shlex.join)
def test_make_knows_its_commands(words: list[str]) -> None:
    done = subprocess.run([*words, "-n"], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    expected = {"run": "exchange --test prod-like --duration 20", "test": "pytest"}
    assert expected[words[1]] in done.stdout


def test_make_run_and_make_test_come_first() -> None:
    assert [words[:2] for words in commands_of(BLOCKS[0])] == [["make", "run"], ["make", "test"]]


def test_the_version_of_the_changelog_is_the_packages() -> None:
    changes = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    versions = re.findall(r"^## (\d+\.\d+\.\d+)", changes, re.MULTILINE)
    assert versions[0] == arbcore.__version__
