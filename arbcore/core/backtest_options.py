"""The settings of a backtest, each declared once: default, bounds, flag, unit, label, and use in a sweep.

A setting is a field of ``BacktestOptions``. It determines the bounds (``research.research_settings``), the
flags of ``arbcore backtest`` and ``sweep``, the axes of a grid, whether a sweep may go from event to event,
the labels of a page and the documentation. ``BacktestKeywords`` and ``SweepKeywords`` repeat the keyword
arguments of ``arbcore.backtest`` and ``arbcore.sweep`` for editors and type checkers; a test compares them
with the fields.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Protocol, TypedDict, TypeVar

Default = TypeVar("Default")

#: The annual dividend yield used if none is given.
DEFAULT_YIELD = 0.014
_LARGE = 1e9
#: Rates by date: the source's name, how they are quoted, days and values.
Rates = tuple[str, str, tuple[int, ...], tuple[float, ...]]
#: Bounds of an annual rate, as a decimal.
RATE_BOUNDS = (-1.0, 1.0)


@dataclass(frozen=True, kw_only=True)
class BacktestOption:
    """What a setting has besides its type.

    ``reads`` is how its flag is read: ``number``; ``terms`` (a number, several, or a file); ``level``;
    ``name``; ``word`` (one of ``choices``); ``switch``; ``file``; or ``""`` for no flag. Settings with the
    same ``flag`` share it, separated by commas; with ``for_all`` a single number is used for all of them.
    """

    help: str = ""
    reads: str = "number"
    name: str = ""
    default: object = None
    #: The default in words, if the value alone is not clear; "-" leaves the default out of the help.
    default_text: str = ""
    bounds: tuple[float, float] | None = None
    whole: bool = False
    choices: tuple[str, ...] = ()
    flag: str = ""
    alias: str = ""
    metavar: str | None = None
    for_all: bool = False
    unit: str = ""
    label: str = ""
    #: With a value of 0 the rule is off.
    off_at_0: bool = False
    #: A sweep may take a range of it.
    varies: bool = True
    #: With any value of it, not only the default, a sweep may go from event to event.
    jumps: bool = True
    #: Rows are valued with it, so only cells with the same value share the values of the rows.
    values_rows: bool = False

    @property
    def help_text(self) -> str:
        """The sentence of ``--help``."""
        if self.default_text == "-":
            return self.help
        known = f"{self.default:g}" if isinstance(self.default, int | float) else str(self.default)
        return f"{self.help} (default {self.default_text or ('off' if self.off_at_0 else known)})"


def option(default: Default, **known: object) -> Default:
    """A field of ``BacktestOptions``: its default, and ``known``, the other fields of ``BacktestOption``."""
    whole = isinstance(default, int)
    found = BacktestOption(**{"whole": whole, **known})  # type: ignore[arg-type]
    return field(default=default, metadata={"option": found})


@dataclass(frozen=True, kw_only=True)
class BacktestOptions:
    """The fields of ``BacktestSettings``, which defines what they mean together and checks them."""

    pair: str = option(
        "es-spy", reads="name", metavar="NAME", varies=False, help="such as es-spy or nq-qqq",
        default_text="by the columns",
    )
    r: float = option(
        0.045, reads="terms", bounds=RATE_BOUNDS, metavar="RATE|FILE", unit="a year", label="interest rate",
        values_rows=True, help="interest rate, continuously compounded, or a CSV of rates by date",
    )
    d: float = option(
        DEFAULT_YIELD, reads="terms", bounds=RATE_BOUNDS, metavar="RATE[,CODE:RATE]", unit="a year",
        values_rows=True, label="dividend yield",
        help="dividend yield, and contracts' own such as ESH26:0.011",
    )
    financing_spread_bps: float = option(
        0.0, bounds=(-10_000.0, 10_000.0), metavar="BPS", unit="bps", values_rows=True,
        help="added to the rate in the fair value",
    )
    factor: float | str = option(
        "track", reads="level", metavar="X", label="level: index points per USD of the ETF", values_rows=True,
        help="the level: track[:HALF_LIFE] learns it (default track:60m), auto[:ROWS] calibrates it once, a "
        "number is index points per USD of the ETF, column is the file's factor or index column",
        default_text="-",
    )
    true_factor: float | None = option(
        None, bounds=(1e-6, 1e6), metavar="X", default_text="-",
        help="index points per USD of the ETF, which shows the financing that the level implies",
    )
    entry_bps: float = option(
        3.0, bounds=(-_LARGE, _LARGE), metavar="BPS", unit="bps", label="entry",
        help="edge wanted at the touch after costs",
    )
    exit_bps: float | None = option(
        None, bounds=(-_LARGE, _LARGE), metavar="BPS", unit="bps", label="exit",
        help="deviation at which a position is closed", default_text="a quarter of the entry",
    )
    cost_bps: float | None = option(
        None, bounds=(0.0, 10_000.0), metavar="BPS", unit="bps", label="cost of a round trip",
        help="cost of a round trip in bps of the future", default_text="by pair: es-spy 0.5",
    )
    stop_bps: float = option(
        0.0, bounds=(0.0, _LARGE), metavar="BPS", unit="bps", label="stop", off_at_0=True,
        help="exit when the deviation has moved this far against the position",
    )
    max_hold_days: float = option(
        0.0, bounds=(0.0, 36_600.0), metavar="DAYS", unit="days", label="longest hold", off_at_0=True,
        help="exit after this many days",
    )
    cooldown_s: float = option(
        0.0, bounds=(0.0, 36_600.0 * 86_400.0), metavar="S", unit="s", label="pause after an exit",
        help="seconds without an entry after an exit",
    )
    multiplier: float | None = option(
        None, bounds=(1e-6, 1e6), metavar="USD", unit="USD a point", help="USD per point of the contract",
        default_text="by pair: es-spy 50",
    )
    contracts: int = option(1, bounds=(1, 1_000_000), metavar="N", help="contracts per trade")
    fill: str = option(
        "touch", reads="word", choices=("touch", "mid"), varies=False, help="where orders are filled"
    )
    es_slippage_ticks: float = option(
        0.0, bounds=(0.0, 1e6), flag="slippage-ticks", for_all=True, metavar="N[,M]", unit="ticks",
        label="slippage of the future", help="ticks lost at each fill of each leg, or on future and ETF",
    )
    spy_slippage_ticks: float = option(
        0.0, bounds=(0.0, 1e6), flag="slippage-ticks", unit="ticks", label="slippage of the ETF"
    )
    es_latency_rows: int = option(
        0, bounds=(0, 1_000_000), flag="latency-rows", for_all=True, metavar="N[,M]", unit="rows",
        label="latency of the future", jumps=False,
        help="usable rows from a decision to the fill of each leg, or of future and ETF",
    )
    spy_latency_rows: int = option(
        0, bounds=(0, 1_000_000), flag="latency-rows", unit="rows", label="latency of the ETF", jumps=False
    )
    fees: str | None = option(
        None, reads="word", choices=("ibkr",), varies=False, default_text="-",
        help="charge the broker's fees and rates",
    )
    es_fee: float = option(
        0.0, bounds=(0.0, 1e6), alias="fut-fee", metavar="USD", unit="USD",
        label="fee per contract and side", help="fee per contract and side, besides --cost-bps",
    )
    spy_fee: float = option(
        0.0, bounds=(0.0, 1e6), flag="spy-fee", alias="etf-fee", metavar="USD[,MIN]", unit="USD",
        label="fee per share and side",
        help="fee per share and side, and the least per side, besides --cost-bps",
    )
    spy_fee_min: float = option(
        0.0, bounds=(0.0, 1e6), flag="spy-fee", unit="USD", label="least fee of an order of the ETF"
    )
    funding_rate: float | None = option(
        None, bounds=RATE_BOUNDS, metavar="RATE", unit="a year", help="paid on the ETF leg when long",
        default_text="the run's rate at the entry",
    )
    short_rate: float = option(
        0.0, bounds=RATE_BOUNDS, metavar="RATE", unit="a year", help="received on the ETF leg when short"
    )
    borrow_rate: float = option(
        0.0, bounds=RATE_BOUNDS, metavar="RATE", unit="a year", help="paid for borrowing the ETF when short"
    )
    close_at_end: bool = option(
        False, reads="switch", varies=False, label="close at the end", default_text="-",
        help="close an open position at the end",
    )
    rates: tuple[str, str, tuple[int, ...], tuple[float, ...]] | None = option(
        None, reads="file", metavar="FILE", varies=False, values_rows=True, default_text="-",
        help="CSV of date and rate, DTB3, SOFR or EFFR, in place of --r",
    )
    yields: tuple[tuple[int, float], ...] = option((), reads="", varies=False, values_rows=True)
    dividends: tuple[tuple[int, float, bool], ...] = option(
        (), reads="file", metavar="FILE", varies=False, values_rows=True, default_text="-",
        help="CSV of ex_date,amount[,unit]: USD a share or index points, in place of --d",
    )
    dividends_file: tuple[str, tuple[int, ...]] | None = option(None, reads="", varies=False)


def _declared() -> dict[str, BacktestOption]:
    return {
        item.name: replace(
            item.metadata["option"],
            name=item.name,
            default=item.default,
            flag=item.metadata["option"].flag or item.name.replace("_", "-"),
        )
        for item in fields(BacktestOptions)
    }


#: Every setting by name, in the order in which a result shows them.
BACKTEST_OPTIONS = _declared()


class HasList(Protocol):
    """An array of numbers, such as NumPy's."""

    def tolist(self) -> object: ...


