"""What a person sees of a run while it lasts, whatever is not known."""

import contextlib
import io

from bot_runs import Run
from carry_bots import RICH

from arbcore.commands import _ibkr_status
from arbcore.commands._ibkr_status import IbkrStatus
from arbcore.system.terminal import Console


def test_a_pair_without_a_price_has_an_unknown_profit(play):
    """Begun anew with a pair, in a closed market."""

    async def script(run):
        await run.enter(RICH)
        await run.end()
        run.fault("silent", "quotes")
        again = Run(run.served, run.market, directory=run.directory, library=run.library)
        await again.held()
        await again.until(lambda: again.state == "ACTIVE")
        with contextlib.closing(Console(quiet=True)) as console:
            status = IbkrStatus(again.bot, console)
            block, line = "\n".join(status.block()), status.line()
        assert "P&L today unknown   positions  ES -1  SPY +502" in block
        assert "pair 1  cash_and_carry, held" in block
        assert "pnl_today=unknown ES=-1 SPY=+502" in line
        await again.end()

    play(script)


def test_a_status_that_fails_says_so_and_the_run_goes_on(play, monkeypatch):
    async def script(run):
        await run.active()
        monkeypatch.setattr(_ibkr_status, "EVERY_S", 0.0)
        with contextlib.closing(Console(quiet=False, stream=io.StringIO())) as console:
            monkeypatch.setattr(console, "show", lambda *_, **__: 1 / 0)
            await IbkrStatus(run.bot, console).show()
        assert run.heard("The status cannot be shown (ZeroDivisionError: division by zero); the run goes on.")
        await run.enter(RICH)

    play(script)
