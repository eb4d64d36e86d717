"""Sends alarms and other messages by HTTP, on threads of their own: the bot never waits for a receiver.

A shell. Owns the queues and the pauses between repeats. Addresses often have a token in them, so no message,
log line or error shows one.
"""

import platform
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from arbcore.broker.news import ALARM, START, STOP, TRADE, News, Receiver, body_of
from arbcore.core.text import plural, printable
from arbcore.system.web_request import RequestFailed, request

#: Seconds after which a request without a complete response fails.
DEADLINE_S = 10.0
#: Most messages that wait for one receiver; further ones are dropped, and the next message gives their count.
WAITING_MAX = 100
#: Pauses before a repeated alarm is sent again; the last one applies to all later repeats.
REPEAT_PAUSES_S = (60.0, 300.0, 900.0, 3_600.0)
#: Messages of these kinds wait until the account's positions are known, at most HELD_PATIENCE_S: a trade is
#: stored before the broker's positions include it.
WAIT_FOR_HELD = frozenset({START, TRADE})
HELD_PATIENCE_S = 30.0
#: An alarm that does not come for this long counts as new when it comes again.
FORGET_S = 2 * REPEAT_PAUSES_S[-1]
@dataclass(slots=True)
class _Repeats:
    """How often one alarm came since it was last sent, and when it may be sent again."""

    step: int
    due_s: float
    count: int = 0
    text: str = ""


class Alerts:
    """Sends the messages of one run of a bot to its receivers.

    Args:
        receivers: The addresses to send to; may be empty.
        mode: The run's kind of account.
        kinds: Which of KINDS to send.
        heartbeat_url: The address that ``beat`` requests (GET); empty for none.
        clock_s: A monotonic clock.
    """

    def __init__(
        self, receivers: tuple[Receiver, ...] = (), *, mode: str, kinds: frozenset[str] = frozenset({ALARM}),
        heartbeat_url: str = "", clock_s: Callable[[], float] = time.monotonic,
    ) -> None:  # fmt: skip
        self.account = ""
        self._mode = mode
        self._kinds = kinds
        self._machine = platform.node() or "this machine"
        self._clock_s = clock_s
        self._held: Mapping[str, int] | None = None
        self._repeats: dict[str, _Repeats] = {}
        #: Kind, text, and the latest time to send it.
        self._waiting: deque[tuple[str, str, float]] = deque()
        self._failures: deque[str] = deque(maxlen=WAITING_MAX)
        count = len(receivers)
        self._senders = [
            _Sender(f"receiver {number} of {count}" if count > 1 else "the receiver", self._failures,
                    each.url, each)
            for number, each in enumerate(receivers, 1)
        ]  # fmt: skip
        self._pulse = _Sender("the heartbeat's receiver", self._failures, heartbeat_url, None) \
            if heartbeat_url else None  # fmt: skip

    def hold(self, held: Mapping[str, int] | None) -> None:
        """Sets the account's positions by symbol; None while they are not known."""
        self._held = None if held is None else dict(held)

    def alarm(self, name: str, text: str) -> None:
        """Sends an alarm, or counts it if it was sent a moment ago; never waits, never raises."""
        now_s = self._clock_s()
        known = self._repeats.get(name)
        if known is not None and now_s < known.due_s:
            known.count += 1
            known.text = text
            return
        if known is None or now_s >= known.due_s + FORGET_S:
            known = self._repeats[name] = _Repeats(-1, 0.0)
        self._tell_alarm(name, known, text, now_s)

    def _tell_alarm(self, name: str, known: _Repeats, text: str, now_s: float) -> None:
        repeated = f" ({plural(known.count, 'repeat')} since it was last sent.)" if known.count else ""
        known.step = min(known.step + 1, len(REPEAT_PAUSES_S) - 1)
        known.due_s = now_s + REPEAT_PAUSES_S[known.step]
        known.count, known.text = 0, ""
        self.news(ALARM, f"{name}: {text}{repeated}")

    def tick(self) -> None:
        """Sends what is due: repeated alarms, and messages that waited for the account's positions.

        Call it from time to time, after ``hold``.
        """
        now_s = self._clock_s()
        while self._waiting and (self._held is not None or now_s >= self._waiting[0][2]):
            kind, text, _ = self._waiting.popleft()
            self._put(kind, text)
        for name, known in list(self._repeats.items()):
            if known.count and now_s >= known.due_s:
                self._tell_alarm(name, known, known.text, now_s)

    def news(self, kind: str, text: str) -> None:
        """Sends one message if its kind is chosen; never waits, never raises.

        A later ``tick`` sends the kinds of WAIT_FOR_HELD; the message about the stop sends them first.
        """
        if kind not in self._kinds or not self._senders:
            return
        if kind in WAIT_FOR_HELD:
            self._waiting.append((kind, text, self._clock_s() + HELD_PATIENCE_S))
            return
        if kind == STOP:
            self._tell_waiting()
        self._put(kind, text)

    def _tell_waiting(self) -> None:
        """Sends the messages that still wait for the account's positions."""
        while self._waiting:
            kind, text, _ = self._waiting.popleft()
            self._put(kind, text)

    def _put(self, kind: str, text: str) -> None:
        """Puts one message into every receiver's queue, with the present positions."""
        message = News(
            kind, printable(text, 8_000), self._mode, printable(self.account), self._machine, self._held,
            time.time_ns(),
        )  # fmt: skip
        for sender in self._senders:
            sender.put(message)

    def beat(self) -> None:
        """Sends one heartbeat."""
        if self._pulse is not None:
            self._pulse.put(None)

    def failures(self) -> list[str]:
        """One sentence for each message that failed since the last call."""
        found = []
        while self._failures:
            found.append(self._failures.popleft())
        return found

    def close(self, *, patience_s: float = 3.0) -> None:
        """Sends what still waits, for at most ``patience_s``, and ends the threads."""
        self._tell_waiting()
        end_s = time.monotonic() + patience_s
        senders = [*self._senders, *([self._pulse] if self._pulse is not None else [])]
        for sender in senders:
            sender.end()
        for sender in senders:
            sender.join(max(0.0, end_s - time.monotonic()))


