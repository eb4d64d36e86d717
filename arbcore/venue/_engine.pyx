"""The embedded exchange without IO: takes clients' bytes, returns theirs, and runs rounds and a marketplace.

Owns connections, logins and rounds, and turns the floor's events into messages. Everything follows from
(config, seed, inputs): the caller passes the time, and it never goes back. The floor owns the rules of
trading; the server owns sockets and clocks.

A line for one client is queued at once. Trades and books are public: the engine collects them during one
batch of changes (one ``receive``, or one step of the marketplace) and then appends them to the queue of
every logged-in client, each changed book once.
"""

from libc.stdint cimport int32_t, int64_t, uint64_t
from libc.string cimport memcmp, memcpy

from arbcore._fast cimport Level, rate_take
from arbcore.venue._accounts cimport FAIR_SCALE, Account
from arbcore.venue._book cimport Book
from arbcore.venue._connection cimport Connection
from arbcore.venue._floor cimport (
    ACCEPTED, NEVER_NS, REFUSED_BAD_REQUEST, REFUSED_PRICE, REFUSED_SIZE, Floor, Listener, Marketplace,
)
from arbcore.wire._decode cimport text_of
from arbcore.wire._encode cimport (
    OutBuffer, put_ack, put_book, put_close, put_fill, put_hello_positions, put_open, put_out, put_reject,
    put_trade,
)
from arbcore.wire._request cimport decode_request
from arbcore.wire._types cimport (
    BUY, FAULT_NONE, FAULT_OUT_OF_RANGE, FAULT_OVERSIZED, MAX_LEVELS, N_SYMBOLS, REQ_ADD, REQ_CANCEL,
    REQ_CONVERT, REQ_HELLO, SELL, Request,
)

import hmac
import json

from arbcore.errors import BrokenInvariant, UsageError, WireError
from arbcore.venue._floor import REFUSALS
from arbcore.wire._decode import FAULT_NAMES
from arbcore.wire.instruments import SYMBOL_ID, SYMBOLS
from arbcore.wire.plain_text import messages_text, request_json

cdef enum Phase:
    NOT_STARTED = 0
    CLOSED = 1        # a round has begun, clients may log in, trading is closed
    OPEN = 2
    RESTARTING = 3    # between two rounds: the server does not listen, logged-in clients are disconnected

cdef enum:
    ALL_SYMBOLS = (1 << N_SYMBOLS) - 1
    # Public lines of this size are sent even within a batch, which bounds the memory of a batch.
    PUBLIC_BYTES = 128 * 1024
    TRADES_KEPT = 32
    # Number of past rounds whose results are kept.
    RESULTS_MAX = 1000
    # Number of second logins kept until they are taken.
    SECOND_LOGINS_MAX = 1000

# A replaced connection that sent something within this time was alive: the new login is not a reconnect.
cdef int64_t ALIVE_NS = 1_000_000_000
# Two bots of one team replace each other repeatedly; two second logins within this time are a sign of that.
cdef int64_t REPEATED_NS = 60_000_000_000

cdef int64_t CASH_MAX = <int64_t>1 << 61

PHASE_NAMES = ("not started", "closed", "open", "restarting")

cdef tuple REFUSAL_BYTES = tuple(text.encode() for text in REFUSALS)

# A trade that was published.
cdef struct Trade:
    int64_t at_ns
    int symbol
    int32_t price
    int32_t size


# One side of a book as it was last published.
cdef struct ShownSide:
    int count
    Level levels[MAX_LEVELS]


