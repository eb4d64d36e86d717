"""What ``arbcore quotes check`` prints for a person."""

from collections.abc import Iterator, Mapping
from typing import Any

from arbcore.core.text import plural, printable, time_span

_LISTED_MAX = 5


def check_lines(summary: Mapping[str, Any]) -> Iterator[str]:
    """The lines of the document, the verdict last."""
    yield f"{printable(summary['name'])}, {summary['pair'] or 'pair not named'}"
    skipped = _skipped(summary["rows_skipped"])
    yield f"  rows        {summary['rows']:,}, {summary['rows_used']:,} used{skipped}"
    dates = summary["sessions"]
    yield f"  from, to    {summary['first_ts']} to {summary['last_ts']}"
    step = "" if summary["step_s"] is None else f", most rows {_span(summary['step_s'])} apart"
    regular = f"{dates['regular_rows']:,} rows in regular hours"
    yield f"  sessions    {plural(dates['dates'], 'date')}, {regular}{step}"
    for leg, name in (("fut", "future"), ("etf", "ETF")):
        spread, still = summary["spread_bps"][leg], summary["still_s"][leg]
        yield (
            f"  {name:<11} spread {_bps(spread['p50'])} (95%: {_bps(spread['p95'])}), unchanged for "
            f"{_span(still['p50'])} (95%: {_span(still['p95'])}, longest {_span(still['max'])})"
        )
    level = summary["level"]
    if level["first"] is None:
        yield f"  level       not known: {summary['warming_up']:,} rows warming up"
    else:
        yield (
            f"  level       {level['first']:.5f} first, {level['last']:.5f} last, {level['median']:.5f} in "
            f"the middle; {summary['warming_up']:,} rows warming up"
        )
    financing = summary["implied_financing"]
    if financing is not None:
        implied = f"{financing['first']:.2%} first, {financing['last']:.2%} last"
        yield f"  financing   {implied}, r {summary['params']['r']:g}"
    yield from _deviation_lines(summary)
    yield from _fault_lines(summary)
    yield summary["verdict"]


def _deviation_lines(summary: Mapping[str, Any]) -> Iterator[str]:
    deviation, edge = summary["deviation_bps"], summary["edge_bps"]
    if deviation["p50"] is None:
        return
    shares = ", ".join(f"{name[1:]}%: {deviation[name]:+.2f}" for name in ("p1", "p5", "p50", "p95", "p99"))
    yield f"  deviation   {shares}, largest {deviation['max']:+.2f} bps"
    half_life = summary["half_life_s"]
    yield f"  half-life   {'not given' if half_life is None else _span(half_life)}"
    shares = ", ".join(f"{name[1:]}%: {edge[name]:.2f}" for name in ("p50", "p95", "p99"))
    yield f"  edge        {shares}, largest {edge['max']:.2f} bps"
    there = [f"{step} bps {share:.2%}" for step, share in summary["edge_share"].items() if share]
    yield f"  was there   {', '.join(there) if there else 'never half a bp'}"
    for hour in summary["by_hour"]:
        own = hour["deviation_bps"]
        yield (
            f"  {hour['hour']:02d}:00       {hour['rows']:,} rows, deviation {own['p5']:+.2f} to "
            f"{own['p95']:+.2f}, largest edge {hour['edge_bps']['max']:.2f} bps"
        )


def _fault_lines(summary: Mapping[str, Any]) -> Iterator[str]:
    outliers, gaps = summary["outliers"], summary["gaps"]
    yield f"  outliers    {summary['outlier_rows']:,}"
    for each in outliers[:_LISTED_MAX]:
        yield f"              {each['ts']} {each['bps']:+.1f} bps"
    yield f"  gaps        {len(gaps):,} in regular hours"
    for each in sorted(gaps, key=lambda gap: -gap["s"])[:_LISTED_MAX]:
        yield f"              {each['from']} to {each['to']}, {_span(each['s'])}"


def _skipped(skipped: Mapping[str, int]) -> str:
    return "".join(f", {count:,} {reason.replace('_', ' ')}" for reason, count in skipped.items())


def _bps(value: float | None) -> str:
    return "none" if value is None else f"{value:.2f} bps"


def _span(seconds: float | None) -> str:
    return "none" if seconds is None else time_span(seconds)
