"""One leg's market: what makes a price good, when it is open, and the limit that crosses it."""

import math

import pytest

from arbcore.carry.pairs import ETF, FUT, pair_named
from arbcore.desk.desk_settings import DeskSettings
from arbcore.desk.events import ContractFound
from arbcore.desk.leg_quotes import LegQuotes

SECOND_NS = 10**9
NOW_NS, UTC_NS = 50 * SECOND_NS, 1_000 * SECOND_NS
ALWAYS = ((0, 2**62),)


def a_leg(name: str = ETF, *, decide_on: str = "quote") -> LegQuotes:
    leg = LegQuotes(name, DeskSettings(stale_s=5.0, decide_on=decide_on))
    leg.resolve(ContractFound(name, 1, 0.01 if name == ETF else 0.25, ALWAYS, ALWAYS))
    leg.take_kind(1)
    leg.quote(600.0, 600.02, NOW_NS)
    return leg


def test_a_leg_begins_without_prices() -> None:
    leg = LegQuotes(FUT, DeskSettings(pair=pair_named("mes-spy")))
    assert (leg.symbol, leg.con_id, leg.tick, leg.multiplier, leg.expiry_ns) == ("MES", 0, 0.25, 5.0, 0)
    assert (leg.bid, leg.ask, leg.mid, leg.kind, leg.halted) == (0.0, 0.0, 0.0, 0, False)
    fund = LegQuotes(ETF, DeskSettings(pair=pair_named("mes-spy")))
    assert (fund.tick, fund.multiplier) == (0.01, 1.0)
    for now_ns in (-(2**62), 0, 2**62):
        assert leg.fault(now_ns, 0) == "MES stale"


@pytest.mark.parametrize(
    ("age_ns", "fault"),
    [(0, ""), (5 * SECOND_NS, ""), (5 * SECOND_NS + 1, "SPY stale"), (-1, "")],
)
def test_a_price_is_good_for_so_long(age_ns: int, fault: str) -> None:
    leg = a_leg()
    assert leg.fault(NOW_NS + age_ns, UTC_NS) == fault
    leg.alive(NOW_NS + age_ns)
    assert leg.fault(NOW_NS + age_ns, UTC_NS) == ""


@pytest.mark.parametrize("kind", [0, 2, 3, 4])
def test_only_live_prices_count(kind: int) -> None:
    leg = a_leg()
    leg.take_kind(kind)
    assert leg.fault(NOW_NS, UTC_NS) == "SPY not live"
    leg.take_kind(1)
    assert leg.fault(NOW_NS, UTC_NS) == ""


def test_both_bounds_of_a_price_are_prices() -> None:
    leg = a_leg()
    for price in (1e-9, 1e12):
        leg.quote(price, price, NOW_NS)
        assert (leg.bid, leg.ask) == (price, price)


BEYOND = math.nextafter(1e-9, 0.0), math.nextafter(1e12, math.inf)


@pytest.mark.parametrize("price", [0.0, -1.0, -0.0, math.nan, math.inf, -math.inf, 1e308, *BEYOND])
def test_what_no_price_can_be_is_missing(price: float) -> None:
    leg = a_leg()
    leg.quote(price, 600.02, NOW_NS)
    assert (leg.bid, leg.fault(NOW_NS, UTC_NS), leg.mid) == (0.0, "SPY missing", 0.0)
    leg.quote(600.0, price, NOW_NS)
    assert (leg.ask, leg.fault(NOW_NS, UTC_NS), leg.mid) == (0.0, "SPY missing", 0.0)
    leg.quote(600.0, 600.02, NOW_NS)
    assert leg.mid == 600.01


@pytest.mark.parametrize(
    ("ask", "live", "row"),
    [(600.01, "", ""), (600.0, "SPY crossed", ""), (599.99, "SPY crossed", "SPY crossed")],
)
def test_a_locked_market_is_good_only_in_recorded_rows(ask: float, live: str, row: str) -> None:
    for decide_on, fault in (("quote", live), ("row", row)):
        leg = a_leg(decide_on=decide_on)
        leg.quote(600.0, ask, NOW_NS)
        assert leg.fault(NOW_NS, UTC_NS) == fault


def test_a_halt_lasts_until_trading_goes_on() -> None:
    leg = a_leg()
    leg.take_halt(True)
    assert leg.fault(NOW_NS, UTC_NS) == "SPY halted"
    leg.take_halt(False)
    assert leg.fault(NOW_NS, UTC_NS) == ""


@pytest.mark.parametrize(
    ("at", "is_open"), [(9, False), (10, True), (19, True), (20, False), (29, False), (30, True), (40, False)]
)
def test_a_leg_is_open_within_its_spans_whatever_was_asked_before(at: int, is_open: bool) -> None:
    leg = a_leg()
    leg.resolve(ContractFound(ETF, 1, 0.01, ((10, 20), (30, 40)), ((5, 45),)))
    for before in (15, 25, 35, at):
        leg.open_at(before)
    assert leg.open_at(at) == is_open
    assert leg.trades_at(at)
    assert not leg.trades_at(45)
    assert not leg.trades_at(4)
    assert (leg.fault(NOW_NS, at) == "") == is_open


