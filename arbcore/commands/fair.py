"""``arbcore fair``: the fair value of a future, its parts, the no-trade band, and what the quotes imply.

It reads no settings: the result depends on the flags, on the files and the FRED series that they name, and on
the clock if ``--now`` is not given. Flags for rates, dividends, the financing spread and the level are read
like a backtest's settings.
"""

import argparse
import json
import math
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypedDict

from arbcore.carry import _carry, calendar, fair, notes
from arbcore.carry.level import LevelMode, factor_of, parse_level
from arbcore.carry.money import PaidDividend
from arbcore.carry.pairs import DEFAULT_PAIR, Pair, pair_named
from arbcore.carry.row_terms import RowTerms
from arbcore.carry.terms import RATE_DAYS_MAX, Quoting, check_dividends, expiry_named, payments_between
from arbcore.commands._backtest_arguments import key_of_fred, mixed, spellings
from arbcore.core import civil
from arbcore.core.text import printable
from arbcore.errors import ArbcoreError, InputError, RunError, UsageError
from arbcore.quotes.terms_files import read_terms
from arbcore.research.research_settings import BacktestSettings

DESCRIPTION = """\
Fair value of an index future from the index or from its ETF, with every part of it, the band of prices in
which neither direction of the trade pays, and the rate and dividends that quoted prices imply. It reads no
settings, only flags."""
EPILOG = """\
Rates, dividends and the financing spread are those of `arbcore backtest`: a rate is a continuously compounded
annual decimal (--r 0.043) or a file of rates by date, whose last value dated before --now counts; --dtb3 and
--sofr take one value in percent, as FRED has it. A dividends file is CSV of ex_date,amount[,unit]: USD a
share of the ETF, or index points. An expiry is a date (09:30 New York), a time with Z or an offset, or a
contract code; without one it is the front contract's. "By hand" is the same value in the simple form that the
exchange prints. Where the index is known (--spot or --index), the future's quotes give the rate at which the
market finances.

examples:
  arbcore fair --spot 6810 --expiry 2026-12-18 --now 2026-11-20T15:00Z --r 0.043 --d 0.0125
  arbcore fair --spy 680.10 680.12 --factor 10.03 --expiry ESZ26 --now 2026-11-20T15:00Z \\
               --dtb3 3.63 --es 6838.25 6838.50 --funding-bps 40 --lending-bps 20 --borrow-bps 25
  arbcore fair --pair nq-qqq --etf 612.40 612.42 --index 25140.5 --fut 25230 25231 --rates DTB3.csv
  arbcore fair --spot 6810 --expiry ESZ26 --sofr 3.65 --d 0.013,ESZ26:0.0125 --json

FRED's site gives a series as CSV without a key: https://fred.stlouisfed.org/graph/fredgraph.csv?id=DTB3. With
--fred the last value dated before --now is taken; it is shown with its date and age, and the newest is
fetched at most every six hours.
"""
SCHEMA = "arbcore.fair/2"
BPS = 1e-4
DAY_NS = 86_400 * 10**9


