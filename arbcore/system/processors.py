"""How many processors this process may use, and how it leaves them to another one."""

import contextlib
import os

#: How much nicer than its run a process is that only shows it.
NICER = 5


def processors() -> int:
    """Those that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def give_way() -> None:
    """Makes this process wait for others: for one that shows a run, which inherits the run's own priority.

    A real-time priority is given up, the nice value is raised, and where the run was held to some processors
    this process goes to the other ones. Where the system has none of these, nothing is done.
    """
    with contextlib.suppress(AttributeError, OSError):
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
    with contextlib.suppress(AttributeError, OSError):
        os.nice(NICER)
    with contextlib.suppress(AttributeError, OSError, ValueError):
        # The system takes away those that are not ours to choose, and refuses where none is left.
        os.sched_setaffinity(0, set(range(os.cpu_count() or 1)) - os.sched_getaffinity(0))
