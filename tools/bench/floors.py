"""Compiles the C programs of ``tools/bench/c`` into a directory that is removed at the end of the run."""

import atexit
import ctypes
import functools
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

SOURCES = Path(__file__).parent / "c"
FLAGS = ["-O3", "-std=gnu11"]
NATIVE = "-march=native"


@functools.cache
def build_directory() -> Path:
    """Returns the directory of the programs; it is created once and removed when the program ends."""
    directory = Path(tempfile.mkdtemp(prefix="arbcore-bench-"))
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    return directory


@functools.cache
def compiler() -> list[str] | None:
    """Returns the C compiler's command, or None without a compiler."""
    if sys.platform == "win32":
        return None
    command = shlex.split(os.environ.get("CC", "cc"))
    return command if command and shutil.which(command[0]) else None


def missing_reason() -> str:
    """The reason why nothing can be compiled here; empty if it can."""
    return "" if compiler() else "no C compiler (cc, or the one that CC names)"


@functools.cache
def build(source: str, *, output: str, flags: tuple[str, ...] = (), native: bool = True) -> Path:
    """Compiles one source; tries again without -march=native if the compiler does not know it."""
    command = compiler()
    if command is None:
        raise FileNotFoundError("no C compiler")
    target = build_directory() / output
    arguments = [*flags, "-o", str(target), str(SOURCES / source), "-lm"]
    tried = [*command, *FLAGS, NATIVE, *arguments]
    if not native or subprocess.run(tried, check=False, capture_output=True).returncode:
        subprocess.run([*command, *FLAGS, *arguments], check=True)
    return target


def stream_runner(
    baselines: Path | None = None, *, native: bool = True
) -> Callable[[bytes, bool], bytes | int]:
    """Returns the trivial-decision floor: a function of (lines, keep) to the orders, or to their length.

    With ``baselines`` it uses the step of that directory's ``core.h`` instead.
    """
    flags: tuple[str, ...] = ("-shared", "-fPIC")
    if baselines is None:
        output = "floor.so" if native else "floor-generic.so"
        built = build("session_floor.c", output=output, flags=flags, native=native)
        library = ctypes.CDLL(str(built))
    else:
        flags += ("-DHELD_CORE", "-I" + str(baselines), "-w")
        library = ctypes.CDLL(str(build("session_floor.c", output="held.so", flags=flags)))
    function = library.run_stream
    function.restype = ctypes.c_int64
    function.argtypes = [ctypes.c_char_p, ctypes.c_int64, ctypes.c_void_p, ctypes.c_int]

    def run(data: bytes, keep: bool) -> bytes | int:
        room = ctypes.create_string_buffer(len(data) * 2 + 4096 if keep else 4096)
        written = int(function(data, len(data), room, int(keep)))
        return room.raw[:written] if keep else written

    return run
