"""Carries out the desk's commands: saves rows, sends orders, asks the broker, writes the event log.

Part of the shell. Commands are carried out in their order, and an order is stored before it is sent. This
module must not know why the desk gave a command.
"""

import asyncio
import logging
import time
from collections.abc import Coroutine
from typing import Protocol

from arbcore.broker.event_log import EventLog
from arbcore.broker.ib_link import IbLink
from arbcore.broker.plan import Plan, Tally
from arbcore.broker.store import Row, Store
from arbcore.broker.store_file import StoreLocked
from arbcore.carry.pairs import ETF, FUT
from arbcore.desk import commands as cmd
from arbcore.desk import events as ev
from arbcore.errors import RunError
from arbcore.system.kill_switch import KillSwitch

_log = logging.getLogger(__name__)

SAVES = (
    cmd.SaveOrder, cmd.SaveExecution, cmd.SaveAdjustment, cmd.SaveTrade, cmd.SaveDay, cmd.SaveCarried,
    cmd.SaveLevel,
)  # fmt: skip
#: The error code that the desk gets if it cancels an order whose id is not known.
NOTHING_TO_CANCEL = 10147


#: The reason that the desk gets while another program locks the store.
LOCKED = "the store is locked by another program, and no order is sent before it is stored"
#: How long saving to a locked store is tried again, and the pause between two tries.
LOCKED_MAX_S, LOCKED_PAUSE_S = 60.0, 0.5


def _locked_too_long(error: StoreLocked) -> str:
    text = str(error).removesuffix(".")
    return f"{text}, for more than {LOCKED_MAX_S:.0f} s; close that program, then start again."


class RunState(Protocol):
    """The parts of the run that the executor uses."""

    plan: Plan
    tally: Tally
    event_log: EventLog
    kill_switch: KillSwitch
    killed: bool
    link: IbLink | None
    store: Store | None
    began_ns: int

    @property
    def stood_still_s(self) -> float:
        """Seconds for which the process was paused just now; 0 if it was not."""

    def feed(self, *events: ev.Event) -> None:
        """Gives the desk these events."""

    def later(self, work: Coroutine[object, None, None]) -> None:
        """Runs a coroutine beside the loop."""

    def doubt_quotes(self, why: str) -> None:
        """Treats quotes as doubtful until the broker responds to a request that is sent now."""

    def drop(self, reason: str) -> None:
        """Closes the connection and connects again."""

    def greet(self) -> None:
        """Makes the desk request everything again, on the present connection."""


