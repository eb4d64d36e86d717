"""The virtual world: one exchange engine, any number of bots, links between them, and one clock.

It plays the part of the shells: it connects, carries bytes, advances time, and reconnects after a loss. It
must not decide anything for either side, and uses only the calls that the real shells use.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Protocol

from arbcore.errors import BrokenInvariant
from arbcore.play.simulated_link import MICROSECOND_NS, MILLISECOND_NS, NEVER_NS, NO_FAULTS, Faults, Pipe
from arbcore.venue._engine import Engine


class SimulatedBot(Protocol):
    """The parts of a session that the world uses; the compiled session and its twin both have them."""

    def connected(self, now_ns: int) -> bytes: ...
    def disconnected(self, now_ns: int) -> None: ...
    def receive(self, data: bytes, now_ns: int) -> bytes: ...
    def tick(self, now_ns: int) -> bytes: ...
    @property
    def next_deadline_ns(self) -> int: ...
    @property
    def needs_resync(self) -> bool: ...


#: (now_ns, what, bytes); ``what`` is "connect", "disconnect", "in", "out" or "tick".
Observer = Callable[[int, str, bytes], None]


@dataclass
class Seat:
    """One bot's place in the world."""

    bot: SimulatedBot
    random: Random
    faults: Faults
    latency_ns: int
    jitter_ns: int
    observer: Observer | None
    #: The number of its connection, -1 if it has none.
    conn: int = -1
    to_engine: Pipe | None = None
    to_bot: Pipe | None = None
    dial_ns: int | None = 0
    connections: int = 0
    #: Connections that the bot has lost and the exchange still has: (when it learns of the loss, connection).
    lingering: list[tuple[int, int]] = field(default_factory=list)


