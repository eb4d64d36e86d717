"""Messages that the library cannot read, times of every form, and accounts that are not ours."""

import subprocess
import sys

import pytest
from carry_bots import FAIR, RICH, stored

from arbcore.carry.pairs import ETF, FUT
from arbcore.core.civil import read_time
from arbcore.gateway.faults import TIME_FORMS, UNREADABLE

HELD = {"ES": -1, "SPY": 502}


@pytest.mark.parametrize("what", UNREADABLE)
def test_a_message_that_cannot_be_read_is_heard_of_and_asked_for_again(what, play):
    async def script(run):
        await run.active()
        run.fault("unreadable", what, count=1)
        run.market.dev_bps = RICH
        await run.until(lambda: run.heard("that could not be read; the bot asks again"))
        await run.held()
        assert run.bot.heartbeat.ours() == run.books["positions"] == HELD
        run.market.dev_bps = FAIR
        await run.flat()

    play(script, order_timeout_s=5.0)


@pytest.mark.parametrize("form", TIME_FORMS)
def test_an_execution_is_counted_at_its_own_time_whatever_the_zone_is_called(form, play):
    async def script(run):
        await run.enter(RICH)
        assert run.bot.heartbeat.ours() == HELD
        run.fault("disconnect")
        await run.until(lambda: run.bot.tally.connections == 2)
        await run.active()
        assert run.bot.heartbeat.ours() == HELD

    run = play(script, faults=(f"time_form={form}@0",))
    assert run.heard("'Nowhere/Near', which this machine does not know") == (form == "unknown_zone")
    for order, execution in stored(
        run.directory, "SELECT o.created_ts, e.ts FROM executions e JOIN orders o USING (order_ref)"
    ):
        assert abs(read_time(execution) - read_time(order)) < 5 * 10**9


def test_a_machine_without_zones_trades(tmp_path, library):
    """No system table and no package tzdata: what Debian 13 and slim images lack, in a process of its own."""
    program = (
        "import sys; sys.modules['tzdata'] = None\n"
        "from arbcore.cli import main\n"
        "sys.exit(main(['ibkr', '--paper', '--simulate', '--seed', '7', '--duration', '12', '--quiet',"
        " '--json']))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, timeout=60,
        check=False, env={
            "PYTHONTZPATH": "/nonexistent", "ARBCORE_IB_LIBRARY": library, "PATH": "/usr/bin:/bin",
            "PYTHONPATH": ":".join(sys.path),
        },
    )  # fmt: skip
    assert "cannot read" not in done.stderr, done.stderr
    assert "HALTED" not in done.stderr, done.stderr
    assert '"connections": 1' in done.stdout, done.stdout + done.stderr


ACCOUNTS = {"gateway": {"accounts": ("DUSIM000001", "DUSIM000002")}}


def test_of_several_accounts_the_chosen_one_is_traded_and_no_other_is_ours(play):
    """Positions of another account of the log-in are told like those of ours."""

    async def script(run):
        await run.active()
        run.served.do(tell_of_another_account)
        await run.enter(RICH)
        await run.rows(20)
        assert (run.state, run.bot.account) == ("ACTIVE", "DUSIM000001")
        assert run.bot.session.account_positions() == {FUT: -1, ETF: 502}
        run.market.dev_bps = FAIR
        await run.flat()

    play(script, account="DUSIM000001", **ACCOUNTS)


def tell_of_another_account(gateway):
    from arbcore.carry.pairs import DEFAULT_PAIR
    from arbcore.gateway import replies
    from arbcore.gateway.contract_table import etf_listing

    for client in gateway.clients.values():
        etf = etf_listing(DEFAULT_PAIR)
        client.send(replies.position("DUSIM000002", etf, quantity=777.0, average_cost=600.0))
