"""The data of a run's chart, for any number of rows, in memory that does not grow.

Owns buckets of time with the least, the largest and the last value of each series. When there is no room for
another bucket, all buckets become twice as wide and neighbours are merged. No extreme is lost, and up to
``capacity`` rows have a bucket each. Time without rows takes no buckets. It must not know what the numbers
mean or how they are drawn; ``reference.envelope`` is the specification.
"""
cimport cython
from libc.math cimport INFINITY
from libc.stdlib cimport free, malloc

from arbcore.errors import UsageError

#: The usual number of buckets: one for every pixel column of a chart.
CAPACITY = 2048

#: The keys of ``columns()``, in their order.
COLUMNS = (
    "first_ns", "last_ns", "equity_min", "equity_max", "equity_last", "drawdown_max", "dev_min", "dev_max",
    "dev_last", "upper_min", "lower_max", "cc_entries", "cc_entry_dev", "reverse_entries",
    "reverse_entry_dev", "exits", "exit_dev",
)

_NOTHING = [None] * 5


@cython.final
cdef class Envelope:
    """Collects values in order of time; a time earlier than the last one is replaced by the last one."""

    def __cinit__(self, Py_ssize_t capacity=CAPACITY):
        if not 2 <= capacity <= 1_000_000:
            raise UsageError(f"An envelope has from 2 to 1,000,000 buckets, not {capacity:,}.")
        self.buckets = <Bucket*>malloc(<size_t>capacity * sizeof(Bucket))
        if self.buckets == NULL:
            raise MemoryError
        self.capacity = capacity

    def __dealloc__(self):
        free(self.buckets)

    cdef Bucket* bucket_at(self, int64_t ts_ns) noexcept nogil:
        """The bucket of a time; creates it if there is none."""
        cdef uint64_t since
        cdef Bucket* bucket
        if self.count == 0:
            self.origin_ns = ts_ns
            self.last_ns = ts_ns
        elif ts_ns > self.last_ns:
            self.last_ns = ts_ns
        # The difference of any two 64-bit times fits in 64 unsigned bits.
        since = <uint64_t>self.last_ns - <uint64_t>self.origin_ns
        if self.count > 0:
            bucket = &self.buckets[self.count - 1]
            while bucket.key != since >> self.shift and self.count == self.capacity:
                self.halve()
                bucket = &self.buckets[self.count - 1]
            if bucket.key == since >> self.shift:
                bucket.last_ns = self.last_ns
                return bucket
        bucket = &self.buckets[self.count]
        self.count += 1
        bucket.key = since >> self.shift
        empty(bucket, self.last_ns)
        return bucket

    cdef void halve(self) noexcept nogil:
        """Doubles the width of every bucket."""
        cdef Py_ssize_t at, kept = 0
        self.shift += 1
        self.buckets[0].key >>= 1
        for at in range(1, self.count):
            self.buckets[at].key >>= 1
            if self.buckets[at].key == self.buckets[kept].key:
                merge(&self.buckets[kept], &self.buckets[at])
            else:
                kept += 1
                self.buckets[kept] = self.buckets[at]
        self.count = kept + 1

    cdef void add_equity(self, int64_t ts_ns, double equity, double drawdown) noexcept nogil:
        cdef Bucket* bucket = self.bucket_at(ts_ns)
        bucket.equity_rows += 1
        bucket.equity_last = equity
        if equity < bucket.equity_min:
            bucket.equity_min = equity
        if equity > bucket.equity_max:
            bucket.equity_max = equity
        if drawdown > bucket.drawdown_max:
            bucket.drawdown_max = drawdown

    cdef void add_basis(self, int64_t ts_ns, double dev, double upper, double lower) noexcept nogil:
        cdef Bucket* bucket = self.bucket_at(ts_ns)
        bucket.basis_rows += 1
        bucket.dev_last = dev
        if dev < bucket.dev_min:
            bucket.dev_min = dev
        if dev > bucket.dev_max:
            bucket.dev_max = dev
        if upper < bucket.upper_min:
            bucket.upper_min = upper
        if lower > bucket.lower_max:
            bucket.lower_max = lower

    cdef void add_entry(self, int64_t ts_ns, int side, double dev) noexcept nogil:
        cdef Bucket* bucket = self.bucket_at(ts_ns)
        if side < 0:
            bucket.cc_entries += 1
            if dev > bucket.cc_entry_dev:
                bucket.cc_entry_dev = dev
        else:
            bucket.reverse_entries += 1
            if dev < bucket.reverse_entry_dev:
                bucket.reverse_entry_dev = dev

    cdef void add_exit(self, int64_t ts_ns, double dev) noexcept nogil:
        cdef Bucket* bucket = self.bucket_at(ts_ns)
        bucket.exits += 1
        bucket.exit_dev = dev

    def equity(self, int64_t ts_ns, double equity, *, double drawdown) -> None:
        """Adds a row's equity and its distance below the peak."""
        self.add_equity(ts_ns, equity, drawdown)

    def basis(self, int64_t ts_ns, double dev, *, double upper, double lower) -> None:
        """Adds a row's deviation from fair value, and the deviations at which an entry would have traded."""
        self.add_basis(ts_ns, dev, upper, lower)

    def entry(self, int64_t ts_ns, int side, *, double dev) -> None:
        """Adds the entry of a position: ``side`` -1 is cash and carry, +1 reverse."""
        self.add_entry(ts_ns, side, dev)

    def exit(self, int64_t ts_ns, *, double dev) -> None:
        """Adds the exit of a position."""
        self.add_exit(ts_ns, dev)

    def columns(self) -> dict[str, list]:
        """``COLUMNS`` by name, one item per bucket; None if a bucket has no value of that kind.

        Of several entries in a bucket the one farthest from fair value is kept, of several exits the last
        one. ``upper_min`` and ``lower_max`` are the narrowest band.
        """
        cdef Py_ssize_t at
        cdef const Bucket* b
        columns: dict[str, list] = {name: [] for name in COLUMNS}
        for at in range(self.count):
            b = &self.buckets[at]
            valued, placed = b.equity_rows > 0, b.basis_rows > 0
            items: list = [b.first_ns, b.last_ns]
            items += [b.equity_min, b.equity_max, b.equity_last, b.drawdown_max] if valued else _NOTHING[:4]
            items += [b.dev_min, b.dev_max, b.dev_last, b.upper_min, b.lower_max] if placed else _NOTHING
            for count, dev in ((b.cc_entries, b.cc_entry_dev), (b.reverse_entries, b.reverse_entry_dev),
                               (b.exits, b.exit_dev)):
                items += [count, dev if count else None]
            for name, item in zip(COLUMNS, items, strict=True):
                columns[name].append(item)
        return columns


