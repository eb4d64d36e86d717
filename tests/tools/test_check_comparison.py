"""A slice of ``tools/check_comparison.py``, and that it would notice intervals that are wrong."""

from random import Random

from tools import check_comparison


def test_a_range_of_real_rounds(capsys):
    words = ["--ranges", "2", "--rounds", "40", "--round-s", "10", "--workers", "1"]
    assert check_comparison.main(words) == 0
    assert '"apart_found": 1' in capsys.readouterr().out


def test_what_is_alike_is_rarely_called_different_and_what_is_apart_is_found():
    rng = Random(1)
    scores, worse = [], []
    for _ in range(200 * 200):
        market = rng.gauss(1000, 300)
        scores.append(market + rng.gauss(0, 100))
        worse.append(scores[-1] * 0.9 + rng.gauss(0, 100))
    found = check_comparison.check(scores, worse[: 100 * 200], 200)
    assert (found["ranges"], found["apart"]) == (200, 100)
    assert found["alike_called_different"] <= 16
    assert found["alike_called_different_at_any_look"] <= 16
    assert found["apart_found"] >= 95
    assert abs(found["planted_difference"] - 0.1) < 0.01
