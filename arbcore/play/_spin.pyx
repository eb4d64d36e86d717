"""Reads a socket in a busy loop instead of sleeping, for ``--busy-poll``. POSIX only.

Owns one buffer and no socket: the descriptor belongs to the caller. It does not know what the bytes mean.
"""

import os

from cpython.mem cimport PyMem_Free, PyMem_Malloc
from libc.stdint cimport int64_t

from arbcore.errors import RunError

cdef extern from *:
    """
    #if defined(_WIN32)
      #define ARBCORE_CAN_SPIN 0
      static Py_ssize_t arbcore_spin(int fd, char* buffer, size_t size, long long timeout_ns, int* failure)
      { (void)fd; (void)buffer; (void)size; (void)timeout_ns; *failure = 0; return -1; }
    #else
      #define ARBCORE_CAN_SPIN 1
      #include <errno.h>
      #include <sys/socket.h>
      #include <time.h>
      static long long arbcore_monotonic_ns(void)
      {
          struct timespec now;
          clock_gettime(CLOCK_MONOTONIC, &now);
          return (long long)now.tv_sec * 1000000000LL + now.tv_nsec;
      }
      /* Returns bytes read, 0 at the end of the stream, -1 after the timeout (failure 0) or on error. */
      static Py_ssize_t arbcore_spin(int fd, char* buffer, size_t size, long long timeout_ns, int* failure)
      {
          long long end_ns = 0;
          *failure = 0;
          for (;;) {
              ssize_t count = recv(fd, buffer, size, MSG_DONTWAIT);
              if (count >= 0)
                  return (Py_ssize_t)count;
              if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR) {
                  *failure = errno;
                  return -1;
              }
              /* The clock is first read after a miss: a hit on the first try needs no clock. */
              if (end_ns == 0)
                  end_ns = arbcore_monotonic_ns() + timeout_ns;
              else if (arbcore_monotonic_ns() >= end_ns)
                  return -1;
          }
      }
    #endif
    """
    const bint ARBCORE_CAN_SPIN
    Py_ssize_t arbcore_spin(int fd, char* buffer, size_t size, long long timeout_ns, int* failure) nogil


def can_spin():
    """Whether this platform can read in a busy loop: it needs a non-blocking recv on a descriptor."""
    return ARBCORE_CAN_SPIN


cdef class Spinner:
    """Reads the socket with descriptor ``fd`` into one buffer of ``size`` bytes, which each read reuses."""

    cdef char* _buffer
    cdef Py_ssize_t _size
    cdef int _fd
    cdef bint _busy

    def __cinit__(self, int fd, Py_ssize_t size=262144):
        if not ARBCORE_CAN_SPIN:
            raise RunError("--busy-poll needs a POSIX system; leave it out here.")
        if size < 1:
            raise ValueError("size must be at least 1")
        self._fd = fd
        self._size = size
        self._buffer = <char*>PyMem_Malloc(size)
        if self._buffer == NULL:
            raise MemoryError()

    def __dealloc__(self):
        PyMem_Free(self._buffer)

    def recv(self, int64_t timeout_ns):
        """Returns the received bytes: ``b""`` at the end of the stream, None if none came in ``timeout_ns``.

        Raises OSError. Reads at least once, however short the timeout.
        """
        cdef int failure = 0
        cdef Py_ssize_t count
        if self._busy:
            raise RunError("Two threads read one connection at once; give each a Spinner of its own.")
        self._busy = True
        with nogil:
            count = arbcore_spin(self._fd, self._buffer, <size_t>self._size, timeout_ns, &failure)
        self._busy = False
        if count >= 0:
            return self._buffer[:count]
        if failure:
            raise OSError(failure, os.strerror(failure))
        return None
