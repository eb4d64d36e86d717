"""What the session does with each message and each instant: no Python object is made for a message.

Every decision is taken after each message, so the result does not depend on how the bytes were cut. The
interface that the shells use is ``_session``; ``reference.session`` is the specification of both.
"""

from libc.stdint cimport int32_t, int64_t, uint32_t
from libc.string cimport memmove

from arbcore.trading._market cimport SymbolState
from arbcore.trading._orders cimport (
    ADD,
    BEFORE_HELLO,
    BEYOND_BELIEF,
    CANCELLING,
    CONVERT,
    DEEP_BOOK,
    OUT,
    REPEATED_HELLO,
    UNACKED,
    UNKNOWN,
    Holding,
    Order,
    bounded,
)
from arbcore.trading._risk cimport (
    ACTIVE,
    CLOSING,
    COOLDOWN,
    HEDGE_VALUE,
    MESSAGE_CAP,
    PASS,
    PROPOSALS_MAX,
    SELF_CROSS,
    Gate,
    Proposal,
    ask_again,
)
from arbcore.trading._strategy cimport CANCELS_MAX, StrategyDesk, CompiledStrategy
from arbcore.wire._decode cimport NO_LINE, next_message
from arbcore.wire._encode cimport put_add, put_cancel, put_convert
from arbcore.wire._types cimport (
    MSG_ACK,
    MSG_BOOK,
    MSG_CLOSE,
    MSG_ERROR,
    MSG_FILL,
    MSG_HELLO,
    MSG_OPEN,
    MSG_OUT,
    MSG_REJECT,
    MSG_TRADE,
    N_SYMBOLS,
    Message,
)

from arbcore.errors import BrokenInvariant
from arbcore.trading._orders import ANOMALY_NAMES
from arbcore.trading.trading_settings import MILLISECOND_NS, NEVER_NS
from arbcore.wire.instruments import SIZE_MAX as _SIZE_MAX

cdef enum:
    ALL = (1 << N_SYMBOLS) - 1
    CLOSER_SLACK_MAX = 20

cdef int64_t NEVER = NEVER_NS
cdef int64_t SIZE_MAX = _SIZE_MAX
cdef int64_t CLOSER_TIMEOUT_NS = 300 * MILLISECOND_NS
# Books or trades for so long after the hello, and no word of open or close: then the symbol is open.
cdef int64_t OPEN_AFTER_NS = 2_000 * MILLISECOND_NS
# Refusals that last so long are told; one that comes later than the gap begins anew.
cdef int64_t STREAK_NS = 5_000 * MILLISECOND_NS
cdef int64_t STREAK_GAP_NS = 2_500 * MILLISECOND_NS


