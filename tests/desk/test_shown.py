"""What a desk shows of itself: above all, why it does nothing."""

import pytest
from desk_player import FAIR, T0_NS, Player

from arbcore.carry.pairs import ETF, FUT
from arbcore.desk import events as ev

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
        (ev.Halted(ETF, True), "SPY halted"),
        (ev.DataType(FUT, 3), "ES not live"),
        (ev.Quote(ETF, 600.0, 0.0), "SPY missing"),
    ],
)
def test_a_leg_that_is_no_good_is_named(told: ev.Event, why: str) -> None:
    player = Player()
    player.quotes(FAIR)
    player.say(told)
    assert waiting(player) == why


@pytest.mark.parametrize(
    ("factor", "why"),
    [
        ("track", "the level warms up, 60 min of quotes to go"),
        ("track:2m", "the level warms up, 61 s of quotes to go"),
        ("auto:400", "the level is measured, 60 of 400 rows"),
    ],
)
def test_a_level_that_is_not_known_yet_says_how_long_for(factor: str, why: str) -> None:
    player = Player(factor=factor)
    for number in range(60):
        player.quotes(FAIR + number % 2, after_s=1.0)
        player.say(ev.RowSeen(T0_NS - 10**9 + player.now_ns))
    assert waiting(player) == why


def test_trading_that_is_off_is_said_last() -> None:
    player = Player(trading_enabled=False)
    player.quotes(FAIR)
    assert waiting(player) == "trading is off"
