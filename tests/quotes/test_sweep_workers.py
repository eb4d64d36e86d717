"""Where a sweep is worked through makes no difference; what is lost is run again, what is foreign refused."""

import json
import threading
from array import array
from concurrent.futures import BrokenExecutor, Executor, Future, ProcessPoolExecutor
from typing import Any

import pytest
from quotes import constant, random_rows

from arbcore.carry.calendar import all_expiries_ns
from arbcore.errors import InputError, RunError, ShardError
from arbcore.quotes.sweep_workers import LOST_MAX, MADE_BY, open_place, run_jobs, run_shard
from arbcore.research._sweep import SweepBlock, run_block
from arbcore.research._sweep_rows import SweepRows
from arbcore.research.grid import Axis, Grid
from arbcore.research.shards import VERSION, Job, Shard, read_result, read_shard, result_of, shard_head


def job(seed: int = 1, *, full: bool = False, expiry_ns: int | None = None) -> Job:
    rows = SweepRows()
    for row in random_rows(seed, 120):
        rows.feed_row(row.ts_ns, row.es_bid, row.es_ask, row.spy_bid, row.spy_ask)
    base = constant(cost_bps=0.1, dividends=((1, 1.5),), contracts=2)
    axes = [Axis("entry_bps", tuple(i / 3 for i in range(20))), Axis("exit_bps", tuple(map(float, range(9))))]
    return Job(rows, Grid(base, axes), expiry_ns=expiry_ns, full=full)


def whole(job: Job) -> SweepBlock:
    return run_block(
        job.rows,
        job.grid.settings(range(job.grid.cells)),
        expiries_ns=all_expiries_ns(),
        fixed=False,
        full=job.full,
    )


class Inline(Executor):
    """Runs at once; ``lose`` says of each call, by its number, whether its worker dies."""

    _max_workers = 2  # So there are sixteen shards, four on the way at once.

    def __init__(self, lose: Any = lambda number: False) -> None:
        self.calls: list[tuple[Any, ...]] = []
        self._lose = lose

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> "Future[Any]":
        assert not kwargs
        self.calls.append(args)
        future: Future[Any] = Future()
        if self._lose(len(self.calls)):
            future.set_exception(ConnectionError("the worker is gone"))
            return future
        try:
            future.set_result(fn(*args))
        except Exception as error:  # noqa: BLE001  As an executor does.
            future.set_exception(error)
        return future


def swept(jobs: list[Job], **where: Any) -> list[SweepBlock]:
    with open_place(**where) as place:
        return run_jobs(jobs, place)


@pytest.mark.parametrize("full", [False, True])
def test_any_number_of_threads_gives_the_same_bits(full: bool) -> None:
    jobs = [job(1, full=full), job(2, full=full)]
    expected = [whole(each) for each in jobs]
    assert sum(expected[0].columns["trades"]) > 0
    for workers in (1, 2, 7):
        assert swept(jobs, workers=workers) == expected


def test_other_processes_give_the_same_bits() -> None:
    with ProcessPoolExecutor(2) as pool:
        assert swept([job(1)], executor=pool) == [whole(job(1))]


def test_the_order_in_which_shards_finish_makes_no_difference() -> None:
    held: list[tuple[Future[Any], Any, tuple[Any, ...]]] = []

    class Backwards(Inline):
        def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> "Future[Any]":
            future: Future[Any] = Future()
            held.append((future, fn, args))
            self.calls.append(args)
            if len(held) == 4:
                for waiting, function, values in reversed(held):
                    waiting.set_result(function(*values))
                held.clear()
            return future

    executor = Backwards()
    assert swept([job(1)], executor=executor) == [whole(job(1))]
    assert (len(executor.calls), held) == (16, [])


def test_a_result_of_other_cells_is_refused() -> None:
    class Confused(Inline):
        def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> "Future[Any]":
            future: Future[Any] = Future()
            future.set_result(result_of({"trades": array("q", [1])}, made_by=MADE_BY))
            return future

    with pytest.raises(ShardError, match="has other cells than it was asked for"):
        swept([job(1)], executor=Confused())


def test_a_lost_shard_is_run_again_and_counts_once() -> None:
    executor = Inline(lose=lambda number: number in (1, 2))
    seen: list[int] = []
    with open_place(executor=executor) as place:
        assert run_jobs([job(1)], place, seen.append) == [whole(job(1))]
    assert sum(seen) == 180
    assert len(executor.calls) == 16 + 2
    # No two calls are equal, for an executor may answer equal ones with one result.
    assert len(set(executor.calls)) == len(executor.calls)


