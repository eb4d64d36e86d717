"""The gateway's server with clumsy, slow and hostile clients."""

import socket
import struct

import pytest
from ib_libraries import Served
from tws import rows

from arbcore.broker.gateway_server import GatewayServer
from arbcore.errors import RunError
from arbcore.gateway.frames import GREETING, fields_of, frame
from arbcore.gateway.gateway import Gateway, GatewayConfig

PATIENCE_S = 20.0
VERSIONS = b"v157..178"
LOGIN = GREETING + struct.pack(">I", len(VERSIONS)) + VERSIONS


class Client:
    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), PATIENCE_S)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)

    def exactly(self, count):
        data = b""
        while len(data) < count:
            piece = self.socket.recv(count - len(data))
            if not piece:
                raise EOFError
            data += piece
        return data

    def message(self):
        (length,) = struct.unpack(">I", self.exactly(4))
        return fields_of(self.exactly(length))

    def until(self, kind):
        while True:
            fields = self.message()
            if fields[0] == kind:
                return fields

    def login(self, client_id=1):
        self.send(LOGIN)
        assert self.message()[0] == "178"
        self.send(frame(71, 2, client_id, ""))
        self.until("9")


@pytest.fixture
def port():
    with Served(rows()) as served:
        yield served.port


def answers(client):
    client.send(frame(49, 1))
    return client.until("49")


def test_a_login_byte_by_byte(port):
    with Client(port) as client:
        for byte in LOGIN:
            client.send(bytes([byte]))
        assert client.message()[0] == "178"


@pytest.mark.parametrize("garbage", [b"GET / HTTP/1.1\r\n\r\n", b"\0" * 64, LOGIN + b"\xff" * 8])
def test_garbage_is_closed_and_harms_nobody(port, garbage):
    with Client(port) as polite, Client(port) as hostile:
        polite.login()
        hostile.send(garbage)
        with pytest.raises((EOFError, ConnectionError)):
            hostile.until("no such message")
        assert answers(polite)


def test_a_client_that_leaves_in_the_middle_harms_nobody(port):
    with Client(port) as polite:
        polite.login()
        with Client(port) as other:
            other.send(LOGIN[:9])
        assert answers(polite)


def test_a_refused_login_reads_its_last_words(port):
    with Client(port) as first, Client(port) as second:
        first.login(3)
        second.send(LOGIN)
        second.send(frame(71, 2, 3, ""))
        assert second.until("4")[3] == "326"
        with pytest.raises(EOFError):
            second.message()


def test_a_port_in_use_is_one_sentence(port):
    with pytest.raises(RunError, match="is in use by another program; give another --port"):
        GatewayServer(Gateway(GatewayConfig(), rows()), host="127.0.0.1", port=port)


def test_what_is_wrong_in_the_data_ends_the_server():
    def broken():
        yield from rows(1)
        raise RunError("the file is bad")

    server = GatewayServer(Gateway(GatewayConfig(), broken()), host="127.0.0.1", port=0)
    with pytest.raises(RunError, match="the file is bad"):
        server.serve(lambda: False)
    # Its sockets are closed all the same.
    with socket.create_server(("127.0.0.1", server.port)):
        pass
