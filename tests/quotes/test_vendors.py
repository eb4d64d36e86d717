"""Every vendor's spelling: the rows that it means, and the sentence where it lacks something."""

import datetime as dt
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from leg_files import SECOND, TEN, iso, write_leg

import arbcore.quotes
from arbcore.errors import ArbcoreError, DataError, InputError, UsageError

ETF = [(TEN + at * SECOND, 598.1, 598.11) for at in range(4)]


def joined(tmp_path: Path, fut: Any, **options: Any) -> Any:
    return arbcore.quotes.join(fut, write_leg(tmp_path / "etf.csv", ETF), session="all", **options)


def write(path: Path, *lines: str) -> Path:
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def quotes_of(result: Any, side: str = "fut") -> list[tuple]:
    names = [name for name in result.table if name.endswith(("_bid", "_ask"))]
    bid, ask = names[:2] if side == "fut" else names[2:]
    return list(zip(result.table["ts"], result.table[bid], result.table[ask], strict=True))


FIRST = [(TEN, 6000.25, 6000.5), (TEN + SECOND, 6000.0, 6000.25)]


def test_databento_csv_as_written_for_people(tmp_path: Path) -> None:
    fut = write(
        tmp_path / "glbx.csv",
        " "
        " "
        " "
        " "
        "ts_recv,ts_event,rtype,publisher_id,instrument_id,side,price,size,flags,sequence,bid_px_00,"
        "ask_px_00,bid_sz_00,ask_sz_00,bid_ct_00,ask_ct_00,symbol",
        f"{iso(TEN)[:-1]}.000000000Z,,195,1,42,N,,0,0,0,6000.250000000,6000.500000000,3,4,1,1,ESH6",
        f"{iso(TEN + SECOND)[:-1]}.000000000Z,{iso(TEN)},195,1,42,N,6000.250000000,1,0,0,6000.000000000,"
        "6000.250000000,3,4,1,1,ESH6",
        f"{iso(TEN + 2 * SECOND)[:-1]}.000000000Z,,195,1,42,N,,0,0,0,,6000.250000000,3,4,1,1,ESH6",
    )
    result = joined(tmp_path, fut)
    assert quotes_of(result) == FIRST
    assert result.summary["pair"] == "es-spy"
    assert result.summary["rows_skipped"]["missing"] == 1
    assert list(result.table["expiry"]) == [(dt.date(2026, 3, 20) - dt.date(1970, 1, 1)).days] * 2


def test_databento_csv_in_raw_numbers(tmp_path: Path) -> None:
    fut = write(
        tmp_path / "glbx.csv",
        "ts_recv,ts_event,bid_px_00,ask_px_00,bid_sz_00,ask_sz_00,symbol",
        f"{TEN},18446744073709551615,6000250000000,6000500000000,3,4,ES.c.0",
        f"{TEN + SECOND},{TEN},6000000000000,6000250000000,3,4,ES.c.0",
        f"{TEN + 2 * SECOND},{TEN},9223372036854775807,6000250000000,3,4,ES.c.0",
    )
    result = joined(tmp_path, fut)
    assert quotes_of(result) == FIRST
    assert result.summary["pair"] == "es-spy"
    assert "expiry" not in result.table
    assert result.summary["rows_skipped"]["missing"] == 1


@pytest.mark.parametrize(
    ("header", "said"),
    [
        ("ts_event,bid_px_00,ask_px_00,symbol", ("Databento", "ts_recv")),
        ("ts_recv,ts_event,rtype,price,size", ("Databento", "bid_px_00")),
        ("ts_recv,ts_event,bid_px_00,symbol", ("Databento", "ask_px_00")),
        ("time,priceBid,sizeBid,sizeAsk", ("Interactive Brokers", "priceAsk")),
        ("date,open,high,low", ("Interactive Brokers", "bars", "close")),
        ("date,open,high,low,volume,average,barCount", ("Interactive Brokers", "bars", "close")),
        ("date,high,low,close", ("Interactive Brokers", "bars", "open")),
        ("open,high,low,close", ("Interactive Brokers", "bars", "no column date")),
        ("ts,close,volume", ("bars of trades",)),
        ("time,price,size", ("no column bid",)),
        ("bid,ask", ("no column ts",)),
        ("ts,bid,bid,ask", ("column bid is there twice",)),
        ("ts,es_bid,es_ask,nq_bid,nq_ask", ("es", "nq")),
    ],
)
def test_what_a_vendor_lacks_is_named(tmp_path: Path, header: str, said: tuple[str, ...]) -> None:
    fut = write(tmp_path / "fut.csv", header, ",".join("1" for _ in header.split(",")))
    with pytest.raises(InputError) as caught:
        joined(tmp_path, fut)
    assert all(word in str(caught.value) for word in ("fut.csv", *said)), str(caught.value)


