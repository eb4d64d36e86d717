"""The backtest's face: data in, result out. A shell, for it opens what it is given.

Owns the choice of source and expiry, and the shape of a result. The rows are the reader's, the numbers the
kernel's.
"""

import re
from array import array
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from arbcore._version import __version__
from arbcore.carry.calendar import all_expiries_ns, read_expiry, why_no_expiry
from arbcore.core.civil import iso_time
from arbcore.core.text import plural, printable
from arbcore.errors import ConfigError, UsageError
from arbcore.pages.ledger_digest import LedgerDigest
from arbcore.quotes.reading import ReadOptions, read_into
from arbcore.quotes.table import Table
from arbcore.research._backtest import Backtest
from arbcore.research._envelope import Envelope
from arbcore.research._ledger import Ledger
from arbcore.research.lookahead import LookaheadCheck
from arbcore.research.research_settings import CALIBRATION_ROWS, BacktestSettings
from arbcore.system.output_file import OutputFile

TRADE_COLUMNS = (
    "trade_id", "side", "entry_ts", "exit_ts", "contracts", "shares", "es_entry", "es_exit", "spy_entry",
    "spy_exit", "entry_dev_bps", "exit_dev_bps", "gross_pnl", "cost", "financing", "dividends", "net_pnl",
    "exit_reason",
)  # fmt: skip
SCHEMA = "arbcore.backtest/1"


@dataclass(frozen=True)
class BacktestResult:
    """What a backtest came to. ``summary`` is the JSON document; tables are None where they were not kept."""

    summary: dict[str, Any]
    trades: Table | None
    equity: Table | None
    notes: tuple[str, ...]
    picture: "Picture | None" = None

    def to_html(self) -> str:
        """The result as one self-contained HTML page. UsageError where ``report=True`` was not asked for."""
        if self.picture is None:
            raise UsageError(
                "This result kept no picture of its rows; pass report=True to backtest for an HTML page."
            )
        return self.picture.page(self.summary, self.notes)

    def write_html(self, path: str | Path) -> None:
        """Writes the page to a file, whole or not at all. RunError where it cannot, and as ``to_html``."""
        text = self.to_html()
        with OutputFile(Path(path)) as stream:
            stream.write(text)


class Picture:
    """What an HTML page needs of a run besides its result, collected while the rows stream by."""

    def __init__(self, data: Any) -> None:
        self.envelope = Envelope()
        self.ledger = LedgerDigest()
        self._name = name_of(data)

    def page(self, summary: Mapping[str, Any], notes: Sequence[str]) -> str:
        """The page of the run."""
        from arbcore.pages.backtest_page import backtest_page

        return backtest_page(
            summary,
            name=self._name,
            notes=notes,
            envelope=self.envelope.columns(),
            ledger=self.ledger,
            version=__version__,
        )


def name_of(data: Any) -> str:
    """What data is called on a page: a file by its name, without the folders that it lies in."""
    if isinstance(data, Mapping) or hasattr(data, "columns"):
        return "columns"
    name = getattr(data, "name", "data") if hasattr(data, "read") else data
    return "standard input" if name == "-" else Path(str(name)).name


@dataclass
class Sinks:
    """Who takes the ledger and the equity while the data streams by; None keeps nothing."""

    trades: Callable[[Ledger], None] | None = None
    equity: Callable[["array[int]", "array[float]"], None] | None = None
    progress: Callable[[int, int | None, int], None] | None = None
    picture: Picture | None = None


