"""When the next request for history may leave, by the broker's rules of pace.

At most 60 requests in ten minutes, of which one of BID_ASK counts twice; at most five in two seconds for the
same contract; the same request not again within 15 seconds. It decides; time comes in as integer nanoseconds.
"""

from collections import deque
from dataclasses import dataclass, field

NS_PER_S = 10**9
WINDOW_NS, WEIGHT_MAX = 600 * NS_PER_S, 60
BID_ASK_WEIGHT = 2
BURST_NS, BURST_MAX = 2 * NS_PER_S, 5
SAME_NS = 15 * NS_PER_S
#: The broker's clock and ours do not tick together.
MARGIN_NS = NS_PER_S // 4
#: What is waited after the broker said that the pace is too high, or that it lost the request.
AFTER_VIOLATION_NS, AFTER_LOSS_NS = 60 * NS_PER_S, 15 * NS_PER_S
PACING, LOST = 162, 366


@dataclass(slots=True)
class FetchPace:
    """What was sent lately, as (time, contract, request).

    Example:
        >>> pace = FetchPace()
        >>> pace.due_ns(0, contract="SPY", request="a")
        0
        >>> pace.sent(0, contract="SPY", request="a")
        >>> pace.due_ns(0, contract="SPY", request="a") // NS_PER_S
        15
    """

    _sent: deque[tuple[int, str, str]] = field(default_factory=deque)
    _blocked_until_ns: int = 0

    def due_ns(self, now_ns: int, *, contract: str, request: str) -> int:
        """The earliest instant at which a BID_ASK request may leave; ``now_ns`` where that is at once."""
        due = max(now_ns, self._blocked_until_ns)
        allowed = WEIGHT_MAX // BID_ASK_WEIGHT
        if len(self._sent) >= allowed:
            due = max(due, self._sent[-allowed][0] + WINDOW_NS + MARGIN_NS)
        same_contract = [at for at, other, _ in self._sent if other == contract]
        if len(same_contract) >= BURST_MAX:
            due = max(due, same_contract[-BURST_MAX] + BURST_NS + MARGIN_NS)
        last = max((at for at, _, other in self._sent if other == request), default=None)
        if last is not None:
            due = max(due, last + SAME_NS)
        return due

    def sent(self, now_ns: int, *, contract: str, request: str) -> None:
        """A request leaves now."""
        self._sent.append((now_ns, contract, request))
        while self._sent and now_ns - self._sent[0][0] > WINDOW_NS + MARGIN_NS:
            self._sent.popleft()

    def refused(self, now_ns: int, code: int) -> None:
        """The broker refused a request for its pace, or lost it: nothing leaves for a while."""
        wait_ns = AFTER_VIOLATION_NS if code == PACING else AFTER_LOSS_NS
        self._blocked_until_ns = max(self._blocked_until_ns, now_ns + wait_ns)
