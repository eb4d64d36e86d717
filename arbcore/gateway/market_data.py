"""The present quotes, and the ticks that each subscription gets.

Owns the touch of each leg, data permissions, halts, and the rule to send only changed prices. It sends
through a function that it is given and knows no orders.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from arbcore.carry.pairs import ETF, FUT, PAIRS, Index
from arbcore.core.civil import NS_PER_S, utc_to_new_york
from arbcore.gateway import replies
from arbcore.gateway.broker_book import Touch
from arbcore.gateway.contract_table import INDEX_LEG, Listing, key_of
from arbcore.gateway.quote_source import Row

LIVE, FROZEN, DELAYED, DELAYED_FROZEN = 1, 2, 3, 4
BID, ASK, LAST, BID_SIZE, ASK_SIZE, VOLUME, HALTED = 1, 2, 4, 0, 3, 8, 49
SHORTABLE, SHORTABLE_SHARES = 46, 89
_DELAYED_OF = {BID: 66, ASK: 67, BID_SIZE: 69, ASK_SIZE: 70, LAST: 68}
#: The broker's shortable level for easy borrowing: above 2.5, at least a thousand shares.
SHORTABLE_EASY, SHORTABLE_HARD = 3.0, 1.0
SHORTABLE_SHARES_EASY = 10_000_000.0
GENERIC_SHORTABLE = "236"

Send = Callable[[bytes], None]


@dataclass(slots=True)
class Subscription:
    """One client's subscription to one contract's quotes, with the values sent last."""

    req_id: int
    listing: Listing
    shortable: bool
    data_type: int
    dead: bool = False
    sent: dict[int, tuple[float, float]] = field(default_factory=dict)

    @property
    def streams(self) -> bool:
        return self.data_type in {LIVE, DELAYED} and not self.dead

    def tick(self, tick_type: int, *, price: float, size: float, size_type: int, send: Send) -> None:
        """Sends one side if it changed: the price with its size, or the size alone."""
        sent = self.sent.get(tick_type)
        if sent == (price, size):
            return
        self.sent[tick_type] = (price, size)
        if self.data_type in {DELAYED, DELAYED_FROZEN}:
            tick_type, size_type = _DELAYED_OF[tick_type], _DELAYED_OF[size_type]
        if sent is not None and sent[0] == price:
            send(replies.tick_size(self.req_id, size_type, size))
        else:
            send(replies.tick_price(self.req_id, tick_type, price=price, size=size))


class MarketData:
    """The present quotes. ``rights`` are the account's permissions: live, frozen, delayed or none."""

    def __init__(self, *, rights: str) -> None:
        self.rights = rights
        self.row: Row | None = None
        #: The touches by ``Listing.key``, and their rows by index.
        self.touches: dict[str, Touch] = {}
        self._rows: dict[Index, Row] = {}
        #: Symbols with halted trading, including all sizes of a future.
        self.halted: set[str] = set()
        self.shortable, self.shortable_shares = SHORTABLE_EASY, SHORTABLE_SHARES_EASY
        self.crossed_until_ns = self.no_quote_until_ns = self.stale_until_ns = 0
        self.spike_bps = 0.0
        #: The row's expiry, and the expiry days of the quoted futures: its own and one that has just ended.
        self._expiry_ns = self._own_day = self._ended_day = 0

    def show(self, row: Row, beside: Iterable[Row] = ()) -> None:
        """Takes a new row: fresh touches, with the quote faults applied to them.

        ``beside`` are rows of other indexes at the same time.
        """
        self._note_expiry(row)
        self.row = row
        for each in (row, *beside):
            self._show(each)

    def _show(self, row: Row) -> None:
        index = row.pair.index
        self._rows[index] = row
        fut, etf = (self.touches.setdefault(key_of(index, leg), Touch()) for leg in (FUT, ETF))
        fut.bid, fut.ask, fut.bid_size, fut.ask_size = row.fut_bid, row.fut_ask, row.fut_size, row.fut_size
        etf.bid, etf.ask, etf.bid_size, etf.ask_size = row.etf_bid, row.etf_ask, row.etf_size, row.etf_size
        if self.spike_bps and row is self.row:
            jump = 1.0 + self.spike_bps * 1e-4
            etf.bid, etf.ask = round(row.etf_bid * jump, 2), round(row.etf_ask * jump, 2)
            self.spike_bps = 0.0
        for touch in (fut, etf):
            if row.ts_ns < self.crossed_until_ns:
                touch.bid, touch.ask = touch.ask + row.pair.tick, touch.bid
            if row.ts_ns < self.no_quote_until_ns:
                touch.bid = touch.ask = -1.0
                touch.bid_size = touch.ask_size = 0.0

    def touch_of(self, listing: Listing) -> Touch | None:
        """The touch at which orders in a contract fill; None if it has no quotes now."""
        if self.row is None or not self.quotes(listing):
            return None
        return self.touches.get(listing.key)

    def quotes(self, listing: Listing) -> bool:
        """Whether the present row quotes this contract: for a future, whether it has the row's expiry.

        The first row at or after an expiry is also the last quote of the contract that ended: at that row a
        backtest closes a position in it.
        """
        return self.goes_on(listing) or listing.expiry_day == self._ended_day

    def goes_on(self, listing: Listing) -> bool:
        """Whether the contract will be quoted after the present row, as far as known."""
        return listing.index is None or listing.leg != FUT or self.row is None or (
            listing.expiry_day == self._own_day
        )

    def _note_expiry(self, row: Row) -> None:
        before, self._ended_day = self.row, 0
        if before is not None and before.ts_ns < before.expiry_ns <= row.ts_ns:
            self._ended_day = self._own_day
        if row.expiry_ns != self._expiry_ns:
            self._expiry_ns, self._own_day = row.expiry_ns, utc_to_new_york(row.expiry_ns)[0]

    def mark(self, listing: Listing) -> float:
        """The mid, for valuing positions; 0 before the first quotes."""
        touch = self.touches.get(listing.key)
        return (touch.bid + touch.ask) / 2.0 if touch is not None and touch.two_sided else 0.0

    def is_halted(self, listing: Listing) -> bool:
        sizes = (pair.future for pair in PAIRS if pair.index == listing.index and listing.leg == FUT)
        return not self.halted.isdisjoint((listing.symbol, *sizes))

    def index_level(self, listing: Listing) -> float | None:
        """The level of a contract's index, from the ETF; None without quotes of it."""
        row = self.row_of(listing)
        return None if row is None else row.index_level

    def row_of(self, listing: Listing) -> Row | None:
        """The present row of a contract's index; None without quotes of it."""
        return self._rows.get(listing.index) if listing.index is not None else None

    # --- subscriptions ----------------------------------------------------------------------------

    def admit(self, asked_type: int) -> tuple[int, tuple[int, str] | None]:
        """(data type, message) that a new subscription gets; type 0 is none at all."""
        if self.rights == "none":
            return 0, (354, "Requested market data is not subscribed.")
        if self.rights == "live":
            return LIVE, None
        if self.rights == "frozen":
            return FROZEN, None
        if asked_type in {DELAYED, DELAYED_FROZEN}:
            return asked_type, (
                10167,
                "Requested market data is not subscribed. Displaying delayed market data.",
            )
        return 0, (
            10168, "Requested market data is not subscribed. Delayed market data is not enabled.",
        )  # fmt: skip

    def greet(self, sub: Subscription, send: Send) -> None:
        """Sends the first ticks of a new subscription."""
        send(
            replies.tick_req_params(
                sub.req_id, sub.listing.tick, "9c0001" if sub.listing.leg == ETF else ""
            )
        )
        send(replies.market_data_type(sub.req_id, sub.data_type))
        if self.row is not None:
            self._tell(sub, send)
        if sub.listing.tradable:
            send(replies.tick_generic(sub.req_id, HALTED, float(self.is_halted(sub.listing))))
        self.tell_shortable(sub, send)

    def tell(self, sub: Subscription, send: Send) -> None:
        """Sends the present row's ticks to a streaming subscription."""
        if sub.streams and self.row is not None and self.row.ts_ns >= self.stale_until_ns:
            self._tell(sub, send)

    def _tell(self, sub: Subscription, send: Send) -> None:
        if sub.listing.leg == INDEX_LEG:
            level = self.index_level(sub.listing)
            if level is not None:
                sub.tick(LAST, price=round(level, 2), size=0.0, size_type=LAST, send=send)
            return
        touch = self.touch_of(sub.listing)
        if touch is not None:
            sub.tick(BID, price=touch.bid, size=touch.bid_size, size_type=BID_SIZE, send=send)
            sub.tick(ASK, price=touch.ask, size=touch.ask_size, size_type=ASK_SIZE, send=send)

    def tell_halted(self, sub: Subscription, send: Send) -> None:
        """Sends whether trading is halted, as a tick."""
        if sub.listing.tradable:
            send(replies.tick_generic(sub.req_id, HALTED, float(self.is_halted(sub.listing))))

    def tell_shortable(self, sub: Subscription, send: Send) -> None:
        """Sends the shortable level and shares, if they were requested."""
        if sub.shortable and sub.listing.leg == ETF:
            send(replies.tick_generic(sub.req_id, SHORTABLE, self.shortable))
            send(replies.tick_size(sub.req_id, SHORTABLE_SHARES, self.shortable_shares))


def clock_ticks(req_id: int, row_number: int, now_ns: int) -> bytes:
    """The end of a row (see ``arbcore.gateway``): its time as seconds and nanoseconds, then its number."""
    return instant_tick(req_id, LAST, now_ns) + replies.tick_size(req_id, VOLUME, float(row_number))


def instant_tick(req_id: int, tick_type: int, instant_ns: int) -> bytes:
    """An instant as a price: seconds since 1970, and as its size the nanoseconds beyond them."""
    seconds, fraction_ns = divmod(instant_ns, NS_PER_S)
    return replies.tick_price(req_id, tick_type, price=float(seconds), size=float(fraction_ns))
