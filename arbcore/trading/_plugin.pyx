# cython: nonecheck=True
"""Runs a user's strategy: a plain Python class, with the same hooks and gate as the built-in ones.

It may have any of these methods. ``desk`` shows the market and takes the orders (``TraderDesk``)::

    on_start(desk)                              once, before any other hook
    on_round_start(desk)                        a round began: the hello came, with the positions
    on_round_end(desk)                          every symbol is closed
    on_open(desk, symbol)                       the exchange opened a symbol
    on_close(desk, symbol)                      the exchange closed a symbol
    on_book(desk, symbol)                       a book changed
    on_trade(desk, symbol, price, size)         a trade happened, between any two participants
    on_fill(desk, symbol, side, price, size)    an order of this strategy filled, in part or in full
    on_refused(desk, ticket, reason)            the risk gate refused an order for good, with its reason
    on_reject(desk, ticket, reason)             the exchange rejected an order, with its text
    on_out(desk, ticket)                        an order ended before it had filled in full
    on_tick(desk)                               ten times a second while the exchange is connected

Symbols are names, sides are "BUY" and "SELL". A class attribute ``symbols`` restricts which symbols' books
and trades call the hooks; ``name`` is the strategy's name in the summary (default: the class's name).

An order is sent at once if the gate allows it and no strategy has a more valuable order in the same symbol.
Otherwise it **waits**: for the 100 ms between two orders in a symbol, for the message cap, or behind the more
valuable order. It waits until it is sent, until ``desk.cancel`` takes it back, or until the strategy places
another order in the same symbol and side, which replaces it. Any other refusal (limit, collar, closed, own
order on the other side) is final: the order is dropped and ``on_refused`` is called. A quote is kept instead:
it is sent again until the strategy changes or pulls it. Waiting orders and quotes end with the connection.

Any exception from a hook switches the strategy off for the rest of the run: its orders are cancelled, its
position is left as it is, the error appears in the summary's ``strategy_errors``, and the session goes on.
At the start the names and parameters are checked: a method whose name begins with ``on_`` must be one of
these hooks and accept its arguments.
"""

import difflib
import inspect
from collections import deque

from libc.stdint cimport INT32_MAX, int32_t, int64_t, uint32_t
from libc.string cimport memset

from arbcore.trading._market cimport SymbolState
from arbcore.trading._orders cimport ADD, CONVERT, OPEN, OUT, UNACKED, Order
from arbcore.trading._risk cimport ACTIVE, BAD_ORDER, COOLDOWN, HEDGE_VALUE, MESSAGE_CAP, PASS, Proposal
from arbcore.trading._strategy cimport StrategyDesk, CompiledStrategy
from arbcore.wire._decode cimport text_of
from arbcore.wire._types cimport (
    MSG_CLOSE,
    MSG_FILL,
    MSG_OPEN,
    MSG_OUT,
    MSG_REJECT,
    MSG_TRADE,
    N_SYMBOLS,
    Message,
)

from arbcore.errors import UsageError
from arbcore.trading._risk import REFUSAL_NAMES
from arbcore.core.text import printable
from arbcore.trading.strategy import Strategy as HookBase
from arbcore.wire.instruments import BOND_FAIR_PRICE, CONVERSIONS, SYMBOL_ID, SYMBOLS

#: The arguments of each hook.
HOOKS = {
    "on_start": ("desk",),
    "on_round_start": ("desk",),
    "on_round_end": ("desk",),
    "on_open": ("desk", "symbol"),
    "on_close": ("desk", "symbol"),
    "on_book": ("desk", "symbol"),
    "on_trade": ("desk", "symbol", "price", "size"),
    "on_fill": ("desk", "symbol", "side", "price", "size"),
    "on_refused": ("desk", "ticket", "reason"),
    "on_reject": ("desk", "ticket", "reason"),
    "on_out": ("desk", "ticket"),
    "on_tick": ("desk",),
}

# The index of each hook in HOOKS.
cdef enum Hook:
    START = 0
    ROUND_START = 1
    ROUND_END = 2
    OPENED = 3
    CLOSED = 4
    BOOK = 5
    TRADE = 6
    FILL = 7
    REFUSED = 8
    REJECT = 9
    GONE = 10
    TICK = 11
    N_HOOKS = 12

