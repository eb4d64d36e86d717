"""Checks the rows of a store against its schema, because SQLite stores any value in any column.

A store may have been cut short, edited by hand, or changed by another program. A reader must not compute with
a text in place of a number.
"""

import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from arbcore.carry.pairs import PAIRS
from arbcore.core.civil import read_date
from arbcore.core.text import printable
from arbcore.errors import ArbcoreError, InputError

#: A value of a column in SQLite.
StoreCell = str | int | float | bytes | None

#: Largest absolute value of a price, count or sum; sums of such numbers stay finite.
NUMBER_MAX = 1e15
_TIME = re.compile(
    r"\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])T([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d{1,9})?Z", re.ASCII
)


def _text(value: Any) -> bool:
    return isinstance(value, str)


def _whole(value: Any) -> bool:
    return isinstance(value, int) and abs(value) <= NUMBER_MAX


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and math.isfinite(value) and abs(value) <= NUMBER_MAX


def _time(value: Any) -> bool:
    # Check the form only: parsing a million times would take longer than the rest of a report.
    return isinstance(value, str) and _TIME.fullmatch(value) is not None


def _json(value: Any) -> bool:
    """JSON of arbcore: null, a list of texts, or an object of numbers, texts and objects of numbers."""
    try:
        found = json.loads(value)
    except (TypeError, ValueError, RecursionError):
        return False
    if isinstance(found, list):
        return all(map(_text, found))
    return found is None or (isinstance(found, dict) and all(map(_part, found.values())))


def _part(value: Any) -> bool:
    if isinstance(value, dict):
        return all(map(_number, value.values()))
    return _number(value) or _text(value)


def _one_of(*words: str) -> Callable[[Any], bool]:
    return lambda value: value in words


def _or_null(check: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: value is None or check(value)


_TIME_OR_NULL = _or_null(_time)
_SIDE = _one_of("BUY", "SELL")
#: The check for each column that is read.
_CHECKS: dict[str, dict[str, Callable[[Any], bool]]] = {
    "trades": {
        "trade_id": _whole, "side": _one_of("cash_and_carry", "reverse"), "phase": _text,
        "expiry_ts": _time, "multiplier": _number, "entry_ts": _time, "entry_dev_bps": _number,
        "contracts": _whole, "shares": _whole, "fut_entry": _or_null(_number), "fut_exit": _or_null(_number),
        "etf_entry": _or_null(_number), "etf_exit": _or_null(_number), "exit_ts": _TIME_OR_NULL,
        "funding": _or_null(_number), "financing": _number, "dividends": _number,
        "exit_dev_bps": _or_null(_number), "exit_reason": _text,
    },
    "orders": {
        "order_ref": _text, "trade_id": _whole, "symbol": _text, "side": _SIDE, "quantity": _whole,
        "order_type": _text, "limit_price": _or_null(_number), "role": _text, "created_ts": _time,
        "state": _text, "filled": _whole, "reason": _text,
    },
    "executions": {
        "exec_key": _text, "exec_id": _text, "order_ref": _text, "trade_id": _whole, "symbol": _text,
        "side": _SIDE, "quantity": _whole, "price": _number, "multiplier": _number, "ts": _time,
        "commission": _or_null(_number),
    },
    "adjustments": {
        "adjustment": _text, "trade_id": _whole, "symbol": _text, "quantity": _whole,
        "reason": _one_of("settled", "by_hand"), "ts": _time,
    },
    "signals": {
        "ts": _time, "action": _text, "refusal": _text, "fut_bid": _or_null(_number),
        "fut_ask": _or_null(_number), "etf_bid": _or_null(_number), "etf_ask": _or_null(_number),
        "dev_bps": _or_null(_number), "edge_cc_bps": _or_null(_number), "edge_rev_bps": _or_null(_number),
        "implied_repo": _or_null(_number),
    },
    "events": {
        "ts": _time, "level": _one_of("info", "warning", "alarm"), "kind": _text, "text": _text,
    },
    "skipped": {"date": _text, "reason": _text, "count": _whole},
    "heartbeat": {
        "since_ts": _time, "ts": _time, "ended_ts": _TIME_OR_NULL, "ending": _text, "in_order": _whole,
        "state": _text, "reasons": _json, "waiting": _text, "held": _or_null(_json), "executed": _json,
        "day_pnl": _or_null(_number), "quote": _json,
    },
}  # fmt: skip


def check_rows(
    path: Path, meta: Mapping[str, StoreCell], tables: Mapping[str, Sequence[Mapping[str, StoreCell]]]
) -> None:
    """Raises InputError with table, column and value for the first value that fails its check."""
    for key, value in meta.items():
        if not _text(value) or not _text(key):
            raise _wrong(path, "meta", printable(str(key)), value)
    if meta.get("pair") not in (None, *(pair.name for pair in PAIRS)):
        raise _wrong(path, "meta", "pair", meta["pair"])
    for name, rows in tables.items():
        for column, check in _CHECKS[name].items():
            for row in rows:
                if not check(row[column]):
                    raise _wrong(path, name, column, row[column])
            if check in (_time, _TIME_OR_NULL):
                _check_dates(path, name, column, rows)
    _check_pairs(path, tables)


def _check_dates(path: Path, table: str, column: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """Checks each distinct date in a column of times once, such as a 31st of February."""
    for date in {row[column][:10] for row in rows if row[column] is not None}:
        if not _is_date(date):
            raise _wrong(path, table, column, date)


def _is_date(text: str) -> bool:
    try:
        read_date(text)
    except ArbcoreError:
        return False
    return True


def _check_pairs(path: Path, tables: Mapping[str, Sequence[Mapping[str, Any]]]) -> None:
    """Checks columns that depend on each other: a closed pair has an exit time."""
    for trade in tables["trades"]:
        if trade["phase"] == "closed" and trade["exit_ts"] is None:
            raise _wrong(path, "trades", "exit_ts", None)


def _wrong(path: Path, table: str, column: str, value: Any) -> InputError:
    shown = printable(repr(value), 60)
    return InputError(
        f"The store {path} has {shown} in {table}.{column}, which no bot writes there; restore a copy of it "
        "(`arbcore report --backup` makes copies)."
    )
