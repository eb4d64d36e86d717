"""The JSON documents of a backtest and a sweep, key by key; a notebook gets them as ``summary``.

Owns the keys and the types. ``docs/schemas`` has the same for other languages, and a test compares the two.
Money is USD, times are ISO 8601 UTC, None is a number that is not defined.
"""

from collections.abc import Mapping
from typing import TypedDict

#: A number, a text, or None where a number is not defined.
Cell = float | str | None


class RowsDocument(TypedDict):
    """The counts of data rows: all of them, those used, and those skipped by reason."""

    rows: int
    rows_used: int
    rows_skipped: dict[str, int]
    first_ts: str | None
    last_ts: str | None


class AskedDocument(RowsDocument):
    """The counts of data rows, and the settings by name."""

    params: Mapping[str, object]


class TotalsDocument(TypedDict):
    """The numbers of a run that its kernel computes and a result shows unchanged."""

    trades: int
    wins: int
    gross_pnl: float
    costs: float
    fees: float
    financing: float
    dividends: float
    net_pnl: float
    open_pnl: float
    total_pnl: float
    carry_pnl: float
    slippage_pnl: float
    basis_pnl: float
    unfilled_entries: int
    warming_up: int
    sharpe_dates: int
    max_drawdown: float
    max_drawdown_closed: float
    exposure: float | None
    winning_pnl: float
    losing_pnl: float
    profit_factor: float | None
    expectancy: float | None
    exit_reasons: dict[str, int]
    unrealised_pnl: float
    final_equity: float
    sharpe: float | None
    sortino: float | None
    calmar: float | None


class RunNumbers(TotalsDocument):
    """All numbers of a run as its kernel returns them, times in ns."""

    rows_used: int
    first_ns: int | None
    last_ns: int | None
    max_drawdown_ns: int
    average_hold_ns: float | None


class PositionNumbers(TypedDict):
    """The position at the end, without its times. A leg whose order is not filled yet has no price."""

    side: str
    contracts: int
    shares: int
    fut_entry: float | None
    etf_entry: float | None
    entry_dev_bps: float
    dev_bps: float
    cost_charged: float
    unrealised_pnl: float
    on_its_way: str | None


class OpenPosition(PositionNumbers):
    """The position at the end as its kernel returns it, times in ns."""

    entry_ns: int
    expiry_ns: int


class HeldPosition(PositionNumbers):
    """The position at the end as a result shows it."""

    entry_ts: str
    expiry_ts: str


class LevelDocument(TypedDict):
    """How the level was found, and its values at the first and the last decided row."""

    mode: str
    half_life_s: float | None
    first: float | None
    last: float | None


class ImpliedFinancing(TypedDict):
    """The annual rate that makes the model fit the level, given the true factor."""

    first: float | None
    last: float | None


class EdgeDocument(TypedDict):
    """The largest edge of a row before costs, in bps, and its time."""

    before_costs: float
    ts: str


class LevelFindings(TypedDict):
    """The findings on the level: how it was found, what it implies, and the number of rows without one."""

    factor: LevelDocument
    implied_financing: ImpliedFinancing
    warming_up: int


class LookaheadDocument(TypedDict):
    """The number of cuts tried, and the first difference."""

    cuts: int
    ok: bool
    difference: str | None


class TradeInterval(TypedDict):
    """The mean net P&L of a trade, USD, and its 95% interval by resampling."""

    mean_net: float | None
    low: float | None
    high: float | None
    resamples: int
    seed: int


class DelayedRun(TypedDict):
    """The run with every fill one row later."""

    total_pnl: float


class BacktestEvidence(TypedDict):
    """The evidence of a backtest: a verdict in words, and its numbers."""

    trades: TradeInterval
    delayed: DelayedRun
    probabilistic_sharpe: float | None
    trades_needed: int | None
    significant: bool | None
    verdict: str


class BacktestRequired(AskedDocument, TotalsDocument):
    """The keys that every backtest has."""

    schema: str
    pair: str
    expiries: list[str]
    factor: LevelDocument
    implied_financing: ImpliedFinancing
    largest_edge_bps: EdgeDocument | None
    max_drawdown_s: float
    average_hold_s: float | None
    open_position: HeldPosition | None
    evidence: BacktestEvidence | None
    notes: list[str]


class BacktestSummary(BacktestRequired, total=False):
    """The document of ``arbcore backtest --json``."""

    lookahead: LookaheadDocument


class FileDocument(RowsDocument):
    """The counts of the data rows of one file of a sweep."""

    name: str
    factor: LevelDocument


class RegionDocument(TypedDict):
    """A cell with all neighbours one step away: the worst of them, and the range of each setting."""

    cell: dict[str, Cell]
    worst_total_pnl: float
    mean_total_pnl: float
    cells: int
    ranges: dict[str, list[Cell]]


class SweepEvidence(TypedDict):
    """The evidence of the best cell of a sweep: a verdict in words, and its numbers."""

    best: Mapping[str, object]
    delayed: DelayedRun | None
    deflated_sharpe: float | None
    cells_in_effect: float | None
    cells_method: str | None
    pbo: float | None
    periods: int
    verdict: str


class SweepSummary(AskedDocument):
    """The document of ``arbcore sweep --json`` without its table. A cell has settings and numbers by name."""

    schema: str
    pair: str
    files: list[FileDocument]
    factor: LevelDocument
    implied_financing: ImpliedFinancing
    warming_up: int
    largest_edge_bps: EdgeDocument | None
    ranges: dict[str, list[float | str]]
    cells: int
    best: dict[str, Cell] | None
    best_cells: list[dict[str, Cell]]
    robust: list[RegionDocument]
    walk_forward: Mapping[str, object] | None
    evidence: SweepEvidence | None
    notes: list[str]
