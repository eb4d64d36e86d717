"""The charts of the carry bot's page: states and alarms, the deviation with signals, the implied repo rate.

Owns the conversion of the store's rows to places on one linear time axis. It must not know money.
"""

import statistics
from collections.abc import Mapping, Sequence
from itertools import accumulate, pairwise
from operator import itemgetter
from typing import Any

from arbcore.core.civil import NS_PER_MINUTE, read_time
from arbcore.core.text import plural, time_span
from arbcore.pages.chart import Chart, legend, swatch
from arbcore.pages.markup import Markup, number, percent, tag
from arbcore.pages.page import figure, section, table
from arbcore.pages.scale import Scale, TimeAxis, moment
from arbcore.pages.series import PLACES_MAX
from arbcore.pages.words import label_of

Record = Mapping[str, Any]
#: The lanes of the time line, from the top.
_LANES = ("alarms", "ACTIVE", "REDUCING", "HALTED")
#: Least width of a band, as a share of the chart; a band closer than this to its neighbour is merged with it.
_LEAST = 0.0015
#: A curve is interrupted if no row comes for longer than this.
_QUIET_NS = 10 * NS_PER_MINUTE
#: Most signals, and most samples, that have a tooltip on a chart.
_TOLD_SIGNALS, _TOLD_SAMPLES = 150, 100
#: The words for entries in the tooltips.
_DID = {"enter_cash_and_carry": "cash and carry entered", "enter_reverse": "reverse entered"}


