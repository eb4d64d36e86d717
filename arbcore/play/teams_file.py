"""The file that names the teams of an exchange, and the password of each that has one.

A shell: reads the file. One team per line, ``NAME`` or ``NAME,PASSWORD``. Empty lines and lines that begin
with ``#`` are ignored, and a first line ``team,password`` is a header.
"""

import os
import stat
from pathlib import Path

from arbcore.core.text import printable
from arbcore.errors import InputError
from arbcore.wire.instruments import TEAM_LENGTH_MAX

BYTES_MAX = 1 << 20
PASSWORD_LENGTH_MAX = 128


def read_teams(path: Path) -> dict[str, str]:
    """Returns each team's password by its name, "" if it needs none.

    Raises:
        InputError: the file is missing, cannot be read, names no team, or has a bad line, which is named.
    """
    shown = printable(str(path))
    try:
        # A pipe without a writer must not block the program; it is refused below.
        with open(os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0)), "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise InputError(f"{shown} is not an ordinary file; name a file with one team a line.")
            data = file.read(BYTES_MAX + 1)
    except OSError as error:
        raise InputError(f"{shown} cannot be read ({error.strerror}); check --teams.") from None
    if len(data) > BYTES_MAX:
        raise InputError(f"{shown} is larger than {BYTES_MAX:,} bytes, so it is not a list of teams.")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InputError(f"{shown} is not UTF-8 text; save it as UTF-8.") from None
    teams: dict[str, str] = {}
    first = True
    for number, raw in enumerate(text.splitlines(), 1):
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        name, _, password = (part.strip() for part in line.partition(","))
        header = first and name.lower() == "team" and password.lower() in ("", "password")
        first = False
        if header:
            continue
        teams[_fresh(name, teams, f"{shown} line {number}")] = _password(password, f"{shown} line {number}")
    if not teams:
        raise InputError(f"{shown} names no team; write one a line, as NAME or NAME,PASSWORD.")
    return teams


def others_may_read(path: Path) -> bool:
    """Whether other users of this machine may read the file."""
    return os.name == "posix" and bool(path.stat().st_mode & (stat.S_IRGRP | stat.S_IROTH))


def _fresh(name: str, teams: dict[str, str], where: str) -> str:
    if not 1 <= len(name) <= TEAM_LENGTH_MAX or not all("!" <= character <= "~" for character in name):
        raise InputError(
            f"{where}: {printable(name)!r} is not a team's name; "
            f"give 1 to {TEAM_LENGTH_MAX} letters or digits."
        )
    if name in teams:
        raise InputError(f"{where}: {name} is named twice; keep one of the lines.")
    return name


def is_password(text: str) -> bool:
    """Whether a team may have this password: one word of ASCII, which a plain-text client can send."""
    return len(text) <= PASSWORD_LENGTH_MAX and all("!" <= character <= "~" for character in text)


def _password(password: str, where: str) -> str:
    if not is_password(password):
        raise InputError(
            f"{where}: the password must be at most {PASSWORD_LENGTH_MAX} printable ASCII characters and no "
            "space."
        )
    return password
