"""Interest and dividends of the simulated account: numbers worked out by hand."""

import pytest
from tws import row

from arbcore.carry.calendar import expiry_instant
from arbcore.carry.money import PaidDividend
from arbcore.carry.pairs import DEFAULT_PAIR
from arbcore.carry.terms import Quoting, RateHistory
from arbcore.core.civil import day_of, read_time
from arbcore.gateway.account import Account
from arbcore.gateway.carrying import Carrying, CarryingTerms
from arbcore.gateway.contract_table import etf_listing
from arbcore.gateway.gateway import Gateway, GatewayConfig
from arbcore.gateway.replies import ExecutionView

SPY = etf_listing(DEFAULT_PAIR)
EX_NS = expiry_instant(day_of(2026, 3, 20))


class Held:
    """An account and its clock; ``trade`` buys (above 0) or sells shares, at 365.00: a day is round."""

    def __init__(self, **terms):
        self.account = Account(("DUSIM000001",), 1_000_000.0, Carrying(CarryingTerms(**terms)))
        self.at_ns = 0

    def at(self, text):
        self.at_ns = read_time(text)
        return self.account.advance(self.at_ns, expiry_ns=EX_NS, factor=10.0)

    def trade(self, shares, price=365.0):
        side = "BOT" if shares > 0 else "SLD"
        view = ExecutionView(
            SPY, 1, 1, 1, "", "DUSIM000001", side, abs(shares), price, abs(shares), price, "r", self.at_ns
        )
        return self.account.fill(view)

    @property
    def booked(self):
        return self.account.carrying.total


def test_a_long_pays_from_the_settlement_day_of_its_entry_to_that_of_its_exit():
    held = Held(funding=0.04)
    held.at("2026-03-05T15:00:00Z")  # A Thursday, paid on Friday.
    held.trade(1_000)
    # On Friday it is paid for on Monday: three days of 1,000 x 365 x 4% / 365.
    assert held.at("2026-03-06T15:00:00Z") == pytest.approx((-120.0, 0.0))
    assert held.at("2026-03-06T20:59:00Z") == (0.0, 0.0)
    assert held.at("2026-03-08T12:00:00Z") == pytest.approx((-40.0, 0.0))  # Sunday's next is Tuesday.
    assert held.at("2026-03-09T15:00:00Z") == (0.0, 0.0)  # Monday's too.
    cash = held.account.cash
    held.trade(-1_000)
    assert held.account.cash == pytest.approx(cash + 365_000.0 - 5.0)
    assert held.at("2026-03-20T15:00:00Z") == (0.0, 0.0)
    assert held.booked == pytest.approx((-160.0, 0.0))


def test_a_short_earns_its_rate_less_the_fee_of_borrowing():
    held = Held(funding=0.5, short=0.03, borrow=0.01)
    held.at("2026-03-02T15:00:00Z")
    held.trade(-1_000)
    held.at("2026-03-03T15:00:00Z")
    assert held.booked == pytest.approx((20.0, 0.0))


def test_a_brokers_rates_are_those_of_the_backtest_with_its_fees():
    held = Held(funding=0.04, borrow=0.01, broker=True)
    held.at("2026-03-02T15:00:00Z")
    held.trade(1_000)
    held.at("2026-03-03T15:00:00Z")
    assert held.booked == pytest.approx((-55.0, 0.0))  # 1.5% above the rate.
    held.trade(-1_000)
    # Of 365,000 USD the first 100,000 earn nothing and the others 2.75%, in whatever parts it was sold.
    for part in (100, 250, 650):
        held.trade(-part)
    held.at("2026-03-04T15:00:00Z")
    earned = (0.0275 * 265_000.0 - 0.01 * 365_000.0) / 365.0
    assert held.booked == pytest.approx((-55.0 + earned, 0.0))


def test_a_lot_keeps_the_rate_of_its_entry_and_the_oldest_one_closes_first():
    days = (day_of(2026, 3, 1), day_of(2026, 3, 3))
    held = Held(funding=RateHistory("rates.csv", Quoting.CONTINUOUS, days, (0.01, 0.02)))
    held.at("2026-03-02T15:00:00Z")
    held.trade(1_000)  # At 1%.
    held.at("2026-03-04T15:00:00Z")
    assert held.booked.financing == pytest.approx(-20.0)
    held.trade(1_000)  # At 2%, beside the first.
    held.trade(-1_000)  # Closes the first.
    held.at("2026-03-05T15:00:00Z")
    assert held.booked.financing == pytest.approx(-20.0 - 20.0)


@pytest.mark.parametrize(("shares", "paid"), [(500, 900.0), (-500, -900.0)])
def test_a_dividend_is_for_who_held_before_and_still_holds_at_the_opening(shares, paid):
    held = Held(dividends={"SPY": (PaidDividend(EX_NS, 1.8),)})
    held.at("2026-03-19T15:00:00Z")
    held.trade(shares)
    assert held.at("2026-03-20T13:29:59Z") == (0.0, 0.0)
    assert held.at("2026-03-20T13:30:00Z") == pytest.approx((0.0, paid))
    held.trade(-shares)
    assert held.booked.dividends == pytest.approx(paid)


def test_who_buys_at_the_opening_of_the_ex_date_gets_none():
    held = Held(dividends={"SPY": (PaidDividend(EX_NS, 1.8),), "QQQ": (PaidDividend(EX_NS + 1, 9.0),)})
    held.at("2026-03-20T13:30:00Z")
    held.trade(500)
    held.at("2026-03-27T13:30:00Z")
    assert held.booked == (0.0, 0.0)


def test_a_dividend_in_points_is_a_share_of_the_factor():
    held = Held(dividends={"SPY": (PaidDividend(EX_NS, 20.0, points=True),)})
    held.at("2026-03-19T15:00:00Z")
    held.trade(100)
    held.at("2026-03-21T15:00:00Z")
    assert held.booked.dividends == pytest.approx(100 * 20.0 / 10.0)


def test_a_correction_of_the_entry_corrects_what_it_costs():
    held = Held(funding=0.04)
    held.at("2026-03-02T15:00:00Z")
    done = held.trade(1_000, price=364.0)
    held.account.correct(done.view.exec_id, 365.0)
    held.at("2026-03-03T15:00:00Z")
    assert held.booked.financing == pytest.approx(-40.0)


def test_the_gateway_books_with_the_first_row_of_a_date_and_says_so():
    rows = [row(0), row(86_400)]  # Friday the 20th of November 2026, and the Saturday after it.
    gateway = Gateway(GatewayConfig(carrying=CarryingTerms(funding=0.0365), speed=86_400.0), iter(rows))
    gateway.advance(0)
    view = ExecutionView(SPY, 1, 1, 1, "", "DUSIM000001", "BOT", 500.0, 680.0, 500.0, 680.0, "r", 0)
    gateway.account.fill(view)
    cash = gateway.account.cash
    gateway.advance(2 * 10**9)
    assert gateway.row_number == 2
    # Friday's trade is paid on Monday, one of Saturday on Tuesday.
    assert gateway.account.cash == pytest.approx(cash - 340_000.0 * 0.0365 / 365)
    assert gateway.log[-1] == "Booked interest -34.00 and dividends +0.00 USD."
