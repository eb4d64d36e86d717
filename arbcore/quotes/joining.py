"""Joins two inputs of one instrument each to rows of both.

Owns the order of the work: open both, find the pair, join, write, and summarise.
"""

import os
from contextlib import ExitStack, closing
from dataclasses import dataclass
from typing import Any

from arbcore.carry.pairs import Pair, pair_named
from arbcore.core.civil import iso_time
from arbcore.core.text import printable
from arbcore.errors import BrokenInvariant, InputError, UsageError
from arbcore.quotes._join import Joiner
from arbcore.quotes.inputs import Meter, ProgressHook, open_leg
from arbcore.quotes.legs import Leg, Reading
from arbcore.quotes.outputs import TextOutput, ending_of, open_output, whole_file
from arbcore.quotes.quote_data import QuoteData
from arbcore.quotes.spans import read_span, segments_of
from arbcore.quotes.symbols import ETF_OF
from arbcore.quotes.table import Table

SCHEMA = "arbcore.quotes.join/1"
NS_PER_MS = 10**6


@dataclass(frozen=True)
class Joined:
    """The result of a join, as ``arbcore.quotes.join`` returns it.

    Attributes:
        summary: the document of ``arbcore quotes join --json``.
        table: the rows, if no file was named, else None; ages in ms.
    """

    summary: dict[str, Any]
    table: Table | None

    @property
    def notes(self) -> list[str]:
        """The notes, sentences for people to read."""
        return list(self.summary["notes"])


def join(
    fut: QuoteData,
    etf: QuoteData,
    out: "str | os.PathLike[str] | None" = None,
    *,
    pair: str | None = None,
    every: str | None = None,
    max_age: str = "5s",
    session: str = "rth",
    roll: str | None = None,
    bar: str | None = None,
    sort: bool = False,
    skip_bad: bool = False,
    tz: str | None = None,
    time_order: str = "mdy",
    progress: ProgressHook | None = None,
) -> Joined:
    """Joins the quotes of a future and an ETF, each as of the other.

    A row at every change of either side, with the other side's newest quote at or before it, never after.

    Args:
        fut: the future's quotes: a path, a folder of files of one contract each, an open file, or columns
            (mapping, pandas, Polars, Arrow) with ``ts``, ``bid``, ``ask`` or a vendor's names for them.
        etf: the ETF's quotes, likewise.
        out: the file to write, with the ending ``.csv``, ``.csv.gz``, ``.parquet`` or ``.arrow``; None
            returns the rows in ``table``.
        pair: such as ``es-spy``, needed if the inputs do not name their symbols.
        every: sample the clock at this period (``1s``, ``1m``) instead of making a row per change.
        max_age: if a side is older than this there is no row; a side of exactly this age makes one.
        session: ``rth`` (New York's regular hours, early closes and holidays by rule) or ``all``.
        roll: such as ``8d``: of several contracts take the first that expires more than this after the date.
            None takes the one with most volume on the date before, or ``8d`` without volumes.
        bar: the length of Interactive Brokers' bars, if their times do not show it.
        sort: sort each input by time first, in memory.
        skip_bad: count malformed rows and continue.
        tz: the zone of times without one, such as ``America/New_York``; None is UTC.
        time_order: ``mdy`` or ``dmy``, the order of 03/02/2026.
        progress: called from time to time with (bytes read, total bytes or None, rows written).

    Returns:
        The counts and notes, and the rows if no file was named.

    Raises:
        UsageError: an option's value is not valid, or the pair is not that of the inputs.
        InputError: an input is missing, damaged, of trades, of several products, or they do not overlap.
        RunError: the output cannot be written, or an extra is not installed.

    Example:
        >>> import arbcore.quotes
        >>> es = {"ts": ["2026-03-02T15:00:00Z"], "bid": [6000.25], "ask": [6000.5]}
        >>> spy = {"ts": ["2026-03-02T15:00:01Z"], "bid": [598.1], "ask": [598.11]}
        >>> joined = arbcore.quotes.join(es, spy, pair="es-spy")
        >>> joined.table["es_bid"][0], joined.table["fut_age_ms"][0]
        (6000.25, 1000)
    """
    named = None if pair is None else pair_named(pair)
    every_ns = 0 if every is None else read_span(every, "--every", smallest_ns=NS_PER_MS)
    max_age_ns = read_span(max_age, "--max-age", smallest_ns=0)
    segment_at = segments_of(session)
    reading = Reading(
        sort=sort, skip_bad=skip_bad, tz=tz, time_order=time_order, roll_days=_roll_days(roll),
        bar_ns=None if bar is None else read_span(bar, "--bar", smallest_ns=10**9),
    )  # fmt: skip
    ending = None if out is None else ending_of(out)
    meter = Meter(progress)
    with ExitStack() as stack:
        legs = (
            open_leg(stack, fut, leg="fut", reading=reading, meter=meter),
            open_leg(stack, etf, leg="etf", reading=reading, meter=meter),
        )
        symbols = pair_of_legs(legs, named)
        joiner = Joiner(
            legs[0].source, legs[1].source, max_age_ns=max_age_ns, every_ns=every_ns, segment_at=segment_at,
            expiries=legs[0].expiries,
        )  # fmt: skip
        header = header_of(symbols, with_expiry=legs[0].expiries is not None)
        table = None
        if out is None or ending is None:
            table = _table(joiner, header, meter)
        else:
            with whole_file(out) as stream, closing(open_output(stream, ending, header)) as writer:
                _write(joiner, writer, meter)
                _check_overlap(joiner, legs)
        _check_overlap(joiner, legs)
        return Joined(_summary(joiner, legs, symbols), table)


