"""The ticks of trades and of the day: last with its size, volume, open, high, low, and yesterday's close.

A client that decides once a row (``arbcore.gateway``) gets none of them, because they follow from the quotes
that it has already. Owns their tick numbers, live and delayed, and the rule to send only changes.
"""

from collections.abc import Callable

from arbcore.core.civil import NS_PER_S
from arbcore.gateway import replies
from arbcore.gateway.broker_book import Touch
from arbcore.gateway.history import DayStatistics, PastQuote
from arbcore.gateway.history_replies import lot_of
from arbcore.gateway.market_data import DELAYED, DELAYED_FROZEN, Subscription

LAST, LAST_SIZE, HIGH, LOW, VOLUME, CLOSE, OPEN, LAST_TIME = 4, 5, 6, 7, 8, 9, 14, 45
_DELAYED_OF = {LAST: 68, LAST_SIZE: 71, HIGH: 72, LOW: 73, VOLUME: 74, CLOSE: 75, OPEN: 76, LAST_TIME: 88}


class DayTicks:
    """The day's statistics of every leg, and their ticks for subscriptions."""

    def __init__(self, closes: dict[str, float]) -> None:
        """``closes`` are yesterday's closing prices, by ``Listing.key``."""
        self._closes = closes
        self._days: dict[str, DayStatistics] = {}

    def note(self, now_ns: int, touches: dict[str, Touch]) -> None:
        """Takes a new row, which counts as one trade in every leg."""
        for leg, touch in touches.items():
            if not touch.two_sided:
                continue
            day = self._days.get(leg)
            if day is None:
                day = self._days[leg] = DayStatistics(last=self._closes.get(leg, 0.0))
            day.see(PastQuote(now_ns, touch.bid, touch.ask, touch.bid_size, touch.ask_size))

    def tell(self, sub: Subscription, send: Callable[[bytes], None], now_ns: int) -> None:
        """Sends the changed values of a subscription's day."""
        day = self._days.get(sub.listing.key)
        if day is None:
            return
        late = sub.data_type in {DELAYED, DELAYED_FROZEN}

        def number(tick_type: int) -> int:
            return _DELAYED_OF[tick_type] if late else tick_type

        lot = lot_of(sub.listing)
        for tick_type, price, size in (
            (CLOSE, day.close, 0.0), (OPEN, day.open, 0.0), (HIGH, day.high, 0.0), (LOW, day.low, 0.0),
        ):  # fmt: skip
            if price and sub.sent.get(tick_type) != (price, size):
                sub.sent[tick_type] = (price, size)
                send(replies.tick_price(sub.req_id, number(tick_type), price=price, size=size))
        volume = day.trades * lot
        if sub.sent.get(VOLUME) == (volume, 0.0):
            return
        sub.sent[VOLUME] = (volume, 0.0)
        send(replies.tick_price(sub.req_id, number(LAST), price=day.last, size=lot))
        send(replies.tick_size(sub.req_id, number(LAST_SIZE), lot))
        send(replies.tick_string(sub.req_id, number(LAST_TIME), str(now_ns // NS_PER_S)))
        send(replies.tick_size(sub.req_id, number(VOLUME), volume))
