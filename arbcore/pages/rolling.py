"""Numbers of the last dates of a run, date by date: whether it earned all along or in one stretch only."""

import math
from collections.abc import Sequence

from arbcore.core.civil import NS_PER_DAY, iso_date
from arbcore.core.statistics import sharpe_of
from arbcore.pages.chart import Chart
from arbcore.pages.markup import Markup, number
from arbcore.pages.page import figure, section
from arbcore.pages.scale import Scale, TimeAxis
from arbcore.pages.series import PLACES_MAX

#: Dates in a window; with fewer dates than this there are no rolling numbers.
DATES = 60
_TRADING_DATES_A_YEAR = 252


def rolling_numbers(closes: Sequence[float]) -> list[tuple[float, float | None]]:
    """P&L in USD and annual Sharpe ratio of each window of 60 dates.

    Args:
        closes: the last equity of each date in USD; equity begins at 0.

    Returns:
        A pair for each date from the 60th on; a ratio without variance is None.

    >>> rolling_numbers([float(at) for at in range(1, 62)])
    [(60.0, None), (60.0, None)]
    """
    changes = [after - before for before, after in zip([0.0, *closes], closes, strict=False)]
    windows = [changes[end - DATES : end] for end in range(DATES, len(changes) + 1)]
    ratios = [sharpe_of(window) for window in windows]
    return [
        (math.fsum(window), None if ratio is None else ratio * math.sqrt(_TRADING_DATES_A_YEAR))
        for window, ratio in zip(windows, ratios, strict=True)
    ]


def rolling_section(closes: Sequence[tuple[int, float]]) -> list[Markup]:
    """Returns the charts of the rolling numbers; nothing if there are fewer than 60 dates.

    ``closes`` are the end of each UTC date in nanoseconds and its last equity in USD.
    """
    found = rolling_numbers([equity for _, equity in closes])
    if not found:
        return []
    # Of more dates than the chart has places, some are left out, never the last one.
    step = -(-len(found) // PLACES_MAX)
    shown = range((len(found) - 1) % step, len(found), step)
    axis = TimeAxis([closes[DATES - 1 + at][0] for at in shown])
    # The instant before its end is still on the date.
    dates = [iso_date((end_ns - 1) // NS_PER_DAY) for end_ns in axis.times_ns]
    pnl = _chart(
        axis, dates, [found[at][0] for at in shown], key="rolling-pnl", title=f"P&L of {DATES} dates",
        unit="USD", labels=[(place, "") for place, _ in axis.labels()],
    )  # fmt: skip
    sharpe = _chart(
        axis, dates, [found[at][1] for at in shown], key="rolling-sharpe",
        title=f"Sharpe ratio of {DATES} dates", unit="a year", labels=axis.labels(),
    )  # fmt: skip
    caption = (
        f"Each point is of the last {DATES} UTC dates with rows: the change of equity over them, and the "
        "Sharpe ratio of its daily changes. A run that earned in one stretch only falls back to 0 here."
    )
    return [section("rolling", f"The last {DATES} dates, date by date", figure(pnl, sharpe, caption=caption))]


def _chart(
    axis: TimeAxis, dates: Sequence[str], values: Sequence[float | None], *, key: str, title: str, unit: str,
    labels: Sequence[tuple[float, str]],
) -> Markup:  # fmt: skip
    known = [value for value in values if value is not None]
    chart = Chart(
        key=key, title=title, unit=f"{title}, {unit}", height=150, labels=labels,
        y=Scale.around([0.0, *known]),
        description=f"Last {number(known[-1])}, lowest {number(min(known))}, highest {number(max(known))}."
        if known else "There is no ratio, since equity never changed.",
    )  # fmt: skip
    chart.line(axis.places, list(values), style="line-curve")
    chart.rule(0.0, style="line-zero")
    chart.readouts(
        axis.places,
        [
            f"{date}  {'none' if value is None else number(value)}"
            for date, value in zip(dates, values, strict=True)
        ],
    )
    return chart.markup()
