"""Foreign trades: the bot sees what others trade in the pair's symbols in its account, and sends no order."""

import pytest
from bot_runs import Run
from carry_bots import FAIR, RICH

from arbcore.carry.pairs import ETF, FUT

HELD = {"ES": -1, "SPY": 502}


async def halted(run, numbers):
    """HALTED in words with both numbers; ``tests/desk/test_holdings.py`` says after what time."""
    await run.until(lambda: run.heard(numbers))
    # A machine that is busy may add reasons of its own.
    assert run.state == "HALTED"
    assert "mismatch" in run.bot.session.reasons


@pytest.mark.parametrize(
    ("shares", "words"),
    [
        (-502.0, "The broker reports -1 ES and 0 SPY; our executions come to -1 ES and 502 SPY."),
        (-1.0, "The broker reports -1 ES and 501 SPY; our executions come to -1 ES and 502 SPY."),
        (502.0, "The broker reports -1 ES and 1004 SPY; our executions come to -1 ES and 502 SPY."),
        (-1_004.0, "The broker reports -1 ES and -502 SPY; our executions come to -1 ES and 502 SPY."),
    ],
)
def test_a_person_who_trades_our_shares_halts_the_bot(shares, words, play):
    async def script(run):
        await run.enter(RICH)
        run.fault("foreign_trade", shares)
        # At once everything says that the pair is to go.
        run.market.dev_bps = FAIR
        await halted(run, words)
        await run.rows(20)
        assert run.sent == 2
        assert run.bot.heartbeat.ours() == HELD
        await run.until(
            lambda: run.bot.session.account_positions() == {FUT: -1, ETF: 502 + int(shares)}
        )
        # Whoever puts it back is believed, and the pair goes.
        run.fault("foreign_trade", -shares)
        await run.flat()
        assert run.sent == 4

    play(script, compare=False)


def test_a_trade_while_the_bot_is_flat_halts_it_too(play):
    async def script(run):
        await run.active()
        run.fault("foreign_trade", 100.0)
        run.market.dev_bps = RICH
        await halted(
            run, "The broker reports 0 ES and 100 SPY; our executions come to 0 ES and 0 SPY."
        )
        await run.rows(20)
        assert run.sent == 0

    play(script, compare=False)


def test_nothing_leaves_between_a_foreign_change_and_the_answer_about_it(play):
    """The exit is due with the very next quote, and the change came just before it."""

    async def script(run):
        await run.enter(RICH)
        run.fault("silent", "positions")
        run.fault("foreign_trade", -502.0)
        run.market.dev_bps = FAIR
        await run.until(lambda: run.state == "HALTED")
        await run.rows(40)
        assert run.sent == 2
        assert run.books["positions"] == {"ES": -1, "SPY": 0}

    play(script, compare=False, query_timeout_s=0.4)


def test_positions_that_outrun_their_executions_are_not_a_foreign_trade(play):
    """The account is told before the fill that changed it: explained in time, it costs a moment."""

    async def script(run):
        await run.active()
        run.fault("silent_fill", count=2)
        run.served.do(tell_positions_first)
        run.market.dev_bps = RICH
        await run.held()
        assert run.state == "ACTIVE"
        assert run.bot.event_log.alarms["mismatch"] == 0

    play(script, order_timeout_s=5.0)


def tell_positions_first(gateway):
    book = gateway.account.fill

    def fill(view):
        done = book(view)
        gateway.position_news(view.listing)
        return done

    gateway.desk.account = Telling(gateway.account, fill)


class Telling:
    """An account that does one thing its own way."""

    def __init__(self, account, fill):
        self._account = account
        self.fill = fill

    def __getattr__(self, name):
        return getattr(self._account, name)


def test_a_second_bot_on_the_same_account_and_symbols_halts_both(play, tmp_path):
    """Each hears of the other's fills by the account's positions alone."""
    other_directory = tmp_path / "other"
    other_directory.mkdir()

    async def script(run):
        other = Run(
            run.served, run.market, directory=other_directory, library=run.library, client_id=18
        )
        try:
            await run.active()
            await other.active()
            run.market.dev_bps = RICH
            await run.until(lambda: run.state == other.state == "HALTED")
            sent = run.sent
            await run.rows(40)
            assert run.sent == sent <= 4
            assert run.heard("The broker reports")
            assert other.heard("The broker reports")
        finally:
            await other.end()

    play(script, compare=False)
