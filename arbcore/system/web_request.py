"""Shell: one HTTP request with one overall deadline, for alarms and for FRED.

A time-out of a socket begins anew with every byte, so a server that drips one a second holds a thread for
ever, and a redirect turns a POST into a GET without a body, or carries a key to a server that nobody named.
Here no redirect is followed, and at the deadline the connection is shut down whatever it is doing. Only the
look-up of a name is bounded by the system's resolver instead. No error has the address in it, which often has
a token.
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
    """No whole answer came; the text says of what kind the failure was and never names the address."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server answered: its status, such as 200 or 302, and the beginning of its body."""

    status: int
    body: bytes

    @property
    def ok(self) -> bool:
        """Whether the server took it; a redirect is a refusal."""
        return 200 <= self.status < 300


class _Deadline:
    """Shuts every connection of one request down when its time is over."""

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
        """Seconds that are left; TimeoutError where there are none."""
        left_s = self._end_s - time.monotonic()
        if left_s <= 0.0 or self.passed:
            raise TimeoutError
        return left_s

    def dial(self, address: tuple[str, int], *_: Any) -> socket.socket:
        """A connection to one of the host's addresses; takes the place of ``socket.create_connection``."""
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
    """Asks once: a GET, or with ``data`` a POST. No redirect is followed.

    Args:
        url: An http or https address.
        deadline_s: Seconds after which it has failed, whatever the server has sent so far.
        data: The body of a POST.
        headers: Added to ours.
        bytes_max: How much of the body is read; 0 reads none of it.

    Raises:
        RequestFailed: There was no connection, no answer, or no whole answer in time.
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
    except Exception as error:  # noqa: BLE001  Whatever the network does; its text could quote the address.
        raise RequestFailed(_late(deadline_s) if deadline.passed else _kind(error)) from None
    finally:
        deadline.end()
    # A body that the deadline cut short looks like one that ended.
    if deadline.passed and bytes_max:
        raise RequestFailed(_late(deadline_s))
    return found


def _late(deadline_s: float) -> str:
    return f"no whole answer within {deadline_s:g} s"


def _kind(error: BaseException) -> str:
    """The kind of a network error without its text."""
    reason = getattr(error, "reason", None)
    kind = reason if isinstance(reason, BaseException) else error
    if isinstance(kind, TimeoutError):
        return "no answer in time"
    if isinstance(kind, socket.gaierror):
        return "its name is not known"
    if isinstance(kind, ConnectionRefusedError):
        return "nothing listens there"
    return type(kind).__name__


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: object) -> None:
        return None


def _opener(deadline: _Deadline) -> urllib.request.OpenerDirector:
    """Opens addresses as urllib does, proxies included, over connections that the deadline can end."""

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
