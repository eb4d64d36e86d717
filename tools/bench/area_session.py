"""From received bytes to order bytes: the compiled session, loops that do the same work, and the C floor."""

import functools
import importlib.util
import json
import sys
import time
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

from reference.session import Session

from arbcore.trading.trading_settings import SessionSettings
from tools.bench import engines, floors, loops, peers, stream
from tools.bench.harness import FLOOR, HELD, OURS, PEER, Disagreement, Options, Ratio, Row, Table, measure
from tools.bench.stream import Recording

CHUNK_BYTES = 4096
LARGE_CHUNK_BYTES = 65536
TWIN_CHUNKS = 100
#: The loss limit is out of reach, so the session trades from the first message to the last.
SETTINGS = SessionSettings(team="BENCH", loss_limit=10**9)


def installed(module: str) -> str:
    """Returns an empty text if a module can be imported, else the reason to show in a table."""
    return "" if importlib.util.find_spec(module) else f"{module} is not installed"


def timed(run: Callable[[], Any], messages: int, *, times: int = 1) -> Callable[[], float]:
    """Returns a function that measures nanoseconds per message over ``times`` runs.

    Enough runs make the cost of reading the clock negligible.
    """
    def engine() -> float:
        start = time.perf_counter_ns()
        for _ in range(times):
            run()
        return (time.perf_counter_ns() - start) / (messages * times)

    return engine


def same(name: str, sent: list[Any], expected: list[Any]) -> None:
    """Raises Disagreement unless the orders are the same, one by one; their JSON spelling may differ."""
    if sent == expected:
        return
    wanted, got = decoded(expected), decoded(sent)
    for index, (order, other) in enumerate(zip(wanted, got, strict=False)):
        if order != other:
            raise Disagreement(f"{name} sends {other} where {order} is due, line {index}; nothing was timed")
    if len(wanted) != len(got):
        raise Disagreement(f"{name} sends {len(got)} lines where {len(wanted)} are due, so nothing was timed")


def decoded(pieces: list[Any]) -> list[Any]:
    """Decodes the lines in pieces of text or bytes."""
    text = "".join(piece if isinstance(piece, str) else piece.decode() for piece in pieces)
    return [json.loads(line) for line in text.splitlines()]


# --- one trivial decision a message -----------------------------------------------------------------


def trivial_table(recording: Recording, options: Options) -> Table:
    """Parsing, one comparison and formatting: the cost of the loops and of C before any bot is in them."""
    data = recording.lines
    messages = data.count(b"\n")
    rows: list[Row] = []
    runs: dict[str, Callable[[], float]] = {}
    expected: list[Any] = []
    candidates = [("json loop", loops.json_loop, "json"), ("orjson loop", loops.orjson_loop, "orjson"),
                  ("tuned msgspec loop", loops.msgspec_loop, "msgspec")]
    for name, loop, module in candidates:
        rows.append(Row(name, PEER, missing=installed(module)))
        if rows[-1].missing:
            continue
        sink = loops.Sink(True)
        loop(data, sink)
        assert sink.kept is not None
        expected = expected or sink.kept
        same(name, sink.kept, expected)
        runs[name] = timed(lambda loop=loop: loop(data, loops.Sink(False)), messages)
    for name, role, baselines in (("C floor", FLOOR, None), ("C of the study", HELD, options.baselines)):
        if role == HELD and baselines is None:
            continue
        rows.append(Row(name, role, missing=floors.missing_reason()))
        if rows[-1].missing:
            continue
        run = floors.stream_runner(baselines)
        same(name, [run(data, True)], expected)
        runs[name] = timed(lambda run=run: run(data, False), messages, times=options.sized(5, 1))
    if options.baselines is not None and not installed("msgspec") and not installed("orjson"):
        for name, (function, lines) in study_loops(options.baselines, data).items():
            rows.append(Row(name, HELD))
            runs[name] = timed(function, lines)
    measure(rows, runs, options)
    row = {row.name: row for row in rows}
    ratios = [Ratio("json loop against the C floor", row["json loop"], row["C floor"]),
              Ratio("msgspec loop against the C floor", row["tuned msgspec loop"], row["C floor"])]
    held = [("C floor", "C of the study"), ("json loop", "json of the study"),
            ("tuned msgspec loop", "msgspec of the study")]
    ratios += [
        Ratio(f"{mine} against {theirs}", row[mine], row[theirs], at_most=1.1)
        for mine, theirs in held if theirs in row
    ]
    title = "one trivial decision a message"
    return Table("session", title, "ns a message", rows, ratios, [recording.describe()])


