"""The ledger: closed trades in order, stored as C structs. A row is made only when it is read.

Owns the cells of a row, and the names of sides and reasons; the columns are those of ``core.ledger_columns``.
Making a row takes longer than making its trade, and few callers read the rows. It must not know when a trade
is made.
"""
from array import array

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from libc.stdint cimport int64_t
from libc.stdlib cimport free

from arbcore.carry._growing cimport one_more

from functools import partial

from arbcore.core.ledger_columns import LedgerRow

#: Makes a row from cells in the order of the ledger's columns.
make_row = partial(tuple.__new__, LedgerRow)
SIDE_NAMES = {-1: "cash_and_carry", 1: "reverse"}
#: The reasons for an exit, indexed by their number in C; the first four are the signal's, in its order.
EXIT_REASONS = ("expiry", "stop_loss", "max_hold", "converged", "roll", "end_of_data")

cdef extern from "Python.h":
    void PyObject_GC_UnTrack(object tracked)


@cython.final
cdef class Ledger:
    """Trades of ``contracts`` contracts each, numbered from ``first_id``: a sequence of ``LedgerRow``."""

    def __init__(self, contracts, int64_t first_id=1):
        self.contracts, self.first_id = contracts, first_id

    def __dealloc__(self):
        free(self.records.data)

    cdef bint keep(self, const Trade* trade, double net) noexcept nogil:
        """Adds a trade; False if memory runs out."""
        cdef Record* kept = <Record*>one_more(&self.records, sizeof(Record))
        if kept == NULL:
            return False
        kept.trade = trade[0]
        kept.net = net
        return True

    cdef object row(self, Py_ssize_t at):
        cdef const Record* kept = <const Record*>self.records.data + at
        cdef const Trade* t = &kept.trade
        # Nearly every number of shares fits in a C integer.
        row = make_row((
            self.first_id + at, SIDE_NAMES[t.side], t.entry_ns, t.exit_ns, self.contracts,
            <int64_t>t.shares if t.shares < 1e18 else int(t.shares), t.es_entry, t.es_exit, t.spy_entry,
            t.spy_exit, t.entry_dev_bps, t.exit_dev_bps, t.gross, t.cost, t.financing, t.dividends,
            kept.net, EXIT_REASONS[t.reason],
        ))
        # The garbage collector does not need to track a tuple of numbers. It would find that out by itself,
        # but only after it has looked at each one.
        PyObject_GC_UnTrack(row)
        return row

    def extend(self, Ledger others not None) -> None:
        """Appends the trades of another ledger, which continues the numbers of this one."""
        cdef Py_ssize_t at
        cdef Record* kept
        for at in range(others.records.count):
            kept = <Record*>one_more(&self.records, sizeof(Record))
            if kept == NULL:
                raise MemoryError
            kept[0] = (<const Record*>others.records.data)[at]

    def nets(self) -> array:
        """The net P&L of each trade in USD, in order."""
        cdef Py_ssize_t at, count = self.records.count
        found = array("d", bytes(8 * count))
        cdef double[::1] net = found if count else None
        for at in range(count):
            net[at] = (<const Record*>self.records.data)[at].net
        return found

    def held(self):
        """For each trade: its entry and exit in ns, and the value of its ETF leg at the entry in USD."""
        cdef Py_ssize_t at
        cdef Trade trade
        for at in range(self.records.count):
            trade = (<const Record*>self.records.data)[at].trade
            yield trade.entry_ns, trade.exit_ns, trade.shares * trade.spy_entry

    def __len__(self) -> int:
        return self.records.count

    def __getitem__(self, Py_ssize_t at) -> LedgerRow:
        cdef Py_ssize_t count = self.records.count
        if not -count <= at < count:
            raise IndexError(f"There are {count} trades and no number {at}.")
        return self.row(at + count if at < 0 else at)

    def __iter__(self):
        cdef Py_ssize_t at
        for at in range(self.records.count):
            yield self.row(at)

    def __reduce__(self):
        # Pickles for another process on the same type of machine.
        cdef const char* data = self.records.data
        size = self.records.count * <Py_ssize_t>sizeof(Record)
        return ledger_from, (self.contracts, self.first_id, PyBytes_FromStringAndSize(data, size))


def ledger_from(contracts, int64_t first_id, bytes data not None) -> Ledger:
    """The ledger that another process pickled."""
    cdef Ledger ledger = Ledger(contracts, first_id)
    cdef const Record* kept = <const Record*>PyBytes_AS_STRING(data)
    cdef Py_ssize_t at
    for at in range(len(data) // <Py_ssize_t>sizeof(Record)):
        if not ledger.keep(&kept[at].trade, kept[at].net):
            raise MemoryError
    return ledger
