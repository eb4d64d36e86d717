"""Makes one-line mutants of the modules that guard money; a test must fail for each of them.

    python -m tools.mutants                                all of them
    python -m tools.mutants --target gate --target orders  some
    python -m tools.mutants --target pair --list           what would be changed, without running anything
    python -m tools.mutants --minutes 5                    no longer than that

A mutant is one token changed, or one call left out, in one line. A process is forked for each. Of a Python
module, one that lies in a function takes the function's place in a process that has loaded package and tests;
any other is loaded from the changed source. The exchange's compiled gate is rebuilt in a copy of the
package: once with every mutant that a switch can choose at its start, then once for each of the others.
Only the tests of the module's own behaviour run, none that compares it with a twin: a twin repeats
what the code does, and says nothing of what it should do. The command prints each mutant that these tests
do not notice and ends with 1, unless ``tools/mutants_alive.txt`` lists it with the reason why no test can. It
ends with 1 too where that file lists what is no mutant any more, and where the time did not suffice for all.
"""

import argparse
import ast
import contextlib
import importlib
import importlib.abc
import importlib.util
import inspect
import io
import os
import re
import resource
import shutil
import sys
import tempfile
import time
import tokenize
import traceback
import types
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ALIVE = ROOT / "tools" / "mutants_alive.txt"
#: Limits of processor time and memory for one mutant's tests; a mutant that exceeds them counts as noticed.
CPU_S = 15
MEMORY_BYTES = 8 << 30


@dataclass(frozen=True)
class Target:
    """A module, and the tests that must notice its mutants, the quickest ones first."""

    path: str
    tests: tuple[str, ...]

    @property
    def module(self) -> str:
        return self.path.rpartition(".")[0].replace("/", ".")

    @property
    def compiled(self) -> bool:
        return self.path.endswith(".pyx")

    def source(self) -> str:
        return (ROOT / self.path).read_text(encoding="utf-8")


def _desk(module: str, *tests: str) -> Target:
    return Target(f"arbcore/desk/{module}.py", tuple(f"tests/desk/test_{test}.py" for test in tests))


TARGETS = {
    "gate": _desk("gate", "gate", "risk"),
    "orders": _desk("order_table", "orders"),
    "leg": _desk("leg_quotes", "leg"),
    "limits": _desk("limits", "risk"),
    "trade": _desk("trade", "trade", "carried", "pair"),
    "holdings": _desk("holdings", "holdings"),
    "pair": _desk("pair", "unwinding", "pair", "refusals", "edges", "ends", "writeoff"),
    "decide": _desk("decide", "decide", "session", "edges", "refusals", "pair"),
    "recovery": _desk("recovery", "recovery", "session", "edges", "holdings", "writeoff", "refusals", "ends"),
    "exchange": Target(
        "arbcore/trading/_risk.pyx",
        (
            "tests/trading/test_risk.py", "tests/trading/test_learnt.py",
            "tests/scenarios/test_bot_scenarios.py",
        ),
    ),
}  # fmt: skip

#: The replacements of each token; each of them is one mutant.
SWAPS = {
    "<": ("<=",), "<=": ("<",), ">": (">=",), ">=": (">",), "==": ("!=",), "!=": ("==",),
    "+": ("-",), "-": ("+",), "*": ("/",), "/": ("*",), "//": ("*",), "%": ("*",), "<<": (">>",),
    ">>": ("<<",), "+=": ("-=",), "-=": ("+=",), "|=": ("&=",), "&=": ("|=",),
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


def mutants(name: str, target: Target) -> Iterator[Mutant]:
    """Yields every mutant of a module from top to bottom, without docstrings, imports and signatures."""
    source = target.source()
    lines = source.splitlines()
    skipped = set() if target.compiled else _skipped_lines(source)
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        row, column = token.start
        line = lines[row - 1] if row <= len(lines) else ""
        if row in skipped or column < _first_column(line):
            continue
        for after in _replacements(token, line):
            yield Mutant(name, row, column, token.string, after, line)
    for row in _calls(source) if not target.compiled else _compiled_calls(lines):
        line = lines[row - 1]
        yield Mutant(name, row, len(line) - len(line.lstrip()), line.strip(), "pass", line)


def _first_column(line: str) -> int:
    """Returns the column at which a line's executable code begins; past its end if it only declares."""
    if re.match(r"\s*(from|import|@|cdef class|class|def)\b", line):
        return len(line) + 1
    if re.match(r"\s*(cdef|cpdef)\b", line):
        declares_only = " = " not in line or line.endswith(":")
        return len(line) + 1 if declares_only else line.index(" = ") + 2
    return 0


def _calls(source: str) -> list[int]:
    """Returns the lines that consist of one call whose result is not used."""
    found = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Expr)]
    return sorted(
        node.lineno for node in found if isinstance(node.value, ast.Call) and node.lineno == node.end_lineno
    )


