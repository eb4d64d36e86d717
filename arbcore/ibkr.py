"""The carry bot at Interactive Brokers: a shell around ``arbcore.desk``.

Owns the run: connect, verify the account, reconcile, trade; and the same again after every lost connection.
It carries out the desk's commands in their order and stores before it sends. It watches the clock, the kill
switch and the connection, and reports to the user. The desk decides when to trade and what a response means.
"""

import asyncio
import contextlib
import logging
import random
import time
from collections import deque
from collections.abc import Callable, Coroutine

from arbcore.broker.alerts import Alerts
from arbcore.broker.command_executor import LOCKED_MAX_S, LOCKED_PAUSE_S, CommandExecutor
from arbcore.broker.event_log import EventLog
from arbcore.broker.guards import SIMULATED, SIMULATED_PREFIX, account_to_trade
from arbcore.broker.heartbeat import Heartbeat
from arbcore.broker.ib_link import IbLink, load_library
from arbcore.broker.model_trades import facts_of
from arbcore.broker.news import held_words
from arbcore.broker.pauses import PauseWatch
from arbcore.broker.plan import Plan, Tally
from arbcore.broker.rate_source import RateNews
from arbcore.broker.row_replay import Rows
from arbcore.broker.run_clock import MachineClock, RowClock
from arbcore.broker.store import Store
from arbcore.broker.store_file import StoreLocked
from arbcore.carry.pairs import ETF, FUT
from arbcore.core.text import plural, printable
from arbcore.desk import codes
from arbcore.desk import events as ev
from arbcore.desk.desk_session import DeskSession
from arbcore.desk.desk_settings import seconds_ns
from arbcore.desk.desk_terms import CarryTerms
from arbcore.errors import ArbcoreError, ConfigError, ConnectError, ReadOnlyError, RunError
from arbcore.quotes.recorder import QuoteRecorder
from arbcore.system.kill_switch import KillSwitch

_log = logging.getLogger(__name__)

#: Time between two checks of the kill switch, the telemetry and the status.
HOUSEKEEPING_S = 0.5
#: The longest time for which a timer is set.
LONGEST_SLEEP_S = 60.0
SAMPLE_NS = 60 * 10**9
#: Pauses between attempts to reconnect: doubling, with jitter, without end.
RECONNECT_FIRST_S, RECONNECT_MAX_S = 1.0, 30.0
#: Time between two requests for TWS's time: a connection may die silently, and a clock may drift.
HEARTBEAT_S = 10.0
#: If TWS lost the broker and does not report it back for this long, the bot requests everything again.
SERVER_PATIENCE_S = 60.0
#: Events within this time after the loss were sent before it.
SERVER_ECHO_S = 1.0
#: Events that show that the broker's servers are connected again.
SIGNS_OF_LIFE = (ev.Quote, ev.Alive, ev.OrderStatus, ev.Execution, ev.PositionChanged)
#: An orderly stop that takes longer than this fails with an error.
STOP_PATIENCE_S = 60.0


