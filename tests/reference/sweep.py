"""Twin of ``carry/_sweep``: runs the single backtest for every cell and takes columns from its summary."""

from collections.abc import Callable, Iterable, Sequence

from arbcore.research.research_settings import BacktestSettings
from reference.backtest import Backtest
from reference.quotes import Row

COLUMNS = (
    "trades", "wins", "gross_pnl", "costs", "financing", "dividends", "net_pnl", "open_pnl", "total_pnl",
    "winning_pnl", "losing_pnl", "profit_factor", "exposure", "average_hold_s", "max_drawdown_closed",
)  # fmt: skip
FULL_COLUMNS = ("max_drawdown", "sharpe")


def sweep(
    rows: Sequence[Row],
    settings: Iterable[BacktestSettings],
    *,
    front_expiry_ns: Callable[[int], int],
    fixed_expiry_ns: int | None = None,
) -> list[dict[str, object]]:
    """Returns one row of the result per cell; undefined numbers are None."""
    cells = []
    for each in settings:
        backtest = Backtest(each, front_expiry_ns, fixed_expiry_ns)
        for row in rows:
            backtest.row(row)
        backtest.end()
        found = backtest.summary()
        average_ns = found["average_hold_ns"]
        found["average_hold_s"] = average_ns / 1e9 if isinstance(average_ns, float) else None
        cells.append({name: found[name] for name in (*COLUMNS, *FULL_COLUMNS)})
    return cells