def study_loops(baselines: Path, data: bytes) -> dict[str, tuple[Callable[[], Any], int]]:
    """The json and msgspec loops of an earlier study's bench_loop.py over ``data``, and line counts."""
    program = baselines / "bench_loop.py"
    structs = baselines / "bench_structs.py"
    if not (program.is_file() and structs.is_file()):
        return {}
    module = types.ModuleType("bench_structs")
    # Their decoder knows four types of message and fails on an out.
    lines = [line for line in data.splitlines(True) if not line.startswith(b'{"type":"out"')]
    text = program.read_text().partition("def c_line")[0]
    text = text.replace("from cycore import Engine\n", "").replace('open("mix.jsonl","rb").read()', "mix")
    space: dict[str, Any] = {"mix": b"".join(lines)}
    sys.modules["bench_structs"] = module
    try:
        exec(structs.read_text(), module.__dict__)  # noqa: S102 -- a folder that the caller named
        exec(text, space)  # noqa: S102 -- likewise
    finally:
        del sys.modules["bench_structs"]
    named = {"json of the study": "r_json", "msgspec of the study": "r_msgspec"}
    return {name: (space[function], len(lines)) for name, function in named.items()}


# --- the whole session ------------------------------------------------------------------------------


def whole_table(recording: Recording, data: bytes, options: Options) -> Table:
    """All strategies and all checks: the bot's complete work for a message."""
    rows = [Row("arbcore", OURS, missing=engines.missing_reason()), Row("json loop", PEER),
            Row("tuned msgspec loop", PEER, missing=installed("msgspec")),
            Row("C floor", FLOOR, missing=floors.missing_reason(), note="one trivial decision and no checks")]
    makers: dict[str, Callable[[], Any]] = {
        "arbcore": lambda: engines.ours(SETTINGS),
        "json loop": lambda: peers.JsonSession(SETTINGS, peers.tuned_strategies(SETTINGS)),
        "tuned msgspec loop": lambda: peers.MsgspecSession(SETTINGS, peers.tuned_strategies(SETTINGS)),
    }
    runs: dict[str, Callable[[], float]] = {}
    for row in rows[:3]:
        if row.missing:
            continue
        make = makers[row.name]
        same(row.name, stream.drive(make(), recording), recording.orders)
        times = options.sized(5, 1) if row.role == OURS else 1
        run = functools.partial(lambda make: stream.drive(make(), recording), make)
        runs[row.name] = timed(run, recording.messages, times=times)
    if not rows[3].missing:
        floor = floors.stream_runner()
        runs["C floor"] = timed(lambda: floor(data, False), data.count(b"\n"), times=options.sized(5, 1))
    measure(rows, runs, options)
    mine, loop, tuned, floor_row = rows
    ratios = [
        Ratio("json loop against arbcore", loop, mine, at_least=35),
        Ratio("tuned msgspec loop against arbcore", tuned, mine, at_least=10),
        Ratio("arbcore against the C floor", mine, floor_row, at_most=4),
    ]
    sent = sum(piece.count(b"\n") for piece in recording.orders)
    notes = [recording.describe(), f"all strategies on, journal off; all three send the same {sent:,} lines"]
    chunk = max(len(piece) for piece, _ in recording.chunks) // 1024
    title = f"every strategy and check, chunks of {chunk} KiB"
    return Table("session", title, "ns a message", rows, ratios, notes)


def spelling_table(recording: Recording, options: Options) -> Table:
    """Messages in another legal spelling than the exchange's: with spaces, as json.dumps writes them."""
    spaced = recording.respelt()
    lines = spaced.lines.decode().splitlines(True)
    rows = [Row("arbcore, spaced", OURS, missing=engines.missing_reason()), Row("json.loads, spaced", PEER)]
    loads = json.loads

    def load_all() -> None:
        for line in lines:
            loads(line)

    runs: dict[str, Callable[[], float]] = {"json.loads, spaced": timed(load_all, len(lines))}
    if not rows[0].missing:
        same("arbcore, spaced", stream.drive(engines.ours(SETTINGS), spaced), recording.orders)
        runs["arbcore, spaced"] = timed(
            lambda: stream.drive(engines.ours(SETTINGS), spaced), spaced.messages, times=options.sized(3, 1)
        )
    measure(rows, runs, options)
    ratios = [Ratio("json.loads against arbcore", rows[1], rows[0], at_least=1)]
    notes = ["arbcore's row is the whole session, the other's json.loads alone"]
    return Table("session", "any legal JSON", "ns a message", rows, ratios, notes)


def run(options: Options) -> list[Table]:
    """The tables of this area."""
    messages = options.sized(30_000, 3_000)
    small, large = (
        stream.record(
            peers.JsonSession(SETTINGS, peers.tuned_strategies(SETTINGS)),
            messages=messages, chunk_bytes=chunk_bytes, seed=options.seed,
        )
        for chunk_bytes in (CHUNK_BYTES, LARGE_CHUNK_BYTES)
    )
    check_twin(small)
    return [
        whole_table(small, small.lines, options), whole_table(large, large.lines, options),
        spelling_table(small, options), trivial_table(small, options),
    ]


def check_twin(recording: Recording) -> None:
    """Checks on the first chunks that our session sends the same as the twin, which the peers imitate."""
    first = Recording(recording.chunks[:TWIN_CHUNKS], recording.orders[: TWIN_CHUNKS + 1])
    twin = Session(SETTINGS, peers.twin_strategies(SETTINGS))
    same("the twin", stream.drive(twin, first), first.orders)
