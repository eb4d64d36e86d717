"""What is drawn has every extreme of what was collected, and never reaches over a night."""

import random
from typing import Any

import pytest

from arbcore.pages.series import coarsened
from arbcore.research._envelope import COLUMNS, Envelope

MINUTE = 60 * 10**9


def collected(seed: int, rows: int, *, session: int = 390) -> dict[str, list[Any]]:
    rng = random.Random(seed)
    envelope = Envelope()
    for at in range(rows):
        ts_ns = (at // session) * 1440 * MINUTE + (at % session) * MINUTE
        envelope.equity(ts_ns, rng.gauss(0, 10), drawdown=abs(rng.gauss(0, 5)))
        if at >= 20:  # the first are a calibration
            envelope.basis(ts_ns, rng.gauss(0, 3), upper=4 + rng.random(), lower=-4 - rng.random())
        if rng.random() < 0.05:
            envelope.entry(ts_ns, rng.choice((-1, 1)), dev=rng.gauss(0, 5))
        if rng.random() < 0.05:
            envelope.exit(ts_ns, dev=rng.gauss(0, 5))
    return envelope.columns()


def extremes(columns: dict[str, list[Any]]) -> dict[str, Any]:
    def of(choose: Any, name: str) -> Any:
        return choose((value for value in columns[name] if value is not None), default=None)

    lows = ("equity_min", "dev_min", "upper_min", "reverse_entry_dev")
    highs = ("equity_max", "dev_max", "lower_max", "cc_entry_dev", "drawdown_max")
    return {
        **{name: of(min, name) for name in lows},
        **{name: of(max, name) for name in highs},
        **{name: sum(columns[name]) for name in ("cc_entries", "reverse_entries", "exits")},
        "first": columns["first_ns"][0],
        "last": [columns[name][-1] for name in ("last_ns", "equity_last", "dev_last")],
    }


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("rows", [50, 1_000, 5_000])
def test_every_extreme_and_count_stays(seed: int, rows: int) -> None:
    columns = collected(seed, rows)
    drawn = coarsened(columns, 100)
    assert tuple(drawn) == COLUMNS
    assert extremes(drawn) == extremes(columns), f"seed {seed}"
    # At most one group more for each of the nights.
    assert len(drawn["first_ns"]) <= 100 + rows // 390 + 1


def test_no_place_reaches_over_a_night() -> None:
    drawn = coarsened(collected(1, 1_950), 60)
    assert all(
        last - first < 390 * MINUTE
        for first, last in zip(drawn["first_ns"], drawn["last_ns"], strict=True)
    )


def test_few_buckets_stay_as_they_are() -> None:
    columns = collected(2, 90)
    assert coarsened(columns, 100) == columns


def test_more_nights_than_places_give_way() -> None:
    columns = collected(3, 400, session=2)
    drawn = coarsened(columns, 50)
    assert len(drawn["first_ns"]) <= 50
    assert extremes(drawn) == extremes(columns)
