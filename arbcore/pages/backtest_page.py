"""The page of a backtest: the result, charts, tables, and what the backtest does not model.

A pure function of the result's document, the envelope of the run and the digest of its trades. Each bucket of
an envelope is drawn from its least to its largest value, so extremes are visible for any number of rows.
"""

import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from arbcore.core.civil import iso_time
from arbcore.core.ledger_columns import LedgerRow
from arbcore.core.result_documents import BacktestSummary, HeldPosition
from arbcore.core.text import plural, time_span
from arbcore.pages.chart import Chart, legend, swatch
from arbcore.pages.drawdowns import drawdown_table, falls_of
from arbcore.pages.ledger_digest import LedgerDigest, Month
from arbcore.pages.markup import Markup, datum, number, percent, tag
from arbcore.pages.page import bullets, facts, figure, heading, page, pair, section, signed, stacked, table
from arbcore.pages.rolling import rolling_section
from arbcore.pages.scale import MONTHS, Scale, TimeAxis, moment, unit_of
from arbcore.pages.series import Envelope, coarsened
from arbcore.pages.words import (
    data_rows,
    label_of,
    level_rows,
    parameters,
    period,
    readable,
    sentence_case,
    statistic,
)
from arbcore.pages.zoom import SCRIPT

_SIDES = {"cash_and_carry": "cash and carry", "reverse": "reverse"}
_LEGS = {"cash_and_carry": "short {0}, long {1}", "reverse": "long {0}, short {1}"}
#: More months than this are shown as a grid with one row per year.
_LIST_MAX = 12
_GROUPS = (
    ("Of the P&L, in USD", (
        "gross_pnl", "basis_pnl", "carry_pnl", "slippage_pnl", "costs", "fees", "financing", "dividends",
        "net_pnl", "open_pnl", "total_pnl", "unrealised_pnl", "final_equity",
    )),
    ("Of the run", (
        "trades", "wins", "expectancy", "profit_factor", "average_hold_s", "exposure", "max_drawdown",
        "max_drawdown_s", "sharpe", "sortino", "calmar", "warming_up", "sharpe_dates",
    )),
)  # fmt: skip
#: Keys of the document that are shown elsewhere on the page.
_ELSEWHERE = {
    "schema", "rows", "rows_used", "rows_skipped", "first_ts", "last_ts", "params", "expiries",
    "exit_reasons", "open_position",
}  # fmt: skip
#: Keys of the headline numbers; a key is given only once on the page.
_HEADLINES = {"net_pnl", "trades", "max_drawdown", "sharpe", "profit_factor", "exposure"}


def backtest_page(
    summary: BacktestSummary,
    *,
    name: str,
    notes: Sequence[str],
    envelope: Envelope,
    ledger: LedgerDigest,
    closes: Sequence[tuple[int, float]],
    version: str,
) -> str:
    """Returns a self-contained HTML document.

    ``summary`` is the JSON document of the result, ``name`` names the data, ``envelope`` has the columns of
    ``arbcore.research._envelope``, ``ledger`` the digest of every trade, and ``closes`` the end of each UTC
    date in nanoseconds with its last equity in USD. All text is escaped here.
    """
    parts: list[object] = [
        heading("arbcore \N{MIDDLE DOT} backtest", name, lede=_lede(summary), detail=_detail(summary)),
        _facts(summary),
    ]
    if summary["trades"] or summary["open_position"] is not None:
        parts += [equity_section(summary, envelope), *rolling_section(closes)]
    if envelope["first_ns"]:
        parts.append(basis_section(summary, envelope))
    if summary["trades"]:
        parts += [_profit(summary, ledger), months_section(summary, ledger)]
    if summary["open_position"] is not None:
        parts.append(_open_position(summary["open_position"], summary["params"]))
    parts.append(statistics_section(summary))
    noted = tag("div", tag("h3", "Notes"), bullets(notes)) if notes else ""
    rows = tag("div", data_rows(summary), level_rows(summary), noted)
    parts.append(
        section("asked", "Settings and data", pair(parameters(summary["params"]), rows))
    )
    if summary["trades"]:
        parts.append(ledger_section(summary, ledger))
    parts.append(_model(summary["params"]))
    return page(*parts, title=f"Backtest: {name}", version=version, script=SCRIPT)


