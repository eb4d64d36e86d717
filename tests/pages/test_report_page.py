"""The carry bot's page: its numbers are the document's, it is well formed, and hostile texts do nothing."""

from pathlib import Path
from typing import Any

import pytest
from bot_store import MINUTE_NS, fill_store
from html_text import Page, references_of
from stores import DAY_NS, NOW_NS, execution, opened, trade

from arbcore.broker.report import document, read_store, to_html
from arbcore.broker.store import SignalRow, Store
from arbcore.core.civil import iso_time
from arbcore.pages.report_charts import Stretch, states_section
from arbcore.pages.report_page import report_page

HOSTILE = '"><img src=x onerror=alert(1)><script>&amp;\N{RIGHT-TO-LEFT OVERRIDE}'


def page_of(path: Path) -> tuple[Page, dict[str, Any]]:
    rows = read_store(path)
    found = document(rows)
    page = Page(to_html(found, rows))
    assert references_of(page) == []
    assert len(page.ids()) == len(set(page.ids()))
    for key, shown in page.data.items():
        leg = key.removesuffix("_gross_pnl")
        value = found["legs"][leg]["gross_pnl"] if leg in found["legs"] else found[key]
        assert shown == ("" if value is None else repr(value)), key
    return page, found


def table_of(page: Page, first_cell: str) -> list[list[str]]:
    return next(rows for rows in page.tables if rows[0][0] == first_cell)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "arb_bot.sqlite3"


@pytest.fixture
def store(path: Path) -> Store:
    return opened(path)


def test_the_numbers_are_those_of_the_document(path: Path, store: Store) -> None:
    fill_store(store)
    store.close()
    page, found = page_of(path)
    assert set(page.data) >= {"net_pnl", "trades", "slippage", "commissions", "ES_gross_pnl", "SPY_gross_pnl"}
    assert "One trade made 11.00 USD after 9.00 USD of commissions." in page.text
    assert f"paper account {found['account']}" in page.text


def test_a_trade_has_its_prices_at_signal_and_fill(path: Path, store: Store) -> None:
    fill_store(store)
    store.close()
    row = table_of(page_of(path)[0], "no.")[1]
    assert row[4:9] == ["6,800.256,799.50", "6,800.256,799.75", "680.00679.99", "680.00679.99", "−12.50"]
    assert row[9:] == ["4.31%", "9.00", "+20.00+11.00"]


def test_what_is_unknown_is_said_and_is_nowhere_0(path: Path, store: Store) -> None:
    fill_store(store, commission=None)
    store.close()
    page, _ = page_of(path)
    assert "won: unknown" in page.text
    assert page.data["net_pnl"] == page.data["commissions"] == ""
    assert "the net is unknown while 1 commission is" in page.text
    assert table_of(page, "no.")[1][10:] == ["unknown", "+20.00unknown"]
    assert table_of(page, "New York date")[1][6:] == ["unknown", "unknown"]
    assert [row[7] for row in table_of(page, "time (UTC)")[1:]] == ["2.25", "2.25", "2.25", "unknown"]


def test_signals_are_drawn_by_what_became_of_them(path: Path, store: Store) -> None:
    fill_store(store)
    store.close()
    page, _ = page_of(path)
    used = [found["href"] for name, found in page.elements if name == "use"]
    assert used.count("#signal-down") == used.count("#signal-cross") == 1
    assert used.count("#states-down") == 1
    assert table_of(page, "reason") == [["reason", "signals"], ["REDUCING", "1"]]
    assert "cash and carry entered" in page.text
    assert "repo 4.31%" in page.text


def test_the_pnl_is_drawn_with_the_model_s_beside_it(path: Path, store: Store) -> None:
    fill_store(store)
    store.close()
    page, found = page_of(path)
    assert "Ends at +11.00 USD after 1 trade." in page.text
    assert "the backtest of the same quotes" not in page.text
    (trade,) = found["closed_trades"]
    times = {name: trade[name] for name in ("entry_ts", "exit_ts")}
    model = {
        "trades": [{**times, "trade_id": 1, "side": trade["side"], "decided": 32.5, "filled": 20.0,
                    "slippage": -12.5, "cost": 9.0, "net": 11.0, "model_exit_ts": trade["exit_ts"],
                    "model_net": 17.0, "unexplained": 0.5}],
        "only_model": [{**times, "side": trade["side"], "net_pnl": 4.0}],
        "rows": 10, "matched": 1, "slippage": -12.5, "cost": 9.0, "model_net": 21.0, "unexplained": 0.5,
    }  # fmt: skip
    page = Page(to_html(found | {"model": model}, read_store(path)))
    assert "The backtest ends at +21.00 USD." in page.text
    assert "the backtest of the same quotes" in page.text


