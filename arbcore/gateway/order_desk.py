"""The order desk: the life of every order, and the messages about it in their order.

Owns the checks of an order, its fills against the market's touch, the account that they are booked in, and
the faults that apply to orders. Clients are numbers. Messages and delayed actions go to the ``Outbox`` that
it is given.
"""

from collections.abc import Callable
from typing import Protocol

from arbcore.carry.pairs import DEFAULT_PAIR, ETF
from arbcore.core.civil import NS_PER_S, utc_to_new_york
from arbcore.gateway import order_links, replies
from arbcore.gateway.account import Account, BrokerExecution
from arbcore.gateway.broker_book import ORDER_TYPES, TIMES_IN_FORCE, BrokerBook, BrokerOrder
from arbcore.gateway.contract_table import Listing, etf_listing, find, is_liquid
from arbcore.gateway.faults import Armed
from arbcore.gateway.market_data import MarketData
from arbcore.gateway.messages import PlaceOrder
from arbcore.gateway.opening_auction import OpeningAuction
from arbcore.gateway.replies import NO_ID, ExecutionView, OrderView

QUANTITY_MAX = 10_000_000.0
Refusal = tuple[int, str]
#: A message, or a function that makes one for a server version.
News = bytes | Callable[[int], bytes]


class Outbox(Protocol):
    """Takes messages and delayed actions; ``Gateway`` is one."""

    def news(self, client_id: int, message: News) -> None:
        """Sends a message about a client's orders."""

    def position_news(self, listing: Listing) -> None:
        """Sends a changed position."""

    def later(self, delay_s: float, act: Callable[[], None]) -> None:
        """Calls ``act`` after ``delay_s`` of the gateway's clock."""


