"""The shell: well formed, closed to the network, and readable in either palette."""

import base64
import hashlib
import re

import pytest
from html_text import Page, references_of

from arbcore.pages import live_page, zoom
from arbcore.pages.page import facts, heading, page, section, signed, stacked, table
from arbcore.pages.style import DARK, LIGHT, SHEET, TEXT_ROLES


def whole() -> str:
    return page(
        heading("kicker", "title <b>", lede="lede", detail="detail"),
        facts([("Net", "1", "beside")]),
        section("part", "Part", table("Rows", ["a", "b"], [["x", 1], ["y", 2]], numbers=[1], foot=["z", 3])),
        title="title",
        version="1.2.3",
    )


def test_the_document_is_well_formed_and_refers_to_nothing() -> None:
    found = Page(whole())
    assert references_of(found) == []
    assert "title <b>" in found.text
    assert {name for name, _ in found.elements} >= {"html", "head", "title", "main", "h1", "h2", "table"}
    assert len(found.ids()) == len(set(found.ids()))


def test_the_policy_allows_the_one_style_and_nothing_else() -> None:
    text = whole()
    (policy,) = (
        found["content"]
        for _, found in Page(text).elements
        if found.get("http-equiv") == "Content-Security-Policy"
    )
    rules = dict(rule.split(" ", 1) for rule in policy.split("; "))
    style = re.search("<style>(.*)</style>", text, re.DOTALL)
    assert style is not None
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    assert rules == {
        "default-src": "'none'", "style-src": f"'sha256-{digest}'", "base-uri": "'none'",
        "form-action": "'none'",
    }  # fmt: skip


def test_the_style_fetches_nothing() -> None:
    assert not re.search(r"url\(|@import|@font-face|expression", SHEET)


def test_every_colour_that_is_used_is_in_both_palettes() -> None:
    assert set(LIGHT) == set(DARK)
    assert set(re.findall(r"var\(--(\w+)\)", SHEET)) <= {*LIGHT, "serif", "sans"}


def luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("palette", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize("role", TEXT_ROLES)
@pytest.mark.parametrize("behind", ["ground", "raised"])
def test_text_has_the_contrast_that_reading_needs(palette: dict[str, str], role: str, behind: str) -> None:
    one, other = sorted((luminance(palette[role]), luminance(palette[behind])))
    assert (other + 0.05) / (one + 0.05) >= 4.5


def test_tables_have_a_caption_and_scopes() -> None:
    found = Page(whole())
    assert found.tables == [[["a", "b"], ["x", "1"], ["y", "2"], ["z", "3"]]]
    scopes = [attributes.get("scope") for name, attributes in found.elements if name == "th"]
    assert scopes == ["col", "col", "row", "row", "row"]
    assert "caption" in found.names()


def test_what_is_left_out_of_a_table_is_said_in_its_place() -> None:
    found = Page(table("c", ["a", "b"], [["1", "2"], ["8", "9"]], left_out=(1, "6 are left out")))
    assert [row[0] for row in found.tables[0]] == ["a", "1", "6 are left out", "8"]


def test_a_wide_table_scrolls_with_the_keyboard_too() -> None:
    wide, narrow = (Page(table("c", ["h"] * columns, [["x"] * columns])) for columns in (9, 2))
    assert wide.elements[0][1] == {
        "class": "scroll", "tabindex": "0", "role": "region", "aria-label": "c"
    }  # fmt: skip
    assert narrow.elements[0][1] == {"class": "scroll"}


def test_gains_and_losses_have_their_colour() -> None:
    assert 'class="up"' in signed("+1", 1.0)
    assert 'class="down"' in signed("-1", -1.0)
    assert signed("0", 0.0) == "0"
    assert stacked("a", "<") == "a<br>&lt;"


def test_a_script_is_allowed_by_its_hash_and_only_where_there_is_one() -> None:
    text = page(title="t", version="1", script="let x = 1 < 2 && 3;")
    digest = base64.b64encode(hashlib.sha256(b"let x = 1 < 2 && 3;").digest()).decode()
    assert f"script-src &#x27;sha256-{digest}&#x27;" in text
    assert "<script>let x = 1 < 2 && 3;</script>" in text
    assert "connect-src" not in text
    assert "script" not in page(title="t", version="1")


def test_the_pages_own_scripts_are_small_and_ask_nobody() -> None:
    for script in (zoom.SCRIPT, live_page.SCRIPT):
        assert len(script.encode()) <= 15_000
        assert not re.search(r"https?:|eval\(|import|</|fetch\(|XMLHttp|localStorage|cookie", script)
