"""The session as a Python programmer would write it for speed, over json and over msgspec.

It has the same strategies, checks and orders as the twin in ``reference``, which is written for clarity. The
work for nearly every message is rewritten here for speed: one split gives the lines, one lookup the handler,
only strategies that use the symbol are called, and a strategy's own orders are checked before anything is
built. Rare work is left to the twin.
"""

import json
from collections.abc import Callable, Iterable
from typing import Any

from reference.arbitrage import ENTERING, IDLE, REPAIRING, XlfArbitrage
from reference.orders import ADD, CONVERT, OPEN, Order
from reference.quoting import MILLI, SAMPLE_NS, Bond, MarketMaking, Measure, Vale
from reference.risk import ACTIVE, CLOSING, HEDGE_VALUE, Proposal
from reference.session import Session
from reference.strategy import Desk, Strategy

from arbcore.trading import trading_settings as s
from arbcore.trading.trading_settings import NEVER_NS
from arbcore.wire.instruments import BOOK_LEVELS_MAX, ORDER_ID_MAX, PRICE_MAX, SYMBOL_ID, SYMBOLS

VALBZ, VALE = SYMBOL_ID["VALBZ"], SYMBOL_ID["VALE"]
ALL = (1 << len(SYMBOLS)) - 1
END = PRICE_MAX + 1


def twin_strategies(session: s.SessionSettings) -> list[Strategy]:
    """Returns the twin's version of every built-in strategy, with its defaults."""
    return [
        XlfArbitrage(s.XlfArbitrageSettings()), Vale(s.ValeSettings()), Bond(s.BondSettings()),
        MarketMaking(s.MarketMakingSettings(), session),
    ]


def tuned_strategies(session: s.SessionSettings) -> list[Strategy]:
    """Returns the tuned version of every built-in strategy, with its defaults."""
    return [
        TunedXlf(s.XlfArbitrageSettings()), TunedVale(s.ValeSettings()), TunedBond(s.BondSettings()),
        TunedMaking(s.MarketMakingSettings(), session),
    ]


class TunedDesk(Desk):
    """The desk, which also records the symbols with a proposal or a cancel."""

    asked = 0
    now_ns = 0

    def loose_position(self, symbol: int) -> int:
        loose, holdings = self.orders.position[symbol], self.orders.holdings
        for owner in self.hedged_owners:
            loose -= holdings[owner].position[symbol]
        return loose

    def net_touch(self, symbol: int, side: int) -> int:
        state, live = self.market.symbols[symbol], self.orders.live[symbol]
        for price, size in state.asks if side > 0 else state.bids:
            for order in live:
                if order.price == price and order.side == -side and order.kind == ADD:
                    size -= order.remaining
            if size > 0:
                return price
        return 0

    def net_levels(self, symbol: int, side: int) -> list[tuple[int, int]]:
        for order in self.orders.live[symbol]:
            if order.side == -side and order.kind == ADD:
                return super().net_levels(symbol, side)
        state = self.market.symbols[symbol]
        return state.asks if side > 0 else state.bids


# --- strategies -------------------------------------------------------------------------------------


class Tuned(Strategy):
    """Shortcuts of every tuned strategy: it keeps references to the lists that it reads often."""

    desk: TunedDesk

    def attach(self, desk: Desk, owner: int) -> None:
        super().attach(desk, owner)
        self.live = desk.orders.live
        self.proposals = desk.gate.proposals
        self.slot_open_ns = desk.gate.slot_open_ns

    def own_live(self, symbol: int) -> list[Order]:
        live = self.live[symbol]
        return [order for order in live if order.strategy == self.owner] if live else []

    def _propose(self, kind: int, symbol: int, side: int, price: int, size: int, value: int) -> None:
        """Builds no proposal while the symbol's slot is closed; only records the request for the session."""
        desk = self.desk
        desk.asked |= 1 << symbol
        if desk.now_ns >= self.slot_open_ns[symbol]:
            self.proposals[symbol].append(Proposal(kind, symbol, side, price, size, value, self.owner))

    def ask(self, symbol: int, *, side: int, price: int, size: int, value: int) -> None:
        self._propose(ADD, symbol, side, price, size, value)

    def ask_conversion(self, symbol: int, *, side: int, size: int, value: int) -> None:
        self._propose(CONVERT, symbol, side, 0, size, value)

    def keep_quote(self, symbol: int, *, side: int, price: int, size: int, value: int) -> None:
        kept, owner = False, self.owner
        for order in self.live[symbol]:
            if (
                order.strategy == owner and order.side == side and order.kind == ADD and order.state <= OPEN
                and not order.wants_cancel
            ):
                if size > 0 and order.price == price and not kept:
                    kept = True
                else:
                    self.desk.cancel(order)
        if size > 0 and not kept:
            self._propose(ADD, symbol, side, price, size, value)


