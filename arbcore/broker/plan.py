"""The plan of one run of the carry bot and its counters: plain values that its parts share."""

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
    """The plan of a run: settings, the kind of account, and how it ends.

    ``rows``: our own gateway replays rows, and the desk decides each row once. ``clocked``: our own gateway's
    clock is the market's. ``rate`` is called from time to time for the present rate; ``gone`` returns why it
    is useless to connect again, or an empty text. ``dividends`` is a schedule or contracts' yields instead of
    the yield, ``rates`` rates by date instead of the rate. ``wait_s`` is how long to try the first
    connection.
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
        """The traded pair."""
        return self.desk.pair


@dataclass
class Tally:
    """The counters of the run's summary."""

    quotes: int = 0
    orders: int = 0
    cancels: int = 0
    connections: int = 0
    latency: LatencyHistogram = field(default_factory=LatencyHistogram)
