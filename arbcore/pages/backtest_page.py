"""The page of a backtest: what it came to, its pictures, its tables, and what it does not say.

A pure function of the result's document, the envelope of the run and the digest of its trades.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from arbcore.core.text import time_span
from arbcore.pages.backtest_charts import basis_section, distribution_figure, equity_section, split_figure
from arbcore.pages.backtest_tables import ledger_section, months_section, statistics_section
from arbcore.pages.ledger_digest import LedgerDigest
from arbcore.pages.markup import Markup, datum, number, percent, tag
from arbcore.pages.page import bullets, facts, heading, page, pair, section, signed, table
from arbcore.pages.words import data_rows, label_of, level_rows, parameters, period, readable
from arbcore.pages.zoom import SCRIPT

_SIDES = {"cash_and_carry": "cash and carry (short ES, long SPY)", "reverse": "reverse (long ES, short SPY)"}


def backtest_page(
    summary: Mapping[str, Any],
    *,
    name: str,
    notes: Sequence[str],
    envelope: Mapping[str, Sequence[Any]],
    ledger: LedgerDigest,
    version: str,
) -> str:
    """A self-contained HTML document.

    ``summary`` is the JSON document of the result, ``name`` what was read, ``envelope`` the columns of
    ``arbcore.research._envelope``, ``ledger`` the digest of every trade. All text is escaped here.
    """
    parts: list[object] = [
        heading("arbcore \N{MIDDLE DOT} backtest", name, lede=_lede(summary), detail=_detail(summary)),
        _facts(summary),
    ]
    if summary["trades"] or summary["open_position"] is not None:
        parts.append(equity_section(summary, envelope))
    if envelope["first_ns"]:
        parts.append(basis_section(summary, envelope))
    if summary["trades"]:
        parts += [_profit(summary, ledger), months_section(summary, ledger)]
    if summary["open_position"] is not None:
        parts.append(_open_position(summary["open_position"]))
    parts.append(statistics_section(summary))
    noted = tag("div", tag("h3", "Notes"), bullets(notes)) if notes else ""
    rows = tag("div", data_rows(summary), level_rows(summary), noted)
    parts.append(
        section("asked", "What was asked, of what data", pair(parameters(summary["params"]), rows))
    )
    if summary["trades"]:
        parts.append(ledger_section(summary, ledger))
    parts.append(_model(summary["params"]))
    return page(*parts, title=f"Backtest: {name}", version=version, script=SCRIPT)


def _lede(summary: Mapping[str, Any]) -> str:
    if not summary["rows_used"]:
        return "There is no usable row; nothing could be traded."
    if not summary["trades"]:
        return (
            "No trade was opened and closed."
            if summary["open_position"] is None
            else f"One position was opened and is still open, {_usd(summary['unrealised_pnl'])} so far."
        )
    verb = "made" if summary["net_pnl"] >= 0 else "lost"
    net = number(abs(summary["net_pnl"]))
    trades = "One trade" if summary["trades"] == 1 else f"{summary['trades']:,} trades"
    won = "" if summary["trades"] == 1 else f", {summary['wins']:,} of them won,"
    return (
        f"{trades}{won} {verb} {net} USD after {number(summary['costs'])} USD of costs."
        + (" A position is still open." if summary["open_position"] is not None else "")
    )


def _detail(summary: Mapping[str, Any]) -> str:
    expiries = summary["expiries"]
    if not expiries:
        return period(summary)
    shown = readable(expiries[0]) if len(expiries) == 1 else f"{len(expiries)} contracts"
    return f"{period(summary)}, {'expiry ' if len(expiries) == 1 else ''}{shown}"


def _usd(value: float) -> str:
    return f"{number(value, signed=True)} USD"


def _facts(summary: Mapping[str, Any]) -> Markup:
    trades, net = summary["trades"], summary["net_pnl"]
    net_shown = signed(datum(net, number(net, signed=True), key="net_pnl"), net)
    won = percent(summary["wins"] / trades) if trades else None
    items: list[tuple[str, object, object]] = [
        ("Net P&L", net_shown, "USD, closed trades"),
        ("Trades", datum(trades, f"{trades:,}", key="trades"), f"{won} won" if won else "none closed"),
        ("Largest drawdown", _datum(summary, "max_drawdown"),
         f"USD, longest {time_span(summary['max_drawdown_s'])}"),
        ("Sharpe", _datum(summary, "sharpe"), "a year, of daily changes"),
        ("Profit factor", _datum(summary, "profit_factor"), "won over lost"),
        ("Exposure", datum(summary["exposure"], percent(summary["exposure"]), key="exposure"),
         "of rows with a position"),
    ]  # fmt: skip
    return facts(items)


def _datum(summary: Mapping[str, Any], key: str) -> Markup:
    return datum(summary[key], number(summary[key]), key=key)


def _profit(summary: Mapping[str, Any], ledger: LedgerDigest) -> Markup:
    made = pair(split_figure(summary), distribution_figure(summary, ledger))
    return section("profit", "Where the P&L comes from", made)


def _open_position(position: Mapping[str, Any]) -> Markup:
    shown = dict(position)
    rows = [
        ["side", _SIDES[shown.pop("side")]],
        ["since", readable(shown.pop("entry_ts"))],
        ["expiry", readable(shown.pop("expiry_ts"))],
    ]
    rows += [
        [label_of(key), number(value) if isinstance(value, float) else f"{value:,}"]
        for key, value in shown.items()
        if isinstance(value, int | float)
    ]
    text = (
        "The data ended with this position. It is marked at the mids of the last row, with the half of its "
        "cost that entering charged; it counts in the equity, and neither in the trades nor in the net P&L."
    )
    made = table("Prices in points and USD, P&L in USD", ["what", "value"], rows)
    return section("open", "Still open", pair(tag("p", text), made))


def _model(params: Mapping[str, Any]) -> Markup:
    """What a result like this one does and does not model, by its settings."""
    times = "\N{MULTIPLICATION SIGN}"
    at_mid = params["fill"] == "mid"
    slipped = params["es_slippage_ticks"] or params["spy_slippage_ticks"]
    late = params["es_latency_rows"] or params["spy_latency_rows"]
    fees = params["es_fee"] or params["spy_fee"] or params["spy_fee_min"]
    carried = params["funding_rate"] or params["borrow_rate"]
    does = [
        f"Fair value is SPY {times} factor {times} e^((r \N{MINUS SIGN} d)t), t in years to the expiry.",
        "Fills at the mid of both legs, which nobody is promised." if at_mid
        else "Every entry and exit crosses the spread of both legs, at the quotes of a row.",
        "Slippage beyond that, in ticks a fill." if slipped else "No slippage beyond that.",
        "Each leg is filled its latency in rows after the row that decided." if late
        else "No latency: the row that decides is the row that fills.",
        "Costs as given, half at entry and half at exit; equity is marked at mids on every row.",
        "Fees of each leg as given, besides." if fees else "No fees but the costs.",
        "Financing of the SPY leg and borrow at the rates given." if carried
        else "No financing of the SPY leg, and no borrow fee.",
        "Dividends held through are paid and received." if params["dividends"]
        else "No dividends are booked; the yield is in fair value only.",
    ]  # fmt: skip
    does_not = [
        "The size behind a quote, queues, partial fills, and what one's own orders do to the market.",
        "Margin, its variation from day to day, recalls of borrowed shares, taxes, and halts.",
        "Whether the quotes could be had: both legs are taken to be there at a row's time.",
        "Settlement in the opening auction: a position is closed at the first row at or after its expiry.",
    ]
    return section(
        "model", "What this models, and what it does not",
        pair(tag("div", tag("h3", "It models"), bullets(does)),
             tag("div", tag("h3", "It does not"), bullets(does_not))),
    )  # fmt: skip
