"""``arbcore fair``: the fair value of ES, its parts, the no-trade band, and what the market's prices imply.

It reads flags only, and the clock where no ``--now`` is given: its answer depends on nothing unseen.
"""

import argparse
import json
import math
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from arbcore.carry import _carry, calendar, dividends, factor, fair, rates
from arbcore.carry.pairs import PAIRS
from arbcore.core import civil
from arbcore.core.text import printable
from arbcore.errors import ArbcoreError, InputError, RunError, UsageError

DESCRIPTION = """\
Fair value of an ES contract from the index or from SPY, with every part of it, the band of prices in
which neither direction of the trade pays, and the rate and dividends that quoted prices imply. It reads flags
only."""
EPILOG = """\
Rates are continuously compounded annual decimals (--r 0.043); --dtb3 and --sofr take percent, as FRED has
them. A dividends file is CSV with the columns ex_date and points (index points) or amount (USD a SPY share).
An expiry is a date (09:30 New York), a time with Z or an offset, or a contract code; without one it is the
front contract's. "By hand" is the same value in the simple form that the exchange prints.

examples:
  arbcore fair --spot 6810 --expiry 2026-12-18 --now 2026-11-20T15:00Z --r 0.043 --d 0.0125
  arbcore fair --spy 680.10 680.12 --factor 10.03 --expiry ESZ26 --now 2026-11-20T15:00Z \\
               --dtb3 3.63 --es 6838.25 6838.50 --funding-bps 40 --lending-bps 20 --borrow-bps 25
  arbcore fair --spot 6810 --expiry ESZ26 --sofr 3.65 --json
  arbcore fair --spot 6810 --expiry ESZ26 --rates DTB4WK.csv DTB3.csv --d ESZ26:0.0125

FRED's site gives a series as CSV without a key: https://fred.stlouisfed.org/graph/fredgraph.csv?id=DTB3. With
--fred the last value is fetched, at most every six hours; it is shown with its date and age.
"""
SCHEMA = "arbcore.fair/1"
BPS = 1e-4
DEFAULT_R = 0.045
DEFAULT_D = 0.014
#: Days after which a rate from a file is said to be old: a long weekend and the day that FRED takes.
OLD_DAYS = 7.0


