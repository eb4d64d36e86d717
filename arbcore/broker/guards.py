"""Decides which account a run may trade, so that a typing mistake cannot trade real money.

Pure: takes settings and the broker's accounts, returns an account or raises an error of one sentence. Real
money needs two explicit settings besides ``--live``: TRADING_ENABLED=1, and ARBCORE_LIVE_ACCOUNT with the
account's id.
"""

from collections.abc import Sequence

from arbcore.broker.carry_settings import LIVE_GATEWAY, LIVE_TWS, PAPER_GATEWAY, PAPER_TWS
from arbcore.core.text import printable
from arbcore.errors import ConfigError

PAPER, LIVE, SIMULATED = "paper", "live", "simulated"
#: Interactive Brokers' paper accounts begin with D, those of our own gateway with DUSIM.
PAPER_PREFIX, SIMULATED_PREFIX = "D", "DUSIM"


def check_before(*, mode: str, port: int, trading_enabled: bool, live_account: str) -> None:
    """Checks before any connection. Raises ConfigError if flags and settings contradict each other."""
    if mode == PAPER and port in (LIVE_TWS, LIVE_GATEWAY):
        raise ConfigError(
            f"IB_PORT={port} is the port of live trading, but this is --paper; use {PAPER_TWS} (TWS) or "
            f"{PAPER_GATEWAY} (Gateway)."
        )
    if mode == LIVE and port in (PAPER_TWS, PAPER_GATEWAY):
        raise ConfigError(
            f"IB_PORT={port} is the port of paper trading, but this is --live; use {LIVE_TWS} (TWS) or "
            f"{LIVE_GATEWAY} (Gateway)."
        )
    if mode == LIVE and not trading_enabled:
        raise ConfigError("--live trades real money and needs TRADING_ENABLED=1 too; try --paper first.")
    if mode == LIVE and not live_account:
        raise ConfigError("--live needs ARBCORE_LIVE_ACCOUNT, the id of the only account that it may trade.")


def account_to_trade(
    accounts: Sequence[str], *, mode: str, live_account: str, chosen: str, before: str
) -> str:
    """The account of a connection that this run may trade. Raises ConfigError if it may trade none.

    ``chosen`` is ARBCORE_ACCOUNT, which chooses among several accounts, or empty. ``before`` is the account
    of the run's earlier connections, empty at the first one.
    """
    shown = ", ".join(printable(account) for account in accounts)
    if mode == LIVE:
        if live_account not in accounts:
            raise ConfigError(
                f"--live trades ARBCORE_LIVE_ACCOUNT={printable(live_account)} only, and the login has "
                f"{shown}."
            )
        account = live_account
        if chosen not in ("", account):
            raise ConfigError(
                f"ARBCORE_ACCOUNT={printable(chosen)} and ARBCORE_LIVE_ACCOUNT={printable(live_account)} "
                "differ; --live trades only an account that both name."
            )
        if account.startswith(PAPER_PREFIX):
            raise ConfigError(f"{printable(account)} is a paper account; use --paper for it.")
    else:
        if chosen and chosen not in accounts:
            raise ConfigError(
                f"ARBCORE_ACCOUNT={printable(chosen)} is not one of the login's accounts ({shown})."
            )
        if not chosen and len(accounts) != 1:
            raise ConfigError(
                f"The login has {len(accounts)} accounts ({shown}); choose the one to trade with "
                "ARBCORE_ACCOUNT."
            )
        account = chosen or accounts[0]
        if mode == SIMULATED and not account.startswith(SIMULATED_PREFIX):
            raise ConfigError(f"{printable(account)} is not the simulated account of our own gateway.")
        if not account.startswith(PAPER_PREFIX):
            raise ConfigError(
                f"{printable(account)} is not a paper account (their ids begin with D); log TWS in to paper "
                "trading."
            )
    if before and account != before:
        raise ConfigError(
            f"TWS is now logged in to {printable(account)} and was logged in to {printable(before)} before; "
            "a run trades one account only: log in to that one, or start again."
        )
    return account
