"""That the benchmark runs, and refuses where engines disagree. Nothing here depends on speed."""

import pytest

from tools.bench.__main__ import main
from tools.bench.area_session import same
from tools.bench.harness import FLOOR, OURS, Disagreement, Options, Ratio, Row, Table, measure, render


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


def test_an_area_that_does_not_exist_is_wrong_usage() -> None:
    with pytest.raises(SystemExit) as ended:
        main(["nonsense"])
    assert ended.value.code == 2