def _lede(summary: BacktestSummary) -> str:
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


def _detail(summary: BacktestSummary) -> str:
    expiries = summary["expiries"]
    if not expiries:
        return period(summary)
    shown = readable(expiries[0]) if len(expiries) == 1 else f"{len(expiries)} contracts"
    return f"{period(summary)}, {'expiry ' if len(expiries) == 1 else ''}{shown}"


def _usd(value: float) -> str:
    return f"{number(value, signed=True)} USD"


def _facts(summary: BacktestSummary) -> Markup:
    trades, net = summary["trades"], summary["net_pnl"]
    net_shown = signed(datum(net, number(net, signed=True), key="net_pnl"), net)
    won = percent(summary["wins"] / trades) if trades else None
    items: list[tuple[str, object, object]] = [
        ("Net P&L", net_shown, "USD, closed trades"),
        ("Trades", datum(trades, f"{trades:,}", key="trades"), f"{won} won" if won else "none closed"),
        ("Largest drawdown", _datum(summary["max_drawdown"], "max_drawdown"),
         f"USD, longest {time_span(summary['max_drawdown_s'])}"),
        ("Sharpe", _datum(summary["sharpe"], "sharpe"), "a year, of daily changes"),
        ("Profit factor", _datum(summary["profit_factor"], "profit_factor"), "won over lost"),
        ("Exposure", datum(summary["exposure"], percent(summary["exposure"]), key="exposure"),
         "of rows with a position"),
    ]  # fmt: skip
    return facts(items)


def _datum(value: float | None, key: str) -> Markup:
    return datum(value, number(value), key=key)


def _profit(summary: BacktestSummary, ledger: LedgerDigest) -> Markup:
    made = pair(split_figure(summary), distribution_figure(summary, ledger))
    return section("profit", "Where the P&L comes from", made)


def _open_position(position: HeldPosition, params: Mapping[str, object]) -> Markup:
    legs = _LEGS[position["side"]].format(*symbols(params))
    rows = [
        ["side", f"{_SIDES[position['side']]} ({legs})"],
        ["since", readable(position["entry_ts"])],
        ["expiry", readable(position["expiry_ts"])],
    ]
    rows += [
        [label_of(key), number(value) if isinstance(value, float) else f"{value:,}"]
        for key, value in position.items()
        if isinstance(value, int | float)
    ]
    text = (
        "The data ended with this position. It is marked at the mids of the last row, with the half of its "
        "cost that entering charged; it counts in the equity, and neither in the trades nor in the net P&L."
    )
    made = table("Prices in points and USD, P&L in USD", ["what", "value"], rows)
    return section("open", "Still open", pair(tag("p", text), made))


def symbols(params: Mapping[str, object]) -> tuple[str, str]:
    """Returns the symbols of the future and the ETF, such as ES and SPY, from the name of the pair."""
    future, _, etf = str(params["pair"]).upper().partition("-")
    return future, etf


def _financing(params: Mapping[str, object]) -> str:
    """Describes the interest that is paid and received on the ETF leg."""
    etf = symbols(params)[1]
    if params["fees"]:
        return f"{etf} is financed by settlement days at the broker's rates."
    rate = params["funding_rate"]
    long = "the run's rate at the entry" if rate is None else f"{rate:g} a year"
    short, borrow = f"{params['short_rate']:g}", f"{params['borrow_rate']:g}"
    return (
        f"{etf} is financed by settlement days: a long pays {long}, a short receives {short} a year less "
        f"{borrow} for the borrow."
    )


