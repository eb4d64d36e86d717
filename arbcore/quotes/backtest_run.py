"""``arbcore.backtest``: data in, result out. A shell, because it opens the files that it is given.

Owns the choice of source and expiry, and the shape of a result. ``reading`` reads the rows, and the compiled
``Backtest`` computes the numbers.
"""

import difflib
from array import array
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from arbcore._version import __version__
from arbcore.carry._row_source import RowSource
from arbcore.carry.calendar import all_expiries_ns, why_no_expiry
from arbcore.carry.evidence import PRINT_ROWS_MAX, Late, backtest_evidence
from arbcore.carry.level import LevelMode, LevelRule
from arbcore.carry.pairs import choose_pair, pair_named
from arbcore.carry.terms import check_dividends, expiry_named
from arbcore.core.backtest_options import BacktestKeywords
from arbcore.core.civil import iso_time
from arbcore.core.ledger_columns import LEDGER_COLUMNS
from arbcore.core.result_documents import (
    BacktestEvidence,
    BacktestRequired,
    BacktestSummary,
    HeldPosition,
    OpenPosition,
    RunNumbers,
    TotalsDocument,
)
from arbcore.core.text import plural, printable
from arbcore.errors import BrokenInvariant, ConfigError, UsageError
from arbcore.pages.ledger_digest import LedgerDigest
from arbcore.quotes.index_column import true_factors as true_factors_of
from arbcore.quotes.quote_data import QuoteData, spell_out
from arbcore.quotes.reading import Read, ReadOptions, read_into
from arbcore.quotes.table import Table
from arbcore.quotes.terms_files import read_terms
from arbcore.research._backtest import Backtest
from arbcore.research._envelope import Envelope
from arbcore.research._ledger import Ledger
from arbcore.research._sweep import row_values
from arbcore.research._sweep_rows import SweepRows
from arbcore.research.findings import (
    MissingDividends,
    edge_document,
    factor_document,
    implied_document,
    plausibility_notes,
)
from arbcore.research.lookahead import LookaheadCheck
from arbcore.research.research_settings import BacktestSettings
from arbcore.system.output_file import OutputFile

if TYPE_CHECKING:
    from typing_extensions import Unpack

SCHEMA = "arbcore.backtest/2"


@dataclass(frozen=True)
class BacktestResult:
    """The result of a backtest, as ``arbcore.backtest`` returns it; a notebook shows its main numbers.

    Attributes:
        summary: the document of ``arbcore backtest --json``; money in USD.
        trades: the ledger, one row per closed trade.
        equity: ``ts`` in ns and ``equity`` in USD of every usable row.
        notes: sentences for people to read.
        picture: the data that ``to_html`` draws; None without ``report=True``.

    >>> import arbcore
    >>> second = 1_000_000_000
    >>> result = arbcore.backtest({
    ...     "ts": [1_770_040_800 * second, 1_770_040_801 * second],
    ...     "es_bid": [6_030.0, 6_000.0], "es_ask": [6_030.25, 6_000.25],
    ...     "spy_bid": [600.0, 600.0], "spy_ask": [600.01, 600.01],
    ... }, expiry="2026-03-20", factor=10.0, r=0.0, d=0.0, entry_bps=3)
    >>> round(result.summary["net_pnl"], 2), result.equity.height
    (1467.41, 2)
    """

    summary: BacktestSummary
    trades: Table | None
    equity: Table | None
    notes: tuple[str, ...]
    picture: "Picture | None" = None

    def _repr_html_(self) -> str:
        """The main numbers as HTML, for a notebook."""
        from arbcore.pages.notebook import number_rows, small_table

        summary = self.summary
        shown: list[tuple[str, object]] = [
            ("rows_used", summary["rows_used"]), ("first_ts", summary["first_ts"]),
            ("last_ts", summary["last_ts"]), ("trades", summary["trades"]), ("wins", summary["wins"]),
            ("net_pnl", summary["net_pnl"]), ("total_pnl", summary["total_pnl"]),
            ("costs", summary["costs"]), ("max_drawdown", summary["max_drawdown"]),
            ("sharpe", summary["sharpe"]),
        ]  # fmt: skip
        if summary["evidence"] is not None:
            shown.append(("evidence", summary["evidence"]["verdict"]))
        return small_table(f"Backtest of {summary['pair']}, money in USD", (), number_rows(shown))

    def to_html(self) -> str:
        """The result as one self-contained HTML page. UsageError without ``report=True``."""
        if self.picture is None:
            raise UsageError(
                "This result kept no picture of its rows; pass report=True to backtest for an HTML page."
            )
        return self.picture.page(self.summary, self.notes)

    def write_html(self, path: str | Path) -> None:
        """Writes the page to a file, completely or not at all. RunError if it cannot; else as ``to_html``."""
        text = self.to_html()
        with OutputFile(Path(path)) as stream:
            stream.write(text)


