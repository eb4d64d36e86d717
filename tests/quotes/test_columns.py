"""Columns of any library against the twin over lists: equal rows, counts and errors."""

import ctypes
import math
import random
from array import array
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from quotes import START_NS, random_rows
from reference.columns import ColumnQuotes

from arbcore.carry import calendar
from arbcore.carry.pairs import PAIRS, Pair
from arbcore.core.civil import iso_time
from arbcore.errors import BrokenInvariant, DataError, InputError
from arbcore.quotes._columns import ColumnReader
from arbcore.quotes.column_names import resolve
from arbcore.quotes.column_shapes import batches_into

PRICES = ("es_bid", "es_ask", "spy_bid", "spy_ask")
NAMES = ("ts", *PRICES)
Outcome = tuple[list[tuple[Any, ...]], int, dict[str, int], tuple[Any, ...] | None]


def read(data: Any, **options: Any) -> Outcome:
    reader = ColumnReader(expiry_of=calendar.read_expiry, **options)
    rows: list[tuple[Any, ...]] = []
    fault = None
    try:
        for _ in batches_into(data, reader):
            while taken := reader.take(1):
                rows += taken
    except DataError as error:
        fault = (error.kind, error.line, error.column)
    return rows, reader.rows, reader.skipped, fault


def read_twin(columns: Mapping[str, list[Any]], **options: Any) -> Outcome:
    quotes = ColumnQuotes(columns, expiry_of=calendar.read_expiry, **options)
    rows = []
    fault = None
    try:
        for row in quotes:
            rows.append(  # noqa: PERF401  An error must keep the rows before it.
                (row.ts_ns, row.es_bid, row.es_ask, row.spy_bid, row.spy_ask, row.factor, row.expiry_ns)
            )
    except DataError as error:
        fault = (error.kind, error.line, error.column)
    return rows, quotes.rows, quotes.skipped, fault


def sample(seed: int = 1, count: int = 300) -> dict[str, list[Any]]:
    """Columns as lists, times in ns, with a few rows that are not used."""
    rows = random_rows(seed, count)
    columns: dict[str, list[Any]] = {"ts": [row.ts_ns for row in rows]}
    for name in PRICES:
        columns[name] = [getattr(row, name) for row in rows]
    columns["es_bid"][7] = math.nan
    columns["spy_ask"][9] = -1.0
    columns["es_ask"][11] = columns["es_bid"][11] - 1
    return columns


TIMES = [
    "2026-03-02T14:30:00Z", " 2026-03-02 14:30 ", "2026-03-03", 1_772_461_800, 1_772_461_800_000,
    "1772461800",
    1_772_548_200_000_000_000, -1, 0, None, "soon", "", 1.5, math.nan, 2**63, datetime(2026, 3, 4, 9, 30),
    datetime(2026, 3, 4, 9, 30, tzinfo=timezone(timedelta(hours=-5))), datetime(2026, 3, 5).date(),
]  # fmt: skip
CELLS = [
    6000, 6000.25, 600.5, "600.5", " 1e3 ", "x", "", "nan", None, math.nan, math.inf, 0, -1, 1e-12, 1e13,
    True, "1_0", b"1", 10**400, "9" * 400,
]  # fmt: skip
EXPIRIES = ["2026-06-18", "ESM26", 1_781_784_600, "friday", None, datetime(2026, 6, 18).date()]


def frames(extra: str | None) -> st.SearchStrategy[dict[str, list[Any]]]:
    cell = st.sampled_from(CELLS) | st.sampled_from([6000.0, 600.0])
    good = st.just((START_NS, 6000.0, 6000.25, 600.0, 600.01, 10.0 if extra != "expiry" else "2026-06-18"))
    last = st.sampled_from(EXPIRIES) if extra == "expiry" else cell
    row = st.tuples(st.sampled_from(TIMES), cell, cell, cell, cell, last)
    names = (*NAMES, extra) if extra else NAMES
    return st.lists(row | good | good, max_size=12).map(
        lambda rows: {name: [row[at] for row in rows] for at, name in enumerate(names)}
    )


