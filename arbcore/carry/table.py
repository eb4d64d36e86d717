"""Results as columns: what a notebook gets, with the tables of other libraries where those are installed.

Owns the shape only; it must not know where rows come from or where they are written.
"""

import importlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from arbcore.errors import RunError


class Table(Mapping[str, Sequence[Any]]):
    """Named columns of one length: ``table["net_pnl"]``; columns ending in ``ts`` are UTC nanoseconds."""

    def __init__(self, columns: Mapping[str, Sequence[Any]]) -> None:
        self._columns = dict(columns)

    @classmethod
    def of_rows(cls, names: Sequence[str], rows: Iterable[Sequence[Any]]) -> "Table":
        """A table from rows, each as long as ``names``."""
        columns = list(zip(*rows, strict=True)) or [()] * len(names)
        return cls({name: list(column) for name, column in zip(names, columns, strict=True)})

    def __getitem__(self, name: str) -> Sequence[Any]:
        return self._columns[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._columns)

    def __len__(self) -> int:
        """How many columns; ``height`` is how many rows."""
        return len(self._columns)

    def __repr__(self) -> str:
        return f"Table({self.height} rows: {', '.join(self._columns)})"

    @property
    def height(self) -> int:
        """How many rows."""
        return len(next(iter(self._columns.values()), ()))

    def rows(self) -> Iterator[tuple[Any, ...]]:
        """The rows as tuples, in the order of the columns."""
        return zip(*self._columns.values(), strict=True)

    def to_pandas(self) -> Any:
        """A pandas DataFrame; times become UTC timestamps. RunError where pandas is not installed."""
        pandas = _library("pandas")
        frame = pandas.DataFrame({name: list(column) for name, column in self._columns.items()})
        for name in self._columns:
            if name.endswith("ts"):
                frame[name] = pandas.to_datetime(frame[name], unit="ns", utc=True)
        return frame

    def to_polars(self) -> Any:
        """A Polars DataFrame; times become UTC datetimes. RunError where Polars is not installed."""
        polars = _library("polars")
        frame = polars.DataFrame({name: list(column) for name, column in self._columns.items()})
        times = [
            polars.from_epoch(name, time_unit="ns").dt.replace_time_zone("UTC")
            for name in self._columns
            if name.endswith("ts")
        ]
        return frame.with_columns(times)


def _library(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise RunError(
            f"This needs {name}, which is not installed; install it with `pip install {name}`."
        ) from error
