"""Streams that a client gets row by row besides quotes: tick-by-tick data, real-time bars, profit.

One class for each kind of stream: it keeps the values sent last and sends a new row's changes. Streams end
with the connection.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from arbcore.core.civil import NS_PER_S, utc_to_new_york
from arbcore.gateway import history_requests as h
from arbcore.gateway import replies
from arbcore.gateway.contract_table import Listing
from arbcore.gateway.frames import Field, frame
from arbcore.gateway.history import PastQuote
from arbcore.gateway.history_replies import bar_fields, lot_of, ticks_message
from arbcore.gateway.order_desk import NO_CONTRACT

if TYPE_CHECKING:
    from arbcore.gateway.client import GatewayClient
    from arbcore.gateway.gateway import Gateway

_LIVE_BAR_NS = 5 * NS_PER_S
_PROFIT_EVERY_NS = NS_PER_S
_TICK_KINDS = {"LAST": 1, "ALLLAST": 2, "BIDASK": 3, "MIDPOINT": 4}
_PAST_KINDS = {1: "TRADES", 2: "TRADES", 3: "BID_ASK", 4: "MIDPOINT"}
#: Most past ticks of one response.
TICKS_MAX = 1_000


class Stream(Protocol):
    """Sends something to a client after every row."""

    def tell(self, gateway: Gateway, client: GatewayClient, req_id: int) -> None:
        """Sends the changes."""


def quote_now(gateway: Gateway, listing: Listing) -> PastQuote | None:
    """The present row's quote of a contract; None if it has none."""
    touch = gateway.market.touch_of(listing)
    row = gateway.market.row
    if touch is None or row is None or not touch.two_sided:
        return None
    return PastQuote(row.ts_ns, touch.bid, touch.ask, touch.bid_size, touch.ask_size)


@dataclass(slots=True)
class TicksOneByOne:
    """Tick-by-tick trades, bid and ask, or mids; sends only changes."""

    listing: Listing
    kind: int
    prices_only: bool = False
    sent: tuple[float, ...] = ()

    def tell(self, gateway: Gateway, client: GatewayClient, req_id: int) -> None:
        quote = quote_now(gateway, self.listing)
        if quote is None:
            return
        at = quote.ts_ns // NS_PER_S
        fields: list[Field]
        if self.kind in {1, 2}:
            size = lot_of(self.listing)
            fields = [quote.trade, int(size), 0, self.listing.trade_exchange, ""]
        elif self.kind == 3:
            sizes = () if self.prices_only else (quote.bid_size, quote.ask_size)
            prices = (quote.bid, quote.ask, *sizes)
            if prices == self.sent:
                return
            self.sent = prices
            fields = [quote.bid, quote.ask, int(quote.bid_size), int(quote.ask_size), 0]
        else:
            if self.sent == (quote.mid,):
                return
            self.sent = (quote.mid,)
            fields = [quote.mid]
        client.send(frame(99, req_id, self.kind, at, *fields))


@dataclass(slots=True)
class LiveBars:
    """Bars of five seconds, each sent at its end."""

    listing: Listing
    what: str
    regular: bool
    sent_ns: int

    def tell(self, gateway: Gateway, client: GatewayClient, req_id: int) -> None:
        over_ns = gateway.clock_ns // _LIVE_BAR_NS * _LIVE_BAR_NS
        if over_ns <= self.sent_ns:
            return
        span, self.sent_ns = (self.sent_ns, over_ns), over_ns
        for bar in gateway.history.bars(
            self.listing, self.what, span=span, size_ns=_LIVE_BAR_NS, regular=self.regular
        ):
            trades = self.what == "TRADES"
            lot = lot_of(self.listing)
            volume = int(bar.volume * lot) if trades else 0
            client.send(
                frame(
                    50, 3, req_id, bar.ts_ns // NS_PER_S, bar.open, bar.high, bar.low, bar.close, volume,
                    bar.average if trades else 0, bar.trades if trades else 0,
                )
            )  # fmt: skip


@dataclass(slots=True)
class BarsKeptUp:
    """The last bar of a history that is kept up to date, sent at every row."""

    listing: Listing
    what: str
    size_ns: int
    regular: bool
    epoch: bool

    def tell(self, gateway: Gateway, client: GatewayClient, req_id: int) -> None:
        now_ns = gateway.clock_ns
        begins_ns = gateway.history.bar_begins(self.listing, now_ns, size_ns=self.size_ns)
        span = (begins_ns, now_ns + 1)
        found = gateway.history.bars(
            self.listing, self.what, span=span, size_ns=self.size_ns, regular=self.regular
        )
        if not found:
            return
        time, opens, high, low, close, volume, average, count = bar_fields(
            found[-1], self.listing, size_ns=self.size_ns, epoch=self.epoch
        )
        client.send(frame(90, req_id, count, time, opens, close, high, low, average, volume))