class Bot:
    """One run: ``await run()``; ``stop`` ends it in order."""

    def __init__(
        self,
        plan: Plan,
        *,
        kill_switch: KillSwitch,
        alerts: Alerts,
        told: Callable[[str, str], None],
    ) -> None:
        """``told(level, text)`` receives each line of the event log that is shown to the user."""
        self.plan = plan
        self.tally = Tally()
        self.account = ""
        self.session: DeskSession | None = None
        self._library = load_library(plan.settings.library)
        self.kill_switch = kill_switch
        self.clock: MachineClock | RowClock = RowClock() if plan.clocked else MachineClock()
        self.alerts = alerts
        self.event_log = EventLog(plan.pair, alerts=alerts, show=told, utc_ns=self.clock.utc_ns)
        self.store: Store | None = None
        self._recorder = None if plan.record is None else QuoteRecorder(plan.record, plan.pair)
        self._recording = False
        self.link: IbLink | None = None
        self.executor = CommandExecutor(self)
        self.heartbeat = Heartbeat(self)
        #: The last sentence of the run, once it is over: what is held, and that no bot watches it.
        self.ending = ""
        self._rows = Rows(self, decided=plan.rows, timeout_s=plan.settings.connect_timeout_s)
        self._queue: deque[ev.Event] = deque()
        self._handling = False
        self._tasks: set[asyncio.Task[None]] = set()
        self._woken = asyncio.Event()
        #: True between the loss of a connection and the next connection.
        self._lost = False
        self._failure: ArbcoreError | None = None
        #: The stop that was requested, or None.
        self._stop: ev.Stop | None = None
        #: The attempt to make the first connection.
        self._joining: asyncio.Task[None] | None = None
        self._over = False
        self.began_ns = 0
        self._timer: asyncio.TimerHandle | None = None
        self._due_ns = 0
        self._rate: float | None = None
        self._rate_news: RateNews | None = None
        self._sampled_ns = 0
        #: Whether the kill switch was on at some time of the run, and whether it is on now.
        self.killed = self._kill_on = False
        self._pauses = PauseWatch(lambda: self.feed(ev.Tick()))
        self._doubts = 0
        #: When TWS reported that it lost the broker; None while it is connected.
        self._server_lost_s: float | None = None
        self._server_losses = 0

    # --- the run ----------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Runs to the end. Raises ConnectError, RunError or ConfigError, one sentence each."""
        try:
            try:
                self._pauses.begin()
                if await self._join():
                    await self._look_after()
            except Exception as error:  # noqa: BLE001  Whatever the error, orders may be working.
                self._on_trouble(error)
            if self._failure is not None:
                self._give_up(self._failure)
                raise self._failure
            if self.session is not None:
                self.ending = self.heartbeat.last_words()
                level = "info" if self.heartbeat.in_order() else "warning"
                self.event_log.note(level, "stop", f"Stopped. {self.ending}")
        except asyncio.CancelledError:
            self._cut_off()
            raise
        finally:
            self._close()

    async def _join(self) -> bool:
        """Makes the first connection; returns False if the run was stopped before that succeeded."""
        if self._stop is None:
            self._joining = asyncio.get_running_loop().create_task(self._connect_first())
            try:
                await self._joining
            except (asyncio.CancelledError, ArbcoreError):
                if self._stop is None:
                    raise
        if self.link is not None:
            return True
        held = held_words(self.heartbeat.ours())
        kept = "" if held == "nothing" else f" {held} is held as before, and no bot watches it."
        told = "Stopped before there was a connection; this run has sent nothing."
        self.event_log.note("info", "stop", told + kept)
        return False

    async def _look_after(self) -> None:
        """Runs from the first connection to the end of the run."""
        if self.plan.duration_s is not None:
            self.later(self._stop_after(self.plan.duration_s))
        if not self.plan.clocked:
            self.later(self._heartbeat())
        self._sampled_ns = self.clock.now_ns()
        while self._failure is None and not (self.session and self.session.stopped):
            self._woken.clear()
            self._housekeep()
            self.sample()
            with contextlib.suppress(TimeoutError, asyncio.TimeoutError):
                await asyncio.wait_for(self._woken.wait(), HOUSEKEEPING_S)

    def _give_up(self, error: ArbcoreError) -> None:
        """Ends the run after a failure: takes no more decisions, cancels working orders, informs the user."""
        self._cancel_everything()
        held = ""
        if self.session is not None:
            self.ending = self.heartbeat.last_words()
            held = f" {self.ending}"
        text = f"{error} The bot has stopped.{held}"
        error.args = (text,)
        self.event_log.failed(text)

    def _cut_off(self) -> None:
        """Ends the run at once, when it is cancelled before or during the orderly stop."""
        if self.session is not None and not (self._stop and self.session.stopped):
            self._cancel_everything()
            self.ending = self.heartbeat.last_words()
            self.event_log.alarm("cut off", f"Ended at once; what was sent may still fill. {self.ending}")

    def _cancel_everything(self) -> None:
        if self.link is not None:
            with contextlib.suppress(ConnectionError):
                self.link.cancel_everything()

    def stop(self, reason: str) -> None:
        """Ends the run in order: working orders are cancelled, positions stay unless ``flatten``.

        Works at any time; before the first connection the run ends at once. Only the first call counts.
        """
        self.event_log.note("info", "stop", f"Stopping: {reason}.")
        if self._stop is not None:
            return
        self._stop = ev.Stop(reason, self.plan.flatten)
        self.feed(self._stop)
        if self._joining is None or self._joining.cancel():
            return
        self.later(self._lose_patience())
        if self.link is None and self.session is not None and not self.session.stopped:
            waiting = plural(self.session.status()["live_orders"], "order")
            self.event_log.note(
                "warning", "stop",
                f"There is no connection and {waiting} may still fill: connecting to find out, for "
                f"{STOP_PATIENCE_S:.0f} s at the most.",
            )  # fmt: skip

    async def _stop_after(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
        self.stop("the duration is over")

    async def _lose_patience(self) -> None:
        await asyncio.sleep(STOP_PATIENCE_S)
        raise RunError(
            f"The orderly stop did not end within {STOP_PATIENCE_S:.0f} s; orders may still work: look at "
            "the account."
        )

    def later(self, work: Coroutine[object, None, None]) -> None:
        """Runs a coroutine beside the loop; its failure ends the run."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._task_done)

    def _task_done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._on_trouble(error)

    def _on_trouble(self, error: BaseException) -> None:
        """Ends the run with this error at the next turn of its loop."""
        _log.debug("The run ends.", exc_info=error)
        if not isinstance(error, ArbcoreError):
            what = f"{type(error).__name__}: {printable(str(error))}"
            error = RunError(f"Unexpected failure inside arbcore ({what}); run again with --debug.")
        self._failure = self._failure or error
        self._woken.set()

    def _close(self) -> None:
        self._over = True
        self.heartbeat.end(self.ending or "Stopped before there was a connection.")
        self._pauses.end()
        for task in list(self._tasks):
            task.cancel()
        if self._timer is not None:
            self._timer.cancel()
        # The desk need not learn that disconnecting leaves requests without a response.
        link, self.link = self.link, None
        if link is not None:
            link.disconnect()
        if self._recorder is not None:
            self._recorder.close(self.clock.utc_ns())
        if self.store is not None:
            self.event_log.count_skipped()
            try:
                with contextlib.closing(self.store):
                    self.executor.save_rest()
            except RunError as error:
                # If the run has failed already, its first error is the one that is reported.
                if self._failure is None:
                    error.args = (f"{error} {self.ending}".strip(),)
                    raise

    def touch(self, leg: str) -> ev.Quote | None:
        """The last best prices of a leg; None without a connection."""
        return None if self.link is None else self.link.listener.touch(leg)

    # --- connecting: at the start and after every loss ---------------------------------------------------

    async def _connect_first(self) -> None:
        """Makes the first connection; once the plan's ``wait_s`` is over, a failure ends the run."""
        loop = asyncio.get_running_loop()
        end_s = loop.time() + self.plan.wait_s
        pause_s = RECONNECT_FIRST_S
        told = False
        while True:
            error = await self._attempt()
            if error is None:
                return
            left_s = end_s - loop.time()
            if left_s <= 0.0:
                raise error
            if not told:
                told = True
                text = f"{error} Waiting up to {self.plan.wait_s:,.10g} s for it."
                self.event_log.note("warning", "connecting", text)
            await asyncio.sleep(min(pause_s * random.uniform(0.5, 1.0), left_s))
            pause_s = min(2.0 * pause_s, RECONNECT_MAX_S)

    async def _attempt(self) -> ConnectError | None:
        """Connects once; returns the error, or None."""
        try:
            await self._connect()
        except ConnectError as error:
            return error
        return None

    async def _connect(self) -> None:
        """Connects, verifies the account, resolves the contracts, greets the desk, which reconciles."""
        link = IbLink(
            self._library, self.plan.settings, sink=self._hear, on_link=self._on_link, on_lost=self._on_lost,
            on_row=self._rows.take, on_trouble=self._on_trouble,
        )  # fmt: skip
        self._server_lost_s = None
        try:
            accounts = await link.connect()
            if self.plan.clocked:
                link.unthrottled()
            link.choose(account_to_trade(
                accounts, mode=self.plan.mode, live_account=self.plan.settings.live_account,
                chosen=self.plan.settings.account, before=self.account,
            ))  # fmt: skip
            broker_ns = await link.clock_ns(self.plan.settings.connect_timeout_s)
            self.clock.told(broker_ns)
            if self.session is None:
                await self._begin(link.account)
            legs = await link.resolve(
                expires_after_ns=self.clock.utc_ns() + seconds_ns(self.plan.desk.roll_before_s),
                con_id=0 if self.session is None else self.session.held_con_id,
                timeout_s=self.plan.settings.connect_timeout_s,
            )
        except BaseException:
            link.disconnect()
            raise
        self.link = link
        self._lost = False
        self.tally.connections += 1
        self.event_log.note("info", "connected", f"Connected to account {self.account} at {self._address()}.")
        for leg in legs:
            self.feed(leg.told)
        self.feed(ev.Hello(self.account, None if self.plan.clocked else broker_ns))
        if fault := link.zone_fault():
            self.event_log.note("warning", "zone", fault)
        link.subscribe()
        self.doubt_quotes("subscriptions begin")
        if self._server_is_lost:
            self._on_link(min(codes.SERVER_LOST), "at the login TWS was not connected to the broker")
        if self.plan.clocked:
            self._rows.begin()

    def _address(self) -> str:
        return f"{printable(self.plan.settings.host)}:{self.plan.settings.port}"

    async def _begin(self, account: str) -> None:
        """Opens the account's store after the first connection, and starts the desk from its snapshot."""
        self.account = account
        utc_ns = self.clock.utc_ns()
        self.store = await self._open_store(account, utc_ns)
        self.event_log.store = self.store
        snapshot = self.store.snapshot(utc_ns=utc_ns)
        self.event_log.restore(snapshot.trades)
        self.store.remember(facts_of(self.plan, None))
        desk, dividends = self.plan.desk, self.plan.dividends
        terms = CarryTerms(
            desk.r if self.plan.rates is None else self.plan.rates,
            desk.d if dividends is None else dividends, spread=desk.financing_spread_bps * 1e-4,
        )  # fmt: skip
        self.session = self.event_log.session = DeskSession(desk, self.store.store_id, snapshot, terms=terms)
        if self.plan.accept_account:
            self.feed(ev.AcceptAccount())
        if self._stop is not None:
            self.feed(self._stop)

    async def _open_store(self, account: str, utc_ns: int) -> Store:
        """Opens the store; if another program locks it, tries again for a while."""
        loop = asyncio.get_running_loop()
        end_s = loop.time() + LOCKED_MAX_S
        while True:
            try:
                return Store.open(
                    self.plan.settings.store_path, pair=self.plan.pair, account=account,
                    mode=self.plan.mode, utc_ns=utc_ns, claim=self._claim(account),
                )
            except StoreLocked:
                if loop.time() >= end_s:
                    raise
            await asyncio.sleep(LOCKED_PAUSE_S)

    def _claim(self, account: str) -> str:
        """The account in the claim against other bots; empty for an embedded gateway, which has one bot."""
        if self.plan.mode == SIMULATED:
            return ""
        own = account.startswith(SIMULATED_PREFIX)
        # All arbcore gateways have an account of the same name.
        return f"{account}-{self.plan.settings.port}" if own else account

    def greet(self) -> None:
        """Makes the desk request everything again, on the present connection or else on the next one."""
        if self.link is not None:
            self.feed(ev.Hello(self.account))
            # Also if the data was kept (1102), because TWS does not report again that it is live.
            for leg in self.link.legs:
                self.link.resubscribe(leg)
            self.doubt_quotes("subscriptions begin anew")

    def _on_lost(self, reason: str) -> None:
        """Handles the loss of the connection itself."""
        self.link = None
        if self._lost:
            return
        self._lost = True
        self.event_log.note("warning", "link_lost", f"{reason[:1].upper()}{reason[1:]}; connecting again.")
        self.feed(ev.LinkLost(reason))
        self.later(self._reconnect())

    async def _reconnect(self) -> None:
        pause_s = RECONNECT_FIRST_S
        while True:
            # Jitter keeps several bots from reconnecting at once.
            await asyncio.sleep(pause_s * random.uniform(0.5, 1.0))
            pause_s = min(2.0 * pause_s, RECONNECT_MAX_S)
            try:
                await self._connect()
            except (ConfigError, ReadOnlyError):
                raise
            except ArbcoreError as error:
                _log.warning("%s", error)
            else:
                return

    async def _heartbeat(self) -> None:
        """Detects a silent connection, and keeps the desk's clock equal to the broker's."""
        while True:
            await asyncio.sleep(HEARTBEAT_S)
            if self.link is not None:
                await self._ask_time(self.link)

    def _on_link(self, code: int, text: str) -> None:
        """Handles a report that TWS's link to the broker is lost or back, or that this connection closes."""
        if code in codes.SERVER_LOST:
            self.event_log.note("warning", "link_lost", f"TWS lost its connection to the broker ({text}).")
            self._server_lost_s = time.monotonic()
            self._server_losses += 1
            self.feed(ev.LinkLost(text))
            self.later(self._await_server(self._server_losses))
        elif code in codes.SERVER_BACK:
            self._server_back(text)
        else:
            self.drop(text)

    @property
    def _server_is_lost(self) -> bool:
        return self._server_lost_s is not None

    async def _await_server(self, loss: int) -> None:
        """Assumes after a while that TWS is connected again, because it does not always report it."""
        await asyncio.sleep(SERVER_PATIENCE_S)
        if self._server_lost_s is not None and loss == self._server_losses:
            self._server_back(f"no word about it for {SERVER_PATIENCE_S:.0f} s; everything is asked again")

    def _server_back(self, why: str) -> None:
        """Requests everything again, because the broker may be connected again."""
        self._server_lost_s = None
        if self.link is None:
            return
        self.event_log.note("info", "link_back", f"TWS is connected to the broker again ({why}).")
        self.greet()

    def doubt_quotes(self, why: str) -> None:
        """Treats quotes as doubtful until the broker responds to a request that is sent now."""
        if not self.plan.clocked:
            self.feed(self._doubt(why))

    def _doubt(self, why: str) -> ev.QuotesDoubted:
        self._doubts += 1
        if self.link is not None:
            self.later(self._ask_time(self.link, self._doubts))
        return ev.QuotesDoubted(self._doubts, why)

    async def _ask_time(self, link: IbLink, doubt: int = 0) -> None:
        """Requests the broker's time; without a response this connection is closed."""
        try:
            broker_ns = await link.clock_ns(self.plan.desk.query_timeout_s)
        except ConnectError as error:
            if link is self.link:
                self.event_log.alarm("link", str(error))
                self.drop("TWS does not answer")
        else:
            if link is self.link:
                self.feed(ev.BrokerClock(broker_ns, doubt))

    @property
    def stood_still_s(self) -> float:
        """Seconds for which the process was just paused, or 0; always 0 in a replay, which waits."""
        return 0.0 if self.plan.clocked else self._pauses.late_s

    def _after_pause(self, late_s: float) -> ev.QuotesDoubted:
        self._pauses.turned()
        self.event_log.note(
            "warning", "pause",
            f"The process was paused for {late_s:.1f} s; nothing is decided until the broker answers.",
        )  # fmt: skip
        return self._doubt(f"the process was paused for {late_s:.1f} s")

    def drop(self, reason: str) -> None:
        """Closes the connection and connects again."""
        link = self.link
        if link is not None:
            link.disconnect()
            self._on_lost(reason)

    # --- events in, commands out ------------------------------------------------------------------------

    def _hear(self, event: ev.Event) -> None:
        """Handles one event of the broker."""
        kind = type(event)
        lost_s = self._server_lost_s
        if lost_s is not None and kind in SIGNS_OF_LIFE and time.monotonic() - lost_s > SERVER_ECHO_S:
            self._server_back("news arrives again")
        if kind is ev.Quote or kind is ev.Alive:
            self.tally.quotes += 1
            if self.plan.rows:
                # The event at the row's end brings both legs' quotes, at the row's time.
                return
            if not self._recording:
                # Quotes that arrived together form one row: handle all of them before the loop's next turn.
                self._recording = True
                asyncio.get_running_loop().call_soon(self._record)
        elif isinstance(event, ev.Farm):
            self.event_log.farm(event)
        elif isinstance(event, ev.Commission) and self.store is not None:
            self.store.note_commission(event, ts_ns=self.clock.utc_ns())
        self.feed(event)

    def feed(self, *events: ev.Event) -> None:
        """Passes events to the desk and carries out its commands after each, until the run ends."""
        session = self.session
        if session is None or self._over:
            return
        self._queue.extend(events)
        if self._handling:
            return
        self._handling = True
        try:
            while self._queue and self._failure is None:
                if late_s := self.stood_still_s:
                    self._queue.appendleft(self._after_pause(late_s))
                event = self._queue.popleft()
                self.began_ns = time.perf_counter_ns()
                wanted = session.handle(event, now_ns=self.clock.now_ns(), utc_ns=self.clock.utc_ns())
                if wanted:
                    self.executor.carry_out(wanted)
        except Exception as error:  # noqa: BLE001  A library would log it and go on; the run must end.
            self._on_trouble(error)
        finally:
            self._handling = False
        self._rows.answer()
        self._arm(session)
        if session.stopped:
            self._woken.set()

    def _arm(self, session: DeskSession) -> None:
        """Sets the timer for the desk's next deadline."""
        due_ns = session.next_deadline_ns
        if due_ns == self._due_ns:
            return
        self._due_ns = due_ns
        if self._timer is not None:
            self._timer.cancel()
        delay_s = max(0, due_ns - self.clock.now_ns()) / 1e9
        self._timer = asyncio.get_running_loop().call_later(min(delay_s, LONGEST_SLEEP_S), self._tick)

    def _tick(self) -> None:
        self._due_ns = 0
        self.feed(ev.Tick())

    # --- looking after things ---------------------------------------------------------------------------

    def _housekeep(self) -> None:
        self.heartbeat.beat()
        if self._kill_on:
            if self.kill_switch.lifted():
                self._kill_on = False
                self.feed(ev.KillLifted())
        elif (reason := self.kill_switch.reason()) is not None and self.session:
            self._kill_on = self.killed = True
            self.feed(ev.Kill(reason))
        if self.plan.rate is not None and (news := self.plan.rate()) != self._rate_news:
            if news.rate is not None and news.rate != self._rate:
                self._rate = news.rate
                self.feed(ev.Terms(r=news.rate))
                if self.store is not None:
                    self.store.remember(facts_of(self.plan, news.rate))
            self._rate_news = news
            self.event_log.note("warning" if news.failed else "info", "rate", news.text)
        if self.plan.gone is not None and (gone := self.plan.gone()) is not None:
            self._on_trouble(gone)
        if self._recorder is not None:
            try:
                self._recorder.flush()
            except RunError as error:
                # A failure of the recording must not end trading.
                self._recorder = None
                self.event_log.alarm("record", str(error))
        self.executor.flush()

    def sample(self) -> None:
        """Writes a sample once a minute by the market's clock, which in a replay is the row's time."""
        now_ns = self.clock.now_ns()
        if self.link is not None and now_ns - self._sampled_ns >= SAMPLE_NS:
            self._sampled_ns = now_ns
            self.event_log.count_skipped()
            self.event_log.sample((self.link.listener.touch(FUT), self.link.listener.touch(ETF)))

    def _record(self) -> None:
        self._recording = False
        ts_ns = self.clock.utc_ns()
        self.record(ts_ns)
        self.feed(ev.RowSeen(ts_ns))

    def record(self, ts_ns: int) -> None:
        """Writes the present quotes to the recording, if there is one."""
        future = None if self.link is None else self.link.legs.get(FUT)
        if self.link is None or self._recorder is None or future is None or future.told.expiry_ns is None:
            return
        fut, etf = (self.link.listener.touch(leg) for leg in (FUT, ETF))
        self._recorder.note(
            ts_ns, fut=(fut.bid, fut.ask), etf=(etf.bid, etf.ask), expiry_ns=future.told.expiry_ns
        )
