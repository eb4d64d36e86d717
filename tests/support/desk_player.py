"""A desk whose broker is played by the test: it inspects the commands and chooses the events."""

from typing import Any, TypeVar

from arbcore.carry.pairs import ETF, FUT, LEGS
from arbcore.core.civil import read_time
from arbcore.desk import events as ev
from arbcore.desk.commands import Alarm, Ask, Command, SendOrder
from arbcore.desk.desk_session import DeskSession
from arbcore.desk.desk_settings import DeskSettings
from arbcore.desk.records import OrderRow, Snapshot
from tools.desk_simulation.desk_store import MemoryStore

T0_NS = read_time("2026-03-02T15:00:00Z")
EXPIRY_NS = read_time("2026-03-20T13:30:00Z")
DAY_NS = 86_400 * 10**9
#: Regular hours of the first three days.
HOURS = tuple(
    (T0_NS - 1_800 * 10**9 + day * DAY_NS, T0_NS + 21_600 * 10**9 + day * DAY_NS) for day in range(3)
)
ACCOUNT = "DU1"
FAIR, RICH, CHEAP = 6009.0, 6029.0, 5989.0
#: Settings that switch off features which most tests do not examine.
QUIET = {
    "trading_enabled": True, "factor": 10.0, "funding_rate": 0.0, "margin_check": False,
    "daily_loss_usd": 1e6,
}  # fmt: skip
C = TypeVar("C")


def perm_of(order: OrderRow) -> int:
    """Returns the broker's permanent number of an order."""
    return 900 + int(order.ref[2:9])


class Player:
    """``say`` sends an event to the desk; ``found`` has the commands that followed the last one."""

    def __init__(self, snapshot: Snapshot | None = None, *, connect: bool = True, **settings: Any) -> None:
        self.settings = DeskSettings(**{**QUIET, **settings})
        self.session = DeskSession(self.settings, "t", snapshot or Snapshot())
        self.store = MemoryStore(ACCOUNT)
        self.now_ns = 10**9
        self.skew_ns = 0
        self.found: list[Command] = []
        self.all: list[Command] = []
        self.asked: list[Ask] = []
        self.executions: list[ev.Execution] = []
        self.positions = dict.fromkeys(LEGS, 0)
        if connect:
            self.resolve()
            self.connect()
            self.answer_all()
            self.live()

    # --- telling --------------------------------------------------------------------------------

    def say(self, event: ev.Event, *, after_s: float = 0.0) -> list[Command]:
        self.now_ns += round(after_s * 1e9)
        self.found = self.session.handle(
            event, now_ns=self.now_ns, utc_ns=T0_NS - 10**9 + self.now_ns + self.skew_ns
        )
        self.all += self.found
        self.asked += self.pick(Ask)
        for command in self.found:
            self.store.write(command)
        return self.found

    def resolve(
        self, *, con_id: int = 1, multiplier: float | None = None, expiry_ns: int = EXPIRY_NS
    ) -> None:
        money = self.settings.multiplier if multiplier is None else multiplier
        self.say(ev.ContractFound(FUT, con_id, 0.25, HOURS, HOURS, expiry_ns, money))
        self.say(ev.ContractFound(ETF, 2, 0.01, HOURS, HOURS))

    def connect(self) -> list[Command]:
        self.asked.clear()
        return self.say(ev.Hello(ACCOUNT))

    def live(self) -> None:
        for leg in LEGS:
            self.say(ev.DataType(leg, 1))

    def answer_all(self, *, open_refs: tuple[str, ...] = ()) -> None:
        """Responds correctly to open requests until there are none."""
        while self.asked:
            self.answer(self.asked[0], open_refs=open_refs)

    def answer(self, ask: Ask, *, open_refs: tuple[str, ...] = ()) -> list[Command]:
        self.asked.remove(ask)
        if ask.kind == "open_orders":
            return self.say(
                ev.OpenOrders(ask.query, tuple(ev.OpenOrder(ref, 0, FUT, "Submitted") for ref in open_refs))
            )
        if ask.kind == "executions":
            return self.say(ev.Executions(ask.query, tuple(self.executions)))
        if ask.kind == "margin":
            return self.say(ev.Margin(ask.query, True, "enough"))
        held = {FUT: 1, ETF: 2}
        lines = tuple(ev.PositionLine(leg, held[leg], n) for leg, n in self.positions.items() if n)
        return self.say(ev.Positions(ask.query, lines))

    def quotes(self, fut: float, *, etf: float = 600.0, after_s: float = 0.1) -> list[Command]:
        """Sends quotes of both legs, a tick wide; returns the commands that followed."""
        found = list(self.say(ev.Quote(ETF, etf, etf + 0.01), after_s=after_s))
        self.found = found + self.say(ev.Quote(FUT, fut, fut + 0.25))
        return self.found

    def fill(
        self, order: OrderRow, quantity: int | None = None, *, price: float | None = None
    ) -> list[Command]:
        """Sends an execution of an order, in full if no quantity is given."""
        number = len(self.executions) + 1
        quantity = order.quantity if quantity is None else quantity
        paid = price or order.limit or (600.0 if order.leg == ETF else 6000.0)
        execution = ev.Execution(
            f"e.{number}.01", order.ref, perm_of(order), order.leg, order.side, quantity, paid,
            T0_NS - 10**9 + self.now_ns,
        )  # fmt: skip
        self.executions.append(execution)
        self.positions[order.leg] += order.side * quantity
        return self.say(execution, after_s=0.001)

    def reject(self, order: OrderRow) -> list[Command]:
        """Sends the broker's reject of an order."""
        return self.say(ev.OrderError(order.ref, 201, "Order rejected"), after_s=0.001)

    def out(self, order: OrderRow, filled: int = 0, status: str = "Cancelled") -> list[Command]:
        """Sends the broker's status that an order has ended."""
        left = order.quantity - filled
        return self.say(ev.OrderStatus(order.ref, perm_of(order), status, filled, left), after_s=0.001)

    # --- looking --------------------------------------------------------------------------------

    def pick(self, kind: type[C], among: list[Command] | None = None) -> list[C]:
        return [each for each in (self.found if among is None else among) if isinstance(each, kind)]

    @property
    def orders(self) -> list[OrderRow]:
        """Returns the orders of the last turn."""
        return [row for place in self.pick(SendOrder) for row in place.orders]

    @property
    def alarms(self) -> list[str]:
        """Returns the kinds of alarms of the last turn."""
        return [alarm.kind for alarm in self.pick(Alarm)]

    @property
    def pair(self) -> dict[str, Any] | None:
        shown: dict[str, Any] | None = self.session.status()["pair"]
        return shown

    def enter(self, fut: float = RICH) -> tuple[OrderRow, OrderRow]:
        """Quotes an edge and returns both orders of the entry."""
        self.quotes(fut)
        first, second = self.orders
        return first, second

    def hold(self) -> None:
        """Enters and fills both legs."""
        for order in self.enter():
            self.fill(order)
        assert self.pair is not None
        assert self.pair["phase"] == "held"

    def restart(self, **settings: Any) -> "Player":
        """Returns another desk that starts from this one's stored rows, with the same broker."""
        after = Player(self.store.snapshot(), connect=False, **settings)
        after.store, after.executions, after.positions = self.store, self.executions, self.positions
        after.now_ns = self.now_ns
        return after
