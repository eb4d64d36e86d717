"""``quotes check``: a page about a file of both legs, to read before a backtest of it is trusted.

Owns the reading, the document and its verdict. ``Examination`` computes the numbers.
"""

from collections import Counter
from dataclasses import dataclass
from typing import Any

from arbcore._version import __version__
from arbcore.carry.notes import level_note
from arbcore.carry.pairs import PAIRS, Pair, choose_pair
from arbcore.core.civil import NS_PER_S, iso_date, iso_time
from arbcore.core.text import whole_seconds
from arbcore.errors import InputError, UsageError
from arbcore.quotes.examination import EDGE_STEPS_BPS, Examination
from arbcore.quotes.inputs import Meter, ProgressHook
from arbcore.quotes.legs import Reading, zone_note
from arbcore.quotes.paired import Expiries, Paired, PairedBlock, RowState, open_paired, sorted_blocks
from arbcore.quotes.percentiles import Percentiles
from arbcore.quotes.quote_data import QuoteData

SCHEMA = "arbcore.quotes.check/1"
#: The edge after costs that an entry needs by default, in bps.
ENTRY_BPS = 3.0
_HISTOGRAM_BARS = 60


@dataclass(frozen=True)
class Checked:
    """The result of an examination, as ``arbcore.quotes.check`` returns it.

    Attributes:
        summary: the document of ``arbcore quotes check --json``.
        histogram: (low edge in bps, rows) of the deviation.
        curve: points (time in ns, level, deviation in bps) in order.
        spreads: by leg, in the form of ``histogram``.
        decay: (minutes, the share of a deviation that is left after them).
        coverage: (date in New York, rows in each half hour of it).
    """

    summary: dict[str, Any]
    histogram: list[tuple[float, int]]
    curve: list[tuple[int, float, float]]
    spreads: dict[str, list[tuple[float, int]]]
    decay: list[tuple[int, float]]
    coverage: list[tuple[str, list[int]]]

    @property
    def notes(self) -> list[str]:
        """The notes, sentences for people to read."""
        return list(self.summary["notes"])

    def to_html(self) -> str:
        """The page as one file without external resources."""
        from arbcore.pages.quotes_page import quotes_page

        return quotes_page(
            self.summary, histogram=self.histogram, curve=self.curve, spreads=self.spreads, decay=self.decay,
            coverage=self.coverage, version=__version__,
        )  # fmt: skip