@settings(max_examples=300)
@given(
    st.sampled_from([None, "factor", "index", "expiry"]).flatmap(frames), st.booleans(), st.booleans()
)
@example({name: [] for name in NAMES}, False, True)
def test_any_lists_give_the_rows_or_the_error_of_the_twin(
    columns: dict[str, list[Any]], skip_bad: bool, ordered: bool
) -> None:
    assert read(columns, skip_bad=skip_bad, ordered=ordered) == read_twin(
        columns, skip_bad=skip_bad, ordered=ordered
    )


def test_buffers_are_read_where_they_lie() -> None:
    columns = sample()
    buffers: dict[str, Any] = {name: array("d", columns[name]) for name in PRICES}
    buffers["ts"] = array("q", columns["ts"])
    assert read(buffers) == read_twin(columns)
    # A buffer that is being read cannot be resized: it was not copied.
    reader = ColumnReader(expiry_of=calendar.read_expiry)
    batch = batches_into(buffers, reader)
    next(batch)
    with pytest.raises(BufferError):
        buffers["es_bid"].append(1.0)
    batch.close()  # type: ignore[attr-defined]


@pytest.mark.parametrize("seed", range(10))
def test_a_cell_that_needs_judging_is_judged_wherever_it_is(seed: int) -> None:
    rng = random.Random(seed)
    columns = sample(seed, 100)
    for _ in range(3):
        name = rng.choice(NAMES)
        bad = [0, -(2**63), 2**63 - 1] if name == "ts" else [math.nan, 0.0, 1e-12, 1e13, math.inf]
        columns[name][rng.randrange(100)] = rng.choice(bad)
    buffers: dict[str, Any] = {name: array("d", columns[name]) for name in PRICES}
    buffers["ts"] = array("q", columns["ts"])
    for skip_bad in (False, True):
        expected = read_twin(columns, skip_bad=skip_bad, ordered=False)
        assert read(buffers, skip_bad=skip_bad, ordered=False) == expected, f"seed {seed}"


def texts(columns: dict[str, list[Any]]) -> dict[str, list[Any]]:
    return {
        "ts": [iso_time(ts_ns) for ts_ns in columns["ts"]],
        **{name: [repr(price) for price in columns[name]] for name in PRICES},
    }


