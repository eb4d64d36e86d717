"""The live page and the metrics of the exchange bot, made from a snapshot of its run. Money is in ticks."""

from collections.abc import Mapping, Sequence
from typing import Any

from arbcore.core.metrics import Family, counter, gauge, labelled
from arbcore.pages.chart import legend, swatch
from arbcore.pages.live_page import LINE_STYLES, LiveView, Parts, Trail, best, clock_words, levels, usage
from arbcore.pages.markup import Markup, join, number, tag
from arbcore.pages.page import facts, figure, signed, table

Snapshot = Mapping[str, Any]
SECTIONS = (
    ("pnl", "P&L by strategy"),
    ("positions", "Positions beside their limits"),
    ("books", "Books"),
    ("fills", "Last fills"),
    ("orders", "Last orders"),
    ("trouble", "Refusals, rejects and bad lines"),
)
#: Counts of what went wrong, by reason: the name, and the key in the snapshot.
_TALLIES = (
    ("rejected by the exchange", "rejects"), ("refused by the risk gate", "refusals"),
    ("bad lines from the exchange", "faults"), ("anomalies of the exchange", "anomalies"),
)  # fmt: skip


def exchange_view(version: str) -> LiveView:
    """Returns the view of a run of the exchange bot; its curves cover five minutes."""
    return LiveView(
        SECTIONS, title="arbcore exchange bot", version=version, every_s=0.5,
        track=lambda told: {name: row["pnl"] for name, row in told["strategies"].items()},
        parts=_parts, families=_families,
    )  # fmt: skip


def _parts(told: Snapshot, trail: Trail) -> Parts:
    return {
        "title": f"{told['pnl']:+,} ticks · round {told['round']} · arbcore",
        "headline": _headline(told),
        "facts": _facts(told),
        "pnl": join([_curves(trail), _strategies(told)]),
        "positions": _positions(told),
        "books": _books(told),
        "fills": _fills(told["recent_fills"]),
        "orders": _orders(told["orders"]),
        "trouble": _trouble(told),
    }


def _headline(told: Snapshot) -> Markup:
    flat = not any(told["positions"].values())
    tone, state = ("good", "Connected") if told["connected"] else ("doubt", "Connecting")
    if told["halted_reason"]:
        tone, state = "bad", f"Halted: {told['halted_reason']}"
    return join(["Flat. " if flat else "Holds a position. ", tag("span", f"{state}.", class_=tone)])


def _facts(told: Snapshot) -> Markup:
    latency = told["latency_s"]
    p50, p99 = (None if latency[name] is None else 1e6 * latency[name] for name in ("0.5", "0.99"))
    left = clock_words(told["left_s"])
    return facts([
        ("P&L, ticks", signed(number(told["pnl"], 0, signed=True), told["pnl"]), "at the touch, all rounds"),
        ("round", number(told["round"], 0), f"{left} left of the run" if left else ""),
        ("fills", number(told["fills"], 0), f"of {told['orders_sent']:,} orders"),
        ("messages", number(told["messages_in"], 0), "read"),
        ("latency p50, µs", number(p50, 1), f"p99 {number(p99, 1)}"),
        ("limit breaches", number(told["limit_breaches"], 0), f"{told['team']} on {told['address']}"),
    ])  # fmt: skip


def _curves(trail: Trail) -> Markup:
    styles = {name: LINE_STYLES[at % len(LINE_STYLES)] for at, name in enumerate(trail.names())}
    chart = trail.chart(
        list(styles.items()), key="pnl-lines", title="P&L by strategy", unit="ticks",
        rules=[(0.0, "line-zero")],
    )  # fmt: skip
    if not chart:
        return Markup("")
    keys = legend(*((swatch(style), name) for name, style in styles.items()))
    return figure(chart, caption="Over the last five minutes, all rounds of this run.", legend=keys)


def _strategies(told: Snapshot) -> Markup:
    rows = [
        [name, number(row["orders"], 0), number(row["fills"], 0),
         signed(number(row["pnl"], 0, signed=True), row["pnl"])]
        for name, row in told["strategies"].items()
    ]  # fmt: skip
    head = ["strategy", "orders", "fills", "P&L, ticks"]
    return table("They add up to the P&L above", head, rows, numbers=(1, 2, 3))


def _positions(told: Snapshot) -> Markup:
    rows = [
        [name, number(row["position"], 0, signed=True), number(row["limit"], 0),
         usage(row["position"], row["limit"])]
        for name, row in told["exposure"].items()
    ]  # fmt: skip
    return table("Shares", ["symbol", "held", "limit", "used"], rows, numbers=(1, 2))


