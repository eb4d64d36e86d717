"""The protocol's sentences about orders, cancels, conversions, limits and the loss stop, one test each."""

import pytest
from pit import Pit, ack, add, book, fill, out, reject

from arbcore.wire.instruments import POSITION_LIMITS


def test_an_accepted_order_is_acked_and_its_book_is_sent():
    pit = Pit()
    pit.join("A")
    pit.buy("A", 1, "BOND", price=999, size=5)
    assert pit.hear("A") == [ack(1), book("BOND", [[999, 5]], [])]


def test_ack_comes_before_the_fills_and_out_after_the_last_of_them():
    pit = Pit()
    pit.join("A", "B")
    pit.sell("B", 1, "GS", price=8000, size=2)
    pit.sell("B", 2, "GS", price=8001, size=3)
    pit.buy("A", 7, "GS", price=8001, size=5)
    assert pit.private("A") == [
        ack(7),
        fill(7, "GS", "BUY", price=8000, size=2),
        fill(7, "GS", "BUY", price=8001, size=3),
        out(7),
    ]


def test_the_resting_order_is_filled_at_its_own_price_and_out_when_it_is_full():
    pit = Pit()
    pit.join("A", "B")
    pit.sell("B", 1, "GS", price=8000, size=5)
    pit.hear("B")
    pit.buy("A", 1, "GS", price=8010, size=2)
    assert pit.private("B") == [fill(1, "GS", "SELL", price=8000, size=2)]
    pit.buy("A", 2, "GS", price=8010, size=3)
    assert pit.private("B") == [fill(1, "GS", "SELL", price=8000, size=3), out(1)]
    assert pit.cash("A") == -40_000
    assert pit.cash("B") == 40_000


def test_what_is_not_filled_rests_and_no_out_comes():
    pit = Pit()
    pit.join("A", "B")
    pit.sell("B", 1, "GS", price=8000, size=2)
    pit.buy("A", 7, "GS", price=8000, size=5)
    assert pit.private("A") == [ack(7), fill(7, "GS", "BUY", price=8000, size=2)]
    pit.buy("B", 9, "GS", price=1, size=1)
    assert pit.hear("A", "book")[-1] == book("GS", [[8000, 3], [1, 1]], [])


def test_every_trade_is_printed_to_everybody_at_the_resting_price():
    pit = Pit()
    pit.join("A", "B", "WATCHER")
    pit.sell("B", 1, "MS", price=4000, size=2)
    pit.buy("A", 1, "MS", price=4005, size=2)
    assert pit.hear("WATCHER", "trade") == [{"type": "trade", "symbol": "MS", "price": 4000, "size": 2}]
    for team in ("A", "B"):
        assert len(pit.hear(team, "trade")) == 1


def test_a_self_trade_is_possible():
    pit = Pit()
    pit.join("A")
    pit.sell("A", 1, "BOND", price=1000, size=5)
    pit.hear("A")
    pit.buy("A", 2, "BOND", price=1000, size=5)
    assert pit.private("A") == [
        ack(2),
        fill(1, "BOND", "SELL", price=1000, size=5),
        out(1),
        fill(2, "BOND", "BUY", price=1000, size=5),
        out(2),
    ]
    assert pit.position("A", "BOND") == 0
    assert pit.cash("A") == 0


def test_a_book_shows_fifteen_levels_a_side_best_first_with_sizes_summed_by_price():
    pit = Pit()
    pit.join("A", "B")
    pit.say("A", *[add(n, "XLF", "BUY", price=4000 - n, size=1) for n in range(20)])
    pit.say("A", *[add(100 + n, "XLF", "SELL", price=4100 + n, size=2) for n in range(20)])
    pit.hear("B")
    pit.say("B", add(1, "XLF", "BUY", price=4000, size=4))
    shown = pit.hear("B", "book")[-1]
    assert shown["buy"] == [[4000, 5]] + [[4000 - n, 1] for n in range(1, 15)]
    assert shown["sell"] == [[4100 + n, 2] for n in range(15)]