class TunedXlf(Tuned, XlfArbitrage):
    """Finds the twin's case by one check of the legs; the usual case is idle without a gain."""

    def attach(self, desk: Desk, owner: int) -> None:
        super().attach(desk, owner)
        self.lot_items = tuple(self.lot.items())

    def evaluate(self, symbols: int, now_ns: int) -> None:
        target, owner, held = self.target, self.owner, self.holding.position
        lacking = False
        live: list[Order] = []
        for symbol, quantity in self.lot_items:
            if target * quantity != held[symbol]:
                lacking = True
            if self.live[symbol]:
                live += [order for order in self.live[symbol] if order.strategy == owner]
        if lacking and live and all(order.kind == ADD for order in live):
            self.wake_ns = NEVER_NS
            self._work(live, now_ns)
        elif lacking or live or self.phase == ENTERING or abs(target) >= self.settings.convert_lots:
            super().evaluate(symbols, now_ns)
        else:
            self.wake_ns = NEVER_NS
            self.phase, self.attempts = IDLE, 0
            if self._gain_at_touch():
                self._enter(now_ns)

    def _gain_at_touch(self) -> bool:
        """Returns False if one lot at the touch, its best possible price, covers its cost in no direction."""
        create = redeem = 0
        states = self.desk.market.symbols
        for symbol, quantity in self.lot_items:
            state = states[symbol]
            bids, asks = state.bids, state.asks
            if not bids or not asks:
                return True
            if quantity > 0:
                create -= quantity * asks[0][0]
                redeem += quantity * bids[0][0]
            else:
                create -= quantity * bids[0][0]
                redeem += quantity * asks[0][0]
        edge, target = self.settings.edge_ticks, self.target
        cost = edge - (-self.fee // self.settings.convert_lots)
        return (create > 0 and create >= (edge if target < 0 else cost)) or (
            redeem > 0 and redeem >= (edge if target > 0 else cost)
        )

    def _ask_missing(self, live: list[Order]) -> None:
        target, held = self.target, self.holding.position
        value = HEDGE_VALUE if self.phase == REPAIRING else self.value
        busy = [order.symbol for order in live]
        for symbol, quantity in self.lot_items:
            missing = target * quantity - held[symbol]
            if missing and symbol not in busy:
                side = 1 if missing > 0 else -1
                size = missing if missing > 0 else -missing
                self._propose(ADD, symbol, side, self.prices[symbol], size, value)


class TunedBond(Tuned, Bond):
    """Quotes BOND around 1000."""


class TunedVale(Tuned, Vale):
    """Quotes VALE from VALBZ; if flat, without orders in VALBZ or conversions, it only keeps its quotes."""

    def evaluate(self, symbols: int, now_ns: int) -> None:
        position, settings, owner = self.holding.position, self.settings, self.owner
        vale = position[VALE]
        unowned = self.desk.orders.holdings[-1].position
        loose = unowned[VALE] or unowned[VALBZ]
        if loose or vale + position[VALBZ] != 0 or abs(vale) >= settings.convert_size:
            super().evaluate(symbols, now_ns)
            return
        for order in self.live[VALBZ]:
            if order.strategy == owner:
                super().evaluate(symbols, now_ns)
                return
        for order in self.live[VALE]:
            if order.kind == CONVERT and order.strategy == owner:
                super().evaluate(symbols, now_ns)
                return
        self.wake_ns = NEVER_NS
        self.attempts = 0
        self._trade(vale)


class TunedMaking(Tuned, MarketMaking):
    """Quotes around fair value; one pass per side of a book gives both the middle and the touch."""

    def evaluate(self, symbols: int, now_ns: int) -> None:
        if now_ns >= self.look_ns:
            self._watch_loss(now_ns)
        states, measures = self.desk.market.symbols, self.measures
        for symbol in SYMBOLS_OF[symbols]:
            if symbol in measures:
                state, measure = states[symbol], measures[symbol]
                if state.books != measure.books or state.trades != measure.trades:
                    self._learn(symbol, now_ns)
                if symbol != VALBZ and not self.waits_for_slot(symbol, now_ns):
                    self._quote(symbol, now_ns)

    def waits_for_slot(self, symbol: int, now_ns: int) -> bool:
        if now_ns >= self.slot_open_ns[symbol] or self.own_live(symbol):
            return False
        self.desk.asked |= 1 << symbol
        return True

    def _read_book(self, symbol: int, measure: Measure, now_ns: int) -> None:
        bids, asks = self.desk.net_levels(symbol, -1), self.desk.net_levels(symbol, 1)
        if not bids or not asks:
            measure.middle = 0
            return
        worth = size = 0
        for price, shares in bids:
            worth += price * shares
            size += shares
        middle = worth * MILLI // size
        worth = size = 0
        for price, shares in asks:
            worth += price * shares
            size += shares
        measure.middle = (middle + worth * MILLI // size) // 2
        if now_ns >= measure.sample_ns + SAMPLE_NS:
            self._sample(symbol, measure, max(1, asks[0][0] - bids[0][0]) * MILLI)
            measure.sampled, measure.sample_ns = measure.middle, now_ns


#: For every bit set, its symbols in order.
SYMBOLS_OF = [
    tuple(symbol for symbol in range(len(SYMBOLS)) if symbols >> symbol & 1) for symbols in range(ALL + 1)
]


# --- the session ------------------------------------------------------------------------------------


class TunedSession(Session):
    """The base of both peers.

    It finds only once which strategies use which symbol, and does no work for symbols without proposals.
    """

    desk: TunedDesk

    def __init__(self, settings: s.SessionSettings, strategies: Iterable[Strategy]) -> None:
        super().__init__(settings, strategies)
        # The strategies already have the twin's desk; this class gives the same answers, faster.
        self.desk.__class__ = TunedDesk
        self.desk.asked = 0
        self.asked_by: dict[str, dict[int, list[Callable[[int, int], None]]]] = {
            interest: {
                1 << symbol: [
                    strategy.evaluate
                    for strategy in self.strategies
                    if getattr(strategy, interest) >> symbol & 1
                ]
                for symbol in range(len(SYMBOLS))
            }
            for interest in ("book_bits", "trade_bits", "order_bits")
        }
        self.on_book_symbol = self.asked_by["book_bits"]
        self.on_trade_symbol = self.asked_by["trade_bits"]
        self.tail = b""

    def connected(self, now_ns: int) -> bytes:
        self.tail = b""
        return super().connected(now_ns)

    def _clock(self, now_ns: int) -> None:
        super()._clock(now_ns)
        self.desk.now_ns = self.now_ns

    def _whole_lines(self, data: bytes, now_ns: int) -> list[bytes]:
        """Returns the lines that are complete now, without empty and too long ones."""
        self._clock(now_ns)
        self._timers()
        if self.tail:
            data = self.tail + data
        lines = data.split(b"\n")
        self.tail = lines.pop()
        if self.skipping and lines:
            del lines[0]
            self.skipping = False
        longest = self.settings.line_bytes_max
        if len(self.tail) > longest:
            self.faults["oversized"] += not self.skipping
            self.skipping, self.tail = True, b""
        if len(data) > longest and lines and max(map(len, lines)) > longest:
            self.faults["oversized"] += sum(len(line) > longest for line in lines)
            lines = [line for line in lines if len(line) <= longest]
        if b"\r\n" in data:
            lines = [line[:-1] if line.endswith(b"\r") else line for line in lines]
        if b"" in lines:
            lines = [line for line in lines if line]
        self.counts["messages_in"] += len(lines)
        return lines

    def _other(self, line: bytes) -> None:
        """Gives a line of another shape to the twin's decoder, which decides whether it is legal."""
        self.counts["messages_in"] -= 1
        self._line(line)

    def _react(self, symbols: int, interest: str) -> None:
        gate = self.gate
        asked = self.asked_by[interest].get(symbols)
        if asked is None or gate.mode == CLOSING:
            super()._react(symbols, interest)
            return
        if gate.ready and gate.mode == ACTIVE:
            now_ns = self.now_ns
            for evaluate in asked:
                evaluate(symbols, now_ns)
        self._settle()

    def _settle(self) -> None:
        desk = self.desk
        if self.gate.mode == CLOSING:
            desk.asked = 0
            super()._settle()
            return
        if desk.cancels:
            self._send_cancels()
        asked = desk.asked
        if not asked:
            return
        desk.asked = 0
        now_ns, slots, retries = self.now_ns, self.gate.slot_open_ns, self.retry_ns
        for symbol in SYMBOLS_OF[asked]:
            if now_ns < slots[symbol]:
                if slots[symbol] < retries[symbol]:
                    retries[symbol] = slots[symbol]
            else:
                self._fill_slot(symbol)
                self.gate.proposals[symbol].clear()
        if desk.cancels:
            self._send_cancels()

    def _book(self, symbol: int, bids: list[Any], asks: list[Any]) -> None:
        state = self.market.symbols[symbol]
        state.bids, state.asks, state.updated_ns = bids, asks, self.now_ns
        state.books += 1
        gate, desk, symbols = self.gate, self.desk, 1 << symbol
        if gate.mode == ACTIVE:
            if gate.ready:
                now_ns = self.now_ns
                for evaluate in self.on_book_symbol[symbols]:
                    evaluate(symbols, now_ns)
            if desk.cancels or desk.asked:
                self._settle()
        else:
            super()._react(symbols, "book_bits")

    def _trade(self, symbol: int, price: int) -> None:
        state = self.market.symbols[symbol]
        state.prices.append(price)
        state.last_price, state.updated_ns = price, self.now_ns
        state.trades += 1
        gate, desk, symbols = self.gate, self.desk, 1 << symbol
        if gate.mode == ACTIVE:
            if gate.ready:
                now_ns = self.now_ns
                for evaluate in self.on_trade_symbol[symbols]:
                    evaluate(symbols, now_ns)
            if desk.cancels or desk.asked:
                self._settle()
        else:
            super()._react(symbols, "trade_bits")


class JsonSession(TunedSession):
    """Uses ``json.loads`` for each line and ``json.dumps`` for each order."""

    def receive(self, data: bytes, now_ns: int) -> bytes:
        loads, plain = json.loads, self._plain
        for line in self._whole_lines(data, now_ns):
            try:
                message = loads(line.decode())
                kind = message["type"]
            except (ValueError, KeyError, TypeError, RecursionError):
                self._other(line)
                continue
            if not plain(message, kind):
                self._other(line)
        return self._take()

    def _plain(self, message: dict[str, Any], kind: str) -> bool:
        """Handles a message of the usual kinds with every field in range; returns False for any other."""
        if kind == "book":
            name, bids, asks = message.get("symbol"), message.get("buy"), message.get("sell")
            if type(name) is not str or name not in SYMBOL_ID or not self._sides(bids, asks):
                return False
            self._book(SYMBOL_ID[name], bids, asks)
            return True
        if kind == "trade":
            name, price, size = message.get("symbol"), message.get("price"), message.get("size")
            if type(name) is not str or name not in SYMBOL_ID or not self._amounts(price, size):
                return False
            self._trade(SYMBOL_ID[name], price)
            return True
        if kind not in ("ack", "out", "fill") or self.awaiting_hello:
            return False
        order_id = message.get("order_id")
        if type(order_id) is not int or not 0 <= order_id <= ORDER_ID_MAX:
            return False
        if kind == "ack":
            self.on_ack(message)
        elif kind == "out":
            self.on_out(message)
        else:
            name, side = message.get("symbol"), message.get("dir")
            if type(name) is not str or name not in SYMBOL_ID or side not in ("BUY", "SELL"):
                return False
            if not self._amounts(message.get("price"), message.get("size")):
                return False
            self.on_fill(message)
        return True

    @staticmethod
    def _amounts(price: Any, size: Any) -> bool:
        return type(price) is int and type(size) is int and 0 < price < END and 0 < size < END

    @staticmethod
    def _sides(bids: Any, asks: Any) -> bool:
        """Whether both sides have levels in range, not too many, and the best first."""
        if type(bids) is not list or type(asks) is not list:
            return False
        if len(bids) > BOOK_LEVELS_MAX or len(asks) > BOOK_LEVELS_MAX:
            return False
        try:
            last = PRICE_MAX
            for price, size in bids:
                if type(price) is not int or type(size) is not int:
                    return False
                if not 0 < price <= last or not 0 < size < END:
                    return False
                last = price
            last = 1
            for price, size in asks:
                if type(price) is not int or type(size) is not int:
                    return False
                if not last <= price < END or not 0 < size < END:
                    return False
                last = price
        except (TypeError, ValueError):
            return False
        return True

    def _send_order(self, proposal: Proposal) -> None:
        kind = "convert" if proposal.kind == CONVERT else "add"
        order = self.orders.new(
            proposal.kind, proposal.symbol, side=proposal.side, price=proposal.price, size=proposal.size,
            strategy=proposal.strategy, now_ns=self.now_ns,
        )
        self.gate.take_slot(order.symbol, self.now_ns)
        self.counts["converts_sent" if proposal.kind == CONVERT else "orders_sent"] += 1
        fields = {
            "type": kind, "order_id": order.id, "symbol": SYMBOLS[order.symbol],
            "dir": "BUY" if order.side > 0 else "SELL", "price": order.price, "size": order.size,
        }
        if proposal.kind == CONVERT:
            del fields["price"]
        self._send(json.dumps(fields).encode() + b"\n")


class MsgspecSession(TunedSession):
    """Uses one typed decoder, whose structs check names and ranges, and formats orders as bytes."""

    def __init__(self, settings: s.SessionSettings, strategies: Iterable[Strategy]) -> None:
        import msgspec

        from tools.bench import structs

        super().__init__(settings, strategies)
        self.decode = structs.message_decoder(checked=True).decode
        self.invalid = msgspec.MsgspecError
        self.structs = structs

    def receive(self, data: bytes, now_ns: int) -> bytes:
        decode, invalid = self.decode, self.invalid
        kinds = self.structs
        book, trade, fill = kinds.CheckedBook, kinds.CheckedTrade, kinds.CheckedFill
        ack, out = kinds.Ack, kinds.Out
        on_book, on_trade, ids = self._book, self._trade, SYMBOL_ID
        for line in self._whole_lines(data, now_ns):
            try:
                message = decode(line)
            except invalid:
                self._other(line)
                continue
            kind = type(message)
            if kind is book:
                bids, asks = message.buy, message.sell
                last = PRICE_MAX
                for price, _ in bids:
                    if price > last:
                        break
                    last = price
                else:
                    last = 0
                    for price, _ in asks:
                        if price < last:
                            break
                        last = price
                    else:
                        on_book(ids[message.symbol], bids, asks)
                        continue
                self._other(line)
            elif kind is trade:
                on_trade(ids[message.symbol], message.price)
            elif self.awaiting_hello:
                self._other(line)
            elif kind is ack:
                self.on_ack({"order_id": message.order_id})
            elif kind is out:
                self.on_out({"order_id": message.order_id})
            elif kind is fill:
                self.on_fill({
                    "order_id": message.order_id, "symbol": message.symbol, "dir": message.dir,
                    "price": message.price, "size": message.size,
                })
            else:
                self._other(line)
        return self._take()
