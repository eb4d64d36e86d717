"""Percentiles of any number of values in memory that does not grow.

Owns the counting; what the values are is the caller's.
"""

import math
from array import array

#: Up to so many values are kept as they are.
EXACT_VALUES = 65_536
#: Beyond, a value is known to half of this.
STEP = 0.005
#: Values up to this far from 0 have a place each; those further out are counted by their powers.
REACH = 1_000.0
_HALF = round(REACH / STEP)
#: A value beyond the reach is known to this part of itself.
_PART = 1e-6


class Percentiles:
    """Counts values; ``at`` gives percentiles that are right within 0.0025 for values up to 1,000.

    >>> found = Percentiles()
    >>> for value in (1.0, 2.0, 4.0):
    ...     found.add(value)
    >>> found.at(0.5), found.at(0.75), found.largest
    (2.0, 3.0, 4.0)
    """

    def __init__(self) -> None:
        self.count = 0
        self.largest: float | None = None
        self.smallest: float | None = None
        self._exact: array[float] | None = array("d")
        self._near = array("q")
        self._far: dict[int, int] = {}

    def add(self, value: float) -> None:
        """One value more; it must be finite."""
        self.count += 1
        if self.largest is None or value > self.largest:
            self.largest = value
        if self.smallest is None or value < self.smallest:
            self.smallest = value
        if self._exact is not None:
            self._exact.append(value)
            if self.count > EXACT_VALUES:
                self._spread()
        else:
            self._put(value)

    def _spread(self) -> None:
        """From the kept values to counts."""
        kept, self._exact = self._exact, None
        self._near = array("q", bytes(8 * (2 * _HALF + 1)))
        for value in kept or ():
            self._put(value)

    def _put(self, value: float) -> None:
        if -REACH <= value <= REACH:
            self._near[round(value / STEP) + _HALF] += 1
        else:
            power = round(math.log(abs(value) / REACH) / _PART) + 1
            key = power if value > 0 else -power
            self._far[key] = self._far.get(key, 0) + 1

    def at(self, share: float) -> float | None:
        """The value below which a share of all values lies, between two neighbours in a straight line.

        None where there is no value.
        """
        if self.count == 0 or self.smallest is None or self.largest is None:
            return None
        place = share * (self.count - 1)
        low = math.floor(place)
        if self._exact is not None:
            values = sorted(self._exact)
            first, second = values[low], values[min(low + 1, self.count - 1)]
        else:
            first, second = self._ranked(low), self._ranked(min(low + 1, self.count - 1))
        found = first + (place - low) * (second - first)
        return min(self.largest, max(self.smallest, found))

    def _ranked(self, rank: int) -> float:
        """The value at a place in order, from 0 on."""
        seen = 0
        for key in sorted(key for key in self._far if key < 0):
            seen += self._far[key]
            if rank < seen:
                return -_far_value(-key)
        for at, count in enumerate(self._near):
            seen += count
            if rank < seen:
                return (at - _HALF) * STEP
        for key in sorted(key for key in self._far if key > 0):
            seen += self._far[key]
            if rank < seen:
                return _far_value(key)
        return self.largest or 0.0

    def shares(self, edges: list[float]) -> list[int]:
        """How many values lie from each edge up to the next, the last edge excluded."""
        counts = [0] * (len(edges) - 1)
        if self._exact is not None:
            for value in self._exact:
                _count(value, 1, edges, counts)
            return counts
        for at, count in enumerate(self._near):
            if count:
                _count((at - _HALF) * STEP, count, edges, counts)
        return counts


def _far_value(power: int) -> float:
    return REACH * math.exp((power - 1) * _PART)


def _count(value: float, count: int, edges: list[float], counts: list[int]) -> None:
    width = edges[1] - edges[0]
    place = math.floor((value - edges[0]) / width)
    if 0 <= place < len(counts):
        counts[place] += count
