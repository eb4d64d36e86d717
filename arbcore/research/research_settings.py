"""What a backtest is asked to do: every number that a result depends on besides the data.

Owns the defaults, the bounds and the sentences about values out of range. It must not know where the values
come from (flags, a notebook), nor how the data is read.
"""

from dataclasses import dataclass, field, fields
from itertools import pairwise
from numbers import Real
from typing import Any

from arbcore.core.text import printable
from arbcore.errors import ConfigError

DAY_NS = 86_400 * 10**9
#: Where a position may be filled: at the touch (crossing the spread on both legs) or at the mid.
FILLS = ("touch", "mid")
#: Rows of the calibration window of ``--factor auto``: one trading day of minutes.
CALIBRATION_ROWS = 390

_LARGE = 1e9
_REAL: Any = Real
# (low, high), both allowed.
_BOUNDS: dict[str, tuple[float, float]] = {
    "r": (-1.0, 1.0),
    "d": (-1.0, 1.0),
    "factor": (1e-6, 1e6),
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
    "borrow_rate": (-1.0, 1.0),
    "calibration_rows": (0, 10_000_000),
}
_WHOLE = ("contracts", "calibration_rows", "es_latency_rows", "spy_latency_rows")


@dataclass(frozen=True, kw_only=True)
class BacktestSettings:
    """Settings of one backtest; rates are annual decimals, continuously compounded.

    ``stop_bps`` and ``max_hold_days`` of 0 switch the rule off. ``calibration_rows`` above 0 takes the factor
    from that many first valid rows, which are not traded, in place of ``factor``; ``factor_column`` from each
    row. A leg is filled its latency in valid rows after the row that decided. Fees are USD a side, besides
    ``cost_bps``: ``es_fee`` a contract, ``spy_fee`` a share and at least ``spy_fee_min`` an order.
    ``dividends`` are pairs (ex instant in ns, USD a share) in order of time. Raises ConfigError for a value
    out of range.
    """

    r: float = 0.045
    d: float = 0.014
    factor: float = 10.0
    calibration_rows: int = 0
    factor_column: bool = False
    entry_bps: float = 20.0
    exit_bps: float = 5.0
    cost_bps: float = 4.0
    stop_bps: float = 0.0
    max_hold_days: float = 0.0
    cooldown_s: float = 0.0
    multiplier: float = 50.0
    contracts: int = 1
    fill: str = "touch"
    es_slippage_ticks: float = 0.0
    spy_slippage_ticks: float = 0.0
    es_latency_rows: int = 0
    spy_latency_rows: int = 0
    es_fee: float = 0.0
    spy_fee: float = 0.0
    spy_fee_min: float = 0.0
    funding_rate: float = 0.0
    borrow_rate: float = 0.0
    close_at_end: bool = False
    dividends: tuple[tuple[int, float], ...] = field(default=())

    def __post_init__(self) -> None:
        for name, (low, high) in _BOUNDS.items():
            value: Any = getattr(self, name)
            # NumPy's numbers are real too.
            if isinstance(value, bool) or not isinstance(value, _REAL):
                raise ConfigError(f"{name} is {printable(repr(value), 60)}, which is not a number.")
            if not low <= value <= high:
                raise ConfigError(f"{name} is {value!r}; it may be from {low:g} to {high:g}.")
            if name in _WHOLE and value != int(value):
                raise ConfigError(f"{name} is {value!r}; it must be a whole number.")
            # One type whoever asks, so that the same settings always print the same.
            object.__setattr__(self, name, int(value) if name in _WHOLE else float(value))
        if not isinstance(self.fill, str) or self.fill not in FILLS:
            raise ConfigError(f"fill is {printable(repr(self.fill), 60)}; it may be {' or '.join(FILLS)}.")
        for name in ("factor_column", "close_at_end"):
            if not isinstance(getattr(self, name), bool):
                raise ConfigError(
                    f"{name} is {printable(repr(getattr(self, name)), 60)}; it may be True or False."
                )
        try:
            schedule = tuple((int(ex_ns), float(amount)) for ex_ns, amount in self.dividends)
        except (TypeError, ValueError, OverflowError):
            raise ConfigError("dividends are pairs of an ex instant in ns and USD a share.") from None
        object.__setattr__(self, "dividends", schedule)
        if any(later[0] <= earlier[0] for earlier, later in pairwise(self.dividends)):
            raise ConfigError("dividends must be in order of their ex-dates, each date once.")

    @property
    def max_hold_ns(self) -> int:
        """0 where the rule is off."""
        return round(self.max_hold_days * DAY_NS)

    @property
    def cooldown_ns(self) -> int:
        return round(self.cooldown_s * 10**9)

    def document(self) -> dict[str, object]:
        """The settings as the ``params`` of a result."""
        shown: dict[str, object] = {
            item.name: getattr(self, item.name) for item in fields(self) if item.name != "dividends"
        }
        shown["close_at_end"] = self.close_at_end
        shown["dividends"] = len(self.dividends)
        return shown
