"""Compares the bot's trades with those of a backtest on the quotes that it recorded.

A shell: it reads the recording. The bot wrote the settings into its store. Owns the matching of the bot's
trades to the backtest's, and the causes of the difference in money.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from arbcore.broker.plan import Plan
from arbcore.carry.pairs import Pair
from arbcore.carry.terms import Yields
from arbcore.core.civil import iso_time, read_time
from arbcore.core.text import plural, printable
from arbcore.errors import InputError, UsageError
from arbcore.quotes.backtest_run import backtest

#: The store's keys of the two facts that a comparison needs.
SETTINGS, RECORDING = "settings", "recording"
#: How many of the last trades the summary shows; the JSON document has all.
TRADES_SHOWN = 20
#: Most characters of a line.
LINE_MAX = 2_000
#: Settings of a backtest that are tuples, which JSON stores as lists.
_TUPLES = ("rates", "yields", "dividends")

Record = dict[str, Any]


def facts_of(plan: Plan, rate: float | None) -> dict[str, str]:
    """The facts of a run that its backtest needs, for the store: the settings, and the file of its quotes.

    Args:
        plan: the run's plan.
        rate: FRED's rate; None while the setting's rate is used.
    """
    desk, rates, dividends = plan.desk, plan.rates, plan.dividends
    values: Record = {
        name: getattr(desk, name)
        for name in (
            "factor", "financing_spread_bps", "entry_bps", "exit_bps", "cost_bps", "stop_bps",
            "max_hold_days", "cooldown_s", "contracts", "funding_rate", "short_rate", "borrow_rate",
        )
    }  # fmt: skip
    if desk.broker_rates:
        values["fees"] = "ibkr"
    if rates is not None:
        values["rates"] = (rates.name, rates.quoting.value, rates.days, rates.values)
    else:
        values["r"] = desk.r if rate is None else rate
    if isinstance(dividends, Yields):
        values["d"], values["yields"] = dividends.default, tuple(sorted(dividends.by_expiry_day.items()))
    elif dividends is not None:
        values["dividends"] = [(each.ex_ns, each.amount, each.points) for each in dividends]
    else:
        values["d"] = desk.d
    facts = {SETTINGS: json.dumps(values)}
    if plan.record is not None:
        facts[RECORDING] = str(plan.record.absolute())
    return facts


def quotes_of(meta: Mapping[str, str], given: Path | None) -> Path | None:
    """The recorded quotes: ``given``, or the bot's own file if it still exists; else None."""
    if given is not None:
        return given
    known = Path(meta.get(RECORDING, ""))
    return known if known.is_file() else None


def against_model(
    trades: Sequence[Record], meta: Mapping[str, str], *, quotes: Path, pair: Pair
) -> Record:
    """Compares the bot's closed trades with those of the backtest on its quotes.

    Args:
        trades: the report's trades, with their money.
        meta: the store's facts.
        quotes: the recorded quotes.
        pair: the store's pair.

    Returns:
        ``trades``, one for each of the bot's, in USD: ``decided`` (gross at the prices of the decisions),
        ``filled``, ``slippage``, ``cost`` and ``net``, and of the same trade in the backtest ``model_net``
        and ``model_cost``; ``unexplained`` is the difference of both nets less slippage and the difference of
        costs. It is None, as the model's numbers are, if the backtest has no such trade. ``only_model`` are
        the backtest's other trades.

    Raises:
        UsageError: the store has no settings.
        InputError: the quotes, or the settings in the store, cannot be read.
    """
    if SETTINGS not in meta:
        raise UsageError(
            "The store has no settings of its bot, because an older version wrote it; run the bot on it "
            "once, then compare."
        )
    result = backtest(quotes, pair=pair.name, **_settings(meta[SETTINGS]))
    table = result.trades
    names = () if table is None else tuple(table)
    model = [] if table is None else [
        dict(zip(names, row, strict=True)) for row in zip(*(table[name] for name in names), strict=True)
    ]  # fmt: skip
    left = list(model)
    found = [_beside(trade, _take(trade, left), pair.multiplier) for trade in trades]
    both = [each for each in found if each["model_net"] is not None]
    return {
        "quotes": str(quotes),
        "rows": result.summary["rows"],
        "warming_up": result.summary["warming_up"],
        "trades": found,
        "matched": len(both),
        "only_model": [
            {"side": each["side"], "entry_ts": iso_time(each["entry_ts"]),
             "exit_ts": iso_time(each["exit_ts"]), "net_pnl": each["net_pnl"]}
            for each in left
        ],
        "model_net": sum(each["net_pnl"] for each in model),
        **{
            name: _sum(each[name] for each in both)
            for name in ("slippage", "cost", "model_cost", "unexplained")
        },
    }  # fmt: skip


