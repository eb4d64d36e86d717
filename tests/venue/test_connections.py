"""Logins, reconnects and clients that behave badly: each gets a clear answer and harms nobody else."""

import json
import random
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pit import SECOND_NS, Pit, ack, add, book, out

from arbcore.errors import UsageError
from arbcore.wire.instruments import SYMBOLS

HELLO_A = b'{"type":"hello","team":"A"}\n'


def types(messages):
    return [message["type"] for message in messages]


def test_the_hello_answers_at_once_in_alphabetical_order_with_cash_among_the_symbols():
    pit = Pit(opened=False)
    pit.connect("A")
    pit.raw("A", HELLO_A)
    (hello,) = pit.hear("A")
    assert [entry["symbol"] for entry in hello["symbols"]] == sorted([*SYMBOLS, "USD"])


def test_a_login_in_mid_round_gets_hello_open_and_the_books_that_are_not_empty():
    pit = Pit()
    pit.join("A")
    pit.buy("A", 1, "MS", price=4000, size=3)
    pit.connect("LATE")
    pit.say("LATE", {"type": "hello", "team": "LATE"})
    heard = pit.hear("LATE")
    assert types(heard[:2]) == ["hello", "open"]
    assert heard[2:] == [book("MS", [[4000, 3]], [])]


def test_a_reconnect_is_told_its_positions_and_cash():
    pit = Pit()
    pit.join("A", "B")
    pit.sell("B", 1, "GS", price=8000, size=4)
    pit.buy("A", 1, "GS", price=8000, size=4)
    pit.leave("A")
    pit.connect("A")
    pit.raw("A", HELLO_A)
    held = {entry["symbol"]: entry["position"] for entry in pit.hear("A")[0]["symbols"]}
    assert (held["GS"], held["USD"], held["BOND"]) == (4, -32_000, 0)


def test_a_disconnect_cancels_all_of_that_teams_open_orders_and_no_others():
    pit = Pit()
    pit.join("A", "B")
    pit.buy("A", 1, "GS", price=8000, size=4)
    pit.sell("A", 2, "MS", price=4200, size=4)
    pit.buy("B", 1, "GS", price=7999, size=1)
    pit.hear("B")
    pit.leave("A")
    assert pit.hear("B") == [book("GS", [[7999, 1]], []), book("MS", [], [])]
    assert pit.engine.score("A")["open_orders"] == 0
    pit.engine.check()


def test_a_second_login_replaces_the_first_and_cancels_its_orders():
    pit = Pit()
    pit.join("A")
    pit.buy("A", 1, "GS", price=8000, size=4)
    pit.hear("A")
    pit.conns["old"] = pit.conns["A"]
    pit.connect("A")
    pit.raw("A", HELLO_A)
    assert types(pit.hear("A"))[:2] == ["hello", "open"]
    (goodbye,) = pit.hear("old")
    assert goodbye["error"].startswith("REPLACED")
    assert pit.engine.closing(pit.conns["old"])
    assert pit.engine.score("A")["open_orders"] == 0
    pit.leave("old")
    pit.buy("A", 1, "GS", price=8000, size=4)
    assert pit.private("A") == [ack(1)]


def test_where_logins_are_refused_the_first_connection_goes_on():
    pit = Pit(login_policy="refuse")
    pit.join("A")
    pit.buy("A", 1, "GS", price=8000, size=4)
    pit.connect("second")
    pit.raw("second", HELLO_A)
    (refused,) = pit.hear("second")
    assert refused["error"].startswith("LOGIN_REFUSED")
    assert pit.engine.closing(pit.conns["second"])
    pit.leave("second")
    assert pit.engine.score("A")["open_orders"] == 1


def test_the_hello_must_be_first_and_may_still_follow():
    pit = Pit()
    pit.connect("A")
    pit.say("A", add(1, "BOND", "BUY", price=999, size=1), {"type": "cancel", "order_id": 1})
    pit.raw("A", b"garbage\n")
    heard = pit.hear("A")
    assert types(heard) == ["error"] * 3
    assert all("hello" in message["error"] for message in heard)
    pit.raw("A", HELLO_A)
    assert types(pit.hear("A"))[0] == "hello"


def test_a_second_hello_on_one_connection_is_an_error_and_changes_nothing():
    pit = Pit()
    pit.join("A")
    pit.say("A", {"type": "hello", "team": "OTHER"})
    assert types(pit.hear("A")) == ["error"]
    assert pit.engine.teams() == ["A"]


