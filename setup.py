"""Builds the compiled extensions; everything else about the package is in pyproject.toml.

Every ``.pyx`` below ``arbcore/`` is one extension, so a new module needs no line here. What Cython adds to
each of them, its memoryviews above all, is compiled once, into ``arbcore._cython_shared``, which takes three
tenths off the time of a build.
Three switches, read from the environment, change how they are built:

* ``ARBCORE_SANITIZE=1``  AddressSanitizer and UndefinedBehaviorSanitizer (``make sanitize``);
* ``ARBCORE_TRACE=1``     line tracing, so that coverage sees Cython (CPython 3.11 and older);
* ``ARBCORE_ANNOTATE=1``  an HTML page beside each module that shows where Python is touched.
"""

import multiprocessing
import os
import sys
from pathlib import Path

from Cython.Build import cythonize
from setuptools import Extension, setup

SANITIZE = os.environ.get("ARBCORE_SANITIZE") == "1"
TRACE = os.environ.get("ARBCORE_TRACE") == "1"
ANNOTATE = os.environ.get("ARBCORE_ANNOTATE") == "1"


#: Cython writes its source.
SHARED = "arbcore._cython_shared"
#: Whose loops over columns are to become vectors: a backtest of rows in memory takes 0.8 of its time so, the
#: evidence of a sweep 0.7.
VECTORS = {Path("arbcore/carry/_values.pyx"), Path("arbcore/core/_resampling.pyx")}


def compile_args(path: Path) -> list[str]:
    if sys.platform == "win32":
        return ["/O2"]
    # A product and a sum stay two roundings: fused, the carry arithmetic would differ between machines.
    exact = ["-ffp-contract=off"]
    if SANITIZE:
        return [*exact, "-O1", "-g", "-fno-omit-frame-pointer", "-fsanitize=address,undefined",
                "-fno-sanitize-recover=undefined"]
    # -O3 and debug symbols double gcc's time and the installed size for some per cent of the session's speed.
    level = "-O3" if path in VECTORS else "-O2"
    return [*exact, level, "-g0", "-Wno-unused-function", "-Wno-unreachable-code"]


def link_args() -> list[str]:
    return ["-fsanitize=address,undefined"] if SANITIZE else []


def define_macros() -> list[tuple[str, str]]:
    macros = [("ARBCORE_SANITIZED", "1" if SANITIZE else "0")]
    if TRACE:
        macros += [("CYTHON_TRACE", "1"), ("CYTHON_TRACE_NOGIL", "1")]
    return macros


def extension(path: Path) -> Extension:
    return Extension(
        ".".join(path.with_suffix("").parts),
        [path.as_posix()],
        extra_compile_args=compile_args(path),
        extra_link_args=link_args(),
        define_macros=define_macros(),
    )


def extensions() -> list[Extension]:
    # The largest first, so that no core waits for another's last module.
    sources = sorted(Path("arbcore").rglob("*.pyx"), key=lambda path: (-path.stat().st_size, path))
    return [extension(path) for path in [Path(SHARED.replace(".", "/") + ".c"), *sources]]


def variant() -> str:
    return "-sanitize" if SANITIZE else "-trace" if TRACE else ""


CPUS = os.cpu_count() or 1

setup(
    ext_modules=cythonize(
        extensions(),
        # The generated C stays out of the source tree, and each kind of build has its own.
        build_dir=f"build/cython{variant()}",
        shared_utility_qualified_name=SHARED,
        # Other start methods would run this file again in every worker.
        nthreads=CPUS if multiprocessing.get_start_method() == "fork" else 0,
        annotate=ANNOTATE,
        compiler_directives={
            "language_level": 3,
            "boundscheck": True,
            "wraparound": True,
            "cdivision": False,
            "initializedcheck": True,
            "embedsignature": True,
            "linetrace": TRACE,
        },
    ),
    options={"build_ext": {"parallel": CPUS}},
)
