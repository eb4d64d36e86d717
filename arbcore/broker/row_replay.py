"""The rows of a replaying gateway: they set the market's clock and the contract, one row after the other.

A helper of the shell. The desk decides each row once, for the contract that the row quotes, and the next row
comes once all effects of the decision are settled. This module must not know what a decision is.
"""

from collections.abc import Coroutine
from typing import Protocol

from arbcore.broker.ib_link import IbLink
from arbcore.broker.listener import RowEnd
from arbcore.broker.run_clock import MachineClock, RowClock
from arbcore.carry.pairs import ETF, FUT
from arbcore.desk import events as ev
from arbcore.desk.desk_session import DeskSession


class ReplayedRun(Protocol):
    """The parts of the run that the rows use."""

    session: DeskSession | None
    link: IbLink | None
    clock: MachineClock | RowClock

    def feed(self, *events: ev.Event) -> None:
        """Gives the desk these events."""

    def later(self, work: Coroutine[object, None, None]) -> None:
        """Runs a coroutine beside the run's loop."""

    def record(self, ts_ns: int) -> None:
        """Records the present quotes as a row of that time, if the run records."""

    def sample(self) -> None:
        """Stores a sample of the present quotes, if one is due."""

    def stop(self, reason: str) -> None:
        """Ends the run in order."""


class Rows:
    """``decided``: the desk decides once a row; else it decides at quotes, and rows only set the clock."""

    def __init__(self, run: ReplayedRun, *, decided: bool, timeout_s: float) -> None:
        self._run = run
        self._decided = decided
        self._timeout_s = timeout_s
        self._wanted = False
        self._number = 0
        self._open = False
        self._last: RowEnd | None = None

    def begin(self) -> None:
        """Begins on a new connection to a replaying gateway."""
        self._wanted = True
        self.answer()

    def take(self, end: RowEnd) -> None:
        """Takes the end of a row; after orders or a new contract the gateway ends the same row again."""
        run = self._run
        session, link = run.session, run.link
        if session is None or link is None:
            return
        if end.number == 0:
            run.stop("the data has ended")
            return
        fresh = end.number != self._number
        self._number, self._open = end.number, True
        run.clock.told(end.ts_ns)
        if not (fresh and self._decided):
            self.answer()
        elif self._outdated(end, session, link):
            self._open = False
            run.later(self._change_contracts(end, session, link))
        else:
            self._last = end if end.contract_ends else None
            self._decide(end, link)

    def _decide(self, end: RowEnd, link: IbLink) -> None:
        touches = (link.listener.touch(leg) for leg in (FUT, ETF))
        self._run.feed(*touches, ev.RowComplete(end.ts_ns, end.expiry_ns))
        self._run.record(end.ts_ns)
        self._run.sample()

    @staticmethod
    def _outdated(end: RowEnd, session: DeskSession, link: IbLink) -> bool:
        """Whether the row quotes another future than the desk's, or is after the end of the known hours."""
        if not session.held_con_id and link.legs[FUT].told.expiry_ns != end.expiry_ns:
            return True
        hours = [leg.told.liquid_hours for leg in link.legs.values()]
        return any(not spans or spans[-1][1] <= end.ts_ns for spans in hours)

    async def _change_contracts(self, end: RowEnd, session: DeskSession, link: IbLink) -> None:
        """Resolves the contracts at the row's time; after their quotes the gateway ends the row again."""
        held = session.held_con_id
        legs = await link.resolve(
            expires_after_ns=end.ts_ns, con_id=held, expiry_ns=None if held else end.expiry_ns,
            timeout_s=self._timeout_s,
        )  # fmt: skip
        if link is not self._run.link:
            return
        link.resubscribe(FUT)
        self._run.feed(*(leg.told for leg in legs))
        self._number = 0
        link.row_done(end.number)

    def answer(self) -> None:
        """Lets the gateway continue once the desk has finished with its row."""
        session, link = self._run.session, self._run.link
        if session is None or link is None or not (session.settled or (self._open and not self._decided)):
            return
        if self._wanted and session.settled:
            # The first row must wait until the desk has compared its positions with the broker's.
            self._wanted = False
            link.subscribe_clock()
        if not self._open:
            return
        if self._last is not None:
            end, self._last = self._last, None
            self._run.feed(ev.ContractEnds(end.ts_ns))
            return
        self._open = False
        if self._decided:
            self._run.clock.hold()
        link.row_done(self._number)
