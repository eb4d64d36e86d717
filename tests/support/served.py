"""The TCP server over a real engine, on a thread, for tests that connect as clients."""

import json
import socket
import threading
import time

from arbcore.play.exchange_server import ExchangeServer
from arbcore.venue._engine import Engine
from arbcore.venue.venue_config import VenueConfig

PATIENCE_S = 20.0


class Served:
    """``with Served(mode="empty") as venue: client = venue.client("ALPHA")``."""

    def __init__(self, *, text_port=None, **config):
        config.setdefault("mode", "empty")
        config.setdefault("closed_ns", 0)
        self.events = []
        self.engine = Engine(VenueConfig(**config), 1)
        self.server = ExchangeServer(
            self.engine, host="127.0.0.1", port=0, text_port=text_port, report=self.events.append
        )
        self.port = self.server.port
        self._over = False
        self._failure = None
        self._clients = []
        self._thread = threading.Thread(target=self._run)

    def _run(self):
        try:
            self.server.serve(lambda: self._over)
        except BaseException as error:  # noqa: BLE001  It is raised again on the test's own thread.
            self._failure = error

    def client(self, team=None, **options):
        client = Client(self.port, **options)
        self._clients.append(client)
        if team is not None:
            client.send({"type": "hello", "team": team})
            assert client.line()["type"] == "hello"
        return client

    def closing(self, client):
        """Closes this client too at the end."""
        self._clients.append(client)

    def patient_client(self, team):
        """Returns a client that tries to connect until the server listens, as between two rounds."""
        end_s = time.monotonic() + PATIENCE_S
        while (client := self._dial(team)) is None:
            assert time.monotonic() < end_s, "nobody listens again"
            time.sleep(0.005)
        return client

    def _dial(self, team):
        try:
            return self.client(team)
        except ConnectionRefusedError:
            return None

    def __enter__(self):
        self._thread.start()
        return self

    def stop(self):
        self._over = True
        self.server.wake()
        self._thread.join(PATIENCE_S)
        assert not self._thread.is_alive()

    def __exit__(self, kind, *_):
        self.stop()
        for client in self._clients:
            client.close()
        if self._failure is not None and kind is None:
            raise self._failure


class Client:
    """A client for tests, which may misbehave."""

    def __init__(self, port, receive_buffer=None):
        self.sock = socket.socket()
        if receive_buffer is not None:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.sock.settimeout(PATIENCE_S)
        try:
            self.sock.connect(("127.0.0.1", port))
        except OSError:
            self.sock.close()
            raise
        self._file = self.sock.makefile("rb")

    def send(self, *messages):
        for one in messages:
            self.raw(one if isinstance(one, bytes) else json.dumps(one).encode() + b"\n")

    def raw(self, data):
        self.sock.sendall(data)

    def line(self):
        """Returns the next message, None at the end of the stream."""
        try:
            text = self._file.readline()
        except ConnectionResetError:
            return None
        return json.loads(text) if text else None

    def until(self, kind):
        """Returns the next message of this type; skips the others before it."""
        while (one := self.line()) is not None:
            if one["type"] == kind:
                return one
        raise AssertionError(f"the connection ended without {kind}")

    def rest(self):
        """Returns everything up to the end of the stream."""
        found = []
        while (one := self.line()) is not None:
            found.append(one)
        return found

    def close(self):
        self._file.close()
        self.sock.close()
