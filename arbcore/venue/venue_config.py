"""The settings of an embedded exchange: rounds, limits, fees and the rules the protocol leaves open.

Owns the settings and their checks; it does not know how they are applied.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from arbcore.errors import ConfigError
from arbcore.wire.instruments import LOSS_STOP, MESSAGES_PER_SECOND_MAX, POSITION_LIMITS

SECOND_NS = 1_000_000_000
MODES = ("prod-like", "slower", "empty")
FEE_RULES = ("per-conversion", "per-share")
LOGIN_POLICIES = ("replace", "refuse")
#: Keeps the value of every position, in thousandths of a tick, far inside 64 bits.
LIMIT_MAX = 10**8


@dataclass(frozen=True)
class VenueConfig:
    """Settings of one exchange. Times are nanoseconds, money and limits whole ticks and shares.

    Raises:
        ConfigError: a value is out of range.

    >>> import arbcore
    >>> arbcore.VenueConfig(mode="slower", loss_stop=5_000).loss_stop
    5000
    """

    #: ``prod-like`` and ``slower`` have a marketplace, ``empty`` has none.
    mode: str = "prod-like"
    #: Time from the open to the close. None is the mode's default: five minutes, or no end outside prod-like.
    round_ns: int | None = None
    #: Time from a round's beginning, when clients may log in, to its open.
    closed_ns: int = SECOND_NS
    #: Time from a round's end to the next one's beginning; a client that connects then is closed at once.
    restart_ns: int = SECOND_NS
    position_limits: Mapping[str, int] = field(default_factory=lambda: dict(POSITION_LIMITS))
    #: ``per-share`` charges the conversion fee times the size, as one simulator did.
    fee_rule: str = "per-conversion"
    #: Most messages of one connection in any one second; further ones are ignored. 0 for no cap.
    messages_per_second_max: int = MESSAGES_PER_SECOND_MAX
    #: Most open orders of one team; 0 for no cap.
    open_orders_max: int = 0
    #: Effect of a second login of a team: it replaces the first, or it is refused.
    login_policy: str = "replace"
    #: Whether an order id may be used again once its order is out.
    id_reuse: bool = True
    #: The fair P&L at which a team is stopped for the round and closed out at fair value.
    loss_stop: int = LOSS_STOP
    #: True sends a changed book once per batch of changes, False after every single message.
    batch_books: bool = True
    #: Most bytes queued for one connection; beyond that the connection is dropped.
    queue_bytes_max: int = 1024 * 1024
    #: Most connections at a time, logged in or not; one more gets an error and is closed.
    connections_max: int = 256
    #: Most different team names in one run, because names must not fill the memory.
    teams_max: int = 1000
    #: The teams that may log in, each with its password, "" if it needs none. None lets any team in.
    teams: Mapping[str, str] | None = field(default=None, repr=False)
    #: The market's regime, one of ``regimes.REGIMES``.
    regime: str = "normal"

    def __post_init__(self) -> None:
        _one_of("mode", self.mode, MODES)
        _one_of("fee_rule", self.fee_rule, FEE_RULES)
        _one_of("login_policy", self.login_policy, LOGIN_POLICIES)
        if self.round_ns is not None:
            _at_least("round_ns", self.round_ns, 1)
        for name in ("closed_ns", "restart_ns", "messages_per_second_max", "open_orders_max"):
            _at_least(name, getattr(self, name), 0)
        _at_least("queue_bytes_max", self.queue_bytes_max, 64 * 1024)
        for name in ("connections_max", "teams_max"):
            _at_least(name, getattr(self, name), 1)
        if set(self.position_limits) != set(POSITION_LIMITS):
            raise ConfigError(f"position_limits must name exactly {', '.join(POSITION_LIMITS)}.")
        for symbol, limit in self.position_limits.items():
            _at_least(f"position_limits[{symbol}]", limit, 0)
            if limit > LIMIT_MAX:
                raise ConfigError(f"position_limits[{symbol}] is {limit}; it may be at most {LIMIT_MAX}.")

    @property
    def round_length_ns(self) -> int | None:
        """Time from open to close, or None if the round never ends."""
        if self.round_ns is not None:
            return self.round_ns
        return 300 * SECOND_NS if self.mode == "prod-like" else None


def _one_of(name: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise ConfigError(f"{name} is {value!r}; choose one of {', '.join(allowed)}.")


def _at_least(name: str, value: int, least: int) -> None:
    if value < least or value > 2**62:
        raise ConfigError(f"{name} is {value}; it must be at least {least} and at most 2**62.")