def test_a_changed_book_is_sent_once_per_batch_of_changes():
    pit = Pit()
    pit.join("A", "B")
    pit.say("A", *[add(n, "WFC", "BUY", price=5000 - n, size=1) for n in range(5)],
            add(9, "GS", "BUY", price=1, size=1))
    for team in ("A", "B"):
        assert [m["symbol"] for m in pit.hear(team, "book")] == ["GS", "WFC"]


def test_without_batching_a_changed_book_is_sent_after_every_message():
    pit = Pit(batch_books=False)
    pit.join("A")
    pit.say("A", *[add(n, "WFC", "BUY", price=5000 - n, size=1) for n in range(5)])
    assert len(pit.hear("A", "book")) == 5


def test_a_cancel_takes_the_order_out_of_the_book():
    pit = Pit()
    pit.join("A", "B")
    pit.buy("A", 1, "BOND", price=999, size=5)
    pit.hear("A")
    pit.cancel("A", 1)
    assert pit.hear("A") == [out(1), book("BOND", [], [])]
    pit.sell("B", 1, "BOND", price=999, size=5)
    assert pit.private("B") == [ack(1)]


@pytest.mark.parametrize("order_id", [0, 77, 2**32 - 1])
def test_a_cancel_never_fails_even_for_an_unknown_id(order_id):
    pit = Pit()
    pit.join("A")
    pit.cancel("A", order_id)
    assert pit.hear("A") == [out(order_id)]


def test_a_cancel_after_a_full_fill_gives_a_second_out():
    pit = Pit()
    pit.join("A", "B")
    pit.sell("A", 1, "BOND", price=1000, size=1)
    pit.buy("B", 1, "BOND", price=1000, size=1)
    pit.cancel("A", 1)
    assert pit.private("A")[-2:] == [out(1), out(1)]


def test_a_team_cannot_cancel_the_order_of_another():
    pit = Pit()
    pit.join("A", "B")
    pit.buy("A", 1, "BOND", price=999, size=5)
    pit.cancel("B", 1)
    assert pit.engine.score("A")["open_orders"] == 1


def test_a_price_outside_the_band_is_rejected():
    pit = Pit()
    pit.join("A")
    for price in (0, -5, 1_000_000, 10**30):
        pit.buy("A", 1, "BOND", price=price, size=5)
        assert pit.hear("A") == [reject(1, "LIMIT:PRICE_BAND")]


def test_a_size_outside_the_range_is_rejected():
    pit = Pit()
    pit.join("A")
    for size in (0, -1, 1_000_000):
        pit.buy("A", 1, "BOND", price=1000, size=size)
        assert pit.hear("A") == [reject(1, "BAD_SIZE")]


def test_an_error_that_can_be_tied_to_an_add_is_a_reject_and_any_other_an_error():
    pit = Pit()
    pit.join("A")
    pit.say("A", {**add(1, "BOND", "BUY", price=1000, size=1), "symbol": "NOPE"})
    pit.say("A", {**add(2, "BOND", "BUY", price=1000, size=1), "dir": "buy"})
    pit.say("A", {"type": "add", "order_id": 3})
    heard = pit.hear("A")
    assert [(m["type"], m["order_id"]) for m in heard] == [("reject", 1), ("reject", 2), ("reject", 3)]
    assert all(m["error"].startswith("PROTOCOL_ERROR:MALFORMED") for m in heard)
    pit.say("A", {"type": "add", "symbol": "BOND"}, {"type": "cancel"}, {"type": "sing"})
    assert [m["type"] for m in pit.hear("A")] == ["error"] * 3