BAR_TIMES = {
    "ISO with an offset": lambda ts_ns: iso(ts_ns - 5 * 3_600 * SECOND)[:-1].replace("T", " ") + "-05:00",
    "UTC": iso,
    "epoch": lambda ts_ns: ts_ns // SECOND,
}


@pytest.mark.parametrize("time", BAR_TIMES.values(), ids=BAR_TIMES)
@pytest.mark.parametrize("volume", [None, "-1", "-1.0"])
def test_ib_bars_are_timed_at_their_ends(tmp_path: Path, time: Any, volume: str | None) -> None:
    bars = [(0, 6000.25, 6000.5), (60, 6000.0, 6000.25), (120, 6000.0, 6000.25), (300, 6001.0, 6001.25)]
    lines = ["date,open,high,low,close" + (",volume,average,barCount" if volume else "")]
    for start_s, bid, ask in bars:
        ending = f",{volume},-1.0,-1" if volume else ""
        lines.append(f"{time(TEN + start_s * SECOND)},{bid},{ask + 1},{bid - 1},{ask}{ending}")
    etf = [(TEN + at * SECOND, 598.1, 598.11) for at in range(0, 600, 60)]
    result = arbcore.quotes.join(
        write(tmp_path / "bars.csv", *lines), write_leg(tmp_path / "e.csv", etf), session="all"
    )
    assert quotes_of(result) == [(TEN + (start_s + 60) * SECOND, bid, ask) for start_s, bid, ask in bars]
    assert any("time averages" in note and "1m" in note for note in result.notes)


def test_the_length_of_a_single_bar_has_to_be_said(tmp_path: Path) -> None:
    fut = write(
        tmp_path / "bars.csv", "date,open,high,low,close", f"{iso(TEN - SECOND)},6000.25,6001,5999,6000.5"
    )
    with pytest.raises(InputError, match="--bar"):
        joined(tmp_path, fut)
    assert quotes_of(joined(tmp_path, fut, bar="1s"))[0] == FIRST[0]


@pytest.mark.parametrize(
    ("header", "rows"),
    [
        ("date,open,high,low,close,volume", ["6000,6001,5999,6000.5,120"]),
        ("date,open,high,low,close,volume", ["6000,6001,5999,6000.5,-1", "6000,6001,5999,6000.5,0"]),
        ("ts,open,high,low,close", ["6000,6001,5999,6000.5", "6000.5,6001,5999,6000"]),
        (
            "ts_event,rtype,publisher_id,instrument_id,open,high,low,close,volume",
            ["32,1,42,6000,6001,5999,6000.5,9"],
        ),
    ],
)
def test_bars_of_trades_are_refused(tmp_path: Path, header: str, rows: list[str]) -> None:
    out = tmp_path / "out.csv"
    lines = [f"{iso(TEN + at * 60 * SECOND)},{row}" for at, row in enumerate(rows)]
    fut = write(tmp_path / "bars.csv", header, *lines)
    with pytest.raises(InputError, match=r"bars of trades.*needs quotes"):
        arbcore.quotes.join(fut, write_leg(tmp_path / "e.csv", ETF), out, session="all")
    frame = {name: [line.split(",")[at] for line in lines] for at, name in enumerate(header.split(","))}
    with pytest.raises(InputError, match=r"bars of trades.*needs quotes"):
        arbcore.quotes.join(frame, write_leg(tmp_path / "e.csv", ETF), out, session="all")
    assert not out.exists()


