# Numbers are Python's own, of any size: a row says what was told or sent, and nothing here reckons with it.


cdef class OrderRow:
    cdef public str ref
    cdef public object trade_id
    cdef public str leg
    cdef public object side
    cdef public object quantity
    cdef public str kind
    cdef public object limit
    cdef public str tif
    cdef public str role
    cdef public object approved
    cdef public object con_id
    cdef public object created_ns
    cdef public str state
    cdef public object filled
    cdef public object perm_id
    cdef public str reason


cdef class ExecutionRow:
    cdef public str key
    cdef public str exec_id
    cdef public object revision
    cdef public str ref
    cdef public object perm_id
    cdef public object trade_id
    cdef public str leg
    cdef public object side
    cdef public object quantity
    cdef public object price
    cdef public object multiplier
    cdef public object ts_ns
    cdef public object commission


cdef class TradeRow:
    cdef public object trade_id
    cdef public object side
    cdef public str phase
    cdef public object con_id
    cdef public object expiry_ns
    cdef public object multiplier
    cdef public object wanted_contracts
    cdef public object wanted_shares
    cdef public object entry_ns
    cdef public object entry_dev_bps
    cdef public object contracts
    cdef public object shares
    cdef public object es_entry
    cdef public object es_exit
    cdef public object spy_entry
    cdef public object spy_exit
    cdef public object exit_ns
    cdef public object exit_dev_bps
    cdef public str exit_reason
    cdef public object tries
    cdef public object gross
    cdef public object commission


cdef class DayRow:
    cdef public object day
    cdef public object start_value
    cdef public bint margin_checked
    cdef public bint tripped


cdef class Draft:
    cdef public str leg
    cdef public int side
    cdef public long long quantity
    cdef public str kind
    cdef public object limit
    cdef public str tif
    cdef public str role
    cdef public long long held
    cdef public bint reduces
    cdef public bint blind
