"""Runs the carry bot over a day of one-second quotes as fast as possible: speed, latency, memory.

python -m tools.soak_bot                            24 hours of rows; fails if memory grows
python -m tools.soak_bot --hours 6.5                a trading day of 23,400 rows
python -m tools.soak_bot --nights 7 --every-s 10    a week; the gateway restarts each night at 23:45

With --nights the gateway goes down each night for a minute of the quotes' clock, on Sunday for an hour; by
this machine's clock it is down for two seconds. The command fails if the bot does not reconnect, or if it
raises an alarm about anything except Sunday's hour.

The bot runs in this process, the gateway in another; library and TCP connect them. Latency is from the
arrival of a quote's bytes until the order is written to the socket, after its intent is on disk. Run from the
checkout; needs an extra for Interactive Brokers.
"""

import argparse
import asyncio
import importlib
import math
import resource
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).resolve().parents[1] / "tests" / "support"))

from carry_bots import bot_of, plan_of, row_dev

from arbcore.broker.ib_link import IbLink
from arbcore.broker.store import Store
from arbcore.core.civil import iso_time
from arbcore.play.embedded import EmbeddedGateway

#: A Friday at midnight in New York; our own gateway trades at all hours.
START_NS = 1_795_150_800 * 10**9
#: ES moves this far from fair value and back, so pairs are entered in both directions. This must be rare,
#: because the libraries keep every order of a connection in memory.
SWING_BPS, SWING_S, NIGHTS_SWING_S = 40.0, 7_200.0, 43_200.0
MARKS = 8
#: How much the resident set may grow over the last three quarters, in MB.
GROWTH_MAX_MB = 4.0


DAY_S = 86_400
#: Seconds after midnight at which the gateway goes down each night, for how long, and for how long on Sunday.
AWAY_AT_S, AWAY_S, SUNDAY_AWAY_S = 85_500, 60, 3_600
#: The index of Sunday's night, counted from START_NS, which is a Friday.
SUNDAY = 2
#: How long a gateway that restarts refuses connections, by the machine's clock.
REFUSED_S = 2


def away(night: int) -> tuple[int, int]:
    """Returns the seconds of the run from which and until which the gateway is down in a night."""
    begin_s = night * DAY_S + AWAY_AT_S
    return begin_s, begin_s + (SUNDAY_AWAY_S if night % 7 == SUNDAY else AWAY_S)


def write_rows(path: Path, seconds: range, nights: int) -> int:
    """Writes a row for each second in which the gateway is up; returns the number of rows."""
    gaps = [away(night) for night in range(nights)]
    swing_s = NIGHTS_SWING_S if nights else SWING_S
    written = 0
    with path.open("w", encoding="ascii") as file:
        file.write("ts,es_bid,es_ask,spy_bid,spy_ask\n")
        for second in seconds:
            if any(begin_s <= second < end_s for begin_s, end_s in gaps):
                continue
            written += 1
            ts_ns = START_NS + second * 10**9
            row = row_dev(ts_ns, SWING_BPS * math.sin(2.0 * math.pi * second / swing_s), second % 40)
            prices = f"{row.fut_bid},{row.fut_ask},{row.etf_bid:.2f},{row.etf_ask:.2f}"
            file.write(f"{iso_time(ts_ns)},{prices}\n")
    return written


