"""Converts rows of both legs from any input to any output, without a change of meaning.

Owns the choice of rows: those of a session, or one at each tick of the clock.
"""

import os
from array import array
from bisect import bisect_right
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from itertools import chain
from typing import Any

from arbcore.core.civil import iso_times
from arbcore.errors import DataError, InputError
from arbcore.quotes.inputs import Meter, ProgressHook
from arbcore.quotes.legs import Reading, zone_note
from arbcore.quotes.outputs import TextOutput, ending_of, open_output, whole_file
from arbcore.quotes.paired import Paired, PairedBlock, RowState, joined_blocks, open_paired, sorted_blocks
from arbcore.quotes.quote_data import QuoteData
from arbcore.quotes.spans import Segment, read_span, segments_of

SCHEMA = "arbcore.quotes.convert/1"


@dataclass(frozen=True)
class Converted:
    """The result of a conversion, as ``arbcore.quotes.convert`` returns it.

    Attributes:
        summary: the document of ``arbcore quotes convert --json``.
    """

    summary: dict[str, Any]

    @property
    def notes(self) -> list[str]:
        """The notes, sentences for people to read."""
        return list(self.summary["notes"])


def convert(
    data: QuoteData,
    out: "str | os.PathLike[str]",
    *,
    pair: str | None = None,
    session: str = "all",
    every: str | None = None,
    max_age: str = "5s",
    sort: bool = False,
    skip_bad: bool = False,
    tz: str | None = None,
    time_order: str = "mdy",
    progress: ProgressHook | None = None,
) -> Converted:
    """Writes rows of both legs in another format; it keeps every row, including rows that cannot be used.

    Args:
        data: the input of a backtest: a path, ``-``, an open file, or columns.
        out: the file to write, with the ending ``.csv``, ``.csv.gz``, ``.parquet`` or ``.arrow``.
        pair: the pair of the columns ``fut_…`` and ``etf_…``; columns with symbols keep their names.
        session: ``all``, or ``rth`` for New York's regular hours only.
        every: take the last row at or before each tick of the clock, such as ``1m``.
        max_age: with ``every``, a tick whose row is older has no row.
        sort: sort by time first, in memory.
        skip_bad: leave malformed rows out and continue.
        tz: the zone of times without one, such as ``America/New_York``; None is UTC.
        time_order: ``mdy`` or ``dmy``, the order of 03/02/2026.
        progress: as for ``join``.

    Raises:
        UsageError: an option's value is not valid, or the pair contradicts the columns.
        InputError: the input is missing, damaged or of one leg only.
        RunError: the output cannot be written, or an extra is not installed.

    Returns:
        ``summary`` and ``notes``; the rows are in the file.

    >>> import arbcore.quotes, os, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     found = arbcore.quotes.convert({
    ...         "ts": ["2026-03-02T15:00:00Z", "2026-03-02T15:00:01Z"],
    ...         "es_bid": [6_000.0, 6_000.25], "es_ask": [6_000.25, 6_000.5],
    ...         "spy_bid": [598.0, 598.01], "spy_ask": [598.01, 598.02],
    ...     }, os.path.join(folder, "quotes.csv.gz"))
    >>> found.summary["rows"]
    2
    """
    every_ns = None if every is None else read_span(every, "--every", smallest_ns=10**6)
    max_age_ns = read_span(max_age, "--max-age", smallest_ns=0)
    segment_at = segments_of(session)
    ending = ending_of(out)
    reading = Reading(sort=sort, skip_bad=skip_bad, tz=tz, time_order=time_order)
    meter = Meter(progress)
    counts = {"rows": 0, "malformed": 0, "closed": 0, "unpaired": 0, "stale": 0}
    with open_paired(data, pair=pair, reading=reading, meter=meter) as paired:
        blocks = _in_order(paired, counts, sort=sort)
        if every_ns is not None:
            blocks = _ticks(blocks, every_ns, max_age_ns, counts)
        if segment_at is not None:
            blocks = _within(blocks, segment_at, counts)
        with (
            whole_file(out) as stream,
            closing(open_output(stream, ending, paired.columns, texts=("expiry",))) as writer,
        ):
            written = 0
            for block in blocks:
                if isinstance(writer, TextOutput):
                    writer.write(_text(block))
                else:
                    writer.write(_columns(block, paired))
                written += len(block.times)
                meter.rows = written
            if not counts["rows"]:
                raise InputError(f"{paired.name} has no rows; name a file with quotes.")
    notes = ["The columns are fut_… and etf_…: backtest, sweep and gateway need --pair for the file."]
    if paired.pair is not None:
        notes = []
    if not paired.zoned():
        notes.append(zone_note(paired.name))
    read = counts.pop("rows")
    return Converted({
        "schema": SCHEMA, "rows": written, "rows_in": read,
        "rows_skipped": {reason: count for reason, count in counts.items() if count},
        "pair": None if paired.pair is None else paired.pair.name, "notes": notes,
    })  # fmt: skip


