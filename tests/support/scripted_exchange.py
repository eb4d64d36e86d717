"""An exchange on loopback that follows a test's script, connection by connection."""

import contextlib
import json
import socket
import struct
import threading

PATIENCE_S = 20.0
SYMBOLS = ("BOND", "GS", "MS", "USD", "VALBZ", "VALE", "WFC", "XLF")


def message(**fields):
    return json.dumps(fields, separators=(",", ":")).encode() + b"\n"


def hello(**positions):
    return message(
        type="hello", symbols=[{"symbol": name, "position": positions.get(name, 0)} for name in SYMBOLS]
    )


BOOK = message(type="book", symbol="BOND", buy=[[999, 5]], sell=[[1001, 5]])
CLOSE = message(type="close", symbols=[name for name in SYMBOLS if name != "USD"])


class Peer:
    """The exchange's end of one connection."""

    def __init__(self, sock):
        sock.settimeout(PATIENCE_S)
        self.sock = sock
        self._file = sock.makefile("rb")

    def send(self, *parts):
        self.sock.sendall(b"".join(parts))

    def line(self):
        """Returns the client's next message, None at its end."""
        text = self._file.readline()
        return json.loads(text) if text else None

    def login(self, **positions):
        """Reads the client's hello and responds to it."""
        assert self.line()["type"] == "hello"
        self.send(hello(**positions))

    def until_gone(self):
        """Returns everything else that the client sends until it closes."""
        found = []
        # A client that closes with unread bytes resets the connection, which counts as closed too.
        with contextlib.suppress(ConnectionResetError):
            while (one := self.line()) is not None:
                found.append(one)
        return found

    def reset(self):
        """Resets the connection."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    def close(self):
        self._file.close()
        self.sock.close()


class ScriptedExchange:
    """Runs ``scripts`` one connection after the other on a thread; a failing script fails the test.

    After the last script the port is closed; scripts without a client are left out. ``listen=False`` only
    reserves the port until ``open``.
    """

    def __init__(self, *scripts, listen=True):
        self._scripts = scripts
        self._listener = socket.socket()
        self._listener.bind(("127.0.0.1", 0))
        self._listener.settimeout(PATIENCE_S)
        self.port = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._run)
        self._failure = None
        self.served = 0
        self._opened = False
        self._over = False
        if listen:
            self.open()

    def open(self):
        if not self._opened:
            self._opened = True
            self._listener.listen()
            self._thread.start()

    def _run(self):
        try:
            for script in self._scripts:
                peer = Peer(self._listener.accept()[0])
                if self._over:
                    peer.close()
                    break
                try:
                    script(peer)
                finally:
                    peer.close()
                self.served += 1
        except BaseException as error:  # noqa: BLE001  It is raised again on the test's own thread.
            self._failure = error
        finally:
            self._listener.close()

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        self._over = True
        if self._opened:
            # This connection ends the thread's wait for one more client.
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port)):
                pass
            self._thread.join(PATIENCE_S)
        else:
            self._listener.close()
        if self._failure is not None and kind is None:
            raise self._failure
