"""Finds an open order by its owner and id: an open-addressing table, without a Python object per order.

It maps two numbers to a third; the floor knows what they mean.
"""

from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free

cdef enum:
    FIRST_CELLS = 256


cdef inline uint64_t key_of(int32_t account, int64_t order_id) noexcept nogil:
    return (<uint64_t><uint32_t>account << 32) | <uint64_t><uint32_t>order_id


cdef inline uint64_t home_of(uint64_t key, uint64_t mask) noexcept nogil:
    # Multiplying by an odd constant and folding the high half spreads both consecutive ids and consecutive
    # accounts. The constant is fixed, so equal inputs give equal runs.
    cdef uint64_t mixed = key * 0x9E3779B97F4A7C15ULL
    return (mixed ^ (mixed >> 32)) & mask


cdef Entry* new_cells(uint64_t count) except NULL:
    cdef Entry* cells = <Entry*>calloc(<size_t>count, sizeof(Entry))
    cdef uint64_t at
    if cells == NULL:
        raise MemoryError()
    for at in range(count):
        cells[at].value = -1
    return cells


cdef class OrderIndex:
    """Maps (account, order id) to a number that is not negative."""

    def __cinit__(self):
        self.cells = new_cells(FIRST_CELLS)
        self.mask = FIRST_CELLS - 1

    def __dealloc__(self):
        free(self.cells)

    cdef int reserve(self) except -1:
        cdef Entry* old = self.cells
        cdef uint64_t old_mask = self.mask
        cdef uint64_t at, home
        # At most half full, which keeps probes short and makes them end.
        if <uint64_t>(self.count + 1) * 2 <= old_mask + 1:
            return 0
        self.cells = new_cells((old_mask + 1) * 2)
        self.mask = (old_mask + 1) * 2 - 1
        for at in range(old_mask + 1):
            if old[at].value >= 0:
                home = home_of(old[at].key, self.mask)
                while self.cells[home].value >= 0:
                    home = (home + 1) & self.mask
                self.cells[home] = old[at]
        free(old)
        return 0

    cdef int32_t find(self, int32_t account, int64_t order_id) noexcept nogil:
        cdef uint64_t key = key_of(account, order_id)
        cdef uint64_t at = home_of(key, self.mask)
        while self.cells[at].value >= 0:
            if self.cells[at].key == key:
                return self.cells[at].value
            at = (at + 1) & self.mask
        return -1

    cdef void put(self, int32_t account, int64_t order_id, int32_t value) noexcept nogil:
        cdef uint64_t key = key_of(account, order_id)
        cdef uint64_t at = home_of(key, self.mask)
        while self.cells[at].value >= 0 and self.cells[at].key != key:
            at = (at + 1) & self.mask
        if self.cells[at].value < 0:
            self.count += 1
        self.cells[at].key = key
        self.cells[at].value = value

    cdef int32_t take(self, int32_t account, int64_t order_id) noexcept nogil:
        cdef uint64_t key = key_of(account, order_id)
        cdef uint64_t at = home_of(key, self.mask)
        cdef uint64_t gap, home
        cdef int32_t value
        while self.cells[at].key != key or self.cells[at].value < 0:
            if self.cells[at].value < 0:
                return -1
            at = (at + 1) & self.mask
        value = self.cells[at].value
        # Entries that were placed past this cell move back into the gap, so no tombstone is needed.
        gap = at
        while True:
            at = (at + 1) & self.mask
            if self.cells[at].value < 0:
                break
            home = home_of(self.cells[at].key, self.mask)
            if ((at - home) & self.mask) >= ((at - gap) & self.mask):
                self.cells[gap] = self.cells[at]
                gap = at
        self.cells[gap].value = -1
        self.count -= 1
        return value

    cdef void clear(self) noexcept nogil:
        cdef uint64_t at
        for at in range(self.mask + 1):
            self.cells[at].value = -1
        self.count = 0

    def __len__(self):
        return self.count

    def __getitem__(self, key):
        cdef int32_t value = self.find(key[0], key[1])
        if value < 0:
            raise KeyError(key)
        return value

    def __setitem__(self, key, int32_t value):
        if value < 0:
            raise ValueError("An index value is not negative.")
        self.reserve()
        self.put(key[0], key[1], value)

    def pop(self, int32_t account, int64_t order_id):
        """Removes an entry and returns its value, or -1 if there is none."""
        return self.take(account, order_id)