class World:
    """Runs bots and engine; everything in it follows from the engine's seed and its own.

    ``latency_ns`` is one way. Connecting between two rounds is refused, and tried again each ``redial_ns``.
    """

    def __init__(self, engine: Engine, *, seed: int, redial_ns: int = 50 * MILLISECOND_NS) -> None:
        self.engine = engine
        self.now_ns = 0
        self.events = 0
        self._random = Random(seed)
        self._redial_ns = redial_ns
        self._seats: list[Seat] = []
        self._trace = hashlib.blake2b(digest_size=16)

    def seat(
        self,
        bot: SimulatedBot,
        *,
        faults: Faults = NO_FAULTS,
        latency_ns: int = 200 * MICROSECOND_NS,
        jitter_ns: int = 50 * MICROSECOND_NS,
        observer: Observer | None = None,
    ) -> Seat:
        """Adds a bot; it connects when the world next runs."""
        seat = Seat(bot, Random(self._random.randrange(2**63)), faults, latency_ns, jitter_ns, observer)
        self._seats.append(seat)
        return seat

    @property
    def trace_hash(self) -> str:
        """Hash of every byte that any bot sent or received, and its time: equal for equal seeds."""
        return self._trace.hexdigest()

    def run(self, until_ns: int, *, after_event: Callable[[int], None] | None = None) -> None:
        """Advances time up to and including ``until_ns``."""
        if self.events == 0:
            self.engine.start(self.now_ns)
        while (at_ns := self._next_ns()) <= until_ns:
            if at_ns < self.now_ns:
                at_ns = self.now_ns
            self.now_ns = at_ns
            self._step()
            self.events += 1
            if after_event is not None:
                after_event(at_ns)
        self.now_ns = until_ns

    def tell(self, seat: Seat, data: bytes) -> None:
        """Sends the bytes that a bot returned for a call from outside, such as ``stop``."""
        self._bot_says(seat, data)

    # --- inside ---------------------------------------------------------------------------------

    def _next_ns(self) -> int:
        at_ns: int = self.engine.next_event_ns
        for seat in self._seats:
            for gone_ns, _ in seat.lingering:
                at_ns = min(at_ns, gone_ns)
            if seat.to_engine is None or seat.to_bot is None:
                if seat.dial_ns is not None and seat.dial_ns < at_ns:
                    at_ns = seat.dial_ns
                continue
            deadline_ns = seat.bot.next_deadline_ns
            if deadline_ns < at_ns:
                at_ns = deadline_ns
            if seat.to_engine.next_ns < at_ns:
                at_ns = seat.to_engine.next_ns
            if seat.to_bot.next_ns < at_ns:
                at_ns = seat.to_bot.next_ns
        return at_ns

    def _step(self) -> None:
        now_ns = self.now_ns
        engine = self.engine
        engine.advance(now_ns)
        for seat in self._seats:
            if seat.lingering:
                for gone in [gone for gone in seat.lingering if gone[0] <= now_ns]:
                    seat.lingering.remove(gone)
                    engine.disconnect(gone[1], now_ns)
            if seat.to_engine is not None and seat.to_bot is not None:
                self._carry(seat, seat.to_engine, seat.to_bot)
            elif seat.dial_ns is not None and seat.dial_ns <= now_ns:
                self._dial(seat)
        for conn in engine.pending():
            data = engine.take(conn)
            for seat in self._seats:
                if seat.conn == conn and seat.to_bot is not None:
                    seat.to_bot.send(data, now_ns)

    def _carry(self, seat: Seat, to_engine: Pipe, to_bot: Pipe) -> None:
        now_ns = self.now_ns
        bot = seat.bot
        while to_engine.next_ns <= now_ns:
            self.engine.receive(seat.conn, to_engine.take()[1], now_ns)
        while to_bot.next_ns <= now_ns:
            data = to_bot.take()[1]
            self._note(seat, "in", data)
            self._bot_says(seat, bot.receive(data, now_ns))
        if bot.next_deadline_ns <= now_ns:
            self._note(seat, "tick", b"")
            self._bot_says(seat, bot.tick(now_ns))
            if bot.next_deadline_ns <= now_ns:
                raise BrokenInvariant(
                    f"the session's deadline stays at {bot.next_deadline_ns} after its tick"
                )
        gone = to_engine.broken or to_bot.broken or self.engine.closing(seat.conn)
        silent = gone and to_bot.next_ns == NEVER_NS and seat.conn not in self.engine.pending()
        if bot.needs_resync or silent:
            self._hang_up(seat)

    def _dial(self, seat: Seat) -> None:
        if not self.engine.listening:
            seat.dial_ns = self.now_ns + self._redial_ns
            return
        seat.conn = self.engine.connect(self.now_ns)
        seat.connections += 1
        seat.to_engine = self._pipe(seat, to_bot=False)
        seat.to_bot = self._pipe(seat, to_bot=True)
        self._note(seat, "connect", b"")
        self._bot_says(seat, seat.bot.connected(self.now_ns))

    def _hang_up(self, seat: Seat) -> None:
        if seat.conn >= 0 and seat.random.random() < seat.faults.linger:
            seat.lingering.append((self.now_ns + seat.random.randrange(1, seat.faults.linger_ns), seat.conn))
        else:
            self.engine.disconnect(seat.conn, self.now_ns)
        self._note(seat, "disconnect", b"")
        seat.bot.disconnected(self.now_ns)
        seat.conn, seat.to_engine, seat.to_bot = -1, None, None
        seat.dial_ns = self.now_ns + self._redial_ns

    def _pipe(self, seat: Seat, *, to_bot: bool) -> Pipe:
        return Pipe(
            seat.random,
            latency_ns=seat.latency_ns,
            jitter_ns=seat.jitter_ns,
            faults=seat.faults,
            to_bot=to_bot,
        )

    def _bot_says(self, seat: Seat, data: bytes) -> None:
        if data:
            self._note(seat, "out", data)
            if seat.to_engine is not None:
                seat.to_engine.send(data, self.now_ns)

    def _note(self, seat: Seat, what: str, data: bytes) -> None:
        self._trace.update(b"%d %s %d " % (self.now_ns, what.encode(), len(data)))
        self._trace.update(data)
        if seat.observer is not None:
            seat.observer(self.now_ns, what, data)
