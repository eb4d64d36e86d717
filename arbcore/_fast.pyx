"""The kernels that both bots share: rolling mean, message cap, cooldown, exposure, depth of a book, baskets.

Owns small pieces of exact integer arithmetic over plain C structs (``_fast.pxd``), and Python functions and
classes over them. ``tests/reference/kernels.py`` is the specification, in plain Python. This module must not
know symbols, orders, messages, clocks or sockets, and imports nothing of arbcore.
"""
cimport cython
from cpython.number cimport PyNumber_Index
from libc.stdint cimport INT64_MAX, INT64_MIN, int32_t, int64_t, uint64_t
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memset


# --- arguments of the Python interface ------------------------------------------------------------------

cdef int64_t int64_of(object value) except? -1:
    # Accepts only integers: TypeError for a float or a string, OverflowError beyond 64 bits.
    number = PyNumber_Index(value)
    if not INT64_MIN <= number <= INT64_MAX:
        raise OverflowError("an integer argument does not fit in 64 bits")
    return number


cdef int64_t within(object value, str name, int64_t low, int64_t high) except? -1:
    number = PyNumber_Index(value)
    if not low <= number <= high:
        raise ValueError(f"{name} is {number}; it must be between {low} and {high}")
    return number


# --- rolling mean ---------------------------------------------------------------------------------------

cdef int ring_init(Ring* ring, int32_t window) except -1:
    memset(ring, 0, sizeof(Ring))
    if window < 1:
        raise ValueError(f"window is {window}; it must be at least 1")
    ring.values = <int64_t*>malloc(<size_t>window * sizeof(int64_t))
    if ring.values == NULL:
        raise MemoryError(f"no memory for a window of {window} values")
    ring.window = window
    return 0


cdef void ring_free(Ring* ring) noexcept nogil:
    free(ring.values)
    memset(ring, 0, sizeof(Ring))


cdef void ring_clear(Ring* ring) noexcept nogil:
    ring.count = 0
    ring.head = 0
    ring.total = 0


# The count is never 0 here. C rounds towards 0; the second step turns that into rounding down or up.
@cython.cdivision(True)
cdef int64_t ring_mean_floor(const Ring* ring) noexcept nogil:
    cdef int64_t mean = ring.total / ring.count
    return mean - 1 if ring.total % ring.count < 0 else mean


@cython.cdivision(True)
cdef int64_t ring_mean_ceil(const Ring* ring) noexcept nogil:
    cdef int64_t mean = ring.total / ring.count
    return mean + 1 if ring.total % ring.count > 0 else mean


@cython.final
cdef class RollingMean:
    """Exact mean of the last ``window`` integers; a push takes constant time.

    Args:
        window: how many values, 1 to 2**31 - 1.

    Raises:
        ValueError: the window is out of range.
        MemoryError: there is not enough memory.

    >>> import arbcore
    >>> window = arbcore.RollingMean(2)
    >>> for price in (4010, 4012, 4013):
    ...     window.push(price)
    >>> window.mean, window.values()
    (4012.5, [4012, 4013])
    """

    cdef Ring ring

    def __cinit__(self, window):
        ring_init(&self.ring, <int32_t>within(window, "window", 1, 2**31 - 1))

    def __dealloc__(self):
        ring_free(&self.ring)

    def push(self, value) -> None:
        """Adds an integer, and drops the oldest one if the window is full.

        Raises OverflowError for a size above (2**63 - 1) // window, because the sum could overflow.
        """
        cdef int64_t number = int64_of(value)
        cdef int64_t bound = INT64_MAX // self.ring.window
        if not -bound <= number <= bound:
            raise OverflowError(f"value {number} is beyond {bound}, the largest that a window of "
                                f"{self.ring.window} values can sum")
        ring_push(&self.ring, number)

    def clear(self) -> None:
        """Removes every value."""
        ring_clear(&self.ring)

    def values(self) -> list:
        """The values in the window, oldest first."""
        cdef int32_t start = self.ring.head - self.ring.count
        cdef int32_t _index
        if start < 0:
            start += self.ring.window
        found = []
        for _index in range(self.ring.count):
            found.append(self.ring.values[start])
            start += 1
            if start == self.ring.window:
                start = 0
        return found

    @property
    def window(self) -> int:
        return self.ring.window

    @property
    def count(self) -> int:
        return self.ring.count

    @property
    def total(self) -> int:
        """Exact sum of the values in the window."""
        return self.ring.total

    @property
    def full(self) -> bool:
        return self.ring.count == self.ring.window

    @property
    def mean(self):
        """The mean as the nearest float; None while empty."""
        # Python rounds the division of two integers correctly; C would round the sum first.
        return <object>self.ring.total / <object>self.ring.count if self.ring.count else None

    @property
    def mean_floor(self):
        """The mean rounded down to an integer; None while empty."""
        return ring_mean_floor(&self.ring) if self.ring.count else None

    @property
    def mean_ceil(self):
        """The mean rounded up to an integer; None while empty."""
        return ring_mean_ceil(&self.ring) if self.ring.count else None


