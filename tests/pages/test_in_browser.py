"""The pages in a real browser: nothing to complain about, nothing fetched, nothing wider than the screen."""

import contextlib
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from bot_store import MINUTE_NS, fill_store
from chromium import Chromium, find_chromium
from page_checks import CONTRAST, NANOSECONDS, OUTSIDE, OVERLAPPING, UNREAD, keyboard_stops
from quotes import random_rows
from stores import NOW_NS, opened

import arbcore
import arbcore.quotes
from arbcore.broker.report import document, read_store, to_html
from arbcore.broker.store import SignalRow
from arbcore.pages.round_page import round_page
from arbcore.pages.style import DARK, LIGHT
from arbcore.pages.sweep_page import sweep_page
from arbcore.play.exchange_settings import exchange_settings
from arbcore.play.simulate import Entrant, seen_round
from arbcore.system.configuration import load

pytestmark = pytest.mark.browser

SAMPLE = Path(__file__).resolve().parents[2] / "examples" / "es_spy_synthetic.csv"
SETTINGS: dict[str, Any] = {"r": 0.043, "d": 0.0125, "factor": 10.03, "exit_bps": 0.5, "cost_bps": 0.5}
PAGES = (
    "sample", "long", "quiet", "sweep", "bot", "new_bot", "paid_bot", "round", "idle_round",
    "simulation", "duel", "check",
)  # fmt: skip
#: Nothing happened, so nothing is drawn.
UNDRAWN = ("new_bot",)
#: A4 between the page's margins, in the pixels of CSS.
PAPER_WIDTH = 680


@pytest.fixture(scope="module")
def browser() -> Iterator[Chromium]:
    program = find_chromium()
    if program is None:
        pytest.skip("no Chromium on this machine; install it (Debian: apt-get install chromium)")
    with contextlib.closing(Chromium(program)) as found:
        yield found


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("pages")
    rows = random_rows(3, 6_000, step_s=900)
    names = ("ts", "es_bid", "es_ask", "spy_bid", "spy_ask")
    columns = {
        name: [value[at] for value in ((r.ts_ns, r.es_bid, r.es_ask, r.spy_bid, r.spy_ask) for r in rows)]
        for at, name in enumerate(names)
    }
    texts = {
        name: arbcore.backtest(data, report=True, **{**SETTINGS, **changes}).to_html()
        for name, data, changes in (
            ("sample", SAMPLE, {"entry_bps": 3}),
            ("long", columns, {"entry_bps": 1, "factor": 10.02, "contracts": 100, "funding_rate": 0.03}),
            ("quiet", SAMPLE, {"entry_bps": 500}),
        )
    }
    texts["sweep"] = sweep_text()
    texts["new_bot"], texts["bot"] = bot_texts(folder)
    texts["paid_bot"] = paid_bot_text(folder)
    texts["round"] = round_text(folder)
    texts["idle_round"] = idle_round_text(folder)
    texts["simulation"] = arbcore.simulate(rounds=12, round_s=5, regime="all", workers=1).to_html()
    texts["duel"] = arbcore.simulate(
        rounds=12, round_s=5, against=(), workers=1, settings={"ARBCORE_BOND_ENABLED": "0"}
    ).to_html()
    texts["check"] = arbcore.quotes.check(columns).to_html()
    for name, text in texts.items():
        (folder / f"{name}.html").write_text(text, encoding="utf-8")
    return {name: folder / f"{name}.html" for name in texts}


