"""Shell: runs the cells of a sweep, on threads of this machine or on any executor.

Owns the division into shards, the number of shards in progress, and the repetition of a lost shard. The
result does not depend on these. Of another executor only ``submit`` with two arguments is used, so it may be
a pool of processes or a cluster.
"""

import warnings
from array import array
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from threading import Event
from typing import Any, Protocol, cast

from arbcore._version import __version__
from arbcore.carry.calendar import all_expiries_ns
from arbcore.core.text import printable
from arbcore.errors import ArbcoreError, RunError, ShardError
from arbcore.research._sweep import SweepBlock, SweepRun
from arbcore.research.periods import period_ends
from arbcore.research.shards import Job, Shard, read_result, read_shard, result_of, shard_head
from arbcore.system.cluster import Cluster, open_cluster
from arbcore.system.interrupts import deferred_interrupts
from arbcore.system.processors import processors

MADE_BY = f"arbcore/{__version__}"
#: The most losses of one shard; after the third the shard or the place must be faulty.
LOST_MAX = 3
POLL_S = 0.2

#: The numbers of a shard's cells by column.
Columns = dict[str, "array[int] | array[float]"]
#: Called with the number of newly finished cells.
Count = Callable[[int], None]


class Place(Protocol):
    """A place where shards are run."""

    workers: int
    #: Whether a worker may die while the program lives.
    loses: bool
    shards_a_worker: int

    def submit(self, shard: Shard, attempt: int) -> "Future[object]":
        """Starts a shard; ``attempt`` counts from 0."""

    def columns_of(self, found: object) -> Columns:
        """The columns of a shard's result."""

    def under_way(self) -> int:
        """The approximate number of finished cells in unfinished shards."""

    def idle(self) -> None:
        """Called when no shard has finished for a while. Raises RunError if none will."""


