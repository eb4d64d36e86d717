"""One TCP connection to an exchange: connects, reads with a time limit, and writes without ever blocking.

A shell: it owns a socket. It moves bytes without knowing their meaning, except that it recognises a server
that is not an exchange.
"""

import selectors
import socket
import time
from collections.abc import Callable
from typing import Protocol

from arbcore.core.text import printable
from arbcore.errors import ConnectError, UsageError
from arbcore.play._spin import Spinner, can_spin

#: Most bytes of one read. Each read makes the kernel wake the sender, so a backlog is read in large pieces;
#: it is passed on in smaller ones, because an order must not wait until the whole backlog is handled.
READ_BYTES = 1 << 17
PIECE_BYTES = 1 << 16
#: Most unsent bytes before the connection is given up: half a minute of 500 short messages a second.
UNSENT_BYTES_MAX = 1 << 20
#: How long the exchange may leave bytes unread before the connection is given up.
UNSENT_SECONDS_MAX = 5.0
#: The longest busy read; signals are noticed between two of them.
SPIN_NS_MAX = 20_000_000


class ExchangeLink(Protocol):
    """A connection as the run uses it. Tests pass their own."""

    send_failure: str | None

    def recv(self, timeout_ns: int) -> bytes | memoryview | None: ...
    def send(self, data: bytes) -> None: ...
    def flush(self) -> bool: ...
    def close(self) -> None: ...


def dial(host: str, port: int, timeout_s: float) -> socket.socket:
    """Returns a connected socket with TCP_NODELAY. Raises ConnectError with the reason."""
    where = f"{printable(host)}:{port}"
    try:
        sock = socket.create_connection((host, port), timeout_s)
    except (socket.gaierror, UnicodeError) as error:
        detail = f" ({error.strerror})" if isinstance(error, OSError) and error.strerror else ""
        raise ConnectError(
            f"The host name {printable(host)} was not found{detail}; check --host, or name the "
            "exchange with --address HOST:PORT."
        ) from None
    except ConnectionRefusedError:
        raise ConnectError(
            f"{where} refused the connection: nothing listens there; check host and port, or wait for "
            "it with --wait SECONDS."
        ) from None
    except TimeoutError:
        raise ConnectError(
            f"{where} did not answer within {timeout_s:g} s; check host, port and network."
        ) from None
    except OSError as error:
        raise ConnectError(
            f"{where} cannot be reached ({error.strerror or error}); check host, port and network."
        ) from None
    if sock.getsockname() == sock.getpeername():
        # Connecting to a free loopback port repeatedly can connect a socket to itself.
        sock.close()
        raise ConnectError(f"{where} refused the connection: nothing listens there; check host and port.")
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.setblocking(False)
    return sock


class SocketLink:
    """Reads block or spin for a limited time; writes never block, unsent bytes are kept."""

    def __init__(
        self, sock: socket.socket, *, busy_poll: bool, clock: Callable[[], int] = time.monotonic_ns
    ) -> None:
        self._sock = sock
        self._clock = clock
        self._spinner = Spinner(sock.fileno(), PIECE_BYTES) if busy_poll else None
        self._buffer = memoryview(bytearray(READ_BYTES))
        self._rest = self._buffer[:0]
        self._unsent = b""
        self._unsent_since_ns = 0
        self._selector = selectors.DefaultSelector()
        self._selector.register(sock, selectors.EVENT_READ)
        #: The reason why nothing more can be sent, or None.
        self.send_failure: str | None = None

    def recv(self, timeout_ns: int) -> bytes | memoryview | None:
        """Bytes received within ``timeout_ns``; None if none came, empty once the stream is over or lost."""
        if self._unsent:
            self.flush()
        if self._rest:
            return self._piece()
        try:
            if self.send_failure is not None:
                # Earlier bytes of the exchange may explain the failure; read them, but wait for no more.
                return self._read()
            if self._spinner is not None and not self._unsent:
                return self._spinner.recv(min(timeout_ns, SPIN_NS_MAX))
            for _, events in self._selector.select(max(timeout_ns, 0) / 1e9):
                if events & selectors.EVENT_WRITE:
                    self.flush()
                if events & selectors.EVENT_READ:
                    return self._read()
        except (BlockingIOError, InterruptedError):
            return None if self.send_failure is None else b""
        except OSError:
            return b""
        return None

    def _read(self) -> memoryview:
        """Reads the bytes that the kernel has, and returns the first piece of them."""
        count = self._sock.recv_into(self._buffer)
        if count <= PIECE_BYTES:
            return self._buffer[:count]
        self._rest = self._buffer[:count]
        return self._piece()

    def _piece(self) -> memoryview:
        piece = self._rest[:PIECE_BYTES]
        self._rest = self._rest[PIECE_BYTES:]
        return piece

    def send(self, data: bytes) -> None:
        """Sends ``data`` after the bytes still unsent."""
        if self._unsent or self.send_failure is not None:
            self._unsent += data
            self.flush()
            return
        try:
            sent = self._sock.send(data)
        except (BlockingIOError, InterruptedError):
            sent = 0
        except OSError as error:
            self._fail(f"it cannot be written to ({error.strerror})")
            return
        if sent < len(data):
            self._unsent = data[sent:]
            self._unsent_since_ns = self._clock()
            self._selector.modify(self._sock, selectors.EVENT_READ | selectors.EVENT_WRITE)

    def flush(self) -> bool:
        """Tries to send unsent bytes; True if none are left. Gives up on an exchange that does not read."""
        if self.send_failure is not None:
            self._unsent = b""
        elif self._unsent:
            try:
                sent = self._sock.send(self._unsent)
            except (BlockingIOError, InterruptedError):
                sent = 0
            except OSError as error:
                self._fail(f"it cannot be written to ({error.strerror})")
                return True
            if sent:
                self._unsent = self._unsent[sent:]
                self._unsent_since_ns = self._clock()
            waited_s = (self._clock() - self._unsent_since_ns) / 1e9
            if len(self._unsent) > UNSENT_BYTES_MAX or (self._unsent and waited_s > UNSENT_SECONDS_MAX):
                self._fail("it has stopped reading")
            elif not self._unsent:
                self._selector.modify(self._sock, selectors.EVENT_READ)
        return not self._unsent

    def _fail(self, why: str) -> None:
        self.send_failure = why
        self._unsent = b""
        self._selector.modify(self._sock, selectors.EVENT_READ)

    def close(self) -> None:
        self._selector.close()
        self._sock.close()


#: First bytes that identify other protocols.
_STRANGERS = (
    (b"HTTP/", "a web server"),
    (b"\x15\x03", "a TLS server"),
    (b"\x16\x03", "a TLS server"),
    (b"SSH-", "an SSH server"),
    (b"<", "a web server"),
    (b"220 ", "a mail or file server"),
    (b"* OK", "a mail server"),
    (b"+OK", "a mail server"),
    (b"-ERR", "a database or mail server"),
)


def stranger(head: bytes) -> str | None:
    """The other kind of server that these first bytes come from, or None."""
    for start, name in _STRANGERS:
        if head.startswith(start):
            return name
    return None


def looks_foreign(head: bytes) -> bool:
    """Whether these first bytes are not the beginning of a JSON object."""
    text = head.lstrip(b" \t\r\n")
    return bool(text) and not text.startswith(b"{")


def check_busy_poll() -> None:
    """Raises UsageError if this platform cannot spin."""
    if not can_spin():
        raise UsageError("--busy-poll needs Linux or macOS; leave it out here.")
