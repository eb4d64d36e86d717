"""The tables of the carry bot's page: trades, orders, executions, days, alarms.

A long table shows its first and last rows. An unknown value is shown as "unknown", never as 0.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from arbcore.core.civil import iso_time, read_time
from arbcore.core.text import plural
from arbcore.pages.markup import Markup, datum, number, percent, tag
from arbcore.pages.page import section, signed, stacked, table
from arbcore.pages.words import label_of

Record = Mapping[str, Any]
#: How many rows of a long table are shown at either end.
ENDS = 50
UNKNOWN = "unknown"


def money(value: float | None, *, key: str | None = None) -> Markup:
    """Formats USD in the colour of its sign, or as unknown."""
    shown = UNKNOWN if value is None else signed(number(value, signed=True), value)
    return datum(value, shown, key=key)


def paid(value: float | None, *, key: str | None = None) -> Markup:
    """Formats USD paid, or as unknown."""
    return datum(value, UNKNOWN if value is None else number(value), key=key)


def clock(ts: str) -> Markup:
    """Formats a stored time to the millisecond, on one line."""
    text = iso_time(read_time(ts) // 1_000_000 * 1_000_000).replace("T", " ").removesuffix("Z")
    return tag("span", text, class_="w")


def second(ts: str) -> str:
    """Formats a stored time to the second, short enough for a ledger."""
    return ts[:19].replace("T", " ")


def ends(rows: Sequence[Record], noun: str, where: str) -> tuple[list[Record], tuple[int, str] | None]:
    """Returns the first and the last rows, and the sentence that replaces the rows between them."""
    if len(rows) <= 2 * ENDS:
        return list(rows), None
    left = len(rows) - 2 * ENDS
    return [*rows[:ENDS], *rows[-ENDS:]], (ENDS, f"{plural(left, noun)} left out here; {where}")


def trades_section(trades: Sequence[Record], symbols: Sequence[str]) -> Markup:
    """Returns the ledger, with the prices at the signals and at the fills."""
    fut, etf = symbols
    head = ["no.", "side, exit reason", "in, out (UTC)", f"{fut}, {etf}", f"{fut} signal", f"{fut} fill",
            f"{etf} signal", f"{etf} fill", "slippage", "repo at entry", "commission",
            "gross, net"]  # fmt: skip
    shown, left_out = ends(trades, "trade", "--trades FILE writes all of them.")
    caption = (
        f"{plural(len(trades), 'closed trade')}, in and out, in USD. Slippage is against the prices at the "
        "signals; below zero it was worse."
    )
    rows = [_trade(trade) for trade in shown]
    made = table(caption, head, rows, numbers=range(3, len(head)), left_out=left_out, dense=True)
    return section("trades", "Trades", made)


def _trade(trade: Record) -> list[object]:
    def prices(leg: str, ending: str) -> Markup:
        return stacked(*(price(trade[f"{leg}_{way}{ending}"]) for way in ("entry", "exit")))

    return [
        f"{trade['trade_id']:,}",
        stacked(label_of(trade["side"]), label_of(trade["exit_reason"])),
        stacked(*(tag("span", second(trade[key]), class_="w") for key in ("entry_ts", "exit_ts"))),
        stacked(f"{trade['contracts']:,}", f"{trade['shares']:,}"),
        prices("fut", "_signal"), prices("fut", ""), prices("etf", "_signal"), prices("etf", ""),
        money(trade["slippage"]),
        UNKNOWN if trade["entry_implied_repo"] is None else percent(trade["entry_implied_repo"], 2),
        paid(trade["commission"]), stacked(money(trade["gross_pnl"]), money(trade["net_pnl"])),
    ]  # fmt: skip


def open_section(trades: Sequence[Record], symbols: Sequence[str]) -> Markup:
    """Returns the table of open pairs."""
    fut, etf = symbols
    rows = [
        [
            f"{trade['trade_id']:,}", label_of(trade["side"]), label_of(trade["phase"]),
            clock(trade["entry_ts"]), f"{trade['contracts']:,}", f"{trade['shares']:,}",
            price(trade["fut_entry"]), price(trade["etf_entry"]), paid(trade["commission"]),
        ]
        for trade in trades
    ]  # fmt: skip
    head = ["no.", "side", "phase", "since (UTC)", fut, etf, f"{fut} in", f"{etf} in", "commission so far"]
    made = table("Open pairs; their P&L counts here once they are closed", head, rows, numbers=range(4, 9))
    return section("open", "Still open", made)


def model_section(model: Record) -> Markup:
    """Returns the bot's trades beside those of a backtest of its recorded quotes."""
    shown, left_out = ends(model["trades"], "trade", "--json has all of them.")
    rows = [
        [
            f"{each['trade_id']:,}", label_of(each["side"]),
            stacked(*(tag("span", second(each[key]), class_="w") for key in ("entry_ts", "exit_ts"))),
            *(
                UNKNOWN if each[key] is None else money(each[key])
                for key in ("decided", "filled", "slippage")
            ),
            paid(each["cost"]), money(each["net"]),
            *(UNKNOWN if each[key] is None else money(each[key]) for key in ("model_net", "unexplained")),
        ]
        for each in shown
    ]  # fmt: skip
    foot = [
        "All", f"{model['matched']:,} the same", "", "", "",
        UNKNOWN if model["slippage"] is None else money(model["slippage"]), paid(model["cost"]), "",
        money(model["model_net"]), UNKNOWN if model["unexplained"] is None else money(model["unexplained"]),
    ]  # fmt: skip
    head = ["no.", "side", "in, out (UTC)", "decided", "filled", "slippage", "cost", "net", "the model's net",
            "unexplained"]  # fmt: skip
    others = plural(len(model["only_model"]), "trade")
    caption = (
        f"Beside the backtest of {plural(model['rows'], 'recorded row')}, in USD; the bot did not make "
        f"{others} of the backtest"
    )
    made = table(
        caption, head, rows, numbers=range(3, len(head)), left_out=left_out, dense=True, foot=foot
    )
    return section("model", "The backtest of the same quotes", made)


