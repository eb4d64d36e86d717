"""Runs ``arbcore backtest -`` over any number of rows from a pipe, and measures its time and memory.

    python tools/long_backtest.py --rows 100000000

One day of synthetic quotes is sent repeatedly, each time with the next date. This shows that memory does not
grow with the data; the P&L means nothing.
"""

import argparse
import json
import resource
import subprocess
import sys
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
if str(ROOT) not in sys.path:
    sys.path.append(str(ROOT))

from arbcore.core.civil import iso_date, read_date  # noqa: E402 -- after the path
from tools import make_sample  # noqa: E402

FIRST_DAY = "2026-03-02"
DAY_ROWS = 500_000
EVERY_MS = 46
FLAGS = ("--factor", "10.03", "--entry-bps", "3", "--exit-bps", "0.5", "--cost-bps", "0.5", "--json")


def feed(pipe: "subprocess.Popen[bytes]", rows: int, day_rows: int) -> None:
    """Writes the header and the rows, day after day."""
    first_day = read_date(FIRST_DAY)
    header, *lines = make_sample.ticks(min(rows, day_rows), seed=7, first_day=first_day, every_ms=EVERY_MS)
    day = "".join(lines).encode()
    assert pipe.stdin is not None
    with pipe.stdin as stream:
        stream.write(header.encode())
        for number in range(-(-rows // len(lines))):
            left = min(len(lines), rows - number * len(lines))
            data = day.replace(FIRST_DAY.encode(), iso_date(first_day + number).encode())
            stream.write(data if left == len(lines) else b"".join(data.splitlines(keepends=True)[:left]))


def main() -> int:
    parser = argparse.ArgumentParser(description="A backtest of any length in constant memory.")
    parser.add_argument("--rows", type=int, default=100_000_000)
    parser.add_argument("--day-rows", type=int, default=DAY_ROWS, help="rows that a day repeats")
    args = parser.parse_args()
    start = time.perf_counter()
    command = [sys.executable, "-m", "arbcore", "backtest", "-", *FLAGS]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        writer = threading.Thread(target=feed, args=(process, args.rows, args.day_rows))
        writer.start()
        assert process.stdout is not None
        found = json.loads(process.stdout.read() or b"{}")
        writer.join()
    if process.returncode != 0:
        return process.returncode
    took_s = time.perf_counter() - start
    # The peak of the largest child process, in kB; on macOS in bytes.
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    print(
        f"{found['rows']:,} rows, {found['trades']:,} trades, {found['first_ts']} to {found['last_ts']}: "
        f"{took_s:.1f} s with the making of them, at most {peak / 1e6:.0f} MB of memory"
    )
    return 0 if found["rows"] == args.rows else 1


if __name__ == "__main__":
    sys.exit(main())