def resident_mb() -> float:
    """Returns the resident memory of this process; its peak if the system does not report it."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0
    return pages * resource.getpagesize() / 1e6


class Watch:
    """Measures the time from received bytes to sent orders, and memory at intervals of rows."""

    def __init__(self, library: str, rows: int) -> None:
        self.every = max(1, rows // MARKS)
        self.rows = 0
        self.memory_mb: list[float] = []
        self.whole_ns: list[int] = []
        self.unsaved_ns: list[int] = []
        self._arrived_ns = self._saving_ns = 0
        connection = importlib.import_module(f"{library}.connection").Connection
        clock = time.perf_counter_ns
        received, place, save, done = connection.data_received, IbLink.place, Store.save, IbLink.row_done

        def data_received(conn: Any, data: bytes) -> None:
            self._arrived_ns, self._saving_ns = clock(), 0
            received(conn, data)

        def placed(link: IbLink, row: Any) -> None:
            place(link, row)
            self.whole_ns.append(clock() - self._arrived_ns)
            self.unsaved_ns.append(self.whole_ns[-1] - self._saving_ns)

        def saved(store: Store, *arguments: Any, **named: Any) -> None:
            began_ns = clock()
            save(store, *arguments, **named)
            self._saving_ns += clock() - began_ns

        def row_done(link: IbLink, number: int) -> None:
            done(link, number)
            if number > self.rows:
                self.rows = number
                if number % self.every == 0:
                    self.memory_mb.append(resident_mb())

        connection.data_received = data_received
        IbLink.place = placed  # type: ignore[method-assign]
        Store.save = saved  # type: ignore[method-assign]
        IbLink.row_done = row_done  # type: ignore[method-assign]


def microseconds(taken_ns: list[int]) -> str:
    ordered = sorted(taken_ns) or [0]
    p50, p99 = (ordered[len(ordered) * part // 100] / 1e3 for part in (50, 99))
    return f"p50 {p50:,.0f}  p99 {p99:,.0f}  max {ordered[-1] / 1e3:,.0f} µs over {len(taken_ns)}"


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tools.soak_bot", description=__doc__.split("\n")[0])
    parser.add_argument("--library", default="ib_insync", choices=("ib_insync", "ib_async"))
    parser.add_argument("--hours", type=float, default=24.0, help="of simulated quotes (default %(default)s)")
    parser.add_argument("--every-s", type=int, default=1, help="from row to row (default %(default)s)")
    parser.add_argument("--nights", type=int, default=0, help="days with a restart each, instead of --hours")
    args = parser.parse_args(argv)
    seconds = range(0, args.nights * DAY_S or round(args.hours * 3_600), args.every_s)
    faults = [f"--fault=restart={REFUSED_S}@{away(night)[0]}" for night in range(args.nights)]
    with tempfile.TemporaryDirectory() as folder:
        directory = Path(folder)
        rows = write_rows(directory / "rows.csv", seconds, args.nights)
        gateway = EmbeddedGateway(
            pair="es-spy", data=directory / "rows.csv", seed=None, expiry_ns=None, flags=faults
        )
        port = gateway.start()
        watch = Watch(args.library, rows)
        bot = bot_of(plan_of(port, directory, library=args.library, rows=True, mode="simulated"))
        began_s, began_cpu_s = time.monotonic(), time.process_time()
        try:
            asyncio.run(bot.run())
        finally:
            gateway.end()
    wall_s, cpu_s = time.monotonic() - began_s, time.process_time() - began_cpu_s
    print(f"{watch.rows:,} rows in {wall_s:.1f} s, {cpu_s:.1f} s of CPU in the bot")
    print(f"bytes in to order out   {microseconds(watch.whole_ns)}")
    print(f"without the store       {microseconds(watch.unsaved_ns)}")
    print(f"memory, MB              {'  '.join(f'{mb:.1f}' for mb in watch.memory_mb)}")
    grown_mb = watch.memory_mb[-1] - watch.memory_mb[MARKS // 4 - 1]
    alarms = dict(bot.event_log.alarms)
    print(f"alarms                  {alarms or 'none'}")
    # Sunday's hour must raise an alarm about a lost link; the minute of any other night must not.
    sundays = sum(night % 7 == SUNDAY for night in range(args.nights))
    expected = {"link lost": sundays} if sundays else {}
    if watch.rows != rows or grown_mb > GROWTH_MAX_MB or alarms != expected:
        print(f"FAILED: {watch.rows} of {rows} rows; memory grew by {grown_mb:.1f} MB; alarms {alarms}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
