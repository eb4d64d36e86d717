"""The socket's shell: what was sent comes out, in order and in pieces."""

import socket
from collections.abc import Iterator

import pytest

from arbcore.play import exchange_link as link
from arbcore.play.exchange_link import SocketLink

WAIT_NS = 10_000_000_000


@pytest.fixture
def ends(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[SocketLink, socket.socket]]:
    """A link that reads 20 bytes and hands over 7 at a time, and the other end of its socket."""
    monkeypatch.setattr(link, "READ_BYTES", 20)
    monkeypatch.setattr(link, "PIECE_BYTES", 7)
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    opened = SocketLink(ours, busy_poll=False)
    yield opened, theirs
    opened.close()
    theirs.close()


def pieces_of(opened: SocketLink) -> list[bytes]:
    """All that comes up to the end of the stream."""
    pieces = []
    while piece := opened.recv(WAIT_NS):
        pieces.append(bytes(piece))
    return pieces


def test_a_backlog_is_handed_over_in_small_pieces(ends):
    opened, theirs = ends
    theirs.sendall(b"0123456789abcdefghijklmnopq")
    theirs.close()
    assert pieces_of(opened) == [b"0123456", b"789abcd", b"efghij", b"klmnopq"]


def test_a_link_that_failed_still_hands_over_what_it_has_read(ends):
    opened, theirs = ends
    theirs.sendall(b"0123456789")
    first = bytes(opened.recv(WAIT_NS) or b"")
    theirs.close()
    opened.send(b"nobody reads this")
    assert opened.send_failure is not None
    assert [first, *pieces_of(opened)] == [b"0123456", b"789"]