# --- message cap ----------------------------------------------------------------------------------------

cdef inline uint64_t elapsed_ns(int64_t since_ns, int64_t now_ns) noexcept nogil:
    # The distance of two times may exceed a signed number; `since_ns` is never the later one.
    return <uint64_t>now_ns - <uint64_t>since_ns


cdef inline int64_t later_ns(int64_t start_ns, int64_t span_ns) noexcept nogil:
    return INT64_MAX if start_ns > INT64_MAX - span_ns else start_ns + span_ns


cdef int rate_init(RateWindow* window, int32_t cap, int64_t span_ns) except -1:
    memset(window, 0, sizeof(RateWindow))
    if cap < 1 or span_ns < 1:
        raise ValueError(f"cap is {cap} and span_ns is {span_ns}; both must be at least 1")
    window.stamps_ns = <int64_t*>malloc(<size_t>cap * sizeof(int64_t))
    if window.stamps_ns == NULL:
        raise MemoryError(f"no memory for a cap of {cap} messages")
    window.cap = cap
    window.span_ns = span_ns
    return 0


cdef void rate_free(RateWindow* window) noexcept nogil:
    free(window.stamps_ns)
    memset(window, 0, sizeof(RateWindow))


cdef void rate_clear(RateWindow* window) noexcept nogil:
    window.count = 0
    window.head = 0


cdef inline int64_t rate_stamp_ns(const RateWindow* window, int32_t index) noexcept nogil:
    # The time at `index`, counted from the oldest.
    cdef int32_t at = window.head - window.count + index
    return window.stamps_ns[at + window.cap if at < 0 else at]


cdef inline int64_t rate_now_ns(const RateWindow* window, int64_t now_ns) noexcept nogil:
    cdef int64_t last_ns
    if window.count == 0:
        return now_ns
    last_ns = rate_stamp_ns(window, window.count - 1)
    return now_ns if now_ns > last_ns else last_ns


cdef inline bint rate_shut(const RateWindow* window, int64_t now_ns) noexcept nogil:
    # All `cap` times are within the span exactly if the oldest is.
    return (window.count == window.cap
            and elapsed_ns(rate_stamp_ns(window, 0), now_ns) < <uint64_t>window.span_ns)


cdef int32_t rate_room(const RateWindow* window, int64_t now_ns) noexcept nogil:
    cdef int32_t low = 0
    cdef int32_t high = window.count
    cdef int32_t middle
    now_ns = rate_now_ns(window, now_ns)
    # Times never decrease, so the expired ones come first: a binary search finds the first valid one.
    while low < high:
        middle = low + ((high - low) >> 1)
        if elapsed_ns(rate_stamp_ns(window, middle), now_ns) < <uint64_t>window.span_ns:
            high = middle
        else:
            low = middle + 1
    return window.cap - (window.count - low)


cdef bint rate_take(RateWindow* window, int64_t now_ns) noexcept nogil:
    now_ns = rate_now_ns(window, now_ns)
    if rate_shut(window, now_ns):
        return False
    if window.count < window.cap:
        window.count += 1
    window.stamps_ns[window.head] = now_ns
    window.head += 1
    if window.head == window.cap:
        window.head = 0
    return True


cdef int64_t rate_open_ns(const RateWindow* window, int64_t now_ns) noexcept nogil:
    if rate_shut(window, rate_now_ns(window, now_ns)):
        return later_ns(rate_stamp_ns(window, 0), window.span_ns)
    return now_ns


