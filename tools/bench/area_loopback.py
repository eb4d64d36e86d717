"""Tick-to-order latency over loopback, and lines per second from a socket to a decision."""

import contextlib
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path

from arbcore.trading.trading_settings import STRATEGY_SETTINGS
from tools import ROOT
from tools.bench import floors, stream
from tools.bench.area_session import SETTINGS, installed
from tools.bench.engines import missing_reason, ours
from tools.bench.harness import FLOOR, HELD, OURS, PEER, Options, Ratio, Row, Table, measure
from tools.bench.peers import JsonSession, tuned_strategies

PERCENTILES = ("min", "p50", "p90", "p99", "p999", "max")
TIMEOUT_S = 60


def cores() -> tuple[int, int]:
    """Returns two different cores to pin processes to; -1, -1 if there is no choice."""
    if not hasattr(os, "sched_getaffinity"):
        return -1, -1
    usable = sorted(os.sched_getaffinity(0))
    return (usable[0], usable[1]) if len(usable) > 1 else (-1, -1)


def program(*arguments: object) -> list[str]:
    """Returns the command line of a role of loopback.c."""
    return [str(floors.build("loopback.c", output="loopback")), *map(str, arguments)]


@contextlib.contextmanager
def running(command: list[str], **options: object) -> Iterator[subprocess.Popen[str]]:
    """Runs a program and ends it with the block, also after an exception."""
    process = subprocess.Popen(command, text=True, **options)  # type: ignore[call-overload]
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def percentiles_us(line: str) -> dict[str, float]:
    """Reads the columns of a table from the line that the measuring side prints."""
    values = [int(text) / 1000 for text in line.split()[1:]]
    columns = dict(zip(PERCENTILES, values, strict=True))
    return {"value": columns["p50"], **{name: columns[name] for name in ("p90", "p99", "p999")}}


def tick_to_order(measuring: list[str], answering: Callable[[int], list[str]], core: int) -> dict[str, float]:
    """Starts the measuring side, then the answering side on its port; returns the measured percentiles."""
    with running(measuring, stdout=subprocess.PIPE) as exchange:
        assert exchange.stdout is not None
        port = int(exchange.stdout.readline().split()[1])
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        with running(answering(port), env=environment(), **quiet) as client:
            if core >= 0:
                os.sched_setaffinity(client.pid, {core})
            line, _ = exchange.communicate(timeout=TIMEOUT_S)
    return percentiles_us(line)


def environment() -> dict[str, str]:
    """Returns our environment with the checkout on the path: child processes can then import tools."""
    path = [*filter(None, [os.environ.get("PYTHONPATH")]), str(ROOT)]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(path)}


def ping_table(mode: str, options: Options) -> Table:
    """One mode, spin or block: a plain ping-pong, and the response to a tick by C and by our client."""
    first, second = cores()
    count = options.sized(10_000, 200)
    names = {"C ping-pong": FLOOR, "C answer to a tick": FLOOR, "arbcore": OURS}
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
    rows[-1].missing = missing_reason()
    if not rows[-1].missing:
        client = [sys.executable, "-m", "tools.bench.client"]
        engines["arbcore"] = lambda: tick_to_order(exchange, lambda port: [*client, str(port), mode], second)
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


def study_ping(options: Options, mode: str, count: int) -> dict[str, float]:
    """Runs an earlier study's ping-pong: its server gets the port as an argument, its client measures."""
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


@contextlib.contextmanager
def blasted(path: Path, core: int) -> Iterator[int]:
    """Serves a file on a loopback port: a C program sends it to each client as fast as it can."""
    with running(program("blast", core, path), stdout=subprocess.PIPE) as sender:
        assert sender.stdout is not None
        yield int(sender.stdout.readline().split()[1])


def receive_only(port: int) -> None:
    """Reads to the end without parsing."""
    buffer = memoryview(bytearray(1 << 18))
    with socket.create_connection(("127.0.0.1", port)) as sock:
        while sock.recv_into(buffer):
            pass


def readline_and_json(port: int) -> None:
    """Works like a beginner's client: readline on the socket's file, json.loads per line."""
    loads = json.loads
    with socket.create_connection(("127.0.0.1", port)) as sock, sock.makefile("r", encoding="utf-8") as lines:
        for line in lines:
            loads(line)


