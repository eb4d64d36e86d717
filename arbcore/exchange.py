"""The client's shell around a session: rounds, reconnects, signals, the kill switch, the journal, latency.

Owns the loop that passes bytes and time to a session and sends the bytes it returns. It decides when to
connect and when to stop, never what to trade. It does not print: messages for the user go to an Observer.
"""

import json
import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from arbcore.core.latency import LatencyHistogram
from arbcore.core.text import printable
from arbcore.errors import ConnectError, RunError, UsageError
from arbcore.play.exchange_link import ExchangeLink, SocketLink, dial, looks_foreign, stranger
from arbcore.trading import journal as records

SECOND_NS = 1_000_000_000
#: Time between two checks of signals, the kill switch and the clock, and between two refreshes of the status.
CHORES_NS = 100_000_000
KILL_SWITCH_NS = 500_000_000
BACKOFF_FIRST_S = 0.1
BACKOFF_MAX_S = 5.0
#: If a turn of the loop took this long, the process was paused, and the bytes that wait to be read are old.
LATE_NS = SECOND_NS
#: After a pause the backlog counts as read once no byte came for QUIET_NS, or CATCH_UP_NS after it began.
QUIET_NS, CATCH_UP_NS = 10_000_000, SECOND_NS
#: A connection that lasted this long does not count as a failure, whatever ended it.
STEADY_NS = 5 * SECOND_NS
#: A connection that lasted this long resets the count of new logins in a row.
TRUSTED_NS = 60 * SECOND_NS
#: The reason for a new login, in words; any other reason is shown by the session's name for it.
DOUBTS = {
    "unanswered": "The exchange left orders unanswered",
    "overfill": "The exchange filled more than was ordered",
    "foreign_fill": "The exchange reported a fill of an order that is not ours",
    "fill_after_end": "The exchange filled an order that had ended",
    "repeated_hello": "The exchange said hello again, and not every order could be cancelled at once",
    "beyond_belief": "The exchange contradicts its own messages",
}
#: Between two rounds the exchange is away for a moment; a failure is reported once this many came in a row.
TELL_AT_FAILURE = 5
HEAD_BYTES_MAX = 2048

PRODUCTION_HOST = "production"
BASE_PORT = 25_000
TEST_PORT_INDEX = {"prod-like": 0, "slower": 1, "empty": 2}
DEFAULT_TEAM = "ARBCORE"
DEFAULT_ROUND_S = 300.0


