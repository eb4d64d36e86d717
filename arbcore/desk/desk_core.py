"""What the rooms of the desk share: the state, the way out for commands, and the one place that sends orders.

Owns the numbering of orders, questions and alarms. It must not decide when to trade.
"""

from collections.abc import Mapping

from arbcore.carry.pairs import ETF, FUT, LEGS, Pair
from arbcore.desk.commands import Alarm, Ask, Cancel, Command, SaveOrder, SendOrder
from arbcore.desk.desk_settings import DeskSettings, seconds_ns
from arbcore.desk.desk_terms import CarryTerms
from arbcore.desk.executions import ExecutionLedger
from arbcore.desk.gate import DeskGate
from arbcore.desk.leg_quotes import LegQuotes
from arbcore.desk.limits import ORDINARY, Brakes
from arbcore.desk.market_clock import MarketClock
from arbcore.desk.order_table import Draft, Order, OrderTable
from arbcore.errors import BrokenInvariant, ConfigError

STORE_ID_MAX = 12
QUESTIONS_KEPT = 2


class DeskCore:
    """State that every room reads; each part of it is changed by its own room only."""

    def __init__(self, settings: DeskSettings, store_id: str, *, terms: CarryTerms) -> None:
        if not (store_id.isascii() and store_id.isalnum() and len(store_id) <= STORE_ID_MAX):
            raise ConfigError(
                f"The store's id is {store_id!r}; it begins every order's ref, so give 1 to {STORE_ID_MAX} "
                "letters or digits."
            )
        self.settings = settings
        self.store_id = store_id
        self.terms = terms
        self.clock = MarketClock(
            slip_ns=seconds_ns(settings.clock_slip_s), replay=settings.decide_on == "row"
        )
        self.orders = OrderTable()
        self.ledger = ExecutionLedger(
            assumed_fut_usd=settings.commission_fut_usd, assumed_etf_usd=settings.commission_etf_usd
        )
        self.fut, self.etf = LegQuotes(FUT, settings), LegQuotes(ETF, settings)
        self.legs = {FUT: self.fut, ETF: self.etf}
        self.positions = dict.fromkeys(LEGS, 0)
        self.brakes = Brakes()
        self.gate = DeskGate(
            settings, self.orders, store_id=store_id, legs=self.legs, brakes=self.brakes
        )  # fmt: skip
        self.linked = False
        #: OrderTable were sent in this turn: whatever they belong to waits for news.
        self.placed = False
        self.query = 0
        self.out: list[Command] = []
        self._alarmed: dict[str, int] = {}
        self._repeat_ns = seconds_ns(settings.alarm_repeat_s)
        self.order_timeout_ns = seconds_ns(settings.order_timeout_s)

    @property
    def pair(self) -> Pair:
        """The future and the ETF that are traded."""
        return self.settings.pair

    def held_words(self, by_leg: Mapping[str, int]) -> str:
        """Quantities of both legs for a sentence, such as ``-1 ES and 502 SPY``."""
        return " and ".join(f"{by_leg[leg]} {self.pair.symbol(leg)}" for leg in LEGS)

    @property
    def number(self) -> int:
        """The last number in an order's ref."""
        return self.gate.number

    # --- out ------------------------------------------------------------------------------------

    def alarm(self, kind: str, message: str, *, always: bool = False) -> None:
        """Says it, and again only after a pause; ``always`` without one."""
        now_ns = self.clock.now_ns
        last_ns = self._alarmed.get(kind)
        if not always and last_ns is not None and now_ns - last_ns < self._repeat_ns:
            return
        self._alarmed[kind] = now_ns
        self.out.append(Alarm(kind, message))

    def brake(self, reason: str, sentence: str) -> None:
        """A reason for REDUCING or HALTED begins to hold; one that is no ordinary turn of a run, loudly."""
        if self.brakes.put(reason, sentence):
            self._alarmed.pop(reason, None)
        if reason not in ORDINARY:
            self.alarm(reason, sentence)

    def ask(self, kind: str, *, side: int = 0, contracts: int = 0, shares: int = 0) -> int:
        """Asks the broker; the question's number."""
        self.query += 1
        self.gate.window.take(self.clock.pace_ns)
        self.out.append(Ask(self.query, kind, side, contracts, shares))
        return self.query

    def flush(self) -> None:
        """Saves every order that changed."""
        orders = self.orders
        for order in orders.dirty:
            order.dirty = False
            self.out.append(SaveOrder(order.row()))
        orders.dirty.clear()

    # --- orders ---------------------------------------------------------------------------------

    def refusal(self, drafts: list[Draft]) -> str:
        """Why these orders must not leave; empty where all of them may."""
        return self.gate.refusal(drafts, self.positions, self.clock)

    def place(self, trade_id: int, fut_con_id: int, drafts: list[Draft]) -> None:
        """Sends orders that were just found free of refusals, as one intent."""
        rows = self.gate.let_out(drafts, trade_id=trade_id, fut_con_id=fut_con_id, clock=self.clock)
        self.placed = True
        self.out.append(SendOrder(rows))

    def pull(self, order: Order) -> None:
        """Cancels an order; without room in the cap, at a later tick."""
        pace_ns = self.clock.pace_ns
        # Questions come out of the same cap.
        if self.linked and self.gate.window.room(pace_ns) > QUESTIONS_KEPT:
            self.gate.window.take(pace_ns)
            order.pulled_ns = self.clock.now_ns
            order.pulls += 1
            self.orders.look_ns = 0
            self.out.append(Cancel(order.ref, order.perm_id))


def number_of(ref: str) -> int:
    """The number in an order's ref. BrokenInvariant where it is none of ours."""
    digits = ref.rpartition("-")[2][:-1]
    if not (digits.isascii() and digits.isdigit()):
        raise BrokenInvariant(f"The store holds an order with the ref {ref!r}, which no desk ever wrote.")
    return int(digits)
