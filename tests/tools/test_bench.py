"""That the benchmark runs, and refuses where engines disagree. Nothing here depends on speed."""

import json
import shutil

import pytest
from reference.session import Session

from tools.bench import area_desk, peers, stream
from tools.bench.__main__ import main
from tools.bench.area_session import SETTINGS, same
from tools.bench.harness import FLOOR, OURS, Disagreement, Options, Ratio, Row, Table, measure, render
from tools.bench.sweep_engines import same_pairs

pytestmark = pytest.mark.slow


def test_engines_take_turns_and_the_first_round_is_not_kept() -> None:
    calls: list[str] = []
    rows = [Row("a", OURS), Row("b", FLOOR)]
    engines = {name: lambda name=name: calls.append(name) or 1.0 for name in "ab"}
    measure(rows, engines, Options(repetitions=3))
    assert sorted(calls) == ["a"] * 4 + ["b"] * 4
    assert [len(row.samples) for row in rows] == [3, 3]


def test_a_ratio_is_taken_within_each_repetition() -> None:
    ratio = Ratio("x", Row("a", OURS, [10.0, 30.0]), Row("b", FLOOR, [5.0, 10.0]), at_least=2.4)
    assert ratio.samples() == [2.0, 3.0]
    assert ratio.met() is True


def test_a_peer_that_is_not_there_is_named() -> None:
    missing = Row("peer", "peer", missing="peer is not installed")
    ratio = Ratio("ours against peer", Row("a", OURS, [1.0]), missing, at_least=2)
    text = render(Table("area", "title", "ns", [Row("a", OURS, [1.0]), missing], [ratio]))
    assert "peer is not installed" in text
    assert "not measured (goal: at least 2)" in text


def test_spelling_does_not_matter_but_an_order_does() -> None:
    same("peer", ['{"order_id": 1}\n'], [b'{"order_id":1}\n'])
    with pytest.raises(Disagreement, match="nothing was timed"):
        same("peer", ['{"order_id": 2}\n'], [b'{"order_id":1}\n'])
    with pytest.raises(Disagreement, match="1 lines where 2"):
        same("peer", [b"{}\n"], [b"{}\n{}\n"])


def test_a_pair_of_the_sweep_with_another_trade_or_net_is_refused() -> None:
    same_pairs("peer", [(3, 1, 10.0)], [(3, 1, 10.0 + 1e-9)])
    for other in ((2, 1, 10.0), (3, 2, 10.0), (3, 1, 10.1)):
        with pytest.raises(Disagreement, match=r"pair 1 .* nothing was timed"):
            same_pairs("peer", [(3, 1, 10.0), other], [(3, 1, 10.0), (3, 1, 10.0)])


def test_an_area_that_does_not_exist_is_wrong_usage() -> None:
    with pytest.raises(SystemExit) as ended:
        main(["nonsense"])
    assert ended.value.code == 2


@pytest.fixture(scope="module")
def recording() -> stream.Recording:
    session = peers.JsonSession(SETTINGS, peers.tuned_strategies(SETTINGS))
    return stream.record(session, messages=3000, chunk_bytes=4096, seed=11)


def test_the_mix_is_what_it_says(recording: stream.Recording) -> None:
    share = {kind: count / recording.messages for kind, count in recording.kinds.items()}
    assert 0.5 < share["book"] < 0.65
    assert 0.25 < share["trade"] < 0.35
    assert 0.03 < share["ack"] < 0.07
    assert 0.03 < share["fill"] < 0.07


def test_the_stream_answers_orders_that_were_sent(recording: stream.Recording) -> None:
    live: set[int] = set()
    sent = iter(recording.orders)
    next(sent)
    for data, _ in recording.chunks:
        for message in map(json.loads, data.splitlines()):
            assert message["type"] not in ("ack", "fill", "out") or message["order_id"] in live, message
        live |= {request["order_id"] for request in map(json.loads, next(sent).splitlines())}


def test_the_tuned_json_session_sends_what_the_twin_sends(recording: stream.Recording) -> None:
    twin = Session(SETTINGS, peers.twin_strategies(SETTINGS))
    same("the twin", stream.drive(twin, recording), recording.orders)


def test_the_tuned_msgspec_session_sends_what_the_twin_sends(recording: stream.Recording) -> None:
    pytest.importorskip("msgspec")
    session = peers.MsgspecSession(SETTINGS, peers.tuned_strategies(SETTINGS))
    same("msgspec", stream.drive(session, recording), recording.orders)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("area", ["session", "venue", "backtest", "loopback", "live", "parts", "sweep"])
def test_a_quick_run_prints_tables_that_can_be_read(area: str, capsys: pytest.CaptureFixture[str]) -> None:
    if area in ("loopback", "live") and shutil.which("cc") is None:
        pytest.skip("no C compiler")
    assert main([area, "--quick", "--json", "--repetitions", "1"]) == 0
    about, *tables = map(json.loads, capsys.readouterr().out.splitlines())
    assert about["schema"] == "arbcore.bench.machine/1"
    assert tables
    for table in tables:
        assert table["schema"] == "arbcore.bench/1"
        assert table["area"] == area
        for row in table["rows"]:
            assert row["missing"] or (len(row["samples"]) == 1 and row["samples"][0] > 0), row


def test_the_desk_is_timed_on_what_it_answered_before() -> None:
    (table,) = area_desk.run(Options(quick=True, repetitions=1))
    assert all(row.samples[0] > 0 for row in table.rows)
    event, now_ns, utc_ns, count = area_desk.recorded(7)[0]
    with pytest.raises(Disagreement, match="nothing was timed"):
        area_desk.timed([[(event, now_ns, utc_ns, count + 1)]], 1)
