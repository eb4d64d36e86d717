"""Twin of ``carry/_columns``: lists of Python objects to valid rows, one row after the other.

A text means what it means in a file; a number is itself; an integer time tells its unit by its size; whatever
has ``isoformat`` is a time. The rules are those of ``quotes``.
"""

from collections.abc import Iterator
from typing import Any

from arbcore.reference.quotes import Quotes


class ColumnQuotes(Quotes):
    """The rows of a mapping of columns, numbered from 1."""

    def _records(self) -> Iterator[tuple[int, int]]:
        yield from enumerate(range(len(self._data["ts"])), 1)

    def _cells(self, line: int, record: int) -> dict[str, Any]:
        return {name: column[record] for name, column in self._data.items()}
