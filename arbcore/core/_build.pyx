"""How the compiled modules were built. Owns facts about the compiler only."""

from libc.stdint cimport int32_t

cdef extern from *:
    """
    #if defined(__clang__)
      #define ARBCORE_COMPILER "clang " __clang_version__
    #elif defined(__GNUC__)
      #define ARBCORE_COMPILER "gcc " __VERSION__
    #elif defined(_MSC_VER)
      #define ARBCORE_COMPILER "msvc"
    #else
      #define ARBCORE_COMPILER "an unnamed C compiler"
    #endif
    #ifndef ARBCORE_SANITIZED
      #define ARBCORE_SANITIZED 0
    #endif
    #ifdef CYTHON_TRACE
      #define ARBCORE_TRACED 1
    #else
      #define ARBCORE_TRACED 0
    #endif
    """
    const char* ARBCORE_COMPILER
    int32_t ARBCORE_SANITIZED
    int32_t ARBCORE_TRACED
    int32_t CYTHON_HEX_VERSION


def build_info():
    """``{"compiler", "cython", "flavour"}``; the flavour is release, or the name of the instrumentation."""
    flavour = "sanitized" if ARBCORE_SANITIZED else "traced" if ARBCORE_TRACED else "release"
    version = int(CYTHON_HEX_VERSION)
    return {
        "compiler": ARBCORE_COMPILER.decode("ascii", "replace").strip(),
        "cython": f"{version >> 24}.{version >> 16 & 255}.{version >> 8 & 255}",
        "flavour": flavour,
    }