def bot_texts(folder: Path) -> list[str]:
    """The page of a new store, and of one with trades of which one has a commission yet to come."""
    path = folder / "arb_bot_of_an_account_with_a_rather_long_name_and_no_place_to_break_it.sqlite3"
    store = opened(path)
    found = [read_store(path)]
    fill_store(store, commission=None)
    store.note_event(NOW_NS, level="info", kind="connected", text="Connected.")
    for minute in range(3_000):
        at_ns = NOW_NS + minute * MINUTE_NS
        dev_bps = (minute * 37) % 101 / 10 - 5
        store.note_signal(SignalRow(at_ns, "sample", dev_bps=dev_bps, implied_repo=0.04 + dev_bps / 1e3))
        if minute % 500 == 499:
            text = ("HALTED: mismatch", "REDUCING: kill switch", "ACTIVE")[minute // 500 % 3]
            store.note_event(at_ns, level="warning", kind="state", text=text)
            sentence = "The broker holds 2 ES and the store 1; nothing is sent before a person looked at it."
            store.note_event(at_ns, level="alarm", kind="mismatch", text=sentence)
            store.note_signal(SignalRow(at_ns, "enter_reverse", refusal="HALTED", dev_bps=dev_bps))
    # The machine's clock was set back by an hour.
    before_ns = at_ns - 60 * MINUTE_NS
    late = SignalRow(before_ns, "enter_reverse", refusal="REDUCING", dev_bps=1.0, implied_repo=0.04)
    store.note_signal(late)
    store.close()
    found.append(read_store(path))
    return [to_html(document(rows), rows) for rows in found]


def paid_bot_text(folder: Path) -> str:
    """The page of a bot whose P&L is known."""
    path = folder / "paid.sqlite3"
    store = opened(path)
    fill_store(store)
    store.close()
    rows = read_store(path)
    return to_html(document(rows), rows)


def round_text(folder: Path) -> str:
    values = load(exchange_settings(), folder, {}, flags={}).values()
    history, report = seen_round(Entrant("built-in", values), seed=3, round_s=20.0)
    name = "a_rather_long_name_of_a_strategy_without_any_place_to_break_it"
    document = history.document()
    for row in (*document["orders"], *document["fills"]):
        row["strategy"] = name if row["strategy"] == "bond" else row["strategy"]
    return round_page(document, title=name, source=name, version="1", fair_pnl=report.fair_pnl)


def idle_round_text(folder: Path) -> str:
    """The page of a bot that has not ordered anything."""
    values = load(exchange_settings(), folder, {}, flags={}).values()
    history, _ = seen_round(Entrant("idle", values, builtin=False), seed=3, round_s=2.0)
    return round_page(history.document(), title="idle", source="idle", version="1")


def sweep_text() -> str:
    rng = random.Random(5)
    summary = {
        "rows": 10, "rows_used": 10, "rows_skipped": {}, "first_ts": "2026-03-02T14:31:00Z",
        "last_ts": "2026-03-03T21:00:00Z", "params": SETTINGS,
    }  # fmt: skip
    axes = [("entry_bps", [at / 2 for at in range(40)]), ("exit_bps", [float(at) for at in range(30)])]
    totals = [rng.gauss(100, 5_000) for _ in range(1_200)]
    kinds = ["idle" if at % 7 == 0 else "gain" if total > 0 else "loss" for at, total in enumerate(totals)]
    columns = {"total_pnl": totals, "class": kinds, "trades": [7] * 1_200, "sharpe": [None] * 1_200}
    return sweep_page(
        summary, name="a_rather_long_name_of_a_file_without_any_place_to_break_it.csv", axes=axes,
        columns=columns, version="1", robust=[3, 4, 5],
    )  # fmt: skip


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [375, 1280])
@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_quiet_and_fits(
    browser: Chromium, pages: dict[str, Path], name: str, width: int, dark: bool
) -> None:
    browser.show(pages[name], width=width, dark=dark)
    assert browser.complaints == []
    assert {url.partition(":")[0] for url in browser.requests} == {"file"}
    assert browser.evaluate("document.documentElement.scrollWidth") <= width
    assert browser.evaluate(OUTSIDE) == []
    assert browser.evaluate(NANOSECONDS) == []
    assert browser.evaluate(OVERLAPPING) == []
    assert browser.evaluate(CONTRAST) == []
    ground = (DARK if dark else LIGHT)["ground"]
    painted = browser.evaluate("getComputedStyle(document.body).backgroundColor")
    assert painted == f"rgb({', '.join(str(int(ground[at : at + 2], 16)) for at in (1, 3, 5))})"
    charts = browser.evaluate("[...document.querySelectorAll('svg.chart')].map(e => e.clientWidth)")
    assert all(wide > 150 for wide in charts)
    assert (len(charts) == 0) == (name in UNDRAWN)


@pytest.mark.parametrize("name", PAGES)
def test_a_page_can_be_heard_and_used_without_a_mouse(
    browser: Chromium, pages: dict[str, Path], name: str
) -> None:
    browser.show(pages[name], width=375)
    assert browser.evaluate(UNREAD) == []
    assert all(seen for _, seen in keyboard_stops(browser))
    assert browser.complaints == []


def without_script(browser: Chromium, page: Path, width: int) -> None:
    browser.call("Emulation.setScriptExecutionDisabled", value=True)
    try:
        browser.show(page, width=width)
    finally:
        browser.call("Emulation.setScriptExecutionDisabled", value=False)


@pytest.mark.parametrize("name", PAGES)
def test_a_page_says_the_same_without_its_script(
    browser: Chromium, pages: dict[str, Path], name: str
) -> None:
    words = "document.querySelector('main').innerText"
    words += ".replace(/Drag over a chart.*/g, '').split(/\\s+/).join(' ')"
    browser.show(pages[name], width=1280)
    whole = browser.evaluate(words)
    without_script(browser, pages[name], 1280)
    assert browser.evaluate("document.querySelectorAll('.zoom').length") == 0
    assert browser.evaluate(words).strip() == whole.strip()
    assert browser.evaluate("document.querySelectorAll('.facts dd').length") > 0
    assert browser.complaints == []


