"""The server of a live page: every path, who may see it, what is refused, and that no run waits for it."""

import contextlib
import http.client
import json
import os
import signal
import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest

from arbcore.errors import RunError
from arbcore.pages.live_serve import serve_view
from arbcore.system import live_server
from arbcore.system.live_feed import EVERY_NS, LiveFeed
from arbcore.system.live_server import Board, allowed_hosts, host_of, is_loopback

PATHS = ("/", "/events", "/metrics", "/health", "/status.json", "/nothing", "/../etc/passwd", "/?x=<script>")
TOKEN = "t0ken&+="
SNAPSHOT = {
    "kind": "serve", "running_s": 1.0, "health": {"ok": True, "reason": ""}, "mode": "empty",
    "regime": "normal", "address": "127.0.0.1:1", "text_address": "", "round": 3, "phase": "open",
    "left_s": None, "books": {}, "recent_trades": [], "trades": 5, "messages_in": 7,
    "teams": [{"team": "<b>A</b>", "this": 1, "total": float("nan"), "rounds": 0, "fills": 0,
               "connections": 1, "state": "playing"}],
}  # fmt: skip


class Served:
    """A feed whose snapshots are published by hand."""

    def __init__(self, token: str = "") -> None:
        self.said: list[str] = []
        self.feed = LiveFeed("arbcore.commands._live", "serve", told=self.said.append)
        self.port = self.feed.start(host="127.0.0.1", port=0, token=token)
        self.now_ns = 0

    def publish(self, **changes: Any) -> None:
        self.now_ns += EVERY_NS
        self.feed.publish(self.now_ns, lambda: {**SNAPSHOT, **changes})

    def ask(
        self, path: str, method: str = "GET", host: str | None = None, **headers: str
    ) -> tuple[int, dict[str, str], str]:
        link = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        with contextlib.closing(link):
            link.putrequest(method, path, skip_host=True)
            if host != "":
                link.putheader("Host", host or f"127.0.0.1:{self.port}")
            for name, value in headers.items():
                link.putheader(name, value)
            link.endheaders()
            answer = link.getresponse()
            kept = {name.lower(): value for name, value in answer.getheaders()}
            stream = kept["content-type"] == "text/event-stream"
            return answer.status, kept, answer.fp.readline().decode() if stream else answer.read().decode()

    def until(self, path: str, text: str) -> str:
        """Asks until the answer has the text: a snapshot is on its way for a moment."""
        end_s = time.monotonic() + 10
        while text not in (found := self.ask(path)[2]):
            assert time.monotonic() < end_s, found
        return found


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    made = Served()
    with contextlib.closing(made.feed):
        made.publish()
        made.until("/status.json", '"round": 3')
        yield made


@pytest.fixture(scope="module")
def guarded() -> Iterator[Served]:
    made = Served(TOKEN)
    with contextlib.closing(made.feed):
        made.publish()
        yield made


def test_every_path_answers(served):
    assert {path: served.ask(path)[0] for path in PATHS} == {
        "/": 200, "/events": 200, "/metrics": 200, "/health": 200, "/status.json": 200, "/nothing": 404,
        "/../etc/passwd": 404, "/?x=<script>": 200,
    }  # fmt: skip


@pytest.mark.parametrize("path", PATHS)
def test_every_answer_is_sealed(served, path):
    _, headers, text = served.ask(path)
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cache-control"] == "no-store"
    assert headers["referrer-policy"] == "no-referrer"
    assert "default-src 'none'" in headers["content-security-policy"]
    assert "unsafe" not in headers["content-security-policy"]
    assert "<script>" not in text.replace("<script>\"use strict", "")
    assert "passwd" not in text


def test_the_head_of_an_answer_has_no_body(served):
    for path in PATHS:
        status, _, text = served.ask(path, "HEAD")
        assert (status, text) == (served.ask(path)[0], "")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "get"])
def test_nothing_can_be_done(served, method):
    status, headers, _ = served.ask("/", method)
    assert (status, headers["allow"]) == (405, "GET, HEAD")


