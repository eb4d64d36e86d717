"""The settings of the live carry desk: plain values with defaults, bounds and help texts.

The shells read them from flags, the environment and ``.env``; this module must not know where a value comes
from. Times are seconds here and nanoseconds in the properties that the desk reads.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, TypeVar

from arbcore.carry.level import LevelMode, parse_level
from arbcore.carry.pairs import DEFAULT_PAIR, Pair
from arbcore.errors import ConfigError

SECOND_NS = 10**9
DAY_NS = 86_400 * SECOND_NS
#: Send both legs' entry orders at once, or one leg first and then the other leg to match its fill.
ENTRY_ORDERS = ("both", "fut_first", "etf_first")
#: Decide at every quote (live), or once at each complete row (replay of recorded data).
DECIDE_ON = ("quote", "row")
#: The types of a setting's value.
DeskValue = bool | int | float | str | Pair | None

Number = TypeVar("Number", int, float)


def option(default: Number, *, low: float, high: float, help: str) -> Number:
    """A number with its inclusive range and help text; must be whole if the default is an int."""
    return field(default=default, metadata={"low": low, "high": high, "help": help})


def choice(default: str, *, options: tuple[str, ...], help: str) -> str:
    """A setting with one of several words as its value."""
    return field(default=default, metadata={"options": options, "help": help})


def switch(default: bool, *, help: str) -> bool:
    """A setting that is on or off."""
    return field(default=default, metadata={"switch": True, "help": help})


@dataclass(frozen=True, kw_only=True)
class DeskSettings:
    """Settings of one desk. Raises ConfigError for a value out of range.

    Rates are annual decimals, continuously compounded.
    """

    trading_enabled: bool = switch(False, help="send orders; if off, only kill switch and --flatten do")
    decide_on: str = choice("quote", options=DECIDE_ON, help="when to decide: at every quote or once a row")

    # The signal, as in the backtest.
    entry_bps: float = option(
        3.0, low=0.0, high=10_000.0,
        help="least edge after costs, bps of fair value; 20, with an exit of 5 and a cost of 4, never "
        "trades in regular hours and takes only bad prints in others",
    )  # fmt: skip
    exit_bps: float = option(
        0.75, low=-10_000.0, high=10_000.0,
        help="deviation at which a position is closed, bps; unset: a quarter of the entry",
    )
    cost_bps: float = option(
        0.5, low=0.0, high=10_000.0, help="estimated cost of a round trip, bps; by pair where it is not set"
    )
    stop_bps: float = option(0.0, low=0.0, high=1e9, help="adverse move that closes a position; 0 is off")
    max_hold_days: float = option(1.0, low=0.0, high=36_600.0, help="longest hold in days; 0 is off")
    cooldown_s: float = option(
        60.0, low=0.0, high=36_600.0 * 86_400.0, help="pause after an exit or a missed entry"
    )
    r: float = option(0.045, low=-1.0, high=1.0, help="annual rate until another is set")
    d: float = option(0.014, low=-1.0, high=1.0, help="annual dividend yield until another is set")
    factor: float | str = field(
        default="track",
        metadata={"parse": parse_level, "help": "index points per USD of the ETF, or how to learn them"},
    )
    true_factor: float = option(
        0.0, low=0.0, high=1e6, help="true index points per USD of the ETF; shows the rate a level implies"
    )
    funding_rate: float | None = field(
        default=None,
        metadata={"optional": (-1.0, 1.0), "help": "annual rate a long ETF leg pays; unset: its entry rate"},
    )
    short_rate: float = option(0.0, low=-1.0, high=1.0, help="annual rate a short ETF leg receives")
    borrow_rate: float = option(0.0, low=-1.0, high=1.0, help="annual cost of borrowed shares")
    broker_rates: bool = switch(
        False, help="interest as a backtest with --fees ibkr books it: 1.5% above the rate, short by tiers"
    )
    financing_spread_bps: float = option(
        0.0, low=-10_000.0, high=10_000.0, help="the market's financing rate less the rate, bps a year"
    )

    # Size and limits.
    contracts: int = option(1, low=1, high=1_000, help="most futures contracts held")
    pair: Pair = field(default=DEFAULT_PAIR, metadata={"pair": True, "help": "the future and its ETF"})
    etf_headroom: float = option(
        1.05, low=1.0, high=2.0, help="limit of the ETF's shares, as a multiple of the matching number"
    )
    daily_loss_usd: float = option(250.0, low=0.01, high=1e12, help="loss of a New York day that ends it")
    commission_fut_usd: float = option(
        2.5, low=0.0, high=1e3, help="assumed commission of a contract while unknown"
    )
    commission_etf_usd: float = option(
        0.01, low=0.0, high=10.0, help="assumed commission of a share while unknown"
    )
    margin_check: bool = switch(True, help="check margin before the first entry of a day")

    # When a price may be traded on.
    stale_s: float = option(5.0, low=0.001, high=86_400.0, help="age at which a leg's quote is stale")
    collar_bps: float = option(200.0, low=1.0, high=10_000.0, help="farthest a limit may be from the mid")
    deviation_max_bps: float = option(
        500.0, low=1.0, high=1e6, help="deviation beyond which quotes count as wrong"
    )

    # Orders.
    entry_order: str = choice("both", options=ENTRY_ORDERS, help="legs of an entry at once, or which first")
    hedge_timeout_s: float = option(5.0, low=0.1, high=600.0, help="how long a residual may stay unhedged")
    hedge_offset_bps: float = option(10.0, low=0.0, high=1_000.0, help="how far a hedge crosses the touch")
    order_timeout_s: float = option(
        1.0, low=0.01, high=60.0, help="how long an order may stay open before it is cancelled"
    )
    query_timeout_s: float = option(4.0, low=0.05, high=60.0, help="how long a response may take")
    queries_max: int = option(3, low=1, high=100, help="failed requests before a new connection")
    unwind_tries_max: int = option(12, low=2, high=100, help="most rounds of orders to close a position")
    message_cap: int = option(45, low=10, high=1_000, help="most messages sent in any one second")
    cancel_reserve: int = option(10, low=0, high=100, help="messages of the cap that only cancels may use")

    # Time.
    roll_before_s: float = option(
        86_400.0, low=0.0, high=100 * 86_400.0, help="closes a pair so long before expiry; 0: the ETF at it"
    )
    audit_s: float = option(600.0, low=0.0, high=86_400.0, help="pause between position checks; 0 is off")
    clock_slip_s: float = option(5.0, low=0.01, high=3_600.0, help="jump of the clock that halts entries")
    link_alarm_s: float = option(
        180.0, low=0.0, high=86_400.0,
        help="how long a lost link lasts before it is an alarm; a nightly restart takes a minute or two",
    )  # fmt: skip
    alarm_repeat_s: float = option(60.0, low=1.0, high=86_400.0, help="pause before an alarm is repeated")

    def __post_init__(self) -> None:
        for item in fields(self):
            _check_value(item.name, getattr(self, item.name), item.metadata)
            if "low" in item.metadata:
                kind = int if isinstance(item.default, int) else float
                object.__setattr__(self, item.name, kind(getattr(self, item.name)))
        if self.cancel_reserve >= self.message_cap:
            raise ConfigError(
                f"cancel_reserve is {self.cancel_reserve} of a message_cap of {self.message_cap}; "
                "it must be smaller, so that orders can be sent."
            )

    @property
    def multiplier(self) -> float:
        """USD per point of the pair's future."""
        return self.pair.multiplier

    @property
    def max_hold_ns(self) -> int:
        """The longest hold; 0 if the rule is off."""
        return round(self.max_hold_days * DAY_NS)

    @property
    def cooldown_ns(self) -> int:
        return seconds_ns(self.cooldown_s)