def _model(params: Mapping[str, object]) -> Markup:
    """Describes what a backtest with these settings models and what it does not."""
    times = "\N{MULTIPLICATION SIGN}"
    at_mid = params["fill"] == "mid"
    slipped = params["es_slippage_ticks"] or params["spy_slippage_ticks"]
    late = params["es_latency_rows"] or params["spy_latency_rows"]
    fees = params["es_fee"] or params["spy_fee"] or params["spy_fee_min"]
    future, etf = symbols(params)
    growth = f"e^(r{times}t)" if params["dividends"] else f"e^((r \N{MINUS SIGN} d){times}t)"
    price = f"({etf} \N{MINUS SIGN} dividends to come)" if params["dividends"] else etf
    does = [
        f"Fair value of {future} is {price} {times} level {times} {growth}, t in years to the expiry.",
        "Fills at the mid of both legs, which no market offers." if at_mid
        else "Every entry and exit crosses the spread of both legs, at the quotes of a row.",
        "Slippage beyond that, in ticks a fill." if slipped else "No slippage beyond that.",
        "Each leg is filled its latency in rows after the row that decided." if late
        else "No latency: the row that decides is the row that fills.",
        "Costs as given, half at entry and half at exit; equity is marked at mids on every row.",
        "The broker's fee table is charged; the costs only raise the edge of an entry." if params["fees"]
        else "Fees of each leg as given, besides the costs." if fees else "No fees besides the costs.",
        _financing(params),
        "Dividends of a position held over an ex-date are booked." if params["dividends"]
        else "No dividends are booked; the yield is in fair value only.",
    ]  # fmt: skip
    does_not = [
        "The size behind a quote, queues, partial fills, and what one's own orders do to the market.",
        "Margin, its variation from day to day, recalls of borrowed shares, taxes, and halts.",
        "Whether the quotes could be traded at: both legs are assumed to be there at a row's time.",
        "Settlement in the opening auction: a position is closed at the first row at or after its expiry.",
    ]
    return section(
        "model", "What this models, and what it does not",
        pair(tag("div", tag("h3", "It models"), bullets(does)),
             tag("div", tag("h3", "It does not"), bullets(does_not))),
    )  # fmt: skip


# --- pictures ----------------------------------------------------------------------------------------


def equity_section(summary: BacktestSummary, envelope: Envelope) -> Markup:
    """Returns the charts of equity and of drawdown, on one time axis."""
    falls_found = falls_of(envelope)
    envelope = coarsened(envelope)
    axis = TimeAxis(envelope["first_ns"])
    lows, highs, lasts = (envelope[f"equity_{name}"] for name in ("min", "max", "last"))
    times = [moment(time_ns) for time_ns in axis.times_ns]
    final, low, high = summary["final_equity"], min(lows), max(highs)
    equity = Chart(
        key="equity", title="Equity", unit="Equity, USD", y=Scale.around([0.0, low, high]), height=260,
        labels=[(place, "") for place, _ in axis.labels()],
        description=f"From 0 to {number(final)} USD, lowest {number(low)}, highest {number(high)}.",
    )  # fmt: skip
    equity.band(axis.places, [0.0] * len(lasts), lasts, style="fill-curve")
    if list(lows) != list(highs):
        equity.band(axis.places, lows, highs, style="fill-range")
    equity.line(axis.places, lasts, style="line-curve")
    equity.rule(0.0, style="line-zero")
    equity.readouts(
        axis.places,
        [f"{time}  {_range(*values)} USD" for time, *values in zip(times, lows, highs, lasts, strict=True)],
    )
    falls = envelope["drawdown_max"]
    drawdown = Chart(
        key="drawdown", title="Drawdown", unit="Below the peak, USD", height=110, labels=axis.labels(),
        y=Scale(-1.08 * (max(falls) or 1.0), 0.0),
        description=f"The largest is {number(summary['max_drawdown'])} USD.",
    )  # fmt: skip
    under = [-fall for fall in falls]
    drawdown.band(axis.places, under, [0.0] * len(under), style="fill-loss")
    drawdown.line(axis.places, under, style="line-loss")
    drawdown.readouts(
        axis.places,
        [f"{time}  {number(fall)} USD below" for time, fall in zip(times, falls, strict=True)],
    )
    caption = (
        "Closed P&L and the open position at mids, after every row, less the costs charged so far; below it, "
        f"how far that is under its highest point. {_resolution(summary, envelope)}"
    )
    charts = figure(equity.markup(), drawdown.markup(), caption=caption)
    return section("equity-drawdown", "Equity", charts, drawdown_table(falls_found) if falls_found else "")


