"""Shell: a Dask cluster as a place where a sweep is run. Needs the extra ``dask``.

Owns the connection, how the rows get to the workers, and the wait for workers that are not there. The cluster
runs a dead worker's tasks again by itself; what it gives up is run again like any other lost shard.
"""

import importlib
import logging
import re
import time
import warnings
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any

from arbcore.carry.shards import Job, Shard, shard_head
from arbcore.carry.workers import MADE_BY, Elsewhere, run_shard
from arbcore.errors import ConfigError, ConnectError, RunError
from arbcore.text import printable

CONNECT_S = 5.0
#: How long a sweep goes on without a single worker.
NO_WORKER_S = 30.0
ASK_EVERY_S = 1.0

_ADDRESS = re.compile(r"([a-z]+://)?(\[[0-9a-fA-F:.]+\]|[^\s:/\[\]]+):([0-9]{1,5})")


@contextmanager
def open_cluster(address: str) -> Iterator["Cluster"]:
    """A client of the scheduler at ``address``. ConnectError where it cannot be reached."""
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
    """What goes wrong is said in one sentence of ours, and not by every layer of a library on its own.

    Its loggers, some of which have levels of their own, are as before afterwards.
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


class Cluster(Elsewhere):
    """Shards on the workers of a Dask cluster; the rows of a job are sent once, to every worker."""

    def __init__(self, client: Any, address: str) -> None:
        # Without pure=False equal calls are answered with one result.
        super().__init__(client.get_executor(pure=False), 1)
        self._client = client
        self._address = address
        self._sent: tuple[Job, Any] | None = None
        self._alone_since_s: float | None = None
        self._asked_s = 0.0

    def submit(self, shard: Shard, attempt: int) -> "Future[Any]":
        rows = self.rows_of(shard.job)
        head = shard_head(shard, rows, made_by=MADE_BY, attempt=attempt)
        with warnings.catch_warnings():
            # Rows that travel with their shard are a large call, and meant to be.
            warnings.filterwarnings("ignore", message="Sending large graph")
            # One that was lost takes its rows along, for those that were sent may be lost too.
            sent = rows if attempt else self._everywhere(shard.job, rows)
            return self.executor.submit(run_shard, head, sent)

    def idle(self) -> None:
        if time.monotonic() - self._asked_s > ASK_EVERY_S:
            self._count_workers()

    def wait_for_workers(self) -> None:
        """Until there is one. RunError where none comes."""
        while not self._count_workers():
            time.sleep(0.1)

    def _everywhere(self, job: Job, rows: bytes) -> Any:
        if self._sent is None or self._sent[0] is not job:
            self._sent = (job, self._client.scatter(rows, broadcast=True, hash=False))
        return self._sent[1]

    def _count_workers(self) -> int:
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
