"""What a join does besides joining: sessions, rolls, outputs, refusals."""

import gzip
import os
import random
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from leg_files import SECOND, TEN, iso, write_leg

import arbcore.quotes
from arbcore.carry.calendar import quarterly_expiry
from arbcore.core.civil import iso_date
from arbcore.errors import ArbcoreError, DataError, InputError, RunError, UsageError
from tests.reference.quotes_join import join as plain_join

NEW_YORK = ZoneInfo("America/New_York")
MINUTE = 60 * SECOND


def local(year: int, month: int, day: int, hour: int, minute: int = 0, second: int = 0) -> int:
    return int(datetime(year, month, day, hour, minute, second, tzinfo=NEW_YORK).timestamp()) * SECOND


def both(tmp_path: Path, times: list[int]) -> tuple[Path, Path]:
    return (
        write_leg(tmp_path / "f.csv", [(ts_ns, 6000.0, 6000.25) for ts_ns in times]),
        write_leg(tmp_path / "e.csv", [(ts_ns, 598.0, 598.01) for ts_ns in times]),
    )


# --- sessions -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("moment", "is_open"),
    [
        (local(2026, 3, 2, 9, 30), False), (local(2026, 3, 2, 9, 30) + 1, True),
        (local(2026, 3, 2, 16), True),
        (local(2026, 3, 2, 16) + 1, False), (local(2026, 3, 7, 12), False), (local(2026, 3, 8, 12), False),
        # The clocks went forward on the eighth, and back on the first of November.
        (local(2026, 3, 9, 9, 31), True), (local(2026, 11, 2, 9, 31), True),
        (local(2026, 11, 2, 16, 1), False),
        # Good Friday, the day after Thanksgiving, Christmas Eve.
        (local(2026, 4, 3, 12), False), (local(2026, 11, 27, 13), True), (local(2026, 11, 27, 13) + 1, False),
        (local(2026, 12, 24, 13, 0, 1), False), (local(2026, 12, 25, 12), False),
    ],
)  # fmt: skip
def test_regular_hours_are_those_of_new_york(tmp_path: Path, moment: int, is_open: bool) -> None:
    summary = arbcore.quotes.join(*both(tmp_path, [moment])).summary
    assert (summary["rows"], summary["rows_skipped"]["closed"]) == ((1, 0) if is_open else (0, 1))
    assert arbcore.quotes.join(*both(tmp_path, [moment]), session="all").summary["rows"] == 1


def test_quotes_from_before_the_open_feed_the_join(tmp_path: Path) -> None:
    opened = local(2026, 3, 2, 9, 30)
    fut = write_leg(tmp_path / "f.csv", [(opened - 2 * SECOND, 6000.0, 6000.25)])
    etf = write_leg(tmp_path / "e.csv", [(opened + SECOND, 598.0, 598.01)])
    joined = arbcore.quotes.join(fut, etf)
    assert list(joined.table["fut_age_ms"]) == [3000]
    assert joined.summary["rows_skipped"]["closed"] == 1


@pytest.mark.parametrize("every", ["1m", "7m", "1h", "1d"])
def test_ticks_over_weekends_and_holidays(tmp_path: Path, every: str) -> None:
    # Thanksgiving week, the rows few and far between; the clock goes on in between.
    rng = random.Random(every)
    times = sorted(local(2026, 11, 25, 0) + rng.randrange(6 * 86_400) * SECOND for _ in range(40))
    fut = [(ts_ns, 6000.0, 6000.25) for ts_ns in times[::2]]
    etf = [(ts_ns, 598.0, 598.01) for ts_ns in times[1::2]]
    units = {"m": MINUTE, "h": 60 * MINUTE, "d": 24 * 60 * MINUTE}
    wanted = plain_join(
        fut, etf, max_age_ns=10 * 60 * MINUTE, every_ns=int(every[:-1]) * units[every[-1]], rth=True,
        early_closes=frozenset({date(2026, 11, 27)}), holidays=frozenset({date(2026, 11, 26)}),
    )  # fmt: skip
    joined = arbcore.quotes.join(
        write_leg(tmp_path / "f.csv", fut), write_leg(tmp_path / "e.csv", etf), every=every, max_age="10h"
    )
    assert list(joined.table["ts"]) == [row[0] for row in wanted.rows]
    assert joined.summary["rows_skipped"] == wanted.skipped


