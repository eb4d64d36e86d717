"""The house's floors, held: who may import whom, and what no floor below the shells may touch."""

import re
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

# From the ground up. A module belongs to the longest name that fits; it may import its own floor and all
# below. The shells are named one by one: whoever adds one says here that it has sockets, files, clocks or the
# environment.
FLOORS: tuple[tuple[str, ...], ...] = (
    ("arbcore.errors", "arbcore.text"),
    ("arbcore.core", "arbcore.statistics"),
    ("arbcore._build", "arbcore._fast", "arbcore._baskets", "arbcore._carry"),
    ("arbcore.wire",),
    ("arbcore.trading", "arbcore.venue", "arbcore.carry"),
    # The gateway stands above the carry desk, whose fair value, calendar and clock it quotes by; it speaks a
    # protocol of its own and has no business with the exchange bot, its exchange, or their wire.
    ("arbcore.simulation", "arbcore.pages", "arbcore.gateway"),
    (
        "arbcore.config", "arbcore.config_ibkr", "arbcore.bot", "arbcore.exchange", "arbcore.link",
        "arbcore.tcp", "arbcore._spin", "arbcore.embedded", "arbcore.fred", "arbcore.output_file",
        "arbcore.regular_file", "arbcore.web_request",
        "arbcore.tcp", "arbcore._spin", "arbcore._watchdog", "arbcore.embedded", "arbcore.fred",
        "arbcore.output_file",
        "arbcore.regular_file", "arbcore.web_request", "arbcore.store_check",
        "arbcore.store", "arbcore.store_file", "arbcore.store_schema", "arbcore.report", "arbcore.ibkr",
        "arbcore.broker", "arbcore.doctor", "arbcore.quotes",
        "arbcore.journal_file", "arbcore.journal_replay",
        "arbcore.gateway.server", "arbcore.gateway.replay_file",
        "arbcore.venue.server", "arbcore.carry.source", "arbcore.carry.dividends_file",
        "arbcore.carry.backtest", "arbcore.carry.reading", "arbcore.carry.sweep",
        "arbcore.venue.server", "arbcore.venue.results_file", "arbcore.venue.teams_file",
        "arbcore.simulation.simulate", "arbcore.strategy_parameters",
        "arbcore.carry.source", "arbcore.carry.dividends_file",
        "arbcore.carry.backtest", "arbcore.carry.reading", "arbcore.carry.ahead", "arbcore.carry.sweep",
        "arbcore.carry.sweep_view", "arbcore.carry.walk_forward", "arbcore.carry.workers",
        "arbcore.carry.cluster", "arbcore.carry.tables", "arbcore.carry.unzstd",
    ),
    ("arbcore.commands", "arbcore.cli", "arbcore.__main__"),
)
SHELL_FLOOR = 6
# Wings that share a floor and must not know each other. On the other floors neighbours may import neighbours.
SIBLINGS = ("arbcore.trading", "arbcore.venue", "arbcore.carry")
# The twins stand beside the house: nobody in it imports them, and they use its vocabulary only.
REFERENCE = "arbcore.reference"
REFERENCE_MAY_IMPORT = (
    "arbcore.errors", "arbcore.wire.instruments", "arbcore.trading.settings", "arbcore.carry.settings",
    REFERENCE,
    # Names of columns are a table, and the days of New York's clock have the tz database as their oracle.
    "arbcore.carry.column_names", "arbcore.carry.civil",
    "arbcore.carry.desk._records", "arbcore.carry.desk.commands", "arbcore.carry.desk.orders",
    "arbcore.carry.desk.risk", "arbcore.carry.desk.rows", "arbcore.carry.desk.settings", REFERENCE,
)

GATEWAY_MAY_IMPORT = (
    "arbcore.errors", "arbcore.text", "arbcore._carry", "arbcore.carry", "arbcore.gateway",
)

