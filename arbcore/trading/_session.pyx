"""Bytes and time in, bytes out: the whole trading core behind six calls.

The result does not depend on how the bytes were cut. ``reference.session`` is the specification.
It knows no socket, file or clock.
"""

from cpython.buffer cimport PyBUF_SIMPLE, PyBuffer_Release, PyObject_GetBuffer
from libc.stdint cimport int32_t, int64_t, uint32_t

from arbcore.trading._audit cimport Audit
from arbcore.trading._core cimport BOOKS, HOUSEKEEPING_NS, ORDER_NEWS, TRADES, Core, Streak
from arbcore.trading._market cimport Market
from arbcore.trading._orders cimport Orders
from arbcore.trading._risk cimport CLOSING, STOPPING, Gate
from arbcore.trading._strategy cimport StrategyDesk, CompiledStrategy
from arbcore.trading._tally cimport FaultLog, TextTally
from arbcore.wire._encode cimport OutBuffer, put_hello
from arbcore.wire._lines cimport LineSplitter
from arbcore.wire._types cimport N_SYMBOLS

from arbcore.errors import UsageError
from arbcore.trading._risk import MODE_NAMES, REFUSAL_NAMES
from arbcore.trading.trading_settings import NEVER_NS
from arbcore.wire.instruments import SYMBOLS

cdef extern from "Python.h":
    long long PyLong_AsLongLongAndOverflow(object number, int* overflow) except? -1

cdef int64_t NEVER = NEVER_NS
# The clock stands still beyond this (146 years), so that adding any setting to a time stays within 64 bits.
cdef int64_t TIME_MAX_NS = 2**62


def adapted(strategies) -> list:
    """The strategies as the session takes them: a user's plain object is wrapped."""
    return [each if isinstance(each, CompiledStrategy) else _wrapped(each) for each in strategies]


def _wrapped(hooks):
    from arbcore.trading._plugin import Plugin

    return Plugin(hooks)


def unique_names(names) -> list:
    """The names with those that come again told apart by a number: ``Mine``, ``Mine#2``."""
    found = []
    for name in names:
        count = sum(earlier.partition("#")[0] == name for earlier in found)
        found.append(f"{name}#{count + 1}" if count else name)
    return found


