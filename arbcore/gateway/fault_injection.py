"""Injects the faults that are events: one small function for each name in the table of ``faults``.

Owns the messages that a broker sends in each incident. A fault of the other kind is armed: it waits in
``Armed`` until the order desk or the gateway meets its occasion.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from arbcore.core.civil import NS_PER_S
from arbcore.errors import BrokenInvariant
from arbcore.gateway.faults import ARMED, Planned
from arbcore.gateway.frames import frame
from arbcore.gateway.market_data import ASK, BID, SHORTABLE_EASY, SHORTABLE_HARD, SHORTABLE_SHARES_EASY

if TYPE_CHECKING:
    from arbcore.gateway.gateway import Gateway

LINK_LOST = (1100, "Connectivity between IBKR and Trader Workstation has been lost.")
LINK_BACK_LOST = (1101, "Connectivity between IBKR and TWS has been restored - data lost.")
LINK_BACK_KEPT = (
    1102,
    "Connectivity between IBKR and Trader Workstation has been restored - data maintained.",
)


def inject(gateway: Gateway, planned: Planned) -> None:
    """Injects an event, or arms a fault that waits for its occasion."""
    if planned.fault.kind == ARMED:
        gateway.armed.arm(planned)
        return
    act = EVENTS.get(planned.fault.name)
    if act is None:
        raise BrokenInvariant(f"The fault {planned.fault.name} is in the table but not in EVENTS.")
    act(gateway, planned)
    if planned.count > 1:
        again = replace(planned, count=planned.count - 1)
        gateway.later(1.0, lambda: inject(gateway, again))


def _seconds_ns(planned: Planned) -> int:
    return round(float(planned.arg or 0.0) * NS_PER_S)


def _close_all(gateway: Gateway, *, abort: bool = False, cut: int = 0) -> None:
    for client in gateway.clients.values():
        client.close(abort=abort, cut=cut)


def _disconnect(gateway: Gateway, planned: Planned) -> None:
    _close_all(gateway)


def _disconnect_mid_frame(gateway: Gateway, planned: Planned) -> None:
    gateway.tell_all(2100, "A message that is cut in the middle.")
    _close_all(gateway, cut=10)


def _reset(gateway: Gateway, planned: Planned) -> None:
    _close_all(gateway, abort=True)


def _refuse(gateway: Gateway, planned: Planned) -> None:
    # By the wall clock, because the gateway's clock may stand still while no client is connected.
    gateway.refused_until_ns = gateway.wall_ns + _seconds_ns(planned)


def _restart(gateway: Gateway, planned: Planned) -> None:
    _close_all(gateway)
    _refuse(gateway, planned)
    gateway.rolled_back = True


def _id_rollback(gateway: Gateway, planned: Planned) -> None:
    gateway.rolled_back = True


def _black_hole(gateway: Gateway, planned: Planned) -> None:
    for client in gateway.clients.values():
        client.hole_until_ns = gateway.wall_ns + _seconds_ns(planned)


def _slow_bytes(gateway: Gateway, planned: Planned) -> None:
    for client in gateway.clients.values():
        client.slow_bytes = int(float(planned.arg or 0.0))


def _garbage(gateway: Gateway, planned: Planned) -> None:
    for client in gateway.clients.values():
        if client.ready:
            client.send(frame(999, 1, "an unknown message"))
            client.send(frame(3, "x", "Submitted", "many"))
            client.send(frame(1, 6, "nan", "nan", "1e400", "-", "?"))
            client.send(frame("\u202etext", "\x1b[31m"))


def _huge_frame(gateway: Gateway, planned: Planned) -> None:
    # The client takes all later bytes for the body, so the gateway seems silent to it.
    for client in gateway.clients.values():
        if client.ready:
            client.send((100_000_000).to_bytes(4, "big"))


def _clock_skew(gateway: Gateway, planned: Planned) -> None:
    gateway.clock_skew_ns = _seconds_ns(planned)


# --- the link and its farms ---------------------------------------------------------------------------


def _link_lost(gateway: Gateway, planned: Planned) -> None:
    gateway.desk.link_up = False
    gateway.tell_all(*LINK_LOST)


def _link_back_kept(gateway: Gateway, planned: Planned) -> None:
    gateway.tell_all(*LINK_BACK_KEPT)
    gateway.desk.link_restored()


def _link_back_lost(gateway: Gateway, planned: Planned) -> None:
    _kill_feeds(gateway)
    gateway.tell_all(*LINK_BACK_LOST)
    gateway.desk.link_restored()


def _link_blip(gateway: Gateway, planned: Planned) -> None:
    _link_lost(gateway, planned)
    gateway.later(float(planned.arg or 0.0), lambda: _link_back_kept(gateway, planned))


def _link_back_silent(gateway: Gateway, planned: Planned) -> None:
    gateway.desk.link_restored()


def _port_changed(gateway: Gateway, planned: Planned) -> None:
    gateway.tell_all(1300, "TWS socket port has been reset and this connection is being dropped.")
    _close_all(gateway)


def _server_link_broken(gateway: Gateway, planned: Planned) -> None:
    gateway.tell_all(
        2110, "Connectivity between TWS and server is broken. It will be restored automatically."
    )


def _kill_feeds(gateway: Gateway) -> None:
    for client in gateway.clients.values():
        for sub in client.subscriptions.values():
            sub.dead = True


def _farm_blip(gateway: Gateway, planned: Planned) -> None:
    _kill_feeds(gateway)
    gateway.tell_all(2103, "Market data farm connection is broken:usfarm")
    gateway.later(
        float(planned.arg or 0.0),
        lambda: gateway.tell_all(2104, "Market data farm connection is OK:usfarm"),
    )


def _farm_lost(gateway: Gateway, planned: Planned) -> None:
    _kill_feeds(gateway)
    gateway.tell_all(2103, "Market data farm connection is broken:usfarm")
    gateway.tell_all(2105, "HMDS data farm connection is broken:ushmds")
    gateway.tell_all(2157, "Sec-def data farm connection is broken:secdefnj")


def _farm_back(gateway: Gateway, planned: Planned) -> None:
    gateway.tell_all(2104, "Market data farm connection is OK:usfarm")
    gateway.tell_all(2106, "HMDS data farm connection is OK:ushmds")
    gateway.tell_all(2158, "Sec-def data farm connection is OK:secdefnj")


def _farm_idle(gateway: Gateway, planned: Planned) -> None:
    gateway.tell_all(2107, "HMDS data farm connection is inactive but should be available upon demand.ushmds")
    gateway.tell_all(
        2108, "Market data farm connection is inactive but should be available upon demand.usfarm"
    )


def _notice(gateway: Gateway, planned: Planned) -> None:
    gateway.tell_all(int(float(planned.arg or 0.0)), "A message that the gateway was told to send.")


# --- quotes -------------------------------------------------------------------------------------------


def _data(gateway: Gateway, planned: Planned) -> None:
    """Drops subscriptions as a broker does; the new rights apply to later subscriptions."""
    gateway.market.rights = str(planned.arg)
    for client in gateway.clients.values():
        for sub in list(client.subscriptions.values()):
            data_type, message = gateway.market.admit(client.data_type)
            if message is not None:
                client.send(_error_of(sub.req_id, message))
            if data_type:
                sub.data_type = data_type
                sub.sent.clear()
                gateway.market.greet(sub, client.send)
            else:
                del client.subscriptions[sub.req_id]


def _error_of(req_id: int, message: tuple[int, str]) -> bytes:
    return frame(4, 2, req_id, *message, "")


def _competing_session(gateway: Gateway, planned: Planned) -> None:
    for client in gateway.clients.values():
        for sub in client.subscriptions.values():
            text = "No market data during competing live session"
            client.send(_error_of(sub.req_id, (10197, text)))
    _kill_feeds(gateway)


def _until(gateway: Gateway, planned: Planned) -> int:
    return gateway.clock_ns + _seconds_ns(planned)


def _stale_quotes(gateway: Gateway, planned: Planned) -> None:
    gateway.market.stale_until_ns = _until(gateway, planned)


def _no_quote(gateway: Gateway, planned: Planned) -> None:
    gateway.market.no_quote_until_ns = _until(gateway, planned)


def _nan_quote(gateway: Gateway, planned: Planned) -> None:
    for client in gateway.clients.values():
        for sub in client.subscriptions.values():
            for side, price in ((BID, "nan"), (ASK, "inf")):
                client.send(frame(1, 6, sub.req_id, side, price, "1e400", 0))
            sub.sent.clear()


def _crossed(gateway: Gateway, planned: Planned) -> None:
    gateway.market.crossed_until_ns = _until(gateway, planned)


def _spike(gateway: Gateway, planned: Planned) -> None:
    gateway.market.spike_bps = float(planned.arg or 0.0)


def _halt(gateway: Gateway, planned: Planned) -> None:
    gateway.market.halted.add(str(planned.arg))
    _tell_halts(gateway)


def _resume(gateway: Gateway, planned: Planned) -> None:
    gateway.market.halted.discard(str(planned.arg))
    _tell_halts(gateway)
    gateway.desk.work_all()


def _tell_halts(gateway: Gateway) -> None:
    for client in gateway.clients.values():
        for sub in client.subscriptions.values():
            gateway.market.tell_halted(sub, client.send)


def _hard_to_borrow(gateway: Gateway, planned: Planned) -> None:
    _set_shortable(gateway, SHORTABLE_HARD, 0.0)


def _set_shortable(gateway: Gateway, level: float, shares: float) -> None:
    gateway.market.shortable, gateway.market.shortable_shares = level, shares
    for client in gateway.clients.values():
        for sub in client.subscriptions.values():
            gateway.market.tell_shortable(sub, client.send)


# --- orders -------------------------------------------------------------------------------------------


def _broker_cancel(gateway: Gateway, planned: Planned) -> None:
    gateway.desk.cancel_all("Cancelled by the broker")


def _correction(gateway: Gateway, planned: Planned) -> None:
    gateway.desk.correct_last(float(planned.arg or 0.0))


def _foreign_trade(gateway: Gateway, planned: Planned) -> None:
    gateway.desk.foreign_trade(float(planned.arg or 0.0))


def _time_form(gateway: Gateway, planned: Planned) -> None:
    gateway.desk.time_form = str(planned.arg)


def _foreign_fill(gateway: Gateway, planned: Planned) -> None:
    gateway.desk.foreign_fill()


def _heal(gateway: Gateway, planned: Planned) -> None:
    gateway.armed.clear()
    market = gateway.market
    market.rights = gateway.config.rights
    market.crossed_until_ns = market.no_quote_until_ns = market.stale_until_ns = 0
    market.spike_bps = 0.0
    gateway.clock_skew_ns = gateway.refused_until_ns = 0
    gateway.rolled_back = False
    if market.halted:
        market.halted.clear()
        _tell_halts(gateway)
    if market.shortable != SHORTABLE_EASY:
        _set_shortable(gateway, SHORTABLE_EASY, SHORTABLE_SHARES_EASY)
    for client in gateway.clients.values():
        client.hole_until_ns = client.slow_bytes = 0
    if not gateway.desk.link_up:
        _link_back_kept(gateway, planned)


EVENTS: dict[str, Callable[[Gateway, Planned], None]] = {
    "disconnect": _disconnect,
    "disconnect_mid_frame": _disconnect_mid_frame,
    "reset": _reset,
    "refuse": _refuse,
    "restart": _restart,
    "id_rollback": _id_rollback,
    "black_hole": _black_hole,
    "slow_bytes": _slow_bytes,
    "huge_frame": _huge_frame,
    "garbage": _garbage,
    "clock_skew": _clock_skew,
    "link_lost": _link_lost,
    "link_back_1101": _link_back_lost,
    "link_back_1102": _link_back_kept,
    "link_back_silent": _link_back_silent,
    "link_blip": _link_blip,
    "port_changed": _port_changed,
    "server_link_broken": _server_link_broken,
    "farm_blip": _farm_blip,
    "farm_lost": _farm_lost,
    "farm_back": _farm_back,
    "farm_idle": _farm_idle,
    "notice": _notice,
    "data": _data,
    "competing_session": _competing_session,
    "stale_quotes": _stale_quotes,
    "no_quote": _no_quote,
    "nan_quote": _nan_quote,
    "crossed": _crossed,
    "spike": _spike,
    "halt": _halt,
    "resume": _resume,
    "hard_to_borrow": _hard_to_borrow,
    "broker_cancel": _broker_cancel,
    "correction": _correction,
    "foreign_fill": _foreign_fill,
    "foreign_trade": _foreign_trade,
    "time_form": _time_form,
    "heal": _heal,
}
