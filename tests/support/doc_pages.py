"""Runs the shell commands and Python programs of the README and of the pages of `docs/` in a test.

A block of commands runs line by line; each page has its own folder. An HTML comment before a block marks a
special case: `<!-- not run: WHY -->`, `<!-- server -->` (it runs during the rest of the page) or
`<!-- needs MODULE -->`.
A Python block that begins with a comment `# name.py` is that file; any other block is a separate program.
"""

import os
import re
import shlex
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

_BLOCK = re.compile(
    r"^(?:[ ]*<!-- (?P<note>[^>]*) -->\n)?(?P<indent>[ ]*)```(?P<kind>sh|python)\n(?P<text>.*?)^[ ]*```$",
    re.MULTILINE | re.DOTALL,
)
#: The ports that pages name; a test replaces them by free ones.
_PORTS = ("25000", "20000", "7400", "9464")
#: Runs in pages last long enough for a reader to watch; a test shortens them to these limits.
_DURATION_MAX_S, _ROUNDS_MAX, _ROUND_S = 1.0, 4, 5
_TIMEOUT_S = 100


@dataclass(frozen=True)
class Block:
    """A block of a page: ``kind`` is sh or python, ``note`` the comment before it or empty."""

    kind: str
    text: str
    note: str

    @property
    def file_name(self) -> str:
        """The name of the file that a Python block contains; empty for a separate program."""
        match = re.match(r"# (\w+\.py)\n", self.text)
        return match[1] if self.kind == "python" and match else ""

    def commands(self) -> list[list[str]]:
        """The words of each line."""
        joined = self.text.replace("\\\n", " ")
        return [words for line in joined.splitlines() if (words := shlex.split(line, comments=True))]


def blocks_of(text: str) -> list[Block]:
    """The blocks of a page, in order."""
    return [
        Block(match["kind"], re.sub(rf"^{match['indent']}", "", match["text"], flags=re.MULTILINE),
              match["note"] or "")
        for match in _BLOCK.finditer(text)
    ]  # fmt: skip


def inline_commands(text: str) -> list[str]:
    """Returns the commands that the text contains between backquotes."""
    return re.findall(r"`(arbcore [^`]*)`", text)


def quickened(words: list[str]) -> list[str]:
    """Returns a page's command as a test runs it: with this Python, and shortened."""
    words = list(words)
    if words[:2] == ["arbcore", "exchange"] and "--new-strategy" not in words and "--duration" not in words:
        words += ["--duration", "999"]
    if "--duration" in words:
        at = words.index("--duration") + 1
        words[at] = f"{min(float(words[at]), _DURATION_MAX_S):g}"
    if words[:2] == ["arbcore", "simulate"]:
        if "--rounds" in words:
            at = words.index("--rounds") + 1
            words[at] = str(min(int(words[at]), _ROUNDS_MAX))
        words += ["--round-s", str(_ROUND_S), "--workers", "1"]
    return [sys.executable, "-m", *words] if words[0] == "arbcore" else [sys.executable, *words[1:]]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def serving(words: list[str], folder: Path) -> Iterator[None]:
    """Runs a server of a page, from its first line on standard output until it ends in order."""
    server = subprocess.Popen(
        quickened(words), cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    try:
        assert server.stdout is not None
        assert "listening" in server.stdout.readline(), shlex.join(words)
        yield
    finally:
        server.send_signal(signal.SIGINT)
        server.communicate(timeout=30)
    assert server.returncode == 130, shlex.join(words)


class PageRun:
    """Runs the blocks of one page in a folder that has the examples; ``done`` counts what ran."""

    def __init__(self, text: str, folder: Path) -> None:
        for port in _PORTS:
            text = text.replace(port, str(free_port()))
        self.blocks = blocks_of(text)
        self.folder = folder
        self.done = 0

    def run(self) -> None:
        """Runs everything from top to bottom; fails at the first command that fails."""
        for block in self.blocks:
            if block.file_name:
                (self.folder / block.file_name).write_text(block.text, encoding="utf-8")
        with ExitStack() as servers:
            for block in self.blocks:
                self._block(block, servers)

    def _block(self, block: Block, servers: ExitStack) -> None:
        needed = block.note.removeprefix("needs ") if block.note.startswith("needs ") else ""
        if block.note.startswith("not run: ") or block.file_name or (needed and find_spec(needed) is None):
            return
        if block.kind == "python":
            self._check([sys.executable, "-c", block.text], block.text)
            return
        for line in block.commands():
            settings, words = split_settings(line)
            if not is_run(words):
                continue
            if block.note == "server" or (words[:2] in SERVERS and "--list-faults" not in words):
                servers.enter_context(serving(words, self.folder))
                self.done += 1
            else:
                self._check(quickened(words), shlex.join(line), settings)

    def _check(self, words: list[str], shown: str, settings: dict[str, str] | None = None) -> None:
        done = subprocess.run(
            words, cwd=self.folder, capture_output=True, text=True, encoding="utf-8", timeout=_TIMEOUT_S,
            env={**os.environ, **(settings or {})},
        )  # fmt: skip
        assert done.returncode == 0, f"{shown}\n{done.stdout}\n{done.stderr}"
        assert done.stdout or words[1] == "-c", shown
        self.done += 1


#: Commands that run until they are ended.
SERVERS = (["arbcore", "serve"], ["arbcore", "gateway"])
#: First words of lines that a test does not run: they concern the shell or the build.
_OTHERS = ("make", ".", "pip")


def split_settings(words: list[str]) -> tuple[dict[str, str], list[str]]:
    """Returns the environment variables at the beginning of a line, and the command after them."""
    count = next(at for at, word in enumerate(words) if not re.match(r"[A-Z_]+=", word))
    return dict(word.split("=", 1) for word in words[:count]), words[count:]


def is_run(words: list[str]) -> bool:
    """Whether a test can run this line. Fails for a command without a rule."""
    assert words[0] in ("arbcore", "python", *_OTHERS), words
    return words[0] not in _OTHERS
