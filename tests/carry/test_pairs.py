"""The table of pairs, how one is found, and when its ETF usually goes ex."""

import ast
from pathlib import Path

import pytest

import arbcore
from arbcore.carry.calendar import all_contracts, expiry_instant
from arbcore.carry.pairs import (
    DEFAULT_PAIR,
    PAIRS,
    FeeClass,
    choose_pair,
    pair_named,
    pair_of_future,
    pair_of_symbols,
    same_index,
    span_without_ex_dates,
    usual_ex_dates,
)
from arbcore.core.civil import NS_PER_DAY, iso_date, read_date, read_time
from arbcore.errors import UsageError

TABLE = [
    # name, exchange, USD a point, tick, points per USD, cost in bps
    ("es-spy", "CME", 50, 0.25, 10, 0.5),
    ("mes-spy", "CME", 5, 0.25, 10, 1.2),
    ("nq-qqq", "CME", 20, 0.25, 41, 0.5),
    ("mnq-qqq", "CME", 2, 0.25, 41, 0.9),
    ("rty-iwm", "CME", 50, 0.10, 10, 1.0),
    ("m2k-iwm", "CME", 5, 0.10, 10, 2.8),
    ("ym-dia", "CBOT", 5, 1, 100, 0.6),
    ("mym-dia", "CBOT", 0.5, 1, 100, 1.6),
]


@pytest.mark.parametrize(("name", "exchange", "multiplier", "tick", "points", "cost"), TABLE)
def test_the_table(
    name: str, exchange: str, multiplier: float, tick: float, points: float, cost: float
) -> None:
    pair = pair_named(name)
    assert (pair.exchange, pair.multiplier, pair.tick) == (exchange, multiplier, tick)
    assert (pair.points_per_usd, pair.cost_bps, pair.etf_tick) == (points, cost, 0.01)
    assert (pair.fee_class is FeeClass.MICRO) == (pair.future.startswith("M"))
    assert pair.name == name
    future, etf = name.upper().split("-")
    assert pair_of_symbols(future.lower(), etf) is pair
    assert pair_of_future(future) is pair
    assert pair_named(f" {name.upper()} ") is pair


def test_the_table_is_whole() -> None:
    assert [pair.name for pair in PAIRS] == [row[0] for row in TABLE]
    assert DEFAULT_PAIR.name == "es-spy"


@pytest.mark.parametrize("name", ["", "es", "es-qqq", "es_spy", "es-spy-x", "\x1b[31m"])
def test_no_pair_is_one_sentence(name: str) -> None:
    with pytest.raises(UsageError, match=r"There is no pair '.*'; take one of es-spy, ") as error:
        pair_named(name)
    assert "\x1b" not in str(error.value)


def test_symbols_that_are_no_pair() -> None:
    with pytest.raises(UsageError, match="ES and QQQ are no pair"):
        pair_of_symbols("ES", "QQQ")
    assert pair_of_future("CL") is None


def test_the_pair_asked_for_and_that_of_the_columns() -> None:
    es, mes = pair_named("es-spy"), pair_named("mes-spy")
    assert choose_pair(es, None) is es
    assert choose_pair(es, "mes-spy") is mes
    assert choose_pair(mes, "es-spy") is es
    assert choose_pair(None, "ym-dia").future == "YM"
    with pytest.raises(UsageError, match="--pair"):
        choose_pair(None, None)
    with pytest.raises(UsageError, match="quotes of es-spy, and --pair asks for rty-iwm"):
        choose_pair(es, "rty-iwm")
    with pytest.raises(UsageError, match="no pair"):
        choose_pair(es, "gold")
    assert same_index(es, mes)
    assert not same_index(es, pair_named("rty-iwm"))


def held(name: str, entry: str, leave: str) -> list[str]:
    pair = pair_named(name)
    return [iso_date(day) for day in usual_ex_dates(pair, read_time(entry), read_time(leave))]