@pytest.mark.parametrize("symbol", list(POSITION_LIMITS))
def test_position_plus_order_plus_open_orders_of_the_side_may_reach_the_limit_and_not_pass_it(symbol):
    limit = POSITION_LIMITS[symbol]
    pit = Pit()
    pit.join("A", "B")
    pit.sell("B", 1, symbol, price=1000, size=2)
    pit.buy("A", 1, symbol, price=1000, size=2)
    pit.buy("A", 2, symbol, price=900, size=limit - 3)
    pit.hear("A")
    pit.buy("A", 3, symbol, price=901, size=2)
    pit.buy("A", 4, symbol, price=902, size=1)
    pit.buy("A", 5, symbol, price=903, size=1)
    assert pit.private("A") == [reject(3, "LIMIT:POSITION"), ack(4), reject(5, "LIMIT:POSITION")]


def test_the_limit_counts_each_direction_on_its_own():
    pit = Pit()
    pit.join("A")
    pit.buy("A", 1, "VALE", price=900, size=10)
    pit.sell("A", 2, "VALE", price=1100, size=10)
    pit.sell("A", 3, "VALE", price=1101, size=1)
    assert pit.private("A") == [ack(1), ack(2), reject(3, "LIMIT:POSITION")]


def test_a_short_position_leaves_room_to_buy_to_the_limit_on_the_other_side():
    pit = Pit()
    pit.join("A", "B")
    pit.buy("B", 1, "VALE", price=4000, size=10)
    pit.sell("A", 1, "VALE", price=4000, size=10)
    pit.hear("A")
    pit.buy("A", 2, "VALE", price=3900, size=20)
    pit.sell("A", 3, "VALE", price=4100, size=1)
    assert pit.private("A") == [ack(2), reject(3, "LIMIT:POSITION")]


def test_a_cancelled_order_gives_its_room_back():
    pit = Pit()
    pit.join("A")
    pit.buy("A", 1, "VALE", price=900, size=10)
    pit.cancel("A", 1)
    pit.buy("A", 2, "VALE", price=900, size=10)
    assert pit.private("A") == [ack(1), out(1), ack(2)]


def test_an_id_of_an_open_order_is_refused_and_of_an_order_that_is_out_accepted():
    pit = Pit()
    pit.join("A")
    pit.buy("A", 1, "BOND", price=999, size=5)
    pit.buy("A", 1, "GS", price=999, size=5)
    pit.cancel("A", 1)
    pit.buy("A", 1, "BOND", price=999, size=5)
    assert pit.private("A") == [ack(1), reject(1, "DUPLICATE_ORDER_ID"), out(1), ack(1)]


def test_adds_and_converts_share_one_name_space():
    pit = Pit()
    pit.join("A")
    pit.buy("A", 1, "BOND", price=999, size=5)
    pit.convert("A", 1, "VALE", "BUY", size=1)
    assert pit.private("A") == [ack(1), reject(1, "DUPLICATE_ORDER_ID")]


def test_where_reuse_is_refused_an_id_is_good_once_for_adds_and_converts():
    pit = Pit(id_reuse=False)
    pit.join("A")
    pit.buy("A", 1, "BOND", price=999, size=5)
    pit.cancel("A", 1)
    pit.convert("A", 1, "VALE", "BUY", size=1)
    pit.convert("A", 2, "VALE", "BUY", size=1)
    pit.buy("A", 2, "BOND", price=999, size=5)
    assert pit.private("A") == [
        ack(1), out(1), reject(1, "DUPLICATE_ORDER_ID"), ack(2), reject(2, "DUPLICATE_ORDER_ID"),
    ]


def test_two_teams_may_use_the_same_id():
    pit = Pit()
    pit.join("A", "B")
    pit.buy("A", 1, "BOND", price=999, size=5)
    pit.buy("B", 1, "BOND", price=999, size=5)
    assert pit.private("B") == [ack(1)]


def test_a_cap_on_open_orders_counts_the_whole_team():
    pit = Pit(open_orders_max=2)
    pit.join("A")
    pit.buy("A", 1, "BOND", price=999, size=1)
    pit.buy("A", 2, "GS", price=999, size=1)
    pit.buy("A", 3, "MS", price=999, size=1)
    pit.cancel("A", 1)
    pit.buy("A", 4, "MS", price=999, size=1)
    assert pit.private("A") == [ack(1), ack(2), reject(3, "LIMIT:OPEN_ORDERS"), out(1), ack(4)]


