"""C API of the contracts: which expiry each row has, inline for the loop over rows."""
from libc.stdint cimport int64_t

from arbcore.carry._growing cimport Growing, one_more
from arbcore.carry._row_source cimport QuoteRow

cdef enum:
    # What a step over rows could not do.
    DONE = 0
    NO_MEMORY = 1
    NO_CONTRACT = 2
    TOO_MANY = 3
    # Of monthly contracts there are fewer in all the time that 64 bits hold; each new one is looked for among
    # those before it.
    USED_MAX = 10_000
    # Before the first contract by more than this no contract is known, whichever comes next.
    FRONT_DAYS_MAX = 100


cdef struct Contracts:
    Growing known            # the expiries in order, of which each row takes the first after it
    Growing used             # those of the rows so far, in the order of their first use
    bint fixed               # there is one, for all rows
    bint named               # rows name their own
    Py_ssize_t front
    int64_t last_ns          # the expiry of the last row


cdef inline int contracts_find(Contracts* contracts, const QuoteRow* row, int64_t* expiry_ns) noexcept nogil:
    """The row's own expiry, or the fixed one, or the front one; and notes it among those used."""
    cdef const int64_t* known = <const int64_t*>contracts.known.data
    cdef int64_t* used
    cdef Py_ssize_t at
    if contracts.named:
        expiry_ns[0] = row.expiry_ns
    elif contracts.fixed:
        expiry_ns[0] = known[0]
    else:
        # Times do not decrease, so neither does the front contract.
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
    """The expiries of some rows in order of time, up to one that has none; ``taken`` is how many have one."""
    cdef Py_ssize_t at = 0
    cdef int failed = DONE
    while at < count:
        failed = contracts_find(contracts, &rows[at], &expiries_ns[at])
        if failed != DONE:
            break
        at += 1
        if contracts.named:
            continue
        # The rows before a contract's end have it too; a fixed one has no end.
        while at < count and (contracts.fixed or rows[at].ts_ns < contracts.last_ns):
            expiries_ns[at] = contracts.last_ns
            at += 1
    taken[0] = at
    return failed


cdef int contracts_begin(Contracts* contracts, expiries_ns, bint fixed) except -1
cdef list contracts_used(const Contracts* contracts)
cdef void contracts_free(Contracts* contracts) noexcept
