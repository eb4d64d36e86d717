"""The heartbeat of a run of the carry bot: a row in its store, the account's positions, and messages due.

A helper of the shell. It reads the run and changes nothing that is traded. Other programs read the row
(``arbcore status``), so its times are the machine's, also in a replay.
"""

import json
import os
import time
from collections.abc import Mapping
from typing import Any, Protocol

from arbcore.broker.alerts import Alerts
from arbcore.broker.event_log import EventLog
from arbcore.broker.news import DAILY, START, STOP, held_words
from arbcore.broker.plan import Plan, Tally
from arbcore.broker.run_clock import MachineClock, RowClock
from arbcore.broker.store import Pulse, Store
from arbcore.carry.pairs import ETF, FUT, LEGS
from arbcore.core.civil import NS_PER_S, iso_date, iso_time, utc_to_new_york
from arbcore.core.text import plural
from arbcore.desk import events as ev
from arbcore.desk.desk_session import DeskSession
from arbcore.desk.limits import HALTED, ORDINARY

#: The row is written this often; readers consider a run dead after three missing rows.
ROW_S = 5.0
#: The pause between two requests to the heartbeat address.
BEAT_S = 60.0
#: The New York time of day at which a date's summary is due: the end of the future's trading day.
DAY_ENDS_NS = 17 * 3_600 * NS_PER_S


class PulsedRun(Protocol):
    """The parts of the run that the heartbeat uses."""

    plan: Plan
    tally: Tally
    account: str
    alerts: Alerts
    event_log: EventLog
    clock: MachineClock | RowClock
    session: DeskSession | None
    store: Store | None

    def touch(self, leg: str) -> ev.Quote | None:
        """A leg's last quote."""


