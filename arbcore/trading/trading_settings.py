"""The settings of the exchange bot: plain values with their ranges, and nothing else.

Both the compiled session and its twin read these. ``system.configuration`` reads the values from flags, the
environment and ``.env``; this module must not know it.
"""

from dataclasses import dataclass, field, fields

from arbcore.errors import ConfigError
from arbcore.wire.instruments import LINE_BYTES_MAX, MESSAGES_PER_SECOND_MAX, POSITION_LIMITS, SYMBOLS

MILLISECOND_NS = 1_000_000
SECOND_NS = 1_000_000_000
NEVER_NS = 2**63 - 1


def option(default: int, *, low: int, high: int, help: str) -> int:
    """A whole-number setting with its inclusive range and the sentence that explains it."""
    return field(default=default, metadata={"low": low, "high": high, "help": help})


def switch(default: bool, *, help: str) -> int:
    """An on/off setting, stored as 0 or 1."""
    return field(default=int(default), metadata={"low": 0, "high": 1, "help": help})


class Ranged:
    """Checks every field declared by ``option`` or ``switch`` against its range."""

    def __post_init__(self) -> None:
        for item in fields(self):  # type: ignore[arg-type]
            if "low" not in item.metadata:
                continue
            value = getattr(self, item.name)
            low, high = item.metadata["low"], item.metadata["high"]
            if not isinstance(value, int) or not low <= value <= high:
                raise ConfigError(
                    f"{item.name} of {type(self).__name__} is {value!r}; "
                    f"give a whole number from {low} to {high}"
                )


