"""The page that is read before a backtest is believed: its numbers, its verdict, its picture."""

import math
import random
import re
import statistics
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from leg_files import TEN, iso, write_leg

import arbcore.quotes
from arbcore.errors import DataError, InputError, UsageError
from arbcore.quotes import paired
from arbcore.quotes.percentiles import EXACT_VALUES, Percentiles

MINUTE = 60 * 10**9
HEADER = "ts,es_bid,es_ask,spy_bid,spy_ask"


def years_left(ts_ns: int) -> float:
    """To the expiry of ESH26, 2026-03-20T13:30Z."""
    return (1_774_013_400 * 10**9 - ts_ns) / 1e9 / (365 * 86_400)


def market(
    rows: int, *, deviation: Any = lambda at: 0.0, level: float = 10.03, half: float = 0.005
) -> list[tuple]:
    """Minutes in which the future is at the level, but for a deviation in bps; the spreads are small.

    A share is paid some settlement days later, so that nothing is financed within a day: the future stands
    still, and its level rises by r - d.
    """
    found = []
    for at in range(rows):
        ts_ns = TEN + at * MINUTE
        etf = 600.0
        fut = etf * level * math.exp((0.045 - 0.014) * years_left(TEN)) * (1 + deviation(at) / 1e4)
        found.append((ts_ns, fut - half, fut + half, etf - half / 10, etf + half / 10))
    return found


def write(path: Path, rows: list[tuple], header: str = HEADER) -> Path:
    return write_leg(path, rows, header=header)


def test_a_fair_market_has_no_edge(tmp_path: Path) -> None:
    summary = arbcore.quotes.check(write(tmp_path / "q.csv", market(300))).summary
    assert summary["schema"] == "arbcore.quotes.check/1"
    assert (summary["rows"], summary["rows_used"], summary["rows_skipped"]) == (300, 300, {})
    assert (summary["first_ts"], summary["last_ts"]) == (iso(TEN), iso(TEN + 299 * MINUTE))
    assert summary["pair"] == "es-spy"
    assert summary["warming_up"] == 61
    for name in ("first", "last", "median"):
        assert summary["level"][name] == pytest.approx(10.03, rel=2e-5)
    assert all(abs(value) < 0.001 for value in summary["deviation_bps"].values())
    assert summary["edge_bps"]["max"] < 0
    assert summary["implied_financing"] is None
    assert summary["verdict"].startswith("After both spreads there was no edge at all")
    assert "3.5 bps with costs" in summary["verdict"]


def test_an_edge_is_found_where_it_is(tmp_path: Path) -> None:
    rows = market(300, deviation=lambda at: 6.0 if at == 200 else -2.0 if at == 250 else 0.0)
    summary = arbcore.quotes.check(write(tmp_path / "q.csv", rows)).summary
    spreads = 1e4 * (0.005 / 6030 + 0.0005 / 600)
    assert summary["edge_bps"]["max"] == pytest.approx(6.0 - spreads, abs=0.05)
    assert summary["edge_bps"]["max_ts"] == iso(TEN + 200 * MINUTE)
    assert summary["deviation_bps"]["max"] == pytest.approx(6.0, abs=0.05)
    assert "3.5 bps or more on 0.4% of the rows" in summary["verdict"]
    assert summary["edge_share"]["1.5"] == 2 / 239
    quiet = arbcore.quotes.check(
        write(tmp_path / "r.csv", market(300, deviation=lambda at: 2.5 * (at == 200)))
    ).summary
    assert quiet["verdict"] == (
        "After both spreads the edge was never more than 2.5 bps; the default entry wants 3.5 bps with costs."
    )


@pytest.mark.parametrize("true_factor", [10.0, 10.03, 10.06])
def test_the_rate_that_the_level_implies(tmp_path: Path, true_factor: float) -> None:
    path = write(tmp_path / "q.csv", market(300))
    implied = arbcore.quotes.check(path, true_factor=true_factor).summary["implied_financing"]
    for name, at in (("first", 61), ("last", 299)):
        years = years_left(TEN + at * MINUTE)
        level = 10.03 * math.exp((0.045 - 0.014) * (years_left(TEN) - years))
        assert implied[name] == pytest.approx(0.045 + math.log(level / true_factor) / years, abs=1e-6)


def test_an_index_column_gives_the_rate_and_a_row_number_none(tmp_path: Path) -> None:
    rows = [(*row, 6018.0) for row in market(100)]
    found = arbcore.quotes.check(write(tmp_path / "q.csv", rows, f"{HEADER},index")).summary
    assert found["implied_financing"]["first"] == pytest.approx(0.045, abs=1e-3)
    rows = [(*row[:5], at) for at, row in enumerate(rows)]
    found = arbcore.quotes.check(write(tmp_path / "q.csv", rows, f"{HEADER},index")).summary
    assert found["implied_financing"] is None


