"""The port for clients that speak plain text, with a plain socket: one exchange behind both ports."""

import socket
import threading

import pytest
from served import PATIENCE_S, Served

from arbcore.play import exchange_server as server_module


class WordsClient:
    """A socket and its lines."""

    def __init__(self, venue):
        self.sock = socket.create_connection(("127.0.0.1", venue.server.text_port), PATIENCE_S)
        self._file = self.sock.makefile("r", encoding="ascii", newline="\n")
        venue.closing(self)

    def say(self, *lines, end="\n"):
        self.sock.sendall("".join(line + end for line in lines).encode())

    def line(self):
        return self._file.readline().removesuffix("\n")

    def until(self, word):
        while line := self.line():
            if line.split()[0] == word:
                return line
        raise AssertionError(f"the connection ended without {word}")

    def rest(self):
        return self._file.read().splitlines()

    def close(self):
        self._file.close()
        self.sock.close()


@pytest.fixture
def venue():
    with Served(text_port=0) as served:
        yield served


def test_a_whole_conversation_in_words(venue):
    client = WordsClient(venue)
    client.say("HELLO ALPHA")
    assert client.line() == "HELLO BOND:0 GS:0 MS:0 USD:0 VALBZ:0 VALE:0 WFC:0 XLF:0"
    assert client.line() == "OPEN BOND GS MS VALBZ VALE WFC XLF"
    client.say("ADD 1 BOND BUY 999 10")
    assert client.line() == "ACK 1"
    assert client.line() == "BOOK BOND BUY 999:10 SELL"
    client.say("ADD 2 BOND SELL 999 4")
    seen = [client.line() for _ in range(6)]
    assert [line for line in seen if line.split()[0] not in ("TRADE", "BOOK")] == [
        "ACK 2", "FILL 1 BOND BUY 999 4", "FILL 2 BOND SELL 999 4", "OUT 2",
    ]  # fmt: skip
    assert "TRADE BOND 999 4" in seen
    assert "BOOK BOND BUY 999:6 SELL" in seen
    client.say("CONVERT 3 VALE BUY 5", "CONVERT 4 VALE BUY 50", "CANCEL 1")
    assert [client.line() for _ in range(3)] == ["ACK 3", "REJECT 4 LIMIT:POSITION", "OUT 1"]


def test_both_forms_trade_with_each_other(venue):
    words, other = WordsClient(venue), venue.client("JSON")
    words.say("HELLO WORDS", "ADD 1 GS SELL 8000 5", end="\r\n")
    words.until("ACK")
    other.send({"type": "add", "order_id": 1, "symbol": "GS", "dir": "BUY", "price": 8000, "size": 3})
    assert other.until("fill")["size"] == 3
    assert words.until("FILL") == "FILL 1 GS SELL 8000 3"


@pytest.mark.parametrize("line", ["nonsense", "add 1 BOND BUY 1 1", '{"type":"cancel","order_id":1}', "\x00"])
def test_a_bad_line_is_an_error_and_the_connection_stays(venue, line):
    client = WordsClient(venue)
    client.say("HELLO ALPHA", line, "CANCEL 5")
    assert client.until("ERROR").startswith("ERROR PROTOCOL_ERROR:MALFORMED ")
    assert client.line() == "OUT 5"


def test_a_giant_line_is_an_error_and_the_connection_stays(venue):
    client = WordsClient(venue)
    client.say("HELLO ALPHA", "A" * 1_000_000, "CANCEL 5")
    assert "oversized" in client.until("ERROR")
    assert client.until("OUT") == "OUT 5"


def test_every_dismissal_is_in_words(monkeypatch, venue):
    first = WordsClient(venue)
    first.say("HELLO ALPHA")
    first.until("OPEN")
    second = WordsClient(venue)
    second.say("HELLO ALPHA")
    assert first.rest()[-1].startswith("ERROR REPLACED: ")
    monkeypatch.setattr(server_module, "SILENT_NS", 1)
    assert WordsClient(venue).rest() == ["ERROR There was no hello in time; the connection is closed."]
    monkeypatch.undo()
    venue.stop()
    assert second.rest()[-1] == "ERROR The exchange was stopped by its operator."


def test_who_finds_no_room_is_told_so_in_words(monkeypatch):
    monkeypatch.setattr(server_module, "SOCKETS_MAX", 1)
    with Served(text_port=0) as venue:
        venue.client("ALPHA")
        (line,) = WordsClient(venue).rest()
        assert line.startswith("ERROR ")
        assert "takes no more" in line


def test_between_two_rounds_this_port_refuses_too_and_listens_again():
    with Served(text_port=0, round_ns=50_000_000, restart_ns=200_000_000) as venue:
        client = WordsClient(venue)
        client.say("HELLO ALPHA")
        assert client.rest()[-1] == "CLOSE BOND GS MS VALBZ VALE WFC XLF"
        with pytest.raises(ConnectionRefusedError):
            WordsClient(venue)
        wait = threading.Event()
        for _ in range(1000):
            try:
                again = WordsClient(venue)
                break
            except ConnectionRefusedError:
                wait.wait(0.01)
        again.say("HELLO ALPHA")
        assert again.line().startswith("HELLO ")


def test_the_standings_name_who_is_connected_over_either_port(venue):
    words, other = WordsClient(venue), venue.client("JSON")
    words.say("HELLO WORDS")
    words.until("OPEN")
    other.until("open")
    standings = venue.server.standings()
    assert (standings["round"], standings["phase"], standings["left_s"]) == (1, "open", None)
    connections = {team: score["connections"] for team, score in standings["teams"].items()}
    assert connections == {"WORDS": 1, "JSON": 1}


def test_second_logins_are_reported_with_both_addresses(venue):
    first = venue.client("ALPHA")
    where = "{}:{}".format(*first.sock.getsockname())
    second = venue.client("ALPHA")
    first.rest()
    again = "{}:{}".format(*second.sock.getsockname())
    venue.stop()
    (event,) = [event for event in venue.events if event["event"] == "second-login"]
    assert event == {
        "event": "second-login", "team": "ALPHA", "from": again, "other": where, "refused": False,
        "two_bots": True,
    }  # fmt: skip