class Picture:
    """The data that an HTML page needs besides the result, collected while the rows are read."""

    def __init__(self, data: QuoteData) -> None:
        self.envelope = Envelope()
        self.ledger = LedgerDigest()
        #: The end of each UTC date in ns, and its last equity in USD; complete at the end of the run.
        self.closes: list[tuple[int, float]] = []
        self._name = name_of(data)

    def page(self, summary: BacktestSummary, notes: Sequence[str]) -> str:
        """The page of the run."""
        from arbcore.pages.backtest_page import backtest_page

        evidence = summary.get("evidence")
        return backtest_page(
            summary,
            name=self._name,
            notes=notes if evidence is None else [evidence["verdict"], *notes],
            envelope=self.envelope.columns(),
            ledger=self.ledger,
            closes=self.closes,
            version=__version__,
        )


def name_of(data: QuoteData) -> str:
    """The name of data on a page: for a file its name without its folders."""
    if isinstance(data, Mapping) or hasattr(data, "columns"):
        return "columns"
    name = getattr(data, "name", "data") if hasattr(data, "read") else data
    return "standard input" if name == "-" else Path(str(name)).name


@dataclass
class Sinks:
    """The receivers of the ledger and the equity while the data is read; None for one that is not wanted."""

    trades: Callable[[Ledger], None] | None = None
    #: Called after each part of the data, or with ``equity_at_end`` once with all of it.
    equity: Callable[["array[int]", "array[float]"], None] | None = None
    equity_at_end: bool = False
    progress: Callable[[int, int | None, int], None] | None = None
    picture: Picture | None = None


