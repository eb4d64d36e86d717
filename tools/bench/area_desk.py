"""The live carry desk: one quote in, commands out, without library or socket."""

import gc
import statistics
import time
from collections.abc import Callable
from typing import Any

from arbcore.carry.desk import events as ev
from arbcore.carry.desk.commands import Place
from arbcore.carry.desk.session import Session
from arbcore.simulation.desk_world import SETTINGS, STORE_ID, DeskPlan, DeskWorld
from tools.bench.harness import GOAL, OURS, Disagreement, Options, Ratio, Row, Table, measure

GOAL_US = 20.0
SIMULATED_S = 40

#: What was told and when, and how many commands came of it.
Told = tuple[ev.Event, int, int, int]


def recorded(seed: int) -> list[Told]:
    """Everything a desk is told in a simulated run without faults."""
    told: list[Told] = []

    class Recorder(Session):
        def handle(self, event: ev.Event, *, now_ns: int, utc_ns: int) -> list[Any]:
            commands = super().handle(event, now_ns=now_ns, utc_ns=utc_ns)
            told.append((event, now_ns, utc_ns, len(commands)))
            return commands

    DeskWorld(DeskPlan(seed, duration_s=SIMULATED_S, check=False), Recorder).run()
    return told


def timed(runs: list[list[Told]]) -> tuple[list[int], list[int]]:
    """(nanoseconds of every quote, of every quote that became orders) over fresh desks told the same."""
    quotes: list[int] = []
    orders: list[int] = []
    clock = time.perf_counter_ns
    for told in runs:
        session = Session(SETTINGS, STORE_ID)
        for event, now_ns, utc_ns, count in told:
            start = clock()
            commands = session.handle(event, now_ns=now_ns, utc_ns=utc_ns)
            taken = clock() - start
            if len(commands) != count:
                raise Disagreement(f"The desk answers {event} otherwise than before, so nothing was timed")
            if type(event) is ev.Quote:
                quotes.append(taken)
                if any(type(command) is Place for command in commands):
                    orders.append(taken)
    return quotes, orders


def quantiles(taken: list[int]) -> dict[str, float]:
    """Median as the value, p99 and the largest beside it, in microseconds."""
    ordered = sorted(taken)
    return {
        "value": statistics.median(ordered) / 1_000,
        "p99": ordered[min(len(ordered) - 1, len(ordered) * 99 // 100)] / 1_000,
        "max": ordered[-1] / 1_000,
    }


def run(options: Options) -> list[Table]:
    """One table: every quote, and those that became a pair's orders."""
    runs = [recorded(options.seed + index) for index in range(options.sized(60, 3))]
    every = Row("every quote", OURS)
    ordering = Row("quote to orders", OURS, note="the rows of both legs built")
    p99, goal = Row("quote to orders, p99", OURS), Row("goal", GOAL)

    def engine(pick: Callable[[dict[str, dict[str, float]]], Any]) -> Callable[[], Any]:
        def once() -> Any:
            gc.collect()
            gc.disable()
            try:
                quotes, orders = timed(runs)
            finally:
                gc.enable()
            return pick({"quotes": quantiles(quotes), "orders": quantiles(orders)})

        return once

    engines = {
        every.name: engine(lambda found: found["quotes"]),
        ordering.name: engine(lambda found: found["orders"]),
        p99.name: engine(lambda found: found["orders"]["p99"]),
        goal.name: lambda: GOAL_US,
    }
    rows = [every, ordering, p99, goal]
    measure(rows, engines, options)
    ratio = Ratio("quote to orders, p99, against the goal", p99, goal, at_most=1.0)
    notes = [f"{len(runs)} simulated runs of {SIMULATED_S} s, {sum(map(len, runs))} events; no collector"]
    return [Table("desk", "quote in to commands out", "us", rows, [ratio], notes)]
