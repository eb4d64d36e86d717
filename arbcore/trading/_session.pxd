# The face of the trading core. See reference/session.py for what each call does.
from arbcore.trading._core cimport Core
from arbcore.trading._strategy cimport Strategy

cdef class Session(Core):
    cdef void _note_interest(self, Strategy strategy) noexcept
    cdef int _clock(self, object now_ns) except -1
