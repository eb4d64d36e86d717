"""A store of the carry bot with one whole trade in it."""

import time
from typing import Any

from stores import NOW_NS, execution, order, trade

from arbcore.broker.store import Pulse, SignalRow, Store
from arbcore.carry.pairs import ETF, FUT
from arbcore.core.civil import iso_time

MINUTE_NS = 60 * 10**9


def pulse(**changes: Any) -> Pulse:
    """A run that is under way without problems, and flat."""
    now_ts = iso_time(time.time_ns())
    known = {
        "pid": 1, "since_ts": now_ts, "ts": now_ts, "ended_ts": None, "ending": "", "in_order": True,
        "state": "ACTIVE", "reasons": "[]", "waiting": "", "held": '{"ES": 0, "SPY": 0}',
        "executed": '{"ES": 0, "SPY": 0}', "day_pnl": 0.0, "quote": "null",
    }  # fmt: skip
    return Pulse(**{**known, **changes})


def ended(**changes: Any) -> Pulse:
    """A run that stopped in order."""
    now_ts = iso_time(time.time_ns())
    last = {"ended_ts": now_ts, "ending": "Nothing is held.", "state": "REDUCING", "reasons": '["stopping"]'}
    return pulse(**{**last, **changes})


def fill(store: Store, number: int, leg: str, side: int, **changes: Any) -> list[Any]:
    """Stores an order and its full execution, at its limit or at ``price``."""
    letter = "E" if leg == FUT else "S"
    ref = f"{store.store_id}-{number:07d}{letter}"
    quantity = 1 if leg == FUT else 500
    limit = changes.pop("limit")
    role = changes.pop("role")
    row = order(
        store, number, ref=ref, leg=leg, side=side, quantity=quantity, limit=limit, role=role,
        state="filled", filled=quantity, created_ns=NOW_NS + number,
    )  # fmt: skip
    done = execution(
        store, key=f"{number:04d}.01", exec_id=f"{number:04d}.01.01", ref=ref, leg=leg, side=side,
        quantity=quantity, multiplier=50.0 if leg == FUT else 1.0, ts_ns=NOW_NS + number * MINUTE_NS,
        **{"commission": 2.25, "price": limit, **changes},
    )  # fmt: skip
    return [row, done]


def fill_store(store: Store, **last: Any) -> None:
    """Stores one cash and carry: +25 on ES and -5 on SPY before commissions, with 12.50 of slippage."""
    store.save(
        [
            *fill(store, 1, FUT, -1, limit=6800.25, role="entry"),
            *fill(store, 2, ETF, 1, limit=680.00, role="entry"),
            *fill(store, 3, FUT, 1, limit=6799.50, price=6799.75, role="exit"),
            *fill(store, 4, ETF, -1, limit=679.99, role="exit", **last),
            trade(
                phase="closed", contracts=1, shares=500, fut_entry=6800.25, fut_exit=6799.75, etf_entry=680.0,
                etf_exit=679.99, exit_ns=NOW_NS + 4 * MINUTE_NS, exit_dev_bps=4.5, exit_reason="converged",
            ),
        ]
    )  # fmt: skip
    store.note_event(NOW_NS, level="info", kind="state", text="ACTIVE")
    store.note_event(NOW_NS, level="alarm", kind="stale ES", text="No tick.")
    store.note_signal(SignalRow(NOW_NS, "enter_cash_and_carry", dev_bps=24.5, implied_repo=0.0431))
    store.note_signal(
        SignalRow(NOW_NS, "enter_cash_and_carry", refusal="REDUCING", dev_bps=24.5, implied_repo=0.04)
    )
    store.note_signal(SignalRow(NOW_NS, "sample"))
