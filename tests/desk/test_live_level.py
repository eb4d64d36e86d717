"""The level that the desk decides with: what it learns from, what it keeps, and what it says of it."""

import math
import random
from dataclasses import replace

import pytest
from desk_player import ACCOUNT, DAY_NS, EXPIRY_NS, FAIR, RICH, T0_NS, Player
from desk_replay import Replay
from reference.level import Seen, auto, tracked

from arbcore.carry._carry import carry_factor, years_to_expiry
from arbcore.carry.pairs import ETF, FUT
from arbcore.carry.settlement import settlement_day_at
from arbcore.desk import events as ev
from arbcore.desk.commands import Note, SaveLevel
from arbcore.desk.desk_settings import DeskSettings
from arbcore.desk.records import Snapshot, StoredLevel

HOUR_NS = 3_600 * 10**9
STORED = StoredLevel(EXPIRY_NS, "track", 10.03, 5_400.0, T0_NS - HOUR_NS, 1.0, settlement_day_at(T0_NS))


def said(player: Player) -> list[str]:
    return [note.message for note in player.pick(Note, player.all) if note.kind == "level"]


def see(player: Player, fut: float, etf: float = 600.0, *, after_s: float = 1.0) -> None:
    """Both legs' quotes, and then the row that they make."""
    player.quotes(fut, etf=etf, after_s=after_s)
    player.say(ev.RowSeen(T0_NS - 10**9 + player.now_ns))


def twin_row(player: Player, fut: float, etf: float) -> Seen:
    ts_ns = T0_NS - 10**9 + player.now_ns
    settings = player.settings
    growth = carry_factor(factor=1.0, r=settings.r, d=settings.d, t=years_to_expiry(ts_ns, EXPIRY_NS))
    x = (fut + 0.125) / ((etf + etf + 0.01) / 2.0 * growth)
    return Seen(ts_ns, EXPIRY_NS, settlement_day_at(ts_ns), x, settings.r, settings.d)


@pytest.mark.parametrize(
    ("rule", "twin"), [("track:2m", tracked(120.0)), ("track:40s", tracked(40.0)), ("auto:30", auto(30))]
)
def test_it_is_the_twins_level_of_the_same_rows(rule: str, twin: object) -> None:
    player, rng = Player(factor=rule, trading_enabled=False), random.Random(rule)
    wanted: list[float | None] = []
    got: list[float | None] = []
    last = (0.0, 0.0)
    for _ in range(300):
        fut, etf = FAIR + rng.randrange(-9, 9) / 4.0, 600.0 + rng.randrange(-3, 3) / 100.0
        if (fut, etf) == last:
            # Prices that did not change are no row of a recording.
            continue
        last = fut, etf
        before = player.session.status()["factor"]
        see(player, fut, etf, after_s=rng.choice([0.5, 1.0, 3.0]))
        wanted.append(twin(twin_row(player, fut, etf)))  # type: ignore[operator]
        got.append(before)
    known = [pair for pair in zip(got, wanted, strict=True) if pair[1] is not None]
    assert len(known) > 60
    # The level shown before a row is the row's own but for the seconds in between.
    assert [mine for mine, _ in known[1:]] == pytest.approx([theirs for _, theirs in known[1:]], rel=1e-8)


def test_nothing_is_entered_before_it_is_known_and_an_edge_is_one_from_it() -> None:
    player = Player(factor="track:30s")
    for number in range(40):
        see(player, RICH + number % 2)
        assert not player.orders
    # RICH is the market's own level by now, and what was fair is cheap.
    assert not player.orders
    player.quotes(FAIR)
    assert [order.side for order in player.orders if order.leg == FUT] == [1]


@pytest.mark.parametrize(
    "case", ["half an update", "stale", "not live", "halted", "closed", "doubted", "unchanged", "missing"]
)
def test_what_is_no_good_row_teaches_nothing(case: str) -> None:
    player = Player(factor="track:30s", trading_enabled=False)
    for number in range(60):
        see(player, FAIR + number % 2)
    level = player.session._level
    before = level._level.state
    if case == "half an update":
        player.say(ev.Quote(FUT, RICH, RICH - 0.25), after_s=1.0)
    elif case == "stale":
        player.say(ev.Tick(), after_s=6.0)
        player.say(ev.Quote(FUT, RICH, RICH + 0.25))
    elif case == "not live":
        player.say(ev.DataType(ETF, 3))
        player.say(ev.Quote(FUT, RICH, RICH + 0.25), after_s=1.0)
    elif case == "halted":
        player.say(ev.Halted(FUT, True))
        player.say(ev.Quote(FUT, RICH, RICH + 0.25), after_s=1.0)
    elif case == "closed":
        for _ in range(2):
            player.quotes(RICH, after_s=22_000.0)
    elif case == "doubted":
        player.say(ev.QuotesDoubted(1, "a pause"))
        player.quotes(RICH)
    elif case == "missing":
        player.say(ev.Quote(FUT, 0.0, RICH), after_s=1.0)
    player.say(ev.RowSeen(T0_NS - 10**9 + player.now_ns))
    assert level._level.state == before


