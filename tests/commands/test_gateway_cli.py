"""``arbcore gateway`` as its users meet it."""

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from arbcore import cli
from arbcore.carry.pairs import DEFAULT_PAIR
from arbcore.commands import gateway
from arbcore.gateway.quote_source import market_of

PATIENCE_S = 60.0
SAMPLE = Path(__file__).resolve().parents[2] / "examples" / "es_spy_synthetic.csv"
POSIX = pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")


def started(*words, cwd):
    return subprocess.Popen(
        [sys.executable, "-m", "arbcore", "gateway", "--port", "0", *words], cwd=cwd, text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


@POSIX
@pytest.mark.parametrize("which", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_it_says_where_it_listens_and_ends_in_order(tmp_path, which):
    with started("--seed", "7", cwd=tmp_path) as program:
        line = program.stdout.readline()
        assert line.startswith("Gateway (account DUSIM000001, seed 7) listening on 127.0.0.1:")
        port = int(line.rstrip(".\n").rpartition(":")[2])
        with socket.create_connection(("127.0.0.1", port), PATIENCE_S):
            program.send_signal(which)
            out, err = program.communicate(timeout=PATIENCE_S)
    assert program.returncode == (130 if which == signal.SIGINT else 0)
    assert "0 orders, 0 executions; flat; P&L +0.00 USD." in out
    assert f"ib.connect('127.0.0.1', {port}, clientId=1)" in err


def test_json_is_one_object_a_line_and_a_closed_stdin_ends_it(tmp_path):
    with started("--replay", str(SAMPLE), "--json", "--until-stdin-closes", cwd=tmp_path) as program:
        out, _ = program.communicate(timeout=PATIENCE_S)
    listening, ended = map(json.loads, out.splitlines())
    assert program.returncode == 0
    assert (listening["schema"], listening["event"], listening["seed"]) == (
        "arbcore.gateway/1", "listening", None,
    )  # fmt: skip
    assert (ended["event"], ended["rows"], ended["positions"]) == ("ended", 0, {})


def test_every_fault_is_listed(capsys):
    assert cli.main(["gateway", "--list-faults"]) == 0
    shown = capsys.readouterr().out
    assert "held_short=3 " in shown
    assert cli.main(["gateway", "--list-faults", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert len(listed["faults"]) == len(shown.splitlines()) > 50


def test_flags_of_the_market_are_settings_of_it():
    settings = market_of(DEFAULT_PAIR)
    assert {name: getattr(settings, name) for name, *_ in gateway._MARKET} == {
        "etf": 680.0, "factor": 10.0, "r": 0.045, "d": 0.014, "basis_bps": 7.0
    }  # fmt: skip


EMPTY = "ts,es_bid,es_ask,spy_bid,spy_ask\n"


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--fault", "disconect@3"], 2, "There is no fault 'disconect'"),
        (["--fault", "disconnect"], 2, "write NAME@SECONDS"),
        (["--speed", "0"], 2, "'0' is not a speed; write 1, 60 or inf"),
        (["--account", "DU 1"], 2, "An account has letters and digits"),
        (["--cash", "-1"], 2, "is not a number of 0 or more"),
        (["--expiry", "2026-12-18"], 2, "--expiry is for a replay"),
        (["--replay", "x.csv", "--seed", "1"], 2, "not allowed with argument"),
        (["--replay", "empty.csv", "--r", "0.04"], 2, "--r is for generated quotes"),
        (["--r", "many"], 2, "'many' is not a number"),
        (["--r", "4.5e9"], 2, "The rate is a decimal such as 0.045"),
        (["--basis-bps", "-1"], 2, "basis_bps of the market is -1; it must be 0 or more"),
        (["--replay", "nowhere.csv"], 3, "nowhere.csv does not exist"),
        (["--replay", "empty.csv"], 3, "has no row that can be used"),
        (["--replay", "bad.csv"], 3, "line 2"),
        (["--replay", "empty.csv", "--expiry", "someday"], 2, "--expiry cannot be read"),
        (["--host", "256.1.1.1"], 1, "is not an address to listen on"),
        (["--contracts", "own.csv"], 2, "own.csv lists SPY, which the gateway quotes itself; leave it out"),
    ],
)
def test_what_is_wrong_is_one_sentence(tmp_path, monkeypatch, capsys, words, code, said):
    (tmp_path / "empty.csv").write_text(EMPTY, encoding="utf-8")
    (tmp_path / "bad.csv").write_text(EMPTY + "yesterday,1,2,3,4\n", encoding="utf-8")
    (tmp_path / "own.csv").write_text("symbol,sec_type,price\nAAPL,STK,250\nSPY,STK,600\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert cli.main(["gateway", "--port", "0", *words]) == code
    out, err = capsys.readouterr()
    assert said in err
    assert err.count("\n") == 1
    assert out == ""


def test_a_port_in_use_is_one_sentence(capsys):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        assert cli.main(["gateway", "--port", str(taken.getsockname()[1])]) == 1
    assert "is in use by another program; give another --port" in capsys.readouterr().err
