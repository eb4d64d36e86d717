"""The carry bot's page: its quotes, signals, orders, executions and P&L.

A pure function of the report's document and of the rows for the charts.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from arbcore.core.civil import read_time
from arbcore.core.text import plural
from arbcore.pages.markup import Markup, datum, number, percent
from arbcore.pages.page import bullets, facts, heading, page, section
from arbcore.pages.report_charts import Stretch, pnl_section, signal_section, states_section
from arbcore.pages.report_tables import (
    UNKNOWN,
    alarms_section,
    days_section,
    executions_section,
    model_section,
    money,
    open_section,
    orders_section,
    paid,
    trades_section,
)
from arbcore.pages.words import readable
from arbcore.pages.zoom import SCRIPT

Record = Mapping[str, Any]
_NOTES = (
    "P&L is worked out from executions and their commissions, never from what the bot expected.",
    "A commission not reported yet is unknown, and so is every sum with it; unknown is never shown as 0.",
    "Slippage compares each fill with the price of its leg at the decision: the limit of the first order.",
    "Days are New York's, as the exchange and the daily loss limit count them.",
)


def report_page(
    found: Record,
    *,
    name: str,
    signals: Sequence[Record],
    events: Sequence[Record],
    orders: Sequence[Record],
    executions: Sequence[Record],
    version: str,
) -> str:
    """Returns a self-contained HTML document from the report's JSON ``found`` and the store's rows."""
    account = f"{found['mode']} account {found['account']}"
    parts: list[object] = [
        heading(
            "arbcore \N{MIDDLE DOT} carry bot", name, lede=_lede(found),
            detail=f"{account}, {_period(found)}",
        ),
        _facts(found),
    ]  # fmt: skip
    if found["first_ts"] is not None:
        parts += _pictures(found, signals, events)
    if found["closed_trades"]:
        parts.append(trades_section(found["closed_trades"], list(found["legs"])))
    if found["open_trades"]:
        parts.append(open_section(found["open_trades"], list(found["legs"])))
    if found.get("model"):
        parts.append(model_section(found["model"]))
    if found["days"]:
        parts.append(days_section(found))
    if found["orders_by_role"]:
        parts.append(orders_section(found["orders_by_role"]))
    if executions:
        limits = {order["order_ref"]: order["limit_price"] for order in orders}
        parts.append(executions_section(executions, lambda one: limits.get(one["order_ref"])))
    parts += [alarms_section(events), section("notes", "How to read this", bullets(_NOTES))]
    return page(*parts, title=f"Carry bot: {name}", version=version, script=SCRIPT)


def _pictures(found: Record, signals: Sequence[Record], events: Sequence[Record]) -> list[Markup]:
    stretch = Stretch(read_time(found["first_ts"]), read_time(found["last_ts"]))
    trades = found["closed_trades"]
    return [
        *([pnl_section(trades, found.get("model"), stretch)] if trades else []),
        states_section(found["states"], events, stretch),
        signal_section(signals, stretch, found["signals"]["refused"], future=next(iter(found["legs"]))),
    ]


def _period(found: Record) -> str:
    if found["first_ts"] is None:
        return "nothing happened yet"
    first, last = (readable(found[key]) for key in ("first_ts", "last_ts"))
    return f"{first} to {last}"


def _lede(found: Record) -> str:
    count, net = found["trades"], found["net_pnl"]
    held = " A position is still open." if found["open_trades"] else ""
    if not count:
        return f"No pair was opened and closed.{held}"
    adjusted = found["adjusted_trades"]
    if adjusted:
        held += (
            f" {plural(adjusted, 'trade')} of these {'was' if adjusted == 1 else 'were'} closed by hand or "
            "at expiry at prices that are not known, and are in no sum."
        )
    trades = "One trade" if count == 1 else f"{count:,} trades"
    if net is None:
        missing = plural(found["commissions_unknown"], "commission")
        return (
            f"{trades} closed, {number(found['gross_pnl'], signed=True)} USD before commissions; the net is "
            f"unknown while {missing} {'is' if found['commissions_unknown'] == 1 else 'are'}.{held}"
        )
    won = "" if count == 1 else f", {found['wins']:,} of them won,"
    verb = "made" if net >= 0 else "lost"
    return (
        f"{trades}{won} {verb} {number(abs(net))} USD after {number(found['commissions'])} USD of "
        f"commissions.{held}"
    )


def _won(found: Record) -> str:
    if not found["trades"]:
        return "none closed"
    # A trade with unknown commissions counts neither as won nor as lost.
    if found["net_pnl"] is None:
        return f"won: {UNKNOWN}"
    return f"{percent(found['wins'] / found['trades'])} won"


def _facts(found: Record) -> Markup:
    count = found["trades"]
    alarms = sum(found["alarms"].values())
    acted = sum(found["signals"]["acted_on"].values())
    refused = sum(found["signals"]["refused"].values())
    held = found["positions"]
    sides = ", ".join(
        f"{leg} {quantity:+,}".replace("-", "\N{MINUS SIGN}") for leg, quantity in held.items() if quantity
    )
    missing = found["commissions_unknown"]
    items: list[tuple[str, object, object]] = [
        ("Net P&L", money(found["net_pnl"], key="net_pnl"), "USD, closed trades"),
        ("Trades", datum(count, f"{count:,}", key="trades"), _won(found)),
        ("Slippage", money(found["slippage"], key="slippage"), "USD, against the signals"),
        ("Commissions", paid(found["commissions"], key="commissions"),
         f"USD, {missing:,} of {found['executions']:,} {UNKNOWN}" if missing else "USD"),
        ("Signals", f"{acted + refused:,}", f"{acted:,} acted on, {refused:,} refused"),
        ("Alarms", f"{alarms:,}", f"{found['run']['words']}; holds {sides or 'nothing'}"),
    ]  # fmt: skip
    return facts(items)
