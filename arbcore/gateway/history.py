"""The market's history: past quotes by leg, and the bars and ticks made of them.

Owns the columns of past quotes, the gateway's rule of trades, and the arithmetic of bars. A recording has
quotes and no trades, so each row counts as one trade, at the ask or the bid depending on its time. Times are
UTC nanoseconds. A quote is valid until the next one, but not beyond the last quote of its trading day.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from arbcore.carry.pairs import ETF, FUT
from arbcore.core.civil import NS_PER_DAY, NS_PER_HOUR, NS_PER_S, new_york_to_utc, utc_to_new_york
from arbcore.gateway.broker_book import Touch
from arbcore.gateway.contract_table import Listing, day_begins, key_of, regular_hours, trading_day
from arbcore.gateway.quote_source import Row

#: Most rows kept of the present market; beyond that the oldest tenth is dropped.
ROWS_KEPT_MAX = 2_000_000
SHARES_A_TRADE, CONTRACTS_A_TRADE = 100.0, 1.0
#: Later than any time.
FOREVER_NS = 2**62
KINDS = frozenset({"TRADES", "MIDPOINT", "BID", "ASK", "BID_ASK"})


class PastQuote(NamedTuple):
    """Bid and ask at one instant."""

    ts_ns: int
    bid: float
    ask: float
    bid_size: float
    ask_size: float

    @property
    def mid(self) -> float:
        return (self.bid + self.ask) / 2.0

    @property
    def trade(self) -> float:
        """The price of this quote's trade."""
        return self.ask if self.ts_ns // 250_000_000 * 2_654_435_761 >> 7 & 1 else self.bid


class Bar(NamedTuple):
    """One bar. For BID_ASK, ``open`` and ``close`` are the time averages of bid and ask."""

    ts_ns: int
    open: float
    high: float
    low: float
    close: float
    volume: float
    average: float
    trades: int