def _settings(text: str) -> Record:
    try:
        values = json.loads(text)
        return {
            name: tuple(tuple(each) if isinstance(each, list) else each for each in value)
            if name in _TUPLES else value
            for name, value in values.items()
        }  # fmt: skip
    except (ValueError, AttributeError, TypeError) as error:
        raise InputError(
            f"The store's settings cannot be read ({printable(str(error))}); restore a copy of the store."
        ) from error


def _take(trade: Record, left: list[Record]) -> Record | None:
    """The same trade in the backtest: on the same side and held at a common time.

    Of several, takes the one with the nearest entry; each is taken once.
    """
    entry_ns, exit_ns = read_time(trade["entry_ts"]), read_time(trade["exit_ts"])
    fits = [
        each for each in left
        if each["side"] == trade["side"] and each["entry_ts"] <= exit_ns and entry_ns <= each["exit_ts"]
    ]  # fmt: skip
    best = min(fits, key=lambda each: abs(each["entry_ts"] - entry_ns), default=None)
    if best is not None:
        left.remove(best)
    return best


def _beside(trade: Record, model: Record | None, multiplier: float) -> Record:
    net, slippage, cost = trade["net_pnl"], trade["slippage"], trade["commission"]
    unexplained = None
    if model is not None and None not in (net, slippage, cost):
        unexplained = net - model["net_pnl"] - slippage - (model["cost"] - cost)
    return {
        "trade_id": trade["trade_id"], "side": trade["side"],
        "entry_ts": trade["entry_ts"], "exit_ts": trade["exit_ts"],
        "model_entry_ts": None if model is None else iso_time(model["entry_ts"]),
        "model_exit_ts": None if model is None else iso_time(model["exit_ts"]),
        "decided": _decided(trade, multiplier), "filled": trade["gross_pnl"], "slippage": slippage,
        "cost": cost, "net": net,
        "model_cost": None if model is None else model["cost"],
        "model_net": None if model is None else model["net_pnl"],
        "unexplained": unexplained,
    }  # fmt: skip


def _decided(trade: Record, multiplier: float) -> float | None:
    """Gross at the prices of the decisions; None if a decision had no price."""
    prices = [trade[f"{leg}_{way}_signal"] for leg in ("fut", "etf") for way in ("entry", "exit")]
    if None in prices:
        return None
    fut_entry, fut_exit, etf_entry, etf_exit = prices
    side = 1.0 if trade["side"] == "reverse" else -1.0
    points = trade["contracts"] * multiplier * (fut_exit - fut_entry)
    return float(side * (points - trade["shares"] * (etf_exit - etf_entry)))


def _sum(values: Any) -> float | None:
    """The sum; None if a part is unknown."""
    known = list(values)
    return None if None in known else float(sum(known))


def model_lines(model: Record) -> list[str]:
    """The comparison as lines of text."""

    def usd(value: float | None) -> str:
        return "unknown" if value is None else f"{value:+,.2f}"

    on = f"{plural(model['rows'], 'row')} of {model['quotes']} ({model['warming_up']:,} warming up)"
    of = f"{model['matched']:,} of {plural(len(model['trades']), 'trade')}"
    cost = f"{usd(model['cost'])} (the model's {usd(model['model_cost'])})"
    rest = usd(model["unexplained"])
    lines = [
        f"  the model       {usd(model['model_net'])} USD on {on}",
        f"    the same      {of}: slippage {usd(model['slippage'])}, cost {cost}, unexplained {rest}",
    ]
    if model["only_model"]:
        nets = sum(each["net_pnl"] for each in model["only_model"])
        lines.append(f"    only the model's  {plural(len(model['only_model']), 'trade')}, net {usd(nets)}")
    left_out = len(model["trades"]) - TRADES_SHOWN
    if left_out > 0:
        lines.append(f"    the first {plural(left_out, 'trade')} left out here; --json has all")
    names = (
        ("decided", "decided"), ("filled", "filled"), ("slippage", "slippage"), ("cost", "cost"),
        ("net", "net"), ("the model's", "model_net"), ("unexplained", "unexplained"),
    )  # fmt: skip
    lines += [
        f"    pair {each['trade_id']} {each['entry_ts']}: "
        + ", ".join(f"{word} {usd(each[name])}" for word, name in names)
        for each in model["trades"][-TRADES_SHOWN:]
    ]
    return [printable(line, LINE_MAX) for line in lines]