def _compiled_calls(lines: Sequence[str]) -> list[int]:
    call = re.compile(r"\s+[a-z_][\w.]*\(.*\)$")
    return [row for row, line in enumerate(lines, 1) if call.match(line)]


def _replacements(token: tokenize.TokenInfo, line: str) -> Sequence[str]:
    if token.type == tokenize.NUMBER:
        return (str(ast.literal_eval(token.string) + 1),)
    if token.type in (tokenize.OP, tokenize.NAME):
        after = line[token.end[1] :]
        before = line[: token.start[1]]
        # A sign, a star before arguments, a cast and a pointer are not operators, nor is the in of a loop.
        if token.string in "+-*" and re.search(r"[=(,\[:]\s*$|return\s*$|\*$|_t$", before):
            return ()
        if token.string in "<>" and (re.match(r"\w+_t>", after) or re.search(r"<\w+_t$", before)):
            return ()
        if token.string == "in" and re.search(r"\bfor\b[^:]*$|\bnot\s*$", before):
            return ()
        if token.string == "is" and re.match(r"\s*not\b", after):
            return ()
        return SWAPS.get(token.string, ())
    return ()


def _skipped_lines(source: str) -> set[int]:
    """Returns the lines of annotations and signatures."""
    skipped: set[int] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef):
            skipped |= set(range(node.lineno, node.body[0].lineno))
        elif isinstance(node, ast.AnnAssign) and node.value is None:
            skipped |= set(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    return skipped


# --- many mutants in one build --------------------------------------------------------------------------

#: The environment variable with the number of the mutant that a compiled module selects.
SWITCH = "MUTANT"
_DECLARED = f'cdef int MUTANT_NUMBER = int(__import__("os").environ.get("{SWITCH}", "0"))'
_DECIDES = re.compile(r"(\s*(?:if|elif|while) )(.+):")
_RUNS = re.compile(r"\s*(?!(?:if|elif|else|while|for|with|try|cdef|cpdef|def|class|return)\b)\S.*[^:,(]")


def switched(source: str, mutants: Sequence[Mutant]) -> tuple[str, list[Mutant]]:
    """Returns a source that contains many of its mutants and selects one by number; and these, from 1 on.

    A line remains one statement, so only a line that is a complete statement, and not a declaration, can
    contain the selection.
    """
    lines, whole, chosen = source.splitlines(), _whole_lines(source), []
    by_line: dict[int, list[Mutant]] = {}
    for mutant in mutants:
        by_line.setdefault(mutant.line, []).append(mutant)
    for row, those in by_line.items():
        line = lines[row - 1]
        changed = [each.applied(source).splitlines()[row - 1] for each in those]
        numbers = range(len(chosen) + 1, len(chosen) + len(those) + 1)
        forms = dict(zip(numbers, changed, strict=True))
        indent = line[: len(line) - len(line.lstrip())]
        if row not in whole:
            continue
        if found := _DECIDES.fullmatch(line):
            lines[row - 1] = f"{found[1]}{_choice(forms, line, lambda text: _DECIDES.fullmatch(text)[2])}:"
        elif line.startswith(f"{indent}return "):
            lines[row - 1] = (
                f"{indent}return {_choice(forms, line, lambda text: text.split('return ', 1)[1])}"
            )
        elif _RUNS.fullmatch(line) and indent:
            choices = [
                f"{indent}{'elif' if at else 'if'} MUTANT_NUMBER == {number}:\n{indent}    {form.strip()}"
                for at, (number, form) in enumerate(forms.items())
            ]
            lines[row - 1] = "\n".join([*choices, f"{indent}else:\n{indent}    {line.strip()}"])
        else:
            continue
        chosen += those
    return "\n".join([*lines, _DECLARED, ""]), chosen


def _choice(forms: Mapping[int, str], line: str, part: Callable[[str], str]) -> str:
    """Returns an expression that selects between this part of the mutated lines and of the original line."""
    choices = [f"({part(form)}) if MUTANT_NUMBER == {number} else " for number, form in forms.items()]
    return f"({''.join(choices)}({part(line)}))"


def _whole_lines(source: str) -> set[int]:
    """Returns the lines that contain exactly one complete statement, or the complete head of one."""
    found, start = set(), 0
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type in (tokenize.INDENT, tokenize.DEDENT, tokenize.NL, tokenize.COMMENT):
            continue
        start = start or token.start[0]
        if token.type == tokenize.NEWLINE:
            if start == token.start[0]:
                found.add(start)
            start = 0
    return found


# --- running --------------------------------------------------------------------------------------------


class _Mutated(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Loads one module from another source than its file."""

    def __init__(self, module: str, source: str, path: Path) -> None:
        self._module, self._source, self._path = module, source, path

    def find_spec(self, fullname: str, path: object, target: object = None) -> object:
        if fullname != self._module:
            return None
        return importlib.util.spec_from_loader(fullname, self, origin=str(self._path))

    def exec_module(self, module: object) -> None:
        exec(compile(self._source, str(self._path), "exec"), module.__dict__)  # noqa: S102


class _OwnTests:
    """Leaves out the tests that use a twin."""

    def pytest_collection_modifyitems(self, items: list[object]) -> None:
        items[:] = [item for item in items if not _asks_a_twin(item)]


def _asks_a_twin(item: object) -> bool:
    parameters = getattr(getattr(item, "callspec", None), "params", {})
    return "py" in parameters.values() or "twin" in inspect.getsource(item.function).lower()


class Runner:
    """Runs a target's tests against mutated sources. ``scratch`` is an empty directory."""

    def __init__(self, target: Target, scratch: Path) -> None:
        self._target, self._scratch = target, scratch
        self._output = scratch / "output.txt"
        # Modules that every child needs are loaded before the fork, but none of the package.
        for name in ("pytest", "hypothesis.strategies"):
            importlib.import_module(name)
        import hypothesis

        # One failing example is enough: it is not minimised, and not stored for the next mutant.
        phases = [hypothesis.Phase.explicit, hypothesis.Phase.generate]
        hypothesis.settings.register_profile("mutants", database=None, deadline=None, phases=phases)
        if target.compiled:
            importlib.import_module("setuptools.command.build_ext")
            importlib.import_module("Cython.Build")
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(ROOT / "arbcore", scratch / "arbcore", ignore=ignored)

        #: The lines in functions, whose mutants need no new import; and whether package and tests are loaded.
        self._functions = set() if target.compiled else _function_lines(target.source())
        self._loaded = False
        #: The mutants in the module that was built last, by number; 0 selects none of them.
        self._numbers: dict[Mutant, int] = {}

    def prepare(self, mutants: Sequence[Mutant]) -> list[Mutant]:
        """Returns the mutants in the order in which they are tried.

        A compiled module is built with as many mutants as it can contain, and these come first. In a Python
        module those outside functions come first, because they are tried before the package is loaded.
        """
        if not self._target.compiled:
            return sorted(mutants, key=lambda mutant: mutant.line in self._functions)
        source, chosen = switched(self._target.source(), mutants)
        if not self._in_child(lambda: self._rebuild(source)):
            sys.exit(f"mutants: {self._target.module} with its mutants cannot be built:\n{self.said()}")
        self._numbers = {mutant: number for number, mutant in enumerate(chosen, 1)}
        return [*chosen, *(mutant for mutant in mutants if mutant not in self._numbers)]

    def lives(self, mutant: Mutant | None) -> bool:
        """Whether the tests pass with this mutant, or without any; False if it cannot be built.

        The tests run in a forked process.
        """
        if mutant is not None and mutant.line in self._functions and not self._loaded:
            self._load()
            if not self._in_child(lambda: self._run(None)):
                sys.exit(f"{self.said()}\nmutants: the tests fail without any mutant once they are loaded")
        return self._in_child(lambda: self._run(mutant))

    def said(self) -> str:
        """Returns the output of the last process."""
        return self._output.read_text(encoding="utf-8", errors="replace")

    def _in_child(self, work: Callable[[], int]) -> bool:
        child = os.fork()
        if child == 0:
            code = 1
            try:
                output = os.open(self._output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
                os.dup2(output, 1)
                os.dup2(output, 2)
                os.chdir(self._scratch)
                code = work()
            except BaseException:  # noqa: BLE001 -- the process ends below, whatever happened, and says why
                traceback.print_exc()
            finally:
                sys.stdout.flush()
                sys.stderr.flush()
                os._exit(code)
        _, status = os.waitpid(child, 0)
        return status == 0

    def _load(self) -> None:
        """Imports the package and the tests into this process, from which later ones are forked."""
        import pytest

        with open(os.devnull, "w", encoding="utf-8") as nowhere, contextlib.redirect_stdout(nowhere):
            pytest.main([*self._options(), "--collect-only"], plugins=[_OwnTests()])
        self._loaded = True

    def _options(self) -> list[str]:
        options = [
            "-x", "-q", "--tb=no", "-p", "no:cacheprovider", "-p", "no:randomly", "-p", "no:xdist",
            "-W", "ignore::pytest.PytestAssertRewriteWarning",
            "--hypothesis-profile=mutants", "--hypothesis-seed=1",
        ]  # fmt: skip
        places = ["--rootdir", str(ROOT), "-c", str(ROOT / "pyproject.toml")]
        return [*options, *places, *(str(ROOT / test) for test in self._target.tests)]

    def _rebuild(self, source: str) -> int:
        Path(self._target.path).write_text(source, encoding="utf-8")
        _build(self._target)
        return 0

    def _run(self, mutant: Mutant | None) -> int:
        resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S))
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        import pytest

        target = self._target
        if target.compiled:
            os.environ[SWITCH] = str(self._numbers.get(mutant, 0))
            if mutant is not None and mutant not in self._numbers:
                self._rebuild(mutant.applied(target.source()))
            sys.path.insert(0, str(self._scratch))
        elif self._loaded:
            if mutant is not None:
                _replace_functions(target, mutant.applied(target.source()))
        else:
            source = target.source() if mutant is None else mutant.applied(target.source())
            sys.meta_path.insert(0, _Mutated(target.module, source, ROOT / target.path))
        return int(pytest.main(self._options(), plugins=[_OwnTests()]))


def _function_lines(source: str) -> set[int]:
    """Returns the lines in bodies of functions, which can be replaced without a new import."""
    nodes = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.FunctionDef)]
    return {line for node in nodes for line in range(node.body[0].lineno, (node.end_lineno or 0) + 1)}


