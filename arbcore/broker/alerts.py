"""Alarms and news to people, by HTTP, on threads of their own so that the bot never waits for a receiver.

A shell. Owns the queues and the pace. Addresses often have a token in them, so
no message, log line or error shows one.
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

#: A request that has no answer by then has failed.
DEADLINE_S = 10.0
#: News that wait for one receiver at most; more than that are counted and told with the next one.
WAITING_MAX = 100
#: An alarm that is repeated leaves again after these pauses, the last of them for ever.
REPEAT_PAUSES_S = (60.0, 300.0, 900.0, 3_600.0)
#: News of these kinds wait until what is held is known, and no longer than this: a trade is stored before the
#: broker's account agrees.
WAIT_FOR_HELD = frozenset({START, TRADE})
HELD_PATIENCE_S = 30.0
#: After this long without a repeat an alarm is new again.
FORGET_S = 2 * REPEAT_PAUSES_S[-1]
@dataclass(slots=True)
class _Repeats:
    """How often one alarm came since it was told, and when it may be told again."""

    step: int
    due_s: float
    count: int = 0
    text: str = ""


class Alerts:
    """Tells receivers what happens to a run of a bot.

    Args:
        receivers: Who is told; without any nothing is started.
        mode: The run's kind of account.
        kinds: Which of KINDS are told.
        heartbeat_url: Asked (GET) by ``beat``; empty for none.
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
        #: Kind, text and when it leaves at the latest.
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
        """What is held from now on, by symbol; None where that is not known."""
        self._held = None if held is None else dict(held)

    def alarm(self, name: str, text: str) -> None:
        """Tells an alarm, or counts one that was told a moment ago; never waits, never raises."""
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
        """Tells what waited: alarms that were repeated, and news that waited for what is held.

        To be called now and then, after ``hold``.
        """
        now_s = self._clock_s()
        while self._waiting and (self._held is not None or now_s >= self._waiting[0][2]):
            kind, text, _ = self._waiting.popleft()
            self._put(kind, text)
        for name, known in list(self._repeats.items()):
            if known.count and now_s >= known.due_s:
                self._tell_alarm(name, known, known.text, now_s)

    def news(self, kind: str, text: str) -> None:
        """Tells one thing where its kind is wanted; never waits, never raises.

        Kinds of WAIT_FOR_HELD leave with a later ``tick``, or before the news of the stop.
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
        """Tells the news that still wait for what is held."""
        while self._waiting:
            kind, text, _ = self._waiting.popleft()
            self._put(kind, text)

    def _put(self, kind: str, text: str) -> None:
        """Gives one thing to every receiver's queue, with what is held as of now."""
        told = News(
            kind, printable(text, 8_000), self._mode, printable(self.account), self._machine, self._held,
            time.time_ns(),
        )  # fmt: skip
        for sender in self._senders:
            sender.put(told)

    def beat(self) -> None:
        """One heartbeat."""
        if self._pulse is not None:
            self._pulse.put(None)

    def failures(self) -> list[str]:
        """One sentence for each thing that could not be delivered since this was asked last."""
        found = []
        while self._failures:
            found.append(self._failures.popleft())
        return found

    def close(self, *, patience_s: float = 3.0) -> None:
        """Gives what waits a moment to leave."""
        self._tell_waiting()
        end_s = time.monotonic() + patience_s
        senders = [*self._senders, *([self._pulse] if self._pulse is not None else [])]
        for sender in senders:
            sender.end()
        for sender in senders:
            sender.join(max(0.0, end_s - time.monotonic()))


class _Sender:
    """One address with a thread and a queue of its own; its failures go to a list that others read."""

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
        """Queues one thing; a heartbeat that is still to leave stands for the next one too."""
        with self._changed:
            if self._receiver is None and self._waiting:
                return
            if len(self._waiting) >= WAITING_MAX:
                self._dropped += 1
                return
            self._waiting.append(news)
            self._changed.notify()

    def end(self) -> None:
        """No more comes."""
        with self._changed:
            self._ending = True
            self._changed.notify()

    def join(self, patience_s: float) -> None:
        """Waits until everything has left, but not for longer; what has not is a failure."""
        self._thread.join(patience_s)
        if self._thread.is_alive():
            # The deadline of the request would tell it later than anybody reads.
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
        """Sends one thing; why it failed, or nothing."""
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
        except Exception as error:  # noqa: BLE001  A thread that dies would take every later alarm with it.
            return type(error).__name__
        return "" if answer.ok else f"it answered {answer.status}"
