"""A store that another program locks: nothing leaves meanwhile, and the end says what is held."""

import asyncio
import contextlib
import sqlite3

import pytest
from carry_bots import FAIR, RICH, STORE, stored

from arbcore import ibkr
from arbcore.broker import command_executor
from arbcore.errors import RunError


@contextlib.contextmanager
def locked(run):
    """Another program in the middle of a transaction that writes."""
    with contextlib.closing(sqlite3.connect(run.directory / STORE, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


def test_nothing_leaves_while_it_is_locked_and_all_goes_on_after(play):
    async def script(run):
        await run.active()
        with locked(run):
            run.market.dev_bps = RICH
            await run.until(lambda: run.bot.event_log.alarms["store locked"])
            await run.rows(40)
            assert (run.sent, run.state) == (0, "HALTED")
        await run.until(lambda: run.heard("The store is free again"))
        await run.held()
        assert run.sent == 2
        run.market.dev_bps = FAIR
        await run.flat()

    play(script)


def test_a_pair_that_is_held_is_left_only_after_it(play):
    async def script(run):
        await run.enter(RICH)
        with locked(run):
            run.market.dev_bps = FAIR
            await run.until(lambda: run.bot.event_log.alarms["store locked"])
            await run.rows(40)
            assert run.sent == 2
        await run.flat()
        assert [row[0] for row in stored(run.directory, "SELECT phase FROM trades")] == ["closed"]

    play(script)


def test_locked_for_too_long_ends_with_what_is_held(play, monkeypatch):
    monkeypatch.setattr(command_executor, "LOCKED_MAX_S", 0.5)

    async def script(run):
        await run.enter(RICH)
        with locked(run):
            run.market.dev_bps = FAIR
            with pytest.raises(RunError) as caught:
                await run.task
        text = str(caught.value)
        assert "is locked by another program" in text
        assert "ES -1, SPY +502" in text
        assert "no bot watches it" in text
        run.task = asyncio.ensure_future(asyncio.sleep(0))

    play(script, compare=False)


def test_locked_while_nothing_is_to_be_saved_ends_it_too(play, monkeypatch):
    monkeypatch.setattr(command_executor, "LOCKED_MAX_S", 0.5)

    async def script(run):
        await run.enter(RICH)
        with locked(run), pytest.raises(RunError, match=r"ES -1, SPY \+502 is held and no bot watches it"):
            await run.task
        run.task = asyncio.ensure_future(asyncio.sleep(0))

    play(script, compare=False)


def test_a_start_waits_for_it(play, monkeypatch):
    async def before(run):
        await run.active()

    async def script(run):
        await run.active()

    play(before)
    monkeypatch.setattr(ibkr, "LOCKED_PAUSE_S", 0.05)

    async def late(run):
        with locked(run):
            await asyncio.sleep(0.4)
            assert run.bot.session is None
        await run.active()

    play(late)
    monkeypatch.setattr(ibkr, "LOCKED_MAX_S", 0.2)

    async def never(run):
        with locked(run), pytest.raises(RunError, match="is locked by another program while opening it"):
            await run.task
        run.task = asyncio.ensure_future(asyncio.sleep(0))

    play(never, compare=False)
