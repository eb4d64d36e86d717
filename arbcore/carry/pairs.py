"""The pairs that can be traded: an index future and an ETF of the same index, as data.

Owns every symbol, multiplier, tick, default cost and ex-date rule, and how a pair is found: by its name or
its two symbols. No other module names a symbol. It must not know prices.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from arbcore.carry.calendar import expiry_instant, is_trading_day, trading_date
from arbcore.core.civil import FRIDAY, date_of, nth_weekday
from arbcore.core.text import printable
from arbcore.errors import UsageError


class ExDates(Enum):
    """When an ETF usually goes ex-dividend, at the opening of that day."""

    EXPIRY = "on the quarterly expiry"
    MONDAY_AFTER = "on the Monday after the third Friday of a quarter"
    EXPIRY_WEEK = "in the week of the quarterly expiry"
    MONTHLY = "about the third Friday of each month"


#: The names of a pair's legs, independent of its symbols.
FUT, ETF = "fut", "etf"
LEGS = (FUT, ETF)


class FeeClass(Enum):
    """How a broker charges for a future."""

    STANDARD = "standard"
    MICRO = "micro"


@dataclass(frozen=True, slots=True)
class Index:
    """The index that both legs of a pair follow, and its names at the broker.

    ``etf_usd`` is the approximate price of the ETF in USD, ``etf_exchange`` the exchange where it is listed.
    The two ids are the broker's contract ids of the index and the ETF.
    """

    symbol: str
    exchange: str
    title: str
    con_id: int
    etf_title: str
    etf_exchange: str
    etf_con_id: int
    etf_usd: float


@dataclass(frozen=True, slots=True)
class Pair:
    """One future and one ETF.

    ``multiplier`` is USD per index point and contract. ``points_per_usd`` is the approximate number of index
    points per USD of the ETF's price. ``cost_bps`` is the cost of one contract's round trip in the broker's
    fixed plan, in bps. ``title`` is the future's long name.
    """

    future: str
    exchange: str
    multiplier: float
    tick: float
    etf: str
    points_per_usd: float
    cost_bps: float
    ex_dates: ExDates
    fee_class: FeeClass
    index: Index
    title: str
    etf_tick: float = 0.01

    @property
    def name(self) -> str:
        """The pair's name, such as ``es-spy``."""
        return f"{self.future}-{self.etf}".lower()

    def symbol(self, leg: str) -> str:
        """The symbol of a leg, used at the broker, in stores and in output.

        >>> DEFAULT_PAIR.symbol(FUT), DEFAULT_PAIR.symbol(ETF)
        ('ES', 'SPY')
        """
        return self.future if leg == FUT else self.etf

    def by_symbol(self, by_leg: Mapping[str, int]) -> dict[str, int]:
        """Returns the numbers of both legs by symbol, the future first."""
        return {self.symbol(leg): by_leg[leg] for leg in LEGS}

    @property
    def fut_usd(self) -> float:
        """The approximate price of the future in points, for use without a quote."""
        return self.index.etf_usd * self.points_per_usd

    @property
    def dividends_per_year(self) -> int:
        """The number of dividends that the ETF pays a year."""
        return 12 if self.ex_dates is ExDates.MONTHLY else 4


_QUARTERLY_MONTHS = (3, 6, 9, 12)

_SPX = Index(
    "SPX", "CBOE", "S&P 500 Stock Index", 416_904, "SS SPDR S&P 500 ETF TRUST-US", "ARCA",
    756_733, 680.0,
)  # fmt: skip
_NDX = Index(
    "NDX", "NASDAQ", "NASDAQ 100 Stock Index", 416_843, "INVESCO QQQ TRUST SERIES 1", "NASDAQ",
    320_227_571, 610.0,
)  # fmt: skip
_RUT = Index(
    "RUT", "RUSSELL", "Russell 2000 Stock Index", 416_888, "ISHARES RUSSELL 2000 ETF", "ARCA",
    9_579_970, 245.0,
)  # fmt: skip
_INDU = Index(
    "INDU", "CME", "Dow Jones Industrial Average", 1_935_181, "SPDR DJIA TRUST", "ARCA",
    73_128_548, 475.0,
)  # fmt: skip

#: All pairs, the default one first. Multipliers and ticks are from CME Group's contract specifications.
PAIRS: tuple[Pair, ...] = (
    Pair("ES", "CME", 50.0, 0.25, "SPY", 10.0, 0.5, ExDates.EXPIRY, FeeClass.STANDARD, _SPX,
         "E-mini S&P 500"),
    Pair("MES", "CME", 5.0, 0.25, "SPY", 10.0, 1.2, ExDates.EXPIRY, FeeClass.MICRO, _SPX,
         "Micro E-Mini S&P 500 Stock Price Index"),
    Pair("NQ", "CME", 20.0, 0.25, "QQQ", 41.0, 0.5, ExDates.MONDAY_AFTER, FeeClass.STANDARD, _NDX,
         "E-mini NASDAQ 100"),
    Pair("MNQ", "CME", 2.0, 0.25, "QQQ", 41.0, 0.9, ExDates.MONDAY_AFTER, FeeClass.MICRO, _NDX,
         "Micro E-Mini Nasdaq-100 Index"),
    Pair("RTY", "CME", 50.0, 0.10, "IWM", 10.0, 1.0, ExDates.EXPIRY_WEEK, FeeClass.STANDARD, _RUT,
         "E-Mini Russell 2000 Index"),
    Pair("M2K", "CME", 5.0, 0.10, "IWM", 10.0, 2.8, ExDates.EXPIRY_WEEK, FeeClass.MICRO, _RUT,
         "Micro E-Mini Russell 2000 Index"),
    Pair("YM", "CBOT", 5.0, 1.0, "DIA", 100.0, 0.6, ExDates.MONTHLY, FeeClass.STANDARD, _INDU,
         "Mini-DJIA"),
    Pair("MYM", "CBOT", 0.5, 1.0, "DIA", 100.0, 1.6, ExDates.MONTHLY, FeeClass.MICRO, _INDU,
         "Micro E-Mini Dow Jones Industrial Average"),
)  # fmt: skip
DEFAULT_PAIR = PAIRS[0]

