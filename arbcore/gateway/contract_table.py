"""The contracts that the gateway lists: each pair's ETF, quarterly futures and index, and the clock.

Owns their ids and hours, and the search for a contract query. Expiries and trading days come from
``carry.calendar``; times are arguments in UTC nanoseconds.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from arbcore.carry.calendar import (
    CLOSE_CLOCK_NS,
    MONTH_CODES,
    all_contracts,
    close_clock_ns,
)
from arbcore.carry.pairs import ETF, FUT, PAIRS, Index, Pair
from arbcore.core.civil import (
    FRIDAY,
    NS_PER_DAY,
    NS_PER_HOUR,
    NS_PER_MINUTE,
    date_of,
    new_york_to_utc,
    utc_to_new_york,
    weekday,
)
from arbcore.gateway.messages import ContractQuery

#: The gateway's own contract, whose ticks end the rows (see ``arbcore.gateway``). No broker lists it.
CLOCK_ID = 2_000_000_001
CLOCK_SYMBOL = "CLOCK"
CLOCK_EXCHANGE = "ARBCORE"
#: A future's id is its pair's base plus the contract month, such as 600202612 for December 2026 of the first
#: pair.
FUTURE_IDS, FUTURE_IDS_STEP = 600_000_000, 10_000_000
#: How many quarterly expiries are listed at a time.
EXPIRIES_LISTED = 5

#: ``always``: open without a break. ``real``: the calendar's hours.
HOURS_RULES = ("always", "real")
_HOURS_BEHIND_DAYS, _HOURS_AHEAD_DAYS = 1, 7
_CENTRAL_BEHIND_NS = NS_PER_HOUR
#: A currency's day begins at 17:15 of the evening before.
_CASH_OPENS_NS = 17 * NS_PER_HOUR + 15 * NS_PER_MINUTE - NS_PER_DAY
#: 18:00 of the evening before, where a future's does.
_FUT_OPENS_NS = -6 * NS_PER_HOUR
_DAY_BEGINS_NS = {"CASH": _CASH_OPENS_NS, "FUT": _FUT_OPENS_NS}

#: Older names of exchanges that clients still send.
EXCHANGE_ALIASES = {"GLOBEX": "CME", "ECBOT": "CBOT"}
#: Legs that cannot be traded.
INDEX_LEG, CLOCK_LEG = "index", "clock"


@dataclass(frozen=True, slots=True)
class Listing:
    """One contract. ``leg`` is its pair's leg, ``index``, ``clock``, or a name of its own; ``index`` is the
    index that it follows, if the table of pairs has it.
    """

    con_id: int
    symbol: str
    sec_type: str
    leg: str
    exchange: str
    primary_exchange: str
    local_symbol: str
    trading_class: str
    long_name: str
    tick: float
    multiplier: float = 1.0
    expiry_day: int | None = None
    expiry_ns: int | None = None
    contract_month: str = ""
    underlying_id: int = 0
    index: Index | None = None

    @property
    def key(self) -> str:
        """The key of its quotes: all sizes and months of a future share one."""
        return self.leg if self.index is None else key_of(self.index, self.leg)

    @property
    def expiry_text(self) -> str:
        """The expiry such as ``20261218``; empty for a contract that does not expire."""
        return "" if self.expiry_day is None else compact_date(self.expiry_day)

    @property
    def multiplier_text(self) -> str:
        """The multiplier in the protocol's form; empty for shares."""
        return f"{self.multiplier:g}" if self.sec_type == "FUT" else ""

    @property
    def trade_exchange(self) -> str:
        """The exchange of its trades."""
        return "ARCA" if self.sec_type == "STK" else self.exchange

    @property
    def time_zone(self) -> str:
        """The name of the time zone of its hours."""
        return "US/Central" if self.sec_type == "FUT" else "US/Eastern"

    @property
    def tradable(self) -> bool:
        """Whether the gateway accepts orders in it."""
        return self.leg not in {INDEX_LEG, CLOCK_LEG}


def key_of(index: Index, leg: str) -> str:
    """The key of a leg's quotes, such as ``SPX fut``."""
    return f"{index.symbol} {leg}"


CLOCK = Listing(
    CLOCK_ID, CLOCK_SYMBOL, "IND", CLOCK_LEG, CLOCK_EXCHANGE, CLOCK_EXCHANGE, CLOCK_SYMBOL, CLOCK_SYMBOL,
    "The gateway's clock", 1.0,
)  # fmt: skip


@lru_cache
def etf_listing(pair: Pair) -> Listing:
    """The ETF of a pair."""
    index = pair.index
    return Listing(
        index.etf_con_id, pair.etf, "STK", ETF, "SMART", index.etf_exchange, pair.etf, pair.etf,
        index.etf_title, pair.etf_tick, index=index,
    )  # fmt: skip