def orders_section(by_role: Mapping[str, Mapping[str, int]]) -> Markup:
    """Returns the number of orders by role and final state."""
    states = sorted({state for counts in by_role.values() for state in counts})
    rows = [
        [role, *(f"{counts.get(state, 0):,}" for state in states), f"{sum(counts.values()):,}"]
        for role, counts in sorted(by_role.items())
    ]
    head = ["role", *states, "all"]
    made = table(
        "Orders by role and state", head, rows, numbers=range(1, len(head))
    )
    return section("orders", "Orders", made)


def executions_section(
    executions: Sequence[Record], signal_price: Callable[[Record], float | None]
) -> Markup:
    """Returns the executions, each beside the limit price of its order."""
    shown, left_out = ends(executions, "execution", "the store has all of them.")
    rows = [
        [
            clock(one["ts"]), one["order_ref"] or "not ours", one["symbol"], one["side"].lower(),
            f"{one['quantity']:,}", price(signal_price(one), "none"), price(one["price"]),
            paid(one["commission"]),
        ]
        for one in shown
    ]  # fmt: skip
    head = ["time (UTC)", "order", "leg", "side", "quantity", "limit", "price", "commission"]
    made = table(
        f"{plural(len(executions), 'execution')}",
        head,
        rows,
        numbers=range(4, 8),
        left_out=left_out,
        dense=True,
    )
    return section("executions", "Executions", made)


def days_section(found: Record) -> Markup:
    """Returns P&L by leg and by New York date."""
    rows = [
        [
            day["date"], f"{day['trades']:,}", f"{day['executions']:,}",
            *(money(day["legs"][symbol]) for symbol in found["legs"]), money(day["gross_pnl"]),
            paid(day["commissions"]), money(day["net_pnl"]),
        ]
        for day in found["days"]
    ]  # fmt: skip
    legs = found["legs"]
    foot = [
        "All", f"{found['trades']:,}",
        datum(found["executions"], f"{found['executions']:,}", key="executions"),
        *(money(leg["gross_pnl"], key=f"{symbol}_gross_pnl") for symbol, leg in legs.items()),
        money(found["gross_pnl"], key="gross_pnl"), paid(found["commissions"]), money(found["net_pnl"]),
    ]  # fmt: skip
    head = ["New York date", "closed", "executions", *legs, "gross", "commissions", "net"]
    caption = "Closed trades by the date of their exit, in USD"
    return section("days", "Day by day", table(caption, head, rows, numbers=range(1, len(head)), foot=foot))


def alarms_section(events: Sequence[Record]) -> Markup:
    """Returns the first and the last alarms with their texts."""
    alarms = [event for event in events if event["level"] == "alarm"]
    shown, left_out = ends(alarms, "alarm", "the store has all of them.")
    rows: list[Sequence[object]] = [[clock(one["ts"]), one["kind"], one["text"]] for one in shown]
    if not rows:
        return section("alarms", "Alarms", tag("p", "There were none."))
    made = table(plural(len(alarms), "alarm"), ["time (UTC)", "kind", "text"], rows, left_out=left_out)
    return section("alarms", "Alarms", made)


def price(value: float | None, nothing: str = UNKNOWN) -> str:
    """Formats a price with two to six decimals, as many as it has."""
    if value is None:
        return nothing
    text = f"{value:,.6f}".rstrip("0")
    return text if len(text.partition(".")[2]) >= 2 else f"{value:,.2f}"
