"""Alarms and news: posted, never waited for, told when they fail, and never with the address in a line."""

import json
import logging
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from web_servers import dripping, fine, hang_up, serving, silent, status

from arbcore.broker import alerts
from arbcore.broker.alerts import Alerts
from arbcore.broker.news import FORMATS, JSON, KINDS, News, Receiver, body_of, format_of, held_words

HELD = {"ES": -1, "SPY": 502}


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1")


def bodies(server: Any) -> list[Any]:
    return [json.loads(each.partition(b"\r\n\r\n")[2]) for each in server.requests]


def alerting(url: str, *, form: str = JSON, **changes: Any) -> Alerts:
    made = Alerts((Receiver(url, form),), mode="paper", **changes)
    made.account = "DU123"
    return made


def test_an_alarm_has_account_machine_and_what_is_held() -> None:
    with serving(fine) as server:
        sender = alerting(server.url)
        sender.hold(HELD)
        sender.alarm("naked_leg", "ES +1 without SPY.")
        sender.close(patience_s=20.0)
        (found,) = bodies(server)
    assert set(found) == {"schema", "kind", "text", "account", "machine", "held", "ts"}
    assert found["schema"] == "arbcore.alert/1"
    assert (found["kind"], found["account"], found["held"]) == ("alarm", "DU123", HELD)
    assert found["text"] == "naked_leg: ES +1 without SPY."
    assert found["machine"]
    assert found["ts"].endswith("Z")
    assert sender.failures() == []


NEWS = News("alarm", "it is bad", "paper", "DU123", "box", HELD, 1_795_186_800 * 10**9)


@pytest.mark.parametrize("form", FORMATS)
def test_each_format_says_it_all(form: str) -> None:
    body, headers = body_of(NEWS, Receiver("https://example.com/bot?chat_id=-42", form))
    text = body.decode()
    for part in ("it is bad", "DU123", "box"):
        assert part in text
    assert "-1" in text
    assert "502" in text
    if form == "ntfy":
        assert headers["Priority"] == "high"
        assert all(value.isascii() for value in headers.values())
        return
    found = json.loads(body)
    assert headers["Content-Type"] == "application/json"
    names = {
        "slack": {"text"}, "discord": {"content", "allowed_mentions"}, "telegram": {"chat_id", "text"},
        "json": {"schema", "kind", "text", "account", "machine", "held", "ts"},
    }  # fmt: skip
    assert set(found) == names[form]
    if form == "telegram":
        assert found["chat_id"] == "-42"


@pytest.mark.parametrize("form", [each for each in FORMATS if each != JSON])
def test_a_long_text_is_cut_to_what_a_receiver_takes(form: str) -> None:
    news = News("alarm", "x" * 100_000, "paper", "DU1", "box", None, 0)
    body, _ = body_of(news, Receiver("https://example.com/?chat_id=1", form))
    assert len(body) < 4_500


@pytest.mark.parametrize(
    ("held", "words"),
    [(None, "unknown"), ({}, "nothing"), ({"ES": 0, "SPY": 0}, "nothing"), (HELD, "ES -1, SPY +502")],
)
def test_what_is_held_in_words(held: Any, words: str) -> None:
    assert held_words(held) == words


@pytest.mark.parametrize(
    ("url", "form"),
    [("https://hooks.slack.com/services/T/B/x", "slack"), ("https://discord.com/api/webhooks/1/x", "discord"),
     ("https://api.telegram.org/botX/sendMessage?chat_id=1", "telegram"), ("https://ntfy.sh/topic", "ntfy"),
     ("http://127.0.0.1:8080/x", "json")],
)  # fmt: skip
def test_the_host_stands_for_its_format(url: str, form: str) -> None:
    assert format_of(url) == form


@pytest.mark.parametrize("wanted", [frozenset(), frozenset({"alarm"}), frozenset(KINDS)])
def test_only_the_kinds_that_are_wanted_leave(wanted: frozenset[str]) -> None:
    with serving(fine) as server:
        sender = alerting(server.url, kinds=wanted)
        sender.hold({})
        for kind in KINDS:
            sender.news(kind, "x")
            sender.tick()
        sender.close(patience_s=20.0)
        assert [each["kind"] for each in bodies(server)] == [kind for kind in KINDS if kind in wanted]


@pytest.mark.parametrize("kind", ["start", "trade"])
@pytest.mark.parametrize(
    ("then", "held"),
    [("known", HELD), ("never", None), ("stopped", None)],
)
def test_a_start_and_a_trade_wait_until_what_is_held_is_known(kind: str, then: str, held: Any) -> None:
    now_s = [100.0]
    with serving(fine) as server:
        sender = alerting(server.url, kinds=frozenset(KINDS), clock_s=lambda: now_s[0])
        sender.hold({"ES": 0, "SPY": 0})
        sender.news(kind, "Entered pair 1.")
        sender.hold(None)
        sender.tick()
        sender.alarm("link", "It is away.")
        if then == "known":
            sender.hold(HELD)
            sender.tick()
        elif then == "never":
            now_s[0] += alerts.HELD_PATIENCE_S
            sender.tick()
        sender.news("stop", "Stopped.")
        sender.close(patience_s=20.0)
        told = bodies(server)
    assert [each["kind"] for each in told] == ["alarm", kind, "stop"]
    assert told[1]["held"] == held