class HasPath(Protocol):
    """A path, such as pathlib's."""

    def __fspath__(self) -> str: ...


#: A file, given by its path.
File = str | HasPath
#: A number of a sweep, or several to try: ``"LO:HI:STEP"``, ``"1,2,5"``, a sequence of numbers.
Range = float | str | Sequence[float] | HasList


class BacktestKeywords(TypedDict, total=False):
    """The keyword arguments of ``arbcore.backtest``."""

    pair: str
    r: float | File
    d: float | str
    financing_spread_bps: float
    factor: float | str
    true_factor: float | None
    entry_bps: float
    exit_bps: float | None
    cost_bps: float | None
    stop_bps: float
    max_hold_days: float
    cooldown_s: float
    multiplier: float | None
    contracts: int
    fill: str
    es_slippage_ticks: float
    spy_slippage_ticks: float
    es_latency_rows: int
    spy_latency_rows: int
    fees: str | None
    es_fee: float
    spy_fee: float
    spy_fee_min: float
    funding_rate: float | None
    short_rate: float
    borrow_rate: float
    close_at_end: bool
    rates: File | Rates | None
    yields: tuple[tuple[int, float], ...]
    dividends: File | Sequence[tuple[int, float] | tuple[int, float, bool]]
    dividends_file: tuple[str, tuple[int, ...]] | None


class SweepKeywords(TypedDict, total=False):
    """The keyword arguments of ``arbcore.sweep``; each number may be a range."""

    pair: str
    r: Range | File
    d: Range
    financing_spread_bps: Range
    factor: Range | Sequence[str]
    true_factor: Range | None
    entry_bps: Range
    exit_bps: Range | None
    cost_bps: Range | None
    stop_bps: Range
    max_hold_days: Range
    cooldown_s: Range
    multiplier: Range | None
    contracts: Range
    fill: str
    es_slippage_ticks: Range
    spy_slippage_ticks: Range
    es_latency_rows: Range
    spy_latency_rows: Range
    fees: str | None
    es_fee: Range
    spy_fee: Range
    spy_fee_min: Range
    funding_rate: Range | None
    short_rate: Range
    borrow_rate: Range
    close_at_end: bool
    rates: File | Rates | None
    yields: tuple[tuple[int, float], ...]
    dividends: File | Sequence[tuple[int, float] | tuple[int, float, bool]]
    dividends_file: tuple[str, tuple[int, ...]] | None
