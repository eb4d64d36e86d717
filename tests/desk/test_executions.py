"""Executions count once, corrections replace, commissions are known or not, whatever order they come in."""

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arbcore.carry.pairs import ETF, FUT
from arbcore.desk.events import Commission, Execution
from arbcore.desk.executions import PENDING_MAX, ExecutionLedger, money_of, split_id

revisions = st.lists(
    st.tuples(st.integers(0, 5), st.integers(1, 4), st.integers(1, 9), st.sampled_from((1, -1))), max_size=25
)


def make_ledger() -> ExecutionLedger:
    return ExecutionLedger(assumed_fut_usd=2.0, assumed_etf_usd=0.01)


def execution(number: int, revision: int, *, quantity: int = 1, side: int = 1, **changes: Any) -> Execution:
    return Execution(
        **{
            "exec_id": f"0000e0d5.6a1b.{number:02d}.{revision:02d}", "ref": "t-1E", "perm_id": 1, "leg": ETF,
            "side": side, "quantity": quantity, "price": 100.0 + revision, "ts_ns": 1_000 * number, **changes,
        }
    )  # fmt: skip


def take(ledger: ExecutionLedger, event: Execution) -> Any:
    return ledger.take(event, trade_id=1, ref=event.ref, multiplier=1.0)


@pytest.mark.parametrize(
    ("exec_id", "parts"),
    [
        ("0000e0d5.6a1b.01.01", ("0000e0d5.6a1b.01", 1)),
        ("a.12", ("a", 12)),
        ("plain", ("plain", 0)),
        ("a.b", ("a.b", 0)),
        ("", ("", 0)),
        ("a.٣", ("a.٣", 0)),
        ("a.9999999999", ("a.9999999999", 0)),
    ],
)
def test_the_last_segment_is_the_revision(exec_id: str, parts: tuple[str, int]) -> None:
    assert split_id(exec_id) == parts


@given(revisions, st.randoms(use_true_random=False))
def test_any_order_and_repetition_gives_the_last_revision_of_each(
    told: list[tuple[int, int, int, int]], rng: random.Random
) -> None:
    newest = {(number, revision): (quantity, side) for number, revision, quantity, side in told}
    events = [
        execution(number, revision, quantity=quantity, side=side)
        for (number, revision), (quantity, side) in newest.items()
    ]
    wanted: dict[str, Execution] = {}
    for event in events:
        key, revision = split_id(event.exec_id)
        if key not in wanted or revision > split_id(wanted[key].exec_id)[1]:
            wanted[key] = event
    heard = events * 2
    rng.shuffle(heard)
    ledger = make_ledger()
    ledger.begin_day(2_000)
    position = 0
    for event in heard:
        change = take(ledger, event)
        if change is not None:
            row, before = change
            position += row.side * row.quantity - (before.side * before.quantity if before else 0)
    assert {key: row.exec_id for key, row in ledger.rows.items()} == {
        key: event.exec_id for key, event in wanted.items()
    }
    assert position == sum(event.side * event.quantity for event in wanted.values())
    today = [row for row in ledger.rows.values() if row.ts_ns >= 2_000]
    assert ledger.day_money == pytest.approx(sum(map(money_of, today)))
    assert ledger.day_commission == pytest.approx(sum(0.01 * row.quantity for row in today))


@given(revisions)
def test_a_stored_ledger_comes_back_whole_and_twice_is_once(told: list[tuple[int, int, int, int]]) -> None:
    ledger = make_ledger()
    for number, revision, quantity, side in told:
        take(ledger, execution(number, revision, quantity=quantity, side=side))
    again = make_ledger()
    for _ in range(2):
        for row in ledger.rows.values():
            again.restore(row)
    assert again.rows == ledger.rows
    for number, revision, quantity, side in told:
        assert take(again, execution(number, revision, quantity=quantity, side=side)) is None


def test_a_commission_may_overtake_its_execution_and_outlives_a_correction() -> None:
    ledger = make_ledger()
    assert ledger.commission(Commission("0000e0d5.6a1b.01.01", 1.5)) is None
    assert take(ledger, execution(1, 1))[0].commission == 1.5
    assert take(ledger, execution(1, 2))[0].commission == 1.5
    assert ledger.commission(Commission("0000e0d5.6a1b.01.02", 1.75)).commission == 1.75
    assert ledger.commission(Commission("0000e0d5.6a1b.01.02", 1.75)) is None


@pytest.mark.parametrize("amount", [float("nan"), float("inf"), 1.7976931348623157e308])
def test_an_unset_commission_stays_unknown_and_is_assumed(amount: float) -> None:
    ledger = make_ledger()
    ledger.begin_day(0)
    row, _ = take(ledger, execution(1, 1, leg=FUT, quantity=3))
    assert ledger.commission(Commission(row.exec_id, amount)) is None
    assert ledger.rows[row.key].commission is None
    assert ledger.day_commission == 6.0


def test_commissions_of_strangers_are_bounded() -> None:
    ledger = make_ledger()
    for number in range(PENDING_MAX + 10):
        ledger.commission(Commission(f"other.{number}.01", 1.0))
    assert len(ledger._pending) == PENDING_MAX


def test_what_is_days_old_is_forgotten_but_not_of_an_open_pair() -> None:
    ledger = make_ledger()
    for number in (1, 2):
        event = execution(number, 1)
        ledger.take(event, trade_id=number, ref=event.ref, multiplier=1.0)
    ledger.prune(10**18, {2})
    assert [row.trade_id for row in ledger.rows.values()] == [2]
