"""Whatever is handed to the library that it cannot take ends with an ArbcoreError, never with a raw one."""

from collections.abc import Callable
from typing import Any

import pytest

import arbcore
from arbcore.errors import ArbcoreError

START_S = 1_772_461_800
GOOD: dict[str, Any] = {
    "ts": [START_S + 60 * at for at in range(20)],
    "es_bid": [6838.25] * 20,
    "es_ask": [6838.5] * 20,
    "spy_bid": [680.1] * 20,
    "spy_ask": [680.12] * 20,
}
CALLS: dict[str, Callable[..., Any]] = {
    "backtest": arbcore.backtest,
    "sweep": lambda data, **settings: arbcore.sweep(data, **{"entry_bps": "1:2:1", **settings}),
}


class Strange:
    """Has neither rows nor columns."""


def strange_data() -> list[Any]:
    columns = [
        5,
        None,
        "abc",
        b"abc",
        {1: 2},
        iter([1.0]),
        [Strange()] * 20,
        [1j] * 20,
        [[1]] * 20,
        [1.0] * 3,
        {1},
    ]
    data: list[Any] = [5, None, 3.5, [Strange()], {"a": 1}, Strange(), b"bytes", print]
    data += [GOOD | {name: column} for column in columns for name in ("ts", "es_bid")]
    data += [GOOD | {"expiry": column} for column in ([None] * 20, [1j] * 20, ["friday"] * 20, [True] * 20)]
    return data


def numpy_data() -> list[Any]:
    np = pytest.importorskip("numpy")
    times = np.array(GOOD["ts"])
    columns = [
        np.zeros((2, 20)), times.astype("m8[s]"), times.astype("M8[s]"), times * 1j,
        np.array(["x"] * 20), np.void(3),
        np.array(5.0), np.array([Strange()] * 20),
    ]  # fmt: skip
    return [
        np.zeros(3),
        *(GOOD | {"es_bid": column} for column in columns),
        GOOD | {"ts": times.astype("m8[s]")},
    ]


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
@pytest.mark.parametrize("make", [strange_data, numpy_data])
def test_data_of_a_wrong_kind(call: Callable[..., Any], make: Callable[[], list[Any]]) -> None:
    for data in make():
        with pytest.raises(ArbcoreError):
            call(data)


WRONG: dict[str, list[Any]] = {
    "expiry": [Strange(), True, [1], 5.5, "friday", 10**30],
    "sort": ["yes", None, 1],
    "skip_bad": [2, "no"],
    "tz": [5, "Mars", b"UTC"],
    "time_order": [1, "ymd", None],
    "factor": [None, "x", Strange(), "auto:" + "9" * 5_000, "auto:-1", True],
    "entry_bps": [None, "x", Strange(), 1j, float("nan"), 10**400, True],
    "fill": [5, [], "last"],
    "dividends": [5, [1], [(1, "x")], "ab", [(2, 1.0), (1, 1.0)]],
    "close_at_end": ["yes", 1],
    "contracts": [1.5, None, 0],
    "threads": [2],
    "nosuch": [1],
}
ONLY = {
    "backtest": {"report": ["yes", 1], "check_lookahead": [[], "no"]},
    "sweep": {
        "workers": ["x", -1, True], "executor": [5], "dask": [5], "full": [5, None], "walk_forward": [5, "x"],
        "progress": [5], "reading": [5],
    },
}  # fmt: skip


@pytest.mark.parametrize(
    ("call", "name"), [(call, name) for call, own in ONLY.items() for name in (*WRONG, *own)]
)
def test_arguments_of_a_wrong_kind(call: str, name: str) -> None:
    for value in (WRONG | ONLY[call])[name]:
        with pytest.raises(ArbcoreError):
            CALLS[call](GOOD, **{name: value})


def test_numbers_of_numpy_are_numbers() -> None:
    np = pytest.importorskip("numpy")
    plain = arbcore.backtest(GOOD, factor=10.0, contracts=2)
    assert arbcore.backtest(GOOD, factor=np.float32(10.0), contracts=np.int64(2)).summary == plain.summary
