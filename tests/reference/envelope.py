"""Twin of ``carry/_envelope``: stores every note, and makes the buckets at the end.

A bucket's width is the smallest power of two of nanoseconds, counted from the first note, that gives no more
buckets than allowed. NaN is ignored in the least and largest values.
"""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

COLUMNS = (
    "first_ns", "last_ns", "equity_min", "equity_max", "equity_last", "drawdown_max", "dev_min", "dev_max",
    "dev_last", "upper_min", "lower_max", "cc_entries", "cc_entry_dev", "reverse_entries",
    "reverse_entry_dev", "exits", "exit_dev",
)  # fmt: skip


@dataclass
class Envelope:
    """Has the same methods as the compiled envelope."""

    capacity: int = 2048
    notes: list[tuple[int, str, tuple[float, ...]]] = field(default_factory=list)

    def equity(self, ts_ns: int, equity: float, *, drawdown: float) -> None:
        self._note(ts_ns, "equity", equity, drawdown)

    def basis(self, ts_ns: int, dev: float, *, upper: float, lower: float) -> None:
        self._note(ts_ns, "basis", dev, upper, lower)

    def entry(self, ts_ns: int, side: int, *, dev: float) -> None:
        self._note(ts_ns, "cc" if side < 0 else "reverse", dev)

    def exit(self, ts_ns: int, *, dev: float) -> None:
        self._note(ts_ns, "exit", dev)

    def _note(self, ts_ns: int, kind: str, *values: float) -> None:
        latest_ns = self.notes[-1][0] if self.notes else ts_ns
        self.notes.append((max(ts_ns, latest_ns), kind, values))

    @property
    def count(self) -> int:
        return len(self._buckets())

    def _buckets(self) -> list[list[tuple[int, str, tuple[float, ...]]]]:
        for shift in range(64):
            buckets: dict[int, list[tuple[int, str, tuple[float, ...]]]] = {}
            for note in self.notes:
                buckets.setdefault((note[0] - self.notes[0][0]) >> shift, []).append(note)
            if len(buckets) <= self.capacity:
                break
        return list(buckets.values())

    def columns(self) -> dict[str, list[Any]]:
        columns: dict[str, list[Any]] = {name: [] for name in COLUMNS}
        for bucket in self._buckets():
            kinds: dict[str, list[tuple[float, ...]]] = {}
            for _, kind, values in bucket:
                kinds.setdefault(kind, []).append(values)
            equity, drawdown = _series(kinds, "equity", 2)
            dev, upper, lower = _series(kinds, "basis", 3)
            (cc,), (reverse,), (exits,) = (_series(kinds, kind, 1) for kind in ("cc", "reverse", "exit"))
            items = (
                bucket[0][0], bucket[-1][0], _least(equity), _largest(equity), _last(equity),
                _largest([0.0, *drawdown] if drawdown else []), _least(dev), _largest(dev), _last(dev),
                _least(upper), _largest(lower), len(cc), _largest(cc), len(reverse), _least(reverse),
                len(exits), _last(exits),
            )  # fmt: skip
            for name, item in zip(COLUMNS, items, strict=True):
                columns[name].append(item)
        return columns


def _series(kinds: dict[str, list[tuple[float, ...]]], kind: str, width: int) -> list[list[float]]:
    rows = kinds.get(kind, [])
    return [[row[at] for row in rows] for at in range(width)]


def _of_numbers(choose: Callable[[Iterable[float]], float], values: list[float], none: float) -> float | None:
    if not values:
        return None
    return choose([value for value in values if not math.isnan(value)] or [none])


def _least(values: list[float]) -> float | None:
    return _of_numbers(min, values, math.inf)


def _largest(values: list[float]) -> float | None:
    return _of_numbers(max, values, -math.inf)


def _last(values: list[float]) -> float | None:
    return values[-1] if values else None
