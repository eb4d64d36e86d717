"""Every pair of the table through the whole bot, and bots of several pairs on one account."""

import asyncio
import time

import pytest
from bot_runs import Run
from carry_bots import ACCOUNT, CHEAP, FAIR, RICH, Market, plan_of, quote_row, stored
from ib_libraries import Served

from arbcore.broker.store_file import open_to_read
from arbcore.carry.pairs import PAIRS, pair_named
from arbcore.errors import ConfigError, RunError
from arbcore.gateway.contract_table import etf_listing
from arbcore.gateway.replies import ExecutionView


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair.name)
def test_a_pair_is_entered_and_left_in_its_own_symbols_on_its_own_ticks(play, tmp_path, pair):
    async def script(run):
        await run.enter(RICH)
        held = run.bot.heartbeat.ours()
        assert list(held) == [pair.future, pair.etf]
        assert held[pair.future] == -1
        assert run.books["positions"] == held
        run.market.dev_bps = FAIR
        await run.flat()

    market = Market(pair=pair)
    play(script, market=market, pair=pair, factor=pair.points_per_usd)
    orders = stored(tmp_path, "SELECT symbol, limit_price FROM orders")
    assert sorted({symbol for symbol, _ in orders}) == sorted((pair.future, pair.etf))
    for symbol, limit in orders:
        ticks = limit / (pair.tick if symbol == pair.future else pair.etf_tick)
        assert ticks == pytest.approx(round(ticks), abs=1e-6)
    ((shares,),) = set(stored(tmp_path, f"SELECT quantity FROM orders WHERE symbol = '{pair.etf}'"))
    assert shares == pytest.approx(pair.multiplier * pair.points_per_usd, rel=0.02)
    executed = stored(tmp_path, "SELECT DISTINCT symbol, multiplier FROM executions")
    assert sorted(executed) == sorted([(pair.future, pair.multiplier), (pair.etf, 1.0)])
    assert stored(tmp_path, "SELECT value FROM meta WHERE key = 'pair'") == [(pair.name,)]


def beside(market, pair):
    """Rows of another pair at the times of a market's."""
    return (
        quote_row(row.ts_ns, market.dev_bps, expiry_ns=row.expiry_ns, size=row.fut_size, pair=pair)
        for row in market
    )


def test_bots_of_two_pairs_trade_beside_each_other_on_one_account(library, tmp_path):
    pairs = [pair_named("es-spy"), pair_named("mnq-qqq")]
    markets = [Market(time.time_ns()), Market(time.time_ns())]
    folders = [tmp_path / pair.name for pair in pairs]

    async def main(served):
        runs = []
        for number, (pair, folder) in enumerate(zip(pairs, folders, strict=True)):
            folder.mkdir()
            runs.append(
                Run(
                    served, markets[number], directory=folder, library=library, pair=pair,
                    factor=pair.points_per_usd, client_id=20 + number,
                )
            )  # fmt: skip
        first, second = runs
        try:
            await first.enter(RICH)
            # What the first one holds is no news to the second, which trades on.
            await second.enter(CHEAP)
            assert (first.state, second.state) == ("ACTIVE", "ACTIVE")
            held = {**first.bot.heartbeat.ours(), **second.bot.heartbeat.ours()}
            assert run_positions(served) == held
            assert held["ES"] == -1
            assert held["MNQ"] == 1
            for run in runs:
                run.market.dev_bps = FAIR
            for run in runs:
                await run.flat()
            assert not any(run_positions(served).values())
            for run in runs:
                await run.end()
                assert not run.bot.event_log.alarms
        finally:
            for run in runs:
                run.task.cancel()
            await asyncio.gather(*(run.task for run in runs), return_exceptions=True)

    with Served(markets[0], beside=[beside(markets[1], pairs[1])]) as served:
        asyncio.run(main(served))
    for pair, folder in zip(pairs, folders, strict=True):
        symbols = {symbol for (symbol,) in stored(folder, "SELECT symbol FROM executions")}
        assert symbols == {pair.future, pair.etf}


def run_positions(served):
    """What the account holds, by symbol."""


    def held(gateway):
        return {each.listing.symbol: int(each.quantity) for each in gateway.account.positions.values()}

    return served.do(held)


@pytest.mark.parametrize("other", ["es-spy", "mes-spy"])
def test_a_bot_that_shares_a_symbol_with_a_running_one_is_refused(play, library, tmp_path, other):
    shared = "ES" if other == "es-spy" else "SPY"

    async def script(run):
        await run.active()
        path = tmp_path / "second.sqlite3"
        second = Run(
            run.served, run.market, directory=tmp_path, library=library, pair=pair_named(other),
            client_id=18, store_path=path,
        )  # fmt: skip
        said = f"Another bot trades {shared} in this account already \\(es-spy, store bot"
        with pytest.raises(RunError, match=said):
            await second.task
        assert not path.exists()
        assert run.state == "ACTIVE"

    play(script)


def test_a_store_of_one_pair_refuses_another(play, library, tmp_path):
    async def script(run):
        await run.active()

    play(script)
    with open_to_read(tmp_path / "bot.sqlite3") as store:
        before = dict(store.execute("SELECT key, value FROM meta"))

    with pytest.raises(ConfigError, match="belongs to the pair es-spy and this bot trades mes-spy; name"):
        play(script, pair=pair_named("mes-spy"))
    with open_to_read(tmp_path / "bot.sqlite3") as store:
        assert dict(store.execute("SELECT key, value FROM meta")) == before


def buys_elsewhere(gateway):
    """A person buys shares of another pair's ETF in the account."""
    spy, now_ns = etf_listing(pair_named("es-spy")), gateway.clock_ns
    view = ExecutionView(spy, 0, 0, 0, "", ACCOUNT, "BOT", 100.0, 680.0, 100.0, 680.0, "", now_ns)
    gateway.account.fill(view)
    gateway.position_news(spy)


def test_a_position_in_another_pairs_symbols_is_nobodys_business(play, tmp_path):
    market = Market(pair=pair_named("nq-qqq"))

    async def script(run):
        await run.enter(RICH)
        run.served.do(buys_elsewhere)
        await run.decisions()
        await asyncio.sleep(3.0)  # Longer than a change of the pair's own symbols may go unexplained.
        assert run.state == "ACTIVE"
        run.market.dev_bps = FAIR
        await run.flat()

    play(script, market=market, pair=market.pair, factor=41.0, compare=False)


def test_plans_carry_one_pair(tmp_path):
    plan = plan_of(7497, tmp_path, library="", pair=pair_named("ym-dia"))
    assert plan.pair is plan.settings.pair is plan.desk.pair