# Slower ones are taken up by the level, whose own half-life is an hour.
@pytest.mark.parametrize("minutes", [3, 8])
def test_the_half_life_of_a_planted_deviation(tmp_path: Path, minutes: int) -> None:
    rng = random.Random(minutes)
    phi = 2 ** (-1 / minutes)
    values = [0.0]
    for _ in range(6_000):
        values.append(phi * values[-1] + rng.gauss(0, 2) * math.sqrt(1 - phi * phi))
    rows = market(6_000, deviation=values.__getitem__)
    found = arbcore.quotes.check(write(tmp_path / "q.csv", rows)).summary["half_life_s"]
    assert found == pytest.approx(60 * minutes, rel=0.25)


def test_every_minute_counts_for_the_half_life(tmp_path: Path) -> None:
    rng = random.Random(5)
    values = [0.0]
    for _ in range(200):
        values.append(0.7 * values[-1] + rng.gauss(0, 1))
    found = arbcore.quotes.check(write(tmp_path / "q.csv", market(200, deviation=values.__getitem__)))
    deviations = [deviation for _, _, deviation in found.curve]
    assert len(deviations) > 120
    slope, _ = statistics.linear_regression(deviations[:-1], deviations[1:])
    assert found.summary["half_life_s"] == pytest.approx(-60 * math.log(2) / math.log(slope), rel=1e-9)