@pytest.mark.parametrize("at", [10, 19, 20, 29])
@pytest.mark.parametrize("before", [10, 15, 19, 20, 25, 29])
def test_spans_that_touch_are_open_throughout(at: int, before: int) -> None:
    leg = a_leg()
    leg.resolve(ContractFound(ETF, 1, 0.01, ((10, 20), (20, 30)), ((10, 20), (20, 30))))
    assert leg.open_at(before)
    assert leg.open_at(at)
    assert leg.trades_at(at)
    assert not any((leg.open_at(9), leg.open_at(30), leg.trades_at(9), leg.trades_at(30)))


@pytest.mark.parametrize("utc_ns", [-1, 0, 1, UTC_NS])
def test_without_hours_a_leg_is_never_open(utc_ns: int) -> None:
    leg = LegQuotes(ETF, DeskSettings())
    assert not leg.open_at(utc_ns)
    assert not leg.trades_at(utc_ns)
    leg.resolve(ContractFound(ETF, 1, 0.01, (), ()))
    assert not leg.open_at(utc_ns)
    assert not leg.trades_at(utc_ns)


def test_a_price_below_one_is_a_price() -> None:
    leg = a_leg()
    leg.quote(0.25, 0.5, NOW_NS)
    assert (leg.bid, leg.ask, leg.mid, leg.fault(NOW_NS, UTC_NS)) == (0.25, 0.5, 0.375, "")


def test_new_hours_count_at_once() -> None:
    leg = a_leg()
    assert leg.open_at(15)
    leg.resolve(ContractFound(ETF, 1, 0.01, ((20, 30),), ()))
    assert not leg.open_at(15)
    assert not leg.trades_at(25)


def test_another_contract_has_other_prices_and_the_same_one_keeps_its_own() -> None:
    leg = a_leg()
    leg.resolve(ContractFound(ETF, 1, 0.05, ALWAYS, ALWAYS, 77))
    assert (leg.bid, leg.tick, leg.expiry_ns, leg.fault(NOW_NS, UTC_NS)) == (600.0, 0.05, 77, "")
    leg.resolve(ContractFound(ETF, 2, 0.01, ALWAYS, ALWAYS))
    assert (leg.con_id, leg.bid, leg.ask, leg.expiry_ns) == (2, 0.0, 0.0, 0)
    assert leg.fault(NOW_NS, UTC_NS) == "SPY stale"
    new = LegQuotes(ETF, DeskSettings())
    new.quote(600.0, 600.02, NOW_NS)
    new.resolve(ContractFound(ETF, 3, 0.01, ALWAYS, ALWAYS))
    assert (new.bid, new.seen_ns) == (600.0, NOW_NS)


def test_what_is_forgotten_stays_as_a_mark() -> None:
    leg = a_leg()
    leg.take_halt(True)
    leg.forget()
    assert (leg.kind, leg.halted, leg.mid) == (0, False, 600.01)
    assert leg.fault(NOW_NS, UTC_NS) == "SPY stale"


def test_what_was_told_since_the_silence_is_confirmed_and_nothing_else() -> None:
    leg = a_leg()
    leg.silence()
    leg.confirm(NOW_NS + 9 * SECOND_NS)
    assert leg.fault(NOW_NS + 9 * SECOND_NS, UTC_NS) == "SPY stale"
    leg.quote(600.0, 600.02, NOW_NS)
    leg.confirm(NOW_NS + 9 * SECOND_NS)
    assert leg.seen_ns == NOW_NS + 9 * SECOND_NS


@pytest.mark.parametrize(
    ("side", "offset_bps", "limit"),
    [
        (1, 0.0, 600.02), (-1, 0.0, 600.0), (1, 10.0, 600.62), (-1, 10.0, 599.4), (1, 0.01, 600.02),
        (-1, 0.01, 600.0), (1, 1.0, 600.08), (-1, 1.0, 599.94),
    ],
)  # fmt: skip
def test_a_crossing_limit_lies_on_the_tick_and_not_beyond_its_offset(
    side: int, offset_bps: float, limit: float
) -> None:
    assert a_leg().crossing(side, offset_bps) == limit


@pytest.mark.parametrize(("side", "limit"), [(1, 6_006.0), (-1, 5_994.0)])
def test_a_limit_that_lies_on_the_tick_already_stays_there(side: int, limit: float) -> None:
    leg = a_leg(FUT)
    leg.quote(6_000.0, 6_000.0, NOW_NS)
    assert leg.crossing(side, 10.0) == limit