@pytest.mark.parametrize(("host", "status"), [
    ("localhost", 200), ("LOCALHOST:1", 200), ("127.0.0.1:80", 200), ("[::1]:9", 200), ("localhost.:5", 200),
    ("evil.example", 403), ("127.0.0.1.evil.example", 403), ("192.0.2.1", 403), ("localhost:x", 403),
    ("", 403), ("[::1", 403), ("localhost@evil.example", 403),
])  # fmt: skip
def test_another_sites_name_is_refused(served, host, status):
    assert served.ask("/status.json", host=host)[0] == status


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
def test_without_the_token_nothing_is_seen(guarded, path, method):
    assert guarded.ask(path, method)[0] == 401
    assert guarded.ask(path, method, Authorization="Bearer wrong")[0] == 401
    assert guarded.ask(path, method, Authorization=f"Basic {TOKEN}")[0] == 401


def test_with_the_token_all_is_seen(guarded):
    for path in ("/", "/events", "/metrics", "/health", "/status.json"):
        assert guarded.ask(path, Authorization=f"Bearer {TOKEN}")[0] == 200
        assert guarded.ask(f"{path}?token=t0ken%26%2B%3D")[0] == 200
        assert guarded.ask(f"{path}?token=t0ken")[0] == 401
    assert guarded.ask("/", "POST", Authorization=f"Bearer {TOKEN}")[0] == 405


def test_what_others_wrote_is_escaped_and_nan_is_null(served):
    assert "&lt;b&gt;A&lt;/b&gt;" in served.ask("/")[2]
    told = json.loads(served.ask("/status.json")[2])
    assert told["schema"] == "arbcore.live/1"
    assert told["teams"][0]["total"] is None


@pytest.mark.parametrize("text", [
    b"\r\n\r\n", b"nonsense\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"\x00\xff\n\n",
    b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\n\r\n",
    b"GET / HTTP/1.1\r\n" + b"".join(b"X%d: y\r\n" % at for at in range(300)) + b"\r\n",
    b"GET / HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n",
    b"GET //[ HTTP/1.1\r\nHost: localhost\r\n\r\n",
])  # fmt: skip
def test_nonsense_is_refused_and_the_next_one_is_answered(served, text):
    with socket.create_connection(("127.0.0.1", served.port), timeout=10) as link:
        answer = b""
        # It may hang up before it was told everything.
        with contextlib.suppress(OSError):
            link.sendall(text)
            link.shutdown(socket.SHUT_WR)
        with contextlib.suppress(ConnectionResetError):
            while more := link.recv(65_536):
                answer += more
    assert not answer or answer.startswith((b"HTTP/1.1 4", b"HTTP/1.1 5"))
    assert served.ask("/health")[0] == 200


def test_events_bring_what_has_changed(served):
    link = http.client.HTTPConnection("127.0.0.1", served.port, timeout=10)
    with contextlib.closing(link):
        link.request("GET", "/events")
        stream = link.getresponse()

        def news() -> dict[str, Any]:
            while not (line := stream.fp.readline()).startswith(b"data: "):
                assert line
            found: dict[str, Any] = json.loads(line[6:])
            return found

        first = news()
        assert {"headline", "board", "title"} <= first["parts"].keys()
        served.publish(round=4)
        while "headline" not in (later := news())["parts"]:
            pass
        assert "Round 4" in later["parts"]["headline"]
        assert "board" not in later["parts"]
    served.publish()
    served.until("/status.json", '"round": 3')


def test_health_is_the_runs_own(served):
    served.publish(health={"ok": False, "reason": "HALTED: mismatch"})
    served.until("/health", "mismatch")
    status, _, text = served.ask("/health")
    assert (status, json.loads(text)["ok"]) == (503, False)
    served.publish()
    served.until("/health", '"ok": true')


def test_before_a_snapshot_nothing_is_well():
    made = Served()
    with contextlib.closing(made.feed):
        assert made.ask("/health")[0] == 503
        assert made.ask("/metrics")[:1] == (200,)
        assert "Nothing is known yet" in made.ask("/")[2]
        assert json.loads(made.ask("/status.json")[2])["schema"] == "arbcore.live/1"


def test_a_run_that_waits_for_its_first_connection_is_told_as_that(monkeypatch):
    """A bot waits for the gateway for as long as it takes; that is no silence of a run."""
    monkeypatch.setattr(live_server, "SILENT_S", -1.0)
    board = Board(serve_view("1"))
    assert board.health()["reason"].startswith("the run has published nothing yet")
    board.take(json.dumps(SNAPSHOT).encode())
    assert board.health()["reason"].startswith("the run has published nothing for")