def _number(low: float, high: float, *, open_low: bool = False) -> Callable[[str], float]:
    """A parser of finite numbers in a range."""

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
RATE = _number(-1.0, 1.0)
PERCENT = _number(-100.0, 100.0)
SPREAD_BPS = _number(0.0, 10_000.0)
POINTS = _number(0.0, 1e6)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the command's arguments."""
    spot = parser.add_mutually_exclusive_group(required=True)
    spot.add_argument("--spot", type=PRICE, nargs="+", metavar="X", help="the index: one price, or BID ASK")
    spot.add_argument("--spy", type=PRICE, nargs="+", metavar="X", help="SPY: one price, or BID ASK")
    known = parser.add_mutually_exclusive_group()
    known.add_argument(
        "--factor", metavar="X", help="index / SPY such as 10.03, or a CSV of ts,factor: the last one known"
    )
    known.add_argument("--index", type=PRICE, metavar="X", help="a quote of the index that gives the factor")
    parser.add_argument("--expiry", metavar="DATE", help="date, time or code such as ESZ26 (default: front)")
    parser.add_argument("--now", metavar="TIME", help="instant to value at, ISO 8601 (default: the clock)")
    rate = parser.add_mutually_exclusive_group()
    rate.add_argument("--r", type=RATE, metavar="R", help=f"interest, annual decimal (default {DEFAULT_R})")
    rate.add_argument(
        "--dtb3", type=PERCENT, metavar="PCT", help="91-day bill's bank-discount yield, percent"
    )
    rate.add_argument("--sofr", type=PERCENT, metavar="PCT", help="simple actual/360 rate to expiry, percent")
    rate.add_argument(
        "--curve",
        metavar="DAYS:R,...",
        help="annual decimals at terms in days, such as 30:0.041,91:0.042",
    )
    rate.add_argument(
        "--rates", nargs="+", metavar="FILE",
        help="CSV of FRED's site: the last value of a date before --now; of several the curve of their terms",
    )  # fmt: skip
    rate.add_argument("--fred", metavar="SERIES", help="ask FRED for the last value, such as DTB3 or SOFR")
    parser.add_argument("--fred-key", metavar="FILE", help="a file that holds your key of FRED")
    paid = parser.add_mutually_exclusive_group()
    paid.add_argument(
        "--d", metavar="D",
        help=f"dividend yield, annual decimal (default {DEFAULT_D}), or ESZ26:0.012,ESH27:0.013 per expiry",
    )  # fmt: skip
    paid.add_argument("--dividends", metavar="FILE", help="schedule of ex-dates and amounts: CSV")
    parser.add_argument("--es", type=PRICE, nargs=2, metavar=("BID", "ASK"), help="the future's quotes")
    parser.add_argument(
        "--far", type=PRICE, nargs=2, metavar=("BID", "ASK"), help="quotes of a later contract"
    )
    parser.add_argument("--far-expiry", metavar="DATE", help="its expiry (default: the contract after)")
    for name, text in (
        ("funding", "over the rate to buy SPY on credit"),
        ("lending", "under the rate for the cash of a short sale"),
        ("borrow", "fee for SPY sold short"),
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


@dataclass(frozen=True)
class Question:
    """What was asked, in the units of the desk."""

    now_ns: int
    expiry_ns: int
    source: str  # SPY or index
    bid: float
    ask: float
    factor: float
    rate: rates.Rate
    rate_source: str
    carry: fair.Carry
    dividend_source: str
    schedule: dividends.Schedule | None
    costs: fair.Costs

    @property
    def mid(self) -> float:
        """Mid of what was quoted, SPY or index."""
        return (self.bid + self.ask) * 0.5


def run(args: argparse.Namespace) -> int:
    """Runs the command and returns its exit code."""
    question = read_question(args)
    answer = document(question, args)
    if args.json:
        print(json.dumps(answer, allow_nan=False))
    else:
        print("\n".join(text_lines(answer)))
    return 0


def read_question(args: argparse.Namespace) -> Question:
    """The flags as numbers of the desk; ArbcoreError where they make no sense together."""
    now_ns = time.time_ns() if args.now is None else as_usage("--now", civil.read_time, args.now)
    if args.expiry is None:
        expiry_ns = calendar.front_contract(now_ns).expiry_ns
        print(f"arbcore: No --expiry was given; {_name_of(expiry_ns)} is taken.", file=sys.stderr)
    else:
        expiry_ns = as_usage("--expiry", calendar.read_open_expiry, args.expiry)
        if expiry_ns <= now_ns:
            print(
                f"arbcore: warning: {_name_of(expiry_ns)} has expired by the time valued at, so that nothing "
                "is carried; check --expiry and --now.",
                file=sys.stderr,
            )
    source = "SPY" if args.spy else "index"
    bid, ask = _quote("--spy" if args.spy else "--spot", args.spy or args.spot)
    if args.far_expiry is not None and args.far is None:
        raise UsageError("--far-expiry belongs to a later contract; give its quotes with --far BID ASK.")
    if args.index is not None and not args.spy:
        raise UsageError("--index gives the factor between SPY and the index; it needs --spy.")
    if args.index is not None:
        multiple = factor.factor_of_index(index=args.index, spy_mid=(bid + ask) * 0.5)
    elif args.factor is not None:
        multiple = read_factor(args.factor, now_ns)
    elif args.spy:
        raise UsageError(
            "One moment does not tell the factor between the ETF and the index; name it with --factor, or "
            "give a quote of the index with --index."
        )
    else:
        # About, and of a schedule in USD only.
        multiple = PAIRS[0].points_per_usd
    rate, rate_source = rate_of(args, now_ns)
    schedule = None
    if args.dividends is not None:
        level = (bid + ask) * 0.5 * (multiple if args.spy else 1.0)
        schedule = read_dividends(args.dividends, multiple, level)
    t = _carry.years_to_expiry(now_ns, expiry_ns)
    payments = schedule.between(now_ns, expiry_ns) if schedule else ()
    if schedule is not None and (not schedule.dividends or schedule.dividends[-1].ex_ns < expiry_ns):
        print(
            f"arbcore: warning: {printable(args.dividends)} ends before the expiry; what goes ex after its "
            "last line is not counted.",
            file=sys.stderr,
        )
    d = 0.0 if schedule else yield_to(args.d, expiry_ns)
    costs = fair.Costs(
        funding_spread=args.funding_bps * BPS,
        lending_spread=args.lending_bps * BPS,
        borrow_fee=args.borrow_bps * BPS,
        fees=args.fees_points,
        slippage=args.slippage_points,
    )
    carry = fair.Carry(rate, t, d, payments)
    return Question(
        now_ns=now_ns,
        expiry_ns=expiry_ns,
        source=source,
        bid=bid,
        ask=ask,
        factor=multiple if args.spy else 1.0,
        rate=rate,
        rate_source=rate_source,
        carry=carry,
        dividend_source=printable(args.dividends) if schedule else "default" if args.d is None else "--d",
        schedule=schedule,
        costs=costs,
    )


def _quote(flag: str, prices: list[float]) -> tuple[float, float]:
    if len(prices) > 2:
        raise UsageError(f"{flag} takes one price, or a bid and an ask, not {len(prices)} numbers.")
    bid, ask = prices[0], prices[-1]
    if bid > ask:
        raise UsageError(f"{flag} has its bid {bid:g} above its ask {ask:g}; give BID ASK.")
    return bid, ask


def _name_of(expiry_ns: int) -> str:
    code = _code_of(expiry_ns)
    return f"{code}, {civil.iso_time(expiry_ns)}" if code else civil.iso_time(expiry_ns)


def _code_of(expiry_ns: int) -> str | None:
    expiries = calendar.all_expiries_ns()
    return calendar.all_contracts()[expiries.index(expiry_ns)].code if expiry_ns in expiries else None


def document(question: Question, args: argparse.Namespace) -> dict[str, Any]:
    """The JSON document, from which the text is made too."""
    unit, carry, costs = question.factor, question.carry, question.costs
    parts = fair.fair_parts(question.mid * unit, carry)
    band = fair.no_trade_band(
        spot_bid=question.bid * unit, spot_ask=question.ask * unit, carry=carry, costs=costs
    )
    costs_said = {
        "funding_bps": args.funding_bps,
        "lending_bps": args.lending_bps,
        "borrow_bps": args.borrow_bps,
        "fees_points": costs.fees,
        "slippage_points": costs.slippage,
    }
    answer: dict[str, Any] = {
        "schema": SCHEMA,
        "now": civil.iso_time(question.now_ns),
        "expiry": civil.iso_time(question.expiry_ns),
        "contract": _code_of(question.expiry_ns),
        "t": parts.t,
        "days": parts.t * 365,
        "source": question.source,
        "bid": question.bid,
        "ask": question.ask,
        "factor": unit,
        "spot": parts.spot,
        "r": parts.r,
        "rate_source": question.rate_source,
        "simple_rate": parts.simple_rate,
        "d": None if question.schedule else parts.d,
        "dividend_source": question.dividend_source,
        "dividends": [
            {
                "ex_date": civil.iso_date(each.ex_day),
                "points": each.points,
                "t": each.t,
                "present_value": each.present_value(question.rate),
            }
            for each in carry.payments
        ],
        "financing_points": parts.financing,
        "dividend_points": parts.dividends,
        "fair": parts.fair,
        "basis": parts.basis,
        "carry_factor": parts.fair / question.mid,
        "costs": costs_said,
        "band": {
            "lower": band.lower,
            "upper": band.upper,
            "lower_bps": (band.lower / parts.fair - 1) / BPS,
            "upper_bps": (band.upper / parts.fair - 1) / BPS,
        },
        "es": _of_future(question, parts, band, args.es) if args.es else None,
        "calendar_spread": _of_spread(question, args) if args.far else None,
    }
    if not all(math.isfinite(answer[name]) for name in ("fair", "financing_points", "carry_factor")):
        raise UsageError("Those rates and times give no finite fair value; check --r, --d and --expiry.")
    return answer


def _of_future(
    question: Question, parts: fair.FairValue, band: fair.Band, quotes: list[float]
) -> dict[str, Any]:
    """What the future's quotes say: deviation and edges, implied rates and dividends, and a verdict."""
    bid, ask = _quote("--es", quotes)
    unit, carry = question.factor, question.carry
    c = parts.fair / question.mid
    edge_cc = _carry.edge_cash_and_carry_bps(es_bid=bid, spy_ask=question.ask, c=c)
    edge_rev = _carry.edge_reverse_bps(es_ask=ask, spy_bid=question.bid, c=c)
    found: dict[str, Any] = {
        "bid": bid,
        "ask": ask,
        "deviation_bps": _carry.deviation_bps(
            es_bid=bid, es_ask=ask, spy_bid=question.bid, spy_ask=question.ask, c=c
        ),
        "edge_cash_and_carry_bps": edge_cc,
        "edge_reverse_bps": edge_rev,
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


def _of_spread(question: Question, args: argparse.Namespace) -> dict[str, Any]:
    """The rate between two expiries, each way at executable prices."""
    if not args.es:
        raise UsageError("--far is compared with the near contract; give its quotes with --es BID ASK.")
    near_bid, near_ask = _quote("--es", args.es)
    far_bid, far_ask = _quote("--far", args.far)
    near_ns = question.expiry_ns
    if args.far_expiry is None:
        far_ns = calendar.front_contract(near_ns).expiry_ns
    else:
        far_ns = as_usage("--far-expiry", calendar.read_open_expiry, args.far_expiry)
    if far_ns <= near_ns:
        raise UsageError("--far-expiry must be later than --expiry.")
    payments = question.schedule.between(near_ns, far_ns) if question.schedule else ()
    known: dict[str, Any] = {
        "years_between": _carry.years_to_expiry(near_ns, far_ns),
        "d": _yield_between(question, args, far_ns) if question.schedule is None else 0.0,
        "payments": payments,
    }
    return {
        "expiry": civil.iso_time(far_ns),
        "contract": _code_of(far_ns),
        "bid": far_bid,
        "ask": far_ask,
        "rate_lent": fair.calendar_spread_rate(near=near_ask, far=far_bid, **known),
        "rate_borrowed": fair.calendar_spread_rate(near=near_bid, far=far_ask, **known),
    }


def _yield_between(question: Question, args: argparse.Namespace, far_ns: int) -> float:
    """The yield from the near expiry to the far one."""
    near, far = question.carry.d, yield_to(args.d, far_ns)
    if near == far:
        return near
    t_near, t_far = question.carry.t, _carry.years_to_expiry(question.now_ns, far_ns)
    return (far * t_far - near * t_near) / (t_far - t_near)


def as_usage(flag: str, read: Callable[[str], int], text: str) -> int:
    """Reads a flag; what is bad input in a file is wrong usage in a flag."""
    try:
        return read(text)
    except ArbcoreError as error:
        raise UsageError(f"{flag}: {error}") from None


def rate_of(args: argparse.Namespace, now_ns: int) -> tuple[rates.Rate, str]:
    """The rate and where it came from."""
    if args.fred_key is not None and args.fred is None:
        raise UsageError("--fred-key belongs to --fred; name a series such as --fred DTB3.")
    if args.rates is not None:
        return _rates_of_files(args.rates, now_ns)
    if args.fred is not None:
        return _rate_of_fred(args.fred, args.fred_key, now_ns)
    if args.dtb3 is not None:
        return rates.BillRate(args.dtb3 / 100), f"DTB3 {args.dtb3:g}%"
    if args.sofr is not None:
        return rates.SimpleRate(args.sofr / 100), f"SOFR {args.sofr:g}%"
    if args.curve is not None:
        return _curve(args.curve), "curve"
    if args.r is not None:
        return rates.ConstantRate(args.r), "--r"
    return rates.ConstantRate(DEFAULT_R), "default"


def _curve(text: str) -> rates.Curve:
    points = []
    for point in text.split(","):
        days, colon, rate = point.partition(":")
        try:
            points.append((float(days) / 365, float(rate if colon else "")))
        except ValueError:
            raise UsageError(
                f"--curve has '{printable(point)}', which is not DAYS:RATE such as 91:0.042."
            ) from None
    return rates.Curve(points)


def _rates_of_files(paths: list[str], now_ns: int) -> tuple[rates.Rate, str]:
    """One series as it is quoted; several as a curve of their terms, read at the exact expiry."""
    from arbcore.broker import fred

    found = [fred.read_history(Path(path), now_ns) for path in paths]
    for each in found:
        if each.age_days(now_ns) > OLD_DAYS:
            print(f"arbcore: warning: {each.said(now_ns)} is the last rate there is.", file=sys.stderr)
    return fred.rate_of_all(found), ", ".join(each.said(now_ns) for each in found)


def _rate_of_fred(series: str, key_file: str | None, now_ns: int) -> tuple[rates.Rate, str]:
    from arbcore.broker import fred

    if key_file is None:
        raise UsageError(
            "--fred needs --fred-key FILE, which holds your key; without a key, download the series as CSV "
            "and name it with --rates."
        )
    known = fred.FredRate(fred.FredSettings(series=series, key=_text_of(key_file, "--fred-key").strip()))
    known.refresh()
    if known.latest is None:
        raise RunError(known.last_error or f"FRED has not been asked for {series} yet; try again later.")
    if known.last_error:
        said = known.latest.said(now_ns)
        print(f"arbcore: warning: {known.last_error} Taking {said}.", file=sys.stderr)
    if known.latest.age_days(now_ns) < 0:
        raise UsageError("--fred gives the rate of today, which --now is before; name a file with --rates.")
    return fred.rate_of(known.latest), known.latest.said(now_ns)


def yield_to(text: str | None, expiry_ns: int) -> float:
    """The dividend yield to an expiry: a number, or one per expiry such as ``ESZ26:0.012,ESH27:0.013``."""
    if text is None:
        return DEFAULT_D
    if ":" not in text:
        return _yield_of(text)
    yields = {}
    for part in text.split(","):
        expiry, _, value = part.rpartition(":")
        yields[as_usage("--d", calendar.read_open_expiry, expiry)] = _yield_of(value)
    if expiry_ns not in yields:
        raise UsageError(f"--d has no yield for the expiry {civil.iso_time(expiry_ns)}; add one.")
    return yields[expiry_ns]


def _yield_of(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not -1.0 <= value <= 1.0:
        raise UsageError(f"--d has '{printable(text)}', which is not a number from -1 to 1.")
    return value


def read_dividends(path: str, multiple: float, index: float) -> dividends.Schedule:
    """The schedule in a file, for an ``index`` level; InputError where it cannot be read or is absurd."""
    lines = _text_of(path, "--dividends").splitlines(keepends=True)
    return dividends.read_schedule(lines, name=printable(path), factor=multiple, index=index)


def read_factor(text: str, now_ns: int) -> float:
    """A number, or the last factor of a CSV of ``ts,factor`` that was known by then."""
    try:
        return factor.check_factor(float(text))
    except ValueError:
        if not Path(text).exists():
            raise UsageError(
                f"--factor: '{printable(text)}' is neither a number such as 10.03 nor a file."
            ) from None
    lines = _text_of(text, "--factor").splitlines(keepends=True)
    return factor.read_series(lines, name=printable(text)).at(now_ns)


def _text_of(path: str, flag: str) -> str:
    name = printable(path)
    try:
        return Path(path).read_text(encoding="utf-8-sig")
    except OSError as error:
        raise InputError(f"{name} cannot be read ({error.strerror}); check {flag}.") from None
    except UnicodeDecodeError:
        raise InputError(f"{name} is not text in UTF-8; check {flag}.") from None


def text_lines(answer: dict[str, Any]) -> Iterator[str]:
    """The document as text, so that a trader can do the sum by hand."""
    name = answer["contract"] or "the future"
    yield f"Fair value of {name} at {answer['now']}, expiring {answer['expiry']} ({answer['days']:.4f} days)"
    yield ""
    yield from _sum(answer)
    yield ""
    band, costs = answer["band"], answer["costs"]
    funded = answer["r"] + costs["funding_bps"] * 1e-4
    lent = answer["r"] - (costs["lending_bps"] + costs["borrow_bps"]) * 1e-4
    yield "No-trade band"
    yield _row(
        "sell ES above", band["upper"], f"{band['upper_bps']:+.2f} bps, shares financed at {funded:.4%}"
    )
    yield _row("buy ES below", band["lower"], f"{band['lower_bps']:+.2f} bps, cash lent at {lent:.4%}")
    if costs["fees_points"] or costs["slippage_points"]:
        once = costs["fees_points"] + costs["slippage_points"]
        yield f"  both {once:.2f} points further out for fees and slippage"
    if answer["es"]:
        yield ""
        yield from _future(answer["es"])
    if answer["calendar_spread"]:
        yield ""
        yield from _spread(answer["calendar_spread"])


def _row(label: str, number: float, text: str = "", *, digits: int = 2) -> str:
    return f"  {label:<16}{number:>12.{digits}f}   {text}".rstrip()


def _sum(answer: dict[str, Any]) -> Iterator[str]:
    mid = (answer["bid"] + answer["ask"]) / 2
    if answer["source"] == "SPY":
        yield _row("SPY mid", mid, digits=4)
        yield f"  {'x factor':<16}{answer['factor']!r:>12}"
    yield _row("index", answer["spot"])
    yield _row(
        "+ financing",
        answer["financing_points"],
        f"r {answer['r']:.4%} a year ({answer['rate_source']}), t {answer['t']:.6f} years",
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


def _future(es: dict[str, Any]) -> Iterator[str]:
    verdicts = {
        "cash_and_carry": "sell ES at the bid and buy SPY at the ask: above the band",
        "reverse": "buy ES at the ask and sell SPY at the bid: below the band",
        "none": "inside the band: neither direction pays",
    }
    yield f"ES {es['bid']:.2f} - {es['ask']:.2f}: {verdicts[es['signal']]}"
    yield _row("mid deviation", es["deviation_bps"], "bps of fair value")
    repo, reverse = es["implied_repo_cash_and_carry"], es["implied_repo_reverse"]
    earned = "" if repo is None else f", implied repo {repo:,.4%} earned"
    paid = "" if reverse is None else f", implied repo {reverse:,.4%} paid"
    yield _row("cash-and-carry", es["edge_cash_and_carry_bps"], f"bps{earned}")
    yield _row("reverse", es["edge_reverse_bps"], f"bps{paid}")
    if es["implied_dividend_yield"] is not None:
        yield _row(
            "implied dividend",
            es["implied_dividend_points"],
            f"points at expiry, {es['implied_dividend_yield']:,.4%} a year, at mids",
        )


def _spread(spread: dict[str, Any]) -> Iterator[str]:
    name = spread["contract"] or "the later contract"
    yield f"Calendar spread to {name} ({spread['expiry']}) {spread['bid']:.2f} - {spread['ask']:.2f}"
    lent, borrowed = spread["rate_lent"], spread["rate_borrowed"]
    yield f"  buy near, sell far: lends at {lent:.4%}; the other way borrows at {borrowed:.4%}"
