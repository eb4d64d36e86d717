"""The gateway without IO: clients' bytes and the time in, bytes for clients out.

Owns the connections, the market's clock and its rows, and the response to each request. ``order_desk``
handles orders, ``market_data`` quotes, ``faults`` and ``fault_injection`` the faults. There are two times:
the wall clock's ``now_ns``, an argument, which makes rows due and holds connections; and the gateway's clock,
which the rows move and which dates all messages.
"""

import heapq
import math
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from arbcore.core.civil import NS_PER_S, utc_to_new_york
from arbcore.core.text import printable
from arbcore.errors import ConfigError, WireError
from arbcore.gateway import answers, fault_injection, history_answers, replies, unserved
from arbcore.gateway import history_requests as h
from arbcore.gateway import messages as m
from arbcore.gateway.account import Account
from arbcore.gateway.carrying import NOTHING, Carrying, CarryingTerms
from arbcore.gateway.client import ERRORS_MAX, GatewayClient
from arbcore.gateway.contract_table import CLOCK_LEG, HOURS_RULES, Listing, find, listed
from arbcore.gateway.day_ticks import DayTicks
from arbcore.gateway.faults import DATA_RIGHTS, Armed, Planned
from arbcore.gateway.frames import client_versions, fields_of
from arbcore.gateway.history import History, PastStretch
from arbcore.gateway.history_pace import HistoryPace
from arbcore.gateway.market_data import (
    ASK,
    BID,
    GENERIC_SHORTABLE,
    HALTED,
    LIVE,
    MarketData,
    Subscription,
    clock_ticks,
    instant_tick,
)
from arbcore.gateway.opening_auction import OpeningAuction
from arbcore.gateway.order_desk import NO_CONTRACT, News, OrderDesk
from arbcore.gateway.own_contracts import OwnContract, OwnMarket
from arbcore.gateway.quote_source import Row

#: Most rows to show in one call, so that a fast replay leaves time for its clients.
ROWS_A_TURN = 256
#: Most lines of the log.
LOG_LINES = 10_000
NEVER_NS = 2**62
FARMS = (
    (2104, "Market data farm connection is OK:usfarm"),
    (2104, "Market data farm connection is OK:usfuture"),
    (2106, "HMDS data farm connection is OK:ushmds"),
    (2158, "Sec-def data farm connection is OK:secdefnj"),
)


@dataclass(frozen=True, slots=True)
class GatewayConfig:
    """The settings of a gateway. ``speed`` is the clock's rate; infinite means as fast as clients take rows.

    ``waits``: the rows begin with the first subscription instead of at once. ``accounts``: the first one
    trades. ``rights``: the account's market-data permissions.
    """

    accounts: tuple[str, ...] = ("DUSIM000001",)
    cash: float = 10_000_000.0
    rights: str = "live"
    hours: str = "always"
    speed: float = 1.0
    waits: bool = False
    faults: tuple[Planned, ...] = ()
    #: Contracts beyond those of the table of pairs, and the seed of their quotes.
    contracts: tuple[OwnContract, ...] = ()
    contracts_seed: int = 0
    #: Interest and dividends of held shares; none by default.
    carrying: CarryingTerms = field(default_factory=CarryingTerms)

    def __post_init__(self) -> None:
        if not self.accounts or not all(name.isascii() and name.isalnum() for name in self.accounts):
            raise ConfigError("An account has letters and digits, such as DUSIM000001; name at least one.")
        if self.rights not in DATA_RIGHTS:
            raise ConfigError(f"Market-data rights are one of {', '.join(DATA_RIGHTS)}, not {self.rights}.")
        if self.hours not in HOURS_RULES:
            raise ConfigError(f"Hours are one of {', '.join(HOURS_RULES)}, not {self.hours}.")
        if not self.speed > 0.0:
            raise ConfigError(f"The speed is {self.speed:g}; it must be above 0, or inf for no limit.")
        if not 0.0 <= self.cash < math.inf:
            raise ConfigError(f"The account's cash is {self.cash:g}; it must be 0 or more.")


