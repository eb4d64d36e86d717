"""The live carry desk: an event and two clocks in, commands out.

    commands = session.handle(event, now_ns=monotonic, utc_ns=the market's clock)

Deterministic: the same events and times give the same commands, with a real broker or a simulated one. Owns
the order in which the desk's parts handle an event, and the restart from a stored snapshot. It must not know
sockets, files, clocks or any library.
"""

from collections.abc import Callable
from typing import Any

from arbcore.carry._carry import deviation_bps, edge_cash_and_carry_bps, edge_reverse_bps
from arbcore.carry.pairs import FUT
from arbcore.desk import events as ev
from arbcore.desk.commands import Command, Note, RaiseKillSwitch, Resubscribe, StateShown
from arbcore.desk.day import Day
from arbcore.desk.decide import SIDES_OF, Decider, etf_view
from arbcore.desk.desk_core import DeskCore, number_of
from arbcore.desk.desk_news import OrderNews
from arbcore.desk.desk_settings import SECOND_NS, DeskSettings, seconds_ns
from arbcore.desk.desk_terms import CarryTerms
from arbcore.desk.holdings import Holdings
from arbcore.desk.limits import COMPARING, ENTRY_PAUSE
from arbcore.desk.live_level import LiveLevel
from arbcore.desk.order_table import DOUBT, UNKNOWN
from arbcore.desk.pair import CLOSED, HELD, PairTrader
from arbcore.desk.records import Snapshot
from arbcore.desk.recovery import PAUSE_NS, Recovery
from arbcore.desk.shown import DeskDetails, DeskStatus, details_of, status_of
from arbcore.desk.trade import Trade
from arbcore.desk.writeoff import WriteOff

NO_SNAPSHOT = Snapshot()
DATA_KINDS = {0: "none", 2: "frozen", 3: "delayed", 4: "delayed and frozen"}
#: A feed counts as dead after this many times the age at which a quote is stale.
DEAD_FEED = 3
PRUNE_NS = 3_600 * SECOND_NS
#: An order that is still alive after this many cancels raises an alarm.
PULLS_MAX = 3
NEVER_NS = 2**62
LINK = "not connected"
#: Halt reasons during which the account's positions are not known.
UNCERTAIN = frozenset({LINK, COMPARING, "unanswered"})
#: The gate's text for quotes in doubt.
QUOTES_IN_DOUBT = "quotes may be old until the broker answers"


