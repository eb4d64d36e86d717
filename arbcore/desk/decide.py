"""Decides when to enter and exit from both legs' quotes, with the backtest's signal kernel.

Owns the moment of decision, the size, and the reasons for refusals. ``pair`` follows the orders, ``gate``
decides whether an order may be sent, and ``live_level`` gives the level from which deviations are measured.
"""

import math
from typing import NamedTuple

from arbcore.carry._carry import deviation_bps, edge_cash_and_carry_bps, edge_reverse_bps
from arbcore.carry._signal import Signal
from arbcore.carry.pairs import ETF, FUT
from arbcore.desk.commands import MARGIN, AskContract, Seen
from arbcore.desk.day import Day
from arbcore.desk.desk_core import DeskCore
from arbcore.desk.desk_settings import DAY_NS, SECOND_NS, seconds_ns, shares_for
from arbcore.desk.desk_terms import CarryTerms
from arbcore.desk.events import Margin
from arbcore.desk.limits import ACTIVE, ENTRY_PAUSE
from arbcore.desk.live_level import LiveLevel
from arbcore.desk.order_table import Draft
from arbcore.desk.pair import ENTERING, HELD, PairTrader
from arbcore.desk.records import CASH_AND_CARRY, ENTRY, IOC, LIMIT, REVERSE, TradeRow
from arbcore.desk.trade import Trade, entry_rates
from arbcore.errors import BrokenInvariant

#: The side of a pair, by the signal's action of entering.
SIDES_OF = {"enter_cash_and_carry": CASH_AND_CARRY, "enter_reverse": REVERSE}
#: Contracts are requested at most once per ASK_AGAIN_NS, and once their known hours end within HOURS_LEFT_NS.
ASK_AGAIN_NS = 600 * SECOND_NS
HOURS_LEFT_NS = DAY_NS
#: Reasons of the risk state that close a held pair without a signal, and the exit reason that each gives.
FORCED = {"kill switch": "kill", "daily loss": "daily_loss"}


class EtfView(NamedTuple):
    """The ETF as the signal needs it: prices less the dividends still to come, and ``c``, factor · growth."""

    bid: float
    ask: float
    c: float


def etf_view(
    terms: CarryTerms, utc_ns: int, expiry_ns: int, *, bid: float, ask: float, factor: float
) -> EtfView:
    """The ETF's prices for the fair value at a factor; ``c`` is NaN if the factor is."""
    paid = terms.paid(utc_ns, expiry_ns)
    per_share = paid.usd + paid.points / factor
    return EtfView(bid - per_share, ask - per_share, terms.carry(utc_ns, expiry_ns, factor=factor))


