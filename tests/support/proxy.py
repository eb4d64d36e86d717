"""A TCP proxy on loopback that injects the faults of ``play.simulated_link`` into a real connection.

It is between the client and an exchange. Every connection has its own random generator, made from the proxy's
seed and the connection's number, so the same bytes have the same faults.
"""

import contextlib
import selectors
import socket
import struct
import threading
import time
from random import Random

from arbcore.play.simulated_link import NEVER_NS, NO_FAULTS, Faults, Pipe

PATIENCE_S = 20.0
SECOND_NS = 1_000_000_000
#: A connection is cut after this many bytes from the exchange (from, to); its hello is shorter.
CUT_BYTES = (500, 1500)


class Side:
    """One direction of a proxied connection."""

    def __init__(self, source: socket.socket, sink: socket.socket, pipe: Pipe, *, whole_lines: bool) -> None:
        self.source = source
        self.sink = sink
        self.pipe = pipe
        self.ended = False
        self.bytes = 0
        self._whole_lines = whole_lines
        self._partial = b""

    def read(self) -> None:
        """Reads the available bytes. Faults of lines need whole lines, so the rest waits for its newline."""
        try:
            data = self.source.recv(65536)
        except ConnectionError:
            data = b""
        self.ended = not data
        self.bytes += len(data)
        data = self._partial + data
        end = data.rfind(b"\n") + 1 if self._whole_lines and not self.ended else len(data)
        self._partial = data[end:]
        self.pipe.send(data[:end], time.monotonic_ns())

    def write_due(self) -> bool:
        """Forwards the bytes that are due; returns False if the other end is closed."""
        try:
            while self.pipe.next_ns <= time.monotonic_ns():
                self.sink.sendall(self.pipe.take()[1])
        except (ConnectionError, TimeoutError):
            return False
        return True

    @property
    def over(self) -> bool:
        return (self.ended or self.pipe.broken) and self.pipe.next_ns == NEVER_NS


class FaultProxy:
    """``with FaultProxy(port, seed=1, faults=Faults(slice=1.0)) as proxy: ... proxy.port``.

    The first ``cut_first`` connections are reset within a line soon after their login, for any ``faults``.
    """

    def __init__(
        self,
        target_port: int,
        *,
        seed: int,
        faults: Faults = NO_FAULTS,
        latency_ns: int = 0,
        jitter_ns: int = 0,
        cut_first: int = 0,
    ) -> None:
        self.connections = 0
        self.cuts = 0
        self._target_port = target_port
        self._seed = seed
        self._faults = faults
        self._delays = {"latency_ns": latency_ns, "jitter_ns": jitter_ns}
        self._cut_first = cut_first
        self._cut_at: dict[int, int] = {}
        self._open: list[tuple[int, Side, Side]] = []
        self._over = False
        self._failure: BaseException | None = None
        self._selector = selectors.DefaultSelector()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._wake, self._waker = socket.socketpair()
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._selector.register(self._wake, selectors.EVENT_READ)
        self._thread = threading.Thread(target=self._run)
        self.port: int = self._listener.getsockname()[1]

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over = True
        self._waker.send(b"x")
        self._thread.join(PATIENCE_S)
        for sock in (self._listener, self._wake, self._waker):
            sock.close()
        assert not self._thread.is_alive()
        if self._failure is not None:
            raise self._failure

    def _run(self) -> None:
        try:
            while not self._over:
                self._turn()
        except BaseException as error:  # noqa: BLE001 -- raised again on the test's thread
            self._failure = error
        finally:
            for number, there, back in self._open:
                self._shut(number, there, back)
            self._selector.close()

    def _turn(self) -> None:
        due_ns = min((side.pipe.next_ns for _, *sides in self._open for side in sides), default=NEVER_NS)
        wait_s = None if due_ns == NEVER_NS else max(0.0, (due_ns - time.monotonic_ns()) / SECOND_NS)
        for key, _ in self._selector.select(wait_s):
            if key.fileobj is self._listener:
                self._accept()
            elif isinstance(key.data, Side):
                key.data.read()
                if key.data.ended:
                    self._selector.unregister(key.data.source)
        for connection in list(self._open):
            self._carry(*connection)

    def _accept(self) -> None:
        client, _ = self._listener.accept()
        target = socket.create_connection(("127.0.0.1", self._target_port), PATIENCE_S)
        for sock in (client, target):
            sock.settimeout(PATIENCE_S)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.connections += 1
        random = Random(f"{self._seed}/{self.connections}")
        pipes = [Pipe(random, faults=self._faults, to_bot=to_bot, **self._delays) for to_bot in (False, True)]
        there = Side(client, target, pipes[0], whole_lines=False)
        back = Side(target, client, pipes[1], whole_lines=True)
        if self.connections <= self._cut_first:
            self._cut_at[self.connections] = random.randrange(*CUT_BYTES)
        self._open.append((self.connections, there, back))
        for side in (there, back):
            self._selector.register(side.source, selectors.EVENT_READ, side)

    def _carry(self, number: int, there: Side, back: Side) -> None:
        # Both sides are written, even if the first one is closed.
        lost = any([not there.write_due(), not back.write_due()])
        cut = back.bytes >= self._cut_at.get(number, 2**62) or there.pipe.broken or back.pipe.broken
        if cut and back.bytes >= self._cut_at.get(number, 2**62):
            with contextlib.suppress(OSError):
                back.sink.sendall(b'{"type":"book","symbol":"GS","bu')
        if lost or there.over or back.over or cut:
            self.cuts += cut
            self._open.remove((number, there, back))
            self._shut(number, there, back)

    def _shut(self, number: int, there: Side, back: Side) -> None:
        for side in (there, back):
            with contextlib.suppress(KeyError, ValueError):
                self._selector.unregister(side.source)
        if number in self._cut_at:
            reset = struct.pack("ii", 1, 0)
            there.source.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, reset)
        for sock in (there.source, back.source):
            sock.close()