@pytest.mark.parametrize("team", ["A", "teamname", "MixedCase", "X" * 32])
def test_team_names_are_accepted_in_any_letters_of_the_right_length(team):
    pit = Pit()
    pit.connect("c")
    pit.say("c", {"type": "hello", "team": team})
    assert types(pit.hear("c"))[0] == "hello"
    assert pit.engine.teams() == [team]


@pytest.mark.parametrize("team", ["", "X" * 33, 7, None, "new\nline", "\u0000"])
def test_other_team_names_get_an_error_and_may_try_again(team):
    pit = Pit()
    pit.connect("c")
    pit.say("c", {"type": "hello", "team": team})
    assert types(pit.hear("c")) == ["error"]
    pit.raw("c", HELLO_A)
    assert types(pit.hear("c"))[0] == "hello"


def test_a_team_spelled_with_escapes_is_the_same_team():
    pit = Pit()
    pit.connect("c")
    pit.raw("c", b'{"team" : "\\u0041", "type" : "hello"}\n')
    assert types(pit.hear("c"))[0] == "hello"
    assert pit.engine.teams() == ["A"]


@pytest.mark.parametrize(
    "line",
    [b"x", b"[]", b"{}", b'{"type":"add"', b"\xff\xfe", b"null", b'{"type":5}', b"[" * 100, b"   ",
     b'{"type":"add","order_id":-1,"symbol":"BOND","dir":"BUY","price":1,"size":1}', b"\x00" * 50],
)
def test_a_malformed_line_gets_an_error_and_never_a_disconnect(line):
    pit = Pit()
    pit.join("A")
    pit.raw("A", line + b"\n")
    (error,) = pit.hear("A")
    assert error["error"].startswith("PROTOCOL_ERROR:MALFORMED")
    assert not pit.engine.closing(pit.conns["A"])
    pit.buy("A", 1, "BOND", price=999, size=1)
    assert pit.private("A") == [ack(1)]


def test_an_empty_line_is_no_message():
    pit = Pit()
    pit.join("A")
    pit.raw("A", b"\n\r\n\n")
    assert pit.hear("A") == []


def test_a_message_without_its_newline_is_not_read_until_the_newline_comes():
    pit = Pit()
    pit.join("A")
    line = json.dumps(add(1, "BOND", "BUY", price=999, size=1)).encode()
    pit.raw("A", line)
    assert pit.hear("A") == []
    pit.raw("A", b"\n")
    assert pit.private("A") == [ack(1)]


def test_a_giant_line_gets_one_error_and_the_next_line_is_read():
    pit = Pit()
    pit.join("A")
    for _ in range(40):
        pit.raw("A", b"x" * 10_000)
    pit.raw("A", b"x\n" + json.dumps({"type": "cancel", "order_id": 3}).encode() + b"\n")
    heard = pit.hear("A")
    assert sorted(types(heard)) == ["error", "out"]
    assert "oversized" in next(m["error"] for m in heard if m["type"] == "error")


def test_messages_beyond_five_hundred_in_a_second_are_ignored():
    pit = Pit()
    pit.join("A")
    pit.to(pit.now_ns + SECOND_NS)
    pit.say("A", *[{"type": "cancel", "order_id": n} for n in range(600)])
    assert pit.hear("A") == [out(n) for n in range(500)]
    assert pit.engine.messages_ignored == 100
    pit.to(pit.now_ns + SECOND_NS - 1)
    pit.cancel("A", 1)
    assert pit.hear("A") == []
    pit.to(pit.now_ns + 1)
    pit.cancel("A", 1)
    assert pit.hear("A") == [out(1)]


def test_garbage_counts_as_messages_so_that_errors_cannot_flood():
    pit = Pit()
    pit.join("A")
    pit.to(pit.now_ns + SECOND_NS)
    pit.raw("A", b"x\n" * 5000)
    assert len(pit.hear("A")) == 500


def test_one_teams_flood_does_not_use_up_anothers_cap():
    pit = Pit()
    pit.join("A", "B")
    pit.raw("A", b"x\n" * 5000)
    pit.cancel("B", 1)
    assert pit.hear("B") == [out(1)]


