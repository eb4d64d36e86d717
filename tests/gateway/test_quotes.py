"""The generated market and the replayed one."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from seeds import shifted
from tws import DEC26, START_NS

from arbcore.carry._carry import carry_factor, deviation_bps, years_to_expiry
from arbcore.carry.pairs import DEFAULT_PAIR
from arbcore.errors import ConfigError
from arbcore.gateway.quote_source import MarketSettings, generated, recorded


def taken(seed, count, **settings):
    return list(itertools.islice(generated(seed, START_NS, settings=MarketSettings(**settings)), count))


def deviation(row, settings):
    t = years_to_expiry(row.ts_ns, row.expiry_ns)
    c = carry_factor(factor=settings.factor, r=settings.r, d=settings.d, t=t)
    return deviation_bps(
        es_bid=row.fut_bid, es_ask=row.fut_ask, spy_bid=row.etf_bid, spy_ask=row.etf_ask, c=c
    )


def test_the_same_seed_is_the_same_market():
    assert taken(7, 200) == taken(7, 200)
    assert taken(7, 200) != taken(8, 200)


@given(st.integers(0, 2**63))
def test_every_row_can_be_traded_and_lies_on_the_grid(seed):
    for row in taken(seed, 50):
        assert row.fut_bid < row.fut_ask
        assert row.etf_bid < row.etf_ask
        assert row.fut_bid * 4 == int(row.fut_bid * 4)
        assert abs(row.etf_bid * 100 - round(row.etf_bid * 100)) < 1e-6
        assert row.fut_size > 0
        assert row.etf_size >= 100


def test_times_go_by_the_step():
    rows = taken(1, 4, step_s=0.25)
    assert [row.ts_ns - START_NS for row in rows] == [0, 250_000_000, 500_000_000, 750_000_000]
    assert {row.expiry_ns for row in rows} == {DEC26.expiry_ns}


def wanders(seed):
    """Whether the basis goes far out and comes back within half a minute."""
    settings = MarketSettings()
    seen = [deviation(row, settings) for row in taken(seed, 120)]
    far = next((at for at, value in enumerate(seen) if abs(value) > 5.0), len(seen))
    return any(abs(value) < 0.75 for value in seen[far:])


def test_the_basis_mostly_wanders_out_and_back_within_half_a_minute():
    # So that a bot with the default thresholds trades while somebody watches. All of 600 seeds do.
    seeds = shifted(range(60))
    assert sum(map(wanders, seeds)) >= 45, f"seeds {seeds[0]} to {seeds[-1]}"


def test_recorded_rows_take_the_front_contract_an_expiry_given_or_their_own():
    prices = (6_800.0, 6_800.25, 680.0, 680.01)
    plain, own = (START_NS, *prices, None, None), (START_NS + 1, *prices, 10.03, 5)
    sizes = {"fut_size": 1.0, "etf_size": 2.0}
    rows = list(recorded([plain, own], pair=DEFAULT_PAIR, expiry_ns=None, **sizes))
    assert [row.expiry_ns for row in rows] == [DEC26.expiry_ns, 5]
    assert (rows[1].factor, rows[1].fut_size, rows[1].etf_size) == (10.03, 1.0, 2.0)
    assert next(recorded([plain], pair=DEFAULT_PAIR, expiry_ns=9, **sizes)).expiry_ns == 9


@pytest.mark.parametrize("wrong", [{"etf": 0.0}, {"step_s": 0.0}, {"basis_bps": -1.0}, {"etf": float("nan")}])
def test_nonsense_settings_are_refused(wrong):
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        MarketSettings(**wrong)
