"""Shell: the connection to a Dask cluster, and the wait for its workers. Needs the extra ``dask``.

The cluster runs a dead worker's tasks again by itself.
"""

import importlib
import logging
import re
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import Executor
from contextlib import contextmanager
from typing import Any, Protocol

from arbcore.core.text import printable
from arbcore.errors import ConfigError, ConnectError, RunError

CONNECT_S = 5.0
#: Seconds that a sweep waits while the cluster has no worker.
NO_WORKER_S = 30.0
ASK_EVERY_S = 1.0

_ADDRESS = re.compile(r"([a-z]+://)?(\[[0-9a-fA-F:.]+\]|[^\s:/\[\]]+):([0-9]{1,5})")


@contextmanager
def open_cluster(address: str) -> Iterator["Cluster"]:
    """Connects to the scheduler at ``address``. Raises ConnectError if it cannot be reached."""
    shown = printable(address)
    found = _ADDRESS.fullmatch(address)
    if found is None or not 0 < int(found[3]) < 65_536:
        raise ConfigError(
            f"{shown!r} is not the address of a Dask scheduler; write HOST:PORT, such as 127.0.0.1:8786."
        )
    try:
        distributed: Any = importlib.import_module("distributed")
    except ImportError as error:
        raise RunError(
            f"This needs Dask, which is not installed ({error}); install it with "
            "`pip install '.[dask]'` in the checkout."
        ) from error
    with _quiet("distributed"):
        try:
            client = distributed.Client(address, timeout=CONNECT_S, set_as_default=False)
        except Exception as error:
            raise ConnectError(
                f"No Dask scheduler answers at {shown} ({type(error).__name__}); check the address, or start "
                "one with `dask scheduler` and workers with `dask worker ADDRESS`."
            ) from error
        try:
            cluster = Cluster(client, shown)
            cluster.wait_for_workers()
            yield cluster
        finally:
            # A scheduler that is gone must not hold up the end.
            client.close(timeout=2)


@contextmanager
def _quiet(library: str) -> Iterator[None]:
    """Silences a library's loggers for the block: our error reports the failure in one sentence.

    Afterwards every logger of the library has the level that it had before.
    """
    names = [library, *(name for name in logging.root.manager.loggerDict if name.startswith(f"{library}."))]
    loggers = [logging.getLogger(name) for name in names]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


class DaskClient(Protocol):
    """The methods of ``distributed.Client`` that this module uses."""

    def get_executor(self, *, pure: bool) -> Executor:
        """An executor that runs on the workers."""

    def scatter(self, data: bytes, *, broadcast: bool, hash: bool) -> object:  # noqa: A002
        """Sends data to the workers; pass the returned handle to a call in place of the data."""

    def nthreads(self) -> Mapping[str, int]:
        """The number of threads of each worker, by the worker's address."""


class Cluster:
    """A scheduler that responds, and the number of threads of its workers.

    Attributes:
        executor: Runs a function on the cluster's workers.
        workers: Threads of all workers at the last count, at least 1.
    """

    def __init__(self, client: DaskClient, address: str) -> None:
        # Without pure=False Dask computes equal calls once and returns the same result for all of them.
        self.executor: Executor = client.get_executor(pure=False)
        self.workers = 1
        self._client = client
        self._address = address
        self._alone_since_s: float | None = None
        self._asked_s = 0.0

    def everywhere(self, data: bytes) -> object:
        """Sends data once to every worker; pass the returned handle to the executor's calls in its place."""
        return self._client.scatter(data, broadcast=True, hash=False)

    def idle(self) -> None:
        """Counts the workers at most once a second; call it while no task finishes."""
        if time.monotonic() - self._asked_s > ASK_EVERY_S:
            self.count_workers()

    def wait_for_workers(self) -> None:
        """Waits for the first worker. Raises RunError if none connects within ``NO_WORKER_S``."""
        while not self.count_workers():
            time.sleep(0.1)

    def count_workers(self) -> int:
        """The number of workers now. Raises RunError if there has been none for ``NO_WORKER_S``."""
        try:
            threads = self._client.nthreads()
        except Exception as error:
            raise RunError(
                f"The Dask scheduler at {self._address} does not answer any more ({type(error).__name__}); "
                "look at its output and run again."
            ) from error
        self.workers = max(1, sum(threads.values()))
        self._asked_s = now_s = time.monotonic()
        if threads:
            self._alone_since_s = None
        elif self._alone_since_s is None:
            self._alone_since_s = now_s
        elif now_s - self._alone_since_s > NO_WORKER_S:
            raise RunError(
                f"The Dask scheduler at {self._address} has no worker; start some with `dask worker "
                f"{self._address}`."
            )
        return len(threads)
