"""Twin of ``carry/desk/_decide``: when the live desk enters and leaves, and what it says of it.

It takes the decider's place in a session: what it asks of core and pairs is what the compiled one asks.
"""

import statistics
from typing import Any

from arbcore.carry.desk._records import Draft, TradeRow
from arbcore.carry.desk.commands import MARGIN, AskContract, Note, SaveFactor, Seen
from arbcore.carry.desk.risk import ACTIVE, ENTRY_PAUSE
from arbcore.carry.desk.rows import CASH_AND_CARRY, ES, IOC, LIMIT, REVERSE, SPY, FactorRow
from arbcore.carry.desk.settings import SECOND_NS, seconds_ns, shares_for
from arbcore.reference.carry import edge_cash_and_carry_bps, edge_reverse_bps
from arbcore.reference.signal import Quote, Rules, Signal

#: Contracts are asked for at most this often, and when their known hours end within this.
ASK_AGAIN_NS = 600 * SECOND_NS
HOURS_LEFT_NS = 86_400 * SECOND_NS
#: Reasons for which a held pair goes without asking the signal, by the brake that holds.
FORCED = {"kill switch": "kill", "daily loss": "daily_loss"}


class Decider:
    """Decides once a quote, or once a row."""

    def __init__(self, core: Any, pairs: Any) -> None:
        settings = core.settings
        self.core = core
        self.pairs = pairs
        self.signal = Signal(Rules(
            entry_bps=settings.entry_bps, exit_bps=settings.exit_bps, cost_bps=settings.cost_bps,
            stop_bps=settings.stop_bps, max_hold_ns=settings.max_hold_ns, cooldown_ns=settings.cooldown_ns,
        ))  # fmt: skip
        self.last_trade_id = 0
        self.measured: FactorRow | None = None
        self.decisions = 0
        self.skipped: dict[str, int] = {}
        self.flatten = False
        self.shortable: int | None = None
        self.margin_checked = not settings.margin_check
        self.margin_query = 0
        self.margin_due_ns = 0
        self.pending_ns = 0
        self._ratios: list[float] = []
        self._calibration_left: int = settings.calibration_rows
        self._roll_ns = seconds_ns(settings.roll_before_s)
        self._seen = ("", "")
        self._ask_again_ns = -ASK_AGAIN_NS

    # --- restoring ------------------------------------------------------------------------------

    def holds(self, trade: Any) -> None:
        """A pair is whole: the signal waits for its exit."""
        self.signal.entered(trade.side, trade.entry_ns, trade.expiry_ns, trade.entry_dev_bps)

    def left(self, exit_ns: int) -> None:
        """A pair is over: the cooldown begins."""
        self.signal.left(exit_ns)

    def calibrated(self, factor: float) -> None:
        """The factor is known."""
        self._calibration_left = 0
        self._ratios = []
        self.core.terms.tell(r=None, d=None, factor=factor)
        self.core.gate.set_factor(factor)

    def measure(self) -> None:
        """The factor is measured anew; until it is known nothing is traded."""
        self._calibration_left = self.core.settings.calibration_rows
        self._ratios = []

    # --- deciding -------------------------------------------------------------------------------

    @property
    def calibrating(self) -> bool:
        """Whether the factor is still being measured: until then there is no deviation to speak of."""
        return self._calibration_left > 0

    @property
    def to_measure(self) -> int:
        """Decisions that the measurement of the factor still lacks."""
        return self._calibration_left

    def decide(self, ts_ns: int) -> None:
        """One decision on the quotes as they stand, at a time of the market's clock."""
        core = self.core
        open_trades = self.pairs.open
        trade = None
        if open_trades:
            trade = next(iter(open_trades.values()))
            if len(open_trades) > 1 or trade.phase != "held":
                return
        now_ns, utc_ns = core.clock.now_ns, core.clock.utc_ns
        es, spy = core.es, core.spy
        fault = es.fault(now_ns, utc_ns) or spy.fault(now_ns, utc_ns)
        if fault:
            self.skipped[fault] = self.skipped.get(fault, 0) + 1
            return
        self.decisions += 1
        if trade is not None and self._must_go(trade, ts_ns):
            return
        expiry_ns = es.expiry_ns if trade is None else trade.expiry_ns
        if self._calibration_left:
            self._calibrate(ts_ns, expiry_ns)
            return
        c = core.terms.carry(ts_ns, expiry_ns, spy_mid=spy.mid)
        quote = Quote(es.bid, es.ask, spy.bid, spy.ask)
        found = self.signal.decide(ts_ns, expiry_ns, quote, c)
        if found is None:
            return
        dev_bps = quote.deviation_bps(c)
        action = str(found)
        if trade is None:
            action = "enter_cash_and_carry" if found == CASH_AND_CARRY else "enter_reverse"
        if abs(dev_bps) > core.settings.deviation_max_bps:
            core.alarm(
                "not believed",
                f"The legs are {dev_bps:.0f} bps from fair value; check contract, rate and factor.",
            )
            refusal = "not believed"
        elif trade is None:
            side = CASH_AND_CARRY if found == CASH_AND_CARRY else REVERSE
            refusal = self._enter(side, ts_ns, expiry_ns, dev_bps=dev_bps)
        else:
            refusal = self.pairs.leave(trade, action, ts_ns=ts_ns, dev_bps=dev_bps, forced=False)
        self._note(action, refusal, ts_ns, (dev_bps, c))

    def renew_contracts(self) -> None:
        """Asks for the next future in time, and for both contracts before the hours known of them end."""
        core = self.core
        now_ns, utc_ns, es = core.clock.now_ns, core.clock.utc_ns, core.es
        if not es.con_id or core.clock.slipped or now_ns < self._ask_again_ns:
            return
        trade = next(iter(self.pairs.open.values()), None)
        ends_ns = min(leg.liquid_hours[-1][1] if leg.liquid_hours else 0 for leg in (es, core.spy))
        if trade is None and utc_ns >= es.expiry_ns - self._roll_ns:
            core.out.append(AskContract(max(es.expiry_ns, utc_ns)))
        elif ends_ns - utc_ns < HOURS_LEFT_NS:
            core.out.append(AskContract(utc_ns, es.con_id))
        else:
            return
        self._ask_again_ns = now_ns + ASK_AGAIN_NS

    def roll(self, trade: Any, ts_ns: int) -> None:
        """Closes a held pair in the last quotes of its contract."""
        es, spy = self.core.es, self.core.spy
        c = self.core.terms.carry(ts_ns, trade.expiry_ns, spy_mid=spy.mid)
        dev_bps = Quote(es.bid, es.ask, spy.bid, spy.ask).deviation_bps(c)
        refusal = self.pairs.leave(trade, "roll", ts_ns=ts_ns, dev_bps=dev_bps, forced=False)
        self._note("roll", refusal, ts_ns, (dev_bps, c))

    def press(self) -> None:
        """Lets a held pair go that must, without waiting for a quote."""
        for trade in list(self.pairs.open.values()):
            if trade.phase == "held":
                self._must_go(trade, self.core.clock.utc_ns)

    def _must_go(self, trade: Any, ts_ns: int) -> bool:
        """Whether a held pair has to go for a reason that is not the signal's, and is going."""
        forced = "flatten" if self.flatten else ""
        if self.core.brakes.sentences:
            reasons = self.core.brakes.sentences
            forced = next((FORCED[reason] for reason in reasons if reason in FORCED), forced)
        if not forced and self._roll_ns and ts_ns >= trade.expiry_ns - self._roll_ns:
            return not self.pairs.leave(trade, "roll", ts_ns=ts_ns, dev_bps=None, forced=False)
        if not forced:
            return False
        refusal = self.pairs.leave(trade, forced, ts_ns=ts_ns, dev_bps=None, forced=True)
        if refusal:
            self.core.alarm(
                "cannot close", f"Pair {trade.trade_id} must go ({forced}) and cannot: {refusal}."
            )
        return True

    def _enter(self, side: int, ts_ns: int, expiry_ns: int, *, dev_bps: float) -> str:
        core = self.core
        settings = core.settings
        if not settings.trading_enabled:
            return "trading is off"
        if core.brakes.state != ACTIVE:
            return str(core.brakes.state)
        if self._roll_ns and ts_ns >= expiry_ns - self._roll_ns:
            self.renew_contracts()
            return "too near to expiry"
        if not core.gate.ready(ENTRY_PAUSE, core.clock.now_ns):
            return "pause after a missed entry"
        es_price, spy_price = (core.es.ask, core.spy.bid) if side > 0 else (core.es.bid, core.spy.ask)
        contracts = settings.contracts
        shares = shares_for(contracts, multiplier=settings.multiplier, es_price=es_price, spy_price=spy_price)
        if side > 0 and self.shortable is not None and self.shortable < shares:
            return "no shares to borrow"
        drafts = [
            Draft(ES, side, contracts, LIMIT, es_price, IOC, "entry", 0, False),
            Draft(SPY, -side, shares, LIMIT, spy_price, IOC, "entry", 0, False),
        ]
        refusal = str(core.refusal(drafts))
        if refusal:
            return refusal
        if not self.margin_checked:
            self._ask_margin(side, contracts, shares, ts_ns=ts_ns)
            return "margin is being asked"
        self.last_trade_id += 1
        row = TradeRow(
            self.last_trade_id, side, "entering", core.es.con_id, expiry_ns, settings.multiplier,
            contracts, shares, ts_ns, dev_bps,
        )  # fmt: skip
        order = settings.entry_order
        if order == "es_first":
            self.pairs.enter(row, drafts[:1], SPY)
        elif order == "spy_first":
            self.pairs.enter(row, drafts[1:], ES)
        else:
            self.pairs.enter(row, drafts, "")
        return ""

    def _note(self, action: str, refusal: str, ts_ns: int, numbers: tuple[float, float]) -> None:
        """A signal is written down when it is acted upon, and when why it is not changes."""
        if refusal and self._seen == (action, refusal):
            return
        self._seen = (action, refusal)
        dev_bps, c = numbers
        es, spy = self.core.es, self.core.spy
        self.core.out.append(
            Seen(
                ts_ns, action, refusal, dev_bps,
                edge_cash_and_carry_bps(es_bid=es.bid, spy_ask=spy.ask, c=c),
                edge_reverse_bps(es_ask=es.ask, spy_bid=spy.bid, c=c),
            )
        )  # fmt: skip

    def _calibrate(self, ts_ns: int, expiry_ns: int) -> None:
        """A decision of the calibration window: it is not traded."""
        es, spy = self.core.es, self.core.spy
        growth = self.core.terms.carry(ts_ns, expiry_ns, spy_mid=spy.mid, factor=1.0)
        self._ratios.append(es.mid / (spy.mid * growth))
        self._calibration_left -= 1
        if not self._calibration_left:
            factor = statistics.median(self._ratios)
            self.calibrated(factor)
            self.measured = FactorRow(self.core.es.con_id, factor, ts_ns, self.core.settings.calibration_rows)
            self.core.out.append(SaveFactor(self.measured))
            decisions = self.measured.decisions
            self.core.out.append(
                Note("factor", f"The factor is {factor:.6g}, measured over {decisions:,} decisions.")
            )

    # --- margin ---------------------------------------------------------------------------------

    def _ask_margin(self, side: int, contracts: int, shares: int, *, ts_ns: int) -> None:
        """Before the first entry of a day; the decision waits for the answer."""
        if self.margin_query and self.core.clock.now_ns < self.margin_due_ns:
            return
        self.margin_query = self.core.ask(MARGIN, side=side, contracts=contracts, shares=shares)
        self.margin_due_ns = self.core.clock.now_ns + seconds_ns(self.core.settings.query_timeout_s)
        self.pending_ns = ts_ns

    def margin(self, event: Any) -> None:
        """The answer; where it suffices, the decision that waited is made again."""
        if not self.margin_query or event.query != self.margin_query:
            return
        self.margin_query = 0
        pending_ns, self.pending_ns = self.pending_ns, 0
        if event.sufficient:
            self.margin_checked = True
            replay = self.core.settings.decide_on == "row"
            self.decide(pending_ns if replay else self.core.clock.utc_ns)
        else:
            self.core.alarm("margin", f"The account does not carry an entry: {event.sentence}")
            self.core.gate.pause(ENTRY_PAUSE, self.core.clock.now_ns)

    def margin_failed(self, query: int) -> None:
        """The question was refused, or (0) the connection is gone: it will be asked again."""
        if self.margin_query and query in (0, self.margin_query):
            self.margin_query = 0
            self.pending_ns = 0
