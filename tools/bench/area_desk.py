"""The live carry desk: from one quote to its commands, without library or socket."""

import gc
import statistics
import time
from typing import Any

from arbcore.desk import events as ev
from arbcore.desk.commands import SendOrder
from arbcore.desk.desk_session import DeskSession
from tools.bench.harness import GOAL, OURS, Disagreement, Options, Ratio, Row, Table
from tools.desk_simulation.desk_world import SETTINGS, STORE_ID, DeskPlan, DeskWorld

GOAL_US = 20.0
SIMULATED_S = 40

#: An event, its times, and the number of commands that it led to.
Told = tuple[ev.Event, int, int, int]


def recorded(seed: int) -> list[Told]:
    """Records every event that a desk receives in a simulated run without faults."""
    told: list[Told] = []

    class Recorder(DeskSession):
        def handle(self, event: ev.Event, *, now_ns: int, utc_ns: int) -> list[Any]:
            commands = super().handle(event, now_ns=now_ns, utc_ns=utc_ns)
            told.append((event, now_ns, utc_ns, len(commands)))
            return commands

    DeskWorld(DeskPlan(seed, duration_s=SIMULATED_S, check=False), Recorder).run()
    return told


def timed(runs: list[list[Told]], passes: int) -> tuple[list[int], list[int]]:
    """Returns (nanoseconds of every quote, of every quote that led to orders).

    Each is the minimum of several passes, which give the same events to fresh desks: a delay by another
    program affects only one pass.
    """
    best: list[int] = []
    kinds: list[tuple[bool, bool]] = []
    clock = time.perf_counter_ns
    for _ in range(passes):
        taken: list[int] = []
        kinds.clear()
        for told in runs:
            session = DeskSession(SETTINGS, STORE_ID)
            for event, now_ns, utc_ns, count in told:
                start = clock()
                commands = session.handle(event, now_ns=now_ns, utc_ns=utc_ns)
                taken.append(clock() - start)
                if len(commands) != count:
                    raise Disagreement(f"The desk answers {event} otherwise than before; nothing was timed")
                quote = type(event) is ev.Quote
                kinds.append((quote, quote and any(type(command) is SendOrder for command in commands)))
        best = list(map(min, best, taken)) if best else taken
    quotes = [each for each, (quote, _) in zip(best, kinds, strict=True) if quote]
    return quotes, [each for each, (_, orders) in zip(best, kinds, strict=True) if orders]


def quantiles(taken: list[int]) -> dict[str, float]:
    """Returns the median as the value, with p99 and maximum beside it, in microseconds."""
    ordered = sorted(taken)
    return {
        "value": statistics.median(ordered) / 1_000,
        "p99": ordered[min(len(ordered) - 1, len(ordered) * 99 // 100)] / 1_000,
        "max": ordered[-1] / 1_000,
    }


def run(options: Options) -> list[Table]:
    """Returns one table: all quotes, and the quotes that led to a pair's orders."""
    runs = [recorded(options.seed + index) for index in range(options.sized(40, 3))]
    passes = options.sized(7, 2)
    every, ordering, goal = Row("every quote", OURS), Row("quote to orders", OURS), Row("goal, p99", GOAL)
    # p99 is a column of the row above; a ratio needs it as the value of a row.
    p99 = Row("quote to orders, p99", OURS)
    found: dict[str, dict[str, float]] = {}

    def measured() -> dict[str, float]:
        gc.collect()
        gc.disable()
        try:
            quotes, orders = timed(runs, passes)
        finally:
            gc.enable()
        found.update(quotes=quantiles(quotes), orders=quantiles(orders))
        return found["quotes"]

    def once() -> dict[str, float]:
        return found["orders"]

    for _ in range(options.repetitions):
        for row, taken in ((every, measured()), (ordering, once())):
            row.samples.append(taken["value"])
            for column in ("p99", "max"):
                row.extra.setdefault(column, []).append(taken[column])
        p99.samples.append(found["orders"]["p99"])
        goal.samples.append(GOAL_US)
    ratio = Ratio("quote to orders, p99, against the goal", p99, goal, at_most=1.0)
    events = sum(map(len, runs))
    note = f"{len(runs)} runs of {SIMULATED_S} simulated s, {events} events; each event's best of {passes}"
    return [Table("desk", "quote in to commands out", "us", [every, ordering, p99, goal], [ratio], [note])]
