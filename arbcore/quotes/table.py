"""Results as columns for a notebook, with conversion to tables of other libraries if they are installed.

Owns the shape only; it must not know where rows come from or where they are written.
"""

from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property, partial
from operator import attrgetter
from typing import Any

from arbcore.core.ledger_columns import LedgerColumn
from arbcore.core.result_documents import Cell
from arbcore.system.extras import library


def _columns_of(names: Sequence[str], rows: Iterable[object]) -> dict[str, Sequence[Cell]]:
    cells = list(zip(*map(attrgetter(*names), rows), strict=True)) or [()] * len(names)
    return {name: list(column) for name, column in zip(names, cells, strict=True)}


class Table(Mapping[str, Sequence[Cell]]):
    """Named columns of one length: ``table["net_pnl"]``; columns ending in ``ts`` are UTC nanoseconds.

    Args:
        columns: the columns by name, or a function that makes them when they are first read.
        kinds: the types of the columns' cells, needed if the cells do not show them.

    >>> table = Table({"entry_bps": [1.0, 2.0], "net_pnl": [10.0, None]})
    >>> table.height, table["net_pnl"]
    (2, [10.0, None])
    """

    def __init__(
        self,
        columns: Mapping[str, Sequence[Cell]] | Callable[[], dict[str, Sequence[Cell]]],
        *,
        kinds: Mapping[str, type] | None = None,
    ) -> None:
        self._given = columns if callable(columns) else dict(columns)
        self._kinds = kinds or {}

    @classmethod
    def of_rows(cls, columns: Sequence[LedgerColumn], rows: Iterable[object]) -> "Table":
        """A table from rows; their cells are found by the names of the columns when they are first read."""
        kinds = {column.name: column.kind for column in columns}
        return cls(partial(_columns_of, tuple(kinds), rows), kinds=kinds)

    @cached_property
    def _columns(self) -> dict[str, Sequence[Cell]]:
        return self._given() if callable(self._given) else self._given

    def __getitem__(self, name: str) -> Sequence[Cell]:
        return self._columns[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._columns)

    def __len__(self) -> int:
        """The number of columns; ``height`` is the number of rows."""
        return len(self._columns)

    def __repr__(self) -> str:
        return f"Table({self.height} rows: {', '.join(self._columns)})"

    def _repr_html_(self) -> str:
        """The first and the last rows as HTML, for a notebook."""
        from arbcore.pages.notebook import ends_of

        return ends_of(dict(self._columns), self.height, f"{self.height:,} rows")

    @property
    def height(self) -> int:
        """The number of rows."""
        return len(next(iter(self._columns.values()), ()))

    def rows(self) -> Iterator[tuple[Cell, ...]]:
        """The rows as tuples, in the order of the columns."""
        return zip(*self._columns.values(), strict=True)

    def to_pandas(self) -> Any:
        """A pandas DataFrame; times become UTC timestamps. RunError if pandas is not installed."""
        pandas = library("pandas", "tables", "A DataFrame")
        frame = pandas.DataFrame(self._columns)
        for name in self._times():
            frame[name] = pandas.to_datetime(frame[name], unit="ns", utc=True)
        return frame

    def to_polars(self) -> Any:
        """A Polars DataFrame; times become UTC datetimes. RunError if Polars is not installed."""
        polars = library("polars", "tables", "A Polars DataFrame")
        kinds = {"int": polars.Int64, "float": polars.Float64, "str": polars.String}
        frame = polars.DataFrame(
            [polars.Series(name, column, kinds[self._kind(name)]) for name, column in self._columns.items()]
        )
        return frame.with_columns(
            polars.from_epoch(name, time_unit="ns").dt.replace_time_zone("UTC") for name in self._times()
        )

    def to_arrow(self) -> Any:
        """A pyarrow Table; times are UTC timestamps in ns. RunError if pyarrow is not installed."""
        pa = library("pyarrow", "arrow", "An Arrow table")
        kinds = {"int": pa.int64(), "float": pa.float64(), "str": pa.string()}
        times = set(self._times())
        return pa.table({
            name: pa.array(column, pa.timestamp("ns", tz="UTC") if name in times else kinds[self._kind(name)])
            for name, column in self._columns.items()
        })  # fmt: skip

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """Arrow's C stream interface, by which other libraries read the table."""
        return self.to_arrow().__arrow_c_stream__(requested_schema)

    def _times(self) -> list[str]:
        return [name for name in self._columns if name == "ts" or name.endswith("_ts")]

    def _kind(self, name: str) -> str:
        """``int``, ``float`` or ``str``; the same for any rows, and without rows."""
        if name in self._kinds:
            return self._kinds[name].__name__
        column = self._columns[name]
        if isinstance(column, array):
            return "int" if column.typecode == "q" else "float"
        kinds = {type(cell) for cell in column if cell is not None}
        if str in kinds:
            return "str"
        return "int" if kinds == {int} or (not kinds and name in self._times()) else "float"