def test_an_interrupt_ends_the_threads() -> None:
    def interrupt(cells: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), open_place(workers=2) as place:
        run_jobs([job(1), job(2), job(3)], place, interrupt)
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("sweep")]


def test_threads_lose_nothing_and_say_what_is_wrong() -> None:
    early = SweepRows()
    early.feed_row(2, 6000.0, 6000.25, 600.0, 600.01)
    bad = Job(early, job().grid, expiry_ns=None, full=False)
    for workers in (1, 2):
        with pytest.raises(InputError, match="No front ES contract is known"):
            swept([bad], workers=workers)


def test_a_shard_that_is_always_lost_ends_the_sweep() -> None:
    executor = Inline(lose=lambda number: True)
    with pytest.raises(
        RunError, match=f"was lost {LOST_MAX} times, last by ConnectionError: the worker is gone"
    ):
        swept([job(1)], executor=executor)


def test_an_executor_that_broke_is_a_sentence() -> None:
    class Broken(Inline):
        def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> "Future[Any]":
            future: Future[Any] = Future()
            future.set_exception(BrokenExecutor("a process died"))
            self.calls.append(args)
            return future

    executor = Broken()
    with pytest.raises(
        RunError, match=r"The executor broke: one of its workers died \(BrokenExecutor: a pro"
    ):
        swept([job(1)], executor=executor)
    assert len(executor.calls) <= 4


def test_an_executor_that_takes_no_more_is_a_sentence() -> None:
    pool = ProcessPoolExecutor(1)
    pool.shutdown()
    with pytest.raises(RunError, match="No more work can be given to the executor"):
        swept([job(1)], executor=pool)


def test_a_shard_carries_everything() -> None:
    one = Shard(job(3, full=True, expiry_ns=10**18), 7, 11)
    rows = one.job.rows.to_bytes()
    again, made_by = read_shard(shard_head(one, rows, made_by=MADE_BY), rows)
    assert made_by == MADE_BY
    assert (again.first, again.step) == (7, 11)
    assert (again.job.expiry_ns, again.job.full) == (10**18, True)
    assert again.job.rows.to_bytes() == rows
    assert again.job.grid.settings(range(180)) == one.job.grid.settings(range(180))


def altered(head: bytes, **changes: Any) -> bytes:
    first, second = head.splitlines()
    return first + b"\n" + json.dumps(json.loads(second) | changes).encode() + b"\n"


def test_what_is_no_shard_of_ours_is_refused_with_a_sentence() -> None:
    one = Shard(job(), 0, 5)
    rows = one.job.rows.to_bytes()
    head = shard_head(one, rows, made_by=MADE_BY)
    assert head.startswith(f"arbcore-sweep-shard {VERSION} {MADE_BY}\n".encode())
    newer = head.replace(b"shard 2 ", b"shard 3 ", 1)
    for bad, payload, part in (
        (newer, rows, f"version 3, made by {MADE_BY}, and this arbcore reads up to version 2"),
        (b"GET / HTTP/1.1\n\n", rows, "is not an arbcore-sweep-shard: it begins with 'GET / HTTP/1.1'"),
        (head.replace(b"shard 2 ", b"shard x ", 1), rows, "names no version"),
        (head, rows[:-1] + b"?", "checksum differs"),
        (head[:-9], rows, "checksum differs"),
        (altered(head, byteorder="middle"), rows, "other byte order"),
        (altered(head, base={"fill": "never"}), rows, "fill is 'never'"),
        (altered(head, axes=7), rows, "is damaged"),
    ):
        with pytest.raises(ShardError) as caught:
            run_shard(bad, payload)
        assert part in str(caught.value)
    other = shard_head(one, rows, made_by="arbcore/9.9.9")
    with pytest.raises(ShardError, match=r"run by arbcore/9\.9\.9 and a worker has"):
        run_shard(other, rows)


def test_a_result_is_read_back_or_refused() -> None:
    columns = whole(job()).columns
    data = result_of(columns, made_by=MADE_BY)
    assert SweepBlock(read_result(data)) == SweepBlock(columns)
    for bad in (b"", b"nonsense", data[:-1], data.replace(b"result 2 ", b"result 3 ", 1)):
        with pytest.raises(ShardError):
            read_result(bad)
