"""The page about a file of quotes: whether there is anything to trade in it, and whether it can be believed.

A pure function of the document of ``quotes check`` and what its pictures are drawn from.
"""

from collections.abc import Mapping, Sequence
from typing import Any, cast

from arbcore.core.result_documents import RowsDocument
from arbcore.core.text import time_span
from arbcore.pages.chart import Chart
from arbcore.pages.markup import Markup, datum, number, percent, tag
from arbcore.pages.page import bullets, facts, figure, heading, page, pair, section, table
from arbcore.pages.scale import Scale, TimeAxis
from arbcore.pages.words import data_rows, readable

#: More points than this of a curve are not told apart.
_POINTS_MAX = 1_000


def quotes_page(
    summary: Mapping[str, Any],
    *,
    histogram: Sequence[tuple[float, int]],
    curve: Sequence[tuple[int, float, float]],
    version: str,
) -> str:
    """A self-contained HTML document.

    Args:
        summary: the document of ``quotes check``.
        histogram: (low edge in bps, rows) of the deviation, bars of one width.
        curve: (time in ns, level, deviation in bps) in order of time.
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
        parts.append(_distribution(summary, histogram))
    if summary["by_hour"]:
        parts.append(_hours(summary["by_hour"]))
    noted = tag("div", tag("h3", "Notes"), bullets(summary["notes"])) if summary["notes"] else ""
    parts.append(
        section("rows", "Rows, spreads and sessions", pair(_spreads(summary), _rows(summary, noted)))
    )
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


def _distribution(summary: Mapping[str, Any], histogram: Sequence[tuple[float, int]]) -> Markup:
    count = len(histogram)
    most = max(rows for _, rows in histogram)
    width = histogram[1][0] - histogram[0][0] if count > 1 else 1.0
    chart = Chart(
        "spread-of-deviation", "How the deviation is distributed", "The middle 99% of rows by deviation",
        Scale(0.0, 1.05 * max(1, most)), unit="rows", whole=True, height=200,
        names=[
            ((at + 0.5) / count, number(histogram[at][0], 1)) for at in range(0, count, max(1, count // 8))
        ],
    )  # fmt: skip
    chart.bars(
        [(at / count, (at + 0.9) / count) for at in range(count)], [float(rows) for _, rows in histogram],
        styles=["bar-total"] * count,
        texts=[f"{number(low)} to {number(low + width)} bps: {rows:,} rows" for low, rows in histogram],
    )  # fmt: skip
    rows = [[f"{step} bps or more", percent(share, 2)] for step, share in summary["edge_share"].items()]
    edges = table("How often an edge was there, after both spreads", ["edge", "rows"], rows, numbers=[1])
    caption = "Deviation in bps of fair value, from the level at each row."
    return section("deviation", "The deviation", pair(figure(chart.markup(), caption=caption), edges))


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


def _span(seconds: float | None) -> str:
    return number(None) if seconds is None else time_span(seconds)


def _rows(summary: Mapping[str, Any], noted: object) -> Markup:
    dates = summary["sessions"]
    said = (
        f"{dates['dates']:,} New York dates, {dates['regular_rows']:,} rows within regular hours; the "
        f"level was not known yet on {summary['warming_up']:,} rows."
    )
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