def test_ticks_of_a_millisecond_over_years_end(tmp_path: Path) -> None:
    times = [local(2026, 3, 2, 17), local(2026, 3, 2, 17) + 1, local(2031, 3, 3, 9, 31)]
    joined = arbcore.quotes.join(*both(tmp_path, times[:2]), every="1ms", max_age="0s")
    assert joined.summary["rows_skipped"]["closed"] == 1
    fut, etf = both(tmp_path, [times[0], local(2026, 3, 3, 9, 0)])
    assert arbcore.quotes.join(fut, etf, every="1ms").summary["rows_skipped"]["closed"] == 16 * 3_600_000 + 1


# --- rolls ----------------------------------------------------------------------------------------------

MARCH, JUNE = quarterly_expiry(2026, 3), quarterly_expiry(2026, 6)


def contract_rows(days: dict[str, tuple[float, float] | None]) -> list[tuple]:
    """A row of ESH6 and of ESM6 for each date, with their volumes."""
    rows = []
    for day, volumes in days.items():
        noon = int(datetime.fromisoformat(f"{day}T17:00:00+00:00").timestamp()) * SECOND
        for at, (symbol, bid) in enumerate((("ESH6", 6000.0), ("ESM6", 6050.0))):
            rows.append((noon, bid, bid + 0.25, symbol, volumes[at] if volumes else ""))
    return rows