cdef class Session(Core):
    """One run of the bot: any number of connections and rounds, one after the other.

    Bytes and times in, bytes out: the result depends on them alone. Times are nanoseconds of one clock; one
    that goes back is held where it was. Prices are ticks, positions shares.

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

    # Behind the last place there is always one more, so the list stays closed by a NULL.
    cdef void _ask_about(self, int32_t news, uint32_t symbols, CompiledStrategy strategy) noexcept:
        cdef int32_t symbol, place
        for symbol in range(N_SYMBOLS):
            if symbols >> symbol & 1:
                place = 0
                while self.interested[news][symbol][place] != NULL:
                    place += 1
                self.interested[news][symbol][place] = <void*>strategy

    def watch_hooks(self, stopwatch, *, signals_apart=False) -> None:
        """Time the hooks of users' strategies with ``stopwatch``, which gives nanoseconds.

        ``signals_apart`` says that no signal becomes an exception here, so that a KeyboardInterrupt out of a
        hook is that hook's own and costs its strategy like any other.
        """
        self.desk.stopwatch = stopwatch
        self.desk.signals_apart = signals_apart

    # --- events from the shell ------------------------------------------------------------------

    # One event at a time: a hook, or a thread that runs while a hook does, must not come in between.
    cdef int _enter(self, object now_ns) except -1:
        if self.busy:
            raise UsageError("A session takes one event at a time, and none from its own hooks.")
        self._clock(now_ns)
        self.busy = True
        return 0

    def connected(self, now_ns) -> bytes:
        """A new connection stands; returns the hello to send. Everything live is unknown until answered."""
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
        """The connection is gone: live orders are unknown until the next hello says what is held."""
        self._enter(now_ns)
        try:
            self._unlink()
        finally:
            self.busy = False

    def receive(self, data, now_ns) -> bytes:
        """Take in bytes (any bytes-like object) as they came, however cut; returns the bytes to send."""
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
        """Let time pass: due at ``next_deadline_ns``, harmless at any other time."""
        self._enter(now_ns)
        try:
            self._timers()
            return self.out.take()
        finally:
            self.busy = False

    def hold(self, now_ns) -> bytes:
        """The process was paused, so what is received next is old.

        Until ``resume`` or the connection's end cancels leave and nothing else does, and no time-out runs.
        """
        self._enter(now_ns)
        try:
            self.holding = self.linked
            return self.out.take()
        finally:
            self.busy = False

    def resume(self, now_ns) -> bytes:
        """What waited has been received: ends ``hold`` and asks every strategy again."""
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
        """Orderly end: nothing new leaves, everything live is cancelled; ``stopped`` once all are out.

        Where the loss limit or the kill switch has halted trading already, theirs stays the reason.
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
        """The kill switch tripped: cancel all, close positions, and never trade again in this run."""
        self._enter(now_ns)
        try:
            self.was_killed = True
            self._close_down(reason)
            return self.out.take()
        finally:
            self.busy = False

    # Time never goes back: a clock that jumps neither expires nor reorders anything.
    cdef int _clock(self, object now_ns) except -1:
        cdef int overflow = 0
        cdef int64_t now = PyLong_AsLongLongAndOverflow(now_ns, &overflow)
        if overflow > 0 or now > TIME_MAX_NS:
            now = TIME_MAX_NS
        if overflow >= 0 and now > self.now_ns:
            self.now_ns = now
            self.gate.slots.now_ns = now
        return 0

    # --- what a shell asks ----------------------------------------------------------------------

    @property
    def next_deadline_ns(self) -> int:
        """When ``tick`` is due; 2**63 - 1 for never."""
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
        """Whether the connection should be dropped and dialled again, since only a login tells positions."""
        return bool(self.resync_due)

    @property
    def doubt(self) -> str:
        """Why a new login was last needed: ``unanswered`` or an anomaly's name; empty for never."""
        return self.resync_reason

    @property
    def rounds_reset(self) -> list:
        """P&L at the touch and at the middle of each round that a hello ended on a standing connection."""
        return list(self.reset_rounds)

    @property
    def hello_seen(self) -> bool:
        """Whether the exchange has answered on the present connection."""
        return bool(self.linked and not self.awaiting_hello)

    @property
    def stopped(self) -> bool:
        """Whether a stop was asked for and no order is live any more."""
        return self.gate.mode == STOPPING and self.orders.live_bits == 0

    @property
    def round_closed(self) -> bool:
        """Whether symbols were open on this connection and none is any more."""
        return bool(self.was_open) and self.market.open_bits == 0

    @property
    def mode(self) -> str:
        """``active``, ``stopping`` or ``closing`` (positions are being taken to zero)."""
        return MODE_NAMES[self.gate.mode]

    @property
    def halted_reason(self) -> str:
        """Why it no longer trades; empty while it does."""
        return self.reason

    @property
    def killed(self) -> bool:
        """Whether the kill switch tripped in this run."""
        return bool(self.was_killed)

    # --- results --------------------------------------------------------------------------------

    @property
    def cash(self) -> int:
        """Cash of this round: what the hello said, fills, and fees."""
        return self.orders.cash

    def positions(self) -> dict:
        """Shares held by symbol."""
        return {name: self.orders.position[symbol] for symbol, name in enumerate(SYMBOLS)}

    def book(self, str name not None) -> dict:
        """One symbol as it was last shown: ``arbcore.trading._market.Market.view``."""
        return self.market.view(name)

    def exposure(self) -> dict:
        """Per symbol: position, what live orders may still buy and sell, and the limit."""
        return self.gate.exposure()

    def orders_snapshot(self) -> list:
        """Every live order with all its fields, symbol by symbol, oldest first."""
        return self._named(self.orders.live_orders())

    def recent_orders(self, count: int) -> list:
        """The last orders of the run, newest first, as far as the table still holds them."""
        return self._named(self.orders.recent(count))

    def _named(self, shown) -> list:
        names = [*self.names, "unattributed"]
        for order in shown:
            order["strategy"] = names[order["strategy"]]
        return shown

    def pnl(self) -> int:
        """Cash and positions of this round at the touch they would hit: what the loss limit looks at."""
        return self._pnl()

    def pnl_at_middle(self) -> int:
        """The same with positions at the middle of the touch, rounded down."""
        return self._pnl_at_middle()

    def owner_pnl(self, int32_t owner) -> int:
        """P&L of one strategy (after the last: of what belongs to none) over all rounds of the run."""
        if not 0 <= owner <= self.n_strategies:
            raise IndexError(f"owner {owner} of {self.n_strategies + 1}")
        return self.orders.holdings[owner].carried_pnl + self._owner_worth(owner)

    @property
    def first_refusals(self) -> list:
        """(strategy, reason, order) of what the gate refused users' strategies, the first of each reason."""
        return [
            (name, reason, order)
            for name, strategy in zip(self.names, self.strategies, strict=True)
            for reason, order in getattr(strategy, "first_refusals", {}).items()
        ]

    def _refused(self) -> list:
        cdef int32_t owner, symbol, buys
        cdef const Streak* streak
        names = [*self.names, "unattributed"]
        rows = []
        for owner in range(self.n_strategies + 1):
            for symbol in range(N_SYMBOLS):
                for buys in range(2):
                    streak = &self.streaks[owner][symbol][buys]
                    if streak.longest_ns:
                        rows.append({
                            "strategy": names[owner],
                            "symbol": SYMBOLS[symbol],
                            "side": "BUY" if buys else "SELL",
                            "reason": REFUSAL_NAMES[streak.reason],
                            "seconds": streak.longest_ns // 1_000_000_000,
                        })
        return rows

    def owner_holding(self, int32_t owner) -> dict:
        """Cash, positions by symbol and P&L carried from earlier rounds of one strategy, as ``owner_pnl``."""
        if not 0 <= owner <= self.n_strategies:
            raise IndexError(f"owner {owner} of {self.n_strategies + 1}")
        return {
            "cash": self.orders.holdings[owner].cash,
            "carried_pnl": self.orders.holdings[owner].carried_pnl,
            "positions": {
                name: self.orders.holdings[owner].position[at] for at, name in enumerate(SYMBOLS)
            },
        }

    def summary(self) -> dict:
        """What the run did, under the JSON keys of an exchange run. Money in ticks, P&L over all rounds."""
        faults = self.fault_log.as_dict()
        if self.splitter.oversized:
            faults["oversized"] = self.splitter.oversized
        return {
            "messages_in": self.messages_in,
            "orders_sent": self.orders_sent,
            "cancels_sent": self.cancels_sent,
            "converts_sent": self.converts_sent,
            "fills": self.orders.fills,
            "rejects": self.rejects.as_dict(),
            "errors": self.errors.as_dict(),
            "faults": faults,
            "last_faults": [line.decode("utf-8", "backslashreplace") for line in self.fault_log.last()],
            "anomalies": self.orders.anomalies,
            "refusals": self.gate.refusals,
            "refused": self._refused(),
            "open_inferred": [
                name for symbol, name in enumerate(SYMBOLS) if self.inferred_bits >> symbol & 1
            ],
            "positions": self.positions(),
            "cash": self.orders.cash,
            "pnl": self.carried_pnl + self._pnl(),
            "strategies": {
                name: {
                    "orders": self.orders.holdings[owner].orders,
                    "fills": self.orders.holdings[owner].fills,
                    "pnl": self.owner_pnl(owner),
                }
                for owner, name in enumerate([*self.names, "unattributed"])
            },
            "strategy_errors": {
                name: strategy.error
                for name, strategy in zip(self.names, self.strategies, strict=True)
                if strategy.error
            },
            "strategy_stops": {
                name: strategy.stops
                for name, strategy in zip(self.names, self.strategies, strict=True)
                if strategy.stops
            },
            "slow_hooks": {
                name: {
                    "hook": strategy.slowest_hook,
                    "longest_s": round(strategy.slowest_ns / 1e9, 3),
                    "calls": strategy.slow_calls,
                }
                for name, strategy in zip(self.names, self.strategies, strict=True)
                if getattr(strategy, "slow_calls", 0)
            },
            "limit_breaches": self.audit.breaches,
            "mode": self.mode,
            "halted_reason": self.reason,
        }