def check(
    data: QuoteData,
    *,
    pair: str | None = None,
    r: float = 0.045,
    d: float = 0.014,
    true_factor: float | None = None,
    sort: bool = False,
    skip_bad: bool = False,
    tz: str | None = None,
    time_order: str = "mdy",
    progress: ProgressHook | None = None,
) -> Checked:
    """Examines a file of both legs.

    Args:
        data: the input of a backtest: a path, ``-``, an open file, or columns.
        pair: the pair of ``fut_…`` and ``etf_…``, for the default costs and the expected level.
        r: the rate of the fair value, a year, continuously compounded.
        d: the ETF's dividend yield, likewise.
        true_factor: the index over the ETF, if it is known: gives the rate at which the market finances.
        sort: sort by time first, in memory; without it rows out of order are counted and left out.
        skip_bad: count malformed rows and continue.
        tz: the zone of times without one, such as ``America/New_York``; None is UTC.
        time_order: ``mdy`` or ``dmy``, the order of 03/02/2026.
        progress: as for ``join``.

    Returns:
        The document, and the data of its charts.

    Raises:
        UsageError: the pair contradicts the columns, or the true factor is not a positive number.
        InputError: the input is missing, damaged, of one leg only, or has no usable row.

    >>> import arbcore.quotes
    >>> found = arbcore.quotes.check({
    ...     "ts": ["2026-03-02T15:00:00Z", "2026-03-02T15:00:01Z"],
    ...     "es_bid": [6_000.0, 6_000.25], "es_ask": [6_000.25, 6_000.5],
    ...     "spy_bid": [598.0, 598.01], "spy_ask": [598.01, 598.02],
    ... })
    >>> found.summary["rows"], found.summary["rows_used"]
    (2, 2)
    """
    if true_factor is not None and not 0 < true_factor < 1e6:
        raise UsageError(f"--true-factor {true_factor:g} is not a factor; it is above 0, such as 10.03.")
    reading = Reading(sort=sort, skip_bad=skip_bad, tz=tz, time_order=time_order)
    meter = Meter(progress)
    counts: Counter[RowState] = Counter()
    found = Examination(r=r, d=d, true_factor=true_factor)
    expiries = Expiries()
    with open_paired(data, pair=None, reading=reading, meter=meter) as paired:
        chosen = choose_pair(paired.pair, pair) if pair is not None else paired.pair
        blocks = sorted_blocks(paired.blocks) if sort else paired.blocks
        for block in blocks:
            meter.rows += len(block.times) + block.malformed
            counts[RowState.MALFORMED] += block.malformed
            if block.states is None:
                counts[RowState.QUOTE] += len(block.times)
            else:
                counts.update(block.states)
                usable = [at for at, state in enumerate(block.states) if state is RowState.QUOTE]
                block = block.taken(usable)
            if block.times:
                found.add_block(
                    block.times, block.prices, expiries=_expiries(block, paired, expiries),
                    indexes=_indexes(block, paired),
                )  # fmt: skip
    found.finish()
    read = sum(counts.values())
    if not read:
        raise InputError(f"{paired.name} has no rows; name a file with quotes.")
    if not found.used:
        reasons = ", ".join(f"{count:,} {state.value}" for state, count in counts.items() if count)
        raise InputError(f"{paired.name} has no usable row ({reasons}); check its columns.")
    skipped = {
        state.value: counts[state]
        for state in (RowState.MISSING, RowState.CROSSED, RowState.MALFORMED)
        if counts[state]
    }
    if found.disordered:
        skipped["out_of_order"] = found.disordered
    summary = _document(found, chosen, {"r": r, "d": d, "true_factor": true_factor})
    summary = {"schema": SCHEMA, "name": paired.name, "rows": read} | summary | {"rows_skipped": skipped}
    summary["notes"] = _notes(found, chosen, summary, zoned=paired.zoned())
    return Checked(
        summary, _histogram(found.deviation), found.curve.points,
        {name: _histogram(leg.spread_bps) for name, leg in (("fut", found.fut), ("etf", found.etf))},
        found.half_life.decay(),
        [(iso_date(day), list(counts)) for day, counts in sorted(found.rows_of.items())],
    )  # fmt: skip


def _expiries(block: PairedBlock, paired: Paired, read: Expiries) -> list[int | None] | None:
    """The instants of the expiries; None if the file has no such column."""
    if "expiry" not in paired.extras:
        return None
    return list(map(read, block.extras[paired.extras.index("expiry")]))


def _indexes(block: PairedBlock, paired: Paired) -> list[float | None] | None:
    """The index of each row; None if the file has no such column. A row number is not an index."""
    if "index" not in paired.extras:
        return None
    cells = block.extras[paired.extras.index("index")]
    return [_index(*each) for each in zip(cells, block.prices[2], block.prices[3], strict=True)]


def _index(text: str, etf_bid: float, etf_ask: float) -> float | None:
    try:
        index = float(text)
    except ValueError:
        return None
    mid = (etf_bid + etf_ask) / 2
    near = any(abs(index / (mid * pair.points_per_usd) - 1) < 0.1 for pair in PAIRS)
    return index if near else None


