"""The join equals the obvious one, row for row, whatever the rows, and pandas' as-of merge."""

import itertools
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from leg_files import TEN, iso, write_leg

import arbcore.quotes
from tests.reference.quotes_join import join as plain_join

NAMES = ("ts", "fut_bid", "fut_ask", "etf_bid", "etf_ask", "fut_age_ms", "etf_age_ms")
# Few times and few prices, so that moments, repeats and crossed rows meet.
BIDS = st.sampled_from([None, 100.0, 100.25, 100.5])
STEPS = st.sampled_from([0, 0, 1, 999_999, 10**6, 10**9, 2 * 10**9, 5 * 10**9, 5 * 10**9 + 1, 7 * 10**9])


@st.composite
def legs(draw: st.DrawFn, largest: int = 12) -> list:
    steps = draw(st.lists(STEPS, min_size=1, max_size=largest))
    times = itertools.accumulate(steps, initial=TEN + draw(st.integers(0, 3)) * 10**9)
    return [(ts_ns, draw(BIDS), draw(BIDS)) for ts_ns, _ in zip(times, steps, strict=False)]


def rows_of(table: object) -> list[tuple]:
    return list(zip(*(table[name] for name in NAMES), strict=True))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("twin")


SPANS = {None: None, "1s": 10**9, "7s": 7 * 10**9, "250ms": 250 * 10**6}
AGES = {"5s": 5 * 10**9, "0s": 0, "1ms": 10**6, "1h": 3_600 * 10**9}


@settings(max_examples=150)
@given(
    fut=legs(), etf=legs(), every=st.sampled_from(sorted(SPANS, key=str)), age=st.sampled_from(sorted(AGES))
)
def test_files_join_as_the_obvious_join(
    folder: Path, fut: list, etf: list, every: str | None, age: str
) -> None:
    paths = write_leg(folder / "fut.csv", fut), write_leg(folder / "etf.csv", etf)
    wanted = plain_join(fut, etf, max_age_ns=AGES[age], every_ns=SPANS[every])
    spans = [(rows[0][0], rows[-1][0]) for rows in (fut, etf)]
    if not wanted.rows and (spans[0][1] < spans[1][0] or spans[1][1] < spans[0][0]):
        with pytest.raises(arbcore.errors.InputError, match="do not overlap"):
            arbcore.quotes.join(*paths, session="all", max_age=age, every=every)
        return
    joined = arbcore.quotes.join(*paths, session="all", max_age=age, every=every)
    assert rows_of(joined.table) == wanted.rows
    assert joined.summary["rows_skipped"] == wanted.skipped
    assert joined.summary["rows"] == len(wanted.rows)
    assert joined.summary["rows_in"] == {"fut": len(fut), "etf": len(etf)}


@settings(max_examples=60)
@given(fut=legs(), etf=legs())
def test_columns_join_as_files(folder: Path, fut: list, etf: list) -> None:
    frames = [
        {"ts": [row[0] for row in rows], "bid": [row[1] for row in rows], "ask": [row[2] for row in rows]}
        for rows in (fut, etf)
    ]
    paths = write_leg(folder / "a.csv", fut), write_leg(folder / "b.csv", etf)
    wanted = plain_join(fut, etf, max_age_ns=3_600 * 10**9)
    if wanted.rows:
        joined = arbcore.quotes.join(*frames, session="all", max_age="1h")
        assert rows_of(joined.table) == wanted.rows
        assert joined.summary == arbcore.quotes.join(*paths, session="all", max_age="1h").summary


def long_leg(count: int, *, seed: int, base: float) -> list:
    import random

    rng = random.Random(seed)
    rows, ts_ns = [], TEN
    for _ in range(count):
        ts_ns += rng.choice((0, 1, 10**6, 10**9, 10**9, 3 * 10**9))
        bid = base + rng.randrange(100) / 4
        rows.append(
            (ts_ns, rng.choice((bid, bid, bid, bid, None)), bid + rng.choice((0.25, 0.25, 0.25, -0.25)))
        )
    return rows


@pytest.mark.parametrize("count", [1, 4_095, 4_096, 4_097, 8_192, 20_000])
def test_blocks_end_anywhere(tmp_path: Path, count: int) -> None:
    # Against a merge that is quick enough for many rows, and as obvious.
    fut, etf = long_leg(count, seed=1, base=6000.0), long_leg(count + 1, seed=2, base=598.0)
    joined = arbcore.quotes.join(
        write_leg(tmp_path / "f.csv", fut),
        write_leg(tmp_path / "e.csv", etf),
        tmp_path / "out.csv",
        session="all",
    )
    last: dict[str, tuple] = {}
    rows, skipped = [], {"missing": 0, "crossed": 0, "closed": 0, "unpaired": 0, "stale": 0}
    both = sorted([(*row, "fut") for row in fut] + [(*row, "etf") for row in etf], key=lambda row: row[0])
    for moment, group in itertools.groupby(both, key=lambda row: row[0]):
        for ts_ns, bid, ask, side in group:
            last.pop(side, None)
            if bid is None:
                skipped["missing"] += 1
            elif bid > ask:
                skipped["crossed"] += 1
            else:
                last[side] = (ts_ns, bid, ask)
        if len(last) < 2:
            skipped["unpaired"] += 1
        elif any(moment - ts_ns > 5 * 10**9 for ts_ns, _, _ in last.values()):
            skipped["stale"] += 1
        else:
            f, e = last["fut"], last["etf"]
            ages = [(moment - each[0]) // 10**6 for each in (f, e)]
            rows.append(",".join(map(str, (iso(moment), *f[1:], *e[1:], *ages))))
    text = (tmp_path / "out.csv").read_text(encoding="utf-8").splitlines()
    assert text[0] == ",".join(NAMES)
    assert text[1:] == rows
    assert joined.summary["rows_skipped"] == skipped


def test_equals_pandas_merge_asof(tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas")
    fut = [row for row in long_leg(3_000, seed=3, base=6000.0) if row[1] is not None and row[1] <= row[2]]
    etf = [row for row in long_leg(3_000, seed=4, base=598.0) if row[1] is not None and row[1] <= row[2]]
    joined = arbcore.quotes.join(
        write_leg(tmp_path / "f.csv", fut), write_leg(tmp_path / "e.csv", etf), session="all", max_age="5s"
    )
    moments = pandas.DataFrame({"ts": sorted({row[0] for row in fut + etf})})
    merged = moments
    for side, rows in (("fut", fut), ("etf", etf)):
        frame = pandas.DataFrame(rows, columns=["ts", f"{side}_bid", f"{side}_ask"])
        frame = frame.drop_duplicates("ts", keep="last")
        merged = pandas.merge_asof(merged, frame, on="ts", tolerance=5 * 10**9)
    merged = merged.dropna()
    got = pandas.DataFrame({name: joined.table[name] for name in NAMES[:5]})
    assert got.to_numpy().tolist() == merged.to_numpy().tolist()
