"""What one run of the carry bot is, and what it counts: plain values that its parts share."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from arbcore.broker.carry_settings import IbkrSettings
from arbcore.broker.rate_source import RateNews
from arbcore.carry.money import PaidDividend
from arbcore.carry.pairs import Pair
from arbcore.carry.terms import RateHistory, Yields
from arbcore.core.latency import LatencyHistogram
from arbcore.desk.desk_settings import DeskSettings
from arbcore.errors import ArbcoreError


@dataclass(frozen=True)
class Plan:
    """What a run is: settings, the kind of account, and how it ends.

    ``rows``: the other side is our own gateway replaying rows, each to be decided on once; ``clocked``: it is
    our own gateway, whose clock is the market's. ``rate`` is asked for the rate now and then, ``gone`` for
    the reason why there is no use in connecting again.
    ``dividends`` is a schedule or contracts' yields in place of the yield, ``rates`` a curve in place of the
    rate. ``wait_s``: how long the first connection is tried for.
    """

    settings: IbkrSettings
    desk: DeskSettings
    mode: str
    duration_s: float | None = None
    wait_s: float = 0.0
    flatten: bool = False
    accept_account: bool = False
    record: Path | None = None
    dividends: tuple[PaidDividend, ...] | Yields | None = None
    rates: RateHistory | None = None
    rows: bool = False
    clocked: bool = False
    rate: Callable[[], RateNews] | None = None
    gone: Callable[[], ArbcoreError | None] | None = None

    @property
    def pair(self) -> Pair:
        """What is traded."""
        return self.desk.pair


@dataclass
class Tally:
    """What the summary counts."""

    quotes: int = 0
    orders: int = 0
    cancels: int = 0
    connections: int = 0
    latency: LatencyHistogram = field(default_factory=LatencyHistogram)
