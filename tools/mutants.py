"""One-line mutants of the modules that guard money, each of which some test must kill.

    python -m tools.mutants                 all of them
    python -m tools.mutants gate orders     some
    python -m tools.mutants --list pair     what would be changed, without running anything

A mutant is one token changed in one line. Of a Python module it is made while the module is imported, in a
process forked for it; the exchange's compiled gate is written into a copy of the package, which is rebuilt
for each. A mutant that the module's own tests let live is printed, and the command ends with 1, unless it
stands in ``tools/mutants_alive.txt`` with the reason why no test can tell it.
"""

import argparse
import ast
import contextlib
import importlib.abc
import importlib.util
import io
import os
import re
import shutil
import subprocess
import sys
import tempfile
import tokenize
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ALIVE = ROOT / "tools" / "mutants_alive.txt"
#: A mutant that runs for longer hangs, and is as good as killed.
TIMEOUT_S = 120


@dataclass(frozen=True)
class Target:
    """A module, and the tests that must kill its mutants, the quickest ones first."""

    module: str
    path: str
    tests: tuple[str, ...]


DESK = "tests/carry/desk"
TARGETS = {
    "gate": Target(
        "arbcore.desk.gate", "arbcore/desk/gate.py",
        (f"{DESK}/test_gate.py", f"{DESK}/test_risk.py"),
    ),
    "orders": Target(
        "arbcore.desk.order_table", "arbcore/desk/order_table.py", (f"{DESK}/test_orders.py",)
    ),
    "leg": Target("arbcore.desk.leg_quotes", "arbcore/desk/leg_quotes.py", (f"{DESK}/test_leg.py",)),
    "risk": Target("arbcore.desk.limits", "arbcore/desk/limits.py", (f"{DESK}/test_risk.py",)),
    "trade": Target(
        "arbcore.desk.trade", "arbcore/desk/trade.py",
        (f"{DESK}/test_trade.py", f"{DESK}/test_pair.py"),
    ),
    "holdings": Target(
        "arbcore.desk.holdings", "arbcore/desk/holdings.py", (f"{DESK}/test_holdings.py",)
    ),
    "pair": Target(
        "arbcore.desk.pair", "arbcore/desk/pair.py",
        tuple(f"{DESK}/test_{each}.py" for each in ("pair", "refusals", "edges", "ends", "writeoff")),
    ),
    "exchange": Target("arbcore.trading._risk", "arbcore/trading/_risk.pyx", ("tests/trading/test_risk.py",)),
}  # fmt: skip

#: What becomes of a token; one mutant for each.
SWAPS = {
    "<": ("<=",), "<=": ("<",), ">": (">=",), ">=": (">",), "==": ("!=",), "!=": ("==",),
    "+": ("-",), "-": ("+",), "*": ("/",), "+=": ("-=",), "-=": ("+=",),
    "and": ("or",), "or": ("and",), "not": ("",), "in": ("not in",), "is": ("is not",),
    "True": ("False",), "False": ("True",), "min": ("max",), "max": ("min",), "any": ("all",),
    "all": ("any",), "break": ("continue",), "continue": ("break",),
}  # fmt: skip


@dataclass(frozen=True)
class Mutant:
    """One token of one line changed."""

    name: str
    line: int
    column: int
    before: str
    after: str
    text: str

    def __str__(self) -> str:
        change = f"{self.before} -> {self.after or 'nothing'} @{self.column}"
        return f"{self.name}: {self.text.strip()} :: {change}"

    def applied(self, source: str) -> str:
        lines = source.splitlines(keepends=True)
        line = lines[self.line - 1]
        lines[self.line - 1] = line[: self.column] + self.after + line[self.column + len(self.before) :]
        return "".join(lines)


def mutants(name: str, source: str, *, compiled: bool) -> Iterator[Mutant]:
    """Every mutant of a module, top to bottom; none of its documentation, imports and signatures."""
    lines = source.splitlines()
    skipped = _skipped_lines(source) if not compiled else set()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        row, column = token.start
        line = lines[row - 1] if row <= len(lines) else ""
        if row in skipped or re.match(r"\s*(from|import|@|cdef class|class|def|cdef|cpdef)\b", line):
            continue
        for after in _replacements(token, line):
            yield Mutant(name, row, column, token.string, after, line)


def _replacements(token: tokenize.TokenInfo, line: str) -> Sequence[str]:
    if token.type == tokenize.NUMBER and re.fullmatch(r"\d+", token.string):
        return (str(int(token.string) + 1),)
    if token.type in (tokenize.OP, tokenize.NAME):
        after = line[token.end[1] :]
        # A sign, a star of arguments and a keyword of a call are no operators; nor is the in of a loop.
        if token.string in "+-*" and re.search(r"[=(,\[:]\s*$|return\s*$|\*$", line[: token.start[1]]):
            return ()
        if token.string == "in" and re.search(r"\bfor\b[^:]*$", line[: token.start[1]]):
            return ()
        if token.string in ("is", "not") and re.match(r"\s*(not|in)\b", after):
            return ()
        if token.string == "not" and re.search(r"\bis\s*$", line[: token.start[1]]):
            return ()
        return SWAPS.get(token.string, ())
    return ()


