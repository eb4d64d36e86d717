"""The rows of a replaying gateway: the market's clock, whose quotes they are, and when the next may come.

A shell's helper. A row is decided on once, on the contract that it quotes, and the next one comes when all
that followed from the decision is done. It must not know what a decision is.
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
    """What the rows need of the run that they are part of."""

    session: DeskSession | None
    link: IbLink | None
    clock: MachineClock | RowClock

    def feed(self, *events: ev.Event) -> None:
        """Events for the desk."""

    def later(self, work: Coroutine[object, None, None]) -> None:
        """Something to be done beside the run."""

    def record(self, ts_ns: int) -> None:
        """The quotes are a whole row of that time, which may be recorded."""

    def sample(self) -> None:
        """The quotes as they are may be written down."""

    def stop(self, reason: str) -> None:
        """The run is to end in order."""


class Rows:
    """``decided``: each row is decided on once; otherwise quotes decide, and rows are only the clock."""

    def __init__(self, run: ReplayedRun, *, decided: bool, timeout_s: float) -> None:
        self._run = run
        self._decided = decided
        self._timeout_s = timeout_s
        self._wanted = False
        self._number = 0
        self._open = False
        self._last: RowEnd | None = None

    def begin(self) -> None:
        """A connection to such a gateway is there."""
        self._wanted = True
        self.answer()

    def take(self, end: RowEnd) -> None:
        """A row is complete; once more, with the same number, after news of its orders or a new contract."""
        run = self._run
        session, link = run.session, run.link
        if session is None or link is None:
            return
        if end.number == 0:
            run.stop("the data is over")
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
        """Whether the row quotes another future than the desk's, or lies beyond the hours that are known."""
        if not session.held_con_id and link.legs[FUT].told.expiry_ns != end.expiry_ns:
            return True
        hours = [leg.told.liquid_hours for leg in link.legs.values()]
        return any(not spans or spans[-1][1] <= end.ts_ns for spans in hours)

    async def _change_contracts(self, end: RowEnd, session: DeskSession, link: IbLink) -> None:
        """The contracts as they are at the row; behind their quotes the gateway ends it once more."""
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
        """Lets the gateway go on once everything about its row was decided."""
        session, link = self._run.session, self._run.link
        if session is None or link is None or not (session.settled or (self._open and not self._decided)):
            return
        if self._wanted and session.settled:
            # The first row is for a desk that has compared its books with the broker's.
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
