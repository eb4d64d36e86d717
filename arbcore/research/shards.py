"""The format of a shard (a part of a sweep as bytes that any process can run) and of its result.

The first line has the format's name and version, and the program that made it (``arbcore-sweep-shard 1
arbcore/0.1.0``). The second line is JSON: the settings, the cells, and the length and checksum of the
payload. The payload is rows or columns as in memory. Pure functions over bytes: no file, no socket and no
clock.
"""

import json
import sys
import zlib
from array import array
from dataclasses import dataclass
from typing import Any

from arbcore.core.text import printable
from arbcore.errors import ConfigError, ShardError
from arbcore.research._sweep_rows import SweepRows, rows_from
from arbcore.research.grid import Axis, Grid, settings_of
from arbcore.research.research_settings import BacktestSettings

SHARD = "arbcore-sweep-shard"
RESULT = "arbcore-sweep-result"
VERSION = 2
LINE_BYTES_MAX = 1 << 26


@dataclass(frozen=True)
class Job:
    """One grid over the rows of one file; ``expiry_ns`` is None if each row takes the front contract."""

    rows: SweepRows
    grid: Grid
    expiry_ns: int | None
    full: bool
    evidence: bool = False


@dataclass(frozen=True)
class Shard:
    """Every ``step``-th cell of a job, from ``first`` on.

    Neighbouring cells take similar time, so shards of alternating cells take equally long.
    """

    job: Job
    first: int
    step: int

    @property
    def cells(self) -> range:
        """The numbers of its cells."""
        return range(self.first, self.job.grid.cells, self.step)


def shard_head(shard: Shard, payload: bytes, *, made_by: str, attempt: int = 0) -> bytes:
    """Both lines before a shard's rows; ``made_by`` is one word such as ``arbcore/0.1.0``.

    The number of the attempt makes each head different, because some executors cache equal calls.
    """
    job = shard.job
    return _head(
        SHARD,
        made_by,
        payload,
        {
            "attempt": attempt,
            "first": shard.first,
            "step": shard.step,
            "base": settings_of(job.grid.base),
            "axes": [[axis.name, axis.values] for axis in job.grid.axes],
            "expiry_ns": job.expiry_ns,
            "full": job.full,
            "evidence": job.evidence,
            "has_expiry": job.rows.has_expiry,
            "has_factor": job.rows.has_factor,
        },
    )


def read_shard(head: bytes, payload: bytes) -> tuple[Shard, str]:
    """Reads a shard and its ``made_by``. ShardError if it is no shard, is of a newer version, or damaged."""
    found, made_by = _read_head(SHARD, head, payload)
    try:
        base = BacktestSettings(**{name: _tuples(value) for name, value in found["base"].items()})
        grid = Grid(base, [Axis(name, tuple(values)) for name, values in found["axes"]])
        rows = rows_from(payload, found["has_expiry"], found["has_factor"])
        job = Job(rows, grid, expiry_ns=found["expiry_ns"], full=found["full"], evidence=found["evidence"])
        return Shard(job, found["first"], found["step"]), made_by
    except (KeyError, TypeError, ValueError, ConfigError) as error:
        raise ShardError(f"A shard of a sweep is damaged ({error}); run the sweep again.") from error


def result_of(columns: "dict[str, array[int] | array[float]]", *, made_by: str) -> bytes:
    """Makes the result of a shard."""
    payload = b"".join(column.tobytes() for column in columns.values())
    kinds = [[name, column.typecode, len(column)] for name, column in columns.items()]
    return _head(RESULT, made_by, payload, {"columns": kinds}) + payload


def read_result(data: bytes) -> "dict[str, array[int] | array[float]]":
    """Reads a result's columns. ShardError if it is not a result, is of a newer version, or is damaged."""
    end = data.find(b"\n", data.find(b"\n", 0, 256) + 1, LINE_BYTES_MAX) + 1
    head, payload = data[:end], data[end:]
    found, _ = _read_head(RESULT, head, payload)
    columns: dict[str, array[int] | array[float]] = {}
    at = 0
    for name, code, count in found["columns"]:
        column = array(code)
        column.frombytes(payload[at : at + count * column.itemsize])
        at += count * column.itemsize
        columns[name] = column
    return columns


def _head(name: str, made_by: str, payload: bytes, document: dict[str, Any]) -> bytes:
    order = {"byteorder": sys.byteorder, "bytes": len(payload), "crc": zlib.crc32(payload)}
    return f"{name} {VERSION} {made_by}\n{json.dumps(document | order, sort_keys=True)}\n".encode()


def _read_head(name: str, head: bytes, payload: bytes) -> tuple[dict[str, Any], str]:
    first, _, second = head.partition(b"\n")
    words = first[:256].split(b" ")
    if len(words) != 3 or words[0] != name.encode():
        raise ShardError(f"What came is not an {name}: it begins with {printable(first[:40])!r}.")
    if not words[1].isdigit() or len(words[1]) > 9:
        raise ShardError(f"An {name} names no version; it is damaged.")
    if int(words[1]) > VERSION:
        raise ShardError(
            f"An {name} is of version {int(words[1])}, made by {printable(words[2])}, and this arbcore reads "
            f"up to version {VERSION}; install the same arbcore on every worker."
        )
    try:
        document: dict[str, Any] = json.loads(second)
        if document["byteorder"] != sys.byteorder:
            raise ShardError(
                f"An {name} comes from a machine of the other byte order; use workers of one kind."
            )
        whole = (document["bytes"], document["crc"]) == (len(payload), zlib.crc32(payload))
    except (ValueError, KeyError, TypeError, RecursionError):
        whole = False
    if not whole:
        raise ShardError(f"An {name} is damaged: its checksum differs; run the sweep again.")
    return document, words[2].decode("ascii", "backslashreplace")


def _tuples(value: Any) -> Any:
    """Converts lists to tuples; JSON has lists only."""
    return tuple(_tuples(each) for each in value) if isinstance(value, list) else value