cdef class Core:
    """The state of one run and what changes it; built by ``_session.Session``."""

    # --- time -----------------------------------------------------------------------------------

    cdef int _timers(self) except -1:
        cdef int32_t symbol, owner
        cdef uint32_t due = 0
        cdef uint32_t woken = 0
        cdef uint32_t interest
        cdef CompiledStrategy strategy
        if self.holding:
            return 0
        if self.now_ns >= self.house_ns:
            self.house_ns = self.now_ns + HOUSEKEEPING_NS
            self._housekeeping()
        for symbol in range(N_SYMBOLS):
            if self.gate.slots.retry_ns[symbol] <= self.now_ns:
                self.gate.slots.retry_ns[symbol] = NEVER
                due |= 1u << symbol
        for owner in range(self.n_strategies):
            strategy = <CompiledStrategy>self.strategies[owner]
            if strategy.wake_ns <= self.now_ns:
                woken |= 1u << owner
        if not due and not woken:
            return 0
        for owner in range(self.n_strategies):
            strategy = <CompiledStrategy>self.strategies[owner]
            interest = strategy.book_bits | strategy.trade_bits | strategy.order_bits
            if woken >> owner & 1:
                strategy.wake_ns = NEVER
                self._ask(strategy, interest)
            elif interest & due:
                self._ask(strategy, interest & due)
        return self._settle()

    # Ten times a second: time-outs, cancels that waited for the message cap, the loss limit.
    cdef int _housekeeping(self) except -1:
        cdef int32_t symbol, index
        if not self.gate.ready:
            return 0
        if self.seen_bits & ~self.spoken_bits and self.now_ns - self.hello_ns >= OPEN_AFTER_NS:
            self._infer_open()
        for symbol in range(N_SYMBOLS):
            for index in range(self.orders.n_live[symbol]):
                self._check_silence(self.orders.live[symbol][index])
        if self.listeners:
            self._tell_tick()
        if self.gate.mode == ACTIVE and self._priced() and self._pnl() <= -self.loss_limit:
            self._close_down("loss limit")
        if self.gate.mode == CLOSING:
            self._close_positions()
        return self._settle()

    # An exchange that never says open exists: what has a market and was neither opened nor closed is open.
    cdef int _infer_open(self) except -1:
        cdef uint32_t symbols = self.seen_bits & ~self.spoken_bits
        self.inferred_bits |= symbols
        self.was_open = True
        self._set_open(symbols, True)
        self._tell_open(symbols, True)
        return self._react(symbols)

    cdef void _check_silence(self, Order* order) noexcept:
        if order.kind == CONVERT:
            if order.state == UNACKED and self.now_ns - order.sent_ns >= self.ack_timeout_ns:
                self.orders.time_out(order)
                self._demand_resync("unanswered")
        elif order.state == UNACKED and self.now_ns - order.sent_ns >= self.ack_timeout_ns:
            self.orders.time_out(order)
            self.desk.cancel(order)
        elif order.state == UNKNOWN and order.cancels == 0:
            self.desk.cancel(order)
        elif order.wants_cancel:
            pass  # it waits for the message cap
        elif ((order.state == CANCELLING or order.state == UNKNOWN)
                and self.now_ns - order.cancel_ns >= self.ack_timeout_ns):
            if order.cancels >= self.resync_after:
                self._demand_resync("unanswered")
            else:
                self.orders.time_out(order)
                self.desk.cancel_again(order)

    # The exchange and we may disagree, and only a new login tells positions: nothing new until then.
    cdef void _demand_resync(self, str reason) noexcept:
        if not self.resync_due:
            self.resync_reason = reason
        self.resync_due = True
        self.gate.ready = False

    cdef void _demand_resync_of_doubt(self) noexcept:
        self._demand_resync(ANOMALY_NAMES[self.orders.last_doubt])

    # What is held is worth what it is worth now, whatever a hello says next.
    cdef void _note_worth(self) noexcept:
        cdef int32_t owner
        for owner in range(self.n_strategies + 1):
            self.worth[owner] = self._owner_worth(owner)
        self.round_pnl = self._pnl()

    cdef void _unlink(self) noexcept:
        cdef int32_t owner, symbol
        if self.linked and not self.awaiting_hello:
            # The next connection forgets the prices; what was held is worth what it was worth at the last.
            self._note_worth()
        for owner in range(self.n_strategies):
            if self.listeners >> owner & 1:
                (<CompiledStrategy>self.strategies[owner]).reset()
        self.linked = False
        self.holding = False
        self.gate.ready = False
        self.awaiting_hello = False
        self.orders.lose_all()
        self.desk.n_cancels = 0
        self.house_ns = NEVER
        for symbol in range(N_SYMBOLS):
            self.gate.slots.retry_ns[symbol] = NEVER

    # --- messages -------------------------------------------------------------------------------

    cdef int _take_in(self, const char* data, Py_ssize_t length) except -1:
        cdef const char* line
        cdef Py_ssize_t line_length
        cdef Message message
        cdef int fault
        self.splitter.feed(data, length)
        while True:
            fault = next_message(self.splitter, &message, &line, &line_length)
            if fault == NO_LINE:
                return 0
            self.messages_in += 1
            if fault:
                self.fault_log.add(fault, line, line_length)
            elif message.kind == MSG_BOOK:
                self.market.on_book(&message, self.now_ns)
                self.seen_bits |= 1u << message.symbol
                if message.deep:
                    self.orders.anomaly_counts[DEEP_BOOK] += 1
                if self.listeners:
                    self._tell(&message)
                self._react_to_one(BOOKS, message.symbol)
            elif message.kind == MSG_TRADE:
                self.market.on_trade(message.symbol, message.price, self.now_ns)
                self.seen_bits |= 1u << message.symbol
                if self.listeners:
                    self._tell(&message)
                self._react_to_one(TRADES, message.symbol)
            elif message.kind >= MSG_ACK:
                self._on_order_news(&message)
            elif message.kind == MSG_HELLO:
                self._on_hello(&message)
            elif message.kind == MSG_OPEN:
                self._set_open(message.symbol_mask, True)
                self.was_open = True
                self._tell_open(message.symbol_mask, True)
                self._react(message.symbol_mask)
            elif message.kind == MSG_CLOSE:
                self._set_open(message.symbol_mask, False)
                self._tell_open(message.symbol_mask, False)
                if self.was_open and self.market.open_bits == 0:
                    self._tell_round(False)
            elif message.kind == MSG_ERROR:
                self.errors.count(message.text, message.text_length)

    cdef int _on_hello(self, const Message* message) except -1:
        if not self.awaiting_hello:
            self.orders.anomaly_counts[REPEATED_HELLO] += 1
            return self._on_second_hello(message)
        if self._take_hello(message):
            self.awaiting_hello = False
            self.hello_ns = self.now_ns
            self.gate.ready = True
            if not self.in_round:
                self._tell_round(True)
        return 0

    # Positions and cash are what the exchange says; whether it said something that can be.
    cdef bint _take_hello(self, const Message* message) except -1:
        cdef int64_t told[N_SYMBOLS]
        cdef int32_t symbol
        cdef bint flat = message.cash == 0
        cdef CompiledStrategy strategy
        if bounded(message.cash) != message.cash:
            self.orders.anomaly_counts[BEYOND_BELIEF] += 1
            self._demand_resync(ANOMALY_NAMES[BEYOND_BELIEF])
            return False
        for symbol in range(N_SYMBOLS):
            told[symbol] = message.positions[symbol] if message.symbol_mask >> symbol & 1 else 0
            flat = flat and told[symbol] == 0
        if self.orders.take_positions(told, message.cash, self.worth):
            for strategy in self.strategies:
                strategy.reset()
            if flat:
                self._new_round()
                self._tell_round(False)
        self.audit.on_hello(told)
        return True

    # Unasked: a new round on the same connection, or proof that we are wrong. Nothing if it agrees.
    cdef int _on_second_hello(self, const Message* message) except -1:
        cdef bint agrees = message.cash == self.orders.cash
        cdef bint flat = message.cash == 0
        cdef int64_t told
        cdef int32_t symbol
        for symbol in range(N_SYMBOLS):
            told = message.positions[symbol] if message.symbol_mask >> symbol & 1 else 0
            agrees = agrees and told == self.orders.position[symbol]
            flat = flat and told == 0
        if agrees:
            return 0
        self._cancel_all()
        if self.desk.n_cancels:
            # The message cap holds some back, and only a lost connection cancels those.
            self._demand_resync(ANOMALY_NAMES[REPEATED_HELLO])
        self._note_worth()
        ended = (self.round_pnl, self._pnl_at_middle())
        if not self._take_hello(message):
            return 0
        self.desk.n_cancels = 0
        if flat:
            self.reset_rounds.append(ended)
            self.market.clear()
            self.was_open = False
            self.seen_bits = self.spoken_bits = 0
            self.hello_ns = self.now_ns
            self._tell_round(True)
        return 0

    cdef void _new_round(self) noexcept:
        self.carried_pnl = bounded(self.carried_pnl + self.round_pnl)
        if self.gate.mode == CLOSING and not self.was_killed:
            self.gate.mode = ACTIVE
            self.reason = ""

    cdef void _set_open(self, uint32_t symbols, bint is_open) noexcept:
        cdef int32_t symbol
        self.spoken_bits |= symbols
        for symbol in range(N_SYMBOLS):
            if symbols >> symbol & 1:
                self.market.set_open(symbol, is_open)

    cdef int _on_order_news(self, const Message* message) except -1:
        cdef Order* order
        cdef int64_t doubts = self.orders.doubts
        if self.awaiting_hello:
            self.orders.anomaly_counts[BEFORE_HELLO] += 1
            return 0
        if message.kind == MSG_ACK:
            order = self.orders.take_ack(message.order_id)
            if self.orders.doubts != doubts:
                self._demand_resync_of_doubt()
            if order != NULL and order.kind == CONVERT:
                return self._converted(order)
        elif message.kind == MSG_FILL:
            order = self.orders.take_fill(
                message.order_id, message.symbol, message.side, message.price, message.size)
            self.audit.on_fill(message.symbol, <int64_t>message.side * message.size)
            if self.orders.doubts != doubts:
                self._demand_resync_of_doubt()
            if self.listeners and order != NULL:
                self._tell_owner(order.strategy, message)
            return self._react_to_one(ORDER_NEWS, message.symbol)
        elif message.kind == MSG_OUT:
            order = self.orders.take_out(message.order_id)
            if order != NULL:
                if self.listeners:
                    self._tell_owner(order.strategy, message)
                return self._react_to_one(ORDER_NEWS, order.symbol)
        elif message.kind == MSG_REJECT:
            self.rejects.count(message.text, message.text_length)
            order = self.orders.take_reject(message.order_id)
            if order != NULL:
                self.gate.pause(order.symbol, self.now_ns)
                if self.listeners:
                    self._tell_owner(order.strategy, message)
                return self._react_to_one(ORDER_NEWS, order.symbol)
        return 0

    cdef int _converted(self, Order* order) except -1:
        self.audit.on_conversion(order)
        if order.strategy < self.n_strategies:
            (<CompiledStrategy>self.strategies[order.strategy]).converted()
        return self._react(ALL)

    # --- deciding -------------------------------------------------------------------------------

    cdef inline int _react_to_one(self, int32_t news, int32_t symbol) except -1:
        cdef void** asked = self.interested[news][symbol]
        if self.gate.ready and self.gate.mode == ACTIVE:
            while asked[0] != NULL:
                (<CompiledStrategy>asked[0]).evaluate(1u << symbol, self.now_ns)
                asked += 1
        if self.gate.mode == CLOSING:
            self._close_positions()
        if self.gate.symbols_asked or self.desk.n_cancels:
            self._settle()
        return 0

    # Own-order news of several symbols at once.
    cdef int _react(self, uint32_t symbols) except -1:
        cdef int32_t owner
        cdef CompiledStrategy strategy
        for owner in range(self.n_strategies):
            strategy = <CompiledStrategy>self.strategies[owner]
            if strategy.order_bits & symbols:
                self._ask(strategy, strategy.order_bits & symbols)
        if self.gate.mode == CLOSING:
            self._close_positions()
        return self._settle()

    cdef int _ask(self, CompiledStrategy strategy, uint32_t symbols) except -1:
        if self.gate.ready and self.gate.mode == ACTIVE:
            strategy.evaluate(symbols, self.now_ns)
        return 0

    # Send what was asked for: cancels first, then for each symbol the order that wins its slot.
    cdef int _settle(self) except -1:
        cdef int32_t symbol
        self._send_cancels()
        if self.gate.symbols_asked:
            for symbol in range(N_SYMBOLS):
                if self.gate.symbols_asked >> symbol & 1:
                    if not self.holding:
                        self._fill_slot(symbol)
                    self.gate.drop_proposals(symbol)
            self._send_cancels()
        return 0

    cdef int _fill_slot(self, int32_t symbol) except -1:
        cdef Gate gate = self.gate
        cdef int32_t places[PROPOSALS_MAX]
        cdef int32_t index, refusal
        cdef const Proposal* proposal
        cdef Order* order
        gate.rank(symbol, places)
        for index in range(gate.n_proposals[symbol]):
            proposal = &gate.proposals[symbol][places[index]]
            refusal = gate.check(proposal, self.now_ns)
            if refusal == PASS:
                order = self._send_order(proposal)
                gate.slot_won(symbol, proposal.strategy)
                self.streaks[proposal.strategy][symbol][proposal.side > 0].last_ns = 0
                if gate.n_proposals[symbol] > 1:
                    ask_again(&gate.slots, symbol, gate.slots.open_ns[symbol])
                self._answer(proposal, PASS, order)
                return 0
            gate.refusal_counts[refusal] += 1
            self._note_refusal(proposal, refusal)
            if refusal == MESSAGE_CAP:
                ask_again(&gate.slots, symbol, gate.room_after_ns(self.cancel_reserve, self.now_ns))
                return 0
            self._answer(proposal, refusal, NULL)
            if refusal == SELF_CROSS and self._make_way(proposal):
                return 0  # whoever makes way would only stand in the way again
        return 0

    # Whoever is refused for long sends nothing, and a person must hear why.
    cdef void _note_refusal(self, const Proposal* proposal, int32_t refusal) noexcept:
        cdef Streak* streak = &self.streaks[proposal.strategy][proposal.symbol][proposal.side > 0]
        if refusal == COOLDOWN or refusal == MESSAGE_CAP:
            return
        if streak.last_ns == 0 or self.now_ns - streak.last_ns > STREAK_GAP_NS:
            streak.since_ns = self.now_ns
        streak.last_ns = max(self.now_ns, 1)
        if self.now_ns - streak.since_ns >= max(STREAK_NS, streak.longest_ns):
            streak.longest_ns = self.now_ns - streak.since_ns
            streak.reason = refusal

    cdef int _answer(self, const Proposal* proposal, int32_t refusal, Order* order) except -1:
        if proposal.strategy < self.n_strategies and self.listeners >> proposal.strategy & 1:
            (<CompiledStrategy>self.strategies[proposal.strategy]).on_answer(proposal, refusal, order)
        return 0

    # Pull what an earlier strategy's order would cross, where it belongs to a later one: whether any does.
    cdef bint _make_way(self, const Proposal* proposal) noexcept:
        cdef bint pulled = False
        cdef int32_t index
        cdef Order* order
        for index in range(self.orders.n_live[proposal.symbol]):
            order = self.orders.live[proposal.symbol][index]
            if (order.kind == ADD and order.side == -proposal.side
                    and proposal.side * (proposal.price - order.price) >= 0
                    and proposal.strategy < order.strategy):
                self.desk.cancel(order)
                pulled = True
        return pulled

    cdef Order* _send_order(self, const Proposal* proposal) except NULL:
        cdef Order* order = self.orders.enter(
            proposal.kind, proposal.symbol, proposal.side, proposal.price, proposal.size, proposal.strategy,
            self.now_ns)
        self.gate.take_slot(order.symbol, self.now_ns)
        if order.kind == ADD:
            self.orders_sent += 1
            put_add(self.out, order.id, order.symbol, order.side, order.price, order.size)
        else:
            self.converts_sent += 1
            put_convert(self.out, order.id, order.symbol, order.side, order.size)
        self.gate.message_sent(self.now_ns)
        return order

    # As many waiting cancels as the message cap lets through; the rest wait for housekeeping.
    cdef int _send_cancels(self) except -1:
        cdef StrategyDesk desk = self.desk
        cdef int32_t sent = 0
        cdef Order* order
        if desk.n_cancels == 0 or not self.linked or self.awaiting_hello:
            return 0
        if desk.n_cancels >= CANCELS_MAX:
            raise BrokenInvariant(f"{CANCELS_MAX} cancels wait, more than orders can be live at once")
        while sent < desk.n_cancels:
            order = desk.cancels[sent]
            if order.state < OUT and order.wants_cancel:
                if self.gate.message_room(self.now_ns) < 1:
                    break
                self.orders.mark_cancel(order, self.now_ns)
                self.cancels_sent += 1
                put_cancel(self.out, order.id)
                self.gate.message_sent(self.now_ns)
            sent += 1
        desk.n_cancels -= sent
        memmove(desk.cancels, &desk.cancels[sent], <size_t>desk.n_cancels * sizeof(Order*))
        return 0

    cdef int _cancel_all(self) except -1:
        cdef int32_t symbol, index
        for symbol in range(N_SYMBOLS):
            for index in range(self.orders.n_live[symbol]):
                self.desk.cancel(self.orders.live[symbol][index])
        return self._send_cancels()

    # --- closing down ---------------------------------------------------------------------------

    cdef int _close_down(self, str reason) except -1:
        cdef int32_t symbol
        self.gate.mode = CLOSING
        self.reason = reason
        for symbol in range(N_SYMBOLS):
            self.closer_attempts[symbol] = 0
        return self._cancel_all()

    # Ask, symbol by symbol, for the order that takes the position to zero, further at each attempt; it stands
    # at the collar where the touch lies beyond it.
    cdef void _close_positions(self) noexcept:
        cdef int32_t symbol, index
        cdef Order* order
        for symbol in range(N_SYMBOLS):
            for index in range(self.orders.n_live[symbol]):
                order = self.orders.live[symbol][index]
                if order.strategy == self.n_strategies and self.now_ns - order.sent_ns >= CLOSER_TIMEOUT_NS:
                    if order.cancels == 0 and not order.wants_cancel:
                        self.closer_attempts[symbol] += 1
                    self.desk.cancel(order)
            if self.orders.position[symbol] != 0 and self.orders.n_live[symbol] == 0:
                self._close_position(symbol)

    cdef void _close_position(self, int32_t symbol) noexcept:
        cdef const SymbolState* state = &self.market.symbols[symbol]
        cdef int64_t position = self.orders.position[symbol]
        cdef int64_t size = position if position > 0 else -position
        cdef int32_t slack = min(self.closer_attempts[symbol], <int32_t>CLOSER_SLACK_MAX)
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
        proposal.price = max(1, self.gate.within_collar(symbol, touch + proposal.side * slack, self.now_ns))
        proposal.size = <int32_t>min(size, self.gate.size_caps[symbol], SIZE_MAX)
        proposal.strategy = self.n_strategies
        proposal.value = HEDGE_VALUE
        proposal.tag = 0
        self.gate.propose(&proposal)

    # --- those who listen -----------------------------------------------------------------------

    cdef int _tell(self, const Message* message) except -1:
        cdef int32_t owner
        for owner in range(self.n_strategies):
            if self.listeners >> owner & 1:
                (<CompiledStrategy>self.strategies[owner]).on_message(message, self.now_ns)
        return 0

    cdef int _tell_owner(self, int32_t owner, const Message* message) except -1:
        if owner < self.n_strategies and self.listeners >> owner & 1:
            (<CompiledStrategy>self.strategies[owner]).on_message(message, self.now_ns)
        return 0

    cdef int _tell_open(self, uint32_t symbols, bint is_open) except -1:
        cdef Message message
        if is_open and symbols and self.desk.opened_ns == 0:
            self.desk.opened_ns = self.now_ns
        if not self.listeners:
            return 0
        message.kind = MSG_OPEN if is_open else MSG_CLOSE
        message.symbol_mask = symbols
        return self._tell(&message)

    cdef int _tell_round(self, bint begins) except -1:
        cdef int32_t owner
        if begins == self.in_round:
            return 0
        self.in_round = begins
        if begins:
            self.desk.opened_ns = 0
        for owner in range(self.n_strategies):
            if self.listeners >> owner & 1:
                (<CompiledStrategy>self.strategies[owner]).on_round(begins, self.now_ns)
        return 0

    cdef int _tell_tick(self) except -1:
        cdef int32_t owner
        for owner in range(self.n_strategies):
            if self.listeners >> owner & 1:
                (<CompiledStrategy>self.strategies[owner]).on_tick(self.now_ns)
        return 0

    # --- results --------------------------------------------------------------------------------

    cdef int64_t _marked(self, const int64_t* positions) noexcept:
        cdef int64_t worth = 0
        cdef int32_t symbol
        for symbol in range(N_SYMBOLS):
            if positions[symbol]:
                worth += positions[symbol] * self.market.mark(
                    symbol, positions[symbol], self.orders.average_price(symbol))
        return worth

    # One price for all owners, so that what they are worth adds up to the P&L: that of the position of all.
    cdef int64_t _common_mark(self, int32_t symbol) noexcept:
        cdef int64_t held = self.orders.position[symbol]
        if held == 0:
            return self.market.middle(symbol)
        return self.market.mark(symbol, held, self.orders.average_price(symbol))

    cdef int64_t _owner_worth(self, int32_t owner) noexcept:
        cdef Holding* holding = &self.orders.holdings[owner]
        cdef int64_t worth = holding.cash
        cdef int32_t symbol
        for symbol in range(N_SYMBOLS):
            if holding.position[symbol]:
                worth += holding.position[symbol] * self._common_mark(symbol)
        return worth

    # Whether every position has a price: after a login there may be none yet, and 0 is not its worth.
    cdef bint _priced(self) noexcept:
        cdef int32_t symbol
        cdef int64_t held
        for symbol in range(N_SYMBOLS):
            held = self.orders.position[symbol]
            if held and self.market.mark(symbol, held, self.orders.average_price(symbol)) <= 0:
                return False
        return True

    cdef int64_t _pnl(self) noexcept:
        return self.orders.cash + self._marked(self.orders.position)

    cdef int64_t _pnl_at_middle(self) noexcept:
        cdef int64_t worth = self.orders.cash
        cdef int64_t middle
        cdef int32_t symbol
        for symbol in range(N_SYMBOLS):
            if self.orders.position[symbol]:
                middle = self.market.middle(symbol)
                worth += self.orders.position[symbol] * (
                    middle if middle else self.orders.average_price(symbol))
        return worth
