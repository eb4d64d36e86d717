"""Bugs planted into the session's twin. The checker must detect them all, or the simulation proves nothing.

Each is a function that breaks one rule of a correct session. It names the plan in which it shows, and
invariants of ``simulation.checker``, one of which must report it. Several are mistakes that real bots have
made.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from reference.orders import CONVERT, ON_FILLED, ON_OUT, REJECTED, UNACKED
from reference.risk import ACTIVE, PASS
from sessions import make_session

from arbcore.play.rounds import TEAM, RoundPlan
from arbcore.trading.trading_settings import SECOND_NS, BondSettings, SessionSettings, ValeSettings

GREEDY = {"bond": BondSettings(max_position=100_000)}
EAGER_CONVERSION = {"vale": ValeSettings(convert_size=1, size=1)}


@dataclass(frozen=True)
class Planted:
    """A bug, and the plan in which it shows. ``believed`` are the wrong settings of the faulty session."""

    spoil: Callable[[Any], None]
    invariants: tuple[int, ...]
    plan: dict[str, Any] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)
    believed: dict[str, Any] = field(default_factory=dict)

    def round(self, seed: int) -> RoundPlan:
        settings = SessionSettings(team=TEAM, **self.settings)
        return RoundPlan(
            **{"seed": seed, "round_ns": 8 * SECOND_NS, "check": True, "settings": settings, **self.plan}
        )

    def make(self, settings: SessionSettings, chosen: dict[str, Any]) -> Any:
        session = make_session("py", replace(settings, **self.believed), chosen)
        self.spoil(session)
        return session


BUGS: dict[str, Planted] = {}


def bug(
    *invariants: int,
    settings: dict[str, Any] | None = None,
    believed: dict[str, Any] | None = None,
    **plan: Any,
) -> Callable[[Callable[[Any], None]], Callable[[Any], None]]:
    """Plants a bug under its function's name; ``plan`` has the changes to a short round without faults."""

    def plant(spoil: Callable[[Any], None]) -> Callable[[Any], None]:
        BUGS[spoil.__name__] = Planted(spoil, invariants, plan, settings or {}, believed or {})
        return spoil

    return plant


def every(count: int, original: Callable[..., Any], instead: Callable[..., Any]) -> Callable[..., Any]:
    """Returns a function that calls ``original``, but ``instead`` on every ``count``-th call."""
    calls = 0

    def call(*args: Any, **kwargs: Any) -> Any:
        nonlocal calls
        calls += 1
        return (instead if calls % count == 0 else original)(*args, **kwargs)

    return call


# --- limits and positions -----------------------------------------------------------------------


@bug(1, strategies=GREEDY)
def counts_no_working_orders(session: Any) -> None:
    gate, orders = session.gate, session.orders
    gate.room = lambda symbol, side: max(0, gate.limits[symbol] - side * orders.position[symbol])


@bug(1, strategies=GREEDY, believed={"position_limits": {"BOND": 1000}})
def has_a_wrong_limit(session: Any) -> None:
    """The bug is in ``believed``."""


@bug(2)
def forgets_a_fill(session: Any) -> None:
    session.orders.on_fill = every(5, session.orders.on_fill, lambda *args, **kwargs: None)


@bug(2, storm="disorder")
def loses_a_fill_that_comes_before_its_ack(session: Any) -> None:
    good = session.orders.on_fill

    def acknowledged_only(order_id: int, symbol: int, *, side: int, price: int, size: int) -> Any:
        order = session.orders.get(order_id)
        if order is not None and order.state == UNACKED:
            return None
        return good(order_id, symbol, side=side, price=price, size=size)

    session.orders.on_fill = acknowledged_only


@bug(2)
def counts_a_fill_twice(session: Any) -> None:
    good = session.orders._book

    def twice(*args: Any) -> None:
        good(*args)
        good(*args)

    session.orders._book = every(4, good, twice)