def backtest(
    data: Any,
    *,
    expiry: str | int | None = None,
    sort: bool = False,
    skip_bad: bool = False,
    tz: str | None = None,
    time_order: str = "mdy",
    report: bool = False,
    check_lookahead: bool = False,
    **settings: Any,
) -> BacktestResult:
    """Runs the carry signal over quotes: a path, ``-``, an open binary file, or columns by name.

    Columns (a mapping, a data frame) are ``ts`` (int nanoseconds, text, or datetime64) and the four prices in
    index points and USD. ``expiry`` is a date, a time or nanoseconds; without it each row takes the front
    ES contract. ``tz`` (such as ``America/New_York``) is the zone of times that name none, else UTC, and
    ``time_order`` (``mdy`` or ``dmy``) the order of 03/02/2026. ``report`` collects what ``to_html`` draws.
    ``check_lookahead`` cuts the data at many places, each of which must change nothing before it;
    ``summary["lookahead"]`` says whether. Further settings are those of ``BacktestSettings``, and
    ``factor="auto"``, ``"auto:ROWS"`` or ``"column"``. Raises DataError for a bad row (with its line and
    column), InputError for what cannot be read, ConfigError for a setting. Formulas: fair value SPY · factor
    · e^((r−d)t), deviations in bps of it.
    """
    times, values = array("q"), array("d")

    def keep_equity(new_times: "array[int]", new_values: "array[float]") -> None:
        times.extend(new_times)
        values.extend(new_values)

    for name, wish in (("report", report), ("check_lookahead", check_lookahead)):
        if not isinstance(wish, bool):
            raise ConfigError(f"{name} is {printable(repr(wish), 60)}; it may be True or False.")
    chosen = make_settings(settings)
    trades = Ledger(chosen.contracts)
    expiry_ns = expiry_instant_of(expiry)
    sinks = Sinks(trades=trades.extend, equity=keep_equity, picture=Picture(data) if report else None)
    summary, notes = run(
        data,
        chosen,
        expiry_ns=expiry_ns,
        options=ReadOptions(
            sort=sort,
            skip_bad=skip_bad,
            tz=tz,
            time_order=time_order,
            use_factor=chosen.factor_column,
        ),
        check_lookahead=check_lookahead,
        sinks=sinks,
    )
    return BacktestResult(
        summary=summary,
        trades=Table.of_rows(TRADE_COLUMNS, trades),
        equity=Table({"ts": times, "equity": values}),
        notes=notes,
        picture=sinks.picture,
    )


def make_settings(values: Mapping[str, Any]) -> BacktestSettings:
    """Settings by name; ``factor`` may be ``auto`` or ``auto:ROWS``. Raises ConfigError."""
    known = dict(values)
    factor = known.get("factor")
    if isinstance(factor, str):
        word, _, rows = factor.partition(":")
        if factor == "column":
            del known["factor"]
            known["factor_column"] = True
        elif word != "auto" or not re.fullmatch("|0*[1-9][0-9]{0,8}", rows):
            shown = printable(factor)
            raise ConfigError(f"factor is {shown!r}; it may be a number, auto, auto:ROWS or column.")
        else:
            known["factor"] = 10.0
            known["calibration_rows"] = int(rows) if rows else CALIBRATION_ROWS
    try:
        return BacktestSettings(**known)
    except TypeError as error:
        unknown = sorted(set(known) - set(BacktestSettings.__dataclass_fields__))
        if not unknown:
            raise
        raise ConfigError(f"There is no backtest setting {unknown[0]!r}.") from error


def expiry_instant_of(expiry: str | int | None) -> int | None:
    """An expiry as an instant in ns; a date means 09:30 New York. Raises UsageError."""
    if expiry is None:
        return None
    if isinstance(expiry, int) and not isinstance(expiry, bool):
        if -(2**63) < expiry < 2**63:
            return expiry
        raise UsageError(f"The expiry {expiry} is out of the reach of 64 bits of nanoseconds; correct it.")
    text = expiry if isinstance(expiry, str) else str(expiry)
    try:
        return read_expiry(text)
    except Exception as error:
        raise UsageError(f"The expiry cannot be read: {error}") from error


