"""Bytes and time in, bytes out: one run of the exchange bot behind a few calls.

It takes messages and times, runs the strategies, and sends the orders that the gate allows. It decides after
each message, so the result does not depend on how the bytes were cut. No message becomes a Python object. It
knows no socket, file or clock. ``reference.session`` is the specification.
"""

from cpython.buffer cimport PyBUF_SIMPLE, PyBuffer_Release, PyObject_GetBuffer
from libc.stdint cimport int32_t, int64_t, uint32_t
from libc.string cimport memmove

from arbcore.trading._audit cimport Audit
from arbcore.trading._closer cimport Closer
from arbcore.trading._market cimport Market
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
    Order,
    Orders,
    bounded,
)
from arbcore.trading._risk cimport (
    ACTIVE,
    CLOSING,
    MESSAGE_CAP,
    PASS,
    PROPOSALS_MAX,
    SELF_CROSS,
    STOPPING,
    Gate,
    Proposal,
    ask_again,
)
from arbcore.trading._strategy cimport CANCELS_MAX, CompiledStrategy, StrategyDesk
from arbcore.trading._tally cimport FaultLog, TextTally
from arbcore.trading._worth cimport Worth
from arbcore.wire._decode cimport NO_LINE, next_message
from arbcore.wire._encode cimport OutBuffer, put_add, put_cancel, put_convert, put_hello
from arbcore.wire._lines cimport LineSplitter
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

from arbcore.errors import BrokenInvariant, UsageError
from arbcore.trading._orders import ANOMALY_NAMES
from arbcore.trading._risk import MODE_NAMES
from arbcore.trading.session_documents import summary_of
from arbcore.trading.strategies import adapted, unique_names
from arbcore.trading.trading_settings import MILLISECOND_NS, NEVER_NS
from arbcore.wire.instruments import SYMBOLS

cdef extern from "Python.h":
    long long PyLong_AsLongLongAndOverflow(object number, int* overflow) except? -1

cdef enum:
    ALL = (1 << N_SYMBOLS) - 1
    HOUSEKEEPING_NS = 100_000_000   # time-outs and the loss limit are checked ten times a second

cdef int64_t NEVER = NEVER_NS
# A later time counts as this one (146 years), so adding any setting to a time stays within 64 bits.
cdef int64_t TIME_MAX_NS = 2**62
# A symbol that has books or trades, but no open or close so long after the hello, counts as open.
cdef int64_t OPEN_AFTER_NS = 2_000 * MILLISECOND_NS


