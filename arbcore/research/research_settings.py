"""What a backtest is asked to do: every number that a result depends on besides the data.

Owns the defaults, the bounds and the sentences about values out of range. It must not know where the values
come from (flags, a notebook), nor how the data is read.
"""

from dataclasses import dataclass, fields
from itertools import pairwise
from numbers import Real
from typing import Any

from arbcore.carry.level import AUTO_ROWS, LevelMode, LevelRule, parse_level
from arbcore.carry.money import PaidDividend
from arbcore.carry.pairs import PAIRS, Pair, pair_named
from arbcore.carry.row_terms import RowTerms
from arbcore.carry.terms import DEFAULT_YIELD, Quoting, RateHistory, Yields
from arbcore.core.text import printable
from arbcore.errors import ConfigError

DAY_NS = 86_400 * 10**9
#: Where a position may be filled: at the touch (crossing the spread on both legs) or at the mid.
FILLS = ("touch", "mid")
#: Whose fees are charged in place of ``cost_bps``.
FEES = ("ibkr",)
#: Rows of ``auto``: one trading day of minutes.
CALIBRATION_ROWS = AUTO_ROWS
#: The pair where nobody names one.
DEFAULT_PAIR = PAIRS[0].name
#: An exit that is not set is this part of the entry.
EXIT_PART = 0.25

_LARGE = 1e9
_REAL: Any = Real
# (low, high), both allowed.
BOUNDS: dict[str, tuple[float, float]] = {
    "r": (-1.0, 1.0),
    "d": (-1.0, 1.0),
    "financing_spread_bps": (-10_000.0, 10_000.0),
    "true_factor": (1e-6, 1e6),
    "entry_bps": (-_LARGE, _LARGE),
    "exit_bps": (-_LARGE, _LARGE),
    "cost_bps": (0.0, 10_000.0),
    "stop_bps": (0.0, _LARGE),
    "max_hold_days": (0.0, 36_600.0),
    "cooldown_s": (0.0, 36_600.0 * 86_400.0),
    "multiplier": (1e-6, 1e6),
    "contracts": (1, 1_000_000),
    "es_slippage_ticks": (0.0, 1e6),
    "spy_slippage_ticks": (0.0, 1e6),
    "es_latency_rows": (0, 1_000_000),
    "spy_latency_rows": (0, 1_000_000),
    "es_fee": (0.0, 1e6),
    "spy_fee": (0.0, 1e6),
    "spy_fee_min": (0.0, 1e6),
    "funding_rate": (-1.0, 1.0),
    "short_rate": (-1.0, 1.0),
    "borrow_rate": (-1.0, 1.0),
}
_WHOLE = ("contracts", "es_latency_rows", "spy_latency_rows")
# What may be left to the pair, the entry or the rate of the run.
_OPEN = ("exit_bps", "cost_bps", "multiplier", "funding_rate", "true_factor")