_BY_NAME = {pair.name: pair for pair in PAIRS}
_BY_SYMBOLS = {(pair.future, pair.etf): pair for pair in PAIRS}


def pair_named(name: str) -> Pair:
    """The pair with a name such as ``es-spy``, in any case.

    Raises:
        UsageError: there is no such pair; the message lists the known ones.

    >>> pair_named("MES-SPY").multiplier
    5.0
    """
    pair = _BY_NAME.get(name.strip().lower())
    if pair is None:
        raise UsageError(f"There is no pair '{printable(name)}'; take one of {', '.join(_BY_NAME)}.")
    return pair


def pair_of_symbols(future: str, etf: str) -> Pair:
    """The pair with these symbols of a future and an ETF, in any case.

    Raises:
        UsageError: the table has no such pair.
    """
    pair = _BY_SYMBOLS.get((future.strip().upper(), etf.strip().upper()))
    if pair is None:
        raise UsageError(
            f"{printable(future)} and {printable(etf)} are no pair; take one of {', '.join(_BY_NAME)}."
        )
    return pair


def pair_of_future(future: str) -> Pair | None:
    """The pair of a future's symbol, in any case; None if no pair has it."""
    return next((pair for pair in PAIRS if pair.future == future.strip().upper()), None)


def same_index(pair: Pair, other: Pair) -> bool:
    """Whether two pairs have the same quotes because they are two sizes of one future."""
    return pair.etf == other.etf


def choose_pair(columns: Pair | None, wanted: str | None) -> Pair:
    """The pair to trade: ``wanted``, or the columns' pair if ``wanted`` is None.

    Args:
        columns: the pair of the column names; None if they are ``fut_…`` and ``etf_…``.
        wanted: ``--pair``; it may name the other size of the same index.

    Raises:
        UsageError: neither names a pair, or the two name different indexes.
    """
    if wanted is None:
        if columns is None:
            raise UsageError(
                "The columns fut_… and etf_… do not say which pair they are; name it with --pair, one of "
                f"{', '.join(_BY_NAME)}."
            )
        return columns
    pair = pair_named(wanted)
    if columns is not None and not same_index(columns, pair):
        raise UsageError(
            f"The columns are quotes of {columns.name}, and --pair asks for {pair.name}; the indexes differ."
        )
    return pair


def usual_ex_dates(pair: Pair, entry_ns: int, exit_ns: int) -> list[int]:
    """The usual ex-dates over which a position was held: entry < opening of the ex-date <= exit.

    These dates follow a rule and are not announced ones; they serve to name a missing dividend. If an ETF
    goes ex on some day of a week, the week counts once, with the first of its openings in the position's
    time.

    Args:
        pair: the pair; the ex-date rule of its ETF applies.
        entry_ns: when the position was opened, UTC nanoseconds.
        exit_ns: when it was closed, or the time of the last quote.

    Returns:
        Days since 1970-01-01, in rising order.
    """
    year, month, _ = date_of(trading_date(entry_ns))
    last_year, last_month, _ = date_of(trading_date(exit_ns))
    found = []
    # A week may begin in the month before the month of its Friday, but no earlier.
    for months in range(year * 12 + month - 2, last_year * 12 + last_month + 1):
        if pair.ex_dates is not ExDates.MONTHLY and months % 12 + 1 not in _QUARTERLY_MONTHS:
            continue
        held = [
            day
            for day in _candidates(pair.ex_dates, months // 12, months % 12 + 1)
            if entry_ns < expiry_instant(day) <= exit_ns
        ]
        found += held[:1]
    return found


def span_without_ex_dates(pair: Pair, instant_ns: int) -> tuple[int, int]:
    """The time around an instant between two openings of days on which the pair's ETF may go ex.

    A position opened after its begin and closed before its end is held over no usual ex-date.

    Args:
        pair: the pair; the ex-date rule of its ETF applies.
        instant_ns: UTC nanoseconds.
        instant_ns: UTC nanoseconds.

    Returns:
        The last such opening at or before the instant, and the first after it, in UTC nanoseconds.
    """
    year, month, _ = date_of(trading_date(instant_ns))
    # A quarter in both directions, and one more month for a week that begins in the month before.
    openings = [
        expiry_instant(day)
        for months in range(year * 12 + month - 5, year * 12 + month + 4)
        if pair.ex_dates is ExDates.MONTHLY or months % 12 + 1 in _QUARTERLY_MONTHS
        for day in _candidates(pair.ex_dates, months // 12, months % 12 + 1)
    ]
    return (
        max(opening for opening in openings if opening <= instant_ns),
        min(opening for opening in openings if opening > instant_ns),
    )


def _candidates(rule: ExDates, year: int, month: int) -> list[int]:
    """The days of a month on which an ETF may go ex by a rule: one day, or the trading days of a week."""
    friday = nth_weekday(year, month, which=FRIDAY, n=3)
    if rule is ExDates.MONDAY_AFTER:
        day = friday + 3
        while not is_trading_day(day):
            day += 1
        return [day]
    if rule is ExDates.EXPIRY_WEEK:
        return [day for day in range(friday - 4, friday + 1) if is_trading_day(day)]
    while not is_trading_day(friday):
        friday -= 1
    return [friday]
