"""Bugs planted into the carry desk. Its checker must detect them all, or the simulation proves nothing.

Each bug breaks one rule of a correct session, or of the shell that the world replaces. It names the storm in
which it shows, and invariants of ``desk_simulation.desk_checker``, one of which must report it. Most are
mistakes that real bots have made. A bug in a class of the desk replaces that class while the session is
built.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any
from unittest.mock import patch

from arbcore.desk import desk_core, desk_session
from arbcore.desk import events as ev
from arbcore.desk import order_table as states
from arbcore.desk.codes import OrderSays, order_says
from arbcore.desk.commands import SendOrder
from arbcore.desk.decide import Decider
from arbcore.desk.desk_session import DeskSession
from arbcore.desk.gate import DeskGate
from arbcore.desk.leg_quotes import LegQuotes
from arbcore.desk.limits import ACTIVE
from arbcore.desk.market_clock import MarketClock
from arbcore.desk.order_table import OrderTable
from arbcore.desk.pair import CLOSED, HELD
from tools.desk_simulation.desk_world import DeskPlan, DeskResult, DeskWorld


@dataclass(frozen=True)
class Planted:
    """A bug, and the plan in which it shows."""

    spoil: Callable[[Any], None]
    invariants: tuple[int, ...]
    storm: str
    ending: str
    occasion: str
    of_world: bool
    off_s: int
    kinds: dict[str, type] = field(default_factory=dict)

    def play(self, seed: int) -> DeskResult:
        def make(*given: Any) -> Any:
            with patch.dict(vars(desk_core), self.kinds), patch.dict(vars(desk_session), self.kinds):
                session = DeskSession(*given)
            if not self.of_world:
                self.spoil(session)
            return session

        plan = DeskPlan(
            seed, storm=self.storm, ending=self.ending, occasion=self.occasion, off_s=self.off_s
        )
        world = DeskWorld(plan, make)
        if self.of_world:
            self.spoil(world)
        return world.run()


BUGS: dict[str, Planted] = {}


def bug(
    *invariants: int, storm: str = "none", ending: str = "", occasion: str = "", of_world: bool = False,
    off_s: int = 0, **kinds: type,
) -> Callable[[Callable[[Any], None]], Callable[[Any], None]]:  # fmt: skip
    """Plants a bug under its function's name; ``kinds`` replace the desk's classes of these names."""
    assert all(name in vars(desk_core) or name in vars(desk_session) for name in kinds), kinds

    def plant(spoil: Callable[[Any], None]) -> Callable[[Any], None]:
        BUGS[spoil.__name__] = Planted(spoil, invariants, storm, ending, occasion, of_world, off_s, kinds)
        return spoil

    return plant


def after(target: Any, name: str, then: Callable[..., None]) -> None:
    """Calls ``then`` after each call of a method."""
    good = getattr(target, name)

    def call(*args: Any, **kwargs: Any) -> Any:
        result = good(*args, **kwargs)
        then(*args, **kwargs)
        return result

    setattr(target, name, call)


# --- executions and positions -------------------------------------------------------------------


@bug(2, storm="executions")
def counts_an_execution_twice(session: Any) -> None:
    ledger, good = session._core.ledger, session._core.ledger.take

    def take(event: ev.Execution, **given: Any) -> Any:
        ledger.rows.pop(event.exec_id.rpartition(".")[0], None)
        return good(event, **given)

    ledger.take = take


@bug(2, storm="executions")
def adds_a_correction(session: Any) -> None:
    good = session._core.ledger.take

    def take(event: ev.Execution, **given: Any) -> Any:
        change = good(event, **given)
        return change and (change[0], None)

    session._core.ledger.take = take


@bug(2, 19, storm="traps")
def believes_the_status_instead_of_executions(session: Any) -> None:
    core, good = session._core, session._news.status

    def status(event: ev.OrderStatus) -> None:
        good(event)
        order = core.orders.find(event.ref, event.perm_id)
        if order is not None and order.role == "exit" and event.status in states.OUT_STATUSES:
            for trade in session._pairs.open.values():
                core.positions[order.leg] -= trade.position[order.leg]
                trade.position[order.leg] = 0

    session._handlers[ev.OrderStatus] = status


@bug(2, storm="strangers")
def writes_off_what_nobody_accepted(session: Any) -> None:
    good = session._write_off.explains

    def explains(told: Any, **given: Any) -> str:
        session._write_off.accepting = True
        return str(good(told, **given))

    session._write_off.explains = explains


@bug(14, occasion="expiry")
def trades_a_future_that_is_dead(session: Any) -> None:
    session._pairs._settles = False
    session._pairs._watch_expiries()
    session._pairs.expiry_ns = 2**62


@bug(14, occasion="midnight")
def keeps_the_margin_over_midnight(session: Any) -> None:
    after(session._day, "begin", session._day.carries_margin)


class Staying(Decider):
    def __init__(self, core: Any, pairs: Any, level: Any, day: Any) -> None:
        settings, core.settings = core.settings, replace(core.settings, roll_before_s=0.0)
        super().__init__(core, pairs, level, day)
        core.settings = settings


@bug(14, 19, occasion="roll", Decider=Staying)
def forgets_to_roll(session: Any) -> None:
    """Replaces only the decider."""


@bug(18, storm="crashes")
def forgets_what_it_held_at_a_restart(session: Any) -> None:
    for trade in session._pairs.open.values():
        for leg in trade.position:
            session._core.positions[leg] -= trade.position[leg]
            trade.position[leg] = 0


# --- orders -------------------------------------------------------------------------------------


class Impatient(OrderTable):
    def news(self, order: Any, news: str, reason: str = "") -> bool:
        return super().news(order, states.OUT if news == states.DOUBT else news, reason)


@bug(9, 1, storm="deaf", OrderTable=Impatient)
def takes_a_timeout_for_a_cancel(session: Any) -> None:
    """Replaces only the order table."""


@bug(9, 1, storm="traps")
def trusts_a_cancel_that_an_error_made_up(session: Any) -> None:
    good = session._news.error

    def error(event: ev.OrderError) -> None:
        if order_says(event.code, acknowledged=False) is OrderSays.REFUSED:
            good(event)

    session._handlers[ev.OrderError] = error


@bug(9, storm="cuts")
def takes_a_lost_connection_for_flat(session: Any) -> None:
    def forget(event: ev.LinkLost) -> None:
        for order in list(session._core.orders.live.values()):
            session._core.orders.news(order, states.OUT)

    after(session, "_link_lost", forget)
    session._handlers[ev.LinkLost] = session._link_lost


class Careless(OrderTable):
    def working(self, leg: str, side: int) -> int:
        return sum(
            order.open_quantity
            for order in self.live.values()
            if order.leg == leg and order.side == side and order.state != states.UNKNOWN
        )


@bug(9, storm="deaf", OrderTable=Careless)
def does_not_count_what_is_unknown(session: Any) -> None:
    """Replaces only the order table."""


class Replacing(OrderTable):
    def add(self, row: Any, now_ns: int) -> Any:
        self.all.pop(row.ref, None)
        return super().add(row, now_ns)


@bug(5, storm="crashes", OrderTable=Replacing)
def numbers_its_orders_from_one_after_a_restart(session: Any) -> None:
    session._core.gate.number = 0


@bug(5, 6, 10, storm="crashes")
def sends_a_stored_intent_again(session: Any) -> None:
    core = session._core
    stored = [order.row() for order in core.orders.live.values()]

    def again(event: ev.Hello) -> None:
        if stored:
            core.out.append(SendOrder(tuple(stored)))
            stored.clear()

    after(session, "_hello", again)
    session._handlers[ev.Hello] = session._hello


class Waking(OrderTable):
    def news(self, order: Any, news: str, reason: str = "") -> bool:
        if news == states.ACK and order.state == states.FILLED:
            order.state = states.WORKING
        return super().news(order, news, reason)


@bug(8, storm="traps", OrderTable=Waking)
def wakes_an_order_that_is_over(session: Any) -> None:
    orders, status = session._core.orders, session._news.status

    def late(event: ev.OrderStatus) -> None:
        status(event)
        order = orders.find(event.ref, event.perm_id)
        if event.status == "Filled" and order is not None:
            orders.news(order, states.ACK)
            orders.mark(order)

    session._handlers[ev.OrderStatus] = late


@bug(6, of_world=True)
def sends_before_it_stores(world: Any) -> None:
    good = world.store.write
    world.store.write = lambda command: None if isinstance(command, SendOrder) else good(command)


class Numbing(DeskGate):
    def passed(self, pace_ns: int) -> int:
        return 1


@bug(4, DeskGate=Numbing)
def sends_an_order_that_passed_no_gate(session: Any) -> None:
    """Replaces only the gate."""


# --- gate and state -----------------------------------------------------------------------------


class OpenGate(DeskGate):
    def check(self, draft: Any, positions: Any, clock: Any) -> str:
        return ""


class Blind(LegQuotes):
    def fault(self, now_ns: int, utc_ns: int) -> str:
        return ""


@bug(11, storm="market", LegQuotes=Blind)
def asks_nothing_of_a_price(session: Any) -> None:
    """Replaces only the legs."""


class Far(LegQuotes):
    def crossing(self, side: int, offset_bps: float) -> float:
        return self.mid * 2


class WideGate(DeskGate):
    def check(self, draft: Any, positions: Any, clock: Any) -> str:
        return super().check(replace(draft, limit=self.legs[draft.leg].mid), positions, clock)


@bug(11, LegQuotes=Far, DeskGate=WideGate)
def crosses_the_touch_by_far(session: Any) -> None:
    """Replaces only the legs and the gate."""


@bug(12)
def keeps_no_pace(session: Any) -> None:
    core = session._core

    class Endless:
        def take(self, now_ns: int) -> bool:
            return True

        def room(self, now_ns: int) -> int:
            return 1_000

    core.gate.window = Endless()
    after(session, "_quote", lambda event: [core.ask("positions") for _ in range(20)])
    session._handlers[ev.Quote] = session._quote


@bug(1, 17, 2, DeskGate=OpenGate)
def buys_twice_as_much(session: Any) -> None:
    good = session._core.place

    def place(trade_id: int, fut_con_id: int, drafts: list[Any]) -> None:
        good(trade_id, fut_con_id, [replace(draft, quantity=draft.quantity * 2) for draft in drafts])

    session._core.place = place


@bug(1, 14, storm="thin", DeskGate=OpenGate)
def opens_the_opposite_position_on_exit(session: Any) -> None:
    pairs, good = session._pairs, session._pairs._closing

    def closing(*args: Any, **given: Any) -> Any:
        draft = good(*args, **given)
        return replace(draft, quantity=draft.quantity * 3)

    pairs._closing = closing


@bug(15, ending="kill")
def forgets_the_kill_switch(session: Any) -> None:
    after(session, "_quote", lambda event: session._core.risk_state.remove("kill switch"))
    session._handlers[ev.Quote] = session._quote


@bug(14, ending="stop")
def goes_on_after_the_stop(session: Any) -> None:
    after(session, "_quote", lambda event: session._core.risk_state.remove("stopping"))
    session._handlers[ev.Quote] = session._quote


@bug(14, storm="thin", off_s=12)
def trades_on_where_trading_is_off(session: Any) -> None:
    session._core.gate.closing = True


class LeavingGate(DeskGate):
    def check(self, draft: Any, positions: Any, clock: Any) -> str:
        self.closing = False
        return super().check(draft, positions, clock)


@bug(15, ending="kill", off_s=12, DeskGate=LeavingGate)
def leaves_a_pair_to_the_kill_switch_where_trading_is_off(session: Any) -> None:
    """Replaces only the gate."""


class HeedlessGate(DeskGate):
    def check(self, draft: Any, positions: Any, clock: Any) -> str:
        state, self.risk_state.state = self.risk_state.state, ACTIVE
        reason = super().check(draft, positions, clock)
        self.risk_state.state = state
        return reason


class HeedlessDecider(Decider):
    def decide(self, ts_ns: int) -> None:
        risk_state = self.core.risk_state
        state, risk_state.state = risk_state.state, ACTIVE
        super().decide(ts_ns)
        risk_state.state = state


@bug(14, 15, ending="kill", DeskGate=HeedlessGate, Decider=HeedlessDecider)
def enters_while_reducing(session: Any) -> None:
    """Replaces only the gate and the decider."""


@bug(16, ending="stop", storm="deaf")
def says_that_it_stopped_too_early(session: Any) -> None:
    stopped = property(lambda self: self._stop is not None)
    session.__class__ = type("Early", (DeskSession,), {"stopped": stopped})


# --- questions ----------------------------------------------------------------------------------


@bug(10, storm="questions")
def reads_a_failed_answer_as_an_empty_one(session: Any) -> None:
    recovery = session._recovery

    def failed(event: ev.QueryFailed) -> None:
        recovery.step = ""
        session._core.risk_state.remove("comparing with the broker", "unanswered", "mismatch")

    session._handlers[ev.QueryFailed] = failed


@bug(10, storm="strangers")
def trades_on_with_positions_that_do_not_fit(session: Any) -> None:
    recovery = session._recovery

    def mismatch(told: Any, *, strange: bool) -> None:
        recovery.step = ""
        session._core.risk_state.remove("comparing with the broker", "unanswered", "mismatch")

    recovery._mismatch = mismatch


@bug(10)
def trades_before_it_has_asked(session: Any) -> None:
    session._recovery.begin = lambda: None


@bug(19, 9, storm="crashes")
def never_resolves_what_it_stored(session: Any) -> None:
    session._recovery.executions_told = lambda query: None


# --- pairs and time -----------------------------------------------------------------------------


@bug(17, 19, storm="thin")
def leaves_a_residual_alone(session: Any) -> None:
    pairs = session._pairs
    pairs._begin_hedge = lambda trade: pairs._go(trade, HELD)
    pairs._watch = lambda trade: None
    pairs._phases[HELD] = lambda trade: None


@bug(17, 19, 2, storm="thin")
def calls_a_pair_closed_that_is_not(session: Any) -> None:
    pairs = session._pairs
    pairs._phases["exiting"] = lambda trade: pairs._go(trade, CLOSED)
    pairs._wake = lambda trade: None


@bug(17, storm="market")
def says_nothing_of_a_naked_leg(session: Any) -> None:
    session._pairs._watch = lambda trade: None
    session._pairs._hedging = lambda trade: None
    session._pairs._phases["hedging"] = lambda trade: None


class Trusting(MarketClock):
    def __init__(self, *, slip_ns: int, replay: bool) -> None:
        super().__init__(slip_ns=2**62, replay=replay)


@bug(20, storm="clock", MarketClock=Trusting)
def believes_a_clock_that_jumps(session: Any) -> None:
    """Replaces only the clock."""


@bug(19, storm="cuts")
def stays_halted_after_a_reconnect(session: Any) -> None:
    risk_state = session._core.risk_state
    good = risk_state.remove

    def remove(*reasons: str) -> None:
        if session._recovery.core.query < 12:
            good(*reasons)

    risk_state.remove = remove


@bug(13, 1, 14, storm="deaf", DeskGate=OpenGate)
def acts_while_an_order_is_in_doubt(session: Any) -> None:
    session._pairs._live = lambda trade: False


def healthy(planted: Planted) -> Planted:
    """Returns the same plan without the bug."""
    return replace(planted, spoil=lambda session: None, kinds={})