class OrderDesk:
    """Orders of every client in one account."""

    def __init__(
        self, account: Account, market: MarketData, *, armed: Armed, outbox: Outbox, hours: str
    ) -> None:
        self.account = account
        self.market = market
        self.book = BrokerBook()
        self.now_ns = 0
        self.link_up = True
        #: The form of the times of executions.
        self.time_form = replies.NEW_YORK
        #: Contracts beyond those that every gateway lists.
        self.extra: tuple[Listing, ...] = ()
        self._armed = armed
        self._outbox = outbox
        self._hours = hours

    # --- requests ---------------------------------------------------------------------------------

    def place(self, client_id: int, asked: PlaceOrder) -> None:
        """Places, changes or previews an order."""
        listing = self._listing(asked)
        existing = self.book.get(client_id, asked.order_id)
        refusal = self._refusal(client_id, asked, listing, existing)
        if refusal is not None or listing is None:
            self._refuse(client_id, asked.order_id, refusal or (200, NO_CONTRACT))
            return
        if asked.what_if:
            self._preview(client_id, asked, listing)
        elif existing is not None:
            self._change(existing, asked)
        elif (code := self._armed.number("reject")) is not None:
            self.book.note_id(client_id, asked.order_id)
            self._refuse(client_id, asked.order_id, (int(code), f"Order rejected - reason: {REJECTED}"))
        elif not self._armed.take("order_lost"):
            order = self.book.add(
                client_id, asked, listing=listing, account=asked.account or self.account.name
            )
            order.due_ns = order_links.due_of(asked, self.now_ns)
            order.ends_ns = order_links.ends_of(asked)
            self._burden(order, asked)
            if asked.transmit:
                self._transmit(order)

    def _transmit(self, order: BrokerOrder) -> None:
        """Transmits an order, with the orders of its bracket that waited for it."""
        for each in [*order_links.family(order, self.book), order]:
            if each is order or not each.transmitted:
                each.transmitted = True
                self._start(each)

    def cancel(self, client_id: int, order_id: int) -> None:
        """Cancels one of the client's orders, or sends the error that says why not."""
        order = self.book.get(client_id, order_id)
        code = self._armed.number("cancel_refused")
        if code is not None:
            self._error(
                client_id, order_id, int(code), CANCEL_REFUSALS.get(int(code), CANCEL_REFUSALS[10148])
            )
        elif order is None:
            self._error(
                client_id, order_id, 10147, f"OrderId {order_id} that needs to be cancelled is not found."
            )
        elif not order.alive:
            self._error(
                client_id, order_id, 10148,
                f"OrderId {order_id} that needs to be cancelled cannot be cancelled, state: {order.status}.",
            )  # fmt: skip
        elif not self._armed.take("cancel_lost"):
            self._cancelled(order, "")

    def cancel_all(self, reason: str) -> None:
        """Cancels every working order."""
        for order in self.book.working():
            if order.alive:
                self._cancelled(order, reason)

    def correct_last(self, ticks: float) -> None:
        """Corrects the last execution by some ticks; clients get the correction like an execution."""
        executions = list(self.account.executions.values())
        if not executions:
            return
        view = executions[-1].view
        done = self.account.correct(view.exec_id, round(view.price + ticks * view.listing.tick, 2))
        self._report(done)
        self._outbox.position_news(view.listing)

    def foreign_trade(self, shares: float) -> None:
        """Trades shares of the ETF in the account by hand, at the touch."""
        row = self.market.row
        etf = etf_listing(DEFAULT_PAIR if row is None else row.pair)
        price = self.market.mark(etf)
        view = ExecutionView(
            etf, 0, 0, 0, "", self.account.name, "BOT" if shares > 0.0 else "SLD", abs(shares), price,
            abs(shares), price, "", self.now_ns, self.time_form,
        )  # fmt: skip
        self.account.fill(view)
        self._outbox.position_news(etf)

    def foreign_fill(self) -> None:
        """Sends the last order's client a fill of another client's order with the same id."""
        orders = list(self.book.by_perm.values())
        if not orders:
            return
        order = orders[-1]
        price = self.market.mark(order.listing)
        view = ExecutionView(
            order.listing, order.order_id, order.client_id + 900, order.perm_id + 500_000_000,
            f"0000e0d5.f{order.perm_id % 2**28:07x}.01.01", order.account, "BOT", 1.0,
            price, 1.0, price, "somebody-else", self.now_ns,
        )  # fmt: skip
        self._outbox.news(order.client_id, lambda version: replies.execution(NO_ID, view, version))

    # --- checks -----------------------------------------------------------------------------------

    def _listing(self, asked: PlaceOrder) -> Listing | None:
        found = find(asked.contract, self.now_ns, include_expired=True, extra=self.extra)
        return found[0] if len(found) == 1 and found[0].tradable else None

    def _refusal(
        self, client_id: int, asked: PlaceOrder, listing: Listing | None, existing: BrokerOrder | None
    ) -> Refusal | None:
        """Why an order is refused; None if it is accepted."""
        if existing is not None and not existing.alive:
            return 103, "Duplicate order id"
        if existing is None and asked.order_id < self.book.next_order_id(client_id):
            return 103, "Duplicate order id"
        if listing is None:
            return 200, NO_CONTRACT
        return self._form_refusal(asked, listing) or (
            None
            if existing is not None
            else order_links.refusal(asked, self.book, client_id=client_id, now_ns=self.now_ns)
        ) or (
            None if asked.what_if or existing is not None else self._state_refusal(asked, listing)
        )

    def _form_refusal(self, asked: PlaceOrder, listing: Listing) -> Refusal | None:
        """Why an order is refused for its own fields; None if they are right."""
        quantity = asked.quantity or 0.0
        if asked.account and asked.account not in self.account.ids:
            return 201, "Order rejected - reason: Invalid account code."
        if asked.action not in {"BUY", "SELL"}:
            return 201, f"Order rejected - reason: Invalid order action '{asked.action[:20]}'."
        if not (0.0 < quantity <= QUANTITY_MAX and quantity == int(quantity)):
            return 201, "Order rejected - reason: The size is not a positive whole number."
        if asked.order_type not in ORDER_TYPES:
            return 387, "Unsupported order type for this exchange and security type."
        if asked.unserved:
            return 201, f"Order rejected - reason: This gateway does not serve {asked.unserved}."
        if asked.tif not in TIMES_IN_FORCE | {""}:
            return 201, f"Order rejected - reason: Invalid time in force '{asked.tif[:20]}'."
        limited, stopped = asked.order_type in order_links.LIMITED, asked.order_type in order_links.STOPS
        if limited and (asked.limit is None or asked.limit <= 0.0):
            return 201, "Order rejected - reason: Limit price is missing."
        for price in (asked.limit if limited else None, asked.aux if stopped else None):
            ticks = 0.0 if price is None else price / listing.tick
            if abs(ticks - round(ticks)) > 1e-6:
                return 201, OFF_THE_GRID
        return None

    def _state_refusal(self, asked: PlaceOrder, listing: Listing) -> Refusal | None:
        """Why an order is refused at this time; None if it is not."""
        if (
            listing.expiry_ns is not None
            and self.now_ns >= listing.expiry_ns
            and not self.market.quotes(listing)
        ):
            return 201, "Order rejected - reason: The contract has expired."
        if self.book.crowded(asked, listing):
            return (
                201,
                "Order rejected - reason: 20 orders work on this side of the contract, the most allowed.",
            )
        if asked.tif in {"IOC", "FOK"} and not is_liquid(listing, self.now_ns, rule=self._hours):
            return 201, "Order rejected - reason: IOC is not available outside regular hours."
        signed = (asked.quantity or 0.0) * (1.0 if asked.action == "BUY" else -1.0)
        view = self.account.preview(listing, signed, marks=self.market.mark, now_ns=self.now_ns)
        if view.warning and view.initial[1] > 0.0:
            return 201, f"Order rejected - reason: {view.warning}"
        return None

    # --- an order's life --------------------------------------------------------------------------

    def _burden(self, order: BrokerOrder, asked: PlaceOrder) -> None:
        """Takes the armed faults that apply to this order."""
        for name in ORDER_QUIRKS:
            if name == "preset_tif" and asked.tif:
                continue
            if name == "held_short" and not self._goes_short(order):
                continue
            arg = self._armed.take(name)
            if arg is not None:
                order.quirks[name] = float(arg)

    def _goes_short(self, order: BrokerOrder) -> bool:
        return order.listing.leg == ETF and self.account.held(order.listing) + order.signed < 0.0

    def _start(self, order: BrokerOrder) -> None:
        quirks = order.quirks
        held_s = quirks.get("held_short", quirks.get("held_message"))
        outside = not is_liquid(order.listing, self.now_ns, rule=self._hours)
        if "reject_inactive" in quirks:
            self._error(order.client_id, order.order_id, 201, f"Order rejected - reason: {REJECTED}")
            order.end("Inactive", self.now_ns, "Inactive")
            self._tell_status(order)
            self._end_children(order)
            return
        if not self.link_up:
            return
        waits = order_links.waits(order, self.book, self.now_ns) or order.order_type in order_links.STOPS
        order.status = "PreSubmitted" if held_s is not None or outside or waits else "Submitted"
        if held_s is not None:
            order.why_held = "locate" if "held_short" in quirks else ""
            order.held_until_ns = self.now_ns + round(held_s * NS_PER_S)
        if "fill_before_ack" in quirks:
            self.work(order)
        self._acknowledge(order, outside=outside)
        if (code := quirks.pop("reject_late", None)) is not None:
            self._error(order.client_id, order.order_id, int(code), f"Order rejected - reason: {REJECTED}")
            order.end("Inactive", self.now_ns, "Inactive")
            self._tell_status(order)
            self._end_children(order)
        if order.alive:
            self.work(order)

    def _acknowledge(self, order: BrokerOrder, *, outside: bool) -> None:
        quirks = order.quirks
        if "ack_lost" not in quirks:
            for _ in range(2 if "ack_twice" in quirks else 1):
                self._tell_open(order)
                self._tell_status(order)
        if "preset_tif" in quirks:
            self._error(
                order.client_id, order.order_id, 10349, "Order TIF was set to DAY based on order preset."
            )
        if "held_short" in quirks:
            self._error(order.client_id, order.order_id, 404, HELD_SHORT)
        if "held_message" in quirks or outside:
            self._error(order.client_id, order.order_id, 399, HELD_MESSAGE)
        if "stray_error" in quirks:
            code = int(quirks["stray_error"])
            text = CANCEL_REFUSALS.get(code, "An error that does not end the order.")
            self._error(order.client_id, order.order_id, code, text)

    def work_all(self) -> None:
        """Tries to fill every working order at the present touch."""
        if self.book.has_working() and self.link_up:
            for order in self.book.working():
                if order.ends_ns and self.now_ns >= order.ends_ns and order.alive:
                    self._cancelled(order, "The order's time is over")
                self.work(order)

    def work(self, order: BrokerOrder) -> None:
        """Tries to fill one order at the present touch; cancels the rest of an IOC."""
        if order.status not in {"Submitted", "PreSubmitted"}:
            return
        if not self._may_work(order):
            if order.tif in {"IOC", "FOK"} and self.market.is_halted(order.listing):
                self._cancelled(order, "Trading is halted")
            return
        if order_links.waits(order, self.book, self.now_ns) or not order_links.triggered(
            order, self.market.touch_of(order.listing)
        ):
            return
        waited = self._release(order)
        shares, price = self._take(order)
        if shares > 0.0:
            self._filled(order, shares, price)
        elif order.tif in {"IOC", "FOK"}:
            self._cancelled(order, "")
        elif waited:
            self._tell_status(order)

    def _may_work(self, order: BrokerOrder) -> bool:
        return (
            self.link_up
            and self.now_ns >= order.held_until_ns
            and not self.market.is_halted(order.listing)
            # An order for the close begins to work right after the end of the hours.
            and (
                order.due_ns > 0
                or order.outside_rth
                or is_liquid(order.listing, self.now_ns, rule=self._hours)
            )
            and "waits" not in order.quirks
        )

    def _release(self, order: BrokerOrder) -> bool:
        """Lets an order work; returns whether its client must still get that status."""
        if order.status != "PreSubmitted":
            return False
        order.status, order.why_held = "Submitted", ""
        if "ack_lost" in order.quirks:
            return False
        if order.held_until_ns:
            self._tell_status(order)
            return False
        return True

    def _take(self, order: BrokerOrder) -> tuple[float, float]:
        touch = self.market.touch_of(order.listing)
        if touch is None or order.quirks.pop("miss", None) is not None:
            return 0.0, 0.0
        wanted = order.remaining
        part = order.quirks.pop("partial", None)
        if part is not None:
            wanted = float(int(wanted * part))
        if wanted <= 0.0:
            return 0.0, 0.0
        if order.tif == "FOK" and wanted > (touch.ask_size if order.action == "BUY" else touch.bid_size):
            return 0.0, 0.0
        limit = order.limit if order.order_type in order_links.LIMITED else None
        return touch.take(order.action, wanted, limit)

    def _filled(self, order: BrokerOrder, shares: float, price: float) -> None:
        quirks = order.quirks
        late_s = quirks.pop("late_fill", None)
        after_s = quirks.pop("fill_after_cancel", None)
        delay_s = after_s if after_s is not None else late_s
        if delay_s is None:
            self._book_fills(order, shares, price)
            return
        if after_s is not None:
            self._cancelled(order, "")
        quirks["waits"] = 1.0

        def arrive() -> None:
            quirks.pop("waits", None)
            self._book_fills(order, shares, price)

        self._outbox.later(delay_s, arrive)

    def _book_fills(self, order: BrokerOrder, shares: float, price: float) -> None:
        pieces = min(order.quirks.pop("burst", 1.0), shares)
        while shares > 0.0:
            piece = float(-(-shares // pieces))
            self._book_fill(order, piece, price)
            shares, pieces = shares - piece, pieces - 1.0
        if order.alive and order.tif in {"IOC", "FOK"}:
            self._cancelled(order, "")

    def _book_fill(self, order: BrokerOrder, shares: float, price: float) -> None:
        order.filled += shares
        order.paid += shares * price
        order.last_price = price
        if order.remaining <= 0.0:
            order.end("Filled", self.now_ns, "Filled")
        view = ExecutionView(
            order.listing, order.order_id, order.client_id, order.perm_id, "", order.account,
            "BOT" if order.action == "BUY" else "SLD", shares, price, order.filled, order.average,
            order.order_ref, self.now_ns, self.time_form,
        )  # fmt: skip
        done = self.account.fill(view)
        if "silent_fill" not in order.quirks:
            self._tell_fill(order, done)
            self._outbox.position_news(order.listing)
        self._after_fill(order, shares)

    def _after_fill(self, order: BrokerOrder, shares: float) -> None:
        """Reduces the order's rivals by the fill, and lets the children of a filled parent work."""
        for rival in order_links.rivals(order, self.book):
            if order_links.reduce(rival, order, shares):
                self._cancelled(rival, "OCA")
            else:
                self._tell_open(rival)
        if order.status == "Filled":
            for child in order_links.children(order, self.book):
                self.work(child)

    def _tell_fill(self, order: BrokerOrder, done: BrokerExecution) -> None:
        quirks = order.quirks
        for _ in range(2 if quirks.pop("fill_twice", None) is not None else 1):
            self._news_of(order.client_id, "execution", done.view)
        if "no_status" not in quirks:
            if order.status == "Filled":
                self._tell_open(order)
            self._tell_status(order)
        if quirks.pop("no_commission", None) is not None:
            return
        delay_s = quirks.pop("slow_commission", None)
        if delay_s is None:
            self._tell_commission(done)
        else:
            self._outbox.later(delay_s, lambda: self._tell_commission(done))

    def _cancelled(self, order: BrokerOrder, reason: str) -> None:
        order.end("Cancelled", self.now_ns, "Cancelled")
        if "silent_fill" in order.quirks:
            return
        if "no_status" not in order.quirks:
            self._tell_status(order)
        self._error(order.client_id, order.order_id, 202, f"Order Canceled - reason:{reason}")
        self._end_children(order)

    def _end_children(self, order: BrokerOrder) -> None:
        """Ends the children of an order that ended without a fill."""
        if order.status != "Filled":
            for child in order_links.children(order, self.book):
                if child.alive:
                    self._cancelled(child, "The parent order is over")

    def _change(self, order: BrokerOrder, asked: PlaceOrder) -> None:
        if asked.action != order.action or asked.order_type != order.order_type:
            self._refuse(
                order.client_id, order.order_id,
                (105, "Order being modified does not match original order."),
            )  # fmt: skip
            return
        order.limit, order.aux, order.ends_ns = asked.limit, asked.aux, order_links.ends_of(asked)
        order.quantity = max(asked.quantity or 0.0, order.filled)
        if order.status == "PendingSubmit" and asked.transmit:
            self._transmit(order)
            return
        self._tell_open(order)
        self._tell_status(order)
        self.work(order)

    def _preview(self, client_id: int, asked: PlaceOrder, listing: Listing) -> None:
        signed = (asked.quantity or 0.0) * (1.0 if asked.action == "BUY" else -1.0)
        margin = self.account.preview(listing, signed, marks=self.market.mark, now_ns=self.now_ns)
        self.book.note_id(client_id, asked.order_id)
        order = BrokerOrder(
            client_id, asked.order_id, 0, listing, asked.action, asked.quantity or 0.0, asked.order_type,
            asked.limit, asked.aux, asked.tif or "DAY", asked.oca_group, asked.account or self.account.name,
            asked.order_ref, asked.parent_id, asked.outside_rth, status="PreSubmitted",
        ).view()  # fmt: skip
        self._outbox.news(client_id, lambda version: replies.open_order(order, version, margin=margin))

    # --- the broker's side ------------------------------------------------------------------------

    def link_restored(self) -> None:
        """Lets orders work that waited for the link."""
        self.link_up = True
        for order in self.book.working():
            if order.status == "PendingSubmit" and order.transmitted:
                self._start(order)
        self.work_all()

    def end_of_day(self) -> None:
        """Ends DAY orders, and drops orders and executions of earlier days."""
        for order in self.book.working():
            if order.tif == "DAY" and order.alive and order.due_ns <= self.now_ns:
                self._cancelled(order, "")
        self.book.forget(self.day_began_ns())
        self.account.forget(self.day_began_ns())

    def settle_expired(self, auction: OpeningAuction) -> None:
        """Settles positions in a contract in cash, at its index, after its last quotes."""
        for position in list(self.account.positions.values()):
            listing = position.listing
            row, expiry_ns = self.market.row_of(listing), listing.expiry_ns
            if row is None or expiry_ns is None or not position.quantity or self.market.goes_on(listing):
                continue
            if self.now_ns >= expiry_ns:
                self.account.settle(listing, auction.index_at(row, expiry_ns))
                self._outbox.position_news(listing)

    def day_began_ns(self) -> int:
        """The begin of New York's present date."""
        return self.now_ns - utc_to_new_york(self.now_ns)[1]

    # --- messages to clients ----------------------------------------------------------------------

    def _news_of(self, client_id: int, what: str, view: OrderView | ExecutionView) -> None:
        """Sends one message about an order, or an unreadable one if that fault is armed."""
        unreadable = self._armed.take("unreadable", what) is not None

        def message(version: int) -> bytes:
            encoded = (
                replies.execution(NO_ID, view, version) if isinstance(view, ExecutionView)
                else replies.order_status(view) if what == "status"
                else replies.open_order(view, version)
            )  # fmt: skip
            return replies.garbled(encoded) if unreadable else encoded

        self._outbox.news(client_id, message)

    def _tell_open(self, order: BrokerOrder) -> None:
        self._news_of(order.client_id, "order", order.view())

    def _tell_status(self, order: BrokerOrder) -> None:
        self._news_of(order.client_id, "status", order.view())

    def _report(self, done: BrokerExecution) -> None:
        client_id = done.view.client_id
        self._outbox.news(client_id, lambda version: replies.execution(NO_ID, done.view, version))
        self._tell_commission(done)

    def _tell_commission(self, done: BrokerExecution) -> None:
        message = replies.commission_report(done.view.exec_id, done.commission, done.realized)
        self._outbox.news(done.view.client_id, message)

    def _refuse(self, client_id: int, order_id: int, refusal: Refusal) -> None:
        self._error(client_id, order_id, *refusal)

    def _error(self, client_id: int, order_id: int, code: int, text: str) -> None:
        message = replies.error(order_id, code, text)
        self._outbox.news(client_id, message)


OFF_THE_GRID = (
    "Order rejected - reason: The price does not conform to the minimum price variation for this contract."
)
NO_CONTRACT = "No security definition has been found for the request"
REJECTED = "The gateway was told to reject it."
HELD_SHORT = "Shares for this order are not immediately available for short sale; it is held meanwhile."
HELD_MESSAGE = "Order Message:\nWarning: your order will not be placed at the exchange until later."
CANCEL_REFUSALS = {
    161: "Cancel attempted when order is not in a cancellable state.",
    10147: "OrderId that needs to be cancelled is not found.",
    10148: "OrderId that needs to be cancelled cannot be cancelled, state: PendingCancel.",
}
#: Faults that an order takes when it is placed.
ORDER_QUIRKS = (
    "reject_inactive", "reject_late", "preset_tif", "held_short", "held_message", "stray_error", "ack_lost",
    "ack_twice", "fill_before_ack", "burst", "no_status", "late_fill", "fill_after_cancel", "silent_fill",
    "fill_twice", "partial", "miss", "slow_commission", "no_commission",
)  # fmt: skip
