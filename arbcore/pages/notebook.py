"""What a notebook shows of a result: one small table without a style of its own, everything in it escaped."""

from collections.abc import Iterable, Sequence

from arbcore.core.civil import iso_time
from arbcore.pages.markup import Markup, number, tag
from arbcore.pages.words import label_of, sentence_case, setting

#: Rows of a long table that are shown of its beginning, and as many of its end.
ENDS = 5
_ELLIPSIS = "\N{HORIZONTAL ELLIPSIS}"


def small_table(caption: str, head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table with its caption; ``head`` may be empty."""
    first = [tag("thead", tag("tr", *(tag("th", each) for each in head)))] if head else []
    body = tag("tbody", *(tag("tr", *(tag("td", each) for each in row)) for row in rows))
    return tag("table", tag("caption", caption), *first, body)


def number_rows(numbers: Iterable[tuple[str, object]]) -> list[tuple[Markup, str]]:
    """Rows of a name in words and its value, by the names that a result's document has."""
    return [(tag("b", sentence_case(label_of(name))), shown(value)) for name, value in numbers]


def shown(value: object) -> str:
    """A number with two decimals, anything else as a page has it."""
    return number(value) if isinstance(value, float) else setting(value)


def ends_of(columns: dict[str, Sequence[object]], height: int, what: str) -> str:
    """The first and the last rows of columns by name; those that end in ``ts`` are instants in ns."""
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
