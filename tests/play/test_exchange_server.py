"""The TCP server with polite, clumsy and hostile clients."""

import socket
import threading

import pytest
from served import PATIENCE_S, Served

from arbcore.errors import RunError
from arbcore.play import exchange_server as server_module
from arbcore.play.exchange_server import ExchangeServer


def add(order_id, side="BUY", price=999, size=1, symbol="BOND"):
    return {"type": "add", "order_id": order_id, "symbol": symbol, "dir": side, "price": price, "size": size}


def trades(client, order_id):
    """Whether the exchange still takes an order of this client."""
    client.send(add(order_id))
    return client.until("ack")["order_id"] == order_id


def test_two_teams_trade_with_each_other():
    with Served() as venue:
        one, two = venue.client("ONE"), venue.client("TWO")
        one.send(add(1, "SELL", 1000, 5))
        one.until("ack")
        two.send(add(1, "BUY", 1000, 5))
        assert two.until("fill")["size"] == 5
        assert one.until("fill")["dir"] == "SELL"


def test_message_in_pieces_is_one_message():
    with Served() as venue:
        client = venue.client()
        for byte in b'{"type":"hello","team":"SLOW"}\n':
            client.raw(bytes([byte]))
        assert client.line()["type"] == "hello"


def test_line_without_its_end_is_not_answered_and_harms_nobody():
    with Served() as venue:
        half, other = venue.client("HALF"), venue.client("OTHER")
        half.raw(b'{"type":"add","order_id":1,')
        assert trades(other, 1)
        half.raw(b'"symbol":"BOND","dir":"BUY","price":1,"size":1}\n')
        assert half.until("ack")["order_id"] == 1


@pytest.mark.parametrize(
    "garbage", [b"nonsense\n", b"\xff\xfe\x00\n", b"[" * 5000 + b"\n", b'{"type":"add"}\n', b"{}\n"]
)
def test_garbage_gets_an_error_and_the_connection_stays(garbage):
    with Served() as venue:
        client = venue.client("ALPHA")
        client.raw(garbage)
        assert client.until("error")["error"].startswith("PROTOCOL_ERROR:MALFORMED")
        assert trades(client, 1)


def test_giant_line_gets_an_error_and_the_connection_stays():
    with Served() as venue:
        giant, other = venue.client("GIANT"), venue.client("OTHER")
        giant.raw(b"x" * 1_000_000)
        assert trades(other, 1)
        giant.raw(b"\n")
        assert "oversized" in giant.until("error")["error"]
        assert trades(giant, 1)


def test_client_that_talks_before_its_hello_gets_an_error():
    with Served() as venue:
        client = venue.client()
        client.send(add(1))
        assert client.line()["type"] == "error"


def test_flood_of_one_client_leaves_the_others_served():
    with Served() as venue:
        flood, other = venue.client("FLOOD"), venue.client("OTHER")
        over = threading.Event()

        def pour():
            while not over.is_set():
                flood.raw(b"nonsense\n" * 1000)

        thread = threading.Thread(target=pour)
        thread.start()
        try:
            assert all(trades(other, number) for number in range(1, 20))
        finally:
            over.set()
            thread.join(PATIENCE_S)


def test_client_that_never_reads_is_told_and_shut_out():
    # Without the message cap every bad line is answered; a small buffer and bound make it quick.
    with Served(messages_per_second_max=0, queue_bytes_max=64 * 1024) as venue:
        deaf, other = venue.client("DEAF", receive_buffer=4096), venue.client("OTHER")

        def shout():
            try:
                while True:
                    deaf.raw(b"nonsense\n" * 500)
            except OSError:
                pass

        thread = threading.Thread(target=shout)
        thread.start()
        assert trades(other, 1)
        # The exchange gives up on it without its reading a byte: its open orders go, and it may log in again.
        thread.join(PATIENCE_S)
        assert not thread.is_alive()
        assert trades(other, 2)
        assert trades(venue.client("DEAF"), 1)


def test_orders_of_a_client_that_goes_away_are_cancelled():
    with Served() as venue:
        leaving, other = venue.client("LEAVING"), venue.client("OTHER")
        leaving.send(add(1, "SELL", 1000, 5))
        leaving.until("ack")
        while other.until("book")["sell"] != [[1000, 5]]:
            pass
        leaving.close()
        while other.until("book")["sell"]:
            pass


def test_second_login_replaces_the_first():
    with Served() as venue:
        first = venue.client("ALPHA")
        second = venue.client("ALPHA")
        assert "REPLACED" in first.until("error")["error"]
        assert first.rest() == []
        assert trades(second, 1)


def test_second_login_is_refused_where_the_rules_say_so():
    with Served(login_policy="refuse") as venue:
        first, second = venue.client("ALPHA"), venue.client()
        second.send({"type": "hello", "team": "ALPHA"})
        assert [message["type"] for message in second.rest()] == ["error"]
        assert trades(first, 1)