@cython.final
cdef class MessageWindow:
    """At most ``cap`` messages in any half-open span of ``span_ns`` nanoseconds, counted exactly.

    Times are 64-bit integers; one before the last message is treated as that message's time.

    Args:
        cap: messages, 1 to 2**31 - 1.
        span_ns: nanoseconds, 1 to 2**63 - 1.

    Raises:
        ValueError: one of them is out of range.

    >>> import arbcore
    >>> window = arbcore.MessageWindow(2, 1_000_000_000)
    >>> window.take(0), window.take(1), window.take(2), window.open_ns(2)
    (True, True, False, 1000000000)
    """

    cdef RateWindow rate

    def __cinit__(self, cap, span_ns):
        rate_init(&self.rate, <int32_t>within(cap, "cap", 1, 2**31 - 1),
                  within(span_ns, "span_ns", 1, INT64_MAX))

    def __dealloc__(self):
        rate_free(&self.rate)

    def room(self, now_ns) -> int:
        """The number of messages that may be sent at ``now_ns``."""
        return rate_room(&self.rate, int64_of(now_ns))

    def take(self, now_ns) -> bool:
        """Counts one message at ``now_ns``; returns False and counts nothing if there is no room."""
        return rate_take(&self.rate, int64_of(now_ns))

    def open_ns(self, now_ns) -> int:
        """``now_ns`` if there is room, else the first time with room (2**63 - 1: never)."""
        return rate_open_ns(&self.rate, int64_of(now_ns))

    def clear(self) -> None:
        """Removes every message."""
        rate_clear(&self.rate)

    @property
    def cap(self) -> int:
        return self.rate.cap

    @property
    def span_ns(self) -> int:
        return self.rate.span_ns


# --- cooldown -------------------------------------------------------------------------------------------

cdef int cooldown_init(CooldownTable* table, int32_t n_slots, int64_t cooldown_ns) except -1:
    memset(table, 0, sizeof(CooldownTable))
    if n_slots < 1 or cooldown_ns < 0:
        raise ValueError(f"n_slots is {n_slots} and cooldown_ns is {cooldown_ns}; "
                         "they must be at least 1 and 0")
    table.slots = <CooldownSlot*>calloc(<size_t>n_slots, sizeof(CooldownSlot))
    if table.slots == NULL:
        raise MemoryError(f"no memory for {n_slots} cooldown slots")
    table.n_slots = n_slots
    table.cooldown_ns = cooldown_ns
    return 0


cdef void cooldown_free(CooldownTable* table) noexcept nogil:
    free(table.slots)
    memset(table, 0, sizeof(CooldownTable))


cdef void cooldown_clear(CooldownTable* table) noexcept nogil:
    if table.slots != NULL:
        memset(table.slots, 0, <size_t>table.n_slots * sizeof(CooldownSlot))


cdef bint cooldown_ready(const CooldownTable* table, int32_t slot, int64_t now_ns) noexcept nogil:
    cdef const CooldownSlot* entry = &table.slots[slot]
    if not entry.marked:
        return True
    if now_ns <= entry.marked_ns:
        return table.cooldown_ns == 0
    return elapsed_ns(entry.marked_ns, now_ns) >= <uint64_t>table.cooldown_ns


cdef void cooldown_mark(CooldownTable* table, int32_t slot, int64_t now_ns) noexcept nogil:
    cdef CooldownSlot* entry = &table.slots[slot]
    if not entry.marked or now_ns > entry.marked_ns:
        entry.marked_ns = now_ns
    entry.marked = True


cdef int64_t cooldown_open_ns(const CooldownTable* table, int32_t slot) noexcept nogil:
    cdef const CooldownSlot* entry = &table.slots[slot]
    return later_ns(entry.marked_ns, table.cooldown_ns) if entry.marked else INT64_MIN


