"""The past of a generated market: the sessions before its first row, so that clients have history at once.

Owns the generator of those sessions. A seed draws levels backwards from the market's first price, and each
session is a bridge between two of them, so that the past ends at the present price. Quotes of one second.
"""

from array import array
from functools import partial
from random import Random

from arbcore.carry._carry import carry_factor, years_to_expiry
from arbcore.carry.calendar import close_clock_ns, front_contract
from arbcore.carry.pairs import ETF, FUT
from arbcore.core.civil import NS_PER_MINUTE, NS_PER_S, new_york_to_utc, utc_to_new_york
from arbcore.gateway.contract_table import key_of
from arbcore.gateway.history import PastColumns, PastStretch
from arbcore.gateway.quote_source import MarketSettings

SESSIONS = 5
OPEN_CLOCK_NS = 570 * NS_PER_MINUTE
_SESSIONS_A_YEAR = 252
#: The standard deviation of a uniform draw of width 1.
_UNIFORM = 12.0**0.5


def past_sessions(start_ns: int, count: int = SESSIONS) -> list[tuple[int, int]]:
    """(open, end) of the last sessions that had ended at an instant, and of the one in progress then."""
    today, _ = utc_to_new_york(start_ns)
    spans: list[tuple[int, int]] = []
    day, over = today, 0
    while over < count:
        close_ns = close_clock_ns(day)
        if close_ns is not None:
            opens, closes = new_york_to_utc(day, OPEN_CLOCK_NS), new_york_to_utc(day, close_ns)
            if opens < start_ns:
                spans.append((opens, min(closes, start_ns)))
                over += closes <= start_ns
        day -= 1
    return spans[::-1]


def generated_past(seed: int, start_ns: int, *, settings: MarketSettings | None = None) -> list[PastStretch]:
    """The sessions before ``start_ns`` in quotes of one second; the same seed gives the same quotes."""
    chosen = settings or MarketSettings()
    spans = past_sessions(start_ns)
    rng = Random(seed ^ 0x5EED)
    deviation = chosen.volatility / _SESSIONS_A_YEAR**0.5
    levels = [chosen.etf]
    for _ in spans:
        levels.append(levels[-1] * (1.0 - rng.gauss(0.0, deviation)))
    levels.reverse()
    return [
        PastStretch(
            opens, ends, partial(_session, f"{seed} {opens}", opens, ends, levels[at : at + 2], chosen),
            _closes(levels[at + 1], opens, chosen),
        )
        for at, (opens, ends) in enumerate(spans)
    ]


def _growth(opens_ns: int, chosen: MarketSettings) -> float:
    """The ratio of the future to the ETF at fair value."""
    t = years_to_expiry(opens_ns, front_contract(opens_ns).expiry_ns)
    return carry_factor(factor=chosen.factor, r=chosen.r, d=chosen.d, t=t)


def _closes(level: float, opens_ns: int, chosen: MarketSettings) -> dict[str, float]:
    pair = chosen.pair
    future = round(level * _growth(opens_ns, chosen) / pair.tick) * pair.tick
    return {key_of(pair.index, FUT): round(future, 2), key_of(pair.index, ETF): round(level, 2)}


def _session(
    seed: str, opens_ns: int, ends_ns: int, levels: list[float], chosen: MarketSettings
) -> dict[str, PastColumns]:
    """A bridge from one level to the next, with a basis that wanders and comes back.

    Its noise is uniform, with the settings' deviation, because uniform draws are faster.
    """
    pair = chosen.pair
    tick, etf_tick = pair.tick, pair.etf_tick
    rng = Random(seed)
    draw = rng.random
    steps = max(1, (ends_ns - opens_ns) // NS_PER_S)
    sigma = chosen.etf * chosen.volatility / (_SESSIONS_A_YEAR * 23_400.0) ** 0.5 * _UNIFORM
    noise = chosen.noise_bps * 0.5 * _UNIFORM
    price, basis, target, until = levels[0], 0.0, 0.0, 0
    expiry_ns = front_contract(opens_ns).expiry_ns
    growth = _growth(opens_ns, chosen)
    fut, etf = PastColumns(), PastColumns()
    for number in range(steps):
        if number >= until:
            away = rng.choice((-1.0, 1.0)) * chosen.basis_bps * rng.uniform(0.9, 1.05)
            target = away if target == 0.0 else 0.0
            until = number + rng.randrange(60, 900)
        basis += (target - basis) * 0.02 + (draw() - 0.5) * noise
        price += (levels[1] - price) / (steps - number) + (draw() - 0.5) * sigma
        fair = price * growth * (1.0 + basis * 1e-4)
        size = draw()
        wide = 1 + (size > 0.75)
        bid = round(fair / tick - wide / 2.0)
        fut.bids.append(round(bid * tick, 2))
        fut.asks.append(round((bid + wide) * tick, 2))
        fut.bid_sizes.append(4.0 + int(size * 116.0))
        wide = 1 + (size > 0.5) + (size > 0.875)
        bid = round(price / etf_tick - wide / 2.0)
        etf.bids.append(round(bid * etf_tick, 2))
        etf.asks.append(round((bid + wide) * etf_tick, 2))
        etf.bid_sizes.append(200.0 + 100.0 * int(size * 58.0))
    times = range(opens_ns, opens_ns + steps * NS_PER_S, NS_PER_S)
    for columns, own_ns in ((fut, expiry_ns), (etf, 0)):
        columns.times.extend(times)
        columns.ask_sizes.extend(columns.bid_sizes)
        columns.expiries.extend(array("q", [own_ns]) * steps)
    return {key_of(pair.index, FUT): fut, key_of(pair.index, ETF): etf}