def _check_value(name: str, value: DeskValue, rule: Mapping[str, Any]) -> None:
    """Raises ConfigError if a value breaks its option's rule."""
    if "switch" in rule:
        if not isinstance(value, bool):
            raise ConfigError(f"{name} is {value!r}; it may be True or False.")
        return
    if "pair" in rule:
        if not isinstance(value, Pair):
            raise ConfigError(f"{name} is {value!r}; it must be a Pair from arbcore.carry.pairs.")
        return
    if "parse" in rule:
        if rule["parse"](value, name=name).mode is LevelMode.COLUMN:
            raise ConfigError(f"{name} is column, which needs a file of quotes; use track or a number.")
        return
    if "optional" in rule:
        if value is None:
            return
        low, high = rule["optional"]
        if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
            raise ConfigError(f"{name} is {value!r}; it may be from {low:g} to {high:g}.")
        return
    if "options" in rule:
        if value not in rule["options"]:
            raise ConfigError(f"{name} is {value!r}; it may be {' or '.join(rule['options'])}.")
        return
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ConfigError(f"{name} is {value!r}, which is not a number.")
    if not rule["low"] <= value <= rule["high"]:
        raise ConfigError(f"{name} is {value!r}; it may be from {rule['low']:g} to {rule['high']:g}.")
    if isinstance(rule["low"], int) and value != int(value):
        raise ConfigError(f"{name} is {value!r}; it must be a whole number.")


def seconds_ns(seconds: float) -> int:
    """Seconds as whole nanoseconds."""
    return round(seconds * SECOND_NS)


def shares_for(contracts: int, *, multiplier: float, fut_price: float, etf_price: float) -> int:
    """Shares that match the futures' notional: max(1, floor(contracts·multiplier·fut/etf + 0.5))."""
    return max(1, math.floor(contracts * multiplier * fut_price / etf_price + 0.5))
