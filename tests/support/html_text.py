"""Parses a page strictly, with every element closed in order, and collects its tables, links and numbers."""

from html.parser import HTMLParser

from arbcore.pages.zoom import SCRIPT

VOID = {"br", "col", "meta"}
#: Attributes that make a browser load something or follow a link.
FETCHING = {
    "src", "srcset", "href", "xlink:href", "action", "formaction", "poster", "data", "background", "ping",
}  # fmt: skip


class Page(HTMLParser):
    """A parsed page. Raises AssertionError if the document is not well formed."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.stack: list[str] = []
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.words: list[str] = []
        self.scripts: list[str] = []
        #: Numbers by their key.
        self.data: dict[str, str] = {}
        self.tables: list[list[list[str]]] = []
        self.feed(text)
        self.close()
        assert self.stack == [], f"not closed: {self.stack}"

    def handle_starttag(self, name: str, attributes: list[tuple[str, str | None]]) -> None:
        found = {key: value or "" for key, value in attributes}
        assert len(found) == len(attributes), f"<{name}> has an attribute twice"
        self.elements.append((name, found))
        if "data-key" in found:
            assert found["data-key"] not in self.data, found["data-key"]
            self.data[found["data-key"]] = found["value"]
        if name == "table":
            self.tables.append([])
        elif name == "tr":
            self.tables[-1].append([])
        elif name in {"th", "td"}:
            self.tables[-1][-1].append("")
        if name not in VOID:
            self.stack.append(name)

    def handle_endtag(self, name: str) -> None:
        assert self.stack, f"</{name}> closes nothing"
        assert self.stack[-1] == name, f"</{name}> closes <{self.stack[-1]}>"
        self.stack.pop()

    def handle_data(self, text: str) -> None:
        if "script" in self.stack:
            self.scripts.append(text)
        elif "style" not in self.stack:
            self.words.append(text)
        if {"th", "td"} & set(self.stack) and self.tables:
            self.tables[-1][-1][-1] += text

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())

    def names(self) -> set[str]:
        return {name for name, _ in self.elements}

    def ids(self) -> list[str]:
        return [found["id"] for _, found in self.elements if "id" in found]


def references_of(page: Page) -> list[str]:
    """Returns everything outside itself that the page refers to, and every script that it would run."""
    outside = [
        value
        for _, found in page.elements
        for key, value in found.items()
        if key in FETCHING and not value.startswith("#")
    ]
    handlers = [key for _, found in page.elements for key in found if key.startswith("on") or key == "style"]
    embedded = page.names() & {"link", "iframe", "object", "embed", "img", "base", "form", "image"}
    # A page of results may have only one script: ours, unchanged and without attributes.
    scripts = [text for text in page.scripts if text != SCRIPT]
    loaded = [str(found) for name, found in page.elements if name == "script" and found]
    return [*outside, *handlers, *embedded, *scripts, *loaded]