def test_a_client_that_never_reads_is_given_up_alone_and_its_orders_are_cancelled():
    pit = Pit(queue_bytes_max=64 * 1024)
    pit.join("DEAF", "B")
    pit.buy("DEAF", 1, "GS", price=7000, size=1)
    for n in range(2000):
        pit.to(pit.now_ns + SECOND_NS // 100)
        pit.buy("B", n, "MS", price=4000, size=1)
        pit.cancel("B", n)
        pit.hear("B")
        assert pit.engine.queued(pit.conns["DEAF"]) <= 64 * 1024 + 4096
        if pit.engine.closing(pit.conns["DEAF"]):
            break
    assert pit.engine.closings() == [pit.conns["DEAF"]]
    assert pit.hear("DEAF")[-1]["error"].startswith("QUEUE_FULL")
    assert pit.engine.score("DEAF")["open_orders"] == 0
    pit.buy("B", 1, "GS", price=1, size=1)
    assert pit.hear("B") == [ack(1), book("GS", [[1, 1]], [])]
    pit.engine.check()


def test_a_client_that_floods_its_own_queue_is_given_up_before_it_logs_in_too():
    pit = Pit(queue_bytes_max=64 * 1024, messages_per_second_max=0)
    pit.connect("c")
    pit.raw("c", b"x\n" * 5000)
    assert pit.engine.closing(pit.conns["c"])
    assert pit.engine.queued(pit.conns["c"]) <= 64 * 1024 + 4096


def test_a_login_whose_queue_is_nearly_full_is_answered_or_given_up_but_never_raises():
    for errors in range(650, 680):
        pit = Pit(queue_bytes_max=64 * 1024, messages_per_second_max=0)
        pit.connect("c")
        pit.raw("c", b"x\n" * errors + HELLO_A)
        heard = types(pit.hear("c"))
        assert heard[-1] in ("open", "error"), f"{errors} errors first"


def test_names_that_came_once_keep_new_teams_out_for_one_round_only():
    pit = Pit(teams_max=2)
    pit.join("A", "B")
    pit.connect("C")
    pit.say("C", {"type": "hello", "team": "C"})
    assert types(pit.hear("C")) == ["error"]
    for name in ("A", "B", "C"):
        pit.leave(name)
    pit.to(pit.engine.next_event_ns)
    pit.to(pit.engine.next_event_ns)
    pit.join("C")
    assert pit.engine.teams() == ["C"]
    assert sorted(pit.engine.results[0]["scores"]) == ["A", "B"]
    pit.to(pit.engine.next_event_ns)
    pit.hear("C")
    pit.buy("C", 1, "BOND", price=1, size=1)
    assert pit.private("C") == [ack(1)]
    pit.engine.check()


def test_connections_and_teams_are_bounded():
    pit = Pit(connections_max=2, teams_max=1)
    pit.join("A")
    pit.connect("B")
    pit.say("B", {"type": "hello", "team": "B"})
    assert pit.engine.closing(pit.conns["B"])
    pit.connect("C")
    assert pit.engine.closing(pit.conns["C"])
    assert types(pit.hear("C")) == ["error"]


def test_a_connection_that_is_gone_cannot_be_used():
    pit = Pit()
    conn = pit.connect("A")
    pit.leave("A")
    for use in (
        lambda: pit.engine.receive(conn, b"x", 0),
        lambda: pit.engine.take(conn),
        lambda: pit.engine.disconnect(conn, 0),
        lambda: pit.engine.closing(99),
    ):
        with pytest.raises(UsageError):
            use()


def test_pending_names_the_connections_with_output():
    pit = Pit()
    pit.join("A", "B")
    assert pit.engine.pending() == []
    pit.cancel("B", 1)
    assert pit.engine.pending() == [pit.conns["B"]]
    pit.hear("B")
    assert pit.engine.pending() == []


def session_bytes(rng):
    """A client's whole session, with some garbage in it."""
    def line(n):
        order = add(n, rng.choice(SYMBOLS), rng.choice(("BUY", "SELL")), price=1000, size=3)
        return rng.choice((
            json.dumps(order).encode(),
            b'{"type":"cancel","order_id":%d}' % rng.randrange(40),
            b'{"type":"convert","order_id":%d,"symbol":"VALE","dir":"SELL","size":1}' % (100 + n),
            b"garbage \xff",
            b"",
        ))

    return HELLO_A + b"".join(line(n) + b"\n" for n in range(40))


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), st.lists(st.integers(0, 4000), max_size=12))
def test_what_a_client_is_told_in_private_does_not_depend_on_how_its_bytes_are_cut(seed, cuts):
    data = session_bytes(random.Random(seed))
    whole, cut = Pit(), Pit()
    for pit in (whole, cut):
        pit.connect("A")
    whole.raw("A", data)
    edges = sorted({0, len(data), *(c for c in cuts if c < len(data))})
    for start, end in pairwise(edges):
        cut.raw("A", data[start:end])
    assert cut.private("A") == whole.private("A"), f"seed {seed}"
    assert cut.engine.score("A") == whole.engine.score("A"), f"seed {seed}"