def _skipped_lines(source: str) -> set[int]:
    """Lines of annotations and signatures."""
    skipped: set[int] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef):
            skipped |= set(range(node.lineno, node.body[0].lineno))
        elif isinstance(node, ast.AnnAssign) and node.value is None:
            skipped |= set(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    return skipped


# --- running --------------------------------------------------------------------------------------------


class _Mutated(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Loads one module from a source that is not its file's."""

    def __init__(self, module: str, source: str, path: Path) -> None:
        self._module, self._source, self._path = module, source, path

    def find_spec(self, fullname: str, path: object, target: object = None) -> object:
        if fullname != self._module:
            return None
        return importlib.util.spec_from_loader(fullname, self, origin=str(self._path))

    def exec_module(self, module: object) -> None:
        exec(compile(self._source, str(self._path), "exec"), module.__dict__)  # noqa: S102


def lives(target: Target, source: str) -> bool:
    """Whether the module's tests pass with this source in its place. Forks: the parent stays as it is.

    It has loaded what takes long, and nothing of the package.
    """
    importlib.import_module("pytest")
    child = os.fork()
    if child == 0:
        code = 1
        try:
            with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere):
                os.dup2(nowhere.fileno(), 1)
                os.dup2(nowhere.fileno(), 2)
                import signal

                import pytest

                signal.alarm(TIMEOUT_S)
                sys.meta_path.insert(0, _Mutated(target.module, source, ROOT / target.path))
                code = pytest.main(
                    ["-x", "-q", "-p", "no:cacheprovider", "-p", "no:randomly", "--import-mode=importlib",
                     "--rootdir", str(ROOT), *(str(ROOT / test) for test in target.tests)]
                )  # fmt: skip
        finally:
            os._exit(int(code))
    _, status = os.waitpid(child, 0)
    return status == 0


class Rebuilt:
    """A copy of the package in which one compiled module is built anew for each mutant."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        for name in ("arbcore", "setup.py", "pyproject.toml", "README.md"):
            source = ROOT / name
            if source.is_dir():
                shutil.copytree(source, directory / name, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(source, directory / name)

    def lives(self, target: Target, source: str) -> bool:
        """Whether the tests pass; a mutant that does not compile is dead."""
        (self._directory / target.path).write_text(source, encoding="utf-8")
        build = [sys.executable, "-c", BUILD_ONE, target.module, target.path]
        if subprocess.run(build, cwd=self._directory, capture_output=True, check=False).returncode:
            return False
        tests = [str(ROOT / test) for test in target.tests]
        run = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", "--rootdir", str(ROOT),
               "--import-mode=importlib", "-c", str(ROOT / "pyproject.toml"), *tests]  # fmt: skip
        environ = os.environ | {"PYTHONPATH": str(self._directory)}
        try:
            done = subprocess.run(
                run, cwd=self._directory, env=environ, capture_output=True, timeout=TIMEOUT_S, check=False
            )
        except subprocess.TimeoutExpired:
            return False
        return done.returncode == 0


#: As ``setup.py`` builds, without optimising: one module, in place.
BUILD_ONE = """
import sys
from Cython.Build import cythonize
from setuptools import Extension, setup
module, path = sys.argv[1:]
args = ["-O0", "-ffp-contract=off", "-Wno-unused-function", "-Wno-unreachable-code"]
extension = Extension(module, [path], extra_compile_args=args, define_macros=[("ARBCORE_SANITIZED", "0")])
directives = {"language_level": 3, "boundscheck": True, "wraparound": True, "cdivision": False,
              "initializedcheck": True, "embedsignature": True}
made = cythonize([extension], quiet=True, build_dir="build/mutants", compiler_directives=directives)
setup(script_args=["-q", "build_ext", "--inplace"], ext_modules=made)
"""


def known_alive() -> set[str]:
    """The mutants that no test can tell from the module, as reviewed."""
    lines = ALIVE.read_text(encoding="utf-8").splitlines() if ALIVE.exists() else []
    return {line.strip() for line in lines if line.strip() and not line.startswith("#")}


def hunt(name: str) -> tuple[int, list[Mutant]]:
    """How many mutants a module has, and which of them live and are not known to."""
    target, alive = TARGETS[name], known_alive()
    source = (ROOT / target.path).read_text(encoding="utf-8")
    compiled = target.path.endswith(".pyx")
    found, survivors = list(mutants(name, source, compiled=compiled)), []
    with tempfile.TemporaryDirectory() as scratch:
        test = Rebuilt(Path(scratch)).lives if compiled else lives
        if not test(target, source):
            sys.exit(f"mutants: the tests of {name} fail without any mutant")
        for mutant in found:
            if str(mutant) not in alive and test(target, mutant.applied(source)):
                survivors.append(mutant)
                print(f"line {mutant.line}: {mutant}", flush=True)
    return len(found), survivors


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tools.mutants", description=__doc__.split("\n")[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one of {', '.join(TARGETS)}")
    parser.add_argument("--list", action="store_true", help="print the mutants and run none")
    args = parser.parse_args(argv)
    if unknown := set(args.names) - set(TARGETS):
        parser.error(f"there is no module {', '.join(sorted(unknown))}; there are {', '.join(TARGETS)}")
    sys.path.insert(0, str(ROOT))
    lived = 0
    for name in args.names or TARGETS:
        if args.list:
            source = (ROOT / TARGETS[name].path).read_text(encoding="utf-8")
            for mutant in mutants(name, source, compiled=TARGETS[name].path.endswith(".pyx")):
                print(f"line {mutant.line}: {mutant}")
            continue
        count, survivors = hunt(name)
        lived += len(survivors)
        print(f"{name}: {count} mutants, {len(survivors)} live that are not on the list", flush=True)
    return 1 if lived else 0


if __name__ == "__main__":
    sys.exit(main())
