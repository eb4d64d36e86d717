"""The hidden values: their identities exactly, their walks in distribution over fixed seeds."""

from itertools import pairwise

import pytest
from seeds import shifted

from arbcore.venue._fair_values import SCALE, STEP_MS, WALKING, FairValues
from arbcore.venue.regimes import REGIMES

SECOND_NS = 1_000_000_000
ROUND_NS = 300 * SECOND_NS


def path(regime: str, seed: int, *, step_ns: int = SECOND_NS, slowdown: int = 1) -> list[dict[str, int]]:
    fair = FairValues(REGIMES[regime].fair, seed=seed, slowdown=slowdown)
    return [fair.at(now_ns) for now_ns in range(0, ROUND_NS * slowdown + 1, step_ns)]


@pytest.mark.parametrize("regime", REGIMES)
def test_identities_hold_exactly_at_every_moment(regime):
    for seed in shifted((1, 2)):
        for fair in path(regime, seed, step_ns=STEP_MS * 1_000_000 * 7):
            assert fair["BOND"] == 1000 * SCALE
            assert fair["VALE"] == fair["VALBZ"]
            basket = 3 * fair["BOND"] + 2 * fair["GS"] + 3 * fair["MS"] + 2 * fair["WFC"]
            assert 10 * fair["XLF"] == basket, f"seed {seed}"


def test_same_seed_same_path_and_another_seed_another():
    assert path("normal", 3) == path("normal", 3)
    assert path("normal", 3) != path("normal", 4)


def test_path_does_not_depend_on_how_often_it_is_asked():
    ends = [path("trend", 5, step_ns=step_ns)[-1] for step_ns in (125_000_000, SECOND_NS, ROUND_NS)]
    assert ends[0] == ends[1] == ends[2]


def test_an_earlier_moment_changes_nothing():
    fair = FairValues(REGIMES["normal"].fair, seed=6)
    later = fair.at(10 * SECOND_NS)
    assert fair.at(3 * SECOND_NS) == later


def test_slower_walks_the_same_path_in_four_times_the_time():
    assert path("jumps", 7) == path("jumps", 7, step_ns=4 * SECOND_NS, slowdown=4)


@pytest.mark.parametrize("seed", range(3))
def test_a_round_begins_where_the_parameters_say(seed):
    first = path("normal", seed, step_ns=ROUND_NS)[0]
    for symbol in WALKING:
        process = REGIMES["normal"].fair[symbol]
        assert process.start_low_ticks * SCALE <= first[symbol] <= process.start_high_ticks * SCALE


def test_volatility_is_what_calm_says():
    # Without jumps and drift the steps of a second have exactly the documented deviation.
    paths = [path("calm", seed) for seed in shifted(range(40))]
    for symbol in WALKING:
        moves = [(b[symbol] - a[symbol]) / SCALE for walk in paths for a, b in pairwise(walk)]
        deviation = (sum(move * move for move in moves) / len(moves)) ** 0.5
        said = REGIMES["calm"].fair[symbol].volatility_ct / 100
        assert deviation == pytest.approx(said, rel=0.03), "seeds 0 to 39"


def test_half_of_the_banks_variance_is_common():
    paths = [path("calm", seed) for seed in shifted(range(40))]
    moves = {
        symbol: [(b[symbol] - a[symbol]) / SCALE for walk in paths for a, b in pairwise(walk)]
        for symbol in WALKING
    }

    def correlation(one: str, other: str) -> float:
        pairs = list(zip(moves[one], moves[other], strict=True))
        squares = [sum(value * value for value in moves[symbol]) for symbol in (one, other)]
        return sum(a * b for a, b in pairs) / (squares[0] * squares[1]) ** 0.5

    assert correlation("GS", "MS") == pytest.approx(0.5, abs=0.03)
    assert correlation("MS", "WFC") == pytest.approx(0.5, abs=0.03)
    assert correlation("VALBZ", "GS") == pytest.approx(0, abs=0.03)


@pytest.mark.parametrize("regime", ["calm", "normal", "jumps", "informed", "volatile"])
def test_values_are_martingales_outside_trends(regime):
    # A round's mean move is nought, within three standard errors, and a rise says nothing of what follows.
    paths = [path(regime, seed, step_ns=30 * SECOND_NS) for seed in shifted(range(200))]
    for symbol in WALKING:
        moves = [[(b[symbol] - a[symbol]) / SCALE for a, b in pairwise(walk)] for walk in paths]
        totals = [sum(walk) for walk in moves]
        deviation = (sum(total * total for total in totals) / len(totals)) ** 0.5
        error = deviation / len(totals) ** 0.5
        assert abs(sum(totals) / len(totals)) < 3 * error, f"{symbol}, seeds 0 to 199"
        pairs = [pair for walk in moves for pair in pairwise(walk)]
        product = sum(a * b for a, b in pairs) / sum(a * a for a, _ in pairs)
        assert abs(product) < 0.1, f"{symbol}, seeds 0 to 199"


def test_trend_is_no_martingale():
    paths = [path("trend", seed, step_ns=5 * SECOND_NS) for seed in shifted(range(60))]
    moves = [[b["MS"] - a["MS"] for a, b in pairwise(walk)] for walk in paths]
    pairs = [pair for walk in moves for pair in pairwise(walk)]
    assert sum(a * b for a, b in pairs) / sum(a * a for a, _ in pairs) > 0.2, "seeds 0 to 59"


def test_jumps_come_about_as_often_as_they_say():
    # A step of 20 ms moves MS by a third of a tick; twelve ticks in one step are a jump.
    jumps = 0
    for seed in shifted(range(10)):
        walk = [fair["MS"] for fair in path("jumps", seed, step_ns=STEP_MS * 1_000_000)]
        jumps += sum(abs(b - a) > 12 * SCALE for a, b in pairwise(walk))
    assert 150 < jumps < 250, "seeds 0 to 9: 20 a round expected"


def test_values_stay_positive_and_bounded_in_an_exchange_left_running():
    fair = FairValues(REGIMES["volatile"].fair, seed=8)
    for hour in range(1, 25):
        now = fair.at(hour * 3600 * SECOND_NS)
        for symbol in WALKING:
            process = REGIMES["volatile"].fair[symbol]
            assert process.start_low_ticks // 2 <= now[symbol] / SCALE <= process.start_high_ticks * 2