def _books(told: Snapshot) -> Markup:
    rows = []
    for name, book in told["books"].items():
        own = told["own"].get(name, {"BUY": {}, "SELL": {}})
        bids = levels(book["buy"], own["BUY"])
        asks = levels(book["sell"], own["SELL"])
        rows.append([name, bids, asks, number(book["last_price"] or None, 0)])
    caption = "Size at price, best first; our own part of a level is in brackets"
    return table(caption, ["symbol", "bids", "asks", "last"], rows, numbers=(3,))


def _fills(fills: Sequence[Mapping[str, Any]]) -> Markup:
    if not fills:
        return tag("p", "Nothing was filled yet.", class_="soft")
    rows = [
        [str(row["order_id"]), f"{row['side']} {row['size']:,} {row['symbol']}", number(row["price"], 0),
         row["strategy"]]
        for row in fills
    ]  # fmt: skip
    return table("Newest first", ["order", "fill", "price", "strategy"], rows, numbers=(2,))


def _orders(orders: Sequence[Mapping[str, Any]]) -> Markup:
    if not orders:
        return tag("p", "No order was sent yet.", class_="soft")
    rows = [
        [str(row["order_id"]), f"{row['side']} {row['size']:,} {row['symbol']}",
         number(row["price"], 0) if row["kind"] == "add" else "conversion",
         number(row["size"] - row["remaining"], 0) if row["kind"] == "add" else "–",
         row["state"], row["strategy"]]
        for row in orders
    ]  # fmt: skip
    head = ["id", "order", "price", "filled", "state", "strategy"]
    return table("Newest first", head, rows, numbers=(2, 3))


def _trouble(told: Snapshot) -> Markup:
    rows = [
        [what, reason, number(count, 0)] for what, key in _TALLIES for reason, count in told[key].items()
    ]
    if not rows:
        return tag("p", "None.", class_="soft")
    return table("By reason", ["what", "reason", "times"], rows, numbers=(2,))


def _families(told: Snapshot) -> list[Family]:
    strategies = told["strategies"]
    return [
        gauge("arbcore_up", "1 while the run is well, 0 where a person must look.", told["health"]["ok"]),
        gauge("arbcore_running_seconds", "Seconds since the run began.", told["running_s"]),
        gauge("arbcore_connected", "1 while connected to the exchange.", told["connected"]),
        gauge("arbcore_round", "Number of the round, from 1.", told["round"]),
        gauge("arbcore_pnl_ticks", "P&L at the touch, all rounds of the run together.", told["pnl"]),
        gauge("arbcore_cash_ticks", "Cash in this round.", told["cash"]),
        labelled("arbcore_position", "Shares held.", told["positions"], by="symbol"),
        labelled("arbcore_position_limit", "Largest position either way.",
                 {name: row["limit"] for name, row in told["exposure"].items()}, by="symbol"),
        labelled("arbcore_strategy_pnl_ticks", "P&L by strategy.",
                 {name: row["pnl"] for name, row in strategies.items()}, by="strategy"),
        labelled("arbcore_strategy_orders_total", "Orders by strategy.",
                 {name: row["orders"] for name, row in strategies.items()}, by="strategy", counts=True),
        labelled("arbcore_strategy_fills_total", "Fills by strategy.",
                 {name: row["fills"] for name, row in strategies.items()}, by="strategy", counts=True),
        labelled("arbcore_bid_ticks", "Best bid.", best(told["books"], "buy"), by="symbol"),
        labelled("arbcore_ask_ticks", "Best ask.", best(told["books"], "sell"), by="symbol"),
        labelled("arbcore_latency_seconds", "From bytes read to bytes written, by quantile.",
                 told["latency_s"], by="quantile"),
        counter("arbcore_messages_total", "Messages received.", told["messages_in"]),
        counter("arbcore_orders_total", "Orders sent.", told["orders_sent"]),
        counter("arbcore_cancels_total", "Cancels sent.", told["cancels_sent"]),
        counter("arbcore_conversions_total", "Conversions sent.", told["converts_sent"]),
        counter("arbcore_fills_total", "Fills.", told["fills"]),
        counter("arbcore_connections_total", "Connections to the exchange.", told["connections"]),
        counter("arbcore_limit_breaches_total", "Times that a position was beyond its limit.",
                told["limit_breaches"]),
        labelled("arbcore_rejects_total", "Orders that the exchange rejected, by reason.", told["rejects"],
                 by="reason", counts=True),
        labelled("arbcore_refusals_total", "Orders that the risk gate refused, by reason.", told["refusals"],
                 by="reason", counts=True),
        labelled("arbcore_bad_lines_total", "Lines from the exchange that could not be read, by kind.",
                 told["faults"], by="kind", counts=True),
        labelled("arbcore_anomalies_total", "Messages that contradict the exchange's own, by kind.",
                 told["anomalies"], by="kind", counts=True),
    ]  # fmt: skip
