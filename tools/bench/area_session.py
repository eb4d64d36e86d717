"""Bytes in to order bytes out: the compiled session, loops that do the same work, and the C floor."""

import importlib.util
import json
import sys
import tempfile
import time
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

from arbcore.trading.settings import SessionSettings
from tools.bench import floors, loops, stream
from tools.bench.harness import FLOOR, HELD, PEER, Disagreement, Options, Ratio, Row, Table, measure
from tools.bench.stream import Recording

CHUNK_BYTES = 4096
LARGE_CHUNK_BYTES = 65536
#: The loss limit is out of reach, so that the stream is traded from its first message to its last.
SETTINGS = SessionSettings(team="BENCH", loss_limit=10**9)


def installed(module: str) -> str:
    """Empty where a module can be imported, else the reason that a table gives."""
    return "" if importlib.util.find_spec(module) else f"{module} is not installed"


def timed(run: Callable[[], Any], messages: int, *, times: int = 1) -> Callable[[], float]:
    """Nanoseconds a message of ``run``, over as many runs as make the clock's own cost vanish."""
    def engine() -> float:
        start = time.perf_counter_ns()
        for _ in range(times):
            run()
        return (time.perf_counter_ns() - start) / (messages * times)

    return engine


def same(name: str, sent: list[Any], expected: list[Any]) -> None:
    """Refuses unless the orders are the same, one by one, whatever their spelling."""
    if sent == expected:
        return
    wanted, got = decoded(expected), decoded(sent)
    for index, (order, other) in enumerate(zip(wanted, got, strict=False)):
        if order != other:
            raise Disagreement(f"{name} sends {other} where {order} is due, line {index}; nothing was timed")
    if len(wanted) != len(got):
        raise Disagreement(f"{name} sends {len(got)} lines where {len(wanted)} are due, so nothing was timed")


def decoded(pieces: list[Any]) -> list[Any]:
    """The lines of some pieces of text or bytes, as objects."""
    text = "".join(piece if isinstance(piece, str) else piece.decode() for piece in pieces)
    return [json.loads(line) for line in text.splitlines()]


# --- one trivial decision a message -----------------------------------------------------------------


def trivial_table(recording: Recording, options: Options) -> Table:
    """Parse, one comparison, format: what the loops and C cost before there is a bot in them."""
    data = recording.lines
    messages = data.count(b"\n")
    rows: list[Row] = []
    engines: dict[str, Callable[[], float]] = {}
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
        engines[name] = timed(lambda loop=loop: loop(data, loops.Sink(False)), messages)
    for name, role, baselines in (("C floor", FLOOR, None), ("C of the study", HELD, options.baselines)):
        if role == HELD and baselines is None:
            continue
        rows.append(Row(name, role, missing=floors.missing_reason()))
        if rows[-1].missing:
            continue
        run = floors.stream_runner(baselines)
        same(name, [run(data, True)], expected)
        engines[name] = timed(lambda run=run: run(data, False), messages, times=options.sized(5, 1))
    if options.baselines is not None and not installed("msgspec") and not installed("orjson"):
        for name, function in study_loops(options.baselines, data).items():
            rows.append(Row(name, HELD))
            engines[name] = timed(function, messages)
    measure(rows, engines, options)
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


def study_loops(baselines: Path, data: bytes) -> dict[str, Callable[[], Any]]:
    """The json and msgspec loops of an earlier study's bench_loop.py over ``data``."""
    program = baselines / "bench_loop.py"
    structs = baselines / "bench_structs.py"
    if not (program.is_file() and structs.is_file()):
        return {}
    module = types.ModuleType("bench_structs")
    # Their decoder knows four messages; an out would stop it.
    lines = [line for line in data.splitlines(True) if not line.startswith(b'{"type":"out"')]
    with tempfile.TemporaryDirectory() as directory:
        mix = Path(directory) / "mix.jsonl"
        mix.write_bytes(b"".join(lines))
        text = program.read_text().partition("def c_line")[0]
        text = text.replace("from cycore import Engine\n", "").replace('"mix.jsonl"', repr(str(mix)))
        sys.modules["bench_structs"] = module
        try:
            exec(structs.read_text(), module.__dict__)  # noqa: S102 -- a folder that the caller named
            space: dict[str, Any] = {}
            exec(text, space)  # noqa: S102 -- likewise
        finally:
            del sys.modules["bench_structs"]
    return {"json of the study": space["r_json"], "msgspec of the study": space["r_msgspec"]}


def run(options: Options) -> list[Table]:
    """The tables of this area."""
    from arbcore.reference.session import Session as Twin
    from tools.bench import peers

    messages = options.sized(50_000, 3_000)
    twin = Twin(SETTINGS, peers.twin_strategies(SETTINGS))
    recording = stream.record(twin, messages=messages, chunk_bytes=CHUNK_BYTES, seed=options.seed)
    return [trivial_table(recording, options)]
