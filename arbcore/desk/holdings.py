"""What the broker says that the account holds of the two legs, beside what our executions come to.

The broker pushes every change of a position, whoever made it. One that our executions do not explain is doubt
at once: no order leaves, since it may close what somebody closed already. Executions and positions are then
asked for; where nothing explains the change in time, it is a mismatch, which halts. Owns the comparison. How
positions are asked for and what halting means is the recovery's and the gate's business.
"""

from collections.abc import Callable, Iterable

from arbcore.carry.pairs import FUT, LEGS
from arbcore.desk.desk_core import DeskCore
from arbcore.desk.desk_settings import SECOND_NS
from arbcore.desk.events import PositionLine

#: The doubt as the gate names it.
IN_DOUBT = "the account's positions are in doubt"
#: Executions often arrive a moment behind the positions that they made.
ASK_AFTER_NS = SECOND_NS // 4
#: A person should read of it within three seconds of the change.
EXPLAIN_WITHIN_NS = 5 * SECOND_NS // 2
NEVER_NS = 2**62


class Holdings:
    """``fut_con_ids()`` are the futures that may be ours; another one is somebody else's position."""

    def __init__(self, core: DeskCore, fut_con_ids: Callable[[], frozenset[int]]) -> None:
        self._core = core
        self._fut_con_ids = fut_con_ids
        #: Quantities by leg and contract; None while they are not known.
        self._told: dict[tuple[str, int], int] | None = None
        self._doubted_ns = NEVER_NS
        self._asked = False

    def forget(self) -> None:
        """The connection that told them is gone."""
        self._told = None
        self._clear()

    def replace(self, lines: Iterable[PositionLine]) -> None:
        """A whole answer: what it does not name is not held."""
        self._told = {(line.leg, line.con_id): line.quantity for line in lines if line.leg in LEGS}
        if self.agree:
            self._clear()

    def change(self, line: PositionLine) -> None:
        """The broker pushes one position; before the first whole answer it is a part that says nothing."""
        if self._told is not None and line.leg in LEGS:
            self._told[line.leg, line.con_id] = line.quantity
            self.compare()

    def compare(self) -> None:
        """Positions or executions changed: doubt begins or ends."""
        if self.agree:
            self._clear()
        elif self._doubted_ns == NEVER_NS:
            self._doubted_ns = self._core.clock.now_ns
            self._core.gate.doubts.add(IN_DOUBT)

    def _clear(self) -> None:
        self._doubted_ns = NEVER_NS
        self._asked = False
        self._core.gate.doubts.discard(IN_DOUBT)

    @property
    def by_leg(self) -> dict[str, int] | None:
        """What the account holds as the broker told it last; None while that is not known."""
        if self._told is None:
            return None
        return {leg: sum(held for (of, _), held in self._told.items() if of == leg) for leg in LEGS}

    @property
    def strange(self) -> bool:
        """Whether the account holds a future that cannot be ours."""
        ours = self._fut_con_ids()
        return any(
            held and leg == FUT and con_id not in ours for (leg, con_id), held in (self._told or {}).items()
        )

    @property
    def agree(self) -> bool:
        """Whether the account holds what our executions come to; so it is said of what is not known."""
        return self.by_leg in (None, self._core.positions) and not self.strange

    @property
    def doubted(self) -> bool:
        """Whether a change waits for its explanation."""
        return self._doubted_ns != NEVER_NS

    @property
    def patient(self) -> bool:
        """Whether a change that is not explained yet still may be."""
        return self.doubted and not self.overdue

    @property
    def overdue(self) -> bool:
        """Whether a change has gone unexplained for too long."""
        return self.doubted and self._core.clock.now_ns >= self._doubted_ns + EXPLAIN_WITHIN_NS

    def should_ask(self) -> bool:
        """True once for every change that is still not explained a moment later."""
        if not self.doubted or self._asked or self._core.clock.now_ns < self._doubted_ns + ASK_AFTER_NS:
            return False
        self._asked = True
        return True

    def deadline_ns(self) -> int:
        """When to look again."""
        if not self.doubted:
            return NEVER_NS
        return self._doubted_ns + (EXPLAIN_WITHIN_NS if self._asked else ASK_AFTER_NS)