@pytest.mark.parametrize(
    ("name", "entry", "leave", "days"),
    [
        # The opening auction of the expiry: 13:30 UTC in summer time.
        ("es-spy", "2026-03-19T15:00", "2026-03-20T13:29:59", []),
        ("es-spy", "2026-03-19T15:00", "2026-03-20T13:30:00", ["2026-03-20"]),
        ("es-spy", "2026-03-20T13:30", "2026-03-20T20:00:00", []),
        ("es-spy", "2026-06-10T15:00", "2026-06-19T20:00:00", ["2026-06-18"]),  # the Friday is a holiday
        ("mes-spy", "2025-12-01T15:00", "2026-07-01T15:00:00", ["2025-12-19", "2026-03-20", "2026-06-18"]),
        ("es-spy", "2026-04-16T15:00", "2026-04-20T15:00:00", []),
        ("nq-qqq", "2026-03-20T15:00", "2026-03-23T15:00:00", ["2026-03-23"]),
        ("mnq-qqq", "2026-03-19T15:00", "2026-03-20T20:00:00", []),
        ("nq-qqq", "2026-12-31T15:00", "2027-03-22T13:30:00", ["2027-03-22"]),
        ("rty-iwm", "2026-03-16T15:00", "2026-03-16T20:00:00", []),  # within a day
        ("rty-iwm", "2026-03-16T15:00", "2026-03-19T20:00:00", ["2026-03-17"]),
        ("m2k-iwm", "2026-03-20T15:00", "2026-03-27T20:00:00", []),
        ("ym-dia", "2026-04-16T15:00", "2026-05-20T15:00:00", ["2026-04-17", "2026-05-15"]),
        ("ym-dia", "2026-12-17T15:00", "2027-01-20T15:00:00", ["2026-12-18", "2027-01-15"]),
    ],
)
def test_usual_ex_dates(name: str, entry: str, leave: str, days: list[str]) -> None:
    assert held(name, entry, leave) == days


def test_every_expiry_is_an_ex_date_of_the_default_pair() -> None:
    for contract in all_contracts():
        if 2000 <= int(iso_date(contract.expiry_day)[:4]) <= 2035:
            at = expiry_instant(contract.expiry_day)
            assert usual_ex_dates(DEFAULT_PAIR, at - NS_PER_DAY, at) == [contract.expiry_day]


def test_a_dividend_is_paid_four_or_twelve_times_a_year() -> None:
    assert [pair.dividends_per_year for pair in PAIRS] == [4, 4, 4, 4, 4, 4, 12, 12]
    year = (expiry_instant(read_date("2026-01-05")), expiry_instant(read_date("2027-01-05")))
    for pair in PAIRS:
        assert len(usual_ex_dates(pair, *year)) == pair.dividends_per_year


@pytest.mark.parametrize("folder", ["desk", "broker", "gateway"])
def test_no_other_module_of_the_live_side_names_a_symbol(folder: str) -> None:
    root = Path(arbcore.__file__).parent
    symbols = {pair.future for pair in PAIRS} | {pair.etf for pair in PAIRS}
    symbols |= {symbol.lower() for symbol in symbols}
    found = [
        f"{path.relative_to(root)}:{node.lineno} {node.value}"
        for path in [*sorted((root / folder).glob("*.py")), root / "ibkr.py"]
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and node.value in symbols
    ]
    assert found == []


@pytest.mark.parametrize("name", ["es-spy", "nq-qqq", "rty-iwm", "ym-dia"])
def test_what_is_held_within_a_span_without_ex_dates_is_held_over_none(name: str) -> None:
    pair, day = pair_named(name), read_time("2026-01-01T00:00")
    for at in range(day, day + 800 * NS_PER_DAY, 5 * NS_PER_DAY // 2):
        first_ns, end_ns = span_without_ex_dates(pair, at)
        assert first_ns <= at < end_ns
        assert usual_ex_dates(pair, first_ns, end_ns - 1) == []
        # An opening ends it, and one began it.
        assert usual_ex_dates(pair, end_ns - 1, end_ns) != []
        assert usual_ex_dates(pair, first_ns - 1, first_ns) != []


def test_ex_dates_of_a_span_are_known_by_hand() -> None:
    # SPY goes ex on the third Friday of a quarter's last month; the summer has begun by both.
    first_ns, end_ns = span_without_ex_dates(pair_named("es-spy"), read_time("2026-04-16T15:00"))
    assert (first_ns, end_ns) == (read_time("2026-03-20T13:30"), read_time("2026-06-18T13:30"))