def run(
    data: Any,
    settings: BacktestSettings,
    *,
    expiry_ns: int | None,
    options: ReadOptions | None = None,
    check_lookahead: bool = False,
    sinks: Sinks,
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Runs one backtest, streaming into ``sinks``; the summary and the notes for a person.

    ``check_lookahead`` runs it a second time beside, in pieces; ``lookahead`` in the summary says what came
    of it.
    """
    expiries_ns = all_expiries_ns() if expiry_ns is None else (expiry_ns,)
    envelopes = [None if sinks.picture is None else sinks.picture.envelope]
    if check_lookahead:
        envelopes.append(None)
    runs = [
        Backtest(
            settings,
            expiries_ns=expiries_ns,
            fixed=expiry_ns is not None,
            keep_trades=check_lookahead or sinks.trades is not None or sinks.picture is not None,
            keep_equity=check_lookahead or sinks.equity is not None,
            envelope=envelope,
        )
        for envelope in envelopes
    ]
    kernel = runs[0]
    check = LookaheadCheck(kernel, runs[1], contracts=settings.contracts) if check_lookahead else None
    taker = kernel if check is None else check

    def drain() -> None:
        if sinks.trades is not None or sinks.picture is not None:
            closed = taker.take_trades()
            if sinks.trades is not None:
                sinks.trades(closed)
            if sinks.picture is not None:
                sinks.picture.ledger.take(closed)
        elif check is not None:
            check.take_trades()
        if sinks.equity is not None:
            times, values = array("q"), array("d")
            new_times, new_values = taker.take_equity()
            times.frombytes(new_times)
            values.frombytes(new_values)
            sinks.equity(times, values)
        elif check is not None:
            check.take_equity()

    read = read_into(
        taker,
        data,
        options=options or ReadOptions(use_factor=settings.factor_column),
        after_chunk=drain,
        progress=sinks.progress,
    )
    if check is not None:
        check.flush()
    kernel.end()
    if check is not None:
        check.collect()
    drain()
    document, notes = _document(
        kernel, settings, read.rows, skipped=read.skipped, expiry_ns=expiry_ns, column_expiry=read.has_expiry
    )
    notes = (*notes, *read.notes)
    if check is None:
        return document, notes
    verdict = check.verdict()
    return {**document, "lookahead": verdict.document}, (*notes, verdict.sentence)


def _document(
    kernel: Backtest,
    settings: BacktestSettings,
    rows: int,
    *,
    skipped: dict[str, int],
    expiry_ns: int | None,
    column_expiry: bool,
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The JSON document and the notes."""
    found = kernel.summary()
    position = kernel.open_position_document()
    if position is not None:
        position = {
            name.replace("_ns", "_ts"): iso_time(value) if name.endswith("_ns") else value
            for name, value in position.items()
        }
    average_ns = found.pop("average_hold_ns")
    first_ns, last_ns = found.pop("first_ns"), found.pop("last_ns")
    params = {"expiry": None if expiry_ns is None else iso_time(expiry_ns), **settings.document()}
    document = {
        "schema": SCHEMA,
        "rows": rows,
        "rows_used": found.pop("rows_used"),
        "rows_skipped": skipped,
        "first_ts": None if first_ns is None else iso_time(first_ns),
        "last_ts": None if last_ns is None else iso_time(last_ns),
        "params": params,
        "expiries": [iso_time(each) for each in kernel.expiries_ns],
        "calibrated_factor": kernel.calibrated_factor,
        **found,
        "max_drawdown_s": found.pop("max_drawdown_ns") / 1e9,
        "average_hold_s": None if average_ns is None else average_ns / 1e9,
        "open_position": position,
    }
    document.pop("max_drawdown_ns", None)
    return document, tuple(_notes(document, settings, kernel.expiries_ns, first_ns, expiry_ns, column_expiry))


def _notes(
    document: dict[str, Any],
    settings: BacktestSettings,
    expiries_ns: list[int],
    first_ns: int | None,
    expiry_ns: int | None,
    column_expiry: bool,
) -> Iterable[str]:
    """What a person should know beside the numbers."""
    if document["rows_used"] == 0:
        yield "There is no usable row; nothing could be traded."
    if expiry_ns is None and not column_expiry:
        yield from front_note(expiries_ns)
    if first_ns is not None and expiries_ns and max(expiries_ns) <= first_ns:
        yield f"The expiry {iso_time(max(expiries_ns))} is before the data, so nothing was traded."
    yield from closed_note(expiry_ns)
    if document["unfilled_entries"]:
        count = plural(document["unfilled_entries"], "time")
        yield f"{count} an entry had no leg filled before the contract or the data ended, and made no trade."
    if settings.entry_bps < settings.exit_bps:
        yield "entry_bps is below exit_bps: a position may be left on the row after it was entered."
    if settings.calibration_rows and document["calibrated_factor"] is None:
        yield f"Fewer than {settings.calibration_rows} rows are too few to calibrate; nothing was traded."


def closed_note(expiry_ns: int | None) -> Iterable[str]:
    """Why an expiry that was given is none."""
    closed = None if expiry_ns is None else why_no_expiry(expiry_ns)
    if closed is not None:
        yield f"The expiry {closed}"


def front_note(expiries_ns: Sequence[int]) -> Iterable[str]:
    """Which expiries were used where none was given."""
    if expiries_ns:
        more = ", …" if len(expiries_ns) > 8 else ""
        shown = ", ".join(iso_time(each) for each in expiries_ns[:8]) + more
        yield f"No expiry was given; the front ES contract's was used: {shown}."