class Threads:
    """Threads of this process; no data is sent to them."""

    loses = False
    # The values that cells share are computed once per shard, and shards take equally long.
    shards_a_worker = 1

    def __init__(self, workers: int) -> None:
        self.workers = workers
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="sweep")
        self._runs: dict[int, tuple[SweepRun, int]] = {}
        self._stopped = Event()

    def submit(self, shard: Shard, attempt: int) -> "Future[object]":
        return self._pool.submit(self._run, shard)

    def columns_of(self, found: object) -> Columns:
        return cast("Columns", found)

    def under_way(self) -> int:
        return sum(run.done * cells // run.total for run, cells in list(self._runs.values()))

    def idle(self) -> None:
        pass

    def stop(self) -> None:
        """Stops the threads and waits for them; they do not finish their shards."""
        self._stopped.set()
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _run(self, shard: Shard) -> Columns:
        run = _run_of(shard)
        self._runs[id(run)] = (run, len(shard.cells))
        try:
            while not self._stopped.is_set() and run.advance():
                pass
        finally:
            del self._runs[id(run)]
        return {} if self._stopped.is_set() else run.block().columns


class Elsewhere:
    """Any executor: shards and results are sent as bytes."""

    loses = True
    # With several shards each, other workers can take over from a slow or lost one.
    shards_a_worker = 8

    def __init__(self, executor: Executor, workers: int) -> None:
        self.executor = executor
        self.workers = workers
        self._kept: tuple[Job, bytes] | None = None

    def submit(self, shard: Shard, attempt: int) -> "Future[object]":
        rows = self.rows_of(shard.job)
        head = shard_head(shard, rows, made_by=MADE_BY, attempt=attempt)
        return self.executor.submit(run_shard, head, rows)

    def rows_of(self, job: Job) -> bytes:
        """The rows of a job as bytes; the last job's are kept, because shards come job by job."""
        if self._kept is None or self._kept[0] is not job:
            self._kept = (job, job.rows.to_bytes())
        return self._kept[1]

    def columns_of(self, found: object) -> Columns:
        if not isinstance(found, bytes):
            raise ShardError(f"A worker answered with {printable(repr(found))!r}, which is not a result.")
        return read_result(found)

    def under_way(self) -> int:
        return 0

    def idle(self) -> None:
        pass


class OnCluster(Elsewhere):
    """Shards on the workers of a Dask cluster; the rows of a job are sent once to every worker."""

    def __init__(self, cluster: Cluster) -> None:
        super().__init__(cluster.executor, cluster.workers)
        self._cluster = cluster
        self._sent: tuple[Job, Any] | None = None

    def submit(self, shard: Shard, attempt: int) -> "Future[object]":
        rows = self.rows_of(shard.job)
        head = shard_head(shard, rows, made_by=MADE_BY, attempt=attempt)
        with warnings.catch_warnings():
            # A shard with its rows is a large call on purpose, so the warning is ignored.
            warnings.filterwarnings("ignore", message="Sending large graph")
            # A lost shard is sent again with its rows, because the rows sent before may be lost too.
            sent = rows if attempt else self._everywhere(shard.job, rows)
            return self.executor.submit(run_shard, head, sent)

    def idle(self) -> None:
        self._cluster.idle()
        self.workers = self._cluster.workers

    def _everywhere(self, job: Job, rows: bytes) -> Any:
        if self._sent is None or self._sent[0] is not job:
            self._sent = (job, self._cluster.everywhere(rows))
        return self._sent[1]


def run_shard(head: bytes, rows: bytes) -> bytes:
    """Runs a shard on a worker and returns its result. ShardError if it is of another arbcore."""
    shard, made_by = read_shard(head, rows)
    if made_by != MADE_BY:
        raise ShardError(
            f"The sweep is run by {printable(made_by)} and a worker has {MADE_BY}; install the same on both."
        )
    return result_of(_run_of(shard).block().columns, made_by=MADE_BY)


def _run_of(shard: Shard) -> SweepRun:
    job = shard.job
    return SweepRun(
        job.rows,
        job.grid.settings(shard.cells),
        expiries_ns=all_expiries_ns() if job.expiry_ns is None else (job.expiry_ns,),
        fixed=job.expiry_ns is not None,
        full=job.full,
        evidence=job.evidence,
    )


@contextmanager
def open_place(
    *, workers: int | None = None, executor: Executor | None = None, dask: str | None = None
) -> Iterator[Place]:
    """An executor, a Dask cluster, or threads of this machine: ``workers``, or one per processor."""
    if dask is not None:
        with open_cluster(dask) as cluster:
            yield OnCluster(cluster)
        return
    if executor is not None:
        known = getattr(executor, "_max_workers", None)
        yield Elsewhere(executor, known if isinstance(known, int) else processors())
        return
    threads = Threads(workers or processors())
    try:
        yield threads
    finally:
        threads.stop()


def run_jobs(jobs: Sequence[Job], place: Place, count: Count | None = None) -> list[SweepBlock]:
    """Returns the cells of every job, in the order of its grid; ``count`` gets newly finished cells.

    A lost shard is run again, LOST_MAX times in all; then it raises RunError.
    """
    shards = [shard for job in jobs for shard in _deal(job, place)]
    with deferred_interrupts() as check:
        found = _run_all(shards, place, count=count, check=check)
    blocks = [
        SweepBlock.empty(
            job.grid.cells,
            full=job.full,
            periods=len(period_ends(job.rows.count, job.rows.ts_ns)) if job.evidence else 0,
        )
        for job in jobs
    ]
    by_job = {id(job): block for job, block in zip(jobs, blocks, strict=True)}
    for shard, columns in zip(shards, found, strict=True):
        for name, column in by_job[id(shard.job)].columns.items():
            if len(columns.get(name, ())) != len(shard.cells):
                raise ShardError(
                    "A worker's result has other cells than it was asked for; run the sweep again."
                )
            column[shard.first :: shard.step] = columns[name]
    return blocks


def _deal(job: Job, place: Place) -> list[Shard]:
    """Divides a job's cells into shards."""
    step = min(place.workers * place.shards_a_worker, job.grid.cells)
    return [Shard(job, first, step) for first in range(step)]


def _run_all(
    shards: Sequence[Shard], place: Place, *, count: Count | None, check: Callable[[], None]
) -> list[dict[str, Any]]:
    """The columns of every shard, in order; ``check`` is called meanwhile and may raise an error."""
    found: list[dict[str, Any]] = [{} for _ in shards]
    waiting = deque((at, 0) for at in range(len(shards)))
    running: dict[Future[Any], tuple[int, int]] = {}
    finished = told = 0
    try:
        while waiting or running:
            check()
            # Few shards are in progress at once; the others take no memory elsewhere.
            while waiting and len(running) < 2 * place.workers:
                at, attempt = waiting.popleft()
                running[_submitted(place, shards[at], attempt)] = (at, attempt)
            done, _ = wait(running, timeout=POLL_S, return_when=FIRST_COMPLETED)
            if not done:
                place.idle()
            for future in done:
                at, attempt = running.pop(future)
                try:
                    found[at] = place.columns_of(future.result())
                except Exception as error:
                    if not place.loses:
                        raise
                    _refuse_final(error, attempt)
                    waiting.appendleft((at, attempt + 1))
                    continue
                finished += len(shards[at].cells)
            # The estimate may fall when a shard finishes or is lost; then no progress is reported.
            now = max(finished + place.under_way(), told)
            if count is not None and now > told:
                count(now - told)
            told = now
    finally:
        for future in running:
            future.cancel()
    return found


def _submitted(place: Place, shard: Shard, attempt: int) -> "Future[object]":
    try:
        return place.submit(shard, attempt)
    except ArbcoreError:
        raise
    except Exception as error:
        raise RunError(f"No more work can be given to the executor ({_words(error)}).") from error


def _refuse_final(error: Exception, attempt: int) -> None:
    """Raises an error that another attempt cannot solve."""
    if isinstance(error, ArbcoreError):
        raise error
    if isinstance(error, BrokenExecutor):
        raise RunError(
            f"The executor broke: one of its workers died ({_words(error)}); run again with a new one."
        ) from error
    if attempt + 1 >= LOST_MAX:
        raise RunError(
            f"A shard of the sweep was lost {LOST_MAX} times, last by {_words(error)}; look at the workers' "
            "output, and whether each has this arbcore."
        ) from error


def _words(error: BaseException) -> str:
    text = printable(str(error))
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
