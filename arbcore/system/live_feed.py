"""The run's side of its live page: starts the server's process and sends it snapshots without ever waiting.

Bytes that the pipe does not take at once are kept, and no new snapshot is made until they are sent. So a
server that hangs delays only its own page, never the run.
"""

import contextlib
import json
import logging
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from arbcore.core.metrics import without_nan
from arbcore.core.text import printable
from arbcore.errors import RunError

_log = logging.getLogger(__name__)

#: Time between two snapshots.
EVERY_NS = 250_000_000
START_S, STOP_S = 30.0, 2.0


class LiveFeed:
    """One server of one run. Its process runs ``python -m module arguments``."""

    def __init__(self, module: str, *arguments: str, told: Callable[[str], None]) -> None:
        """``told`` is called with a sentence if the server ends before the run does."""
        self._words = [sys.executable, "-m", module, *arguments]
        self._told = told
        self._process: subprocess.Popen[bytes] | None = None
        self._pipe = -1
        self._unsent = memoryview(b"")
        self._next_ns = 0

    def start(self, *, host: str, port: int, token: str) -> int:
        """Starts the server and returns its port. Raises RunError if the server does not start."""
        process = subprocess.Popen(
            self._words, cwd=Path(__file__).parents[2], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            # Ctrl-C in the terminal must reach the run alone.
            start_new_session=os.name == "posix",
        )  # fmt: skip
        self._process = process
        if process.stdin is None or process.stdout is None:
            raise RunError("The live page's process has no pipe.")
        self._pipe = process.stdin.fileno()
        setup = json.dumps({"host": host, "port": port, "token": token}).encode() + b"\n"
        with contextlib.suppress(OSError):
            os.write(self._pipe, setup)
        answers: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        output = process.stdout
        threading.Thread(target=lambda: answers.put(output.readline()), daemon=True).start()
        try:
            reply = json.loads(answers.get(timeout=START_S) or b"{}")
        except (queue.Empty, ValueError):
            reply = {}
        if "port" not in reply:
            self.close()
            why = reply.get("error", "The live page (--listen) did not start; try again without it.")
            raise RunError(printable(why, 1_000))
        try:
            os.set_blocking(self._pipe, False)
        except (OSError, AttributeError):
            self.close()
            raise RunError("--listen needs Python 3.12 or later on Windows; leave it out.") from None
        return int(reply["port"])

    def publish(self, now_ns: int, snapshot: Callable[[], Mapping[str, Any] | None]) -> None:
        """Sends a snapshot if one is due; ``snapshot`` is not called before. Never waits, never raises."""
        if now_ns < self._next_ns or self._pipe < 0:
            return
        self._next_ns = now_ns + EVERY_NS
        if not self._unsent:
            try:
                made = snapshot()
                if made is None:
                    return
                text = json.dumps(without_nan(made), allow_nan=False, separators=(",", ":"))
            except Exception as error:  # noqa: BLE001  A failing page must not end the run.
                _log.debug("The live page ends.", exc_info=error)
                self._pipe = -1
                self._told(
                    f"The live page cannot be updated ({type(error).__name__}: {printable(str(error))}); the "
                    "run goes on without it."
                )
                return
            self._unsent = memoryview(text.encode("ascii") + b"\n")
        try:
            while self._unsent:
                self._unsent = self._unsent[os.write(self._pipe, self._unsent) :]
        except BlockingIOError:
            pass
        except OSError:
            self._pipe = -1
            self._told("The live page (--listen) has ended; the run goes on without it.")

    def close(self) -> None:
        """Ends the server; a second call does nothing."""
        process, self._process = self._process, None
        self._pipe = -1
        if process is None:
            return
        if process.stdin is not None:
            with contextlib.suppress(OSError):
                process.stdin.close()
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout is not None:
            process.stdout.close()