class Stretch:
    """A linear time axis over one stretch of time."""

    def __init__(self, first_ns: int, last_ns: int) -> None:
        self.first_ns, self.last_ns = first_ns, last_ns

    def __call__(self, time_ns: int) -> float:
        """Returns the share of the width at a time; the middle if the stretch has length 0."""
        if self.last_ns <= self.first_ns:
            return 0.5
        return min(1.0, max(0.0, (time_ns - self.first_ns) / (self.last_ns - self.first_ns)))

    def labels(self) -> list[tuple[float, str]]:
        """Returns (share, text) of the labels along the bottom."""
        steps = 2 * PLACES_MAX
        length = self.last_ns - self.first_ns
        times = [self.first_ns + length * at // steps for at in range(steps + 1)]
        return TimeAxis(times if length >= steps else [self.first_ns]).labels()


def states_section(states: Sequence[Record], events: Sequence[Record], stretch: Stretch) -> Markup:
    """Returns the time line of states, with the alarms above."""
    alarms = [event for event in events if event["level"] == "alarm"]
    held = {name: sum(_seconds(span) for span in states if span["state"] == name) for name in _LANES[1:]}
    whole = ", ".join(f"{name} {_long(seconds)}" for name, seconds in held.items() if seconds) or "no time"
    count = len(_LANES)
    chart = Chart(
        key="states", title="States and alarms", description=f"{whole}; {plural(len(alarms), 'alarm')}.",
        y=Scale(0.0, float(count)), height=30 * count, labels=stretch.labels(),
        sides=[((count - at - 0.5) / count, name.lower()) for at, name in enumerate(_LANES)],
    )  # fmt: skip
    for at, name in enumerate(_LANES[1:], 1):
        lane = _lane([span for span in states if span["state"] == name], stretch)
        chart.spans(
            [(left, right) for left, right, _ in lane],
            [(count - at - 0.82, count - at - 0.18)] * len(lane),
            styles=[f"state-{name.lower()}"] * len(lane),
            texts=[text for *_, text in lane],
        )
    chart.marks(
        [(stretch(read_time(alarm["ts"])), count - 0.7) for alarm in alarms], symbol="down",
        style="mark-alarm",
    )  # fmt: skip
    caption = (
        "ACTIVE trades; REDUCING only makes positions smaller; HALTED sends nothing but cancels. Where no "
        f"state is drawn, nothing ran. In all: {whole}. Times are UTC."
    )
    keys = legend((swatch("mark-alarm", symbol="down"), "alarm")) if alarms else ""
    return section("states", "Time line", figure(chart.markup(), caption=caption, legend=keys))


def _long(seconds: float) -> str:
    return time_span(seconds) if seconds >= 1 else "less than a second"


def _seconds(span: Record) -> float:
    return (read_time(span["to_ts"]) - read_time(span["from_ts"])) / 1e9


def _lane(spans: Sequence[Record], stretch: Stretch) -> list[tuple[float, float, str]]:
    """Bands (left, right, tooltip) of one state; bands too close to distinguish are merged."""
    found: list[tuple[float, float, str]] = []
    for span in spans:
        left, right = stretch(read_time(span["from_ts"])), stretch(read_time(span["to_ts"]))
        text = f"{span['state']} for {_long(_seconds(span))} from {moment(read_time(span['from_ts']))}"
        if span["reasons"]:
            text += f": {span['reasons']}"
        if found and left - found[-1][1] < _LEAST:
            left, text = found.pop()[0], f"{text}, and others just before"
        left = min(left, 1.0 - _LEAST)
        found.append((left, max(right, left + _LEAST), text))
    return found


def pnl_section(trades: Sequence[Record], model: Record | None, stretch: Stretch) -> Markup:
    """The P&L of closed trades over time, and that of the backtest of the same quotes where there is one."""
    ours = _sums([(trade["exit_ts"], trade["net_pnl"]) for trade in trades if trade["net_pnl"] is not None])
    if not ours:
        return section("pnl", "P&L", tag("p", "The net of every closed trade is unknown yet."))
    matched = [] if model is None else [one for one in model["trades"] if one["model_net"] is not None]
    of_model = _sums([
        *((one["model_exit_ts"], one["model_net"]) for one in matched),
        *((one["exit_ts"], one["net_pnl"]) for one in (model["only_model"] if model else [])),
    ])  # fmt: skip
    chart = Chart(
        key="pnl", title="P&L of closed trades",
        description=f"Ends at {number(ours[-1][1], signed=True)} USD after {plural(len(ours), 'trade')}.",
        y=Scale.around([0.0, *(value for _, value in (*ours, *of_model))]), unit="P&L, USD",
        labels=stretch.labels(),
    )  # fmt: skip
    chart.rule(0.0, style="line-zero")
    for points, style in ((of_model, "line-s1"), (ours, "line-curve")):
        if points:
            chart.line(*_stairs(points, stretch), style=style)
    texts = [f"{moment(ns)}  {number(value, signed=True)} USD" for ns, value in ours]
    chart.readouts([stretch(ns) for ns, _ in ours], texts)
    unknown = len(trades) - len(ours)
    caption = "Net of closed trades, one after the other, at the time of their exit."
    caption += f" {plural(unknown, 'trade')} without a known net left out." if unknown else ""
    keys = [(swatch("line-curve"), "the bot")]
    if of_model:
        keys.append((swatch("line-s1"), "the backtest of the same quotes"))
        caption += f" The backtest ends at {number(of_model[-1][1], signed=True)} USD."
    return section("pnl", "P&L", figure(chart.markup(), caption=caption, legend=legend(*keys)))


def _sums(results: Sequence[tuple[str, float]]) -> list[tuple[int, float]]:
    """The sum after each result, in order of time."""
    timed = sorted((read_time(ts), value) for ts, value in results)
    return [*zip((ns for ns, _ in timed), accumulate(value for _, value in timed), strict=True)]


def _stairs(points: Sequence[tuple[int, float]], stretch: Stretch) -> tuple[list[float], list[float | None]]:
    """A curve from 0 at the first to the last time that stays at a value until the next one."""
    places = [stretch(time_ns) for time_ns, _ in points for _ in range(2)]
    values = [0.0, *(value for _, value in points)]
    return [0.0, *places, 1.0], [value for value in values for _ in range(2)]


def signal_section(
    signals: Sequence[Record], stretch: Stretch, refused: Mapping[str, int], *, future: str
) -> Markup:
    """Returns the charts of the deviation with the bot's signals, and of the implied repo rate."""
    told = [(read_time(one["ts"]), one) for one in signals if one["dev_bps"] is not None]
    # The rows are out of order if the clock was set back.
    told.sort(key=itemgetter(0))
    if not told:
        text = "No signal was seen, and no sample of quotes with both legs in them was taken."
        return section("signal", "The signal", tag("p", text))
    chart = _curve(
        "signal", stretch, [(ns, one["dev_bps"]) for ns, one in told],
        unit=f"Deviation of {future} from fair, bps", title=f"Deviation of {future} from fair value",
    )  # fmt: skip
    chart.rule(0.0, style="line-zero")
    real = [(ns, one) for ns, one in told if one["action"] != "sample"]
    _mark(chart, stretch, real, "dev_bps")
    _tell(chart, stretch, told)
    below = _repo_chart(told, stretch)
    if below:
        # Both charts share a time axis; only the lower one shows its labels.
        chart.labels = [(place, "") for place, _ in chart.labels]
    charts = [chart.markup(), *below]
    keys = [
        (swatch("mark-cc", symbol="down"), "cash and carry entered"),
        (swatch("mark-reverse", symbol="up"), "reverse entered"),
        (swatch("mark-exit", symbol="ring"), "left"),
        (swatch("mark-refused", symbol="cross"), "refused"),
    ]
    caption = (
        "Through the samples, one a minute, and the signals; a signal refused again for the same reason is "
        "noted once. Implied repo is the rate at which the prices are fair: the curve at the mids, a signal "
        "at the prices it trades at."
    )
    made = figure(*charts, caption=caption, legend=legend(*keys))
    return section("signal", "The signal", made, _refused_table(refused))


def _refused_table(refused: Mapping[str, int]) -> Markup | str:
    if not refused:
        return ""
    rows = [[reason, f"{count:,}"] for reason, count in sorted(refused.items())]
    made = table("Signals that were not acted on, by the reason", ["reason", "signals"], rows, numbers=[1])
    return tag("div", tag("h3", "Refused"), made)


def _repo_chart(told: Sequence[tuple[int, Record]], stretch: Stretch) -> list[Markup]:
    known = [(ns, one) for ns, one in told if one["implied_repo"] is not None]
    if not known:
        return []
    at_mids = [(ns, 100 * one["implied_repo"]) for ns, one in known if one["action"] == "sample"]
    everything = [100 * one["implied_repo"] for _, one in known]
    chart = _curve(
        "repo", stretch, at_mids, unit="Implied repo, % a year", title="Implied repo", also=everything,
        height=170,
    )  # fmt: skip
    real = [
        (ns, {**one, "repo": 100 * one["implied_repo"]}) for ns, one in known if one["action"] != "sample"
    ]
    _mark(chart, stretch, real, "repo")
    _tell(chart, stretch, known)
    return [chart.markup()]


def _curve(key: str, stretch: Stretch, points: Sequence[tuple[int, float]], *, title: str, unit: str,
           also: Sequence[float] = (), height: int = 280) -> Chart:  # fmt: skip
    """A chart of points: a curve, or a band from least to largest value if there are many points."""
    values = [value for _, value in points]
    seen = [*values, *also]
    chart = Chart(
        key=key, title=title, unit=unit, y=Scale.around([*seen, 0.0] if key == "signal" else seen),
        height=height, labels=stretch.labels(),
        description=f"From {number(min(seen))} to {number(max(seen))}, last {number(seen[-1])}.",
    )  # fmt: skip
    if not points:
        return chart
    size_ns = max(1, (stretch.last_ns - stretch.first_ns) // PLACES_MAX)
    buckets: dict[int, list[tuple[int, float]]] = {}
    for time_ns, value in points:
        buckets.setdefault((time_ns - stretch.first_ns) // size_ns, []).append((time_ns, value))
    groups = [buckets[at] for at in sorted(buckets)]
    times = [group[-1][0] for group in groups]
    steps = [later - earlier for earlier, later in pairwise(times)]
    usual_ns = statistics.median(steps) if steps else 0
    longest_ns = max(_QUIET_NS, 3 * usual_ns)
    breaks = {at for at, step in enumerate(steps, 1) if step > longest_ns}
    xs = [stretch(time_ns) for time_ns in times]
    lows, highs = ([least(value for _, value in group) for group in groups] for least in (min, max))
    if lows != highs:
        chart.band(xs, lows, highs, style="fill-range", breaks=breaks)
    chart.line(xs, [group[-1][1] for group in groups], style="line-thin", breaks=breaks)
    return chart


def _mark(chart: Chart, stretch: Stretch, signals: Sequence[tuple[int, Record]], key: str) -> None:
    """Marks entries, exits and refused signals, each with its symbol."""
    groups: dict[tuple[str, str], list[tuple[float, float]]] = {}
    for time_ns, one in signals:
        groups.setdefault(_symbol(one), []).append((stretch(time_ns), one[key]))
    for (symbol, style), points in sorted(groups.items()):
        chart.marks(points, symbol=symbol, style=style)


def _tell(chart: Chart, stretch: Stretch, told: Sequence[tuple[int, Record]]) -> None:
    """Adds tooltips to the chart, for signals and samples, at most a fixed number of each."""
    samples = [at for at, (_, one) in enumerate(told) if one["action"] == "sample"]
    real = [at for at, (_, one) in enumerate(told) if one["action"] != "sample"]
    chosen = {*_some(real, _TOLD_SIGNALS), *_some(samples, _TOLD_SAMPLES)}
    kept = [told[at] for at in sorted(chosen)]
    texts = [_said(ns, one) for ns, one in kept]
    chart.readouts([stretch(ns) for ns, _ in kept], texts, count=_TOLD_SIGNALS + _TOLD_SAMPLES)


def _some(places: Sequence[int], count: int) -> Sequence[int]:
    """At most ``count`` of the places, evenly chosen."""
    return places if len(places) <= count else [places[at * len(places) // count] for at in range(count)]


def _symbol(signal: Record) -> tuple[str, str]:
    if signal["refusal"]:
        return "cross", "mark-refused"
    entries = {"enter_cash_and_carry": ("down", "mark-cc"), "enter_reverse": ("up", "mark-reverse")}
    return entries.get(signal["action"], ("ring", "mark-exit"))


def _said(time_ns: int, signal: Record) -> str:
    parts = [moment(time_ns // 10**9 * 10**9), f"{number(signal['dev_bps'], signed=True)} bps"]
    if signal["implied_repo"] is not None:
        parts.append(f"repo {percent(signal['implied_repo'], 2)}")
    if signal["action"] != "sample":
        parts.append(_DID.get(signal["action"], f"left: {label_of(signal['action'])}"))
    if signal["refusal"]:
        parts[-1] = f"{label_of(signal['action'])} refused: {signal['refusal']}"
    return "  ".join(parts)
