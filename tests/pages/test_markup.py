"""Escaping is not something to remember: what is no markup yet cannot become any."""

import math

import pytest
from html_text import Page
from hypothesis import given
from hypothesis import strategies as st

from arbcore.pages.markup import Markup, datum, escape, join, number, percent, tag

HOSTILE = (
    "<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "' onload='x", "</style><b>", "&lt;",
    "]]>", "<!--", "\N{RIGHT-TO-LEFT OVERRIDE}gnp.exe", "a\x00b\x1b[2J", "\ud800",
)


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_stays_text(text: str) -> None:
    page = Page(tag("p", text, title=text))
    assert [name for name, _ in page.elements] == ["p"]
    assert set(page.elements[0][1]) == {"title"}


@given(st.text(max_size=60), st.text(max_size=60))
def test_any_text_stays_text(body: str, attribute: str) -> None:
    page = Page(tag("div", tag("b", body), title=attribute))
    assert [name for name, _ in page.elements] == ["div", "b"]
    assert "<" not in escape(body)
    assert escape(body).isprintable()


def test_markup_is_escaped_once() -> None:
    once = escape("a & b")
    assert once == "a &amp; b"
    assert escape(once) is once
    assert join(["<", once], ", ") == "&lt;, a &amp; b"
    assert isinstance(tag("br"), Markup)


def test_attributes_are_spelled_as_html_does() -> None:
    assert tag("g", class_="x", aria_hidden="true", viewBox="0 0 1 1", id=None, hidden=True) == (
        '<g class="x" aria-hidden="true" viewBox="0 0 1 1" hidden></g>'
    )
    assert tag("meta", charset="utf-8") == '<meta charset="utf-8">'


@pytest.mark.parametrize(
    ("value", "digits", "signed", "text"),
    [
        (1234.5, 2, False, "1,234.50"),
        (-1234.5, 1, False, "\N{MINUS SIGN}1,234.5"),
        (3.0, 0, True, "+3"),
        (-0.001, 2, True, "0.00"),
        (0.001, 2, True, "0.00"),
        (None, 2, True, "\N{EN DASH}"),
        (math.nan, 2, False, "\N{EN DASH}"),
        (-math.inf, 2, False, "\N{EN DASH}"),
    ],
)
def test_numbers(value: float | None, digits: int, signed: bool, text: str) -> None:
    assert number(value, digits, signed=signed) == text


def test_shares_are_percents() -> None:
    assert percent(0.1234) == "12.3%"
    assert percent(None) == "\N{EN DASH}"


def test_a_datum_carries_its_number_in_full() -> None:
    page = Page(datum(0.1 + 0.2, "0.30", key="net_pnl"))
    assert float(page.data["net_pnl"]) == 0.1 + 0.2
    assert Page(datum(None, "-", key="sharpe")).data["sharpe"] == ""