@dataclass(frozen=True)
class SessionSettings(Ranged):
    """Limits, time-outs and bounds of one session. Times are nanoseconds of the injected clock, money ticks.

    Raises:
        ConfigError: a value is out of its range, which ``arbcore config show exchange`` names.

    >>> import arbcore
    >>> arbcore.SessionSettings(team="ABC", message_cap=100).order_cooldown_ns
    100000000
    """

    team: str = "ARBCORE"
    position_limits: dict[str, int] = field(default_factory=lambda: dict(POSITION_LIMITS))
    order_cooldown_ns: int = option(
        100 * MILLISECOND_NS, low=0, high=60 * SECOND_NS, help="least time between two orders in one symbol"
    )
    message_cap: int = option(
        MESSAGES_PER_SECOND_MAX, low=10, high=100_000, help="most messages sent in any second"
    )
    cancel_reserve: int = option(
        5, low=0, high=1000, help="messages of that second that are kept for cancels"
    )
    loss_limit: int = option(
        20_000, low=1, high=10**9,
        help="loss at the touch that ends trading for the round and closes positions",
    )
    collar_bps: int = option(
        500, low=1, high=10_000, help="largest distance of an order from the market, in bps"
    )
    stale_ns: int = option(
        30 * SECOND_NS, low=MILLISECOND_NS, high=3600 * SECOND_NS,
        help="age from which a market counts as stale",
    )
    round_ns: int = option(
        300 * SECOND_NS, low=MILLISECOND_NS, high=86_400 * SECOND_NS,
        help="length of a round, from which a strategy is told the time left",
    )
    window: int = option(5, low=1, high=1000, help="trades in a rolling average")
    min_prices: int = option(3, low=1, high=1000, help="trades that an average needs before it is used")
    ack_timeout_ns: int = option(
        2 * SECOND_NS, low=MILLISECOND_NS, high=600 * SECOND_NS,
        help="time without an answer after which an order is UNKNOWN",
    )
    resync_after: int = option(
        3, low=1, high=100, help="unanswered cancels of one order after which the connection is renewed"
    )
    reject_pause_ns: int = option(
        500 * MILLISECOND_NS, low=0, high=60 * SECOND_NS,
        help="pause in a symbol after the exchange rejected an order",
    )
    live_orders_max: int = option(32, low=2, high=48, help="most live orders in one symbol, hedges apart")
    line_bytes_max: int = option(
        LINE_BYTES_MAX, low=256, high=2**24, help="longest line accepted from the exchange"
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        letters = self.team.isascii() and self.team.isalpha() and self.team.isupper()
        if not letters or len(self.team) > 32:
            raise ConfigError(f"team is {self.team!r}; give 1 to 32 upper-case letters")
        if self.min_prices > self.window:
            raise ConfigError(
                f"min_prices is {self.min_prices} of a window of {self.window} trades; give no more than that"
            )
        if self.cancel_reserve >= self.message_cap:
            raise ConfigError(
                f"cancel_reserve is {self.cancel_reserve} of a message_cap of {self.message_cap}; "
                "leave some for orders"
            )
        for symbol, limit in self.position_limits.items():
            if symbol not in SYMBOLS:
                known = ", ".join(SYMBOLS)
                raise ConfigError(f"position limit for {symbol!r}: no such symbol; use one of {known}")
            if not isinstance(limit, int) or isinstance(limit, bool) or not 0 <= limit <= 999_999:
                raise ConfigError(
                    f"position limit of {symbol} is {limit!r}; give a whole number from 0 to 999999"
                )

    def limit(self, symbol: str) -> int:
        """The position limit of a symbol; the exchange's own limit if none was set."""
        return self.position_limits.get(symbol, POSITION_LIMITS[symbol])

    def size_cap(self, symbol: str) -> int:
        """The most shares of one order: twice the limit, or twice the exchange's limit if the limit is 0."""
        return 2 * (self.limit(symbol) or POSITION_LIMITS[symbol])


@dataclass(frozen=True)
class BondSettings(Ranged):
    """Quotes BOND, which is always worth 1000: bid below, offer above."""

    edge_ticks: int = option(1, low=1, high=100, help="distance of both quotes from 1000")
    max_position: int = option(90, low=1, high=100_000, help="largest unhedged position that it builds")
    refill_size: int = option(10, low=1, high=100_000, help="missing size at which a quote is topped up")


@dataclass(frozen=True)
class MarketMakingSettings(Ranged):
    """Quotes GS, MS, WFC and XLF around the fair value that the books and the last trades give.

    A sigma is how far the symbol's price moves in a second, as measured in this round. The defaults were
    chosen on rounds 1000 to 1059 of the simulated marketplace, for normal, trend, jumps, volatile, calm and
    thin together. The size was chosen on rounds from 20000 on, also with a view to shocks.
    ``docs/concepts/measured.md`` gives the results on other rounds.
    """

    size: int = option(4, low=1, high=10_000, help="shares a quote, half of them in a toxic market")
    inventory_cap: int = option(
        40, low=1, high=100_000, help="unhedged position at which a side is no longer quoted"
    )
    skew_percent: int = option(
        12, low=0, high=1000, help="how far every share held moves the quotes against it, in % of a sigma"
    )
    width_percent: int = option(
        50, low=0, high=1000, help="distance of a quote from fair value, one tick apart, in % of a sigma"
    )
    flow_percent: int = option(
        20, low=0, high=1000, help="how far one trade moves fair value its way for a moment, in % of a sigma"
    )
    toxic_percent: int = option(
        130, low=1, high=100_000,
        help="sigma in % of half the spread from which a side is pulled at every trade on it",
    )
    toxic_pause_ns: int = option(
        500 * MILLISECOND_NS, low=0, high=60 * SECOND_NS, help="how long such a side stays pulled"
    )
    loss_limit: int = option(
        1000, low=1, high=10**9, help="loss at the touch in a round after which it only reduces its position"
    )
    averages: int = switch(
        False, help="as first described: 3 ticks from the average for XLF, 1 for GS, MS and WFC, no more"
    )


@dataclass(frozen=True)
class XlfArbitrageSettings(Ranged):
    """Trades XLF against its basket, priced from the books' depth."""

    edge_ticks: int = option(
        30, low=0, high=100_000, help="least gain per lot of ten XLF, after its share of the fee"
    )
    max_lots: int = option(5, low=1, high=1000, help="largest hedged position, in lots of ten XLF")
    convert_lots: int = option(4, low=1, high=1000, help="hedged lots at which they are converted")
    leg_timeout_ns: int = option(
        300 * MILLISECOND_NS, low=MILLISECOND_NS, high=60 * SECOND_NS, help="how long a leg may stay unfilled"
    )


@dataclass(frozen=True)
class ValeSettings(Ranged):
    """Quotes VALE, whose fair value is VALBZ's, off VALBZ's touch; hedges fills in VALBZ, and converts."""

    edge_ticks: int = option(6, low=0, high=1000, help="least gain a share over VALBZ's touch")
    size: int = option(6, low=1, high=1000, help="shares a quote")
    max_position: int = option(10, low=1, high=1000, help="largest VALE position it builds")
    convert_size: int = option(8, low=1, high=1000, help="hedged shares at which they are converted")
    hedge_timeout_ns: int = option(
        300 * MILLISECOND_NS, low=MILLISECOND_NS, high=60 * SECOND_NS,
        help="how long a hedge may stay unfilled",
    )
    averages: int = switch(
        False, help="as first described: trades at the touch where the averages are apart, no quotes"
    )
    signal_ticks: int = option(
        30, low=1, high=100_000, help="how far apart the averages must be, where it trades by them"
    )


#: Every built-in strategy by its name, in the order in which they run; the earlier one wins a tie.
STRATEGY_SETTINGS: dict[str, type] = {
    "xlf_arbitrage": XlfArbitrageSettings,
    "vale": ValeSettings,
    "bond": BondSettings,
    "market_making": MarketMakingSettings,
}