@cython.final
cdef class Cooldown:
    """For each of ``n_slots`` slots, a pause of ``cooldown_ns`` nanoseconds after its last mark.

    A time before the slot's last mark is treated as the time of that mark.

    Args:
        n_slots: 1 to 2**31 - 1.
        cooldown_ns: nanoseconds, 0 to 2**63 - 1.

    Raises:
        ValueError: one of them is out of range.
        IndexError: a method's slot is out of range.

    >>> import arbcore
    >>> pause = arbcore.Cooldown(1, 100)
    >>> pause.mark(0, 1_000)
    >>> pause.ready(0, 1_099), pause.open_ns(0)
    (False, 1100)
    """

    cdef CooldownTable table

    def __cinit__(self, n_slots, cooldown_ns):
        cooldown_init(&self.table, <int32_t>within(n_slots, "n_slots", 1, 2**31 - 1),
                      within(cooldown_ns, "cooldown_ns", 0, INT64_MAX))

    def __dealloc__(self):
        cooldown_free(&self.table)

    cdef int32_t slot_of(self, object slot) except -1:
        number = PyNumber_Index(slot)
        if not 0 <= number < self.table.n_slots:
            raise IndexError(f"no such slot; slots are 0 to {self.table.n_slots - 1}")
        return number

    def ready(self, slot, now_ns) -> bool:
        """Whether the slot was never marked, or last marked at least ``cooldown_ns`` ago."""
        return cooldown_ready(&self.table, self.slot_of(slot), int64_of(now_ns))

    def mark(self, slot, now_ns) -> None:
        """Starts the slot's pause at ``now_ns``."""
        cooldown_mark(&self.table, self.slot_of(slot), int64_of(now_ns))

    def open_ns(self, slot) -> int:
        """From when the slot is ready: -2**63 if never marked, 2**63 - 1 if beyond the largest time."""
        return cooldown_open_ns(&self.table, self.slot_of(slot))

    def clear(self) -> None:
        """Makes every slot ready."""
        cooldown_clear(&self.table)

    @property
    def n_slots(self) -> int:
        return self.table.n_slots

    @property
    def cooldown_ns(self) -> int:
        return self.table.cooldown_ns


# --- depth ----------------------------------------------------------------------------------

cdef int64_t depth_value(const Level* levels, int32_t count, int64_t quantity) noexcept nogil:
    cdef int64_t value = 0
    cdef int32_t index
    for index in range(count):
        if levels[index].size >= quantity:
            return value + quantity * levels[index].price
        value += <int64_t>levels[index].size * levels[index].price
        quantity -= levels[index].size
    return value if quantity == 0 else -1


# --- Python interface of exposure and depth ---------------------------------------------------------

cdef int side_of(object side) except 0:
    number = PyNumber_Index(side)
    if number != 1 and number != -1:
        raise ValueError(f"side is {number}; it must be 1 (buy) or -1 (sell)")
    return number


def _exposure_room(position, working, side, *, limit) -> int:
    """Shares of a side that can be added: limit - side * position - working.

    Args:
        position: shares held, below 0 short.
        working: shares of all orders of the same side that may still fill.
        side: 1 buy, -1 sell.
        limit: the largest position either way.

    Returns:
        Shares, never below 0 nor above 2**63 - 1.

    >>> import arbcore
    >>> arbcore.exposure_room(5, 10, 1, limit=100)
    85
    """
    return exposure_room(int64_of(position), int64_of(working), side_of(side), int64_of(limit))


def _exposure_allows(position, working, side, *, size, limit) -> bool:
    """Whether more shares of a side stay within the limit, if all working orders of that side fill.

    Args:
        position: shares held, below 0 short.
        working: shares of all orders of the same side that may still fill.
        side: 1 buy, -1 sell.
        size: shares to be added.
        limit: the largest position either way.

    Returns:
        True if they do.

    >>> import arbcore
    >>> arbcore.exposure_allows(5, 10, 1, size=86, limit=100)
    False
    """
    return exposure_allows(int64_of(position), int64_of(working), side_of(side), int64_of(size),
                           int64_of(limit))


cdef int read_side(Side* side, object levels, int direction) except -1:
    cdef int32_t price
    cdef int32_t before = 0
    pairs = list(levels)
    if len(pairs) > DEPTH_LEVELS_MAX:
        raise ValueError(f"{len(pairs)} levels; a side of a book has at most {DEPTH_LEVELS_MAX}")
    side.count = 0
    for pair in pairs:
        first, second = pair
        price = <int32_t>within(first, "price", 1, QUANTITY_END - 1)
        if side.count > 0 and (price - before) * direction < 0:
            raise ValueError(f"price {price} after {before}: levels must come best first")
        side.levels[side.count].price = price
        side.levels[side.count].size = <int32_t>within(second, "size", 1, QUANTITY_END - 1)
        side.count += 1
        before = price
    return 0


def _depth_value(levels, quantity):
    """The cost (asks) or proceeds (bids) of a quantity, level by level from the best.

    Args:
        levels: at most 15 (price in ticks, size in shares) pairs, best first, each number 1 to 999,999.
        quantity: shares, 0 to 2**63 - 1.

    Returns:
        Ticks; None if the levels hold fewer shares.

    Raises:
        ValueError: a number is out of range.

    >>> import arbcore
    >>> arbcore.depth_value([(10, 5), (11, 5)], 7)
    72
    """
    cdef Side side
    cdef int64_t value
    read_side(&side, levels, 0)
    value = depth_value(side.levels, side.count, within(quantity, "quantity", 0, INT64_MAX))
    return None if value < 0 else value


