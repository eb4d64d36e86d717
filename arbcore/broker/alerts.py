"""Alarms to people: posts to a webhook, on a thread of its own so that the bot never waits for it.

A shell. Owns the queue and the pace. The address often has a token in it, so no message or log line shows it.
"""

import json
import logging
import queue
import threading
import urllib.request

import arbcore

_log = logging.getLogger(__name__)

TIMEOUT_S = 10.0
#: Alarms that wait at most; more than that are counted and said in the next one.
WAITING_MAX = 100


class Alerts:
    """Posts ``{"text": …}`` for each alarm to an http(s) address; without one it does nothing."""

    def __init__(self, webhook: str, *, name: str) -> None:
        self._webhook = webhook
        self._name = name
        self._queue: queue.Queue[str | None] = queue.Queue(WAITING_MAX)
        self._dropped = 0
        self._thread: threading.Thread | None = None
        if self._webhook:
            self._thread = threading.Thread(target=self._run, name="alerts", daemon=True)
            self._thread.start()

    def post(self, kind: str, text: str) -> None:
        """Queues one alarm; never waits, never raises."""
        if self._thread is None:
            return
        try:
            dropped = f" ({self._dropped} earlier alarms were dropped)" if self._dropped else ""
            self._queue.put_nowait(f"{self._name}: {kind}: {text}{dropped}")
            self._dropped = 0
        except queue.Full:
            self._dropped += 1

    def close(self, *, patience_s: float = 2.0) -> None:
        """Gives what is queued a moment to leave."""
        if self._thread is not None:
            try:
                self._queue.put_nowait(None)
            except queue.Full:
                return
            self._thread.join(patience_s)

    def _run(self) -> None:
        while (text := self._queue.get()) is not None:
            self._send(text)

    def _send(self, text: str) -> None:
        request = urllib.request.Request(
            self._webhook,
            data=json.dumps({"text": text}).encode(),
            headers={"Content-Type": "application/json", "User-Agent": f"arbcore/{arbcore.__version__}"},
        )
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:
                answer.read(1 << 16)
        except Exception as error:  # noqa: BLE001  Whatever the network does; its text could quote the address.
            _log.warning("An alarm could not be posted (%s).", type(error).__name__)
