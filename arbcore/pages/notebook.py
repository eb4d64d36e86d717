"""The display of a result in a notebook: one small table without its own style; all text is escaped."""

from collections.abc import Iterable, Sequence

from arbcore.core.civil import iso_time
from arbcore.pages.markup import Markup, number, tag
from arbcore.pages.words import label_of, sentence_case, setting

#: How many rows of a long table are shown at its beginning, and how many at its end.
ENDS = 5
_ELLIPSIS = "\N{HORIZONTAL ELLIPSIS}"


def small_table(caption: str, head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Returns a table with its caption; ``head`` may be empty."""
    first = [tag("thead", tag("tr", *(tag("th", each) for each in head)))] if head else []
    body = tag("tbody", *(tag("tr", *(tag("td", each) for each in row)) for row in rows))
    return tag("table", tag("caption", caption), *first, body)


def number_rows(numbers: Iterable[tuple[str, object]]) -> list[tuple[Markup, str]]:
    """Returns rows (label, value) from the names and numbers of a result's document."""
    return [(tag("b", sentence_case(label_of(name))), shown(value)) for name, value in numbers]


def shown(value: object) -> str:
    """Formats a number with two decimals, and anything else as on a page."""
    return number(value) if isinstance(value, float) else setting(value)


def ends_of(columns: dict[str, Sequence[object]], height: int, what: str) -> str:
    """Returns the first and last rows of named columns; names that end in ``ts`` hold instants in ns."""
    places: list[int | None] = list(range(height))
    if height > 2 * ENDS:
        places = [*range(ENDS), None, *range(height - ENDS, height)]
    rows = [
        [_ELLIPSIS if at is None else _cell(name, column[at]) for name, column in columns.items()]
        for at in places
    ]
    return small_table(what, list(columns), rows)


def _cell(name: str, value: object) -> str:
    if isinstance(value, int) and (name == "ts" or name.endswith("_ts")):
        return iso_time(value)
    return f"{value:,.6g}" if isinstance(value, float) else setting(value)
