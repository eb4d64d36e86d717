"""The level at which a future settles: the market's own, whatever a pair's points per USD are about."""

from datetime import date, timedelta

import pytest
from tws import DEC26

from arbcore.carry._carry import exponential
from arbcore.carry.calendar import is_trading_day
from arbcore.carry.money import PaidDividend
from arbcore.carry.pairs import pair_named
from arbcore.carry.settlement import settlement_day_at
from arbcore.core.civil import NS_PER_MINUTE, NS_PER_S, day_of, new_york_to_utc
from arbcore.gateway.carrying import Carrying, CarryingTerms
from arbcore.gateway.opening_auction import OpeningAuction
from arbcore.gateway.quote_source import Row

EXPIRY_NS = DEC26.expiry_ns
R, PAID = 0.04, 1.9


def minutes(days=3):
    """The minutes of the last days before the expiry."""
    last = date(2026, 12, 18)
    for number in range(days + 4, 0, -1):
        day = last - timedelta(number)
        since_1970 = day_of(day.year, day.month, day.day)
        if is_trading_day(since_1970):
            for minute in range(571, 961):
                yield new_york_to_utc(since_1970, minute * NS_PER_MINUTE)


def quoted(name, true_factor, *, spread=0.0, paid=0.0):
    """Rows of a market that is exactly fair at its own level, and the index at the auction."""
    pair = pair_named(name)
    etf = pair.index.etf_usd
    expiry_paid_day = settlement_day_at(EXPIRY_NS)
    for ts_ns in minutes():
        left = (expiry_paid_day - settlement_day_at(ts_ns)) / 365
        fair = true_factor * (etf - paid) * exponential((R + spread) * left)
        yield Row(ts_ns, EXPIRY_NS, fair - 1.0, fair + 1.0, etf - 0.01, etf + 0.01, 9.0, 900.0,
                  pair.points_per_usd, pair=pair)  # fmt: skip


def auction(name, true_factor, *, schedule=(), **market):
    pair = pair_named(name)
    carrying = Carrying(CarryingTerms(R, dividends={pair.etf: schedule}))
    found = OpeningAuction(carrying)
    for row in quoted(name, true_factor, **market):
        carrying.advance(row.ts_ns, expiry_ns=EXPIRY_NS, factor=pair.points_per_usd)
        found.note(row)
    return found, row


@pytest.mark.parametrize(
    ("name", "factor"), [("es-spy", 10.031), ("nq-qqq", 41.4), ("rty-iwm", 9.96), ("ym-dia", 100.2)]
)
@pytest.mark.parametrize("spread", [0.0, 0.012])
def test_it_is_the_level_at_which_the_contract_was_quoted(name, factor, spread):
    found, last = auction(name, factor, spread=spread)
    opening = last._replace(ts_ns=EXPIRY_NS, expiry_ns=EXPIRY_NS + 90 * 86_400 * NS_PER_S)
    found.note(opening)
    index = (last.etf_bid + last.etf_ask) / 2 * factor
    # To half a basis point, where the pair's points per USD are tens of them off.
    assert found.index_at(opening, EXPIRY_NS) == pytest.approx(index, rel=1.5e-4 if spread else 5e-5)
    assert opening.index_level != pytest.approx(index, rel=15e-4)


def test_a_dividend_of_the_auction_is_out_of_the_share_and_not_of_the_index():
    schedule = (PaidDividend(EXPIRY_NS, PAID), PaidDividend(EXPIRY_NS + 3 * 86_400 * NS_PER_S, 0.5))
    found, last = auction("es-spy", 10.031, schedule=schedule, paid=PAID)
    ex = (last.etf_bid + last.etf_ask) / 2 - PAID
    opening = last._replace(ts_ns=EXPIRY_NS, etf_bid=ex - 0.01, etf_ask=ex + 0.01)
    assert found.index_at(opening, EXPIRY_NS) == pytest.approx(ex * 10.031, rel=5e-5)
    # The next row may come days later, when the share has gone ex once more.
    later = opening._replace(
        ts_ns=EXPIRY_NS + 4 * 86_400 * NS_PER_S, etf_bid=ex - 0.51, etf_ask=ex - 0.49
    )
    assert found.index_at(later, EXPIRY_NS) == pytest.approx(ex * 10.031, rel=5e-4)


def test_without_quotes_of_the_contract_or_with_the_index_it_is_the_index():
    found, last = auction("es-spy", 10.031)
    known = last._replace(factor=10.05, names_factor=True)
    assert found.index_at(known, EXPIRY_NS) == known.index_level
    other_ns = EXPIRY_NS - 90 * 86_400 * NS_PER_S
    assert found.index_at(last, other_ns) == last.index_level
