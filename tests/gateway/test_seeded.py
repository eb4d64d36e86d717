"""The market of a seed: all indexes quoted at once, and each by itself."""

import itertools

import pytest
from tws import START_NS

from arbcore.carry.pairs import ETF, FUT, PAIRS, pair_named
from arbcore.gateway.contract_table import etf_listing, futures, key_of
from arbcore.gateway.gateway import Gateway, GatewayConfig
from arbcore.gateway.seeded import seeded_market

DECEMBER = {each.symbol: each for each in futures() if each.expiry_text == "20261218"}


@pytest.mark.parametrize("name", ["es-spy", "mnq-qqq", "ym-dia"])
def test_every_pair_has_a_touch_on_its_ticks_about_its_points_a_usd(name):
    market = seeded_market(5, START_NS, pair=pair_named(name))
    gateway = Gateway(GatewayConfig(), market.rows, beside=market.beside, past=market.past)
    for seconds in range(3):
        gateway.advance(seconds * 10**9)
    assert gateway.row_number > 4
    for pair in PAIRS:
        fut, etf = DECEMBER[pair.future], etf_listing(pair)
        touches = gateway.market.touch_of(fut), gateway.market.touch_of(etf)
        for touch, tick in zip(touches, (pair.tick, pair.etf_tick), strict=True):
            assert touch.two_sided
            for price in (touch.bid, touch.ask):
                assert price / tick == pytest.approx(round(price / tick), abs=1e-6)
        level = gateway.market.mark(fut) / gateway.market.mark(etf)
        assert level == pytest.approx(pair.points_per_usd, rel=0.01)
        assert gateway.market.index_level(fut) == pytest.approx(
            gateway.market.mark(etf) * pair.points_per_usd
        )
        assert set(gateway.history._past[-1].closes) <= {
            key_of(each.index, leg) for each in PAIRS for leg in (FUT, ETF)
        }


def test_the_quotes_of_an_index_do_not_depend_on_the_others():
    alone = [row[:8] for row in itertools.islice(seeded_market(5, START_NS).rows, 20)]
    market = seeded_market(5, START_NS)
    together = []
    for row in itertools.islice(market.rows, 20):
        together.append(row[:8])
        for rows in market.beside:
            assert next(rows).ts_ns == row.ts_ns
    assert together == alone


def test_every_index_has_a_past():
    market = seeded_market(5, START_NS)
    gateway = Gateway(GatewayConfig(), market.rows, beside=market.beside, past=market.past)
    for pair in PAIRS:
        quotes = list(itertools.islice(gateway.history.quotes(etf_listing(pair), 0, START_NS), 3))
        assert len(quotes) == 3
        assert quotes[0].bid == pytest.approx(pair.index.etf_usd, rel=0.1)
