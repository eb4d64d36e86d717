"""Runs of the client's shell on loopback, with an observer that records events."""

from fake_session import FakeSession
from scripted_exchange import BOOK, CLOSE

from arbcore.exchange import ExchangeRun, RunOptions, Target


class Watcher:
    """An observer that records events, and calls functions of the test."""

    def __init__(self, on_refresh=None, on_event=None):
        self.events = []
        self._on_refresh = on_refresh
        self._on_event = on_event

    def event(self, text):
        self.events.append(text)
        if self._on_event is not None:
            self._on_event(text)

    def refresh(self, run, now_ns):
        if self._on_refresh is not None:
            self._on_refresh(run)

    def told(self, part):
        return any(part in text for text in self.events)


def make_run(
    port, session=None, watcher=None, *, kill=lambda: None, journal=None, there=lambda: None, **options
):
    options.setdefault("hello_timeout_s", 10.0)
    return ExchangeRun(
        session or FakeSession(),
        Target("address", "127.0.0.1", port, "TEST"),
        RunOptions(**options),
        observer=watcher or Watcher(),
        kill_reason=kill,
        journal=journal,
        still_there=there,
    )


def one_round(peer):
    peer.login()
    peer.send(BOOK)
    assert peer.line()["type"] == "add"
    peer.send(CLOSE)