def test_a_locked_row_is_a_row_though_nothing_is_traded_on_it() -> None:
    player = Player(factor="track:30s", trading_enabled=False)
    see(player, FAIR)
    player.say(ev.Quote(FUT, FAIR, FAIR), after_s=1.0)
    player.say(ev.RowSeen(T0_NS - 10**9 + player.now_ns))
    assert player.session._level._level.state.known_s > 0.0


def test_it_is_stored_every_minute_and_when_told_to_stop() -> None:
    player = Player(factor="track:30s", trading_enabled=False)
    for number in range(150):
        see(player, FAIR + number % 2)
    assert len(player.pick(SaveLevel, player.all)) == 3
    player.say(ev.Stop("enough", False))
    last = player.pick(SaveLevel, player.all)[-1].row
    assert last.known_s == pytest.approx(149.0)
    assert last.last_ns == T0_NS - 10**9 + player.now_ns


def test_a_restart_goes_on_with_it() -> None:
    player = Player(factor="track:30s", trading_enabled=False)
    for number in range(100):
        see(player, FAIR + number % 2)
    player.say(ev.Stop("enough", False))
    factor = player.session.status()["factor"]
    again = player.restart(factor="track:30s")
    again.say(ev.Tick(), after_s=3_600.0)
    again.resolve()
    settings = again.settings
    grown = math.exp((settings.r - settings.d) * 3_600.0 / 31_536_000.0)
    assert again.session.status()["factor"] == pytest.approx(factor * grown, rel=1e-9)
    (text,) = said(again)
    shown = again.session.status()["factor"]
    assert text.startswith(f"The level is {shown:.6f}, learnt in this contract until ")


def test_what_is_stored_between_warm_and_cold_is_gone_on_with() -> None:
    player = Player(Snapshot(level=replace(STORED, known_s=1_800.0)), factor="track")
    assert said(player) == [
        (
            "The bot first learns the level, from 30 min of quotes, and enters no pair meanwhile: the stored "
            "level, of 2026-03-02T14:00:00Z, was learnt from only 30 min of quotes."
        )
    ]


@pytest.mark.parametrize(
    ("stored", "why"),
    [
        (None, "no level is stored"),
        ({"expiry_ns": EXPIRY_NS + 91 * DAY_NS}, "the stored level is for the contract of 2026-06-19"),
        ({"last_ns": T0_NS - 8 * DAY_NS}, "the stored level is 8.0 days old, more than 7 days"),
        ({"last_ns": T0_NS + DAY_NS}, "the stored level is of a time later than now"),
        ({"mode": "auto"}, "the stored level was learnt in mode auto"),
    ],
)
def test_a_stored_level_that_does_not_hold_is_learnt_anew(stored: dict[str, object] | None, why: str) -> None:
    level = None if stored is None else replace(STORED, **stored)  # type: ignore[arg-type]
    player = Player(Snapshot(level=level), factor="track")
    assert player.session.status()["factor"] is None
    assert said(player) == [
        f"The bot first learns the level, from 60 min of quotes, and enters no pair meanwhile: {why}."
    ]


def test_a_stored_median_is_gone_on_with_in_its_contract_and_measured_anew_in_another() -> None:
    player = Player(Snapshot(level=replace(STORED, mode="auto")), factor="auto:3", trading_enabled=False)
    assert player.session.status()["factor"] == 10.03
    see(player, FAIR)
    assert player.session.status()["factor"] == 10.03
    player.resolve(con_id=7, expiry_ns=EXPIRY_NS + 91 * DAY_NS)
    for number in range(3):
        assert player.session.status()["factor"] in (10.03, None)
        see(player, FAIR + 1.0 + number)
    assert player.session.status()["factor"] != 10.03
    assert [row.row.expiry_ns for row in player.pick(SaveLevel, player.all)] == [EXPIRY_NS + 91 * DAY_NS]


