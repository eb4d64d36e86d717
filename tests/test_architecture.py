"""The layers, held: one table says which folder may import which, and which folders decide without IO."""

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from source_tree import (
    COMPILED_SUFFIXES,
    c_headers_of,
    code_of,
    imports_of,
    known_modules,
    module_name,
    sources,
)


@dataclass(frozen=True)
class Folder:
    """One folder of the package: whether it decides (no IO), and the folders that it may import."""

    decides: bool
    may_import: str = ""


# Every folder may import itself and the base modules below. The exchange side and the carry side share
# `core`, `system` and `pages`, and never import each other.
FOLDERS = {
    "core": Folder(decides=True),
    "pages": Folder(decides=True, may_import="core"),
    "system": Folder(decides=False, may_import="core"),
    # the exchange side
    "wire": Folder(decides=True, may_import="core"),
    "trading": Folder(decides=True, may_import="core wire"),
    "venue": Folder(decides=True, may_import="core wire"),
    "play": Folder(decides=False, may_import="core pages system wire trading venue"),
    # the carry side
    "carry": Folder(decides=True, may_import="core"),
    "research": Folder(decides=True, may_import="core carry"),
    "quotes": Folder(decides=False, may_import="core pages system carry research"),
    "desk": Folder(decides=True, may_import="core carry"),
    "gateway": Folder(decides=True, may_import="core carry"),
    "broker": Folder(decides=False, may_import="core pages system carry research quotes desk gateway"),
    # both
    "commands": Folder(
        decides=False,
        may_import="core pages system wire trading venue play carry research quotes desk gateway broker",
    ),
}
#: Modules of the root that everything may import, and that import nothing above them.
BASE = {"errors", "_version", "_fast"}
#: The shells of the root, with the folders that each may import; `cli` starts every command.
ROOT_SHELLS = {
    "exchange": "core pages system wire trading venue play",
    "ibkr": "core pages system carry research quotes desk gateway broker",
    "cli": "core system commands",
}
#: One-line public names: they import what they name, and nothing imports them.
PUBLIC_NAMES = {"__init__", "__main__", "statistics"}

FORBIDDEN_WHERE_DECIDED = {
    "asyncio", "concurrent", "ctypes", "datetime", "glob", "io", "mmap", "multiprocessing", "os", "pathlib",
    "secrets", "select", "selectors", "shutil", "signal", "socket", "sqlite3", "ssl",
    "subprocess", "tempfile", "threading", "time", "urllib", "uuid",
}
FORBIDDEN_C = re.compile(r"^(posix|libc\.(time|stdio|signal)|cpython\.datetime)\b")
FORBIDDEN_HEADERS = re.compile(r"^(time|stdio|unistd|signal|fcntl|pthread|sys/|netinet/|arpa/)")
# Randomness is a seeded generator that somebody owns, never the process-wide one.
UNSEEDED = re.compile(r"^\s*import random\b|from random import (?!Random$)|\bRandom\(\)", re.MULTILINE)
DEFINITION = re.compile(r"^[ \t]*(?:def|cdef|cpdef)\b[^\n]*", re.MULTILINE)
FORBIDDEN_CALLS = re.compile(r"(?<![\w.])(open|input|print|rand|srand|getenv|system|exec|eval)\s*\(")

ALL = sources(".py", ".pyx", ".pxd")


