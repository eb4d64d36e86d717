"""What a desk shows of itself: above all, why it does nothing."""

import pytest
from desk_player import FAIR, Player

from arbcore.desk import events as ev
from arbcore.desk.records import ES, SPY

SATURDAY_S = 5 * 86_400.0


def waiting(player: Player) -> str:
    shown: str = player.session.status()["waiting"]
    return shown


def test_a_desk_that_may_trade_waits_for_nothing() -> None:
    player = Player()
    player.quotes(FAIR)
    assert waiting(player) == ""


def test_a_closed_leg_is_named_whatever_else_it_lacks() -> None:
    player = Player()
    player.say(ev.Tick(), after_s=SATURDAY_S)
    assert waiting(player) == "ES closed"


@pytest.mark.parametrize(
    ("told", "why"),
    [
        (ev.Halted(SPY, True), "SPY halted"),
        (ev.DataType(ES, 3), "ES not live"),
        (ev.Quote(SPY, 600.0, 0.0), "SPY missing"),
    ],
)
def test_a_leg_that_is_no_good_is_named(told: ev.Event, why: str) -> None:
    player = Player()
    player.quotes(FAIR)
    player.say(told)
    assert waiting(player) == why


def test_the_measurement_of_the_factor_says_how_far_it_is() -> None:
    player = Player(calibration_rows=400)
    player.say(ev.Quote(SPY, 600.0, 600.01))
    for number in range(120):
        player.say(ev.Quote(ES, FAIR + number % 2, FAIR + 2.0))
    assert waiting(player) == "calibrating, 120 of 400"


def test_trading_that_is_off_is_said_last() -> None:
    player = Player(trading_enabled=False)
    player.quotes(FAIR)
    assert waiting(player) == "trading is off"
