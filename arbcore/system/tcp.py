"""A TCP server for many clients in one thread, which all servers of this package use.

A shell. Owns the listening sockets, the selector, the bytes that are not sent yet, and a way to end a wait
from another thread. It knows no protocol.
"""

import contextlib
import errno
import selectors
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from arbcore.core.text import printable
from arbcore.errors import RunError

READABLE, WRITABLE = selectors.EVENT_READ, selectors.EVENT_WRITE
#: ``wait`` returns this in place of a descriptor if a client connects to the first port; NEWCOMER - 1 means
#: the second port, and so on.
NEWCOMER = -1
BACKLOG = 128
#: Pause before the next accept after the process ran out of descriptors.
FULL_PAUSE_S = 0.1


@dataclass
class TcpConnection:
    """One connection: its number, None once the server has closed it, and the bytes not sent yet."""

    sock: socket.socket
    conn: int | None
    unsent: bytes | memoryview = b""


LinkT = TypeVar("LinkT", bound=TcpConnection)


class TcpServer(Generic[LinkT]):
    """Listens on one port or more; a port of 0 takes any free one. Raises RunError if it cannot listen.

    Beyond ``links_max`` connections a new client gets ``full`` (bytes for each port) and is disconnected.
    """

    def __init__(self, host: str, *ports: int, links_max: int, full: Sequence[bytes] = (b"",)) -> None:
        self._host = host
        self._listeners: list[socket.socket] = []
        try:
            for port in ports:
                self._listeners.append(listen(host, port))
        except RunError:
            for listener in self._listeners:
                listener.close()
            raise
        self.ports: list[int] = [listener.getsockname()[1] for listener in self._listeners]
        self.port = self.ports[0]
        self.links: dict[int, LinkT] = {}  # by descriptor
        self._links_max = links_max
        self._full = full
        self._listening = True
        self._selector = selectors.DefaultSelector()
        self._wake_in, self._wake_out = socket.socketpair()
        for sock in (self._wake_in, self._wake_out):
            sock.setblocking(False)
        self._selector.register(self._wake_in, READABLE)
        self._watch_listeners()
        self._full_until_s: float | None = None

    def wake(self) -> None:
        """Ends a ``wait`` now; safe from a signal handler or another thread."""
        with contextlib.suppress(OSError):
            self._wake_out.send(b"!")

    def wait(self, wait_s: float) -> list[tuple[int, int]]:
        """Waits ``wait_s`` at most; returns (descriptor or NEWCOMER, events) of ready sockets."""
        if self._full_until_s is not None:
            pause_s = self._full_until_s - time.monotonic()
            wait_s = min(wait_s, pause_s)
            if pause_s <= 0.0:
                self._full_until_s = None
                self._watch_listeners()
        ready = []
        for key, events in self._selector.select(max(wait_s, 0.0)):
            if key.fileobj is self._wake_in:
                with contextlib.suppress(OSError):
                    self._wake_in.recv(4096)
            else:
                ready.append((key.fd if key.data is None else NEWCOMER - key.data, events))
        return ready

    @property
    def listening(self) -> bool:
        """Whether connections are accepted; if not, the kernel refuses them."""
        return self._listening

    def stop_listening(self) -> None:
        """Refuses new connections from now on, and keeps the ports."""
        self._unwatch_listeners()
        self._listening = False
        for place, port in enumerate(self.ports):
            # A bound socket that does not listen refuses connections and keeps other programs off the port.
            self._listeners[place].close()
            self._listeners[place] = bound(self._host, port)

    def listen_again(self) -> None:
        """Accepts again after ``stop_listening``. Raises RunError if another program took a port."""
        for listener, port in zip(self._listeners, self.ports, strict=True):
            start_listening(listener, f"{printable(self._host)}:{port}")
        self._listening = True
        self._watch_listeners()

    def _watch_listeners(self) -> None:
        if self._listening:
            for place, listener in enumerate(self._listeners):
                self._selector.register(listener, READABLE, place)

    def _unwatch_listeners(self) -> None:
        if self._listening and self._full_until_s is None:
            for listener in self._listeners:
                self._selector.unregister(listener)
        self._full_until_s = None

    def accept(self, newcomer: int = NEWCOMER) -> socket.socket | None:
        """Accepts one connection; None if the client has gone or there are ``links_max`` already."""
        place = NEWCOMER - newcomer
        try:
            sock, _ = self._listeners[place].accept()
        except OSError as error:
            if error.errno in (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM):
                self._unwatch_listeners()
                self._full_until_s = time.monotonic() + FULL_PAUSE_S
            return None
        if len(self.links) >= self._links_max:
            self._refuse(sock, place)
            return None
        sock.setblocking(False)
        with contextlib.suppress(OSError):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return sock

    def _refuse(self, sock: socket.socket, place: int) -> None:
        with contextlib.suppress(OSError), sock:
            sock.setblocking(False)
            sock.send(self._full[place])
            sock.shutdown(socket.SHUT_WR)
            # Closing with unread bytes would discard our message, so read what the client has sent.
            sock.recv(4096)

    def add(self, link: LinkT) -> None:
        """Starts reading a new connection."""
        self.links[link.sock.fileno()] = link
        self._selector.register(link.sock, READABLE)

    def flush(self, link: LinkT) -> None:
        """Sends as many of the unsent bytes as the socket takes."""
        try:
            while link.unsent:
                link.unsent = memoryview(link.unsent)[link.sock.send(link.unsent) :]
        except (BlockingIOError, InterruptedError):
            pass
        except OSError:
            # The next read finds that the connection has ended; until then nothing is kept for it.
            link.unsent = b""
        events = READABLE | (WRITABLE if link.unsent else 0)
        if self._selector.get_key(link.sock).events != events:
            self._selector.modify(link.sock, events)

    def read(self, link: LinkT, bytes_max: int) -> bytes | None:
        """The bytes that a client sent: None if none has arrived, empty if the connection has ended."""
        try:
            return link.sock.recv(bytes_max)
        except (BlockingIOError, InterruptedError):
            return None
        except OSError:
            return b""

    def forget(self, link: LinkT) -> None:
        """Closes a connection; does nothing if it is closed already."""
        if self.links.pop(link.sock.fileno(), None) is not None:
            self._selector.unregister(link.sock)
            link.sock.close()

    def close(self) -> None:
        """Stops listening and closes every connection."""
        for link in list(self.links.values()):
            self.forget(link)
        self._selector.close()
        for sock in (*self._listeners, self._wake_in, self._wake_out):
            sock.close()


