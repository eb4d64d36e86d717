"""The shared kernels in plain Python: the specification of ``arbcore._fast``.

Written for clarity, not for speed: every result is computed anew from all past calls, in Python's unbounded
integers, with explicit range checks. Nothing in the package imports this module.
"""

from collections.abc import Iterable
from operator import index
from typing import SupportsIndex, TypeAlias

INT32_MAX = 2**31 - 1
INT64_MAX = 2**63 - 1
INT64_MIN = -(2**63)
LEVELS_MAX = 15
LEGS_MAX = 4
QUANTITY_MAX = 999_999

Levels: TypeAlias = Iterable[tuple[SupportsIndex, SupportsIndex]]
Side: TypeAlias = list[tuple[int, int]]


def _int64(value: SupportsIndex) -> int:
    number = index(value)
    if not INT64_MIN <= number <= INT64_MAX:
        raise OverflowError("an integer argument does not fit in 64 bits")
    return number


def _within(value: SupportsIndex, low: int, high: int) -> int:
    number = index(value)
    if not low <= number <= high:
        raise ValueError(f"a number must be between {low} and {high}")
    return number


class RollingMean:
    """Stores every value since the last ``clear`` and uses the last ``window`` of them."""

    def __init__(self, window: SupportsIndex) -> None:
        self._window = _within(window, 1, INT32_MAX)
        self._pushed: list[int] = []

    def push(self, value: SupportsIndex) -> None:
        number = _int64(value)
        if abs(number) > INT64_MAX // self._window:
            raise OverflowError("a full window of such values would not fit in 64 bits")
        self._pushed.append(number)

    def clear(self) -> None:
        self._pushed = []

    def values(self) -> list[int]:
        return self._pushed[-self._window :]

    @property
    def window(self) -> int:
        return self._window

    @property
    def count(self) -> int:
        return len(self.values())

    @property
    def total(self) -> int:
        return sum(self.values())

    @property
    def full(self) -> bool:
        return self.count == self._window

    @property
    def mean(self) -> float | None:
        return self.total / self.count if self.count else None

    @property
    def mean_floor(self) -> int | None:
        return self.total // self.count if self.count else None

    @property
    def mean_ceil(self) -> int | None:
        return -(-self.total // self.count) if self.count else None


class MessageWindow:
    """Stores the time of every message since the last ``clear`` and counts those within the span."""

    def __init__(self, cap: SupportsIndex, span_ns: SupportsIndex) -> None:
        self._cap = _within(cap, 1, INT32_MAX)
        self._span_ns = _within(span_ns, 1, INT64_MAX)
        self._taken_ns: list[int] = []

    def room(self, now_ns: SupportsIndex) -> int:
        latest_ns = max([_int64(now_ns), *self._taken_ns])
        return self._cap - sum(taken_ns > latest_ns - self._span_ns for taken_ns in self._taken_ns)

    def take(self, now_ns: SupportsIndex) -> bool:
        if self.room(now_ns) == 0:
            return False
        self._taken_ns.append(max([index(now_ns), *self._taken_ns]))
        return True

    def open_ns(self, now_ns: SupportsIndex) -> int:
        if self.room(now_ns) > 0:
            return index(now_ns)
        # If the last `cap` messages are within the span, there is room once the first of them leaves it.
        return min(self._taken_ns[-self._cap] + self._span_ns, INT64_MAX)

    def clear(self) -> None:
        self._taken_ns = []

    @property
    def cap(self) -> int:
        return self._cap

    @property
    def span_ns(self) -> int:
        return self._span_ns


class Cooldown:
    """Stores the times of all marks of all slots since the last ``clear``."""

    def __init__(self, n_slots: SupportsIndex, cooldown_ns: SupportsIndex) -> None:
        self._n_slots = _within(n_slots, 1, INT32_MAX)
        self._cooldown_ns = _within(cooldown_ns, 0, INT64_MAX)
        self._marks_ns: dict[int, list[int]] = {}

    def _slot(self, slot: SupportsIndex) -> int:
        number = index(slot)
        if not 0 <= number < self._n_slots:
            raise IndexError(f"no such slot; slots are 0 to {self._n_slots - 1}")
        return number

    def ready(self, slot: SupportsIndex, now_ns: SupportsIndex) -> bool:
        marks_ns = self._marks_ns.get(self._slot(slot), [])
        latest_ns = max([_int64(now_ns), *marks_ns])
        return all(latest_ns - mark_ns >= self._cooldown_ns for mark_ns in marks_ns)

    def mark(self, slot: SupportsIndex, now_ns: SupportsIndex) -> None:
        self._marks_ns.setdefault(self._slot(slot), []).append(_int64(now_ns))

    def open_ns(self, slot: SupportsIndex) -> int:
        marks_ns = self._marks_ns.get(self._slot(slot), [])
        return min(max(marks_ns) + self._cooldown_ns, INT64_MAX) if marks_ns else INT64_MIN

    def clear(self) -> None:
        self._marks_ns = {}

    @property
    def n_slots(self) -> int:
        return self._n_slots

    @property
    def cooldown_ns(self) -> int:
        return self._cooldown_ns


def _exposure(position: SupportsIndex, working: SupportsIndex, side: SupportsIndex) -> int:
    """The position on ``side`` if everything working on that side fills."""
    position, working, side = _int64(position), _int64(working), index(side)
    if side not in (1, -1):
        raise ValueError("side must be 1 (buy) or -1 (sell)")
    return side * position + working


def exposure_room(
    position: SupportsIndex, working: SupportsIndex, side: SupportsIndex, *, limit: SupportsIndex
) -> int:
    """Returns the shares of ``side`` that may be added, limited to 0 to 2**63 - 1."""
    exposure = _exposure(position, working, side)
    return min(max(_int64(limit) - exposure, 0), INT64_MAX)


def exposure_allows(
    position: SupportsIndex,
    working: SupportsIndex,
    side: SupportsIndex,
    *,
    size: SupportsIndex,
    limit: SupportsIndex,
) -> bool:
    """Whether an order of ``size`` stays within the limit; False for a size below 1."""
    exposure = _exposure(position, working, side)
    size, limit = _int64(size), _int64(limit)
    return size > 0 and exposure + size <= limit


def _side(levels: Levels, *, direction: int) -> Side:
    """Checks and returns the levels; ``direction`` is 1 for asks, -1 for bids, 0 for either."""
    pairs = list(levels)
    if len(pairs) > LEVELS_MAX:
        raise ValueError(f"a side of a book has at most {LEVELS_MAX} levels")
    side: Side = []
    for pair in pairs:
        first, second = pair
        price = _within(first, 1, QUANTITY_MAX)
        if side and (price - side[-1][0]) * direction < 0:
            raise ValueError("levels must come best first")
        side.append((price, _within(second, 1, QUANTITY_MAX)))
    return side


def _walk(side: Side, quantity: int) -> int | None:
    """Returns the value of ``quantity`` shares taken from the levels in order; None if they hold fewer."""
    value = 0
    for price, size in side:
        taken = min(size, quantity)
        value += taken * price
        quantity -= taken
    return value if quantity == 0 else None


def depth_value(levels: Levels, quantity: SupportsIndex) -> int | None:
    """Returns the value of ``quantity`` shares over the levels; None if they hold fewer."""
    side = _side(levels, direction=0)
    return _walk(side, _within(quantity, 0, INT64_MAX))


def _basket(sides: list[Side], quantities: list[int], lots: int) -> int | None:
    """Returns the value of ``lots`` baskets over one side of every leg; None if a leg's depth is short."""
    total = 0
    for side, quantity in zip(sides, quantities, strict=True):
        value = _walk(side, lots * quantity)
        if value is None:
            return None
        total += value
    return total


def _legs(
    leg_bids: Iterable[Levels], leg_asks: Iterable[Levels], leg_quantities: Iterable[SupportsIndex]
) -> tuple[list[Side], list[Side], list[int]]:
    wanted = list(leg_quantities)
    bids, asks = list(leg_bids), list(leg_asks)
    if not 1 <= len(wanted) <= LEGS_MAX:
        raise ValueError(f"a basket has 1 to {LEGS_MAX} legs")
    if len(bids) != len(wanted) or len(asks) != len(wanted):
        raise ValueError("every leg needs one quantity and one book")
    quantities: list[int] = []
    bid_sides: list[Side] = []
    ask_sides: list[Side] = []
    for quantity, bid_levels, ask_levels in zip(wanted, bids, asks, strict=True):
        quantities.append(_within(quantity, 1, QUANTITY_MAX))
        bid_sides.append(_side(bid_levels, direction=-1))
        ask_sides.append(_side(ask_levels, direction=1))
    return bid_sides, ask_sides, quantities


def basket_cost(
    leg_asks: Iterable[Levels], leg_quantities: Iterable[SupportsIndex], lots: SupportsIndex
) -> int | None:
    """Returns the cost of ``lots`` baskets at the asks; None if a leg's depth is short."""
    leg_asks = list(leg_asks)
    _, asks, quantities = _legs([()] * len(leg_asks), leg_asks, leg_quantities)
    return _basket(asks, quantities, _within(lots, 1, INT32_MAX))


def basket_proceeds(
    leg_bids: Iterable[Levels], leg_quantities: Iterable[SupportsIndex], lots: SupportsIndex
) -> int | None:
    """Returns the proceeds of ``lots`` baskets at the bids; None if a leg's depth is short."""
    leg_bids = list(leg_bids)
    bids, _, quantities = _legs(leg_bids, [()] * len(leg_bids), leg_quantities)
    return _basket(bids, quantities, _within(lots, 1, INT32_MAX))


class _Conversion:
    """The checked books and terms of one conversion."""

    def __init__(
        self,
        *,
        etf: tuple[Levels, Levels],
        legs: tuple[Iterable[Levels], Iterable[Levels], Iterable[SupportsIndex]],
        terms: tuple[SupportsIndex, SupportsIndex, SupportsIndex],
    ) -> None:
        self.leg_bids, self.leg_asks, self.leg_quantities = _legs(*legs)
        self.etf_bids = _side(etf[0], direction=-1)
        self.etf_asks = _side(etf[1], direction=1)
        self.unit = _within(terms[0], 1, QUANTITY_MAX)
        self.fee = _within(terms[1], 0, QUANTITY_MAX)
        self.lot_fee = _within(terms[2], 0, QUANTITY_MAX)

    def create_edge(self, lots: int) -> int | None:
        """The gain of buying the baskets, converting, and selling the ETF."""
        paid = _basket(self.leg_asks, self.leg_quantities, lots)
        return self._edge(paid, _walk(self.etf_bids, lots * self.unit), lots)

    def redeem_edge(self, lots: int) -> int | None:
        """The gain of buying the ETF, converting, and selling the baskets."""
        fetched = _basket(self.leg_bids, self.leg_quantities, lots)
        return self._edge(_walk(self.etf_asks, lots * self.unit), fetched, lots)

    def _edge(self, paid: int | None, fetched: int | None, lots: int) -> int | None:
        if paid is None or fetched is None:
            return None
        return fetched - paid - self.fee - lots * self.lot_fee


def conversion_edge(
    *,
    etf_bids: Levels,
    etf_asks: Levels,
    leg_bids: Iterable[Levels],
    leg_asks: Iterable[Levels],
    leg_quantities: Iterable[SupportsIndex],
    unit: SupportsIndex,
    fee: SupportsIndex,
    lots: SupportsIndex,
    lot_fee: SupportsIndex = 0,
) -> tuple[int | None, int | None]:
    """Returns (create, redeem): the gain of converting ``lots`` lots each way; None if depth is short."""
    conversion = _Conversion(
        etf=(etf_bids, etf_asks), legs=(leg_bids, leg_asks, leg_quantities), terms=(unit, fee, lot_fee)
    )
    number = _within(lots, 1, INT32_MAX)
    return conversion.create_edge(number), conversion.redeem_edge(number)


def best_lots(
    *,
    etf_bids: Levels,
    etf_asks: Levels,
    leg_bids: Iterable[Levels],
    leg_asks: Iterable[Levels],
    leg_quantities: Iterable[SupportsIndex],
    unit: SupportsIndex,
    fee: SupportsIndex,
    max_lots: SupportsIndex,
    lot_fee: SupportsIndex = 0,
) -> tuple[tuple[int, int] | None, tuple[int, int] | None]:
    """Returns (lots, edge) with the largest edge for create and for redeem; the fewest lots on a tie."""
    conversion = _Conversion(
        etf=(etf_bids, etf_asks), legs=(leg_bids, leg_asks, leg_quantities), terms=(unit, fee, lot_fee)
    )
    most = _within(max_lots, 1, INT32_MAX)
    # Beyond the ETF's own depth no number of lots has an edge.
    deepest = sum(size for _, size in conversion.etf_bids + conversion.etf_asks) // conversion.unit
    candidates = range(1, min(most, deepest) + 1)
    creations = [(lots, edge) for lots in candidates if (edge := conversion.create_edge(lots)) is not None]
    redemptions = [(lots, edge) for lots in candidates if (edge := conversion.redeem_edge(lots)) is not None]

    def largest(found: list[tuple[int, int]]) -> tuple[int, int] | None:
        return min(found, key=lambda pair: (-pair[1], pair[0]), default=None)

    return largest(creations), largest(redemptions)
