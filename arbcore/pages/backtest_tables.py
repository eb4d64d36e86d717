"""The tables of a backtest's page: months, every statistic, and the ledger's two ends."""

from collections.abc import Mapping, Sequence
from typing import Any

from arbcore.core.civil import iso_time
from arbcore.core.ledger_columns import LedgerRow
from arbcore.core.text import plural
from arbcore.pages.ledger_digest import LedgerDigest, Month
from arbcore.pages.markup import Markup, datum, number, percent, tag
from arbcore.pages.page import pair, section, signed, stacked, table
from arbcore.pages.scale import MONTHS
from arbcore.pages.words import label_of, sentence_case, statistic

_SIDES = {"cash_and_carry": "cash and carry", "reverse": "reverse"}
#: More months than this are shown as years across.
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
#: Keys of the document that have a place of their own.
_ELSEWHERE = {
    "schema", "rows", "rows_used", "rows_skipped", "first_ts", "last_ts", "params", "expiries",
    "exit_reasons", "open_position",
}  # fmt: skip
#: Already on the page as headline numbers, whose keys are not given twice.
_HEADLINES = {"net_pnl", "trades", "max_drawdown", "sharpe", "profit_factor", "exposure"}


def months_section(summary: Mapping[str, Any], ledger: LedgerDigest) -> Markup:
    """P&L by the month in which trades were closed."""
    months = sorted(ledger.months.items())
    if len(months) <= _LIST_MAX:
        made = _month_list(months, summary)
    else:
        made = _month_grid(dict(months), summary)
    return section("months", "Month by month", made)


def _month_list(months: Sequence[tuple[tuple[int, int], Month]], summary: Mapping[str, Any]) -> Markup:
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


def _month_grid(months: Mapping[tuple[int, int], Month], summary: Mapping[str, Any]) -> Markup:
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


def statistics_section(summary: Mapping[str, Any]) -> Markup:
    """Every number of the document that has no other place, those that are new to this page included."""
    known = {name for _, names in _GROUPS for name in names}
    rest = [
        name for name, value in summary.items()
        if name not in known | _ELSEWHERE and (value is None or isinstance(value, int | float | str))
    ]  # fmt: skip
    made = []
    for at, (caption, names) in enumerate(_GROUPS):
        shown = [name for name in (*names, *(rest if at == len(_GROUPS) - 1 else ())) if name in summary]
        rows = [[sentence_case(label_of(name)), _statistic(name, summary[name])] for name in shown]
        made.append(table(caption, ["number", "value"], rows, numbers=[1]))
    reasons = [
        [sentence_case(label_of(reason)), datum(count, f"{count:,}", key=f"left_{reason}")]
        for reason, count in summary["exit_reasons"].items()
    ]
    if reasons:
        why = tag("div", tag("h3", "Why positions were left"),
                  table("Exits by reason", ["reason", "trades"], reasons, numbers=[1]))  # fmt: skip
        made[-1] = tag("div", made[-1], why)
    return section("statistics", "The numbers", pair(*made))


def _statistic(name: str, value: Any) -> object:
    key = None if name in _HEADLINES else name
    return datum(None, "\N{EN DASH}", key=key) if value is None else statistic(name, value, key=key)


def ledger_section(summary: Mapping[str, Any], ledger: LedgerDigest) -> Markup:
    """The first and the last trades, and how many lie between them."""
    carried = bool(summary["financing"] or summary["dividends"])
    head = ["no.", "side", "in, out (UTC)", "contracts, shares", "ES in, out", "SPY in, out",
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
    # Down to the millisecond; the ledger's file has the rest.
    return iso_time(instant_ns // 1_000_000 * 1_000_000).replace("T", " ").removesuffix("Z")


def _price(price: float) -> str:
    """At least two decimals, and as many as there are, up to six."""
    text = f"{price:,.6f}".rstrip("0")
    decimals = len(text.partition(".")[2])
    return text if decimals >= 2 else f"{price:,.2f}"


def _money(value: float) -> str:
    return number(value, signed=True)


def _coloured(value: float, digits: int = 2) -> Markup:
    return signed(number(value, digits, signed=True), value)