def expiries_by_date(joined: Any) -> dict[str, str]:
    table = joined.table
    return {
        iso_date(ts_ns // (86_400 * SECOND)): iso_date(day)
        for ts_ns, day in zip(table["ts"], table["expiry"], strict=True)
    }


def roll_files(tmp_path: Path, rows: list[tuple], header: str) -> tuple[Path, Path]:
    etf = [(row[0], 598.0, 598.01) for row in rows]
    return write_leg(tmp_path / "f.csv", rows, header=header), write_leg(tmp_path / "e.csv", etf)


def test_volume_of_the_date_before_rolls_and_never_back(tmp_path: Path) -> None:
    days = {
        "2026-03-05": (1, 900),  # first: the front one, whatever is traded
        "2026-03-06": (800, 100),  # Thursday traded June
        "2026-03-09": (900, 100),  # Friday traded March, but June is not left again
        "2026-03-10": (900, 100),
    }
    files = roll_files(tmp_path, contract_rows(days), "ts,bid,ask,symbol,volume")
    joined = arbcore.quotes.join(*files)
    assert expiries_by_date(joined) == {
        "2026-03-05": "2026-03-20", "2026-03-06": "2026-06-18", "2026-03-09": "2026-06-18",
        "2026-03-10": "2026-06-18",
    }  # fmt: skip
    assert joined.summary["rows_skipped"]["other_contract"] == 4
    assert any("rolled" in note and "2026-06-18 from 2026-03-06" in note for note in joined.notes)
    # Prices are the contract's own.
    assert list(joined.table["es_bid"]) == [6000.0, 6050.0, 6050.0, 6050.0]


DAYS = {"2026-03-11": None, "2026-03-12": None, "2026-03-13": None}


@pytest.mark.parametrize(
    ("roll", "june_from"), [(None, "2026-03-12"), ("8d", "2026-03-12"), ("7d", "2026-03-13"), ("0d", "never")]
)
def test_days_before_the_expiry_roll(tmp_path: Path, roll: str | None, june_from: str) -> None:
    files = roll_files(tmp_path, contract_rows(DAYS), "ts,bid,ask,contract,volume")
    found = expiries_by_date(arbcore.quotes.join(*files, roll=roll))
    assert found == {day: "2026-06-18" if day >= june_from else "2026-03-20" for day in DAYS}


def test_days_that_are_named_win_over_volumes(tmp_path: Path) -> None:
    files = roll_files(tmp_path, contract_rows(dict.fromkeys(DAYS, (1, 900))), "ts,bid,ask,symbol,volume")
    assert set(expiries_by_date(arbcore.quotes.join(*files, roll="0d")).values()) == {"2026-03-20"}


@pytest.mark.parametrize("names", [("ESH26.csv", "ESM26.csv"), ("glbx-esh6-a.csv", "glbx-esm6-a.csv")])
@pytest.mark.parametrize("volume", [True, False])
def test_a_folder_of_contracts(tmp_path: Path, names: tuple[str, str], volume: bool) -> None:
    folder = tmp_path / "futures"
    folder.mkdir()
    days = dict.fromkeys(DAYS, (5, 1)) if volume else DAYS
    rows = contract_rows(days)
    header = "ts,bid,ask,volume" if volume else "ts,bid,ask"
    for at, name in enumerate(names):
        own = [(*row[:3], row[4]) if volume else row[:3] for row in rows[at::2]]
        write_leg(folder / name, own, header=header)
    etf = write_leg(tmp_path / "e.csv", [(row[0], 598.0, 598.01) for row in rows])
    joined = arbcore.quotes.join(folder, etf)
    assert joined.summary["pair"] == "es-spy"
    wanted = dict.fromkeys(DAYS, "2026-03-20") if volume else {
        "2026-03-11": "2026-03-20", "2026-03-12": "2026-06-18", "2026-03-13": "2026-06-18"
    }  # fmt: skip
    assert expiries_by_date(joined) == wanted
    (folder / "notes.csv").write_text("ts,bid,ask\n2026-03-11T17:00:00Z,1,2\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"notes\.csv carries no contract's code"):
        arbcore.quotes.join(folder, etf)


def folder_of(tmp_path: Path, name: str, rows: list[tuple], header: str) -> Path:
    folder = tmp_path / "futures"
    folder.mkdir(exist_ok=True)
    return write_leg(folder / name, rows, header=header)


@pytest.mark.parametrize("ending", ["parquet", "arrow", "csv.gz"])
def test_a_folder_may_hold_files_of_any_kind(tmp_path: Path, ending: str) -> None:
    rows = contract_rows(dict.fromkeys(DAYS, (1, 900)))
    for at, code in enumerate(("ESH26", "ESM26")):
        own = folder_of(tmp_path, f"{code}.csv", [(*row[:3], row[4]) for row in rows[at::2]], FOLDER_HEADER)
        if ending == "csv.gz":
            own.with_name(f"{code}.csv.gz").write_bytes(gzip.compress(own.read_bytes()))
        else:
            pytest.importorskip("pyarrow")
            import pyarrow.csv
            import pyarrow.feather
            import pyarrow.parquet

            table = pyarrow.csv.read_csv(own)
            if ending == "parquet":
                pyarrow.parquet.write_table(table, own.with_suffix(".parquet"))
            else:
                pyarrow.feather.write_feather(table, own.with_suffix(".arrow"), compression="uncompressed")
        if at or ending == "csv.gz":  # One of the tables stands beside a CSV.
            own.unlink()
        else:
            own.with_suffix(f".{ending}").unlink()
    etf = write_leg(tmp_path / "e.csv", [(row[0], 598.0, 598.01) for row in rows])
    joined = arbcore.quotes.join(tmp_path / "futures", etf)
    assert expiries_by_date(joined) == {
        "2026-03-11": "2026-03-20", "2026-03-12": "2026-06-18", "2026-03-13": "2026-06-18"
    }  # fmt: skip
    assert joined.summary["rows_in"]["fut"] == 6
    assert list(joined.table["es_bid"]) == [6000.0, 6050.0, 6050.0]


FOLDER_HEADER = "ts,bid,ask,volume"


def test_a_folder_of_parquet_bars_is_dated_by_their_ends(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    import pyarrow.csv
    import pyarrow.parquet

    for code, price in (("ESH26", 6000.0), ("ESM26", 6050.0)):
        rows = [(TEN + at * 60 * SECOND, price, price + 0.25, price - 1, price + 1) for at in range(3)]
        own = folder_of(tmp_path, f"{code}.csv", rows, "date,open,close,low,high")
        pyarrow.parquet.write_table(pyarrow.csv.read_csv(own), own.with_suffix(".parquet"))
        own.unlink()
    etf = write_leg(tmp_path / "e.csv", [(TEN + at * 60 * SECOND, 598.0, 598.01) for at in range(4)])
    joined = arbcore.quotes.join(tmp_path / "futures", etf)
    assert list(joined.table["ts"]) == [TEN + at * 60 * SECOND for at in (1, 2, 3)]
    assert list(joined.table["es_bid"]) == [6000.0] * 3
    assert any("time averages" in note for note in joined.notes)


def test_volumes_that_not_every_file_of_a_folder_has_do_not_roll(tmp_path: Path) -> None:
    rows = contract_rows(DAYS)
    folder_of(tmp_path, "ESH26.csv", [(*row[:3], 900) for row in rows[:2:2]], FOLDER_HEADER)
    folder_of(tmp_path, "ESM26.csv", [row[:3] for row in rows[1::2]], "ts,bid,ask")
    etf = write_leg(tmp_path / "e.csv", [(row[0], 598.0, 598.01) for row in rows])
    joined = arbcore.quotes.join(tmp_path / "futures", etf)
    assert expiries_by_date(joined) == {
        "2026-03-11": "2026-03-20", "2026-03-12": "2026-06-18", "2026-03-13": "2026-06-18"
    }  # fmt: skip
    assert any("ESM26.csv has no volumes" in note for note in joined.notes)


def test_one_contract_is_not_rolled(tmp_path: Path) -> None:
    rows = [(*row[:3], "ESM6") for row in contract_rows(DAYS)[1::2]]
    joined = arbcore.quotes.join(*roll_files(tmp_path, rows, "ts,bid,ask,symbol"))
    assert set(expiries_by_date(joined).values()) == {"2026-06-18"}


# --- outputs --------------------------------------------------------------------------------------------

ROWS = [(TEN + at * SECOND, 6000.0 + at % 7 / 4, 6000.25 + at % 7 / 4) for at in range(20_000)]


@pytest.mark.parametrize("ending", [".csv", ".csv.gz", ".parquet", ".arrow"])
def test_every_ending_holds_the_same_rows(tmp_path: Path, ending: str) -> None:
    pa = None if ending.startswith(".csv") else pytest.importorskip("pyarrow")
    fut, etf = write_leg(tmp_path / "f.csv", ROWS), write_leg(tmp_path / "e.csv", ROWS)
    out = tmp_path / f"both{ending}"
    summary = arbcore.quotes.join(fut, etf, out, pair="es-spy", session="all").summary
    table = arbcore.quotes.join(fut, etf, pair="es-spy", session="all").table
    assert summary["rows"] == len(ROWS)
    if pa is None:
        data = out.read_bytes()
        lines = (gzip.decompress(data) if ending == ".csv.gz" else data).decode().splitlines()
        assert lines[0] == ",".join(table)
        assert [line.split(",")[0] for line in lines[1:]] == [iso(ts_ns) for ts_ns in table["ts"]]
        for at, name in enumerate(list(table)[1:], 1):
            assert [float(line.split(",")[at]) for line in lines[1:]] == list(table[name])
        return
    pytest.importorskip("pyarrow.parquet")
    found = pa.parquet.read_table(out) if ending == ".parquet" else pa.ipc.open_file(out).read_all()
    assert found.schema.field("ts").type == pa.timestamp("ns", tz="UTC")
    assert found.column_names == list(table)
    for name in table:
        column = found[name].cast(pa.int64()) if name == "ts" else found[name]
        assert column.to_pylist() == list(table[name])


def test_prices_are_written_as_they_were_read(tmp_path: Path) -> None:
    spellings = [
        "6000.2500",
        "6000",
        "6000.",
        "+6000.5",
        "6.0005e3",
        "6000.123456789012",
        " 6000.75 ",
        "0006000.5",
    ]
    lines = ["ts,bid,ask"] + [f"{iso(TEN + at * SECOND)},{text},7000" for at, text in enumerate(spellings)]
    fut = tmp_path / "f.csv"
    fut.write_text("\n".join(lines), encoding="utf-8")
    etf = write_leg(tmp_path / "e.csv", [(TEN + at * SECOND, 598.0, 598.01) for at in range(len(spellings))])
    arbcore.quotes.join(fut, etf, tmp_path / "o.csv", session="all")
    rows = [line.split(",")[1] for line in (tmp_path / "o.csv").read_text(encoding="utf-8").splitlines()[1:]]
    assert rows == [
        "6000.2500",
        "6000",
        "6000.",
        "6000.5",
        "6000.5",
        "6000.123456789012",
        "6000.75",
        "0006000.5",
    ]


@pytest.fixture(scope="module")
def failing(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Any, Any, type[ArbcoreError], str]]:
    """Longer than a block, so that something was written before the fault is met."""
    tmp_path = tmp_path_factory.mktemp("failing")
    good = write_leg(tmp_path / "good.csv", ROWS)
    late = write_leg(tmp_path / "late.csv", [(ts_ns + 10**15, bid, ask) for ts_ns, bid, ask in ROWS])
    order = write_leg(tmp_path / "order.csv", [*ROWS, ROWS[0]])
    bad = write_leg(tmp_path / "bad.csv", [*ROWS, (TEN + 10**14, "x", 1.0)])
    empty, header = tmp_path / "empty.csv", write_leg(tmp_path / "header.csv", [])
    empty.write_text("", encoding="utf-8")
    half = tmp_path / "half.csv.gz"
    half.write_bytes(gzip.compress(good.read_bytes())[:-9])
    binary = tmp_path / "binary.csv"
    binary.write_bytes(bytes(range(256)) * 40)
    folder = tmp_path / "folder"
    folder.mkdir()
    return {
        "no overlap": (good, late, InputError, r"do not overlap: .*good\.csv .* to .*late\.csv"),
        "out of order": (
            order,
            good,
            DataError,
            r"order\.csv, line 20002, column ts: time goes back.*--sort",
        ),
        "no number": (good, bad, DataError, r"bad\.csv, line 20002, column bid: .* is not a number"),
        "empty": (empty, good, DataError, r"empty\.csv is empty"),
        "only a header": (good, header, InputError, r"header\.csv has no rows"),
        "half a gzip": (half, good, InputError, r"half\.csv\.gz is cut short"),
        "no text": (binary, good, InputError, r"binary\.csv"),
        "an empty folder": (folder, good, InputError, r"folder is an empty folder"),
        "nothing there": (good, tmp_path / "none.csv", InputError, r"none\.csv does not exist"),
    }


CASES = ("no overlap", "out of order", "no number", "empty", "only a header", "half a gzip", "no text",
         "an empty folder", "nothing there")  # fmt: skip


@pytest.mark.parametrize("ending", [".csv", ".csv.gz", ".parquet"])
@pytest.mark.parametrize("case", CASES)
def test_bad_input_is_a_sentence_and_nothing_is_written(
    tmp_path: Path, failing: dict[str, tuple], case: str, ending: str
) -> None:
    if ending == ".parquet":
        pytest.importorskip("pyarrow")
    fut, etf, error, said = failing[case]
    with pytest.raises(error, match=said):
        arbcore.quotes.join(fut, etf, tmp_path / f"out{ending}", session="all")
    assert os.listdir(tmp_path) == []


def test_an_output_that_was_there_stays_where_the_input_is_bad(
    tmp_path: Path, failing: dict[str, tuple]
) -> None:
    out = tmp_path / "out.csv"
    out.write_text("mine", encoding="utf-8")
    fut, etf, error, _ = failing["out of order"]
    with pytest.raises(error):
        arbcore.quotes.join(fut, etf, out, session="all")
    assert out.read_text(encoding="utf-8") == "mine"
    arbcore.quotes.join(fut, etf, out, session="all", sort=True)
    assert out.read_text(encoding="utf-8").startswith("ts,")


def test_sorting_keeps_rows_of_one_moment_in_their_order(tmp_path: Path) -> None:
    rng = random.Random(5)
    rows = [(TEN + rng.randrange(50) * SECOND, 6000.0 + at, 6001.0 + at) for at in range(300)]
    etf = [(TEN + at * SECOND, 598.0, 598.01) for at in range(50)]
    joined = arbcore.quotes.join(
        write_leg(tmp_path / "f.csv", rows), write_leg(tmp_path / "e.csv", etf), session="all", sort=True
    )
    wanted = plain_join(sorted(rows, key=lambda row: row[0]), etf, max_age_ns=5 * SECOND)
    assert list(joined.table["fut_bid"]) == [row[1] for row in wanted.rows]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"every": "0s"}, "--every"), ({"every": "often"}, "--every"), ({"max_age": "-1s"}, "--max-age"),
        ({"session": "night"}, "--session"), ({"roll": "36h"}, "--roll"), ({"pair": "es-qqq"}, "no pair"),
        ({"bar": "x"}, "--bar"), ({"out": "rows.txt"}, "ends in none of"),
        ({"every": "9999999d"}, "out of range"),
    ],
)  # fmt: skip
def test_wrong_options_are_named(tmp_path: Path, options: dict[str, str], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        arbcore.quotes.join(*both(tmp_path, [TEN]), **options)


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="cannot be written"):
        arbcore.quotes.join(*both(tmp_path, [TEN]), tmp_path / "none" / "out.csv")