def readline_and_msgspec(port: int) -> None:
    """Works like ``readline_and_json``, over bytes with a typed decoder."""
    from tools.bench.structs import message_decoder

    decode = message_decoder(checked=False).decode
    with socket.create_connection(("127.0.0.1", port)) as sock, sock.makefile("rb") as lines:
        for line in lines:
            decode(line)


def decide_in_python(port: int) -> None:
    """Gives each read to the tuned json session, which has the same strategies, checks and orders as ours."""
    session = JsonSession(SETTINGS, tuned_strategies(SETTINGS))
    clock = time.monotonic_ns
    with socket.create_connection(("127.0.0.1", port)) as sock:
        sock.sendall(session.connected(clock()))
        while data := sock.recv(1 << 18):
            out = session.receive(data, clock())
            if out:
                sock.sendall(out)


def decide(names: Iterable[str], port: int) -> None:
    """Runs the exchange client's loop with these strategies; the sender responds to adds and cancels."""
    from tools.bench.client import play

    play(port, ours(SETTINGS, names), busy_poll=False)


def lines_table(options: Options) -> Table:
    """Lines per second from a fast sender, by what the receiver does with each line."""
    first, second = cores()
    rows = [
        Row("recv only", FLOOR),
        Row("arbcore, all strategies", OURS, missing=missing_reason()),
        Row("arbcore, quoting averages", OURS, missing=missing_reason(), note="market_making alone"),
        Row("makefile, json.loads", PEER, note="decides nothing"),
        Row("makefile, msgspec", PEER, missing=installed("msgspec"), note="decides nothing"),
        Row("json, all strategies", PEER, note="does all that the first row of arbcore does"),
    ]
    title = "socket to decision with a fast sender"
    if not floors.compiler():
        for row in rows:
            row.missing = floors.missing_reason()
        return Table("loopback", title, "lines a second", rows)
    messages = options.sized(50_000, 2_000)
    session = JsonSession(SETTINGS, tuned_strategies(SETTINGS))
    recording = stream.record(session, messages=messages, chunk_bytes=1 << 16, seed=options.seed)
    market = (b'{"type":"book"', b'{"type":"trade"')
    news = [line for line in recording.lines.splitlines(True) if line.startswith(market)]
    repeat = options.sized(6, 2)
    directory = floors.build_directory()
    close = b'{"type":"close","symbols":["BOND","GS","MS","VALBZ","VALE","WFC","XLF"]}\n'
    few, many = directory / "few.jsonl", directory / "many.jsonl"
    few.write_bytes(recording.chunks[0][0] + b"".join(news) + close)
    many.write_bytes(recording.chunks[0][0] + b"".join(news) * repeat + close)

    def engine(read: Callable[[int], None], path: Path, lines: int) -> Callable[[], float]:
        def once() -> float:
            with blasted(path, first) as port:
                start = time.perf_counter()
                read(port)
                return lines / (time.perf_counter() - start)

        return once

    everything = {
        "recv only": engine(receive_only, many, len(news) * repeat),
        "arbcore, all strategies": engine(partial(decide, list(STRATEGY_SETTINGS)), many, len(news) * repeat),
        "arbcore, quoting averages": engine(partial(decide, ["market_making"]), many, len(news) * repeat),
        "makefile, json.loads": engine(readline_and_json, few, len(news)),
        "makefile, msgspec": engine(readline_and_msgspec, few, len(news)),
        "json, all strategies": engine(decide_in_python, few, len(news)),
    }
    with on_core(second):
        present = [row.name for row in rows if not row.missing]
        measure(rows, {name: everything[name] for name in present}, options)
    recv, mine, quoting, loads, structs, python = rows
    ratios = [
        Ratio("all strategies against makefile, json.loads", mine, loads, at_least=20),
        Ratio("quoting averages against makefile, json.loads", quoting, loads),
        Ratio("all strategies against makefile, msgspec", mine, structs),
        Ratio("all strategies against json, all strategies", mine, python),
        Ratio("all strategies against recv only", mine, recv),
    ]
    average = sum(map(len, news)) / len(news)
    notes = [
        "arbcore's rows are the loop of the exchange client, which the sender answers",
        f"books and trades, {average:.0f} bytes a line",
    ]
    return Table("loopback", title, "lines a second", rows, ratios, notes)


@contextlib.contextmanager
def on_core(core: int) -> Iterator[None]:
    """Pins this process to one core during the block, if the system allows it."""
    if core < 0:
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def run(options: Options) -> list[Table]:
    """The tables of this area."""
    return [ping_table("spin", options), ping_table("block", options), lines_table(options)]
