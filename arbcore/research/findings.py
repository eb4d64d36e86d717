"""The findings of a run besides its trades: the level, what it implies, the largest edge, and the notes.

Owns the documents of ``factor``, ``implied_financing`` and ``largest_edge_bps``, and decides which notes a
result has. ``carry.notes`` has the sentences of the notes; ``_values`` has the numbers.
"""

from collections.abc import Iterable, Mapping, Sequence

from arbcore.carry import notes
from arbcore.carry._values import RowValues
from arbcore.carry.calendar import front_contract
from arbcore.carry.level import LevelMode, LevelRule
from arbcore.carry.money import missing_dividend
from arbcore.carry.pairs import ExDates, Pair, span_without_ex_dates, usual_ex_dates
from arbcore.carry.terms import payments_between
from arbcore.core.civil import iso_time
from arbcore.core.result_documents import EdgeDocument, ImpliedFinancing, LevelDocument, OpenPosition
from arbcore.research._ledger import Ledger
from arbcore.research.research_settings import DAY_NS, BacktestSettings

_LEARNT = (LevelMode.TRACK, LevelMode.AUTO)
_YEAR_NS = 365 * DAY_NS
#: Settings that a broker's fees and rates replace.
_OF_BROKER = ("es_fee", "spy_fee", "spy_fee_min", "short_rate")


def factor_document(values: RowValues, rule: LevelRule) -> LevelDocument:
    """The ``factor`` of a result: the mode, and the levels of the first and the last decided row."""
    first, last = values.level_ends()
    half_life_s = rule.half_life_s if rule.mode is LevelMode.TRACK else None
    return {"mode": rule.mode.value, "half_life_s": half_life_s, "first": first, "last": last}


def implied_document(
    values: RowValues, settings: BacktestSettings, true_factors: Sequence[float | None] = (None, None)
) -> ImpliedFinancing:
    """The ``implied_financing``: the rate that makes the model fit the level, given the true factor.

    Args:
        values: the values of all rows, after the last row.
        settings: the run's settings; their ``true_factor`` is used if it is set.
        true_factors: the index over the ETF at the first and the last decided row, if the data has it.
    """
    found = []
    for row, known in zip(values.decided_ends(), true_factors, strict=True):
        true_factor = known if settings.true_factor is None else settings.true_factor
        found.append(None if row is None or true_factor is None else _implied(row, settings, true_factor))
    return {"first": found[0], "last": found[1]}


def _implied(row: Mapping[str, float], settings: BacktestSettings, true_factor: float) -> float | None:
    payments = payments_between(
        settings.schedule, int(row["ts_ns"]), int(row["expiry_ns"]), factor=true_factor
    )
    return notes.implied_financing(
        row["f"],
        etf_mid=row["etf_mid"],
        t=row["t"],
        r=row["r"],
        d=row["d"],
        true_factor=true_factor,
        paid=row["paid"],
        payments=payments,
    )


def edge_document(values: RowValues) -> EdgeDocument | None:
    """The ``largest_edge_bps``: the largest edge of a decided row before costs, and its time."""
    found = values.largest_edge()
    return None if found is None else {"before_costs": found[0], "ts": iso_time(found[1])}


def plausibility_notes(
    values: RowValues, settings: BacktestSettings, *, implied: float | None, dates: int | None, traded: bool
) -> Iterable[str]:
    """The notes of a result, one sentence each.

    Args:
        values: the values of all rows, after the last row.
        settings: the run's settings.
        implied: the financing that the last level implies, if it is known.
        dates: the number of UTC dates with rows; None if the result has no Sharpe ratio.
        traded: whether there was a trade.
    """
    rule, pair, rates = settings.level, settings.the_pair, settings.row_terms.rates
    quantiles = values.quantiles((0.05, 0.5, 0.95))
    found = [notes.deviation_note(rule.mode, None if quantiles is None else quantiles[1])]
    first, last = values.decided_ends()
    if rates is not None and first is not None and last is not None:
        found.append(notes.rates_note(rates, int(first["ts_ns"]), int(last["ts_ns"])))
    if rule.mode in _LEARNT:
        found.append(notes.level_note(pair, values.level_ends()[1]))
        if last is not None:
            found.append(notes.financing_note(implied, last["r"]))
    found.append(notes.outlier_note(values.outliers, values.first_outlier_ns()))
    if settings.dividends and last is not None:
        found.append(notes.schedule_note(settings.dividends[-1][0], int(last["expiry_ns"])))
    far = values.far_expiry()
    if far is not None:
        found.append(notes.expiry_note(*far))
    if dates is not None:
        found.append(notes.sharpe_note(dates))
    if not traded and values.rows:
        edge = values.largest_edge()
        found.append(
            notes.no_trade_note(
                None if edge is None else notes.LargestEdge(*edge),
                entry_bps=settings.entry_bps,
                cost_bps=settings.cost_bps or 0.0,
                deviation=None if quantiles is None else notes.Quantiles(*quantiles),
            )
        )
    if settings.fees is not None:
        found.append(notes.margin_interest_note())
        found.append(notes.replaced_note([name for name in _OF_BROKER if getattr(settings, name)]))
    yield from (note for note in found if note is not None)


class MissingDividends:
    """Counts ex-dates over which positions were held and whose dividends are known only from a yield."""

    def __init__(self, settings: BacktestSettings) -> None:
        self._settings = settings
        self._pair: Pair = settings.the_pair
        self._wanted = not settings.dividends and (settings.d != 0.0 or bool(settings.yields))
        self.count = 0
        self._amount = 0.0
        # Most positions are opened and closed between the same two openings as the previous one.
        self._first_ns, self._end_ns = 0, 0

    def take(self, closed: Ledger) -> None:
        """Counts closed trades."""
        if not self._wanted:
            return
        for entry_ns, exit_ns, value in closed.held():
            if not (self._first_ns <= entry_ns and exit_ns < self._end_ns):
                self.add(entry_ns, exit_ns, value=value)

    def add(self, entry_ns: int, exit_ns: int, *, value: float) -> None:
        """Counts one position with an ETF leg of ``value`` USD."""
        settings = self._settings
        if not self._wanted:
            return
        self._first_ns, self._end_ns = span_without_ex_dates(self._pair, entry_ns)
        if exit_ns < self._end_ns:
            return
        days = usual_ex_dates(self._pair, entry_ns, exit_ns)
        if days:
            per_year = 12 if self._pair.ex_dates is ExDates.MONTHLY else 4
            self.count += len(days)
            d = settings.d
            if settings.yields:
                d = settings.row_terms.yield_of(front_contract(entry_ns).expiry_ns)
            self._amount += len(days) * missing_dividend(value, d=d, per_year=per_year)

    def add_open(self, position: OpenPosition | None, last_ns: int | None) -> None:
        """Counts an open position (from ``Backtest.open_position_document``) up to the last row."""
        if position is not None and last_ns is not None and position["etf_entry"] is not None:
            value = position["shares"] * position["etf_entry"]
            self.add(position["entry_ns"], last_ns, value=value)

    def note(self) -> str | None:
        """The note; None if no dividend is missing."""
        return notes.missing_dividend_note(self._pair, self.count, self._amount)
