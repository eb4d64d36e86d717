"""``arbcore serve`` as an organiser meets it: teams, results, both forms, the board, and how it ends."""

import csv
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from contextlib import contextmanager

import pytest

from arbcore.commands.serve import exposure, open_to_network, second_login_text

PATIENCE_S = 60.0


def command(*words):
    return [sys.executable, "-m", "arbcore", "serve", *words]


def ended(*words, cwd):
    return subprocess.run(command(*words), cwd=cwd, capture_output=True, text=True, timeout=PATIENCE_S)


@contextmanager
def served(*words, cwd):
    """The program and its first line; ``stop`` it, or it is killed at the end."""
    process = subprocess.Popen(
        command("--port", "0", "--json", *words), cwd=cwd, text=True, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )  # fmt: skip
    timer = threading.Timer(PATIENCE_S, process.kill)
    timer.start()
    try:
        yield process, json.loads(process.stdout.readline())
    finally:
        process.kill()
        process.communicate()
        timer.cancel()


class Words:
    """A client that speaks plain text."""

    def __init__(self, port, *lines):
        self.sock = socket.create_connection(("127.0.0.1", port), PATIENCE_S)
        self.file = self.sock.makefile("r", encoding="ascii")
        self.say(*lines)

    def say(self, *lines):
        self.sock.sendall("".join(f"{line}\n" for line in lines).encode())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.file.close()
        self.sock.close()


def test_an_evening_of_teams_with_passwords_results_and_plain_text(tmp_path):
    (tmp_path / "teams.txt").write_text("ALPHA,swordfish\nBETA\n")
    (tmp_path / "teams.txt").chmod(0o600)
    words = ("--mode", "prod-like", "--round", "1", "--restart", "0.1", "--text-port", "0", "--seed", "5")
    with served(*words, "--teams", "teams.txt", "--results", "evening.csv", cwd=tmp_path) as (process, first):
        assert first["event"] == "listening"
        assert (first["regime"], first["open_to_network"]) == ("normal", False)
        with Words(first["text_port"], "HELLO ALPHA wrong") as stranger:
            assert stranger.file.readline().startswith("ERROR LOGIN_REFUSED: ")
        with Words(first["text_port"], "HELLO ALPHA swordfish") as alpha, \
                Words(first["text_port"], "HELLO BETA") as beta:  # fmt: skip
            assert alpha.file.readline().startswith("HELLO BOND:0 ")
            assert beta.file.read().splitlines()[-1].startswith("CLOSE ")
        event = json.loads(process.stdout.readline())
        assert sorted(event["scores"]) == ["ALPHA", "BETA"]
        with (tmp_path / "evening.csv").open(newline="") as file:
            rows = list(csv.DictReader(file))
        assert sorted(row["team"] for row in rows) == ["ALPHA", "BETA"]
        assert {row["round"] for row in rows} == {"1"}
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE_S) == 0
        assert "swordfish" not in process.stderr.read()


def test_our_own_bot_logs_in_with_its_team_password_and_keeps_it_to_itself(tmp_path):
    (tmp_path / "teams.txt").write_text("ALPHA,sword\"fish\n")
    (tmp_path / "teams.txt").chmod(0o600)
    words = ("--mode", "prod-like", "--round", "30", "--seed", "5", "--teams", "teams.txt")
    with served(*words, cwd=tmp_path) as (process, first):
        bot = [
            sys.executable, "-m", "arbcore", "exchange", "--address", f"127.0.0.1:{first['port']}", "--team",
            "ALPHA", "--duration", "1", "--journal", "run.journal", "--json",
        ]  # fmt: skip
        done = [
            subprocess.run(
                bot, cwd=tmp_path, capture_output=True, text=True, timeout=PATIENCE_S, check=False,
                env=os.environ | {"ARBCORE_PASSWORD": password},
            )
            for password in ("", "wrong", 'sword"fish')
        ]
        process.send_signal(signal.SIGTERM)
        process.wait(PATIENCE_S)
    assert [each.returncode for each in done] == [1, 1, 0]
    assert "the password is not this team's" in done[1].stderr
    assert json.loads(done[2].stdout)["messages_in"] > 0
    kept = b"".join(path.read_bytes() for path in tmp_path.glob("run*.journal"))
    told = "".join(each.stdout + each.stderr for each in done)
    assert kept
    assert b"fish" not in kept
    assert "fish" not in told
    again = subprocess.run(
        [sys.executable, "-m", "arbcore", "replay", str(max(tmp_path.glob("run*.journal")))],
        cwd=tmp_path, capture_output=True, text=True, timeout=PATIENCE_S, check=False,
    )  # fmt: skip
    assert again.returncode == 0, again.stderr


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
@pytest.mark.parametrize(("number", "code"), [("SIGINT", 130), ("SIGTERM", 0), ("SIGHUP", 0)])
def test_every_signal_ends_it_in_order(tmp_path, number, code):
    with served("--mode", "empty", cwd=tmp_path) as (process, first):
        with socket.create_connection(("127.0.0.1", first["port"]), PATIENCE_S) as client:
            client.sendall(b'{"type":"hello","team":"ALPHA"}\n')
            file = client.makefile("rb")
            assert b'"hello"' in file.readline()
            process.send_signal(getattr(signal, number))
            assert b"stopped by its operator" in file.read()
            file.close()
        assert process.wait(PATIENCE_S) == code


