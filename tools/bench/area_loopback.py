"""Tick to order over loopback, and lines a second from a socket to a decision."""

import contextlib
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator

from tools.bench import floors
from tools.bench.harness import FLOOR, HELD, OURS, Options, Ratio, Row, Table, measure

PERCENTILES = ("min", "p50", "p90", "p99", "p999", "max")
TIMEOUT_S = 60


def cores() -> tuple[int, int]:
    """Two different cores to stay on; -1, -1 where there are none to choose."""
    if not hasattr(os, "sched_getaffinity"):
        return -1, -1
    usable = sorted(os.sched_getaffinity(0))
    return (usable[0], usable[1]) if len(usable) > 1 else (-1, -1)


def program(*arguments: object) -> list[str]:
    """The command line of a role of loopback.c."""
    return [str(floors.build("loopback.c", output="loopback")), *map(str, arguments)]


@contextlib.contextmanager
def running(command: list[str], **options: object) -> Iterator[subprocess.Popen[str]]:
    """A program that is ended with the block, whatever happens in it."""
    process = subprocess.Popen(command, text=True, **options)  # type: ignore[call-overload]
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def percentiles_us(line: str) -> dict[str, float]:
    """The columns of a table from the line that a measuring side prints."""
    values = [int(text) / 1000 for text in line.split()[1:]]
    columns = dict(zip(PERCENTILES, values, strict=True))
    return {"value": columns["p50"], **{name: columns[name] for name in ("p90", "p99", "p999")}}


def tick_to_order(measuring: list[str], answering: Callable[[int], list[str]], core: int) -> dict[str, float]:
    """Starts the measuring side, then the answering one on its port, and takes the former's percentiles."""
    with running(measuring, stdout=subprocess.PIPE) as exchange:
        assert exchange.stdout is not None
        port = int(exchange.stdout.readline().split()[1])
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        with running(answering(port), cwd=floors.build_directory(), env=environment(), **quiet) as client:
            if core >= 0:
                os.sched_setaffinity(client.pid, {core})
            line, _ = exchange.communicate(timeout=TIMEOUT_S)
    return percentiles_us(line)


def environment() -> dict[str, str]:
    """One order a tick and nothing else from the bot: BOND alone, no cooldown, no cap in its way."""
    settings = {name: value for name, value in os.environ.items() if not name.startswith("ARBCORE_")}
    settings["PYTHONPATH"] = os.getcwd() + os.pathsep + settings.get("PYTHONPATH", "")
    settings["ARBCORE_ORDER_COOLDOWN_MS"] = "0"
    settings["ARBCORE_MESSAGE_CAP"] = "100000"
    return settings


def ping_table(mode: str, options: Options) -> Table:
    """One mode, spin or block: plain ping-pong, the C answer to a tick, and our shell's."""
    first, second = cores()
    count = options.sized(10_000, 200)
    names = {"C ping-pong": FLOOR, "C answer to a tick": FLOOR, "arbcore exchange": OURS}
    rows = [Row(name, role, missing=floors.missing_reason()) for name, role in names.items()]
    if not floors.compiler():
        return Table("loopback", f"tick to order, {mode}", "us, p50", rows)
    ping, exchange = (program(role, mode, first, count) for role in ("ping", "exchange"))
    engines = {
        "C ping-pong": lambda: tick_to_order(ping, lambda port: program("pong", port, mode, second), second),
        "C answer to a tick": lambda: tick_to_order(
            exchange, lambda port: program("answer", port, mode, second), second
        ),
    }
    rows[-1].missing = shell_missing()
    if not rows[-1].missing:
        engines["arbcore exchange"] = lambda: tick_to_order(exchange, lambda port: shell(port, mode), second)
    if options.baselines is not None and (options.baselines / "pp.c").is_file():
        rows.append(Row("study's ping-pong", HELD))
        engines["study's ping-pong"] = lambda: study_ping(options, mode, count)
    measure(rows, engines, options)
    pong, floor, ours, *held = rows
    goal = 1.1 if mode == "spin" else None
    ratios = [Ratio("ours against C answering the same tick", ours, floor, at_most=goal)]
    ratios += [Ratio("C ping-pong against the study's", pong, row, at_most=1.1) for row in held]
    notes = [f"cores {first} and {second}" if first >= 0 else "not held to cores: there are no two to choose",
             f"{count:,} ticks a repetition"]
    if mode == "block":
        notes.append("the kernel's wake-up is nearly all of it: nothing is claimed here")
    return Table("loopback", f"tick to order, {mode}", "us, p50", rows, ratios, notes)


def shell_missing() -> str:
    """Why `arbcore exchange` cannot be started; empty where it can."""
    command = [sys.executable, "-m", "arbcore", "exchange", "--help"]
    asked = subprocess.run(command, capture_output=True, check=False, env=environment())
    return "" if asked.returncode == 0 else "arbcore exchange does not start here"


def shell(port: int, mode: str) -> list[str]:
    """The bot against one port of loopback."""
    command = [sys.executable, "-m", "arbcore", "exchange", "--address", f"127.0.0.1:{port}",
               "--team", "BENCH", "--rounds", "1", "--strategy", "bond", "--quiet"]
    return [*command, "--busy-poll"] if mode == "spin" else command


def study_ping(options: Options, mode: str, count: int) -> dict[str, float]:
    """The ping-pong of an earlier study, whose server is told its port and whose client measures."""
    assert options.baselines is not None
    first, second = cores()
    binary = str(floors.build(str(options.baselines / "pp.c"), output="pp", flags=("-w",)))
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    spin = str(int(mode == "spin"))
    with running([binary, "server", str(port), spin, str(second)]):
        command = [binary, "client", str(port), spin, str(first), str(count)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, check=True)
    words = done.stdout.split()[:-1]
    found = dict(zip(words[::2], map(float, words[1::2]), strict=False))
    return {"value": found["p50"], "p90": found["p90"], "p99": found["p99"], "p999": found["p99.9"]}


# --- lines a second ---------------------------------------------------------------------------------


def run(options: Options) -> list[Table]:
    """The tables of this area."""
    return [ping_table("spin", options), ping_table("block", options)]
