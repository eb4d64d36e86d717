"""The pictures of a backtest's page: equity and drawdown, the basis against fair, where the P&L comes from.

Owns how an envelope is read: each bucket is drawn from its least to its largest value, so that nothing that
happened is hidden, however many rows there were.
"""

import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from arbcore.core.text import plural
from arbcore.pages.chart import Chart, legend, swatch
from arbcore.pages.drawdowns import drawdown_table, falls_of
from arbcore.pages.ledger_digest import LedgerDigest
from arbcore.pages.markup import Markup, number, percent, tag
from arbcore.pages.page import figure, section
from arbcore.pages.scale import Scale, TimeAxis, moment, unit_of
from arbcore.pages.series import Envelope, coarsened


def equity_section(summary: Mapping[str, Any], envelope: Envelope) -> Markup:
    """Equity with its drawdown under it, on one axis of time."""
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


def basis_section(summary: Mapping[str, Any], envelope: Envelope) -> Markup:
    """The deviation of ES from fair with the band in which nothing is entered, entries and exits marked."""
    envelope = coarsened(envelope)
    lows, highs, lasts = (envelope[f"dev_{name}"] for name in ("min", "max", "last"))
    if not any(value is not None for value in lasts):
        text = "Every row went into calibrating the factor, so there is no deviation to show."
        return section("basis", "Basis against fair value", tag("p", text))
    params = summary["params"]
    axis = TimeAxis(envelope["first_ns"])
    breaks = axis.breaks()
    leave = params["exit_bps"]
    y = _basis_scale(envelope)
    cc, reverse, left = _marks(axis, envelope)
    chart = Chart(
        key="basis", title="Basis against fair value", unit="Deviation of ES from fair, bps", y=y, height=330,
        labels=axis.labels(),
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
        (swatch("line-thin"), "ES mid against fair"),
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
    """Shows every deviation, and the band's usual edges where they are not so far off as to flatten it."""
    seen = [value for name in ("dev_min", "dev_max") for value in envelope[name] if value is not None]
    farthest = max(map(abs, seen))
    edges = [
        statistics.median([value for value in envelope[name] if value is not None])
        for name in ("upper_min", "lower_max")
    ]
    return Scale.around([*seen, 0.0, *(edge for edge in edges if abs(edge) < 4 * farthest)])


def _marks(axis: TimeAxis, envelope: Envelope) -> tuple[list[tuple[float, float]], ...]:
    """(share, deviation) of the entries of each side, and of the exits."""
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


def _resolution(summary: Mapping[str, Any], envelope: Envelope) -> str:
    """How many rows a point stands for."""
    buckets, rows = len(envelope["first_ns"]), summary["rows_used"]
    gaps = "Time without rows is left out."
    if buckets >= rows:
        return gaps
    return (
        f"{rows:,} rows in {buckets:,} stretches of time, each drawn from its lowest to its highest value, "
        f"with a line through the last ones. {gaps}"
    )


def split_figure(summary: Mapping[str, Any]) -> Markup:
    """Net P&L as the sum of its parts, each bar beginning where the one before ended."""
    parts = [
        (word, summary[key] * sign)
        for word, key, sign in (
            ("basis", "basis_pnl", 1), ("carry", "carry_pnl", 1), ("slippage", "slippage_pnl", 1),
            ("financing", "financing", 1), ("dividends", "dividends", 1), ("costs", "costs", -1),
        )
        if summary.get(key) or word in {"basis", "costs"}
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


def distribution_figure(summary: Mapping[str, Any], ledger: LedgerDigest) -> Markup:
    """How the net P&L of single trades is distributed."""
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
