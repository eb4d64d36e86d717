"""``arbcore quotes fetch``: its pace, its plan, its partial file, and a download from the gateway."""

import os
import signal
import socket
import subprocess
import sys
import time
from itertools import pairwise

import pytest
from ib_libraries import NAMES, Served, load
from tws import START_NS, rows

from arbcore.broker import fetching
from arbcore.broker.fetching import FetchSettings, fetch
from arbcore.carry.pairs import ETF, FUT, PAIRS
from arbcore.cli import main
from arbcore.core.civil import NS_PER_S
from arbcore.errors import ConnectError, RunError, UsageError
from arbcore.gateway import history_answers, history_pace, replies
from arbcore.gateway.frames import frame
from arbcore.gateway.past import generated_past
from arbcore.gateway.quote_source import market_of
from arbcore.quotes import fetch_pacing
from arbcore.quotes.fetch_pacing import FetchPace
from arbcore.quotes.fetch_part import PartFile
from arbcore.quotes.fetch_plan import sessions_before


def test_no_ten_minutes_have_more_than_thirty_requests_and_no_two_seconds_more_than_five():
    pace, now_ns, sent = FetchPace(), 0, []
    for number in range(100):
        due_ns = pace.due_ns(now_ns, contract="SPY", request=str(number))
        now_ns = max(now_ns, due_ns)
        pace.sent(now_ns, contract="SPY", request=str(number))
        sent.append(now_ns)
    assert all(later - first > 600 * NS_PER_S for first, later in zip(sent, sent[30:], strict=False))
    assert all(later - first > 2 * NS_PER_S for first, later in zip(sent, sent[5:], strict=False))
    assert all(first <= later for first, later in pairwise(sent))


def test_the_same_request_waits_fifteen_seconds_and_another_does_not():
    pace = FetchPace()
    pace.sent(0, contract="SPY", request="a")
    assert pace.due_ns(NS_PER_S, contract="SPY", request="a") == 15 * NS_PER_S
    assert pace.due_ns(NS_PER_S, contract="SPY", request="b") == NS_PER_S


@pytest.mark.parametrize("code", [162, 366])
def test_after_a_refusal_nothing_leaves_for_a_while(code):
    pace = FetchPace()
    pace.refused(0, code)
    assert pace.due_ns(0, contract="ESZ26", request="a") >= 15 * NS_PER_S


@pytest.mark.parametrize("days", [0, 261])
def test_days_out_of_range_are_refused(days):
    with pytest.raises(UsageError, match="--days"):
        sessions_before(START_NS, days)


