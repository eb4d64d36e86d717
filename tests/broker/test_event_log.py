"""What is written down beside a quote: the numbers of the signal, implied repo, nothing where unknown."""

from pathlib import Path
from typing import Any

import pytest
from desk_player import CHEAP, EXPIRY_NS, RICH, T0_NS, Player
from stores import opened

from arbcore.broker.alerts import Alerts
from arbcore.broker.event_log import EventLog
from arbcore.broker.report import read_store
from arbcore.carry._carry import years_to_expiry
from arbcore.carry.fair import implied_repo
from arbcore.carry.pairs import DEFAULT_PAIR, ETF, FUT
from arbcore.desk.commands import Seen, StateShown
from arbcore.desk.events import Quote

SPY_QUOTE = Quote(ETF, 600.0, 600.01)


def quotes(fut: float) -> tuple[Quote, Quote]:
    return Quote(FUT, fut, fut + 0.25), SPY_QUOTE


def kept(path: Path, player: Player, seen: Seen | None, touches: tuple[Quote, Quote]) -> dict[str, Any]:
    """The row that a signal leaves or, where there is none, a sample."""
    event_log = EventLog(
        DEFAULT_PAIR, alerts=Alerts(mode="test"), show=lambda *_: None, utc_ns=lambda: T0_NS
    )
    event_log.store, event_log.session = opened(path), player.session
    if seen is None:
        event_log.sample(touches)
    else:
        event_log.saw(seen, touches)
    event_log.store.close()
    (row,) = read_store(path).signals
    return row


def repo_of(player: Player, fut: float, etf: float) -> float:
    settings = player.settings
    t = years_to_expiry(T0_NS - 10**9 + player.now_ns, EXPIRY_NS)
    return implied_repo(future=fut, spot=etf * settings.factor, t=t, d=settings.d)


def signal_of(player: Player, fut: float) -> Seen:
    player.quotes(fut)
    return player.pick(Seen)[0]


@pytest.mark.parametrize(
    ("fut", "fut_price", "etf_price"), [(RICH, RICH, 600.01), (CHEAP, CHEAP + 0.25, 600.0)]
)
def test_a_signal_has_the_repo_of_the_prices_it_trades_at(
    tmp_path: Path, fut: float, fut_price: float, etf_price: float
) -> None:
    player = Player()
    row = kept(tmp_path / "s", player, signal_of(player, fut), quotes(fut))
    assert row["implied_repo"] == pytest.approx(repo_of(player, fut_price, etf_price), abs=1e-12)


def test_leaving_a_cash_and_carry_is_told_at_the_prices_of_buying_it_back(tmp_path: Path) -> None:
    player = Player()
    player.hold()
    row = kept(tmp_path / "s", player, signal_of(player, CHEAP), quotes(CHEAP))
    assert row["action"] == "converged"
    assert row["implied_repo"] == pytest.approx(repo_of(player, CHEAP + 0.25, 600.0), abs=1e-12)


def test_a_sample_has_the_signals_own_numbers_and_the_repo_of_the_mids(tmp_path: Path) -> None:
    player = Player()
    signal = signal_of(player, RICH)
    row = kept(tmp_path / "s", player, None, quotes(RICH))
    assert (row["action"], row["dev_bps"]) == ("sample", signal.dev_bps)
    assert (row["edge_cc_bps"], row["edge_rev_bps"]) == (signal.edge_cc_bps, signal.edge_rev_bps)
    assert row["implied_repo"] == pytest.approx(repo_of(player, RICH + 0.125, 600.005), abs=1e-12)


@pytest.mark.parametrize("case", ["no bid", "no contract", "warming up"])
def test_what_is_not_known_is_not_written(tmp_path: Path, case: str) -> None:
    player = Player(connect=case != "no contract", factor="track" if case == "warming up" else 10.0)
    touches = (Quote(FUT, 0.0, RICH), SPY_QUOTE) if case == "no bid" else quotes(RICH)
    row = kept(tmp_path / "s", player, None, touches)
    assert (row["dev_bps"], row["edge_cc_bps"], row["implied_repo"]) == (None, None, None)
    assert row["fut_ask"] is not None


def test_a_state_is_said_once_and_the_one_that_a_desk_is_born_with_not_at_all(tmp_path: Path) -> None:
    told: list[tuple[str, str]] = []
    event_log = EventLog(
        DEFAULT_PAIR,
        alerts=Alerts(mode="test"), show=lambda *line: told.append(line), utc_ns=lambda: T0_NS
    )
    event_log.store = opened(tmp_path / "s")
    for state in (("HALTED", ("not connected",)), ("HALTED", ("mismatch",)), ("ACTIVE", ())):
        event_log.state(StateShown(*state))
    event_log.store.close()
    assert told == [("warning", "HALTED: mismatch"), ("info", "ACTIVE")]
    rows = read_store(tmp_path / "s")
    assert [row["text"] for row in rows.events] == ["HALTED: not connected", "HALTED: mismatch", "ACTIVE"]
    assert not event_log.alarms
