"""Which factor the desk uses: the one that was set, a stored one while it holds, or a new measurement."""

from dataclasses import replace

import pytest
from desk_player import DAY_NS, EXPIRY_NS, FAIR, RICH, T0_NS, Player

from arbcore.desk import events as ev
from arbcore.desk.commands import Note, SaveFactor
from arbcore.desk.records import ES, FactorRow, Snapshot

HOUR_NS = 3_600 * 10**9


def came_back(*, con_id: int = 1, age_ns: int = HOUR_NS, decisions: int = 3) -> Player:
    """A desk that is told to measure, and finds a factor in its store."""
    stored = FactorRow(con_id, 10.03, T0_NS - age_ns, 390)
    return Player(Snapshot(factor=stored), calibration_rows=decisions)


def said(player: Player) -> list[str]:
    return [note.message for note in player.pick(Note, player.all) if note.kind == "factor"]


def test_a_factor_that_was_set_wins_over_a_stored_one() -> None:
    player = Player(Snapshot(factor=FactorRow(1, 10.03, T0_NS, 390)), factor=10.01)
    assert player.session.status()["factor"] == 10.01
    assert said(player) == ["The factor is 10.01, as it was set."]


def test_a_stored_factor_of_this_contract_is_used_and_said_with_its_age() -> None:
    player = came_back(age_ns=5 * HOUR_NS)
    assert player.session.status()["factor"] == 10.03
    (text,) = said(player)
    assert text == (
        "The factor is 10.03, measured over 390 decisions in this contract 5 hours ago "
        "(2026-03-02T10:00:00Z) and stored."
    )


@pytest.mark.parametrize(
    ("stored", "why"),
    [
        ({"con_id": 9}, "the stored one is contract 9's and this is 1"),
        ({"age_ns": 8 * DAY_NS}, "the stored one is 8.0 days old, and 7 days are the most"),
    ],
)
def test_a_stored_factor_that_does_not_hold_is_measured_anew(stored: dict[str, int], why: str) -> None:
    player = came_back(**stored)
    assert said(player) == [f"The factor is measured over 3 decisions first: {why}."]
    for _ in range(2):
        player.quotes(FAIR, spy=600.0)
    (found,) = player.pick(SaveFactor, player.all)
    assert (found.row.con_id, found.row.decisions) == (1, 3)
    assert found.row.measured_ns > T0_NS
    assert player.session.status()["factor"] == found.row.factor


def test_a_pair_is_left_on_the_factor_that_it_was_entered_on() -> None:
    player = Player()
    player.hold()
    old = FactorRow(1, 10.03, T0_NS - 30 * DAY_NS, 390)
    after = Player(replace(player.store.snapshot(), factor=old), connect=False, calibration_rows=3)
    after.resolve()
    assert after.session.status()["factor"] == 10.03


def test_another_contract_is_measured_and_the_same_one_told_again_is_not() -> None:
    player = came_back()
    player.resolve()
    assert player.session.status()["factor"] == 10.03
    player.resolve(con_id=7, expiry_ns=EXPIRY_NS + 91 * DAY_NS)
    player.quotes(RICH)
    assert not player.orders
    assert said(player)[1:] == [
        "The factor is measured anew over 3 decisions: the stored one is contract 1's and this is 7."
    ]


def test_two_contracts_are_never_measured_as_one() -> None:
    player = Player(calibration_rows=3)
    player.quotes(FAIR)
    player.say(ev.Quote(ES, FAIR, FAIR + 0.25))
    player.resolve(con_id=7)
    for _ in range(3):
        assert not player.pick(SaveFactor, player.all)
        player.say(ev.Quote(ES, RICH, RICH + 0.25))
    (found,) = player.pick(SaveFactor, player.all)
    assert found.row.con_id == 7


def test_a_factor_grows_old_during_a_run() -> None:
    player = came_back(age_ns=6 * DAY_NS + 20 * HOUR_NS)
    assert len(said(player)) == 1
    player.say(ev.Tick(), after_s=86_400.0)
    assert "anew over 3 decisions: the stored one is 7.8 days old" in said(player)[1]


def test_a_replay_measures_once_as_the_backtest_does() -> None:
    player = Player(Snapshot(factor=FactorRow(1, 10.03, T0_NS, 390)), calibration_rows=3, decide_on="row")
    player.resolve(con_id=7)
    assert player.session.status()["factor"] == 10.03
    assert len(said(player)) == 1
