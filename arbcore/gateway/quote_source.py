"""Where the gateway's quotes come from: a seed, or rows that were recorded.

Owns the generator: SPY as a random walk, ES around its fair value by the carry desk's own arithmetic, with a
basis that wanders out to a target on one side or the other and back. A source is an iterator of rows; it
opens nothing and reads no clock.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from random import Random
from typing import NamedTuple

from arbcore.carry._carry import carry_factor, years_to_expiry
from arbcore.carry.calendar import front_contract
from arbcore.carry.rates import check_rate
from arbcore.core.civil import NS_PER_S
from arbcore.errors import ConfigError

ES_TICK, SPY_TICK = 0.25, 0.01
_SECONDS_A_YEAR = 252 * 6.5 * 3600


class Row(NamedTuple):
    """Both touches at one instant. ``expiry_ns`` says whose ES quotes they are."""

    ts_ns: int
    expiry_ns: int
    es_bid: float
    es_ask: float
    spy_bid: float
    spy_ask: float
    es_size: float
    spy_size: float
    factor: float = 10.0
    #: The data itself says whose quotes these are; otherwise the calendar, or whoever began the replay.
    names_expiry: bool = False


@dataclass(frozen=True, slots=True)
class MarketSettings:
    """The generated market. Rates are annual decimals, ``basis_bps`` is how far ES goes from fair value.

    The default is a little beyond what the carry bot's defaults enter at, and near enough that a contract's
    loss on the way out there stays well within the day's limit.
    """

    spy: float = 680.0
    volatility: float = 0.12
    factor: float = 10.0
    r: float = 0.045
    d: float = 0.014
    basis_bps: float = 7.0
    noise_bps: float = 0.3
    hold_s: float = 4.0
    step_s: float = 0.25

    def __post_init__(self) -> None:
        for name in ("spy", "factor", "step_s", "hold_s"):
            if not 0.0 < getattr(self, name) < 1e6:
                raise ConfigError(f"{name} of the generated market is above 0, not {getattr(self, name):g}.")
        check_rate(self.r, "rate")
        check_rate(self.d, "dividend yield")
        for name in ("volatility", "basis_bps", "noise_bps"):
            if not 0.0 <= getattr(self, name) < 1e4:
                raise ConfigError(
                    f"{name} of the generated market is 0 or more, not {getattr(self, name):g}."
                )


def generated(seed: int, start_ns: int, *, settings: MarketSettings | None = None) -> Iterator[Row]:
    """Rows without end, from an instant on; the same seed gives the same rows."""
    chosen = settings or MarketSettings()
    rng = Random(seed)
    step_ns = round(chosen.step_s * NS_PER_S)
    mid, basis, target, until_ns = chosen.spy, 0.0, 0.0, start_ns + round(NS_PER_S * rng.uniform(1.0, 3.0))
    sigma = chosen.volatility * (chosen.step_s / _SECONDS_A_YEAR) ** 0.5
    now_ns = start_ns
    while True:
        if now_ns >= until_ns:
            # Out to one side, back to fair, out again: a signal gets its entries and its exits.
            away = rng.choice((-1.0, 1.0)) * chosen.basis_bps * rng.uniform(0.97, 1.04)
            target = away if target == 0.0 else 0.0
            until_ns = now_ns + round(chosen.hold_s * NS_PER_S * rng.uniform(0.7, 1.5))
        basis += (target - basis) * min(1.0, 1.2 * chosen.step_s) + rng.gauss(0.0, chosen.noise_bps) * 0.5
        mid *= 1.0 + rng.gauss(0.0, sigma)
        expiry_ns = front_contract(now_ns).expiry_ns
        t = years_to_expiry(now_ns, expiry_ns)
        fair = mid * carry_factor(factor=chosen.factor, r=chosen.r, d=chosen.d, t=t) * (1.0 + basis * 1e-4)
        es_bid, es_ask = touch_around(fair, ES_TICK, rng.choice((1, 1, 1, 2)))
        spy_bid, spy_ask = touch_around(mid, SPY_TICK, rng.choice((1, 1, 2, 3)))
        es_size, spy_size = float(rng.randrange(4, 120)), float(rng.randrange(2, 60) * 100)
        yield Row(now_ns, expiry_ns, es_bid, es_ask, spy_bid, spy_ask, es_size, spy_size, chosen.factor)
        now_ns += step_ns


def touch_around(mid: float, tick: float, ticks_wide: int) -> tuple[float, float]:
    """Bid and ask on the grid, ``ticks_wide`` apart, around a price."""
    bid = round(mid / tick - ticks_wide / 2.0)
    return round(bid * tick, 2), round((bid + ticks_wide) * tick, 2)


#: (ts_ns, es_bid, es_ask, spy_bid, spy_ask, factor or None, expiry_ns or None), as the CSV reader gives them.
RecordedRow = tuple[int, float, float, float, float, float | None, int | None]


def recorded(
    rows: Iterable[RecordedRow], *, expiry_ns: int | None, es_size: float, spy_size: float
) -> Iterator[Row]:
    """Recorded rows with sizes; a row's own expiry wins, then the one given, then the front one."""
    front_ns = 0
    for ts_ns, es_bid, es_ask, spy_bid, spy_ask, factor, own_ns in rows:
        chosen_ns = own_ns if own_ns is not None else expiry_ns
        if chosen_ns is None:
            if front_ns <= ts_ns:
                front_ns = front_contract(ts_ns).expiry_ns
            chosen_ns = front_ns
        yield Row(
            ts_ns, chosen_ns, es_bid, es_ask, spy_bid, spy_ask, es_size, spy_size,
            10.0 if factor is None else factor, own_ns is not None,
        )  # fmt: skip