def _in_order(paired: Paired, counts: dict[str, int], *, sort: bool) -> Iterator[PairedBlock]:
    """The rows without malformed ones; sorted, or refused if a time decreases."""
    last_ns = -(2**63)
    for block in sorted_blocks(paired.blocks) if sort else paired.blocks:
        times = block.times
        for at, (ts_ns, before_ns) in enumerate(zip(times, chain((last_ns,), times), strict=False), 1):
            if ts_ns < before_ns:
                raise DataError(
                    "order", f"{paired.name}, row {counts['rows'] + at}: time goes back; sort the file or "
                    "pass --sort.",
                    line=None, column="ts",
                )  # fmt: skip
        last_ns = times[-1] if times else last_ns
        counts["rows"] += len(times) + block.malformed
        counts["malformed"] += block.malformed
        if times:
            yield block


def _ticks(
    blocks: Iterator[PairedBlock], every_ns: int, max_age_ns: int, counts: dict[str, int]
) -> Iterator[PairedBlock]:
    """The current row at each multiple of the period, from the first row to the last."""
    tick_ns: int | None = None
    held: PairedBlock | None = None  # the last row of the previous blocks
    for block in blocks:
        rows = block if held is None else joined_blocks((held, block))
        places: list[int] = []
        ticks: list[int] = []
        times = rows.times
        if tick_ns is None:
            tick_ns = -(-times[0] // every_ns) * every_ns
        for at in range(len(times) - 1):
            while tick_ns < times[at + 1]:
                if tick_ns - times[at] > max_age_ns:
                    # Nothing changes before the next row.
                    skipped = -(-(times[at + 1] - tick_ns) // every_ns)
                    counts["stale"] += skipped
                    tick_ns += skipped * every_ns
                    break
                places.append(at)
                ticks.append(tick_ns)
                tick_ns += every_ns
        held = rows.cut(len(times) - 1, len(times))
        yield from _at_ticks(rows, places, ticks, counts)
    if held is not None and tick_ns == held.times[0]:
        yield from _at_ticks(held, [0], [tick_ns], counts)


def _at_ticks(
    rows: PairedBlock, places: list[int], ticks: list[int], counts: dict[str, int]
) -> Iterator[PairedBlock]:
    """Dates rows by ticks of the clock; counts a row that is not a usable quote instead."""
    if rows.states is not None:
        usable = [number for number, at in enumerate(places) if rows.states[at] is RowState.QUOTE]
        counts["unpaired"] += len(places) - len(usable)
        places, ticks = [places[at] for at in usable], [ticks[at] for at in usable]
    if places:
        found = rows.taken(places)
        found.times = ticks
        yield found


def _within(
    blocks: Iterator[PairedBlock], segment_at: Callable[[int], Segment], counts: dict[str, int]
) -> Iterator[PairedBlock]:
    for block in blocks:
        at = 0
        while at < len(block.times):
            _, last, is_open = segment_at(block.times[at])
            beyond = bisect_right(block.times, last, at)
            if is_open:
                yield block.cut(at, beyond)
            else:
                counts["closed"] += beyond - at
            at = beyond


def _text(block: PairedBlock) -> bytes:
    texts = block.texts()
    if block.states is not None:
        # A cell without a price may have any text.
        texts = [[_cell(cell.decode("utf-8", "replace")) for cell in column] for column in texts]
    extras = [list(map(_cell, column)) for column in block.extras]
    return b"\n".join([*map(b",".join, zip(iso_times(block.times), *texts, *extras, strict=True)), b""])


def _cell(text: str) -> bytes:
    """A cell of CSV."""
    if any(character in text for character in ',"\r\n'):
        doubled = text.replace('"', '""')
        return f'"{doubled}"'.encode()
    return text.encode()


def _columns(block: PairedBlock, paired: Paired) -> list[Any]:
    columns: list[Any] = [array("q", block.times), *(array("d", column) for column in block.prices)]
    for name, texts in zip(paired.extras, block.extras, strict=True):
        columns.append(
            [text or None for text in texts] if name == "expiry" else array("d", map(_float, texts))
        )
    return columns


def _float(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return float("nan")