def basis_section(summary: BacktestSummary, envelope: Envelope) -> Markup:
    """Returns the chart of ES's deviation from fair value, with the no-trade band, entries and exits."""
    envelope = coarsened(envelope)
    lows, highs, lasts = (envelope[f"dev_{name}"] for name in ("min", "max", "last"))
    if not any(value is not None for value in lasts):
        text = "Every row went into calibrating the factor, so there is no deviation to show."
        return section("basis", "Basis against fair value", tag("p", text))
    params: Mapping[str, Any] = summary["params"]
    axis = TimeAxis(envelope["first_ns"])
    breaks = axis.breaks()
    leave = params["exit_bps"]
    y = _basis_scale(envelope)
    cc, reverse, left = _marks(axis, envelope)
    chart = Chart(
        key="basis", title="Basis against fair value", y=y, height=330,
        unit=f"Deviation of {symbols(params)[0]} from fair, bps", labels=axis.labels(),
        description=(
            f"From {number(min(value for value in lows if value is not None))} to "
            f"{number(max(value for value in highs if value is not None))} bps; {_entered(envelope)}."
        ),
    )  # fmt: skip
    chart.band(
        axis.places, _inside(envelope["lower_max"], y), _inside(envelope["upper_min"], y), style="fill-band",
        breaks=breaks,
    )  # fmt: skip
    if list(lows) != list(highs):
        chart.band(axis.places, lows, highs, style="fill-range", breaks=breaks)
    chart.line(axis.places, lasts, style="line-thin", breaks=breaks)
    chart.rule(0.0, style="line-zero")
    for value in {leave, -leave} - {0.0}:
        if y.low < value < y.high:
            chart.rule(value, style="line-exit")
    chart.marks(left, symbol="ring", style="mark-exit")
    chart.marks(cc, symbol="down", style="mark-cc")
    chart.marks(reverse, symbol="up", style="mark-reverse")
    chart.readouts(axis.places, _basis_texts(axis, envelope))
    keys = [
        (swatch("line-thin"), f"{symbols(params)[0]} mid against fair"),
        (swatch("fill-band"), "no entry at these prices"),
        (swatch("mark-cc", symbol="down"), "cash and carry entered"),
        (swatch("mark-reverse", symbol="up"), "reverse entered"),
        (swatch("mark-exit", symbol="ring"), "left"),
    ]
    if leave:
        keys.append((swatch("line-exit"), "exit threshold"))
    caption = (
        "Above zero the future is rich, below it cheap. The band is where the mid stays without an entry: "
        f"the edge wanted ({number(params['entry_bps'])} bps), the costs ({number(params['cost_bps'])} bps) "
        "and the row's own spreads on both legs. Where one place stands for several rows, the band is drawn "
        "at its narrowest. "
        f"{_resolution(summary, envelope)}"
    )
    return section(
        "basis", "Basis against fair value", figure(chart.markup(), caption=caption, legend=legend(*keys))
    )


def _basis_scale(envelope: Envelope) -> Scale:
    """A scale for all deviations, and for the band's median edges unless these are so far off that they
    would flatten the curve.
    """
    seen = [value for name in ("dev_min", "dev_max") for value in envelope[name] if value is not None]
    farthest = max(map(abs, seen))
    edges = [
        statistics.median([value for value in envelope[name] if value is not None])
        for name in ("upper_min", "lower_max")
    ]
    return Scale.around([*seen, 0.0, *(edge for edge in edges if abs(edge) < 4 * farthest)])


def _marks(axis: TimeAxis, envelope: Envelope) -> tuple[list[tuple[float, float]], ...]:
    """The points (share of the width, deviation) of each side's entries, and of the exits."""
    return tuple(
        [
            (place, dev)
            for place, count, dev in zip(axis.places, envelope[counts], envelope[devs], strict=True)
            if count
        ]
        for counts, devs in (
            ("cc_entries", "cc_entry_dev"), ("reverse_entries", "reverse_entry_dev"), ("exits", "exit_dev"),
        )
    )  # fmt: skip


