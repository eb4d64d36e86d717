"""The FRED fetcher against a server on loopback that answers what a test wants, and a clock held by hand."""

import contextlib
import http.server
import json
import logging
import threading
import urllib.parse
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from arbcore.broker import fred
from arbcore.carry.terms import Quoting
from arbcore.core.civil import NS_PER_DAY, NS_PER_S, iso_date, read_date, read_time
from arbcore.errors import ConfigError, RunError

KEY = "abcdefabcdefabcdefabcdefabcdef12"
NOW_NS = read_time("2026-11-20T15:00Z")


class Server(http.server.ThreadingHTTPServer):
    """Answers every request with ``status`` and ``body``; keeps what was asked."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.status = 200
        self.body = b""
        self.headers: dict[str, str] = {}
        self.asked: list[dict[str, list[str]]] = []
        self.gate = threading.Event()
        self.gate.set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/fred/series/observations"

    def values(self, *observations: tuple[str, str]) -> None:
        rows = [{"date": date, "value": value} for date, value in observations]
        self.status, self.body = 200, json.dumps({"observations": rows}).encode()


class Handler(http.server.BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        query = urllib.parse.urlsplit(self.path).query
        self.server.asked.append(urllib.parse.parse_qs(query))
        self.server.gate.wait(30)
        self.send_response(self.server.status)
        for name, value in self.server.headers.items():
            self.send_header(name, value)
        self.end_headers()
        with contextlib.suppress(OSError):  # whoever asked may have had enough
            self.wfile.write(self.server.body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    running = Server()
    thread = threading.Thread(target=running.serve_forever, args=(0.01,))
    thread.start()
    yield running
    running.gate.set()
    running.shutdown()
    thread.join()
    running.server_close()


class Clock:
    def __init__(self) -> None:
        self.now_ns = NOW_NS

    def __call__(self) -> int:
        return self.now_ns


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def settings(server: Server, tmp_path: Path) -> fred.FredSettings:
    return fred.FredSettings(key=KEY, url=server.url, folder=tmp_path / "cache", timeout_s=20)


@pytest.fixture
def rate(settings: fred.FredSettings, clock: Clock) -> fred.FredRate:
    return fred.FredRate(settings, clock_ns=clock)


def test_it_asks_as_the_interface_wants_and_passes_over_missing_values(
    server: Server, rate: fred.FredRate
) -> None:
    server.values(("2026-11-19", "."), ("2026-11-18", "3.63"), ("2026-11-17", "3.60"))
    assert rate.refresh()
    assert server.asked == [
        {
            "series_id": ["DTB3"],
            "api_key": [KEY],
            "file_type": ["json"],
            "sort_order": ["desc"],
            "limit": ["10"],
        }
    ]
    assert rate.latest is not None
    assert (rate.latest.percent, iso_date(rate.latest.day)) == (3.63, "2026-11-18")
    assert rate.latest.said(NOW_NS) == "DTB3 3.63% of 2026-11-18 (3 days old)"


def test_it_takes_the_last_value_before_a_date(server: Server, settings: fred.FredSettings) -> None:
    """As a row of a backtest takes one dated before its New York date; the server may not know the bound."""
    server.values(("2026-11-19", "3.7"), ("2026-11-18", "3.63"), ("2026-11-17", "."), ("2026-11-16", "3.60"))
    found = fred.fetch(settings, now_ns=NOW_NS, before_day=read_date("2026-11-18"))
    assert (found.percent, iso_date(found.day)) == (3.60, "2026-11-16")
    assert server.asked[0]["observation_end"] == ["2026-11-17"]
    # An hour after midnight UTC it is the evening before in New York.
    server.values(("2026-11-19", "3.7"), ("2026-11-18", "3.63"))
    assert fred.fetch(settings, now_ns=read_time("2026-11-20T01:00Z")).percent == 3.63


def test_it_asks_again_only_after_a_while(server: Server, rate: fred.FredRate, clock: Clock) -> None:
    server.values(("2026-11-18", "3.63"))
    assert rate.refresh()
    assert not rate.refresh()
    clock.now_ns += round(fred.REFRESH_S * NS_PER_S)
    assert rate.refresh()
    assert rate.refresh(force=True)
    assert len(server.asked) == 3


def test_a_restart_knows_the_last_value_without_asking(
    server: Server, rate: fred.FredRate, settings: fred.FredSettings, clock: Clock
) -> None:
    server.values(("2026-11-18", "3.63"))
    rate.refresh()
    clock.now_ns += NS_PER_DAY
    again = fred.FredRate(settings, clock_ns=clock)
    assert again.latest == rate.latest
    assert again.latest is not None
    assert again.latest.age_days(clock.now_ns) == 3.625
    assert again.due_in_s() == 0.0
    assert len(server.asked) == 1


def test_a_failure_keeps_the_last_value_and_backs_off(
    server: Server, rate: fred.FredRate, clock: Clock
) -> None:
    server.values(("2026-11-18", "3.63"))
    rate.refresh()
    known = rate.latest
    server.status = 503
    pauses = []
    for _ in range(12):
        clock.now_ns += round(rate.due_in_s() * NS_PER_S)
        assert not rate.refresh()
        pauses.append(rate.due_in_s())
    assert pauses[:4] == [30.0, 60.0, 120.0, 240.0]
    assert pauses[-1] == fred.REFRESH_S
    assert rate.latest == known
    assert "503" in rate.last_error
    server.status = 200
    assert rate.refresh(force=True)
    assert rate.last_error == ""


def test_a_clock_that_was_set_back_puts_nothing_off_for_ever(
    server: Server, rate: fred.FredRate, clock: Clock
) -> None:
    server.values(("2020-01-02", "1.52"))
    rate.refresh()
    clock.now_ns -= 1_000 * NS_PER_DAY
    assert rate.due_in_s() == fred.REFRESH_S


@pytest.mark.parametrize(
    ("status", "body", "part"),
    [
        (400, b'{"error_message": "api_key KEY is bad"}', "check FRED_API_KEY"),
        (429, b"", "120 requests"),
        (500, b"", "the server failed; try later"),
        (302, b"", "302"),
        (200, b"", "not a list of observations"),
        (200, b"<html>", "not a list of observations"),
        (200, b"[" * 100_000, "not a list of observations"),
        (200, b'{"observations": 5}', "not a list of observations"),
        (200, b'{"observations": [{"date": "2026-11-18"}]}', "not a list of observations"),
        (200, b'{"observations": [{"date": "x", "value": "3"}]}', "not a list of observations"),
        (200, b'{"observations": [{"date": "2026-11-18", "value": 3}]}', "not a list of observations"),
        (200, b'{"observations": []}', "no value among"),
        (200, b'{"observations": [{"date": "2026-11-18", "value": "nan"}]}', "no value among"),
        (200, b'{"observations": [{"date": "2027-11-18", "value": "3"}]}', "no value among"),
        (200, b" " * (fred.ANSWER_BYTES_MAX + 1), "more than"),
    ],
)
def test_any_other_answer_is_one_sentence_without_the_key(
    server: Server, settings: fred.FredSettings, status: int, body: bytes, part: str
) -> None:
    server.status, server.body = status, body.replace(b"KEY", KEY.encode())
    server.headers = {"Location": server.url} if status == 302 else {}
    with pytest.raises(RunError, match=r"\.$") as caught:
        fred.fetch(settings, now_ns=NOW_NS)
    assert part in str(caught.value)
    assert KEY not in str(caught.value)
    assert len(server.asked) == 1  # a redirect is not followed: it could take the key elsewhere


def test_the_key_is_in_no_log_no_file_and_no_repr(
    server: Server, rate: fred.FredRate, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    server.values(("2026-11-18", "3.63"))
    rate.refresh()
    server.status = 403
    rate.refresh(force=True)
    assert "403" in caplog.text
    assert KEY not in caplog.text + repr(rate.settings) + rate.last_error
    for path in tmp_path.rglob("*"):
        assert path.is_dir() or KEY.encode() not in path.read_bytes()


def test_no_server_is_one_sentence(settings: fred.FredSettings, server: Server) -> None:
    server.shutdown()
    server.server_close()
    with pytest.raises(RunError, match=r"cannot be reached for DTB3 \(nothing listens there\)"):
        fred.fetch(settings, now_ns=NOW_NS)


def test_no_key_is_a_setting_that_is_missing(settings: fred.FredSettings) -> None:
    with pytest.raises(ConfigError, match="FRED_API_KEY"):
        fred.fetch(fred.FredSettings(url=settings.url), now_ns=NOW_NS)
    with pytest.raises(ConfigError, match="FRED_SERIES_ID"):
        fred.FredSettings(series="../DTB3")


@pytest.mark.parametrize(
    "content",
    [b"", b"\xff", b"[]", b"{}", b'{"format": "arbcore.broker.fred", "version": 2}',
     b'{"format": "arbcore.broker.fred", "version": 1, "series": "SOFR", "percent": 3, "fetched_ns": 1}',
     b'{"format": "arbcore.broker.fred", "version": 1, "series": "DTB3", "percent": "x", "fetched_ns": 1}'],
)  # fmt: skip
def test_a_cache_file_that_is_none_of_ours_is_ignored_and_said(
    content: bytes, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "fred-DTB3.json").write_bytes(content)
    assert fred.FredRate(fred.FredSettings(folder=tmp_path)).latest is None
    assert "ignored" in caplog.text


def test_a_cache_folder_that_cannot_be_written_loses_nothing_else(
    server: Server, settings: fred.FredSettings, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "cache").write_text("a file, not a folder", encoding="utf-8")
    server.values(("2026-11-18", "3.63"))
    rate = fred.FredRate(settings, clock_ns=Clock())
    assert rate.refresh()
    assert rate.latest is not None
    assert "cannot be saved" in caplog.text


def test_reading_never_waits_for_the_server(server: Server, rate: fred.FredRate) -> None:
    server.values(("2026-11-18", "3.63"))
    server.gate.clear()
    waiting = threading.Thread(target=rate.refresh)
    waiting.start()
    while not server.asked:
        waiting.join(0.001)
    assert rate.latest is None  # the server has the question and says nothing; the answer to us is at once
    server.gate.set()
    waiting.join()
    assert rate.latest is not None


def test_the_thread_refreshes_by_itself_and_ends(server: Server, rate: fred.FredRate) -> None:
    server.values(("2026-11-18", "3.63"))
    rate.start()
    rate.start()
    thread = rate._thread
    assert thread is not None
    while rate.latest is None:
        thread.join(0.001)
    rate.stop()
    thread.join(30)
    assert not thread.is_alive()
    assert len(server.asked) == 1


def test_a_value_becomes_a_rate_by_its_series_convention() -> None:
    assert round(fred.rate_of(fred.Observation("DTB3", 0, 3.63, 0), 0.1), 5) == 0.03697
    overnight = fred.rate_of(fred.Observation("SOFR", 0, 3.65, 0), 0.0)
    assert overnight == pytest.approx(0.0365 * 365 / 360)
    with pytest.raises(ConfigError, match="series GDP is not supported"):
        fred.rate_of(fred.Observation("GDP", 0, 3.0, 0), 0.1)


def test_the_cache_folder_is_the_users(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert fred.cache_folder() == tmp_path / "arbcore"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    assert fred.cache_folder() == tmp_path / ".cache" / "arbcore"


# --- a history, for the rows of a backtest ---------------------------------------------------------------


def test_a_history_is_asked_for_once_from_1990_on(server: Server, settings: fred.FredSettings) -> None:
    server.values(("2026-11-17", "3.60"), ("2026-11-18", "."), ("2026-11-19", "3.63"))
    history = fred.fetch_history(settings)
    assert server.asked == [
        {
            "series_id": ["DTB3"],
            "api_key": [KEY],
            "file_type": ["json"],
            "sort_order": ["asc"],
            "observation_start": ["1990-01-01"],
        }
    ]
    assert [iso_date(day) for day in history.days] == ["2026-11-17", "2026-11-19"]
    assert history.values == pytest.approx((0.036, 0.0363))
    assert (history.name, history.quoting) == ("FRED's DTB3", Quoting.BANK_DISCOUNT)


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ((("2026-11-17", "many"),), "FRED's response for DTB3 is not a list of observations; try later."),
        ((("yesterday", "3.6"),), "FRED's response for DTB3 is not a list of observations; try later."),
        ((("2026-11-17", "9000"),), "FRED's response for DTB3 has a value that is not a rate; try later."),
        (2 * (("2026-11-17", "3"),), "FRED's response for DTB3 has a value that is not a rate; try later."),
        ((), "FRED's response for DTB3 has a value that is not a rate; try later."),
    ],
)
def test_a_history_of_something_else_is_one_sentence(
    values: tuple[tuple[str, str], ...], sentence: str, server: Server, settings: fred.FredSettings
) -> None:
    server.values(*values)
    with pytest.raises(RunError) as caught:
        fred.fetch_history(settings)
    assert str(caught.value) == sentence
    server.status = 400
    with pytest.raises(RunError, match="FRED answered 400 to the request for DTB3; check FRED_API_KEY"):
        fred.fetch_history(settings)


def test_only_series_with_a_value_a_day_have_a_history(settings: fred.FredSettings) -> None:
    with pytest.raises(ConfigError, match="--fred is DGS10; it may be one of DTB3, SOFR, EFFR, DFF"):
        fred.fetch_history(replace(settings, series="DGS10"))