# The .pxd declares C functions of these names, and Cython has one scope for both kinds, so the Python
# functions get their public names here.
for _name, _function in (
    ("exposure_room", _exposure_room), ("exposure_allows", _exposure_allows), ("depth_value", _depth_value),
):
    _function.__name__ = _function.__qualname__ = _name
    globals()[_name] = _function
del _name, _function, _exposure_room, _exposure_allows, _depth_value


# --- baskets: cost or proceeds of an ETF's constituents, and the gain of converting -------------------------

cdef int64_t basket_cost_at(const ConversionBooks* books, int32_t lots) noexcept nogil:
    cdef int64_t total = 0
    cdef int64_t value
    cdef int32_t leg
    for leg in range(books.legs):
        value = depth_value(books.leg_asks[leg], books.n_leg_asks[leg],
                            <int64_t>lots * books.leg_quantity[leg])
        if value < 0:
            return -1
        total += value
    return total


cdef int64_t basket_proceeds_at(const ConversionBooks* books, int32_t lots) noexcept nogil:
    cdef int64_t total = 0
    cdef int64_t value
    cdef int32_t leg
    for leg in range(books.legs):
        value = depth_value(books.leg_bids[leg], books.n_leg_bids[leg],
                            <int64_t>lots * books.leg_quantity[leg])
        if value < 0:
            return -1
        total += value
    return total


cdef bint create_edge_at(const ConversionBooks* books, int32_t lots, int64_t* edge) noexcept nogil:
    cdef int64_t fetched = depth_value(books.etf_bids, books.n_etf_bids, <int64_t>lots * books.unit)
    cdef int64_t paid = basket_cost_at(books, lots)
    if fetched < 0 or paid < 0:
        return False
    edge[0] = fetched - paid - books.fee - lots * books.lot_fee
    return True


cdef bint redeem_edge_at(const ConversionBooks* books, int32_t lots, int64_t* edge) noexcept nogil:
    cdef int64_t paid = depth_value(books.etf_asks, books.n_etf_asks, <int64_t>lots * books.unit)
    cdef int64_t fetched = basket_proceeds_at(books, lots)
    if fetched < 0 or paid < 0:
        return False
    edge[0] = fetched - paid - books.fee - lots * books.lot_fee
    return True


# A position in one side of a book; the next shares are taken from there.
cdef struct Walk:
    const Level* levels
    int32_t count
    int32_t at
    int32_t left  # shares left at levels[at]


cdef inline void walk_start(Walk* walk, const Level* levels, int32_t count) noexcept nogil:
    walk.levels = levels
    walk.count = count
    walk.at = 0
    walk.left = levels[0].size if count > 0 else 0


cdef inline int64_t walk_take(Walk* walk, int32_t quantity) noexcept nogil:
    # The value of the next `quantity` shares; -1 once the levels are used up.
    cdef int64_t value = 0
    while walk.at < walk.count:
        if quantity <= walk.left:
            walk.left -= quantity
            return value + <int64_t>quantity * walk.levels[walk.at].price
        value += <int64_t>walk.left * walk.levels[walk.at].price
        quantity -= walk.left
        walk.at += 1
        if walk.at < walk.count:
            walk.left = walk.levels[walk.at].size
    return -1


cdef inline void best_of(const ConversionBooks* books, bint create, int32_t max_lots, int32_t* lots,
                         int64_t* edge) noexcept nogil:
    cdef Walk etf
    cdef Walk legs[LEGS_MAX]
    cdef int64_t gained = 0
    cdef int64_t gain
    cdef int64_t value
    cdef int64_t basket
    cdef int32_t lot = 0
    cdef int32_t leg
    lots[0] = 0
    edge[0] = 0
    if create:
        walk_start(&etf, books.etf_bids, books.n_etf_bids)
    else:
        walk_start(&etf, books.etf_asks, books.n_etf_asks)
    for leg in range(books.legs):
        if create:
            walk_start(&legs[leg], books.leg_asks[leg], books.n_leg_asks[leg])
        else:
            walk_start(&legs[leg], books.leg_bids[leg], books.n_leg_bids[leg])
    while lot < max_lots:
        value = walk_take(&etf, books.unit)
        if value < 0:
            return
        basket = 0
        for leg in range(books.legs):
            gain = walk_take(&legs[leg], books.leg_quantity[leg])
            if gain < 0:
                return
            basket += gain
        gain = (value - basket if create else basket - value) - books.lot_fee
        if lot > 0 and gain <= 0:
            return
        gained += gain
        lot += 1
        lots[0] = lot
        edge[0] = gained - books.fee
        # Prices only get worse with depth: after a lot without a gain no other lot gains.
        if gain <= 0:
            return


