"""``arbcore quotes fetch``: its pace, its plan, its partial file, and a download from the gateway."""

from itertools import pairwise

import pytest
from ib_libraries import NAMES, Served, load
from tws import START_NS, rows

from arbcore.broker.fetching import FetchSettings, fetch
from arbcore.cli import main
from arbcore.core.civil import NS_PER_S
from arbcore.errors import UsageError
from arbcore.gateway.past import generated_past
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
