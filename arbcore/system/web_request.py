"""Shell: one HTTP request with one overall deadline, for alarms and for FRED.

A socket's time-out begins anew with every byte, so a server that sends one byte a second would hold a thread
for ever. A redirect turns a POST into a GET without a body, or takes a key to another server. So this module
follows no redirect, and at the deadline it shuts the connection down. Only the look-up of a name has the
limit of the system's resolver instead. Errors never contain the address, which often has a token in it.
"""

import contextlib
import http.client
import socket
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from arbcore._version import __version__


class RequestFailed(Exception):
    """No complete response came; the text gives the kind of failure and never the address."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A server's response: its status, such as 200 or 302, and the beginning of its body."""

    status: int
    body: bytes

    @property
    def ok(self) -> bool:
        """Whether the server accepted the request; a redirect counts as a refusal."""
        return 200 <= self.status < 300


class _Deadline:
    """Shuts down every connection of one request at its deadline."""

    def __init__(self, seconds: float) -> None:
        self.passed = False
        self._seconds = seconds
        self._end_s = time.monotonic() + seconds
        self._open: list[socket.socket] = []
        self._lock = threading.Lock()
        self._timer = threading.Timer(seconds, self._shut)
        self._timer.daemon = True

    def start(self) -> None:
        self._timer.start()

    def end(self) -> None:
        self._timer.cancel()
        with self._lock:
            for each in self._open:
                each.close()

    def left_s(self) -> float:
        """Seconds that are left. Raises TimeoutError if there are none."""
        left_s = self._end_s - time.monotonic()
        if left_s <= 0.0 or self.passed:
            raise TimeoutError
        return left_s

    def dial(self, address: tuple[str, int], *_: Any) -> socket.socket:
        """Connects to one of the host's addresses; replaces ``socket.create_connection``."""
        failure: OSError | None = None
        for family, kind, protocol, _name, where in socket.getaddrinfo(*address, type=socket.SOCK_STREAM):
            made = socket.socket(family, kind, protocol)
            try:
                made.settimeout(self.left_s())
                made.connect(where)
                made.settimeout(self.left_s())
            except OSError as error:
                made.close()
                failure = error
                continue
            with self._lock:
                # A copy: TLS takes the descriptor away from the object that it wraps.
                self._open.append(made.dup())
            return made
        raise failure or OSError("the name has no address")

    def _shut(self) -> None:
        self.passed = True
        with self._lock:
            for each in self._open:
                with contextlib.suppress(OSError):
                    each.shutdown(socket.SHUT_RDWR)


def request(
    url: str, *, deadline_s: float, data: bytes | None = None, headers: Mapping[str, str] | None = None,
    bytes_max: int = 0,
) -> Answer:  # fmt: skip
    """Sends one request: a GET, or with ``data`` a POST. Follows no redirect.

    Args:
        url: An http or https address.
        deadline_s: Seconds after which the request fails, whatever the server has sent so far.
        data: The body of a POST.
        headers: Further headers of the request.
        bytes_max: Most bytes of the body to read; 0 reads none of it.

    Raises:
        RequestFailed: There was no connection, or no complete response in time.
    """
    asked = urllib.request.Request(
        url, data=data, headers={"User-Agent": f"arbcore/{__version__}", **(headers or {})}
    )
    deadline = _Deadline(deadline_s)
    deadline.start()
    try:
        with _opener(deadline).open(asked, timeout=deadline_s) as answer:
            found = Answer(answer.status, answer.read(bytes_max) if bytes_max else b"")
    except urllib.error.HTTPError as error:
        error.close()
        found = Answer(error.code, b"")
    except Exception as error:  # noqa: BLE001  Any network error; its own text could quote the address.
        raise RequestFailed(_late(deadline_s) if deadline.passed else _kind(error)) from None
    finally:
        deadline.end()
    # A body that the deadline cut short looks like a complete one.
    if deadline.passed and bytes_max:
        raise RequestFailed(_late(deadline_s))
    return found


def _late(deadline_s: float) -> str:
    return f"no complete response within {deadline_s:g} s"


def _kind(error: BaseException) -> str:
    """The kind of a network error without its text."""
    reason = getattr(error, "reason", None)
    kind = reason if isinstance(reason, BaseException) else error
    if isinstance(kind, TimeoutError):
        return "no response in time"
    if isinstance(kind, socket.gaierror):
        return "its name cannot be resolved"
    if isinstance(kind, ConnectionRefusedError):
        return "nothing listens there"
    return type(kind).__name__


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: object) -> None:
        return None


def _opener(deadline: _Deadline) -> urllib.request.OpenerDirector:
    """Opens addresses as urllib does, including proxies, over connections that the deadline can shut down."""

    def plain(host: str, **options: Any) -> http.client.HTTPConnection:
        made = http.client.HTTPConnection(host, **options)
        made._create_connection = deadline.dial  # type: ignore[attr-defined]
        return made

    def secure(host: str, **options: Any) -> http.client.HTTPSConnection:
        made = http.client.HTTPSConnection(host, **options)
        made._create_connection = deadline.dial  # type: ignore[attr-defined]
        return made

    class Plain(urllib.request.HTTPHandler):
        def http_open(self, req: urllib.request.Request) -> Any:
            return self.do_open(plain, req)

    class Secure(urllib.request.HTTPSHandler):
        def https_open(self, req: urllib.request.Request) -> Any:
            return self.do_open(secure, req)

    return urllib.request.build_opener(_NoRedirect, Plain, Secure)
