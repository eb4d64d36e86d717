"""The live page and the metrics of the carry bot, made from a snapshot of its run."""

from collections.abc import Mapping, Sequence
from typing import Any

from arbcore.core.metrics import Family, counter, gauge, labelled
from arbcore.core.text import plural, time_span
from arbcore.pages.chart import legend, swatch
from arbcore.pages.live_page import LiveView, Parts, Trail, usage
from arbcore.pages.markup import Markup, join, number, tag
from arbcore.pages.page import facts, figure, pair, signed, table

Snapshot = Mapping[str, Any]
SECTIONS = (
    ("deviation", "Deviation against the entry band"),
    ("market", "Market"),
    ("limits", "Limits"),
    ("orders", "Last orders"),
    ("alarms", "Last alarms"),
)
_SIDES = {1: "buy", -1: "sell"}


def carry_view(version: str) -> LiveView:
    """Returns the view of a run of the carry bot; its curve covers forty minutes."""
    return LiveView(
        SECTIONS, title="arbcore carry bot", version=version, every_s=4.0,
        track=lambda told: {"deviation_bps": told["deviation_bps"]}, parts=_parts, families=_families,
    )  # fmt: skip


def _held_words(held: Mapping[str, int] | None) -> str:
    if held is None:
        return "unknown"
    return ", ".join(f"{leg} {count:+,d}" for leg, count in held.items() if count) or "flat"


def _parts(told: Snapshot, trail: Trail) -> Parts:
    held, state = told["held"], told["state"]
    words = _held_words(held)
    return {
        "title": f"{'flat' if words == 'flat' else words} · {state} · arbcore",
        "headline": _headline(told, words),
        "facts": _facts(told, words),
        "deviation": _deviation(told, trail),
        "market": pair(_market(told), _terms(told)),
        "limits": _limits(told),
        "orders": _orders(told["orders"]),
        "alarms": _alarms(told),
    }


def _headline(told: Snapshot, words: str) -> Markup:
    state = told["state"]
    tone = {"ACTIVE": "good", "REDUCING": "doubt"}.get(state, "bad")
    because = f": {'; '.join(told['reasons'])}" if told["reasons"] else ""
    held = {"flat": "Flat", "unknown": "The position is unknown"}.get(words, f"Holds {words}")
    # A cause that prevents decisions, such as "SPY closed", does not fit after "Waits for".
    waits = f"Waits: {told['next']}." if told["next"] == told["waiting"] else f"Waits for {told['next']}."
    return join([f"{held}. ", tag("span", f"{state}{because}.", class_=tone), " ", waits])


def _facts(told: Snapshot, words: str) -> Markup:
    one = told["pair"]
    since = entry = ""
    if one is not None:
        since = f"{one['side'].replace('_', ' ')}, {one['phase']} for {_span(one['since_s'])}"
        entry = f"entered at {number(one['entry_dev_bps'], 2, signed=True)} bps"
    ours = _held_words(told["executed"])
    beside = since if ours == words else f"our executions come to {ours}"
    day, open_usd = told["day_pnl"], None if one is None else one["unrealised"]
    return facts([
        ("held", words, beside),
        ("today, net USD", signed(number(day, signed=True), day), "since New York midnight"),
        ("unrealised, USD", signed(number(open_usd, signed=True), open_usd), entry),
        ("deviation, bps", number(told["deviation_bps"], 2, signed=True),
         f"enters beyond ±{number(told['enter_at_bps'], 2)}"),
        ("waits for", tag("small", told["next"]), ""),
        ("running", _span(told["running_s"]), f"{told['mode']} account {told['account']}"),
    ])  # fmt: skip


def _span(seconds: float | None) -> str:
    return "unknown" if seconds is None else "0 s" if seconds < 1 else time_span(seconds)


def _deviation(told: Snapshot, trail: Trail) -> Markup:
    enter, leave = told["enter_at_bps"], told["exit_bps"]
    rules = [(0.0, "line-zero"), (enter, "line-loss"), (-enter, "line-loss"), (leave, "line-exit")]
    rules.append((-leave, "line-exit"))
    chart = trail.chart(
        [("deviation_bps", "line-curve")], key="dev", title="Deviation", unit="bps", rules=rules
    )
    if not chart:
        return tag("p", "No deviation is known yet.", class_="soft")
    keys = legend(
        (swatch("line-curve"), "deviation"), (swatch("line-loss"), "entry, costs included"),
        (swatch("line-exit"), "exit"),
    )  # fmt: skip
    caption = "The future against its fair value at the mids of both legs; above 0 the future is rich."
    return figure(chart, caption=caption, legend=keys)


def _market(told: Snapshot) -> Markup:
    rows = []
    for name, leg in told["legs"].items():
        doubt = tag("span", leg["fault"], class_="doubt") if leg["fault"] else "good"
        age = f"{leg['age_s']:.1f} s" if leg["age_s"] is not None else "none"
        rows.append([name, number(leg["bid"] or None), number(leg["ask"] or None), age, doubt])
    return table("Touch of both legs", ["leg", "bid", "ask", "age", "quote"], rows, numbers=(1, 2, 3))


def _terms(told: Snapshot) -> Markup:
    financing = told["implied_financing"]
    rows = [
        ["level (index points per USD of the ETF)", number(told["factor"], 6)],
        ["implied financing", "–" if financing is None else f"{number(100 * financing, 3)}%"],
        ["edge, cash and carry", f"{number(told['edge_cc_bps'], 2, signed=True)} bps"],
        ["edge, reverse", f"{number(told['edge_reverse_bps'], 2, signed=True)} bps"],
        ["contract expires", told["expiry"] or "unknown"],
        ["days to the roll", number(told["days_to_roll"], 1)],
    ]
    return table("The pair", ["", "now"], rows, numbers=(1,))