class Heartbeat:
    """The heartbeat of one run."""

    def __init__(self, bot: PulsedRun) -> None:
        self._bot = bot
        self._since_ns = time.time_ns()
        self._row_s = self._beat_s = -1e9
        #: State, reasons and positions, as in the last row.
        self._shown: object = None
        self._ready = False
        self._started = False
        self._day: int | None = None

    # --- positions --------------------------------------------------------------------------------------

    def ours(self) -> dict[str, int]:
        """The positions that our executions add up to, by symbol."""
        session = self._bot.session
        held = dict.fromkeys(LEGS, 0) if session is None else session.positions()
        return self._bot.plan.pair.by_symbol(held)

    def account(self) -> dict[str, int] | None:
        """The account's positions by symbol; None while they are not known for certain.

        They equal our executions as long as the broker's responses agree; after a mismatch they are those
        that the broker last reported. They are not known while an order may have filled.
        """
        session = self._bot.session
        if session is None or session.in_doubt:
            return None
        held = session.account_positions() if session.state == HALTED else session.positions()
        return None if held is None else self._bot.plan.pair.by_symbol(held)

    def words(self) -> str:
        """The positions, for the last sentence of a run: with both numbers if broker and bot differ."""
        ours, account = self.ours(), self.account()
        if account is None:
            return f"what the account holds is unknown (our executions come to {held_words(ours)})"
        if account != ours:
            return f"the broker holds {held_words(account)} and our executions come to {held_words(ours)}"
        return f"{held_words(account)} is held"

    def last_words(self) -> str:
        """The last sentence of a run: the positions, and that no bot watches them any more."""
        account, ours = self.account(), self.ours()
        text = self.words()
        text = f"{text[:1].upper()}{text[1:]}"
        waiting = 0 if self._bot.session is None else self._bot.session.status()["live_orders"]
        if waiting:
            orders = plural(waiting, "order")
            return f"{text}, {orders} may still fill, and no bot watches it: check the account."
        if account is None or account != ours:
            return f"{text}; no bot watches it: check the account."
        return f"{text} and no bot watches it." if any(account.values()) else f"{text}."

    def in_order(self) -> bool:
        """Whether the run ended in a state that needs no person's attention."""
        session = self._bot.session
        if session is None:
            return True
        if session.status()["live_orders"]:
            return False
        if session.state == HALTED:
            return set(session.reasons) <= ORDINARY and not any(self.ours().values())
        return True

    # --- the pulse --------------------------------------------------------------------------------------

    def beat(self) -> None:
        """Writes the row and sends messages if due; call it a few times a second."""
        bot, now_s = self._bot, time.monotonic()
        session = bot.session
        if session is None or bot.store is None:
            return
        alerts = bot.alerts
        alerts.account = bot.account
        alerts.hold(self.account())
        alerts.tick()
        for text in alerts.failures():
            bot.event_log.note("warning", "alerts", text)
        if not self._started:
            self._started = True
            alerts.news(START, f"Started in {bot.plan.mode} mode; the store is {bot.store.path}.")
        self._ready = self._ready or session.state != HALTED
        if self._ready and session.state != HALTED and now_s - self._beat_s >= BEAT_S:
            self._beat_s = now_s
            alerts.beat()
        self._daily()
        shown = (session.state, tuple(session.reasons), self.account(), self.ours())
        if now_s - self._row_s >= ROW_S or shown != self._shown:
            self._row_s, self._shown = now_s, shown
            bot.store.note_pulse(self.pulse())

    def end(self, ending: str) -> None:
        """Writes the last row and message; ``ending`` is the run's last sentence."""
        bot = self._bot
        bot.alerts.hold(self.account())
        if bot.session is not None:
            bot.alerts.news(STOP, f"Stopped. {ending}")
        if bot.store is not None:
            bot.store.note_pulse(self.pulse(ending))

    def pulse(self, ending: str = "") -> Pulse:
        """The row with the present values."""
        bot, now_ns = self._bot, time.time_ns()
        session = bot.session
        status: Mapping[str, Any] = {} if session is None else session.status()
        return Pulse(
            pid=os.getpid(),
            since_ts=iso_time(self._since_ns),
            ts=iso_time(now_ns),
            ended_ts=iso_time(now_ns) if ending else None,
            ending=ending,
            in_order=self.in_order(),
            state="" if session is None else session.state,
            reasons=json.dumps([] if session is None else list(session.reasons)),
            waiting=status.get("waiting", ""),
            held=None if (held := self.account()) is None else json.dumps(held),
            executed=json.dumps(self.ours()),
            day_pnl=status.get("day_pnl"),
            quote=json.dumps(self._quote()),
        )

    def _quote(self) -> dict[str, Any] | None:
        """Both legs' quotes with the market's time; None if a side has no price."""
        pair = self._bot.plan.pair
        fut, etf = (self._bot.touch(leg) for leg in (FUT, ETF))
        if fut is None or etf is None or not (fut.bid and fut.ask and etf.bid and etf.ask):
            return None
        return {
            "ts": iso_time(self._bot.clock.utc_ns()), "quotes": self._bot.tally.quotes,
            pair.future: {"bid": fut.bid, "ask": fut.ask}, pair.etf: {"bid": etf.bid, "ask": etf.ask},
        }  # fmt: skip

    # --- the day ----------------------------------------------------------------------------------------

    def _daily(self) -> None:
        """Sends the day's summary once a New York weekday, after the future's trading day."""
        bot = self._bot
        day, since_midnight_ns = utc_to_new_york(bot.clock.utc_ns())
        over = since_midnight_ns >= DAY_ENDS_NS
        if self._day is None:
            # A run that begins in the evening sends no summary of that day.
            self._day = day if over else day - 1
        if not over or day <= self._day or bot.store is None or bot.session is None:
            return
        self._day = day
        # Days since 1970, which began on a Thursday.
        if (day + 3) % 7 >= 5:
            return
        found = bot.store.day_summary(day)
        pnl = bot.session.status()["day_pnl"]
        net = "unknown" if pnl is None else f"{pnl:+,.2f} USD"
        edge = "unknown" if found.largest_edge_bps is None else f"{found.largest_edge_bps:+.2f} bps"
        bot.alerts.news(
            DAILY,
            f"{iso_date(day)}: {found.trades:,} closed, net {net}, {held_words(self.account())} held, "
            f"{bot.tally.quotes:,} quotes seen by this run, largest edge before costs {edge}.",
        )