def test_a_trade_just_before_the_end_is_told() -> None:
    with serving(fine) as server:
        sender = alerting(server.url, kinds=frozenset(KINDS))
        sender.news("trade", "Entered pair 1.")
        sender.close(patience_s=20.0)
        assert [each["kind"] for each in bodies(server)] == ["trade"]


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_held_is_said_once(kind: str) -> None:
    line = News(kind, "Nothing is held.", "paper", "DU1", "box", {"ES": 0}, 0).line()
    assert ("Held: nothing." in line) == (kind not in ("stop", "daily"))


@pytest.mark.parametrize(
    ("answer", "why"),
    [(status(302, "Location: /elsewhere"), "it answered 302"), (status(403), "it answered 403"),
     (status(500), "it answered 500"), (dripping(b"H"), "within 0.2 s"), (silent, "in time|within 0.2 s"),
     (hang_up, "RemoteDisconnected|ConnectionResetError")],
    ids=["redirect", "403", "500", "drip", "silent", "hang up"],
)  # fmt: skip
def test_what_was_not_delivered_is_told_without_the_address(
    answer: Any, why: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(alerts, "DEADLINE_S", 0.2 if "within" in why else 20.0)
    with caplog.at_level(logging.DEBUG), serving(answer) as server:
        sender = alerting(server.url)
        sender.alarm("halted", "x")
        sender.close(patience_s=20.0)
        assert len(server.requests) == 1
    (failure,) = sender.failures()
    assert failure.startswith("A message (alarm) could not be delivered to the receiver: ")
    assert any(part in failure for part in why.split("|"))
    assert "T0KEN" not in failure + caplog.text
    assert sender.failures() == []


def test_a_receiver_that_hangs_costs_nothing_but_its_own_news(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alerts, "DEADLINE_S", 3_600.0)
    with serving(silent) as dead, serving(fine) as live:
        sender = Alerts((Receiver(dead.url, JSON), Receiver(live.url, JSON)), mode="paper")
        for number in range(5):
            sender.alarm(str(number), "x")
        while len(live.requests) < 5:
            time.sleep(0.01)
        sender.close(patience_s=0.1)
        assert not dead.gave_in
        assert sender.failures() == ["5 messages could not be sent to receiver 1 of 2 in time."]


def test_without_an_address_nothing_is_started() -> None:
    before = threading.active_count()
    sender = Alerts(mode="paper")
    sender.alarm("halted", "x")
    sender.beat()
    sender.close()
    assert threading.active_count() == before


class Clock:
    now_s = 1_000.0

    def __call__(self) -> float:
        return self.now_s


def told(run: Callable[[Alerts, Clock], None]) -> list[str]:
    """The texts of the alarms that leave."""
    clock = Clock()
    with serving(fine) as server:
        sender = alerting(server.url, clock_s=clock)
        run(sender, clock)
        sender.close(patience_s=20.0)
        return [each["text"] for each in bodies(server)]


def test_repeats_back_off_and_are_counted() -> None:
    def run(sender: Alerts, clock: Clock) -> None:
        for _ in range(4 * 60 * 6):
            sender.alarm("stale ES", f"at {clock.now_s - 1_000:g} s.")
            sender.tick()
            clock.now_s += 10.0

    texts = told(run)
    times = [float(text.partition("at ")[2].partition(" s.")[0]) for text in texts]
    assert times[:6] == [0.0, 60.0, 360.0, 1_260.0, 4_860.0, 8_460.0]
    assert "repeats since it was last sent" in texts[1]


def test_the_last_of_some_repeats_is_told_though_no_other_comes() -> None:
    def run(sender: Alerts, clock: Clock) -> None:
        sender.alarm("mismatch", "first")
        sender.alarm("other", "its own")
        clock.now_s += 20.0
        sender.alarm("mismatch", "second")
        sender.tick()
        clock.now_s += 40.0
        sender.tick()
        clock.now_s += 4_000.0
        sender.tick()

    repeated = "mismatch: second (1 repeat since it was last sent.)"
    assert told(run) == ["mismatch: first", "other: its own", repeated]


def test_an_alarm_that_was_quiet_for_long_is_new_again() -> None:
    def run(sender: Alerts, clock: Clock) -> None:
        for _ in range(2):
            sender.alarm("link", "x")
            clock.now_s += 61.0
            sender.alarm("link", "x")
            clock.now_s += 20_000.0
        sender.alarm("link", "x")
        clock.now_s += 61.0
        sender.alarm("link", "x")

    assert len(told(run)) == 6


def test_more_than_can_wait_is_counted_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    gate, sent = threading.Event(), []
    monkeypatch.setattr(alerts, "WAITING_MAX", 2)

    def slow(_: str, *, data: bytes, **__: Any) -> Any:
        gate.wait(20.0)
        sent.append(json.loads(data)["text"])
        return _Fine

    class _Fine:
        ok = True

    monkeypatch.setattr(alerts, "request", slow)
    sender = Alerts((Receiver("http://127.0.0.1:9/", JSON),), mode="n")
    for number in range(10):
        sender.alarm(str(number), "x")
    gate.set()
    sender.close(patience_s=20.0)
    assert 2 <= len(sent) <= 3
    assert "earlier messages could not be sent" in "".join(sent)


def test_a_heartbeat_is_a_get_and_its_failure_is_told() -> None:
    with serving(fine) as server:
        sender = Alerts(mode="paper", heartbeat_url=server.url)
        sender.beat()
        sender.close(patience_s=20.0)
        assert [each.split()[0] for each in server.requests] == [b"GET"]
    with serving(status(404)) as server:
        sender = Alerts(mode="paper", heartbeat_url=server.url)
        sender.beat()
        sender.close(patience_s=20.0)
    (failure,) = sender.failures()
    assert failure == "A heartbeat could not be delivered to the heartbeat's receiver: it answered 404."
