"""What stands between a typing mistake and somebody's money."""

import pytest

from arbcore.broker.guards import LIVE, PAPER, SIMULATED, account_to_trade, check_before
from arbcore.errors import ConfigError


def before(**changes):
    usual = {"mode": LIVE, "port": 7496, "trading_enabled": True, "live_account": "U1234567"}
    check_before(**{**usual, **changes})


def chosen(*accounts, mode=PAPER, live_account="", wanted="", known=""):
    return account_to_trade(accounts, mode=mode, live_account=live_account, chosen=wanted, before=known)


def test_live_needs_both_acts():
    before()
    with pytest.raises(ConfigError, match="needs TRADING_ENABLED=1 too"):
        before(trading_enabled=False)
    with pytest.raises(ConfigError, match="needs ARBCORE_LIVE_ACCOUNT"):
        before(live_account="")


@pytest.mark.parametrize(("mode", "port"), [(PAPER, 7496), (PAPER, 4001), (LIVE, 7497), (LIVE, 4002)])
def test_a_port_of_the_other_kind_is_refused_before_it_is_dialled(mode, port):
    with pytest.raises(ConfigError, match=f"IB_PORT={port} is the port of .* trading"):
        before(mode=mode, port=port)


@pytest.mark.parametrize("port", [7497, 4002, 7400])
def test_paper_needs_no_more_than_its_port(port):
    before(mode=PAPER, port=port, trading_enabled=False, live_account="")


def test_paper_trades_a_paper_account_only():
    assert chosen("DU1234567") == "DU1234567"
    assert chosen("DUSIM000001") == "DUSIM000001"
    with pytest.raises(ConfigError, match="U1234567 is not a paper account"):
        chosen("U1234567")


def test_live_trades_the_named_account_only():
    assert chosen("U1", "U2", mode=LIVE, live_account="U2") == "U2"
    with pytest.raises(ConfigError, match="ARBCORE_LIVE_ACCOUNT=U3 only, and the login has U1, U2"):
        chosen("U1", "U2", mode=LIVE, live_account="U3")
    with pytest.raises(ConfigError, match="DU1 is a paper account; use --paper"):
        chosen("DU1", mode=LIVE, live_account="DU1")


def test_several_paper_accounts_are_not_chosen_from():
    with pytest.raises(ConfigError, match=r"has 2 accounts \(DU1, DU2\)"):
        chosen("DU1", "DU2")


def test_a_setting_chooses_among_several_accounts():
    assert chosen("DU1", "DU2", wanted="DU2") == "DU2"
    with pytest.raises(ConfigError, match=r"=DU3 is not one of the login's accounts \(DU1, DU2\)"):
        chosen("DU1", "DU2", wanted="DU3")
    with pytest.raises(ConfigError, match="ARBCORE_ACCOUNT=U1 and ARBCORE_LIVE_ACCOUNT=U2 differ"):
        chosen("U1", "U2", mode=LIVE, live_account="U2", wanted="U1")
    assert chosen("U1", "U2", mode=LIVE, live_account="U2", wanted="U2") == "U2"


def test_a_simulation_trades_our_own_gateways_account_only():
    assert chosen("DUSIM000001", mode=SIMULATED) == "DUSIM000001"
    with pytest.raises(ConfigError, match="is not the simulated account"):
        chosen("DU1234567", mode=SIMULATED)


def test_another_account_after_a_reconnect_is_refused():
    assert chosen("DU1", known="DU1") == "DU1"
    with pytest.raises(ConfigError, match="now logged in to DU2 and was logged in to DU1"):
        chosen("DU2", known="DU1")


def test_a_hostile_account_name_cannot_steer_the_terminal():
    with pytest.raises(ConfigError) as caught:
        chosen("\x1b[2JU1")
    assert "\x1b" not in str(caught.value)
