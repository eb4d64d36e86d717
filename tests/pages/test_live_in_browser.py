"""The live pages in a real browser: they move without a reload, complain of nothing, ask nobody else."""

import contextlib
import time
from collections.abc import Iterator
from typing import Any

import pytest
from chromium import Chromium, find_chromium
from live_snapshots import SNAPSHOTS, moved
from page_checks import CONTRAST, OUTSIDE, OVERLAPPING, UNREAD, keyboard_stops

from arbcore.system.live_feed import EVERY_NS, LiveFeed

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def browser() -> Iterator[Chromium]:
    program = find_chromium()
    if program is None:
        pytest.skip("no Chromium on this machine; install it (Debian: apt-get install chromium)")
    with contextlib.closing(Chromium(program)) as found:
        yield found


class Shown:
    """A live page that is fed by hand."""

    def __init__(self, kind: str, token: str = "") -> None:
        self.kind = kind
        self.feed = LiveFeed("arbcore.commands._live", kind, told=print)
        port = self.feed.start(host="127.0.0.1", port=0, token=token)
        self.url = f"http://127.0.0.1:{port}/"
        self.times = 0

    def publish(self, count: int = 1) -> None:
        """Snapshots of a run that goes on; each is another second of it."""
        for _ in range(count):
            self.times += 1
            told = moved(self.kind, self.times)
            self.feed.publish(self.times * EVERY_NS, lambda made=told: made)


@pytest.fixture(scope="module", params=list(SNAPSHOTS))
def shown(request: pytest.FixtureRequest, browser: Chromium) -> Iterator[Shown]:
    made = Shown(request.param)
    with contextlib.closing(made.feed):
        made.publish(120)
        yield made
        # A page whose server has gone complains when it asks again.
        browser.show("about:blank", width=375)


def until(browser: Chromium, expression: str) -> Any:
    end_s = time.monotonic() + 10
    while not (found := browser.evaluate(expression)):
        assert time.monotonic() < end_s, expression
        time.sleep(0.05)
    return found


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [375, 1280])
def test_a_live_page_is_quiet_fits_and_moves(
    browser: Chromium, shown: Shown, width: int, dark: bool
) -> None:
    browser.complaints.clear()
    browser.requests.clear()
    browser.show(shown.url, width=width, dark=dark)
    browser.evaluate("window.kept = 'same document'")
    until(browser, "document.querySelectorAll('svg.chart').length > 0")
    before = browser.evaluate("document.querySelector('#facts').textContent")
    shown.publish()
    until(browser, f"document.querySelector('#facts').textContent !== {before!r}")
    assert browser.evaluate("window.kept") == "same document"
    assert browser.evaluate("document.documentElement.scrollWidth") <= width
    assert browser.evaluate(OUTSIDE) == []
    assert browser.evaluate(OVERLAPPING) == []
    assert browser.evaluate(CONTRAST) == []
    assert browser.evaluate("document.querySelector('#link').hidden") is True
    assert browser.complaints == []
    assert {url for url in browser.requests if not url.startswith((shown.url, "data:"))} == set()


def test_what_a_reader_of_the_screen_needs_is_there(browser: Chromium, shown: Shown) -> None:
    browser.show(shown.url, width=375)
    until(browser, "document.querySelectorAll('svg.chart').length > 0")
    assert browser.evaluate(UNREAD) == []
    assert browser.evaluate("document.querySelector('h1').getAttribute('aria-live')") == "polite"
    assert browser.evaluate("document.querySelector('#link').getAttribute('role')") == "status"
    stops = keyboard_stops(browser)
    assert stops
    assert all(seen for _, seen in stops)


def test_without_a_script_a_live_page_shows_its_numbers_and_says_how_to_see_newer_ones(
    browser: Chromium, shown: Shown
) -> None:
    browser.complaints.clear()
    browser.call("Emulation.setScriptExecutionDisabled", value=True)
    try:
        browser.show(shown.url, width=375)
    finally:
        browser.call("Emulation.setScriptExecutionDisabled", value=False)
    assert browser.evaluate("document.querySelectorAll('.facts dd').length") > 3
    assert browser.evaluate("document.querySelectorAll('td').length") > 3
    assert "reload it" in browser.evaluate("document.querySelector('noscript').textContent")
    assert browser.complaints == []


def test_a_run_that_stands_still_is_said(browser: Chromium, shown: Shown) -> None:
    browser.show(shown.url, width=800)
    until(browser, "!document.querySelector('#link').hidden")
    assert "No news from the run for" in browser.evaluate("document.querySelector('#link').textContent")
    # What is old is still read.
    assert browser.evaluate(CONTRAST) == []
    shown.publish()
    until(browser, "document.querySelector('#link').hidden")


def test_a_page_with_a_token_moves_too(browser: Chromium) -> None:
    made = Shown("serve", token="a+b&c")
    browser.complaints.clear()
    with contextlib.closing(made.feed):
        made.publish()
        browser.show(f"{made.url}?token=a%2Bb%26c", width=800)
        before = until(browser, "document.querySelector('#facts').textContent")
        made.publish()
        until(browser, f"document.querySelector('#facts').textContent !== {before!r}")
        assert browser.complaints == []