def test_results_are_never_overwritten(tmp_path):
    (tmp_path / "evening.csv").write_text("precious\n")
    done = ended("--mode", "empty", "--port", "0", "--results", "evening.csv", cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr == (
        "arbcore: evening.csv exists and results are never overwritten; name another --results.\n"
    )
    assert (tmp_path / "evening.csv").read_text() == "precious\n"


@pytest.mark.parametrize(
    ("words", "code", "part"),
    [
        (("--teams", "none.txt"), 3, "none.txt cannot be read"),
        (("--results", "none/x.csv"), 1, "none/x.csv cannot be written"),
        (("--regime", "wild"), 2, "choose from"),
        (("--text-port", "70000"), 2, "whole number"),
    ],
)
def test_what_cannot_be_is_one_sentence(tmp_path, words, code, part):
    done = ended("--mode", "empty", "--port", "0", *words, cwd=tmp_path)
    assert done.returncode == code
    assert part in done.stderr
    assert done.stderr.count("\n") == 1
    assert done.stdout == ""


def test_two_ports_that_are_one_are_one_sentence(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = ended("--mode", "empty", "--port", "0", "--text-port", str(port), cwd=tmp_path)
    assert done.returncode == 1
    assert f"127.0.0.1:{port} is in use by another program" in done.stderr


def test_listening_to_the_network_says_what_it_means(tmp_path):
    with served("--mode", "empty", "--host", "0.0.0.0", cwd=tmp_path) as (process, first):
        assert first["open_to_network"] is True
        process.terminate()
        assert "Open to the network: anybody who reaches it can trade" in process.stderr.read()


@pytest.mark.parametrize(
    ("host", "reached"),
    [
        ("127.0.0.1", False), ("127.0.0.2", False), ("localhost", False), ("::1", False), ("0.0.0.0", True),
        ("::", True), ("192.168.1.5", True), ("exchange.local", True),
    ],
)  # fmt: skip
def test_only_loopback_is_closed_to_the_network(host, reached):
    assert open_to_network(host) is reached
    assert bool(exposure(host, None)) is reached


@pytest.mark.parametrize(
    ("teams", "part"),
    [(None, "as any team"), ({"A": ""}, "without a password"), ({"A": "x"}, "sent in the clear"),
     ({"A": "x", "B": ""}, "without a password")],
)  # fmt: skip
def test_what_guards_an_open_exchange_is_said(teams, part):
    notice = exposure("0.0.0.0", teams)
    assert part in notice
    assert len(notice) < 80


@pytest.mark.parametrize(
    ("refused", "two_bots", "said"),
    [
        (False, False, "it replaced the one from h:1 (a reconnect)."),
        (False, True, "it replaced the one from h:1 (two bots of one team?)."),
        (True, True, "it was refused (two bots of one team?)."),
    ],
)
def test_a_second_login_is_said_for_a_person(refused, two_bots, said):
    event = {"team": "A", "from": "h:2", "other": "h:1", "refused": refused, "two_bots": two_bots}
    assert second_login_text(event) == f"A logged in again from h:2; {said}"