cdef class Engine(Listener):
    """One exchange. ``conn`` is a number from ``connect``; every ``now_ns`` is integer nanoseconds.

    Args:
        config: a ``VenueConfig``.
        seed: seed of everything that is random.
        marketplace: called with (floor, config) to make one; without it, the one that the config names.

    Raises:
        UsageError: a connection does not exist. No input of a client raises.

    >>> import arbcore
    >>> engine = arbcore.Engine(arbcore.VenueConfig(mode="empty"), 1)
    >>> engine.start(0)
    >>> conn = engine.connect(0)
    >>> engine.receive(conn, b'{"type":"hello","team":"ABC"}\\n', 1)
    >>> engine.take(conn)[:37]
    b'{"type":"hello","symbols":[{"symbol":'
    """

    cdef object config
    cdef uint64_t seed
    cdef readonly Floor floor
    cdef readonly Marketplace marketplace
    cdef OutBuffer public_lines
    cdef dict connections
    cdef list logged_in              # connections that receive public lines, in the order of their logins
    cdef list by_account             # the connection of each account, or None
    cdef int phase
    cdef int64_t phase_end_ns
    cdef int64_t now_ns
    cdef int64_t last_number
    cdef bint batch_books
    cdef int64_t loss_stop
    cdef list second_logins
    cdef dict second_login_ns        # team -> time of its last second login
    cdef ShownSide published[N_SYMBOLS][2]  # bids and asks
    cdef readonly int64_t round_number
    cdef readonly int64_t messages_in
    cdef readonly int64_t messages_ignored
    cdef readonly int64_t errors
    cdef readonly int64_t trades
    cdef Trade last_trades[TRADES_KEPT]     # trade number n at n % TRADES_KEPT
    cdef readonly list results

    def __init__(self, config, seed, marketplace=None):
        if marketplace is None:
            from arbcore.venue._marketplace import PopulatedMarketplace as marketplace
        self.config = config
        self.seed = <uint64_t>(seed & 0xFFFFFFFFFFFFFFFF)
        self.floor = Floor(config)
        self.floor.listener = self
        self.public_lines = OutBuffer()
        self.connections = {}
        self.logged_in = []
        self.by_account = []
        self.results = []
        self.second_logins = []
        self.second_login_ns = {}
        self.phase = NOT_STARTED
        self.phase_end_ns = NEVER_NS
        self.batch_books = config.batch_books
        self.loss_stop = config.loss_stop
        self.marketplace = marketplace(self.floor, config)

    # --- time and rounds

    def start(self, int64_t now_ns):
        """Starts the first round."""
        if self.phase != NOT_STARTED:
            raise UsageError("The exchange has been started already.")
        self.now_ns = now_ns
        self.begin_round()

    @property
    def next_event_ns(self):
        """The time at which ``advance`` next has something to do; 2**63 - 1 for never."""
        return self.due_ns()

    @property
    def phase_name(self):
        """``not started``, ``closed``, ``open`` or ``restarting``."""
        return PHASE_NAMES[self.phase]

    @property
    def listening(self):
        """Whether the server should accept new clients; it should refuse them between two rounds."""
        return self.phase != RESTARTING

    @property
    def round_end_ns(self):
        """The time at which the open round closes; 2**63 - 1 while none is open, or if it never ends."""
        cdef int64_t end_ns = NEVER_NS
        if self.phase == OPEN:
            end_ns = self.phase_end_ns
        return end_ns

    def advance(self, int64_t now_ns):
        """Runs participants and round changes up to and including ``now_ns``."""
        self.run_until(now_ns)

    cdef int64_t due_ns(self) noexcept:
        if self.phase == OPEN and self.marketplace.next_event_ns < self.phase_end_ns:
            return self.marketplace.next_event_ns
        return self.phase_end_ns

    cdef int run_until(self, int64_t now_ns) except -1:
        cdef int64_t due = self.due_ns()
        while due <= now_ns and due != NEVER_NS:
            if due > self.now_ns:
                self.now_ns = due
            if due == self.phase_end_ns:
                self.next_phase()
            else:
                self.marketplace.step(due)
                if self.marketplace.next_event_ns <= due:
                    raise BrokenInvariant(f"The marketplace has not moved on from {due} ns.")
                self.finish_batch()
            due = self.due_ns()
        if now_ns > self.now_ns:
            self.now_ns = now_ns
        return 0

    cdef int next_phase(self) except -1:
        if self.phase == CLOSED:
            self.open_round()
        elif self.phase == OPEN:
            self.end_round()
        else:
            self.begin_round()
        return 0

    cdef int begin_round(self) except -1:
        self.round_number += 1
        self.phase = CLOSED
        self.phase_end_ns = later(self.now_ns, self.config.closed_ns)
        return 0

    cdef int open_round(self) except -1:
        cdef Connection connection
        cdef int symbol
        length_ns = self.config.round_length_ns
        self.phase = OPEN
        self.phase_end_ns = NEVER_NS if length_ns is None else later(self.now_ns, length_ns)
        self.floor.open = True
        # A book without quotes is unchanged (empty), so it is not published.
        for symbol in range(N_SYMBOLS):
            self.published[symbol][0].count = 0
            self.published[symbol][1].count = 0
        for connection in self.logged_in:
            if connection.writable():
                put_open(connection.out, ALL_SYMBOLS)
        self.marketplace.begin_round(self.now_ns, round_seed(self.seed, self.round_number))
        self.finish_batch()
        return 0

    cdef int end_round(self) except -1:
        cdef Connection connection
        self.results.append({"round": self.round_number, "fair_values": self.fair_values(),
                             "scores": self.scores()})
        del self.results[:-RESULTS_MAX]
        for connection in self.connections.values():
            # A client that has not sent its hello stays connected, and gets the next round's hello.
            if connection.account >= 0:
                if connection.writable():
                    put_close(connection.out, ALL_SYMBOLS)
                connection.closing = True
        self.logged_in.clear()
        self.floor.new_round()
        if self.floor.accounts.teams >= self.config.teams_max:
            # Otherwise names that logged in once would keep new teams out for ever; no team is logged in now.
            self.floor.accounts.forget_teams()
        self.by_account = [None] * self.floor.accounts.count
        self.phase = RESTARTING
        self.phase_end_ns = later(self.now_ns, self.config.restart_ns)
        return 0

    # --- connections

    def connect(self, int64_t now_ns, bint text=False):
        """Adds a client and returns its number. A ``text`` client sends and receives plain text, not JSON.

        Between two rounds only clients come that the kernel had accepted before: see ``listening``.
        """
        cdef Connection connection
        self.run_until(now_ns)
        self.last_number += 1
        connection = Connection(self.last_number, self.config, text)
        if len(self.connections) >= self.config.connections_max:
            connection.last_words(b"The exchange takes no more connections; try again later.")
        self.connections[self.last_number] = connection
        return self.last_number

    def receive(self, int64_t conn, data, int64_t now_ns):
        """Takes bytes from a client, cut anywhere; any object with a contiguous buffer of bytes."""
        cdef const unsigned char[::1] view = data
        cdef Connection connection = self.connection(conn)
        cdef const char* line
        cdef Py_ssize_t length
        self.run_until(now_ns)
        if connection.closing or view.shape[0] == 0:
            return
        connection.heard_ns = self.now_ns
        connection.lines.feed(<const char*>&view[0], view.shape[0])
        while connection.lines.next(&line, &length):
            if length and not connection.closing and self.admit(connection):
                if connection.text:
                    self.handle_text(connection, line[:length])
                else:
                    self.handle(connection, line, length)
                if not self.batch_books:
                    self.finish_batch()
        while connection.oversized_told < connection.lines.oversized:
            connection.oversized_told += 1
            if self.admit(connection):
                self.complain(connection, FAULT_NAMES[<int>FAULT_OVERSIZED])
        if connection.overflowed:
            self.give_up_on(connection)
        self.finish_batch()

    def disconnect(self, int64_t conn, int64_t now_ns):
        """Removes a client that disconnected, and cancels its team's open orders."""
        cdef Connection connection = self.connection(conn)
        self.run_until(now_ns)
        self.log_off(connection)
        connection.closing = True
        del self.connections[conn]
        self.finish_batch()

    def take(self, int64_t conn):
        """Returns the bytes to send to a client, and empties its queue."""
        cdef Connection connection = self.connection(conn)
        data = connection.out.take()
        return messages_text(data) if connection.text else data

    def team(self, int64_t conn):
        """The name under which a connection has logged in; "" before its hello."""
        cdef Connection connection = self.connection(conn)
        return "" if connection.account < 0 else self.floor.accounts.names[connection.account]

    def take_second_logins(self):
        """Returns and clears the second logins of teams since the last call.

        Each is a dict with ``team``, ``conn`` (the new connection), ``other`` (the connection logged in
        before), ``refused``, and ``two_bots``: whether it looks like two programs, not a reconnect.
        """
        taken = self.second_logins
        self.second_logins = []
        return taken

    def queued(self, int64_t conn):
        """Number of bytes queued for a client."""
        return self.connection(conn).out.length

    def closing(self, int64_t conn):
        """Whether the client is to be disconnected once its output is flushed."""
        return bool(self.connection(conn).closing)

    def pending(self):
        """The numbers of all connections with queued output, oldest first."""
        cdef Connection connection
        return [connection.number for connection in self.connections.values() if connection.out.length]

    def closings(self):
        """The numbers of all connections that are to be closed and are not yet reported as disconnected."""
        cdef Connection connection
        return [connection.number for connection in self.connections.values() if connection.closing]

    cdef Connection connection(self, int64_t conn):
        found = self.connections.get(conn)
        if found is None:
            raise UsageError(f"There is no connection {conn}; it was never made or has been disconnected.")
        return <Connection>found

    cdef bint admit(self, Connection connection) noexcept:
        """Counts a message; False if it is over the cap of this second and must be ignored."""
        self.messages_in += 1
        if connection.capped and not rate_take(&connection.rate, self.now_ns):
            self.messages_ignored += 1
            return False
        return True

    cdef int log_in(self, Connection connection, const Request* request, bytes line) except -1:
        cdef Connection other
        cdef int32_t account
        cdef int symbol
        if not connection.writable():
            return 0
        team = text_of(request.text, request.text_length)
        if self.config.teams is not None:
            # The password is not a field of the protocol, so the compiled decoder does not read it.
            password = json.loads(line).get("password", "")
            if team not in self.config.teams:
                connection.last_words(b"LOGIN_REFUSED: this exchange has no such team; ask whoever runs it.")
                return 0
            if not same_secret(self.config.teams[team], password):
                connection.last_words(b"LOGIN_REFUSED: the password is not this team's.")
                return 0
        account = self.floor.accounts.by_name.get(team, -1)
        if account < 0:
            if self.floor.accounts.teams >= self.config.teams_max:
                connection.last_words(b"The exchange takes no more teams.")
                return 0
            account = self.floor.open_account(team, True)
        self.by_account.extend([None] * (self.floor.accounts.count - len(self.by_account)))
        if self.by_account[account] is not None:
            other = self.by_account[account]
            doubt = b""
            if self.note_second_login(team, connection, other):
                doubt = b" Two programs seem to log in as this team."
            if self.config.login_policy == "refuse":
                connection.last_words(b"LOGIN_REFUSED: this team is connected already." + doubt)
                return 0
            other.last_words(b"REPLACED: this team has logged in again on another connection." + doubt)
            self.log_off(other)
        connection.account = account
        self.by_account[account] = connection
        put_hello_positions(connection.out, self.floor.accounts.rows[account].positions,
                            self.floor.accounts.rows[account].cash)
        if self.phase == OPEN:
            put_open(connection.out, ALL_SYMBOLS)
            for symbol in range(N_SYMBOLS):
                if (<Book>self.floor.books[symbol]).orders:
                    self.write_book(connection.out, symbol)
        self.logged_in.append(connection)
        return 0

    cdef bint note_second_login(self, str team, Connection connection, Connection other) except -1:
        """Records a second login; returns whether it looks like two bots of one team."""
        last_ns = self.second_login_ns.get(team)
        two_bots = self.now_ns - other.heard_ns < ALIVE_NS or (
            last_ns is not None and self.now_ns - last_ns < REPEATED_NS
        )
        self.second_login_ns[team] = self.now_ns
        self.second_logins.append({
            "team": team, "conn": connection.number, "other": other.number,
            "refused": self.config.login_policy == "refuse", "two_bots": two_bots,
        })
        del self.second_logins[:-SECOND_LOGINS_MAX]
        return two_bots

    cdef int log_off(self, Connection connection) except -1:
        cdef int32_t account = connection.account
        if account < 0 or account >= len(self.by_account) or self.by_account[account] is not connection:
            return 0
        self.by_account[account] = None
        self.logged_in.remove(connection)
        # These outs go nowhere: the account has no connection any more.
        self.floor.cancel_all(account)
        return 0

    # --- requests

    cdef int handle_text(self, Connection connection, bytes line) except -1:
        """Handles a plain-text line as the JSON line of the same request."""
        try:
            request = request_json(line)
        except WireError as error:
            return self.complain(connection, error.kind)
        return self.handle(connection, request, len(request))

    cdef int handle(self, Connection connection, const char* line, Py_ssize_t length) except -1:
        cdef Request request
        cdef int fault = decode_request(line, length, &request)
        cdef int32_t account = connection.account
        cdef int reason
        if account < 0:
            if fault == FAULT_NONE and request.kind == REQ_HELLO:
                return self.log_in(connection, &request, line[:length])
            return self.complain(connection, FAULT_NAMES[fault] if fault else "")
        if fault != FAULT_NONE:
            return self.refuse_fault(connection, &request, fault)
        if request.kind == REQ_ADD:
            reason = self.floor.add(account, request.order_id, request.symbol, request.side, request.price,
                                    request.size)
            if reason != ACCEPTED:
                self.reject(connection, request.order_id, <bytes>REFUSAL_BYTES[reason])
        elif request.kind == REQ_CANCEL:
            # A cancel never fails: the exchange also sends an out for an unknown id.
            self.floor.cancel(account, request.order_id)
            if connection.writable():
                put_out(connection.out, request.order_id)
        elif request.kind == REQ_CONVERT:
            reason = self.floor.convert(account, request.order_id, request.symbol, request.side, request.size)
            if reason != ACCEPTED:
                self.reject(connection, request.order_id, <bytes>REFUSAL_BYTES[reason])
        else:
            self.errors += 1
            connection.error(b"PROTOCOL_ERROR:MALFORMED this connection has said its hello already")
        return 0

    cdef int refuse_fault(self, Connection connection, const Request* request, int fault) except -1:
        """Sends a reject if the fault belongs to a known add or convert, otherwise an error."""
        cdef int reason = REFUSED_BAD_REQUEST
        if request.order_id < 0 or (request.kind != REQ_ADD and request.kind != REQ_CONVERT):
            return self.complain(connection, FAULT_NAMES[fault])
        if fault == FAULT_OUT_OF_RANGE:
            # Fields are read in order and a faulty one stays 0, so the first field that is 0 is faulty.
            reason = REFUSED_PRICE if request.kind == REQ_ADD and request.price == 0 else REFUSED_SIZE
        self.floor.accounts.rows[connection.account].rejects += 1
        text = <bytes>REFUSAL_BYTES[reason]
        if reason == REFUSED_BAD_REQUEST:
            text = text + b" " + FAULT_NAMES[fault].encode()
        return self.reject(connection, request.order_id, text)

    cdef int complain(self, Connection connection, str fault) except -1:
        """Sends the error of a line that belongs to no order; ``fault`` is the fault's name, or empty."""
        self.errors += 1
        text = f"PROTOCOL_ERROR:MALFORMED {fault}"
        if connection.account < 0 and fault != FAULT_NAMES[<int>FAULT_OVERSIZED]:
            why = f" ({fault})" if fault else ""
            text = f"PROTOCOL_ERROR:MALFORMED the first message must be a hello{why}"
        return connection.error(text.encode())

    cdef int reject(self, Connection connection, int64_t order_id, bytes text) except -1:
        if connection.writable():
            put_reject(connection.out, order_id, text, len(text))
        return 0

    # --- the floor's events, turned into messages

    cdef Connection owner(self, int32_t account):
        if account >= len(self.by_account):
            return None
        return <Connection>self.by_account[account]

    cdef int on_ack(self, int32_t account, int64_t order_id) except -1:
        cdef Connection connection = self.owner(account)
        if connection is not None and connection.writable():
            put_ack(connection.out, order_id)
        return 0

    cdef int on_fill(self, int32_t account, int64_t order_id, int symbol, int side, int32_t price,
                     int32_t size, int32_t left) except -1:
        cdef Connection connection
        if not self.floor.accounts.rows[account].limited:
            return self.marketplace.filled(account, order_id, symbol, side, price, size, left)
        connection = self.owner(account)
        if connection is not None and connection.writable():
            put_fill(connection.out, order_id, symbol, side, price, size)
        return 0

    cdef int on_out(self, int32_t account, int64_t order_id) except -1:
        cdef Connection connection = self.owner(account)
        if connection is not None and connection.writable():
            put_out(connection.out, order_id)
        return 0

    cdef int on_trade(self, int symbol, int32_t price, int32_t size) except -1:
        cdef Trade* trade = &self.last_trades[self.trades % TRADES_KEPT]
        trade.at_ns = self.now_ns
        trade.symbol = symbol
        trade.price = price
        trade.size = size
        self.trades += 1
        if self.logged_in:
            put_trade(self.public_lines, symbol, price, size)
            if self.public_lines.length > PUBLIC_BYTES:
                self.broadcast()
        return 0

    cdef int broadcast(self) except -1:
        cdef Connection connection
        if self.public_lines.length:
            for connection in self.logged_in:
                connection.append(self.public_lines.data, self.public_lines.length)
            self.public_lines.clear()
        return 0

    cdef int write_book(self, OutBuffer out, int symbol) except -1:
        cdef Level bids[MAX_LEVELS]
        cdef Level asks[MAX_LEVELS]
        cdef Book book = <Book>self.floor.books[symbol]
        cdef int n_bids = book.copy_levels(BUY, bids, MAX_LEVELS)
        cdef int n_asks = book.copy_levels(SELL, asks, MAX_LEVELS)
        return put_book(out, symbol, bids, n_bids, asks, n_asks)

    cdef int finish_batch(self) except -1:
        """Ends a batch: applies the loss stop, publishes changed books, drops clients that do not read."""
        self.stop_losers()
        self.publish()
        while self.give_up_on_the_deaf():
            self.publish()
        return 0

    cdef int publish(self) except -1:
        cdef Book book
        cdef int symbol
        if self.phase != OPEN:
            return 0
        for symbol in range(N_SYMBOLS):
            book = <Book>self.floor.books[symbol]
            if book.changed:
                book.changed = False
                # Both calls must run, because each records its side as published.
                if self.note_side(book, symbol, BUY) | self.note_side(book, symbol, SELL):
                    if self.logged_in:
                        self.write_book(self.public_lines, symbol)
        return self.broadcast()

    cdef bint note_side(self, Book book, int symbol, int side) except -1:
        """Whether a side differs from its last published state; records the present state as published."""
        cdef Level levels[MAX_LEVELS]
        cdef ShownSide* last = &self.published[symbol][0 if side == BUY else 1]
        cdef int count = book.copy_levels(side, levels, MAX_LEVELS)
        if count == last.count and memcmp(levels, last.levels, <size_t>count * sizeof(Level)) == 0:
            return False
        last.count = count
        memcpy(last.levels, levels, <size_t>count * sizeof(Level))
        return True

    cdef bint give_up_on_the_deaf(self) except -1:
        cdef Connection connection
        given_up = [connection for connection in self.logged_in if connection.overflowed]
        for connection in given_up:
            self.give_up_on(connection)
        return len(given_up) > 0

    cdef int give_up_on(self, Connection connection) except -1:
        connection.last_words(b"QUEUE_FULL: this client does not read what it is sent.")
        return self.log_off(connection)

    cdef int stop_losers(self) except -1:
        cdef int32_t account
        cdef int64_t worth
        cdef const Account* row
        cdef Connection connection
        if self.phase != OPEN:
            return 0
        for account in range(1, self.floor.accounts.count):
            row = &self.floor.accounts.rows[account]
            if not row.limited or row.stopped:
                continue
            if not -CASH_MAX < row.cash < CASH_MAX:
                raise BrokenInvariant(f"The cash of account {account} leaves 64 bits: {row.cash}.")
            worth = self.floor.worth(account)
            if worth > self.loss_stop:
                continue
            self.floor.stop_out(account)
            connection = self.owner(account)
            if connection is not None:
                text = (f"STOPPED: P&L {worth} has reached {self.loss_stop}; this team is closed out at fair "
                        "value and may trade again in the next round.")
                connection.error(text.encode())
        return 0

    # --- views

    def fair_values(self):
        """The hidden value of every symbol now, in ticks."""
        return {name: self.floor.fair_milli[at] / FAIR_SCALE for at, name in enumerate(SYMBOLS)}

    def score(self, str team):
        """One team's account in this round: cash, positions, fair_pnl, fees, fills, rejects, stopped, ...

        ``fair_pnl`` is cash plus positions at hidden fair value in whole ticks. Raises UsageError for a team
        that never logged in.
        """
        account = self.floor.accounts.find(team)
        if account < 0 or not self.floor.accounts.rows[<int32_t>account].limited:
            raise UsageError(f"No team {team!r} has logged in.")
        return {**self.floor.accounts.view(account), "fair_pnl": self.floor.worth(account)}

    def pnl_by_symbol(self, str team):
        """A team's P&L by symbol in this round, in ticks; the sum equals its ``fair_pnl`` within a tick.

        A conversion moves shares between symbols at their fair values of that moment. Raises UsageError for a
        team that never logged in.
        """
        account = self.floor.accounts.find(team)
        if account < 0:
            raise UsageError(f"No team {team!r} has logged in.")
        return self.floor.accounts.pnl_by_symbol(account, self.fair_values())

    def scores(self):
        """Every team's score by name, in the order of their first login."""
        return {name: self.score(name) for name in self.teams()}

    def teams(self):
        """The names of the teams that have logged in, in the order of their first login."""
        cdef int32_t account
        return [self.floor.accounts.names[account] for account in range(self.floor.accounts.count)
                if self.floor.accounts.rows[account].limited]

    def recent_trades(self, int count):
        """The last trades, newest first, at most 32: symbol, price, size and age."""
        cdef int64_t number
        cdef const Trade* trade
        found = []
        for number in range(self.trades - 1, max(self.trades - min(count, TRADES_KEPT), 0) - 1, -1):
            trade = &self.last_trades[number % TRADES_KEPT]
            found.append({"symbol": SYMBOLS[trade.symbol], "price": trade.price, "size": trade.size,
                          "ago_s": (self.now_ns - trade.at_ns) / 1e9})
        return found

    def check(self):
        """Raises BrokenInvariant unless books, orders and accounts agree and all sums are zero."""
        self.floor.check()

    def enter(self, int64_t conn, int64_t order_id, *, str symbol, int side, int price, int size,
              int64_t now_ns):
        """Enters an add without the wire, under the same rules. Returns the refusal, "" if accepted."""
        cdef Connection connection = self.connection(conn)
        cdef int reason
        self.run_until(now_ns)
        if connection.account < 0 or connection.closing:
            raise UsageError(f"Connection {conn} is not logged in.")
        if side not in (BUY, SELL) or not 0 <= order_id < 2**32:
            raise UsageError(f"Side {side}, order id {order_id} is no order; see the ranges.")
        reason = self.floor.add(connection.account, order_id, SYMBOL_ID[symbol], side, price, size)
        if reason != ACCEPTED:
            self.reject(connection, order_id, <bytes>REFUSAL_BYTES[reason])
        self.finish_batch()
        return REFUSALS[reason]


cdef bint same_secret(str wanted, object given):
    """Whether a password is the team's; its duration does not depend on where the two differ."""
    if not isinstance(given, str):
        return False
    return hmac.compare_digest(wanted.encode(), given.encode("utf-8", "replace"))


cdef int64_t later(int64_t now_ns, int64_t wait_ns) noexcept:
    if now_ns > 0 and wait_ns > <int64_t>NEVER_NS - now_ns:
        return NEVER_NS
    return now_ns + wait_ns


cdef uint64_t round_seed(uint64_t seed, uint64_t round_number) noexcept:
    # One step of SplitMix64, which makes neighbouring seeds and rounds independent.
    cdef uint64_t mixed = seed + round_number * 0x9E3779B97F4A7C15ULL
    mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9ULL
    mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EBULL
    return mixed ^ (mixed >> 31)