def test_buying_an_etf_by_conversion_gives_the_basket_for_one_fee():
    pit = Pit()
    pit.join("A")
    pit.convert("A", 1, "XLF", "BUY", size=20)
    assert pit.hear("A") == [ack(1)]
    assert pit.engine.score("A")["positions"] == {
        "BOND": -6, "VALBZ": 0, "VALE": 0, "GS": -4, "MS": -6, "WFC": -4, "XLF": 20,
    }
    assert pit.cash("A") == -100


def test_selling_the_adr_by_conversion_is_the_reverse():
    pit = Pit()
    pit.join("A")
    pit.convert("A", 1, "VALE", "SELL", size=7)
    assert pit.hear("A") == [ack(1)]
    assert pit.position("A", "VALE") == -7
    assert pit.position("A", "VALBZ") == 7
    assert pit.cash("A") == -10


def test_a_fee_per_share_is_a_setting():
    pit = Pit(fee_rule="per-share")
    pit.join("A")
    pit.convert("A", 1, "VALE", "SELL", size=7)
    assert pit.cash("A") == -70


def test_conversions_may_take_a_position_short_within_its_limit_and_not_beyond():
    pit = Pit()
    pit.join("A")
    pit.convert("A", 1, "VALE", "BUY", size=10)
    pit.convert("A", 2, "VALE", "BUY", size=1)
    assert pit.hear("A") == [ack(1), reject(2, "LIMIT:POSITION")]
    assert pit.position("A", "VALBZ") == -10


def test_a_conversion_leg_counts_the_teams_open_orders():
    pit = Pit()
    pit.join("A")
    pit.sell("A", 1, "MS", price=9000, size=98)
    pit.hear("A")
    pit.convert("A", 2, "XLF", "BUY", size=10)
    assert pit.hear("A") == [reject(2, "LIMIT:POSITION")]
    assert all(position == 0 for position in pit.engine.score("A")["positions"].values())
    assert pit.cash("A") == 0


@pytest.mark.parametrize("size", [1, 5, 15])
def test_xlf_converts_in_multiples_of_ten(size):
    pit = Pit()
    pit.join("A")
    pit.convert("A", 1, "XLF", "BUY", size=size)
    assert pit.hear("A") == [reject(1, "BAD_SIZE")]


@pytest.mark.parametrize("symbol", ["BOND", "VALBZ", "GS", "MS", "WFC"])
def test_only_the_etf_and_the_adr_convert(symbol):
    pit = Pit()
    pit.join("A")
    pit.convert("A", 1, symbol, "BUY", size=10)
    (message,) = pit.hear("A")
    assert message["error"].startswith("NOT_CONVERTIBLE: ")
    assert message == reject(1, message["error"])


def test_cash_is_unlimited():
    pit = Pit(loss_stop=-(10**9))
    pit.join("A", "B")
    pit.sell("B", 1, "GS", price=500_000, size=100)
    pit.buy("A", 1, "GS", price=500_000, size=100)
    assert pit.cash("A") == -50_000_000
    assert pit.engine.score("A")["stopped"] is False


