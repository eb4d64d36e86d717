"""Closes every position after a loss limit or a kill switch, symbol by symbol.

An order that is not filled in time is cancelled, and the next one is priced one tick worse. If that price is
beyond the collar, the order is priced at the collar. The gate checks these orders like all others.
``reference.session`` is its specification.
"""

from arbcore.trading._market cimport SymbolState
from arbcore.trading._orders cimport ADD, Order
from arbcore.trading._risk cimport HEDGE_VALUE, Proposal

from arbcore.trading.trading_settings import MILLISECOND_NS
from arbcore.wire.instruments import SIZE_MAX as _SIZE_MAX

cdef enum:
    SLACK_MAX = 20

cdef int64_t SIZE_MAX = _SIZE_MAX
cdef int64_t TIMEOUT_NS = 300 * MILLISECOND_NS


cdef class Closer:
    """Closes the positions in ``orders`` through ``gate`` as ``owner``. ``Session`` makes one."""

    def __cinit__(self, Market market not None, Orders orders not None, Gate gate not None,
                  StrategyDesk desk not None, *, int32_t owner):
        self.market = market
        self.orders = orders
        self.gate = gate
        self.desk = desk
        self.owner = owner

    cdef void begin(self) noexcept:
        cdef int32_t symbol
        for symbol in range(N_SYMBOLS):
            self.attempts[symbol] = 0

    cdef void close_positions(self, int64_t now_ns) noexcept:
        cdef int32_t symbol, index
        cdef Order* order
        for symbol in range(N_SYMBOLS):
            for index in range(self.orders.n_live[symbol]):
                order = self.orders.live[symbol][index]
                if order.strategy == self.owner and now_ns - order.sent_ns >= TIMEOUT_NS:
                    if order.cancels == 0 and not order.wants_cancel:
                        self.attempts[symbol] += 1
                    self.desk.cancel(order)
            if self.orders.position[symbol] != 0 and self.orders.n_live[symbol] == 0:
                self._close_position(symbol, now_ns)

    cdef void _close_position(self, int32_t symbol, int64_t now_ns) noexcept:
        cdef const SymbolState* state = &self.market.symbols[symbol]
        cdef int64_t position = self.orders.position[symbol]
        cdef int64_t size = position if position > 0 else -position
        cdef int32_t slack = min(self.attempts[symbol], <int32_t>SLACK_MAX)
        cdef int32_t touch = state.last_price
        cdef Proposal proposal
        proposal.kind = ADD
        proposal.symbol = symbol
        proposal.side = -1 if position > 0 else 1
        if proposal.side > 0 and state.n_asks:
            touch = state.asks[0].price
        elif proposal.side < 0 and state.n_bids:
            touch = state.bids[0].price
        if touch == 0:
            return
        proposal.price = max(1, self.gate.within_collar(symbol, touch + proposal.side * slack, now_ns))
        proposal.size = <int32_t>min(size, self.gate.size_caps[symbol], SIZE_MAX)
        proposal.strategy = self.owner
        proposal.value = HEDGE_VALUE
        proposal.tag = 0
        self.gate.propose(&proposal)