HOOK_NAMES = tuple(HOOKS)
HOOK_BYTES = tuple(name.encode() for name in HOOKS)
#: How many trades of a symbol are kept for ``TraderDesk.trades`` and ``average``.
TRADES_KEPT = 1000
#: Seconds after a fill at which its markout is taken.
MARKOUT_SECONDS = (1, 5, 30)
#: A hook that takes this long is reported: the bot does nothing else meanwhile.
SLOW_HOOK_NS = 50_000_000
cdef int64_t SLOW_NS = SLOW_HOOK_NS

cdef enum:
    ALL = (1 << N_SYMBOLS) - 1
    TICKETS_KEPT = 1024

cdef int64_t QUOTE_PAUSE_NS = 100_000_000   # pause before a refused quote is sent again

# One order that waits to be sent; `ticket` is 0 if none waits.
cdef struct Ask:
    int64_t ticket
    int64_t value
    int32_t price
    int32_t size

# One quote that is kept; `size` is 0 if there is none. `order_id` is the last order sent for it.
cdef struct Quote:
    int64_t order_id
    int64_t ticket
    int64_t value
    int64_t again_ns
    int32_t price
    int32_t size


cdef int32_t symbol_of(object name) except -1:
    if name not in SYMBOL_ID:
        raise UsageError(f"no symbol {name!r}; use one of {', '.join(SYMBOLS)}")
    return SYMBOL_ID[name]


cdef int32_t side_of(object side) except 0:
    if side == "BUY":
        return 1
    if side == "SELL":
        return -1
    raise UsageError(f"no side {side!r}; use BUY or SELL")


cdef int32_t whole(object number, str what) except? -1:
    if isinstance(number, bool) or not isinstance(number, int):
        raise UsageError(f"{what} is {number!r}; give a whole number")
    # A number beyond 32 bits is not a legal price or size when clipped either: the gate refuses it.
    return <int32_t>max(-1, min(number, INT32_MAX))


cdef int64_t worth_of(object value, int32_t size) except? -1:
    # An order of a user's strategy never goes before a hedge or the closing of positions.
    return size if value is None else <int64_t>max(-HEDGE_VALUE, min(int(value), HEDGE_VALUE - 1))


cdef str named(const Proposal* proposal):
    """Describes the order in words."""
    what = f"{'BUY' if proposal.side > 0 else 'SELL'} {proposal.size} {SYMBOLS[proposal.symbol]}"
    return f"{what} at {proposal.price}" if proposal.kind == ADD else f"the conversion {what}"


def words_of(error, where="") -> str:
    """Describes an exception, with ``where`` after its type, even if its ``__str__`` raises."""
    kind = type(error).__name__ + where
    try:
        text = str(error)
    except BaseException:  # noqa: BLE001  the user's __str__ may raise anything, and the run must not stop
        text = "(its text cannot be read)"
    return f"{kind}: {text}" if text else kind


def place_of(error) -> str:
    """Where in the user's own code an exception was raised, as ``, FILE:LINE``, or an empty text."""
    place, step = "", error.__traceback__
    while step is not None:
        name = step.tb_frame.f_code.co_filename
        if not name.endswith(".pyx"):
            place = f", {name}:{step.tb_lineno}"
        step = step.tb_next
    return place


def checked_hooks(hooks) -> list:
    """The object's hooks in the order of HOOKS, None for each that it does not have.

    Raises UsageError if a hook does not accept its arguments, a name is not a hook's, or there is no hook.
    """
    kind = type(hooks).__name__
    found = []
    for name, arguments in HOOKS.items():
        try:
            hook = getattr(hooks, name, None)
        except BaseException as error:  # noqa: BLE001  a property of the user's object may raise anything
            raise UsageError(f"{kind}.{name} cannot be read ({words_of(error)})") from None
        if getattr(hook, "__func__", None) is getattr(HookBase, name):
            hook = None  # The base class's method, which does nothing.
        if hook is not None:
            _check_hook(kind, name, hook, arguments)
        found.append(hook)
    for name in dir(type(hooks)):
        if name.startswith("on_") and name not in HOOKS and callable(getattr(type(hooks), name, None)):
            near = difflib.get_close_matches(name, HOOKS, n=1, cutoff=0.6)
            hint = f"did you mean {near[0]}?" if near else f"name it otherwise, or use {', '.join(HOOKS)}"
            raise UsageError(f"{kind}.{name} is not a hook; {hint}")
    if all(hook is None for hook in found):
        raise UsageError(f"{kind} is not a strategy; it needs one of {', '.join(HOOKS)}")
    return found


