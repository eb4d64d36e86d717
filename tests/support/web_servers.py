"""HTTP servers that misbehave: they redirect, send byte by byte, send nothing, or close the connection."""

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator

#: How long a slow or silent server runs, which is longer than its clients.
LASTS_S = 60.0


class WebServer:
    """Responds to each connection by ``answer(connection, server)``; ``requests`` has the whole requests.

    ``gave_in`` is true if a server ended before the client that it should have outlasted.
    """

    def __init__(self, answer: Callable[[socket.socket, "WebServer"], None]) -> None:
        self._answer = answer
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        self.requests: list[bytes] = []
        self.over = threading.Event()
        self.gave_in = False
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/T0KEN"

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            thread = threading.Thread(target=self._serve, args=(connection,), daemon=True)
            thread.start()
            self._threads.append(thread)

    def _serve(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            self.requests.append(read_request(connection))
            self._answer(connection, self)

    def close(self) -> None:
        self.over.set()
        # This wakes the accept, which a close alone does not.
        with contextlib.suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        for thread in self._threads:
            thread.join(20.0)


def read_request(connection: socket.socket) -> bytes:
    """Reads head and body of one request."""
    data = b""
    while b"\r\n\r\n" not in data:
        more = connection.recv(65536)
        if not more:
            return data
        data += more
    head, _, body = data.partition(b"\r\n\r\n")
    lengths = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length")]
    length = int(lengths[0].split(b":")[1]) if lengths else 0
    while len(body) < length:
        body += connection.recv(65536)
    return head + b"\r\n\r\n" + body


@contextlib.contextmanager
def serving(answer: Callable[[socket.socket, WebServer], None]) -> Iterator[WebServer]:
    server = WebServer(answer)
    try:
        yield server
    finally:
        server.close()


def fine(connection: socket.socket, _: WebServer) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")


def status(code: int, *headers: str) -> Callable[[socket.socket, WebServer], None]:
    def answer(connection: socket.socket, _: WebServer) -> None:
        lines = [f"HTTP/1.1 {code} X", *headers, "Content-Length: 0", "", ""]
        connection.sendall("\r\n".join(lines).encode())

    return answer


def dripping(*parts: bytes, pause_s: float = 0.02) -> Callable[[socket.socket, WebServer], None]:
    """Sends the first part at once, the others a byte at a time, and then repeats the last byte forever."""

    def answer(connection: socket.socket, server: WebServer) -> None:
        connection.sendall(parts[0])
        text = b"".join(parts[1:]) or b"x"
        end_s = time.monotonic() + LASTS_S
        at = 0
        while not server.over.wait(pause_s):
            if time.monotonic() >= end_s:
                server.gave_in = True
                return
            connection.sendall(text[at : at + 1] or text[-1:])
            at += 1

    return answer


def silent(_: socket.socket, server: WebServer) -> None:
    server.gave_in = not server.over.wait(LASTS_S)


def hang_up(_: socket.socket, __: WebServer) -> None:
    return


def garbage(connection: socket.socket, _: WebServer) -> None:
    connection.sendall(b"SSH-2.0-OpenSSH_9.2\r\n")