@pytest.mark.parametrize(
    "header",
    [
        "time,priceBid,priceAsk,sizeBid,sizeAsk",
        "time,price_bid,price_ask,size_bid,size_ask",
        "Time,Price Bid,Price Ask",
    ],
)
def test_ib_ticks(tmp_path: Path, header: str) -> None:
    rows = [(*row, *[3] * (header.count(",") - 2)) for row in FIRST]
    assert quotes_of(joined(tmp_path, write_leg(tmp_path / "ticks.csv", rows, header=header)))[:2] == FIRST


def test_a_recording_gives_either_leg(tmp_path: Path) -> None:
    rows = [(TEN, 6000.25, 6000.5, 598.1, 598.11), (TEN + SECOND, 6000.0, 6000.25, 598.1, 598.12)]
    both = write_leg(tmp_path / "rec.csv", rows, header="ts,es_bid,es_ask,spy_bid,spy_ask")
    result = arbcore.quotes.join(both, both, tmp_path / "out.csv", session="all")
    assert result.summary["pair"] == "es-spy"
    lines = (tmp_path / "out.csv").read_text(encoding="utf-8").splitlines()
    assert lines[0] == "ts,es_bid,es_ask,spy_bid,spy_ask,fut_age_ms,etf_age_ms"
    assert lines[1] == f"{iso(TEN)},6000.25,6000.5,598.1,598.11,0,0"


@pytest.mark.parametrize(
    "header", ["ts;bid;ask", "Timestamp\tBid\tAsk", 'datetime,"bid","ask"', "date,bid,ask,bid_size"]
)
def test_plain_files_of_any_separator(tmp_path: Path, header: str) -> None:
    separator = max(",;\t", key=header.count)
    lines = [header]
    for ts_ns, bid, ask in FIRST:
        lines.append(
            separator.join([iso(ts_ns), str(bid), f'"{ask}"', *["1"] * (header.count(separator) - 2)])
        )
    assert quotes_of(joined(tmp_path, write(tmp_path / "plain.csv", *lines)))[:2] == FIRST


def test_date_and_time_in_two_columns(tmp_path: Path) -> None:
    lines = ["date,time,bid,ask"]
    lines += [f"{iso(ts_ns)[:10]},{iso(ts_ns)[11:19]},{bid},{ask}" for ts_ns, bid, ask in FIRST]
    result = joined(tmp_path, write(tmp_path / "plain.csv", *lines))
    assert quotes_of(result)[:2] == FIRST
    assert any("no zone" in note for note in result.notes)


# --- DBN ------------------------------------------------------------------------------------------------


def dbn_records(dbn: Any, schema: str, rows: list[tuple], instrument: int = 42) -> bytes:
    made = []
    for ts_ns, bid, ask in rows:
        level = dbn.BidAskPair(
            bid_px=fixed(dbn, bid), ask_px=fixed(dbn, ask), bid_sz=3, ask_sz=4, bid_ct=1, ask_ct=1
        )
        shared = {"publisher_id": 1, "instrument_id": instrument, "price": dbn.UNDEF_PRICE, "size": 1,
                  "side": dbn.Side.NONE, "ts_recv": ts_ns, "levels": level}  # fmt: skip
        if schema.startswith("bbo"):
            rtype = {"bbo-1s": 0xC3, "bbo-1m": 0xC4}[schema]
            made.append(dbn.BBOMsg(rtype=rtype, ts_event=dbn.UNDEF_TIMESTAMP, **shared))
        else:
            made.append(dbn.MBP1Msg(ts_event=ts_ns - 77, action=dbn.Action.MODIFY, depth=0, **shared))
    return b"".join(map(bytes, made))


def fixed(dbn: Any, value: float | None) -> int:
    return int(dbn.UNDEF_PRICE) if value is None else round(value * 10**9)


def day(text: str) -> dt.date:
    return dt.date.fromisoformat(text)


