"""The TCP server of the embedded exchange: any number of clients in one thread, none can harm another.

A shell around the engine: it owns the sockets and the clock, and decides nothing about trading. The engine
bounds the bytes queued for each connection. The server takes them only as fast as the socket sends them, and
gives every connection the same small share of each turn.
"""

import json
import socket
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from arbcore.system.tcp import NEWCOMER, READABLE, WRITABLE, TcpConnection, TcpServer, half_close
from arbcore.venue.venue_documents import RoundDocument, ScoreDocument, SecondLogin, StandingsDocument
from arbcore.wire.plain_text import error_text

SECOND_NS = 1_000_000_000
#: Most bytes read from one client in a turn, so a flood from one delays the others only by microseconds.
READ_BYTES = 1 << 14
#: Most sockets at once, with those that only read their last bytes; one more gets an error and is closed.
SOCKETS_MAX = 900
_FULL = "The exchange takes no more connections; try again later."
#: A connection that has not logged in after this time is closed.
SILENT_NS = 30 * SECOND_NS
#: How long a closing connection may take to read its last bytes.
LINGER_NS = 2 * SECOND_NS
#: A longer step is a pause of the process (a stopped job, a sleeping laptop) and stops the market's time.
LONGEST_STEP_NS = SECOND_NS
CHORES_NS = 100_000_000
#: A round that ends later than this has no end.
NEVER_ENDS_NS = 1 << 62
#: Number of connections whose addresses are kept, for reports of a team's second login.
PEERS_MAX = 4_000


class ServedEngine(Protocol):
    """The parts of the exchange that the server uses."""

    @property
    def next_event_ns(self) -> int: ...
    @property
    def listening(self) -> bool: ...
    @property
    def round_number(self) -> int: ...
    @property
    def results(self) -> list[RoundDocument]: ...
    def start(self, now_ns: int) -> None: ...
    @property
    def round_end_ns(self) -> int: ...
    @property
    def phase_name(self) -> str: ...
    def connect(self, now_ns: int, text: bool = False) -> int: ...
    def receive(self, conn: int, data: bytes, now_ns: int) -> None: ...
    def disconnect(self, conn: int, now_ns: int) -> None: ...
    def advance(self, now_ns: int) -> None: ...
    def take(self, conn: int) -> bytes: ...
    def pending(self) -> list[int]: ...
    def closings(self) -> list[int]: ...
    def team(self, conn: int) -> str: ...
    def take_second_logins(self) -> list[SecondLogin]: ...
    def teams(self) -> list[str]: ...
    def scores(self) -> dict[str, ScoreDocument]: ...
    def fair_values(self) -> dict[str, float]: ...


#: ``wait`` of the TCP server returns this if a plain-text client connects.
_TEXT_NEWCOMER = NEWCOMER - 1


def error_line(text: str, *, words: bool = False) -> bytes:
    """One error message of the protocol, in JSON or in plain text."""
    if words:
        return error_text(text)
    return json.dumps({"type": "error", "error": text}, separators=(",", ":")).encode() + b"\n"


def peer_of(sock: socket.socket) -> str:
    """The address of a client, as ``HOST:PORT``; "" if it is gone already."""
    try:
        host, port, *_ = sock.getpeername()
    except (OSError, ValueError):
        return ""
    return f"{host}:{port}"


@dataclass
class TeamClient(TcpConnection):
    """One connection to the exchange."""

    peer: str = ""  # the client's address
    text: bool = False  # it uses plain text
    since_ns: int = 0
    greeted: bool = False  # it has logged in: the engine has sent it the hello
    #: Set when only queued bytes are still sent: the time at which to give up on those.
    closing_ns: int | None = None
    half_closed: bool = False