def _index_listing(index: Index) -> Listing:
    return Listing(
        index.con_id, index.symbol, "IND", INDEX_LEG, index.exchange, index.exchange, index.symbol,
        index.symbol, index.title, 0.01, index=index,
    )  # fmt: skip


@lru_cache
def _fixed() -> tuple[Listing, ...]:
    """The contracts that do not expire."""
    etfs = {pair.etf: etf_listing(pair) for pair in PAIRS}
    indexes = {pair.index: _index_listing(pair.index) for pair in PAIRS}
    return (*etfs.values(), *indexes.values(), CLOCK)


def compact_date(day: int) -> str:
    """A date such as ``20261218``."""
    year, month, day_of_month = date_of(day)
    return f"{year:04d}{month:02d}{day_of_month:02d}"


@lru_cache
def futures() -> tuple[Listing, ...]:
    """Every future of every pair that the calendar has, by expiry."""
    letters = {letter: month for month, letter in MONTH_CODES.items()}
    listed = []
    for known in all_contracts():
        year, month = date_of(known.expiry_day)[0], letters[known.code[2]]
        for place, pair in enumerate(PAIRS):
            listed.append(
                Listing(
                    FUTURE_IDS + place * FUTURE_IDS_STEP + year * 100 + month, pair.future, "FUT", FUT,
                    pair.exchange, "", f"{pair.future}{known.code[2]}{year % 10}", pair.future, pair.title,
                    pair.tick, multiplier=pair.multiplier, expiry_day=known.expiry_day,
                    expiry_ns=known.expiry_ns, contract_month=f"{year:04d}{month:02d}",
                    underlying_id=pair.index.con_id, index=pair.index,
                )
            )  # fmt: skip
    return tuple(listed)


@lru_cache
def _by_id() -> dict[int, Listing]:
    return {listing.con_id: listing for listing in (*_fixed(), *futures())}


def listing_of(con_id: int) -> Listing | None:
    """The contract with an id; None if there is none."""
    return _by_id().get(con_id)


def find(
    query: ContractQuery, now_ns: int, *, include_expired: bool = False, extra: tuple[Listing, ...] = ()
) -> list[Listing]:
    """The contracts that match all fields of a query, by expiry; may be empty.

    ``extra`` are further contracts; they replace listed ones with the same name.
    """
    if query.con_id:
        own = next((each for each in extra if each.con_id == query.con_id), None)
        found = own or listing_of(query.con_id)
        return [found] if found is not None and _fits(found, query) else []
    if not (query.symbol or query.local_symbol):
        return []
    candidates = listed(now_ns, include_expired=include_expired, extra=extra)
    fitting = [listing for listing in candidates if _fits(listing, query)]
    return fitting[:1] if query.sec_type == "CONTFUT" else fitting


def listed(
    now_ns: int, *, include_expired: bool = False, extra: tuple[Listing, ...] = ()
) -> Iterator[Listing]:
    """The contracts listed at an instant; ``extra`` as for ``find``."""
    hidden = {(each.symbol, each.sec_type) for each in extra}
    for each in _candidates(now_ns, include_expired):
        if (each.symbol, each.sec_type) not in hidden:
            yield each
    yield from extra


def _candidates(now_ns: int, include_expired: bool) -> Iterator[Listing]:
    yield from _fixed()
    listed = dict.fromkeys((pair.future for pair in PAIRS), 0)
    for future in futures():
        alive = future.expiry_ns is not None and future.expiry_ns > now_ns
        if alive:
            listed[future.symbol] += 1
        if (alive or include_expired) and listed[future.symbol] <= EXPIRIES_LISTED:
            yield future


def _fits(listing: Listing, query: ContractQuery) -> bool:
    sec_type = "FUT" if query.sec_type == "CONTFUT" else query.sec_type
    exchange = EXCHANGE_ALIASES.get(query.exchange, query.exchange)
    return (
        query.symbol in {"", listing.symbol}
        and sec_type in {"", listing.sec_type}
        and exchange in {"", listing.exchange, listing.primary_exchange}
        and query.currency in {"", "USD"}
        and query.local_symbol in {"", listing.local_symbol}
        and query.trading_class in {"", listing.trading_class}
        and query.primary_exchange in {"", listing.primary_exchange}
        and query.multiplier in {"", listing.multiplier_text}
        and query.last_trade in {"", listing.contract_month, listing.expiry_text}
    )


# --- hours --------------------------------------------------------------------------------------------


def trading_hours(listing: Listing, now_ns: int, *, rule: str) -> str:
    """Its trading hours around now, in the protocol's form and its own zone."""
    return _hours_text(listing, now_ns, rule, liquid=False)


def liquid_hours(listing: Listing, now_ns: int, *, rule: str) -> str:
    """Its liquid hours around now, in the same form."""
    return _hours_text(listing, now_ns, rule, liquid=True)