class Gateway:
    """The TWS look-alike: one account, any number of clients. ``now_ns`` is the wall clock's time."""

    def __init__(
        self,
        config: GatewayConfig,
        rows: Iterator[Row],
        *,
        beside: Sequence[Iterator[Row]] = (),
        past: Sequence[PastStretch] = (),
        past_is_whole: bool = False,
    ) -> None:
        """``beside`` are rows of other indexes, one at the time of each of ``rows``; ``past`` is the history
        before ``rows``, or with ``past_is_whole`` the whole history.
        """
        self.config = config
        self.history_pace = HistoryPace()
        self.day_ticks = DayTicks({key: price for each in past for key, price in each.closes.items()})
        #: Log lines, the newest last; a shell may pass an object that shows each line at once.
        self.log: deque[str] = deque(maxlen=LOG_LINES)
        self.show_line: Callable[[str], None] | None = None
        self.armed = Armed()
        self.market = MarketData(rights=config.rights)
        self.account = Account(config.accounts, config.cash, Carrying(config.carrying))
        self.auction = OpeningAuction(self.account.carrying)
        self.desk = OrderDesk(self.account, self.market, armed=self.armed, outbox=self, hours=config.hours)
        self.own = OwnMarket(config.contracts, config.contracts_seed)
        self.market.touches.update(self.own.touches)
        self.desk.extra = tuple(each.listing for each in config.contracts)
        self.clients: dict[int, GatewayClient] = {}
        self.row_number = 0
        self.finished = False
        self.clock_skew_ns = 0
        #: Faults planned by the wall clock, once its time is known.
        self.refused_until_ns = 0
        self.rolled_back = False
        self.requests = 0
        self._rows = rows
        self._beside = beside
        self._next_row = next(rows, None)
        first = self._next_row
        # With hours without a break, a generated market is always within its hours.
        always = config.hours == "always" and not past_is_whole
        open_ns = NEVER_NS if first is None or not always else first.ts_ns
        self.history = History(past, is_whole=past_is_whole, always_open_ns=open_ns)
        self._wall_ns = 0
        self._began = False
        self._origin: tuple[int, int] | None = None  # (wall, clock) at the first row
        self._connections = 0
        self._order = 0
        self._timers: list[tuple[int, int, Callable[[], None]]] = []
        self._plans: list[tuple[int, int, Planned]] = []
        if self._next_row is not None:
            self.desk.now_ns = self._next_row.ts_ns
        for planned in config.faults:
            self._plan(planned)

    # --- connections ------------------------------------------------------------------------------

    @property
    def clock_ns(self) -> int:
        """The gateway's clock: the time of the last row, or between two of them."""
        return self.desk.now_ns

    @property
    def has_rows(self) -> bool:
        """Whether any rows are still to come."""
        return self._next_row is not None

    @property
    def wall_ns(self) -> int:
        """The last wall time that the gateway was given."""
        return self._wall_ns

    @property
    def history_end_ns(self) -> int:
        """An instant after all of the history: the clock, or the end of a whole file."""
        return max(self.clock_ns, self.history.last_ns) + 1

    def find(self, query: m.ContractQuery, *, include_expired: bool = False) -> list[Listing]:
        """The contracts that match a query."""
        return find(query, self.clock_ns, include_expired=include_expired, extra=self.desk.extra)

    def listings(self) -> Iterator[Listing]:
        """Every contract listed now."""
        return listed(self.clock_ns, extra=self.desk.extra)

    def note(self, text: str, *, aloud: bool = False) -> None:
        """Adds a line to the log; ``aloud``: a person should see it at once."""
        self.log.append(text)
        if aloud and self.show_line is not None:
            self.show_line(text)

    def _see_wall(self, now_ns: int) -> None:
        if not self._began:
            self._began = True
            # A refusal from second 0 was planned before the wall time was known.
            self.refused_until_ns += now_ns
        self._wall_ns = max(now_ns, self._wall_ns)

    def connect(self, now_ns: int) -> int:
        """Adds a connection and returns its number."""
        self._see_wall(now_ns)
        self._connections += 1
        client = GatewayClient(self._connections)
        self.clients[client.conn] = client
        if now_ns < self.refused_until_ns:
            client.close(abort=True)
        return client.conn

    def disconnect(self, conn: int, now_ns: int) -> None:
        """Removes a connection that has ended."""
        self._see_wall(now_ns)
        self.clients.pop(conn, None)
        self._rows_taken()

    def receive(self, conn: int, data: bytes, now_ns: int) -> None:
        """Takes a client's bytes, in slices of any size."""
        self._see_wall(now_ns)
        client = self.clients[conn]
        if client.closing:
            return
        try:
            bodies = client.reader.feed(data)
        except WireError as error:
            self.note(f"Connection {conn} is closed: {error}", aloud=not client.version)
            client.close()
            return
        for body in bodies:
            self._try_frame(client, body)

    def _try_frame(self, client: GatewayClient, body: bytes) -> None:
        try:
            self._frame(client, body)
        except WireError as error:
            client.errors += 1
            text = f"Server error when reading an API client request: {error}"
            self.note(f"Connection {client.conn}: {text}", aloud=not client.version)
            client.send(replies.error(_id_in(body, client.version), 320, text))
            if client.errors >= ERRORS_MAX or not client.version:
                client.close()

    def advance(self, now_ns: int) -> None:
        """Advances the time: shows the rows that are due, and runs due timers."""
        self._see_wall(now_ns)
        if self._origin is None and not self.config.waits and self._next_row is not None:
            self._origin = (now_ns, self.desk.now_ns)
        for _ in range(ROWS_A_TURN):
            if not self._row_due():
                break
            self._show_next()
        if self._origin is not None and math.isfinite(self.config.speed):
            self._run_timers(self._paced_clock())
            self._rows_taken()

    @property
    def next_event_ns(self) -> int:
        """The wall time at which ``advance`` is next due; far in the future if nothing is planned."""
        due = min((c.hole_until_ns for c in self.clients.values() if c.waiting), default=NEVER_NS)
        if self._origin is None or math.isinf(self.config.speed):
            return due if self._origin is not None or self.config.waits else 0
        if self._next_row is not None and self._all_taken():
            due = min(due, self._wall_of(self._next_row.ts_ns))
        for waiting in (self._timers, self._plans):
            if waiting:
                due = min(due, self._wall_of(waiting[0][0]))
        return due

    def pending(self) -> list[int]:
        """The connections with bytes to send now."""
        return [conn for conn, c in self.clients.items() if c.waiting and self._wall_ns >= c.hole_until_ns]

    def take(self, conn: int) -> bytes:
        """Returns the bytes to send on a connection."""
        return self.clients[conn].take(self._wall_ns)

    def closings(self) -> list[tuple[int, bool]]:
        """(connection, whether to reset it) of closed connections that have no bytes left to send."""
        return [(conn, c.abort) for conn, c in self.clients.items() if c.closing and not c.waiting]

    def inject(self, planned: Planned) -> None:
        """Injects a fault now, or arms it."""
        fault_injection.inject(self, planned)

    def _plan(self, planned: Planned) -> None:
        """Plans a fault; one for second 0 applies before any client connects."""
        if planned.at_s <= 0.0:
            self.inject(planned)
        else:
            self._order += 1
            due_ns = self.desk.now_ns + round(planned.at_s * NS_PER_S)
            heapq.heappush(self._plans, (due_ns, self._order, planned))

    # --- the clock and its rows -------------------------------------------------------------------

    def later(self, delay_s: float, act: Callable[[], None]) -> None:
        """Calls ``act`` after ``delay_s`` of the gateway's clock."""
        self._order += 1
        heapq.heappush(self._timers, (self.desk.now_ns + round(delay_s * NS_PER_S), self._order, act))

    def _wall_of(self, clock_ns: int) -> int:
        wall, clock = self._origin or (self._wall_ns, clock_ns)
        return wall + math.ceil((clock_ns - clock) / self.config.speed)

    def _paced_clock(self) -> int:
        wall, clock = self._origin or (self._wall_ns, self.desk.now_ns)
        now = clock + int((self._wall_ns - wall) * self.config.speed)
        return now if self._next_row is None else min(now, self._next_row.ts_ns)

    def _run_timers(self, until_ns: int) -> None:
        while True:
            timer_ns = self._timers[0][0] if self._timers else NEVER_NS
            plan_ns = self._plans[0][0] if self._plans else NEVER_NS
            if min(timer_ns, plan_ns) > until_ns:
                break
            self.desk.now_ns = max(self.desk.now_ns, min(timer_ns, plan_ns))
            if timer_ns <= plan_ns:
                heapq.heappop(self._timers)[2]()
            else:
                self.inject(heapq.heappop(self._plans)[2])
        self.desk.now_ns = max(self.desk.now_ns, until_ns)

    def _readers(self) -> list[GatewayClient]:
        return [c for c in self.clients.values() if c.clock_req_id is not None and not c.closing]

    def _all_taken(self) -> bool:
        return all(reader.row_done >= self.row_number for reader in self._readers())

    def _row_due(self) -> bool:
        row = self._next_row
        if row is None or self._origin is None or not self._all_taken():
            return False
        if math.isinf(self.config.speed):
            return bool(self._readers())
        return self._wall_of(row.ts_ns) <= self._wall_ns

    def _rows_taken(self) -> None:
        """At infinite speed: shows the next row once all clients have taken the last one, then the end."""
        if math.isinf(self.config.speed) and self._row_due():
            self._show_next()
        elif self._next_row is None and self.row_number and not self.finished and self._all_taken():
            self._end_rows()

    def _show_next(self) -> None:
        row = self._next_row
        if row is None:
            return
        self._settle_expired()
        before = self.desk.now_ns
        self._run_timers(row.ts_ns)
        if self.row_number and utc_to_new_york(before)[0] != utc_to_new_york(row.ts_ns)[0]:
            self.desk.end_of_day()
        booked = self.account.advance(row.ts_ns, expiry_ns=row.expiry_ns, factor=row.factor)
        if booked != NOTHING:
            self.note(f"Booked interest {booked.financing:+.2f} and dividends {booked.dividends:+.2f} USD.")
        self._next_row = next(self._rows, None)
        self.row_number += 1
        beside = [next(rows) for rows in self._beside]
        self.market.show(row, beside)
        self.auction.note(row)
        self.own.show(row.ts_ns)
        self.history.note([row, *beside], self.own.touches)
        self.day_ticks.note(row.ts_ns, self.market.touches)
        if self.desk.link_up:
            for client in self.clients.values():
                for sub in client.subscriptions.values():
                    self.market.tell(sub, client.send)
                    self._tell_day(client, sub)
                self._tell_streams(client)
        self.desk.work_all()
        for reader in self._readers():
            self._mark_row(reader)

    def _tell_day(self, client: GatewayClient, sub: Subscription) -> None:
        row = self.market.row
        if row is None or row.ts_ns < self.market.stale_until_ns or not self.market.quotes(sub.listing):
            return
        if client.clock_req_id is None and sub.streams:
            self.day_ticks.tell(sub, client.send, self.clock_ns)

    def _tell_streams(self, client: GatewayClient) -> None:
        for req_id, stream in list(client.streams.items()):
            stream.tell(self, client, req_id)

    def _settle_expired(self) -> None:
        """Settles a contract at the end of the row that quoted it last."""
        if self.market.row is not None:
            self.desk.settle_expired(self.auction)

    def _mark_row(self, client: GatewayClient) -> None:
        client.has_news = False
        req_id, row, ahead = client.clock_req_id, self.market.row, self._next_row
        if req_id is None or row is None:
            return
        if client.told_expiry_ns != row.expiry_ns:
            client.told_expiry_ns = row.expiry_ns
            client.send(instant_tick(req_id, BID, row.expiry_ns))
        if ahead is not None and ahead.names_expiry and ahead.expiry_ns != row.expiry_ns:
            client.send(instant_tick(req_id, ASK, ahead.expiry_ns))
        client.send(clock_ticks(req_id, self.row_number, self.desk.now_ns))

    def _end_rows(self) -> None:
        """Ends the data and stops the clock. If only rows move the clock, all timers run first."""
        self.finished = True
        self._settle_expired()
        if math.isinf(self.config.speed):
            self._plans.clear()
            while self._timers:
                self._run_timers(self._timers[0][0])
        for reader in self._readers():
            if reader.clock_req_id is not None:
                reader.send(replies.tick_generic(reader.clock_req_id, HALTED, 1.0))

    # --- messages of other parts ------------------------------------------------------------------

    def of_client_id(self, client_id: int) -> GatewayClient | None:
        """The connection of a client id; None if there is none."""
        living = (c for c in self.clients.values() if c.ready and not c.closing)
        return next((c for c in living if c.client_id == client_id), None)

    def news(self, client_id: int, message: News) -> None:
        """Sends a message about a client's orders; drops it if the client or the link is gone."""
        client = self.of_client_id(client_id)
        if client is not None and self.desk.link_up:
            client.has_news = True
            client.send(message if isinstance(message, bytes) else message(client.version))

    def position_news(self, listing: Listing) -> None:
        """Sends a changed position to the clients that requested positions or account values."""
        self.note(f"Position {listing.local_symbol}: {self.account.held(listing):g}")
        if not self.desk.link_up:
            return
        for client in self.clients.values():
            if client.wants_positions:
                answers.tell_position(self, client, listing)
            if client.wants_account:
                answers.tell_portfolio(self, client, listing)
                for tag, value, currency in self.account.values(self.market.mark):
                    client.send(replies.account_value(self.account.name, tag, value=value, currency=currency))

    def tell_all(self, code: int, text: str) -> None:
        """Sends an error message without an id to every client."""
        for client in self.clients.values():
            if client.ready:
                client.send(replies.error(-1, code, text))

    # --- requests ---------------------------------------------------------------------------------

    def _frame(self, client: GatewayClient, body: bytes) -> None:
        if client.closing:
            return
        if not client.version:
            lowest, highest = client_versions(body)
            version = m.agreed_version(lowest, highest)
            if version is None:
                self._cannot_speak(client, lowest, highest)
                return
            client.version = version
            self.note(f"Connection {client.conn} speaks server version {version}.")
            client.send(replies.greeting(version, self.clock_ns, self.desk.time_form))
            return
        fields = fields_of(body)
        ending = unserved.answer(fields, client.version)
        if ending is not None and client.ready:
            self.requests += 1
            self.note(f"Connection {client.conn}: request {fields[0]} is not served.")
            client.send(ending)
            return
        reader = h.READERS.get(int(fields[0])) if fields[0].isdecimal() and len(fields[0]) < 6 else None
        if reader is not None and client.ready:
            self.requests += 1
            asked = reader(m.Fields(fields, client.version, at=1))
            history_answers.ANSWERS[type(asked)](self, client, asked)
            return
        request = m.decode(fields, client.version)
        self.requests += 1
        if not isinstance(request, m.RowDone):
            self._note_request(client, request)
        if isinstance(request, m.StartApi):
            self._start(client, request)
        elif not client.ready:
            raise WireError("early", "The first request is startApi.")
        elif isinstance(request, m.RowDone):
            self._row_done(client, request)
        elif self.armed.take("rate_limit") or (client.hurries(self._wall_ns) and self.armed.active("pacing")):
            client.send(replies.error(-1, 100, "Max rate of messages per second has been exceeded."))
        else:
            self._answer(client, request)

    def _note_request(self, client: GatewayClient, request: m.Request) -> None:
        text = type(request).__name__
        if isinstance(request, m.PlaceOrder):
            limit = "" if request.limit is None else f" at {request.limit:g}"
            text += (
                f" {request.order_id} {printable(request.action)} {request.quantity or 0.0:g} "
                f"{printable(request.contract.symbol)} {printable(request.order_type)}{limit}"
            )
        self.note(f"Client {client.client_id}: {text}")

    def _cannot_speak(self, client: GatewayClient, lowest: int, highest: int) -> None:
        """Refuses a client that speaks none of our versions, in the nearest layout."""
        newer = lowest > m.NEWEST_VERSION
        client.version = m.NEWEST_VERSION if newer else m.OLDEST_VERSION
        text = (
            f"This gateway speaks server versions {m.OLDEST_VERSION} to {m.NEWEST_VERSION}; "
            f"the client asks for {lowest} to {highest}."
        )
        self.note(f"Connection {client.conn} is refused: {text}", aloud=True)
        client.send(replies.greeting(client.version, self.clock_ns, self.desk.time_form))
        client.send(replies.error(-1, 503 if newer else 505, text))
        client.close()

    def _answer(self, client: GatewayClient, request: m.Request) -> None:
        kind = type(request)
        silent = _SILENT_NAMES.get(kind)
        if silent is not None and self.armed.take("silent", silent) is not None:
            return
        if isinstance(request, _OF_ORDERS) and self.armed.take("read_only") is not None:
            order_id = getattr(request, "order_id", -1)
            client.send(replies.error(order_id, 321, READ_ONLY))
        elif isinstance(request, m.SubscribeQuotes):
            self._subscribe(client, request)
        elif isinstance(request, m.CancelQuotes):
            self._cancel_quotes(client, request)
        else:
            answers.ANSWERS[kind](self, client, request)

    def _start(self, client: GatewayClient, asked: m.StartApi) -> None:
        if client.ready:
            return
        taken = self.of_client_id(asked.client_id) is not None
        if taken or self.armed.take("client_id_in_use"):
            text = "Unable to connect as the client id is already in use. Retry with a unique client id."
            client.send(replies.error(-1, 326, text))
            client.close()
            return
        if self.rolled_back:
            self.rolled_back = False
            self.desk.book.roll_back()
        client.client_id, client.ready = asked.client_id, True
        self.note(f"Connection {client.conn} is client {asked.client_id}.")
        client.send(replies.managed_accounts(self.account.ids))
        client.send(replies.next_valid_id(self.desk.book.next_order_id(asked.client_id)))
        for code, text in FARMS:
            client.send(replies.error(-1, code, text))
        if not self.desk.link_up:
            client.send(replies.error(-1, *fault_injection.LINK_LOST))

    def _row_done(self, client: GatewayClient, asked: m.RowDone) -> None:
        if client.clock_req_id is None or asked.row != self.row_number or client.row_done >= asked.row:
            return
        if client.has_news:
            # It had a message about its orders since the row's end: send the end again so that it can act.
            self._mark_row(client)
            return
        client.row_done = asked.row
        self._rows_taken()

    def _subscribe(self, client: GatewayClient, asked: m.SubscribeQuotes) -> None:
        found = self.find(asked.contract)
        if len(found) != 1:
            client.send(replies.error(asked.req_id, 200, NO_CONTRACT))
            return
        listing = found[0]
        if listing.leg == CLOCK_LEG:
            self._subscribe_clock(client, asked.req_id)
            return
        code = self.armed.number("no_rights")
        if code is not None:
            client.send(replies.error(asked.req_id, int(code), "Requested market data is not subscribed."))
            return
        data_type, message = self.market.admit(client.data_type)
        if message is not None:
            client.send(replies.error(asked.req_id, *message))
        if not data_type:
            return
        sub = Subscription(
            asked.req_id, listing, GENERIC_SHORTABLE in asked.generic_ticks.split(","), data_type
        )
        if self.desk.link_up:
            self.market.greet(sub, client.send)
            if self.market.row is not None:
                self._tell_day(client, sub)
        if asked.snapshot:
            client.send(replies.snapshot_end(asked.req_id))
        else:
            client.subscriptions[asked.req_id] = sub
            # A client that decides once a row has not seen this contract's quotes in the present row.
            client.has_news = True
            self._begin(fast=False)

    def _subscribe_clock(self, client: GatewayClient, req_id: int) -> None:
        client.clock_req_id = req_id
        client.told_expiry_ns = 0
        client.send(replies.market_data_type(req_id, LIVE))
        self._begin(fast=True)
        if self.finished:
            client.row_done = self.row_number
            client.send(replies.tick_generic(req_id, HALTED, 1.0))
        elif self.row_number:
            client.row_done = self.row_number - 1
            self._mark_row(client)
        else:
            self._rows_taken()

    def begin_rows(self) -> None:
        """Begins rows that wait for a subscription, but not those that wait for a clock subscriber."""
        self._begin(fast=False)

    def _begin(self, *, fast: bool) -> None:
        """Begins rows that wait for a subscription."""
        if self._origin is None and self._next_row is not None and (fast or math.isfinite(self.config.speed)):
            self._origin = (self._wall_ns, self.desk.now_ns)

    def _cancel_quotes(self, client: GatewayClient, asked: m.CancelQuotes) -> None:
        client.subscriptions.pop(asked.req_id, None)
        if client.clock_req_id == asked.req_id:
            client.clock_req_id = None
            self._rows_taken()


def _id_in(body: bytes, version: int) -> int:
    """The id of a request that cannot be decoded; -1 if the id cannot be read either."""
    try:
        return unserved.id_of(fields_of(body), version)
    except WireError:
        return -1


READ_ONLY = "Error validating request.-'bN' : cause - The API interface is currently in Read-Only mode."
_OF_ORDERS = (m.PlaceOrder, m.CancelOrder, m.GlobalCancel, m.ReqOpenOrders, m.ReqAllOpenOrders)
_SILENT_NAMES = {
    m.ReqPositions: "positions", m.ReqOpenOrders: "open_orders", m.ReqAllOpenOrders: "open_orders",
    m.ReqCompletedOrders: "completed_orders", m.ReqExecutions: "executions", m.ReqAccountUpdates: "account",
    m.ReqAccountMulti: "account_multi", m.ReqAccountSummary: "account_summary",
    m.ReqContractDetails: "contract_details", m.SubscribeQuotes: "quotes", m.ReqCurrentTime: "current_time",
    m.PlaceOrder: "orders", m.CancelOrder: "cancels", m.ReqIds: "ids",
}  # fmt: skip
