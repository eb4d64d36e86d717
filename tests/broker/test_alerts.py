"""Alarms to people by webhook: posted, never waited for, and never with the address in a log."""

import http.server
import json
import logging
import threading
from collections.abc import Iterator

import pytest

from arbcore.broker import alerts
from arbcore.broker.alerts import Alerts


class Hook(http.server.BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        length = int(self.headers["Content-Length"])
        self.server.heard.append(json.loads(self.rfile.read(length)))  # type: ignore[attr-defined]
        self.send_response(self.server.answer)  # type: ignore[attr-defined]
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def hook() -> Iterator[http.server.HTTPServer]:
    server = http.server.HTTPServer(("127.0.0.1", 0), Hook)
    server.heard, server.answer = [], 200  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def address(server: http.server.HTTPServer) -> str:
    return f"http://127.0.0.1:{server.server_port}/T0KEN"


def test_an_alarm_is_posted_with_its_kind(hook: http.server.HTTPServer) -> None:
    sender = Alerts(address(hook), name="arbcore paper")
    sender.post("naked_leg", "ES +1 without SPY.")
    sender.close(patience_s=20.0)
    assert hook.heard == [{"text": "arbcore paper: naked_leg: ES +1 without SPY."}]  # type: ignore[attr-defined]


def test_a_refusal_is_logged_without_the_address(
    hook: http.server.HTTPServer, caplog: pytest.LogCaptureFixture
) -> None:
    hook.answer = 403  # type: ignore[attr-defined]
    sender = Alerts(address(hook), name="arbcore")
    with caplog.at_level(logging.DEBUG):
        sender.post("halted", "x")
        sender.close(patience_s=20.0)
    assert "could not be posted (HTTPError)" in caplog.text
    assert "T0KEN" not in caplog.text


def test_without_an_address_nothing_is_started() -> None:
    sender = Alerts("", name="arbcore")
    sender.post("halted", "x")
    sender.close()
    assert sender._thread is None


def test_more_alarms_than_can_wait_are_counted_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    gate, sent = threading.Event(), []
    monkeypatch.setattr(alerts, "WAITING_MAX", 2)

    def slow(self: Alerts, text: str) -> None:
        gate.wait(20.0)
        sent.append(text)

    monkeypatch.setattr(Alerts, "_send", slow)
    sender = Alerts("http://127.0.0.1:9/", name="n")
    for number in range(10):
        sender.post("k", str(number))
    gate.set()
    while not sender._queue.empty():
        threading.Event().wait(0.001)
    sender.post("k", "last")
    sender.close(patience_s=20.0)
    assert "earlier alarms were dropped" in sent[-1]
    assert 3 <= len(sent) <= 4