def _replace_functions(target: Target, source: str) -> None:
    """Replaces the code of the loaded module's functions by their code in another source."""
    loaded, changed = sys.modules[target.module], types.ModuleType(target.module)
    exec(compile(source, str(ROOT / target.path), "exec"), changed.__dict__)  # noqa: S102
    for old, new in _function_pairs(vars(loaded), vars(changed), target.module):
        old.__code__ = new.__code__


def _function_pairs(
    old: Mapping[str, object], new: Mapping[str, object], module: str
) -> Iterator[tuple[types.FunctionType, types.FunctionType]]:
    for name, each in old.items():
        other = new.get(name)
        if isinstance(each, property) and isinstance(other, property):
            each, other = each.fget, other.fget
        elif isinstance(each, staticmethod | classmethod) and isinstance(other, staticmethod | classmethod):
            each, other = each.__func__, other.__func__
        if isinstance(each, types.FunctionType) and isinstance(other, types.FunctionType):
            if each.__module__ == module and each.__code__.co_filename == other.__code__.co_filename:
                yield each, other
        elif isinstance(each, type) and isinstance(other, type) and each.__module__ == module:
            yield from _function_pairs(vars(each), vars(other), module)


def _build(target: Target) -> None:
    """Builds one module in place with the directives of ``setup.py``, without optimisation."""
    from Cython.Build import cythonize
    from setuptools import Extension, setup

    arguments = ["-O0", "-g0", "-ffp-contract=off", "-Wno-unused-function", "-Wno-unreachable-code"]
    macros = [("ARBCORE_SANITIZED", "0")]
    extension = Extension(target.module, [target.path], extra_compile_args=arguments, define_macros=macros)
    directives = {
        "language_level": 3, "boundscheck": True, "wraparound": True, "cdivision": False,
        "initializedcheck": True, "embedsignature": True,
    }  # fmt: skip
    built = cythonize([extension], quiet=True, force=True, build_dir="build", compiler_directives=directives)
    setup(script_args=["-q", "build_ext", "--inplace", "--force"], ext_modules=built)


