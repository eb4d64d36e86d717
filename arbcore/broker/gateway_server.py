"""The TCP server of the TWS look-alike: any number of clients, one thread.

A shell around ``Gateway``: it owns the sockets and reads the wall clock, and decides nothing.
"""

import contextlib
import queue
import socket
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass

from arbcore.gateway.gateway import Gateway
from arbcore.system.tcp import NEWCOMER, READABLE, WRITABLE, TcpConnection, TcpServer, half_close

READ_BYTES = 1 << 16
SOCKETS_MAX = 128
#: How often ``until`` is called while nothing else happens.
IDLE_S = 0.1
#: How long a closed connection may take to read its last bytes.
LINGER_S = 2.0


@dataclass
class _Client(TcpConnection):
    """One connection to the gateway; after it was released, until when its last bytes are waited for."""

    give_up_s: float = 0.0


class GatewayServer:
    """Serves a gateway on one address until ``serve``'s ``until`` returns True.

    Raises RunError if it cannot listen on the address.
    """

    def __init__(
        self, gateway: Gateway, *, host: str, port: int, clock: Callable[[], int] = time.monotonic_ns
    ) -> None:
        self._tcp: TcpServer[_Client] = TcpServer(host, port, links_max=SOCKETS_MAX)
        self._gateway = gateway
        self._clock = clock
        self._clients: dict[int, _Client] = {}  # by number of the session
        self._calls: queue.SimpleQueue[Callable[[Gateway], None]] = queue.SimpleQueue()
        self.port = self._tcp.port

    # --- running ----------------------------------------------------------------------------------

    def wake(self) -> None:
        """Makes the loop call ``until`` now; safe from a signal handler or another thread."""
        self._tcp.wake()

    def call(self, act: Callable[[Gateway], None]) -> None:
        """Makes the loop run ``act`` on the gateway between two events; safe from another thread."""
        self._calls.put(act)
        self.wake()

    def serve(self, until: Callable[[], bool]) -> None:
        """Runs the gateway and closes its sockets at the end. Errors in the data are raised."""
        gateway = self._gateway
        try:
            while not until():
                gateway.advance(self._clock())
                while not self._calls.empty():
                    self._calls.get()(gateway)
                self._deliver()
                wait_s = min((gateway.next_event_ns - self._clock()) / 1e9, IDLE_S)
                for descriptor, events in self._tcp.wait(0.0 if self._owing() else wait_s):
                    self._handle(descriptor, events)
                self._deliver()
        finally:
            self._close_all()

    def _owing(self) -> bool:
        """Whether the gateway has bytes to send that no writable socket triggers."""
        return any(not self._clients[conn].unsent for conn in self._gateway.pending())

    def _handle(self, descriptor: int, events: int) -> None:
        if descriptor == NEWCOMER:
            self._accept()
            return
        client = self._tcp.links.get(descriptor)
        if client is not None and events & WRITABLE:
            self._tcp.flush(client)
        if client is not None and events & READABLE:
            self._read(client)

    # --- connections ------------------------------------------------------------------------------

    def _accept(self) -> None:
        sock = self._tcp.accept()
        if sock is not None:
            client = _Client(sock, self._gateway.connect(self._clock()))
            if client.conn is not None:
                self._clients[client.conn] = client
            self._tcp.add(client)

    def _read(self, client: _Client) -> None:
        data = self._tcp.read(client, READ_BYTES)
        if data == b"":
            self._forget(client)
        elif data is not None and client.conn is not None:
            self._gateway.receive(client.conn, data, self._clock())
            self._deliver()

    def _deliver(self) -> None:
        """Sends the gateway's bytes to its clients, and releases the clients that it has closed."""
        gateway = self._gateway
        for conn in gateway.pending():
            client = self._clients[conn]
            if not client.unsent:
                client.unsent = gateway.take(conn)
                self._tcp.flush(client)
        for conn, abort in gateway.closings():
            client = self._clients[conn]
            if abort:
                with contextlib.suppress(OSError):
                    client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self._forget(client)
            elif not client.unsent:
                self._let_go(client)
                client.give_up_s = time.monotonic() + LINGER_S
                half_close(client)
        now_s = time.monotonic()
        for client in [each for each in self._tcp.links.values() if each.conn is None]:
            if now_s >= client.give_up_s:
                self._forget(client)

    def _let_go(self, client: _Client) -> None:
        if client.conn is not None:
            self._gateway.disconnect(client.conn, self._clock())
            del self._clients[client.conn]
            client.conn = None

    def _forget(self, client: _Client) -> None:
        self._let_go(client)
        self._tcp.forget(client)

    def _close_all(self) -> None:
        for client in list(self._tcp.links.values()):
            self._forget(client)
        self._tcp.close()
