"""Twin of ``carry/_columns``: from lists of Python objects to valid rows, one row after the other.

A text is read as in a file, and a number is taken as it is. The size of a number that is a time gives its
unit. An object with ``isoformat`` is a time. The rules are those of ``quotes``.
"""

from collections.abc import Iterator
from typing import Any

from arbcore.quotes.column_names import resolve
from reference.quotes import Quotes


class ColumnQuotes(Quotes):
    """The rows of a mapping of columns, numbered from 1."""

    _roles: dict[str, Any]

    def _records(self) -> Iterator[tuple[int, int]]:
        found = resolve(self._data, where="the columns", line=None, use_factor=self._use_factor)
        columns = list(self._data.values())
        self._names = found.names
        self._roles = {role: columns[place] for role, place in found.places.items()}
        yield from enumerate(range(len(self._roles["ts"])), 1)

    def _cells(self, line: int, record: int) -> dict[str, Any]:
        return {role: column[record] for role, column in self._roles.items()}