def known_alive() -> set[str]:
    """Returns the reviewed mutants that no test can distinguish from the module."""
    lines = ALIVE.read_text(encoding="utf-8").splitlines() if ALIVE.exists() else []
    return {line.strip() for line in lines if line.strip() and not line.startswith("#")}


def hunt(name: str, deadline_s: float) -> bool:
    """Runs a module's mutants; whether all were run, each was noticed or is listed, and nothing else is."""
    target, alive = TARGETS[name], known_alive()
    found = list(mutants(name, target))
    listed = [mutant for mutant in found if str(mutant) in alive]
    wanted = [mutant for mutant in found if str(mutant) not in alive]
    gone = sorted({line for line in alive if line.startswith(f"{name}: ")} - {str(each) for each in listed})
    for line in gone:
        print(f"listed in {ALIVE.name}, and no mutant any more: {line}", flush=True)
    lived = tried = 0
    with tempfile.TemporaryDirectory() as scratch:
        runner = Runner(target, Path(scratch))
        wanted = runner.prepare(wanted)
        if not runner.lives(None):
            sys.exit(
                f"{runner.said()}\nmutants: the tests of {name} fail without any mutant, as printed above"
            )
        for mutant in wanted:
            if time.monotonic() > deadline_s:
                break
            tried += 1
            if runner.lives(mutant):
                lived += 1
                print(f"line {mutant.line}: {mutant}", flush=True)
    left = f", {len(wanted) - tried} not tried for want of time" if tried < len(wanted) else ""
    print(
        f"{name}: {len(found)} mutants, {tried - lived} noticed, {len(listed)} listed, {lived} live{left}",
        flush=True,
    )
    return not lived and not left and not gone


