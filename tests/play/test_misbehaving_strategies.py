"""A user's strategy that hangs, exits, raises, prints or is mistaken: what the program makes of it."""

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import ClassVar

import misbehaving
import pytest
from scripted_exchange import PATIENCE_S, Peer, hello, message

from arbcore.errors import UsageError
from arbcore.play._watchdog import dotenv_trips
from arbcore.system.kill_switch import KillSwitch
from arbcore.trading._plugin import Plugin

SUPPORT = Path(__file__).parents[1] / "support"
POSIX = pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
LOOKS_MAX, LOOK_S = 4_000, 0.01
SYMBOLS = ("BOND", "VALBZ", "VALE", "GS", "MS", "WFC", "XLF")


class QuotingExchange:
    """Logs in whoever comes, shows books of GS and MS for as long as he stays, acks adds and outs cancels."""

    def __init__(self):
        self._listener = socket.socket()
        self._listener.bind(("127.0.0.1", 0))
        self._listener.listen()
        self.where = self._listener.getsockname()
        self.address = f"127.0.0.1:{self.where[1]}"
        self.ordered = threading.Event()
        self.gone = threading.Event()
        self._show = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        with contextlib.suppress(OSError):
            peer = Peer(self._listener.accept()[0])
            with contextlib.suppress(OSError):
                self._play(peer)
            self.gone.set()
            if self._show is not None:
                self._show.join()
            peer.close()

    def _play(self, peer):
        if peer.line() is None:
            return
        peer.send(hello())
        peer.send(message(type="open", symbols=list(SYMBOLS)))
        self._show = threading.Thread(target=self._show_books, args=(peer,))
        self._show.start()
        while (asked := peer.line()) is not None:
            if asked["type"] == "add":
                self.ordered.set()
            answer = "out" if asked["type"] == "cancel" else "ack"
            peer.send(message(type=answer, order_id=asked["order_id"]))

    def _show_books(self, peer):
        with contextlib.suppress(OSError):
            while not self.gone.wait(0.05):
                for symbol, price in (("GS", 8400), ("MS", 4100)):
                    bids, asks = [[price, 5]], [[price + 9, 5]]
                    peer.send(message(type="book", symbol=symbol, buy=bids, sell=asks))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._listener.close()
        self._thread.join(PATIENCE_S)


class Play:
    """`arbcore exchange` with one strategy of `support/misbehaving.py` against an exchange of its own."""

    running: ClassVar = []

    def __init__(self, strategy, folder, *words):
        folder.mkdir(exist_ok=True)
        self.folder = folder
        self.exchange = QuotingExchange()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "arbcore", "exchange", "--address", self.exchange.address, "--no-builtin",
             "--strategy", f"misbehaving:{strategy}", *words],
            cwd=folder, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL,
            env=os.environ | {"PYTHONPATH": os.pathsep.join([str(SUPPORT), os.environ["PYTHONPATH"]])},
        )  # fmt: skip
        self.running.append(self)
        self._streams = {"stdout": "", "stderr": ""}
        # Read all along, so that no pipe fills up.
        self._readers = [
            threading.Thread(target=self._read, args=(name,)) for name in ("stdout", "stderr")
        ]
        for reader in self._readers:
            reader.start()

    def _read(self, name):
        for line in getattr(self.process, name):
            self._streams[name] += line

    def until_told(self, *texts):
        """Waits until standard error has all of these."""
        until(lambda: all(text in self._streams["stderr"] for text in texts))

    def finish(self):
        """(exit code, stdout, stderr)."""
        code = self.process.wait()
        self.running.remove(self)
        for reader in self._readers:
            reader.join(PATIENCE_S)
        self.process.stdout.close()
        self.process.stderr.close()
        with self.exchange:
            # A program that never came leaves the exchange waiting for it.
            with contextlib.suppress(OSError), socket.create_connection(self.exchange.where):
                pass
            return code, self._streams["stdout"], self._streams["stderr"]


@pytest.fixture(autouse=True)
def no_survivors():
    yield
    for one in list(Play.running):
        one.process.kill()
        one.finish()


def play(strategy, folder, *words):
    return Play(strategy, folder, *words).finish()


def play_until_told(strategy, folder, *words, texts):
    """Plays until standard error has all of these texts, and then asks for an end in order."""
    one = Play(strategy, folder, *words)
    one.until_told(*texts)
    one.process.send_signal(signal.SIGTERM)
    return one.finish()