def test_numpy_of_every_kind() -> None:
    np = pytest.importorskip("numpy")
    columns = sample()
    expected = read_twin(columns)
    arrays = {name: np.array(columns[name]) for name in NAMES}
    assert read(arrays) == expected
    assert read({name: np.repeat(column, 2)[::2] for name, column in arrays.items()}) == expected
    swapped = {name: column.astype(column.dtype.newbyteorder()) for name, column in arrays.items()}
    assert read(swapped) == expected
    assert read({**arrays, "ts": arrays["ts"].astype("M8[ns]")}) == expected
    assert read({**arrays, "ts": arrays["ts"].astype("u8")}) == expected
    assert read({name: np.array(column, dtype=object) for name, column in columns.items()}) == expected
    assert read({name: np.array(column) for name, column in texts(columns).items()}) == expected
    masked = {**arrays, "es_bid": np.ma.masked_invalid(arrays["es_bid"])}
    assert read(masked) == expected
    seconds = [ts_ns // 10**9 * 10**9 for ts_ns in columns["ts"]]
    coarse = read_twin({**columns, "ts": seconds})
    for unit in ("s", "ms", "us"):
        assert read({**arrays, "ts": np.array(seconds).astype("M8[ns]").astype(f"M8[{unit}]")}) == coarse
    small = {name: np.array(columns[name]).astype("f4") for name in PRICES}
    single = {name: small[name].astype("f8").tolist() for name in PRICES}
    assert read({**small, "ts": arrays["ts"]}) == read_twin({**single, "ts": columns["ts"]})


def test_numpy_times_that_are_none_or_too_far_are_refused() -> None:
    np = pytest.importorskip("numpy")
    columns = sample()
    for bad in ("NaT", "2300-01-01"):
        times = np.array(columns["ts"]).astype("M8[ns]").astype("M8[s]")
        times[5] = np.datetime64(bad, "s")
        data = {**columns, "ts": times}
        assert read(data, ordered=False)[3] == ("not_a_time", 6, "ts")
    with pytest.raises(InputError, match="must hold numbers"):
        read({**columns, "es_bid": np.array(columns["ts"]).astype("M8[ns]")})
    with pytest.raises(InputError, match="cast it"):
        read({**columns, "ts": np.array(columns["ts"]).astype("M8[ns]").astype("M8[Y]")})


def test_pandas_of_every_kind() -> None:
    pd = pytest.importorskip("pandas")
    columns = sample()
    expected = read_twin(columns)
    frame = pd.DataFrame(columns)
    assert read(frame) == expected
    naive = frame.assign(ts=pd.to_datetime(frame["ts"]))
    assert read(naive) == expected
    zoned = naive["ts"].dt.tz_localize("UTC").dt.tz_convert("America/New_York")
    assert read(naive.assign(ts=zoned)) == expected
    assert read(naive.rename(columns=str.upper)[["SPY_ASK", "TS", "ES_ASK", "ES_BID", "SPY_BID"]]) == expected
    assert read(frame.convert_dtypes()) == expected
    assert read(pd.DataFrame(texts(columns))) == expected


def test_polars_of_every_kind() -> None:
    pl = pytest.importorskip("polars")
    columns = sample()
    expected = read_twin(columns)
    frame = pl.DataFrame(columns)
    assert read(frame) == expected
    for unit in ("ns", "us", "ms"):
        scale = {"ns": 1, "us": 10**3, "ms": 10**6}[unit]
        times = [ts_ns // scale * scale for ts_ns in columns["ts"]]
        stamped = frame.with_columns(pl.from_epoch(pl.Series(times) // scale, time_unit=unit).alias("ts"))
        coarse = read_twin({**columns, "ts": times})
        assert read(stamped) == coarse
        assert read(stamped.with_columns(pl.col("ts").dt.replace_time_zone("UTC"))) == coarse
        assert read({name: stamped[name] for name in NAMES}) == coarse
    assert read(pl.concat([frame[:13], frame[13:200], frame[200:]], rechunk=False)) == expected
    assert read(frame[100:150]) == read_twin({name: column[100:150] for name, column in columns.items()})
    assert read(pl.DataFrame(texts(columns))) == expected
    bids = [None if at % 7 == 3 else price for at, price in enumerate(columns["es_bid"])]
    holes = {**columns, "es_bid": bids}
    assert read(pl.DataFrame(holes)) == read_twin(holes)
    assert read(pl.DataFrame(holes)[50:]) == read_twin({name: column[50:] for name, column in holes.items()})


def test_arrow_of_every_kind() -> None:
    pa = pytest.importorskip("pyarrow")
    columns = sample()
    expected = read_twin(columns)
    table = pa.table(columns)
    assert read(table) == expected
    assert read(pa.concat_tables([table.slice(0, 13), table.slice(13, 90), table.slice(103)])) == expected
    assert read(table.to_reader(max_chunksize=17)) == expected
    assert read({name: table[name] for name in NAMES}) == expected
    for kind in (pa.string(), pa.large_string()):
        spelt = pa.table({name: pa.array(cells, kind) for name, cells in texts(columns).items()})
        assert read(spelt) == expected
    whole = {name: [round(price) if price == price else None for price in columns[name]] for name in PRICES}
    whole["ts"] = columns["ts"]
    kinds = {"es_bid": pa.int32(), "es_ask": pa.uint16(), "spy_bid": pa.int16(), "spy_ask": pa.int64()}
    typed = pa.table({name: pa.array(whole[name], kinds.get(name, pa.uint64())) for name in NAMES})
    assert read(typed.slice(3)) == read_twin({name: column[3:] for name, column in whole.items()})
    nothing = pa.table({**columns, "es_bid": pa.nulls(len(columns["ts"]))})
    assert read(nothing)[2]["missing"] == len(columns["ts"])


def test_arrow_expiries_are_dates_or_instants() -> None:
    pa = pytest.importorskip("pyarrow")
    columns = sample()
    day = datetime(2026, 6, 18).date()
    expected = read_twin({**columns, "expiry": [day] * len(columns["ts"])})
    assert expected[0][0][-1] == calendar.read_expiry("2026-06-18")
    assert read(pa.table({**columns, "expiry": [day] * len(columns["ts"])})) == expected
    instant = datetime(2026, 6, 18, 13, 30, tzinfo=timezone.utc)
    assert read(pa.table({**columns, "expiry": [instant] * len(columns["ts"])})) == expected


def test_types_that_are_not_read_are_said() -> None:
    pa = pytest.importorskip("pyarrow")
    columns = sample()
    for bad, name in (
        (pa.array([True] * 300), "es_bid"),
        (pa.array(columns["es_bid"]).dictionary_encode(), "es_bid"),
        (pa.array(columns["ts"], pa.timestamp("ns")), "spy_ask"),
        (pa.array([timedelta(1)] * 300), "ts"),
    ):
        with pytest.raises(InputError, match=f"Column {name} of the data has Arrow's type .* cast it"):
            read(pa.table({**columns, name: bad}))
    with pytest.raises(InputError, match="one column, not a table"):
        read(pa.chunked_array([pa.array(columns["ts"])]))


class Broken:
    """A table whose producer fails in the middle."""

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        import pyarrow as pa

        def batches() -> Iterator[Any]:
            yield pa.record_batch(sample())
            raise OSError("the disk is gone")

        schema = pa.record_batch(sample()).schema
        return pa.RecordBatchReader.from_batches(schema, batches()).__arrow_c_stream__()


def test_a_producer_that_fails_is_said() -> None:
    pytest.importorskip("pyarrow")
    with pytest.raises(InputError, match=r"cannot be read .*the disk is gone"):
        read(Broken())


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"ts": None}, ("missing_column", None, "ts")),
        ({"TS": [1]}, ("duplicate_column", None, "ts")),
        ({"es_ask": [1.0]}, ("too_few", None, "es_ask")),
    ],
)
def test_columns_that_do_not_fit_are_refused(changes: dict[str, Any], fault: tuple[Any, ...]) -> None:
    columns = {**sample(), **changes}
    assert read({name: column for name, column in columns.items() if column is not None})[3] == fault