@dataclass(slots=True)
class PastColumns:
    """Quotes of one contract or leg in order of time. ``expiries`` has 0 for contracts without one."""

    times: array[int] = field(default_factory=lambda: array("q"))
    bids: array[float] = field(default_factory=lambda: array("d"))
    asks: array[float] = field(default_factory=lambda: array("d"))
    bid_sizes: array[float] = field(default_factory=lambda: array("d"))
    ask_sizes: array[float] = field(default_factory=lambda: array("d"))
    expiries: array[int] = field(default_factory=lambda: array("q"))

    def add(self, quote: PastQuote, expiry_ns: int) -> None:
        """Appends a quote; ignores one that is older than the last."""
        if self.times and quote.ts_ns < self.times[-1]:
            return
        self.times.append(quote.ts_ns)
        self.bids.append(quote.bid)
        self.asks.append(quote.ask)
        self.bid_sizes.append(quote.bid_size)
        self.ask_sizes.append(quote.ask_size)
        self.expiries.append(expiry_ns)
        if len(self.times) > ROWS_KEPT_MAX:
            for column in (
                self.times, self.bids, self.asks, self.bid_sizes, self.ask_sizes, self.expiries,
            ):  # fmt: skip
                del column[: ROWS_KEPT_MAX // 10]

    def between(self, first_ns: int, beyond_ns: int) -> Iterator[tuple[PastQuote, int]]:
        """(quote, expiry) from ``first_ns`` until before ``beyond_ns``."""
        for at in range(bisect_left(self.times, first_ns), bisect_left(self.times, beyond_ns)):
            yield self.at(at)

    def before(self, instant_ns: int) -> tuple[PastQuote, int] | None:
        """The last (quote, expiry) before an instant."""
        at = bisect_left(self.times, instant_ns) - 1
        return self.at(at) if at >= 0 else None

    def at(self, index: int) -> tuple[PastQuote, int]:
        quote = PastQuote(
            self.times[index], self.bids[index], self.asks[index], self.bid_sizes[index],
            self.ask_sizes[index],
        )  # fmt: skip
        return quote, self.expiries[index]


def quotes_of(row: Row) -> dict[str, tuple[PastQuote, int]]:
    """The quotes of a row with their contract's expiry (0 for none), by ``Listing.key``."""
    index = row.pair.index
    fut = PastQuote(row.ts_ns, row.fut_bid, row.fut_ask, row.fut_size, row.fut_size)
    etf = PastQuote(row.ts_ns, row.etf_bid, row.etf_ask, row.etf_size, row.etf_size)
    return {key_of(index, FUT): (fut, row.expiry_ns), key_of(index, ETF): (etf, 0)}


@dataclass(slots=True)
class PastStretch:
    """A stretch of the past between two instants, made when it is first requested."""

    first_ns: int
    beyond_ns: int
    make: Callable[[], dict[str, PastColumns]]
    #: The last price of each of its legs, if known without making it.
    closes: dict[str, float] = field(default_factory=dict)
    _legs: dict[str, PastColumns] | None = None

    def leg(self, name: str) -> PastColumns | None:
        """The quotes of a leg; None if it has none."""
        if name and self.closes and name not in self.closes:
            return None
        if self._legs is None:
            self._legs = self.make()
        return self._legs.get(name)

    @property
    def last_ns(self) -> int:
        """The time of its last quote; 0 without one."""
        self.leg("")
        return max((part.times[-1] for part in (self._legs or {}).values() if part.times), default=0)


def stretch_of(rows: Callable[[], Iterable[Row]]) -> PastStretch:
    """All the rows of a file, of any time."""

    def make() -> dict[str, PastColumns]:
        legs: dict[str, PastColumns] = {}
        for row in rows():
            for key, (quote, expiry_ns) in quotes_of(row).items():
                legs.setdefault(key, PastColumns()).add(quote, expiry_ns)
        return legs

    return PastStretch(0, FOREVER_NS, make)


class History:
    """The past of every leg, made at the first request, because most clients send none.

    ``past`` are stretches before the present rows, in order, or with ``is_whole`` one stretch of a whole
    file. From ``always_open_ns`` on, all hours count as regular.
    """

    def __init__(
        self,
        past: Sequence[PastStretch] = (),
        *,
        is_whole: bool = False,
        always_open_ns: int = FOREVER_NS,
    ) -> None:
        self._past = past
        self._always_open_ns = FOREVER_NS if always_open_ns == FOREVER_NS else _midnight(always_open_ns)
        #: Whether the past has everything, so that rows shown now are in it already.
        self._is_whole = is_whole
        self._new: dict[str, PastColumns] = {}

    def note(self, rows: Sequence[Row], others: dict[str, Touch]) -> None:
        """Adds the rows shown now, all of one time; ``others`` are touches that are in no row."""
        row = rows[0]
        for each in rows if not self._is_whole else ():
            for key, (past, expiry_ns) in quotes_of(each).items():
                self._columns(self._new, key).add(past, expiry_ns)
        for leg, touch in others.items():
            quote = PastQuote(row.ts_ns, touch.bid, touch.ask, touch.bid_size, touch.ask_size)
            self._columns(self._new, leg).add(quote, 0)

    @staticmethod
    def _columns(among: dict[str, PastColumns], leg: str) -> PastColumns:
        return among.setdefault(leg, PastColumns())

    def _parts(self, listing: Listing, first_ns: int, beyond_ns: int) -> Iterator[PastColumns]:
        """The columns that may have quotes of a contract in a span, oldest first."""
        for stretch in self._past:
            if stretch.first_ns < beyond_ns and stretch.beyond_ns > first_ns:
                part = stretch.leg(listing.key)
                if part is not None:
                    yield part
        if listing.key in self._new:
            yield self._new[listing.key]

    def quotes(self, listing: Listing, first_ns: int, beyond_ns: int) -> Iterator[PastQuote]:
        """The two-sided quotes of a contract from ``first_ns`` until before ``beyond_ns``."""
        for part in self._parts(listing, first_ns, beyond_ns):
            for quote, expiry_ns in part.between(first_ns, beyond_ns):
                if 0.0 < quote.bid <= quote.ask and expiry_ns in {0, listing.expiry_ns}:
                    yield quote

    def _spans(
        self, listing: Listing, span: tuple[int, int], *, regular: bool
    ) -> Iterator[tuple[int, int, int]]:
        """The requested parts of a span, as (opening, first, beyond); the opening is 0 for none."""
        at_ns, beyond_ns = span
        if not regular or listing.sec_type == "CASH":
            yield 0, at_ns, beyond_ns
            return
        # Visit only days that have quotes, because a span may cover centuries.
        while (quote := next(self.quotes(listing, at_ns, beyond_ns), None)) is not None:
            if quote.ts_ns >= self._always_open_ns:
                yield 0, max(at_ns, self._always_open_ns), beyond_ns
                return
            day = utc_to_new_york(quote.ts_ns)[0]
            hours = regular_hours(listing, day)
            if hours is not None and max(at_ns, hours[0]) < min(beyond_ns, hours[1]):
                yield hours[0], max(at_ns, hours[0]), min(beyond_ns, hours[1])
            at_ns = new_york_to_utc(day + 1, 0)

    def _chosen(self, listing: Listing, span: tuple[int, int], *, regular: bool) -> Iterator[PastQuote]:
        for _, first_ns, beyond_ns in self._spans(listing, span, regular=regular):
            yield from self.quotes(listing, first_ns, beyond_ns)

    def standing(self, listing: Listing, instant_ns: int) -> PastQuote | None:
        """The quote valid at an instant, of the same trading day."""
        best: PastQuote | None = None
        begins_ns = day_begins(listing, trading_day(listing, instant_ns))
        for part in self._parts(listing, begins_ns, instant_ns):
            found = part.before(instant_ns)
            if found is None or found[1] not in {0, listing.expiry_ns}:
                continue
            quote = found[0]
            if 0.0 < quote.bid <= quote.ask and (best is None or quote.ts_ns > best.ts_ns):
                best = quote
        return best if best is not None and best.ts_ns >= begins_ns else None

    @property
    def last_ns(self) -> int:
        """The time of the last quote of all; 0 if there is none. Reads a whole file for it."""
        new = max((part.times[-1] for part in self._new.values() if part.times), default=0)
        return max(new, self._past[-1].last_ns) if self._is_whole and self._past else new

    def head(self, listing: Listing, *, regular: bool) -> int | None:
        """The time of the first quote."""
        first = next(self._chosen(listing, (0, FOREVER_NS), regular=regular), None)
        return None if first is None else first.ts_ns

    def days(self, listing: Listing, beyond_ns: int, count: int, *, regular: bool) -> int:
        """The beginning of the ``count``-th trading day with quotes before an instant."""
        at_ns = beyond_ns
        for _ in range(count):
            last_ns = self._last_before(listing, at_ns)
            while regular and last_ns is not None and (over_ns := self._over(listing, last_ns)) is not None:
                last_ns = self._last_before(listing, over_ns)
            if last_ns is None:
                break
            at_ns = day_begins(listing, trading_day(listing, last_ns))
        return at_ns

    def _over(self, listing: Listing, instant_ns: int) -> int | None:
        """The end of the day's last regular hours, or the day's midnight; None within the hours."""
        if listing.sec_type == "CASH" or instant_ns >= self._always_open_ns:
            return None
        hours = regular_hours(listing, utc_to_new_york(instant_ns)[0])
        if hours is None or instant_ns < hours[0]:
            return _midnight(instant_ns)
        return None if instant_ns < hours[1] else hours[1]

    def _last_before(self, listing: Listing, instant_ns: int) -> int | None:
        """The time of the last quote before an instant."""
        new = self._new.get(listing.key)
        found = None if new is None else new.before(instant_ns)
        if found is not None:
            return found[0].ts_ns
        for stretch in reversed(self._past):
            if stretch.first_ns < instant_ns:
                part = stretch.leg(listing.key)
                found = None if part is None else part.before(instant_ns)
                if found is not None:
                    return found[0].ts_ns
        return None

    # --- bars -------------------------------------------------------------------------------------

    def bars(
        self, listing: Listing, what: str, *, span: tuple[int, int], size_ns: int, regular: bool
    ) -> list[Bar]:
        """The bars that begin within ``span``, oldest first; a time without a quote has no bar.

        ``regular`` uses only quotes within regular hours; their first bar begins with the hours.
        """
        return [
            bar
            for opens_ns, *part in self._spans(listing, span, regular=regular)
            for bar in self._bars(listing, what, span=(part[0], part[1]), size_ns=size_ns, opens_ns=opens_ns)
        ]

    def _bars(
        self, listing: Listing, what: str, *, span: tuple[int, int], size_ns: int, opens_ns: int
    ) -> list[Bar]:
        first_ns, beyond_ns = span
        daily = size_ns >= NS_PER_DAY

        def begin_of(ts_ns: int) -> int:
            return max(self.bar_begins(listing, ts_ns, size_ns=size_ns), opens_ns if not daily else 0)

        def end_of(begin_ns: int) -> int:
            return begin_ns + size_ns if daily else (begin_ns // size_ns + 1) * size_ns

        bars: list[Bar] = []
        waiting: list[PastQuote] = []
        carried = None if daily else self.standing(listing, first_ns)
        carried = carried if self._stands(listing, carried, first_ns) else None
        at_ns = -1 if carried is None else begin_of(first_ns)
        if at_ns != -1 and at_ns < first_ns:
            at_ns = end_of(at_ns)
        for quote in self.quotes(listing, first_ns, beyond_ns):
            same_day = daily and 0 <= quote.ts_ns - at_ns < 23 * NS_PER_HOUR
            begins = at_ns if same_day else begin_of(quote.ts_ns)
            if at_ns > begins:
                # The span begins in the middle of a bar: this quote is valid as the first whole bar begins.
                carried = quote
                continue
            while -1 < at_ns < begins:
                bar = _bar(waiting, carried, what, begin_ns=at_ns, end_ns=end_of(at_ns))
                if bar is not None:
                    bars.append(bar)
                carried = waiting[-1] if waiting else carried
                waiting = []
                at_ns = end_of(at_ns)
                if daily or carried is None or carried.ts_ns < day_begins(
                    listing, trading_day(listing, quote.ts_ns)
                ):
                    at_ns, carried = begins, None
            at_ns = begins
            waiting.append(quote)
        stands = not daily and self._stands(listing, waiting[-1] if waiting else carried, beyond_ns)
        while -1 < at_ns < beyond_ns and (waiting or stands):
            bar = _bar(waiting, carried, what, begin_ns=at_ns, end_ns=min(end_of(at_ns), beyond_ns))
            if bar is not None:
                bars.append(bar)
            carried, waiting = (waiting[-1] if waiting else carried), []
            at_ns = end_of(at_ns)
        if daily:
            # A day is named by the date that it ends on.
            return [
                bar._replace(ts_ns=new_york_to_utc(trading_day(listing, bar.ts_ns), 0)) for bar in bars
            ]
        return bars

    def _stands(self, listing: Listing, quote: PastQuote | None, instant_ns: int) -> bool:
        """Whether a quote stands up to an instant: another one of its trading day follows."""
        if quote is None:
            return False
        over_ns = day_begins(listing, trading_day(listing, quote.ts_ns) + 1)
        return next(self.quotes(listing, instant_ns, over_ns), None) is not None

    @staticmethod
    def bar_begins(listing: Listing, instant_ns: int, *, size_ns: int) -> int:
        """When the bar around an instant begins: a day with its trading, others at multiples of their size
        since midnight UTC.
        """
        if size_ns >= NS_PER_DAY:
            return day_begins(listing, trading_day(listing, instant_ns))
        return instant_ns // size_ns * size_ns

    def ticks(
        self, listing: Listing, *, span: tuple[int, int], count: int, forward: bool, regular: bool = False,
        prices_only: bool = False,
    ) -> list[PastQuote]:  # fmt: skip
        """Whole seconds of quotes: the first or last ``count`` of a span, and the rest of that second.

        ``prices_only`` leaves out quotes with the same prices as the one before.
        """
        quotes = self._chosen(listing, span, regular=regular)
        if prices_only:
            quotes = _changes(quotes)
        if forward:
            found: list[PastQuote] = []
            for quote in quotes:
                if len(found) >= count and quote.ts_ns // NS_PER_S != found[-1].ts_ns // NS_PER_S:
                    break
                found.append(quote)
            return found
        found = list(quotes)
        at = max(0, len(found) - count)
        while at > 0 and found[at - 1].ts_ns // NS_PER_S == found[at].ts_ns // NS_PER_S:
            at -= 1
        return found[at:]


def _changes(quotes: Iterable[PastQuote]) -> Iterator[PastQuote]:
    """The quotes whose bid or ask differs from the one before."""
    last = (0.0, 0.0)
    for quote in quotes:
        if (quote.bid, quote.ask) != last:
            last = (quote.bid, quote.ask)
            yield quote


def _midnight(instant_ns: int) -> int:
    return new_york_to_utc(utc_to_new_york(instant_ns)[0], 0)


def _bar(
    quotes: list[PastQuote], carried: PastQuote | None, what: str, *, begin_ns: int, end_ns: int
) -> Bar | None:
    """One bar of its quotes and of the one valid at its beginning."""
    if what == "TRADES":
        return _of_prices(begin_ns, [quote.trade for quote in quotes], trades=True)
    standing = [carried, *quotes] if carried is not None and not _starts_at(quotes, begin_ns) else quotes
    seen = [quote for quote in standing if quote is not None]
    if not seen:
        return None
    if what == "BID_ASK":
        return _of_sides(seen, begin_ns, end_ns)
    prices = [quote.bid if what == "BID" else quote.ask if what == "ASK" else quote.mid for quote in seen]
    return _of_prices(begin_ns, prices, trades=False)


def _starts_at(quotes: list[PastQuote], begin_ns: int) -> bool:
    return bool(quotes) and quotes[0].ts_ns <= begin_ns


def _of_sides(quotes: list[PastQuote], begin_ns: int, end_ns: int) -> Bar:
    begins = [max(quote.ts_ns, begin_ns) for quote in quotes]
    lengths = [max(0, after - at) for at, after in zip(begins, [*begins[1:], end_ns], strict=True)]
    total = sum(lengths)
    if total <= 0:
        lengths, total = [0] * (len(quotes) - 1) + [1], 1
    bid = sum(quote.bid * length for quote, length in zip(quotes, lengths, strict=True)) / total
    ask = sum(quote.ask * length for quote, length in zip(quotes, lengths, strict=True)) / total
    return Bar(
        begin_ns, round(bid, 6), max(quote.ask for quote in quotes), min(quote.bid for quote in quotes),
        round(ask, 6), -1.0, -1.0, -1,
    )  # fmt: skip


def _of_prices(begin_ns: int, prices: list[float], *, trades: bool) -> Bar | None:
    if not prices:
        return None
    average = round(sum(prices) / len(prices), 6) if trades else -1.0
    return Bar(
        begin_ns, round(prices[0], 6), round(max(prices), 6), round(min(prices), 6), round(prices[-1], 6),
        float(len(prices)) if trades else -1.0, average, len(prices) if trades else -1,
    )  # fmt: skip


@dataclass(slots=True)
class DayStatistics:
    """A leg's open, high, low, last and trades of the New York day, and the last day's close."""

    day: int = -1
    open: float = 0.0
    high: float = 0.0
    low: float = 0.0
    last: float = 0.0
    trades: int = 0
    close: float = 0.0

    def see(self, quote: PastQuote) -> None:
        """Adds one trade."""
        day = utc_to_new_york(quote.ts_ns)[0]
        price = quote.trade
        if day != self.day:
            self.close = self.last or price
            self.day, self.open, self.high, self.low, self.trades = day, price, price, price, 0
        self.high, self.low, self.last = max(self.high, price), min(self.low, price), price
        self.trades += 1
