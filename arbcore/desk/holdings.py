"""Compares the account's positions in both legs, as the broker reports them, with our executions.

The broker pushes every change of a position, also one that another program made. If our executions do not
explain a change, the positions are in doubt at once: no order is sent, because it could close what somebody
has closed already. The desk then requests executions and positions. If they do not explain the change in
time, it is a mismatch, and the desk halts. Owns the comparison; ``recovery`` sends the requests, and ``gate``
holds orders back.
"""

from collections.abc import Callable, Iterable

from arbcore.carry.pairs import FUT, LEGS
from arbcore.desk.desk_core import DeskCore
from arbcore.desk.desk_settings import SECOND_NS
from arbcore.desk.events import PositionLine

#: The gate's text for positions in doubt.
IN_DOUBT = "the account's positions are in doubt"
#: Executions often arrive a moment after the positions that they made.
ASK_AFTER_NS = SECOND_NS // 4
#: The alarm should reach a person within three seconds of the change.
EXPLAIN_WITHIN_NS = 5 * SECOND_NS // 2
NEVER_NS = 2**62


class Holdings:
    """``fut_con_ids()`` are the futures that may be ours; a position in any other future is foreign."""

    def __init__(self, core: DeskCore, fut_con_ids: Callable[[], frozenset[int]]) -> None:
        self._core = core
        self._fut_con_ids = fut_con_ids
        #: Quantities by leg and contract; None while they are not known.
        self._reported: dict[tuple[str, int], int] | None = None
        self._doubted_ns = NEVER_NS
        self._asked = False

    def forget(self) -> None:
        """Drops the positions, after the connection that reported them was lost."""
        self._reported = None
        self._clear()

    def replace(self, lines: Iterable[PositionLine]) -> None:
        """Takes a complete response: contracts that are not in it are not held."""
        self._reported = {(line.leg, line.con_id): line.quantity for line in lines if line.leg in LEGS}
        if self.agree:
            self._clear()

    def change(self, line: PositionLine) -> None:
        """Takes one pushed position; ignores it before the first complete response."""
        if self._reported is not None and line.leg in LEGS:
            self._reported[line.leg, line.con_id] = line.quantity
            self.compare()

    def compare(self) -> None:
        """Begins or ends the doubt after positions or executions changed."""
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
        """The account's positions as the broker last reported them; None while they are not known."""
        if self._reported is None:
            return None
        return {leg: sum(held for (of, _), held in self._reported.items() if of == leg) for leg in LEGS}

    @property
    def strange(self) -> bool:
        """Whether the account holds a future that is not the bot's."""
        ours = self._fut_con_ids()
        return any(
            held and leg == FUT and con_id not in ours
            for (leg, con_id), held in (self._reported or {}).items()
        )

    @property
    def agree(self) -> bool:
        """Whether the account's positions equal our executions; also True while they are not known."""
        return self.by_leg in (None, self._core.positions) and not self.strange

    @property
    def doubted(self) -> bool:
        """Whether a change of a position is not explained yet."""
        return self._doubted_ns != NEVER_NS

    @property
    def patient(self) -> bool:
        """Whether a change is not explained yet and its time is not up."""
        return self.doubted and not self.overdue

    @property
    def overdue(self) -> bool:
        """Whether a change has gone unexplained for too long."""
        return self.doubted and self._core.clock.now_ns >= self._doubted_ns + EXPLAIN_WITHIN_NS

    def should_ask(self) -> bool:
        """True once for every change that is not explained after ``ASK_AFTER_NS``."""
        if not self.doubted or self._asked or self._core.clock.now_ns < self._doubted_ns + ASK_AFTER_NS:
            return False
        self._asked = True
        return True

    def deadline_ns(self) -> int:
        """When to check again."""
        if not self.doubted:
            return NEVER_NS
        return self._doubted_ns + (EXPLAIN_WITHIN_NS if self._asked else ASK_AFTER_NS)
