"""The kill switch of a working directory, read from the environment, from ``.env`` and from a file."""

import contextlib
import os
from collections.abc import Mapping
from pathlib import Path

from arbcore.core.settings import is_on
from arbcore.core.text import printable
from arbcore.errors import ConfigError
from arbcore.system.configuration import DOTENV_NAME, KILL_SWITCH_NAME, read_dotenv
from arbcore.system.regular_file import read_regular


class KillSwitch:
    """The kill switch of a working directory: ``KILL_SWITCH`` in the environment, in ``.env``, or as a file.

    ``reason()`` is None while trading is allowed. Once the switch is on it stays on: the file is written, so
    that the switch also holds after a restart, until a person deletes the file. Call ``reason()`` at least
    every second.
    """

    def __init__(self, directory: Path, environ: Mapping[str, str]) -> None:
        self.path = directory / KILL_SWITCH_NAME
        self.dotenv_path = directory / DOTENV_NAME
        self._environ_text = environ.get(KILL_SWITCH_NAME, "")
        self._reason: str | None = None
        self._on_disk = False

    def peek(self) -> str | None:
        """Why trading is off, or None; never writes the file."""
        return self._reason or self._look()

    def reason(self) -> str | None:
        """Why trading is off, or None. Reads both files, and writes ``KILL_SWITCH`` once the switch is on."""
        if self._reason is None:
            found = self._look()
            if found is not None:
                self.trip(found)
        return self._reason

    def lifted(self) -> bool:
        """Whether a person removed the reason, including the file ``KILL_SWITCH``; trading may go on then.

        If the file could not be written, the switch stays on for the whole run.
        """
        if self._reason is None or not self._on_disk or self._look() is not None:
            return False
        self._reason, self._on_disk = None, False
        return True

    def trip(self, reason: str) -> str | None:
        """Switches trading off and writes the file; returns a sentence if the file could not be written."""
        if self._reason is None:
            self._reason = reason
        try:
            descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            self._on_disk = True
            return None
        except OSError as error:
            return (
                f"{self.path} could not be written ({error.strerror}), so the kill switch ends with this run."
            )
        # The file works even if it is empty; a full disk loses only the reason in it.
        with contextlib.suppress(OSError):
            os.write(descriptor, f"{reason}\nDelete this file to allow trading again.\n".encode())
        os.close(descriptor)
        self._on_disk = True
        return None

    def _look(self) -> str | None:
        if _tripped(self._environ_text):
            return "KILL_SWITCH is set in the environment"
        if os.path.lexists(self.path):
            return f"the file {self.path} exists{self._written_reason()}"
        try:
            entries = read_dotenv(self.dotenv_path)[0]
        except ConfigError as error:
            # An unreadable file may switch trading off, so it counts as on, the safe choice.
            return str(error)
        last = [text for name, text, _ in entries if name == KILL_SWITCH_NAME][-1:]
        return "KILL_SWITCH is set in .env" if last and _tripped(last[0]) else None

    def _written_reason(self) -> str:
        try:
            first = read_regular(self.path, 400).partition(b"\n")[0].strip()
        except OSError:
            return ""
        return f" ({printable(first)})" if first else ""


def _tripped(text: str) -> bool:
    try:
        return is_on(text)
    except ValueError:
        # Anything that is not clearly "off" stops trading.
        return True