cdef void best_create(const ConversionBooks* books, int32_t max_lots, int32_t* lots,
                      int64_t* edge) noexcept nogil:
    best_of(books, True, max_lots, lots, edge)


cdef void best_redeem(const ConversionBooks* books, int32_t max_lots, int32_t* lots,
                      int64_t* edge) noexcept nogil:
    best_of(books, False, max_lots, lots, edge)


# --- Python interface ----------------------------------------------------------------------------------

# Owns the levels that a ConversionBooks points to, for one call from Python.
cdef struct Shelf:
    Side etf_bids
    Side etf_asks
    Side leg_bids[LEGS_MAX]
    Side leg_asks[LEGS_MAX]
    ConversionBooks books


cdef int shelve_legs(Shelf* shelf, object leg_bids, object leg_asks, object leg_quantities) except -1:
    cdef ConversionBooks* books = &shelf.books
    cdef int32_t leg
    quantities = list(leg_quantities)
    sides = [list(leg_bids), list(leg_asks)]
    if not 1 <= len(quantities) <= LEGS_MAX:
        raise ValueError(f"{len(quantities)} legs; a basket has 1 to {LEGS_MAX}")
    if len(sides[0]) != len(quantities) or len(sides[1]) != len(quantities):
        raise ValueError("every leg needs one quantity and one book; the sequences differ in length")
    books.legs = len(quantities)
    for leg in range(books.legs):
        books.leg_quantity[leg] = <int32_t>within(quantities[leg], "leg quantity", 1, QUANTITY_END - 1)
        read_side(&shelf.leg_bids[leg], sides[0][leg], -1)
        read_side(&shelf.leg_asks[leg], sides[1][leg], 1)
        books.leg_bids[leg] = shelf.leg_bids[leg].levels
        books.leg_asks[leg] = shelf.leg_asks[leg].levels
        books.n_leg_bids[leg] = shelf.leg_bids[leg].count
        books.n_leg_asks[leg] = shelf.leg_asks[leg].count
    return 0


cdef int shelve_etf(Shelf* shelf, object etf_bids, object etf_asks, terms) except -1:
    cdef ConversionBooks* books = &shelf.books
    unit, fee, lot_fee = terms
    read_side(&shelf.etf_bids, etf_bids, -1)
    read_side(&shelf.etf_asks, etf_asks, 1)
    books.etf_bids = shelf.etf_bids.levels
    books.etf_asks = shelf.etf_asks.levels
    books.n_etf_bids = shelf.etf_bids.count
    books.n_etf_asks = shelf.etf_asks.count
    books.unit = <int32_t>within(unit, "unit", 1, QUANTITY_END - 1)
    books.fee = within(fee, "fee", 0, QUANTITY_END - 1)
    books.lot_fee = within(lot_fee, "lot_fee", 0, QUANTITY_END - 1)
    return 0


cdef int32_t lots_of(object lots, str name) except -1:
    return <int32_t>within(lots, name, 1, 2**31 - 1)


def basket_cost(leg_asks, leg_quantities, lots):
    """The cost of ``lots`` baskets of ``leg_quantities`` shares at the asks.

    Args:
        leg_asks: a side of a book for each leg: at most 15 (price, size) pairs, best first.
        leg_quantities: shares of each leg in a basket.
        lots: number of baskets.

    Returns:
        Ticks; None if a leg is short of shares.

    Raises:
        ValueError: a number is out of range.

    >>> import arbcore
    >>> arbcore.basket_cost([[(10, 5)], [(20, 3)]], [1, 1], 2)
    60
    """
    cdef Shelf shelf
    cdef int64_t value
    leg_asks = list(leg_asks)
    shelve_legs(&shelf, [()] * len(leg_asks), leg_asks, leg_quantities)
    value = basket_cost_at(&shelf.books, lots_of(lots, "lots"))
    return None if value < 0 else value


