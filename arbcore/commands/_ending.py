"""Which signals stop a command, and which exit code it returns then."""

import os
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from types import FrameType

from arbcore.errors import EXIT_INTERRUPTED


def stop_signals() -> list[int]:
    """Returns the signals that stop a run in order: Ctrl-C, SIGTERM and, if the system has it, SIGHUP.

    A SIGHUP that is ignored stays ignored: ``nohup`` does that for programs that outlive their terminal.
    """
    hang_up = getattr(signal, "SIGHUP", None)
    found = [signal.SIGINT, signal.SIGTERM]
    if hang_up is not None and signal.getsignal(hang_up) is not signal.SIG_IGN:
        found.append(hang_up)
    return list(map(int, found))


def exit_code_of(number: int) -> int:
    """The exit code of a run that a signal stopped in order."""
    return EXIT_INTERRUPTED if number == signal.SIGINT else 0


def hung_up(told: Sequence[int]) -> bool:
    """Whether SIGHUP is among the received signals: the terminal was closed, and nobody reads a result."""
    return getattr(signal, "SIGHUP", None) in told


def until_stopped(run: Callable[[], int]) -> int:
    """Runs a command that ends by itself, and returns its exit code.

    SIGTERM and SIGHUP stop it as Ctrl-C does, which removes half-written files; the exit code is then 0.
    """
    told: list[int] = []
    own = os.getpid()

    def stop(number: int, frame: FrameType | None) -> None:
        if os.getpid() != own:
            # This is a worker process, which inherited the program's handlers.
            signal.signal(number, signal.SIG_DFL)
            signal.raise_signal(number)
        told.append(number)
        interrupt = signal.getsignal(signal.SIGINT)
        if not callable(interrupt):
            raise KeyboardInterrupt
        interrupt(signal.SIGINT, frame)

    kept = {}
    try:
        for number in stop_signals() if threading.current_thread() is threading.main_thread() else ():
            if number != signal.SIGINT:
                kept[number] = signal.signal(number, stop)
        code = run()
    except KeyboardInterrupt:
        if not told:
            raise
        print("arbcore: Stopped.", file=sys.stderr)
        return 0
    finally:
        for number, handler in kept.items():
            # None means that the handler was not installed from Python, and cannot be restored.
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
    return 0 if told and code == EXIT_INTERRUPTED else code


class ServerEnding:
    """Records whether the server must end, and with which exit code. ``wake`` wakes the server's loop.

    Create it before printing that the server runs: a program that reads the line may end the server at once.
    """

    def __init__(self, wake: Callable[[], None], *, with_stdin: bool) -> None:
        self.over = False
        self._signal = 0
        self._wake = wake
        for number in stop_signals():
            signal.signal(number, self._by_signal)
        if with_stdin:
            threading.Thread(target=self._when_stdin_closes, daemon=True).start()

    @property
    def exit_code(self) -> int:
        """The exit code of the command."""
        return exit_code_of(self._signal) if self._signal else 0

    def _by_signal(self, number: int, _: object) -> None:
        self._signal = self._signal or number
        self._end()

    def _when_stdin_closes(self) -> None:
        while os.read(0, 4096):
            pass
        self._end()

    def _end(self) -> None:
        self.over = True
        self._wake()
