"""The live page of a whole run: what it shows, that it ends with the run, and what is refused."""

import contextlib
import json
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ib_libraries import need

from arbcore.cli import main

RUNS = {
    "exchange": ("exchange", "--test", "prod-like", "--duration", "60", "--seed", "3"),
    "serve": ("serve", "--mode", "prod-like", "--port", "0", "--seed", "3"),
    "carry": ("ibkr", "--paper", "--simulate", "--seed", "5", "--duration", "60"),
}
#: What each kind's status has at least.
KEYS = {
    "exchange": {"pnl", "strategies", "exposure", "books", "own", "orders", "recent_fills", "rejects",
                 "refusals"},
    "serve": {"teams", "books", "trades", "recent_trades", "round", "left_s", "phase"},
    "carry": {"held", "executed", "pair", "day_pnl", "state", "reasons", "waiting", "deviation_bps", "legs",
              "limits", "orders", "alarms", "factor", "implied_financing", "days_to_roll"},
}  # fmt: skip


@contextlib.contextmanager
def started(kind: str, directory: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A run with a live page, and the page's address."""
    if kind == "carry":
        need("ib_insync")
    run = subprocess.Popen(
        [sys.executable, "-m", "arbcore", *RUNS[kind], "--listen", "127.0.0.1:0"], cwd=directory, text=True,
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
    )  # fmt: skip
    try:
        while "Live page: " not in (line := run.stderr.readline()):
            assert line, f"the run ended with {run.wait()}"
        yield run, line.partition("Live page: ")[2].strip()
    finally:
        run.kill()
        run.communicate()


def ask(url: str) -> str:
    with urllib.request.urlopen(url, timeout=10) as answer:
        return answer.read().decode()


def until_told(url: str) -> dict[str, Any]:
    """The first status that a run publishes."""
    end_s = time.monotonic() + 30
    while True:
        found: dict[str, Any] = json.loads(ask(url + "status.json"))
        if "kind" in found:
            return found
        assert time.monotonic() < end_s
        time.sleep(0.05)


def until_gone(url: str) -> None:
    end_s = time.monotonic() + 10
    while True:
        try:
            ask(url + "status.json")
        except OSError:
            return
        assert time.monotonic() < end_s
        time.sleep(0.05)


@pytest.mark.parametrize("kind", RUNS)
def test_a_run_shows_itself_and_ends_with_its_page(kind: str, tmp_path: Path) -> None:
    with started(kind, tmp_path) as (run, url):
        told = until_told(url)
        assert told["kind"] == kind
        assert KEYS[kind] <= told.keys()
        scraped = ask(url + "metrics")
        names = [line.split()[2] for line in scraped.split("\n") if line.startswith("# TYPE")]
        assert names
        assert all(name.startswith("arbcore_") for name in names)
        assert 'id="headline"' in ask(url)
        run.send_signal(signal.SIGTERM)
        run.stderr.read()
        assert run.wait(20) == 0
        until_gone(url)
    parser = pytest.importorskip("prometheus_client.parser", reason="prometheus_client is not installed")
    assert len(list(parser.text_string_to_metric_families(scraped))) == len(names)


def test_a_run_that_is_killed_leaves_no_server_behind(tmp_path: Path) -> None:
    with started("serve", tmp_path) as (run, url):
        until_told(url)
        run.kill()
        run.wait()
        until_gone(url)


def test_a_run_that_stands_still_is_not_well(tmp_path: Path) -> None:
    with started("serve", tmp_path) as (run, url):
        until_told(url)
        run.send_signal(signal.SIGSTOP)
        try:
            end_s = time.monotonic() + 10
            while json.loads(ask(url + "health"))["age_s"] < 0.5:
                assert time.monotonic() < end_s
                time.sleep(0.05)
        finally:
            run.send_signal(signal.SIGCONT)


REFUSED = {
    "no port": (["--listen", "127.0.0.1"], {}, "is not HOST:PORT", 2),
    "no host": (["--listen", ":9464"], {}, "is not HOST:PORT", 2),
    "a port too large": (["--listen", "127.0.0.1:65536"], {}, "is not HOST:PORT", 2),
    "open without a token": (["--listen", "0.0.0.0:0"], {}, "needs a token: set ARBCORE_LISTEN_TOKEN", 2),
    "a name without a token": (["--listen", "example.org:0"], {}, "needs a token", 2),
    "an empty token": (["--listen", "[::]:0"], {"ARBCORE_LISTEN_TOKEN": " "}, "needs a token", 2),
    "two words": (["--listen", "127.0.0.1:0"], {"ARBCORE_LISTEN_TOKEN": "a b"}, "without spaces", 2),
    "no such file": (["--listen", "127.0.0.1:0", "--listen-token-file", "none"], {}, "cannot be read", 2),
    "an empty file": (["--listen", "127.0.0.1:0", "--listen-token-file", "empty"], {}, "is empty", 2),
    "a file without a page": (["--listen-token-file", "empty"], {}, "name its address with --listen", 2),
    "no such address": (["--listen", "203.0.113.7:1"], {"ARBCORE_LISTEN_TOKEN": "x"}, "be listened on", 1),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_shown_is_refused_first(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    flags, environment, told, code = REFUSED[name]
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").write_text("\n")
    for key, value in environment.items():
        monkeypatch.setenv(key, value)
    words = ["exchange", "--test", "empty", "--duration", "1", "--journal", "run.journal", *flags]
    assert main(words) == code
    assert told in capfd.readouterr().err
    assert not (tmp_path / "run.journal").exists()
