"""A conversion leaves a backtest as it was."""

import gzip
from pathlib import Path

import pytest
from leg_files import SECOND, TEN, iso, write_leg

import arbcore
import arbcore.quotes
from arbcore.errors import DataError, InputError, UsageError

MINUTE = 60 * SECOND
HEADER = "ts,es_bid,es_ask,spy_bid,spy_ask"
ROWS = [
    (TEN + at * MINUTE, 6000.0 + at % 9, 6000.25 + at % 9, 598.0 + at % 5 / 100, 598.01 + at % 5 / 100)
    for at in range(500)
]


def odd_rows() -> list[tuple]:
    rows = list(ROWS)
    rows[7] = (rows[7][0], None, *rows[7][2:])
    rows[9] = (rows[9][0], rows[9][1], 1.0, *rows[9][3:])
    return rows


def result_of(path: Path) -> dict:
    result = arbcore.backtest(path, factor=10.03, entry_bps=3, exit_bps=1, cost_bps=0.5)
    return {name: value for name, value in result.summary.items() if name != "notes"}


@pytest.mark.parametrize("ending", [".csv", ".csv.gz", ".parquet", ".arrow"])
@pytest.mark.parametrize("header", [HEADER, f"{HEADER},expiry,other"])
def test_every_format_and_back_gives_the_same_backtest(tmp_path: Path, ending: str, header: str) -> None:
    if not ending.startswith(".csv"):
        pytest.importorskip("pyarrow")
    rows = [(*row, "2026-03-20", "x") if "expiry" in header else row for row in odd_rows()]
    first = write_leg(tmp_path / "first.csv", rows, header=header)
    middle, last = tmp_path / f"middle{ending}", tmp_path / "last.csv"
    summary = arbcore.quotes.convert(first, middle).summary
    assert (summary["rows"], summary["rows_in"], summary["pair"]) == (500, 500, "es-spy")
    arbcore.quotes.convert(middle, last)
    assert result_of(last) == result_of(middle) == result_of(first)
    skipped = {reason: count for reason, count in result_of(first)["rows_skipped"].items() if count}
    assert skipped == {"missing": 1, "crossed": 1}


@pytest.mark.parametrize("row", ["x,1,2,3,4", "1772463600,x,2,3,4", "1772463600,1,2,3,x"])
@pytest.mark.parametrize(
    "header", ["timestamp,ES Bid,ESAsk,SPYBid,spy-ask", "ts,fut_bid,fut_ask,etf_bid,etf_ask"]
)
def test_a_bad_cell_is_told_in_the_words_of_the_backtest(tmp_path: Path, header: str, row: str) -> None:
    path = tmp_path / "bad.csv"
    path.write_text(f"{header}\n{row}\n", encoding="utf-8")
    with pytest.raises(DataError) as wanted:
        arbcore.backtest(path, pair="es-spy")
    for read in (arbcore.quotes.check, lambda bad: arbcore.quotes.convert(bad, tmp_path / "out.csv")):
        with pytest.raises(DataError) as found:
            read(path)
        assert (str(found.value), found.value.column) == (str(wanted.value), wanted.value.column)


def test_text_is_copied_as_it_stands_but_for_its_times(tmp_path: Path) -> None:
    first = tmp_path / "first.csv"
    first.write_text(
        f'{HEADER},expiry\n{TEN // SECOND},6000.2500,"6000.50",598.1,598.11,ESH26\n'
        f"{TEN // SECOND + 1},,1,x2,3,ESH26\n",
        encoding="utf-8",
    )
    with pytest.raises(DataError, match="line 3, column spy_bid"):
        arbcore.quotes.convert(first, tmp_path / "out.csv")
    assert not (tmp_path / "out.csv").exists()
    summary = arbcore.quotes.convert(first, tmp_path / "out.csv.gz", skip_bad=True).summary
    assert summary["rows_skipped"] == {"malformed": 1}
    text = gzip.decompress((tmp_path / "out.csv.gz").read_bytes()).decode()
    assert text == f"{HEADER},expiry\n{iso(TEN)},6000.2500,6000.50,598.1,598.11,ESH26\n"


def test_pair_names_the_columns(tmp_path: Path) -> None:
    plain = write_leg(tmp_path / "q.csv", ROWS, header="ts,fut_bid,fut_ask,etf_bid,etf_ask")
    out = tmp_path / "out.csv"
    assert any("--pair" in note for note in arbcore.quotes.convert(plain, out).notes)
    assert out.read_text(encoding="utf-8").startswith("ts,fut_bid,")
    assert arbcore.quotes.convert(plain, out, pair="nq-qqq").summary["pair"] == "nq-qqq"
    assert out.read_text(encoding="utf-8").startswith("ts,nq_bid,nq_ask,qqq_bid,qqq_ask\n")
    named = write_leg(tmp_path / "n.csv", ROWS, header=HEADER)
    assert arbcore.quotes.convert(named, out, pair="mes-spy").summary["pair"] == "es-spy"
    with pytest.raises(UsageError, match="nq-qqq"):
        arbcore.quotes.convert(named, out, pair="nq-qqq")


def test_ticks_and_sessions(tmp_path: Path) -> None:
    rows = [(TEN + at * SECOND, 6000.0 + at, 6001.0 + at, 598.0, 598.01) for at in (0, 1, 2, 12, 25_000)]
    path = write_leg(tmp_path / "q.csv", rows, header=HEADER)
    out = tmp_path / "out.csv"
    summary = arbcore.quotes.convert(path, out, every="2s").summary
    lines = out.read_text(encoding="utf-8").splitlines()[1:]
    ticks = [0, 2, 4, 6, 12, 14, 16, 25_000]
    assert [line.split(",")[0] for line in lines] == [iso(TEN + at * SECOND) for at in ticks]
    assert [float(line.split(",")[1]) - 6000 for line in lines] == [0, 2, 2, 2, 12, 12, 12, 25_000]
    assert summary["rows_skipped"] == {"stale": 25_000 // 2 + 1 - len(ticks)}
    closed = arbcore.quotes.convert(path, out, session="rth").summary
    assert closed["rows_skipped"] == {"closed": 1}


def test_order_and_emptiness(tmp_path: Path) -> None:
    path = write_leg(tmp_path / "q.csv", [*ROWS, ROWS[0]], header=HEADER)
    out = tmp_path / "out.csv"
    with pytest.raises(DataError, match="time goes back"):
        arbcore.quotes.convert(path, out)
    assert arbcore.quotes.convert(path, out, sort=True).summary["rows"] == 501
    with pytest.raises(InputError, match="no rows"):
        arbcore.quotes.convert(write_leg(tmp_path / "e.csv", [], header=HEADER), tmp_path / "none.csv")
    assert not (tmp_path / "none.csv").exists()
