"""The account's arithmetic: cash, positions, gains, commissions, margin."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tws import START_NS

from arbcore.carry.money import share_fee
from arbcore.carry.pairs import DEFAULT_PAIR
from arbcore.core.civil import NS_PER_HOUR, day_of, new_york_to_utc, utc_to_new_york
from arbcore.gateway.account import Account, commission_of
from arbcore.gateway.contract_table import etf_listing, futures
from arbcore.gateway.replies import ExecutionView

SPY = etf_listing(DEFAULT_PAIR)

ES = next(each for each in futures() if each.local_symbol == "ESZ6" and each.expiry_text > "2026")
START = 1_000_000.0


def account():
    return Account(("DUSIM000001",), START)


def view(listing, side, shares, price):
    return ExecutionView(
        listing, 1, 1, 1, "", "DUSIM000001", side, shares, price, shares, price, "ref", START_NS
    )


def fill(held, listing, side, shares, price):
    return held.fill(view(listing, side, shares, price))


def test_shares_are_paid_for_and_a_round_trip_leaves_the_gain():
    held = account()
    opened = fill(held, SPY, "BOT", 500.0, 680.0)
    assert (opened.commission, opened.realized) == (2.5, None)
    assert held.cash == START - 340_000 - 2.5
    closed = fill(held, SPY, "SLD", 500.0, 681.0)
    fees = 5.0 + 500 * 681.0 * 20.60e-6 + 500 * 0.000195
    assert closed.realized == pytest.approx(500 - fees)
    assert held.cash == pytest.approx(START + 500 - fees)
    assert held.held(SPY) == 0.0


def test_a_future_pays_only_its_gain():
    held = account()
    fill(held, ES, "SLD", 2.0, 6_800.0)
    assert held.cash == START - 4.5
    assert held.net_liquidation(lambda _: 6_810.0) == pytest.approx(START - 4.5 - 2 * 50 * 10)
    closed = fill(held, ES, "BOT", 2.0, 6_790.0)
    assert closed.realized == pytest.approx(1_000 - 9.0)
    assert held.cash == pytest.approx(START + 1_000 - 9.0)


def test_average_cost_has_multiplier_and_fees_as_the_broker_shows_it():
    held = account()
    fill(held, ES, "BOT", 1.0, 6_800.0)
    assert held.positions[ES.con_id].average_cost == pytest.approx(340_002.25)
    short = account()
    fill(short, SPY, "SLD", 500.0, 680.0)
    a_share = 0.005 + 680.0 * 20.60e-6 + 0.000195
    assert short.positions[SPY.con_id].average_cost == pytest.approx(680.0 - a_share)


def test_a_fill_through_zero_closes_and_opens():
    held = account()
    fill(held, SPY, "BOT", 100.0, 680.0)
    turned = fill(held, SPY, "SLD", 300.0, 690.0)
    sale = 1.5 + 300 * 690.0 * 20.60e-6 + 300 * 0.000195
    assert turned.realized == pytest.approx(1_000 - 1.0 - sale)
    assert held.held(SPY) == -200.0
    assert held.positions[SPY.con_id].cost == pytest.approx(-200 * 690.0)


@given(
    st.lists(
        st.tuples(st.sampled_from(["BOT", "SLD"]), st.integers(1, 9), st.integers(6_700 * 4, 6_900 * 4)),
        max_size=20,
    ),
    st.booleans(),
)
def test_worth_is_start_plus_what_every_fill_has_gained_less_fees(fills, future):
    held, listing = account(), ES if future else SPY
    gained = 0.0
    for side, shares, quarter in fills:
        done = fill(held, listing, side, float(shares), quarter / 4)
        sign = 1.0 if side == "BOT" else -1.0
        gained += sign * shares * (6_800.0 - quarter / 4) * listing.multiplier - done.commission
    assert held.net_liquidation(lambda _: 6_800.0) == pytest.approx(START + gained, abs=1e-6)


def test_a_correction_replaces_what_it_corrects():
    held = account()
    wrong = fill(held, SPY, "BOT", 100.0, 680.0)
    right = held.correct(wrong.view.exec_id, 679.0)
    assert wrong.view.exec_id[:-2] == right.view.exec_id[:-2]
    assert (wrong.view.exec_id[-2:], right.view.exec_id[-2:]) == ("01", "02")
    assert held.net_liquidation(lambda _: 680.0) == pytest.approx(START + 100 - 1.0)
    assert held.held(SPY) == 100.0


def test_commissions_are_those_of_fees_ibkr():
    assert commission_of(view(SPY, "BOT", 10.0, 680.0)) == 1.00
    assert commission_of(view(ES, "BOT", 3.0, 6_800.0)) == 6.75
    # START_NS is in November 2026: 20.60 USD a million and 0.000195 a share of what is sold.
    sold = commission_of(view(SPY, "SLD", 503.0, 680.0))
    assert sold == pytest.approx(503 * 0.005 + 503 * 680.0 * 20.60e-6 + 503 * 0.000195)
    assert sold == share_fee(503.0, 680.0, day=utc_to_new_york(START_NS)[0], sale=True)


def test_an_order_that_fills_in_parts_costs_what_one_fill_costs():
    whole = commission_of(view(SPY, "SLD", 300.0, 680.5))
    parts, done, paid = 0.0, 0.0, 0.0
    for shares, price in ((20.0, 680.0), (180.0, 680.5), (100.0, 680.6)):
        done, paid = done + shares, paid + shares * price
        parts += commission_of(
            replace(view(SPY, "SLD", shares, price), cumulative=done, average=paid / done)
        )
    assert parts == pytest.approx(whole, abs=1e-12)


def test_a_sale_costs_what_was_due_on_its_date():
    """No SEC fee from 2025-05-14 to 2026-03-31, and a higher TAF from 2026 on."""
    for day, sec, taf in (
        (day_of(2025, 5, 13), 27.80, 0.000166), (day_of(2025, 5, 14), 0.0, 0.000166),
        (day_of(2026, 3, 31), 0.0, 0.000195), (day_of(2026, 4, 1), 20.60, 0.000195),
    ):  # fmt: skip
        sale = replace(view(SPY, "SLD", 500.0, 680.0), time_ns=new_york_to_utc(day, 15 * NS_PER_HOUR))
        assert commission_of(sale) == pytest.approx(2.5 + 340_000.0 * sec * 1e-6 + 500 * taf)


def test_a_preview_says_margin_before_change_and_after():
    held = account()
    margin = held.preview(ES, 1.0, marks=lambda _: 6_800.0, now_ns=START_NS)
    assert margin.initial == pytest.approx((0.0, 20_400.0, 20_400.0))
    assert margin.maintenance[1] == pytest.approx(18_360.0)
    assert (margin.commission, margin.warning) == (2.25, "")
    assert held.preview(ES, 60.0, marks=lambda _: 6_800.0, now_ns=START_NS).warning
    # What closes a position frees margin.
    fill(held, ES, "BOT", 1.0, 6_800.0)
    freed = held.preview(ES, -1.0, marks=lambda _: 6_800.0, now_ns=START_NS)
    assert freed.initial[1] == pytest.approx(-20_400.0)


def test_a_settled_future_is_gone_and_its_gain_is_cash():
    held = account()
    fill(held, ES, "BOT", 1.0, 6_800.0)
    held.settle(ES, 6_850.0)
    assert held.held(ES) == 0.0
    assert held.cash == pytest.approx(START - 2.25 + 2_500.0)


def test_values_are_consistent():
    held = account()
    fill(held, SPY, "BOT", 100.0, 680.0)
    values = {tag: value for tag, value, _ in held.values(lambda _: 690.0)}
    assert float(values["NetLiquidation"]) == pytest.approx(START + 1_000 - 1.0)
    assert values["GrossPositionValue"] == "69000.00"
    assert float(values["AvailableFunds"]) == pytest.approx(START + 999 - 34_500)
    assert values["UnrealizedPnL"] == "999.00"