def folder_of(module: str) -> str | None:
    """The folder that a module of the package is in, or None in the root."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 and parts[1] in FOLDERS else None


def root_name_of(module: str) -> str:
    return module.split(".")[1] if "." in module else "__init__"


def identity(path: Path) -> str:
    return module_name(path)


def own_imports(path: Path) -> Iterator[str]:
    return (name for name in sorted(imports_of(path)) if name == "arbcore" or name.startswith("arbcore."))


DECIDING = [path for path in ALL if (at := folder_of(module_name(path))) is not None and FOLDERS[at].decides]
DECIDING += [path for path in ALL if root_name_of(module_name(path)) in BASE]


def test_the_reader_sees_imports_of_every_kind() -> None:
    # Guards the guard: were the parser blind, every test below would pass.
    seen = {module for path in ALL for module in imports_of(path)}
    assert {"arbcore.errors", "arbcore.wire.instruments", "libc.stdint", "argparse"} <= seen
    compiled = {module for path in ALL if path.suffix == ".pyx" for module in imports_of(path)}
    assert any(module.startswith("arbcore.") for module in compiled)
    assert len(known_modules()) > 15


def test_every_module_is_in_a_folder_of_the_table_or_named_in_the_root() -> None:
    roots = {root_name_of(name) for path in ALL if folder_of(name := module_name(path)) is None}
    assert roots == BASE | set(ROOT_SHELLS) | PUBLIC_NAMES
    assert len(FOLDERS) <= 14


def test_the_two_sides_do_not_know_each_other() -> None:
    exchange = {"wire", "trading", "venue", "play"}
    carry = {"carry", "research", "quotes", "desk", "gateway", "broker"}
    for one, other in ((exchange, carry), (carry, exchange)):
        assert not [name for name in one if other & set(FOLDERS[name].may_import.split())]


def test_a_folder_that_decides_imports_only_folders_that_decide() -> None:
    for name, folder in FOLDERS.items():
        if folder.decides:
            assert all(FOLDERS[other].decides for other in folder.may_import.split()), name


@pytest.mark.parametrize("path", ALL, ids=identity)
def test_imports_follow_the_table(path: Path) -> None:
    module = module_name(path)
    at, root = folder_of(module), root_name_of(module)
    if at is not None:
        allowed = {at, *FOLDERS[at].may_import.split()}
    elif root in ROOT_SHELLS:
        allowed = set(ROOT_SHELLS[root].split())
    elif root in PUBLIC_NAMES:
        return
    else:
        allowed = set()
    for other in own_imports(path):
        assert other != "arbcore", f"{module} imports the package root; the version is in _version"
        there = folder_of(other)
        if there is not None:
            assert there in allowed, f"{module} imports {other}, and its folder may not"
            continue
        name = root_name_of(other)
        # A command starts a shell of the root; nothing else does.
        assert name in BASE or name == root or (at == "commands" and name in {"exchange", "ibkr"}), (
            f"{module} imports {other}"
        )


def test_no_modules_import_each_other_in_a_circle() -> None:
    edges: dict[str, set[str]] = defaultdict(set)
    for path in ALL:
        edges[module_name(path)] |= {name for name in own_imports(path) if name != module_name(path)}
    done: set[str] = set()
    for start in sorted(edges):
        stack = [(start, iter(sorted(edges[start])))]
        on_the_way = [start]
        while stack:
            module, rest = stack[-1]
            for other in rest:
                circle = [*on_the_way[on_the_way.index(other) :], other] if other in on_the_way else []
                assert not circle, " -> ".join(circle)
                if other not in done and other in edges:
                    stack.append((other, iter(sorted(edges[other]))))
                    on_the_way.append(other)
                    break
            else:
                done.add(module)
                stack.pop()
                on_the_way.pop()


def test_no_name_of_a_file_stands_for_two_things() -> None:
    # Commands are named by what a person types, __init__ by Python; `arbcore.statistics` is a public name.
    homes: dict[str, set[str]] = defaultdict(set)
    for path in ALL:
        module = module_name(path)
        if folder_of(module) != "commands" and path.stem not in {"__init__", "statistics"}:
            homes[path.stem].add(module)
    twice = {stem: sorted(found) for stem, found in homes.items() if len(found) > 1}
    assert not twice


def test_no_name_of_a_class_stands_for_two_things() -> None:
    homes: dict[str, set[str]] = defaultdict(set)
    for path in ALL:
        if path.suffix == ".pxd":
            continue
        for name in re.findall(r"^(?:cdef\s+)?class\s+([A-Z]\w*)", code_of(path), re.MULTILINE):
            homes[name].add(module_name(path))
    twice = {name: sorted(found) for name, found in homes.items() if len(found) > 1}
    assert not twice


@pytest.mark.parametrize("path", DECIDING, ids=identity)
def test_what_decides_does_not_touch_the_world(path: Path) -> None:
    for other in imports_of(path):
        assert other.split(".")[0] not in FORBIDDEN_WHERE_DECIDED, f"{module_name(path)} imports {other}"
        assert not FORBIDDEN_C.match(other), f"{module_name(path)} cimports {other}"
    for header in c_headers_of(path):
        assert not FORBIDDEN_HEADERS.match(header), f"{module_name(path)} declares functions of <{header}>"
    unseeded = UNSEEDED.search(code_of(path))
    assert unseeded is None, f"{module_name(path)} has randomness without a seed: {unseeded}"
    calls = [match[0] for match in FORBIDDEN_CALLS.finditer(DEFINITION.sub("", code_of(path)))]
    assert not calls, f"{module_name(path)} calls {calls[0]}"


# What a twin of tests/reference/ may import: the words of the field, never the code that it is held against.
TWINS = sorted((Path(__file__).parent / "reference").glob("*.py"))
TWINS_MAY_IMPORT = (
    "arbcore.errors", "arbcore.wire.instruments", "arbcore.trading.trading_settings",
    "arbcore.research.research_settings", "arbcore.carry.settlement",
    # Names of columns are a table, and the days of New York's clock have the tz database as their oracle.
    "arbcore.core", "arbcore.core.civil", "arbcore.quotes.column_names",
)


@pytest.mark.parametrize("path", TWINS, ids=lambda path: path.stem)
def test_twins_import_only_the_words_of_the_field(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    for other in re.findall(r"^\s*(?:from|import)\s+(arbcore[\w.]*)", text, re.MULTILINE):
        assert other in TWINS_MAY_IMPORT, f"{path.name} imports {other}"


@pytest.mark.parametrize("path", [path for path in ALL if path.suffix == ".py"], ids=identity)
def test_imports_are_absolute(path: Path) -> None:
    assert not [name for name in imports_of(path) if name.startswith(".")]


def test_nothing_is_included() -> None:
    assert not sources(".pxi")
    for path in sources(*COMPILED_SUFFIXES):
        assert not re.search(r"^\s*include\b", code_of(path), re.MULTILINE), path.name
