"""The sources of the gateway's quotes: a generator with a seed, or recorded rows.

Owns the generator: the ETF is a random walk, and the future moves around the carry desk's fair value, with a
basis that wanders to a target on one side and back. A source is an iterator of rows; it opens no file and
reads no clock.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from random import Random
from typing import NamedTuple

from arbcore.carry._carry import carry_factor, years_to_expiry
from arbcore.carry.calendar import front_contract
from arbcore.carry.pairs import DEFAULT_PAIR, Pair
from arbcore.carry.rates import check_rate
from arbcore.core.civil import NS_PER_S
from arbcore.errors import ConfigError

_SECONDS_A_YEAR = 252 * 6.5 * 3600


class Row(NamedTuple):
    """Both touches of a pair at one instant. ``expiry_ns`` is the quoted future's expiry."""

    ts_ns: int
    expiry_ns: int
    fut_bid: float
    fut_ask: float
    etf_bid: float
    etf_ask: float
    fut_size: float
    etf_size: float
    factor: float = DEFAULT_PAIR.points_per_usd
    #: Whether the data itself has the expiry; otherwise it comes from the calendar or a setting.
    names_expiry: bool = False
    pair: Pair = DEFAULT_PAIR
    #: Whether the factor is the true index over the ETF; otherwise it is the pair's rough one.
    names_factor: bool = False

    @property
    def index_level(self) -> float:
        """The index: the ETF's mid times the factor."""
        return (self.etf_bid + self.etf_ask) / 2.0 * self.factor


@dataclass(frozen=True, slots=True)
class MarketSettings:
    """The generated market. Rates are annual decimals, ``basis_bps`` is how far the future goes from fair
    value. ``market_of`` has those of a pair.

    The default basis is a little beyond the carry bot's default entry, and near enough that a contract's loss
    on the way there stays well within the daily loss limit.
    """

    pair: Pair = DEFAULT_PAIR
    etf: float = DEFAULT_PAIR.index.etf_usd
    volatility: float = 0.12
    factor: float = DEFAULT_PAIR.points_per_usd
    r: float = 0.045
    d: float = 0.014
    basis_bps: float = 7.0
    noise_bps: float = 0.3
    hold_s: float = 4.0
    step_s: float = 0.25

    def __post_init__(self) -> None:
        for name in ("etf", "factor", "step_s", "hold_s"):
            if not 0.0 < getattr(self, name) < 1e6:
                raise ConfigError(f"{name} of the market is {getattr(self, name):g}; it must be above 0.")
        check_rate(self.r, "rate")
        check_rate(self.d, "dividend yield")
        for name in ("volatility", "basis_bps", "noise_bps"):
            if not 0.0 <= getattr(self, name) < 1e4:
                raise ConfigError(
                    f"{name} of the market is {getattr(self, name):g}; it must be 0 or more."
                )


#: The bot's default entry edge after costs, and how far the basis goes beyond it: in bps, and in USD of one
#: contract, because the loss on the way there counts against the daily loss limit.
_ENTRY_BPS, _BEYOND_BPS, _BEYOND_USD = 3.0, 3.5, 119.0


def market_of(pair: Pair, **changes: float) -> MarketSettings:
    """The generated market's settings for a pair: its prices, and a basis beyond its costs."""
    contract_usd = pair.fut_usd * pair.multiplier
    beyond_bps = min(_BEYOND_BPS, _BEYOND_USD / contract_usd * 1e4)
    settings = MarketSettings(
        pair=pair, etf=pair.index.etf_usd, factor=pair.points_per_usd,
        basis_bps=_ENTRY_BPS + pair.cost_bps + beyond_bps,
    )  # fmt: skip
    return replace(settings, **changes)  # type: ignore[arg-type]


def generated(seed: int, start_ns: int, *, settings: MarketSettings | None = None) -> Iterator[Row]:
    """Endless rows from an instant on; the same seed gives the same rows."""
    chosen = settings or MarketSettings()
    pair = chosen.pair
    rng = Random(seed)
    step_ns = round(chosen.step_s * NS_PER_S)
    mid, basis, target, until_ns = chosen.etf, 0.0, 0.0, start_ns + round(NS_PER_S * rng.uniform(1.0, 3.0))
    sigma = chosen.volatility * (chosen.step_s / _SECONDS_A_YEAR) ** 0.5
    now_ns = start_ns
    while True:
        if now_ns >= until_ns:
            # The basis goes to one side, back to fair, and out again, so that signals enter and exit.
            away = rng.choice((-1.0, 1.0)) * chosen.basis_bps * rng.uniform(0.97, 1.04)
            target = away if target == 0.0 else 0.0
            until_ns = now_ns + round(chosen.hold_s * NS_PER_S * rng.uniform(0.7, 1.5))
        basis += (target - basis) * min(1.0, 1.2 * chosen.step_s) + rng.gauss(0.0, chosen.noise_bps) * 0.5
        mid *= 1.0 + rng.gauss(0.0, sigma)
        expiry_ns = front_contract(now_ns).expiry_ns
        t = years_to_expiry(now_ns, expiry_ns)
        fair = mid * carry_factor(factor=chosen.factor, r=chosen.r, d=chosen.d, t=t) * (1.0 + basis * 1e-4)
        fut_bid, fut_ask = touch_around(fair, pair.tick, rng.choice((1, 1, 1, 2)))
        etf_bid, etf_ask = touch_around(mid, pair.etf_tick, rng.choice((1, 1, 2, 3)))
        fut_size, etf_size = float(rng.randrange(4, 120)), float(rng.randrange(2, 60) * 100)
        yield Row(
            now_ns, expiry_ns, fut_bid, fut_ask, etf_bid, etf_ask, fut_size, etf_size, chosen.factor,
            pair=pair, names_factor=True,
        )  # fmt: skip
        now_ns += step_ns


def touch_around(mid: float, tick: float, ticks_wide: int) -> tuple[float, float]:
    """Bid and ask on the tick grid, ``ticks_wide`` ticks apart, around a price."""
    bid = round(mid / tick - ticks_wide / 2.0)
    return round(bid * tick, 10), round((bid + ticks_wide) * tick, 10)


#: (ts_ns, fut_bid, fut_ask, etf_bid, etf_ask, factor or None, expiry_ns or None), from the CSV reader.
RecordedRow = tuple[int, float, float, float, float, float | None, int | None]


def recorded(
    rows: Iterable[RecordedRow], *, pair: Pair, expiry_ns: int | None, fut_size: float, etf_size: float
) -> Iterator[Row]:
    """Recorded rows with sizes; uses a row's own expiry, else ``expiry_ns``, else the front contract's."""
    front_ns = 0
    for ts_ns, fut_bid, fut_ask, etf_bid, etf_ask, factor, own_ns in rows:
        chosen_ns = own_ns if own_ns is not None else expiry_ns
        if chosen_ns is None:
            if front_ns <= ts_ns:
                front_ns = front_contract(ts_ns).expiry_ns
            chosen_ns = front_ns
        yield Row(
            ts_ns, chosen_ns, fut_bid, fut_ask, etf_bid, etf_ask, fut_size, etf_size,
            pair.points_per_usd if factor is None else factor, own_ns is not None, pair, factor is not None,
        )  # fmt: skip
