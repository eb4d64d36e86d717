"""The client's program through a proxy that spoils its connection: it goes on, and ends knowing the truth."""

import json
import subprocess
import sys
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import pytest
from proxy import FaultProxy
from served import Served

from arbcore.play.simulated_link import MILLISECOND_NS, Faults

SEED = 7
PATIENCE_S = 90
ROUND_NS = 600_000 * MILLISECOND_NS

#: A run for each way in which a connection can be bad; all of them at once, on one exchange.
STORMS: dict[str, dict[str, Any]] = {
    "clean": {},
    "cut": {"cut_first": 2},
    "drip": {"faults": Faults(slice=1.0)},
    "garble": {"faults": Faults(garble=0.05, noise=0.05)},
    "delay": {
        "faults": Faults(stall=0.01, stall_ns=200 * MILLISECOND_NS),
        "latency_ns": 5 * MILLISECOND_NS,
        "jitter_ns": 20 * MILLISECOND_NS,
    },
    "duplicate": {"faults": Faults(duplicate=0.5)},
    "all": {"faults": Faults(slice=0.3, noise=0.02, garble=0.02, duplicate=0.1), "cut_first": 1},
}


@dataclass
class Run:
    """What one program left behind, and what the proxy and the exchange know of it."""

    code: int
    document: dict[str, Any]
    stderr: str
    connections: int
    cuts: int
    score: dict[str, Any]


@pytest.fixture(scope="module")
def runs() -> dict[str, Run]:
    with ExitStack() as stack:
        venue = stack.enter_context(Served(mode="prod-like", round_ns=ROUND_NS))
        proxies = {
            name: stack.enter_context(FaultProxy(venue.port, seed=SEED, **options))
            for name, options in STORMS.items()
        }
        programs = {name: start(name, proxy.port) for name, proxy in proxies.items()}
        ended = {name: program.communicate(timeout=PATIENCE_S) for name, program in programs.items()}
        venue.stop()
        venue.engine.check()
        scores = venue.engine.scores()
        return {
            name: Run(
                code=programs[name].returncode,
                document=json.loads(out or "{}"),
                stderr=err,
                connections=proxies[name].connections,
                cuts=proxies[name].cuts,
                score=scores[team_of(name)],
            )
            for name, (out, err) in ended.items()
        }


def team_of(name: str) -> str:
    return f"TEAM{name.upper()}"


def start(name: str, port: int) -> "subprocess.Popen[str]":
    address = ["--address", f"127.0.0.1:{port}", "--team", team_of(name)]
    return subprocess.Popen(
        [sys.executable, "-m", "arbcore", "exchange", *address, "--duration", "5", "--json", "--quiet"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("name", STORMS)
def test_run_ends_in_order(runs: dict[str, Run], name: str) -> None:
    run = runs[name]
    assert run.code == 0, f"seed {SEED}: {run.stderr}"
    assert "Traceback" not in run.stderr
    assert run.document["ended_by"] == "done"
    assert run.document["orders_sent"] > 0


@pytest.mark.parametrize("name", STORMS)
def test_no_limit_is_passed(runs: dict[str, Run], name: str) -> None:
    assert runs[name].document["limit_breaches"] == 0
    assert not [text for text in runs[name].document["rejects"] if text.startswith("LIMIT")]


@pytest.mark.parametrize("name", STORMS)
def test_every_connection_is_counted(runs: dict[str, Run], name: str) -> None:
    assert runs[name].document["connections"] == runs[name].connections


@pytest.mark.parametrize("name", STORMS)
def test_it_knows_what_the_exchange_knows(runs: dict[str, Run], name: str) -> None:
    run = runs[name]
    assert run.document["positions"] == run.score["positions"]
    assert run.document["cash"] == run.score["cash"]
    assert run.document["fair_pnl"] is None


@pytest.mark.parametrize("name", ["cut", "all"])
def test_cut_connections_are_made_again(runs: dict[str, Run], name: str) -> None:
    assert runs[name].cuts >= 1
    assert runs[name].document["connections"] >= 2


@pytest.mark.parametrize("name", ["garble", "all"])
def test_spoilt_lines_are_counted_by_kind(runs: dict[str, Run], name: str) -> None:
    assert sum(runs[name].document["faults"].values()) > 0


@pytest.mark.parametrize("name", ["clean", "drip", "delay"])
def test_a_whole_stream_has_no_faults(runs: dict[str, Run], name: str) -> None:
    assert runs[name].document["faults"] == {}