def _roll_days(roll: str | None) -> int | None:
    if roll is None:
        return None
    span_ns = read_span(roll, "--roll", smallest_ns=0)
    days, rest = divmod(span_ns, 86_400 * 10**9)
    if rest:
        raise UsageError(f"--roll {roll} is not a whole number of days; write it as 8d.")
    return days


def header_of(symbols: tuple[str, str] | None, *, with_expiry: bool) -> list[str]:
    """The names of the output's columns: with the symbols if they are known."""
    fut, etf = ("fut", "etf") if symbols is None else (symbols[0].lower(), symbols[1].lower())
    names = ["ts", f"{fut}_bid", f"{fut}_ask", f"{etf}_bid", f"{etf}_ask", "fut_age_ms", "etf_age_ms"]
    return [*names, "expiry"] if with_expiry else names


def pair_of_legs(legs: tuple[Leg, Leg], named: Pair | None) -> tuple[str, str] | None:
    """(future, ETF) of the inputs: their symbols, completed by the named pair; None if there are neither.

    Raises UsageError if they contradict each other.
    """
    fut, etf = (leg.symbol for leg in legs)
    if fut is not None and etf is not None and ETF_OF[fut] != etf:
        raise InputError(
            f"{legs[0].name} holds {fut} and {legs[1].name} {etf}, which are no pair; {fut} goes with "
            f"{ETF_OF[fut]}."
        )
    if named is not None:
        for symbol, own in ((fut, ETF_OF[fut] if fut else None), (etf, etf)):
            if own is not None and own != named.etf:
                raise UsageError(
                    f"--pair {named.name} contradicts the data, which are of {symbol}; leave "
                    "--pair out or name the right one."
                )
        return fut or named.future, named.etf
    # An ETF matches two sizes of future, a future one ETF.
    return None if fut is None else (fut, ETF_OF[fut])


def _write(joiner: Joiner, writer: Any, meter: Meter) -> None:
    text = isinstance(writer, TextOutput)
    if text:
        while lines := joiner.text():
            writer.write(lines)
            meter.rows = joiner.rows
        return
    while len((columns := joiner.columns())[0]):
        writer.write(columns)
        meter.rows = joiner.rows


def _table(joiner: Joiner, header: list[str], meter: Meter) -> Table:
    columns: list[Any] = []
    while len((block := joiner.columns())[0]):
        if columns:
            for whole, part in zip(columns, block, strict=True):
                whole.extend(part)
        else:
            columns = list(block)
        meter.rows = joiner.rows
    columns = columns or list(block)
    return Table(dict(zip(header, columns, strict=False)))


def _check_overlap(joiner: Joiner, legs: tuple[Leg, Leg]) -> None:
    """Raises InputError if an input has no rows, or the times of both do not overlap."""
    fut, etf = joiner.spans
    for span, leg in ((fut, legs[0]), (etf, legs[1])):
        if span is None:
            other = None if leg.contracts is None else leg.contracts.other
            if other is not None:
                raise InputError(
                    f"{leg.name} has no row of a contract: {printable(other, 40)!r} is not a contract's code "
                    "such as ESH26; rename its symbols."
                )
            raise InputError(f"{leg.name} has no rows; name a file with quotes.")
    if fut is None or etf is None:
        raise BrokenInvariant("An input without rows was refused.")
    if joiner.rows == 0 and (fut[1] < etf[0] or etf[1] < fut[0]):
        raise InputError(
            f"The inputs do not overlap: {legs[0].name} runs from {iso_time(fut[0])} to {iso_time(fut[1])}, "
            f"{legs[1].name} from {iso_time(etf[0])} to {iso_time(etf[1])}; get files of the same days."
        )


def _summary(joiner: Joiner, legs: tuple[Leg, Leg], symbols: tuple[str, str] | None) -> dict[str, Any]:
    skipped = joiner.skipped
    others = {
        "malformed": sum(leg.source.malformed for leg in legs),
        "other_contract": sum(leg.source.others for leg in legs),
    }
    skipped |= {reason: count for reason, count in others.items() if count}
    notes = [note for leg in legs for note in leg.closing_notes()]
    if symbols is None:
        notes.append(
            "The inputs do not name their symbols, so the columns are fut_… and etf_…: backtest, sweep "
            "and gateway need --pair for the file, or name it here."
        )
    if joiner.rows == 0:
        reasons = ", ".join(f"{count:,} {reason}" for reason, count in skipped.items() if count)
        notes.append(f"No moment made a row ({reasons}); see --session and --max-age.")
    return {
        "schema": SCHEMA,
        "rows": joiner.rows,
        "rows_in": {"fut": legs[0].source.rows, "etf": legs[1].source.rows},
        "rows_skipped": skipped,
        "pair": None if symbols is None else "-".join(symbols).lower(),
        "notes": notes,
    }