def backtest(
    data: QuoteData,
    *,
    expiry: str | int | None = None,
    sort: bool = False,
    skip_bad: bool = False,
    tz: str | None = None,
    time_order: str = "mdy",
    report: bool = False,
    check_lookahead: bool = False,
    drop_outliers: bool = False,
    **settings: "Unpack[BacktestKeywords]",
) -> BacktestResult:
    """Runs the carry signal over quotes: fair value ETF · factor · e^((r − d)·t), deviations in bps of it.

    Args:
        data: a path, ``-``, an open binary file, or columns by name (a mapping, a data frame, an Arrow
            table): ``ts`` (int nanoseconds, text, or datetime64) and the four prices in index points and USD.
        expiry: a date (09:30 New York), a time, a contract's code, or a number as in a column: a date of
            eight digits, or an epoch in seconds to nanoseconds. Without it each row takes the front contract.
        sort: sort the rows by time first; without it times that decrease are an error.
        skip_bad: count malformed rows and continue; without it the first one is an error.
        tz: the zone of times without one, such as ``America/New_York``; UTC if not given.
        time_order: ``mdy`` or ``dmy``, the order of 03/02/2026.
        report: collect the data that ``to_html`` draws.
        check_lookahead: cut the data at many places and check that nothing before a cut changes;
            ``summary["lookahead"]`` has the result.
        drop_outliers: leave out the rows that stand alone.
        **settings: those of ``BacktestSettings`` (see ``arbcore backtest --help``); ``r``, ``rates``, ``d``
            and ``dividends`` also take the forms that the command takes, with files given by their paths.

    Returns:
        ``summary`` (the document of ``arbcore backtest --json``), ``trades``, ``equity`` (tables), ``notes``.

    Raises:
        DataError: a bad row; the error names its line and column.
        InputError: data that cannot be read.
        ConfigError, UsageError: a setting or an argument that is not valid.

    >>> import arbcore
    >>> second = 1_000_000_000
    >>> quotes = {
    ...     "ts": [1_770_040_800 * second, 1_770_040_801 * second],
    ...     "es_bid": [6_030.0, 6_000.0], "es_ask": [6_030.25, 6_000.25],
    ...     "spy_bid": [600.0, 600.0], "spy_ask": [600.01, 600.01],
    ... }
    >>> result = arbcore.backtest(quotes, expiry="2026-03-20", factor=10.0, r=0.0, d=0.0, entry_bps=3)
    >>> result.summary["trades"], result.trades["side"], result.trades["exit_reason"]
    (1, ['cash_and_carry'], ['converged'])
    """
    equity: dict[str, Any] = {"ts": array("q"), "equity": array("d")}

    def keep_equity(times: "array[int]", values: "array[float]") -> None:
        equity.update(ts=times, equity=values)

    wishes = {"report": report, "check_lookahead": check_lookahead, "drop_outliers": drop_outliers}
    for name, wish in wishes.items():
        if not isinstance(wish, bool):
            raise ConfigError(f"{name} is {printable(repr(wish), 60)}; it may be True or False.")
    values_of = read_terms(settings)
    chosen = make_settings(values_of)
    trades = Ledger(chosen.contracts)
    expiry_ns = expiry_instant_of(expiry)
    picture = Picture(data) if report else None
    sinks = Sinks(trades=trades.extend, equity=keep_equity, equity_at_end=True, picture=picture)
    summary, notes = run(
        data,
        values_of,
        expiry_ns=expiry_ns,
        options=ReadOptions(
            sort=sort,
            skip_bad=skip_bad,
            tz=tz,
            time_order=time_order,
            use_factor=chosen.level.mode is LevelMode.COLUMN,
        ),
        check_lookahead=check_lookahead,
        drop_outliers=drop_outliers,
        sinks=sinks,
    )
    return BacktestResult(
        summary=summary,
        trades=Table.of_rows(LEDGER_COLUMNS, trades),
        equity=Table(equity),
        notes=notes,
        picture=picture,
    )


spell_out(backtest, BacktestKeywords)


def make_settings(values: Mapping[str, object]) -> BacktestSettings:
    """Makes settings from values by name. Raises ConfigError."""
    try:
        return BacktestSettings(**values)  # type: ignore[arg-type]
    except TypeError as error:
        unknown = sorted(set(values) - set(BacktestSettings.__dataclass_fields__))
        if not unknown:
            raise
        near = difflib.get_close_matches(unknown[0], BacktestSettings.__dataclass_fields__, n=2)
        hint = f"did you mean {' or '.join(near)}?" if near else "help(arbcore.BacktestSettings) lists them."
        raise ConfigError(f"There is no backtest setting {printable(repr(unknown[0]))}; {hint}") from error


def expiries_of(expiry_ns: int | None) -> tuple[int, ...]:
    """The given expiry; without one, all expiries, of which each row takes the front one."""
    return all_expiries_ns() if expiry_ns is None else (expiry_ns,)


def expiry_instant_of(expiry: str | int | None) -> int | None:
    """Converts an expiry to an instant in ns; a date means 09:30 New York. Raises UsageError."""
    if expiry is None:
        return None
    try:
        return expiry_named(str(expiry))
    except Exception as error:
        raise UsageError(f"The expiry cannot be read: {error}") from error


