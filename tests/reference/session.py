"""Twin of ``trading._session``: from bytes and time to bytes.

It decides after each message, so the result does not depend on how the bytes were split into chunks.
``reference.wire`` decodes messages; a benchmark may pass another decoder with the same results.
"""

from collections import Counter, deque
from collections.abc import Iterable
from typing import Any

from arbcore.errors import WireError
from arbcore.trading.trading_settings import MILLISECOND_NS, NEVER_NS, SessionSettings
from arbcore.wire.instruments import SIZE_MAX, SYMBOL_ID, SYMBOLS
from reference import results, wire
from reference.audit import Audit
from reference.market import Market
from reference.orders import (
    ADD,
    CANCELLING,
    CONVERT,
    MONEY_MAX,
    UNACKED,
    UNKNOWN,
    Order,
    Orders,
    bounded,
)
from reference.risk import (
    ACTIVE,
    CLOSING,
    HEDGE_VALUE,
    MESSAGE_CAP,
    MODE_NAMES,
    PASS,
    REFUSAL_NAMES,
    SELF_CROSS,
    STOPPING,
    Gate,
    Proposal,
)
from reference.strategy import Desk, Strategy

HOUSEKEEPING_NS = 100 * MILLISECOND_NS
CLOSER_TIMEOUT_NS = 300 * MILLISECOND_NS
CLOSER_SLACK_MAX = 20
OPEN_AFTER_NS = 2_000 * MILLISECOND_NS
STREAK_NS = 5_000 * MILLISECOND_NS
STREAK_GAP_NS = 2_500 * MILLISECOND_NS
FAULTS_KEPT = 8
FAULT_BYTES_KEPT = 120
REASONS_KEPT = 64
ALL = (1 << len(SYMBOLS)) - 1
ORDER_NEWS = ("ack", "reject", "fill", "out")
#: The clock stops at this time (146 years), so the sum of a time and any setting fits in 64 bits.
TIME_MAX_NS = 2**62


