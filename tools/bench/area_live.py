"""How much a live page, and ten clients that poll it, add to tick-to-order and quote-to-order latency."""

import contextlib
import json
import math
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from tools import ROOT
from tools.bench import floors
from tools.bench.area_loopback import environment, percentiles_us, program, running
from tools.bench.area_session import installed
from tools.bench.engines import missing_reason
from tools.bench.harness import OURS, Options, Ratio, Row, Table, measure

CLIENTS = 10
NOTHING, PAGE, POLLED = "no live page", "live page, no client", f"live page, {CLIENTS} clients"
TIMEOUT_S = 300
#: Real-time priority for both ends, if the system allows it: other programs then disturb the times less.
PRIORITY = 5
#: The carry bot's market leaves fair value and returns within this many rows: a pair is opened and closed.
SWING_BPS, SWING_ROWS = 40.0, 16
CARRY = {
    "ENTRY_THRESHOLD_BPS": "20", "EXIT_THRESHOLD_BPS": "5", "ESTIMATED_COST_BPS": "4",
    "COOLDOWN_SECONDS": "0", "SPY_TO_INDEX_FACTOR": "10", "RISK_FREE_RATE_ANNUAL": "0",
    "DIVIDEND_YIELD_ANNUAL": "0", "DAILY_LOSS_LIMIT_USD": "1000000",
}  # fmt: skip


def steady() -> list[str]:
    """Returns the words before a command that give it real-time priority; empty if that is not allowed."""
    try:
        policy = os.sched_getscheduler(0), os.sched_getparam(0)
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(PRIORITY))
        os.sched_setscheduler(0, *policy)
    except (AttributeError, OSError):
        return []
    word = "import os, sys; os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(int(sys.argv[1]))); "
    return [sys.executable, "-c", f"{word}os.execv(sys.argv[2], sys.argv[2:])", str(PRIORITY)]


@contextlib.contextmanager
def polling(url: str, asked: list[float]) -> Iterator[None]:
    """Runs clients that poll a page during the block; at its end adds responses per second to ``asked``."""
    command = [sys.executable, "-m", "tools.bench.page_clients", url, str(CLIENTS)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with running(command, env=environment(), **pipes) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        if process.stdout.readline() != "polling\n":
            raise RuntimeError("The clients of the live page had no answer.")
        yield
        process.stdin.close()
        _, answers, taken_s = process.stdout.readline().split()
        asked.append(int(answers) / float(taken_s))
        process.stdin = None


# --- the exchange bot ------------------------------------------------------------------------------------


def tick_to_order(options: Options, shown: str, asked: list[float]) -> dict[str, float]:
    """Runs the exchange client once against the C program that measures it."""
    exchange = [*steady(), *program("exchange", "block", -1, options.sized(10_000, 300))]
    with running(exchange, stdout=subprocess.PIPE) as measuring:
        assert measuring.stdout is not None
        port = measuring.stdout.readline().split()[1]
        command = [*steady(), sys.executable, "-m", "tools.bench.client", port, "block"]
        if shown != NOTHING:
            command.append("page")
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
        with running(command, env=environment(), **pipes) as bot, contextlib.ExitStack() as stack:
            assert bot.stdin is not None
            assert bot.stdout is not None
            if shown != NOTHING:
                url = bot.stdout.readline().strip()
                if shown == POLLED:
                    stack.enter_context(polling(url, asked))
                bot.stdin.write("go\n")
                bot.stdin.flush()
            line = measuring.stdout.readline()
    return percentiles_us(line)


# --- the carry bot ---------------------------------------------------------------------------------------


def write_rows(path: Path, rows: int) -> None:
    """Writes a market with one row per second that repeatedly leaves fair value and returns."""
    sys.path.append(str(ROOT / "tests" / "support"))
    from carry_bots import row_dev

    from arbcore.core.civil import iso_time

    # A Friday at 10:30 in New York.
    first_ns = 1_795_188_600 * 10**9
    with path.open("w", encoding="ascii") as file:
        file.write("ts,es_bid,es_ask,spy_bid,spy_ask\n")
        for at in range(rows):
            ts_ns = first_ns + at * 10**9
            row = row_dev(ts_ns, SWING_BPS * math.sin(2.0 * math.pi * at / SWING_ROWS), at % 40)
            prices = f"{row.fut_bid},{row.fut_ask},{row.etf_bid:.2f},{row.etf_ask:.2f}"
            file.write(f"{iso_time(ts_ns)},{prices}\n")


def quote_to_order(rows: Path, shown: str, asked: list[float]) -> dict[str, float]:
    """Runs ``arbcore ibkr`` over the rows; returns its own latency from a quote to the sent orders."""
    command = [*steady(), sys.executable, "-m", "arbcore", "ibkr", "--paper", "--simulate", str(rows),
               "--like-backtest", "--json"]  # fmt: skip
    if shown != NOTHING:
        command += ["--listen", "127.0.0.1:0"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        bot = stack.enter_context(running(command, cwd=folder, env=environment() | CARRY, **pipes))
        assert bot.stdout is not None
        assert bot.stderr is not None
        while shown != NOTHING and "Live page: " not in (line := bot.stderr.readline()):
            if not line:
                raise RuntimeError("The carry bot ended before its live page was there.")
        if shown == POLLED:
            stack.enter_context(polling(line.partition("Live page: ")[2].strip(), asked))
        threading.Thread(target=bot.stderr.read, daemon=True).start()
        document = json.loads(bot.stdout.readline())
    found = document["latency_us"]
    return {"value": found["p50"], "p99": found["p99"], "orders": float(document["orders_sent"])}


# --- tables ----------------------------------------------------------------------------------------------


def compared(
    title: str, missing: str, run: Callable[[str, list[float]], dict[str, float]], options: Options
) -> Table:
    """Runs in turn without a page, with one, and with one that is polled; compares p50 and p99."""
    names = (NOTHING, PAGE, POLLED)
    rows = [Row(name, OURS, missing=missing) for name in names]
    tails = [Row(f"{name}, p99", OURS, missing=missing) for name in names]
    asked: list[float] = []
    if not missing:
        measure(rows, {name: partial(run, name, asked) for name in names}, options)
        for row, tail in zip(rows, tails, strict=True):
            tail.samples = row.extra["p99"]
    without, polled = rows[0], rows[2]
    spread = max(without.samples) / min(without.samples) if without.samples else None
    ratios = [
        Ratio("p50 with clients against none; the goal is the spread of the runs without", polled, without,
              at_most=spread),
        Ratio("p99 with clients against none", tails[2], tails[0], at_most=1.5),
    ]  # fmt: skip
    notes = ["both ends have a real-time priority" if steady() else "no end has priority over other programs"]
    if asked:
        rate = sum(asked) / len(asked)
        notes.append(f"the clients had {rate:,.0f} answers a second: /, /status.json, /metrics, an event")
    return Table("live", title, "us, p50", [*rows, *tails], ratios, notes)


def run(options: Options) -> list[Table]:
    """Returns a table for each bot."""
    missing = missing_reason() or floors.missing_reason()
    title = "tick to order of the exchange bot"
    tables = [compared(title, missing, partial(tick_to_order, options), options)]
    with tempfile.TemporaryDirectory() as folder:
        rows = Path(folder) / "rows.csv"
        write_rows(rows, options.sized(1_600, 160))
        title = "quote to order of the carry bot, written to the store first"
        missing = installed("ib_insync")
        tables.append(compared(title, missing, partial(quote_to_order, rows), options))
    return tables
