"""The door that both TCP servers stand behind, without anything served."""

import errno
import socket
import threading

import pytest

from arbcore.errors import RunError
from arbcore.system.tcp import NEWCOMER, READABLE, WRITABLE, Door, TcpConnection, listen

HOST = "127.0.0.1"
PATIENCE_S = 10.0


@pytest.fixture
def door():
    door = Door(HOST, 0, links_max=2)
    yield door
    door.close()


def knock(door):
    return socket.create_connection((HOST, door.port), PATIENCE_S)


def let_in(door):
    """A client and its link, once the door has let it in."""
    client = knock(door)
    assert door.wait(PATIENCE_S) == [(NEWCOMER, READABLE)]
    link = TcpConnection(door.accept(), conn=len(door.links))
    door.add(link)
    return client, link


def test_bytes_go_both_ways(door):
    client, link = let_in(door)
    client.sendall(b"in")
    assert door.wait(PATIENCE_S) == [(link.sock.fileno(), READABLE)]
    assert door.read(link, 100) == b"in"
    assert door.read(link, 100) is None
    link.unsent = b"out"
    door.flush(link)
    assert client.recv(100) == b"out"
    client.close()
    door.wait(PATIENCE_S)
    assert door.read(link, 100) == b""


def test_what_a_client_does_not_read_waits_and_goes_on_when_it_does(door):
    client, link = let_in(door)
    link.unsent = b"x" * 50_000_000
    door.flush(link)
    assert link.unsent
    received = 0
    while received < 50_000_000:
        received += len(client.recv(1 << 20))
        for _, events in door.wait(0.0):
            assert events == WRITABLE
            door.flush(link)
    assert not link.unsent
    assert door.wait(0.0) == []
    client.close()


def test_bytes_for_a_client_that_is_gone_are_dropped(door):
    client, link = let_in(door)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    client.close()
    door.wait(PATIENCE_S)
    link.unsent = b"x" * 50_000_000
    door.flush(link)
    assert not link.unsent
    assert door.read(link, 100) == b""


def test_nobody_is_let_in_beyond_the_room(door):
    clients = [let_in(door)[0] for _ in range(2)]
    late = knock(door)
    assert door.wait(PATIENCE_S) == [(NEWCOMER, READABLE)]
    assert door.accept() is None
    assert late.recv(1) == b""
    for client in (*clients, late):
        client.close()


def test_a_forgotten_link_is_closed_once(door):
    client, link = let_in(door)
    door.forget(link)
    door.forget(link)
    assert client.recv(1) == b""
    assert not door.links
    client.close()


def test_waking_ends_a_wait_from_another_thread(door):
    waker = threading.Timer(0.0, door.wake)
    waker.start()
    assert door.wait(60.0) == []
    waker.join()


class ShyListener:
    """A listening socket for whose first newcomers no descriptor is left."""

    def __init__(self, real, failures):
        self._real = real
        self.failures = failures

    def __getattr__(self, name):
        return getattr(self._real, name)

    def accept(self):
        if self.failures:
            self.failures -= 1
            raise OSError(errno.EMFILE, "Too many open files")
        return self._real.accept()


def test_whoever_finds_no_free_descriptor_is_let_in_later(door):
    (listener,) = door._listeners
    shy = ShyListener(listener, failures=2)
    door._selector.unregister(listener)
    door._selector.register(shy, READABLE, 0)
    door._listeners = [shy]
    client = knock(door)
    for _ in range(2):
        assert door.wait(PATIENCE_S) == [(NEWCOMER, READABLE)]
        assert door.accept() is None
        # Until a pause is over nobody is told of, or the loop would spin.
        assert door.wait(PATIENCE_S) == []
    door.accept().close()
    client.close()


def test_an_address_in_use_is_said_with_its_way_out(door):
    with pytest.raises(RunError, match=rf"{HOST}:{door.port} is in use by another program; give "):
        listen(HOST, door.port)


def test_an_address_that_is_none_is_said(door):
    with pytest.raises(RunError, match=r"256\.1\.1\.1:0 is no address to listen on"):
        listen("256.1.1.1", 0)