def test_sentences_say_what_where_and_what_to_do() -> None:
    columns = {**sample(), "spy_bid": ["six\x1b"] * 300}
    reader = ColumnReader("quotes.parquet", expiry_of=calendar.read_expiry)
    next(batches_into(columns, reader))
    with pytest.raises(DataError) as caught:
        reader.take()
    assert str(caught.value) == (
        r"quotes.parquet, row 1, column spy_bid: 'six\x1b' is not a number; correct it or skip bad "
        "rows (--skip-bad)."
    )


class Struct(ctypes.Structure):
    """The head of an ArrowArray; https://arrow.apache.org/docs/format/CDataInterface.html."""


Struct._fields_ = [
    *((name, ctypes.c_int64) for name in ("length", "null_count", "offset", "n_buffers", "n_children")),
    ("buffers", ctypes.POINTER(ctypes.c_void_p)),
    ("children", ctypes.POINTER(ctypes.POINTER(Struct))),
    *((name, ctypes.c_void_p) for name in ("dictionary", "release", "private_data")),
]


class Damaged:
    """A table of one batch that its producer describes wrongly."""

    def __init__(self, batch: Any, damage: Callable[[Any, Any], None]) -> None:
        self.batch, self.damage, self.given = batch, damage, False

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        call = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)
        say = ctypes.CFUNCTYPE(ctypes.c_char_p, ctypes.c_void_p)
        end = ctypes.CFUNCTYPE(None, ctypes.c_void_p)

        def next_batch(stream: int, out: int) -> int:
            array = Struct.from_address(out)
            if self.given:
                array.release = None
                return 0
            self.given = True
            self.batch._export_to_c(out)
            self.damage(array, array.children[1].contents)
            return 0

        self.calls = (
            call(lambda stream, out: self.batch.schema._export_to_c(out) or 0),
            call(next_batch),
            say(lambda stream: b""),
            end(lambda stream: None),
        )
        places = [ctypes.cast(each, ctypes.c_void_p) for each in self.calls]
        self.stream = (ctypes.c_void_p * 5)(*places, None)
        new = ctypes.pythonapi.PyCapsule_New
        new.restype, new.argtypes = ctypes.py_object, [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p]
        return new(ctypes.addressof(self.stream), b"arrow_array_stream", None)


