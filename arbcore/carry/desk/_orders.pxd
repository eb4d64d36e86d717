# The wall of the order table. Quantities are Python's own numbers, of any size; times are 64-bit nanoseconds.
from libc.stdint cimport int64_t

from arbcore.carry.desk._records cimport OrderRow


cdef class Order:
    cdef readonly str ref
    cdef readonly object trade_id
    cdef readonly str leg
    cdef readonly int side
    cdef readonly object quantity
    cdef readonly str kind
    cdef readonly object limit
    cdef readonly str tif
    cdef readonly str role
    cdef readonly object approved
    cdef readonly object con_id
    cdef readonly object created_ns
    cdef public str state
    cdef public object filled
    cdef public object perm_id
    cdef public str reason
    cdef readonly int64_t sent_ns
    cdef public int64_t pulled_ns
    cdef public object pulls
    cdef public object absent
    cdef public object out_filled
    cdef public object told_filled
    cdef public bint acked
    cdef public bint suspect
    cdef public bint dirty

    cpdef OrderRow row(self)


cdef class Orders:
    cdef readonly dict all
    cdef readonly dict live
    cdef readonly dict by_perm
    cdef readonly list dirty
    cdef public int64_t look_ns

    cpdef Order add(self, OrderRow row, int64_t now_ns)
    cpdef bint news(self, Order order, str news, str reason=*) except -1
    cpdef object working(self, str leg, int side)
    cpdef bint meets(self, str leg, int side) except -1
    cpdef mark(self, Order order)
