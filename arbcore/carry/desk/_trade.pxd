# The wall of a pair's own state.
from arbcore.carry.desk._records cimport ExecutionRow


cdef class Trade:
    cdef readonly object trade_id
    cdef readonly object side
    cdef readonly object con_id
    cdef readonly object expiry_ns
    cdef readonly object multiplier
    cdef readonly object wanted_contracts
    cdef readonly object wanted_shares
    cdef readonly object entry_ns
    cdef readonly object entry_dev_bps
    cdef public str phase
    cdef public object exit_ns
    cdef public object exit_dev_bps
    cdef public str exit_reason
    cdef public object contracts
    cdef public object shares
    cdef public object tries
    cdef public object gross
    cdef public dict position
    cdef readonly dict sums
    cdef readonly dict commissions
    # Average prices of ES in and out and of SPY in and out, and what all of it cost; None if unknown.
    cdef readonly tuple averages
    cdef readonly object commission
    # The leg whose entry waits for the other one.
    cdef public str second
    # When a hedge must be done, when a next round of orders may go, when to be looked at without news.
    cdef public object deadline_ns
    cdef public object next_try_ns
    cdef public object wake_ns
    cdef public object naked_since_ns
    cdef public object exit_from
    cdef public object misses
    cdef public bint forced
    # Whether all executions are known; of an old pair only some may have been stored.
    cdef public bint complete
    # What changed of it without an execution of ours.
    cdef readonly list adjustments
    # Its future trades no more: the exchange settles it, and only the shares can be given back.
    cdef public bint expired

    cpdef know_commission(self, ExecutionRow row)
