"""The broker's pacing rules for history, which the gateway applies to its clients.

At most 60 requests in ten minutes, where one of BID_ASK counts twice; no identical request within 15 seconds;
at most five in two seconds for the same contract and kind. Refused requests do not count.
"""

from collections import deque
from dataclasses import dataclass, field

from arbcore.core.civil import NS_PER_S

WINDOW_NS, WEIGHT_MAX = 600 * NS_PER_S, 60
SAME_NS = 15 * NS_PER_S
BURST_NS, BURST_MAX = 2 * NS_PER_S, 5
VIOLATION = "Historical Market Data Service error message:Historical data request pacing violation"


@dataclass(slots=True)
class HistoryPace:
    """The recent requests: (time, weight, contract and kind, the whole request)."""

    _recent: deque[tuple[int, int, tuple[object, ...], object]] = field(default_factory=deque)

    def admit(self, now_ns: int, *, what: str, subject: tuple[object, ...], whole: object) -> bool:
        """Whether a request may pass; notes one that may."""
        recent = self._recent
        while recent and now_ns - recent[0][0] >= WINDOW_NS:
            recent.popleft()
        weight = 2 if what == "BID_ASK" else 1
        if sum(each[1] for each in recent) + weight > WEIGHT_MAX:
            return False
        if any(each[3] == whole and now_ns - each[0] < SAME_NS for each in recent):
            return False
        burst = sum(each[2] == subject and now_ns - each[0] < BURST_NS for each in recent)
        if burst >= BURST_MAX:
            return False
        recent.append((now_ns, weight, subject, whole))
        return True
