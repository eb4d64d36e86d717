"""What the desk wants, done: intents stored and then sent, questions asked, people told.

A shell's helper. Commands are carried out in their order, and nothing is sent that was not stored before. It
must not know why the desk wants something.
"""

import logging
import time
from collections.abc import Coroutine
from typing import Any, Protocol

from arbcore.broker.chronicle import Chronicle
from arbcore.broker.link import IbLink
from arbcore.broker.plan import Plan, Tally
from arbcore.carry.desk import commands as cmd
from arbcore.carry.desk import events as ev
from arbcore.carry.desk.rows import ES, SPY
from arbcore.config import KillSwitch
from arbcore.errors import RunError
from arbcore.store import Row, Store

_log = logging.getLogger(__name__)

SAVES = (
    cmd.SaveOrder, cmd.SaveExecution, cmd.SaveAdjustment, cmd.SaveTrade, cmd.SaveDay, cmd.SaveFactor,
)  # fmt: skip
#: The desk's answer to an order whose id is not known: there is nothing to cancel.
NOTHING_TO_CANCEL = 10147


class Run(Protocol):
    """What the hands need of the run that they are part of."""

    plan: Plan
    tally: Tally
    chronicle: Chronicle
    kill_switch: KillSwitch
    killed: bool
    link: IbLink | None
    store: Store | None
    began_ns: int

    def feed(self, *events: ev.Event) -> None:
        """Events for the desk."""

    def later(self, work: Coroutine[Any, Any, None]) -> None:
        """Something to be done beside the run."""

    def drop(self, reason: str) -> None:
        """Ends the connection and begins anew."""


class Hands:
    """Those of one run."""

    def __init__(self, run: Run) -> None:
        self._run = run

    def carry_out(self, wanted: list[cmd.Command]) -> None:
        """In order; what must be durable is, before anything behind it is sent."""
        rows: list[Row] = []
        for command in wanted:
            if isinstance(command, SAVES):
                rows.append(command.row)
            elif isinstance(command, cmd.Place):
                self.save([*rows, *command.orders])
                rows = []
                self.send(command)
            else:
                self.do(command)
        if rows:
            self.save(rows)

    def save(self, rows: list[Row]) -> None:
        """Durably, before this returns."""
        if self._run.store is not None:
            self._run.store.save(rows)

    def send(self, command: cmd.Place) -> None:
        """Orders that are stored."""
        run = self._run
        for row in command.orders:
            run.tally.orders += 1
            try:
                if run.link is not None:
                    run.link.place(row)
            except ConnectionError as error:
                # The order may or may not have left; the desk learns of the loss and asks.
                _log.warning("Sending %s failed: %s", row.ref, error)
        run.tally.latency.record(time.perf_counter_ns() - run.began_ns)

    def do(self, command: cmd.Command) -> None:
        """Whatever is neither stored nor an order."""
        run, link = self._run, self._run.link
        if isinstance(command, cmd.Seen):
            if link is not None:
                run.chronicle.saw(command, (link.listener.touch(ES), link.listener.touch(SPY)))
        elif isinstance(command, cmd.State):
            run.chronicle.state(command)
        elif isinstance(command, cmd.Alarm):
            run.chronicle.alarm(command.kind, command.message)
        elif isinstance(command, cmd.Note):
            run.chronicle.note("info", command.kind, command.message)
        elif isinstance(command, cmd.RaiseKillSwitch):
            # That it is on is the desk's own alarm.
            if trouble := run.kill_switch.trip(command.reason):
                run.chronicle.alarm("kill switch", trouble)
            elif not run.killed:
                text = f"{run.kill_switch.path} was written; delete it to trade again."
                run.chronicle.note("warning", "kill switch", text)
        elif isinstance(command, cmd.Reconnect):
            run.drop(command.reason)
        elif link is None:
            # The desk has been or will be told that the link is lost; it asks again when it is back.
            _log.debug("Without a connection: %s", command)
        elif isinstance(command, cmd.Ask):
            run.later(self._ask(link, command))
        elif isinstance(command, cmd.Cancel):
            run.tally.cancels += 1
            if not link.cancel(command.ref, command.perm_id):
                run.feed(ev.OrderError(command.ref, NOTHING_TO_CANCEL, "the order's id is not known"))
        elif isinstance(command, cmd.Resubscribe):
            link.resubscribe(command.leg)
        elif isinstance(command, cmd.AskContract):
            run.later(self._find_contract(link, command))
        else:
            raise RunError(f"The desk wants {type(command).__name__}, which this shell does not know.")

    async def _ask(self, link: IbLink, asked: cmd.Ask) -> None:
        answer = await link.answer(asked, timeout_s=self._run.plan.desk.query_timeout_s)
        if link is self._run.link:
            self._run.feed(answer)

    async def _find_contract(self, link: IbLink, asked: cmd.AskContract) -> None:
        try:
            before = link.legs[ES].told.con_id
            legs = await link.resolve(
                expires_after_ns=asked.expires_after_ns, con_id=asked.con_id,
                timeout_s=self._run.plan.desk.query_timeout_s,
            )  # fmt: skip
        except RunError as error:
            self._run.chronicle.alarm("contract", str(error))
            return
        if link is self._run.link:
            if link.legs[ES].told.con_id != before:
                link.resubscribe(ES)
            self._run.feed(*(leg.told for leg in legs))