def session_text(listing: Listing, day: int, *, liquid: bool) -> tuple[str, str] | None:
    """(begin, end) of a day's session such as ``20261120-09:30:00``, in its own zone; None if closed."""
    session = _session(listing, day, liquid=liquid)
    if session is None:
        return None
    behind_ns = _CENTRAL_BEHIND_NS if listing.sec_type == "FUT" else 0
    begin, end = (_stamp(day, clock_ns - behind_ns) for clock_ns in session)
    return _with_dash(begin), _with_dash(end)


def is_liquid(listing: Listing, now_ns: int, *, rule: str) -> bool:
    """Whether now is in its liquid hours."""
    if rule == "always":
        return True
    day, clock_ns = utc_to_new_york(now_ns)
    # A session that begins in the evening belongs to the next date.
    for ahead in (0, 1):
        session = _session(listing, day + ahead, liquid=True)
        if session is not None and session[0] <= clock_ns - ahead * NS_PER_DAY < session[1]:
            return True
    return False


def regular_hours(listing: Listing, day: int) -> tuple[int, int] | None:
    """(opening, close) of a New York date's liquid hours, as UTC nanoseconds; None if closed."""
    session = _session(listing, day, liquid=True)
    return None if session is None else (new_york_to_utc(day, session[0]), new_york_to_utc(day, session[1]))


def trading_day(listing: Listing, instant_ns: int) -> int:
    """The date that an instant's trading belongs to; its trading may begin the evening before."""
    day, clock_ns = utc_to_new_york(instant_ns)
    return day + (clock_ns >= NS_PER_DAY + _DAY_BEGINS_NS.get(listing.sec_type, 0))


def day_begins(listing: Listing, day: int) -> int:
    """The first instant of a trading day, as UTC nanoseconds."""
    first_ns = _DAY_BEGINS_NS.get(listing.sec_type, 0)
    return new_york_to_utc(day - 1, NS_PER_DAY + first_ns) if first_ns else new_york_to_utc(day, 0)


def _hours_text(listing: Listing, now_ns: int, rule: str, *, liquid: bool) -> str:
    today = utc_to_new_york(now_ns)[0]
    behind_ns = _CENTRAL_BEHIND_NS if listing.sec_type == "FUT" else 0
    parts = []
    for day in range(today - _HOURS_BEHIND_DAYS, today + _HOURS_AHEAD_DAYS):
        if rule == "always":
            parts.append(f"{compact_date(day)}:0000-{compact_date(day + 1)}:0000")
            continue
        session = _session(listing, day, liquid=liquid)
        if session is None:
            parts.append(f"{compact_date(day)}:CLOSED")
        else:
            begins, ends = (_stamp(day, clock_ns - behind_ns) for clock_ns in session)
            parts.append(f"{begins}-{ends}")
    return ";".join(parts)


def _session(listing: Listing, day: int, *, liquid: bool) -> tuple[int, int] | None:
    """(begin, end) of a day's session in nanoseconds after its midnight in New York; None if closed.

    The future's session of a day begins at 18:00 the evening before; its liquid hours are 08:30 to 16:00
    Chicago. The shares' holidays apply to it too, which is stricter than the exchange's rule. A currency
    trades from 17:15 to 17:00 on every working day.
    """
    if listing.sec_type == "CASH":
        return (_CASH_OPENS_NS, 17 * NS_PER_HOUR) if weekday(day) <= FRIDAY else None
    close_ns = close_clock_ns(day)
    if close_ns is None:
        return None
    half_hour_ns = 30 * NS_PER_MINUTE
    if listing.sec_type == "FUT":
        early = close_ns < CLOSE_CLOCK_NS
        ends = close_ns + (15 * NS_PER_MINUTE if early else NS_PER_HOUR)
        return (9 * NS_PER_HOUR + half_hour_ns if liquid else _FUT_OPENS_NS), ends
    if liquid:
        return 9 * NS_PER_HOUR + half_hour_ns, close_ns
    return 4 * NS_PER_HOUR, close_ns + 4 * NS_PER_HOUR


def _with_dash(stamp: str) -> str:
    """Rewrites ``20261120:0930`` as ``20261120-09:30:00``."""
    return f"{stamp[:8]}-{stamp[9:11]}:{stamp[11:]}:00"


def _stamp(day: int, clock_ns: int) -> str:
    """A time such as ``20261120:0930``; a negative ``clock_ns`` is on the day before."""
    day, clock_ns = day + clock_ns // (24 * NS_PER_HOUR), clock_ns % (24 * NS_PER_HOUR)
    minutes = clock_ns // NS_PER_MINUTE
    return f"{compact_date(day)}:{minutes // 60:02d}{minutes % 60:02d}"
