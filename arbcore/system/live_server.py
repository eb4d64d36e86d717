"""A read-only HTTP server that shows what a run publishes: page, events, metrics, health, status.

It runs in a process of its own, so that neither a scrape nor a browser that hangs can delay the run. It reads
snapshots, one line of JSON each, from its standard input, and ends when that input ends. A ``View`` knows
what a snapshot means; this module must not.
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

#: A run that publishes nothing for longer than this counts as dead.
SILENT_S = 15.0
#: Limits of connections at a time: in all, and of those that listen to events.
CONNECTIONS_MAX, LISTENERS_MAX = 64, 32
#: How long a client may take to send its request, or to read a response.
CLIENT_PATIENCE_S = 10.0
#: Least time between two events to one client; and the time after which one is sent without any change.
EVENTS_APART_S, EVENTS_IDLE_S = 0.2, 2.0
#: Most bytes of one snapshot.
SNAPSHOT_MAX = 1 << 22
LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "[::1]", "::1"})


class View(Protocol):
    """Turns the newest snapshot into a page and into metrics."""

    policy: str

    def take(self, snapshot: Mapping[str, Any]) -> None:
        """Takes the newest snapshot."""

    def page(self) -> str:
        """The whole page, as of the newest snapshot."""

    def parts(self) -> dict[str, str]:
        """The parts of the page that change: HTML by the id of the element that holds it."""

    def metrics(self) -> str:
        """The metrics, in Prometheus's text format."""


class Board:
    """The newest snapshot; threads that wait for the next one wait on ``came``."""

    def __init__(self, view: View) -> None:
        self.view = view
        self.snapshot: Mapping[str, Any] = {}
        self.version = 0
        self.came = threading.Condition()
        self._received_s = time.monotonic()

    def take(self, line: bytes) -> None:
        """Takes one snapshot, a line of JSON."""
        snapshot = json.loads(line)
        with self.came:
            self.snapshot = snapshot
            self.view.take(snapshot)
            self.version += 1
            self._received_s = time.monotonic()
            self.came.notify_all()

    def is_beyond(self, version: int) -> bool:
        """Whether a snapshot came after that version."""
        return self.version != version

    def age_s(self) -> float:
        """The age of the newest snapshot in seconds."""
        return time.monotonic() - self._received_s

    def health(self) -> dict[str, Any]:
        """``ok``, and in ``reason`` why the run is not healthy."""
        nothing = "the run has published nothing yet; its log says what it waits for"
        health = self.snapshot.get("health", {"ok": False, "reason": nothing})
        age_s = self.age_s()
        if self.version and age_s > SILENT_S:
            health = {"ok": False, "reason": f"the run has published nothing for {age_s:.0f} s"}
        return {"schema": "arbcore.health/1", "ok": health["ok"], "reason": health["reason"], "age_s": age_s}


class LiveServer(ThreadingHTTPServer):
    """Serves a board on one address. Raises RunError if it cannot listen there."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def __init__(self, board: Board, *, host: str, port: int, token: str) -> None:
        self.board = board
        self.token = token
        self.hosts = allowed_hosts(host)
        #: Other machines may reach the server by any of its numeric addresses.
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
        """Starts a thread for a connection, or closes it if there are ``CONNECTIONS_MAX`` already."""
        if not self._room.acquire(blocking=False):
            self.shutdown_request(request)
            return
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Serves one connection to its end."""
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
            # The client has gone or is too slow: no response can reach it.
            pass
        self.close_connection = True

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Refuses a request that cannot be parsed; the response repeats nothing of the request."""
        self.command = self.command or ""
        self._say(code if 400 <= code <= 505 else 400, "The request is not valid HTTP.")

    def log_message(self, *_: Any) -> None:
        """Logs nothing: requests hold tokens."""

    def _answer(self) -> None:
        url = urllib.parse.urlsplit(self.path)
        if not self._host_is_ours():
            self._say(403, "The request's Host header does not name this server.")
        elif not self._may_see(url.query):
            sentence = "A token is needed; add ?token=TOKEN to the address."
            self._say(401, sentence, {"WWW-Authenticate": 'Bearer realm="arbcore"'})
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
            status = {**board.snapshot, "age_s": board.age_s()}
            self._send(200, "application/json", _json({"schema": "arbcore.live/1", **status}))
        elif path == "/events":
            self._events()
        else:
            self._say(404, "There is no such page; there are /, /events, /metrics, /health and /status.json.")

    def _host_is_ours(self) -> bool:
        """False if another site's name resolves to this machine (DNS rebinding)."""
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
        # For a request without a version, or of version 0.9, http.server would send no headers.
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
        """Server-sent events: the parts of the page that changed, until the client disconnects.

        https://html.spec.whatwg.org/multipage/server-sent-events.html
        """
        if self.command == "HEAD":
            self._head(200, "text/event-stream", {})
            return
        if not self.server.listeners.acquire(blocking=False):
            self._say(503, f"{LISTENERS_MAX} pages are open already, which is the limit; close one.")
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
    """The names in a ``Host`` header that mean this server."""
    if is_loopback(host):
        return LOOPBACK_NAMES | {host.lower()}
    return LOOPBACK_NAMES | {host.lower(), socket.gethostname().lower(), socket.getfqdn().lower()}


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach an address."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def host_of(text: str) -> str:
    """The name in a ``Host`` header in lower case, without its port; empty if the header is malformed."""
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
    """Serves the snapshots of ``source`` until it ends. Its first line is the set-up: host, port, token.

    Writes one line of JSON to ``answers`` after the set-up: ``port``, or ``error`` with a sentence.
    """
    setup = json.loads(source.readline(SNAPSHOT_MAX))
    try:
        board = Board(view)
        server = LiveServer(board, host=setup["host"], port=setup["port"], token=setup["token"])
        reply: dict[str, Any] = {"port": server.server_address[1]}
    except RunError as error:
        reply = {"error": str(error)}
    # The run may have ended meanwhile; then the source ends too.
    with contextlib.suppress(OSError):
        answers.write(json.dumps(reply).encode() + b"\n")
        answers.flush()
    if "error" in reply:
        return
    threading.Thread(target=server.serve_forever, daemon=True).start()
    while line := source.readline(SNAPSHOT_MAX):
        if not line.endswith(b"\n"):
            break
        board.take(line)