def half_close(link: TcpConnection) -> None:
    """Ends sending and goes on reading: closing with unread bytes would discard the last bytes sent."""
    with contextlib.suppress(OSError):
        link.sock.shutdown(socket.SHUT_WR)


def listen(host: str, port: int) -> socket.socket:
    """A non-blocking listening socket. Raises RunError if it cannot listen on the address."""
    listener = bound(host, port)
    start_listening(listener, f"{printable(host)}:{port}")
    return listener


def bound(host: str, port: int) -> socket.socket:
    """A non-blocking socket that is bound and does not listen yet. Raises RunError as ``listen``."""
    where = f"{printable(host)}:{port}"
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
    except (OSError, UnicodeError) as error:
        raise RunError(
            f"{where} is not an address to listen on ({getattr(error, 'strerror', None) or error}); "
            "check --host."
        ) from None
    try:
        if hasattr(
            socket, "SO_EXCLUSIVEADDRUSE"
        ):  # Windows, where SO_REUSEADDR would let two servers share a port.
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        else:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
    except OSError as error:
        listener.close()
        raise _no_listening(where, error) from None
    listener.setblocking(False)
    return listener


def start_listening(listener: socket.socket, where: str) -> None:
    """Makes a bound socket listen; closes it and raises RunError if that fails."""
    try:
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise _no_listening(where, error) from None


def _no_listening(where: str, error: OSError) -> RunError:
    if error.errno == errno.EADDRINUSE:
        return RunError(f"{where} is in use by another program; give another --port, or 0 for any free one.")
    return RunError(f"{where} cannot be listened on ({error.strerror}); give another --host or --port.")
