"""The carry desk and the model broker in one process, in virtual time, from one seed.

It replaces the shell: it connects, carries messages both ways, stores before it sends, advances time, crashes
and starts again. It must not decide anything for either side.
"""

import hashlib
import heapq
import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

from arbcore.carry._carry import carry_factor, years_to_expiry
from arbcore.carry.calendar import front_contract
from arbcore.carry.pairs import ETF, FUT, LEGS
from arbcore.core.civil import read_time
from arbcore.desk import events as ev
from arbcore.desk.commands import (
    Alarm,
    Ask,
    AskContract,
    Cancel,
    Command,
    Reconnect,
    Resubscribe,
    SaveTrade,
    SendOrder,
)
from arbcore.desk.desk_session import DeskSession
from arbcore.desk.desk_settings import DeskSettings, seconds_ns
from arbcore.desk.records import Snapshot
from tools.desk_simulation.desk_broker import (
    MILLISECOND_NS,
    SECOND_NS,
    SPY_ID,
    STORMS,
    Broker,
    DeskFaults,
)
from tools.desk_simulation.desk_checker import DeskChecker
from tools.desk_simulation.desk_ids import Ids
from tools.desk_simulation.desk_store import MemoryStore

START_NS = read_time("2026-03-02T15:00:00Z")
ACCOUNT, STORE_ID = "DUSIM0001", "sim"
ES_ID = 495512563
LATENCY_NS = 5 * MILLISECOND_NS
GRACE_NS = 5 * SECOND_NS
ENDINGS = ("", "stop", "flatten", "kill")
#: Calendar events in the middle of a run, each with the seconds before an expiry at which pairs must close.
OCCASIONS = {"": 0.0, "midnight": 0.0, "roll": 3_600.0, "expiry": 0.0}
OCCASION_AFTER_NS = 12 * SECOND_NS
SETTLED_AFTER_NS = 6 * SECOND_NS
COUNTED = ("events", "orders", "crashes", "cuts", "pairs", "alarms", "hedges", "hands", "settled")
#: How often a person checks whether the bot has accepted the account.
PERSON_NS = 4 * SECOND_NS

#: Short pauses and a low entry threshold, so that a minute has many pairs.
SETTINGS = DeskSettings(
    trading_enabled=True, factor=10.0, cooldown_s=0.5, max_hold_days=8 / 86_400, stop_bps=25.0, stale_s=2.0,
    daily_loss_usd=20_000.0, audit_s=10.0, alarm_repeat_s=2.0, roll_before_s=0.0, clock_slip_s=1.0,
)  # fmt: skip

Make = Callable[[DeskSettings, str, Snapshot], Any]


@dataclass(frozen=True)
class DeskPlan:
    """The plan of a run: faults until ``calm_s``, then none until the end, when everything must be in order.

    At ``off_s`` (0: never) the desk is restarted with trading off.
    """

    seed: int
    storm: str = "none"
    ending: str = ""
    occasion: str = ""
    duration_s: int = 40
    calm_s: int = 25
    off_s: int = 0
    check: bool = True
    settings: DeskSettings = field(default_factory=lambda: SETTINGS)


@dataclass(frozen=True)
class DeskResult:
    """The result of a plan."""

    seed: int
    trace_hash: str
    violations: tuple[str, ...]
    counts: dict[str, int]

    def as_dict(self) -> dict[str, Any]:
        return {
            "seed": self.seed, "trace_hash": self.trace_hash, "violations": list(self.violations),
            **self.counts,
        }  # fmt: skip


def start_of(plan: DeskPlan) -> int:
    """Returns the start time that puts the plan's occasion into the middle of the run."""
    if plan.occasion == "midnight":
        return read_time("2026-03-03T05:00:00Z") - OCCASION_AFTER_NS
    if plan.occasion:
        expiry_ns = front_contract(START_NS).expiry_ns
        return expiry_ns - seconds_ns(OCCASIONS[plan.occasion]) - OCCASION_AFTER_NS
    return START_NS


class Crash(Exception):
    """Raised at the point where the process dies."""


