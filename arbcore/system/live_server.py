"""A read-only HTTP server that shows what a run publishes: page, events, metrics, health, status.

It runs in a process of its own and reads snapshots, a line of JSON each, from its standard input, so that
neither a scrape nor a browser that hangs can delay the run, and it ends when that input does. What a snapshot
means is the business of a ``View``; this module must not know it.
"""

import contextlib
import hmac
import ipaddress
import json
import socket
import threading
import time
import urllib.parse
from collections.abc import Mapping
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import IO, Any, Protocol

from arbcore.core.metrics import CONTENT_TYPE, without_nan
from arbcore.core.text import printable
from arbcore.errors import RunError

#: Who publishes nothing for longer is taken for dead.
SILENT_S = 15.0
#: Connections at once, and those of them that listen to events.
CONNECTIONS_MAX, LISTENERS_MAX = 64, 32
#: How long a client may take for its request, or for reading an answer.
CLIENT_PATIENCE_S = 10.0
#: Events of one client are at least this far apart; without any a line is sent after the second.
EVENTS_APART_S, EVENTS_IDLE_S = 0.2, 2.0
#: Bytes of one snapshot.
SNAPSHOT_MAX = 1 << 22
LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "[::1]", "::1"})


class View(Protocol):
    """What a snapshot looks like."""

    policy: str

    def take(self, snapshot: Mapping[str, Any]) -> None:
        """The newest snapshot."""

    def page(self) -> str:
        """The whole page, as of the newest snapshot."""

    def parts(self) -> dict[str, str]:
        """Its parts that change, as HTML by the id of the element that they fill."""

    def metrics(self) -> str:
        """The text of a scrape."""


class Board:
    """The newest snapshot, and who waits for the next one."""

    def __init__(self, view: View) -> None:
        self.view = view
        self.snapshot: Mapping[str, Any] = {}
        self.version = 0
        self.came = threading.Condition()
        self._received_s = time.monotonic()

    def take(self, line: bytes) -> None:
        """One snapshot as it was sent."""
        snapshot = json.loads(line)
        with self.came:
            self.snapshot = snapshot
            self.view.take(snapshot)
            self.version += 1
            self._received_s = time.monotonic()
            self.came.notify_all()

    def is_beyond(self, version: int) -> bool:
        """Whether anything came since that version."""
        return self.version != version

    def age_s(self) -> float:
        """How old the newest snapshot is."""
        return time.monotonic() - self._received_s

    def health(self) -> dict[str, Any]:
        """``ok``, and in ``reason`` why it is not."""
        nothing = "the run has published nothing yet; its log says what it waits for"
        told = self.snapshot.get("health", {"ok": False, "reason": nothing})
        age_s = self.age_s()
        if self.version and age_s > SILENT_S:
            told = {"ok": False, "reason": f"no news from the run for {age_s:.0f} s"}
        return {"schema": "arbcore.health/1", "ok": told["ok"], "reason": told["reason"], "age_s": age_s}


class LiveServer(ThreadingHTTPServer):
    """Serves a board on one address. RunError where that cannot be listened on."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def __init__(self, board: Board, *, host: str, port: int, token: str) -> None:
        self.board = board
        self.token = token
        self.hosts = allowed_hosts(host)
        #: What more than this machine can reach may be called by any address in figures.
        self.any_address = not is_loopback(host)
        self.listeners = threading.BoundedSemaphore(LISTENERS_MAX)
        self._room = threading.BoundedSemaphore(CONNECTIONS_MAX)
        if ":" in host:
            self.address_family = socket.AF_INET6
        try:
            super().__init__((host, port), LiveHandler)
        except (OSError, UnicodeError) as error:
            why = getattr(error, "strerror", None) or str(error)
            raise RunError(
                f"--listen {printable(host)}:{port} cannot be listened on ({why}); name another address or "
                "port."
            ) from None

    def process_request(self, request: Any, client_address: Any) -> None:
        """A thread for each connection, as far as there is room."""
        if not self._room.acquire(blocking=False):
            self.shutdown_request(request)
            return
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """One connection, to its end."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._room.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that disconnects early is not an error."""


