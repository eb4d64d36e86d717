"""One direction of a simulated connection: latency, and the faults of a network or a broken peer.

Everything comes from a seeded generator, so a run can be repeated from its seed. It handles bytes and lines
without knowing their meaning.
"""

import re
from collections import deque
from dataclasses import dataclass
from random import Random

MICROSECOND_NS = 1_000
MILLISECOND_NS = 1_000_000
NEVER_NS = 2**63 - 1


@dataclass(frozen=True)
class Faults:
    """Probabilities of faults, each for every chunk sent unless stated otherwise.

    ``garble``, ``duplicate`` and ``lose`` apply to single lines to the bot only: a corrupted order would be
    another order, for which no client can be responsible.
    """

    slice: float = 0.0  # the chunk arrives in pieces, down to single bytes
    stall: float = 0.0  # no bytes arrive for up to stall_ns
    stall_ns: int = 3_000 * MILLISECOND_NS
    cut: float = 0.0  # the connection breaks somewhere inside the chunk
    garble: float = 0.0  # bytes of a line are replaced
    duplicate: float = 0.0  # an ack or out arrives twice
    lose: float = 0.0  # an ack, reject or out never arrives
    noise: float = 0.0  # a line of garbage arrives between two lines
    late: float = 0.0  # an ack arrives after a fill of its order, or even after its out
    stray: float = 0.0  # an out arrives for an order that does not exist
    linger: float = 0.0  # for every lost connection: the exchange learns of it only after linger_ns
    linger_ns: int = 200 * MILLISECOND_NS


NO_FAULTS = Faults()
ORDER_ID = re.compile(rb'"order_id":\d+')

#: The storms that the test suite and ``tools/simulate.py`` send the bot through, by name.
STORMS = {
    "none": NO_FAULTS,
    "slices": Faults(slice=0.5),
    "stalls": Faults(slice=0.05, stall=0.002),
    "cuts": Faults(slice=0.05, cut=0.0005),
    "noise": Faults(noise=0.01, garble=0.002),
    "lossy": Faults(lose=0.02, duplicate=0.02),
    "disorder": Faults(late=0.5, stray=0.02, duplicate=0.1, cut=0.0005, linger=0.5),
    "all": Faults(
        slice=0.1,
        stall=0.0005,
        cut=0.0002,
        noise=0.005,
        lose=0.005,
        duplicate=0.005,
        late=0.1,
        stray=0.005,
        linger=0.2,
    ),
    "hail": Faults(
        slice=0.2,
        stall=0.005,
        cut=0.004,
        noise=0.02,
        garble=0.005,
        lose=0.02,
        duplicate=0.02,
        late=0.2,
        stray=0.01,
        linger=0.5,
    ),
}


class Pipe:
    """Bytes in transit in one direction, in order. ``broken`` is True once a fault has cut the connection."""

    def __init__(
        self, random: Random, *, latency_ns: int, jitter_ns: int, faults: Faults, to_bot: bool
    ) -> None:
        self._random = random
        self._latency_ns = latency_ns
        self._jitter_ns = jitter_ns
        self._faults = faults
        self._to_bot = to_bot
        self._under_way: deque[tuple[int, bytes]] = deque()
        self._last_ns = 0
        self.broken = False
        #: The time at which the next bytes arrive; NEVER_NS if none are in transit.
        self.next_ns = NEVER_NS

    def send(self, data: bytes, now_ns: int) -> None:
        """Sends bytes. After a cut no more bytes arrive."""
        if self.broken or not data:
            return
        faults, random = self._faults, self._random
        if faults is NO_FAULTS:
            self._put(data, now_ns)
            return
        if self._to_bot:
            data = self._spoil(data)
        if random.random() < faults.cut:
            data = data[: random.randrange(len(data) + 1)]
            self.broken = True
        if random.random() < faults.stall:
            self._last_ns = max(self._last_ns, now_ns) + random.randrange(faults.stall_ns)
        if random.random() < faults.slice:
            for piece in self._pieces(data):
                self._put(piece, now_ns)
        else:
            self._put(data, now_ns)

    def take(self) -> tuple[int, bytes]:
        """Returns the arrival time and content of the next bytes."""
        taken = self._under_way.popleft()
        self.next_ns = self._under_way[0][0] if self._under_way else NEVER_NS
        return taken

    def _put(self, data: bytes, now_ns: int) -> None:
        at_ns = now_ns + self._latency_ns + int(self._random.random() * self._jitter_ns)
        if at_ns > self._last_ns:
            self._last_ns = at_ns
        if data:
            if not self._under_way:
                self.next_ns = self._last_ns
            self._under_way.append((self._last_ns, data))

    def _pieces(self, data: bytes) -> list[bytes]:
        if self._random.random() < 0.2:
            return [data[at : at + 1] for at in range(len(data))]
        cuts = sorted(self._random.randrange(len(data) + 1) for _ in range(3))
        return [data[low:high] for low, high in zip([0, *cuts], [*cuts, len(data)], strict=True)]

    def _spoil(self, data: bytes) -> bytes:
        """Applies faults to single lines; the data are whole lines, as the exchange always writes them."""
        faults, random = self._faults, self._random
        if not (
            faults.garble or faults.duplicate or faults.lose or faults.noise or faults.late or faults.stray
        ):
            return data
        lines = []
        for line in self._late(data.splitlines(keepends=True)):
            ends = line.startswith((b'{"type":"ack"', b'{"type":"out"', b'{"type":"reject"'))
            if ends and random.random() < faults.lose:
                continue
            if random.random() < faults.noise:
                lines.append(random.randbytes(random.randrange(200)).replace(b"\n", b"") + b"\n")
            if random.random() < faults.stray:
                lines.append(b'{"type":"out","order_id":%d}\n' % random.randrange(2**31, 2**32))
            lines.append(line)
            if ends and not line.startswith(b'{"type":"reject"') and random.random() < faults.duplicate:
                lines.append(line)
            if (
                not ends
                and b'"fill"' not in line
                and b'"hello"' not in line
                and random.random() < faults.garble
            ):
                spoiled = bytearray(line)
                for _ in range(random.randrange(1, 4)):
                    spoiled[random.randrange(len(spoiled) - 1)] = random.choice(b'{}[]",:x\x00\xff\\')
                lines[-1] = bytes(spoiled)
        return b"".join(lines)

    def _late(self, lines: list[bytes]) -> list[bytes]:
        """Moves some acks one or more places later, after other events of their order."""
        if not self._faults.late:
            return lines
        for at in range(len(lines) - 1):
            ack, then = lines[at], lines[at + 1]
            if not ack.startswith(b'{"type":"ack"') or not then.startswith(
                (b'{"type":"fill"', b'{"type":"out"')
            ):
                continue
            same = ORDER_ID.findall(ack) == ORDER_ID.findall(then)
            if same and self._random.random() < self._faults.late:
                lines[at], lines[at + 1] = then, ack
        return lines
