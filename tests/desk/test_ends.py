"""What closes an open pair when a person says so, and what is left alone where trading is off."""

from typing import Any

import pytest
from desk_player import CHEAP, FAIR, RICH, Player

from arbcore.carry.pairs import ETF, FUT
from arbcore.desk import events as ev
from arbcore.desk.commands import Alarm, SendOrder


def test_with_trading_off_an_open_pair_is_left_alone_loudly() -> None:
    """Begun anew with a pair: no exit of the signal's, no stop, no maximal hold; the start says so."""
    before = Player()
    before.hold()
    player = before.restart(trading_enabled=False, max_hold_days=1e-6)
    player.resolve()
    player.connect()
    (alarm,) = player.pick(Alarm)
    assert alarm.kind == "trading off"
    assert "pair 1 is open (-1 ES and " in alarm.message
    player.answer_all()
    player.live()
    for fut in (FAIR, RICH + 100.0, CHEAP):
        player.quotes(fut, after_s=60.0)
    assert not player.pick(SendOrder, player.all)
    assert player.pair is not None
    player.say(ev.Stop("enough", flatten=False))
    assert player.session.stopped
    assert not player.pick(SendOrder, player.all)


@pytest.mark.parametrize("order", [ev.Kill("enough"), ev.Stop("enough", flatten=True)])
@pytest.mark.parametrize("naked", [False, True])
def test_with_trading_off_kill_switch_and_flatten_close_all_the_same(order: Any, naked: bool) -> None:
    before = Player()
    first, second = before.enter()
    before.fill(first)
    if not naked:
        before.fill(second)
    player = before.restart(trading_enabled=False)
    player.resolve()
    player.connect()
    player.answer_all()
    player.live()
    player.quotes(FAIR)
    for _ in range(10):
        player.quotes(FAIR, after_s=2.0)
        player.answer_all()
    assert not player.pick(SendOrder, player.all)
    assert player.pair is not None
    assert player.pair["naked"] == naked
    player.say(order)
    for _ in range(3):
        for each in player.orders:
            player.fill(each)
        player.quotes(FAIR, after_s=2.0)
    sent = [row for place in player.pick(SendOrder, player.all) for row in place.orders]
    assert {row.leg for row in sent} == ({first.leg} if naked else {FUT, ETF})
    assert player.positions == {FUT: 0, ETF: 0}
    assert player.pair is None
    for _ in range(3):
        assert not player.pick(SendOrder, player.quotes(RICH, after_s=60.0))


def test_a_stop_behind_the_kill_switch_waits_until_all_is_closed() -> None:
    """The switch could not act at once: a quote was stale."""
    player = Player()
    player.hold()
    player.say(ev.Kill("enough"), after_s=60.0)
    assert not player.orders
    player.say(ev.Stop("enough"))
    assert not player.session.stopped
    player.quotes(FAIR, after_s=2.0)
    for order in player.orders:
        player.fill(order)
    assert player.positions == {FUT: 0, ETF: 0}
    assert player.session.stopped
