"""The evidence of a backtest, a sweep or a walk-forward: whether its profit may be chance, and a verdict.

Owns the keys of ``evidence`` and the sentences; ``core.statistics`` has the tests. The input is plain
numbers: the net P&L of trades, P&L by period and cell, the total of the run with every fill one row later.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median

from arbcore.core.statistics import (
    CELLS_METHOD,
    TRADE_RESAMPLES,
    TRADES_MIN,
    MeanInterval,
    cells_in_effect,
    deflated_sharpe,
    mean_interval,
    probabilistic_sharpe,
    probability_of_overfitting,
    read_once,
    sharpe_of,
    sharpe_ratios,
    skew_and_kurtosis,
    superior_predictive_ability,
)
from arbcore.core.text import plural

#: With a p-value above this, the best of all cells may be chance.
P_VALUE_MAX = 0.05
SEED = 0
LATE = "gone when filled one row later: late or bad quotes"
MISSING = "dividends are missing from it; give a schedule with --dividends"
#: A bad print lasts at most ``PRINT_ROWS_MAX`` rows, and at most one row in ``ROWS_A_PRINT`` starts one.
PRINT_ROWS_MAX, ROWS_A_PRINT = 3, 20


@dataclass(frozen=True, slots=True)
class Late:
    """The same run with every fill later, which shows what is left of the profit after a bad quote.

    ``pnl`` is its total one row later, ``after_print_pnl`` the total ``PRINT_ROWS_MAX`` rows later and
    ``after_print_nets`` the net P&L of the closed trades of that run; USD.
    """

    pnl: float
    after_print_pnl: float
    after_print_nets: Sequence[float]

    def prints(self, trades: int, rows: int) -> str | None:
        """The reason to suspect that bad prints made the profit, as a part of a sentence; None without one.

        ``trades`` is the number of trades, ``rows`` the number of usable rows. With fills after the longest
        print the run must make money in total, and in at least half of its trades. The second condition is
        for two consecutive prints, which last six rows. Bad prints are rare, so with more than one trade in
        ``ROWS_A_PRINT`` rows the trades are not due to them.
        """
        if trades * ROWS_A_PRINT > rows:
            return None
        after = f"filled {PRINT_ROWS_MAX} rows later, when a bad print is over,"
        if self.after_print_pnl <= 0.0:
            return f"{after} it comes to {usd(self.after_print_pnl)}"
        if self.after_print_nets and median(self.after_print_nets) <= 0.0:
            return f"{after} most of its trades lose"
        return None


@dataclass(frozen=True, slots=True)
class Winner:
    """The cell that a sweep would choose.

    ``nets`` are the net P&L of its closed trades on ``rows`` usable rows, ``total_pnl`` its net P&L with the
    open position, ``at`` its column of the P&L matrix. ``outliers`` counts the data's rows that stand alone
    (``notes.outliers``). With ``missing_dividends`` a trade was held over an ex-date whose dividend is known
    only from a yield, and the result is never significant.
    """

    at: int
    nets: Sequence[float]
    total_pnl: float
    late: Late
    rows: int
    outliers: int = 0
    missing_dividends: bool = False


def backtest_evidence(
    nets: Sequence[float],
    periods: Sequence[float],
    *,
    total_pnl: float,
    late: Late,
    rows: int,
    outliers: int = 0,
    missing_dividends: bool = False,
) -> dict[str, object]:
    """The ``evidence`` of a backtest.

    Args:
        nets: the net P&L of each closed trade, USD.
        periods: the P&L by period, which adds up to the total; empty if the data is too short.
        total_pnl: net P&L with the open position.
        late: the same run with every fill later.
        rows: usable rows of the data.
        outliers: rows of the data that stand alone; the verdict names them.
        missing_dividends: a trade was held over an ex-date whose dividend is known only from a yield; the
            result is then never significant.

    Returns:
        ``trades`` {mean_net, low, high, resamples, seed}, ``delayed`` {total_pnl}, ``probabilistic_sharpe``,
        ``trades_needed``, ``significant`` (null below 20 trades), ``verdict``.
    """
    found = mean_interval(nets, seed=SEED)
    significant: bool | None = None
    if found is not None and found.low is not None:
        significant = found.low > 0.0 and late.pnl > 0.0 and not missing_dividends
        significant = significant and late.prints(len(nets), rows) is None
    return {
        "trades": {**_interval(found), "resamples": TRADE_RESAMPLES, "seed": SEED},
        "delayed": {"total_pnl": late.pnl},
        "probabilistic_sharpe": _probabilistic(periods),
        "trades_needed": None if found is None else found.trades_needed,
        "significant": significant,
        "verdict": _backtest_verdict(
            found,
            trades=len(nets),
            total_pnl=total_pnl,
            late=late,
            rows=rows,
            outliers=outliers,
            missing_dividends=missing_dividends,
        ),
    }  # fmt: skip


def _interval(found: MeanInterval | None) -> dict[str, float | None]:
    """The mean net P&L of a trade and its interval; a number that is not known is null."""
    if found is None:
        return {"mean_net": None, "low": None, "high": None}
    return {"mean_net": found.mean, "low": found.low, "high": found.high}


def _backtest_verdict(
    found: MeanInterval | None,
    *,
    trades: int,
    total_pnl: float,
    late: Late,
    rows: int,
    outliers: int,
    missing_dividends: bool,
) -> str:
    if found is None:
        return "Nothing was closed, so there is nothing to judge."
    if found.low is None or found.high is None:
        needed = (
            f"; at this mean and spread about {found.trades_needed:,} would tell it from chance"
            if found.trades_needed is not None
            else ""
        )
        return f"{plural(trades, 'trade')} are too few to judge ({TRADES_MIN} at least){needed}.".replace(
            "1 trade are", "1 trade is"
        )
    mean = f"A trade made {usd(found.mean)} on average (95% interval {usd(found.low)} to {usd(found.high)})"
    if found.low <= 0.0 <= found.high:
        needed = (
            f"; about {found.trades_needed:,} trades like these would tell"
            if found.trades_needed is not None
            else ""
        )
        return f"{mean}, which may be chance{needed}."
    if found.high < 0.0:
        return f"{mean}: it loses, and not by chance."
    if late.pnl <= 0.0:
        return f"{mean}, but {LATE} ({usd(total_pnl)} becomes {usd(late.pnl)})."
    prints = late.prints(trades, rows)
    if prints is not None:
        return f"{mean}, but {prints}{_alone(outliers)}."
    if missing_dividends:
        return f"{mean}, but {MISSING}."
    return f"{mean}, and filled one row later the run still made {usd(late.pnl)}{_alone(outliers)}."


def _alone(outliers: int) -> str:
    """The part of a good verdict about rows that stand alone; late fills do not tell those from an edge."""
    if not outliers:
        return ""
    verb = "stands" if outliers == 1 else "stand"
    return f"; {plural(outliers, 'row')} {verb} alone, so look at it with --drop-outliers too"


def sweep_evidence(pnl: Sequence[Sequence[float]], winner: Winner | None) -> dict[str, object]:
    """The ``evidence`` of a sweep.

    Args:
        pnl: periods × cells, USD; no rows if the data is too short.
        winner: the best cell by total P&L; None if nothing was traded.

    Returns:
        ``best`` {p_value, significant, mean_net, low, high}, ``delayed`` {total_pnl}, ``deflated_sharpe``,
        ``cells_in_effect`` and ``cells_method``, ``pbo``, ``periods``, ``verdict``. A number that cannot be
        computed is null.
    """
    cells = len(pnl[0]) if pnl else 0
    if winner is None:
        return {
            "best": {"p_value": None, "significant": None, **_interval(None)},
            "delayed": {"total_pnl": None},
            "deflated_sharpe": None,
            "cells_in_effect": None,
            "cells_method": CELLS_METHOD,
            "pbo": None,
            "periods": len(pnl),
            "verdict": "No cell traded, so there is nothing to judge.",
        }
    matrix = read_once(pnl)
    p_value = superior_predictive_ability(matrix, seed=SEED) if pnl else None
    found = mean_interval(winner.nets, seed=SEED)
    effective = cells_in_effect(matrix) if pnl else None
    significant = None
    if p_value is not None:
        significant = p_value <= P_VALUE_MAX and winner.late.pnl > 0.0 and not winner.missing_dividends
        significant = significant and winner.late.prints(len(winner.nets), winner.rows) is None
    return {
        "best": {"p_value": p_value, "significant": significant, **_interval(found)},
        "delayed": {"total_pnl": winner.late.pnl},
        "deflated_sharpe": _deflated(pnl, matrix, winner.at, effective),
        "cells_in_effect": effective,
        "cells_method": CELLS_METHOD,
        "pbo": probability_of_overfitting(matrix) if pnl else None,
        "periods": len(pnl),
        "verdict": _sweep_verdict(cells, winner, p_value, periods=len(pnl)),
    }


def _sweep_verdict(cells: int, winner: Winner, p_value: float | None, *, periods: int) -> str:
    if p_value is None:
        if not periods:
            return "The data is too short to judge the best cell (48 usable rows at least)."
        return "Fewer than two cells traded, so there is no best of many to judge; run it as a backtest."
    made = f"The best of {cells:,} cells made {usd(winner.total_pnl)}"
    chance = f"{made}; without any edge the best of as many makes that in {_cases(p_value)}"
    if p_value > P_VALUE_MAX:
        return f"{chance}."
    late = winner.late
    if late.pnl <= 0.0:
        return f"{chance}, but it is {LATE} ({usd(late.pnl)})."
    prints = late.prints(len(winner.nets), winner.rows)
    if prints is not None:
        return f"{chance}, but {prints}{_alone(winner.outliers)}."
    if winner.missing_dividends:
        return f"{chance}, but {MISSING}."
    still = f"{chance}, and filled one row later it still made {usd(late.pnl)}"
    return f"{still}{_alone(winner.outliers)}."


def _cases(p_value: float) -> str:
    """A p-value as a number of cases: of 100, or of 1,000 for a small one."""
    if p_value < 0.001:
        return "fewer than 1 of 1,000 cases"
    if p_value < 0.01:
        return f"{p_value * 1_000:.0f} of 1,000 cases"
    return f"{p_value * 100:.0f} of 100 cases"


def usd(amount: float) -> str:
    """An amount such as ``+873 USD``; with cents below 100.

    >>> usd(872.6), usd(-3.1), usd(-0.001)
    ('+873 USD', '-3.10 USD', '+0.00 USD')
    """
    decimals = 0 if abs(amount) >= 99.995 else 2
    # Adding 0.0 turns -0.0 into 0.0.
    return f"{round(amount, decimals) + 0.0:+,.{decimals}f} USD"


def _probabilistic(periods: Sequence[float]) -> float | None:
    sharpe, moments = sharpe_of(periods), skew_and_kurtosis(periods)
    if sharpe is None or moments is None:
        return None
    return probabilistic_sharpe(sharpe, periods=len(periods), skew=moments[0], kurtosis=moments[1])


def _deflated(
    pnl: Sequence[Sequence[float]], matrix: Iterable[Iterable[float]], best: int, effective: float | None
) -> float | None:
    """The best cell's Sharpe ratio deflated by the one that the best of the cells in effect has by chance."""
    if not pnl or effective is None:
        return None
    column = [row[best] for row in pnl]
    own, moments = sharpe_of(column), skew_and_kurtosis(column)
    if own is None or moments is None:
        return None
    sharpes = sharpe_ratios(matrix)
    mean = sum(sharpes) / len(sharpes)
    spread = sum((ratio - mean) ** 2 for ratio in sharpes) / max(1, len(sharpes) - 1)
    return deflated_sharpe(
        own,
        trials=effective,
        trials_variance=spread,
        periods=len(pnl),
        skew=moments[0],
        kurtosis=moments[1],
    )