def test_a_torn_line_of_a_partial_file_is_cut_off(tmp_path):
    path = tmp_path / "o.csv.part"
    part = PartFile(path)
    part.begin({"pair": "es-spy"})
    part.add(0, -1, [[1, 2.0]])
    part.close()
    whole = path.read_bytes()
    path.write_bytes(whole + b'{"request":1,"ne')
    again = PartFile(path)
    assert again.done == [(0, -1)]
    assert path.read_bytes() == whole


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["-o", "o.txt"], "ends in none of"), (["-o", "o.csv", "--bar", "2s"], "the sizes are"),
        (["-o", "o.csv", "--end", "soon"], "--end cannot be read"),
        (["-o", "o.csv", "--pair", "es-dax"], "es-dax"), (["-o", "none/o.csv"], "does not exist"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_before_anybody_is_asked(tmp_path, monkeypatch, capsys, words, sentence):
    monkeypatch.chdir(tmp_path)
    assert main(["quotes", "fetch", *words, "--port", "1"]) == 2
    assert sentence in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", NAMES)
def test_a_session_comes_whole_and_goes_on_where_it_stopped(tmp_path, name):
    load(name)
    with Served(rows(), generated_past(1, START_NS)) as served:

        def settings(out):
            return FetchSettings(out=tmp_path / out, days=1, bar="1m", port=served.port, library=name)

        part = PartFile(tmp_path / "o.csv.part")
        end_ns = START_NS - 3_600 * NS_PER_S
        part.begin({"pair": "es-spy", "bar": "1m", "days": 1, "end": end_ns})
        part.close()
        joined = fetch(settings("o.csv"))
    lines = (tmp_path / "o.csv").read_text().splitlines()
    assert lines[0].startswith("ts,es_bid,es_ask,spy_bid,spy_ask")
    assert joined.summary["rows"] == len(lines) - 1 == 390
    assert not (tmp_path / "o.csv.part").exists()
    assert not any("/" in note.split(":")[0] for note in joined.notes)


# --- interrupted ---------------------------------------------------------------------------------------

#: The close of the session before the gateway's start: a Thursday.
END = "2026-11-19T21:00:00Z"


class NoPace:
    """A broker who lets everything pass."""

    def admit(self, *_, **__):
        return True


@pytest.fixture
def unpaced(monkeypatch):
    """Neither side waits for the broker's pace."""
    for name in ("WINDOW_NS", "BURST_NS", "SAME_NS", "MARGIN_NS"):
        monkeypatch.setattr(fetch_pacing, name, 0)

    def served():
        gateway = Served(rows(), generated_past(1, START_NS))
        gateway.gateway.history_pace = NoPace()
        return gateway

    return served


class Interrupted:
    """A person's Ctrl-C at the n-th request; counts the requests."""

    def __init__(self, at=None):
        self.at, self.count, self.part = at, 0, b""

    def __call__(self, text, _done, _total):
        if text.startswith("fetching"):
            self.count += 1
            if self.count == self.at:
                raise KeyboardInterrupt


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("bar", "requests"), [("5s", 14), ("ticks", 48)])
def test_a_download_that_is_interrupted_again_and_again_equals_one_that_is_not(
    tmp_path, unpaced, name, bar, requests
):
    load(name)
    with unpaced() as served:

        def settings(out):
            return FetchSettings(
                out=tmp_path / out, days=1, bar=bar, end=END, port=served.port, library=name
            )

        whole = Interrupted()
        fetch(settings("whole.csv"), hook=whole)
        assert whole.count == requests
        counts = []
        for at in (1, 4, 2, 5):
            stopped = Interrupted(at)
            with pytest.raises(KeyboardInterrupt):
                fetch(settings("stopped.csv"), hook=stopped)
            assert not (tmp_path / "stopped.csv").exists()
            assert len(PartFile(tmp_path / "stopped.csv.part").done) == sum(counts) + at - 1
            counts.append(at - 1)
        rest = Interrupted()
        fetch(settings("stopped.csv"), hook=rest)
    assert rest.count == requests - sum(counts)
    assert (tmp_path / "stopped.csv").read_bytes() == (tmp_path / "whole.csv").read_bytes()
    assert not (tmp_path / "stopped.csv.part").exists()


@pytest.mark.parametrize("name", NAMES)
def test_a_download_killed_anywhere_goes_on_and_equals_one_that_was_not(tmp_path, unpaced, name):
    load(name)
    with unpaced() as served:

        def settings(out):
            return FetchSettings(
                out=tmp_path / out, days=1, bar="30s", end=END, port=served.port, library=name
            )

        with pytest.raises(KeyboardInterrupt):
            fetch(settings("whole.csv"), hook=Interrupted(2))
        written = (tmp_path / "whole.csv.part").read_bytes()
        fetch(settings("whole.csv"))
        lines = written.splitlines(keepends=True)
        assert len(lines) == 3
        ends = [sum(map(len, lines[:count])) for count in range(4)]
        for cut in sorted({*ends, 1, ends[1] - 1, ends[1] + 5, ends[2] - 1, ends[2] + 1, ends[3] - 2}):
            (tmp_path / "killed.csv.part").write_bytes(written[:cut])
            fetch(settings("killed.csv"))
            assert (tmp_path / "killed.csv").read_bytes() == (tmp_path / "whole.csv").read_bytes(), cut