@dataclass(frozen=True)
class Target:
    """The exchange to play on; ``label`` is the ``mode`` of the JSON, ``embedded`` means that it is our own.

    ``password`` is the team's, if the exchange requires one; it is in no journal.
    """

    label: str
    host: str
    port: int
    team: str
    embedded: bool = False
    password: str = field(default="", repr=False)

    @property
    def address(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def choose_target(
    *, test: str | None, production: bool, address: str | None, team: str, host: str, port: int | None
) -> Target:
    """The target of a run, by the host and port rules of the real exchanges. UsageError if unclear."""
    if production:
        if not team:
            raise UsageError("--production needs a team; give --team NAME or set ARBCORE_TEAM.")
        return Target("production", host or PRODUCTION_HOST, port or BASE_PORT, team)
    if address is not None:
        named_host, named_port = split_address(address)
        return Target("address", named_host, named_port, team or DEFAULT_TEAM)
    if test is None:
        raise UsageError("Say what to play on: --test prod-like, --production or --address HOST:PORT.")
    if not team and not host:
        return Target(f"test:{test}", "127.0.0.1", port or 0, DEFAULT_TEAM, embedded=True)
    if not team:
        raise UsageError("A test exchange needs a team; give --team NAME or set ARBCORE_TEAM.")
    return Target(
        f"test:{test}", host or f"test-exch-{team.lower()}", port or BASE_PORT + TEST_PORT_INDEX[test], team
    )


def split_address(text: str) -> tuple[str, int]:
    """Splits ``HOST:PORT`` or ``[IPV6]:PORT`` into its two parts."""
    host, colon, port = text.rpartition(":")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    elif ":" in host:
        host = ""
    if not colon or not host or not (port.isascii() and port.isdigit() and 1 <= int(port[:6]) <= 65_535):
        raise UsageError(
            f"--address must be HOST:PORT with a port from 1 to 65535, but is {printable(text)}."
        )
    return host, int(port)


def with_password(hello: bytes, password: str) -> bytes:
    """The hello line with the team's password as one more field; unchanged without a password.

    >>> with_password(b'{"type":"hello","team":"ALPHA"}\\n', "swordfish")
    b'{"type":"hello","team":"ALPHA","password":"swordfish"}\\n'
    """
    if not password:
        return hello
    return hello[: hello.rindex(b"}")] + b',"password":' + json.dumps(password).encode() + b"}\n"


@dataclass(frozen=True)
class RunOptions:
    """The end of a run and its time limits, in seconds; None means no limit."""

    duration_s: float | None = None
    rounds: int | None = None
    wait_s: float = 0.0
    busy_poll: bool = False
    connect_timeout_s: float = 5.0
    hello_timeout_s: float = 5.0
    stop_timeout_s: float = 3.0


class Observer(Protocol):
    """Shows a run to the user. ``refresh`` is called about ten times a second and must be quick."""

    def event(self, text: str) -> None: ...
    def refresh(self, run: "ExchangeRun", now_ns: int) -> None: ...


class Recorder(Protocol):
    """The parts of a journal writer that the loop uses."""

    trouble: str | None

    def write(self, kind: int, time_ns: int, payload: bytes | bytearray | memoryview = b"") -> None: ...


class Watch(Protocol):
    """Counts signals for a run, and ends the process if the loop no longer turns."""

    @property
    def interrupts(self) -> int: ...
    @property
    def stops(self) -> int: ...
    def turn(self) -> None: ...
    def link(self, fd: int) -> None: ...


class NoWatch:
    """Watches nothing, for a run inside another program, which handles its signals itself."""

    interrupts = 0
    stops = 0

    def turn(self) -> None: ...
    def link(self, fd: int) -> None: ...


@dataclass
class RunEnding:
    """How a run ended: by Ctrl-C, by SIGTERM or SIGHUP, by the kill switch (with its reason), or by plan."""

    interrupted: bool = False
    stopped: bool = False
    kill_reason: str | None = None

    @property
    def by(self) -> str:
        """The cause of the end, in a word or two."""
        if self.interrupted:
            return "interrupt"
        if self.kill_reason is not None:
            return "kill switch"
        return "signal" if self.stopped else "done"


@dataclass(frozen=True)
class RoundResult:
    """P&L of one full round as the session counts it, in ticks.

    At the touch, longs are worth the best bid and shorts the best ask; at the middle, the middle of both.
    """

    number: int
    pnl_touch: int
    pnl_middle: int


@dataclass
class _Connection:
    """The state of the present connection."""

    link: ExchangeLink
    since_ns: int
    head: bytearray = field(default_factory=bytearray)
    closed_ns: int | None = None


class ExchangeRun:
    """One run of a session against one exchange, over any number of connections and rounds."""

    def __init__(
        self,
        session: Any,
        target: Target,
        options: RunOptions,
        *,
        observer: Observer,
        kill_reason: Callable[[], str | None] = lambda: None,
        journal: Recorder | None = None,
        still_there: Callable[[], str | None] = lambda: None,
        watch: Watch | None = None,
        clock: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self.session = session
        self.target = target
        self.options = options
        self.latency = LatencyHistogram()
        self.rounds = 0
        self.round_results: list[RoundResult] = []
        #: Number of new logins, by reason.
        self.relogins: dict[str, int] = {}
        self._doubts_running = 0
        self._resets_seen = 0
        self.connections = 0
        self.connected = False
        self.started_ns = clock()
        self._clock = clock
        self._observer = observer
        self._kill_reason = kill_reason
        self._still_there = still_there
        self._journal = journal
        self._journal_told = False
        self._watch: Watch = watch if watch is not None else NoWatch()
        self._ending = RunEnding()
        self._interrupts = self._stops = 0
        self._stop_deadline_ns: int | None = None
        self._finished: bool = False
        self._next_chores_ns = 0
        self._next_kill_ns = 0
        self._turned_ns = 0  # when the last turn on this connection read; 0 before the first
        self._connection: _Connection | None = None
        # Jitter keeps many clients from reconnecting at once; no decision depends on it.
        self._jitter = random.Random()
        self._failures = 0
        self._told: set[str] = set()
        self._slow_told: set[str] = set()
        self._refused_told: set[tuple[str, ...]] = set()
        self._inferred_told = 0

    def interrupt(self) -> None:
        """Requests an orderly stop; a second request ends the run at once. Safe in a signal handler."""
        self._interrupts += 1

    def stop(self) -> None:
        """Requests an orderly stop, as SIGTERM does. Safe in a signal handler."""
        self._stops += 1

    @property
    def _asked_to_end(self) -> int:
        """How often Ctrl-C was pressed."""
        return self._interrupts + self._watch.interrupts

    def play(self) -> RunEnding:
        """Runs until the options, a signal or the kill switch end it.

        Raises ConnectError if the first connection fails, RunError if the embedded exchange dies.
        """
        try:
            self._dial_first()
            while not self._finished:
                self._play_connection()
                if not self._finished:
                    self._pause(self._backoff_s(self._failures))
        finally:
            self._drop()
        return self._ending

    def _play_connection(self) -> None:
        """Plays the present connection to its end; without one it connects first, or counts a failure."""
        error = self._attempt() if self._connection is None else None
        if error is None:
            self._serve()
            return
        self._failures += 1
        if self._failures == TELL_AT_FAILURE:
            self._observer.event(f"{error} Trying again until the run ends.")

    # --- connections ----------------------------------------------------------------------------

    def _dial_first(self) -> None:
        """Makes the first connection up to the hello; once ``wait_s`` is over, a failure ends the run."""
        give_up_ns = self.started_ns + int(self.options.wait_s * SECOND_NS)
        attempts = 0
        while not self._finished and (error := self._attempt()) is not None:
            left_s = (give_up_ns - self._clock()) / SECOND_NS
            if left_s <= 0:
                raise error
            attempts += 1
            if attempts == 1:
                self._observer.event(f"{error} Waiting up to {self.options.wait_s:,.10g} s for it.")
            self._pause(min(self._backoff_s(attempts), left_s))

    def _attempt(self) -> ConnectError | None:
        """Connects once and waits for the hello; returns the error, or None."""
        try:
            self._dial()
            self._await_hello()
        except ConnectError as error:
            self._drop()
            return error
        return None

    def _dial(self) -> None:
        sock = dial(self.target.host, self.target.port, self.options.connect_timeout_s)
        now_ns = self._clock()
        self._watch.link(sock.fileno())
        self._connection = _Connection(
            SocketLink(sock, busy_poll=self.options.busy_poll, clock=self._clock), now_ns
        )
        self.connections += 1
        self._turned_ns = 0
        self.connected = True
        hello = self.session.connected(now_ns)
        if self._connection is not None:
            self._connection.link.send(with_password(hello, self.target.password))
        self._record(records.CONNECT, hello, now_ns)

    def _await_hello(self) -> None:
        """Runs the new connection until the hello. Raises ConnectError that names what came instead."""
        connection = self._need_connection()
        while not self.session.hello_seen and not self._finished:
            alive = self._turn(connection)
            foreign = stranger(bytes(connection.head))
            if foreign is not None:
                raise ConnectError(
                    f"{self.target.address} is {foreign} and not an exchange; check host and port."
                )
            late = self._clock() - connection.since_ns >= self.options.hello_timeout_s * SECOND_NS
            if self.session.hello_seen or self._finished or (alive and not late):
                continue
            raise ConnectError(self._silence(connection, alive))
        if self.session.hello_seen:
            self._observer.event(f"Connected to {self.target.address} as {self.target.team}.")

    def _silence(self, connection: _Connection, alive: bool) -> str:
        """The probable reason why there was no hello."""
        where, head = self.target.address, bytes(connection.head)
        refused = _error_text(head)
        if refused is not None:
            return f'{where} refused the login of {self.target.team}: "{printable(refused)}".'
        if looks_foreign(head):
            return (
                f'{where} does not speak the exchange\'s protocol (it sent "{printable(head, 40)}"); '
                "check host and port."
            )
        if not alive:
            return (
                f"{where} closed the connection without a hello; check host, port and team, or wait for the "
                "next round with --wait SECONDS."
            )
        return (
            f"{where} accepted the connection but sent no hello within {self.options.hello_timeout_s:g} s; "
            "check host, port and team, or wait for the next round with --wait SECONDS."
        )

    def _serve(self) -> None:
        """Plays one connection to its end; the exchange has already sent its hello."""
        connection = self._need_connection()
        resync = False
        while not self._finished and self._turn(connection):
            resync = self.session.needs_resync
            if resync or (connection.closed_ns is not None and self._last_round_over(connection.closed_ns)):
                break
        round_over = self.session.round_closed
        if round_over:
            self._end_round(self.session.pnl(), self.session.pnl_at_middle())
        lasted_ns = self._clock() - connection.since_ns
        self._drop()
        # A connection that is lost at once each time must not be retried in a tight loop.
        self._failures = 0 if round_over or lasted_ns >= STEADY_NS else self._failures + 1
        if resync and not self._finished:
            self._log_in_anew(lasted_ns)
        elif round_over:
            if not self._finished:
                self._observer.event("Waiting for the next round.")
        elif not self._finished:
            why = f": {connection.link.send_failure}" if connection.link.send_failure else ""
            self._observer.event(f"The connection to {self.target.address} was lost{why}; connecting again.")

    def _end_round(self, pnl_touch: int, pnl_middle: int) -> None:
        """Counts a full round and reports it; the run is finished after the last planned one."""
        self.rounds += 1
        self.round_results.append(RoundResult(self.rounds, pnl_touch, pnl_middle))
        last = self.options.rounds is not None and self.rounds >= self.options.rounds
        self._finished = self._finished or last or self._ending.kill_reason is not None
        self._observer.event(
            f"Round {self.rounds} is over: P&L {pnl_touch:+,} at the touch, {pnl_middle:+,} at the middle."
        )

    def _log_in_anew(self, lasted_ns: int) -> None:
        """Counts a new login, since only a hello gives positions; logins in a row wait longer each time."""
        reason = self.session.doubt
        self.relogins[reason] = self.relogins.get(reason, 0) + 1
        self._doubts_running = 1 if lasted_ns >= TRUSTED_NS else self._doubts_running + 1
        self._failures = max(self._failures, self._doubts_running)
        words = DOUBTS.get(reason, reason)
        self._observer.event(f"{words}; logging in again to learn the positions.")

    def _last_round_over(self, closed_ns: int) -> bool:
        """Whether the last round is over and the exchange has not closed the connection in time."""
        last = self.options.rounds is not None and self.rounds + 1 >= self.options.rounds
        return last and self._clock() - closed_ns >= self.options.stop_timeout_s * SECOND_NS

    def _drop(self) -> None:
        if self._connection is None:
            return
        self._watch.link(-1)
        self._connection.link.close()
        self._connection = None
        self.connected = False
        now_ns = self._clock()
        self.session.disconnected(now_ns)
        if self._journal is not None:
            self._journal.write(records.DISCONNECT, now_ns)

    def _need_connection(self) -> _Connection:
        if self._connection is None:
            raise RunError("There is no connection to play on.")
        return self._connection

    def _backoff_s(self, failures: int) -> float:
        longest = min(BACKOFF_MAX_S, BACKOFF_FIRST_S * 2.0 ** min(failures, 10))
        return longest * self._jitter.uniform(0.5, 1.0)

    def _pause(self, duration_s: float) -> None:
        """Waits without a connection, and does the chores meanwhile."""
        end_ns = self._clock() + int(duration_s * SECOND_NS)
        while not self._finished and (left_ns := end_ns - self._clock()) > 0:
            self._chores(self._clock())
            time.sleep(min(left_ns, CHORES_NS) / SECOND_NS)
        self._chores(self._clock())

    # --- one turn of the loop -------------------------------------------------------------------

    def _turn(self, connection: _Connection) -> bool:
        """Waits for bytes or a deadline and passes it on; returns False once the connection is closed."""
        session = self.session
        now_ns = self._clock()
        self._watch.turn()
        if now_ns >= self._next_chores_ns:
            self._chores(now_ns)
            if self._finished:
                return True
        if self._turned_ns and now_ns - self._turned_ns >= LATE_NS:
            late_ns = now_ns - self._turned_ns
            return self._catch_up(connection, connection.link.recv(0), late_ns)
        if now_ns >= session.next_deadline_ns:
            self._pass_on(records.TICK, session.tick(now_ns), now_ns)
        waited_ns = max(0, min(session.next_deadline_ns, self._next_chores_ns) - now_ns)
        data = connection.link.recv(waited_ns)
        read_ns = self._clock()
        turned_ns, self._turned_ns = self._turned_ns, read_ns
        if turned_ns and read_ns - turned_ns >= LATE_NS:
            return self._catch_up(connection, data, read_ns - turned_ns)
        return self._take(connection, data, read_ns)

    def _catch_up(self, connection: _Connection, data: bytes | memoryview | None, late_ns: int) -> bool:
        """Reads the backlog after a pause of the process, and sends no new order until that is done."""
        self._observer.event(
            f"The process was paused for {late_ns / SECOND_NS:.1f} s: reading what has arrived first."
        )
        began_ns = self._clock()
        self._pass_on(records.HOLD, self.session.hold(began_ns), began_ns)
        while data is not None:
            if not self._take(connection, data, self._clock()):
                return False
            if self._clock() - began_ns >= CATCH_UP_NS:
                break
            data = connection.link.recv(QUIET_NS)
        self._turned_ns = self._clock()
        self._pass_on(records.RESUME, self.session.resume(self._turned_ns), self._turned_ns)
        return True

    def _take(self, connection: _Connection, data: bytes | memoryview | None, read_ns: int) -> bool:
        """Passes received bytes to the session; returns False at the connection's end."""
        if data is None:
            return True
        if not data:
            return False
        session = self.session
        try:
            out = session.receive(data, read_ns)
        except BaseException:
            # A replay needs above all the bytes that broke the session.
            if self._journal is not None:
                self._journal.write(records.IN, read_ns, data)
            raise
        if out:
            connection.link.send(out)
            self.latency.record(self._clock() - read_ns)
        if self._journal is not None:
            self._journal.write(records.IN, read_ns, data)
            if out:
                self._journal.write(records.OUT, read_ns, out)
        if not session.hello_seen and len(connection.head) < HEAD_BYTES_MAX:
            connection.head += data[:HEAD_BYTES_MAX]
        return True

    def _pass_on(self, kind: int, out: bytes, now_ns: int, payload: bytes = b"") -> None:
        """Sends the session's bytes for an event other than received bytes, and records both."""
        if out and self._connection is not None:
            self._connection.link.send(out)
        self._record(kind, out, now_ns, payload)

    def _record(self, kind: int, out: bytes, now_ns: int, payload: bytes = b"") -> None:
        if self._journal is not None:
            self._journal.write(kind, now_ns, payload)
            if out:
                self._journal.write(records.OUT, now_ns, out)

    # --- chores ---------------------------------------------------------------------------------

    def _chores(self, now_ns: int) -> None:
        """Ten times a second: checks for the end, kill switch and connection; refreshes the status."""
        self._watch.turn()
        self._next_chores_ns = now_ns + CHORES_NS
        if now_ns >= self._next_kill_ns:
            self._next_kill_ns = now_ns + KILL_SWITCH_NS
            self._obey_kill_switch(now_ns)
            self._tell_news()
        if self._asked_to_end and not self._ending.interrupted:
            self._ending.interrupted = True
            self._observer.event("Interrupted: cancelling all orders. A second Ctrl-C ends at once.")
            self._begin_stop(now_ns, "interrupted")
        if (self._stops or self._watch.stops) and not self._ending.stopped:
            self._ending.stopped = True
            self._observer.event("Asked to end by a signal: cancelling all orders.")
            self._begin_stop(now_ns, "asked to end by a signal")
        elapsed_s = (now_ns - self.started_ns) / SECOND_NS
        if self.options.duration_s is not None and elapsed_s >= self.options.duration_s:
            self._begin_stop(now_ns, "the duration is over")
        for pnl_touch, pnl_middle in self.session.rounds_reset[self._resets_seen :]:
            self._resets_seen += 1
            self._observer.event("The exchange said hello again with nothing held: a new round.")
            self._end_round(pnl_touch, pnl_middle)
        self._end_if_done(now_ns)
        connection = self._connection
        if connection is not None:
            if not self.session.round_closed:
                connection.closed_ns = None
            elif connection.closed_ns is None:
                connection.closed_ns = now_ns
        if self._journal is not None and self._journal.trouble and not self._journal_told:
            self._journal_told = True
            self._observer.event(self._journal.trouble)
        gone = self._still_there()
        if gone is not None and not self._finished and not self.session.round_closed:
            raise RunError(gone)
        self._observer.refresh(self, now_ns)

    def _tell_news(self) -> None:
        """Reports news to the user, each item once, however often it happens."""
        summary = self.session.summary()
        reason = summary["halted_reason"]
        halted = [reason] if reason and self._ending == RunEnding() else []
        if len(summary["open_inferred"]) > self._inferred_told:
            self._inferred_told = len(summary["open_inferred"])
            names = ", ".join(summary["open_inferred"])
            self._observer.event(f"The exchange never opened {names} but shows a market: treated as open.")
        for name, reason, order in self.session.first_refusals:
            if (name, reason) not in self._refused_told:
                self._refused_told.add((name, reason))
                self._observer.event(
                    f"The risk gate refused {order} of {printable(name)}: {reason_text(reason)}; "
                    "the next ones of this kind are counted."
                )
        for row in summary["refused"]:
            key = (row["strategy"], row["symbol"], row["side"], row["reason"])
            if key not in self._refused_told and self._stop_deadline_ns is None:
                self._refused_told.add(key)
                self._observer.event(refusal_text(row))
        for shape, found in (
            ('The exchange says: "{}".', summary["errors"]),
            ("The exchange sent a bad line ({}); such lines are skipped and counted.", summary["faults"]),
            (
                "Strategy {} failed and is switched off: {}.",
                list(summary["strategy_errors"].items()),
            ),
            (
                "Strategy {} reached its own loss limit and only reduces its position until the round ends.",
                list(summary["strategy_stops"]),
            ),
            ("Trading is halted: {}.", halted),
            (
                "{} of strategy {} took {} s; meanwhile the bot reads no market and cancels no order.",
                [
                    (row["hook"], name, f"{row['longest_s']:.2f}")
                    for name, row in summary["slow_hooks"].items()
                    if name not in self._slow_told
                ],
            ),
        ):
            for item in found:
                words = (item,) if isinstance(item, str) else item
                text = shape.format(*map(printable, words))
                if text not in self._told and self._stop_deadline_ns is None:
                    self._told.add(text)
                    self._observer.event(text)
        self._slow_told |= summary["slow_hooks"].keys()

    def _obey_kill_switch(self, now_ns: int) -> None:
        reason = self._kill_reason()
        if reason is None:
            return
        if self._ending.kill_reason is None:
            self._ending.kill_reason = reason
            self._observer.event(f"Kill switch: {reason}. Cancelling all orders and closing positions.")
            self._pass_on(records.KILL, self.session.kill(now_ns, reason), now_ns, reason.encode())
        elif (
            self._connection is not None
            and self.session.hello_seen
            and not any(self.session.positions().values())
        ):
            self._begin_stop(now_ns, reason)

    def _begin_stop(self, now_ns: int, reason: str) -> None:
        if self._stop_deadline_ns is not None:
            return
        self._stop_deadline_ns = now_ns + int(self.options.stop_timeout_s * SECOND_NS)
        self._pass_on(records.STOP, self.session.stop(now_ns, reason), now_ns, reason.encode())

    def _end_if_done(self, now_ns: int) -> None:
        if self._stop_deadline_ns is None:
            return
        hurried = self._asked_to_end > 1
        if self._connection is None or self.session.stopped or hurried:
            self._finished = True
        elif now_ns >= self._stop_deadline_ns:
            self._observer.event(
                "Not every order was confirmed out in time; closing the connection, which cancels them."
            )
            self._finished = True


#: The meaning of each refusal of the risk gate, for the user.
REFUSALS = {
    "halted": "trading is halted",
    "symbol_closed": "the symbol is closed",
    "bad_order": "price or size is out of range",
    "size_cap": "larger than twice the position limit",
    "position_limit": "the position limit leaves no room",
    "too_many_live": "too many live orders",
    "self_cross": "it would trade with an own order",
    "no_reference": "there is no recent market to compare it with",
    "price_collar": "too far from the market",
}


def refusal_text(row: Mapping[str, Any]) -> str:
    """One row of the summary's ``refused``, as a sentence."""
    return (
        f"The risk gate has refused every {row['side']} order of {printable(row['strategy'])} in "
        f"{row['symbol']} for {row['seconds']} s: {reason_text(row['reason'])}."
    )


def reason_text(reason: str) -> str:
    """The reason of a refusal in words, with its name."""
    return f"{REFUSALS[reason]} ({reason})" if reason in REFUSALS else reason


def _error_text(head: bytes) -> str | None:
    """The text of the first error message among ``head``'s lines, if there is one."""
    for line in head.split(b"\n"):
        try:
            message = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if (
            isinstance(message, dict)
            and message.get("type") == "error"
            and isinstance(message.get("error"), str)
        ):
            text: str = message["error"]
            return text
    return None


def result_document(
    run: ExchangeRun, *, scores: Sequence[Mapping[str, Any]], seed: int | None, ending: RunEnding
) -> dict[str, Any]:
    """The JSON of an exchange run. ``fair_pnl`` is None unless an embedded exchange reports it."""
    summary = run.session.summary()
    fair = [score["fair_pnl"] for score in scores if "fair_pnl" in score]
    return {
        "schema": "arbcore.exchange/1",
        "mode": run.target.label,
        "address": run.target.address,
        "team": run.target.team,
        "embedded": run.target.embedded,
        "seed": seed,
        "rounds": run.rounds,
        "round_results": [
            {"round": item.number, "pnl_touch": item.pnl_touch, "pnl_middle": item.pnl_middle}
            for item in run.round_results
        ],
        "relogins": dict(run.relogins),
        "connections": run.connections,
        "duration_s": round((run._clock() - run.started_ns) / SECOND_NS, 3),
        **{name: value for name, value in summary.items() if name != "mode"},
        "fair_pnl": sum(fair) if fair else None,
        "latency_us": run.latency.summary_us(),
        "ended_by": ending.by,
    }
