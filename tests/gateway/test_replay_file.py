"""A recording as the gateway replays it: the backtest's rows, and through a library the backtest's trades."""

import asyncio
from pathlib import Path

import pytest
from ib_libraries import NAMES, Served, fast, load, play, quiet
from market_data import data_file
from tws import SECOND

import arbcore
from arbcore.broker.replay_file import ETF_SIZE, FUT_SIZE, replay
from arbcore.carry._carry import carry_factor, deviation_bps, years_to_expiry
from arbcore.carry._signal import Signal
from arbcore.carry.calendar import expiry_instant
from arbcore.core.civil import day_of, read_time
from arbcore.errors import DataError, InputError

SAMPLE = Path(__file__).resolve().parents[2] / "examples" / "es_spy_synthetic.csv"
HEADER = "ts,es_bid,es_ask,spy_bid,spy_ask\n"


def written(tmp_path, text):
    path = tmp_path / "quotes.csv"
    path.write_text(HEADER + text, encoding="utf-8")
    return path


def test_rows_that_a_backtest_skips_are_skipped(tmp_path):
    path = written(
        tmp_path,
        "2026-11-20T15:00:00Z,6800,6800.25,680,680.01\n"
        "2026-11-20T15:00:01Z,6801,6800.25,680,680.01\n"
        "2026-11-20T15:00:02Z,,6800.25,680,680.01\n"
        "2026-11-20T15:00:03.5Z,6800,6800.25,680,680.01\n",
    )
    rows = list(replay(path))
    assert [row.ts_ns % (60 * SECOND) for row in rows] == [0, 3_500_000_000]
    assert rows[0][2:8] == (6800.0, 6800.25, 680.0, 680.01, FUT_SIZE, ETF_SIZE)
    assert {row.expiry_ns for row in rows} == {expiry_instant(day_of(2026, 12, 18))}
    assert next(replay(path, expiry_ns=5)).expiry_ns == 5


def test_a_recording_is_read_as_it_is_asked_for(tmp_path):
    path = written(tmp_path, "2026-11-20T15:00:00Z,6800,6800.25,680,680.01\n" * 5000 + "yesterday,1,2,3,4\n")
    rows = replay(path)
    assert next(rows).ts_ns == read_time("2026-11-20T15:00:00Z")
    with pytest.raises(DataError, match="line 5002"):
        list(rows)


def test_a_file_that_is_not_there_is_an_input_error(tmp_path):
    with pytest.raises(InputError, match="does not exist"):
        next(replay(tmp_path / "nowhere.csv"))


# --- the backtest's trades ----------------------------------------------------------------------------


class Trader:
    """The smallest bot that can be compared: the backtest's signal, one contract, over a library."""

    def __init__(self, session, *, r, d, factor, **thresholds):
        self.session = session
        self.r, self.d, self.factor = r, d, factor
        self.signal = Signal(**thresholds)
        self.trades, self.row, self.orders, self.clock, self.over = [], 0, None, None, asyncio.Event()

    async def trade(self):
        session, ib = self.session, self.session.ib
        await session.connect()
        ib.client.MaxRequests = 0
        self.es, self.spy = await session.contracts()
        date = self.es.lastTradeDateOrContractMonth
        self.expiry_ns = expiry_instant(day_of(int(date[:4]), int(date[4:6]), int(date[6:8])))
        self.future, self.shares = ib.reqMktData(self.es), ib.reqMktData(self.spy)
        ib.pendingTickersEvent += self.arrived
        self.clock = await session.clock()
        await asyncio.wait_for(self.over.wait(), 60)
        return self.trades

    def arrived(self, tickers):
        if self.clock is None or self.clock not in tickers:
            return
        if self.clock.halted == 1.0:
            self.over.set()
            return
        if self.orders is not None and all(order.isDone() for order in self.orders):
            self.done()
        if self.clock.volume == self.row + 1:
            self.row += 1
            self.decide(int(self.clock.last) * SECOND + int(self.clock.lastSize))
        self.session.ib.client.updateDisplayGroup(0, str(self.row))

    def decide(self, now_ns):
        t = years_to_expiry(now_ns, self.expiry_ns)
        c = carry_factor(factor=self.factor, r=self.r, d=self.d, t=t)
        quotes = {
            "es_bid": self.future.bid, "es_ask": self.future.ask, "spy_bid": self.shares.bid,
            "spy_ask": self.shares.ask, "c": c,
        }  # fmt: skip
        action = self.signal.decide(now_ns, self.expiry_ns, **quotes)
        if action == "stay":
            return
        entering = action.startswith("enter")
        side = (-1 if action == "enter_cash_and_carry" else 1) if entering else -self.signal.side
        es, spy = (self.future.ask, self.shares.bid) if side > 0 else (self.future.bid, self.shares.ask)
        if entering:
            self.quantity = int(50 * es / spy + 0.5)
        self.action, self.side, self.now_ns = action, side, now_ns
        self.dev_bps = deviation_bps(**quotes)
        future, shares = ("BUY", "SELL") if side > 0 else ("SELL", "BUY")
        place, limit = self.session.ib.placeOrder, self.session.limit
        self.orders = [
            place(self.es, limit(future, 1, es)),
            place(self.spy, limit(shares, self.quantity, spy)),
        ]

    def done(self):
        prices = [order.fills[0].execution.price for order in self.orders]
        self.orders = None
        if self.action.startswith("enter"):
            self.signal.entered(self.side, self.now_ns, self.expiry_ns, dev_bps=self.dev_bps)
            self.entry = (self.now_ns, *prices)
            return
        self.signal.left(self.now_ns)
        self.trades.append((*self.entry, self.now_ns, *prices, self.quantity, self.action))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("data", "settings"),
    [
        (SAMPLE, {"r": 0.043, "d": 0.0125, "factor": 10.03, "entry_bps": 3.0, "exit_bps": 0.5}),
        ("ES_Z13_SPY_1min_quotes_20131007-11_rth.csv",
         {"r": 0.0005, "d": 0.02, "factor": 10.007, "entry_bps": 0.0, "exit_bps": 0.0}),
    ],
    ids=["sample", "real"],
)  # fmt: skip
def test_the_signal_over_a_library_makes_the_backtests_trades(name, data, settings):
    quiet(name)
    library = load(name)
    settings |= {"cost_bps": 0.5}
    path = data if isinstance(data, Path) else data_file(data)
    ledger = arbcore.backtest(path, **settings).trades
    names = (
        "entry_ts", "fut_entry", "etf_entry", "exit_ts", "fut_exit", "etf_exit", "shares", "exit_reason",
    )  # fmt: skip
    expected = list(zip(*(list(ledger[name]) for name in names), strict=True))
    assert len(expected) > 5
    with Served(replay(path), **fast()) as served:
        assert play(library, served, lambda session: Trader(session, **settings).trade()) == expected