def _entered(envelope: Envelope) -> str:
    cc, reverse = sum(envelope["cc_entries"]), sum(envelope["reverse_entries"])
    return (
        f"{cc:,} cash and carry and {reverse:,} reverse {'entry' if cc + reverse == 1 else 'entries'}, "
        f"{plural(sum(envelope['exits']), 'exit')}"
    )


def _basis_texts(axis: TimeAxis, envelope: Envelope) -> list[str]:
    texts = []
    for at, time_ns in enumerate(axis.times_ns):
        low, high, last = (envelope[f"dev_{name}"][at] for name in ("min", "max", "last"))
        did = [
            f"{count:,} {word}" if count > 1 else word
            for word, count in (
                ("cash and carry in", envelope["cc_entries"][at]),
                ("reverse in", envelope["reverse_entries"][at]),
                ("out", envelope["exits"][at]),
            )
            if count
        ]
        where = "calibrating" if last is None else f"{_range(low, high, last)} bps"
        texts.append("  ".join([moment(time_ns), where, *did]))
    return texts


def _inside(values: Sequence[float | None], y: Scale) -> list[float | None]:
    return [None if value is None else min(max(value, y.low), y.high) for value in values]


def _range(low: float, high: float, last: float) -> str:
    if low == high:
        return number(last, signed=True)
    return f"{number(low, signed=True)} to {number(high, signed=True)}, last {number(last, signed=True)}"


def _resolution(summary: BacktestSummary, envelope: Envelope) -> str:
    """A sentence on how many rows one point of a chart covers."""
    buckets, rows = len(envelope["first_ns"]), summary["rows_used"]
    gaps = "Time without rows is left out."
    if buckets >= rows:
        return gaps
    return (
        f"{rows:,} rows in {buckets:,} stretches of time, each drawn from its lowest to its highest value, "
        f"with a line through the last ones. {gaps}"
    )


def split_figure(summary: BacktestSummary) -> Markup:
    """Returns the chart of net P&L by part; each bar begins where the one before ended."""
    parts = [
        (word, value)
        for word, value in (
            ("basis", summary["basis_pnl"]), ("carry", summary["carry_pnl"]),
            ("slippage", summary["slippage_pnl"]), ("financing", summary["financing"]),
            ("dividends", summary["dividends"]), ("costs", -summary["costs"]),
        )
        if value or word in {"basis", "costs"}
    ]  # fmt: skip
    reached, spans = 0.0, []
    for word, value in parts:
        spans.append((word, value, reached, reached + value))
        reached += value
    spans.append(("net", summary["net_pnl"], 0.0, summary["net_pnl"]))
    y = Scale.around([0.0, *(edge for span in spans for edge in span[2:])], margin=0.12)
    wide = 1.0 / len(spans)
    places = [(at + 0.5) * wide for at in range(len(spans))]
    sums = "; ".join(f"{word} {number(value, signed=True)}" for word, value, *_ in spans)
    chart = Chart(
        key="split", title="Net P&L and its parts", unit="USD", y=y, height=230, description=f"{sums} USD.",
        labels=[], names=list(zip(places, [word for word, *_ in spans], strict=True)),
    )  # fmt: skip
    chart.spans(
        [(at * wide + 0.16 * wide, (at + 1) * wide - 0.16 * wide) for at in range(len(spans))],
        [span[2:] for span in spans],
        styles=[
            "bar-total" if word == "net" else "bar-gain" if value >= 0 else "bar-loss"
            for word, value, *_ in spans
        ],
        texts=[f"{word}: {number(value, signed=True)} USD" for word, value, *_ in spans],
        written=[_short(value) for _, value, *_ in spans],
    )
    chart.rule(0.0, style="line-zero")
    caption = "Of closed trades: what the basis, time and everything else made, less costs."
    return tag("div", tag("h3", "From the basis to the net"), figure(chart.markup(), caption=caption))


