"""The compiled signal against its twin, and its rules one by one."""

import random

import pytest
from reference import signal as twin

from arbcore.carry._signal import Signal
from arbcore.core.civil import NS_PER_DAY

C = 10.0
EXPIRY_NS = 1_000


def quote(es: float, spy: float = 600.0) -> dict[str, float]:
    return {"es_bid": es, "es_ask": es + 0.25, "spy_bid": spy - 0.01, "spy_ask": spy}


def held(side: int, **rules: float) -> Signal:
    signal = Signal(entry_bps=5, exit_bps=1, cost_bps=1, **rules)  # type: ignore[arg-type]
    signal.entered(side, 100, EXPIRY_NS, dev_bps=-10.0 * side)
    return signal


def test_enters_on_the_side_whose_edge_is_wide_enough() -> None:
    signal = Signal(entry_bps=5, exit_bps=1, cost_bps=1)
    assert signal.decide(0, EXPIRY_NS, **quote(6_003.5), c=C) == "stay"
    assert signal.decide(0, EXPIRY_NS, **quote(6_003.75), c=C) == "enter_cash_and_carry"
    assert signal.decide(0, EXPIRY_NS, **quote(5_995.0), c=C) == "enter_reverse"
    assert signal.decide(EXPIRY_NS, EXPIRY_NS, **quote(6_030.0), c=C) == "stay"


def test_leaves_where_the_deviation_has_come_back() -> None:
    assert held(-1).decide(200, EXPIRY_NS, **quote(6_000.0), c=C) == "converged"
    assert held(-1).decide(200, EXPIRY_NS, **quote(6_003.0), c=C) == "stay"
    assert held(1).decide(200, EXPIRY_NS, **quote(6_003.0), c=C) == "converged"


def test_expiry_comes_before_the_stop_and_the_stop_before_the_longest_hold() -> None:
    signal = held(-1, stop_bps=5.0, max_hold_ns=50)
    far = quote(6_020.0)
    assert signal.decide(EXPIRY_NS, EXPIRY_NS, **far, c=C) == "expiry"
    assert signal.decide(200, EXPIRY_NS, **far, c=C) == "stop_loss"
    assert signal.decide(200, EXPIRY_NS, **quote(6_000.0), c=C) == "max_hold"
    assert signal.decide(149, EXPIRY_NS, **quote(6_005.0), c=C) == "stay"
    assert signal.decide(150, EXPIRY_NS, **quote(6_005.0), c=C) == "max_hold"


def test_nothing_is_entered_before_the_cooldown_is_over() -> None:
    signal = held(-1, cooldown_ns=60)
    signal.left(200)
    assert signal.side == 0
    assert signal.decide(259, EXPIRY_NS, **quote(6_030.0), c=C) == "stay"
    assert signal.decide(260, EXPIRY_NS, **quote(6_030.0), c=C) == "enter_cash_and_carry"


@pytest.mark.parametrize("seed", range(30))
def test_both_decide_alike(seed: int) -> None:
    rng = random.Random(seed)
    rules = {"entry_bps": rng.uniform(-2, 8), "exit_bps": rng.uniform(-3, 3), "cost_bps": rng.uniform(0, 2)}
    more = {
        "stop_bps": rng.choice((0.0, 4.0)),
        "max_hold_ns": rng.choice((0, 70)),
        "cooldown_ns": rng.choice((0, 9)),
    }
    compiled = Signal(**rules, **more)  # type: ignore[arg-type]
    plain = twin.Signal(twin.Rules(**rules, **more))  # type: ignore[arg-type]
    actions = {-1: "enter_cash_and_carry", 1: "enter_reverse", None: "stay"}
    for now_ns in range(0, 1_300, 3):
        prices = quote(6_000 + 0.25 * rng.randint(-40, 40))
        made = twin.Quote(**prices)
        expected = plain.decide(now_ns, EXPIRY_NS, made, C)
        found = compiled.decide(now_ns, EXPIRY_NS, **prices, c=C)
        assert found == (expected if isinstance(expected, str) else actions[expected]), f"seed {seed}"
        if isinstance(expected, int):
            dev_bps = made.deviation_bps(C)
            plain.entered(expected, now_ns, EXPIRY_NS, dev_bps)
            compiled.entered(expected, now_ns, EXPIRY_NS, dev_bps=dev_bps)
        elif expected is not None:
            plain.left(now_ns)
            compiled.left(now_ns)


def test_a_longest_hold_is_over_however_long_ago_the_entry_was() -> None:
    # 400 years are more nanoseconds than 63 bits hold.
    signal = Signal(entry_bps=1.0, exit_bps=-100.0, cost_bps=0.0, max_hold_ns=NS_PER_DAY)
    first_ns = -200 * 365 * NS_PER_DAY
    signal.entered(-1, first_ns, 2**63 - 1, dev_bps=0.0)
    prices = {"es_bid": 6000.0, "es_ask": 6000.0, "spy_bid": 600.0, "spy_ask": 600.0, "c": 10.0}
    assert signal.decide(first_ns + NS_PER_DAY - 1, 2**63 - 1, **prices) == "stay"
    assert signal.decide(first_ns + 400 * 365 * NS_PER_DAY, 2**63 - 1, **prices) == "max_hold"