class Running:
    """A run that starts with its first row, when the pair of the columns is known.

    It takes rows as a backtest does. With ``drop_outliers`` it stores them until ``end``, because only later
    rows show that a row stands alone.
    """

    def __init__(
        self,
        values: Mapping[str, object],
        *,
        expiry_ns: int | None,
        check_lookahead: bool,
        drop_outliers: bool,
        sinks: Sinks,
    ) -> None:
        self._values, self._expiry_ns = values, expiry_ns
        self._check_lookahead, self._sinks = check_lookahead, sinks
        self._held: SweepRows | None = SweepRows() if drop_outliers else None
        self._sorted = SweepRows()
        self.kernel: Backtest
        self._delayed: Backtest | None = None
        self._after_print: Backtest | None = None
        self._after_print_nets = array("d")
        self.check: LookaheadCheck | None = None
        self.settings: BacktestSettings | None = None
        self.dropped = 0
        self.nets = array("d")
        self.missing: MissingDividends

    def feed(self, source: RowSource) -> None:
        """Runs over all rows of the source."""
        if self._held is not None:
            self._held.feed(source)
            return
        if self.settings is None:
            first = SweepRows()
            if not first.refill(source, 1):
                return
            self._begin(source.pair, first)
            self._feed_memory(first)
        self._taker.feed(source)

    def feed_row(
        self, ts_ns: int, *prices: float, factor: float | None = None, expiry_ns: int | None = None
    ) -> None:
        """Adds one row with its four prices, for data that is sorted first."""
        es_bid, es_ask, spy_bid, spy_ask = prices
        self._sorted.feed_row(ts_ns, es_bid, es_ask, spy_bid, spy_ask, factor=factor, expiry_ns=expiry_ns)

    def end(self, pair: str | None) -> None:
        """Ends the rows; ``pair`` is the pair of the columns' names."""
        rows = self._held if self._held is not None else self._sorted
        if self._sorted.count:
            rows = self._sorted
        if self.settings is None:
            self._begin(pair, rows)
        if self._held is not None and self.settings is not None:
            alone = row_values(
                rows, self.settings, expiries_ns=expiries_of(self._expiry_ns),
                fixed=self._expiry_ns is not None,
            ).outlier_rows()  # fmt: skip
            self.dropped = len(alone)
            rows = rows.without(alone)
        if rows.count:
            self._feed_memory(rows)
        if self.check is not None:
            self.check.flush()
        self.kernel.end()
        if self._sinks.picture is not None:
            self._sinks.picture.closes = self.kernel.daily_equity()
        if self.check is not None:
            self.check.collect()
        self.drain(at_end=True)

    @property
    def _taker(self) -> Any:
        return self.kernel if self.check is None else self.check

    def _feed_memory(self, rows: SweepRows) -> None:
        if self.check is None:
            self.kernel.feed_memory(rows)
        else:
            self.check.feed_memory(rows)

    def _begin(self, pair: str | None, first: SweepRows) -> None:
        """Creates the runs; ``first`` has the first row, if there is any."""
        self.settings = settings = settled_pair(self._values, pair)
        check_schedule(settings, first)
        sinks = self._sinks
        common: dict[str, Any] = {
            "expiries_ns": expiries_of(self._expiry_ns), "fixed": self._expiry_ns is not None
        }  # fmt: skip
        if settings.fill != "mid":
            self._after_print = Backtest(later(settings, PRINT_ROWS_MAX), keep_trades=True, **common)
            self._delayed = Backtest(later(settings, 1), beside=self._after_print, **common)
        self.kernel = Backtest(
            settings,
            keep_trades=True,
            keep_equity=self._check_lookahead or sinks.equity is not None,
            keep_marks=self._delayed is not None,
            envelope=None if sinks.picture is None else sinks.picture.envelope,
            beside=self._delayed,
            **common,
        )
        if self._check_lookahead:
            cut = Backtest(settings, keep_trades=True, keep_equity=True, **common)
            self.check = LookaheadCheck(self.kernel, cut, contracts=settings.contracts)
        self.missing = MissingDividends(settings)

    def drain(self, *, at_end: bool = False) -> None:
        """Passes the trades and the equity since the last call to the sinks."""
        if self.settings is None:
            return
        sinks, taker = self._sinks, self._taker
        closed = taker.take_trades()
        if sinks.trades is not None:
            sinks.trades(closed)
        if sinks.picture is not None:
            sinks.picture.ledger.take(closed)
        self.nets.extend(closed.nets())
        self.missing.take(closed)
        if self._after_print is not None:
            self._after_print_nets.extend(self._after_print.take_trades().nets())
        if sinks.equity is not None and (at_end or not sinks.equity_at_end):
            sinks.equity(*taker.take_equity())
        elif sinks.equity is None and self.check is not None:
            self.check.take_equity()


    def late(self) -> Late | None:
        """The results of the run with every fill later, after the end; None if fills are at the mid."""
        if self._delayed is None or self._after_print is None:
            return None
        return Late(
            self._delayed.summary()["total_pnl"],
            self._after_print.summary()["total_pnl"],
            self._after_print_nets,
        )