def test_rows_are_counted_by_reason_and_order(tmp_path: Path) -> None:
    rows = market(100)
    rows[10] = (rows[10][0], None, *rows[10][2:])
    rows[20] = (rows[20][0], rows[20][2] + 1, *rows[20][2:])
    rows[30], rows[31] = rows[31], rows[30]
    path = write(tmp_path / "q.csv", rows)
    checked = arbcore.quotes.check(path)
    assert checked.summary["rows_skipped"] == {"missing": 1, "crossed": 1, "out_of_order": 1}
    assert checked.summary["rows_used"] == 97
    assert any("out of order" in note and "--sort" in note for note in checked.notes)
    assert arbcore.quotes.check(path, sort=True).summary["rows_skipped"] == {"missing": 1, "crossed": 1}
    path.write_text(path.read_text(encoding="utf-8") + "yesterday,1,2,3,4\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"line 102, column ts"):
        arbcore.quotes.check(path)
    assert arbcore.quotes.check(path, skip_bad=True).summary["rows_skipped"]["malformed"] == 1


@pytest.mark.parametrize("length", [1, 2, 3, 4])
@pytest.mark.parametrize("off", [15.0, -15.0])
def test_outliers_are_up_to_three_rows_that_stand_alone(tmp_path: Path, length: int, off: float) -> None:
    rows = market(200, deviation=lambda at: off if 100 <= at < 100 + length else 0.0)
    summary = arbcore.quotes.check(write(tmp_path / "q.csv", rows)).summary
    assert summary["outlier_rows"] == (length if length <= 3 else 0)
    if length <= 3:
        assert summary["outliers"][0]["ts"] == iso(TEN + 100 * MINUTE)
        assert summary["outliers"][0]["bps"] == pytest.approx(off, abs=0.1)


def test_gaps_within_a_session_are_found_and_nights_are_none(tmp_path: Path) -> None:
    rows = market(2_000)
    kept = [row for at, row in enumerate(rows) if not 100 <= at < 130]
    summary = arbcore.quotes.check(write(tmp_path / "q.csv", kept)).summary
    assert summary["gaps"] == [
        {"from": iso(TEN + 99 * MINUTE), "to": iso(TEN + 130 * MINUTE), "s": 31 * 60.0}
    ]
    night = [row for row in rows if not 360 <= (row[0] - TEN) // MINUTE < 1_410]
    assert arbcore.quotes.check(write(tmp_path / "n.csv", night)).summary["gaps"] == []


def test_files_that_are_no_quotes_of_both_legs(tmp_path: Path) -> None:
    one = write_leg(tmp_path / "one.csv", [(TEN, 1.0, 2.0)])
    with pytest.raises(InputError, match=r"one\.csv has the quotes of one instrument.*arbcore quotes join"):
        arbcore.quotes.check(one)
    bars = write_leg(
        tmp_path / "bars.csv", [(TEN, 1.0, 2.0, 1.0, 2.0, 9)], header="ts,open,high,low,close,volume"
    )
    with pytest.raises(InputError):
        arbcore.quotes.check(bars)
    with pytest.raises(UsageError, match="nq-qqq"):
        arbcore.quotes.check(write(tmp_path / "q.csv", market(5)), pair="nq-qqq")
    with pytest.raises(InputError, match="no usable row"):
        arbcore.quotes.check(write(tmp_path / "q.csv", [(TEN, None, 1.0, 1.0, 1.0)]))
    with pytest.raises(InputError, match="no rows"):
        arbcore.quotes.check(write(tmp_path / "q.csv", []))
    with pytest.raises(UsageError, match="--true-factor"):
        arbcore.quotes.check(write(tmp_path / "q.csv", market(5)), true_factor=-1.0)


def test_a_level_far_from_the_pairs_is_said(tmp_path: Path) -> None:
    path = write(tmp_path / "q.csv", market(200, level=11.0), "ts,fut_bid,fut_ask,etf_bid,etf_ask")
    assert not [note for note in arbcore.quotes.check(path).notes if "The level is" in note]
    assert any("The level is 11" in note for note in arbcore.quotes.check(path, pair="es-spy").notes)


def test_the_page_holds_what_the_document_holds(tmp_path: Path) -> None:
    path = tmp_path / "<b>q.csv"
    checked = arbcore.quotes.check(write(path, market(400, deviation=lambda at: at % 7 / 2)))
    page = checked.to_html()
    assert page == checked.to_html()
    assert "<b>q" not in page
    assert checked.summary["verdict"] in page
    pictures = [
        "Level", "Deviation from the level", "How the deviation is distributed",
        "How fast a deviation falls back", "How often which edge was there", "Deviation by the hour",
        "Spread of the future", "Spread of the ETF",
        "Rows by date and half hour",
    ]  # fmt: skip
    titles = re.findall(r'class="chart"[^>]*><title[^>]*>([^<]*)</title>', page)
    assert titles == pictures
    assert "<script" not in page
    few = arbcore.quotes.check(write(tmp_path / "few.csv", market(3)))
    assert "The level is not known" in few.to_html()


def test_pictures_show_the_rows_of_each_half_hour_and_what_is_left_of_a_deviation(tmp_path: Path) -> None:
    # From 10:00 New York on; the deviation halves within five minutes, over and over.
    rows = market(330, deviation=lambda at: 8 * 0.87 ** (at % 25))
    found = arbcore.quotes.check(write(tmp_path / "q.csv", rows[:60] + rows[90:]))
    ((date, counts),) = found.coverage
    assert date == "2026-03-02"
    assert counts == [*[0] * 20, 30, 30, 0, *[30] * 8, *[0] * 17]
    shares = dict(found.decay)
    assert list(shares) == [1, 2, 3, 5, 10, 15, 20, 30, 45, 60]
    assert shares[1] > shares[5] > shares[10]
    assert {leg: sum(count for _, count in bars) > 290 for leg, bars in found.spreads.items()} == {
        "fut": True, "etf": True,
    }  # fmt: skip


def true_percentile(values: list[float], share: float) -> float:
    ordered = sorted(values)
    place = share * (len(ordered) - 1)
    low = math.floor(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (place - low) * (ordered[high] - ordered[low])


@pytest.mark.parametrize("count", [1, 2, 99, EXACT_VALUES, EXACT_VALUES + 1])
@pytest.mark.parametrize("kind", ["narrow", "wide", "two heaps", "far"])
def test_percentiles_are_right_whatever_the_length(count: int, kind: str) -> None:
    rng = random.Random(count)
    draw = {
        "narrow": lambda: rng.gauss(0, 0.02), "wide": lambda: rng.gauss(3, 200),
        "two heaps": lambda: rng.choice((-7.123, 11.377)),
        "far": lambda: rng.choice((-1, 1)) * rng.random() * 5_000,
    }[kind]  # fmt: skip
    values = [draw() for _ in range(count)]
    found = Percentiles()
    for value in values:
        found.add(value)
    for share in (0.0, 0.01, 0.05, 0.5, 0.95, 0.99, 1.0):
        assert found.at(share) == pytest.approx(true_percentile(values, share), abs=0.01)
    assert (found.count, found.largest, found.smallest) == (count, max(values), min(values))
    assert Percentiles().at(0.5) is None


@pytest.mark.parametrize(
    ("spread", "kilobytes"), [(10.0, 200), (500.0, 3_500), (1e6, 8_000)], ids=["usual", "wide", "nonsense"]
)
def test_counting_takes_no_more_memory_than_the_values_are_apart(spread: float, kilobytes: int) -> None:
    rng = random.Random(3)
    values = [rng.gauss(0, spread) for _ in range(1_000)]
    found = Percentiles()
    tracemalloc.start()
    for _ in range(30):
        values = [value + rng.gauss(0, spread / 100) for value in values]
        found.add_all(values)
    del values
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert held < 1_000 * kilobytes


@pytest.mark.parametrize("sizes", [(5, 7), (70_000, 5), (5, 70_000, 0, 66_000)])
def test_percentiles_of_parts_are_those_of_the_whole(sizes: tuple[int, ...]) -> None:
    rng = random.Random(1)
    parts, whole = [], Percentiles()
    for size in sizes:
        values = [rng.choice([rng.gauss(0, 3), rng.gauss(0, 3_000)]) for _ in range(size)]
        part = Percentiles()
        part.add_all(values[: size // 2])
        part.add_all(values[size // 2 :])
        parts.append(part)
        for first in range(0, size, 1_000):
            whole.add_all(values[first : first + 1_000])
    merged = Percentiles.merged(parts)
    assert (merged.count, merged.smallest, merged.largest) == (whole.count, whole.smallest, whole.largest)
    assert [merged.at(at / 100) for at in range(101)] == [whole.at(at / 100) for at in range(101)]
    assert merged.shares([-5.0, 0.0, 5.0]) == whole.shares([-5.0, 0.0, 5.0])


#: One file in every way that its lines can be written.
WRITINGS = {
    "plain": lambda text: text,
    "carriage returns": lambda text: text.replace("\n", "\r\n"),
    "blank lines": lambda text: text.replace("\n", "\n\n \n"),
    "spaces": lambda text: text.replace(",", " , "),
    "all in quotes": lambda text: "".join(
        ",".join(f'"{cell}"' for cell in line.split(",")) + "\n" for line in text.splitlines()
    ),
    "quotes from the middle on": lambda text: _with_quotes(text, 150),
    "quotes in the last line": lambda text: _with_quotes(text, 301),
    "semicolons": lambda text: text.replace(",", ";"),
    "no end of line at the end": lambda text: text.rstrip("\n"),
    "a byte order mark": lambda text: "\ufeff" + text,
}


def _with_quotes(text: str, first: int) -> str:
    lines = text.splitlines(keepends=True)
    return "".join(
        line if at < first else '"' + line.rstrip("\n").replace(",", '","') + '"\n'
        for at, line in enumerate(lines)
    )


@pytest.mark.parametrize("pieces", [37, 32 * 1024])
@pytest.mark.parametrize("writing", WRITINGS)
def test_however_lines_are_written_they_are_the_same_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, writing: str, pieces: int
) -> None:
    rows = market(301, deviation=lambda at: at % 11 / 3)
    rows[3] = (rows[3][0], None, *rows[3][2:])
    plain = write(tmp_path / "q.csv", rows)
    wanted = arbcore.quotes.check(plain)
    monkeypatch.setattr(paired, "_CHUNK_BYTES", pieces)
    other = tmp_path / "other" / "q.csv"
    other.parent.mkdir()
    other.write_bytes(WRITINGS[writing](plain.read_text(encoding="utf-8")).encode())
    found = arbcore.quotes.check(other)
    assert found.summary | {"name": ""} == wanted.summary | {"name": ""}
    assert (found.curve, found.histogram) == (wanted.curve, wanted.histogram)
    arbcore.quotes.convert(plain, tmp_path / "wanted.csv")
    arbcore.quotes.convert(other, tmp_path / "found.csv")
    assert (tmp_path / "found.csv").read_bytes() == (tmp_path / "wanted.csv").read_bytes()


@pytest.mark.parametrize("quoted", [False, True])
def test_the_line_of_a_bad_row_is_told_whatever_stands_before_it(tmp_path: Path, quoted: bool) -> None:
    note = '"a\nb"' if quoted else "ab"
    path = tmp_path / "q.csv"
    good = f"2026-03-02T15:00:00Z,1,2,3,4,{note}\n"
    path.write_text(f"\n{HEADER},note\n{good}\n{good}{good}2026-03-02T15:00:00Z,1,x,3,4,\n", encoding="utf-8")
    line = 10 if quoted else 7
    with pytest.raises(DataError, match=f"line {line}, column es_ask"):
        arbcore.quotes.check(path)


def test_a_quote_that_is_never_closed_is_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "q.csv"
    lines = f'{HEADER}\n2026-03-02T15:00:00Z,1,2,3,"4\n' + "2026-03-02T15:00:00Z,1,2,3,4\n" * 6_000
    path.write_text(lines, encoding="utf-8")
    with pytest.raises(DataError, match=r"line 2.*never closed"):
        arbcore.quotes.check(path)
    with pytest.raises(DataError, match=r"line 2.*never closed"):
        arbcore.quotes.convert(path, tmp_path / "o.csv", skip_bad=True)
    assert not (tmp_path / "o.csv").exists()