def no_buffer(number: int) -> Callable[[Any, Any], None]:
    def damage(batch: Any, column: Any) -> None:
        column.buffers[number] = None

    return damage


def changed(name: str, by: int, *, of_batch: bool = False) -> Callable[[Any, Any], None]:
    def damage(batch: Any, column: Any) -> None:
        what = batch if of_batch else column
        setattr(what, name, getattr(what, name) + by)

    return damage


#: Of text offsets come second and characters third.
OFFSETS_ALONE = {"string": no_buffer(2), "large_string": no_buffer(2)}


@pytest.mark.parametrize("kind", ["float64", "string", "large_string", "string_view"])
@pytest.mark.parametrize(
    "damage",
    [
        no_buffer(1), None, changed("n_buffers", -3), changed("length", -1), changed("offset", -1),
        changed("offset", -1, of_batch=True), changed("length", 1, of_batch=True),
        changed("n_children", -1, of_batch=True),
    ],
)  # fmt: skip
def test_a_column_that_is_shorter_than_it_says_is_an_error(
    kind: str, damage: Callable[[Any, Any], None] | None
) -> None:
    pa = pytest.importorskip("pyarrow")
    columns = sample()
    if kind != "float64":
        columns["es_bid"] = [str(value) for value in columns["es_bid"]]
    made = [pa.array(columns[name], type=kind if name == "es_bid" else None) for name in NAMES]
    batch = pa.RecordBatch.from_arrays(made, names=list(NAMES))
    assert read(Damaged(batch, lambda batch, column: None))[0] == read(batch)[0]
    with pytest.raises(InputError, match=r"is broken .* than it says.; get it again"):
        read(Damaged(batch, damage or OFFSETS_ALONE.get(kind, no_buffer(1))))


@pytest.mark.parametrize("kind", ["string", "large_string", "string_view"])
def test_arrow_text_that_is_empty_everywhere_has_no_prices(kind: str) -> None:
    pa = pytest.importorskip("pyarrow")
    columns = {name: column[:3] for name, column in sample().items()}
    table = pa.table({**columns, "es_bid": pa.array([""] * 3, type=kind)})
    assert read(table)[1:3] == (3, {"missing": 3, "crossed": 0, "malformed": 0})
    for length in (0, 1):
        assert read(table.slice(0, length))[1] == length
    nulls = pa.table({**columns, "es_bid": pa.nulls(3, type=kind)})
    assert read(nulls.slice(1, 2))[1:3] == (2, {"missing": 2, "crossed": 0, "malformed": 0})


def test_batches_without_rows_are_passed_over() -> None:
    pa = pytest.importorskip("pyarrow")
    batch = pa.record_batch(sample())
    empty = batch.slice(5, 0)
    several = pa.Table.from_batches([empty, batch.slice(0, 7), empty, empty, batch.slice(7), empty])
    assert read(several) == read(batch)


def test_rows_that_miss_a_column_are_never_handed_out() -> None:
    reader = ColumnReader(expiry_of=calendar.read_expiry)
    assert reader.take() == []
    reader.begin(0)
    assert reader.take() == []
    reader.begin(3)
    reader.column("ts", array("q", [START_NS, START_NS + 1, START_NS + 2]))
    with pytest.raises(BrokenInvariant, match="no column es_bid"):
        reader.take()


@pytest.mark.parametrize("place", range(8))
def test_numbers_are_read_wherever_they_lie(place: int) -> None:
    np = pytest.importorskip("numpy")
    columns = sample()

    def moved(values: list[Any], kind: str) -> Any:
        plain = np.array(values, dtype=kind)
        return np.frombuffer(b"." * place + plain.tobytes(), dtype=kind, offset=place)

    found = {name: moved(columns[name], "i8" if name == "ts" else "f8") for name in NAMES}
    assert read(found) == read_twin(columns)


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair.name)
def test_every_pair_of_the_table_is_read_by_the_names_of_its_symbols(pair: Pair) -> None:
    names = [f"{leg}_{side}" for leg in (pair.future, pair.etf) for side in ("bid", "ask")]
    found = resolve(["ts", *names], where="quotes", line=1, use_factor=False)
    assert (found.pair, list(found.places.values())) == (pair.name, [0, 1, 2, 3, 4])