class ExchangeServer:
    """Serves ``engine`` on one address until the ``until`` of ``serve`` returns True.

    ``text_port`` is a second port, for plain-text clients; 0 takes any free one, None opens none. ``report``
    receives events, as dictionaries with an ``event`` key. ``watch`` is called ten times a second, to show
    the ``standings``. Raises RunError if the server cannot listen on the address.
    """

    def __init__(
        self,
        engine: ServedEngine,
        *,
        host: str,
        port: int,
        report: Callable[[dict[str, object]], None],
        text_port: int | None = None,
        watch: Callable[[], None] = lambda: None,
        clock: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        ports = (port,) if text_port is None else (port, text_port)
        full = (error_line(_FULL), error_line(_FULL, words=True))
        self._tcp: TcpServer[TeamClient] = TcpServer(host, *ports, links_max=SOCKETS_MAX, full=full)
        self._engine = engine
        self._report = report
        self._watch = watch
        self._clock = clock
        self._clients: dict[int, TeamClient] = {}  # by connection number of the engine
        self._peers: dict[int, str] = {}  # by connection number, also of closed ones
        self._last_ns = clock()
        self._lost_ns = 0
        self._reported_round = 0
        self.port = self._tcp.port
        self.text_port = None if text_port is None else self._tcp.ports[1]

    def standings(self) -> StandingsDocument:
        """The present round: ``round``, ``phase``, ``left_s`` (None without an end), ``teams``.

        ``teams`` maps each name to its score with ``connections``, the number of its connections.
        """
        left_ns = self._engine.round_end_ns - self._now()
        connected = Counter(
            team for client in self._clients.values() if (team := self._engine.team(client.conn or 0))
        )
        scores = self._engine.scores()
        return {
            "round": self._engine.round_number,
            "phase": self._engine.phase_name,
            "left_s": None if left_ns > NEVER_ENDS_NS else max(left_ns, 0) / 1e9,
            "teams": {team: {**score, "connections": connected[team]} for team, score in scores.items()},
        }

    # --- running --------------------------------------------------------------------------------

    def wake(self) -> None:
        """Makes the loop check ``until`` now; safe from a signal handler or another thread."""
        self._tcp.wake()

    def serve(self, until: Callable[[], bool]) -> None:
        """Runs the exchange, and closes its sockets in every case."""
        self._engine.start(self._now())
        next_chores_ns = 0
        try:
            while not until():
                now_ns = self._now()
                wait_ns = min(self._engine.next_event_ns - now_ns, CHORES_NS)
                ready = self._tcp.wait(wait_ns / 1e9)
                now_ns = self._now()
                self._engine.advance(now_ns)
                self._listen_by_round(now_ns)
                for descriptor, events in ready:
                    self._handle(descriptor, events, now_ns)
                self._deliver(now_ns)
                if now_ns >= next_chores_ns:
                    next_chores_ns = now_ns + CHORES_NS
                    self._chores(now_ns)
        finally:
            self._close_all()

    def _now(self) -> int:
        """The exchange's time: the clock without the times in which this process did not run."""
        read_ns = self._clock()
        step_ns = read_ns - self._last_ns
        if step_ns > LONGEST_STEP_NS:
            self._lost_ns += step_ns - LONGEST_STEP_NS
        self._last_ns = read_ns
        return read_ns - self._lost_ns

    def _listen_by_round(self, now_ns: int) -> None:
        """Listens during rounds only: between two rounds clients are refused, as they expect."""
        if self._engine.listening == self._tcp.listening:
            return
        if self._engine.listening:
            self._tcp.listen_again()
            return
        # A client that the kernel has accepted already gets its hello in the next round.
        for newcomer in (NEWCOMER, _TEXT_NEWCOMER)[: len(self._tcp.ports)]:
            while self._accept(newcomer, now_ns):
                pass
        self._tcp.stop_listening()

    def _handle(self, descriptor: int, events: int, now_ns: int) -> None:
        if descriptor <= NEWCOMER:
            if self._tcp.listening:
                self._accept(descriptor, now_ns)
            return
        client = self._tcp.links.get(descriptor)
        if client is not None and events & WRITABLE:
            self._flush(client)
        if client is not None and events & READABLE:
            self._read(client, now_ns)

    # --- clients --------------------------------------------------------------------------------

    def _accept(self, newcomer: int, now_ns: int) -> bool:
        sock = self._tcp.accept(newcomer)
        if sock is None:
            return False
        text = newcomer == _TEXT_NEWCOMER
        conn = self._engine.connect(now_ns, text)
        client = TeamClient(sock, conn, peer=peer_of(sock), text=text, since_ns=now_ns)
        self._tcp.add(client)
        self._clients[conn] = client
        self._peers[conn] = client.peer
        if len(self._peers) > PEERS_MAX:
            del self._peers[next(iter(self._peers))]
        return True

    def _read(self, client: TeamClient, now_ns: int) -> None:
        data = self._tcp.read(client, READ_BYTES)
        if data == b"":
            self._forget(client, now_ns)
        elif data is not None and client.conn is not None:
            self._engine.receive(client.conn, data, now_ns)
            client.greeted = client.greeted or bool(self._engine.team(client.conn))

    def _deliver(self, now_ns: int) -> None:
        """Sends the engine's bytes to its clients, and closes the connections that the engine has ended."""
        for conn in self._engine.pending():
            client = self._clients[conn]
            if not client.unsent:
                client.unsent = self._engine.take(conn)
                self._flush(client)
        for conn in self._engine.closings():
            self._dismiss(self._clients[conn], now_ns)

    def _flush(self, client: TeamClient) -> None:
        self._tcp.flush(client)
        if client.closing_ns is not None and not client.unsent and not client.half_closed:
            client.half_closed = True
            half_close(client)

    # --- closing --------------------------------------------------------------------------------

    def _dismiss(self, client: TeamClient, now_ns: int, why: str = "") -> None:
        """Closes a client's connection after sending the queued bytes and the reason."""
        last_words = error_line(why, words=client.text) if why else b""
        waiting = b"" if client.conn is None else self._engine.take(client.conn)
        self._let_go(client, now_ns)
        client.unsent = bytes(client.unsent) + waiting + last_words
        client.closing_ns = now_ns + LINGER_NS
        self._flush(client)

    def _let_go(self, client: TeamClient, now_ns: int) -> None:
        if client.conn is not None:
            self._engine.disconnect(client.conn, now_ns)
            del self._clients[client.conn]
            client.conn = None

    def _forget(self, client: TeamClient, now_ns: int) -> None:
        self._let_go(client, now_ns)
        self._tcp.forget(client)

    def _chores(self, now_ns: int) -> None:
        for client in list(self._tcp.links.values()):
            if client.closing_ns is not None:
                if now_ns >= client.closing_ns:
                    self._forget(client, now_ns)
            elif not client.greeted and now_ns - client.since_ns >= SILENT_NS:
                self._dismiss(client, now_ns, "There was no hello in time; the connection is closed.")
        self._report_second_logins()
        self._report_rounds()
        self._watch()

    def _report_second_logins(self) -> None:
        for login in self._engine.take_second_logins():
            self._report(
                {
                    "event": "second-login",
                    "team": login["team"],
                    "from": self._peers.get(login["conn"], ""),
                    "other": self._peers.get(login["other"], ""),
                    "refused": login["refused"],
                    "two_bots": login["two_bots"],
                }
            )

    def _report_rounds(self) -> None:
        for result in self._engine.results:
            if result["round"] > self._reported_round:
                self._reported_round = result["round"]
                self._report({"event": "round", "complete": True, **result})

    def _report_unfinished(self) -> None:
        self._report_rounds()
        if self._engine.round_number > self._reported_round and self._engine.teams():
            self._report(
                {
                    "event": "round",
                    "complete": False,
                    "round": self._engine.round_number,
                    "fair_values": self._engine.fair_values(),
                    "scores": self._engine.scores(),
                }
            )

    def _close_all(self) -> None:
        """Closes every connection after its last messages, as far as the kernel takes them at once."""
        now_ns = self._now()
        self._report_second_logins()
        self._report_unfinished()
        for client in list(self._tcp.links.values()):
            if client.conn is not None:
                self._dismiss(client, now_ns, "The exchange was stopped by its operator.")
            self._forget(client, now_ns)
        self._tcp.close()