def dbn_metadata(
    dbn: Any, schema: str, mappings: dict[str, list[tuple[str, str, int]]], start: int = TEN
) -> bytes:
    parts = [
        SimpleNamespace(raw_symbol=symbol, intervals=[
            SimpleNamespace(start_date=day(first), end_date=day(after), symbol=str(number))
            for first, after, number in intervals
        ])
        for symbol, intervals in mappings.items()
    ]  # fmt: skip
    return bytes(dbn.Metadata(
        dataset="GLBX.MDP3", start=start, stype_in=dbn.SType.PARENT, stype_out=dbn.SType.INSTRUMENT_ID,
        schema=dbn.Schema.from_str(schema), symbols=["ES.FUT"], mappings=parts, version=3,
    ))  # fmt: skip


MARCH = {"ESH6": [("2026-03-02", "2026-03-03", 42)]}


@pytest.mark.parametrize("schema", ["bbo-1s", "bbo-1m", "mbp-1", "tbbo"])
@pytest.mark.parametrize("compressed", [False, True])
def test_dbn(tmp_path: Path, schema: str, compressed: bool) -> None:
    dbn = pytest.importorskip("databento_dbn")
    data = dbn_metadata(dbn, schema, MARCH) + dbn_records(
        dbn, schema, [*FIRST, (TEN + 2 * SECOND, None, 6000.0), (TEN + 3 * SECOND, 6000.5, 6000.0)]
    )
    path = tmp_path / "glbx.dbn"
    if compressed:
        data = pytest.importorskip("zstandard").ZstdCompressor().compress(data)
        path = tmp_path / "glbx.dbn.zst"
    path.write_bytes(data)
    result = joined(tmp_path, path)
    assert quotes_of(result) == FIRST
    assert result.summary["pair"] == "es-spy"
    assert result.summary["rows_in"]["fut"] == 4
    assert result.summary["rows_skipped"] == {
        "missing": 1,
        "crossed": 1,
        "closed": 0,
        "unpaired": 2,
        "stale": 0,
    }


