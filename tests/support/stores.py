"""Stores of the carry bot and rows for them."""

import dataclasses
from pathlib import Path
from typing import Any

from arbcore.broker.store import Store
from arbcore.carry.pairs import DEFAULT_PAIR, FUT
from arbcore.desk.records import ExecutionRow, OrderRow, TradeRow

NOW_NS = 1_795_000_000_123_456_789
DAY_NS = 86_400 * 10**9


def order(store: Store, number: int = 1, **changes: Any) -> OrderRow:
    row = OrderRow(
        ref=f"{store.store_id}-{number:07d}E", trade_id=1, leg=FUT, side=-1, quantity=1, kind="LMT",
        limit=6800.25, tif="IOC", role="entry", approved=7, con_id=495_512_563, created_ns=NOW_NS,
    )  # fmt: skip
    return dataclasses.replace(row, **changes)


def execution(store: Store, **changes: Any) -> ExecutionRow:
    row = ExecutionRow(
        key="0001.01", exec_id="0001.01.01", revision=1, ref=f"{store.store_id}-0000001E", perm_id=99,
        trade_id=1, leg=FUT, side=-1, quantity=1, price=6800.25, multiplier=50.0, ts_ns=NOW_NS,
    )  # fmt: skip
    return dataclasses.replace(row, **changes)


def trade(**changes: Any) -> TradeRow:
    row = TradeRow(
        trade_id=1, side=-1, phase="entering", con_id=495_512_563, expiry_ns=NOW_NS + 30 * DAY_NS,
        multiplier=50.0, wanted_contracts=1, wanted_shares=500, entry_ns=NOW_NS, entry_dev_bps=24.5,
    )  # fmt: skip
    return dataclasses.replace(row, **changes)


def opened(path: Path, **changes: Any) -> Store:
    usual = {"pair": DEFAULT_PAIR, "account": "DU1234567", "mode": "paper", "utc_ns": NOW_NS}
    return Store.open(path, **{**usual, **changes})
