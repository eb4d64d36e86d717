"""The labels of settings, numbers and periods on pages, and the tables at the end of every page.

A name without a label here is shown as a label made from the name, so a new number of a result appears on the
page without a change.
"""

from collections.abc import Mapping

from arbcore.core.backtest_options import BACKTEST_OPTIONS, BacktestOption
from arbcore.core.result_documents import LevelFindings, RowsDocument
from arbcore.core.text import time_span, whole_seconds
from arbcore.pages.markup import Markup, datum, join, number, percent, tag
from arbcore.pages.page import table

_LABELS = {
    "net_pnl": "net P&L",
    "open_pnl": "P&L of the open position, if closed at the end",
    "total_pnl": "total P&L",
    "gross_pnl": "gross P&L",
    "basis_pnl": "P&L of the basis",
    "carry_pnl": "P&L of the carry",
    "slippage_pnl": "P&L of slippage and latency",
    "unrealised_pnl": "unrealised P&L",
    "max_drawdown": "largest drawdown",
    "max_drawdown_s": "longest time below a peak",
    "max_drawdown_closed": "drawdown of closed equity",
    "average_hold_s": "average hold",
    "expectancy": "P&L a trade",
    "wins": "trades won",
    "winning_pnl": "P&L of the winners",
    "losing_pnl": "P&L of the losers",
    "fut_entry": "future in",
    "etf_entry": "ETF in",
    "entry_dev_bps": "deviation at entry, bps",
    "dev_bps": "deviation now, bps",
    "rows_used": "rows used",
    "expiry": "expiry",
    "by_hand": "closed by hand",
}
#: Units of numbers that are not settings, by the ending of the name.
_UNITS = {"_bps": "bps", "_s": "s", "_pnl": "USD"}
_NO_SETTING = BacktestOption()


def label_of(name: str) -> str:
    """Returns the label of a setting or a statistic."""
    return _LABELS.get(name) or _option(name).label or name.replace("_", " ")


def _option(name: str) -> BacktestOption:
    return BACKTEST_OPTIONS.get(name, _NO_SETTING)


def sentence_case(text: str) -> str:
    """Returns the text with a capital first letter."""
    return text[:1].upper() + text[1:]


def setting(value: object) -> str:
    """Formats the value of a setting as briefly as possible without loss."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:,.12g}".replace("-", "\N{MINUS SIGN}")
    return f"{value:,}".replace("-", "\N{MINUS SIGN}") if isinstance(value, int) else str(value)


def in_unit(name: str) -> str:
    """Returns the label of a setting with its unit."""
    unit = _unit_of(name)
    return f"{label_of(name)}, {unit}" if unit else label_of(name)


def _unit_of(name: str) -> str:
    if name in BACKTEST_OPTIONS:
        return BACKTEST_OPTIONS[name].unit
    return next((unit for ending, unit in _UNITS.items() if name.endswith(ending)), "")


def valued(name: str, value: object) -> object:
    """Formats the value of a setting with its unit."""
    if name == "expiry" and value is None:
        return "the front contract of each row"
    if _option(name).off_at_0 and not value:
        return "off"
    if _unit_of(name) == "a year" and isinstance(value, float):
        return f"{setting(value)} a year ({number(100 * value, 3)}%)"
    if name == "factor" and isinstance(value, float):
        return repr(value)
    return f"{setting(value)} {_unit_of(name)}".strip()


def statistic(name: str, value: object, *, key: str | None) -> object:
    """Formats a number of a result, with the exact number beside it for programs, under its key."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return setting(value)
    if name.endswith("_s"):
        return datum(value, time_span(value), key=key)
    if name == "exposure":
        return datum(value, f"{percent(value)} of rows", key=key)
    return datum(value, f"{value:,}" if isinstance(value, int) else number(value), key=key)


def parameters(params: Mapping[str, object]) -> Markup:
    """Returns the table of all settings of a run."""
    rows = [
        [join((sentence_case(label_of(name)), " ", tag("span", name, class_="code"))), valued(name, value)]
        for name, value in params.items()
    ]
    return table("Settings", ["setting", "value"], rows)


def data_rows(summary: RowsDocument) -> Markup:
    """Returns the counts of rows: in total, used, and skipped by reason."""
    in_all = datum(summary["rows"], f"{summary['rows']:,}", key="rows")
    rows: list[list[object]] = [["rows in the data", in_all]]
    for reason, count in summary["rows_skipped"].items():
        why = _REASONS.get(reason, reason)
        rows.append([f"skipped: {why}", datum(count, f"{count:,}", key=f"skipped_{reason}")])
    used = summary["rows_used"]
    return table(
        "Rows", ["rows", "count"], rows, numbers=[1],
        foot=["rows used", datum(used, f"{used:,}", key="rows_used")],
    )  # fmt: skip


def level_rows(summary: LevelFindings) -> Markup:
    """Returns the level of the first and the last decided row, and the financing that it implies if known."""
    level, implied = summary["factor"], summary["implied_financing"]
    dash = "\N{EN DASH}"
    rows: list[list[object]] = []
    for end in ("first", "last"):
        factor, rate = level[end], implied[end]
        shown = (dash if factor is None else f"{factor:.6f}", dash if rate is None else f"{rate:.3%}")
        rows.append([f"{end} decided row", *shown])
    mode = level["mode"]
    if level["half_life_s"] is not None:
        mode += f", half-life {time_span(level['half_life_s'])}"
    warming = f"rows warming up: {summary['warming_up']:,}"
    caption = f"The level, index points per USD of the ETF ({mode}; {warming})"
    return table(caption, ["row", "level", "implied financing a year"], rows, numbers=[1, 2])


_REASONS = {
    "missing": "a price is missing",
    "crossed": "crossed, a bid above its ask",
    "malformed": "malformed",
}


def period(summary: RowsDocument) -> str:
    """Describes the time range and the number of rows."""
    first_ts, last_ts = summary["first_ts"], summary["last_ts"]
    if first_ts is None or last_ts is None:
        return f"None of {summary['rows']:,} rows was usable."
    return f"{readable(first_ts)} to {readable(last_ts)}, {summary['rows_used']:,} rows"


def readable(iso: str) -> str:
    """Formats ``2013-10-07T14:31:00Z`` as ``2013-10-07 14:31 UTC``, without fractions of a second."""
    text = whole_seconds(iso).replace("T", " ").removesuffix("Z")
    return f"{text.removesuffix(':00')} UTC" if text.count(":") == 2 else f"{text} UTC"


def state_words(state: str | None) -> str:
    """Describes the carry bot's last state; a run that stops in order ends in "REDUCING: stopping"."""
    return "stopped in order" if state == "REDUCING: stopping" else state or "none yet"