def _number(low: float, high: float, *, open_low: bool = False) -> Callable[[str], float]:
    """Returns a parser of finite numbers in a range."""

    def parse(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not low <= value <= high or (open_low and value == low):
            least = f"above {low:g}" if open_low else f"from {low:g}"
            raise argparse.ArgumentTypeError(f"{printable(text)} is not a number {least} to {high:g}")
        return value

    return parse


PRICE = _number(0.0, 1e7, open_low=True)
PERCENT = _number(-100.0, 100.0)
SPREAD_BPS = _number(0.0, 10_000.0)
ANY_SPREAD_BPS = _number(-10_000.0, 10_000.0)
POINTS = _number(0.0, 1e6)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the command's arguments."""
    spot = parser.add_mutually_exclusive_group(required=True)
    spot.add_argument("--spot", type=PRICE, nargs="+", metavar="X", help="the index: one price, or BID ASK")
    spot.add_argument(
        "--etf", "--spy", dest="etf", type=PRICE, nargs="+", metavar="X",
        help="the ETF: one price, or BID ASK",
    )  # fmt: skip
    parser.add_argument("--pair", metavar="NAME", default=DEFAULT_PAIR.name,
                        help=f"such as nq-qqq (default {DEFAULT_PAIR.name})")  # fmt: skip
    known = parser.add_mutually_exclusive_group()
    known.add_argument(
        "--factor", metavar="X", help="the level: index points per USD of the ETF, such as 10.03"
    )
    known.add_argument("--index", type=PRICE, metavar="X", help="a quote of the index, which gives the level")
    parser.add_argument("--expiry", metavar="DATE", help="date, time or code such as ESZ26 (default: front)")
    parser.add_argument("--now", metavar="TIME", help="time of the valuation, ISO 8601 (default: now)")
    _add_rates(parser)
    paid = parser.add_mutually_exclusive_group()
    paid.add_argument(
        "--d", metavar="RATE[,CODE:RATE]",
        help=f"dividend yield, and contracts' own such as ESH26:0.011 (default {BacktestSettings.d})",
    )  # fmt: skip
    paid.add_argument(
        "--dividends", type=Path, metavar="FILE",
        help="CSV of ex_date,amount[,unit]: USD a share or index points, in place of --d",
    )  # fmt: skip
    parser.add_argument(
        "--fut", "--es", dest="fut", type=PRICE, nargs=2, metavar=("BID", "ASK"), help="the future's quotes"
    )
    parser.add_argument(
        "--far", type=PRICE, nargs=2, metavar=("BID", "ASK"), help="quotes of a later contract"
    )
    parser.add_argument("--far-expiry", metavar="DATE", help="its expiry (default: the contract after)")
    for name, text in (
        ("funding", "above the rate, to buy the ETF on credit"),
        ("lending", "below the rate, on the cash of a short sale"),
        ("borrow", "fee for the ETF sold short"),
    ):
        parser.add_argument(
            f"--{name}-bps",
            type=SPREAD_BPS,
            default=0.0,
            metavar="BPS",
            help=f"{text}, bps a year (default 0)",
        )
    for name, text in (("fees", "all fees of a round trip"), ("slippage", "expected at the opening auction")):
        parser.add_argument(
            f"--{name}-points",
            type=POINTS,
            default=0.0,
            metavar="X",
            help=f"{text}, index points (default 0)",
        )
    parser.add_argument("--json", action="store_true", help="one JSON document instead of text")


def _add_rates(parser: argparse.ArgumentParser) -> None:
    rate = parser.add_mutually_exclusive_group()
    rate.add_argument(
        "--r", metavar="RATE|FILE",
        help=f"rate, continuously compounded, or a CSV of rates by date (default {BacktestSettings.r})",
    )  # fmt: skip
    rate.add_argument(
        "--rates", type=Path, metavar="FILE", help="CSV of date and rate, DTB3, SOFR or EFFR, in place of --r"
    )
    rate.add_argument(
        "--dtb3", type=PERCENT, metavar="PCT", help="91-day bill's bank-discount yield, percent"
    )
    rate.add_argument("--sofr", type=PERCENT, metavar="PCT", help="simple actual/360 rate to expiry, percent")
    rate.add_argument("--fred", metavar="SERIES", help="ask FRED for a series such as DTB3 or SOFR")
    parser.add_argument("--fred-key", metavar="FILE", help="a file that holds your key of FRED")
    parser.add_argument(
        *spellings("financing-spread-bps"), dest="financing_spread_bps", type=ANY_SPREAD_BPS, default=0.0,
        metavar="BPS", help="added to the rate in the fair value (default 0)",
    )  # fmt: skip


@dataclass(frozen=True)
class Question:
    """The flags in the units of the desk; ``factor`` is 1 if the index itself is quoted."""

    pair: Pair
    now_ns: int
    expiry_ns: int
    of_index: bool
    bid: float
    ask: float
    factor: float
    true_index: float | None
    terms: RowTerms
    r: float
    rate_source: str
    dividend_source: str
    carry: fair.Carry
    costs: fair.Costs

    @property
    def mid(self) -> float:
        """The mid of the quoted instrument: the ETF or the index."""
        return (self.bid + self.ask) * 0.5

    @property
    def growth(self) -> float:
        """e^((r − d)·t), or e^(r·t) with a schedule of dividends."""
        return _carry.carry_factor(factor=1.0, r=self.carry.r, d=self.carry.d, t=self.carry.t)

    @property
    def paid(self) -> float:
        """The present value of the scheduled dividends, in the unit of the quoted instrument."""
        return self.carry.present_value() / self.factor


def run(args: argparse.Namespace) -> int:
    """Runs the command and returns its exit code."""
    question = read_question(args)
    answer = document(question, args)
    if args.json:
        print(json.dumps(answer, allow_nan=False))
    else:
        print("\n".join(text_lines(answer, question.pair)))
    return 0


def read_question(args: argparse.Namespace) -> Question:
    """Converts the flags to the desk's units. Raises ArbcoreError if they contradict each other."""
    pair = pair_named(args.pair)
    now_ns = time.time_ns() if args.now is None else _as_usage("--now", civil.read_time, args.now)
    expiry_ns = _expiry_asked(args.expiry, pair, now_ns)
    bid, ask = _quote("--spot" if args.etf is None else "--etf", args.etf or args.spot)
    if args.far_expiry is not None and args.far is None:
        raise UsageError("--far-expiry belongs to a later contract; give its quotes with --far BID ASK.")
    if args.fred_key is not None and args.fred is None:
        raise UsageError("--fred-key belongs to --fred; name a series such as --fred DTB3.")
    t = _carry.years_to_expiry(now_ns, expiry_ns)
    mid = (bid + ask) * 0.5
    level, true_index = _level_of(args, mid)
    r, rate_source = _quoted_rate(args, now_ns, t)
    terms = _terms_of(args, r)
    if r is None:
        r = terms.r if terms.rates is None else terms.rates.at(now_ns, t)
        rate_source = _source_of(args, terms, now_ns)
    payments: tuple[fair.Payment, ...] = ()
    if terms.schedule is not None:
        _check_schedule(args, terms.schedule, pair, now_ns, expiry_ns=expiry_ns, mid=mid, level=level)
        payments = payments_between(terms.schedule, now_ns, expiry_ns, factor=level or 1.0)
    carry = fair.Carry(r + terms.financing_spread_bps * BPS, t, terms.yield_of(expiry_ns), payments)
    source = "default" if args.d is None else "--d"
    return Question(
        pair=pair,
        now_ns=now_ns,
        expiry_ns=expiry_ns,
        of_index=args.etf is None,
        bid=bid,
        ask=ask,
        factor=1.0 if args.etf is None or level is None else level,
        true_index=true_index,
        terms=terms,
        r=r,
        rate_source=rate_source,
        dividend_source=source if args.dividends is None else printable(str(args.dividends)),
        carry=carry,
        costs=fair.Costs(
            funding_spread=args.funding_bps * BPS,
            lending_spread=args.lending_bps * BPS,
            borrow_fee=args.borrow_bps * BPS,
            fees=args.fees_points,
            slippage=args.slippage_points,
        ),
    )


def _expiry_asked(text: str | None, pair: Pair, now_ns: int) -> int:
    """Returns the given expiry, else the front contract's, and prints which one it took."""
    if text is None:
        expiry_ns = calendar.front_contract(now_ns).expiry_ns
        print(f"arbcore: No --expiry was given; {_name_of(expiry_ns, pair)} is taken.", file=sys.stderr)
        return expiry_ns
    expiry_ns = _as_usage("--expiry", _open_expiry, text)
    if expiry_ns <= now_ns:
        print(
            f"arbcore: warning: {_name_of(expiry_ns, pair)} has expired by the time valued at, so that "
            "nothing is carried; check --expiry and --now.",
            file=sys.stderr,
        )
    return expiry_ns


def _open_expiry(text: str) -> int:
    """Reads an expiry. Raises UsageError if the exchange does not open on that date."""
    expiry_ns = expiry_named(text)
    closed = calendar.why_no_expiry(expiry_ns)
    if closed is not None:
        raise UsageError(closed)
    return expiry_ns


def _as_usage(flag: str, read: Callable[[str], int], text: str) -> int:
    """Reads a flag with a reader of files; turns its InputError into UsageError."""
    try:
        return read(text)
    except ArbcoreError as error:
        raise UsageError(f"{flag}: {error}") from None


def _quote(flag: str, prices: Sequence[float]) -> tuple[float, float]:
    if len(prices) > 2:
        raise UsageError(f"{flag} takes one price, or a bid and an ask, not {len(prices)} numbers.")
    bid, ask = prices[0], prices[-1]
    if bid > ask:
        raise UsageError(f"{flag} has its bid {bid:g} above its ask {ask:g}; give BID ASK.")
    return bid, ask


def _level_of(args: argparse.Namespace, mid: float) -> tuple[float | None, float | None]:
    """Returns the level, and the index if it is quoted; each is None if it is not known."""
    if args.index is not None and args.etf is None:
        raise UsageError("--index gives the level between the ETF and the index; it needs --etf.")
    if args.index is not None:
        return args.index / mid, args.index
    level = None
    if args.factor is not None:
        rule = parse_level(args.factor, name="--factor")
        if rule.mode is not LevelMode.NUMBER:
            raise UsageError(
                f"--factor {printable(args.factor)} needs quotes over a time; give a number such as "
                "10.03, or a quote of the index with --index."
            )
        level = rule.factor
    elif args.etf is not None:
        raise UsageError(
            "One price does not give the factor between the ETF and the index; name it with --factor, or "
            "give a quote of the index with --index."
        )
    return level, mid if args.etf is None else None


def _terms_of(args: argparse.Namespace, r: float | None) -> RowTerms:
    """Reads rates, dividends and the spread with the parsers and bounds of a backtest's settings."""
    asked: dict[str, Any] = {"rates": args.rates, "dividends": args.dividends, "r": r}
    if args.r is not None:
        asked["r"] = mixed(args.r)
    if args.d is not None:
        asked["d"] = mixed(args.d)
    asked["financing_spread_bps"] = args.financing_spread_bps
    values = read_terms({name: value for name, value in asked.items() if value is not None})
    return BacktestSettings(**values).row_terms  # type: ignore[arg-type]


def _quoted_rate(args: argparse.Namespace, now_ns: int, t: float) -> tuple[float | None, str]:
    """Returns the rate from FRED, or from --dtb3 or --sofr in percent, and its source; None without these."""
    if args.fred is not None:
        return _rate_of_fred(args.fred, args.fred_key, now_ns, t)
    from arbcore.carry.rates import from_bank_discount, from_simple

    if args.dtb3 is not None:
        return from_bank_discount(args.dtb3 / 100), f"DTB3 {args.dtb3:g}%"
    if args.sofr is not None:
        return from_simple(args.sofr / 100, t=t), f"SOFR {args.sofr:g}%"
    return None, ""


def _source_of(args: argparse.Namespace, terms: RowTerms, now_ns: int) -> str:
    """Names the source of a rate that is a number or comes from a file."""
    if terms.rates is None:
        return "default" if args.r is None else "--r"
    day, value = terms.rates.known_at(now_ns)
    shown = f"{value:g}" if terms.rates.quoting is Quoting.CONTINUOUS else f"{value * 100:g}%"
    return f"{terms.rates.name}: {shown} of {civil.iso_date(day)}"


def _rate_of_fred(series: str, key_file: str | None, now_ns: int, t: float) -> tuple[float, str]:
    """Returns the last value dated before the valuation's New York date, the value that a backtest uses."""
    from arbcore.broker import fred

    key = key_of_fred(key_file)
    fred.convention(series)
    settings = fred.FredSettings(series=series, key=key)
    known = fred.FredRate(settings)
    known.refresh()
    if known.latest is None:
        raise RunError(known.last_error or f"FRED has not been asked for {series} yet; try again later.")
    found, day = known.latest, calendar.trading_date(now_ns)
    if known.last_error:
        print(f"arbcore: warning: {known.last_error} Taking {found.said(now_ns)}.", file=sys.stderr)
    if found.day >= day:
        found = fred.fetch(settings, now_ns=now_ns, before_day=day)
    if day - found.day > RATE_DAYS_MAX:
        raise InputError(
            f"FRED's {series} has no rate within {RATE_DAYS_MAX} days before {civil.iso_time(now_ns)}; the "
            f"last one is of {civil.iso_date(found.day)}."
        )
    return fred.rate_of(found, t), found.said(now_ns)


def _check_schedule(
    args: argparse.Namespace, schedule: Sequence[PaidDividend], pair: Pair, now_ns: int, *, expiry_ns: int,
    mid: float, level: float | None,
) -> None:  # fmt: skip
    """Raises InputError for a schedule that does not fit, UsageError for one in USD without a level."""
    about = level or pair.points_per_usd
    etf_price = mid / about if args.etf is None else mid
    name = printable(str(args.dividends))
    check_dividends(schedule, name=name, first_ns=now_ns, etf_price=etf_price, index=etf_price * about)
    if level is None and any(not each.points for each in schedule):
        raise UsageError(
            f"{name} is in USD a share, and --spot is the index; name the level between them with --factor."
        )
    if schedule[-1].ex_ns < expiry_ns:
        print(
            f"arbcore: warning: {name} ends before the expiry; what goes ex after its last line is not "
            "counted.",
            file=sys.stderr,
        )


def _name_of(expiry_ns: int, pair: Pair) -> str:
    code = _code_of(expiry_ns, pair)
    return f"{code}, {civil.iso_time(expiry_ns)}" if code else civil.iso_time(expiry_ns)


def _code_of(expiry_ns: int, pair: Pair) -> str | None:
    """Returns the contract's code, such as NQZ26; None if no contract expires then."""
    expiries = calendar.all_expiries_ns()
    if expiry_ns not in expiries:
        return None
    return pair.future + calendar.all_contracts()[expiries.index(expiry_ns)].code[-3:]


class DividendDocument(TypedDict):
    """One dividend until expiry: its index points, and ``t``, the years from its ex-date to expiry."""

    ex_date: str
    points: float
    t: float
    present_value: float


class CostsDocument(TypedDict):
    """The costs behind the no-trade band: spreads over the rate in bps a year, and index points."""

    funding_bps: float
    lending_bps: float
    borrow_bps: float
    fees_points: float
    slippage_points: float


class BandDocument(TypedDict):
    """The no-trade band, in index points and in bps of fair value."""

    lower: float
    upper: float
    lower_bps: float
    upper_bps: float


class FutureDocument(TypedDict):
    """The numbers that follow from the future's quotes; rates are annual, None at expiry."""

    bid: float
    ask: float
    level: float | None
    deviation_bps: float
    edge_cash_and_carry_bps: float
    edge_reverse_bps: float
    implied_repo_cash_and_carry: float | None
    implied_repo_reverse: float | None
    implied_dividend_yield: float | None
    implied_dividend_points: float | None
    signal: str


class SpreadDocument(TypedDict):
    """The quotes of a later contract, and the annual rates between both expiries."""

    expiry: str
    contract: str | None
    bid: float
    ask: float
    rate_lent: float
    rate_borrowed: float


class FairDocument(TypedDict):
    """The document of ``arbcore fair --json``; ``d`` is None under a schedule of dividends."""

    schema: str
    pair: str
    now: str
    expiry: str
    contract: str | None
    t: float
    days: float
    source: str
    bid: float
    ask: float
    factor: float
    spot: float
    r: float
    rate_source: str
    financing_spread_bps: float
    simple_rate: float
    d: float | None
    dividend_source: str
    dividends: list[DividendDocument]
    financing_points: float
    dividend_points: float
    fair: float
    basis: float
    carry_factor: float
    implied_financing: float | None
    costs: CostsDocument
    band: BandDocument
    fut: FutureDocument | None
    calendar_spread: SpreadDocument | None


def document(question: Question, args: argparse.Namespace) -> FairDocument:
    """Returns the JSON document; the text output is made from it too."""
    unit, carry, costs = question.factor, question.carry, question.costs
    parts = fair.fair_parts(question.mid * unit, carry)
    band = fair.no_trade_band(
        spot_bid=question.bid * unit, spot_ask=question.ask * unit, carry=carry, costs=costs
    )
    answer: FairDocument = {
        "schema": SCHEMA,
        "pair": question.pair.name,
        "now": civil.iso_time(question.now_ns),
        "expiry": civil.iso_time(question.expiry_ns),
        "contract": _code_of(question.expiry_ns, question.pair),
        "t": parts.t,
        "days": parts.t * 365,
        "source": "index" if question.of_index else "etf",
        "bid": question.bid,
        "ask": question.ask,
        "factor": unit,
        "spot": parts.spot,
        "r": question.r,
        "rate_source": question.rate_source,
        "financing_spread_bps": question.terms.financing_spread_bps,
        "simple_rate": parts.simple_rate,
        "d": None if question.terms.schedule is not None else parts.d,
        "dividend_source": question.dividend_source,
        "dividends": [
            {
                "ex_date": civil.iso_date(each.ex_day),
                "points": each.points,
                "t": each.t,
                "present_value": each.present_value(carry.r),
            }
            for each in carry.payments
        ],
        "financing_points": parts.financing,
        "dividend_points": parts.dividends,
        "fair": parts.fair,
        "basis": parts.basis,
        "carry_factor": parts.fair / question.mid,
        "implied_financing": _implied_financing(question, args.fut) if args.fut else None,
        "costs": {
            "funding_bps": args.funding_bps,
            "lending_bps": args.lending_bps,
            "borrow_bps": args.borrow_bps,
            "fees_points": costs.fees,
            "slippage_points": costs.slippage,
        },
        "band": {
            "lower": band.lower,
            "upper": band.upper,
            "lower_bps": (band.lower / parts.fair - 1) / BPS,
            "upper_bps": (band.upper / parts.fair - 1) / BPS,
        },
        "fut": _of_future(question, parts, band, args.fut) if args.fut else None,
        "calendar_spread": _of_spread(question, args) if args.far else None,
    }
    if not all(map(math.isfinite, (answer["fair"], answer["financing_points"], answer["carry_factor"]))):
        raise UsageError("Those rates and times give no finite fair value; check --r, --d and --expiry.")
    return answer


def _level_quoted(question: Question, bid: float, ask: float) -> float:
    """The level at which the future's quotes are fair, in index points per unit of the quoted instrument."""
    return factor_of(
        fut_mid=(bid + ask) * 0.5, etf_mid=question.mid, growth=question.growth, paid_usd=question.paid
    )


def _implied_financing(question: Question, quotes: Sequence[float]) -> float | None:
    """The rate at which the model gives the level of the quotes; None if the index is not known."""
    if question.true_index is None:
        return None
    level = _level_quoted(question, *_quote("--fut", quotes))
    return notes.implied_financing(
        level,
        etf_mid=question.mid,
        t=question.carry.t,
        r=question.carry.r,
        d=question.carry.d,
        true_factor=question.true_index / question.mid,
        paid=question.paid,
        payments=question.carry.payments,
    )


def _of_future(
    question: Question, parts: fair.FairValue, band: fair.Band, quotes: Sequence[float]
) -> FutureDocument:
    """Computes from the future's quotes: level, deviation, edges, implied rates and dividends, verdict."""
    bid, ask = _quote("--fut", quotes)
    unit, carry, paid = question.factor, question.carry, question.paid
    c = unit * question.growth
    found: FutureDocument = {
        "bid": bid,
        "ask": ask,
        "level": None if question.of_index else _level_quoted(question, bid, ask),
        "deviation_bps": _carry.deviation_bps(
            es_bid=bid, es_ask=ask, spy_bid=question.bid - paid, spy_ask=question.ask - paid, c=c
        ),
        "edge_cash_and_carry_bps": _carry.edge_cash_and_carry_bps(
            es_bid=bid, spy_ask=question.ask - paid, c=c
        ),
        "edge_reverse_bps": _carry.edge_reverse_bps(es_ask=ask, spy_bid=question.bid - paid, c=c),
        "implied_repo_cash_and_carry": None,
        "implied_repo_reverse": None,
        "implied_dividend_yield": None,
        "implied_dividend_points": None,
        "signal": "cash_and_carry" if bid > band.upper else "reverse" if ask < band.lower else "none",
    }
    if carry.t > 0.0:
        known: dict[str, Any] = {"t": carry.t, "d": carry.d, "payments": carry.payments}
        mids = {"future": (bid + ask) * 0.5, "spot": parts.spot, "r": parts.r, "t": carry.t}
        found |= {
            "implied_repo_cash_and_carry": fair.implied_repo(future=bid, spot=question.ask * unit, **known),
            "implied_repo_reverse": fair.implied_repo(future=ask, spot=question.bid * unit, **known),
            "implied_dividend_yield": fair.implied_dividend_yield(**mids),
            "implied_dividend_points": fair.implied_dividend_points(**mids),
        }
    return found


def _of_spread(question: Question, args: argparse.Namespace) -> SpreadDocument:
    """Computes the rate between two expiries, for both directions at executable prices."""
    if not args.fut:
        raise UsageError("--far is compared with the near contract; give its quotes with --fut BID ASK.")
    near_bid, near_ask = _quote("--fut", args.fut)
    far_bid, far_ask = _quote("--far", args.far)
    near_ns, terms = question.expiry_ns, question.terms
    if args.far_expiry is None:
        far_ns = calendar.front_contract(near_ns).expiry_ns
    else:
        far_ns = _as_usage("--far-expiry", _open_expiry, args.far_expiry)
    if far_ns <= near_ns:
        raise UsageError("--far-expiry must be later than --expiry.")
    payments: tuple[fair.Payment, ...] = ()
    if terms.schedule is not None:
        level = _level_of(args, question.mid)[0]
        payments = payments_between(terms.schedule, near_ns, far_ns, factor=level or 1.0)
    known: dict[str, Any] = {
        "years_between": _carry.years_to_expiry(near_ns, far_ns),
        "d": _yield_between(question, far_ns),
        "payments": payments,
    }
    return {
        "expiry": civil.iso_time(far_ns),
        "contract": _code_of(far_ns, question.pair),
        "bid": far_bid,
        "ask": far_ask,
        "rate_lent": fair.calendar_spread_rate(near=near_ask, far=far_bid, **known),
        "rate_borrowed": fair.calendar_spread_rate(near=near_bid, far=far_ask, **known),
    }


def _yield_between(question: Question, far_ns: int) -> float:
    """The dividend yield from the near expiry to the far one; 0 with a schedule of dividends."""
    near, far = question.carry.d, question.terms.yield_of(far_ns)
    if near == far:
        return near
    t_near, t_far = question.carry.t, _carry.years_to_expiry(question.now_ns, far_ns)
    return (far * t_far - near * t_near) / (t_far - t_near)


# --- the document as text, detailed enough for a trader to repeat the calculation by hand


def text_lines(answer: FairDocument, pair: Pair) -> Iterator[str]:
    """Yields the lines of a document; ``pair`` has the symbols."""
    name = answer["contract"] or "the future"
    yield f"Fair value of {name} at {answer['now']}, expiring {answer['expiry']} ({answer['days']:.4f} days)"
    yield ""
    yield from _sum(answer, pair)
    yield ""
    band, costs = answer["band"], answer["costs"]
    r = answer["r"] + answer["financing_spread_bps"] * 1e-4
    funded = r + costs["funding_bps"] * 1e-4
    lent = r - (costs["lending_bps"] + costs["borrow_bps"]) * 1e-4
    yield "No-trade band"
    yield _row(
        f"sell {pair.future} above", band["upper"],
        f"{band['upper_bps']:+.2f} bps, shares financed at {funded:.4%}",
    )  # fmt: skip
    yield _row(
        f"buy {pair.future} below", band["lower"], f"{band['lower_bps']:+.2f} bps, cash lent at {lent:.4%}"
    )
    if costs["fees_points"] or costs["slippage_points"]:
        once = costs["fees_points"] + costs["slippage_points"]
        yield f"  both {once:.2f} points further out for fees and slippage"
    if answer["fut"]:
        yield ""
        yield from _future(answer, answer["fut"], pair)
    if answer["calendar_spread"]:
        yield ""
        yield from _spread(answer["calendar_spread"])


def _row(label: str, number: float, text: str = "", *, digits: int = 2) -> str:
    return f"  {label:<16}{number:>12.{digits}f}   {text}".rstrip()


def _sum(answer: FairDocument, pair: Pair) -> Iterator[str]:
    mid = (answer["bid"] + answer["ask"]) / 2
    if answer["source"] == "etf":
        yield _row(f"{pair.etf} mid", mid, digits=4)
        yield _row("x level", answer["factor"], "index points per USD", digits=6)
    yield _row("index", answer["spot"])
    spread = answer["financing_spread_bps"]
    added = f" and {spread:g} bps" if spread else ""
    yield _row(
        "+ financing",
        answer["financing_points"],
        f"r {answer['r']:.4%}{added} a year ({answer['rate_source']}), t {answer['t']:.6f} years",
    )
    if answer["d"] is None:
        count = len(answer["dividends"])
        yield _row(
            "- dividends",
            answer["dividend_points"],
            f"{count} to expiry, at expiry ({answer['dividend_source']})",
        )
        for each in answer["dividends"]:
            worth = f"{each['points']:.4f} points, worth {each['present_value']:.4f} now"
            yield f"      ex {each['ex_date']}  {worth}"
    else:
        yield _row(
            "- dividends",
            answer["dividend_points"],
            f"d {answer['d']:.4%} a year ({answer['dividend_source']})",
        )
    yield _row("= fair value", answer["fair"], f"basis {answer['basis']:+.2f} points")
    yield (
        f"  by hand, simple and actual/360: {answer['spot']:.2f} x (1 + {answer['simple_rate']:.4%} x "
        f"{answer['days']:.4f} / 360) - {answer['dividend_points']:.2f} = {answer['fair']:.2f}"
    )


def _future(answer: FairDocument, quoted: FutureDocument, pair: Pair) -> Iterator[str]:
    future, etf = pair.future, pair.etf
    verdicts = {
        "cash_and_carry": f"sell {future} at the bid and buy {etf} at the ask: above the band",
        "reverse": f"buy {future} at the ask and sell {etf} at the bid: below the band",
        "none": "inside the band: neither direction pays",
    }
    yield f"{future} {quoted['bid']:.2f} - {quoted['ask']:.2f}: {verdicts[quoted['signal']]}"
    yield _row("mid deviation", quoted["deviation_bps"], "bps of fair value")
    repo, reverse = quoted["implied_repo_cash_and_carry"], quoted["implied_repo_reverse"]
    earned = "" if repo is None else f", implied repo {repo:,.4%} earned"
    paid = "" if reverse is None else f", implied repo {reverse:,.4%} paid"
    yield _row("cash-and-carry", quoted["edge_cash_and_carry_bps"], f"bps{earned}")
    yield _row("reverse", quoted["edge_reverse_bps"], f"bps{paid}")
    if quoted["level"] is not None:
        yield _row("level of quotes", quoted["level"], "index points per USD, where they are fair", digits=6)
    if answer["implied_financing"] is not None:
        yield f"  the market finances at {answer['implied_financing']:,.4%} a year, at mids"
    implied_points, implied_yield = quoted["implied_dividend_points"], quoted["implied_dividend_yield"]
    if implied_points is not None and implied_yield is not None:
        yield _row(
            "implied dividend", implied_points, f"points at expiry, {implied_yield:,.4%} a year, at mids"
        )


def _spread(spread: SpreadDocument) -> Iterator[str]:
    name = spread["contract"] or "the later contract"
    yield f"Calendar spread to {name} ({spread['expiry']}) {spread['bid']:.2f} - {spread['ask']:.2f}"
    lent, borrowed = spread["rate_lent"], spread["rate_borrowed"]
    yield f"  buy near, sell far: lends at {lent:.4%}; the other way borrows at {borrowed:.4%}"