def _short(value: float) -> str:
    unit, name = unit_of(abs(value))
    return number(value / unit, 0 if unit == 1.0 and abs(value) >= 1000 else 2, signed=True) + name


def distribution_figure(summary: BacktestSummary, ledger: LedgerDigest) -> Markup:
    """Returns the histogram of net P&L per trade."""
    bins = ledger.nets.bins()
    low, high = bins[0][0], bins[-1][1]
    most = max(count for *_, count in bins)
    x = Scale(low, high)
    chart = Chart(
        key="distribution", title="Net P&L of single trades", unit="Trades", y=Scale(0.0, 1.08 * most),
        height=230, whole=True, labels=x.labels(5),
        description=(
            f"From {number(ledger.worst)} to {number(ledger.best)} USD, {number(summary['expectancy'])} on "
            f"average; {percent(summary['wins'] / summary['trades'])} won."
        ),
    )  # fmt: skip
    edges = [(x(start), x(end)) for start, end, _ in bins]
    gap = 0.08 * (edges[0][1] - edges[0][0])
    chart.bars(
        [(left + gap, right - gap) for left, right in edges],
        [float(count) for *_, count in bins],
        styles=["bar-loss" if start < 0 else "bar-gain" for start, *_ in bins],
        texts=[
            f"{number(start)} to {number(end)} USD: {plural(count, 'trade')}" for start, end, count in bins
        ],
    )
    caption = (
        f"Net P&L in USD; the worst trade made {number(ledger.worst, signed=True)}, the best "
        f"{number(ledger.best, signed=True)}, on average {number(summary['expectancy'], signed=True)}."
    )
    return tag("div", tag("h3", "Trade by trade"), figure(chart.markup(), caption=caption))


# --- tables ------------------------------------------------------------------------------------------


def months_section(summary: BacktestSummary, ledger: LedgerDigest) -> Markup:
    """Returns the table of P&L by the month in which trades were closed."""
    months = sorted(ledger.months.items())
    if len(months) <= _LIST_MAX:
        made = _month_list(months, summary)
    else:
        made = _month_grid(dict(months), summary)
    return section("months", "Month by month", made)


def _month_list(months: Sequence[tuple[tuple[int, int], Month]], summary: BacktestSummary) -> Markup:
    rows = [
        [
            f"{MONTHS[month - 1]} {year}", f"{sums.trades:,}", percent(sums.wins / sums.trades),
            _money(sums.gross_pnl), _money(-sums.cost), _money(sums.financing + sums.dividends),
            _coloured(sums.net_pnl),
        ]
        for (year, month), sums in months
    ]  # fmt: skip
    carried = summary["financing"] + summary["dividends"]
    foot = [
        "All", f"{summary['trades']:,}", percent(summary["wins"] / summary["trades"]),
        _money(summary["gross_pnl"]), _money(-summary["costs"]), _money(carried),
        _coloured(summary["net_pnl"]),
    ]  # fmt: skip
    head = ["month", "trades", "won", "gross", "costs", "financing, dividends", "net"]
    return table(
        "Closed trades by the month of their exit (UTC), in USD", head, rows, numbers=range(1, 7), foot=foot
    )


def _month_grid(months: Mapping[tuple[int, int], Month], summary: BacktestSummary) -> Markup:
    years = range(min(year for year, _ in months), max(year for year, _ in months) + 1)
    rows: list[list[object]] = []
    for year in years:
        cells: list[object] = [str(year)]
        nets = [months[year, month].net_pnl if (year, month) in months else None for month in range(1, 13)]
        cells += ["" if net is None else _coloured(net, 0) for net in nets]
        rows.append([*cells, _coloured(sum(net for net in nets if net is not None), 0)])
    foot = ["All", *[""] * 12, _coloured(summary["net_pnl"], 0)]
    return table(
        "Net P&L of closed trades by the month of their exit (UTC), in USD", ["year", *MONTHS, "year's net"],
        rows, numbers=range(1, 14), foot=foot, dense=True,
    )  # fmt: skip


