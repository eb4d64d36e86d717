# The public interface of the trading core. See reference/session.py for what each call does.
from libc.stdint cimport int32_t, uint32_t

from arbcore.trading._core cimport Core
from arbcore.trading._strategy cimport CompiledStrategy

cdef class Session(Core):
    cdef void _note_interest(self, CompiledStrategy strategy) noexcept
    cdef void _ask_about(self, int32_t news, uint32_t symbols, CompiledStrategy strategy) noexcept
    cdef int _enter(self, object now_ns) except -1
    cdef int _clock(self, object now_ns) except -1