def _check_hook(kind, name, hook, arguments):
    if not callable(hook):
        raise UsageError(f"{kind}.{name} is {hook!r}; give a method")
    if inspect.iscoroutinefunction(hook) or inspect.isasyncgenfunction(hook):
        raise UsageError(f"{kind}.{name} is asynchronous, and nobody would await it; write a plain def")
    if inspect.isgeneratorfunction(hook):
        raise UsageError(f"{kind}.{name} is a generator, whose body would never run; write no yield")
    try:
        signature = inspect.signature(hook)
    except (TypeError, ValueError):
        return  # Some builtins have no signature.
    try:
        signature.bind(*arguments)
    except TypeError:
        raise UsageError(f"{kind}.{name} must take ({', '.join(arguments)}) but takes {signature}") from None


cdef class Plugin(CompiledStrategy):
    """Calls the hooks of a user's object. Raises UsageError if it has no hooks, or a wrong one."""

    cdef list hooks                     # by index in HOOKS, None for a missing one
    cdef bint started
    cdef bytes shown_name
    cdef readonly dict first_refusals   # by reason, the first order that the gate refused for good
    cdef readonly int64_t slow_calls
    cdef readonly int64_t slowest_ns
    cdef readonly str slowest_hook
    cdef dict tickets                   # order id -> ticket, of the orders in `sent`
    cdef list trades                    # by symbol: (price, size, time) of the last trades, oldest first
    cdef object fills                   # (time, symbol, side, price, size) of fills whose last markout is due
    cdef list marked                    # by symbol and horizon: [shares, sum of ticks times shares]
    cdef TraderDesk face
    cdef uint32_t told_bits             # bit set of the symbols whose books and trades call hooks
    cdef int64_t now_ns
    cdef int64_t last_ticket
    cdef Ask asks[N_SYMBOLS][2][2]      # by symbol, kind, and whether it buys
    cdef Quote quotes[N_SYMBOLS][2]     # by symbol, and whether it buys
    cdef dict sent                      # ticket -> order id, of orders that may still be live

    def __init__(self, hooks):
        if isinstance(hooks, type):
            raise UsageError(f"{hooks.__name__} is a class; give an object of it as the strategy")
        kind = type(hooks).__name__
        self.hooks = checked_hooks(hooks)
        try:
            self.name = str(getattr(hooks, "name", kind))
            symbols = getattr(hooks, "symbols", SYMBOLS)
            if isinstance(symbols, str):
                raise UsageError(f"symbols is {symbols!r}; give a tuple of names such as ({symbols!r},)")
            for symbol in symbols:
                self.told_bits |= 1u << symbol_of(symbol)
        except UsageError as error:
            raise UsageError(f"{kind}: {error}") from None
        except BaseException as error:  # noqa: BLE001  the user's properties may raise anything
            raise UsageError(f"{kind}: its name or symbols cannot be read ({words_of(error)})") from None
        self.shown_name = printable(self.name).encode("ascii", "backslashreplace")
        self.slowest_hook = ""
        self.first_refusals = {}
        self.listens = True
        self.order_bits = ALL
        self.book_bits = self.told_bits
        self.trade_bits = self.told_bits
        self.face = TraderDesk(self)
        self.sent = {}
        self.tickets = {}
        self.trades = [deque(maxlen=TRADES_KEPT) for _ in SYMBOLS]
        self.fills = [deque() for _ in MARKOUT_SECONDS]
        self.marked = [[[0, 0.0] for _ in MARKOUT_SECONDS] for _ in SYMBOLS]
        self.made = True

    # --- the session's calls --------------------------------------------------------------------

    cdef void reset(self) noexcept:
        memset(self.asks, 0, sizeof(self.asks))
        memset(self.quotes, 0, sizeof(self.quotes))

    cdef int evaluate(self, uint32_t symbols, int64_t now_ns) except -1:
        self.now_ns = now_ns
        self._propose()
        return 0

    cdef int on_message(self, const Message* message, int64_t now_ns) except -1:
        cdef int32_t symbol
        self.now_ns = now_ns
        if message.kind == MSG_FILL:
            side = "BUY" if message.side > 0 else "SELL"
            for due in self.fills:
                due.append((now_ns, message.symbol, message.side, message.price, message.size))
            self._call(FILL, (SYMBOLS[message.symbol], side, message.price, message.size))
        elif message.kind == MSG_REJECT:
            self._call(REJECT, (self.tickets.get(message.order_id),
                                text_of(message.text, message.text_length)))
        elif message.kind == MSG_OUT:
            self._call(GONE, (self.tickets.get(message.order_id),))
        elif message.kind == MSG_OPEN or message.kind == MSG_CLOSE:
            for symbol in range(N_SYMBOLS):
                if message.symbol_mask & self.told_bits & (1u << symbol):
                    self._call(OPENED if message.kind == MSG_OPEN else CLOSED, (SYMBOLS[symbol],))
        elif message.kind == MSG_TRADE:
            self.trades[message.symbol].append((message.price, message.size, now_ns))
            if self.told_bits >> message.symbol & 1:
                self._call(TRADE, (SYMBOLS[message.symbol], message.price, message.size))
        elif self.told_bits >> message.symbol & 1:
            self._call(BOOK, (SYMBOLS[message.symbol],))
        return 0

    cdef int on_round(self, bint begins, int64_t now_ns) except -1:
        self.now_ns = now_ns
        if begins:
            for trades in self.trades:
                trades.clear()
            for due in self.fills:
                due.clear()
        self._call(ROUND_START if begins else ROUND_END, ())
        return 0

    cdef int on_tick(self, int64_t now_ns) except -1:
        self.now_ns = now_ns
        self._take_markouts()
        self._call(TICK, ())
        if self._trading():
            self._propose()
        return 0

    # Adds up, over the fills that are old enough, how far the fair value moved in our favour since the fill.
    cdef int _take_markouts(self) except -1:
        cdef int64_t due_ns
        for index, seconds in enumerate(MARKOUT_SECONDS):
            due_ns = self.now_ns - seconds * 1_000_000_000
            waiting = self.fills[index]
            while waiting and waiting[0][0] <= due_ns:
                _, symbol, side, price, size = waiting.popleft()
                fair = self.face.fair(SYMBOLS[symbol])
                if fair is not None:
                    row = self.marked[symbol][index]
                    row[0] += size
                    row[1] += side * (fair - price) * size
        return 0

    cdef int on_answer(self, const Proposal* proposal, int32_t refusal, Order* order) except -1:
        cdef bint buys = proposal.side > 0
        cdef Quote* quote = &self.quotes[proposal.symbol][buys]
        cdef Ask* waiting = &self.asks[proposal.symbol][proposal.kind][buys]
        cdef int64_t ticket = proposal.tag
        cdef bint wanted = waiting.ticket == ticket
        if self.error or refusal == COOLDOWN or refusal == MESSAGE_CAP:
            return 0
        if refusal >= BAD_ORDER:  # the values below it are pass, halted and closed
            if REFUSAL_NAMES[refusal] not in self.first_refusals:
                self.first_refusals[REFUSAL_NAMES[refusal]] = named(proposal)
        if order != NULL:
            self._remember(ticket, order.id)
        if proposal.kind == ADD and quote.ticket == ticket:
            if order != NULL:
                quote.order_id = order.id
            else:
                quote.again_ns = self.now_ns + QUOTE_PAUSE_NS
            return 0
        if wanted:
            waiting.ticket = 0
        if refusal != PASS:
            self._call(REFUSED, (ticket, REFUSAL_NAMES[refusal]))
        elif not wanted:
            # A hook cancelled it after it was proposed and before it was sent.
            self.desk.cancel(order)
        return 0

    # --- inside ---------------------------------------------------------------------------------

    cdef int _call(self, int32_t which, tuple arguments) except -1:
        if not self.error and not self.started:
            self.started = True
            if self.hooks[START] is not None:
                self._run(START, ())
        if not self.error and self.hooks[which] is not None:
            self._run(which, arguments)
        return 0

    # Where signals become exceptions a KeyboardInterrupt is the user's Ctrl-C; otherwise the hook raised it.
    cdef int _run(self, int32_t which, tuple arguments) except -1:
        cdef StrategyDesk desk = self.desk
        cdef bytes hook_name = HOOK_BYTES[which]
        stopwatch = desk.stopwatch
        began_ns = 0 if stopwatch is None else stopwatch()
        desk.running.hook = hook_name
        desk.running.strategy = self.shown_name
        try:
            answer = self.hooks[which](self.face, *arguments)
            if answer is not None:
                self._refuse_lazy(answer)
        except KeyboardInterrupt as error:
            if not desk.signals_apart:
                raise
            self._switch_off(which, error)
        except BaseException as error:  # noqa: BLE001  any error switches off this strategy only
            self._switch_off(which, error)
        finally:
            desk.running.strategy = NULL
        if stopwatch is not None:
            self._note_time(which, stopwatch() - began_ns)
        return 0

    cdef int _note_time(self, int32_t which, int64_t took_ns) except -1:
        if took_ns >= SLOW_NS:
            self.slow_calls += 1
            if took_ns > self.slowest_ns:
                self.slowest_ns = took_ns
                self.slowest_hook = HOOK_NAMES[which]
        return 0

    def _refuse_lazy(self, answer):
        if inspect.isawaitable(answer) or inspect.isasyncgen(answer) or inspect.isgenerator(answer):
            if inspect.iscoroutine(answer):
                answer.close()
            kind = type(answer).__name__
            raise UsageError(f"it returned a {kind}, whose body never runs; write a plain def")

    cdef int _switch_off(self, int32_t which, object error) except -1:
        cdef int32_t symbol, index
        cdef Order* order
        cdef Proposal* proposal
        self.error = words_of(error, f" in {HOOK_NAMES[which]}") + place_of(error)
        self.reset()
        for symbol in range(N_SYMBOLS):
            for index in range(self.desk.orders.n_live[symbol]):
                order = self.desk.orders.live[symbol][index]
                if order.strategy == self.owner:
                    self.desk.cancel(order)
            # Orders it proposed already must not be sent: the gate refuses a size of 0.
            for index in range(self.desk.gate.n_proposals[symbol]):
                proposal = &self.desk.gate.proposals[symbol][index]
                if proposal.strategy == self.owner:
                    proposal.size = 0
        return 0

    cdef bint _trading(self) except -1:
        return self.desk.gate.ready and self.desk.gate.mode == ACTIVE and not self.error

    cdef void _propose(self) noexcept:
        cdef int32_t symbol, kind, buys
        cdef Ask* waiting
        if self.error:
            return
        for symbol in range(N_SYMBOLS):
            for buys in range(2):
                for kind in range(2):
                    waiting = &self.asks[symbol][kind][buys]
                    if waiting.ticket:
                        self._put(kind, symbol, buys, waiting.price, waiting.size, waiting.value,
                                  waiting.ticket)
                if self.quotes[symbol][buys].size or self.quotes[symbol][buys].order_id:
                    self._keep(symbol, buys)

    # Keeps a quote's live order if it is as wanted; else cancels it, and sends the next one after its out.
    cdef void _keep(self, int32_t symbol, bint buys) noexcept:
        cdef Quote* quote = &self.quotes[symbol][buys]
        cdef Order* order = self.desk.orders.find(quote.order_id) if quote.order_id else NULL
        if order != NULL and order.state < OUT:
            if ((order.state == UNACKED or order.state == OPEN)
                    and (order.price != quote.price or order.size != quote.size)):
                self.desk.cancel(order)
            return
        quote.order_id = 0
        if quote.size and self.now_ns >= quote.again_ns:
            self._put(ADD, symbol, buys, quote.price, quote.size, quote.value, quote.ticket)

    cdef void _put(self, int32_t kind, int32_t symbol, bint buys, int32_t price, int32_t size, int64_t value,
                   int64_t ticket) noexcept:
        cdef Proposal proposal
        proposal.kind = kind
        proposal.symbol = symbol
        proposal.side = 1 if buys else -1
        proposal.price = price
        proposal.size = size
        proposal.strategy = self.owner
        proposal.value = value
        proposal.tag = ticket
        self.desk.gate.propose(&proposal)

    cdef int _remember(self, int64_t ticket, int64_t order_id) except -1:
        cdef Order* order
        if len(self.sent) >= TICKETS_KEPT:
            # A strategy has fewer live orders than that, so only ended ones are removed.
            for kept, known_id in list(self.sent.items()):
                order = self.desk.orders.find(known_id)
                if order == NULL or order.state >= OUT:
                    del self.sent[kept]
                    self.tickets.pop(known_id, None)
        self.sent[ticket] = order_id
        self.tickets[order_id] = ticket
        return 0

    cdef int64_t _ask_for(self, int32_t kind, int32_t symbol, int32_t side, int32_t price, int32_t size,
                          object value) except -1:
        cdef Ask* waiting = &self.asks[symbol][kind][side > 0]
        cdef int64_t worth = worth_of(value, size)
        if not self._trading():
            return 0
        self.last_ticket += 1
        waiting.ticket = self.last_ticket
        waiting.price = price
        waiting.size = size
        waiting.value = worth
        return waiting.ticket


