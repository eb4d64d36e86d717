"""When the next request for history may be sent, by the broker's pacing rules.

At most 60 requests in ten minutes, and a BID_ASK request counts twice; at most five in two seconds for the
same contract; the same request not again within 15 seconds. It has no clock: times are integer nanoseconds.
"""

from collections import deque
from dataclasses import dataclass, field

NS_PER_S = 10**9
WINDOW_NS, WEIGHT_MAX = 600 * NS_PER_S, 60
BID_ASK_WEIGHT = 2
BURST_NS, BURST_MAX = 2 * NS_PER_S, 5
SAME_NS = 15 * NS_PER_S
#: A margin, because the broker's clock and ours may differ.
MARGIN_NS = NS_PER_S // 4
#: The wait after the broker reported a pacing violation, or that it lost the request.
AFTER_VIOLATION_NS, AFTER_LOSS_NS = 60 * NS_PER_S, 15 * NS_PER_S
PACING, LOST = 162, 366


@dataclass(slots=True)
class FetchPace:
    """The recent requests, as (time, contract, request).

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
        """The earliest instant at which a BID_ASK request may be sent; ``now_ns`` if it may be sent now."""
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
        """Records that a request was sent."""
        self._sent.append((now_ns, contract, request))
        while self._sent and now_ns - self._sent[0][0] > WINDOW_NS + MARGIN_NS:
            self._sent.popleft()

    def refused(self, now_ns: int, code: int) -> None:
        """Records a pacing violation or a lost request; no request may be sent for a while after it."""
        wait_ns = AFTER_VIOLATION_NS if code == PACING else AFTER_LOSS_NS
        self._blocked_until_ns = max(self._blocked_until_ns, now_ns + wait_ns)