class DeskSession:
    """One desk. Every orderRef begins with ``store_id``, which was made once, with the store.

    ``terms`` replace the settings' constant rate and yield. Raises ConfigError for a malformed store id, and
    BrokenInvariant for a snapshot that contradicts itself.
    """

    def __init__(
        self,
        settings: DeskSettings,
        store_id: str,
        snapshot: Snapshot = NO_SNAPSHOT,
        *,
        terms: CarryTerms | None = None,
    ) -> None:
        if terms is None:
            terms = CarryTerms(settings.r, settings.d, spread=settings.financing_spread_bps * 1e-4)
        self._core = core = DeskCore(settings, store_id, terms=terms)
        self._pairs = PairTrader(core)
        self._level = LiveLevel(core, self._pairs, snapshot.level)
        self._day = Day(core, self._pairs, snapshot.day)
        self._decider = Decider(core, self._pairs, self._level, self._day)
        self._write_off = WriteOff(core, self._pairs, self._day)
        self._holdings = Holdings(core, self._fut_con_ids)
        self._recovery = Recovery(core, self._write_off, self._holdings)
        self._news = OrderNews(core, self._pairs, self._recovery)
        self._account = snapshot.account
        self._stop: ev.Stop | None = None
        self._doubt = 0
        self._watch_ns = self._prune_ns = -NEVER_NS
        self._link_patience_ns = seconds_ns(settings.link_alarm_s)
        self._link_alarm_ns = NEVER_NS
        self._lost_ns = 0
        self._live_mode = settings.decide_on == "quote"
        self._dead_ns = DEAD_FEED * seconds_ns(settings.stale_s)
        self._handlers: dict[type, Callable[[Any], None]] = {
            ev.Hello: self._hello, ev.LinkLost: self._link_lost, ev.Farm: self._farm,
            ev.ContractFound: self._contract, ev.Quote: self._quote, ev.Alive: self._alive,
            ev.DataType: self._data_type, ev.Halted: self._halted, ev.Shortable: self._shortable,
            ev.RowSeen: self._row_seen, ev.RowComplete: self._row_complete,
            ev.ContractEnds: self._contract_ends, ev.Terms: self._terms,
            ev.OrderStatus: self._news.status,
            ev.OrderError: self._news.error, ev.Execution: self._news.execution,
            ev.Commission: self._news.commission, ev.OpenOrders: self._recovery.open_orders,
            ev.Executions: self._executions, ev.Positions: self._positions, ev.Margin: self._margin,
            ev.PositionChanged: self._position_changed, ev.Undecoded: self._undecoded,
            ev.QuotesDoubted: self._quotes_doubted, ev.NotSent: self._news.not_sent,
            ev.KillLifted: self._kill_lifted,
            ev.QueryFailed: self._query_failed, ev.Tick: self._tick, ev.BrokerClock: self._broker_clock,
            ev.AcceptAccount: self._accept_account, ev.Stop: self._stopping, ev.Kill: self._kill,
        }  # fmt: skip
        core.risk_state.add(LINK, "There is no connection to the broker yet.")
        self._restore(snapshot)

    # --- events ---------------------------------------------------------------------------------

    def handle(self, event: ev.Event, *, now_ns: int, utc_ns: int) -> list[Command]:
        """Handles one event. ``now_ns`` is monotonic, ``utc_ns`` the market's clock, both in nanoseconds."""
        core = self._core
        out: list[Command] = []
        core.out = out
        core.placed = False
        core.clock.advance(now_ns, utc_ns)
        if core.clock.utc_ns >= self._day.end_ns:
            self._day.begin()
            self._level.look()
        if core.clock.slipped != ("clock" in core.risk_state):
            self._clock_state()
        # Without a link nothing checks the machine's clock, and at a start it may be wrong by years.
        if core.clock.utc_ns >= self._pairs.expiry_ns and core.linked and not core.clock.slipped:
            self._pairs.expire(core.clock.utc_ns)
        self._handlers[type(event)](event)
        self._settle()
        return out

    @property
    def next_deadline_ns(self) -> int:
        """The monotonic time by which ``Tick`` is due if no other event comes before; 2**62 is never."""
        core = self._core
        timeout_ns = core.order_timeout_ns
        now_ns = core.clock.now_ns
        times = [self._recovery.deadline_ns(), self._pairs.deadline_ns()]
        times += [
            (order.pulled_ns or order.sent_ns) + timeout_ns
            for order in core.orders.live.values()
            if order.state != UNKNOWN
        ]
        if not core.linked:
            times.append(self._link_alarm_ns)
        elif self._live_mode:
            times.append(self._watch_ns)
        if self._decider.margin_query:
            times.append(self._decider.margin_due_ns)
        # What is overdue has been handled already and waits, mostly for room in the message cap.
        return max(min(times), now_ns + SECOND_NS // 100)

    @property
    def state(self) -> str:
        """ACTIVE, REDUCING or HALTED."""
        return self._core.risk_state.state

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why the state is not ACTIVE."""
        return tuple(self._core.risk_state.sentences)

    @property
    def settled(self) -> bool:
        """Replay: whether no order or request is still open, so that the next row may be fed."""
        recovery = self._recovery
        busy = self._core.orders.live or recovery.step or recovery.next_ns < NEVER_NS
        return not busy and not self._decider.margin_query

    @property
    def stopped(self) -> bool:
        """After ``Stop``: no order may still fill, no leg is naked, and pairs that must be closed are closed.

        With trading off the desk leaves a naked leg as it is; it has raised the alarm about it.
        """
        if self._stop is None or self._core.orders.live:
            return False
        closing = self._core.gate.closing
        if not (closing or self._core.settings.trading_enabled):
            return True
        return all(
            trade.awaits_settlement or (trade.phase == HELD and not closing)
            for trade in self._pairs.open.values()
        )

    @property
    def held_con_id(self) -> int:
        """The contract id of the open pair's future; 0 if there is none."""
        return next((trade.con_id for trade in self._pairs.open.values()), 0)

    def positions(self) -> dict[str, int]:
        """The positions that our executions add up to, by leg."""
        return dict(self._core.positions)

    @property
    def in_doubt(self) -> bool:
        """Whether the account may hold more or less than ``positions``: an order may have filled since."""
        return bool(self._core.orders.live) or self._holdings.patient

    def account_positions(self) -> dict[str, int] | None:
        """The account's positions by leg, as the broker last reported them; None while they are not known.

        They are not known without a link, before the first response, and while in doubt. After a mismatch
        they are known: the broker responded, and the desk repeats its requests until both sides agree.
        """
        reasons = self._core.risk_state.sentences.keys()
        uncertain = UNCERTAIN - {COMPARING} if "mismatch" in reasons else UNCERTAIN
        if self.in_doubt or uncertain & reasons:
            return None
        return self._holdings.by_leg

    def exposure(self) -> dict[str, dict[int, int]]:
        """The quantity that may still fill, by leg and side (+1, -1)."""
        return self._core.orders.exposure()

    def status(self) -> DeskStatus:
        """The values of a live status line."""
        return status_of(self._core, self._pairs, self._decider, day=self._day)

    def details(self) -> DeskDetails:
        """Further values for a live page."""
        return details_of(self._core, self._pairs)

    # --- what the quotes imply, for the store and the report --------------------------------------

    def deviation(self, fut: ev.Quote, etf: ev.Quote) -> tuple[float, float, float] | None:
        """Deviation, cash-and-carry edge and reverse edge in bps; None while prices or level are unknown."""
        if not (fut.bid and fut.ask and etf.bid and etf.ask and self._priced):
            return None
        utc_ns = self._core.clock.utc_ns
        view = etf_view(
            self._core.terms, utc_ns, self._expiry_ns, bid=etf.bid, ask=etf.ask,
            factor=self._level.factor(utc_ns),
        )  # fmt: skip
        return (
            deviation_bps(es_bid=fut.bid, es_ask=fut.ask, spy_bid=view.bid, spy_ask=view.ask, c=view.c),
            edge_cash_and_carry_bps(es_bid=fut.bid, spy_ask=view.ask, c=view.c),
            edge_reverse_bps(es_ask=fut.ask, spy_bid=view.bid, c=view.c),
        )

    def implied_repo(self, fut: ev.Quote, etf: ev.Quote, *, action: str = "") -> float | None:
        """The rate implied by the prices that ``action`` trades at, or by the mids; None while unknown."""
        if not (fut.bid and fut.ask and etf.bid and etf.ask and self._priced):
            return None
        trade = next(iter(self._pairs.open.values()), None)
        # Exiting a cash and carry buys the future, as entering a reverse does.
        side = SIDES_OF.get(action, 0) or (-trade.side if action and trade is not None else 0)
        prices = (
            (fut.ask, etf.bid) if side > 0
            else (fut.bid, etf.ask) if side < 0
            else ((fut.bid + fut.ask) / 2, (etf.bid + etf.ask) / 2)
        )  # fmt: skip
        if action and not side:
            return None
        return self._core.terms.implied_repo(
            self._core.clock.utc_ns, self._expiry_ns, fut_price=prices[0], etf_price=prices[1],
            factor=self._core.settings.true_factor or self._level.factor(self._core.clock.utc_ns),
        )

    @property
    def _expiry_ns(self) -> int:
        return self._level.expiry_ns

    @property
    def _priced(self) -> bool:
        """Whether the contract and the level are known."""
        return self._expiry_ns > self._core.clock.utc_ns and self._level.known

    # --- restoring ------------------------------------------------------------------------------

    def _restore(self, snapshot: Snapshot) -> None:
        core = self._core
        core.gate.number = snapshot.last_number
        self._decider.last_trade_id = snapshot.last_trade_id
        filled: dict[str, int] = {}
        for execution_row in snapshot.executions:
            core.ledger.restore(execution_row)
        for execution_row in core.ledger.rows.values():
            filled[execution_row.ref] = filled.get(execution_row.ref, 0) + execution_row.quantity
        for order_row in snapshot.orders:
            order = core.orders.add(order_row, core.clock.now_ns)
            # The order may or may not have reached the broker: unknown until the broker responds.
            core.orders.news(order, DOUBT)
            # An execution may have been stored just before its order's row was.
            core.orders.fill(order, filled.get(order.ref, 0) - order.filled)
            core.gate.number = max(core.number, number_of(order_row.ref))
            core.gate.passes = max(core.gate.passes, order_row.approved)
        for row in sorted(snapshot.trades, key=lambda row: row.trade_id):
            trade = Trade(row, core.terms.schedule or ())
            self._decider.last_trade_id = max(self._decider.last_trade_id, trade.trade_id)
            adjustments = [row for row in snapshot.adjustments if row.trade_id == trade.trade_id]
            self._pairs.restore(trade, core.ledger.of_trade(trade.trade_id), adjustments)
            if trade.phase == CLOSED and trade.exit_ns is not None:
                self._decider.left(trade.exit_ns)

    # --- after every event ----------------------------------------------------------------------

    def _settle(self) -> None:
        """After an event: checks time-outs, sends the next request, and moves the pairs on."""
        core = self._core
        now_ns = core.clock.now_ns
        orders = core.orders
        if orders.dirty:
            self._news.ended(orders.dirty)
        if orders.live and now_ns >= orders.look_ns:
            self._watch_orders(now_ns)
        self._recovery.tick()
        if self._decider.margin_query and now_ns >= self._decider.margin_due_ns:
            self._decider.margin_failed(0)
        if now_ns >= self._watch_ns and core.linked and self._live_mode:
            self._watch_feeds(now_ns)
        if not core.linked and now_ns >= self._link_alarm_ns:
            lost_s = (now_ns - self._lost_ns) / SECOND_NS
            why = core.risk_state.sentences[LINK]
            core.alarm("link lost", f"No link to the broker for {lost_s:.0f} s. {why}")
            self._link_alarm_ns = now_ns + SECOND_NS
        if self._pairs.open:
            if not self._pairs.calm and not core.placed:
                self._pairs.step()
            if core.risk_state.sentences or self._decider.flatten:
                self._decider.press()
            self._tell_signal()
        if core.risk_state.changed:
            core.risk_state.changed = False
            core.out.append(StateShown(core.risk_state.state, tuple(core.risk_state.sentences)))
        if core.orders.dirty:
            core.flush()
        if core.clock.utc_ns >= self._prune_ns:
            self._prune()

    def _tell_signal(self) -> None:
        """Informs the signal of pairs that executions made whole or ended."""
        for trade in self._pairs.ended:
            if trade.phase == CLOSED and trade.exit_ns is not None:
                self._decider.left(trade.exit_ns)
            else:
                self._core.gate.pause(ENTRY_PAUSE, self._core.clock.now_ns)
        self._pairs.ended.clear()
        if self._decider.signal.side == 0:
            for trade in self._pairs.open.values():
                if trade.phase == HELD:
                    self._decider.holds(trade)
                    break

    def _watch_orders(self, now_ns: int) -> None:
        core = self._core
        soonest_ns = NEVER_NS
        for order in list(core.orders.live.values()):
            if order.state == UNKNOWN:
                soonest_ns = 0
                if core.linked and not self._recovery.step and self._recovery.next_ns == NEVER_NS:
                    self._recovery.want(PAUSE_NS)
            elif now_ns - (order.pulled_ns or order.sent_ns) < core.order_timeout_ns:
                soonest_ns = min(soonest_ns, (order.pulled_ns or order.sent_ns) + core.order_timeout_ns)
            elif not order.pulled_ns:
                core.pull(order)
                soonest_ns = 0
            else:
                soonest_ns = 0
                # Neither filled nor cancelled in time: only a request to the broker settles its state.
                core.orders.news(order, DOUBT)
                order.pulled_ns = 0
                if order.pulls >= PULLS_MAX:
                    core.alarm(
                        "stuck order",
                        f"Order {order.ref} is still open after {order.pulls} cancels; cancel it in TWS.",
                    )
                self._recovery.want()
        core.orders.look_ns = soonest_ns

    def _watch_feeds(self, now_ns: int) -> None:
        """Requests market data again for a leg whose ticks have stopped without an error."""
        core = self._core
        self._watch_ns = now_ns + self._dead_ns
        self._decider.renew_contracts()
        for leg in core.legs.values():
            if leg.open_at(core.clock.utc_ns) and now_ns - leg.seen_ns >= self._dead_ns:
                core.out.append(Resubscribe(leg.leg))
                if leg.con_id:
                    symbol, dead_s = leg.symbol, self._dead_ns / SECOND_NS
                    core.alarm(
                        f"stale {symbol}",
                        f"No tick of {symbol} for {dead_s:g} s; its market data is requested again.",
                    )

    def _clock_state(self) -> None:
        if self._core.clock.slipped:
            self._core.restrict(
                "clock", "The machine's clock jumped; no entries until it agrees with the broker's clock."
            )
        else:
            self._core.risk_state.remove("clock")

    def _prune(self) -> None:
        core = self._core
        utc_ns = core.clock.utc_ns
        self._prune_ns = utc_ns + PRUNE_NS
        keep = set(self._pairs.open)
        core.orders.prune(utc_ns, keep)
        core.ledger.prune(utc_ns, keep)
        self._pairs.prune(utc_ns)

    # --- connection -----------------------------------------------------------------------------

    def _hello(self, event: ev.Hello) -> None:
        core = self._core
        self._void()
        core.linked = True
        core.risk_state.remove(LINK)
        if self._account and event.account != self._account:
            core.restrict(
                "account",
                f"The store belongs to account {self._account}, but TWS is logged in to {event.account}; "
                "log in to the store's account, or use another store.",
            )
        self._account = self._account or event.account
        if event.broker_utc_ns is not None:
            self._broker_clock(ev.BrokerClock(event.broker_utc_ns))
        self._watch_ns = core.clock.now_ns + self._dead_ns
        if not core.settings.trading_enabled:
            self._say_what_is_left()
        self._recovery.begin()

    def _say_what_is_left(self) -> None:
        """Raises an alarm for each pair that is open while trading is off."""
        for trade in self._pairs.open.values():
            self._core.alarm(
                "trading off",
                f"Trading is off and pair {trade.trade_id} is open "
                f"({self._core.held_words(trade.position)}): no stop, roll or hedge; only the kill switch "
                "and --flatten close it. Set TRADING_ENABLED=1 to let the bot manage it.",
            )

    def _link_lost(self, event: ev.LinkLost) -> None:
        self._void()
        if self._core.linked or self._link_alarm_ns == NEVER_NS:
            # Losing the broker's servers and then the connection to TWS counts as one loss.
            self._lost_ns = self._core.clock.now_ns
            self._link_alarm_ns = self._lost_ns + self._link_patience_ns
        self._core.linked = False
        self._core.restrict(LINK, f"The link to the broker is gone: {event.reason}")

    def _void(self) -> None:
        """Drops the state of an earlier connection; its live orders may or may not have traded."""
        core = self._core
        for order in list(core.orders.live.values()):
            core.orders.news(order, DOUBT)
            order.pulled_ns = 0
            order.absent = 0
        for leg in core.legs.values():
            leg.forget()
        self._recovery.lost()
        self._holdings.forget()
        self._decider.margin_failed(0)

    def _farm(self, event: ev.Farm) -> None:
        for leg in self._core.legs.values():
            leg.silence()
            if event.ok:
                self._core.out.append(Resubscribe(leg.leg))

    def _query_failed(self, event: ev.QueryFailed) -> None:
        self._recovery.failed(event)
        self._decider.margin_failed(event.query)

    def _executions(self, event: ev.Executions) -> None:
        for execution in event.executions:
            self._news.execution(execution, in_response=True)
        for commission in event.commissions:
            self._news.commission(commission)
        self._recovery.executions_told(event.query)

    def _positions(self, event: ev.Positions) -> None:
        self._recovery.positions(event)

    def _position_changed(self, event: ev.PositionChanged) -> None:
        self._holdings.change(event.line)

    def _fut_con_ids(self) -> frozenset[int]:
        return frozenset({self._core.fut.con_id, *(trade.con_id for trade in self._pairs.open.values())})

    def _undecoded(self, event: ev.Undecoded) -> None:
        self._recovery.undecoded(event.what)

    def _quotes_doubted(self, event: ev.QuotesDoubted) -> None:
        """Blocks decisions on quotes until a ``BrokerClock`` requested after this event comes."""
        self._doubt = event.number
        self._core.gate.doubts.add(QUOTES_IN_DOUBT)
        for leg in self._core.legs.values():
            leg.silence()

    def _margin(self, event: ev.Margin) -> None:
        self._decider.margin(event)

    # --- market ---------------------------------------------------------------------------------

    def _quote(self, event: ev.Quote) -> None:
        core = self._core
        core.legs[event.leg].quote(event.bid, event.ask, core.clock.now_ns)
        if self._live_mode:
            self._day.check()
            self._decider.decide(core.clock.utc_ns)

    def _row_seen(self, event: ev.RowSeen) -> None:
        self._level.see(event.ts_ns)

    def _row_complete(self, event: ev.RowComplete) -> None:
        self._level.see(event.ts_ns, quoted_ns=event.expiry_ns)
        self._day.check()
        self._decider.decide(event.ts_ns)

    def _contract_ends(self, event: ev.ContractEnds) -> None:
        for trade in list(self._pairs.open.values()):
            if trade.phase == HELD:
                self._decider.roll(trade, event.ts_ns)

    def _contract(self, event: ev.ContractFound) -> None:
        core = self._core
        if event.leg == FUT:
            held = self.held_con_id
            if held and event.con_id != held:
                core.alarm(
                    "contract",
                    f"A pair is held in contract {held}, so contract {event.con_id} is not used until the "
                    "pair is closed.",
                )
                return
            if event.multiplier != core.settings.multiplier:
                core.restrict(
                    "contract",
                    f"The contract has a multiplier of {event.multiplier:g} dollars a point, but the pair's "
                    f"is {core.settings.multiplier:g}; check the setting of the pair.",
                )
                return
            core.risk_state.remove("contract")
        core.legs[event.leg].resolve(event)
        self._level.look()

    def _alive(self, event: ev.Alive) -> None:
        self._core.legs[event.leg].alive(self._core.clock.now_ns)

    def _data_type(self, event: ev.DataType) -> None:
        leg = self._core.legs[event.leg]
        leg.take_kind(event.kind)
        if event.kind != 1:
            why = event.why.rstrip(".") or DATA_KINDS.get(event.kind, f"kind {event.kind}")
            self._core.alarm(
                f"data {leg.symbol}",
                f"The market data of {leg.symbol} is not live ({why}), so nothing is traded on it; subscribe "
                "to live data at the broker, and end other sessions of this user.",
            )

    def _halted(self, event: ev.Halted) -> None:
        self._core.legs[event.leg].take_halt(event.halted)

    def _shortable(self, event: ev.Shortable) -> None:
        self._decider.shortable = event.shares

    def _terms(self, event: ev.Terms) -> None:
        self._core.terms.tell(r=event.r, d=event.d)

    # --- people and time ------------------------------------------------------------------------

    def _tick(self, event: ev.Tick) -> None:
        self._day.check()

    def _broker_clock(self, event: ev.BrokerClock) -> None:
        core = self._core
        core.clock.compare(event.utc_ns)
        if QUOTES_IN_DOUBT in core.gate.doubts and event.doubt == self._doubt:
            core.gate.doubts.discard(QUOTES_IN_DOUBT)
            for leg in core.legs.values():
                leg.confirm(core.clock.now_ns)

    def _accept_account(self, event: ev.AcceptAccount) -> None:
        self._write_off.accepting = True

    def _stopping(self, event: ev.Stop) -> None:
        self._stop = event
        if event.flatten:
            self._decider.flatten = self._core.gate.closing = True
        self._level.save()
        self._core.restrict("stopping", f"Stopping: {event.reason}")
        self._pull_all()

    def _kill(self, event: ev.Kill) -> None:
        if self._core.risk_state.add("kill switch", f"The kill switch is on: {event.reason}"):
            self._core.gate.closing = True
            self._core.out.append(RaiseKillSwitch(event.reason))
            self._core.alarm("kill switch", f"The kill switch is on: {event.reason}")
            self._pull_all()

    def _kill_lifted(self, event: ev.KillLifted) -> None:
        core = self._core
        core.risk_state.remove("kill switch", "entries refused")
        self._news.refusals.clear()
        core.gate.closing = self._decider.flatten
        core.out.append(Note("kill switch", "The kill switch was deleted; entries may begin again."))

    def _pull_all(self) -> None:
        for order in list(self._core.orders.live.values()):
            self._core.pull(order)
