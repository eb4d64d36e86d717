"""One client's connection in the gateway: its received bytes, its unsent bytes, its subscriptions.

Owns the bound on unsent bytes, and the ways in which output is held back or cut. It has no sockets: ``take``
returns the bytes to send.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from arbcore.gateway.frames import FrameReader
from arbcore.gateway.market_data import LIVE, Subscription
from arbcore.gateway.versions import NEWEST, for_version

if TYPE_CHECKING:
    from arbcore.gateway.streams import Stream

#: A client that does not read is disconnected when this many bytes wait for it.
WAITING_BYTES_MAX = 8 << 20
#: Broken requests before a connection is closed.
ERRORS_MAX = 100
#: Most requests that a broker takes in a second.
PACE_MAX, PACE_NS = 50, 10**9


@dataclass(slots=True)
class GatewayClient:
    """One connection."""

    conn: int
    reader: FrameReader = field(default_factory=FrameReader)
    version: int = 0
    client_id: int = -1
    ready: bool = False
    errors: int = 0
    data_type: int = LIVE
    subscriptions: dict[int, Subscription] = field(default_factory=dict)
    #: Streams that send after every row, besides quotes, by request id.
    streams: dict[int, Stream] = field(default_factory=dict)
    clock_req_id: int | None = None
    #: The expiry of the rows' contract that was last sent to the client; 0 if none was.
    told_expiry_ns: int = 0
    #: Whether it had a message about its orders, or subscribed to a contract, since the last end of a row.
    has_news: bool = False
    row_done: int = 0
    wants_positions: bool = False
    wants_account: bool = False
    closing: bool = False
    abort: bool = False
    hole_until_ns: int = 0
    slow_bytes: int = 0
    #: Times of its last requests, for pacing.
    recent_ns: deque[int] = field(default_factory=lambda: deque(maxlen=PACE_MAX))
    _out: bytearray = field(default_factory=bytearray)

    def hurries(self, now_ns: int) -> bool:
        """Notes a request; returns whether it exceeds the limit of a second."""
        recent = self.recent_ns
        hurry = len(recent) == PACE_MAX and now_ns - recent[0] < PACE_NS
        recent.append(now_ns)
        return hurry

    def send(self, message: bytes) -> None:
        """Appends a message to the unsent bytes; disconnects a client that does not read."""
        if self.closing:
            return
        self._out += for_version(message, self.version or NEWEST)
        if len(self._out) > WAITING_BYTES_MAX:
            self._out.clear()
            self.close(abort=True)

    def close(self, *, abort: bool = False, cut: int = 0) -> None:
        """Ends the connection after the unsent bytes, without their last ``cut`` bytes."""
        if cut:
            del self._out[-cut:]
        self.closing = True
        self.abort = self.abort or abort

    @property
    def waiting(self) -> int:
        """The number of unsent bytes."""
        return len(self._out)

    def take(self, now_ns: int) -> bytes:
        """Returns the bytes that may be sent now."""
        if now_ns < self.hole_until_ns:
            return b""
        if self.slow_bytes > 0 and self._out:
            self.slow_bytes -= 1
            first = bytes(self._out[:1])
            del self._out[:1]
            return first
        data = bytes(self._out)
        self._out.clear()
        return data