def test_a_pnl_that_is_unknown_is_not_drawn(path: Path, store: Store) -> None:
    fill_store(store, commission=None)
    store.close()
    assert "The net of every closed trade is unknown yet." in page_of(path)[0].text


def test_alarms_are_there_in_their_own_words(path: Path, store: Store) -> None:
    fill_store(store)
    store.close()
    page, _ = page_of(path)
    assert page.tables[-1][1][1:] == ["stale ES", "No tick."]


def test_an_empty_store_is_a_page(path: Path, store: Store) -> None:
    store.close()
    page, _ = page_of(path)
    assert "nothing happened yet" in page.text
    assert "No pair was opened and closed." in page.text
    assert "svg" not in page.names()


def test_long_tables_show_both_ends_and_say_what_is_left_out(path: Path, store: Store) -> None:
    keys = [f"{number:04d}.01" for number in range(150)]
    store.save([trade(), *(
        execution(store, key=key, exec_id=f"{key}.01", ts_ns=NOW_NS + at * MINUTE_NS)
        for at, key in enumerate(keys)
    )])  # fmt: skip
    for at in range(101):
        store.note_event(NOW_NS + at, level="alarm", kind="stale ES", text=f"No tick {at}.")
    store.close()
    page, _ = page_of(path)
    executions, alarms = page.tables[-2], page.tables[-1]
    assert len(executions) == 1 + 101
    assert executions[51] == ["50 executions left out here; the store has all of them."]
    assert alarms[51] == ["1 alarm left out here; the store has all of them."]
    assert (alarms[50][2], alarms[52][2]) == ("No tick 49.", "No tick 51.")


def test_a_store_of_weeks_makes_a_page_of_bounded_size(path: Path, store: Store) -> None:
    for at in range(30_000):
        row = SignalRow(NOW_NS + at * MINUTE_NS, "sample", dev_bps=at % 97 / 10, implied_repo=0.04)
        store.note_signal(row)
    for at in range(4_000):
        text = ("ACTIVE", "REDUCING: clock")[at % 2]
        store.note_event(NOW_NS + at * 7 * MINUTE_NS, level="info", kind="state", text=text)
    store.close()
    rows = read_store(path)
    assert len(to_html(document(rows), rows)) < 600_000
    page_of(path)


def test_hostile_texts_do_nothing(path: Path) -> None:
    store = opened(path, account=HOSTILE)
    fill_store(store)
    store.save([execution(store, key="9.01", exec_id="9.01.01", ref=HOSTILE)])
    store.note_signal(SignalRow(NOW_NS, HOSTILE, refusal=HOSTILE, dev_bps=1.0, implied_repo=0.01))
    store.note_event(NOW_NS, level="info", kind="state", text=f"ACTIVE: {HOSTILE}")
    store.note_event(NOW_NS, level="alarm", kind=HOSTILE, text=HOSTILE)
    store.close()
    page, _ = page_of(path)
    assert page.text.count(HOSTILE[:-1]) >= 5
    assert "\\u202e" in page.text
    rows = read_store(path)
    made = report_page(
        document(rows), name=HOSTILE, signals=rows.signals, events=rows.events, orders=rows.orders,
        executions=rows.executions, version=HOSTILE,
    )  # fmt: skip
    assert references_of(Page(made)) == []


def test_bands_are_as_long_as_their_states_held() -> None:
    times = [iso_time(NOW_NS + hours * DAY_NS // 24) for hours in (0, 1, 3, 4)]
    names = ("HALTED", "ACTIVE", "HALTED")
    spans = [
        {"state": name, "reasons": "", "from_ts": since, "to_ts": until}
        for name, since, until in zip(names, times, times[1:], strict=False)
    ]
    page = Page(states_section(spans, [], Stretch(NOW_NS, NOW_NS + 4 * DAY_NS // 24)))
    bands = [(found["class"], found["x"], found["width"]) for name, found in page.elements if name == "rect"]
    assert bands == [
        ("state-active", "25%", "50%"), ("state-halted", "0%", "25%"), ("state-halted", "75%", "25%"),
    ]  # fmt: skip
    assert "In all: ACTIVE 2.0 h, HALTED 2.0 h." in page.text