def test_a_server_that_stands_still_costs_nothing():
    made = Served()
    process = made.feed._process
    with contextlib.closing(made.feed):
        os.kill(process.pid, signal.SIGSTOP)
        try:
            made_count = 0

            def snapshot() -> dict[str, Any]:
                nonlocal made_count
                made_count += 1
                return {**SNAPSHOT, "address": "x" * 40_000}

            # One that waited for the server would wait for ever.
            for at in range(200):
                made.feed.publish(at * EVERY_NS + 1, snapshot)
            # The pipe takes some; then none is made until it is read again.
            assert 1 <= made_count < 20
        finally:
            os.kill(process.pid, signal.SIGCONT)
        made.now_ns = 10**18
        made.publish(round=9)
        end_s = time.monotonic() + 10
        while '"round": 9' not in made.ask("/status.json")[2]:
            made.publish(round=9)
            assert time.monotonic() < end_s


@pytest.mark.skipif(not hasattr(os, "getpriority"), reason="this system has no nice values")
def test_the_server_is_nicer_than_its_run():
    made = Served()
    with contextlib.closing(made.feed):
        ours = os.getpriority(os.PRIO_PROCESS, 0)
        assert os.getpriority(os.PRIO_PROCESS, made.feed._process.pid) == min(19, ours + 5)


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system has no affinity")
def test_the_server_leaves_the_processor_that_its_run_is_held_to():
    ours = os.sched_getaffinity(0)
    if len(ours) < 2:
        pytest.skip("one processor")
    os.sched_setaffinity(0, {min(ours)})
    try:
        made = Served()
    finally:
        os.sched_setaffinity(0, ours)
    with contextlib.closing(made.feed):
        assert min(ours) not in os.sched_getaffinity(made.feed._process.pid)


@pytest.mark.skipif(not hasattr(os, "sched_setscheduler"), reason="this system has no real-time priorities")
def test_the_server_has_no_part_in_the_priority_of_its_run():
    ours = os.sched_getscheduler(0), os.sched_getparam(0)
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
    except PermissionError:
        pytest.skip("a real-time priority is not allowed")
    try:
        made = Served()
    finally:
        os.sched_setscheduler(0, *ours)
    with contextlib.closing(made.feed):
        assert os.sched_getscheduler(made.feed._process.pid) == os.SCHED_OTHER


def test_a_server_that_is_killed_is_told_once():
    made = Served()
    with contextlib.closing(made.feed):
        made.feed._process.kill()
        made.feed._process.wait()
        for _ in range(5):
            made.publish()
        assert made.said == ["The live page (--listen) has ended; the run goes on without it."]


def test_a_snapshot_that_fails_is_told_once():
    made = Served()
    with contextlib.closing(made.feed):
        for at in range(1, 4):
            made.feed.publish(at * EVERY_NS, lambda: {"x": 1 / 0})
        why = "ZeroDivisionError: division by zero"
        assert made.said == [f"The live page cannot be updated ({why}); the run goes on without it."]


def test_snapshots_are_made_no_more_often_than_they_are_sent():
    made = Served()
    with contextlib.closing(made.feed):
        calls: list[int] = []
        for now_ns in range(EVERY_NS, 2 * EVERY_NS, EVERY_NS // 50):
            made.feed.publish(now_ns, lambda: calls.append(1) or SNAPSHOT)
        assert len(calls) == 1


def test_an_address_that_is_taken_is_said():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        feed = LiveFeed("arbcore.commands._live", "serve", told=print)
        with pytest.raises(RunError, match=f"--listen 127.0.0.1:{port} cannot be listened on"):
            feed.start(host="127.0.0.1", port=port, token="")


def test_names_of_hosts():
    assert all(map(is_loopback, ("localhost", "127.9.9.9", "::1")))
    assert not any(map(is_loopback, ("0.0.0.0", "::", "example.org")))
    assert {"localhost", "127.0.0.1", "[::1]"} <= allowed_hosts("127.0.0.1")
    assert socket.gethostname().lower() in allowed_hosts("0.0.0.0")
    assert socket.gethostname().lower() not in allowed_hosts("127.0.0.1") - {"localhost"}
    told = {"A:1": "a", "[::1]:5": "[::1]", "[::1]": "[::1]", "a:b": "", "[::1": "", "": ""}
    assert {text: host_of(text) for text in told} == told
