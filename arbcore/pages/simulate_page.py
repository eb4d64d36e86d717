"""The page of a simulation: P&L per round as a distribution and over time, and the comparison of two bots.

From plain data to text. It must not know how a round is played.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from arbcore.pages.chart import Chart, legend, swatch
from arbcore.pages.markup import Markup, datum, number, percent, tag
from arbcore.pages.page import bullets, facts, figure, heading, page, section, signed, table
from arbcore.pages.scale import Scale, decimals_of, round_step, ticks

BARS_MAX = 40
#: Most rounds whose path is drawn; they are evenly chosen.
PATHS_MAX = 40
POINTS_MAX = 2_000
HEAD = ("", "rounds", "mean", "95% of the mean", "sd", "p05", "p95", "worst", "losing")


def simulate_page(
    summary: Mapping[str, Any],
    *,
    rounds: Sequence[Mapping[str, Any]],
    notes: Sequence[str] = (),
    version: str,
) -> str:
    """Returns a self-contained HTML document of a simulation.

    ``summary`` is its JSON document; ``rounds`` have ``seed``, ``regime``, ``pnl`` (one or two numbers: the
    bot's and the other one's) and ``path`` (the bot's P&L at equal steps of the round). All text is escaped.
    """
    bot = summary["bot"]
    regimes = list(summary["regimes"])
    where = f"{len(regimes)} regimes" if len(regimes) > 1 else f"regime {regimes[0]}"
    parts: list[object] = [
        heading(
            "arbcore \N{MIDDLE DOT} simulation", bot, lede=_lede(summary),
            detail=f"{summary['rounds']:,} rounds of {summary['round_s']:g} s, {where}, seeds from "
            f"{summary['seed']}",
        ),
        _facts(summary["all"]),
        section("distribution", "P&L of a round", _distribution(summary, rounds)),
    ]  # fmt: skip
    if "paired" in summary:
        parts.append(section("paired", "Against the other bot, on the same seeds", *_paired(summary, rounds)))
    paths = _paths(summary, rounds)
    if paths:
        parts.append(section("paths", "How it grows over a round", paths))
    parts += [
        section("regimes", "By regime", _table("P&L of a round by regime, ticks", summary["regimes"])),
        section(
            "strategies", "By strategy",
            _table("P&L of a round by strategy, ticks", _inner(summary["strategies"])),
        ),
        section(
            "symbols", "By symbol", _table("P&L of a round by symbol, ticks", _inner(summary["symbols"]))
        ),
    ]  # fmt: skip
    if summary["settings"]:
        rows = [(name, str(value)) for name, value in summary["settings"].items()]
        parts.append(section("settings", "Settings", table("Other than the default", ("", ""), rows)))
    said = [*notes, *_reading(summary)]
    parts.append(section("reading", "How to read it", bullets(said)))
    return page(*parts, title=f"Simulation: {bot}", version=version)


def _lede(summary: Mapping[str, Any]) -> str:
    if "paired" in summary:
        return f"Against {summary['against']['bot']}: {summary['paired']['verdict']}"
    whole = summary["all"]
    interval = "" if whole["low"] is None else (
        f" (95% interval {number(whole['low'], 0, signed=True)} to {number(whole['high'], 0, signed=True)})"
    )
    return f"{number(whole['mean'], 0, signed=True)} ticks a round{interval}, {whole['losing']:,} losing."


def _facts(whole: Mapping[str, Any]) -> Markup:
    items: list[tuple[str, object, object]] = [
        ("Mean", _ticks(whole["mean"], "mean"), "ticks a round"),
        ("Standard deviation", number(whole["sd"], 0), "ticks"),
        ("5th percentile", _ticks(whole["p05"], "p05"), "ticks"),
        ("Worst round", _ticks(whole["worst"], "worst"), "ticks"),
        ("Losing rounds", percent(whole["losing"] / whole["rounds"]), f"of {whole['rounds']:,}"),
    ]
    return facts(items)


def _ticks(value: float, key: str) -> Markup:
    return datum(value, number(value, 0, signed=True), key=key)


def _distribution(summary: Mapping[str, Any], rounds: Sequence[Mapping[str, Any]]) -> Markup:
    """Histograms of the rounds' P&L, those of two bots one above the other."""
    both = "paired" in summary
    values = [[float(played["pnl"][bot]) for played in rounds] for bot in range(1 + both)]
    low, step, count = _bins([value for row in values for value in row])
    charts = []
    tops = [_counts(row, low, step, count) for row in values]
    scale = Scale(0.0, max(max(row) for row in tops) * 1.1 or 1.0)
    for bot, counts in enumerate(tops):
        name = summary["bot"] if bot == 0 else summary["against"]["bot"]
        chart = Chart(
            f"d{bot}", f"Distribution of the P&L of a round: {name}",
            f"Rounds by P&L in steps of {step:g} ticks; the tallest bar has {max(counts)} rounds.",
            scale, height=180, unit=f"rounds, {name}", whole=True, labels=_labels(low, step * count),
        )  # fmt: skip
        chart.bars(
            [((at + 0.04) / count, (at + 0.96) / count) for at in range(count)],
            [float(value) for value in counts],
            styles=["bar-gain" if low + at * step >= 0 else "bar-loss" for at in range(count)],
            texts=[
                f"{number(low + at * step, 0, signed=True)} to "
                f"{number(low + (at + 1) * step, 0, signed=True)}: {value} rounds"
                for at, value in enumerate(counts)
            ],
        )
        charts.append(chart.markup())
    return figure(*charts, caption="How many rounds ended with how many ticks, at the hidden fair value.")


def _bins(values: Sequence[float]) -> tuple[float, float, int]:
    """The low end, the width and the number of bars; 0 is always an edge of a bar."""
    low, high = min(*values, 0.0), max(*values, 1.0)
    step = round_step(high - low, BARS_MAX)
    first = int(low // step)
    count = int(high // step) - first + 1
    return first * step, step, count


def _counts(values: Sequence[float], low: float, step: float, count: int) -> list[int]:
    found = [0] * count
    for value in values:
        found[min(max(int((value - low) // step), 0), count - 1)] += 1
    return found


def _labels(low: float, span: float) -> list[tuple[float, str]]:
    """Round numbers along the bottom, in ticks."""
    places = ticks(low, low + span, 6)
    digits = decimals_of(places[1] - places[0]) if len(places) > 1 else 0
    return [((value - low) / span, number(value, digits)) for value in places]


def _paired(summary: Mapping[str, Any], rounds: Sequence[Mapping[str, Any]]) -> list[Markup]:
    """The verdict, and a point per round: horizontally the other bot's P&L, vertically this bot's."""
    paired = summary["paired"]
    chosen = _evenly(rounds, POINTS_MAX)
    first = [float(played["pnl"][0]) for played in chosen]
    other = [float(played["pnl"][1]) for played in chosen]
    scale = Scale.around([*first, *other])
    better = sum(one > two for one, two in zip(first, other, strict=True))
    chart = Chart(
        "pairs", "Every round of both bots",
        f"One point a round: {summary['against']['bot']} across, {summary['bot']} up. Above the line the "
        f"first did better: {better} of {len(first)} rounds.",
        scale, height=360, unit=f"ticks, {summary['bot']}", labels=_labels(scale.low, scale.high - scale.low),
    )  # fmt: skip
    chart.line([0.0, 1.0], [scale.low, scale.high], style="line-exit")
    for at in range(0, len(chosen), 300):
        points = [(scale(x), y) for x, y in zip(other[at : at + 300], first[at : at + 300], strict=True)]
        chart.marks(points, symbol="ring", style="mark-refused")
    low, high = paired["low"], paired["high"]
    interval = "" if low is None else f", {number(low, 0, signed=True)} to {number(high, 0, signed=True)}"
    sentence = tag(
        "p", signed(paired["verdict"], paired["mean"] if paired["different"] else 0.0),
        f" Mean difference {number(paired['mean'], 0, signed=True)} ticks a round{interval}.",
    )  # fmt: skip
    caption = f"Across: ticks of {summary['against']['bot']} on the same seed. On the line both did the same."
    return [sentence, figure(chart.markup(), caption=caption)]


def _paths(summary: Mapping[str, Any], rounds: Sequence[Mapping[str, Any]]) -> Markup | str:
    """P&L over time of some rounds, with the median and the band that contains 90% of rounds."""
    lengths = {len(played["path"]) for played in rounds}
    if len(lengths) != 1 or (points := lengths.pop()) < 2:
        return ""
    columns = [sorted(played["path"][at] for played in rounds) for at in range(points)]
    lows, middles, highs = ([_at(column, share) for column in columns] for share in (0.05, 0.5, 0.95))
    drawn = _evenly(rounds, PATHS_MAX)
    scale = Scale.around([*lows, *highs, *(float(value) for played in drawn for value in played["path"])])
    xs = [at / (points - 1) for at in range(points)]
    seconds = ticks(0.0, summary["round_s"], 6)
    chart = Chart(
        "paths", "P&L over the round",
        f"The middle of all rounds ends at {number(middles[-1], 0, signed=True)} ticks, nine of ten between "
        f"{number(lows[-1], 0, signed=True)} and {number(highs[-1], 0, signed=True)}.",
        scale, height=280, unit="ticks",
        labels=[(value / summary["round_s"], f"{value:g} s") for value in seconds],
    )  # fmt: skip
    chart.band(xs, list(lows), list(highs), style="fill-curve")
    for played in drawn:
        chart.line(xs, [float(value) for value in played["path"]], style="line-exit")
    chart.line(xs, list(middles), style="line-curve")
    chart.rule(0.0, style="line-zero")
    return figure(
        chart.markup(),
        caption=f"P&L at the hidden fair value, {len(drawn)} of {len(rounds):,} rounds drawn.",
        legend=legend(
            (swatch("line-curve"), "middle of all rounds"), (swatch("fill-curve"), "nine of ten rounds"),
            (swatch("line-exit"), "single rounds"),
        ),
    )  # fmt: skip


def _at(ordered: Sequence[float], share: float) -> float:
    return float(ordered[min(int(share * len(ordered)), len(ordered) - 1)])


def _evenly(items: Sequence[Any], most: int) -> list[Any]:
    if len(items) <= most:
        return list(items)
    return [items[at * len(items) // most] for at in range(most)]


def _inner(parts: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    return {name: part["pnl"] for name, part in parts.items()}


def _table(caption: str, rows: Mapping[str, Mapping[str, Any]]) -> Markup:
    body = []
    for name, row in rows.items():
        interval = "" if row["low"] is None else f"{number(row['low'], 0)} to {number(row['high'], 0)}"
        cells = [
            name, f"{row['rounds']:,}", signed(number(row["mean"], 0, signed=True), row["mean"]), interval,
            number(row["sd"], 0), number(row["p05"], 0), number(row["p95"], 0), number(row["worst"], 0),
            f"{row['losing']:,}",
        ]  # fmt: skip
        body.append(cells)
    return table(caption, HEAD, body, numbers=tuple(range(1, len(HEAD))))


def _reading(summary: Mapping[str, Any]) -> list[str]:
    kind = (
        "Intervals hold at every look, so also for a number of rounds that depended on the results."
        if summary["auto"]
        else "Intervals are Student's t, of 95%, for a number of rounds that was fixed in advance."
    )
    return [
        "P&L is cash and positions at the hidden fair value, which a bot on the exchange does not know.",
        kind,
        "A conversion moves shares between symbols at their fair values; its fee is the converted symbol's.",
        "The market is simulated: it shows which of two bots trades it better, and nothing about real ones.",
    ]
