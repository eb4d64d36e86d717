"""What stands between a typing mistake and somebody's money: which account a run may trade.

Pure: settings and what the broker says in, an account or one sentence out. Real money needs two separate,
explicit acts besides ``--live``: TRADING_ENABLED=1 and ARBCORE_LIVE_ACCOUNT naming the very account.
"""

from collections.abc import Sequence

from arbcore.broker.carry_settings import LIVE_GATEWAY, LIVE_TWS, PAPER_GATEWAY, PAPER_TWS
from arbcore.core.text import printable
from arbcore.errors import ConfigError

PAPER, LIVE, SIMULATED = "paper", "live", "simulated"
#: Interactive Brokers' paper accounts begin with D, those of our own gateway with DUSIM.
PAPER_PREFIX, SIMULATED_PREFIX = "D", "DUSIM"


def check_before(*, mode: str, port: int, trading_enabled: bool, live_account: str) -> None:
    """Before anything is dialled. ConfigError where flags and settings contradict each other."""
    if mode == PAPER and port in (LIVE_TWS, LIVE_GATEWAY):
        raise ConfigError(
            f"IB_PORT={port} is where live trading listens and this is --paper; use {PAPER_TWS} (TWS) or "
            f"{PAPER_GATEWAY} (Gateway)."
        )
    if mode == LIVE and port in (PAPER_TWS, PAPER_GATEWAY):
        raise ConfigError(
            f"IB_PORT={port} is where paper trading listens and this is --live; use {LIVE_TWS} (TWS) or "
            f"{LIVE_GATEWAY} (Gateway)."
        )
    if mode == LIVE and not trading_enabled:
        raise ConfigError("--live trades real money and needs TRADING_ENABLED=1 too; try --paper first.")
    if mode == LIVE and not live_account:
        raise ConfigError("--live needs ARBCORE_LIVE_ACCOUNT, the id of the one account that it may trade.")


def account_to_trade(
    accounts: Sequence[str], *, mode: str, live_account: str, chosen: str, before: str
) -> str:
    """The one account of a connection that this run may trade; ConfigError, one sentence, otherwise.

    ``chosen`` is ARBCORE_ACCOUNT, which says which of several it is, or empty. ``before`` is the account
    of the run's earlier connections, empty at the first.
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
                f"ARBCORE_ACCOUNT={printable(chosen)} is none of the login's accounts ({shown})."
            )
        if not chosen and len(accounts) != 1:
            raise ConfigError(
                f"The login has {len(accounts)} accounts ({shown}); say with ARBCORE_ACCOUNT which of them "
                "to trade."
            )
        account = chosen or accounts[0]
        if mode == SIMULATED and not account.startswith(SIMULATED_PREFIX):
            raise ConfigError(f"{printable(account)} is not the simulated account of our own gateway.")
        if not account.startswith(PAPER_PREFIX):
            raise ConfigError(
                f"{printable(account)} is no paper account (their ids begin with D); log TWS in to paper "
                "trading."
            )
    if before and account != before:
        raise ConfigError(
            f"The connection is now to {printable(account)} and was to {printable(before)}; the bot trades "
            "one account a run."
        )
    return account