cdef class Session:
    """One run of the bot: any number of connections and rounds, one after the other.

    Bytes and times in, bytes out: the result depends on them alone. Times are nanoseconds of one clock; a
    time before the last one counts as the last one. Prices are ticks, positions shares.

    Args:
        settings: a ``SessionSettings``.
        strategies: built-in ones, or any objects with the hooks of ``arbcore.Strategy``, at most 32 in all.

    >>> import arbcore
    >>> session = arbcore.Session(arbcore.SessionSettings(team="ABC"), [])
    >>> session.connected(now_ns=0)
    b'{"type":"hello","team":"ABC"}\\n'
    """

    def __cinit__(self, settings, strategies):
        cdef CompiledStrategy strategy
        cdef int32_t owner
        self.settings = settings
        self.strategies = tuple(adapted(strategies))
        self.n_strategies = len(self.strategies)
        self.market = Market(settings)
        self.orders = Orders(self.n_strategies)
        self.gate = Gate(settings, self.market, self.orders)
        self.desk = StrategyDesk(self.market, self.orders, self.gate)
        self.desk.round_ns = settings.round_ns
        self.audit = Audit(settings)
        self.marks = Worth(self.market, self.orders)
        self.closer = Closer(self.market, self.orders, self.gate, self.desk, owner=self.n_strategies)
        self.splitter = LineSplitter(settings.line_bytes_max)
        self.out = OutBuffer()
        self.rejects = TextTally()
        self.errors = TextTally()
        self.fault_log = FaultLog()
        self.team = settings.team.encode()
        self.reason = ""
        self.resync_reason = ""
        self.reset_rounds = []
        self.ack_timeout_ns = settings.ack_timeout_ns
        self.resync_after = settings.resync_after
        self.cancel_reserve = settings.cancel_reserve
        self.loss_limit = settings.loss_limit
        self.house_ns = NEVER
        for owner in range(self.n_strategies):
            strategy = self.strategies[owner]
            strategy.attach(self.desk, owner)
            if strategy.hedged:
                self.desk.hedged_owners[self.desk.n_hedged] = owner
                self.desk.n_hedged += 1
            self._note_interest(strategy)
        self.names = unique_names([strategy.name for strategy in self.strategies])

    cdef void _note_interest(self, CompiledStrategy strategy) noexcept:
        if strategy.listens:
            self.listeners |= 1u << strategy.owner
        self._ask_about(BOOKS, strategy.book_bits, strategy)
        self._ask_about(TRADES, strategy.trade_bits, strategy)
        self._ask_about(ORDER_NEWS, strategy.order_bits, strategy)

    # The array has one place more than there are strategies, so the list always ends with a NULL.
    cdef void _ask_about(self, int32_t news, uint32_t symbols, CompiledStrategy strategy) noexcept:
        cdef int32_t symbol, place
        for symbol in range(N_SYMBOLS):
            if symbols >> symbol & 1:
                place = 0
                while self.interested[news][symbol][place] != NULL:
                    place += 1
                self.interested[news][symbol][place] = <void*>strategy

    def watch_hooks(self, stopwatch, *, signals_apart=False) -> None:
        """Times the hooks of users' strategies with ``stopwatch``, a function that returns nanoseconds.

        ``signals_apart`` means that the shell turns no signal into an exception. A KeyboardInterrupt from a
        hook then comes from the hook's own code, and switches off its strategy like any other exception.
        """
        self.desk.stopwatch = stopwatch
        self.desk.signals_apart = signals_apart

    # --- events from the shell ------------------------------------------------------------------

    # One event at a time: a hook, or a thread that runs during a hook, must not call the session.
    cdef int _enter(self, object now_ns) except -1:
        if self.busy:
            raise UsageError("A session takes one event at a time, and none from its own hooks.")
        self._clock(now_ns)
        self.busy = True
        return 0

    def connected(self, now_ns) -> bytes:
        """Starts a connection; returns the hello to send. Live orders are unknown until its response."""
        self._enter(now_ns)
        try:
            self._unlink()
            self.splitter.reset()
            self.linked = True
            self.awaiting_hello = True
            self.resync_due = False
            self.was_open = False
            self.seen_bits = self.spoken_bits = 0
            self.market.clear()
            self.house_ns = self.now_ns + HOUSEKEEPING_NS
            put_hello(self.out, self.team, len(self.team))
            self.gate.message_sent(self.now_ns)
            return self.out.take()
        finally:
            self.busy = False

    def disconnected(self, now_ns) -> None:
        """Ends the connection: live orders are unknown until the next hello reports the positions."""
        self._enter(now_ns)
        try:
            self._unlink()
        finally:
            self.busy = False

    def receive(self, data, now_ns) -> bytes:
        """Takes received bytes (any bytes-like object), cut anywhere; returns the bytes to send."""
        cdef Py_buffer view
        self._enter(now_ns)
        try:
            self._timers()
            if isinstance(data, bytes):
                self._take_in(<const char*>(<bytes>data), len(<bytes>data))
            else:
                PyObject_GetBuffer(data, &view, PyBUF_SIMPLE)
                try:
                    self._take_in(<const char*>view.buf, view.len)
                finally:
                    PyBuffer_Release(&view)
            return self.out.take()
        finally:
            self.busy = False

    def tick(self, now_ns) -> bytes:
        """Runs what is due now: call it at ``next_deadline_ns``; it is harmless at any other time."""
        self._enter(now_ns)
        try:
            self._timers()
            return self.out.take()
        finally:
            self.busy = False

    def hold(self, now_ns) -> bytes:
        """Holds orders back after the process was paused, because the bytes received next are old.

        Until ``resume`` or the connection's end it sends only cancels, and no time-out runs.
        """
        self._enter(now_ns)
        try:
            self.holding = self.linked
            return self.out.take()
        finally:
            self.busy = False

    def resume(self, now_ns) -> bytes:
        """Ends ``hold`` once all waiting bytes are received, and runs every strategy again."""
        cdef CompiledStrategy strategy
        self._enter(now_ns)
        try:
            self.holding = False
            self._timers()
            for strategy in self.strategies:
                self._ask(strategy, strategy.book_bits | strategy.trade_bits | strategy.order_bits)
            self._settle()
            return self.out.take()
        finally:
            self.busy = False

    def stop(self, now_ns, str reason not None) -> bytes:
        """Stops in order: sends nothing new, cancels everything live; ``stopped`` is True once all are out.

        If the loss limit or the kill switch has halted trading already, its halt reason is kept.
        """
        self._enter(now_ns)
        try:
            if self.gate.mode != CLOSING:
                self.reason = reason
            self.gate.mode = STOPPING
            self._cancel_all()
            return self.out.take()
        finally:
            self.busy = False

    def kill(self, now_ns, str reason not None) -> bytes:
        """Trips the kill switch: cancels all orders, closes positions, and never trades again in this run."""
        self._enter(now_ns)
        try:
            self.was_killed = True
            self._close_down(reason)
            return self.out.take()
        finally:
            self.busy = False

    # Time never goes back: a clock that jumps backwards neither expires nor reorders anything.
    cdef int _clock(self, object now_ns) except -1:
        cdef int overflow = 0
        cdef int64_t now = PyLong_AsLongLongAndOverflow(now_ns, &overflow)
        if overflow > 0 or now > TIME_MAX_NS:
            now = TIME_MAX_NS
        if overflow >= 0 and now > self.now_ns:
            self.now_ns = now
            self.gate.slots.now_ns = now
        return 0

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

    # Runs ten times a second: time-outs, cancels that waited for the message cap, the loss limit.
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
        if self.gate.mode == ACTIVE and self.marks.priced() and self.marks.at_touch() <= -self.loss_limit:
            self._close_down("loss limit")
        if self.gate.mode == CLOSING:
            self.closer.close_positions(self.now_ns)
        return self._settle()

    # Some exchanges send no open: a symbol with a book or trade, and neither open nor close, counts as open.
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
            pass  # the cancel waits for the message cap
        elif ((order.state == CANCELLING or order.state == UNKNOWN)
                and self.now_ns - order.cancel_ns >= self.ack_timeout_ns):
            if order.cancels >= self.resync_after:
                self._demand_resync("unanswered")
            else:
                self.orders.time_out(order)
                self.desk.cancel_again(order)

    # Our state may differ from the exchange's, and only a new login gives positions: no new order until then.
    cdef void _demand_resync(self, str reason) noexcept:
        if not self.resync_due:
            self.resync_reason = reason
        self.resync_due = True
        self.gate.ready = False

    cdef void _demand_resync_of_doubt(self) noexcept:
        self._demand_resync(ANOMALY_NAMES[self.orders.last_doubt])

    # Notes the P&L at present prices, before a hello changes positions.
    cdef void _note_worth(self) noexcept:
        cdef int32_t owner
        for owner in range(self.n_strategies + 1):
            self.worth[owner] = self.marks.of_owner(owner)
        self.round_pnl = self.marks.at_touch()

    cdef void _unlink(self) noexcept:
        cdef int32_t owner, symbol
        if self.linked and not self.awaiting_hello:
            # The next connection forgets the prices, so positions keep the value that they have now.
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

    # Takes positions and cash from a hello; returns False if the cash is beyond plausible bounds.
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

    # A second hello: a new round on the same connection, or proof that our state is wrong. Ignored if equal.
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
            # The message cap holds some cancels back, and only a lost connection cancels those.
            self._demand_resync(ANOMALY_NAMES[REPEATED_HELLO])
        self._note_worth()
        ended = (self.round_pnl, self.marks.at_middle())
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
            self.closer.close_positions(self.now_ns)
        if self.gate.symbols_asked or self.desk.n_cancels:
            self._settle()
        return 0

    # For own-order news of several symbols at once.
    cdef int _react(self, uint32_t symbols) except -1:
        cdef int32_t owner
        cdef CompiledStrategy strategy
        for owner in range(self.n_strategies):
            strategy = <CompiledStrategy>self.strategies[owner]
            if strategy.order_bits & symbols:
                self._ask(strategy, strategy.order_bits & symbols)
        if self.gate.mode == CLOSING:
            self.closer.close_positions(self.now_ns)
        return self._settle()

    cdef int _ask(self, CompiledStrategy strategy, uint32_t symbols) except -1:
        if self.gate.ready and self.gate.mode == ACTIVE:
            strategy.evaluate(symbols, self.now_ns)
        return 0

    # Sends waiting cancels first, then for each symbol the order that wins its slot.
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
                gate.slot_won(proposal)
                if gate.n_proposals[symbol] > 1:
                    ask_again(&gate.slots, symbol, gate.slots.open_ns[symbol])
                self._answer(proposal, PASS, order)
                return 0
            gate.note_refusal(proposal, refusal, self.now_ns)
            if refusal == MESSAGE_CAP:
                ask_again(&gate.slots, symbol, gate.room_after_ns(self.cancel_reserve, self.now_ns))
                return 0
            self._answer(proposal, refusal, NULL)
            if refusal == SELF_CROSS and self._make_way(proposal):
                return 0  # a proposal of the cancelled strategy would be in the way again
        return 0

    cdef int _answer(self, const Proposal* proposal, int32_t refusal, Order* order) except -1:
        if proposal.strategy < self.n_strategies and self.listeners >> proposal.strategy & 1:
            (<CompiledStrategy>self.strategies[proposal.strategy]).on_answer(proposal, refusal, order)
        return 0

    # Cancels later strategies' orders that an earlier strategy's order would cross; returns whether any.
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

    # Sends as many waiting cancels as the message cap allows; the rest wait for housekeeping.
    cdef int _send_cancels(self) except -1:
        cdef StrategyDesk desk = self.desk
        cdef int32_t sent = 0
        cdef Order* order
        if desk.n_cancels == 0 or not self.linked or self.awaiting_hello:
            return 0
        if desk.n_cancels >= CANCELS_MAX:
            raise BrokenInvariant(f"{CANCELS_MAX} cancels wait, more than orders can be live at once.")
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
        self.gate.mode = CLOSING
        self.reason = reason
        self.closer.begin()
        return self._cancel_all()

    # --- strategies with `listens` --------------------------------------------------------------

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

    # --- for the shell --------------------------------------------------------------------------

    @property
    def next_deadline_ns(self) -> int:
        """The time at which ``tick`` is due; 2**63 - 1 for never."""
        cdef int64_t deadline_ns = self.house_ns
        cdef int32_t index
        cdef CompiledStrategy strategy
        for index in range(N_SYMBOLS):
            if self.gate.slots.retry_ns[index] < deadline_ns:
                deadline_ns = self.gate.slots.retry_ns[index]
        for index in range(self.n_strategies):
            strategy = <CompiledStrategy>self.strategies[index]
            if strategy.wake_ns < deadline_ns:
                deadline_ns = strategy.wake_ns
        return deadline_ns

    @property
    def needs_resync(self) -> bool:
        """Whether the shell should drop the connection and connect again: only a login gives positions."""
        return bool(self.resync_due)

    @property
    def doubt(self) -> str:
        """The last reason for a new login: ``unanswered`` or an anomaly's name; empty if there was none."""
        return self.resync_reason

    @property
    def rounds_reset(self) -> list:
        """P&L at the touch and at the middle of each round that a second hello of a connection ended."""
        return list(self.reset_rounds)

    @property
    def hello_seen(self) -> bool:
        """Whether the exchange has sent its hello on the present connection."""
        return bool(self.linked and not self.awaiting_hello)

    @property
    def stopped(self) -> bool:
        """Whether ``stop`` was called and no order is live any more."""
        return self.gate.mode == STOPPING and self.orders.live_bits == 0

    @property
    def round_closed(self) -> bool:
        """Whether symbols were open on this connection and all are closed now."""
        return bool(self.was_open) and self.market.open_bits == 0

    @property
    def mode(self) -> str:
        """``active``, ``stopping`` or ``closing`` (positions are being taken to zero)."""
        return MODE_NAMES[self.gate.mode]

    @property
    def halted_reason(self) -> str:
        """The reason why it no longer trades; empty while it trades."""
        return self.reason

    @property
    def killed(self) -> bool:
        """Whether the kill switch was tripped in this run."""
        return bool(self.was_killed)

    # --- results --------------------------------------------------------------------------------

    @property
    def cash(self) -> int:
        """Cash of this round: the hello's cash, fills, and fees."""
        return self.orders.cash

    def positions(self) -> dict:
        """Shares held by symbol."""
        return {name: self.orders.position[symbol] for symbol, name in enumerate(SYMBOLS)}

    def book(self, str name not None) -> dict:
        """One symbol's market state: ``arbcore.trading._market.Market.view``."""
        return self.market.view(name)

    def exposure(self) -> dict:
        """Per symbol: position, shares that live orders may still buy and sell, and the limit."""
        return self.gate.exposure()

    def orders_snapshot(self) -> list:
        """Every live order with all its fields, symbol by symbol, oldest first."""
        return self._named(self.orders.live_orders())

    def recent_orders(self, count: int) -> list:
        """The last orders of the run, newest first, as many as the table still holds."""
        return self._named(self.orders.recent(count))

    def recent_fills(self) -> list:
        """The last fills of the run, newest first, as many as are kept."""
        return self._named(self.orders.recent_fills())

    def _named(self, shown) -> list:
        names = [*self.names, "unattributed"]
        for order in shown:
            order["strategy"] = names[order["strategy"]]
        return shown

    def pnl(self) -> int:
        """Cash plus positions of this round, at the touch that would close them; the loss limit uses it."""
        return self.marks.at_touch()

    def pnl_at_middle(self) -> int:
        """Cash plus positions of this round, at the middle of the touch, rounded down."""
        return self.marks.at_middle()

    def owner_pnl(self, int32_t owner) -> int:
        """P&L of one strategy over all rounds; the index after the last is for the rest."""
        if not 0 <= owner <= self.n_strategies:
            raise IndexError(f"owner {owner} of {self.n_strategies + 1}")
        return self.orders.holdings[owner].carried_pnl + self.marks.of_owner(owner)

    @property
    def oversized(self) -> int:
        """How many lines were too long to be parsed."""
        return self.splitter.oversized

    @property
    def open_inferred(self) -> list:
        """The symbols that count as open although no message opened them."""
        return [name for symbol, name in enumerate(SYMBOLS) if self.inferred_bits >> symbol & 1]

    @property
    def first_refusals(self) -> list:
        """The first refusal of each reason for users' strategies, as (strategy, reason, order)."""
        return [
            (name, reason, order)
            for name, strategy in zip(self.names, self.strategies, strict=True)
            for reason, order in getattr(strategy, "first_refusals", {}).items()
        ]

    def owner_holding(self, int32_t owner) -> dict:
        """Cash, positions and earlier rounds' P&L of one strategy; the index is as in ``owner_pnl``."""
        return self.orders.holding(owner)

    def summary(self) -> dict:
        """Results of the run, under the JSON keys of an exchange run. Money in ticks, P&L over all rounds."""
        return summary_of(self)