class LiveHandler(BaseHTTPRequestHandler):
    """One request of one client. Every connection is closed after its answer."""

    server: LiveServer
    protocol_version = "HTTP/1.1"
    timeout = CLIENT_PATIENCE_S

    def handle_one_request(self) -> None:
        """Reads one request and answers it."""
        self.close_connection = True
        try:
            self.raw_requestline = self.rfile.readline(8_193)
            if len(self.raw_requestline) > 8_192:
                self.requestline, self.request_version, self.command = "", "HTTP/1.1", ""
                self._say(414, "The address is too long.")
            elif self.raw_requestline and self.parse_request():
                self._answer()
            self.wfile.flush()
        except (OSError, ValueError):
            # The client has gone or is too slow: nobody is there to be told.
            pass
        self.close_connection = True

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """What the parser of the request complains about; nothing of the request is repeated."""
        self.command = self.command or ""
        self._say(code if 400 <= code <= 505 else 400, "The request is none of HTTP.")

    def log_message(self, *_: Any) -> None:
        """Requests are not written down: they hold tokens."""

    def _answer(self) -> None:
        url = urllib.parse.urlsplit(self.path)
        if not self._host_is_ours():
            self._say(403, "The Host of the request is not this server's name.")
        elif not self._may_see(url.query):
            self._say(401, "A token is needed.", {"WWW-Authenticate": 'Bearer realm="arbcore"'})
        elif self.command not in ("GET", "HEAD"):
            self._say(405, "Only GET and HEAD are answered.", {"Allow": "GET, HEAD"})
        else:
            self._show(url.path)

    def _show(self, path: str) -> None:
        board = self.server.board
        if path == "/":
            with board.came:
                text = board.view.page()
            self._send(200, "text/html; charset=utf-8", text)
        elif path == "/metrics":
            with board.came:
                text = board.view.metrics()
            self._send(200, CONTENT_TYPE, text)
        elif path == "/health":
            health = board.health()
            self._send(200 if health["ok"] else 503, "application/json", _json(health))
        elif path == "/status.json":
            told = {**board.snapshot, "age_s": board.age_s()}
            self._send(200, "application/json", _json({"schema": "arbcore.live/1", **told}))
        elif path == "/events":
            self._events()
        else:
            self._say(404, "There are /, /events, /metrics, /health and /status.json.")

    def _host_is_ours(self) -> bool:
        """False for the name of another site that resolves to this machine (DNS rebinding)."""
        names = self.headers.get_all("Host") or []
        if len(names) != 1:
            return False
        host = host_of(names[0])
        return host in self.server.hosts or (self.server.any_address and _is_address(host))

    def _may_see(self, query: str) -> bool:
        token = self.server.token
        if not token:
            return True
        offered = urllib.parse.parse_qs(query).get("token", [])
        kind, _, bearer = (self.headers.get("Authorization") or "").partition(" ")
        if kind.lower() == "bearer":
            offered.append(bearer.strip())
        wanted = token.encode()
        return any(hmac.compare_digest(one.encode("utf-8", "replace"), wanted) for one in offered)

    def _say(self, code: int, sentence: str, headers: Mapping[str, str] | None = None) -> None:
        self._send(code, "text/plain; charset=utf-8", f"{sentence}\n", headers)

    def _send(self, code: int, kind: str, text: str, headers: Mapping[str, str] | None = None) -> None:
        body = text.encode("utf-8", "replace")
        self._head(code, kind, {"Content-Length": str(len(body)), **(headers or {})})
        if self.command != "HEAD":
            self.wfile.write(body)

    def _head(self, code: int, kind: str, headers: Mapping[str, str]) -> None:
        # Without a version, or with one of 0.9, no head would be sent.
        self.request_version = self.protocol_version
        self.send_response_only(code)
        for name, value in {
            "Content-Type": kind, "Cache-Control": "no-store", "Connection": "close",
            "X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Referrer-Policy": "no-referrer",
            "Cross-Origin-Resource-Policy": "same-origin", "Cross-Origin-Opener-Policy": "same-origin",
            "Content-Security-Policy": f"{self.server.board.view.policy}; frame-ancestors 'none'", **headers,
        }.items():  # fmt: skip
            self.send_header(name, value)
        self.end_headers()

    def _events(self) -> None:
        """Server-sent events: whatever of the page has changed, until the client goes.

        https://html.spec.whatwg.org/multipage/server-sent-events.html
        """
        if self.command == "HEAD":
            self._head(200, "text/event-stream", {})
            return
        if not self.server.listeners.acquire(blocking=False):
            self._say(503, "As many pages as may are open already; close one.")
            return
        try:
            self._head(200, "text/event-stream", {})
            self._stream()
        finally:
            self.server.listeners.release()

    def _stream(self) -> None:
        board = self.server.board
        version = -1
        shown: dict[str, str] = {}
        self.wfile.write(b"retry: 2000\n\n")
        while True:
            with board.came:
                board.came.wait_for(partial(board.is_beyond, version), EVENTS_IDLE_S)
                version = board.version
                parts = board.view.parts()
            changed = {name: html for name, html in parts.items() if shown.get(name) != html}
            shown = parts
            news = json.dumps({"age_s": round(board.age_s(), 1), "parts": changed}, allow_nan=False)
            self.wfile.write(f"data: {news}\n\n".encode())
            self.wfile.flush()
            time.sleep(EVENTS_APART_S)


def allowed_hosts(host: str) -> frozenset[str]:
    """Names in a ``Host`` header that mean this server."""
    if is_loopback(host):
        return LOOPBACK_NAMES | {host.lower()}
    return LOOPBACK_NAMES | {host.lower(), socket.gethostname().lower(), socket.getfqdn().lower()}


def is_loopback(host: str) -> bool:
    """Whether an address can be reached from this machine only."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def host_of(text: str) -> str:
    """The name in a ``Host`` header, without its port, in small letters."""
    text = text.strip().lower()
    if text.startswith("["):
        name, closed, port = text.partition("]")
        return f"{name}]" if closed and (not port or (port[0] == ":" and port[1:].isdigit())) else ""
    name, _, port = text.partition(":")
    return name.rstrip(".") if not port or port.isdigit() else ""


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return False
    return True


def _json(document: Mapping[str, Any]) -> str:
    return json.dumps(without_nan(document), allow_nan=False) + "\n"


def serve_lines(source: IO[bytes], answers: IO[bytes], view: View) -> None:
    """Serves what arrives on ``source`` until it ends: the set-up (host, port, token), then snapshots.

    The answer to the set-up is a line with ``port``, or with ``error``, a sentence.
    """
    setup = json.loads(source.readline(SNAPSHOT_MAX))
    try:
        board = Board(view)
        server = LiveServer(board, host=setup["host"], port=setup["port"], token=setup["token"])
        told: dict[str, Any] = {"port": server.server_address[1]}
    except RunError as error:
        told = {"error": str(error)}
    # Whoever started us may have gone meanwhile; then the source ends too.
    with contextlib.suppress(OSError):
        answers.write(json.dumps(told).encode() + b"\n")
        answers.flush()
    if "error" in told:
        return
    threading.Thread(target=server.serve_forever, daemon=True).start()
    while line := source.readline(SNAPSHOT_MAX):
        if not line.endswith(b"\n"):
            break
        board.take(line)
