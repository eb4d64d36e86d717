"""The page about a file of quotes: whether it has deviations to trade, and whether its data are credible.

A pure function of the document of ``quotes check`` and of the data for its charts.
"""

from collections.abc import Mapping, Sequence
from typing import Any, cast

from arbcore.core.result_documents import RowsDocument
from arbcore.core.text import time_span
from arbcore.pages.chart import Chart, heat_map
from arbcore.pages.markup import Markup, datum, number, percent, tag
from arbcore.pages.page import bullets, facts, figure, heading, page, pair, section, table
from arbcore.pages.scale import Scale, TimeAxis
from arbcore.pages.words import data_rows, readable

#: Most points of a curve; more could not be distinguished.
_POINTS_MAX = 1_000
#: Most rows in the chart of sessions; with more dates several of them share a row.
_DATES_DRAWN_MAX = 40
_PARTS_AN_HOUR = 2


def quotes_page(
    summary: Mapping[str, Any],
    *,
    histogram: Sequence[tuple[float, int]],
    curve: Sequence[tuple[int, float, float]],
    spreads: Mapping[str, Sequence[tuple[float, int]]],
    decay: Sequence[tuple[int, float]],
    coverage: Sequence[tuple[str, Sequence[int]]],
    version: str,
) -> str:
    """Returns a self-contained HTML document.

    Args:
        summary: the document of ``quotes check``.
        histogram: (low edge in bps, rows) of the deviation, bars of one width.
        curve: (time in ns, level, deviation in bps) in order of time.
        spreads: by leg (``fut``, ``etf``), as ``histogram``, in bps.
        decay: (minutes, share of a deviation that remains after these minutes).
        coverage: (date in New York, rows in each of its half hours), in order.
        version: of arbcore.

    Returns:
        The page; all text is escaped here.
    """
    shown = summary["pair"] or "pair not named"
    detail = f"{readable(summary['first_ts'])} to {readable(summary['last_ts'])}, {shown}"
    parts: list[object] = [
        heading("arbcore \N{MIDDLE DOT} quotes", summary["name"], lede=summary["verdict"], detail=detail),
        _facts(summary),
    ]
    if curve:
        parts.append(_curves(curve))
    if histogram:
        parts.append(_distribution(summary, histogram, decay))
    if summary["edge_bps"]["max"] is not None:
        parts.append(_edges(summary))
    if summary["by_hour"]:
        parts.append(_hours(summary["by_hour"]))
    parts.append(_spread_pictures(summary, spreads))
    parts.append(_sessions(summary, coverage))
    noted = tag("div", tag("h3", "Notes"), bullets(summary["notes"])) if summary["notes"] else ""
    parts.append(section("rows", "Rows", _rows(summary, noted)))
    parts.append(section("faults", "Outliers and gaps", pair(_outliers(summary), _gaps(summary))))
    return page(*parts, title=f"Quotes: {summary['name']}", version=version)


def _bps(value: float | None, key: str | None = None) -> Markup:
    return datum(value, f"{number(value)} bps" if value is not None else number(None), key=key)


def _facts(summary: Mapping[str, Any]) -> Markup:
    edge, deviation, level = summary["edge_bps"], summary["deviation_bps"], summary["level"]
    half_life = summary["half_life_s"]
    financing = summary["implied_financing"]
    items: list[tuple[str, object, object]] = [
        ("rows used", datum(summary["rows_used"], f"{summary['rows_used']:,}", key="rows_used"),
         f"of {summary['rows']:,}"),
        ("largest edge", _bps(edge["max"], "edge_max"), readable(edge["max_ts"]) if edge["max_ts"] else ""),
        ("deviation, 5% to 95%", f"{number(deviation['p5'])} to {number(deviation['p95'])} bps",
         "from its level"),
        ("half-life", datum(half_life, _span(half_life), key="half_life_s"),
         "of the deviation"),
        ("level", datum(level["median"], number(level["median"], 5), key="level"), "index points per USD"),
    ]  # fmt: skip
    if financing is not None:
        items.append(("implied financing", percent(financing["last"], 2), f"r {summary['params']['r']:g}"))
    return facts(items)


