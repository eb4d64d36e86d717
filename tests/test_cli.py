"""The program as its users meet it: subprocesses, exit codes, what is printed where."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

import arbcore
from arbcore import cli

PATIENCE_S = 60.0
POSIX = pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
DOCUMENTED_EXCHANGE_KEYS = {
    *("schema", "mode", "address", "rounds", "messages_in", "orders_sent", "cancels_sent", "converts_sent"),
    *(
        "fills",
        "rejects",
        "positions",
        "cash",
        "pnl",
        "fair_pnl",
        "strategies",
        "latency_us",
        "limit_breaches",
    ),
}


def run(*words, cwd, env=None):
    return subprocess.run(
        [sys.executable, "-m", "arbcore", *words], cwd=cwd, env=os.environ | (env or {}), timeout=PATIENCE_S,
        capture_output=True, text=True,
    )  # fmt: skip


class Program:
    """A program that runs beside the test; its standard error is read line by line as it comes."""

    def __init__(self, *words, cwd):
        self.process = subprocess.Popen(
            [sys.executable, "-m", "arbcore", *words], cwd=cwd, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        # Whatever goes wrong, no test waits for ever on a line that does not come.
        self._timer = threading.Timer(PATIENCE_S, self.process.kill)
        self._timer.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.communicate()
        self._timer.cancel()

    def said(self, pattern):
        """Reads standard error up to the line that matches."""
        for line in self.process.stderr:
            if (match := re.search(pattern, line)) is not None:
                return match
        raise AssertionError(f"it ended without saying {pattern}")

    def finish(self):
        out, err = self.process.communicate(timeout=PATIENCE_S)
        return self.process.returncode, out, err


def sentence(capsys, *words):
    """Exit code and the one line on standard error of a command line that fails."""
    code = cli.main(words)
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("arbcore: ")
    assert err.count("\n") == 1, err
    assert err.rstrip().endswith((".", "?")), err
    return code, err


# --- help, version, wrong usage -------------------------------------------------------------------


def test_version_says_version_and_build(tmp_path):
    done = run("--version", cwd=tmp_path)
    assert done.returncode == 0
    assert re.match(
        rf"arbcore {re.escape(arbcore.__version__)} \((release|sanitized|traced) build, .*CPython",
        done.stdout,
    )


@pytest.mark.parametrize("command", [[], *([name] for name, _ in cli.COMMANDS)])
def test_help_has_examples_and_the_disclaimer(command, capsys):
    assert cli.main([*command, "--help"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert "examples:" in out
    assert "not financial advice" in out
    assert max(len(line) for line in out.splitlines()) <= 120


def test_no_command_is_wrong_usage_and_shows_the_help(capsys):
    assert cli.main([]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "COMMAND" in err


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (["play"], "invalid choice"),
        (["exchange"], "--test --production --address"),
        (["exchange", "--test", "fast"], "invalid choice: 'fast'"),
        (["exchange", "--test", "empty", "--production"], "not allowed with"),
        (["exchange", "--production"], "ARBCORE_TEAM"),
        (["exchange", "--test", "empty", "--team", "TEAM1"], "letters A to Z"),
        (["exchange", "--test", "empty", "--host", "box"], "needs a team"),
        (["exchange", "--address", "box"], "HOST:PORT"),
        (["exchange", "--address", "box:1", "--port", "2"], "leave --host and --port out"),
        (["exchange", "--test", "empty", "--duration", "0"], "number of seconds"),
        (["exchange", "--test", "empty", "--duration", "nan"], "number of seconds"),
        (["exchange", "--test", "empty", "--rounds", "-1"], "whole number from 1"),
        (["exchange", "--test", "empty", "--port", "99999"], "whole number from 1 to 65535"),
        (["exchange", "--test", "empty", "--strategy", "nothing"], "package.module:Class"),
        (
            ["exchange", "--test", "empty", "--set", "ARBCORE_BOND_EDGE=1"],
            "did you mean ARBCORE_BOND_EDGE_TICKS?",
        ),
        (["exchange", "--test", "empty", "--set", "ARBCORE_MESSAGE_CAP=501"], "between 10 and 500"),
        (["serve"], "--mode"),
        (["serve", "--mode", "empty", "--seed", "x"], "whole number from 0"),
        (["replay"], "JOURNAL"),
        (["config"], "action"),
        (["--verson"], "There is no --verson (the nearest is --version); see `arbcore --help`"),
        (["backtest", "x", "--entry", "2"], "no --entry (the nearest is --entry-bps); see `arbcore backtest"),
        (["backtest", "x.csv", "--entry=2"], "There is no --entry (the nearest is --entry-bps)"),
        (["sweep", "x.csv", "--zzz"], "There is no --zzz; see `arbcore sweep --help`"),
        (["backtest", "x.csv", "y.csv", "-5"], "Unrecognized arguments: y.csv -5; see `arbcore backtest"),
        (["quotes", "join", "x", "y", "-o", "z", "--sesion", "all"], "--session); see `arbcore quotes join"),
    ],
)
def test_wrong_usage_is_one_sentence_and_exit_code_2(words, part, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, err = sentence(capsys, *words)
    assert code == 2
    assert part in err


def test_debug_shows_the_traceback(tmp_path):
    done = run("exchange", "--debug", "--production", cwd=tmp_path)
    assert done.returncode == 2
    assert "Traceback" in done.stderr
    assert done.stderr.rstrip().splitlines()[-1].startswith("arbcore: --production needs a team")


def test_failure_inside_is_one_sentence(capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("arbcore.commands.config.load_all", lambda args: {}["planted"])
    code, err = sentence(capsys, "config", "show")
    assert code == 1
    assert "KeyError: 'planted'" in err
    assert "--debug" in err


@POSIX
def test_reader_that_went_away_is_no_traceback(tmp_path):
    with Program("config", "show", "--json", cwd=tmp_path) as program:
        program.process.stdout.close()
        program.process.wait(PATIENCE_S)
        assert program.process.returncode == 1
        assert program.process.stderr.read() == ""


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="the device that is always full")
def test_full_disk_under_the_output_is_one_sentence(tmp_path):
    with open("/dev/full", "w", encoding="utf-8") as full:
        done = subprocess.run(
            [sys.executable, "-m", "arbcore", "config", "show"], cwd=tmp_path, timeout=PATIENCE_S,
            stdout=full, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr.startswith("arbcore: The output cannot be written (No space left on device); ")
    assert done.stderr.count("\n") == 1


@POSIX
@pytest.mark.parametrize("words", [("config", "show"), ("exchange", "--test", "empty"), ("replay", "x")])
def test_working_directory_that_was_deleted_is_one_sentence(words, capsys, monkeypatch, tmp_path):
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    code, err = sentence(capsys, *words)
    assert code == 1
    assert "working directory does not exist" in err


@POSIX
@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-"])
def test_program_without_an_output_still_ends_as_it_should(closed, tmp_path):
    words = [sys.executable, "-m", "arbcore", "exchange", "--production"]
    done = subprocess.run(["sh", "-c", f'"$@" {closed}', "sh", *words], cwd=tmp_path, timeout=PATIENCE_S)
    assert done.returncode == 2


SAMPLE = Path(__file__).resolve().parents[1] / "examples" / "es_spy_synthetic.csv"
#: Commands that end by themselves, and a word of their result.
RESULTS = [
    (("backtest", str(SAMPLE)), "net P&L"),
    (("sweep", str(SAMPLE), "--entry-bps", "1:3:1"), "Best cells"),
    (("fair", "--spot", "6800", "--expiry", "ESZ26", "--now", "2026-11-20T15:00Z"), "= fair value"),
    (("exchange", "--test", "prod-like", "--duration", "1", "--quiet"), "latency, us"),
    (("config", "show"), "POSITION_LIMITS"),
    (("doctor",), "interpreter"),
    (("ibkr", "--help"), "usage: arbcore ibkr"),
]


def shell(line, *words, cwd, **environment):
    """One command through the shell: exit code, standard output, standard error."""
    command = [sys.executable, "-m", "arbcore", *words]
    done = subprocess.run(
        ["sh", "-c", f'"$@" {line}', "sh", *command], cwd=cwd, capture_output=True, timeout=PATIENCE_S,
        env=os.environ | environment,
    )  # fmt: skip
    return done.returncode, done.stdout, done.stderr


@POSIX
@pytest.mark.parametrize(("words", "part"), RESULTS, ids=[words[0] for words, _ in RESULTS])
def test_text_that_cannot_be_encoded_costs_no_result(words, part, tmp_path):
    for encoding in ("ascii", "ascii:strict", "latin-1") if words[0] == "fair" else ("ascii",):
        code, out, err = shell("", *words, cwd=tmp_path, PYTHONIOENCODING=encoding, PYTHONUTF8="0")
        assert code == 0 or words == ("doctor",), err
        assert part in out.decode("ascii")
        assert b"Unicode" not in err


@pytest.mark.parametrize("encoding", ["utf-16", "cp500"])
@pytest.mark.parametrize(
    "words",
    [("exchange", "--test", "empty"), ("ibkr", "--paper", "--simulate", "--seed", "3")],
    ids=lambda words: words[0],
)
def test_programs_that_a_command_starts_are_heard_whatever_the_encoding(words, encoding, tmp_path):
    """These encodings, unlike others, do not have the digits and brackets of JSON where ASCII has them."""
    if words[0] == "ibkr":
        pytest.importorskip("ib_insync")
    done = subprocess.run(
        [sys.executable, "-m", "arbcore", *words, "--duration", "0.5", "--quiet", "--json"], cwd=tmp_path,
        capture_output=True, env=os.environ | {"PYTHONIOENCODING": encoding}, timeout=PATIENCE_S,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr.decode(encoding)
    assert json.loads(done.stdout.decode(encoding))["schema"].startswith("arbcore.")


@POSIX
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("line", ["2>/dev/full", "2>&-", "2>&- <&-"])
@pytest.mark.parametrize(("words", "part"), RESULTS[:4], ids=[words[0] for words, _ in RESULTS[:4]])
def test_a_broken_standard_error_costs_no_result(words, part, line, tmp_path):
    # A front contract and a warning are said there.
    code, out, _ = shell(line, *words, cwd=tmp_path, ARBCORE_NO_SUCH_SETTING="1")
    assert code == 0
    assert part.replace(" us", " ").encode() in out


@POSIX
@pytest.mark.parametrize("words", [("backtest", "-"), ("sweep", "-", "--entry-bps", "1:3:1")])
def test_standard_input_that_is_closed_is_one_sentence(words, tmp_path):
    sentence = b"arbcore: Standard input is closed; send quotes to it, or name a file.\n"
    assert shell("<&-", *words, cwd=tmp_path) == (3, b"", sentence)


def test_no_sentence_sends_people_to_an_index_for_arbcore():
    root = Path(arbcore.__file__).parent
    texts = [*root.rglob("*.py"), *root.rglob("*.pyx")]
    checkout = Path(__file__).resolve().parents[1]
    texts += [checkout / name for name in ("README.md", "Makefile", "CONTRIBUTING.md", "ARCHITECTURE.md")]
    texts += [path for path in (checkout / "tools").rglob("*") if path.suffix in {".py", ".sh"}]
    assert len(texts) > 200
    for path in texts:
        found = re.findall(r"pip install[^`\n]*\barbcore\b", path.read_text(encoding="utf-8"))
        assert not found, (path, found)
@POSIX
@pytest.mark.parametrize("closed", [">&-", ">&- <&-", ">&- 2>&-"])
@pytest.mark.parametrize("words", [("config", "show"), ("fair", "--spot", "6800", "--expiry", "2027-03-19")])
def test_a_result_that_nobody_can_read_is_a_failure(words, closed, tmp_path):
    command = [sys.executable, "-m", "arbcore", *words]
    done = subprocess.run(
        ["sh", "-c", f'"$@" {closed}', "sh", *command], cwd=tmp_path, timeout=PATIENCE_S,
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert done.returncode == 1
    if "2>&-" not in closed:
        assert done.stderr.startswith("arbcore: Standard output is closed, and the result goes there; ")
        assert done.stderr.count("\n") == 1


@POSIX
@pytest.mark.parametrize("closed", ["2>&-", "2>/dev/full", "<&- 2>&-"])
def test_a_standard_error_that_is_full_or_closed_costs_no_result(closed, tmp_path):
    # An unknown name is a warning on the standard error.
    command = [sys.executable, "-m", "arbcore", "config", "show", "--json"]
    done = subprocess.run(
        ["sh", "-c", f'"$@" {closed}', "sh", *command], cwd=tmp_path, timeout=PATIENCE_S,
        stdout=subprocess.PIPE, text=True, env={**os.environ, "ARBCORE_TEM": "x"},
    )  # fmt: skip
    assert done.returncode == 0
    assert json.loads(done.stdout)["warnings"]


# --- config ---------------------------------------------------------------------------------------


def test_config_show_names_the_source_of_every_value(tmp_path):
    (tmp_path / ".env").write_text("ARBCORE_HOST=box\nARBCORE_TEM=x\n")
    done = run("config", "show", "--set", "ARBCORE_WINDOW=7", cwd=tmp_path, env={"ARBCORE_TEAM": "ALPHA"})
    assert done.returncode == 0
    rows = {line.split()[0]: line.split(None, 2)[1:] for line in done.stdout.splitlines()}
    assert rows["ARBCORE_HOST"] == ["box", ".env line 1"]
    assert rows["ARBCORE_TEAM"] == ["ALPHA", "environment"]
    assert rows["ARBCORE_WINDOW"] == ["7", "--set"]
    assert rows["ARBCORE_MESSAGE_CAP"] == ["500", "default"]
    assert "ARBCORE_TEM (.env line 2); did you mean ARBCORE_TEAM?" in done.stderr


def test_config_show_as_json(tmp_path):
    document = json.loads(run("config", "show", "--json", cwd=tmp_path).stdout)
    assert document["schema"] == "arbcore.config/1"
    assert {"name", "value", "source", "help"} <= document["settings"][0].keys()
    assert document["kill_switch"] == {"on": False, "reason": None}


def test_looking_at_the_settings_writes_nothing(tmp_path):
    run("config", "show", cwd=tmp_path, env={"KILL_SWITCH": "1"})
    assert list(tmp_path.iterdir()) == []


# --- exchange -------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["prod-like", "slower", "empty"])
def test_round_against_the_embedded_exchange_needs_nothing(mode, tmp_path):
    done = run("exchange", "--test", mode, "--duration", "0.5", "--seed", "1", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert document.keys() >= DOCUMENTED_EXCHANGE_KEYS
    assert (document["schema"], document["mode"], document["rounds"]) == (
        "arbcore.exchange/1",
        f"test:{mode}",
        1,
    )
    assert document["limit_breaches"] == 0
    assert isinstance(document["fair_pnl"], int)
    assert list(tmp_path.iterdir()) == []


def test_result_for_a_person_goes_to_stdout_and_all_else_to_stderr(tmp_path):
    done = run("exchange", "--test", "empty", "--duration", "0.5", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("ARBCORE played 1 full round on 127.0.0.1:")
    assert "Embedded exchange started (empty, seed " in done.stderr
    assert "\x1b" not in done.stderr + done.stdout


def test_quiet_run_says_only_its_result(tmp_path):
    done = run("exchange", "--test", "empty", "--duration", "0.5", "--quiet", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout


@POSIX
def test_busy_poll_plays_a_round(tmp_path):
    done = run("exchange", "--test", "prod-like", "--duration", "0.5", "--busy-poll", "--json", cwd=tmp_path)
    assert json.loads(done.stdout)["rounds"] == 1, done.stderr


def test_nothing_listens(tmp_path):
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        port = reserved.getsockname()[1]
        done = run("exchange", "--address", f"127.0.0.1:{port}", cwd=tmp_path)
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith(f"arbcore: 127.0.0.1:{port} refused the connection")


def test_production_never_falls_back_to_anything_embedded(tmp_path):
    done = run("exchange", "--production", "--team", "ALPHA", "--host", "no.such.host.invalid", cwd=tmp_path)
    assert done.returncode == 1
    assert "no.such.host.invalid was not found" in done.stderr
    assert "Embedded" not in done.stderr


def test_strategy_of_ones_own_that_cannot_be_imported(tmp_path):
    (tmp_path / "broken.py").write_text("import nothing_of_this_name\n")
    done = run("exchange", "--test", "empty", "--strategy", "broken:Quoter", cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "nothing_of_this_name" in done.stderr


def test_strategy_of_ones_own_trades_and_replays(tmp_path):
    (tmp_path / "mine.py").write_text(
        "class Bonds:\n    def on_book(self, desk, symbol):\n        desk.quote('BOND', 'BUY', 990, 5)\n"
    )
    words = ("--test", "prod-like", "--duration", "1", "--strategy", "mine:Bonds", "--no-builtin")
    done = run("exchange", *words, "--journal", "run.journal", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["strategies"]["Bonds"]["orders"] >= 1
    assert run("replay", "run.journal", cwd=tmp_path).returncode == 0


def test_class_that_is_no_strategy_is_wrong_usage(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    (tmp_path / "hookless.py").write_text("class Typo:\n    def on_bok(self, desk, symbol): pass\n")
    code, err = sentence(capsys, "exchange", "--test", "empty", "--strategy", "hookless:Typo")
    assert code == 2
    assert "--strategy hookless:Typo: Typo.on_bok is not a hook; did you mean on_book?" in err


def test_strategy_of_ones_own_that_fails_stops_nothing_else(tmp_path):
    (tmp_path / "mine.py").write_text("class Broken:\n    def on_book(self, desk, symbol):\n        1 / 0\n")
    words = ("--test", "prod-like", "--duration", "1", "--strategy", "mine:Broken", "--json")
    done = run("exchange", *words, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["orders_sent"] > 0
    assert "Strategy Broken failed and is switched off: ZeroDivisionError" in done.stderr


def test_files_of_the_working_directory_do_not_shadow_the_embedded_exchange(tmp_path):
    (tmp_path / "json.py").write_text("raise SystemExit('shadowed')\n")
    script = "import sys; sys.path.pop(0); from arbcore.cli import main; sys.exit(main(sys.argv[1:]))"
    done = subprocess.run(
        [sys.executable, "-c", script, "exchange", "--test", "empty", "--duration", "0.5", "--quiet"],
        cwd=tmp_path, capture_output=True, text=True, timeout=PATIENCE_S,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


# --- serve, exchange and replay together ----------------------------------------------------------


@pytest.fixture
def venue(tmp_path):
    """A served exchange: the program, and its address."""
    words = ("serve", "--mode", "prod-like", "--port", "0", "--round", "2", "--seed", "5", "--json")
    with Program(*words, cwd=tmp_path) as program:
        yield program, f"127.0.0.1:{json.loads(program.process.stdout.readline())['port']}"


def test_two_shells_play_record_and_replay(venue, tmp_path):
    _, address = venue
    words = ("--address", address, "--team", "alpha", "--rounds", "1", "--journal", "run.journal", "--json")
    played = run("exchange", *words, cwd=tmp_path)
    assert played.returncode == 0, played.stderr
    document = json.loads(played.stdout)
    assert (document["team"], document["rounds"], document["fair_pnl"]) == ("ALPHA", 1, None)
    assert document["orders_sent"] > 0

    same = run("replay", "run.journal", "--json", cwd=tmp_path)
    assert same.returncode == 0, same.stderr
    assert json.loads(same.stdout)["identical"] is True
    assert json.loads(same.stdout)["messages_in"] == document["messages_in"]

    journal = tmp_path / "run.journal"
    changed = journal.read_bytes().replace(
        b'"ARBCORE_BOND_EDGE_TICKS": 1', b'"ARBCORE_BOND_EDGE_TICKS": 3', 1
    )
    journal.write_bytes(changed)
    other = run("replay", "run.journal", cwd=tmp_path)
    assert other.returncode == 1
    assert re.search(r"the output differs at record \d+", other.stdout)
    assert '"symbol":"BOND"' in other.stdout


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "cannot be read"),
        (b"ts,es\n1,2\n", "not an arbcore journal"),
        (b"arbcore-journal 9 arbcore/99\n{}\n", "newer arbcore"),
        (b"arbcore-journal 1 arbcore/0\n{}\n", "do not describe a session"),
        (
            b'arbcore-journal 1 arbcore/0\n{"values":{},"strategies":[],"team":"A","builtin":true}\n',
            "describe a session",
        ),
    ],
)
def test_bad_journal_is_exit_code_3(content, reason, capsys, tmp_path):
    path = tmp_path / "bad.journal"
    if content is not None:
        path.write_bytes(content)
    code, err = sentence(capsys, "replay", str(path))
    assert code == 3
    assert reason in err


@pytest.mark.skipif(not os.path.exists("/dev/zero"), reason="a file without an end")
def test_file_without_an_end_is_no_journal(tmp_path):
    done = run("replay", "/dev/zero", cwd=tmp_path)
    assert done.returncode == 3
    assert "it is a device, not a file" in done.stderr


@POSIX
@pytest.mark.parametrize(
    ("number", "due", "by"),
    [(signal.SIGINT, 130, "interrupt"), (signal.SIGTERM, 0, "signal"), (signal.SIGHUP, 0, "signal")],
)
def test_signal_stops_in_order_and_prints_the_summary(venue, number, due, by, tmp_path):
    _, address = venue
    with Program("exchange", "--address", address, "--json", cwd=tmp_path) as program:
        program.said("Connected to")
        program.process.send_signal(number)
        code, out, err = program.finish()
    assert code == due, err
    assert json.loads(out)["ended_by"] == by
    assert "cancelling all orders" in err
    assert "Not every order" not in err


@POSIX
@pytest.mark.parametrize(("number", "expected"), [(signal.SIGTERM, 1), (signal.SIGHUP, 0)])
def test_where_the_terminal_was_closed_nobody_misses_the_summary(venue, number, expected, tmp_path):
    """After any other signal a result that nobody could read is a failure."""
    _, address = venue
    with Program("exchange", "--address", address, cwd=tmp_path) as program:
        program.said("Connected to")
        program.process.stdout.close()
        program.process.send_signal(number)
        assert program.process.wait(PATIENCE_S) == expected


@POSIX
def test_interrupted_exchange_reports_the_unfinished_round(venue, tmp_path):
    program, address = venue
    run("exchange", "--address", address, "--duration", "0.2", "--quiet", cwd=tmp_path)
    program.process.send_signal(signal.SIGINT)
    code, out, err = program.finish()
    assert code == 130, err
    last = json.loads(out.splitlines()[-1])
    assert last["event"] == "round"
    assert "ARBCORE" in last["scores"]


def test_port_in_use_is_one_sentence(venue, tmp_path):
    port = venue[1].rpartition(":")[2]
    done = run("serve", "--mode", "empty", "--port", port, cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith(f"arbcore: 127.0.0.1:{port} is in use by another program; ")
    assert done.stderr.count("\n") == 1


@POSIX
def test_embedded_exchange_ends_with_a_killed_run(tmp_path):
    with Program("exchange", "--test", "empty", cwd=tmp_path) as program:
        port = int(program.said(r"Connected to 127\.0\.0\.1:(\d+)")[1])
        with socket.create_connection(("127.0.0.1", port), PATIENCE_S) as witness:
            witness.sendall(b'{"type":"hello","team":"WITNESS"}\n')
            assert witness.recv(1)
            program.process.kill()
            while witness.recv(65536):
                pass


# --- kill switch ----------------------------------------------------------------------------------


def test_kill_switch_file_keeps_a_run_from_starting(tmp_path):
    (tmp_path / "KILL_SWITCH").write_text("too much rain\n")
    done = run("exchange", "--test", "empty", "--duration", "1", cwd=tmp_path)
    assert done.returncode == 1
    assert "too much rain" in done.stderr
    assert "Embedded exchange started" not in done.stderr


def test_kill_switch_in_the_environment_leaves_the_file_that_holds(tmp_path):
    assert run("exchange", "--test", "empty", cwd=tmp_path, env={"KILL_SWITCH": "1"}).returncode == 1
    assert "set in the environment" in (tmp_path / "KILL_SWITCH").read_text()
    again = run("exchange", "--test", "empty", cwd=tmp_path)
    assert again.returncode == 1
    assert "KILL_SWITCH" in again.stderr


def test_kill_switch_file_stops_a_run_that_is_under_way(tmp_path):
    with Program("exchange", "--test", "prod-like", "--seed", "1", "--json", cwd=tmp_path) as program:
        program.said("Connected to")
        (tmp_path / "KILL_SWITCH").touch()
        code, out, err = program.finish()
    assert code == 1
    document = json.loads(out)
    assert document["ended_by"] == "kill switch"
    assert not any(document["positions"].values())
    assert "The kill switch is on" in err.splitlines()[-1]


def test_connecting_to_an_exchange_with_the_kill_switch_on_sends_no_order(venue, tmp_path):
    (tmp_path / "KILL_SWITCH").touch()
    done = run("exchange", "--address", venue[1], "--json", cwd=tmp_path)
    assert done.returncode == 1
    assert json.loads(done.stdout)["orders_sent"] == 0


# --- a strategy of one's own ----------------------------------------------------------------------


def test_new_strategy_is_written_played_with_parameters_and_replayed(tmp_path):
    written = run("exchange", "--new-strategy", "mine.py", cwd=tmp_path)
    assert written.returncode == 0, written.stderr
    assert "--strategy mine:Maker" in written.stdout
    words = ["--test", "prod-like", "--duration", "4", "--seed", "4", "--no-builtin", "--json"]
    words += ["--strategy", "mine:Maker", "--param", "size=2", "--param", "lean=0.5"]
    played = run("exchange", *words, "--journal", "run.journal", cwd=tmp_path)
    assert played.returncode == 0, played.stderr
    document = json.loads(played.stdout)
    assert document["strategies"]["Maker"]["orders"] > 0
    assert document["strategy_errors"] == {}
    assert "markouts" in played.stderr
    assert run("replay", "run.journal", cwd=tmp_path).returncode == 0


def test_new_strategy_overwrites_nothing(capsys, tmp_path):
    path = tmp_path / "mine.py"
    path.write_text("mine\n")
    code, err = sentence(capsys, "exchange", "--new-strategy", str(path))
    assert (code, path.read_text()) == (2, "mine\n")
    assert "exists already" in err


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (("--param", "size=2"), "comes before any --strategy"),
        (("--strategy", "a:B", "--param", "size"), "must be NAME=VALUE"),
        (("--strategy", "a:B", "--param", "=2"), "must be NAME=VALUE"),
    ],
)
def test_parameter_that_is_none_is_wrong_usage(words, part, capsys):
    code, err = sentence(capsys, "exchange", "--test", "empty", *words)
    assert code == 2
    assert part in err