def until(condition):
    """Waits for something to be so: for so many looks, since those of a busy machine are late too."""
    for _ in range(LOOKS_MAX):
        if condition():
            return
        time.sleep(LOOK_S)
    raise AssertionError("it did not come to be")


# --- hooks that do not return -------------------------------------------------------------------


def ask_to_end(how, play):
    """Asks for the end in one of the six ways; returns the exit code that is due and within what time."""
    if how == "twice SIGINT":
        play.process.send_signal(signal.SIGINT)
        # Two that wait together are one.
        time.sleep(0.2)
        play.process.send_signal(signal.SIGINT)
        return 130, 2.0
    if how == "KILL_SWITCH":
        (play.folder / "KILL_SWITCH").touch()
    elif how == "KILL_SWITCH in .env":
        (play.folder / ".env").write_text("KILL_SWITCH = 1 # stop\n", encoding="utf-8")
    elif how != "--duration":
        play.process.send_signal(getattr(signal, how))
    return 1, 6.0


@POSIX
def test_whatever_a_hook_does_the_run_ends_in_time(tmp_path):
    hangs = ["SleepsInC", "Spins", "CatchesAll", "HoldsTheInterpreter", "TakesTheSignals", "SleepsInC"]
    ways = ["twice SIGINT", "SIGTERM", "SIGHUP", "--duration", "KILL_SWITCH", "KILL_SWITCH in .env"]
    pairs = list(zip(ways, hangs, strict=True))  # All at once, since most of it is waiting.
    plays = []
    for how, hang in pairs:
        words = ("--duration", "3") if how == "--duration" else ()
        plays.append(Play(hang, tmp_path / how.replace(" ", "_"), *words))
    for one in plays:
        until(one.exchange.ordered.is_set)
        until((one.folder / misbehaving.HANGS).exists)
    due = [ask_to_end(how, one) for (how, _), one in zip(pairs, plays, strict=True)]
    for (how, hang), one, (code, within_s) in zip(pairs, plays, due, strict=True):
        until(one.exchange.gone.is_set)
        found, out, err = one.finish()
        assert found == code, (how, hang, err)
        # By the watchdog's own count, which a machine that gives it no time does not move.
        told = re.search(rf"on_tick of strategy {hang} has not returned (\d+\.\d) s after ", err)
        assert told is not None, (how, err)
        assert 1.0 <= float(told[1]) <= within_s, (how, hang)
        assert out == ""


#: What a .env file may hold, and whether it switches trading off.
DOTENVS = {
    "": False, "KILL_SWITCH=": False, "KILL_SWITCH=0": False, "KILL_SWITCH=1": True,
    "KILL_SWITCH=Off": False, "KILL_SWITCH=oFF # on": False, "KILL_SWITCH=off# on": True,
    "KILL_SWITCH = yes": True, "KILL_SWITCH": False, "  export  KILL_SWITCH=true\n": True,
    "exportKILL_SWITCH=1": False, "KILL_SWITCHES=1": False, "MY_KILL_SWITCH=1": False,
    "# KILL_SWITCH=1": False, "KILL_SWITCH='0'": False, 'KILL_SWITCH="no" # x': False,
    'KILL_SWITCH="no" x': True, "KILL_SWITCH=' false '": False, "KILL_SWITCH='": True,
    "KILL_SWITCH=#1": False, "KILL_SWITCH=1\nKILL_SWITCH=0": False,
    "KILL_SWITCH=0\r\nKILL_SWITCH=perhaps\r\n": True, "IB_PORT=4002\nKILL_SWITCH=1\nIB_HOST=x": True,
    "\ufeffKILL_SWITCH=1": True, "KILL_SWITCH==0": True, "#" * (1 << 20): False,
    "#" * (1 << 20) + "#": True, "KILL_SWITCH\t=\tno\t": False, "=1": False,
}  # fmt: skip


@POSIX
@pytest.mark.parametrize("text", DOTENVS, ids=lambda text: repr(text[:40]))
def test_the_watchdog_reads_a_dotenv_as_the_kill_switch_does(text, tmp_path):
    (tmp_path / ".env").write_bytes(text.encode())
    assert dotenv_trips(tmp_path / ".env") is DOTENVS[text]
    assert (KillSwitch(tmp_path, {}).peek() is not None) is DOTENVS[text]


@POSIX
@pytest.mark.parametrize("kind", ["absent", "folder", "pipe"])
def test_what_cannot_be_read_is_not_seen_to_say_off(kind, tmp_path):
    if kind == "folder":
        (tmp_path / ".env").mkdir()
    elif kind == "pipe":
        os.mkfifo(tmp_path / ".env")
    assert dotenv_trips(tmp_path / ".env") is (kind != "absent")
    assert (KillSwitch(tmp_path, {}).peek() is not None) is (kind != "absent")


