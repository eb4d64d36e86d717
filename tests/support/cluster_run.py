"""A script that runs a sweep on a Dask cluster in its own process, and kills one worker half-way.

    python cluster_run.py SCHEDULER QUOTES SETTINGS PID_OF_A PID_OF_B

Prints JSON: the table, and whether the killed worker had work. Dask's threads must not run in the tests'
process, in which warnings are errors.
"""

import json
import os
import signal
import sys

from distributed import Client

import arbcore


def busy_worker(client: Client) -> str | None:
    """Returns the name of a worker with running or waiting work."""
    return next((address for address, keys in client.processing().items() if keys), None)


def main(scheduler: str, quotes: str, settings: str, *pids: str) -> None:
    killed = None
    with Client(scheduler, set_as_default=False) as watcher:
        known = watcher.run(os.getpid)
        assert sorted(known.values()) == sorted(map(int, pids))

        def kill_half_way(done: int, total: int) -> None:
            nonlocal killed
            if killed is None and 2 * done >= total and done < total:
                killed = busy_worker(watcher)
                if killed is not None:
                    os.kill(known[killed], signal.SIGKILL)

        result = arbcore.sweep(quotes, dask=scheduler, progress=kill_half_way, **json.loads(settings))
        left = list(watcher.nthreads())
    table = {name: list(column) for name, column in result.table.items()}
    print(json.dumps({"table": table, "killed": killed, "left": left}))


if __name__ == "__main__":
    main(*sys.argv[1:])