def _document(found: Examination, pair: Pair | None, params: dict[str, Any]) -> dict[str, Any]:
    first, last = found.implied
    deviation = found.deviation
    edges = found.edges()
    used = found.deviation.count
    return {
        "rows_used": found.used,
        "first_ts": None if found.first_ns is None else iso_time(found.first_ns),
        "last_ts": None if found.last_ns is None else iso_time(found.last_ns),
        "pair": None if pair is None else pair.name,
        "params": params,
        "warming_up": found.warming_up,
        "sessions": found.dates,
        "step_s": None if found.step_ns is None else found.step_ns / NS_PER_S,
        "level": found.level(),
        "implied_financing": None if first is None else {"first": first, "last": last},
        "deviation_bps": _shares(deviation, (0.01, 0.05, 0.5, 0.95, 0.99)) | {"max": deviation.largest},
        "edge_bps": edges,
        "edge_share": {
            f"{step:g}": found.edge_counts[step] / used if used else None for step in EDGE_STEPS_BPS
        },
        "spread_bps": {
            "fut": _shares(found.fut.spread_bps, (0.5, 0.95)),
            "etf": _shares(found.etf.spread_bps, (0.5, 0.95)),
        },
        "still_s": {
            name: _shares(leg.still_s, (0.5, 0.95)) | {"max": leg.still_s.largest}
            for name, leg in (("fut", found.fut), ("etf", found.etf))
        },
        "half_life_s": found.half_life.seconds(),
        "by_hour": [
            {
                "hour": hour, "rows": own.edge.count,
                "deviation_bps": _shares(own.deviation, (0.05, 0.5, 0.95)),
                "edge_bps": {"p95": own.edge.at(0.95), "max": own.edge.largest},
            }
            for hour, own in sorted(found.hours.items())
        ],
        "outliers": [{"ts": iso_time(ts_ns), "bps": bps} for ts_ns, bps in found.outliers.first],
        "outlier_rows": found.outliers.count,
        "gaps": [
            {"from": iso_time(first_ns), "to": iso_time(last_ns), "s": gap_ns / NS_PER_S}
            for gap_ns, first_ns, last_ns in found.gaps()
        ],
        "verdict": _verdict(found, pair),
    }  # fmt: skip


def _shares(values: Percentiles, shares: tuple[float, ...]) -> dict[str, float | None]:
    return {f"p{round(100 * share)}": values.at(share) for share in shares}


def _verdict(found: Examination, pair: Pair | None) -> str:
    """The verdict: the share of rows with an edge above a size, and the edge that the default entry needs."""
    if found.largest_edge is None:
        return (
            f"The level is not known from {found.used:,} rows: it needs an hour of them within one "
            "contract; without it no edge can be measured."
        )
    cost_bps = 0.5 if pair is None else pair.cost_bps
    wanted = ENTRY_BPS + cost_bps
    largest, ts_ns = found.largest_edge
    wants = f"the default entry wants {wanted:g} bps with costs"
    if largest < wanted:
        if largest <= 0:
            return f"After both spreads there was no edge at all (at best {largest:.1f} bps); {wants}."
        return f"After both spreads the edge was never more than {largest:.1f} bps; {wants}."
    used = found.edge.count
    rows = sum(found.edge.shares([wanted, 1e9]))
    share = rows / used
    often = f"{share:.1%}" if share >= 0.001 else "less than 0.1%"
    return (
        f"After both spreads the edge was {wanted:g} bps or more on {often} of the rows, at most "
        f"{largest:.1f} bps ({whole_seconds(iso_time(ts_ns))}); {wants}."
    )


def _notes(found: Examination, pair: Pair | None, summary: dict[str, Any], *, zoned: bool) -> list[str]:
    notes = [] if zoned else [zone_note(summary["name"])]
    if pair is None:
        notes.append(
            "The columns are fut_… and etf_… and do not say which pair they are; a backtest needs --pair."
        )
    else:
        note = level_note(pair, summary["level"]["median"])
        notes += [note] if note else []
    if found.disordered:
        notes.append(f"{found.disordered:,} rows are out of order; a backtest needs --sort for this file.")
    if found.outliers.count:
        first = whole_seconds(iso_time(found.outliers.first[0][0]))
        notes.append(
            f"{found.outliers.count:,} rows are more than 10 bps away from the rows before and after, the "
            f"first at {first}: bad prints, which a backtest trades unless it runs with --drop-outliers."
        )
    if found.half_life.seconds() is None and found.deviation.count:
        notes.append(
            "The half-life is not given: too few successive minutes, or the deviation does not fall back."
        )
    return notes


def _histogram(values: Percentiles) -> list[tuple[float, int]]:
    """The middle 99% of values in bars of equal width."""
    low, high = values.at(0.005), values.at(0.995)
    if low is None or high is None:
        return []
    width = max((high - low) / _HISTOGRAM_BARS, 0.01)
    edges = [low + at * width for at in range(_HISTOGRAM_BARS + 1)]
    return list(zip(edges, values.shares(edges), strict=False))