@pytest.mark.parametrize(
    ("name", "number", "code"), [(NAMES[0], signal.SIGINT, 130), (NAMES[1], signal.SIGTERM, 0)]
)
def test_a_stop_keeps_what_was_fetched_and_the_same_command_goes_on(tmp_path, name, number, code):
    load(name)
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    with Served(rows(), generated_past(1, START_NS)) as served:
        words = [
            "quotes", "fetch", "-o", "both.csv", "--bar", "1s", "--days", "1", "--end", END,
        ]  # fmt: skip
        environ = os.environ | {
            "IB_PORT": str(served.port), "ARBCORE_IB_LIBRARY": name, "TMPDIR": str(scratch),
        }  # fmt: skip
        command = [sys.executable, "-m", "arbcore", *words]
        begun = subprocess.Popen(
            command, cwd=tmp_path, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        part = tmp_path / "both.csv.part"
        deadline_s = time.monotonic() + 60
        while not part.exists() or part.read_bytes().count(b'"rows"') < 10:
            assert begun.poll() is None, begun.stderr.read()
            assert time.monotonic() < deadline_s
            time.sleep(0.01)
        begun.send_signal(number)
        out, said = begun.communicate(timeout=30)
        assert (begun.returncode, out) == (code, "")
        assert said.splitlines()[-1] == (
            "arbcore: interrupted; both.csv.part keeps what was fetched, and the same command goes on."
        )
        assert not (tmp_path / "both.csv").exists()
        kept = len(PartFile(part).done)
        assert 10 <= kept < 26
        again = subprocess.run(
            command, cwd=tmp_path, env=environ, capture_output=True, text=True, timeout=60
        )
    assert (again.returncode, again.stdout) == (0, "23,400 rows in both.csv.\n"), again.stderr
    assert "pacing" not in again.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["both.csv", "scratch"]
    assert list(scratch.iterdir()) == []


def test_what_an_earlier_run_sent_counts_for_the_pace(tmp_path):
    part = PartFile(tmp_path / "o.csv.part")
    part.begin({})
    part.sends(5, "SPY", "a")
    part.close()
    assert PartFile(tmp_path / "o.csv.part").sent_before == [(5, "SPY", "a")]


# --- refused ------------------------------------------------------------------------------------------

REFUSALS = [
    (162, "Historical Market Data Service error message:No market data permissions for ISLAND STK", True),
    (354, "Requested market data is not subscribed.", True),
    (10167, "Requested market data is not subscribed. Displaying delayed market data.", True),
    (10187, "Failed to request historical ticks:No market data permissions for ISLAND STK", True),
    (162, "HMDS error message:Trading TWS session is connected from a different IP address", False),
    (321, "Error validating request.-'cd' : cause - Please enter exchange", False),
    (200, "No security definition has been found for the request", False),
]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("leg", [FUT, ETF])
@pytest.mark.parametrize(("code", "text", "rights"), REFUSALS)
def test_a_refusal_is_one_sentence_and_nothing_is_left(
    tmp_path, unpaced, monkeypatch, capsys, name, leg, code, text, rights
):
    load(name)
    sees = history_answers._may_see

    def refuses(gateway, client, req_id, listing, what):
        if listing.leg != leg:
            return sees(gateway, client, req_id, listing, what)
        client.send(replies.error(req_id, 2176, "A note that ends nothing."))
        client.send(replies.error(req_id, code, text))
        return False

    monkeypatch.setattr(history_answers, "_may_see", refuses)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ARBCORE_IB_LIBRARY", name)
    with unpaced() as served:
        words = ["--port", str(served.port), "--days", "1", "--end", END, "--bar", "1m", "--quiet"]
        assert main(["quotes", "fetch", "-o", "o.csv", *words]) == 1
    out, said = capsys.readouterr()
    assert out == ""
    assert said.count("\n") == 1
    assert f" with {code}: " in said
    assert ("SPY" if leg == ETF else "ESZ26") in said
    assert ("Market Data Subscriptions" in said) is rights
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", NAMES)
def test_what_came_before_a_refusal_stays_and_is_named(tmp_path, unpaced, monkeypatch, name):
    load(name)
    seen, sees = [], history_answers._may_see

    def refuses(gateway, client, req_id, listing, what):
        seen.append(listing.leg)
        if len(seen) < 6:
            return sees(gateway, client, req_id, listing, what)
        client.send(replies.error(req_id, 354, "Requested market data is not subscribed."))
        return False

    monkeypatch.setattr(history_answers, "_may_see", refuses)
    with unpaced() as served:
        chosen = FetchSettings(
            out=tmp_path / "o.csv", days=1, bar="5s", end=END, port=served.port, library=name
        )
        with pytest.raises(RunError, match=r"What was fetched stays in .*o\.csv\.part\."):
            fetch(chosen)
    assert len(PartFile(tmp_path / "o.csv.part").done) == 5


@pytest.mark.parametrize("name", NAMES)
def test_the_brokers_pace_violation_is_said_waited_out_and_loses_nothing(tmp_path, monkeypatch, name):
    # We forget the rule of ten minutes; the gateway has it, and answers the 31st request with its 162.
    load(name)
    # Bursts are left out on both sides, for they would take a quarter of a minute.
    for name_of, value in (("WEIGHT_MAX", 10_000), ("AFTER_VIOLATION_NS", NS_PER_S // 10), ("SAME_NS", 0)):
        monkeypatch.setattr(fetch_pacing, name_of, value)
    monkeypatch.setattr(fetch_pacing, "BURST_NS", 0)
    monkeypatch.setattr(history_pace, "BURST_NS", 0)
    with Served(rows(), generated_past(1, START_NS)) as served:
        said, asked = [], Interrupted()

        def hook(text, done, total):
            asked(text, done, total)
            if text.startswith("the broker says"):
                said.append((text, asked.count))
                # Ten minutes pass for the broker.
                served.do(lambda gateway: gateway.history_pace._recent.clear())

        def settings(out):
            return FetchSettings(
                out=tmp_path / out, days=2, bar="1s", end=END, port=served.port, library=name
            )

        fetch(settings("violated.csv"), hook=hook)
        served.do(lambda gateway: setattr(gateway, "history_pace", NoPace()))
        fetch(settings("plain.csv"))
    assert said == [(f"the broker says 162: {history_pace.VIOLATION}; waiting", 31)]
    assert (tmp_path / "violated.csv").read_bytes() == (tmp_path / "plain.csv").read_bytes()


@pytest.mark.parametrize("name", NAMES)
def test_a_client_id_in_use_is_named_at_once(tmp_path, name, monkeypatch):
    load(name)
    monkeypatch.setattr(fetching, "CONNECT_S", 3_600.0)
    with Served(rows()) as served, socket.create_connection(("127.0.0.1", served.port)) as link:
        link.sendall(b"API\0\0\0\0\x09v100..178" + frame(71, 2, 18, ""))
        link.recv(100)
        with pytest.raises(ConnectError, match="client id 18; name a free one with --client-id"):
            fetch(FetchSettings(out=tmp_path / "o.csv", port=served.port, library=name))
    assert not list(tmp_path.iterdir())


# --- where, and what ----------------------------------------------------------------------------------


@pytest.mark.parametrize("where", ["environment", ".env", "flag"])
@pytest.mark.parametrize("name", NAMES)
def test_where_tws_is_comes_from_the_settings_of_the_bot(tmp_path, monkeypatch, capsys, name, where):
    load(name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ARBCORE_IB_LIBRARY", name)
    with Served(rows(), generated_past(1, START_NS)) as served:
        words = []
        if where == ".env":
            (tmp_path / ".env").write_text(f"IB_PORT={served.port}\nENTRY_THRESHOLD_BPS=4\n")
        elif where == "environment":
            (tmp_path / ".env").write_text("IB_PORT=1\n")
            monkeypatch.setenv("IB_PORT", str(served.port))
        else:
            monkeypatch.setenv("IB_PORT", "1")
            monkeypatch.setenv("IB_HOST", "nowhere.invalid")
            words = ["--host", "127.0.0.1", "--port", str(served.port)]
        done = main(["quotes", "fetch", "-o", "o.csv", "--bar", "1m", "--days", "1", "--end", END, *words])
    assert done == 0, capsys.readouterr().err
    assert "390 rows in o.csv." in capsys.readouterr().out


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair.name)
def test_every_pair_is_fetched(tmp_path, unpaced, name, pair):
    load(name)
    past = generated_past(1, START_NS, settings=market_of(pair))
    with Served(rows(), past) as served:
        served.gateway.history_pace = NoPace()
        chosen = FetchSettings(
            out=tmp_path / "o.csv", pair=pair.name, days=1, bar="1m", end=END, port=served.port, library=name
        )
        joined = fetch(chosen)
    header = (tmp_path / "o.csv").read_text().partition("\n")[0]
    wanted = [f"{leg}_{side}" for leg in pair.name.split("-") for side in ("bid", "ask")]
    assert header.split(",")[1:5] == wanted
    assert joined.summary["pair"] == pair.name
    assert joined.summary["rows"] == 390