@pytest.mark.parametrize("compressed", [False, True])
def test_half_a_dbn_file_is_refused(tmp_path: Path, compressed: bool) -> None:
    dbn = pytest.importorskip("databento_dbn")
    data = dbn_metadata(dbn, "bbo-1s", MARCH) + dbn_records(dbn, "bbo-1s", FIRST * 50)
    if compressed:
        data = pytest.importorskip("zstandard").ZstdCompressor().compress(data)
    for cut in (1, 7, len(data) // 2, len(data) - 5):
        path = tmp_path / ("glbx.dbn.zst" if compressed else "glbx.dbn")
        path.write_bytes(data[:-cut])
        with pytest.raises(InputError, match=r"glbx\.dbn.*(cut short|no whole)"):
            joined(tmp_path, path, sort=True)


def test_dbn_of_another_schema_names_what_is_wanted(tmp_path: Path) -> None:
    dbn = pytest.importorskip("databento_dbn")
    path = tmp_path / "glbx.dbn"
    path.write_bytes(dbn_metadata(dbn, "trades", MARCH))
    with pytest.raises(InputError, match=r"Databento.*trades.*bid_px_00.*bbo-1s"):
        joined(tmp_path, path)


def test_dbn_leaves_spreads_out_and_refuses_an_unknown_instrument(tmp_path: Path) -> None:
    dbn = pytest.importorskip("databento_dbn")
    mappings = MARCH | {"ESH6-ESM6": [("2026-03-02", "2026-03-03", 43)]}
    head = dbn_metadata(dbn, "bbo-1s", mappings)
    path = tmp_path / "glbx.dbn"
    path.write_bytes(
        head
        + dbn_records(dbn, "bbo-1s", FIRST)
        + dbn_records(dbn, "bbo-1s", [(TEN + SECOND, 50.0, 51.0)], 43)
    )
    result = joined(tmp_path, path)
    assert quotes_of(result) == FIRST + [(TEN + at * SECOND, 6000.0, 6000.25) for at in (2, 3)]
    assert result.summary["rows_skipped"]["other_contract"] == 1
    path.write_bytes(head + dbn_records(dbn, "bbo-1s", FIRST, 99))
    with pytest.raises(InputError, match="instrument 99"):
        joined(tmp_path, path)


# --- symbols --------------------------------------------------------------------------------------------


def with_symbols(path: Path, *symbols: str) -> Path:
    rows = [(TEN + at * SECOND, 6000.0, 6000.25, symbol) for at, symbol in enumerate(symbols)]
    return write_leg(path, rows, header="ts,bid,ask,symbol")


@pytest.mark.parametrize(
    ("symbols", "error", "said"),
    [
        (("ESH6", "NQH6"), InputError, "two products, ES and NQ"),
        (("ESH6", "MESH6"), InputError, "two products"),
        (("ES", "ESH6"), InputError, "ESH6"),
        (("SPY",), UsageError, "swap"),
        (("AAPL",), InputError, "AAPL"),
        (("???",), InputError, "not a symbol"),
    ],
)
def test_symbols_that_do_not_belong(
    tmp_path: Path, symbols: tuple, error: type[ArbcoreError], said: str
) -> None:
    with pytest.raises(error, match=said.replace("?", r"\?")):
        joined(tmp_path, with_symbols(tmp_path / "fut.csv", *symbols), out=tmp_path / "out.csv")
    assert not list(tmp_path.glob("*out*"))


@pytest.mark.parametrize("symbols", [("ES.c.0", "ES.c.1"), ("ES.c.0", "ES.v.0"), ("ES", "ES.n.0")])
def test_two_continuous_symbols_are_not_one_contract(tmp_path: Path, symbols: tuple) -> None:
    with pytest.raises(InputError, match=f"holds {symbols[0]} and {symbols[1]}"):
        joined(tmp_path, with_symbols(tmp_path / "fut.csv", *symbols))


@pytest.mark.parametrize(
    ("symbol", "is_noted"),
    [("ES.c.0", False), ("ES", False), ("/ES", False), ("ES.v.0", True), ("es.n.0", True), ("ES.c.1", True)],
)
def test_a_continuous_symbol_that_is_not_always_the_front_contract_is_noted(
    tmp_path: Path, symbol: str, is_noted: bool
) -> None:
    result = joined(tmp_path, with_symbols(tmp_path / "fut.csv", symbol, symbol))
    assert result.summary["pair"] == "es-spy"
    noted = [note for note in result.notes if symbol in note and "front" in note]
    assert bool(noted) is is_noted


def test_two_continuous_symbols_of_dbn_are_not_one_contract(tmp_path: Path) -> None:
    dbn = pytest.importorskip("databento_dbn")
    numbers = {"ES.c.0": 42, "ES.c.1": 43}
    span = ("2026-03-02", "2026-03-03")
    path = tmp_path / "glbx.dbn"
    path.write_bytes(
        dbn_metadata(dbn, "mbp-1", {symbol: [(*span, number)] for symbol, number in numbers.items()})
        + dbn_records(dbn, "mbp-1", FIRST)
    )
    with pytest.raises(InputError, match=r"holds ES\.c\.[01] and ES\.c\.[01]"):
        joined(tmp_path, path)


@pytest.mark.parametrize("symbol", ["ES 03-26", "ESH26.CME", "ES1!", "ESH6-ESM6"])
def test_a_file_of_codes_that_are_not_known_names_one(tmp_path: Path, symbol: str) -> None:
    with pytest.raises(InputError, match=f"'{symbol}'.*such as ESH26"):
        joined(tmp_path, with_symbols(tmp_path / "fut.csv", symbol))


@pytest.mark.parametrize(
    ("fut", "etf", "pair", "columns"),
    [
        (None, None, None, "fut etf"), (None, None, "nq-qqq", "nq qqq"), ("NQH6", None, None, "nq qqq"),
        ("NQM2026", "QQQ", None, "nq qqq"),
        ("MESH26", "SPY", None, "mes spy"), (None, "SPY", None, "fut etf"),
        (None, "SPY", "mes-spy", "mes spy"), ("ESH6", "SPY", "mes-spy", "es spy"),
        ("/RTYH26", "IWM", None, "rty iwm"),
    ],
)  # fmt: skip
def test_columns_are_the_symbols_own(
    tmp_path: Path, fut: str | None, etf: str | None, pair: str | None, columns: str
) -> None:
    paths = []
    for name, symbol in (("f.csv", fut), ("e.csv", etf)):
        path = tmp_path / name
        paths.append(with_symbols(path, symbol) if symbol else write_leg(path, [(TEN, 1.0, 2.0)]))
    result = arbcore.quotes.join(*paths, session="all", pair=pair)
    first, second = columns.split()
    assert list(result.table)[1:5] == [f"{first}_bid", f"{first}_ask", f"{second}_bid", f"{second}_ask"]
    assert result.summary["pair"] == (None if first == "fut" else f"{first}-{second}")


@pytest.mark.parametrize(
    ("fut", "etf", "pair", "error"),
    [("ESH6", "SPY", "nq-qqq", UsageError), ("ESH6", None, "nq-qqq", UsageError),
     (None, "SPY", "nq-qqq", UsageError),
     ("ESH6", "QQQ", None, InputError)],
)  # fmt: skip
def test_a_pair_that_contradicts_the_data(
    tmp_path: Path, fut: str | None, etf: str | None, pair: str | None, error: type[ArbcoreError]
) -> None:
    paths = []
    for name, symbol in (("f.csv", fut), ("e.csv", etf)):
        path = tmp_path / name
        paths.append(with_symbols(path, symbol) if symbol else write_leg(path, [(TEN, 1.0, 2.0)]))
    with pytest.raises(error):
        arbcore.quotes.join(*paths, session="all", pair=pair)


def test_a_malformed_row_is_named_and_can_be_skipped(tmp_path: Path) -> None:
    lines = ["ts,bid,ask", f"{iso(TEN)},6000.25,6000.5", f"{iso(TEN)},x,6000.5", "yesterday,1,2", "1,2",
             f"{iso(TEN + SECOND)},6000.0,6000.25"]  # fmt: skip
    fut = write(tmp_path / "f.csv", *lines)
    with pytest.raises(DataError) as caught:
        joined(tmp_path, fut)
    assert (caught.value.line, caught.value.column) == (3, "bid")
    result = joined(tmp_path, fut, skip_bad=True)
    assert quotes_of(result)[:2] == FIRST
    assert result.summary["rows_skipped"]["malformed"] == 3


def test_a_folder_of_dbn_files_is_read_in_order_and_rolled(tmp_path: Path) -> None:
    dbn = pytest.importorskip("databento_dbn")
    folder = tmp_path / "download"
    folder.mkdir()
    (folder / "manifest.json").write_text("{}", encoding="utf-8")
    days = ["2026-03-11", "2026-03-12", "2026-03-13"]
    moments = [int(dt.datetime.fromisoformat(f"{each}T17:00:00+00:00").timestamp()) * SECOND for each in days]
    for name, date, moment in zip("cab", days, moments, strict=True):
        after = str(day(date) + dt.timedelta(days=1))
        # The same number is another contract on the last day.
        numbers = {"ESH6": 42, "ESM6": 43} if date < "2026-03-13" else {"ESH6": 43, "ESM6": 42}
        head = dbn_metadata(
            dbn,
            "bbo-1s",
            {symbol: [(date, after, number)] for symbol, number in numbers.items()},
            start=moment,
        )
        rows = [dbn_records(dbn, "bbo-1s", [(moment, price, price + 0.25)], numbers[symbol])
                for symbol, price in (("ESH6", 6000.0), ("ESM6", 6050.0))]  # fmt: skip
        (folder / f"{name}.dbn").write_bytes(head + b"".join(rows))
    etf = write_leg(tmp_path / "e.csv", [(moment, 598.0, 598.01) for moment in moments])
    result = arbcore.quotes.join(folder, etf)
    assert list(result.table["ts"]) == moments
    assert list(result.table["es_bid"]) == [6000.0, 6050.0, 6050.0]
    assert result.summary["rows_skipped"]["other_contract"] == 3
