"""What the parts of the desk share: state, the list of commands, and the only place that sends orders.

Owns the numbering of orders and requests, and the pause between alarms. It must not decide when to trade.
"""

from collections.abc import Mapping

from arbcore.carry.pairs import ETF, FUT, LEGS, Pair
from arbcore.desk.commands import Alarm, Ask, Cancel, Command, SaveOrder, SendOrder
from arbcore.desk.desk_settings import DeskSettings, seconds_ns
from arbcore.desk.desk_terms import CarryTerms
from arbcore.desk.executions import ExecutionLedger
from arbcore.desk.gate import DeskGate
from arbcore.desk.leg_quotes import LegQuotes
from arbcore.desk.limits import ORDINARY, RiskState
from arbcore.desk.market_clock import MarketClock
from arbcore.desk.order_table import Draft, Order, OrderTable
from arbcore.errors import BrokenInvariant, ConfigError

STORE_ID_MAX = 12
QUESTIONS_KEPT = 2


class DeskCore:
    """State that every part of the desk reads; only its owner changes each piece of it."""

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
        self.risk_state = RiskState()
        self.gate = DeskGate(
            settings, self.orders, store_id=store_id, legs=self.legs, risk_state=self.risk_state
        )  # fmt: skip
        self.linked = False
        #: Whether this event sent orders: their pair waits for the broker's next event.
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
        """Raises an alarm; the same kind again only after a pause, unless ``always``."""
        now_ns = self.clock.now_ns
        last_ns = self._alarmed.get(kind)
        if not always and last_ns is not None and now_ns - last_ns < self._repeat_ns:
            return
        self._alarmed[kind] = now_ns
        self.out.append(Alarm(kind, message))

    def restrict(self, reason: str, sentence: str) -> None:
        """Adds a reason for REDUCING or HALTED; one that is not ordinary raises an alarm."""
        if self.risk_state.add(reason, sentence):
            self._alarmed.pop(reason, None)
        if reason not in ORDINARY:
            self.alarm(reason, sentence)

    def ask(self, kind: str, *, side: int = 0, contracts: int = 0, shares: int = 0) -> int:
        """Sends a request to the broker and returns its number."""
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
        """Why these orders must not be sent; empty if all of them may be."""
        return self.gate.refusal(drafts, self.positions, self.clock)

    def place(self, trade_id: int, fut_con_id: int, drafts: list[Draft]) -> None:
        """Sends orders that ``refusal`` has just allowed, as one intent."""
        rows = self.gate.let_out(drafts, trade_id=trade_id, fut_con_id=fut_con_id, clock=self.clock)
        self.placed = True
        self.out.append(SendOrder(rows))

    def pull(self, order: Order) -> None:
        """Cancels an order; if the message cap has no room, a later tick tries again."""
        pace_ns = self.clock.pace_ns
        # Requests count against the same cap.
        if self.linked and self.gate.window.room(pace_ns) > QUESTIONS_KEPT:
            self.gate.window.take(pace_ns)
            order.pulled_ns = self.clock.now_ns
            order.pulls += 1
            self.orders.look_ns = 0
            self.out.append(Cancel(order.ref, order.perm_id))


def number_of(ref: str) -> int:
    """The number in an order's ref. Raises BrokenInvariant if no desk wrote the ref."""
    digits = ref.rpartition("-")[2][:-1]
    if not (digits.isascii() and digits.isdigit()):
        raise BrokenInvariant(f"The store holds an order with the ref {ref!r}, which no desk ever wrote.")
    return int(digits)