class DeskWorld:
    """One run, completely determined by its plan."""

    def __init__(self, plan: DeskPlan, make: Make = DeskSession) -> None:
        self.plan = plan
        self.make = make
        self.random = Random(plan.seed * 1_000_003 + 17)
        self.faults = STORMS[plan.storm]
        self.now_ns = 0
        self.utc_slip_ns = 0
        self.connection = 0
        self.linked = False
        self.killed = self.told_to_stop = self.accepting = self.by_hand = False
        self.start_ns = start_of(plan)
        self.hours = ((self.start_ns - 1_800 * SECOND_NS, self.start_ns + 6 * 3_600 * SECOND_NS),)
        self.settings = replace(plan.settings, roll_before_s=OCCASIONS[plan.occasion])
        self.store = MemoryStore(ACCOUNT)
        self.broker = Broker(
            Random(plan.seed * 7 + 3),
            self.faults,
            say=self._say,
            later=self._later,
            utc=lambda: self.start_ns + self.now_ns,
        )
        front = front_contract(self.start_ns)
        self.futures = {ES_ID: front, ES_ID + 1: front_contract(front.expiry_ns)}
        self.broker.con_ids[FUT] = ES_ID
        self.checker = (
            DeskChecker(self.settings, self.broker.truth, start_ns=self.start_ns) if plan.check else None
        )
        self._ids = Ids(self.random)
        self.session: Any = None
        self.counts = dict.fromkeys(COUNTED, 0)
        self._queue: list[tuple[int, int, Callable[[], None]]] = []
        self._sequence = 0
        self._arrival_ns = 0
        self._tick = 0
        self._silent: set[str] = set()
        self._data_kind = 1
        self._spy_mid, self._deviation_bps, self._shock_bps = 600.0, 0.0, 0.0
        self._trace = hashlib.blake2b(digest_size=16)

    # --- time -----------------------------------------------------------------------------------

    def run(self) -> DeskResult:
        """Plays the plan."""
        plan = self.plan
        self._later(0, self._start)
        for leg, offset in ((FUT, 0), (ETF, 90)):
            self._later(offset * MILLISECOND_NS, lambda leg=leg: self._quote(leg))  # type: ignore[misc]
        self._later(SECOND_NS, self._second)
        self._later(plan.calm_s * SECOND_NS, self._calm_down)
        if plan.off_s:
            self._later(plan.off_s * SECOND_NS, self._switch_off)
        if plan.occasion == "expiry":
            self._later(OCCASION_AFTER_NS, self._expire)
            self._later(OCCASION_AFTER_NS + SETTLED_AFTER_NS, self._settle)
        if plan.ending:
            self._later(plan.calm_s * SECOND_NS * 2 // 3, self._end)
        end_ns = plan.duration_s * SECOND_NS
        # A pair that is being opened or closed at the end gets this long to finish.
        grace_ns = end_ns + GRACE_NS
        while self._queue and self._queue[0][0] <= (end_ns if self._at_rest() else grace_ns):
            self.now_ns, _, action = heapq.heappop(self._queue)
            action()
            if self.checker is not None and self.checker.violations:
                break
        if self.checker is not None and not self.checker.violations:
            self.checker.finish(self.session, self.now_ns)
        violations = () if self.checker is None else tuple(map(str, self.checker.violations))
        return DeskResult(plan.seed, self._trace.hexdigest(), violations, self.counts)

    def _at_rest(self) -> bool:
        session = self.session
        return session is not None and session.settled and self.broker.truth.held() == session.positions()

    def _later(self, delay_ns: int, action: Callable[[], None]) -> None:
        self._sequence += 1
        heapq.heappush(self._queue, (self.now_ns + delay_ns, self._sequence, action))

    @property
    def utc_ns(self) -> int:
        """Returns the time of the machine's wall clock, which may be wrong."""
        return self.start_ns + self.now_ns + self.utc_slip_ns

    # --- the shell ------------------------------------------------------------------------------

    def _start(self) -> None:
        self.session = self.make(self.settings, STORE_ID, self.store.snapshot())
        if self.checker is not None:
            self.checker.restarted(self.session, self.store)
        self._tick += 1
        if self.accepting:
            self.accepting = False
            self._deliver(ev.AcceptAccount())
        if self.killed:
            self._deliver(ev.Kill("told by the plan"))
        elif self.told_to_stop:
            self._deliver(ev.Stop("told by the plan", flatten=self.plan.ending == "flatten"))
        self._connect()

    def _connect(self) -> None:
        if self.session is None or self.linked:
            return
        self.connection += 1
        self.linked = True
        self._arrival_ns = self.now_ns
        self._ids.connected(self._happens(self.faults.rolled_back_ids))
        self._resolve(self.start_ns + self.now_ns + seconds_ns(self.settings.roll_before_s))
        self._deliver(ev.Hello(ACCOUNT, self.start_ns + self.now_ns))
        for leg in LEGS:
            self._deliver(ev.DataType(leg, self._data_kind))
            self._deliver(ev.Halted(leg, self.broker.market[leg].halted))

    def _resolve(self, expires_after_ns: int, con_id: int = 0) -> None:
        """Reports both contracts: the open pair's future, else the first that expires late enough."""
        session = self.session
        if session is None or not self.linked:
            return
        fits = [each for each, future in self.futures.items() if future.expiry_ns > expires_after_ns]
        chosen = session.held_con_id or con_id or fits[0]
        self.broker.con_ids[FUT] = chosen
        self._deliver(
            ev.ContractFound(FUT, chosen, 0.25, self.hours, self.hours, self.futures[chosen].expiry_ns, 50.0)
        )
        self._deliver(ev.ContractFound(ETF, SPY_ID, 0.01, self.hours, self.hours))

    def _happens(self, probability: float) -> bool:
        return probability > 0.0 and self.random.random() < probability

    def _cut(self, reason: str) -> None:
        if not self.linked:
            return
        self.counts["cuts"] += 1
        self.linked = False
        self.connection += 1
        self._deliver(ev.LinkLost(reason))
        self._later(self.random.randrange(100, 3_000) * MILLISECOND_NS, self._connect)

    def _crash(self, *, restarts: bool = True) -> None:
        self.counts["crashes"] += 1
        self.linked = False
        self.connection += 1
        self.session = None
        if self.checker is not None:
            self.checker.crashed()
        if restarts:
            self._later(self.random.randrange(100, 2_000) * MILLISECOND_NS, self._start)

    def _say(self, event: ev.Event, delay_ns: int) -> None:
        """Delivers an event from the broker, if the present connection still stands by then."""
        connection = self.connection
        if not self.linked:
            return
        arrival_ns = self.now_ns + LATENCY_NS + delay_ns
        if delay_ns == 0:
            arrival_ns = self._arrival_ns = max(arrival_ns, self._arrival_ns)

        def arrive() -> None:
            if self.connection == connection and self.session is not None:
                heard = self._ids.heard(event)
                if heard is not None:
                    self._deliver(heard)

        self._later(arrival_ns - self.now_ns, arrive)

    def _deliver(self, event: ev.Event) -> None:
        session = self.session
        if session is None:
            return
        self.counts["events"] += 1
        self._trace.update(f"{self.now_ns} {event!r}\n".encode())
        if self.checker is not None:
            self.checker.told(event, self.now_ns, utc_slip_ns=self.utc_slip_ns)
        commands = session.handle(event, now_ns=self.now_ns, utc_ns=self.utc_ns)
        try:
            for command in commands:
                self._trace.update(f"{self.now_ns} {command!r}\n".encode())
                self._carry_out(command)
        except Crash:
            self._crash()
            return
        if self.checker is not None:
            self.checker.hold(session, self.now_ns)
        self._tick += 1
        tick, wait_ns = self._tick, session.next_deadline_ns - self.now_ns
        if wait_ns < 3_600 * SECOND_NS:
            self._later(max(wait_ns, 1), lambda: self._deliver(ev.Tick()) if self._tick == tick else None)

    def _may_crash(self) -> None:
        probability = self.faults.crash_in_batch
        if probability > 0.0 and self.random.random() < probability:
            raise Crash

    def _carry_out(self, command: Command) -> None:
        """Carries out a command as the shell does: stores first, then sends."""
        checker = self.checker
        if isinstance(command, SendOrder):
            self._may_crash()
        self.store.write(command)
        self.counts["alarms"] += isinstance(command, Alarm)
        self.counts["pairs"] += isinstance(command, SaveTrade) and command.row.phase == "closed"
        if checker is not None:
            checker.said(command, self.now_ns)
        if isinstance(command, SendOrder):
            for row in command.orders:
                self._may_crash()
                self.counts["orders"] += 1
                self._ids.sent(row.ref)
                self.counts["hedges"] += row.role in ("hedge", "reverse", "flatten")
                if checker is not None:
                    checker.sent(row, self.now_ns, stored=self.store.orders.get(row.ref))
                self._send(
                    lambda row=row: self._arrived(row),  # type: ignore[misc]
                    lambda row=row: self._lost(row),  # type: ignore[misc]
                )
        elif isinstance(command, Cancel):
            self._send(lambda: self.broker.cancel(command.ref))
        elif isinstance(command, Ask):
            self._send(lambda: self.broker.ask(command))
        elif isinstance(command, AskContract):
            connection = self.connection
            self._later(
                50 * MILLISECOND_NS,
                lambda: (
                    self._resolve(command.expires_after_ns, command.con_id)
                    if self.connection == connection
                    else None
                ),
            )
        elif isinstance(command, Reconnect):
            self._later(0, lambda: self._cut("asked for by the desk"))
        elif isinstance(command, Resubscribe):
            self._later(50 * MILLISECOND_NS, lambda: self._silent.discard(command.leg))

    def _arrived(self, row: Any) -> None:
        if self.checker is not None:
            self.checker.arrived(row.ref)
        self.broker.place(row)

    def _lost(self, row: Any) -> None:
        if self.checker is not None:
            self.checker.arrived(row.ref)

    def _send(self, action: Callable[[], None], lost: Callable[[], None] = lambda: None) -> None:
        connection = self.connection

        def arrive() -> None:
            # A message in transit when the connection broke may have arrived all the same.
            if self.connection == connection or self.random.random() >= self.faults.lost_order_on_cut:
                action()
            else:
                lost()

        self._later(LATENCY_NS, arrive)

    # --- the market -----------------------------------------------------------------------------

    def _quote(self, leg: str) -> None:
        self._later(self.random.randrange(100, 400) * MILLISECOND_NS, lambda: self._quote(leg))
        rng = self.random
        if leg == ETF:
            self._spy_mid *= 1.0 + rng.gauss(0.0, 0.4e-4)
            if rng.random() < 0.12:
                self._shock_bps = rng.choice((-45.0, 0.0, 0.0, 45.0))
            self._deviation_bps += 0.3 * (self._shock_bps - self._deviation_bps) + rng.gauss(0.0, 1.0)
        market = self.broker.market[leg]
        mid, tick = self._spy_mid, 0.01
        if leg == FUT:
            settings = self.settings
            quoted = self.broker.con_ids[FUT]
            t = years_to_expiry(self.start_ns + self.now_ns, self.futures[quoted].expiry_ns)
            c = carry_factor(factor=settings.factor, r=settings.r, d=settings.d, t=t)
            mid, tick = self._spy_mid * c * (1.0 + self._deviation_bps * 1e-4), 0.25
        market.bid = round(math.floor(mid / tick) * tick, 2)
        market.ask = round(market.bid + tick * rng.choice((1, 1, 2)), 2)
        dead = leg == FUT and self.broker.con_ids[FUT] in self.broker.expired
        if leg not in self._silent and not dead:
            bid, ask = market.bid, market.ask
            if self.faults.bad_quote and rng.random() < self.faults.bad_quote:
                bid, ask = rng.choice(
                    ((math.nan, ask), (bid, math.inf), (ask + 1, bid), (0.0, ask), (-1.0, -1.0))
                )
            self._say(ev.Quote(leg, bid, ask), 0)
        self.broker.wake(leg)

    # --- faults by the second -------------------------------------------------------------------

    def _second(self) -> None:
        self._later(SECOND_NS, self._second)
        faults, rng = self.faults, self.random
        happenings: tuple[tuple[str, Callable[[], None]], ...] = (
            ("cut", lambda: self._cut("the line broke")), ("crash", self._crash), ("halt", self._halt),
            ("delayed", self._delayed), ("silence", self._silence), ("jump", self._jump),
            ("foreign", self._foreign), ("hands", self._close_by_hand),
        )  # fmt: skip
        for name, happening in happenings:
            probability = getattr(faults, f"{name}_a_second")
            if probability > 0.0 and rng.random() < probability and self.session is not None:
                happening()

    def _halt(self) -> None:
        leg = self.random.choice(LEGS)
        market = self.broker.market[leg]
        market.halted = not market.halted
        self._say(ev.Halted(leg, market.halted), 0)
        if not market.halted:
            self.broker.wake(leg)

    def _delayed(self) -> None:
        self._data_kind = self.random.choice((1, 3, 0))
        for leg in LEGS:
            self._say(ev.DataType(leg, self._data_kind), 0)

    def _silence(self) -> None:
        self._silent.add(self.random.choice(LEGS))

    def _jump(self) -> None:
        self.utc_slip_ns = self.random.choice((0, 0, 3_600, -3_600, 86_400, -30)) * SECOND_NS

    def _foreign(self) -> None:
        # A person who accepts the account as it is does not let others trade in it.
        if self.counts["hands"]:
            return
        leg = self.random.choice(LEGS)
        side = self.random.choice((1, -1))
        self.broker.truth.foreign[leg] += side
        self._say(ev.Execution(f"ffff.{self.now_ns:x}.01.01", "", 5, leg, side, 1, 600.0, self.utc_ns), 0)
        self.broker.push(leg, self.broker.con_ids[leg])

    # --- people and the exchange ----------------------------------------------------------------

    def _close_by_hand(self) -> None:
        """A person stops the bot, cancels its orders and closes the pair, or one leg, in another program."""
        if self.by_hand:
            return
        self.by_hand = True
        self._crash(restarts=False)
        self._later(500 * MILLISECOND_NS, self._trade_by_hand)

    def _trade_by_hand(self) -> None:
        truth = self.broker.truth
        self.broker.end_all()
        held = truth.by_contract()
        chosen = [con_id for con_id, quantity in held.items() if quantity]
        # With trading off the bot could not close a single leg, so the person closes both.
        if len(chosen) > 1 and not self.plan.off_s and self.random.random() < 0.3:
            chosen = [self.random.choice(chosen)]
        for con_id in chosen:
            truth.outside[con_id] -= held[con_id]
        self.counts["hands"] += bool(chosen)
        self._later(self.random.randrange(100, 2_000) * MILLISECOND_NS, self._begin_accepting)

    def _begin_accepting(self) -> None:
        self.accepting = True
        self._start()
        self._later(PERSON_NS, self._look_whether_accepted)

    def _look_whether_accepted(self) -> None:
        """If the bot could not accept the account, the person repeats --accept-account."""
        session = self.session
        if session is not None and "mismatch" not in session.reasons:
            # The bot may not have compared its positions with the broker's yet.
            self.by_hand = bool({"comparing with the broker", "not connected"} & set(session.reasons))
        if self.by_hand and session is not None and "mismatch" in session.reasons:
            self.accepting = True
            self._crash()
        if self.by_hand:
            self._later(PERSON_NS, self._look_whether_accepted)

    def _expire(self) -> None:
        """Ends trading in the future at its expiry."""
        self.broker.expired.add(ES_ID)
        self.broker.end_all(ES_ID)

    def _settle(self) -> None:
        """Settles the position in the expired future, as the exchange does."""
        truth = self.broker.truth
        truth.outside[ES_ID] -= truth.by_contract()[ES_ID]
        self.counts["settled"] += 1

    def _calm_down(self) -> None:
        """Ends all faults; from now on everything must come into order without help."""
        self.faults = self.broker.faults = replace(DeskFaults(), lost_order_on_cut=0.0)
        self.utc_slip_ns = 0
        self._silent.clear()
        self.broker.truth.foreign = dict.fromkeys(LEGS, 0)
        self._data_kind = 1
        if self.checker is not None:
            self.checker.calm(self.now_ns)
        for leg in LEGS:
            self.broker.market[leg].halted = False
            self._say(ev.Halted(leg, False), 0)
            self._say(ev.DataType(leg, 1), 0)
            self.broker.wake(leg)
        # A new connection, with the broker's clock, leaves no faulty messages in transit.
        self._cut("end of the storm")

    def _switch_off(self) -> None:
        self.settings = replace(self.settings, trading_enabled=False)
        if self.checker is not None:
            self.checker.off = True
        if self.session is not None:
            self._crash()

    def _end(self) -> None:
        ending = self.plan.ending
        self.told_to_stop = True
        if self.checker is not None:
            self.checker.ending(ending)
        if ending == "kill":
            self.killed = True
            self._deliver(ev.Kill("told by the plan"))
        else:
            self._deliver(ev.Stop("told by the plan", flatten=ending == "flatten"))


def play_desk(plan: DeskPlan, make: Make = DeskSession) -> DeskResult:
    """Plays one plan to its end, or to its first violation."""
    return DeskWorld(plan, make).run()