class _Sender:
    """One address with its own thread and queue; failures go to the shared ``failures``."""

    def __init__(self, name: str, failures: deque[str], url: str, receiver: Receiver | None) -> None:
        self._name = name
        self._failures = failures
        self._url = url
        self._receiver = receiver
        self._waiting: deque[News | None] = deque()
        self._dropped = 0
        self._ending = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, name=f"alerts: {name}", daemon=True)
        self._thread.start()

    def put(self, news: News | None) -> None:
        """Queues one message; a heartbeat is skipped while one is still waiting."""
        with self._changed:
            if self._receiver is None and self._waiting:
                return
            if len(self._waiting) >= WAITING_MAX:
                self._dropped += 1
                return
            self._waiting.append(news)
            self._changed.notify()

    def end(self) -> None:
        """Ends the thread once its queue is empty."""
        with self._changed:
            self._ending = True
            self._changed.notify()

    def join(self, patience_s: float) -> None:
        """Waits at most ``patience_s`` for the queue; what is still unsent then is a failure."""
        self._thread.join(patience_s)
        if self._thread.is_alive():
            # The request's own deadline would report this only after the program has ended.
            count = len(self._waiting) + 1
            self._failures.append(f"{plural(count, 'message')} could not be sent to {self._name} in time.")

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self._waiting:
                    if self._ending:
                        return
                    self._changed.wait()
                news = self._waiting.popleft()
                dropped, self._dropped = self._dropped, 0
            trouble = self._send(news, dropped)
            if trouble:
                what = "A heartbeat" if news is None else f"A message ({news.kind})"
                self._failures.append(f"{what} could not be delivered to {self._name}: {trouble}.")

    def _send(self, news: News | None, dropped: int) -> str:
        """Sends one message; returns why it failed, or an empty text."""
        try:
            if news is None or self._receiver is None:
                answer = request(self._url, deadline_s=DEADLINE_S)
            else:
                if dropped:
                    lost = f"{news.text} ({plural(dropped, 'earlier message')} could not be sent.)"
                    news = News(news.kind, lost, news.mode, news.account, news.machine, news.held, news.ts_ns)
                body, headers = body_of(news, self._receiver)
                answer = request(self._url, data=body, headers=headers, deadline_s=DEADLINE_S)
        except RequestFailed as error:
            return str(error)
        except Exception as error:  # noqa: BLE001  If the thread died, every later alarm would be lost.
            return type(error).__name__
        return "" if answer.ok else f"it answered {answer.status}"