def _limits(told: Snapshot) -> Markup:
    rows = [
        [row["name"], _amount(row["used"], ""), _amount(row["limit"], row["unit"]),
         usage(row["used"], row["limit"])]
        for row in told["limits"]
    ]  # fmt: skip
    return table("How much of each limit is used", ["limit", "used", "of", "share"], rows, numbers=(1, 2))


def _amount(value: float | None, unit: str) -> str:
    return f"{number(value, 0)} {unit.removesuffix('s') if value == 1 else unit}".strip()


def _orders(orders: Sequence[Mapping[str, Any]]) -> Markup:
    if not orders:
        return tag("p", "No order was sent yet.", class_="soft")
    rows = [
        [row["ts"][11:19], f"{row['role']} {_SIDES[row['side']]} {row['quantity']:,} {row['symbol']}",
         number(row["limit"]) if row["limit"] is not None else "market", number(row["filled"], 0),
         join([row["state"], f": {row['reason']}" if row["reason"] else ""])]
        for row in orders
    ]  # fmt: skip
    return table("Newest first, UTC", ["time", "order", "limit", "filled", "state"], rows, numbers=(2, 3))


def _alarms(told: Snapshot) -> Markup:
    rows = [[row["ts"][:19].replace("T", " "), row["kind"], row["text"]] for row in told["alarms"]]
    if not rows:
        return tag("p", "None.", class_="soft")
    total = plural(sum(told["alarm_counts"].values()), "alarm")
    return table(f"Newest first, UTC; {total} in this run", ["time", "kind", "what"], rows)


def _families(told: Snapshot) -> list[Family]:
    counts, legs, one = told["counts"], told["legs"], told["pair"]
    held = told["held"] or {}
    return [
        gauge("arbcore_up", "1 while the run is well, 0 where a person must look.", told["health"]["ok"]),
        gauge("arbcore_running_seconds", "Seconds since the run began.", told["running_s"]),
        labelled("arbcore_state", "1 for the state of the run, 0 for the others.",
                 {name: told["state"] == name for name in ("ACTIVE", "REDUCING", "HALTED")}, by="state"),
        labelled("arbcore_position", "Contracts or shares that the account holds; absent while unknown.",
                 held, by="symbol"),
        labelled("arbcore_executed_position", "Contracts or shares by the bot's own executions.",
                 told["executed"], by="symbol"),
        gauge("arbcore_day_pnl_usd", "Net P&L of today, by New York's date.", told["day_pnl"]),
        gauge("arbcore_unrealised_pnl_usd", "P&L of the open pair between bid and ask; 0 without one.",
              0.0 if one is None else one["unrealised"]),
        gauge("arbcore_deviation_ratio", "Distance of the future from fair value; 0.0003 is 3 bps.",
              _scaled(told["deviation_bps"], 1e-4)),
        gauge("arbcore_entry_threshold_ratio", "Distance beyond which a pair is entered.",
              _scaled(told["enter_at_bps"], 1e-4)),
        gauge("arbcore_implied_financing_ratio", "Annual financing rate that the prices imply.",
              told["implied_financing"]),
        gauge("arbcore_level_ratio", "Index points per USD of the ETF.", told["factor"]),
        gauge("arbcore_roll_seconds", "Time until the bot leaves the contract for the next one.",
              _scaled(told["days_to_roll"], 86_400.0)),
        labelled("arbcore_quote_age_seconds", "Time since the last quote of a leg.",
                 {name: leg["age_s"] for name, leg in legs.items()}, by="symbol"),
        labelled("arbcore_bid_usd", "Best bid: index points of the future, USD of the ETF.",
                 {name: leg["bid"] or None for name, leg in legs.items()}, by="symbol"),
        labelled("arbcore_ask_usd", "Best ask: index points of the future, USD of the ETF.",
                 {name: leg["ask"] or None for name, leg in legs.items()}, by="symbol"),
        labelled("arbcore_limit_used_ratio", "Share of each limit that is used; 1 is the limit.",
                 {row["name"]: _share(row) for row in told["limits"]}, by="limit"),
        labelled("arbcore_latency_seconds", "From a quote's arrival to its orders handed on, by quantile.",
                 told["latency_s"], by="quantile"),
        counter("arbcore_quotes_total", "Quotes received.", counts["quotes"]),
        counter("arbcore_signals_total", "Signals written to the store.", counts["signals"]),
        counter("arbcore_decisions_total", "Quotes on which the signal was evaluated.", counts["decisions"]),
        counter("arbcore_orders_total", "Orders sent.", counts["orders"]),
        counter("arbcore_cancels_total", "Cancels sent.", counts["cancels"]),
        counter("arbcore_connections_total", "Connections to TWS or IB Gateway.", counts["connections"]),
        labelled("arbcore_alarms_total", "Alarms by kind.", told["alarm_counts"], by="kind", counts=True),
        labelled("arbcore_not_decided_total", "Quotes on which nothing was decided, by reason.",
                 told["skipped"], by="reason", counts=True),
    ]  # fmt: skip


def _scaled(value: float | None, by: float) -> float | None:
    return None if value is None else value * by


def _share(row: Mapping[str, Any]) -> float | None:
    return abs(row["used"]) / row["limit"] if row["used"] is not None and row["limit"] else None