@dataclass(slots=True)
class Profit:
    """The day's profit of the account or one contract: sent at once, then in each second with a change."""

    con_id: int
    base_day: int = -1
    base: float = 0.0
    sent_ns: int = -(2**62)
    sent: tuple[float, ...] = field(default_factory=tuple)

    def tell(self, gateway: Gateway, client: GatewayClient, req_id: int) -> None:
        now_ns = gateway.clock_ns
        if now_ns - self.sent_ns < _PROFIT_EVERY_NS:
            return
        values = self._single(gateway) if self.con_id else self._whole(gateway)
        if values != self.sent:
            self.sent, self.sent_ns = values, now_ns
            client.send(frame(95 if self.con_id else 94, req_id, *values))

    def _whole(self, gateway: Gateway) -> tuple[float, ...]:
        account, marks = gateway.account, gateway.market.mark
        unrealized = sum(p.unrealized(marks(p.listing)) for p in account.positions.values() if p.quantity)
        realized = sum(p.realized for p in account.positions.values())
        return self._since_midnight(gateway, unrealized + realized), round(unrealized, 2), round(realized, 2)

    def _single(self, gateway: Gateway) -> tuple[float, ...]:
        held = gateway.account.positions.get(self.con_id)
        if held is None:
            return 0.0, 0.0, 0.0, 0.0, 0.0
        price = gateway.market.mark(held.listing)
        unrealized = held.unrealized(price) if held.quantity else 0.0
        value = held.quantity * price * held.listing.multiplier
        daily = self._since_midnight(gateway, unrealized + held.realized)
        return held.quantity, daily, round(unrealized, 2), round(held.realized, 2), round(value, 2)

    def _since_midnight(self, gateway: Gateway, profit: float) -> float:
        """The gain since the first row of New York's day, or since the account was last flat."""
        day = utc_to_new_york(gateway.clock_ns)[0]
        if day != self.base_day:
            self.base = profit if self.base_day >= 0 else 0.0
            self.base_day = day
        return round(profit - self.base, 2)


# --- the requests -------------------------------------------------------------------------------------


def tick_by_tick(gateway: Gateway, client: GatewayClient, asked: h.ReqTickByTick) -> None:
    """Begins tick-by-tick data."""
    kind = _TICK_KINDS.get(asked.kind.upper())
    listing = _listing(gateway, client, asked.req_id, asked)
    if listing is None:
        return
    if kind is None:
        text = "Ticks one by one are Last, AllLast, BidAsk or MidPoint."
        client.send(replies.error(asked.req_id, 10189, text))
        return
    if asked.count > 0:
        past = gateway.history.ticks(
            listing, span=(0, gateway.clock_ns), count=min(asked.count, TICKS_MAX), forward=False
        )
        client.send(ticks_message(asked.req_id, past, what=_PAST_KINDS[kind], listing=listing))
    _begin(gateway, client, asked.req_id, TicksOneByOne(listing, kind, asked.prices_only))


def live_bars(gateway: Gateway, client: GatewayClient, asked: h.ReqLiveBars) -> None:
    """Begins real-time bars of five seconds."""
    what = asked.what.upper()
    listing = _listing(gateway, client, asked.req_id, asked)
    if listing is None:
        return
    if what not in {"TRADES", "MIDPOINT", "BID", "ASK"}:
        text = "Real-time bars are of TRADES, MIDPOINT, BID or ASK."
        client.send(replies.error(asked.req_id, 420, text))
        return
    over_ns = gateway.clock_ns // _LIVE_BAR_NS * _LIVE_BAR_NS
    # Send the bar that has just ended at once, if it had quotes.
    _begin(gateway, client, asked.req_id, LiveBars(listing, what, asked.rth, over_ns - _LIVE_BAR_NS))


def profit(gateway: Gateway, client: GatewayClient, asked: h.ReqProfit) -> None:
    """Begins the profit of the account or of one contract."""
    if asked.account not in {"", *gateway.account.ids}:
        client.send(replies.error(asked.req_id, 10225, "The account is not one of this gateway's."))
        return
    _begin(gateway, client, asked.req_id, Profit(asked.con_id))


def end(gateway: Gateway, client: GatewayClient, asked: h.EndStream) -> None:  # noqa: ARG001  As all answers.
    """Ends a stream."""
    client.streams.pop(asked.req_id, None)


def _listing(
    gateway: Gateway, client: GatewayClient, req_id: int, asked: h.ReqTickByTick | h.ReqLiveBars
) -> Listing | None:
    found = gateway.find(asked.contract)
    if len(found) != 1 or not found[0].tradable:
        client.send(replies.error(req_id, 200, NO_CONTRACT))
        return None
    if gateway.market.rights != "live":
        client.send(replies.error(req_id, 354, "Requested market data is not subscribed."))
        return None
    return found[0]


def _begin(gateway: Gateway, client: GatewayClient, req_id: int, stream: Stream) -> None:
    client.streams[req_id] = stream
    gateway.begin_rows()
    if gateway.market.row is not None or isinstance(stream, Profit):
        stream.tell(gateway, client, req_id)
