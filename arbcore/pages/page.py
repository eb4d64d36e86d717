"""The frame of a page: head, sections, figures, tables, notes. A page loads nothing from elsewhere.

Owns the document around the content. Its Content-Security-Policy allows only the one style, by its hash. So
even if escaping had a fault, no script could run and nothing could be loaded.
"""

import hashlib
from base64 import b64encode
from collections.abc import Sequence

from arbcore.pages.markup import Markup, escape, join, tag
from arbcore.pages.style import SHEET

#: A table with more columns may be wider than a phone.
_NARROW = 3
_DISCLAIMER = (
    "Not financial advice. The model is a simplification, past quotes say nothing certain about later ones, "
    "and you alone answer for what is traded under your name."
)


def policy_of(*, sheet: str = SHEET, script: str = "", live: bool = False) -> str:
    """Returns the Content-Security-Policy of a page: it allows one style and one script, by their hashes.

    A ``live`` page may also request data from its own server.
    """
    parts = ["default-src 'none'", f"style-src '{_digest(sheet)}'"]
    if script:
        parts.append(f"script-src '{_digest(script)}'")
    if live:
        parts += ["connect-src 'self'", "img-src data:"]
    return "; ".join([*parts, "base-uri 'none'", "form-action 'none'"])


def _digest(text: str) -> str:
    return f"sha256-{b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def page(
    *content: object, title: str, version: str, sheet: str = SHEET, script: str = "", live: bool = False
) -> str:
    """Returns a whole document around the sections; the same content always gives the same bytes."""
    policy = policy_of(sheet=sheet, script=script, live=live)
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=policy),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("meta", name="generator", content=f"arbcore {version}"),
        # Without this line a browser requests /favicon.ico from the server.
        tag("link", rel="icon", href="data:,") if live else "",
        tag("title", title),
        tag("style", Markup(sheet)),
    )
    foot = tag("footer", tag("p", f"Made by arbcore {version}. {_DISCLAIMER}"))
    code = tag("script", Markup(script)) if script else ""
    body = tag("body", tag("main", *content), foot, code)
    return f"<!doctype html>\n{tag('html', head, body, lang='en')}\n"


def heading(kicker: str, title: str, *, lede: object, detail: object = "") -> Markup:
    """Returns the top of a page: the kind of page, its subject, and the result in one sentence."""
    return tag(
        "header",
        tag("p", kicker, class_="kicker"),
        tag("h1", title),
        tag("p", lede, class_="lede"),
        tag("p", detail, class_="soft") if detail else "",
        class_="top",
    )


def facts(items: Sequence[tuple[str, object, object]]) -> Markup:
    """Returns the headline numbers from triples (name, number, explanation)."""
    return tag(
        "dl",
        *(
            tag("div", tag("dt", name), tag("dd", value, tag("small", beside) if beside else ""))
            for name, value, beside in items
        ),
        class_="facts",
    )


def section(name: str, title: str, *content: object) -> Markup:
    """Returns a part of the page under its heading; ``name`` is its anchor."""
    return tag("section", tag("h2", title, id=name), *content, aria_labelledby=name)


def figure(*charts: Markup, caption: object, legend: object = "") -> Markup:
    """Returns charts that share a caption and a legend."""
    plots = [tag("div", chart, class_="plot") for chart in charts]
    return tag("figure", *plots, legend, tag("figcaption", caption))


def pair(*parts: object) -> Markup:
    """Places two parts side by side if the screen is wide enough."""
    return tag("div", *(tag("div", part) for part in parts), class_="pair")


def table(
    caption: str,
    head: Sequence[str],
    rows: Sequence[Sequence[object]],
    *,
    numbers: Sequence[int] = (),
    foot: Sequence[object] | None = None,
    left_out: tuple[int, str] | None = None,
    dense: bool = False,
) -> Markup:
    """Returns a table whose first column names its rows; ``numbers`` are the right-aligned columns.

    A ``dense`` table has small type on paper. ``left_out`` is (row, sentence): the sentence appears after
    that many rows, in place of the rows that are left out.
    """
    styles = dict.fromkeys(numbers, "n")
    body = [_row(cells, styles) for cells in rows]
    if left_out is not None:
        cell = tag("td", left_out[1], colspan=len(head), class_="left-out")
        body.insert(left_out[0], tag("tr", cell))
    made = tag(
        "table",
        tag("caption", caption),
        tag("thead", tag("tr", *(
            tag("th", name, scope="col", class_=styles.get(at)) for at, name in enumerate(head)
        ))),
        tag("tbody", *body),
        tag("tfoot", _row(foot, styles)) if foot is not None else "",
        class_="dense" if dense else None,
    )  # fmt: skip
    if len(head) <= _NARROW:
        return tag("div", made, class_="scroll")
    # The table may be wider than a phone, so it gets its own scroll bar, which the keyboard can reach.
    return tag("div", made, class_="scroll", tabindex="0", role="region", aria_label=caption)


def _row(cells: Sequence[object], styles: dict[int, str]) -> Markup:
    first, *rest = cells
    return tag(
        "tr",
        tag("th", first, scope="row", class_=styles.get(0)),
        *(tag("td", cell, class_=styles.get(at)) for at, cell in enumerate(rest, 1)),
    )


def bullets(items: Sequence[object]) -> Markup:
    """Returns a bulleted list."""
    return tag("ul", *(tag("li", item) for item in items), class_="plain")


def stacked(*lines: object) -> Markup:
    """Returns lines one below the other, for one cell."""
    return join(lines, str(tag("br")))


def signed(text: object, value: float | None) -> Markup:
    """Returns text in the colour of a gain or a loss, in addition to its sign."""
    style = "up" if value is not None and value > 0 else "down" if value is not None and value < 0 else None
    return tag("span", text, class_=style) if style else escape(text)