@bug(2)
def books_the_wrong_price(session: Any) -> None:
    good = session.orders.on_fill

    def own_price(order_id: int, symbol: int, *, side: int, price: int, size: int) -> Any:
        order = session.orders.get(order_id)
        return good(order_id, symbol, side=side, price=order.price, size=size)

    session.orders.on_fill = own_price


@bug(2, strategies=EAGER_CONVERSION)
def charges_the_fee_twice(session: Any) -> None:
    good = session.orders._convert

    def twice(order: Any) -> None:
        good(order)
        session.orders.cash -= 10

    session.orders._convert = twice


@bug(2, strategies=EAGER_CONVERSION)
def converts_before_the_ack(session: Any) -> None:
    good = session._send_order

    def at_once(proposal: Any) -> None:
        good(proposal)
        order = session.orders.get(session.orders.next_id - 1)
        if order.kind == CONVERT:
            session.orders._convert(order)

    session._send_order = at_once


@bug(2, strategies=EAGER_CONVERSION)
def never_books_a_conversion(session: Any) -> None:
    session.orders._convert = lambda order: session.orders._move(order, ON_FILLED)


@bug(2, rounds=2, round_ns=4 * SECOND_NS)
def keeps_its_own_positions_in_a_new_round(session: Any) -> None:
    good = session.orders.resync
    session.orders.resync = lambda told, cash, *, worth: good(
        list(session.orders.position), session.orders.cash, worth=worth
    )


# --- what is on the wire ------------------------------------------------------------------------


@bug(4)
def sends_another_price_than_approved(session: Any) -> None:
    good = session._send
    session._send = lambda line: good(line.replace(b'"price":99', b'"price":98'))


@bug(5)
def uses_an_id_again(session: Any) -> None:
    good = session.orders.new

    def again(*args: Any, **kwargs: Any) -> Any:
        if session.orders.next_id > 8:
            session.orders.next_id = 1
        return good(*args, **kwargs)

    session.orders.new = again


@bug(5, rounds=2, round_ns=3 * SECOND_NS)
def starts_ids_anew_on_a_new_connection(session: Any) -> None:
    good = session.connected

    def anew(now_ns: int) -> bytes:
        session.orders.next_id = 1
        return good(now_ns)

    session.connected = anew


@bug(12, settings={"message_cap": 12, "order_cooldown_ns": 0})
def ignores_the_message_cap(session: Any) -> None:
    session.gate.message_room = lambda now_ns: 1000