def settled_pair(values: Mapping[str, object], columns: str | None) -> BacktestSettings:
    """The settings with the pair of the columns or the setting ``pair``. UsageError if the two differ."""
    pair = choose_pair(
        None if columns is None else pair_named(columns), cast("str | None", values.get("pair"))
    )
    return make_settings({**values, "pair": pair.name})


def check_schedule(settings: BacktestSettings, rows: SweepRows) -> None:
    """Raises InputError if a schedule does not fit the first row."""
    if not settings.dividends or not rows.count:
        return
    price = rows.etf_mid(0)
    check_dividends(
        settings.schedule,
        name="The schedule of dividends" if settings.dividends_file is None else settings.dividends_file[0],
        first_ns=rows.ts_ns(0),
        etf_price=price,
        index=price * settings.the_pair.points_per_usd,
    )


def later(settings: BacktestSettings, rows: int) -> BacktestSettings:
    """The settings with every fill ``rows`` rows later."""
    return replace(
        settings,
        es_latency_rows=settings.es_latency_rows + rows,
        spy_latency_rows=settings.spy_latency_rows + rows,
    )


def run(
    data: QuoteData,
    values: Mapping[str, object],
    *,
    expiry_ns: int | None,
    options: ReadOptions | None = None,
    check_lookahead: bool = False,
    drop_outliers: bool = False,
    sinks: Sinks,
) -> tuple[BacktestSummary, tuple[str, ...]]:
    """Runs one backtest, streaming into ``sinks``; returns the summary and the notes.

    ``values`` are settings by name. With ``check_lookahead`` a second run goes over the same rows in pieces;
    ``lookahead`` in the summary has the result.
    """
    if options is None:
        options = ReadOptions(use_factor=make_settings(values).level.mode is LevelMode.COLUMN)
    running = Running(
        values, expiry_ns=expiry_ns, check_lookahead=check_lookahead, drop_outliers=drop_outliers, sinks=sinks
    )
    read = read_into(running, data, options=options, after_chunk=running.drain, progress=sinks.progress)
    running.end(read.pair)
    skipped = dict(read.skipped)
    if running.dropped:
        skipped["outlier"] = running.dropped
    ends = running.kernel.values.decided_ends()
    true_factors = (
        true_factors_of(data, ends, read=read, options=options)
        if running.settings is not None and running.settings.true_factor is None
        else (None, None)
    )
    document, notes = _document(
        running, read, skipped=skipped, expiry_ns=expiry_ns, true_factors=true_factors
    )
    document["evidence"] = _evidence(running, document)
    notes = (*notes, *read.notes)
    document["notes"] = list(notes)
    if running.check is not None:
        verdict = running.check.verdict()
        document["lookahead"] = verdict.document
        notes = (*notes, verdict.sentence)
    return document, notes


def _evidence(running: Running, document: BacktestSummary) -> BacktestEvidence | None:
    """The evidence of the result; None if fills are at the mid."""
    late = running.late()
    if late is None:
        return None
    found = backtest_evidence(
        running.nets,
        running.kernel.periods(),
        total_pnl=document["total_pnl"],
        late=late,
        rows=document["rows_used"],
        outliers=running.kernel.values.outliers,
        missing_dividends=running.missing.count > 0,
    )
    return cast(BacktestEvidence, found)


