"""The contract of each row (its own, a fixed one or the front one), and the list of contracts used.

Owns the list of expiries and the position of the rows in it. It must not know which position is held.
"""
from libc.stdint cimport int64_t
from libc.stdlib cimport free

from arbcore.carry._growing cimport one_more

from arbcore.core.civil import iso_time
from arbcore.errors import BrokenInvariant, InputError


def no_contract(int64_t ts_ns) -> InputError:
    """The error for a row whose time has no known front contract."""
    return InputError(
        f"No front ES contract is known at {iso_time(ts_ns)}, the time of a row; name the expiry."
    )


def too_many_contracts(int64_t ts_ns) -> InputError:
    """The error for rows that name more than ``USED_MAX`` expiries."""
    return InputError(
        f"Up to the row of {iso_time(ts_ns)} the rows name more than {<int>USED_MAX:,} expiries; check the "
        "expiry column."
    )


cdef int contracts_begin(Contracts* contracts, expiries_ns, bint fixed) except -1:
    cdef int64_t* known
    for expiry_ns in expiries_ns:
        known = <int64_t*>one_more(&contracts.known, sizeof(int64_t))
        if known == NULL:
            raise MemoryError
        known[0] = expiry_ns
    contracts.fixed = fixed
    if fixed and contracts.known.count != 1:
        raise BrokenInvariant("A fixed expiry must be exactly one expiry.")
    return 0


cdef list contracts_used(const Contracts* contracts):
    cdef Py_ssize_t at
    return [(<const int64_t*>contracts.used.data)[at] for at in range(contracts.used.count)]


cdef void contracts_free(Contracts* contracts) noexcept:
    free(contracts.known.data)
    free(contracts.used.data)
