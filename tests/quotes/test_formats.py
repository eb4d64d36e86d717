"""Files of other formats: the CSV's result, and one sentence where they are wrong or a library lacks."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import arbcore
from arbcore.cli import main
from arbcore.errors import RunError
from arbcore.quotes import tables
from arbcore.quotes.table import Table

SAMPLE = Path(__file__).resolve().parents[2] / "examples" / "es_spy_synthetic.csv"
SETTINGS: dict[str, Any] = {"factor": 10.03, "entry_bps": 3, "exit_bps": 0.5, "cost_bps": 0.5}


def write_zstd(path: Path) -> None:
    zstandard = pytest.importorskip("zstandard")
    data = SAMPLE.read_bytes()
    packer = zstandard.ZstdCompressor()
    path.write_bytes(packer.compress(data[:20_000]) + packer.compress(data[20_000:]))


def table_of_sample() -> Any:
    pytest.importorskip("pyarrow")
    import pyarrow.csv

    return pyarrow.csv.read_csv(SAMPLE)


def write_parquet(path: Path) -> None:
    table = table_of_sample()
    import pyarrow.parquet

    pyarrow.parquet.write_table(table.append_column("note", table["ts"]), path, row_group_size=100)


def write_arrow(path: Path) -> None:
    table = table_of_sample()
    import pyarrow.ipc

    with pyarrow.ipc.new_file(path, table.schema) as writer:
        writer.write_table(table, max_chunksize=100)


def write_arrow_stream(path: Path) -> None:
    table = table_of_sample()
    import pyarrow.ipc

    with pyarrow.ipc.new_stream(path, table.schema) as writer:
        writer.write_table(table, max_chunksize=100)


FORMATS = [write_zstd, write_parquet, write_arrow, write_arrow_stream]


@pytest.mark.parametrize("write", FORMATS)
def test_every_format_gives_what_the_csv_gives(write: Callable[[Path], None], tmp_path: Path) -> None:
    path = tmp_path / "quotes"
    write(path)
    expected = arbcore.backtest(SAMPLE, **SETTINGS)
    found = arbcore.backtest(path, **SETTINGS)
    assert found.summary == expected.summary
    assert dict(found.trades or {}) == dict(expected.trades or {})
    assert arbcore.backtest(path, sort=True, **SETTINGS).summary == expected.summary


@pytest.mark.parametrize("write", FORMATS)
@pytest.mark.parametrize("damage", ["cut", "changed"])
def test_damaged_files_end_with_one_sentence_and_exit_3(
    write: Callable[[Path], None], damage: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "quotes.bin"
    write(path)
    data = bytearray(path.read_bytes())
    if damage == "cut":
        del data[len(data) * 2 // 3 :]
    else:
        middle = len(data) // 3
        data[middle : len(data)] = b"\xa5" * (len(data) - middle)
    path.write_bytes(data)
    assert main(["backtest", str(path), "--factor", "10.03"]) == 3
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert "quotes.bin" in err
    assert "get it again" in err or "cannot be read (" in err


@pytest.mark.parametrize(
    ("head", "extra"), [(b"PAR1", "parquet"), (b"ARROW1", "arrow"), (b"\x28\xb5\x2f\xfd", "zstd")]
)
def test_a_library_that_lacks_is_named_with_its_extra(
    head: bytes, extra: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("pyarrow", "pyarrow.parquet", "pyarrow.ipc", "zstandard"):
        monkeypatch.setitem(sys.modules, name, None)
    path = tmp_path / "quotes.bin"
    path.write_bytes(head + b"and more")
    with pytest.raises(RunError, match=rf"not installed; install it with `pip install '\.\[{extra}\]'` in"):
        arbcore.backtest(path)


def test_a_parquet_file_without_a_column_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = table_of_sample()
    import pyarrow.parquet

    path = tmp_path / "quotes.parquet"
    pyarrow.parquet.write_table(table.drop_columns(["spy_ask"]), path)
    assert main(["backtest", str(path)]) == 3
    assert "there is no column spy_ask in " in capsys.readouterr().err


def test_a_bad_cell_of_a_parquet_file_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = table_of_sample()
    import pyarrow as pa
    import pyarrow.parquet

    path = tmp_path / "quotes.parquet"
    prices = table["es_bid"].to_pylist()
    prices[500] = 1e13
    pyarrow.parquet.write_table(table.set_column(1, "es_bid", pa.array(prices)), path, row_group_size=100)
    assert main(["backtest", str(path)]) == 3
    err = capsys.readouterr().err
    assert "quotes.parquet, row 501, column es_bid: 10000000000000.0 is not between" in err


def test_columns_of_a_file_are_not_taken_into_memory_at_once(tmp_path: Path) -> None:
    write_parquet(tmp_path / "quotes.parquet")
    with tables.open_table(tmp_path / "quotes.parquet") as (table, _):
        batches = [batch.num_rows for batch in table]
    assert len(batches) > 1 or max(batches) <= tables.BATCH_ROWS


# --- results ------------------------------------------------------------------------------------------------


def both_tables() -> tuple[Table, Table]:
    result = arbcore.backtest(SAMPLE, **SETTINGS)
    assert result.trades is not None
    assert result.equity is not None
    return result.trades, result.equity


def test_results_become_pandas_frames() -> None:
    pytest.importorskip("pandas")
    trades, equity = both_tables()
    frame = trades.to_pandas()
    assert list(frame.columns) == list(trades)
    assert frame["net_pnl"].tolist() == list(trades["net_pnl"])
    assert [ts.value for ts in frame["entry_ts"]] == list(trades["entry_ts"])
    assert str(frame["entry_ts"].dtype) == "datetime64[ns, UTC]"
    assert equity.to_pandas()["equity"].sum() == pytest.approx(sum(equity["equity"]))


def test_results_become_polars_frames_and_arrow_tables() -> None:
    pl = pytest.importorskip("polars")
    pa = pytest.importorskip("pyarrow")
    for table in both_tables():
        frame = table.to_polars()
        assert frame.columns == list(table)
        assert frame.height == table.height
        arrow = pa.table(table.to_arrow())
        for name in table:
            is_time = name == "ts" or name.endswith("_ts")
            plain = frame[name].dt.timestamp("ns") if is_time else frame[name]
            assert plain.to_list() == list(table[name])
            assert not is_time or arrow.schema.field(name).type == pa.timestamp("ns", tz="UTC")
        assert pl.DataFrame(arrow).equals(frame)


def test_an_empty_result_has_the_types_of_a_full_one() -> None:
    pytest.importorskip("polars")
    full, _ = both_tables()
    empty = arbcore.backtest(SAMPLE, **{**SETTINGS, "entry_bps": 1_000}).trades
    assert empty is not None
    assert empty.height == 0
    assert empty.to_polars().schema == full.to_polars().schema


def test_a_table_is_taken_through_arrows_stream() -> None:
    pa = pytest.importorskip("pyarrow")
    _, equity = both_tables()
    taken = pa.RecordBatchReader.from_stream(equity).read_all()
    assert taken["equity"].to_pylist() == list(equity["equity"])