def test_what_would_load_or_run_is_refused(browser: Chromium, pages: dict[str, Path], tmp_path: Path) -> None:
    # Proves the policy, and that complaints are seen at all.
    text = pages["sample"].read_text(encoding="utf-8")
    bait = '<main><img src="http://127.0.0.1:9/x.png"><script>document.title = "run"</script><p style="x:1">'
    path = tmp_path / "bait.html"
    path.write_text(text.replace("<main>", bait, 1), encoding="utf-8")
    try:
        browser.show(path, width=800)
        assert browser.evaluate("document.title") != "run"
        assert len([line for line in browser.complaints if "Content Security Policy" in line]) == 3
        assert browser.blocked == ["csp"]
    finally:
        browser.complaints.clear()
        browser.requests.clear()


def test_a_chart_says_what_is_under_the_pointer(browser: Chromium, pages: dict[str, Path]) -> None:
    browser.show(pages["sample"], width=1280)
    rectangle = "document.querySelector('svg.chart').getBoundingClientRect()"
    box = browser.evaluate(f"JSON.parse(JSON.stringify({rectangle}))")
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    browser.call("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)
    shown = "[...document.querySelectorAll('.hover text')].filter(e => getComputedStyle(e).opacity == 1)"
    said = browser.evaluate(f"{shown}.map(e => e.textContent)")
    # The crosshair goes through both charts of the figure.
    assert len(said) == 2
    assert said[1].endswith(" USD below")
    assert said[1][:17] == said[0][:17]
    assert said[0].startswith(("2 Mar 2026", "3 Mar 2026"))
    assert said[0].endswith(" USD")


@pytest.mark.parametrize("name", PAGES)
def test_paper_is_light_and_whole(browser: Chromium, pages: dict[str, Path], name: str) -> None:
    browser.show(pages[name], width=PAPER_WIDTH, dark=True)
    scheme = {"name": "prefers-color-scheme", "value": "dark"}
    browser.call("Emulation.setEmulatedMedia", media="print", features=[scheme])
    assert browser.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    ink = browser.evaluate("getComputedStyle(document.querySelector('h1')).color")
    assert ink == f"rgb({', '.join(str(int(LIGHT['ink'][at : at + 2], 16)) for at in (1, 3, 5))})"
    hovers = "[...document.querySelectorAll('.hover')].filter(e => e.getBoundingClientRect().width).length"
    assert browser.evaluate(hovers) == 0
    assert browser.evaluate("document.documentElement.scrollWidth") <= PAPER_WIDTH
    # Nothing of a table is cut off where it cannot be scrolled.
    wide = "[...document.querySelectorAll('.scroll')].map(e => e.scrollWidth - e.clientWidth)"
    assert max([0, *browser.evaluate(wide)]) <= 1
    paper = browser.pdf()
    assert paper.startswith(b"%PDF")
    assert paper.count(b"/Type /Page\n") >= (1 if name == "new_bot" else 2)


def drag(browser: Chromium, start: tuple[float, float], end: tuple[float, float]) -> None:
    for kind, (x, y) in (("mouseMoved", start), ("mousePressed", start), ("mouseMoved", end),
                         ("mouseReleased", end)):  # fmt: skip
        browser.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)


def test_a_chart_is_zoomed_with_the_mouse_and_the_keyboard(browser: Chromium, pages: dict[str, Path]) -> None:
    browser.show(pages["sample"], width=1280)
    rectangle = "document.querySelector('svg.chart').getBoundingClientRect()"
    box = browser.evaluate(f"JSON.parse(JSON.stringify({rectangle}))")
    middle = box["y"] + box["height"] / 2
    drag(browser, (box["x"] + 0.25 * box["width"], middle), (box["x"] + 0.75 * box["width"], middle))
    views = "[...document.querySelectorAll('figure')[0].querySelectorAll('svg.ink')]"
    views += ".map(e => e.getAttribute('viewBox').split(' ').map(Number))"
    seen = browser.evaluate(views)
    assert len(seen) == 2
    for low, _, wide, _ in seen:
        assert abs(low - 2_500) < 60
        assert abs(wide - 5_000) < 60
    assert browser.evaluate("document.querySelectorAll('.away').length") > 0
    assert browser.evaluate("document.querySelectorAll('.hover g.on').length") == 2
    browser.evaluate("document.querySelector('svg.chart').focus()")
    browser.call("Input.dispatchKeyEvent", type="keyDown", key="Escape")
    assert {tuple(view) for view in browser.evaluate(views)} == {(0, 0, 10_000, 2_000)}
    assert browser.evaluate("document.querySelectorAll('.away').length") == 0
    browser.call("Input.dispatchKeyEvent", type="keyDown", key="+")
    assert browser.evaluate(views)[0][2] == 5_000
    browser.evaluate("document.querySelector('.zoom button').click()")
    assert browser.evaluate(views)[0][2] == 10_000
    assert browser.complaints == []