class CommandExecutor:
    """Carries out the commands of one run.

    While another program locks the store, nothing can be stored, so no order is sent: the rows wait, the
    desk gets LinkLost, and a coroutine beside the loop tries to save again.
    """

    def __init__(self, run: RunState) -> None:
        self._run = run
        #: Rows that could not be saved yet, in their order.
        self._unsaved: list[Row] = []
        self._retrying = False
        #: When writing telemetry first failed, on the monotonic clock; None while it works.
        self._mute_since_s: float | None = None

    def carry_out(self, wanted: list[cmd.Command]) -> None:
        """Carries out commands in their order; rows are stored before anything after them is sent."""
        rows: list[Row] = []
        for command in wanted:
            if isinstance(command, SAVES):
                rows.append(command.row)
            elif isinstance(command, cmd.SendOrder):
                saved = self.save([*rows, *command.orders])
                rows = []
                if saved:
                    self.send(command)
            else:
                self.do(command)
        if rows:
            self.save(rows)

    def save(self, rows: list[Row]) -> bool:
        """Stores rows durably; returns False if the store is locked and the rows wait."""
        run = self._run
        if run.store is None:
            return True
        self._unsaved += rows
        if self._retrying:
            # An order that the desk created since then is not stored either.
            run.feed(ev.LinkLost(LOCKED))
            return False
        try:
            run.store.save(self._unsaved)
        except StoreLocked:
            self._retrying = True
            run.event_log.alarm("store locked", f"{LOCKED[:1].upper()}{LOCKED[1:]}; trying again.")
            run.feed(ev.LinkLost(LOCKED))
            run.later(self._save_again())
            return False
        run.event_log.saved(self._unsaved)
        self._unsaved.clear()
        return True

    async def _save_again(self) -> None:
        """Tries until the store is free, then makes the desk request everything again."""
        run = self._run
        loop = asyncio.get_running_loop()
        end_s = loop.time() + LOCKED_MAX_S
        while run.store is not None:
            await asyncio.sleep(LOCKED_PAUSE_S)
            try:
                run.store.save(self._unsaved)
            except StoreLocked as error:
                if loop.time() >= end_s:
                    raise RunError(_locked_too_long(error)) from None
                continue
            run.event_log.saved(self._unsaved)
            self._unsaved.clear()
            self._retrying = False
            text = "The store is free again; the bot requests everything from the broker."
            run.event_log.note("info", "store", text)
            # Orders that the desk believes sent were not sent; only the broker's responses settle them.
            run.feed(ev.LinkLost(LOCKED))
            run.greet()
            return

    def flush(self) -> None:
        """Writes the telemetry that is buffered, if the store is free."""
        run, now_s = self._run, time.monotonic()
        if run.store is None or self._retrying:
            return
        try:
            run.store.flush()
        except StoreLocked as error:
            self._mute_since_s = self._mute_since_s or now_s
            if now_s - self._mute_since_s >= LOCKED_MAX_S:
                raise RunError(_locked_too_long(error)) from None
        else:
            self._mute_since_s = None

    def save_rest(self) -> None:
        """Tries once more, at the end of the run, to save the rows that wait."""
        if self._unsaved and self._run.store is not None:
            self._run.store.save(self._unsaved)
            self._unsaved.clear()

    def send(self, command: cmd.SendOrder) -> None:
        """Sends orders that are stored."""
        run = self._run
        if late_s := run.stood_still_s:
            # Their prices are older than the pause of the process or of the disk.
            why = f"the process was paused for {late_s:.1f} s before the order could be sent"
            run.feed(*(ev.NotSent(row.ref, why) for row in command.orders))
            return
        for row in command.orders:
            run.tally.orders += 1
            try:
                if run.link is not None:
                    run.link.place(row)
            except ConnectionError as error:
                # Whether the order was sent is unknown; the desk gets LinkLost and requests open orders.
                _log.warning("Sending %s failed: %s", row.ref, error)
        run.tally.latency.record(time.perf_counter_ns() - run.began_ns)

    def do(self, command: cmd.Command) -> None:
        """Carries out a command that is neither a row nor an order."""
        run, link = self._run, self._run.link
        if isinstance(command, cmd.Seen):
            if link is not None:
                run.event_log.saw(command, (link.listener.touch(FUT), link.listener.touch(ETF)))
        elif isinstance(command, cmd.StateShown):
            run.event_log.state(command)
        elif isinstance(command, cmd.Alarm):
            run.event_log.alarm(command.kind, command.message)
        elif isinstance(command, cmd.Note):
            run.event_log.note("info", command.kind, command.message)
        elif isinstance(command, cmd.RaiseKillSwitch):
            # The desk raises its own alarm that the kill switch is on.
            if trouble := run.kill_switch.trip(command.reason):
                run.event_log.alarm("kill switch", trouble)
            elif not run.killed:
                text = f"{run.kill_switch.path} was written; delete it to trade again."
                run.event_log.note("warning", "kill switch", text)
        elif isinstance(command, cmd.Reconnect):
            run.drop(command.reason)
        elif link is None:
            # The desk gets LinkLost and requests it again after the next connection.
            _log.debug("Without a connection: %s", command)
        elif isinstance(command, cmd.Ask):
            run.later(self._ask(link, command))
        elif isinstance(command, cmd.Cancel):
            run.tally.cancels += 1
            if not link.cancel(command.ref, command.perm_id):
                run.feed(ev.OrderError(command.ref, NOTHING_TO_CANCEL, "the order's id is not known"))
        elif isinstance(command, cmd.Resubscribe):
            link.resubscribe(command.leg)
            run.doubt_quotes("a subscription begins anew")
        elif isinstance(command, cmd.AskContract):
            run.later(self._find_contract(link, command))
        else:
            raise RunError(f"The desk gave the command {type(command).__name__}, which has no handler.")

    async def _ask(self, link: IbLink, asked: cmd.Ask) -> None:
        answer = await link.answer(asked, timeout_s=self._run.plan.desk.query_timeout_s)
        if link is self._run.link:
            self._run.feed(answer)

    async def _find_contract(self, link: IbLink, asked: cmd.AskContract) -> None:
        try:
            before = link.legs[FUT].told.con_id
            legs = await link.resolve(
                expires_after_ns=asked.expires_after_ns, con_id=asked.con_id,
                timeout_s=self._run.plan.desk.query_timeout_s,
            )  # fmt: skip
        except RunError as error:
            self._run.event_log.alarm("contract", str(error))
            return
        if link is self._run.link:
            if link.legs[FUT].told.con_id != before:
                link.resubscribe(FUT)
                self._run.doubt_quotes("a subscription begins anew")
            self._run.feed(*(leg.told for leg in legs))
