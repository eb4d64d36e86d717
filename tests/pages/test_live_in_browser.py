"""The live pages in a real browser: they move without a reload, complain of nothing, ask nobody else."""

import contextlib
import time
from collections.abc import Iterator
from typing import Any

import pytest
from chromium import Chromium, find_chromium
from live_snapshots import SNAPSHOTS, moved

from arbcore.system.live_feed import EVERY_NS, LiveFeed

pytestmark = pytest.mark.browser

# What is read or drawn outside of the screen, other than tables that scroll by themselves.
OUTSIDE = """
[...document.querySelectorAll('h1,h2,h3,p,dt,dd,li,figcaption,svg text')].filter(e => {
  const box = e.getBoundingClientRect();
  return box.width > 0 && !e.closest('.scroll')
    && (box.left < -0.5 || box.right > document.documentElement.clientWidth + 0.5);
}).map(e => e.tagName + ': ' + e.textContent.slice(0, 60))
"""
CONTRAST = """
(() => {
  const light = text => {
    const [r, g, b] = text.match(/[0-9.]+/g).map(Number).map(v => v / 255)
      .map(v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ground = light(getComputedStyle(document.body).backgroundColor);
  return [...document.querySelectorAll('h1,h2,p,dt,dd,small,td,th,caption,figcaption,li,span')]
    .filter(e => e.getBoundingClientRect().width && !e.closest('#link'))
    .map(e => { const ink = light(getComputedStyle(e).color);
      return [(Math.max(ink, ground) + 0.05) / (Math.min(ink, ground) + 0.05), e.textContent]; })
    .filter(([ratio]) => ratio < 4.5).map(([ratio, text]) => text.slice(0, 40));
})()
"""


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
def shown(request: pytest.FixtureRequest) -> Iterator[Shown]:
    made = Shown(request.param)
    with contextlib.closing(made.feed):
        made.publish(120)
        yield made


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
    assert browser.evaluate(CONTRAST) == []
    assert browser.evaluate("document.querySelector('#link').hidden") is True
    assert browser.complaints == []
    assert {url for url in browser.requests if not url.startswith((shown.url, "data:"))} == set()


def test_what_a_reader_of_the_screen_needs_is_there(browser: Chromium, shown: Shown) -> None:
    browser.show(shown.url, width=1280)
    assert browser.evaluate("document.documentElement.lang") == "en"
    assert browser.evaluate("document.querySelectorAll('h1').length") == 1
    assert browser.evaluate("document.querySelector('h1').getAttribute('aria-live')") == "polite"
    assert browser.evaluate("document.querySelector('#link').getAttribute('role')") == "status"
    named = "e => document.getElementById(e.getAttribute('aria-labelledby'))"
    assert browser.evaluate(f"[...document.querySelectorAll('section')].every({named})")
    assert browser.evaluate("[...document.querySelectorAll('svg[role=img]')].every(e => "
                            "e.getAttribute('aria-label') || e.getAttribute('aria-labelledby'))")  # fmt: skip
    assert browser.evaluate("[...document.querySelectorAll('table')].every(e => e.caption)")


def test_a_run_that_stands_still_is_said(browser: Chromium, shown: Shown) -> None:
    browser.show(shown.url, width=800)
    until(browser, "!document.querySelector('#link').hidden")
    assert "No news from the run for" in browser.evaluate("document.querySelector('#link').textContent")
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
