"""Starts the embedded exchange or gateway as a program of its own for one run, and ends it with the run.

A shell: it owns a child process. The child is `arbcore serve` or `arbcore gateway` on a free loopback port.
It reports its port in JSON lines (the exchange also the result of each round), and ends when its standard
input closes, so it cannot outlive a parent that was killed.
"""

import collections
import contextlib
import json
import os
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any, cast

from arbcore.core.civil import iso_time
from arbcore.core.text import printable
from arbcore.errors import InputError, RunError
from arbcore.venue.venue_documents import RoundEvent

START_SECONDS_MAX = 30.0
STOP_SECONDS_MAX = 5.0
COMPLAINT_MAX = 500


class EmbeddedProgram:
    """Starts and ends one program: ``start()`` returns the port it listens on; ``end()`` ends it."""

    def __init__(self, what: str, arguments: list[str]) -> None:
        self._what = what
        self._arguments = [*arguments, "--json", "--quiet", "--until-stdin-closes"]
        self._process: subprocess.Popen[bytes] | None = None
        self._code: int | None = None
        self._events: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        self._complaints: collections.deque[str] = collections.deque(maxlen=20)
        self._threads: list[threading.Thread] = []

    def start(self) -> int:
        """Starts the program and returns its port. Raises RunError if it does not come up."""
        # Runs in the package's folder, because `-m` puts the working directory before the standard library.
        process = subprocess.Popen(
            [sys.executable, "-m", "arbcore", *self._arguments],
            cwd=Path(__file__).parents[2],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            # The parent reads its output as UTF-8, whatever the terminal's encoding.
            env=os.environ | {"PYTHONIOENCODING": "utf-8"},
            # Ctrl-C in the terminal must reach only the parent, which stops in order and then ends the child.
            start_new_session=os.name == "posix",
        )
        self._process = process
        self._spawn(self._read_events, process.stdout)
        self._spawn(self._read_complaints, process.stderr)
        deadline_s = time.monotonic() + START_SECONDS_MAX
        while True:
            try:
                event = self._events.get(timeout=max(0.0, deadline_s - time.monotonic()))
            except queue.Empty:
                self.end()
                raise RunError(
                    f"{self._what} did not start within {START_SECONDS_MAX:g} s; try again on a less "
                    "busy machine."
                ) from None
            if event is None:
                self.end()
                raise self.failure("did not start")
            if event.get("event") == "listening":
                return int(event["port"])

    def alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def failure(self, what: str) -> RunError | InputError:
        """The error of a program that ended by itself; ``what`` is text such as "did not start"."""
        complaint = self.complaint()
        if self._exit_code() == InputError.exit_code:
            return InputError(complaint)
        return RunError(f"{self._what} {what}: {complaint}")

    def complaint(self) -> str:
        """The last line of its standard error, without the program's name."""
        for thread in self._threads:
            thread.join(timeout=1.0)
        text = self._complaints[-1] if self._complaints else f"it ended with exit code {self._exit_code()}."
        return text.removeprefix("arbcore: ")

    def _exit_code(self) -> int | None:
        return self._code if self._process is None else self._process.poll()

    def end(self) -> None:
        """Ends the program; a second call does nothing."""
        process = self._process
        if process is None:
            return
        if process.stdin is not None:
            # It may have ended already, and its pipe may be closed.
            with contextlib.suppress(OSError):
                process.stdin.close()
        for ask in (None, process.terminate, process.kill):
            if ask is not None:
                ask()
            try:
                process.wait(STOP_SECONDS_MAX)
                break
            except subprocess.TimeoutExpired:
                continue
        for thread in self._threads:
            thread.join(timeout=STOP_SECONDS_MAX)
        for stream in (process.stdout, process.stderr):
            if stream is not None:
                stream.close()
        self._code = process.returncode
        self._process = None

    def _spawn(self, target: Any, stream: IO[bytes] | None) -> None:
        thread = threading.Thread(target=target, args=(stream,), daemon=True)
        thread.start()
        self._threads.append(thread)

    def _read_events(self, stream: IO[bytes]) -> None:
        for line in stream:
            try:
                event = json.loads(line)
            except ValueError:
                continue
            if isinstance(event, dict):
                self._events.put(event)
        self._events.put(None)

    def _read_complaints(self, stream: IO[bytes]) -> None:
        for line in stream:
            self._complaints.append(printable(line.strip(), COMPLAINT_MAX))


class EmbeddedExchange(EmbeddedProgram):
    """The embedded exchange; ``stop()`` returns the rounds' score documents."""

    def __init__(self, mode: str, *, seed: int, round_s: float | None, port: int = 0) -> None:
        arguments = ["serve", "--mode", mode, "--port", str(port), "--seed", str(seed)]
        if round_s is not None:
            arguments += ["--round", repr(round_s)]
        super().__init__("The embedded exchange", arguments)
        self.rounds: list[RoundEvent] = []

    def take_rounds(self) -> list[RoundEvent]:
        """Score documents of the rounds that ended since the last call; also kept in ``rounds``."""
        fresh = []
        while True:
            try:
                event = self._events.get_nowait()
            except queue.Empty:
                break
            if event is not None and event.get("event") == "round":
                fresh.append(cast(RoundEvent, event))
        self.rounds += fresh
        return fresh

    def stop(self) -> list[RoundEvent]:
        """Ends the program and returns every round's scores, also those of the unfinished one."""
        self.end()
        self.take_rounds()
        return self.rounds


class EmbeddedGateway(EmbeddedProgram):
    """The embedded gateway: a market from a seed in real time, or a file's rows as fast as they are read.

    ``pair`` is the name of the traded pair. ``expiry_ns`` is the expiry of the future whose quotes the file
    has; without it each row has the front contract's. ``flags`` are further flags of ``arbcore gateway``, for
    example its faults.
    """

    def __init__(
        self, *, pair: str, data: Path | None, seed: int | None, expiry_ns: int | None,
        flags: Sequence[str] = (),
    ) -> None:  # fmt: skip
        arguments = ["gateway", "--port", "0", "--pair", pair, *flags]
        if data is None:
            arguments += ["--seed", str(seed)]
        else:
            # The child runs in another working directory.
            arguments += ["--replay", str(data.absolute()), "--speed", "inf"]
            if expiry_ns is not None:
                arguments += ["--expiry", iso_time(expiry_ns)]
        super().__init__("The embedded gateway", arguments)
        self._data = data
        #: The account's results once it has ended, in USD: ``pnl`` with positions at the middle of the last
        #: quotes, ``financing`` and ``dividends``; None if the program did not report them.
        self.books: dict[str, float] | None = None

    def end(self) -> None:
        """Ends the program and reads the account's results; a second call does nothing."""
        super().end()
        while not self._events.empty():
            event = self._events.get_nowait()
            if event is not None and event.get("event") == "ended":
                self.books = {name: float(event[name]) for name in ("pnl", "financing", "dividends")}

    def complaint(self) -> str:
        """As in the base class, but with the data file's name as the user gave it."""
        text = super().complaint()
        if self._data is None:
            return text
        whole = printable(str(self._data.absolute()), COMPLAINT_MAX)
        given = printable(str(self._data), COMPLAINT_MAX)
        return given + text[len(whole) :] if text.startswith(whole) else text