def test_another_contract_starts_a_tracked_level_anew() -> None:
    player = Player(factor="track:30s", trading_enabled=False)
    for number in range(60):
        see(player, FAIR + number % 2)
    player.resolve(con_id=7, expiry_ns=EXPIRY_NS + 91 * DAY_NS)
    see(player, RICH)
    assert player.session.status()["factor"] is None
    assert said(player)[-1] == (
        "The contract has changed; the bot first learns its level and enters no pair yet."
    )


def test_a_held_pair_is_left_by_its_own_contracts_level() -> None:
    player = Player(factor="track:30s")
    for number in range(60):
        see(player, FAIR + number % 2)
    player.hold()
    see(player, RICH, after_s=0.2)
    # The next contract cannot be taken while a pair is held, whatever is told of it.
    player.resolve(con_id=7, expiry_ns=EXPIRY_NS + 91 * DAY_NS)
    assert player.session._level.expiry_ns == EXPIRY_NS
    player.quotes(FAIR)
    assert {order.role for order in player.orders} == {"exit"}


def test_a_held_pair_without_a_level_is_left_for_its_age_and_never_for_a_deviation() -> None:
    player = Player()
    player.hold()
    after = player.restart(factor="track", max_hold_days=0.01)
    after.resolve()
    after.connect()
    after.answer_all()
    after.live()
    see(after, FAIR)
    assert not after.orders
    after.quotes(FAIR, after_s=1_000.0)
    assert {order.role for order in after.orders} == {"exit"}


def test_a_number_is_the_level_as_it_was_set() -> None:
    player = Player(Snapshot(account=ACCOUNT, level=STORED), factor=10.01)
    see(player, FAIR)
    assert player.session.status()["factor"] == 10.01
    assert said(player) == ["The level is 10.010000, from SPY_TO_INDEX_FACTOR."]
    assert not player.pick(SaveLevel, player.all)


def test_with_the_true_factor_the_level_says_what_financing_it_implies() -> None:
    player = Player(factor=10.01, true_factor=10.0)
    t = years_to_expiry(T0_NS - 10**9 + player.now_ns, EXPIRY_NS)
    wanted = player.settings.r + math.log(10.01 / 10.0) / t
    assert player.session.status()["implied_financing"] == pytest.approx(wanted, rel=1e-9)
    assert said(player)[0].startswith("The level is 10.010000")
    assert Player(factor=10.01).session.status()["implied_financing"] is None


def test_a_replay_starts_without_one() -> None:
    player = Player(Snapshot(level=STORED), factor="track:30s", decide_on="row")
    assert player.session.status()["factor"] is None
    assert said(player) == [
        (
            "The bot first learns the level, from 30 s of quotes, and enters no pair meanwhile: a replay "
            "starts without one."
        )
    ]


def test_the_row_that_quotes_the_next_contract_begins_its_level_and_leaves_the_old_pair_at_its_own() -> None:
    next_ns = EXPIRY_NS + 91 * DAY_NS
    replay = Replay(
        DeskSettings(
            trading_enabled=True, decide_on="row", factor="track:2m", entry_bps=5.0, exit_bps=1.0, r=0.03,
            d=0.0, cooldown_s=0.0, max_hold_days=0.0, roll_before_s=0.0, daily_loss_usd=1e12,
        )
    ).start(EXPIRY_NS - 30 * 60 * 10**9, EXPIRY_NS)  # fmt: skip
    at_ns, level = EXPIRY_NS - 30 * 60 * 10**9, replay.session._level
    for _ in range(28):
        at_ns += 60 * 10**9
        replay.row(at_ns, (6_000.0, 6_000.25, 600.0, 600.01), EXPIRY_NS)
    replay.row(at_ns + 10**9, (6_010.0, 6_010.25, 600.0, 600.01), EXPIRY_NS)
    assert replay.session.held_con_id
    before = level._level.state
    # The opening: the pair goes at the level of its own contract, and the row is the next one's first.
    replay.row(EXPIRY_NS, (6_060.0, 6_060.25, 600.0, 600.01), next_ns)
    (trade,) = replay.trades()
    assert trade.exit_reason == "expiry"
    settled = settlement_day_at(EXPIRY_NS) - before.settlement_day
    years = (EXPIRY_NS - before.last_ns) / 1e9 / 31_536_000
    own = before.factor * math.exp(-0.03 * (settled / 365 - years))
    dev_bps = 1e4 * (6_060.125 / (600.005 * own) - 1.0)
    assert trade.exit_dev_bps == pytest.approx(dev_bps, rel=1e-9)
    state = level._level.state
    assert (state.expiry_ns, state.last_ns, state.known_s) == (next_ns, EXPIRY_NS, 0.0)
