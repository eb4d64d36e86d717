"""How a run is shown while it lasts: a block that is redrawn on a terminal, plain lines when piped.

Writing happens on a thread of its own: a terminal that is paused (Ctrl-S) or a pipe that nobody reads must
not hold up trading. What cannot be shown in time is dropped.
"""

import logging
import os
import queue
import shutil
import sys
import threading
import time
from typing import Any, TextIO

from arbcore.exchange import ExchangeRun
from arbcore.text import printable

SECOND_NS = 1_000_000_000
REDRAW_NS = SECOND_NS // 4
PLAIN_NS = 5 * SECOND_NS
BACKLOG_MAX = 200
LAST_ORDERS = 5


def is_live(stream: TextIO) -> bool:
    """Whether ``stream`` is a terminal that understands cursor movement."""
    if not stream.isatty() or os.environ.get("TERM", "") == "dumb":
        return False
    return os.name == "posix" or "WT_SESSION" in os.environ


class Console:
    """Observer of a run that writes to ``stream``. Nothing is hidden or switched on the terminal."""

    def __init__(self, *, quiet: bool, stream: TextIO | None = None) -> None:
        self._stream = stream if stream is not None else sys.stderr
        self._live = not quiet and is_live(self._stream)
        self._quiet = quiet
        self._queue: queue.Queue[str | None] = queue.Queue(BACKLOG_MAX)
        self._shown_lines = 0
        self._next_ns = 0
        self._last_messages = 0
        self._last_ns = 0
        self._thread = threading.Thread(target=self._write, daemon=True)
        self._thread.start()

    def event(self, text: str) -> None:
        """One line for a person."""
        if self._quiet:
            return
        line = f"{time.strftime('%H:%M:%S')} {text}\n"
        self._put(self._erase() + line)

    def refresh(self, run: ExchangeRun, now_ns: int) -> None:
        """Redraws, or writes a line, if it is time to."""
        if self._quiet or now_ns < self._next_ns:
            return
        first = self._next_ns == 0
        self._next_ns = now_ns + (REDRAW_NS if self._live else PLAIN_NS)
        summary = run.session.summary()
        span_ns = max(now_ns - self._last_ns, 1)
        rate = (summary["messages_in"] - self._last_messages) * SECOND_NS / span_ns if self._last_ns else 0.0
        self._last_messages, self._last_ns = summary["messages_in"], now_ns
        if self._live:
            size = shutil.get_terminal_size()
            lines = status_lines(run, summary, rate=rate, now_ns=now_ns)
            lines = [line[: size.columns - 1] for line in lines[: max(size.lines - 2, 1)]]
            frame = self._erase() + "".join(f"{line}\n" for line in lines)
            if self._put(frame):
                self._shown_lines = len(lines)
        elif not first:
            self._put(plain_line(run, summary, rate=rate, now_ns=now_ns) + "\n")

    def close(self) -> None:
        """Takes the block away and waits, not for long, until everything is written."""
        self._put(self._erase())
        try:
            self._queue.put(None, timeout=0.5)
        except queue.Full:
            return
        self._thread.join(timeout=1.0)

    def _erase(self) -> str:
        """What moves the cursor to the block's first line and clears from there on."""
        lines, self._shown_lines = self._shown_lines, 0
        return f"\x1b[{lines}F\x1b[J" if lines else ""

    def _put(self, text: str) -> bool:
        try:
            self._queue.put_nowait(text)
        except queue.Full:
            return False
        return True

    def _write(self) -> None:
        try:
            while (text := self._queue.get()) is not None:
                self._stream.write(text)
                self._stream.flush()
        except (OSError, ValueError):
            # Nobody reads any more. The run goes on; its result goes to standard output.
            self._quiet = True


class ConsoleHandler(logging.Handler):
    """Log records as lines of the console, so that they do not tear the status block."""

    def __init__(self, console: Console) -> None:
        super().__init__()
        self._console = console

    def emit(self, record: logging.LogRecord) -> None:
        self._console.event(printable(self.format(record), 2000))


def status_lines(run: ExchangeRun, summary: dict[str, Any], *, rate: float, now_ns: int) -> list[str]:
    """The block on a terminal."""
    latency = run.latency.summary_us()
    state = "connected" if run.connected else "connecting"
    if summary["halted_reason"]:
        state += f", halted: {printable(summary['halted_reason'])}"
    where = f"{run.target.team} on {run.target.address} ({run.target.label})"
    money = f"P&L {summary['pnl']:+,}   cash {summary['cash']:+,}"
    counts = "   ".join(
        f"{name} {count:,}"
        for name, count in (
            ("orders", summary["orders_sent"]),
            ("fills", summary["fills"]),
            ("rejects", sum(summary["rejects"].values())),
        )
    )
    speed = "   ".join(f"{name} {_us(latency[name])}" for name in ("p50", "p99", "max"))
    positions = "  ".join(
        f"{symbol} {held:+d}" if held else f"{symbol} 0" for symbol, held in summary["positions"].items()
    )
    lines = [
        f"{where}  round {run.rounds + 1}  {_elapsed(run, now_ns)}  {state}",
        f"{money}   {counts}",
        f"messages {summary['messages_in']:,} ({rate:,.0f}/s)   latency {speed}",
        f"positions  {positions}",
    ]
    faults = sum(summary["faults"].values())
    if faults:
        lines.append(
            f"bad lines from the exchange: {faults:,} ("
            + ", ".join(f"{printable(kind)} {count:,}" for kind, count in summary["faults"].items())
            + ")"
        )
    orders = run.session.recent_orders(LAST_ORDERS)
    if orders:
        lines.append("last orders")
        lines += [f"  {order_text(order)}" for order in orders]
    return lines


def plain_line(run: ExchangeRun, summary: dict[str, Any], *, rate: float, now_ns: int) -> str:
    """The line every few seconds when the output is no terminal."""
    held = " ".join(f"{symbol}={size:+d}" for symbol, size in summary["positions"].items() if size) or "flat"
    latency = run.latency.summary_us()
    return (
        f"{time.strftime('%H:%M:%S')} {_elapsed(run, now_ns)} pnl={summary['pnl']:+d} {held} "
        f"orders={summary['orders_sent']} fills={summary['fills']} messages={summary['messages_in']} "
        f"({rate:.0f}/s) latency_p50={_us(latency['p50'])}"
    )


def order_text(order: dict[str, Any]) -> str:
    """One order as a person reads it."""
    what = f"{order['side']:<4} {order['size']:>3} {order['symbol']:<5}"
    price = f"at {order['price']:>6}" if order["kind"] == "add" else "conversion"
    filled = order["size"] - order["remaining"]
    done = f", {filled} filled" if order["kind"] == "add" and filled else ""
    return printable(
        f"{order['order_id']:>7}  {what} {price:<10} {order['state']}{done}  ({order['strategy']})"
    )


def _elapsed(run: ExchangeRun, now_ns: int) -> str:
    minutes, seconds = divmod((now_ns - run.started_ns) // SECOND_NS, 60)
    return f"{minutes:02d}:{seconds:02d}"


def _us(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.1f} µs" if value < 1000 else f"{value / 1000:.1f} ms"
