"""Shows a live page in a real Chromium for 24 simulated hours and checks that no memory grows.

python -m tools.soak_page                           the three pages, a snapshot for each 4 s of the run
python -m tools.soak_page carry --looked 100        one page, waiting for the browser every 100 snapshots

Page, script and stream of events are those of the program; only the pause between two events of a client is
left out. After every ten snapshots the command waits until the browser shows them. At eight marks the browser
collects garbage; then the heap of the page's script, its nodes and listeners, and the memory of the server's
process are measured. The command fails if one of them grows over the last three quarters of the run, or if
the page logs an error.
"""

import argparse
import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tools import ROOT

sys.path.append(str(ROOT / "tests" / "support"))

from chromium import Chromium, find_chromium
from live_snapshots import SNAPSHOTS, moved

from arbcore.system import live_server

#: Length of the simulated run, and time between its snapshots.
DAY_S, EVERY_S = 86_400, 4.0
MARKS = 8
#: Most growth over the last three quarters. The page has another state at each mark, so a table may have a
#: row more or less without growth.
HEAP_MAX_KB, NODES_MAX, SERVER_MAX_MB = 256.0, 60, 4.0
SHOWN_S = 120.0
#: For each page, the part from which the shown snapshot can be recognised.
COUNTED = {"carry": "day_pnl", "exchange": "pnl", "serve": "trades"}


class Mark:
    """The memory of a page and its server at one time."""

    def __init__(self, browser: Chromium, server: int) -> None:
        browser.call("HeapProfiler.collectGarbage")
        found = {row["name"]: row["value"] for row in browser.call("Performance.getMetrics")["metrics"]}
        self.heap_kb = found["JSHeapUsedSize"] / 1e3
        self.nodes = int(found["Nodes"])
        self.listeners = int(found["JSEventListeners"])
        self.server_mb = resident_mb(server)

    def __str__(self) -> str:
        words = f"heap {self.heap_kb:,.0f} kB, {self.nodes:,} nodes, {self.listeners} listeners"
        return f"{words}, server {self.server_mb:.1f} MB"


def resident_mb(pid: int) -> float:
    """Returns the resident memory of a process; 0 if the system does not report it."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
    except OSError:
        return 0.0
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


@contextlib.contextmanager
def served(kind: str) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """Yields the process that serves a page, which reads snapshots from standard input, and the address."""
    path = os.pathsep.join([*filter(None, [os.environ.get("PYTHONPATH")]), str(ROOT)])
    process = subprocess.Popen(
        [sys.executable, "-m", "tools.soak_page", "--serve", kind], env=os.environ | {"PYTHONPATH": path},
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        tell(process, {"host": "127.0.0.1", "port": 0, "token": ""})
        yield process, f"http://127.0.0.1:{json.loads(process.stdout.readline())['port']}/"
    finally:
        process.stdin.close()
        process.wait()


def tell(process: subprocess.Popen[bytes], document: Mapping[str, Any]) -> None:
    """Writes a line; waits until the process can read it, so no snapshot is lost."""
    assert process.stdin is not None
    process.stdin.write(json.dumps(document).encode() + b"\n")
    process.stdin.flush()


def soak(kind: str, browser: Chromium, looked: int) -> list[str]:
    """Runs a day of one page, waiting for the browser every ``looked`` snapshots; returns the failures."""
    steps = round(DAY_S / EVERY_S)
    marks: list[Mark] = []
    began_s = time.monotonic()
    with served(kind) as (process, url):
        tell(process, moved(kind, 0, EVERY_S))
        browser.show(url, width=390)
        # The browser's own record of requests would grow.
        browser.call("Network.disable")
        browser.call("Performance.enable")
        for step in range(1, steps + 1):
            told = moved(kind, step, EVERY_S)
            tell(process, told)
            marked = step * MARKS // steps > len(marks)
            if marked or step % looked == 0:
                wait_until_shown(browser, f"{told[COUNTED[kind]]:,}")
                browser.forget()
            if marked:
                marks.append(Mark(browser, process.pid))
                print(f"{kind:9} {step * EVERY_S / 3_600:5.1f} h  {marks[-1]}", flush=True)
        wrong = [f"{kind}: the page complained: {text}" for text in browser.complaints]
    print(f"{kind:9} {steps:,} snapshots in {time.monotonic() - began_s:.0f} s", flush=True)
    first, last = marks[MARKS // 4 - 1], marks[-1]
    limits = {"heap_kb": HEAP_MAX_KB, "nodes": NODES_MAX, "listeners": 0, "server_mb": SERVER_MAX_MB}
    return wrong + [
        f"{kind}: {name} grew by {grown:,.1f}" for name, most in limits.items()
        if (grown := getattr(last, name) - getattr(first, name)) > most
    ]  # fmt: skip


def wait_until_shown(browser: Chromium, text: str) -> None:
    """Waits until the page shows the text. Raises RuntimeError if it takes too long."""
    end_s = time.monotonic() + SHOWN_S
    while not browser.evaluate(f"document.body.textContent.includes({text!r})"):
        if time.monotonic() > end_s:
            raise RuntimeError(f"The page does not show {text}.")
        time.sleep(0.005)


def serve(kind: str) -> None:
    """Runs the command's own server process, without the pause between events."""
    from arbcore.commands import _live

    live_server.EVENTS_APART_S = 0.0
    sys.argv = [sys.argv[0], kind]
    _live.main()


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tools.soak_page", description=__doc__.split("\n")[0])
    parser.add_argument("kinds", nargs="*", metavar="PAGE", help=f"{', '.join(SNAPSHOTS)}; all without")
    parser.add_argument("--looked", type=int, default=10, metavar="N",
                        help="wait for the browser after every N snapshots (%(default)s)")  # fmt: skip
    parser.add_argument("--serve", metavar="PAGE", help=argparse.SUPPRESS)
    args = parser.parse_args(argv)
    if args.serve:
        serve(args.serve)
        return 0
    for kind in args.kinds:
        if kind not in SNAPSHOTS:
            parser.error(f"no page is called {kind!r}; choose from {', '.join(SNAPSHOTS)}")
    program = find_chromium()
    if program is None:
        parser.error("there is no Chromium on PATH; install one (Debian: apt-get install chromium)")
    wrong = []
    for kind in args.kinds or SNAPSHOTS:
        with contextlib.closing(Chromium(program)) as browser:
            wrong += soak(kind, browser, args.looked)
    for sentence in wrong:
        print(f"FAILED: {sentence}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
