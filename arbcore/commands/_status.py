"""The exchange bot's status, which the console shows during a run."""

from collections.abc import Mapping, Sequence
from typing import Literal, TextIO

from arbcore.commands._live_exchange import exchange_snapshot
from arbcore.core.text import printable
from arbcore.exchange import ExchangeRun, refusal_text
from arbcore.system.live_feed import LiveFeed
from arbcore.system.terminal import SECOND_NS, Console, Toned, tone_of
from arbcore.trading.session_documents import OrderDocument, SessionSummary

LAST_ORDERS = 5
#: Columns of the narrowest terminal that fits a panel.
WIDTH = 79
#: Counts of what went wrong, by reason: the title of the line, and the key in the summary.
TALLIES: tuple[tuple[str, Literal["faults", "rejects", "refusals", "anomalies"]], ...] = (
    ("bad lines from the exchange", "faults"),
    ("rejects", "rejects"),
    ("refused by the risk gate", "refusals"),
    ("anomalies of the exchange", "anomalies"),
)


class ExchangeConsole(Console):
    """Observer of a run of the exchange bot."""

    def __init__(self, *, quiet: bool, stream: TextIO | None = None) -> None:
        super().__init__(quiet=quiet, stream=stream)
        #: The live page; None without one.
        self.feed: LiveFeed | None = None
        self._last_messages = 0
        self._last_ns = 0

    def refresh(self, run: ExchangeRun, now_ns: int) -> None:
        """Redraws the panel or writes a line, if one is due."""

        def block() -> list[str]:
            summary = run.session.summary()
            return status_lines(run, summary, rate=self._rate(summary, now_ns), now_ns=now_ns)

        def line() -> str:
            summary = run.session.summary()
            return plain_line(run, summary, rate=self._rate(summary, now_ns), now_ns=now_ns)

        self.show(now_ns, block=block, line=line)
        if self.feed is not None:
            self.feed.publish(now_ns, lambda: exchange_snapshot(run, now_ns))

    def close(self) -> None:
        """Ends the display and the live page."""
        if self.feed is not None:
            self.feed.close()
        super().close()

    def _rate(self, summary: SessionSummary, now_ns: int) -> float:
        """Messages per second since the last call."""
        span_ns = max(now_ns - self._last_ns, 1)
        rate = (summary["messages_in"] - self._last_messages) * SECOND_NS / span_ns if self._last_ns else 0.0
        self._last_messages, self._last_ns = summary["messages_in"], now_ns
        return float(rate)


def status_lines(run: ExchangeRun, summary: SessionSummary, *, rate: float, now_ns: int) -> list[str]:
    """Returns the lines of the panel on a terminal."""
    latency = run.latency.summary_us()
    state, tone = ("connected", "good") if run.connected else ("connecting", "doubt")
    if summary["halted_reason"]:
        state, tone = "halted", "bad"
    where = f"{run.target.team} on {run.target.address} ({run.target.label})"
    counts = "   ".join(
        f"{name} {count:,}"
        for name, count in (
            ("orders", summary["orders_sent"]),
            ("fills", summary["fills"]),
            ("rejects", sum(summary["rejects"].values())),
        )
    )
    speed = "   ".join(f"{name} {_us(latency[name])}" for name in ("p50", "p99", "max"))
    lines: list[str] = [
        Toned(
            (state, tone), f"  {where}  round {run.rounds + 1}  {_elapsed(run, now_ns)}{_left(run, now_ns)}"
        ),
        *([Toned((printable(summary["halted_reason"]), "bad"))] if summary["halted_reason"] else []),
        Toned(
            "P&L ", (f"{summary['pnl']:+,}", tone_of(summary["pnl"])),
            f"   cash {summary['cash']:+,}   {counts}",
        ),
        f"messages {summary['messages_in']:,} ({rate:,.0f}/s)   latency {speed}",
        *_wrapped("positions  ", [_position(name, row) for name, row in run.session.exposure().items()]),
        *_wrapped("P&L by     ", [
            (f"{printable(name, 24)} {row['pnl']:+,}", tone_of(row["pnl"]))
            for name, row in summary["strategies"].items() if row["orders"] or row["pnl"]
        ]),
    ]  # fmt: skip
    lines += [
        f"{title}: {', '.join(f'{printable(kind, 60)} {count:,}' for kind, count in summary[key].items())}"
        for title, key in TALLIES
        if summary[key]
    ]
    lines += [refusal_text(row) for row in summary["refused"]]
    orders = run.session.recent_orders(LAST_ORDERS)
    if orders:
        lines.append("last orders")
        lines += [f"  {order_text(order)}" for order in orders]
    return lines


def _position(name: str, row: Mapping[str, int]) -> tuple[str, str]:
    """A position beside its limit, and its colour: amber from three quarters of the limit on."""
    held, limit = row["position"], row["limit"]
    text = f"{name} {held:+d}/{limit}" if held else f"{name} 0/{limit}"
    return text, "doubt" if 4 * abs(held) >= 3 * limit else ""


def _wrapped(title: str, items: Sequence[tuple[str, str]]) -> list[str]:
    """The items after a title, on as many lines as they need; no lines without items."""
    lines: list[list[str | tuple[str, str]]] = []
    width = WIDTH + 1
    for text, tone in items:
        if width + len(text) + 2 > WIDTH:
            lines.append([title if not lines else " " * len(title)])
            width = len(title)
        lines[-1] += [(text, tone), "  "]
        width += len(text) + 2
    return [Toned(*line[:-1]) for line in lines]


def _left(run: ExchangeRun, now_ns: int) -> str:
    """The time left of a run that has a duration; empty without one."""
    if run.options.duration_s is None:
        return ""
    left_s = max(0, round(run.options.duration_s - (now_ns - run.started_ns) / SECOND_NS))
    return f", {left_s // 60:02d}:{left_s % 60:02d} left"


def plain_line(run: ExchangeRun, summary: SessionSummary, *, rate: float, now_ns: int) -> str:
    """Returns the line that is printed every few seconds if the output is not a terminal."""
    held = " ".join(f"{symbol}={size:+d}" for symbol, size in summary["positions"].items() if size) or "flat"
    latency = run.latency.summary_us()
    return (
        f"{_elapsed(run, now_ns)} pnl={summary['pnl']:+d} {held} "
        f"orders={summary['orders_sent']} fills={summary['fills']} messages={summary['messages_in']} "
        f"({rate:.0f}/s) latency_p50={_us(latency['p50'])}"
        + "".join(
            f" {key}={printable(kind, 60)}:{count}"
            for key in ("rejects", "refusals", "anomalies")
            for kind, count in summary[key].items()
        )
    )


def order_text(order: OrderDocument) -> str:
    """Returns one order as text for the user."""
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
