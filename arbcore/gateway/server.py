"""The TCP server of the TWS look-alike: any number of clients, one thread.

A shell around the session: it owns the sockets and the wall's clock, and decides nothing.
"""

import contextlib
import queue
import selectors
import socket
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass

from arbcore.gateway.session import Gateway
from arbcore.venue.server import listen

READ_BYTES = 1 << 16
SOCKETS_MAX = 128
#: How often ``until`` is looked at where nothing else happens.
IDLE_S = 0.1
#: How long a closed connection may take to read its last words.
LINGER_S = 2.0


@dataclass
class _Link:
    """One connection: its socket, its number in the session until that lets go, and what is half sent."""

    sock: socket.socket
    conn: int | None
    unsent: memoryview | bytes = b""
    give_up_s: float = 0.0


class GatewayServer:
    """Serves a gateway on one address until ``serve``'s ``until`` says stop.

    Raises RunError where the address cannot be listened on.
    """

    def __init__(
        self, gateway: Gateway, *, host: str, port: int, clock: Callable[[], int] = time.monotonic_ns
    ) -> None:
        self._listener = listen(host, port)
        self._gateway = gateway
        self._clock = clock
        self._selector = selectors.DefaultSelector()
        self._links: dict[int, _Link] = {}  # by number of the session
        self._by_descriptor: dict[int, _Link] = {}
        self._calls: queue.SimpleQueue[Callable[[Gateway], None]] = queue.SimpleQueue()
        self.port: int = self._listener.getsockname()[1]
        self._wake_in, self._wake_out = socket.socketpair()
        for sock in (self._wake_in, self._wake_out):
            sock.setblocking(False)
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._selector.register(self._wake_in, selectors.EVENT_READ)

    # --- running ----------------------------------------------------------------------------------

    def wake(self) -> None:
        """Makes the loop look at ``until`` now; safe from a signal handler or another thread."""
        with contextlib.suppress(OSError):
            self._wake_out.send(b"!")

    def call(self, act: Callable[[Gateway], None]) -> None:
        """Lets the loop do something to the gateway between two events; safe from another thread."""
        self._calls.put(act)
        self.wake()

    def serve(self, until: Callable[[], bool]) -> None:
        """Runs the gateway; always leaves its sockets closed. Errors of the data pass through."""
        gateway = self._gateway
        try:
            while not until():
                gateway.advance(self._clock())
                while not self._calls.empty():
                    self._calls.get()(gateway)
                self._deliver()
                wait_s = min((gateway.next_event_ns - self._clock()) / 1e9, IDLE_S)
                for key, events in self._selector.select(max(wait_s, 0.0) if not self._owing() else 0.0):
                    self._handle(key, events)
                self._deliver()
        finally:
            self._close_all()

    def _owing(self) -> bool:
        """Whether bytes may leave that no writable socket will ask for."""
        return any(not self._links[conn].unsent for conn in self._gateway.pending())

    def _handle(self, key: selectors.SelectorKey, events: int) -> None:
        if key.fileobj is self._listener:
            self._accept()
        elif key.fileobj is self._wake_in:
            with contextlib.suppress(OSError):
                self._wake_in.recv(4096)
        else:
            link = self._by_descriptor.get(key.fd)
            if link is not None and events & selectors.EVENT_WRITE:
                self._flush(link)
            if link is not None and events & selectors.EVENT_READ:
                self._read(link)

    # --- connections ------------------------------------------------------------------------------

    def _accept(self) -> None:
        try:
            sock, _ = self._listener.accept()
        except OSError:
            return
        sock.setblocking(False)
        if len(self._by_descriptor) >= SOCKETS_MAX:
            sock.close()
            return
        with contextlib.suppress(OSError):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        link = _Link(sock, self._gateway.connect(self._clock()))
        if link.conn is not None:
            self._links[link.conn] = link
        self._by_descriptor[sock.fileno()] = link
        self._selector.register(sock, selectors.EVENT_READ)

    def _read(self, link: _Link) -> None:
        try:
            data = link.sock.recv(READ_BYTES)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            data = b""
        if not data:
            self._forget(link)
        elif link.conn is not None:
            self._gateway.receive(link.conn, data, self._clock())
            self._deliver()

    def _deliver(self) -> None:
        """Hands on what the gateway has for its clients, and lets those go that it is done with."""
        gateway = self._gateway
        for conn in gateway.pending():
            link = self._links[conn]
            if not link.unsent:
                link.unsent = gateway.take(conn)
                self._flush(link)
        for conn, abort in gateway.closings():
            link = self._links[conn]
            if abort:
                with contextlib.suppress(OSError):
                    link.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self._forget(link)
            elif not link.unsent:
                self._let_go(link)
                link.give_up_s = time.monotonic() + LINGER_S
                # Closing with unread bytes would cut our last words: the other side's end is waited for.
                with contextlib.suppress(OSError):
                    link.sock.shutdown(socket.SHUT_WR)
        now_s = time.monotonic()
        for link in [each for each in self._by_descriptor.values() if each.conn is None]:
            if now_s >= link.give_up_s:
                self._forget(link)

    def _flush(self, link: _Link) -> None:
        try:
            while link.unsent:
                link.unsent = memoryview(link.unsent)[link.sock.send(link.unsent) :]
        except (BlockingIOError, InterruptedError):
            pass
        except OSError:
            # The next read of this client sees the end of it; until then nothing waits for it.
            link.unsent = b""
        events = selectors.EVENT_READ | (selectors.EVENT_WRITE if link.unsent else 0)
        if self._selector.get_key(link.sock).events != events:
            self._selector.modify(link.sock, events)

    def _let_go(self, link: _Link) -> None:
        if link.conn is not None:
            self._gateway.disconnect(link.conn, self._clock())
            del self._links[link.conn]
            link.conn = None

    def _forget(self, link: _Link) -> None:
        self._let_go(link)
        if self._by_descriptor.pop(link.sock.fileno(), None) is not None:
            self._selector.unregister(link.sock)
            link.sock.close()

    def _close_all(self) -> None:
        for link in list(self._by_descriptor.values()):
            self._forget(link)
        self._selector.close()
        for sock in (self._listener, self._wake_in, self._wake_out):
            sock.close()
