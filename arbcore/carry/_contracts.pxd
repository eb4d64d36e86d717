"""C API of the contracts, inline for the loop over rows: finds the expiry of each row."""
from libc.stdint cimport int64_t

from arbcore.carry._growing cimport Growing, one_more
from arbcore.carry._row_source cimport QuoteRow

cdef enum:
    # The result of a step over rows: done, or why it stopped.
    DONE = 0
    NO_MEMORY = 1
    NO_CONTRACT = 2
    TOO_MANY = 3
    # The most expiries that rows may name. All monthly contracts whose expiry fits in 64 bits are fewer. A
    # new expiry is compared with each one before it, so the list must stay short.
    USED_MAX = 10_000
    # A row more than this many days before the first known contract has no front contract.
    FRONT_DAYS_MAX = 100


cdef struct Contracts:
    Growing known            # all expiries in rising order; a row takes the first one after its time
    Growing used             # the expiries of the rows so far, in the order of their first use
    bint fixed               # one contract for all rows
    bint named               # each row has its own expiry
    Py_ssize_t front
    int64_t last_ns          # the expiry of the last row


cdef inline int contracts_find(Contracts* contracts, const QuoteRow* row, int64_t* expiry_ns) noexcept nogil:
    """Finds a row's expiry (its own, the fixed one or the front one) and adds it to those used."""
    cdef const int64_t* known = <const int64_t*>contracts.known.data
    cdef int64_t* used
    cdef Py_ssize_t at
    if contracts.named:
        expiry_ns[0] = row.expiry_ns
    elif contracts.fixed:
        expiry_ns[0] = known[0]
    else:
        # Times do not decrease, so the index of the front contract does not either.
        while contracts.front < contracts.known.count and known[contracts.front] <= row.ts_ns:
            contracts.front += 1
        if contracts.front == contracts.known.count or (
                contracts.front == 0
                and row.ts_ns < known[0] - FRONT_DAYS_MAX * <int64_t>86_400_000_000_000LL):
            return NO_CONTRACT
        expiry_ns[0] = known[contracts.front]
    if contracts.used.count > 0 and expiry_ns[0] == contracts.last_ns:
        return DONE
    contracts.last_ns = expiry_ns[0]
    used = <int64_t*>contracts.used.data
    for at in range(contracts.used.count):
        if used[at] == expiry_ns[0]:
            return DONE
    if contracts.used.count == USED_MAX:
        return TOO_MANY
    used = <int64_t*>one_more(&contracts.used, sizeof(int64_t))
    if used == NULL:
        return NO_MEMORY
    used[0] = expiry_ns[0]
    return DONE


cdef inline int contracts_take(Contracts* contracts, const QuoteRow* rows, Py_ssize_t count,
                               int64_t* expiries_ns, Py_ssize_t* taken) noexcept nogil:
    """Finds the expiries of rows in order of time, up to the first row without one; ``taken`` counts them."""
    cdef Py_ssize_t at = 0
    cdef int failed = DONE
    while at < count:
        failed = contracts_find(contracts, &rows[at], &expiries_ns[at])
        if failed != DONE:
            break
        at += 1
        if contracts.named:
            continue
        # The following rows before the contract's expiry have the same one; a fixed contract is for all rows.
        while at < count and (contracts.fixed or rows[at].ts_ns < contracts.last_ns):
            expiries_ns[at] = contracts.last_ns
            at += 1
    taken[0] = at
    return failed


cdef int contracts_begin(Contracts* contracts, expiries_ns, bint fixed) except -1
cdef list contracts_used(const Contracts* contracts)
cdef void contracts_free(Contracts* contracts) noexcept