@settings(max_examples=60, deadline=None)
@given(st.lists(st.binary(max_size=200), max_size=10))
def test_no_bytes_of_a_client_ever_raise_or_end_a_connection_or_reach_another(slices):
    pit = Pit()
    pit.join("A")
    pit.connect("HOSTILE")
    for data in slices:
        pit.raw("HOSTILE", data)
    pit.raw("HOSTILE", b"\n")
    assert pit.hear("A") == []
    assert pit.engine.closings() == []
    pit.engine.check()


# --- teams that the organiser names, and second logins ------------------------------------------------

TEAMS = {"ALPHA": "swordfish", "BETA": "", "GAMMA": "ß\"x"}


def log_in(pit: Pit, name: str, **hello: object) -> list[dict[str, object]]:
    pit.connect(name)
    pit.say(name, {"type": "hello", **hello})
    return pit.hear(name)


@pytest.mark.parametrize(
    "hello",
    [{"team": "ALPHA", "password": "swordfish"}, {"team": "BETA"}, {"team": "BETA", "password": ""},
     {"team": "GAMMA", "password": "ß\"x"}],
)  # fmt: skip
def test_a_team_of_the_list_with_its_password_is_let_in(hello):
    assert types(log_in(Pit(teams=TEAMS), "x", **hello)) == ["hello", "open"]


@pytest.mark.parametrize(
    ("hello", "part"),
    [
        ({"team": "ALPHA"}, "password"),
        ({"team": "ALPHA", "password": ""}, "password"),
        ({"team": "ALPHA", "password": "Swordfish"}, "password"),
        ({"team": "ALPHA", "password": "swordfish "}, "password"),
        ({"team": "ALPHA", "password": ["swordfish"]}, "password"),
        ({"team": "ALPHA", "password": None}, "password"),
        ({"team": "ALPHA", "password": "\ud800"}, "password"),
        ({"team": "BETA", "password": "x"}, "password"),
        ({"team": "alpha", "password": "swordfish"}, "no such team"),
        ({"team": "DELTA"}, "no such team"),
    ],
)
def test_any_other_login_is_refused_with_its_reason_and_shut(hello, part):
    pit = Pit(teams=TEAMS)
    pit.join("BETA")
    (message,) = log_in(pit, "x", **hello)
    assert message["error"].startswith("LOGIN_REFUSED: ")
    assert part in message["error"]
    assert pit.engine.closing(pit.conns["x"])
    assert not pit.engine.closing(pit.conns["BETA"])
    assert pit.engine.teams() == ["BETA"]


def test_a_password_is_nowhere_in_the_settings_as_text():
    assert "swordfish" not in repr(Pit(teams=TEAMS).config)


@pytest.mark.parametrize("policy", ["replace", "refuse"])
@pytest.mark.parametrize(("silent_ns", "two_bots"), [(SECOND_NS - 1, True), (SECOND_NS, False)])
def test_second_logins_are_noted_with_what_they_look_like(policy, silent_ns, two_bots):
    pit = Pit(login_policy=policy)
    pit.join("A")
    assert pit.engine.take_second_logins() == []
    pit.to(pit.now_ns + silent_ns)
    first = pit.conns["A"]
    log_in(pit, "again", team="A")
    assert pit.engine.take_second_logins() == [
        {"team": "A", "conn": pit.conns["again"], "other": first, "refused": policy == "refuse",
         "two_bots": two_bots}
    ]  # fmt: skip
    assert pit.engine.take_second_logins() == []


def test_the_team_of_a_connection_is_known_from_its_hello_on():
    pit = Pit()
    pit.connect("A")
    assert pit.engine.team(pit.conns["A"]) == ""
    pit.raw("A", HELLO_A)
    assert pit.engine.team(pit.conns["A"]) == "A"