def _document(
    running: Running,
    read: Read,
    *,
    skipped: dict[str, int],
    expiry_ns: int | None,
    true_factors: Sequence[float | None],
) -> tuple[BacktestSummary, tuple[str, ...]]:
    """The JSON document and the notes."""
    kernel, settings = running.kernel, running.settings
    if settings is None:
        raise BrokenInvariant("A run that ended has begun.")
    found = kernel.summary()
    first_ns, last_ns = found["first_ns"], found["last_ns"]
    held = kernel.open_position_document()
    running.missing.add_open(held, last_ns)
    average_ns = found["average_hold_ns"]
    required: BacktestRequired = {
        "schema": SCHEMA,
        "pair": settings.pair,
        "rows": read.rows,
        "rows_used": found["rows_used"],
        "rows_skipped": {reason: count for reason, count in skipped.items() if count},
        "first_ts": None if first_ns is None else iso_time(first_ns),
        "last_ts": None if last_ns is None else iso_time(last_ns),
        "params": {"expiry": None if expiry_ns is None else iso_time(expiry_ns), **settings.document()},
        "expiries": [iso_time(each) for each in kernel.expiries_ns],
        "factor": factor_document(kernel.values, settings.level),
        "implied_financing": implied_document(kernel.values, settings, true_factors),
        "largest_edge_bps": edge_document(kernel.values),
        **totals_document(found),
        "max_drawdown_s": found["max_drawdown_ns"] / 1e9,
        "average_hold_s": None if average_ns is None else average_ns / 1e9,
        "open_position": None if held is None else position_document(held),
        "evidence": None,
        "notes": [],
    }
    document = cast(BacktestSummary, required)
    notes = _notes(document, settings, kernel.expiries_ns, first_ns, expiry_ns, read.has_expiry)
    traded = bool(document["trades"]) or held is not None
    missing = running.missing.note()
    return document, (
        *notes,
        *plausibility_notes(
            kernel.values,
            settings,
            implied=document["implied_financing"]["last"],
            dates=document["sharpe_dates"] if traded else None,
            traded=traded,
        ),
        *([] if missing is None else [missing]),
    )


def totals_document(numbers: RunNumbers) -> TotalsDocument:
    """The numbers of a result that are the same as in the kernel."""
    found = dict(numbers)
    for name in ("rows_used", "first_ns", "last_ns", "max_drawdown_ns", "average_hold_ns"):
        del found[name]
    return cast(TotalsDocument, found)


def position_document(held: OpenPosition) -> HeldPosition:
    """The position at the end, with its times as text."""
    shown = {
        name.replace("_ns", "_ts"): iso_time(cast(int, value)) if name.endswith("_ns") else value
        for name, value in held.items()
    }
    return cast(HeldPosition, shown)


def _notes(
    document: BacktestSummary,
    settings: BacktestSettings,
    expiries_ns: list[int],
    first_ns: int | None,
    expiry_ns: int | None,
    column_expiry: bool,
) -> Iterable[str]:
    """The notes of the result."""
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
    if settings.entry_bps < settings.exit_wanted_bps:
        yield "entry_bps is below exit_bps: a position may be left on the row after it was entered."
    if document["rows_used"] and document["factor"]["first"] is None:
        yield warming_note(settings.level)


def warming_note(rule: LevelRule) -> str:
    """The note that explains why no row could be decided."""
    if rule.mode is LevelMode.AUTO:
        return f"Fewer than {rule.rows + 1} rows are too few to calibrate; nothing was traded."
    return (
        f"The data is too short to learn the level from ({rule.half_life_s / 60:g} minutes are wanted); "
        "nothing was traded."
    )


def closed_note(expiry_ns: int | None) -> Iterable[str]:
    """The note that explains why a contract cannot expire at the given time."""
    closed = None if expiry_ns is None else why_no_expiry(expiry_ns)
    if closed is not None:
        yield f"The expiry {closed}"


def front_note(expiries_ns: Sequence[int]) -> Iterable[str]:
    """The note that names the expiries used if none was given."""
    if expiries_ns:
        more = ", …" if len(expiries_ns) > 8 else ""
        shown = ", ".join(iso_time(each) for each in expiries_ns[:8]) + more
        yield f"No expiry was given; the front quarterly contract's was used: {shown}."