def _in_own_process(name: str, deadline_s: float) -> bool:
    """Calls ``hunt`` in a forked process, because it loads modules that the next one must load itself."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            code = 0 if hunt(name, deadline_s) else 1
        except SystemExit as error:
            print(error, file=sys.stderr)
        except BaseException:  # noqa: BLE001 -- the process ends below, whatever happened, and says why
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)
    _, status = os.waitpid(child, 0)
    return status == 0


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tools.mutants", description=__doc__.split("\n")[0])
    parser.add_argument(
        "--target", action="append", choices=TARGETS, metavar="NAME",
        help=f"one of {', '.join(TARGETS)}; may be repeated (default: all of them)",
    )  # fmt: skip
    parser.add_argument(
        "--minutes", type=float, default=60.0, metavar="M",
        help="begin no mutant after so many minutes (default: 60)",
    )  # fmt: skip
    parser.add_argument("--list", action="store_true", help="print the mutants and run none")
    args = parser.parse_args(argv)
    names = args.target or list(TARGETS)
    if args.list:
        for name in names:
            for mutant in mutants(name, TARGETS[name]):
                print(f"line {mutant.line}: {mutant}")
        return 0
    sys.path.insert(0, str(ROOT))
    deadline_s = time.monotonic() + args.minutes * 60.0
    answers = [_in_own_process(name, deadline_s) for name in names]
    return 0 if all(answers) else 1


if __name__ == "__main__":
    sys.exit(main())
