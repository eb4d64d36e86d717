"""Percentiles of any number of values in memory that does not grow.

Owns the counting. It must not know what the values are.
"""

import math
from array import array
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate, compress

#: The most values that are stored exactly.
EXACT_VALUES = 16_384
#: With more values, a value is known to half of this step.
STEP = 0.01
#: Each step up to this far from 0 has its own count, because no spread is wider. Values beyond are counted
#: on a logarithmic scale.
REACH = 20_000.0
#: The counts that are allocated together, when the first value falls on one of them.
_PAGE = 256
#: The relative precision of values beyond REACH; it becomes coarser if there are too many of them.
_PART, _FAR_MAX = 1e-6, 16_384


class Percentiles:
    """Counts values; ``at`` returns percentiles that are right within 0.005 for values up to 20,000.

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
        #: Counts by page and index in the page.
        self._near: dict[int, array[int]] = {}
        self._far: dict[int, int] = {}
        self._part = _PART
        #: The steps with values, in order, and the running sum of their counts; computed on demand.
        self._ranks: tuple[list[float], list[int]] | None = None

    def add(self, value: float) -> None:
        """Adds a value; it must be finite."""
        self.add_all((value,))

    def add_all(self, values: Sequence[float]) -> None:
        """Adds values; they must be finite."""
        if not values:
            return
        self.count += len(values)
        self._ranks = None
        largest, smallest = max(values), min(values)
        self.largest = largest if self.largest is None else max(self.largest, largest)
        self.smallest = smallest if self.smallest is None else min(self.smallest, smallest)
        if self._exact is not None:
            self._exact.extend(values)
            if self.count > EXACT_VALUES:
                self._spread()
        else:
            self._put(values, smallest, largest)

    @classmethod
    def merged(cls, parts: Iterable["Percentiles"]) -> "Percentiles":
        """Merges several objects, as if one of them had counted every value."""
        held = [part for part in parts if part.count]
        whole = cls()
        for part in held:
            if part._exact is not None:
                whole.add_all(part._exact)
        for part in held:
            if part._exact is None and part.smallest is not None and part.largest is not None:
                whole._add_counts(part)
        return whole

    def _add_counts(self, part: "Percentiles") -> None:
        if self._exact is not None:
            self._spread()
        self.count += part.count
        for extreme in (part.largest, part.smallest):
            if extreme is not None:
                self.largest = extreme if self.largest is None else max(self.largest, extreme)
                self.smallest = extreme if self.smallest is None else min(self.smallest, extreme)
        for place, count in part._places():
            self._add(place, count)
        for value, count in part._powers():
            self._add_far(value, count)

    def _spread(self) -> None:
        """Converts the stored values to counts."""
        kept, self._exact = self._exact, None
        if kept and self.smallest is not None and self.largest is not None:
            self._put(kept, self.smallest, self.largest)

    def _put(self, values: Sequence[float], smallest: float, largest: float) -> None:
        if smallest < -REACH or largest > REACH:
            for value in values:
                if not -REACH <= value <= REACH:
                    self._add_far(value, 1)
            values = [value for value in values if -REACH <= value <= REACH]
        for place, count in Counter(map(round, [value / STEP for value in values])).items():
            self._add(place, count)

    def _add(self, place: int, count: int) -> None:
        page = self._near.get(place // _PAGE)
        if page is None:
            page = self._near[place // _PAGE] = array("q", bytes(8 * _PAGE))
        page[place % _PAGE] += count

    def _add_far(self, value: float, count: int) -> None:
        power = round(math.log(abs(value) / REACH) / self._part) + 1
        key = power if value > 0 else -power
        self._far[key] = self._far.get(key, 0) + count
        if len(self._far) > _FAR_MAX:
            known = list(self._powers())
            self._part *= 2
            self._far = {}
            for each in known:
                self._add_far(*each)

    def _places(self) -> Iterator[tuple[int, int]]:
        """(step, count) of the values within REACH, in order."""
        for number, page in sorted(self._near.items()):
            for at in compress(range(_PAGE), page):
                yield number * _PAGE + at, page[at]

    def _powers(self) -> Iterator[tuple[float, int]]:
        """(value, count) of the values beyond REACH, in order."""
        # The value farthest below 0 has the smallest key, the one nearest above 0 the smallest positive key.
        for key, count in sorted(self._far.items()):
            yield math.copysign(REACH * math.exp((abs(key) - 1) * self._part), key), count

    def at(self, share: float) -> float | None:
        """The value below which a share of all values lies, interpolated linearly between two neighbours.

        None if there are no values.
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
        """The value of a rank in rising order, from 0 on."""
        if self._ranks is None:
            far = list(self._powers())
            below = [each for each in far if each[0] < 0]
            near = [(place * STEP, count) for place, count in self._places()]
            values, counts = zip(*below, *near, *far[len(below) :], strict=True)
            self._ranks = list(values), list(accumulate(counts))
        return self._ranks[0][bisect_right(self._ranks[1], rank)]

    def shares(self, edges: list[float]) -> list[int]:
        """The number of values from each edge up to the next edge, which is excluded."""
        counts = [0] * (len(edges) - 1)
        if self._exact is not None:
            for value in self._exact:
                _count(value, 1, edges, counts)
            return counts
        for place, count in self._places():
            _count(place * STEP, count, edges, counts)
        return counts


def _count(value: float, count: int, edges: list[float], counts: list[int]) -> None:
    width = edges[1] - edges[0]
    place = math.floor((value - edges[0]) / width)
    if 0 <= place < len(counts):
        counts[place] += count