@dataclass(frozen=True, kw_only=True)
class BacktestSettings:
    """Settings of one backtest; rates are annual decimals, continuously compounded.

    ``factor`` is ``track[:HALF_LIFE]``, ``auto[:ROWS]``, ``column`` or a number. ``rates`` (a name, how it is
    quoted, days and values) wins over ``r``, ``yields`` (expiry days and yields) over ``d``, and
    ``dividends`` (ex instant in ns, amount, whether in index points, in order of time) over both yields;
    ``dividends_file`` is the name of their file and the line of each, for an error. An ``exit_bps`` of None
    is a quarter of the entry, a ``cost_bps`` or ``multiplier`` of None the pair's, a ``funding_rate`` of None
    the run's rate at the entry. ``stop_bps`` and ``max_hold_days`` of 0 switch the rule off. A leg is filled
    its latency in valid rows after the row that decided. Fees are USD a side, besides ``cost_bps``:
    ``es_fee`` a contract, ``spy_fee`` a share and at least ``spy_fee_min`` an order; ``fees`` charges a
    broker's instead of all of them. Raises ConfigError for a value out of range.
    """

    pair: str = DEFAULT_PAIR
    r: float = 0.045
    d: float = DEFAULT_YIELD
    financing_spread_bps: float = 0.0
    factor: float | str = "track"
    true_factor: float | None = None
    entry_bps: float = 3.0
    exit_bps: float | None = None
    cost_bps: float | None = None
    stop_bps: float = 0.0
    max_hold_days: float = 0.0
    cooldown_s: float = 0.0
    multiplier: float | None = None
    contracts: int = 1
    fill: str = "touch"
    es_slippage_ticks: float = 0.0
    spy_slippage_ticks: float = 0.0
    es_latency_rows: int = 0
    spy_latency_rows: int = 0
    fees: str | None = None
    es_fee: float = 0.0
    spy_fee: float = 0.0
    spy_fee_min: float = 0.0
    funding_rate: float | None = None
    short_rate: float = 0.0
    borrow_rate: float = 0.0
    close_at_end: bool = False
    rates: tuple[str, str, tuple[int, ...], tuple[float, ...]] | None = None
    yields: tuple[tuple[int, float], ...] = ()
    dividends: tuple[tuple[int, float, bool], ...] = ()
    dividends_file: tuple[str, tuple[int, ...]] | None = None

    def __post_init__(self) -> None:
        pair = self._checked_pair()
        for name, open_value in (("cost_bps", pair.cost_bps), ("multiplier", pair.multiplier)):
            if getattr(self, name) is None:
                object.__setattr__(self, name, open_value)
        for name, (low, high) in BOUNDS.items():
            value: Any = getattr(self, name)
            if value is None and name in _OPEN:
                continue
            # NumPy's numbers are real too.
            if isinstance(value, bool) or not isinstance(value, _REAL):
                raise ConfigError(f"{name} is {printable(repr(value), 60)}, which is not a number.")
            if not low <= value <= high:
                raise ConfigError(f"{name} is {value!r}; it may be from {low:g} to {high:g}.")
            if name in _WHOLE and value != int(value):
                raise ConfigError(f"{name} is {value!r}; it must be a whole number.")
            # One type whoever asks, so that the same settings always print the same.
            object.__setattr__(self, name, int(value) if name in _WHOLE else float(value))
        for name, allowed in (("fill", FILLS), ("fees", (None, *FEES))):
            given = getattr(self, name)
            if given not in allowed:
                words = " or ".join(each for each in allowed if each is not None)
                raise ConfigError(f"{name} is {printable(repr(given), 60)}; it may be {words}.")
        if not isinstance(self.close_at_end, bool):
            raise ConfigError(
                f"close_at_end is {printable(repr(self.close_at_end), 60)}; it may be True or False."
            )
        self._check_factor()
        self._check_dividends()

    def _checked_pair(self) -> Pair:
        if not isinstance(self.pair, str):
            raise ConfigError(f"pair is {printable(repr(self.pair), 60)}, which is no pair's name.")
        pair = pair_named(self.pair)
        object.__setattr__(self, "pair", pair.name)
        return pair

    def _check_factor(self) -> None:
        factor: Any = self.factor
        if isinstance(factor, bool) or not isinstance(factor, (str, _REAL)):
            raise ConfigError(
                f"factor is {printable(repr(factor), 60)}; it may be track, auto, column or a number."
            )
        rule = parse_level(factor if isinstance(factor, str) else float(factor))
        text = rule.factor if rule.mode is LevelMode.NUMBER else str(factor).strip().lower()
        object.__setattr__(self, "factor", text)

    def _check_dividends(self) -> None:
        try:
            # Of a pair the amount is USD a share.
            schedule = tuple(
                (int(ex_ns), float(amount), bool(points[0]) if points else False)
                for ex_ns, amount, *points in self.dividends
            )
        except (TypeError, ValueError, OverflowError):
            raise ConfigError("dividends are pairs of an ex instant in ns and USD a share.") from None
        object.__setattr__(self, "dividends", schedule)
        if any(later[0] <= earlier[0] for earlier, later in pairwise(self.dividends)):
            raise ConfigError("dividends must be in order of their ex-dates, each date once.")

    @property
    def the_pair(self) -> Pair:
        """The row of the table of pairs."""
        return pair_named(self.pair)

    @property
    def level(self) -> LevelRule:
        """How the factor is known."""
        return parse_level(self.factor)

    @property
    def exit_wanted_bps(self) -> float:
        """The deviation at which a position is left."""
        return EXIT_PART * self.entry_bps if self.exit_bps is None else self.exit_bps

    @property
    def schedule(self) -> tuple[PaidDividend, ...]:
        """The dividends, each with the line of its file."""
        lines = (0,) * len(self.dividends) if self.dividends_file is None else self.dividends_file[1]
        return tuple(PaidDividend(*each, line) for each, line in zip(self.dividends, lines, strict=True))

    @property
    def row_terms(self) -> RowTerms:
        """What the rows are valued with."""
        rates = None
        if self.rates is not None:
            name, quoting, days, values = self.rates
            rates = RateHistory(name, Quoting(quoting), days, values)
        return RowTerms(
            level=self.level,
            r=self.r,
            rates=rates,
            yields=Yields(self.d, dict(self.yields)),
            schedule=self.schedule if self.dividends else None,
            financing_spread_bps=self.financing_spread_bps,
        )

    @property
    def max_hold_ns(self) -> int:
        """0 where the rule is off."""
        return round(self.max_hold_days * DAY_NS)

    @property
    def cooldown_ns(self) -> int:
        return round(self.cooldown_s * 10**9)

    def document(self) -> dict[str, object]:
        """The settings as the ``params`` of a result."""
        shown: dict[str, object] = {item.name: getattr(self, item.name) for item in fields(self)}
        shown["exit_bps"] = self.exit_wanted_bps
        shown["rates"] = None if self.rates is None else self.rates[0]
        shown["yields"] = {str(day): value for day, value in self.yields}
        shown["dividends"] = len(self.dividends)
        shown["dividends_file"] = None if self.dividends_file is None else self.dividends_file[0]
        return shown
