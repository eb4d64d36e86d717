"""Rounds: closed, open, close, the connection shut, and everything reset for the next one."""

import pytest
from pit import OPEN_NS, RESTART_NS, ROUND_NS, Pit, ack, reject

from arbcore.errors import UsageError
from arbcore.wire.instruments import SYMBOLS

NEVER_NS = 2**63 - 1
CLOSE_NS = OPEN_NS + ROUND_NS


def types(messages):
    return [message["type"] for message in messages]


def test_symbols_start_closed_and_an_add_is_rejected():
    pit = Pit(opened=False)
    pit.connect("A")
    pit.say("A", {"type": "hello", "team": "A"})
    assert types(pit.hear("A")) == ["hello"]
    pit.buy("A", 1, "BOND", price=999, size=1)
    pit.convert("A", 2, "VALE", "BUY", size=1)
    assert pit.hear("A") == [reject(1, "CLOSED"), reject(2, "CLOSED")]


def test_the_open_names_all_symbols_in_alphabetical_order_and_no_empty_book_follows():
    pit = Pit(opened=False)
    pit.join("A")
    pit.to(OPEN_NS - 1)
    assert pit.hear("A") == []
    pit.to(OPEN_NS)
    assert pit.hear("A") == [{"type": "open", "symbols": sorted(SYMBOLS)}]
    pit.buy("A", 1, "BOND", price=999, size=1)
    assert pit.private("A") == [ack(1)]


def test_at_the_end_close_is_said_and_every_team_is_to_be_shut():
    pit = Pit()
    pit.join("A", "B")
    pit.connect("SILENT")
    pit.to(CLOSE_NS)
    assert pit.hear("A") == [{"type": "close", "symbols": sorted(SYMBOLS)}]
    assert pit.hear("SILENT") == []
    assert pit.engine.closings() == [pit.conns["A"], pit.conns["B"]]
    assert pit.engine.closing(pit.conns["A"])


def test_what_comes_after_the_close_is_ignored():
    pit = Pit()
    pit.join("A")
    pit.to(CLOSE_NS)
    pit.hear("A")
    pit.buy("A", 1, "BOND", price=999, size=1)
    assert pit.hear("A") == []


def test_between_two_rounds_nobody_listens():
    pit = Pit(opened=False)
    assert pit.engine.listening
    pit.to(CLOSE_NS - 1)
    assert pit.engine.listening
    pit.to(CLOSE_NS)
    assert not pit.engine.listening
    pit.to(CLOSE_NS + RESTART_NS - 1)
    assert not pit.engine.listening
    pit.to(CLOSE_NS + RESTART_NS)
    assert pit.engine.listening


@pytest.mark.parametrize("hello_ns", [CLOSE_NS, CLOSE_NS + RESTART_NS, CLOSE_NS + RESTART_NS + OPEN_NS])
def test_who_was_accepted_before_the_end_and_says_hello_after_it_plays_the_next_round(hello_ns):
    pit = Pit(teams_max=1)
    pit.join("A")
    pit.buy("A", 1, "BOND", price=999, size=5)
    pit.connect("LATE")
    pit.to(CLOSE_NS)
    pit.leave("A")
    pit.to(hello_ns)
    pit.say("LATE", {"type": "hello", "team": "A"})
    assert {entry["position"] for entry in pit.hear("LATE", "hello")[0]["symbols"]} == {0}
    pit.to(CLOSE_NS + RESTART_NS + OPEN_NS)
    pit.buy("LATE", 1, "BOND", price=999, size=5)
    assert pit.private("LATE")[-1] == ack(1)
    pit.engine.check()


def test_a_new_round_resets_positions_and_cash_and_books():
    pit = Pit()
    pit.join("A", "B")
    pit.sell("B", 1, "BOND", price=1000, size=5)
    pit.buy("A", 1, "BOND", price=1000, size=3)
    pit.to(CLOSE_NS)
    pit.leave("A")
    pit.leave("B")
    pit.to(CLOSE_NS + RESTART_NS)
    assert pit.engine.round_number == 2
    pit.connect("A")
    pit.say("A", {"type": "hello", "team": "A"})
    assert {entry["position"] for entry in pit.hear("A")[0]["symbols"]} == {0}
    pit.to(CLOSE_NS + RESTART_NS + OPEN_NS)
    assert pit.hear("A", "book") == []
    pit.engine.check()


def test_the_result_of_a_round_is_kept_as_it_was_at_its_close():
    pit = Pit()
    pit.join("A", "B")
    pit.sell("B", 1, "BOND", price=1010, size=5)
    pit.buy("A", 1, "BOND", price=1010, size=3)
    pit.to(CLOSE_NS + RESTART_NS + OPEN_NS)
    (result,) = pit.engine.results
    assert result["round"] == 1
    assert result["scores"]["A"]["fair_pnl"] == -30
    assert result["scores"]["B"]["positions"]["BOND"] == -3
    assert result["fair_values"]["BOND"] == 1000.0
    assert pit.engine.score("A")["fair_pnl"] == 0


def test_one_long_step_of_time_passes_through_every_round():
    pit = Pit()
    pit.to(10 * (OPEN_NS + ROUND_NS + RESTART_NS))
    assert pit.engine.round_number == 11
    assert [result["round"] for result in pit.engine.results] == list(range(1, 11))


@pytest.mark.parametrize("mode", ["slower", "empty"])
def test_outside_prod_like_a_round_has_no_end(mode):
    pit = Pit(mode=mode, round_ns=None)
    assert pit.engine.next_event_ns == NEVER_NS
    pit.to(10**15)
    assert pit.engine.round_number == 1
    assert pit.engine.phase_name == "open"


def test_a_prod_like_round_lasts_five_minutes():
    pit = Pit(round_ns=None)
    assert pit.engine.next_event_ns == OPEN_NS + 300_000_000_000


def test_time_never_goes_back():
    pit = Pit()
    pit.join("A")
    pit.now_ns = 5
    pit.buy("A", 1, "BOND", price=999, size=1)
    assert pit.private("A") == [ack(1)]
    assert pit.engine.phase_name == "open"


def test_an_exchange_starts_once():
    pit = Pit()
    with pytest.raises(UsageError):
        pit.engine.start(0)