@bug(12, settings={"message_cap": 12, "order_cooldown_ns": 0})
def counts_messages_by_the_second_and_not_by_the_window(session: Any) -> None:
    gate = session.gate

    def room(now_ns: int) -> int:
        second = now_ns // SECOND_NS
        return gate.settings.message_cap - sum(stamp // SECOND_NS == second for stamp in gate.sent_ns)

    gate.message_room = room
    gate.room_after_ns = lambda room, now_ns: (now_ns // SECOND_NS + 1) * SECOND_NS


@bug(13, round_ns=20 * SECOND_NS)
def trades_with_itself(session: Any) -> None:
    session.gate.crosses_own = lambda order: False


@bug(11, settings={"collar_bps": 10}, believed={"collar_bps": 10_000})
def has_no_collar(session: Any) -> None:
    """The bug is in ``believed``."""


@bug(11, rounds=2, round_ns=6 * SECOND_NS)
def trades_on_the_last_rounds_prices(session: Any) -> None:
    good = session.market.clear

    def remember() -> None:
        old = session.market.symbols
        good()
        for state, before in zip(session.market.symbols, old, strict=True):
            state.bids, state.asks, state.prices = before.bids, before.asks, before.prices
            state.last_price, state.updated_ns = before.last_price, before.updated_ns

    session.market.clear = remember


# --- lifecycle ----------------------------------------------------------------------------------


@bug(9, storm="hail", settings={"ack_timeout_ns": SECOND_NS // 10})
def takes_silence_for_a_reject(session: Any) -> None:
    orders = session.orders

    def rejected(order: Any) -> None:
        order.state = REJECTED
        orders.live[order.symbol].remove(order)
        orders._work(order, -order.remaining)

    orders.timed_out = rejected


@bug(9, storm="hail")
def takes_a_lost_connection_for_flat(session: Any) -> None:
    orders = session.orders

    def gone() -> None:
        for order in orders._all_live():
            orders._move(order, ON_OUT)

    orders.lost = gone


@bug(9)
def takes_a_cancel_for_an_out(session: Any) -> None:
    orders = session.orders
    good = orders.cancel_sent

    def out(order: Any, now_ns: int) -> None:
        good(order, now_ns)
        orders._move(order, ON_OUT)

    orders.cancel_sent = out


@bug(9)
def takes_a_partial_fill_for_the_whole(session: Any) -> None:
    orders = session.orders
    good = orders.on_fill

    def whole(order_id: int, symbol: int, *, side: int, price: int, size: int) -> Any:
        order = good(order_id, symbol, side=side, price=price, size=size)
        if order is not None and order.live:
            orders._move(order, ON_OUT)
        return order

    orders.on_fill = whole


# --- when nothing may be sent -------------------------------------------------------------------


@bug(14)
def trades_before_the_hello(session: Any) -> None:
    good = session.connected

    def at_once(now_ns: int) -> bytes:
        hello = good(now_ns)
        session.gate.ready = True
        for state in session.market.symbols:
            state.open = True
        session._react(1, "order_bits")
        return hello + session._take()

    session.connected = at_once


@bug(14, round_ns=2 * SECOND_NS)
def trades_in_a_closed_symbol(session: Any) -> None:
    good = session.on_hello

    def opened(message: dict[str, Any]) -> None:
        good(message)
        for state in session.market.symbols:
            state.open = True
        session._react(1, "order_bits")

    session.on_hello = opened


@bug(14, ending="stop", ending_ns=3 * SECOND_NS)
def trades_after_a_stop(session: Any) -> None:
    session.stop = lambda now_ns, reason: b""


@bug(14, ending="stop", ending_ns=3 * SECOND_NS)
def comes_back_after_a_stop(session: Any) -> None:
    good = session._housekeeping

    def back() -> None:
        if session.gate.mode != ACTIVE and not any(session.orders.live):
            session.gate.mode = ACTIVE
            session._react(127, "order_bits")
        good()

    session._housekeeping = back


@bug(15, ending="kill", ending_ns=3 * SECOND_NS)
def goes_on_after_the_kill_switch(session: Any) -> None:
    good = session.gate.check
    session._ask = lambda strategy, symbols: strategy.evaluate(symbols, session.now_ns)
    session.gate.check = lambda order, now_ns: PASS if session.killed else good(order, now_ns)


@bug(15, ending="kill", ending_ns=3 * SECOND_NS, rounds=2, round_ns=5 * SECOND_NS)
def forgets_the_kill_switch_over_night(session: Any) -> None:
    good = session._new_round

    def forget() -> None:
        session.killed = False
        good()

    session._new_round = forget


@bug(15, ending="kill", ending_ns=5 * SECOND_NS)
def closes_twice_what_it_holds(session: Any) -> None:
    good = session.gate.propose

    def double(proposal: Any) -> None:
        if session.killed:
            proposal.size = min(2 * proposal.size, 10)
        good(proposal)

    session.gate.propose = double
    session.gate._reduces = lambda order: True


@bug(16, ending="stop", ending_ns=3 * SECOND_NS)
def says_stopped_before_the_outs(session: Any) -> None:
    class Hasty(type(session)):
        @property
        def stopped(self) -> bool:
            return self.mode == "stopping"

    session.__class__ = Hasty
