"""The TCP server that exchange and gateway share, without a protocol."""

import errno
import socket
import threading

import pytest

from arbcore.errors import RunError
from arbcore.system.tcp import NEWCOMER, READABLE, WRITABLE, TcpConnection, TcpServer, listen

HOST = "127.0.0.1"
PATIENCE_S = 10.0


@pytest.fixture
def server():
    server = TcpServer(HOST, 0, links_max=2)
    yield server
    server.close()


def knock(server):
    return socket.create_connection((HOST, server.port), PATIENCE_S)


def let_in(server):
    """A client and its link, once the server has let it in."""
    client = knock(server)
    assert server.wait(PATIENCE_S) == [(NEWCOMER, READABLE)]
    link = TcpConnection(server.accept(), conn=len(server.links))
    server.add(link)
    return client, link


def test_bytes_go_both_ways(server):
    client, link = let_in(server)
    client.sendall(b"in")
    assert server.wait(PATIENCE_S) == [(link.sock.fileno(), READABLE)]
    assert server.read(link, 100) == b"in"
    assert server.read(link, 100) is None
    link.unsent = b"out"
    server.flush(link)
    assert client.recv(100) == b"out"
    client.close()
    server.wait(PATIENCE_S)
    assert server.read(link, 100) == b""


def test_what_a_client_does_not_read_waits_and_goes_on_when_it_does(server):
    client, link = let_in(server)
    link.unsent = b"x" * 50_000_000
    server.flush(link)
    assert link.unsent
    received = 0
    while received < 50_000_000:
        received += len(client.recv(1 << 20))
        for _, events in server.wait(0.0):
            assert events == WRITABLE
            server.flush(link)
    assert not link.unsent
    assert server.wait(0.0) == []
    client.close()


def test_bytes_for_a_client_that_is_gone_are_dropped(server):
    client, link = let_in(server)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    client.close()
    server.wait(PATIENCE_S)
    link.unsent = b"x" * 50_000_000
    server.flush(link)
    assert not link.unsent
    assert server.read(link, 100) == b""


def test_nobody_is_let_in_beyond_the_room(server):
    clients = [let_in(server)[0] for _ in range(2)]
    late = knock(server)
    assert server.wait(PATIENCE_S) == [(NEWCOMER, READABLE)]
    assert server.accept() is None
    assert late.recv(1) == b""
    for client in (*clients, late):
        client.close()


def test_a_forgotten_link_is_closed_once(server):
    client, link = let_in(server)
    server.forget(link)
    server.forget(link)
    assert client.recv(1) == b""
    assert not server.links
    client.close()


def test_waking_ends_a_wait_from_another_thread(server):
    waker = threading.Timer(0.0, server.wake)
    waker.start()
    assert server.wait(60.0) == []
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


def test_whoever_finds_no_free_descriptor_is_let_in_later(server):
    (listener,) = server._listeners
    shy = ShyListener(listener, failures=2)
    server._selector.unregister(listener)
    server._selector.register(shy, READABLE, 0)
    server._listeners = [shy]
    client = knock(server)
    for _ in range(2):
        assert server.wait(PATIENCE_S) == [(NEWCOMER, READABLE)]
        assert server.accept() is None
        # Until a pause is over nobody is told of, or the loop would spin.
        assert server.wait(PATIENCE_S) == []
    server.accept().close()
    client.close()


def test_an_address_in_use_is_said_with_its_way_out(server):
    with pytest.raises(RunError, match=rf"{HOST}:{server.port} is in use by another program; give "):
        listen(HOST, server.port)


def test_an_address_that_is_none_is_said(server):
    with pytest.raises(RunError, match=r"256\.1\.1\.1:0 is not an address to listen on"):
        listen("256.1.1.1", 0)
