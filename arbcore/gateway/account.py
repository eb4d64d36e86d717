"""The simulated account: positions, cash, executions, commissions, and the effect of orders on its margin.

Owns the arithmetic of a broker's statement. Shares are paid for in cash, with interest and dividends while
they are held (``carrying``); a future pays only its gain when it is closed. It knows no orders, no quotes and
no clients: prices and marks are arguments.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

from arbcore.carry.money import future_fee, share_fee
from arbcore.carry.pairs import FeeClass, pair_of_future
from arbcore.core.civil import utc_to_new_york
from arbcore.gateway.carrying import Booked, Carrying, CarryingTerms
from arbcore.gateway.contract_table import Listing
from arbcore.gateway.replies import ExecutionView, MarginView

#: Initial and maintenance margin, as parts of the notional.
INITIAL_MARGIN = {"FUT": 0.06, "STK": 0.50, "CASH": 0.03}
MAINTENANCE_MARGIN = {"FUT": 0.054, "STK": 0.25, "CASH": 0.025}
#: USD for each order in a currency.
COMMISSION_OF_CURRENCY = 2.00

Marks = Callable[[Listing], float]


def commission_of(view: ExecutionView) -> float:
    """USD for one execution: the commission of its order so far, less the part charged before.

    Uses the table of ``carry.money``, as a backtest's ``--fees ibkr`` does; a future that is not in the table
    of pairs costs as much as a full-size contract.
    """
    listing, shares = view.listing, view.shares
    if listing.sec_type == "FUT":
        pair = pair_of_future(listing.symbol)
        # For each contract, so that a part of an order costs its part.
        return future_fee(FeeClass.STANDARD if pair is None else pair.fee_class, 1) * shares
    before = view.cumulative - shares
    if listing.sec_type == "CASH":
        return 0.0 if before else COMMISSION_OF_CURRENCY
    sale, day = view.side == "SLD", utc_to_new_york(view.time_ns)[0]
    cost = share_fee(view.cumulative, view.average, day=day, sale=sale)
    if before:
        average = (view.cumulative * view.average - shares * view.price) / before
        cost -= share_fee(before, average, day=day, sale=sale)
    return cost


@dataclass(slots=True)
class Position:
    """Signed quantity, its cost in USD before fees, and the fees of the part still held."""

    listing: Listing
    quantity: float = 0.0
    cost: float = 0.0
    fees: float = 0.0
    realized: float = 0.0

    @property
    def average_cost(self) -> float:
        """USD for each unit, with fees and multiplier, as the broker shows it."""
        return (self.cost + self.fees) / self.quantity if self.quantity else 0.0

    def unrealized(self, price: float) -> float:
        """USD of unrealized gain at a price, including the entry's fees."""
        return self.quantity * price * self.listing.multiplier - self.cost - self.fees


@dataclass(frozen=True, slots=True)
class BrokerExecution:
    """One execution, or a correction of one, with its commission and realized gain."""

    view: ExecutionView
    commission: float
    realized: float | None