FORBIDDEN_BELOW_SHELLS = {
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


def identity(path: Path) -> str:
    return path.name if path.name != "__init__.py" else module_name(path)


def home_of(module: str) -> tuple[int, str] | None:
    """(floor, the name on the floor's list) of a module, by the longest name that fits."""
    fits = [
        (len(name), floor, name)
        for floor, names in enumerate(FLOORS)
        for name in names
        if module == name or module.startswith(name + ".")
    ]
    return max(fits)[1:] if fits else None


def inside(module: str, *names: str) -> bool:
    return any(module == name or module.startswith(name + ".") for name in names)


HOUSE = [path for path in ALL if module_name(path) != "arbcore" and not inside(module_name(path), REFERENCE)]
BELOW_SHELLS = [
    path for path in HOUSE if (home := home_of(module_name(path))) is not None and home[0] < SHELL_FLOOR
] + [path for path in ALL if inside(module_name(path), REFERENCE)]


def test_the_reader_sees_imports_of_every_kind() -> None:
    # Guards the guard: were the parser blind, every test below would pass.
    seen = {module for path in ALL for module in imports_of(path)}
    assert {"arbcore.errors", "arbcore.wire.instruments", "libc.stdint", "argparse"} <= seen
    compiled = {module for path in ALL if path.suffix == ".pyx" for module in imports_of(path)}
    assert any(module.startswith("arbcore.") for module in compiled)
    assert len(known_modules()) > 15


@pytest.mark.parametrize("path", HOUSE, ids=identity)
def test_every_module_has_its_floor(path: Path) -> None:
    assert home_of(module_name(path)) is not None, f"say in FLOORS where {module_name(path)} stands"


@pytest.mark.parametrize("path", HOUSE, ids=identity)
def test_imports_go_down(path: Path) -> None:
    module = module_name(path)
    home = home_of(module)
    assert home is not None
    for other in sorted(name for name in imports_of(path) if inside(name, "arbcore")):
        if other == "arbcore":
            assert home[0] >= SHELL_FLOOR, f"{module} reaches for the package's face"
            continue
        assert not inside(other, REFERENCE), f"{module} imports the twin {other}"
        there = home_of(other)
        assert there is not None, f"{module} imports {other}, which is on no floor"
        assert there[0] <= home[0], f"{module} imports {other}, which is above it"
        if inside(home[1], *SIBLINGS) and home[0] < SHELL_FLOOR and inside(there[1], *SIBLINGS):
            assert home[1] == there[1], f"{module} and {other} are siblings and must not know each other"


def test_the_carry_desk_knows_no_wire() -> None:
    for path in HOUSE:
        if inside(module_name(path), "arbcore.carry"):
            assert not [name for name in imports_of(path) if inside(name, "arbcore.wire")], path.name


def test_the_gateway_stands_on_the_carry_desk_alone() -> None:
    for path in HOUSE:
        home = home_of(module_name(path))
        if home is not None and inside(home[1], "arbcore.gateway") and home[0] < SHELL_FLOOR:
            for name in imports_of(path):
                if inside(name, "arbcore"):
                    assert inside(name, *GATEWAY_MAY_IMPORT), f"{path.name} imports {name}"


@pytest.mark.parametrize("path", [path for path in ALL if inside(module_name(path), REFERENCE)], ids=identity)
def test_twins_use_the_vocabulary_only(path: Path) -> None:
    for other in imports_of(path):
        if inside(other, "arbcore") and other != REFERENCE:
            assert inside(other, *REFERENCE_MAY_IMPORT), f"{module_name(path)} imports {other}"


@pytest.mark.parametrize("path", BELOW_SHELLS, ids=identity)
def test_nothing_below_the_shells_touches_the_world(path: Path) -> None:
    for other in imports_of(path):
        assert other.split(".")[0] not in FORBIDDEN_BELOW_SHELLS, f"{module_name(path)} imports {other}"
        assert not FORBIDDEN_C.match(other), f"{module_name(path)} cimports {other}"
    for header in c_headers_of(path):
        assert not FORBIDDEN_HEADERS.match(header), f"{module_name(path)} declares functions of <{header}>"
    unseeded = UNSEEDED.search(code_of(path))
    assert unseeded is None, f"{module_name(path)} has randomness without a seed: {unseeded}"
    calls = [match[0] for match in FORBIDDEN_CALLS.finditer(DEFINITION.sub("", code_of(path)))]
    assert not calls, f"{module_name(path)} calls {calls[0]}"


@pytest.mark.parametrize("path", [path for path in ALL if path.suffix == ".py"], ids=identity)
def test_imports_are_absolute(path: Path) -> None:
    assert not [name for name in imports_of(path) if name.startswith(".")]


def test_nothing_is_included() -> None:
    assert not sources(".pxi")
    for path in sources(*COMPILED_SUFFIXES):
        assert not re.search(r"^\s*include\b", code_of(path), re.MULTILINE), path.name