class Decider:
    """Decides once a quote, or once a row."""

    def __init__(self, core: DeskCore, pairs: PairTrader, level: LiveLevel, day: Day) -> None:
        settings = core.settings
        self.level = level
        self.core = core
        self.pairs = pairs
        self.day = day
        self.signal = Signal(
            entry_bps=settings.entry_bps, exit_bps=settings.exit_bps, cost_bps=settings.cost_bps,
            stop_bps=settings.stop_bps, max_hold_ns=settings.max_hold_ns, cooldown_ns=settings.cooldown_ns,
        )  # fmt: skip
        self.last_trade_id = 0
        self.decisions = 0
        self.skipped: dict[str, int] = {}
        self.flatten = False
        self.shortable: int | None = None
        self.margin_query = 0
        self.margin_due_ns = 0
        self._pending_ns = 0
        self._roll_ns = seconds_ns(settings.roll_before_s)
        self._seen = ("", "")
        self._ask_again_ns = -ASK_AGAIN_NS

    # --- restoring ------------------------------------------------------------------------------

    def holds(self, trade: Trade) -> None:
        """Notes that a pair is held and whole: the signal waits for its exit."""
        self.signal.entered(trade.side, trade.entry_ns, trade.expiry_ns, dev_bps=trade.entry_dev_bps)

    def left(self, exit_ns: int) -> None:
        """Notes that a pair is over: the cooldown begins."""
        self.signal.left(exit_ns)

    # --- deciding -------------------------------------------------------------------------------

    def decide(self, ts_ns: int) -> None:
        """Makes one decision on the present quotes, at a time of the market's clock."""
        core = self.core
        trade = next(iter(self.pairs.open.values()), None)
        if trade is not None and (len(self.pairs.open) > 1 or trade.phase != HELD):
            return
        fut, etf = core.fut, core.etf
        now_ns, utc_ns = core.clock.now_ns, core.clock.utc_ns
        fault = min(core.gate.doubts, default="") or fut.fault(now_ns, utc_ns) or etf.fault(now_ns, utc_ns)
        if fault:
            self.skipped[fault] = self.skipped.get(fault, 0) + 1
            return
        self.decisions += 1
        if trade is not None and self._must_go(trade, ts_ns):
            return
        expiry_ns = fut.expiry_ns if trade is None else trade.expiry_ns
        view = self._view(ts_ns, expiry_ns)
        action = self.signal.decide(
            ts_ns, expiry_ns, es_bid=fut.bid, es_ask=fut.ask, spy_bid=view.bid, spy_ask=view.ask, c=view.c
        )
        if action == "stay":
            return
        dev_bps = self._deviation_bps(view)
        if dev_bps is not None and abs(dev_bps) > core.settings.deviation_max_bps:
            core.alarm(
                "not believed",
                f"The legs are {dev_bps:.0f} bps from fair value; check contract, rate and factor.",
            )
            refusal = "not believed"
        elif trade is not None:
            refusal = self.pairs.leave(trade, action, ts_ns=ts_ns, dev_bps=dev_bps, forced=False)
        elif dev_bps is None:
            raise BrokenInvariant("The signal enters a pair though no level is known.")
        else:
            core.gate.set_factor(self.level.factor(ts_ns))
            refusal = self._enter(SIDES_OF[action], ts_ns, expiry_ns, dev_bps=dev_bps)
        self._note(action, refusal, ts_ns, dev_bps=dev_bps, view=view)

    def renew_contracts(self) -> None:
        """Requests the next future before the roll, and both contracts before their known hours end."""
        core = self.core
        now_ns, utc_ns, fut = core.clock.now_ns, core.clock.utc_ns, core.fut
        if not fut.con_id or core.clock.slipped or now_ns < self._ask_again_ns:
            return
        ends_ns = min(leg.liquid_hours[-1][1] if leg.liquid_hours else 0 for leg in (fut, core.etf))
        if not self.pairs.open and utc_ns >= fut.expiry_ns - self._roll_ns:
            core.out.append(AskContract(max(fut.expiry_ns, utc_ns)))
        elif ends_ns - utc_ns < HOURS_LEFT_NS:
            core.out.append(AskContract(utc_ns, fut.con_id))
        else:
            return
        self._ask_again_ns = now_ns + ASK_AGAIN_NS

    def roll(self, trade: Trade, ts_ns: int) -> None:
        """Closes a held pair in the last quotes of its contract."""
        view = self._view(ts_ns, trade.expiry_ns)
        dev_bps = self._deviation_bps(view)
        refusal = self.pairs.leave(trade, "roll", ts_ns=ts_ns, dev_bps=dev_bps, forced=False)
        self._note("roll", refusal, ts_ns, dev_bps=dev_bps, view=view)

    def press(self) -> None:
        """Closes held pairs that must be closed, without waiting for a quote."""
        if self.core.gate.doubts:
            return
        for trade in list(self.pairs.open.values()):
            if trade.phase == HELD:
                self._must_go(trade, self.core.clock.utc_ns)

    def _must_go(self, trade: Trade, ts_ns: int) -> bool:
        """Closes a held pair for a reason other than the signal's, if there is one; whether there is."""
        forced = next(
            (FORCED[reason] for reason in self.core.risk_state.sentences if reason in FORCED),
            "flatten" if self.flatten else "",
        )
        if not forced and self._roll_ns and ts_ns >= trade.expiry_ns - self._roll_ns:
            return not self.pairs.leave(trade, "roll", ts_ns=ts_ns, dev_bps=None, forced=False)
        if not forced:
            return False
        refusal = self.pairs.leave(trade, forced, ts_ns=ts_ns, dev_bps=None, forced=True)
        if refusal:
            self.core.alarm(
                "cannot close", f"Pair {trade.trade_id} must be closed ({forced}) but cannot be: {refusal}."
            )
        return True

    def _enter(self, side: int, ts_ns: int, expiry_ns: int, *, dev_bps: float) -> str:
        """Tries to enter a pair; returns why it could not, or an empty text."""
        core = self.core
        settings = core.settings
        if not settings.trading_enabled:
            return "trading is off"
        if core.risk_state.state != ACTIVE:
            return core.risk_state.state
        if self._roll_ns and ts_ns >= expiry_ns - self._roll_ns:
            self.renew_contracts()
            return "too near to expiry"
        if not core.gate.ready(ENTRY_PAUSE, core.clock.now_ns):
            return "pause after a missed entry"
        fut_price, etf_price = (core.fut.ask, core.etf.bid) if side > 0 else (core.fut.bid, core.etf.ask)
        contracts = settings.contracts
        shares = shares_for(
            contracts, multiplier=settings.multiplier, fut_price=fut_price, etf_price=etf_price
        )
        if side > 0 and self.shortable is not None and self.shortable < shares:
            return "no shares to borrow"
        fut_draft = Draft(FUT, side, contracts, LIMIT, fut_price, IOC, ENTRY, 0, False)
        etf_draft = Draft(ETF, -side, shares, LIMIT, etf_price, IOC, ENTRY, 0, False)
        refusal = core.refusal([fut_draft, etf_draft])
        if refusal:
            return refusal
        if not self.day.margin_checked:
            self._ask_margin(side, contracts, shares, ts_ns=ts_ns)
            return "margin is being asked"
        self.last_trade_id += 1
        rates = entry_rates(settings, core.terms.base_rate(ts_ns, expiry_ns), shares * etf_price)
        row = TradeRow(
            self.last_trade_id, side, ENTERING, core.fut.con_id, expiry_ns, settings.multiplier,
            contracts, shares, ts_ns, dev_bps, factor=self.level.factor(ts_ns),
            funding=rates.funding, short=rates.short, borrow=rates.borrow,
        )  # fmt: skip
        drafts, second = {
            "both": ([fut_draft, etf_draft], ""), "fut_first": ([fut_draft], ETF),
            "etf_first": ([etf_draft], FUT),
        }[settings.entry_order]  # fmt: skip
        self.pairs.enter(row, drafts, second)
        return ""

    def _view(self, ts_ns: int, expiry_ns: int) -> EtfView:
        etf = self.core.etf
        factor = self.level.factor(ts_ns)
        return etf_view(self.core.terms, ts_ns, expiry_ns, bid=etf.bid, ask=etf.ask, factor=factor)

    def _deviation_bps(self, view: EtfView) -> float | None:
        fut = self.core.fut
        if math.isnan(view.c):
            return None
        return deviation_bps(es_bid=fut.bid, es_ask=fut.ask, spy_bid=view.bid, spy_ask=view.ask, c=view.c)

    def _note(
        self, action: str, refusal: str, ts_ns: int, *, dev_bps: float | None, view: EtfView
    ) -> None:
        """Records a signal that was acted upon, and a refused one if action or reason is new."""
        if refusal and self._seen == (action, refusal):
            return
        self._seen = (action, refusal)
        fut = self.core.fut
        edge_cc_bps = edge_rev_bps = None
        if dev_bps is not None:
            edge_cc_bps = edge_cash_and_carry_bps(es_bid=fut.bid, spy_ask=view.ask, c=view.c)
            edge_rev_bps = edge_reverse_bps(es_ask=fut.ask, spy_bid=view.bid, c=view.c)
        self.core.out.append(Seen(ts_ns, action, refusal, dev_bps, edge_cc_bps, edge_rev_bps))

    # --- margin ---------------------------------------------------------------------------------

    def _ask_margin(self, side: int, contracts: int, shares: int, *, ts_ns: int) -> None:
        """Requests the margin before the first entry of a day; the decision waits for the response."""
        core = self.core
        # What was asked just before waits for its answer; where that was a refusal, for the time-out.
        if core.clock.now_ns < self.margin_due_ns:
            return
        self.margin_query = core.ask(MARGIN, side=side, contracts=contracts, shares=shares)
        self.margin_due_ns = core.clock.now_ns + seconds_ns(core.settings.query_timeout_s)
        self._pending_ns = ts_ns

    def margin(self, event: Margin) -> None:
        """Takes the margin response; if the margin is enough, decides again on the signal that waited."""
        core = self.core
        if event.query != self.margin_query:
            return
        self.margin_query = self.margin_due_ns = 0
        if event.sufficient:
            self.day.carries_margin()
            self.decide(self._pending_ns if core.settings.decide_on == "row" else core.clock.utc_ns)
        else:
            core.alarm("margin", f"The account has too little margin for an entry: {event.sentence}")
            core.gate.pause(ENTRY_PAUSE, core.clock.now_ns)

    def margin_failed(self, query: int) -> None:
        """Drops a margin request that was refused, or (0) lost or late; the next entry requests it again."""
        if query in (0, self.margin_query):
            self.margin_query = 0
