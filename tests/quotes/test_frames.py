"""Frames and arrays of other libraries: what is masked is missing, and a day is a date."""

import datetime as dt
from pathlib import Path
from typing import Any

import pytest

import arbcore
from arbcore.errors import DataError, UsageError

COUNT = 60
START_S = 1_772_461_800
SETTINGS: dict[str, Any] = {"factor": 10.03, "entry_bps": 2, "exit_bps": 0}
OPENING = ["2026-03-20T13:30:00Z"]


def columns_of(np: Any) -> dict[str, Any]:
    ts = (np.arange(COUNT) * 60 + START_S) * 10**9
    es = 6838.25 + np.arange(COUNT) % 7
    return {"ts": ts, "es_bid": es, "es_ask": es + 0.25, "spy_bid": es / 10.05, "spy_ask": es / 10.05 + 0.01}


@pytest.mark.parametrize("name", ["es_bid", "spy_ask"])
@pytest.mark.parametrize("hidden", [[], [0], [COUNT - 1], [3, 4, 5], list(range(COUNT))])
def test_a_masked_price_is_missing_whatever_lies_beneath(name: str, hidden: list[int]) -> None:
    np = pytest.importorskip("numpy")
    columns = columns_of(np)
    mask = np.zeros(COUNT, dtype=bool)
    mask[hidden] = True
    masked = {**columns, name: np.ma.masked_array(columns[name], mask=mask)}
    blank = {**columns, name: np.where(mask, np.nan, columns[name])}
    found = arbcore.backtest(masked, **SETTINGS).summary
    assert found["rows_skipped"].get("missing", 0) == len(hidden)
    assert found == arbcore.backtest(blank, **SETTINGS).summary


def test_a_masked_array_without_a_mask_is_an_array_and_a_masked_time_is_an_error() -> None:
    np = pytest.importorskip("numpy")
    columns = columns_of(np)
    bare = {name: np.ma.masked_array(column) for name, column in columns.items()}
    assert arbcore.backtest(bare, **SETTINGS).summary == arbcore.backtest(columns, **SETTINGS).summary
    for ts in (columns["ts"], columns["ts"].astype("M8[ns]")):
        hidden = np.ma.masked_array(ts, mask=np.arange(COUNT) == 4)
        with pytest.raises(DataError) as caught:
            arbcore.backtest({**columns, "ts": hidden}, **SETTINGS)
        assert (caught.value.kind, caught.value.line) == ("not_a_time", 5)


@pytest.mark.parametrize(
    "make",
    [
        lambda np: np.full(COUNT, "2026-03-20", dtype="M8[D]"),
        lambda np: np.full(COUNT, "2026-03-20", dtype="M8[ns]"),
        lambda np: np.full(COUNT, "2026-03-20", dtype="M8[s]"),
        lambda np: np.full(COUNT, 20260320),
        lambda np: np.full(COUNT, 20260320.0),
        lambda np: np.full(COUNT, 1774013400),
        lambda np: np.full(COUNT, "2026-03-20T13:30", dtype="M8[m]"),
        lambda np: np.full(COUNT, "20260320"),
        lambda np: [dt.date(2026, 3, 20)] * COUNT,
        lambda np: [dt.datetime(2026, 3, 20)] * COUNT,
        lambda np: ["2026-03-20"] * COUNT,
        lambda np: ["ESH26"] * COUNT,
    ],
)
def test_an_expiry_that_is_a_day_is_the_opening_auction(make: Any) -> None:
    np = pytest.importorskip("numpy")
    assert arbcore.backtest({**columns_of(np), "expiry": make(np)}, **SETTINGS).summary["expiries"] == OPENING


@pytest.mark.parametrize(
    "expiry", [20260320, "20260320", 1774013400, 1774013400_000, 1774013400_000_000_000, "ESH26"]
)
def test_an_expiry_of_the_call_is_read_as_one_of_a_column(expiry: Any) -> None:
    np = pytest.importorskip("numpy")
    columns = columns_of(np)
    given = arbcore.backtest(columns, expiry=expiry, **SETTINGS).summary["expiries"]
    assert given == OPENING
    assert arbcore.backtest({**columns, "expiry": [expiry] * COUNT}, **SETTINGS).summary["expiries"] == given


@pytest.mark.parametrize("expiry", [5, -1, 20261399, 1 << 63])
def test_an_expiry_that_is_no_date_and_no_epoch_is_refused(expiry: int) -> None:
    np = pytest.importorskip("numpy")
    with pytest.raises(UsageError, match="The expiry cannot be read: "):
        arbcore.backtest(columns_of(np), expiry=expiry, **SETTINGS)


@pytest.mark.parametrize("tz", [None, "America/New_York"])
@pytest.mark.parametrize("zone", [None, "UTC", "America/New_York"])
def test_a_frame_and_its_own_csv_give_one_result(zone: str | None, tz: str | None, tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas")
    import numpy as np

    frame = pandas.DataFrame(columns_of(np))
    frame["ts"] = pandas.to_datetime(frame["ts"])
    if zone is not None:
        frame["ts"] = frame["ts"].dt.tz_localize("UTC").dt.tz_convert(zone)
    frame["expiry"] = pandas.to_datetime("2026-03-20")
    frame["es_bid"] = frame["es_bid"].astype("Float64").where(frame.index % 7 != 3)
    path = tmp_path / "frame.csv"
    frame.to_csv(path, index=False)
    found, file = (arbcore.backtest(data, tz=tz, **SETTINGS) for data in (frame, path))
    assert found.summary == file.summary
    assert found.notes == file.notes
    assert any("No time names its zone" in note for note in found.notes) == (zone is None and tz is None)
    assert found.summary["rows_skipped"]["missing"] == sum(at % 7 == 3 for at in range(COUNT))
    pyarrow = pytest.importorskip("pyarrow")
    table = arbcore.backtest(pyarrow.Table.from_pandas(frame, preserve_index=False), tz=tz, **SETTINGS)
    assert (table.summary, table.notes) == (found.summary, found.notes)


def test_a_date_and_a_time_in_two_columns_are_one() -> None:
    pandas = pytest.importorskip("pandas")
    import numpy as np

    columns = columns_of(np)
    # Only text without a zone has a note about it.
    expected = arbcore.backtest(columns, **SETTINGS).summary | {"notes": None}
    times = pandas.to_datetime(columns.pop("ts"))
    for dates, clocks in (
        (times.strftime("%Y-%m-%d"), times.strftime("%H:%M:%S")),
        (times.strftime("%m/%d/%Y"), times.strftime("%I:%M:%S %p")),
        (times.strftime("%Y%m%d").astype("int64"), times.strftime("%H%M%S")),
        (times.date, times.time),
    ):
        frame = pandas.DataFrame({"Date": dates, "Time": clocks, **columns})
        assert arbcore.backtest(frame, **SETTINGS).summary | {"notes": None} == expected
        pyarrow = pytest.importorskip("pyarrow")
        table = pyarrow.Table.from_pandas(frame, preserve_index=False)
        assert arbcore.backtest(table, **SETTINGS).summary | {"notes": None} == expected
