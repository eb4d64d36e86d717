"""A gate with its market and orders, compiled or the twin, behind one interface that uses symbols' names."""

from collections.abc import Sequence
from typing import Any

from reference import market as twin_market
from reference import orders as twin_orders
from reference import risk as twin_risk

from arbcore.trading import _market, _orders, _risk
from arbcore.trading.trading_settings import SessionSettings
from arbcore.wire.instruments import SYMBOL_ID

ADD, CONVERT = 0, 1
ACTIVE, STOPPING, CLOSING = range(3)


class CompiledPit:
    """The compiled gate, market and orders."""

    def __init__(self, settings: SessionSettings) -> None:
        self.market = _market.Market(settings)
        self.orders = _orders.Orders(4)
        self.gate = _risk.Gate(settings, self.market, self.orders)

    def book(self, name: str, bids: Any, asks: Any, now_ns: int) -> None:
        self.market.show_book(name, bids, asks, now_ns)

    def trade(self, name: str, price: int, now_ns: int) -> None:
        self.market.show_trade(name, price, now_ns)

    def open(self, name: str, is_open: bool) -> None:
        self.market.show_open(name, is_open)

    def clear(self) -> None:
        self.market.forget()

    def reference(self, name: str, now_ns: int) -> int:
        return self.market.reference_doubled(name, now_ns)

    def mark(self, name: str, position: int, average: int) -> int:
        return self.market.marked(name, position, average)

    def view(self, name: str) -> dict[str, Any]:
        return dict(self.market.view(name))

    def enter(self, name: str, *, side: int, price: int, size: int, kind: int = ADD) -> int:
        return self.orders.new(kind, SYMBOL_ID[name], side=side, price=price, size=size, strategy=0, now_ns=0)

    def hold(self, name: str, shares: int) -> None:
        side = 1 if shares > 0 else -1
        self.orders.on_fill(2**31, SYMBOL_ID[name], side=side, price=100, size=abs(shares))

    def refusal(self, name: str, *, side: int, price: int, size: int, now_ns: int, kind: int = ADD) -> str:
        return self.gate.refusal(name, kind=kind, side=side, price=price, size=size, now_ns=now_ns)

    def room(self, name: str, side: int) -> int:
        return self.gate.room_for(name, side)

    def message(self, now_ns: int) -> None:
        self.gate.note_message(now_ns)

    def order_sent(self, name: str, now_ns: int) -> None:
        self.gate.note_order(name, now_ns)

    def rejected(self, name: str, now_ns: int) -> None:
        self.gate.note_reject(name, now_ns)

    def room_time(self, room: int, now_ns: int) -> int:
        return self.gate.room_time(room, now_ns)

    def ranking(self, name: str, asked: Sequence[tuple[int, int]]) -> list[int]:
        return self.gate.ranking(name, asked)


class TwinPit:
    """The twins of gate, market and orders."""

    def __init__(self, settings: SessionSettings) -> None:
        self.market = twin_market.Market(settings)
        self.orders = twin_orders.Orders(4)
        self.gate = twin_risk.Gate(settings, self.market, self.orders)

    def book(self, name: str, bids: Any, asks: Any, now_ns: int) -> None:
        self.market.on_book(SYMBOL_ID[name], bids, asks, now_ns)

    def trade(self, name: str, price: int, now_ns: int) -> None:
        self.market.on_trade(SYMBOL_ID[name], price, now_ns)

    def open(self, name: str, is_open: bool) -> None:
        self.market.symbols[SYMBOL_ID[name]].open = is_open

    def clear(self) -> None:
        self.market.clear()

    def reference(self, name: str, now_ns: int) -> int:
        return self.market.doubled_reference(SYMBOL_ID[name], now_ns)

    def mark(self, name: str, position: int, average: int) -> int:
        return self.market.mark(SYMBOL_ID[name], position, average)

    def view(self, name: str) -> dict[str, Any]:
        state = self.market.symbols[SYMBOL_ID[name]]
        return {
            "buy": state.bids, "sell": state.asks, "prices": list(state.prices), "open": state.open,
            "last_price": state.last_price, "updated_ns": state.updated_ns,
        }

    def enter(self, name: str, *, side: int, price: int, size: int, kind: int = ADD) -> int:
        symbol = SYMBOL_ID[name]
        return self.orders.new(kind, symbol, side=side, price=price, size=size, strategy=0, now_ns=0).id

    def hold(self, name: str, shares: int) -> None:
        side = 1 if shares > 0 else -1
        self.orders.on_fill(2**31, SYMBOL_ID[name], side=side, price=100, size=abs(shares))

    def refusal(self, name: str, *, side: int, price: int, size: int, now_ns: int, kind: int = ADD) -> str:
        proposal = twin_risk.Proposal(kind, SYMBOL_ID[name], side, price, size, 0, 0)
        return twin_risk.REFUSAL_NAMES[self.gate.check(proposal, now_ns)]

    def room(self, name: str, side: int) -> int:
        return self.gate.room(SYMBOL_ID[name], side)

    def message(self, now_ns: int) -> None:
        self.gate.message_sent(now_ns)

    def order_sent(self, name: str, now_ns: int) -> None:
        self.gate.take_slot(SYMBOL_ID[name], now_ns)

    def rejected(self, name: str, now_ns: int) -> None:
        self.gate.pause(SYMBOL_ID[name], now_ns)

    def room_time(self, room: int, now_ns: int) -> int:
        return self.gate.room_after_ns(room, now_ns)

    def ranking(self, name: str, asked: Sequence[tuple[int, int]]) -> list[int]:
        symbol = SYMBOL_ID[name]
        proposals = [
            twin_risk.Proposal(ADD, symbol, 1, 1, 1, value, strategy) for strategy, value in asked
        ]
        for proposal in proposals:
            self.gate.propose(proposal)
        ranked = self.gate.ranked(symbol)
        if ranked:
            self.gate.slot_won(symbol, ranked[0])
        self.gate.proposals[symbol].clear()
        return [next(at for at, asked in enumerate(proposals) if asked is one) for one in ranked]


PITS = {"c": CompiledPit, "py": TwinPit}