class Session:
    """One run of the bot: any number of connections and rounds, one after the other."""

    def __init__(self, settings: SessionSettings, strategies: Iterable[Strategy]) -> None:
        self.settings = settings
        self.strategies = list(strategies)
        self.market = Market(settings)
        self.orders = Orders(len(self.strategies))
        self.gate = Gate(settings, self.market, self.orders)
        self.desk = Desk(self.market, self.orders, self.gate)
        for owner, strategy in enumerate(self.strategies):
            strategy.attach(self.desk, owner)
            if strategy.hedged:
                self.desk.hedged_owners.append(owner)
        self.closer = len(self.strategies)
        self.now_ns = 0
        self.out = bytearray()
        self.partial = bytearray()
        self.skipping = False
        self.linked = False  # whether a connection is open
        self.awaiting_hello = False
        self.needs_resync = False
        self.was_open = False
        self.halted_reason = ""
        self.killed = False
        self.house_ns = NEVER_NS
        self.retry_ns = [NEVER_NS] * len(SYMBOLS)
        self.closer_attempts = [0] * len(SYMBOLS)
        self.counts: Counter[str] = Counter()
        self.rejects: Counter[str] = Counter()
        self.errors: Counter[str] = Counter()
        self.faults: Counter[str] = Counter()
        self.last_faults: deque[bytes] = deque(maxlen=FAULTS_KEPT)
        self.audit = Audit(settings)
        self.worth = [0] * len(self.orders.holdings)
        self.round_pnl = 0
        self.carried_pnl = 0  # P&L of the rounds before this one
        self.doubt = ""
        self.holding = False
        self.hello_ns = 0
        self.seen: set[int] = set()  # symbols with a book or trade on this connection
        self.spoken: set[int] = set()  # symbols that were opened or closed on this connection
        self.inferred: set[int] = set()  # symbols assumed to be open without an open message
        self.streaks: dict[tuple[int, int, int], tuple[int, int]] = {}  # (first, last) of refusals in a row
        self.refused: dict[tuple[int, int, int], tuple[int, str]] = {}  # longest time, and the reason

    # --- events from the shell ------------------------------------------------------------------

    def connected(self, now_ns: int) -> bytes:
        """Handles a new connection; returns the hello to send. Live orders are unknown until its response."""
        self._clock(now_ns)
        self.disconnected(now_ns)
        self.partial.clear()
        self.skipping = False
        self.linked = True
        self.awaiting_hello = True
        self.needs_resync = False
        self.was_open = False
        self.seen.clear()
        self.spoken.clear()
        self.market.clear()
        self.house_ns = self.now_ns + HOUSEKEEPING_NS
        self._send(b'{"type":"hello","team":"%s"}\n' % self.settings.team.encode())
        return self._take()

    def disconnected(self, now_ns: int) -> None:
        self._clock(now_ns)
        if self.hello_seen:
            # The next connection clears the prices, so positions are valued at the last ones of this one.
            self._note_worth()
        self.linked = False
        self.holding = False
        self.gate.ready = False
        self.awaiting_hello = False
        self.orders.lost()
        self.desk.cancels.clear()
        self.house_ns = NEVER_NS
        self.retry_ns = [NEVER_NS] * len(SYMBOLS)

    def receive(self, data: bytes, now_ns: int) -> bytes:
        """Handles received bytes in chunks of any size; returns the bytes to send, often none."""
        self._clock(now_ns)
        self._timers()
        for line in self._lines(data):
            self._line(line)
        return self._take()

    def tick(self, now_ns: int) -> bytes:
        """Advances time: due at ``next_deadline_ns``, without effect at any other time."""
        self._clock(now_ns)
        self._timers()
        return self._take()

    def hold(self, now_ns: int) -> bytes:
        """Prepares for old data to be received: until ``resume`` only cancels are sent."""
        self._clock(now_ns)
        self.holding = self.linked
        return self._take()

    def resume(self, now_ns: int) -> bytes:
        """Ends ``hold`` after the old data: every strategy is evaluated again."""
        self._clock(now_ns)
        self.holding = False
        self._timers()
        for strategy in self.strategies:
            self._ask(strategy, strategy.book_bits | strategy.trade_bits | strategy.order_bits)
        self._settle()
        return self._take()

    def stop(self, now_ns: int, reason: str) -> bytes:
        """Stops in order: sends no new order, cancels all live ones; ``stopped`` once all are out."""
        self._clock(now_ns)
        if self.gate.mode != CLOSING:
            self.halted_reason = reason
        self.gate.mode = STOPPING
        self._cancel_all()
        return self._take()

    def kill(self, now_ns: int, reason: str) -> bytes:
        """Handles the kill switch: cancels all, closes positions, and never trades again in this run."""
        self._clock(now_ns)
        self.killed = True
        self._close_down(reason)
        return self._take()

    @property
    def hello_seen(self) -> bool:
        """Whether the exchange's hello has come on the present connection."""
        return self.linked and not self.awaiting_hello

    @property
    def stopped(self) -> bool:
        return self.gate.mode == STOPPING and not any(self.orders.live)

    @property
    def round_closed(self) -> bool:
        return self.was_open and not any(state.open for state in self.market.symbols)

    @property
    def next_deadline_ns(self) -> int:
        wakes = [strategy.wake_ns for strategy in self.strategies]
        return min(self.house_ns, *self.retry_ns, *wakes, NEVER_NS)

    # --- time -----------------------------------------------------------------------------------

    def _clock(self, now_ns: int) -> None:
        """Sets the time, which never goes back: a clock that jumps neither expires nor reorders anything."""
        self.now_ns = max(self.now_ns, min(now_ns, TIME_MAX_NS))

    def _timers(self) -> None:
        now_ns = self.now_ns
        if self.holding:
            return
        if now_ns >= self.house_ns:
            self.house_ns = now_ns + HOUSEKEEPING_NS
            self._housekeeping()
        due = sum(1 << symbol for symbol, at_ns in enumerate(self.retry_ns) if at_ns <= now_ns)
        woken = [strategy for strategy in self.strategies if strategy.wake_ns <= now_ns]
        if not due and not woken:
            return
        for symbol in range(len(SYMBOLS)):
            if due >> symbol & 1:
                self.retry_ns[symbol] = NEVER_NS
        for strategy in self.strategies:
            interest = strategy.book_bits | strategy.trade_bits | strategy.order_bits
            if strategy in woken:
                strategy.wake_ns = NEVER_NS
                self._ask(strategy, interest)
            elif interest & due:
                self._ask(strategy, interest & due)
        self._settle()

    def _housekeeping(self) -> None:
        """Handles ten times a second: time-outs, cancels that wait for the message cap, the loss limit."""
        if not self.gate.ready:
            return
        unspoken = self.seen - self.spoken
        if unspoken and self.now_ns - self.hello_ns >= OPEN_AFTER_NS:
            self.inferred |= unspoken
            self.was_open = True
            self._react(self._set_open([SYMBOLS[symbol] for symbol in unspoken], True), "order_bits")
        for orders in self.orders.live:
            for order in list(orders):
                self._check_silence(order)
        if self.gate.mode == ACTIVE and self._priced() and self.pnl() <= -self.settings.loss_limit:
            self._close_down("loss limit")
        if self.gate.mode == CLOSING:
            self._close_positions()
        self._settle()

    def _check_silence(self, order: Order) -> None:
        timeout_ns = self.settings.ack_timeout_ns
        if order.kind == CONVERT:
            if order.state == UNACKED and self.now_ns - order.sent_ns >= timeout_ns:
                self.orders.timed_out(order)
                self._demand_resync("unanswered")
        elif order.state == UNACKED and self.now_ns - order.sent_ns >= timeout_ns:
            self.orders.timed_out(order)
            self.desk.cancel(order)
        elif order.state == UNKNOWN and order.cancels == 0:
            self.desk.cancel(order)
        elif order.wants_cancel:
            pass  # the cancel waits for the message cap
        elif order.state in (CANCELLING, UNKNOWN) and self.now_ns - order.cancel_ns >= timeout_ns:
            if order.cancels >= self.settings.resync_after:
                self._demand_resync("unanswered")
            else:
                self.orders.timed_out(order)
                order.wants_cancel = True
                self.desk.cancels.append(order)

    def _note_worth(self) -> None:
        """Stores the present value of all positions, for use after the next hello."""
        self.worth = [self._worth(owner) for owner in range(len(self.orders.holdings))]
        self.round_pnl = self.pnl()

    def _demand_resync(self, reason: str) -> None:
        """Requires a new login, because our positions may be wrong; sends no new order until then."""
        if not self.needs_resync:
            self.doubt = reason
        self.needs_resync = True
        self.gate.ready = False

    # --- lines ----------------------------------------------------------------------------------

    def _lines(self, data: bytes) -> Iterable[bytes]:
        self.partial += data
        while (end := self.partial.find(b"\n")) >= 0:
            line = bytes(self.partial[:end])
            del self.partial[: end + 1]
            if line.endswith(b"\r"):
                line = line[:-1]
            if self.skipping:
                self.skipping = False
            elif end > self.settings.line_bytes_max:
                self.faults["oversized"] += 1
            elif line:
                yield line
        if len(self.partial) > self.settings.line_bytes_max:
            if not self.skipping:
                self.faults["oversized"] += 1
            self.skipping = True
            self.partial.clear()

    def _line(self, line: bytes) -> None:
        self.counts["messages_in"] += 1
        try:
            message = wire.decode(line)
        except WireError as fault:
            self.faults[fault.kind] += 1
            self.last_faults.append(line[:FAULT_BYTES_KEPT])
            return
        if self.awaiting_hello and message["type"] in ORDER_NEWS:
            self.orders.anomalies["before_hello"] += 1
            return
        getattr(self, "on_" + message["type"])(message)

    # --- messages -------------------------------------------------------------------------------

    def on_hello(self, message: dict[str, Any]) -> None:
        if not self.awaiting_hello:
            self.orders.anomalies["repeated_hello"] += 1
            self._on_second_hello(message)
        elif self._take_hello(message):
            self.awaiting_hello = False
            self.hello_ns = self.now_ns
            self.gate.ready = True

    def _take_hello(self, message: dict[str, Any]) -> bool:
        """Takes positions and cash from a hello; returns whether they are possible."""
        if abs(message["cash"]) > MONEY_MAX:
            self.orders.anomalies["beyond_belief"] += 1
            self._demand_resync("beyond_belief")
            return False
        told = [message["positions"].get(name, 0) for name in SYMBOLS]
        if self.orders.resync(told, message["cash"], worth=self.worth):
            for strategy in self.strategies:
                strategy.reset()
            if message["cash"] == 0 and not any(told):
                self._new_round()
        self.audit.on_hello(told)
        return True

    def _on_second_hello(self, message: dict[str, Any]) -> None:
        """Handles a hello that was not requested: a new round on the same connection, or proof that our
        positions are wrong. Does nothing if it agrees with them."""
        told = [message["positions"].get(name, 0) for name in SYMBOLS]
        if told == self.orders.position and message["cash"] == self.orders.cash:
            return
        self._cancel_all()
        if self.desk.cancels:
            self._demand_resync("repeated_hello")
        self._note_worth()
        if not self._take_hello(message):
            return
        self.desk.cancels.clear()
        if message["cash"] == 0 and not any(told):
            self.market.clear()
            self.was_open = False
            self.seen.clear()
            self.spoken.clear()
            self.hello_ns = self.now_ns

    def _new_round(self) -> None:
        self.carried_pnl = bounded(self.carried_pnl + self.round_pnl)
        if self.gate.mode == CLOSING and not self.killed:
            self.gate.mode, self.halted_reason = ACTIVE, ""

    def on_open(self, message: dict[str, Any]) -> None:
        symbols = self._set_open(message["symbols"], True)
        self.was_open = True
        self._react(symbols, "order_bits")

    def on_close(self, message: dict[str, Any]) -> None:
        self._set_open(message["symbols"], False)

    def _set_open(self, names: Iterable[str], is_open: bool) -> int:
        symbols = 0
        for name in names:
            self.market.symbols[SYMBOL_ID[name]].open = is_open
            self.spoken.add(SYMBOL_ID[name])
            symbols |= 1 << SYMBOL_ID[name]
        return symbols

    def on_error(self, message: dict[str, Any]) -> None:
        self._count_text(self.errors, message["error"])

    def on_book(self, message: dict[str, Any]) -> None:
        symbol = SYMBOL_ID[message["symbol"]]
        self.market.on_book(symbol, message["buy"], message["sell"], self.now_ns)
        self.seen.add(symbol)
        if "deep" in message:
            self.orders.anomalies["deep_book"] += 1
        self._react(1 << symbol, "book_bits")

    def on_trade(self, message: dict[str, Any]) -> None:
        symbol = SYMBOL_ID[message["symbol"]]
        self.market.on_trade(symbol, message["price"], self.now_ns)
        self.seen.add(symbol)
        self._react(1 << symbol, "trade_bits")

    def on_ack(self, message: dict[str, Any]) -> None:
        doubts = self.orders.doubts
        order = self.orders.on_ack(message["order_id"])
        if self.orders.doubts != doubts:
            self._demand_resync(self.orders.last_doubt)
        if order is not None and order.kind == CONVERT:
            self._converted(order)

    def _converted(self, order: Order) -> None:
        self.audit.on_conversion(order)
        if order.strategy < self.closer:
            self.strategies[order.strategy].converted()
        self._react(ALL, "order_bits")

    def on_reject(self, message: dict[str, Any]) -> None:
        self._count_text(self.rejects, message["error"])
        order = self.orders.on_reject(message["order_id"])
        if order is not None:
            self.gate.pause(order.symbol, self.now_ns)
            self._react(1 << order.symbol, "order_bits")

    def on_fill(self, message: dict[str, Any]) -> None:
        symbol = SYMBOL_ID[message["symbol"]]
        side = 1 if message["dir"] == "BUY" else -1
        doubts = self.orders.doubts
        price, size = message["price"], message["size"]
        self.orders.on_fill(message["order_id"], symbol, side=side, price=price, size=size)
        self.audit.on_fill(symbol, side * size)
        if self.orders.doubts != doubts:
            self._demand_resync(self.orders.last_doubt)
        self._react(1 << symbol, "order_bits")

    def on_out(self, message: dict[str, Any]) -> None:
        order = self.orders.on_out(message["order_id"])
        if order is not None:
            self._react(1 << order.symbol, "order_bits")

    def _count_text(self, counter: Counter[str], text: str) -> None:
        counter[text if text in counter or len(counter) < REASONS_KEPT else "other"] += 1

    # --- deciding -------------------------------------------------------------------------------

    def _react(self, symbols: int, interest: str) -> None:
        for strategy in self.strategies:
            mine = getattr(strategy, interest) & symbols
            if mine:
                self._ask(strategy, mine)
        if self.gate.mode == CLOSING:
            self._close_positions()
        self._settle()

    def _ask(self, strategy: Strategy, symbols: int) -> None:
        if self.gate.ready and self.gate.mode == ACTIVE:
            strategy.evaluate(symbols, self.now_ns)

    def _settle(self) -> None:
        """Sends cancels first, then for each symbol the order that wins its slot."""
        self._send_cancels()
        for symbol, proposals in enumerate(self.gate.proposals):
            if proposals:
                if not self.holding:
                    self._fill_slot(symbol)
                proposals.clear()
        for symbol in self.gate.waiting:
            self._retry(symbol, self.gate.slot_open_ns[symbol])
        self.gate.waiting.clear()
        self._send_cancels()

    def _fill_slot(self, symbol: int) -> None:
        if not self.gate.slot_free(symbol, self.now_ns):
            self._retry(symbol, self.gate.slot_open_ns[symbol])
            return
        for proposal in self.gate.ranked(symbol):
            refusal = self.gate.check(proposal, self.now_ns)
            if refusal == PASS:
                self._send_order(proposal)
                self.gate.slot_won(symbol, proposal)
                self.streaks.pop((proposal.strategy, symbol, proposal.side), None)
                if len(self.gate.proposals[symbol]) > 1:
                    self._retry(symbol, self.gate.slot_open_ns[symbol])
                return
            self.gate.refusals[REFUSAL_NAMES[refusal]] += 1
            self._note_refusal(proposal, refusal)
            if refusal == SELF_CROSS and self._make_way(proposal):
                return  # otherwise the cancelled strategy's next proposal would be in the way again
            if refusal == MESSAGE_CAP:
                self._retry(symbol, self.gate.room_after_ns(self.settings.cancel_reserve, self.now_ns))
                return

    def _note_refusal(self, proposal: Proposal, refusal: int) -> None:
        """Records a refusal: the summary must report a strategy that is refused for long, and the reason."""
        if refusal == MESSAGE_CAP:
            return
        key = proposal.strategy, proposal.symbol, proposal.side
        since_ns, last_ns = self.streaks.get(key, (self.now_ns, self.now_ns))
        if self.now_ns - last_ns > STREAK_GAP_NS:
            since_ns = self.now_ns
        self.streaks[key] = since_ns, self.now_ns
        lasted_ns = self.now_ns - since_ns
        if lasted_ns >= max(STREAK_NS, self.refused.get(key, (0, ""))[0]):
            self.refused[key] = lasted_ns, REFUSAL_NAMES[refusal]

    def _retry(self, symbol: int, at_ns: int) -> None:
        self.retry_ns[symbol] = min(self.retry_ns[symbol], max(at_ns, self.now_ns + 1))

    def _make_way(self, proposal: Proposal) -> bool:
        """Cancels orders of later strategies that an earlier strategy's order would cross; whether any is."""
        pulled = False
        for order in self.orders.live[proposal.symbol]:
            if (
                order.kind == ADD
                and order.side == -proposal.side
                and proposal.side * (proposal.price - order.price) >= 0
                and proposal.strategy < order.strategy
            ):
                self.desk.cancel(order)
                pulled = True
        return pulled

    def _send_order(self, proposal: Proposal) -> None:
        order = self.orders.new(
            proposal.kind, proposal.symbol, side=proposal.side, price=proposal.price, size=proposal.size,
            strategy=proposal.strategy, now_ns=self.now_ns,
        )
        self.gate.take_slot(order.symbol, self.now_ns)
        name, side = SYMBOLS[order.symbol].encode(), b"BUY" if order.side > 0 else b"SELL"
        if order.kind == ADD:
            self.counts["orders_sent"] += 1
            self._send(
                b'{"type":"add","order_id":%d,"symbol":"%s","dir":"%s","price":%d,"size":%d}\n'
                % (order.id, name, side, order.price, order.size)
            )
        else:
            self.counts["converts_sent"] += 1
            self._send(
                b'{"type":"convert","order_id":%d,"symbol":"%s","dir":"%s","size":%d}\n'
                % (order.id, name, side, order.size)
            )

    def _send_cancels(self) -> None:
        """Sends as many waiting cancels as the message cap allows; the rest wait for housekeeping."""
        if not self.hello_seen:
            return
        waiting = self.desk.cancels
        sent = 0
        for order in waiting:
            if order.live and order.wants_cancel:
                if self.gate.message_room(self.now_ns) < 1:
                    break
                self.orders.cancel_sent(order, self.now_ns)
                self.counts["cancels_sent"] += 1
                self._send(b'{"type":"cancel","order_id":%d}\n' % order.id)
            sent += 1
        del waiting[:sent]

    def _cancel_all(self) -> None:
        for orders in self.orders.live:
            for order in orders:
                self.desk.cancel(order)
        self._send_cancels()

    # --- closing down ---------------------------------------------------------------------------

    def _close_down(self, reason: str) -> None:
        self.gate.mode = CLOSING
        self.halted_reason = reason
        self.closer_attempts = [0] * len(SYMBOLS)
        self._cancel_all()

    def _close_positions(self) -> None:
        """Proposes, symbol by symbol, the order that closes the position, a tick further at each attempt, but
        not beyond the collar."""
        for symbol in range(len(SYMBOLS)):
            position = self.orders.position[symbol]
            live = self.orders.live[symbol]
            for order in live:
                if order.strategy == self.closer and self.now_ns - order.sent_ns >= CLOSER_TIMEOUT_NS:
                    if order.cancels == 0 and not order.wants_cancel:
                        self.closer_attempts[symbol] += 1
                    self.desk.cancel(order)
            if position == 0 or live:
                continue
            side = -1 if position > 0 else 1
            state = self.market.symbols[symbol]
            levels = state.asks if side > 0 else state.bids
            touch = levels[0][0] if levels else state.last_price
            if touch:
                price = touch + side * min(self.closer_attempts[symbol], CLOSER_SLACK_MAX)
                price = max(1, self.gate.within_collar(symbol, price, self.now_ns))
                size = min(abs(position), self.settings.size_cap(SYMBOLS[symbol]), SIZE_MAX)
                self.gate.propose(Proposal(ADD, symbol, side, price, size, HEDGE_VALUE, self.closer))

    # --- sending and results --------------------------------------------------------------------

    def _send(self, line: bytes) -> None:
        self.out += line
        self.gate.message_sent(self.now_ns)

    def _take(self) -> bytes:
        data = bytes(self.out)
        self.out.clear()
        return data

    def _worth(self, owner: int) -> int:
        """Returns one owner's cash and positions at their marks, since the round began or the last resync."""
        holding = self.orders.holdings[owner]
        return holding.cash + sum(
            held * self._common_mark(symbol) for symbol, held in enumerate(holding.position) if held
        )

    def _common_mark(self, symbol: int) -> int:
        """Returns one price for all owners, so that their values add up to the P&L."""
        held = self.orders.position[symbol]
        if held == 0:
            return self.market.middle(symbol)
        return self.market.mark(symbol, held, self.orders.average_price(symbol))

    def _marked(self, positions: list[int]) -> int:
        return sum(
            held * self.market.mark(symbol, held, self.orders.average_price(symbol))
            for symbol, held in enumerate(positions)
        )

    def _priced(self) -> bool:
        """Whether every position has a price; after a login there may be none yet, and 0 would be wrong."""
        return all(
            held == 0 or self.market.mark(symbol, held, self.orders.average_price(symbol)) > 0
            for symbol, held in enumerate(self.orders.position)
        )

    def pnl(self) -> int:
        """Returns cash plus positions of this round at their closing touch; the loss limit checks it."""
        return self.orders.cash + self._marked(self.orders.position)

    def owner_pnl(self, owner: int) -> int:
        """Returns an owner's P&L over all rounds; the last owner has what belongs to no strategy."""
        return self.orders.holdings[owner].carried_pnl + self._worth(owner)

    def owner_holding(self, owner: int) -> dict[str, Any]:
        """Returns cash, positions by symbol and P&L carried from earlier rounds, for one owner."""
        holding = self.orders.holdings[owner]
        return {
            "cash": holding.cash,
            "carried_pnl": holding.carried_pnl,
            "positions": {name: holding.position[at] for at, name in enumerate(SYMBOLS)},
        }

    # --- results: ``reference.results`` defines them --------------------------------------------

    @property
    def mode(self) -> str:
        return MODE_NAMES[self.gate.mode]

    def summary(self) -> dict[str, Any]:
        return results.summary(self)

    @property
    def cash(self) -> int:
        return self.orders.cash

    def positions(self) -> dict[str, int]:
        return dict(zip(SYMBOLS, self.orders.position, strict=True))

    def exposure(self) -> dict[str, dict[str, int]]:
        return results.exposure(self)

    def orders_snapshot(self) -> list[dict[str, Any]]:
        return results.live_orders(self)

    def recent_orders(self, count: int) -> list[dict[str, Any]]:
        return results.recent_orders(self, count)

    def recent_fills(self) -> list[dict[str, Any]]:
        return results.recent_fills(self)
