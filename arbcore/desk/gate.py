"""The risk gate that every order of the desk passes: whether it may be sent, how fast, and its number.

Owns the position limits, the price collar and the message rate. Exposure, pauses and rate use the kernels of
``_fast``, as the exchange bot does. A refusal is a value with a reason. The gate must not know why an order
is wanted.
"""

import math
from collections.abc import Mapping, Sequence

from arbcore._fast import Cooldown, MessageWindow, exposure_allows
from arbcore.carry.pairs import ETF, FUT
from arbcore.desk.desk_settings import SECOND_NS, DeskSettings, seconds_ns
from arbcore.desk.leg_quotes import LegQuotes
from arbcore.desk.limits import ACTIVE, HALTED, RiskState
from arbcore.desk.market_clock import MarketClock
from arbcore.desk.order_table import Draft, OrderTable
from arbcore.desk.records import LIMIT, OrderRow


class DeskGate:
    """Checks every order before it is sent; numbers each check that passed, and each order's ref.

    Quantities are 64-bit numbers; raises OverflowError for a larger one.
    """

    def __init__(
        self,
        settings: DeskSettings,
        orders: OrderTable,
        *,
        store_id: str,
        legs: Mapping[str, LegQuotes],
        risk_state: RiskState,
    ) -> None:
        self.settings = settings
        self.orders = orders
        self.store_id = store_id
        self.legs = legs
        self.risk_state = risk_state
        self.window = MessageWindow(settings.message_cap, SECOND_NS)
        self.pauses = Cooldown(1, settings.cooldown_ns), Cooldown(1, SECOND_NS)
        #: The number of the last check that passed, and the last number in an order's ref.
        self.passes = self.number = 0
        #: Texts of present doubts, besides the risk state. While there is one, no order is sent.
        self.doubts: set[str] = set()
        #: Open pairs must be closed (kill switch, flatten), also while trading is off.
        self.closing = False
        self.factor = 0.0
        self.limits: dict[str, int] = {}
        # A rough level until one is known, because a held pair may have to be hedged before that.
        self.set_factor(settings.pair.points_per_usd)
        self._order_timeout_ns = seconds_ns(settings.order_timeout_s)

    def set_factor(self, factor: float) -> None:
        """Sets the position limits from a level: contracts, and the matching shares with headroom."""
        chosen = self.settings
        shares = chosen.etf_headroom * chosen.contracts * chosen.multiplier * factor
        self.factor = factor
        self.limits = {FUT: chosen.contracts, ETF: math.ceil(shares)}

    def check(self, draft: Draft, positions: Mapping[str, int], clock: MarketClock) -> str:
        """Why the order must not be sent; empty if it may be."""
        state, leg = self.risk_state.state, draft.leg
        if not self.settings.trading_enabled and not (self.closing and draft.reduces):
            return "trading is off"
        if state == HALTED or (state != ACTIVE and not draft.reduces):
            return f"{state}: {next(iter(self.risk_state.sentences))}"
        if self.doubts:
            return min(self.doubts)
        market = self.legs.get(leg)
        if draft.quantity < 1 or market is None:
            return "no quantity"
        if self.orders.meets(leg, draft.side):
            return "meets our own order"
        working = self.orders.working(leg, draft.side)
        # An order that reduces a position, with all working ones, must not turn it to the other side.
        if draft.reduces and not exposure_allows(
            draft.held, working, draft.side, size=draft.quantity, limit=0
        ):
            return "more than is held"
        if not exposure_allows(
            positions[leg], working, draft.side, size=draft.quantity, limit=self.limits[leg]
        ):
            return f"{self.settings.pair.symbol(leg)} position limit"
        fault = market.fault(clock.now_ns, clock.utc_ns)
        if fault and not self._excused(fault, draft, market, utc_ns=clock.utc_ns):
            return fault
        if draft.limit is None:
            near = draft.kind != LIMIT
        else:
            mid = (market.bid + market.ask) / 2.0
            near = abs(draft.limit - mid) <= self.settings.collar_bps * 1e-4 * mid
        return "" if near else f"{market.symbol} price collar"

    @staticmethod
    def _excused(fault: str, draft: Draft, market: LegQuotes, *, utc_ns: int) -> bool:
        """Whether an order that reduces a position may be sent in spite of the fault."""
        if not draft.reduces:
            return False
        # The future trades nearly round the clock, so a residual need not wait for the liquid hours.
        if draft.leg == FUT and fault == market.closed and market.trades_at(utc_ns):
            return True
        return draft.blind and draft.limit is None and market.open_at(utc_ns) and not market.halted

    def refusal(self, drafts: Sequence[Draft], positions: Mapping[str, int], clock: MarketClock) -> str:
        """Why these orders must not be sent together; empty if all of them may be."""
        for draft in drafts:
            if reason := self.check(draft, positions, clock):
                return reason
        return "" if self.paced(len(drafts), clock.pace_ns) else "message rate"

    def paced(self, orders: int, pace_ns: int) -> bool:
        """Whether so many orders may be sent now without using the reserve for cancels and requests."""
        return self.window.room(pace_ns) >= orders + self.settings.cancel_reserve

    def passed(self, pace_ns: int) -> int:
        """Counts a message, and numbers the check that an order has just passed."""
        self.window.take(pace_ns)
        self.passes += 1
        return self.passes

    def ready(self, slot: int, now_ns: int) -> bool:
        """Whether a pause is over."""
        return self.pauses[slot].ready(0, now_ns)

    def pause(self, slot: int, now_ns: int) -> None:
        """Begins a pause."""
        self.pauses[slot].mark(0, now_ns)

    def let_out(
        self, drafts: Sequence[Draft], *, trade_id: int, fut_con_id: int, clock: MarketClock
    ) -> tuple[OrderRow, ...]:
        """Makes numbered orders of drafts that ``refusal`` has just allowed, and adds them to the table."""
        if not self.orders.live:
            self.orders.look_ns = clock.now_ns + self._order_timeout_ns
        rows = []
        for draft in drafts:
            self.number += 1
            row = OrderRow(
                ref=f"{self.store_id}-{self.number:07d}{self.settings.pair.symbol(draft.leg)[0]}",
                trade_id=trade_id,
                leg=draft.leg,
                side=draft.side,
                quantity=draft.quantity,
                kind=draft.kind,
                limit=draft.limit,
                tif=draft.tif,
                role=draft.role,
                approved=self.passed(clock.pace_ns),
                con_id=fut_con_id if draft.leg == FUT else self.legs[draft.leg].con_id,
                created_ns=clock.utc_ns,
            )
            self.orders.add(row, clock.now_ns)
            rows.append(row)
        return tuple(rows)