def test_connection_without_hello_gives_its_place_back(monkeypatch):
    monkeypatch.setattr(server_module, "SILENT_NS", 1)
    with Served() as venue:
        silent = venue.client()
        silent.raw(b'{"type":')
        said = silent.rest()
        no_hello = "There was no hello in time; the connection is closed."
        assert [message["error"] for message in said] == [no_hello]


@pytest.mark.parametrize("bound", ["sockets", "connections", "teams"])
def test_one_client_too_many_is_told_so_and_harms_nobody(monkeypatch, bound):
    if bound == "sockets":
        monkeypatch.setattr(server_module, "SOCKETS_MAX", 3)
    with Served(**({} if bound == "sockets" else {f"{bound}_max": 3})) as venue:
        members = [venue.client(team) for team in ("ONE", "TWO", "THREE")]
        extra = venue.client()
        extra.send({"type": "hello", "team": "FOUR"})
        (said,) = extra.rest()
        assert said["type"] == "error"
        assert "takes no more" in said["error"]
        assert all(trades(member, 1) for member in members)


def test_more_clients_than_the_exchange_takes_are_each_told_so():
    with Served(connections_max=256) as venue:
        members = [venue.client(f"T{number}") for number in range(256)]
        for _ in range(40):
            assert "takes no more" in venue.client().line()["error"]
        assert trades(members[0], 1)
        assert trades(members[-1], 1)


def test_end_of_a_round_is_announced_before_the_connection_ends():
    with Served(round_ns=50_000_000, restart_ns=1) as venue:
        client = venue.client("ALPHA")
        assert client.rest()[-1]["type"] == "close"
        assert venue.patient_client("ALPHA").line()["type"] in {"open", "book", "close"}


def test_between_two_rounds_the_kernel_refuses_who_dials_and_then_the_same_port_listens_again():
    with Served(round_ns=50_000_000, restart_ns=300_000_000) as venue:
        first = venue.client("ALPHA")
        assert first.rest()[-1]["type"] == "close"
        with pytest.raises(ConnectionRefusedError):
            venue.client()
        second = venue.patient_client("ALPHA")
        assert second.until("open")
        assert venue.engine.round_number == 2


def test_who_connected_and_said_nothing_before_the_end_gets_its_hello_after_it():
    with Served(round_ns=50_000_000, restart_ns=50_000_000) as venue:
        late = venue.client()
        assert venue.client("ALPHA").rest()[-1]["type"] == "close"
        late.send({"type": "hello", "team": "LATE"})
        assert late.line()["type"] == "hello"


def test_scores_of_every_round_are_reported_once():
    with Served(round_ns=50_000_000, restart_ns=1) as venue:
        venue.client("ALPHA").rest()
        venue.patient_client("ALPHA").rest()
    rounds = [event["round"] for event in venue.events if event["event"] == "round"]
    assert rounds[:2] == [1, 2]
    assert len(set(rounds)) == len(rounds)
    assert all(event["scores"]["ALPHA"]["fair_pnl"] == 0 for event in venue.events)


def test_unfinished_round_is_reported_at_the_end():
    with Served() as venue:
        venue.client("ALPHA")
    (event,) = venue.events
    assert (event["event"], event["round"], event["complete"]) == ("round", 1, False)
    assert event["scores"]["ALPHA"]["fills"] == 0


def test_everybody_is_told_of_the_end_and_disconnected():
    with Served() as venue:
        client, silent = venue.client("ALPHA"), venue.client()
        assert trades(client, 1)
        venue.stop()
        for one in (client, silent):
            said = {"type": "error", "error": "The exchange was stopped by its operator."}
            assert one.rest()[-1] == said


def test_time_in_which_the_process_stood_still_is_no_time_of_the_market():
    now_ns = 10**12
    server = ExchangeServer(NeverEngine(), host="127.0.0.1", port=0, report=print, clock=lambda: now_ns)
    before = server._now()
    now_ns += 3600 * 10**9
    assert server._now() - before == 10**9
    now_ns += 5
    assert server._now() - before == 10**9 + 5
    server.serve(lambda: True)


class NeverEngine:
    """An engine in which nothing ever happens."""

    next_event_ns = 2**63 - 1
    listening = True
    round_number = 0
    results = ()

    def start(self, now_ns):
        pass

    def teams(self):
        return []

    def take_second_logins(self):
        return []


def test_port_in_use_is_one_sentence():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(RunError, match=f"127.0.0.1:{port} is in use by another program"):
            ExchangeServer(NeverEngine(), host="127.0.0.1", port=port, report=print)


@pytest.mark.parametrize("host", ["no.such.host.invalid", "192.0.2.1", "a" * 70 + ".b"])
def test_address_that_is_not_ours_is_one_sentence(host):
    with pytest.raises(RunError, match="listen"):
        ExchangeServer(NeverEngine(), host=host, port=0, report=print)