cdef class TraderDesk:
    """Shows a user's strategy the market and takes its orders. Prices are ticks, sizes and positions shares.

    The session passes one to the hooks of ``arbcore.Strategy``; it cannot be made by itself.

    >>> import arbcore
    >>> class Looker(arbcore.Strategy):
    ...     def on_open(self, desk, symbol):
    ...         print(symbol, desk.fair(symbol), desk.position(symbol))
    >>> session = arbcore.Session(arbcore.SessionSettings(), [Looker()])
    >>> sent = session.connected(now_ns=0)
    >>> sent = session.receive(b'{"type":"hello","symbols":[]}\\n', now_ns=1)
    >>> sent = session.receive(b'{"type":"open","symbols":["BOND"]}\\n', now_ns=2)
    BOND 1000.0 0
    """

    cdef Plugin plugin

    def __cinit__(self, Plugin plugin not None):
        self.plugin = plugin

    cdef const SymbolState* _state(self, object symbol) except NULL:
        return &self.plugin.desk.market.symbols[symbol_of(symbol)]

    # --- the market -----------------------------------------------------------------------------

    @property
    def now_ns(self) -> int:
        """The session's time, in nanoseconds of its clock."""
        return self.plugin.now_ns

    @property
    def trading(self) -> bool:
        """Whether orders are accepted now: logged in, not stopping, not closing positions."""
        return bool(self.plugin._trading())

    def is_open(self, symbol) -> bool:
        """Whether the exchange has opened the symbol."""
        return bool(self._state(symbol).open)

    def bid(self, symbol):
        """The best bid as (price, size); None if there is none."""
        cdef const SymbolState* state = self._state(symbol)
        return (state.bids[0].price, state.bids[0].size) if state.n_bids else None

    def ask(self, symbol):
        """The best offer as (price, size); None if there is none."""
        cdef const SymbolState* state = self._state(symbol)
        return (state.asks[0].price, state.asks[0].size) if state.n_asks else None

    def book(self, symbol) -> tuple:
        """(bids, offers): each a list of (price, size), best first, at most 15."""
        cdef const SymbolState* state = self._state(symbol)
        cdef int32_t level
        return (
            [(state.bids[level].price, state.bids[level].size) for level in range(state.n_bids)],
            [(state.asks[level].price, state.asks[level].size) for level in range(state.n_asks)],
        )

    def last_price(self, symbol):
        """The price of the last trade; None before the first."""
        cdef int32_t price = self._state(symbol).last_price
        return price if price else None

    def average(self, symbol, count=None):
        """The average price of the last ``count`` trades; None while there were fewer.

        Without ``count``: of the last five (the setting ``window``), None before three (``min_prices``). At
        most 1000 trades of this round are kept.
        """
        cdef const SymbolState* state = self._state(symbol)
        if count is None:
            if state.prices.count < self.plugin.desk.market.min_prices:
                return None
            return <object>state.prices.total / <object>state.prices.count
        recent = self.trades(symbol, count)
        return sum(price for price, _, _ in recent) / count if len(recent) == count else None

    def trades(self, symbol, count=20) -> list:
        """The last trades of everybody as (price, size, time in ns), oldest first: at most ``count``."""
        if isinstance(count, bool) or not isinstance(count, int) or not 1 <= count <= TRADES_KEPT:
            raise UsageError(f"count is {count!r}; give a whole number from 1 to {TRADES_KEPT}")
        kept = self.plugin.trades[symbol_of(symbol)]
        return [kept[place] for place in range(max(0, len(kept) - count), len(kept))]

    def fair(self, symbol):
        """The fair value of a share by what it converts into, in ticks; None while a part has no price.

        BOND 1000; VALE the middle of VALBZ's touch; XLF a tenth of its basket at the middles; every other
        symbol the middle of its own touch, else its last trade. It does not include a conversion's fee.
        """
        cdef int32_t number = symbol_of(symbol)
        if SYMBOLS[number] == "BOND":
            return float(BOND_FAIR_PRICE)
        parts = self.basket(symbol)
        if not parts:
            middle = self.middle(symbol)
            return middle if middle is not None else self.last_price(symbol)
        worth = [(self.fair(leg), shares) for leg, shares in parts.items()]
        if any(price is None for price, _ in worth):
            return None
        return sum(price * shares for price, shares in worth) / CONVERSIONS[SYMBOLS[number]].unit

    def basket(self, symbol) -> dict:
        """Shares of each symbol that a conversion of 1 VALE or 10 XLF exchanges; empty for other symbols."""
        name = SYMBOLS[symbol_of(symbol)]
        return dict(CONVERSIONS[name].legs) if name in CONVERSIONS else {}

    def middle(self, symbol):
        """The middle of the touch, in ticks and halves; None while a side is empty."""
        cdef const SymbolState* state = self._state(symbol)
        if not state.n_bids or not state.n_asks:
            return None
        return (<object>state.bids[0].price + <object>state.asks[0].price) / 2

    @property
    def time_left_s(self):
        """Seconds to the end of the round, counted from its first open by the setting ``ARBCORE_ROUND_MS``.

        None before the open. A bot that joins in the middle of a round counts from the first open it sees.
        """
        cdef Plugin plugin = self.plugin
        if plugin.desk is None or plugin.desk.opened_ns == 0:
            return None
        return max(0.0, (plugin.desk.opened_ns + plugin.desk.round_ns - plugin.now_ns) / 1e9)

    # --- money ----------------------------------------------------------------------------------

    @property
    def cash(self) -> int:
        """Cash of the whole session in this round, in ticks."""
        return self.plugin.desk.orders.cash

    @property
    def pnl(self) -> int:
        """Cash plus positions of the session in this round, at the touch that would close them, in ticks."""
        cdef Plugin plugin = self.plugin
        cdef int32_t symbol
        worth = plugin.desk.orders.cash
        for symbol in range(N_SYMBOLS):
            held = plugin.desk.orders.position[symbol]
            worth += held * plugin.desk.market.mark(symbol, held, plugin.desk.orders.average_price(symbol))
        return worth

    @property
    def own_pnl(self) -> int:
        """P&L of this strategy alone in this round, or since a hello last replaced the positions. Ticks."""
        cdef Plugin plugin = self.plugin
        cdef int32_t symbol
        worth = plugin.desk.orders.holdings[plugin.owner].cash
        for symbol in range(N_SYMBOLS):
            held = plugin.desk.orders.holdings[plugin.owner].position[symbol]
            worth += held * plugin.desk.market.mark(symbol, held, plugin.desk.orders.average_price(symbol))
        return worth

    def limit(self, symbol) -> int:
        """The position limit, the same long and short, in shares."""
        return self.plugin.desk.gate.limits[symbol_of(symbol)]

    def markouts(self, symbol=None) -> dict:
        """How far fair value moved in favour of this strategy's fills: seconds -> ticks a share, or None.

        Measured 1, 5 and 30 seconds after each fill, over all fills of the run that are old enough. A value
        below 0 means that the other side of the trades knew better. ``symbol`` None covers all symbols.
        """
        rows = self.plugin.marked if symbol is None else [self.plugin.marked[symbol_of(symbol)]]
        found = {}
        for index, seconds in enumerate(MARKOUT_SECONDS):
            shares = sum(row[index][0] for row in rows)
            found[seconds] = sum(row[index][1] for row in rows) / shares if shares else None
        return found

    # --- positions and orders -------------------------------------------------------------------

    def position(self, symbol) -> int:
        """Shares held by the whole session, over all strategies."""
        return self.plugin.desk.orders.position[symbol_of(symbol)]

    def own_position(self, symbol) -> int:
        """Shares that this strategy bought, less the shares it sold."""
        return self.plugin.desk.orders.holdings[self.plugin.owner].position[symbol_of(symbol)]

    def room(self, symbol, side) -> int:
        """Shares of a side that can still be ordered within the limit; live orders count as filled."""
        return self.plugin.desk.gate.room(symbol_of(symbol), side_of(side))

    def orders(self) -> list:
        """This strategy's waiting and live orders, as dicts: ``ticket``, ``kind``, ``symbol``, ``side``,
        ``price``, ``size``, ``remaining``, ``state`` ("waiting", "unacknowledged", "open", ...)."""
        cdef int32_t symbol, kind, buys, index
        cdef Ask* waiting
        cdef Plugin plugin = self.plugin
        tickets = {order_id: ticket for ticket, order_id in plugin.sent.items()}
        listed = []
        for symbol in range(N_SYMBOLS):
            for index in range(plugin.desk.orders.n_live[symbol]):
                if plugin.desk.orders.live[symbol][index].strategy == plugin.owner:
                    shown = plugin.desk.orders.show(plugin.desk.orders.live[symbol][index])
                    listed.append({"ticket": tickets.get(shown["order_id"]),
                                   **{key: shown[key] for key in
                                      ("kind", "symbol", "side", "price", "size", "remaining", "state")}})
            for kind in range(2):
                for buys in range(2):
                    waiting = &plugin.asks[symbol][kind][buys]
                    if waiting.ticket:
                        listed.append({
                            "ticket": waiting.ticket, "kind": "convert" if kind == CONVERT else "add",
                            "symbol": SYMBOLS[symbol], "side": "BUY" if buys else "SELL",
                            "price": waiting.price, "size": waiting.size, "remaining": waiting.size,
                            "state": "waiting",
                        })
        return listed

    # --- sending orders -------------------------------------------------------------------------

    def buy(self, symbol, *, price, size, value=None):
        """Places an order to buy ``size`` shares at ``price``; returns a ticket, None while trading is off.

        A better price in the book is taken. ``value`` is the expected gain in ticks times shares; it ranks
        strategies that want to send in the same symbol. Its default is one tick a share. A second order in
        the same symbol and side replaces one that still waits.
        """
        return self._add(symbol, 1, price, size, value)

    def sell(self, symbol, *, price, size, value=None):
        """Places an order to sell ``size`` shares at ``price``; see ``buy``."""
        return self._add(symbol, -1, price, size, value)

    def convert(self, symbol, side, *, size, value=None):
        """Places a conversion: "BUY" receives ``size`` shares of XLF or VALE for their constituents, "SELL"
        gives them up. XLF converts in multiples of ten. Returns a ticket, or None while trading is off."""
        cdef int64_t ticket = self.plugin._ask_for(
            CONVERT, symbol_of(symbol), side_of(side), 0, whole(size, "size"), value)
        return ticket if ticket else None

    def _add(self, symbol, side, price, size, value):
        cdef int64_t ticket = self.plugin._ask_for(
            ADD, symbol_of(symbol), side, whole(price, "price"), whole(size, "size"), value)
        return ticket if ticket else None

    def cancel(self, ticket) -> bool:
        """Cancels an order by its ticket, whether it waits or rests; returns False if it does neither."""
        cdef int32_t symbol, kind, buys
        cdef Plugin plugin = self.plugin
        cdef Order* order
        cdef int64_t number
        if ticket is None:
            return False
        number = ticket
        for symbol in range(N_SYMBOLS):
            for kind in range(2):
                for buys in range(2):
                    if number and plugin.asks[symbol][kind][buys].ticket == number:
                        plugin.asks[symbol][kind][buys].ticket = 0
                        return True
        order = plugin.desk.orders.find(plugin.sent.get(number, 0))
        if order == NULL or order.state >= OUT or order.kind != ADD:
            return False
        plugin.desk.cancel(order)
        return True

    def quote(self, symbol, side, price, size, value=None):
        """Keeps one order of this price and size resting on a side, and no other order for this quote.

        It is sent again when it has filled, replaced when price or size change, and cancelled for good with a
        size of 0. It does not touch orders of ``buy`` and ``sell``. No quote is kept while trading is off.
        """
        cdef Plugin plugin = self.plugin
        cdef Quote* quote = &plugin.quotes[symbol_of(symbol)][side_of(side) > 0]
        cdef int32_t new_price = whole(price, "price")
        cdef int32_t new_size = whole(size, "size")
        cdef int64_t worth = worth_of(value, new_size)
        if not plugin._trading():
            return
        quote.value = worth
        if new_size < 1:
            quote.size = 0
        elif quote.price != new_price or quote.size != new_size:
            if quote.ticket == 0:
                plugin.last_ticket += 1
                quote.ticket = plugin.last_ticket
            quote.price = new_price
            quote.size = new_size
            quote.again_ns = 0