def test_a_row_may_end_anywhere_in_a_piece(tmp_path: Path) -> None:
    # Pieces of the file of every length, quoted text and CRLF among the rows.
    from arbcore.quotes._csv_leg import CsvLeg

    text = "".join(
        f'{iso(TEN + at * SECOND)},"{6000 + at}",6100.5{"," if at % 3 else ""}{"" if at % 5 else chr(13)}\n'
        for at in range(40)
    ).encode()
    for piece in range(1, 90):
        places = iter(range(0, len(text), piece))

        def read(room: memoryview, places: Any = places, piece: int = piece) -> int:
            at = next(places, None)
            data = b"" if at is None else text[at : at + piece]
            room[: len(data)] = data
            return len(data)

        leg = CsvLeg(read, "pieces", head=b"", places={"time": 0, "bid": 1, "ask": 2}, delimiter=",", line=1)
        rows = leg.take()
        assert [row[:3] for row in rows] == [(TEN + at * SECOND, 6000.0 + at, 6100.5) for at in range(40)], (
            piece
        )


def test_frames_of_pandas_and_arrow_join_as_files(tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas")
    pa = pytest.importorskip("pyarrow")
    wanted = arbcore.quotes.join(
        write_leg(tmp_path / "f.csv", ROWS[:300]), write_leg(tmp_path / "e.csv", ROWS[:300]), session="all"
    )
    start = datetime.fromtimestamp(TEN // SECOND, timezone.utc)
    frame = pandas.DataFrame({
        "ts": [start + timedelta(seconds=at) for at in range(300)],
        "bid": [row[1] for row in ROWS[:300]], "ask": [row[2] for row in ROWS[:300]],
    })  # fmt: skip
    table = pa.Table.from_pandas(frame)
    pa.parquet = pytest.importorskip("pyarrow.parquet")
    pa.parquet.write_table(table, tmp_path / "f.parquet")
    for fut in (frame, table, table.to_batches()[0], tmp_path / "f.parquet"):
        joined = arbcore.quotes.join(fut, frame, session="all")
        assert {name: list(joined.table[name]) for name in joined.table} == {
            name: list(wanted.table[name]) for name in wanted.table
        }


@pytest.mark.parametrize("tz", [None, "America/New_York"])
def test_times_of_arrow_that_name_their_zone_are_not_read_in_another(tmp_path: Path, tz: str | None) -> None:
    pa = pytest.importorskip("pyarrow")
    times = pa.array([TEN, TEN + SECOND], pa.timestamp("ns", tz="UTC"))
    table = pa.table({"ts": times, "bid": [6000.0, 6000.25], "ask": [6000.25, 6000.5]})
    etf = write_leg(tmp_path / "e.csv", [(TEN, 598.0, 598.01)])
    joined = arbcore.quotes.join(table, etf, tz=tz)
    assert list(joined.table["ts"]) == [TEN, TEN + SECOND]
    assert not any("zone" in note for note in joined.notes)
    names = ("es_bid", "es_ask", "spy_bid", "spy_ask")
    both = pa.table({"ts": times} | {name: [600.0, 600.0] for name in names})
    checked = arbcore.quotes.check(both, tz=tz)
    assert checked.summary["first_ts"] == iso(TEN)
    assert not any("zone" in note for note in checked.notes)


def test_the_examples_are_the_legs_of_the_sample(tmp_path: Path) -> None:
    examples = Path(__file__).resolve().parents[2] / "examples"
    out = tmp_path / "both.csv"
    arbcore.quotes.join(
        examples / "es_quotes_synthetic.csv", examples / "spy_quotes_synthetic.csv", out, pair="es-spy"
    )
    sample = (examples / "es_spy_synthetic.csv").read_text(encoding="utf-8").splitlines()
    assert [line.rsplit(",", 2)[0] for line in out.read_text(encoding="utf-8").splitlines()] == sample
