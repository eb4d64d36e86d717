"""Rows of both legs from any input to any output, unchanged in meaning.

Owns the choice of rows: a session's, or one at each tick of the clock.
"""

import os
from array import array
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from arbcore.core.civil import iso_time
from arbcore.errors import DataError, InputError
from arbcore.quotes.inputs import Meter, ProgressHook
from arbcore.quotes.legs import Reading, zone_note
from arbcore.quotes.outputs import TextOutput, ending_of, open_output, whole_file
from arbcore.quotes.paired import Paired, PairedRow, RowState, open_paired
from arbcore.quotes.quote_data import QuoteData
from arbcore.quotes.spans import read_span, segments_of

SCHEMA = "arbcore.quotes.convert/1"
_BLOCK_ROWS = 8_192


@dataclass(frozen=True)
class Converted:
    """What a conversion came to, as ``arbcore.quotes.convert`` returns it.

    Attributes:
        summary: the document of ``arbcore quotes convert --json``.
    """

    summary: dict[str, Any]

    @property
    def notes(self) -> list[str]:
        """Sentences that a person should read."""
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
    """Writes rows of both legs in another format; every row stays, those that cannot be used too.

    Args:
        data: what the backtest reads: a path, ``-``, an open file, or columns.
        out: the file to write, by its ending ``.csv``, ``.csv.gz``, ``.parquet`` or ``.arrow``.
        pair: names the columns ``fut_…`` and ``etf_…``; columns that are named keep their names.
        session: ``all``, or ``rth`` for New York's regular hours only.
        every: the last row at or before each tick of the clock, such as ``1m``.
        max_age: with ``every``, a row that is older makes none.
        sort: sort by time first, in memory.
        skip_bad: leave malformed rows out and go on.
        tz: what a time without a zone means, such as ``America/New_York``; None is UTC.
        time_order: ``mdy`` or ``dmy``, the order of 03/02/2026.
        progress: as of ``join``.

    Raises:
        UsageError: an option is none, or the pair contradicts the columns.
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
        rows = _in_order(paired, counts, sort=sort)
        if every_ns is not None:
            rows = _ticks(rows, every_ns, max_age_ns, counts)
        if segment_at is not None:
            rows = _within(rows, segment_at, counts)
        with (
            whole_file(out) as stream,
            closing(open_output(stream, ending, paired.columns, texts=("expiry",))) as writer,
        ):
            written = 0
            for block in _blocks(rows):
                if isinstance(writer, TextOutput):
                    writer.write(_text(block))
                else:
                    writer.write(_columns(block, paired))
                written += len(block)
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


def _in_order(paired: Paired, counts: dict[str, int], *, sort: bool) -> Iterator[PairedRow]:
    if sort:
        held = list(_counted(paired, counts))
        yield from sorted(held, key=lambda row: row.ts_ns)
        return
    last_ns = -(2**63)
    for row in _counted(paired, counts):
        if row.ts_ns < last_ns:
            raise DataError(
                "order", f"{paired.name}, row {counts['rows']}: time goes back; sort the file or pass "
                "--sort.",
                line=None, column="ts",
            )  # fmt: skip
        last_ns = row.ts_ns
        yield row


def _counted(paired: Paired, counts: dict[str, int]) -> Iterator[PairedRow]:
    for row in paired.rows:
        counts["rows"] += 1
        if row.state is RowState.MALFORMED:
            counts["malformed"] += 1
        else:
            yield row


def _ticks(
    rows: Iterator[PairedRow], every_ns: int, max_age_ns: int, counts: dict[str, int]
) -> Iterator[PairedRow]:
    """The row that is in force at each multiple of the period, from the first row to the last."""
    held: PairedRow | None = None
    tick_ns = 0
    for row in rows:
        if held is None:
            tick_ns = -(-row.ts_ns // every_ns) * every_ns
        while held is not None and tick_ns < row.ts_ns:
            if tick_ns - held.ts_ns > max_age_ns:
                # Nothing changes any more before the next row.
                skipped = -(-(row.ts_ns - tick_ns) // every_ns)
                counts["stale"] += skipped
                tick_ns += skipped * every_ns
                break
            yield from _tick(held, tick_ns, counts)
            tick_ns += every_ns
        held = row
    if held is not None and tick_ns == held.ts_ns:
        yield from _tick(held, tick_ns, counts)


def _tick(held: PairedRow, tick_ns: int, counts: dict[str, int]) -> Iterator[PairedRow]:
    if held.state is RowState.QUOTE:
        yield held._replace(ts_ns=tick_ns)
    else:
        counts["unpaired"] += 1


def _within(rows: Iterator[PairedRow], segment_at: Any, counts: dict[str, int]) -> Iterator[PairedRow]:
    first, last, is_open = 1, 0, False
    for row in rows:
        if not first <= row.ts_ns <= last:
            first, last, is_open = segment_at(row.ts_ns)
        if is_open:
            yield row
        else:
            counts["closed"] += 1


def _blocks(rows: Iterator[PairedRow]) -> Iterator[list[PairedRow]]:
    block: list[PairedRow] = []
    for row in rows:
        block.append(row)
        if len(block) == _BLOCK_ROWS:
            yield block
            block = []
    if block:
        yield block


def _text(block: Sequence[PairedRow]) -> bytes:
    return "".join(f"{iso_time(row.ts_ns)},{','.join(map(_cell, row.texts))}\n" for row in block).encode()


def _cell(text: str) -> str:
    """A cell of CSV."""
    if any(character in text for character in ',"\r\n'):
        doubled = text.replace('"', '""')
        return f'"{doubled}"'
    return text


def _columns(block: Sequence[PairedRow], paired: Paired) -> list[Any]:
    columns: list[Any] = [array("q", [row.ts_ns for row in block])]
    columns += [array("d", [row.prices[at] for row in block]) for at in range(4)]
    for at, name in enumerate(paired.extras, 4):
        texts = [row.texts[at] for row in block]
        columns.append(
            [text or None for text in texts] if name == "expiry" else array("d", map(_float, texts))
        )
    return columns


def _float(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return float("nan")