def _curves(curve: Sequence[tuple[int, float, float]]) -> Markup:
    step = max(1, len(curve) // _POINTS_MAX)
    points = curve[::step]
    axis = TimeAxis([ts_ns for ts_ns, _, _ in points])
    levels = [level for _, level, _ in points]
    deviations = [deviation for _, _, deviation in points]
    charts = []
    for key, title, values, unit in (
        ("level", "Level", levels, "points per USD"),
        ("deviation", "Deviation from the level", deviations, "bps"),
    ):  # fmt: skip
        chart = Chart(
            key, title, f"{title} of {len(points)} rows", Scale.around(values), unit=unit,
            labels=axis.labels(), height=180,
        )  # fmt: skip
        chart.line(axis.places, values, style="line-curve", breaks=axis.breaks())
        if key == "deviation":
            chart.rule(0.0, style="line-zero")
        charts.append(chart.markup())
    caption = "The level is learnt from the rows before each row; an edge is a deviation beyond both spreads."
    return section("level", "The level and the deviation from it", figure(*charts, caption=caption))


def _bars(
    key: str, title: str, description: str, histogram: Sequence[tuple[float, int]], *, digits: int
) -> Markup:
    """A histogram with a tooltip for each bar."""
    count = len(histogram)
    most = max(rows for _, rows in histogram)
    width = histogram[1][0] - histogram[0][0] if count > 1 else 1.0
    chart = Chart(
        key, title, description, Scale(0.0, 1.05 * max(1, most)), unit="rows", whole=True, height=200,
        names=[
            ((at + 0.5) / count, number(histogram[at][0], digits))
            for at in range(0, count, max(1, count // 6))
        ],
    )  # fmt: skip
    chart.bars(
        [(at / count, (at + 0.9) / count) for at in range(count)], [float(rows) for _, rows in histogram],
        styles=["bar-total"] * count,
        texts=[
            f"{number(low, digits)} to {number(low + width, digits)} bps: {rows:,} rows"
            for low, rows in histogram
        ],
    )  # fmt: skip
    return chart.markup()


def _distribution(
    summary: Mapping[str, Any], histogram: Sequence[tuple[float, int]], decay: Sequence[tuple[int, float]]
) -> Markup:
    bars = _bars(
        "spread-of-deviation", "How the deviation is distributed", "The middle 99% of rows by deviation",
        histogram, digits=1,
    )  # fmt: skip
    shown = figure(bars, caption="Deviation in bps of fair value, from the level at each row.")
    return section("deviation", "The deviation", pair(shown, _decay(summary["half_life_s"], decay)))


def _decay(half_life_s: float | None, decay: Sequence[tuple[int, float]]) -> Markup:
    """The chart of the share of a deviation that remains after some minutes, and of its half-life."""
    if not decay:
        return tag("p", "There are too few successive minutes to tell how fast a deviation falls back.")
    last = max(minutes for minutes, _ in decay)
    low = min(0.0, *(share for _, share in decay))
    chart = Chart(
        "decay", "How fast a deviation falls back", "What is left of a deviation after some minutes",
        Scale(low, max(1.0, *(share for _, share in decay))), unit="left", height=200,
        names=[(minutes / last, f"{minutes} min") for minutes in (5, 15, 30, 45, 60) if minutes < last],
    )  # fmt: skip
    chart.rule(0.0, style="line-zero")
    caption = "What is left of a deviation of a minute so many minutes later, on average"
    if half_life_s is not None:
        places = [at / 60 for at in range(61)]
        expected = [0.5 ** (60 * last * place / half_life_s) for place in places]
        chart.line(places, expected, style="line-exit")
        caption += f"; dotted, a half-life of {time_span(half_life_s)}"
    measured = [(0, 1.0), *decay]
    chart.line([at / last for at, _ in measured], [share for _, share in measured], style="line-all")
    chart.readouts(
        [at / last for at, _ in decay], [f"after {at} min {share:.0%} is left" for at, share in decay]
    )
    return figure(chart.markup(), caption=f"{caption}.")


def _edges(summary: Mapping[str, Any]) -> Markup:
    shares = [(step, share or 0.0) for step, share in summary["edge_share"].items()]
    count = len(shares)
    chart = Chart(
        "edges", "How often which edge was there", "Rows on which an edge was there, after both spreads",
        Scale(0.0, 1.15 * max(0.01, 100 * shares[0][1])), unit="% of rows", height=200,
        names=[((at + 0.5) / count, f"{step}+") for at, (step, _) in enumerate(shares)],
    )  # fmt: skip
    chart.spans(
        [((at + 0.15) / count, (at + 0.85) / count) for at in range(count)],
        [(0.0, 100 * share) for _, share in shares], styles=["bar-total"] * count,
        texts=[f"{step} bps or more on {share:.2%} of the rows" for step, share in shares],
        written=[f"{share:.1%}" for _, share in shares],
    )  # fmt: skip
    edge = summary["edge_bps"]
    caption = (
        "Edge in bps at the touch, after both spreads and before costs, in the better direction. Half of the "
        f"rows had {number(edge['p50'])} or more, one in twenty {number(edge['p95'])}, one in a hundred "
        f"{number(edge['p99'])}; the largest was {number(edge['max'])}."
    )
    return section("edges", "What edge was there, and how often", figure(chart.markup(), caption=caption))


def _hours(hours: Sequence[Mapping[str, Any]]) -> Markup:
    lows = [hour["deviation_bps"]["p5"] for hour in hours]
    highs = [hour["deviation_bps"]["p95"] for hour in hours]
    count = len(hours)
    chart = Chart(
        "hours", "Deviation by the hour", "The middle 90% of the deviation in each hour of New York's day",
        Scale.around([*lows, *highs, 0.0]), unit="bps", height=180,
        names=[((at + 0.5) / count, f"{hour['hour']:02d}") for at, hour in enumerate(hours)],
    )  # fmt: skip
    chart.rule(0.0, style="line-zero")
    chart.spans(
        [((at + 0.15) / count, (at + 0.85) / count) for at in range(count)],
        list(zip(lows, highs, strict=True)), styles=["bar-total"] * count,
        texts=[
            f"{hour['hour']:02d}:00 New York, {hour['rows']:,} rows: {number(low)} to {number(high)} bps, "
            f"largest edge {number(hour['edge_bps']['max'])}"
            for hour, low, high in zip(hours, lows, highs, strict=True)
        ],
    )  # fmt: skip
    rows = [
        [f"{hour['hour']:02d}:00", f"{hour['rows']:,}", number(hour["deviation_bps"]["p50"]),
         number(hour["edge_bps"]["p95"]), number(hour["edge_bps"]["max"])]
        for hour in hours
    ]  # fmt: skip
    listed = table(
        "By the hour, New York", ["hour", "rows", "deviation, middle", "edge, 95%", "edge, largest"], rows,
        numbers=[1, 2, 3, 4],
    )  # fmt: skip
    caption = "The middle 90% of the deviation in each hour, New York time."
    return section("hours", "By the hour of the day", figure(chart.markup(), caption=caption), listed)


def _spread_pictures(
    summary: Mapping[str, Any], spreads: Mapping[str, Sequence[tuple[float, int]]]
) -> Markup:
    figures = [
        figure(
            _bars(
                f"spread-{leg}", f"Spread of the {name}", f"The middle 99% of rows by the {name}'s spread",
                spreads[leg], digits=2,
            ),
            caption=f"Spread of the {name}, in bps of its price.",
        )
        for leg, name in (("fut", "future"), ("etf", "ETF"))
        if spreads[leg]
    ]  # fmt: skip
    return section("spreads", "Spreads", pair(*figures), _spreads(summary))


def _spreads(summary: Mapping[str, Any]) -> Markup:
    rows = []
    for leg, name in (("fut", "future"), ("etf", "ETF")):
        spread, still = summary["spread_bps"][leg], summary["still_s"][leg]
        rows.append([
            name, number(spread["p50"]), number(spread["p95"]), _span(still["p50"]), _span(still["p95"]),
            _span(still["max"]),
        ])  # fmt: skip
    return table(
        "Spreads in bps, and for how long a leg's quote had not changed",
        ["leg", "spread, middle", "spread, 95%", "still, middle", "still, 95%", "longest"], rows,
        numbers=[1, 2, 3, 4, 5],
    )  # fmt: skip


def _sessions(summary: Mapping[str, Any], coverage: Sequence[tuple[str, Sequence[int]]]) -> Markup:
    """A heat map of rows by date and half hour, which shows sessions and gaps."""
    each = -(-len(coverage) // _DATES_DRAWN_MAX)
    drawn = [coverage[at : at + each] for at in range(0, len(coverage), each)]
    sums = [[sum(part) for part in zip(*(rows for _, rows in dates), strict=True)] for dates in drawn]
    used = [at for at in range(len(sums[0])) if any(row[at] for row in sums)]
    parts = range(used[0], used[-1] + 1)
    names = [f"{at // _PARTS_AN_HOUR:02d}:{30 * (at % _PARTS_AN_HOUR):02d}" for at in parts]
    chart = heat_map(
        [[float(row[at]) if row[at] else None for at in parts] for row in sums],
        key="sessions", title="Rows by date and half hour",
        description=f"{len(coverage)} New York dates with rows", down="Date", across="New York time",
        rows=[dates[0][0] for dates in drawn], columns=names,
        texts=[
            [f"{_dates(dates)}, {name}: {row[at]:,} rows" for at, name in zip(parts, names, strict=True)]
            for dates, row in zip(drawn, sums, strict=True)
        ],
        counts=True,
    )  # fmt: skip
    dates = summary["sessions"]
    caption = (
        f"Rows in each half hour, the darker the more, grey where there is none: {dates['dates']:,} New York "
        f"dates, {dates['regular_rows']:,} rows within regular hours."
    )
    if each > 1:
        caption += f" {each} dates share a line, which names the first."
    return section("sessions", "Sessions and gaps", figure(chart, caption=caption))


def _dates(dates: Sequence[tuple[str, Sequence[int]]]) -> str:
    return dates[0][0] if len(dates) == 1 else f"{dates[0][0]} to {dates[-1][0]}"


def _span(seconds: float | None) -> str:
    return number(None) if seconds is None else time_span(seconds)


def _rows(summary: Mapping[str, Any], noted: object) -> Markup:
    said = f"The level was not known yet on {summary['warming_up']:,} rows."
    return tag("div", data_rows(cast(RowsDocument, summary)), tag("p", said), noted)


def _outliers(summary: Mapping[str, Any]) -> object:
    rows = [[readable(each["ts"]), number(each["bps"], 1, signed=True)] for each in summary["outliers"]]
    if not rows:
        return tag("p", "No row is more than 10 bps away from the rows before and after it.")
    caption = f"Rows far from their neighbours ({summary['outlier_rows']:,})"
    return table(caption, ["time", "bps off"], rows, numbers=[1])


def _gaps(summary: Mapping[str, Any]) -> object:
    rows = [[readable(each["from"]), readable(each["to"]), time_span(each["s"])] for each in summary["gaps"]]
    if not rows:
        return tag("p", "There is no long stretch without a row within regular hours.")
    return table("Stretches without a row within regular hours", ["from", "to", "length"], rows, numbers=[2])