def losing_pit(loss: int) -> Pit:
    """A has lost exactly ``loss`` at fair value to B, with an order still in the book."""
    pit = Pit()
    pit.join("A", "B")
    pit.buy("A", 1, "WFC", price=4000, size=3)
    pit.sell("B", 1, "BOND", price=1000 + loss // 10, size=10)
    pit.hear("A")
    pit.buy("A", 2, "BOND", price=1000 + loss // 10, size=10)
    return pit


def test_at_a_loss_of_thirty_thousand_the_team_is_stopped_and_closed_out_at_fair_value():
    pit = losing_pit(30_000)
    heard = pit.private("A")
    assert heard[:4] == [ack(2), fill(2, "BOND", "BUY", price=4000, size=10), out(2), out(1)]
    assert heard[4]["type"] == "error"
    assert heard[4]["error"].startswith("STOPPED")
    score = pit.engine.score("A")
    assert (score["stopped"], score["cash"], score["fair_pnl"]) == (True, -30_000, -30_000)
    assert set(score["positions"].values()) == {0}
    pit.buy("A", 3, "BOND", price=1, size=1)
    pit.convert("A", 4, "VALE", "BUY", size=1)
    assert pit.private("A") == [reject(3, "STOPPED"), reject(4, "STOPPED")]
    pit.cancel("A", 1)
    assert pit.private("A") == [out(1)]
    assert pit.engine.score("B")["fair_pnl"] == 30_000
    pit.engine.check()


def test_just_before_thirty_thousand_the_team_goes_on():
    pit = losing_pit(29_990)
    pit.hear("A")
    pit.buy("A", 3, "BOND", price=1, size=1)
    assert pit.private("A") == [ack(3)]


def test_a_stopped_team_trades_again_in_the_next_round():
    pit = losing_pit(30_000)
    pit.to(pit.engine.next_event_ns)
    pit.leave("A")
    pit.to(pit.engine.next_event_ns)
    pit.join("A")
    pit.to(pit.engine.next_event_ns)
    pit.hear("A")
    pit.buy("A", 1, "BOND", price=1, size=1)
    assert pit.private("A") == [ack(1)]


def test_cash_and_positions_sum_to_zero_with_the_house_on_the_other_side():
    pit = Pit()
    pit.join("A", "B")
    pit.sell("B", 1, "BOND", price=1001, size=10)
    pit.buy("A", 1, "BOND", price=1001, size=4)
    pit.convert("A", 2, "XLF", "SELL", size=10)
    pit.convert("B", 3, "VALE", "BUY", size=2)
    house = pit.engine.floor.accounts.view(0)
    assert house["cash"] == 110
    assert house["positions"] == {
        "BOND": -3, "VALBZ": 2, "VALE": -2, "GS": -2, "MS": -3, "WFC": -2, "XLF": 10,
    }
    pit.engine.check()


def test_the_score_is_cash_plus_positions_at_fair_value():
    pit = Pit()
    pit.join("A", "B")
    pit.sell("B", 1, "GS", price=7990, size=3)
    pit.buy("A", 1, "GS", price=7990, size=3)
    assert pit.engine.fair_values()["GS"] == 8000.0
    assert pit.engine.score("A")["fair_pnl"] == 30
    assert pit.engine.score("B")["fair_pnl"] == -30


def test_an_order_entered_without_the_wire_obeys_the_same_rules():
    pit = Pit()
    pit.join("A")
    enter = {"symbol": "VALE", "side": 1, "price": 4000, "now_ns": pit.now_ns}
    assert pit.engine.enter(pit.conns["A"], 1, size=10, **enter) == ""
    assert pit.engine.enter(pit.conns["A"], 2, size=1, **enter) == "LIMIT:POSITION"
    assert pit.hear("A") == [ack(1), book("VALE", [[4000, 10]], []), reject(2, "LIMIT:POSITION")]


def test_the_last_trades_are_kept_newest_first():
    pit = Pit()
    pit.join("A", "B")
    assert pit.engine.recent_trades(5) == []
    for order_id in range(40):
        pit.buy("A", order_id, "BOND", price=990 + order_id % 9, size=2)
        pit.sell("B", order_id, "BOND", price=990, size=1 + order_id % 2)
        pit.to(pit.now_ns + 250_000_000)
    told = pit.engine.recent_trades(2)
    assert [each["symbol"] for each in told] == ["BOND", "BOND"]
    assert [each["price"] for each in told] == [990 + 39 % 9, 990 + 38 % 9]
    assert [each["size"] for each in told] == [2, 1]
    assert [each["ago_s"] for each in told] == [0.25, 0.5]
    assert len(pit.engine.recent_trades(100)) == 32