def basket_proceeds(leg_bids, leg_quantities, lots):
    """The proceeds of ``lots`` baskets of ``leg_quantities`` shares at the bids.

    Args:
        leg_bids: a side of a book for each leg: at most 15 (price, size) pairs, best first.
        leg_quantities: shares of each leg in a basket.
        lots: number of baskets.

    Returns:
        Ticks; None if a leg is short of shares.

    Raises:
        ValueError: a number is out of range.

    >>> import arbcore
    >>> arbcore.basket_proceeds([[(10, 5)], [(20, 3)]], [1, 1], 4) is None
    True
    """
    cdef Shelf shelf
    cdef int64_t value
    leg_bids = list(leg_bids)
    shelve_legs(&shelf, leg_bids, [()] * len(leg_bids), leg_quantities)
    value = basket_proceeds_at(&shelf.books, lots_of(lots, "lots"))
    return None if value < 0 else value


def conversion_edge(*, etf_bids, etf_asks, leg_bids, leg_asks, leg_quantities, unit, fee, lots, lot_fee=0):
    """The gain of converting ``lots`` lots between an ETF and its basket, in both directions.

    Create buys the baskets at the asks, converts and sells ``unit`` x ``lots`` of the ETF at the bids;
    redeem buys the ETF and sells the baskets.

    Args:
        etf_bids: a side of the ETF's book: at most 15 (price in ticks, size in shares) pairs, best first.
        etf_asks: the other side.
        leg_bids: a side of a book for each leg.
        leg_asks: the other sides.
        leg_quantities: shares of each leg in a lot.
        unit: shares of the ETF in a lot.
        fee: ticks, paid once.
        lots: number of lots.
        lot_fee: ticks, paid for every lot.

    Returns:
        (create, redeem) in ticks, None if the depth is too small.

    Raises:
        ValueError: a number is out of range.

    >>> import arbcore
    >>> arbcore.conversion_edge(etf_bids=[(110, 20)], etf_asks=[(111, 20)], leg_bids=[[(99, 50)]],
    ...                         leg_asks=[[(100, 50)]], leg_quantities=[10], unit=10, fee=50, lots=1)
    (50, -170)
    """
    cdef Shelf shelf
    cdef int64_t create = 0
    cdef int64_t redeem = 0
    cdef int32_t number
    shelve_legs(&shelf, leg_bids, leg_asks, leg_quantities)
    shelve_etf(&shelf, etf_bids, etf_asks, (unit, fee, lot_fee))
    number = lots_of(lots, "lots")
    creatable = create_edge_at(&shelf.books, number, &create)
    redeemable = redeem_edge_at(&shelf.books, number, &redeem)
    return create if creatable else None, redeem if redeemable else None


def best_lots(*, etf_bids, etf_asks, leg_bids, leg_asks, leg_quantities, unit, fee, max_lots, lot_fee=0):
    """The best number of lots to create and to redeem, 1 to ``max_lots``.

    Args:
        max_lots: the most lots; the other arguments are those of ``conversion_edge``.

    Returns:
        (lots, edge in ticks) of creating, and of redeeming: the largest edge, even if negative; the fewest
        lots on a tie; None if the depth does not hold one lot.

    Raises:
        ValueError: a number is out of range.

    >>> import arbcore
    >>> arbcore.best_lots(etf_bids=[(110, 20)], etf_asks=[(111, 20)], leg_bids=[[(99, 50)]],
    ...                   leg_asks=[[(100, 50)]], leg_quantities=[10], unit=10, fee=50, max_lots=2)
    ((2, 150), (1, -170))
    """
    cdef Shelf shelf
    cdef int64_t create = 0
    cdef int64_t redeem = 0
    cdef int32_t create_lots = 0
    cdef int32_t redeem_lots = 0
    cdef int32_t most
    shelve_legs(&shelf, leg_bids, leg_asks, leg_quantities)
    shelve_etf(&shelf, etf_bids, etf_asks, (unit, fee, lot_fee))
    most = lots_of(max_lots, "max_lots")
    best_create(&shelf.books, most, &create_lots, &create)
    best_redeem(&shelf.books, most, &redeem_lots, &redeem)
    return (
        (create_lots, create) if create_lots else None,
        (redeem_lots, redeem) if redeem_lots else None,
    )
