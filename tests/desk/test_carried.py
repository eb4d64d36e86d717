"""What a pair pays and earns beside its prices: booked by date, counted in the day, kept over a restart."""

import math

import pytest
from desk_player import DAY_NS, EXPIRY_NS, FAIR, RICH, T0_NS, Player

from arbcore.carry.calendar import expiry_instant, trading_date
from arbcore.carry.money import PaidDividend
from arbcore.carry.pairs import ETF, FUT
from arbcore.carry.settlement import settlement_day_at
from arbcore.desk import events as ev
from arbcore.desk.commands import SaveCarried, SaveTrade
from arbcore.desk.desk_session import DeskSession
from arbcore.desk.desk_terms import CarryTerms
from arbcore.desk.records import Snapshot

#: A Monday at ten in New York; the dividend goes ex on the Wednesday.
EX = PaidDividend(expiry_instant(trading_date(T0_NS) + 2), 1.9)
RATES = {
    "funding_rate": 0.05, "short_rate": 0.03, "borrow_rate": 0.01, "max_hold_days": 0.0, "roll_before_s": 0.0,
}  # fmt: skip


def held(side: int) -> Player:
    """A pair that is held from the Monday on, with a schedule in place of the yield."""
    player = Player(connect=False, **RATES)
    terms = CarryTerms(player.settings.r, (EX,))
    player.session = DeskSession(player.settings, "t", Snapshot(), terms=terms)
    player.resolve()
    player.connect()
    player.answer_all()
    player.live()
    for order in player.enter(RICH + 20.0 if side < 0 else 5_950.0):
        player.fill(order)
    assert player.pair is not None
    assert player.pair["phase"] == "held"
    return player


def day_after(player: Player) -> None:
    """The same clock on the next date, without a word of prices in between."""
    player.skew_ns += DAY_NS
    player.say(ev.BrokerClock(T0_NS - 10**9 + player.now_ns + player.skew_ns))
    player.say(ev.Tick(), after_s=0.1)


@pytest.mark.parametrize("side", [-1, 1])
def test_each_date_books_its_own_and_the_dates_add_up_to_the_pair(side: int) -> None:
    player = held(side)
    (trade,) = player.session._pairs.open.values()
    for _ in range(9):
        day_after(player)
    now_ns = player.session._core.clock.utc_ns
    days = settlement_day_at(now_ns) - settlement_day_at(trade.entry_ns)
    assert days == 9
    value = trade.shares * trade.averages[2]
    rate = -0.05 if side < 0 else 0.03 - 0.01
    booked = list(player.store.carried.values())
    assert math.fsum(row.financing for row in booked) == pytest.approx(rate * value * days / 365.0, rel=1e-12)
    assert math.fsum(row.dividends for row in booked) == pytest.approx(-side * trade.shares * 1.9, rel=1e-12)
    (ex_row,) = [row for row in booked if row.dividends]
    assert ex_row.day == trading_date(EX.ex_ns)
    # Over a day, and from Thursday to Friday the three of the weekend.
    unit = rate * value / 365.0
    by_day = {row.day: row.financing / unit for row in booked}
    monday = trading_date(T0_NS)
    assert [round(by_day.get(monday + at, 0.0), 9) for at in range(10)] == [0, 1, 1, 1, 3, 1, 0, 0, 1, 1]


def test_the_days_loss_counts_the_interest_of_the_date() -> None:
    player = held(-1)
    (trade,) = player.session._pairs.open.values()
    day_after(player)
    player.say(ev.Hello("DU1", T0_NS - 10**9 + player.now_ns + player.skew_ns))
    player.answer_all()
    interest = -0.05 * trade.shares * trade.averages[2] / 365.0
    assert player.session.status()["day_pnl"] == pytest.approx(interest)


def test_within_a_day_nothing_is_booked_and_a_pair_keeps_the_rates_of_its_entry() -> None:
    player = Player(**{**RATES, "funding_rate": None})
    player.hold()
    player.say(ev.Terms(r=0.09))
    player.quotes(FAIR)
    for order in list(player.orders):
        player.fill(order)
    assert not player.pick(SaveCarried, player.all)
    row = player.pick(SaveTrade, player.all)[-1].row
    assert (row.phase, row.funding, row.short, row.borrow, row.factor) == ("closed", 0.045, 0.03, 0.01, 10.0)
    assert (row.financing, row.dividends) == (0.0, 0.0)


@pytest.mark.parametrize("side", [-1, 1])
def test_a_brokers_rates_are_those_of_the_backtest_with_its_fees(side: int) -> None:
    player = Player(broker_rates=True, borrow_rate=0.01, max_hold_days=0.0, roll_before_s=0.0)
    for order in player.enter(RICH + 20.0 if side < 0 else 5_950.0):
        player.fill(order)
    row = player.pick(SaveTrade, player.all)[-1].row
    proceeds = row.shares * row.etf_entry
    assert 100_000.0 < proceeds < 1_000_000.0
    tiers = (0.045 - 0.0125) * (proceeds - 100_000.0) / proceeds
    assert (row.phase, row.funding, row.borrow) == ("held", pytest.approx(0.06), 0.01)
    assert row.short == pytest.approx(tiers)


def test_a_closed_pair_is_stored_with_what_it_cost_and_a_restart_knows_its_rates() -> None:
    player = held(-1)
    day_after(player)
    again = player.restart(**{**RATES, "funding_rate": 0.2})
    (trade,) = again.session._pairs.open.values()
    assert trade.rates is not None
    assert trade.rates.funding == 0.05
    again.skew_ns = player.skew_ns
    again.resolve()
    again.connect()
    again.answer_all()
    again.live()
    again.quotes(FAIR - 40.0)
    orders = list(again.orders)
    assert {order.leg for order in orders} == {FUT, ETF}
    for order in orders:
        again.fill(order)
    row = again.pick(SaveTrade, again.all)[-1].row
    assert row.phase == "closed"
    assert row.financing == pytest.approx(-0.05 * row.shares * row.etf_entry / 365.0, rel=1e-12)


def test_dates_on_which_the_bot_was_not_there_are_booked_when_it_is_back() -> None:
    player = held(-1)
    again = player.restart(**RATES)
    again.skew_ns = 4 * DAY_NS
    again.resolve()
    monday = trading_date(T0_NS)
    assert {row.day - monday for row in again.store.carried.values()} == {1, 2, 3, 4}


def test_a_pair_of_before_rates_were_stored_books_nothing() -> None:
    player = Player(**RATES)
    player.hold()
    (trade,) = player.session._pairs.open.values()
    trade.rates = None
    assert trade.carried(EXPIRY_NS) == (0.0, 0.0)