cdef void empty(Bucket* bucket, int64_t ts_ns) noexcept nogil:
    """Makes an empty bucket; its first value becomes both the least and the largest."""
    bucket.first_ns = ts_ns
    bucket.last_ns = ts_ns
    bucket.equity_rows = 0
    bucket.basis_rows = 0
    bucket.cc_entries = 0
    bucket.reverse_entries = 0
    bucket.exits = 0
    bucket.equity_min = INFINITY
    bucket.equity_max = -INFINITY
    bucket.equity_last = 0.0
    bucket.drawdown_max = 0.0
    bucket.dev_min = INFINITY
    bucket.dev_max = -INFINITY
    bucket.dev_last = 0.0
    bucket.upper_min = INFINITY
    bucket.lower_max = -INFINITY
    bucket.cc_entry_dev = -INFINITY
    bucket.reverse_entry_dev = INFINITY
    bucket.exit_dev = 0.0


cdef void merge(Bucket* into, const Bucket* later) noexcept nogil:
    """Merges the later of two neighbouring buckets into the earlier one."""
    into.last_ns = later.last_ns
    if later.equity_rows > 0:
        into.equity_last = later.equity_last
    if later.basis_rows > 0:
        into.dev_last = later.dev_last
    if later.exits > 0:
        into.exit_dev = later.exit_dev
    into.equity_rows += later.equity_rows
    into.basis_rows += later.basis_rows
    into.cc_entries += later.cc_entries
    into.reverse_entries += later.reverse_entries
    into.exits += later.exits
    into.equity_min = min(into.equity_min, later.equity_min)
    into.equity_max = max(into.equity_max, later.equity_max)
    into.drawdown_max = max(into.drawdown_max, later.drawdown_max)
    into.dev_min = min(into.dev_min, later.dev_min)
    into.dev_max = max(into.dev_max, later.dev_max)
    into.upper_min = min(into.upper_min, later.upper_min)
    into.lower_max = max(into.lower_max, later.lower_max)
    into.cc_entry_dev = max(into.cc_entry_dev, later.cc_entry_dev)
    into.reverse_entry_dev = min(into.reverse_entry_dev, later.reverse_entry_dev)