@POSIX
def test_paused_process_is_not_ended_by_its_watchdog(tmp_path):
    one = Play("Slow", tmp_path, "--json")
    one.until_told("slow turn 1;")
    one.process.send_signal(signal.SIGTERM)
    one.process.send_signal(signal.SIGSTOP)
    time.sleep(7.0)  # The watchdog ends a run that is not over within 5.4 s of a stop.
    one.process.send_signal(signal.SIGCONT)
    code, out, err = one.finish()
    assert code == 0, err
    assert json.loads(out)["ended_by"] == "signal"


# --- hooks that raise ---------------------------------------------------------------------------


RAISERS = {
    **dict.fromkeys(
        ("Exits", "Cancels", "Interrupts", "EndsAGenerator", "RaisesUnspeakably", "RaisesABaseException",
         "Recurses", "AwaitsAtRunTime"), "on_tick",
    ),
    "StartFails": "on_start",
}  # fmt: skip


def test_whatever_a_hook_raises_costs_the_strategy_alone(tmp_path):
    others = [word for name in [*RAISERS][1:] for word in ("--strategy", f"misbehaving:{name}")]
    first = next(iter(RAISERS))
    others += ["--strategy", "misbehaving:Slow"]
    texts = [f"Strategy {name} " for name in RAISERS]
    code, out, err = play_until_told(first, tmp_path, *others, "--json", texts=[*texts, "slow turn 3;"])
    assert code == 0, err
    for strategy, hook in RAISERS.items():
        told = [line for line in err.splitlines() if f"Strategy {strategy} " in line]
        assert len(told) == 1, (strategy, err)
        assert " off" in told[0]
        assert hook in told[0]
    document = json.loads(out)
    assert document["strategy_errors"].keys() == RAISERS.keys()
    assert document["slow_hooks"]["Slow"]["calls"] >= 2  # The one that is well went on.
    assert "Traceback" not in err


def test_thread_that_a_strategy_left_does_not_hold_up_the_end(tmp_path):
    code, out, err = play("LeavesAThread", tmp_path, "--duration", "0.5", "--json")
    assert code == 0, err
    assert json.loads(out)["ended_by"] == "done"


# --- what is printed, told and refused ----------------------------------------------------------


def test_prints_go_to_standard_error(tmp_path):
    texts = ("hello from a strategy", "past the redirection", "from below", "hello from the import")
    code, out, err = play_until_told("Prints", tmp_path, "--json", texts=texts)
    assert code == 0, err
    assert json.loads(out)["schema"] == "arbcore.exchange/1"


def test_slow_hook_is_told_with_its_time(tmp_path):
    code, out, err = play_until_told("Slow", tmp_path, "--json", texts=["slow turn 2;"])
    assert code == 0, err
    assert re.search(r"on_tick of strategy Slow took \d+\.\d+ s", err)
    assert json.loads(out)["slow_hooks"]["Slow"]["hook"] == "on_tick"


@pytest.mark.parametrize(
    ("strategy", "part"),
    [
        ("Asynchronous", "on_tick is asynchronous"),
        ("AsynchronousGenerator", "on_tick is asynchronous"),
        ("Generates", "on_tick is a generator"),
        ("Mistyped", "on_trad is not a hook; did you mean on_trade?"),
        ("TakesTooLittle", "on_trade must take (desk, symbol, price, size)"),
        ("TakesTooMuch", "on_tick must take (desk)"),
        ("HooksAValue", "on_tick is 5"),
        ("OneSymbolAsText", "symbols"),
        ("PropertyFails", "on_tick cannot be read"),
    ],
)
def test_mistake_is_told_at_the_start(strategy, part):
    with pytest.raises(UsageError) as caught:
        Plugin(getattr(misbehaving, strategy)())
    assert strategy in str(caught.value)
    assert part in str(caught.value)
    assert "\n" not in str(caught.value)


def test_mistake_ends_the_program_before_it_connects(tmp_path):
    code, out, err = play("Mistyped", tmp_path, "--duration", "1")
    assert (code, out) == (2, "")
    said = [line for line in err.splitlines() if line.startswith("arbcore: ")]
    assert len(said) == 1, err
    assert "Mistyped.on_trad is not a hook; did you mean on_trade?" in said[0]
    assert "Connected" not in err