def statistics_section(summary: BacktestSummary) -> Markup:
    """Returns all numbers of the document that are not shown elsewhere, also those unknown to this page."""
    document: Mapping[str, object] = summary
    known = {name for _, names in _GROUPS for name in names}
    rest = [
        name for name, value in document.items()
        if name not in known | _ELSEWHERE and (value is None or isinstance(value, int | float | str))
    ]  # fmt: skip
    made = []
    for at, (caption, names) in enumerate(_GROUPS):
        shown = [name for name in (*names, *(rest if at == len(_GROUPS) - 1 else ())) if name in document]
        rows = [[sentence_case(label_of(name)), _statistic(name, document[name])] for name in shown]
        made.append(table(caption, ["number", "value"], rows, numbers=[1]))
    reasons = [
        [sentence_case(label_of(reason)), datum(count, f"{count:,}", key=f"left_{reason}")]
        for reason, count in summary["exit_reasons"].items()
    ]
    if reasons:
        why = tag("div", tag("h3", "Why positions were closed"),
                  table("Exits by reason", ["reason", "trades"], reasons, numbers=[1]))  # fmt: skip
        made[-1] = tag("div", made[-1], why)
    return section("statistics", "The numbers", pair(*made))


def _statistic(name: str, value: object) -> object:
    key = None if name in _HEADLINES else name
    return datum(None, "\N{EN DASH}", key=key) if value is None else statistic(name, value, key=key)


def ledger_section(summary: BacktestSummary, ledger: LedgerDigest) -> Markup:
    """Returns the table of the first and the last trades, and the number of trades between them."""
    carried = bool(summary["financing"] or summary["dividends"])
    future, etf = symbols(summary["params"])
    head = ["no.", "side", "in, out (UTC)", "contracts, shares", f"{future} in, out", f"{etf} in, out",
            "dev in, out, bps", "gross", "cost", *(["fin., div."] if carried else []), "net",
            "left for"]  # fmt: skip
    rows = [_trade(row, carried=carried) for row in (*ledger.first, *ledger.last)]
    left_out = None
    if ledger.left_out:
        sentence = f"{plural(ledger.left_out, 'trade')} left out here; --trades FILE writes all of them."
        left_out = (len(ledger.first), sentence)
    caption = f"{plural(ledger.count, 'trade')}, P&L in USD"
    made = table(
        caption, head, rows, numbers=range(3, len(head) - 1), left_out=left_out, dense=True
    )  # fmt: skip
    return section("ledger", "The ledger", made)


def _trade(row: LedgerRow, *, carried: bool) -> list[object]:
    cells: list[object] = [
        f"{row.trade_id:,}",
        _SIDES[row.side],
        tag("span", stacked(_clock(row.entry_ts), _clock(row.exit_ts)), class_="w"),
        stacked(f"{row.contracts:,}", f"{row.shares:,}"),
        stacked(_price(row.fut_entry), _price(row.fut_exit)),
        stacked(_price(row.etf_entry), _price(row.etf_exit)),
        stacked(number(row.entry_dev_bps, signed=True), number(row.exit_dev_bps, signed=True)),
        number(row.gross_pnl, signed=True),
        number(row.cost),
    ]
    if carried:
        cells.append(stacked(number(row.financing, signed=True), number(row.dividends, signed=True)))
    return [*cells, _coloured(row.net_pnl), label_of(row.exit_reason)]


def _clock(instant_ns: int) -> str:
    # Cut to milliseconds; the ledger's file has the nanoseconds.
    return iso_time(instant_ns // 1_000_000 * 1_000_000).replace("T", " ").removesuffix("Z")


def _price(price: float) -> str:
    """Formats a price with two to six decimals, as many as it has."""
    text = f"{price:,.6f}".rstrip("0")
    decimals = len(text.partition(".")[2])
    return text if decimals >= 2 else f"{price:,.2f}"


def _money(value: float) -> str:
    return number(value, signed=True)


def _coloured(value: float, digits: int = 2) -> Markup:
    return signed(number(value, digits, signed=True), value)
