"""How many processors this process may use, and how it yields them to another process."""

import contextlib
import os

#: What the process of a live page adds to the nice value that it has from its run.
NICER = 5


def processors() -> int:
    """The number of processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def give_way() -> None:
    """Lowers this process's priority, for the process of a live page, which inherits that of its run.

    Gives up a real-time priority and raises the nice value. If the run is bound to some processors, this
    process moves to the other ones. Skips each step that the system does not have.
    """
    with contextlib.suppress(AttributeError, OSError):
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
    with contextlib.suppress(AttributeError, OSError):
        os.nice(NICER)
    with contextlib.suppress(AttributeError, OSError, ValueError):
        # The system drops processors that this process may not use, and refuses if none is left.
        os.sched_setaffinity(0, set(range(os.cpu_count() or 1)) - os.sched_getaffinity(0))