@dataclass(slots=True)
class Account:
    """One account of the gateway."""

    ids: tuple[str, ...]
    cash: float
    carrying: Carrying = field(default_factory=lambda: Carrying(CarryingTerms()))
    start_cash: float = field(init=False)
    positions: dict[int, Position] = field(default_factory=dict)
    executions: dict[str, BrokerExecution] = field(default_factory=dict)
    _number: int = 0

    def __post_init__(self) -> None:
        self.start_cash = self.cash

    @property
    def name(self) -> str:
        """The id of the trading account."""
        return self.ids[0]

    def held(self, listing: Listing) -> float:
        """The signed position in a contract."""
        position = self.positions.get(listing.con_id)
        return position.quantity if position is not None else 0.0

    def fill(self, view: ExecutionView) -> BrokerExecution:
        """Books one execution and sets its ``view.exec_id``."""
        self._number += 1
        view = replace(view, exec_id=f"0000e0d5.{self._number:08x}.01.01")
        commission = commission_of(view)
        realized = self._book(view, commission)
        done = BrokerExecution(view, commission, realized)
        self.executions[view.exec_id] = done
        return done

    def correct(self, exec_id: str, price: float) -> BrokerExecution:
        """Corrects an execution's price: the id stays, except for its last segment, which counts up."""
        old = self.executions[exec_id]
        head, _, last = exec_id.rpartition(".")
        view = replace(old.view, exec_id=f"{head}.{int(last) + 1:02d}", price=price)
        sign = 1.0 if view.side == "BOT" else -1.0
        change = sign * view.shares * (price - old.view.price) * view.listing.multiplier
        if old.realized is None:
            self.carrying.corrected(view.listing.symbol, price - old.view.price)
        position = self.positions[view.listing.con_id]
        if old.realized is None:
            position.cost += change
        else:
            position.realized -= change
        if view.listing.sec_type == "STK" or old.realized is not None:
            self.cash -= change
        realized = None if old.realized is None else old.realized - change
        done = BrokerExecution(view, old.commission, realized)
        self.executions[view.exec_id] = done
        return done

    def _book(self, view: ExecutionView, commission: float) -> float | None:
        listing = view.listing
        position = self.positions.setdefault(listing.con_id, Position(listing))
        signed = view.shares if view.side == "BOT" else -view.shares
        value = view.price * listing.multiplier
        self.cash -= commission + (signed * value if listing.sec_type == "STK" else 0.0)
        if listing.sec_type == "STK":
            self.carrying.traded(listing.symbol, signed, view.price)
        if position.quantity * signed >= 0.0:
            self._open(position, signed, value=value, fees=commission)
            return None
        closing = min(abs(signed), abs(position.quantity))
        sign = 1.0 if position.quantity > 0.0 else -1.0
        part = closing / abs(position.quantity)
        gain = sign * closing * value - position.cost * part
        realized = gain - position.fees * part - commission
        if listing.sec_type != "STK":
            self.cash += gain
        position.cost -= position.cost * part
        position.fees -= position.fees * part
        position.quantity -= sign * closing
        position.realized += realized
        rest = abs(signed) - closing
        if rest > 0.0:
            self._open(position, -sign * rest, value=value, fees=0.0)
        return realized

    @staticmethod
    def _open(position: Position, signed: float, *, value: float, fees: float) -> None:
        position.quantity += signed
        position.cost += signed * value
        position.fees += fees

    def advance(self, now_ns: int, *, expiry_ns: int, factor: float) -> Booked:
        """Books interest and dividends of the held shares in cash up to now."""
        booked = self.carrying.advance(now_ns, expiry_ns=expiry_ns, factor=factor)
        self.cash += booked.financing + booked.dividends
        return booked

    def settle(self, listing: Listing, price: float) -> None:
        """Closes a future at its settlement price, in cash and without commission."""
        position = self.positions[listing.con_id]
        gain = position.quantity * price * listing.multiplier - position.cost
        self.cash += gain
        position.realized += gain - position.fees
        position.quantity = position.cost = position.fees = 0.0

    # --- value and margin -------------------------------------------------------------------------

    def net_liquidation(self, marks: Marks) -> float:
        """Cash, shares at their marks, and the futures' gains since they were opened."""
        worth = self.cash
        for position in self.positions.values():
            value = position.quantity * marks(position.listing) * position.listing.multiplier
            worth += value if position.listing.sec_type == "STK" else value - position.cost
        return worth

    def margin(
        self, rates: dict[str, float], marks: Marks, *, also: tuple[Listing, float] | None = None
    ) -> float:
        """The margin of the positions; ``also`` adds a signed quantity of one contract."""
        quantities = {key: (each.listing, each.quantity) for key, each in self.positions.items()}
        if also is not None:
            listing, signed = also
            quantities[listing.con_id] = (listing, self.held(listing) + signed)
        return sum(
            abs(quantity) * marks(listing) * listing.multiplier * rates[listing.sec_type]
            for listing, quantity in quantities.values()
        )

    def preview(self, listing: Listing, signed: float, *, marks: Marks, now_ns: int) -> MarginView:
        """The effect of an order on margin and equity if it filled at the mark."""
        triples = []
        for rates in (INITIAL_MARGIN, MAINTENANCE_MARGIN):
            before = self.margin(rates, marks)
            after = self.margin(rates, marks, also=(listing, signed))
            triples.append((before, after - before, after))
        side, shares, price = "BOT" if signed > 0.0 else "SLD", abs(signed), marks(listing)
        commission = commission_of(
            ExecutionView(
                listing, 0, 0, 0, "", self.name, side, shares, price, shares, price, "", now_ns
            )
        )
        worth = self.net_liquidation(marks)
        short = "" if triples[0][2] <= worth else "The account's equity is below the initial margin."
        return MarginView(triples[0], triples[1], (worth, -commission, worth - commission), commission, short)

    def values(self, marks: Marks) -> Iterator[tuple[str, str, str]]:
        """(tag, value, currency) of the account's values, in the broker's order."""
        worth = self.net_liquidation(marks)
        initial, maintenance = self.margin(INITIAL_MARGIN, marks), self.margin(MAINTENANCE_MARGIN, marks)
        held = self.positions.values()
        gross = sum(
            abs(each.quantity) * marks(each.listing) for each in held if each.listing.sec_type == "STK"
        )
        yield "AccountType", "INDIVIDUAL", ""
        yield "AccountReady", "true", ""
        yield "Currency", "USD", "USD"
        for tag, value in (
            ("NetLiquidation", worth),
            ("EquityWithLoanValue", worth),
            ("TotalCashValue", self.cash),
            ("CashBalance", self.cash),
            ("GrossPositionValue", gross),
            ("InitMarginReq", initial),
            ("MaintMarginReq", maintenance),
            ("AvailableFunds", worth - initial),
            ("ExcessLiquidity", worth - maintenance),
            ("BuyingPower", max(0.0, worth - initial) / INITIAL_MARGIN["STK"]),
            ("UnrealizedPnL", sum(each.unrealized(marks(each.listing)) for each in held if each.quantity)),
            ("RealizedPnL", sum(each.realized for each in held)),
        ):
            yield tag, f"{value:.2f}", "USD"

    @property
    def booked(self) -> int:
        """The number of executions so far."""
        return self._number

    def forget(self, before_ns: int) -> None:
        """Drops the executions from before an instant; positions and cash stay."""
        self.executions = {
            exec_id: done for exec_id, done in self.executions.items() if done.view.time_ns >= before_ns
        }

    def executions_of_day(self, now_ns: int) -> list[BrokerExecution]:
        """The executions of the New York date of an instant, including corrected ones and corrections."""
        today = utc_to_new_york(now_ns)[0]
        return [done for done in self.executions.values() if utc_to_new_york(done.view.time_ns)[0] == today]
