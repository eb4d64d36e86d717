"""Third-party backtesting engines, each set up to make the trades of the carry signal.

Only the engine's run is timed; its data are prepared before. If an engine has only one instrument or fills at
the mid, only sides and times are taken from its fills, and the net is computed from the quotes.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tools.bench import quotes
from tools.bench.quotes import SETTINGS, Columns, Trade

WANTED_BPS = SETTINGS.entry_bps + SETTINGS.cost_bps
NOTIONAL = SETTINGS.contracts * SETTINGS.multiplier
YEAR_NS = 365 * 86_400 * 1e9


@dataclass(frozen=True)
class Engine:
    """One engine: ``prepare`` converts the columns; ``run`` is timed and returns the trades."""

    name: str
    module: str
    rows: int
    note: str
    prepare: Callable[[Columns], Any]
    run: Callable[[Any], list[Trade]]
    at_least: float | None = None


def net_of(side: int, es_entry: float, spy_entry: float, es_exit: float, spy_exit: float) -> float:
    """Computes a trade's net from its four fills."""
    shares = max(1.0, math.floor(NOTIONAL * es_entry / spy_entry + 0.5))
    gross = side * NOTIONAL * (es_exit - es_entry) - side * shares * (spy_exit - spy_entry)
    return gross - SETTINGS.cost_bps * 1e-4 * NOTIONAL * es_entry


def priced(columns: Columns, side: int, entry: int, leave: int) -> Trade:
    """Returns the trade between two rows, at the touch of their quotes."""
    es_bid, es_ask, spy_bid, spy_ask = columns.all()[1:]
    if side < 0:
        fills = es_bid[entry], spy_ask[entry], es_ask[leave], spy_bid[leave]
    else:
        fills = es_ask[entry], spy_bid[entry], es_bid[leave], spy_ask[leave]
    return side, columns.ts[entry], columns.ts[leave], net_of(side, *fills)


def decide(side: int, ts_ns: int, expiry_ns: int, prices: tuple[float, float, float, float]) -> int:
    """Returns the position after a row, as a Python strategy decides it: -1, 0 or 1."""
    es_bid, es_ask, spy_bid, spy_ask = prices
    left_ns = expiry_ns - ts_ns
    c = SETTINGS.factor * math.exp((SETTINGS.r - SETTINGS.d) * max(0, left_ns) / YEAR_NS)
    if side == 0:
        if left_ns <= 0:
            return 0
        dear, cheap = spy_ask * c, spy_bid * c
        if 1e4 * (es_bid - dear) / dear >= WANTED_BPS:
            return -1
        return 1 if 1e4 * (cheap - es_ask) / cheap >= WANTED_BPS else 0
    fair = (spy_bid + spy_ask) * 0.5 * c
    stays = left_ns > 0 and -side * (1e4 * ((es_bid + es_ask) * 0.5 - fair) / fair) > SETTINGS.exit_bps
    return side if stays else 0


# --- numba ------------------------------------------------------------------------------------------------


def numba_loop() -> Any:
    """Returns the loop of the floor, compiled by numba."""
    import numba
    import numpy as np

    r, d, factor, leave = SETTINGS.r, SETTINGS.d, SETTINGS.factor, SETTINGS.exit_bps
    wanted, year_ns = WANTED_BPS, YEAR_NS

    @numba.njit  # type: ignore[misc]
    def loop(ts, es_bid, es_ask, spy_bid, spy_ask, expiry_ns):  # type: ignore[no-untyped-def]
        out = np.empty((ts.size // 2 + 1, 3), dtype=np.int64)
        count, side, entry = 0, 0, 0
        for i in range(ts.size):
            left = expiry_ns - ts[i]
            c = factor * math.exp((r - d) * max(0, left) / year_ns)
            if side == 0:
                if left <= 0:
                    continue
                dear, cheap = spy_ask[i] * c, spy_bid[i] * c
                if 1e4 * (es_bid[i] - dear) / dear >= wanted:
                    side, entry = -1, i
                elif 1e4 * (cheap - es_ask[i]) / cheap >= wanted:
                    side, entry = 1, i
                continue
            fair = (spy_bid[i] + spy_ask[i]) * 0.5 * c
            if left > 0 and -side * (1e4 * ((es_bid[i] + es_ask[i]) * 0.5 - fair) / fair) > leave:
                continue
            out[count] = side, entry, i
            count, side = count + 1, 0
        return out[:count]

    return loop


def prepare_numba(columns: Columns) -> Any:
    import numpy as np

    loop = numba_loop()
    arrays = [np.frombuffer(column, dtype=column.typecode) for column in columns.all()]
    return columns, loop, arrays


def run_numba(prepared: Any) -> list[Trade]:
    columns, loop, arrays = prepared
    found = loop(*arrays, quotes.expiry_ns())
    return [priced(columns, int(side), int(entry), int(leave)) for side, entry, leave in found]


# --- hftbacktest ------------------------------------------------------------------------------------------


def prepare_hftbacktest(columns: Columns) -> Any:
    """Prepares each row's quotes as depth events of two instruments, and the strategy compiled by numba."""
    import hftbacktest as hft
    import numpy as np
    from numba import njit

    arrays = [np.frombuffer(column, dtype=column.typecode) for column in columns.all()]
    events = [hft_events(arrays[0], bid, ask) for bid, ask in (arrays[1:3], arrays[3:5])]
    r, d, factor, leave = SETTINGS.r, SETTINGS.d, SETTINGS.factor, SETTINGS.exit_bps
    wanted, notional, year_ns, expiry_ns = WANTED_BPS, NOTIONAL, YEAR_NS, quotes.expiry_ns()
    gtc, market = hft.GTC, hft.MARKET

    @njit  # type: ignore[misc]
    def strategy(hbt, ts):  # type: ignore[no-untyped-def]
        out = np.empty((ts.size // 2 + 1, 7))
        count, side, order, shares = 0, 0, 1, 0.0
        for i in range(ts.size):
            if hbt.elapse(ts[i] - hbt.current_timestamp) != 0:
                break
            es, spy = hbt.depth(0), hbt.depth(1)
            es_bid, es_ask, spy_bid, spy_ask = es.best_bid, es.best_ask, spy.best_bid, spy.best_ask
            left = expiry_ns - ts[i]
            c = factor * math.exp((r - d) * max(0, left) / year_ns)
            want = side
            if side == 0:
                dear, cheap = spy_ask * c, spy_bid * c
                if left > 0 and 1e4 * (es_bid - dear) / dear >= wanted:
                    want = -1
                elif left > 0 and 1e4 * (cheap - es_ask) / cheap >= wanted:
                    want = 1
            else:
                fair = (spy_bid + spy_ask) * 0.5 * c
                if left <= 0 or -side * (1e4 * ((es_bid + es_ask) * 0.5 - fair) / fair) <= leave:
                    want = 0
            if want == side:
                continue
            if want != 0:
                es_price, spy_price = (es_bid, spy_ask) if want < 0 else (es_ask, spy_bid)
                shares = max(1.0, math.floor(notional * es_price / spy_price + 0.5))
            sells_es = want < side
            if sells_es:
                hbt.submit_sell_order(0, order, es_bid, 1.0, gtc, market, True)
                hbt.submit_buy_order(1, order + 1, spy_ask, shares, gtc, market, True)
            else:
                hbt.submit_buy_order(0, order, es_ask, 1.0, gtc, market, True)
                hbt.submit_sell_order(1, order + 1, spy_bid, shares, gtc, market, True)
            es_fill = hbt.orders(0).get(order).exec_price
            spy_fill = hbt.orders(1).get(order + 1).exec_price
            order += 2
            hbt.clear_inactive_orders(0)
            hbt.clear_inactive_orders(1)
            if want != 0:
                out[count, 0], out[count, 1], out[count, 3], out[count, 4] = want, i, es_fill, spy_fill
            else:
                out[count, 2], out[count, 5], out[count, 6] = i, es_fill, spy_fill
                count += 1
            side = want
        return out[:count]

    return columns, arrays[0], events, strategy


def hft_events(ts: Any, bid: Any, ask: Any) -> Any:
    """Returns depth events: each row empties the old level and fills the new one."""
    import hftbacktest as hft
    import numpy as np

    rows = len(ts)
    made = np.zeros(rows * 4, dtype=hft.event_dtype)
    kind = hft.EXCH_EVENT | hft.LOCAL_EVENT | hft.DEPTH_EVENT
    size = 1e6
    for offset, side, prices in ((0, hft.BUY_EVENT, bid), (2, hft.SELL_EVENT, ask)):
        gone, come = made[offset::4], made[offset + 1 :: 4]
        gone["px"][1:], gone["px"][0], gone["qty"] = prices[:-1], prices[0], 0.0
        come["px"], come["qty"] = prices, size
        gone["ev"] = come["ev"] = kind | side
    # An unchanged price needs no event.
    keep = np.ones(rows * 4, dtype=bool)
    for offset, prices in ((0, bid), (2, ask)):
        stands = np.concatenate(([False], prices[1:] == prices[:-1]))
        keep[offset::4] = keep[offset + 1 :: 4] = ~stands
        keep[offset] = False
    made["exch_ts"] = made["local_ts"] = np.repeat(ts, 4)
    return made[keep]


def run_hftbacktest(prepared: Any) -> list[Trade]:
    import hftbacktest as hft

    columns, ts, events, strategy = prepared
    assets = [
        hft.BacktestAsset()
        .data(data)
        .linear_asset(multiplier)
        .constant_order_latency(0, 0)
        .risk_adverse_queue_model()
        .no_partial_fill_exchange()
        .trading_value_fee_model(0.0, 0.0)
        .tick_size(tick)
        .lot_size(1.0)
        for data, multiplier, tick in zip(events, (NOTIONAL, 1.0), (0.25, 0.01), strict=True)
    ]
    hbt = hft.HashMapMarketDepthBacktest(assets)
    found = strategy(hbt, ts)
    hbt.close()
    return [
        (int(side), columns.ts[int(entry)], columns.ts[int(leave)], net_of(int(side), *fills))
        for side, entry, leave, *fills in found
    ]


# --- backtesting.py ---------------------------------------------------------------------------------------


def prepare_backtesting(columns: Columns) -> Any:
    """Prepares the mid of ES as bars, and the strategy, which looks up the quotes of its row."""
    import backtesting
    import pandas as pd

    mids = [(bid + ask) / 2 for bid, ask in zip(columns.es_bid, columns.es_ask, strict=True)]
    bars = dict.fromkeys(("Open", "High", "Low", "Close"), mids)
    rows = list(zip(*columns.all(), strict=True))
    end_ns = quotes.expiry_ns()

    class Carry(backtesting.Strategy):  # type: ignore[misc]
        def init(self) -> None:
            self.held = 0

        def next(self) -> None:
            ts_ns, *prices = rows[len(self.data) - 1]
            want = decide(self.held, ts_ns, end_ns, tuple(prices))
            if want == self.held:
                return
            if want == 0:
                self.position.close()
            elif want < 0:
                self.sell(size=1)
            else:
                self.buy(size=1)
            self.held = want

    # Disables the progress bar, which would appear among the tables.
    backtesting.backtesting._tqdm = lambda bars, **_: bars
    frame = pd.DataFrame(bars, index=pd.to_datetime(list(columns.ts)))
    return columns, backtesting.Backtest(frame, Carry, cash=1e9, trade_on_close=True, finalize_trades=False)


def run_backtesting(prepared: Any) -> list[Trade]:
    columns, test = prepared
    found = test.run()["_trades"]
    fields = zip(found["Size"], found["EntryBar"], found["ExitBar"], strict=True)
    return [priced(columns, 1 if size > 0 else -1, int(entry), int(leave)) for size, entry, leave in fields]


# --- backtrader -------------------------------------------------------------------------------------------


def prepare_backtrader(columns: Columns) -> Any:
    """Prepares bars of both mids; orders fill at the close of the bar on which they are sent."""
    import backtrader as bt
    import pandas as pd

    index = pd.to_datetime(list(columns.ts))
    frames = []
    for bids, asks in ((columns.es_bid, columns.es_ask), (columns.spy_bid, columns.spy_ask)):
        mids = [(bid + ask) / 2 for bid, ask in zip(bids, asks, strict=True)]
        frames.append(pd.DataFrame(dict.fromkeys(("open", "high", "low", "close"), mids), index=index))
    rows = list(zip(*columns.all(), strict=True))
    end_ns = quotes.expiry_ns()

    class Carry(bt.Strategy):  # type: ignore[misc]
        def __init__(self) -> None:
            self.held, self.shares = 0, 0.0
            self.fills: list[tuple[int, float]] = []

        def next(self) -> None:
            at = len(self) - 1
            ts_ns, *prices = rows[at]
            want = decide(self.held, ts_ns, end_ns, tuple(prices))
            if want == self.held:
                return
            if want:
                self.shares = max(1.0, NOTIONAL * prices[0] // prices[2])
            es, spy = (self.sell, self.buy) if want < self.held else (self.buy, self.sell)
            es(data=self.data0, size=1, row=at)
            spy(data=self.data1, size=self.shares)
            self.held = want

        def notify_order(self, order: Any) -> None:
            if order.status == order.Completed and order.data is self.data0:
                self.fills.append((order.info.row, order.executed.size))

    return columns, frames, Carry


def run_backtrader(prepared: Any) -> list[Trade]:
    import backtrader as bt

    columns, frames, strategy = prepared
    cerebro = bt.Cerebro(stdstats=False)
    for frame in frames:
        cerebro.adddata(bt.feeds.PandasData(dataname=frame))
    cerebro.broker.setcash(1e12)
    cerebro.broker.set_coc(True)
    cerebro.addstrategy(strategy)
    fills = cerebro.run()[0].fills
    pairs = zip(fills[::2], fills[1::2], strict=False)
    return [priced(columns, 1 if size > 0 else -1, entry, leave) for (entry, size), (leave, _) in pairs]


# --- vectorbt ---------------------------------------------------------------------------------------------


def prepare_vectorbt(columns: Columns) -> Any:
    import numpy as np

    return columns, [np.frombuffer(column, dtype=column.typecode) for column in columns.all()]


def run_vectorbt(prepared: Any) -> list[Trade]:
    """Computes signals as whole columns; the engine trades them on the mid of ES."""
    import numpy as np
    import vectorbt as vbt

    columns, (ts, es_bid, es_ask, spy_bid, spy_ask) = prepared
    left_ns = np.maximum(0, quotes.expiry_ns() - ts)
    c = SETTINGS.factor * np.exp((SETTINGS.r - SETTINGS.d) * left_ns / YEAR_NS)
    dear, cheap, fair = spy_ask * c, spy_bid * c, (spy_bid + spy_ask) * 0.5 * c
    mid, over = (es_bid + es_ask) * 0.5, left_ns <= 0
    dev = 1e4 * (mid - fair) / fair
    portfolio = vbt.Portfolio.from_signals(
        mid,
        entries=(1e4 * (cheap - es_ask) / cheap >= WANTED_BPS) & ~over,
        exits=(-dev <= SETTINGS.exit_bps) | over,
        short_entries=(1e4 * (es_bid - dear) / dear >= WANTED_BPS) & ~over,
        short_exits=(dev <= SETTINGS.exit_bps) | over,
        upon_opposite_entry="ignore", size=1.0, init_cash=1e9, freq="100ms",
    )  # fmt: skip
    found = portfolio.trades.records
    fields = zip(found["direction"], found["entry_idx"], found["exit_idx"], found["status"], strict=True)
    return [
        priced(columns, -1 if short else 1, int(entry), int(leave))
        for short, entry, leave, closed in fields if closed
    ]  # fmt: skip


# --- nautilus_trader --------------------------------------------------------------------------------------


def prepare_nautilus(columns: Columns) -> Any:
    """Prepares quote ticks of a future and a share, one after the other at each time, and the strategy."""
    from nautilus_trader.model import currencies, data, enums, identifiers, instruments, objects
    from nautilus_trader.trading.strategy import Strategy

    def price(value: float) -> Any:
        return objects.Price(value, 2)

    venue, one = identifiers.Venue("SIM"), objects.Quantity.from_int(1)
    es_id, spy_id = (
        identifiers.InstrumentId(symbol=identifiers.Symbol(name), venue=venue) for name in ("ES", "SPY")
    )
    common = {"currency": currencies.USD, "price_precision": 2, "lot_size": one, "ts_event": 0, "ts_init": 0}
    end_ns = quotes.expiry_ns()
    es = instruments.FuturesContract(
        instrument_id=es_id, raw_symbol=es_id.symbol, asset_class=enums.AssetClass.INDEX,
        multiplier=objects.Quantity.from_int(int(SETTINGS.multiplier)), price_increment=price(0.25),
        underlying="ES", activation_ns=0, expiration_ns=end_ns + 86_400_000_000_000, **common,
    )  # fmt: skip
    spy = instruments.Equity(
        instrument_id=spy_id, raw_symbol=spy_id.symbol, price_increment=price(0.01), **common
    )
    size = objects.Quantity.from_int(1_000_000)
    ticks = []
    for ts, *prices in zip(*columns.all(), strict=True):
        es_bid, es_ask, spy_bid, spy_ask = map(price, prices)
        ticks.append(data.QuoteTick(es_id, es_bid, es_ask, size, size, ts, ts))
        ticks.append(data.QuoteTick(spy_id, spy_bid, spy_ask, size, size, ts, ts))

    class Carry(Strategy):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.held, self.shares = 0, one
            self.es_prices = 0.0, 0.0
            self.fills: list[tuple[bool, int, float]] = []

        def on_start(self) -> None:
            self.subscribe_quote_ticks(es_id)
            self.subscribe_quote_ticks(spy_id)

        def on_quote_tick(self, tick: Any) -> None:
            bid, ask = tick.bid_price.as_double(), tick.ask_price.as_double()
            if tick.instrument_id == es_id:
                self.es_prices = bid, ask
                return
            want = decide(self.held, tick.ts_event, end_ns, (*self.es_prices, bid, ask))
            if want == self.held:
                return
            if want:
                es_price, spy_price = (self.es_prices[0], ask) if want < 0 else (self.es_prices[1], bid)
                shares = max(1, math.floor(NOTIONAL * es_price / spy_price + 0.5))
                self.shares = objects.Quantity.from_int(shares)
            sell, buy = enums.OrderSide.SELL, enums.OrderSide.BUY
            es_side, spy_side = (sell, buy) if want < self.held else (buy, sell)
            self.submit_order(self.order_factory.market(es_id, es_side, one))
            self.submit_order(self.order_factory.market(spy_id, spy_side, self.shares))
            self.held = want

        def on_order_filled(self, event: Any) -> None:
            self.fills.append((event.is_buy, event.ts_event, event.last_px.as_double()))

    return venue, (es, spy), ticks, Carry


def run_nautilus(prepared: Any) -> list[Trade]:
    """Runs the engine; every net comes from the engine's own fills."""
    from nautilus_trader.backtest.engine import BacktestEngine
    from nautilus_trader.config import BacktestEngineConfig, LoggingConfig
    from nautilus_trader.model import currencies, enums, objects

    venue, instruments, ticks, strategy = prepared
    engine = BacktestEngine(BacktestEngineConfig(logging=LoggingConfig(bypass_logging=True)))
    engine.add_venue(
        venue, oms_type=enums.OmsType.NETTING, account_type=enums.AccountType.MARGIN,
        starting_balances=[objects.Money(1e9, currencies.USD)],
    )  # fmt: skip
    for instrument in instruments:
        engine.add_instrument(instrument)
    engine.add_data(ticks, sort=False)
    carry = strategy()
    engine.add_strategy(carry)
    engine.run()
    engine.dispose()
    found, fills = [], iter(carry.fills)
    # Four fills per trade: ES and SPY at the entry, then at the exit.
    for (bought, entry_ns, es), (_, _, spy), (_, exit_ns, es_exit), (_, _, spy_exit) in zip(
        fills, fills, fills, fills, strict=False
    ):
        side = 1 if bought else -1
        found.append((side, entry_ns, exit_ns, net_of(side, es, spy, es_exit, spy_exit)))
    return found


ENGINES = (
    Engine("numba loop", "numba", 2_000_000, "a loop, no engine", prepare_numba, run_numba),
    Engine(
        "hftbacktest", "hftbacktest", 200_000,
        "also models order latency, the place in the queue and the depth of the book",
        prepare_hftbacktest, run_hftbacktest, at_least=100,
    ),
    Engine(
        "backtesting.py", "backtesting", 20_000,
        "also models margin and stop orders; one instrument, so that SPY's leg is priced from the quotes",
        prepare_backtesting, run_backtesting,
    ),
    Engine(
        "backtrader", "backtrader", 20_000,
        "also models order kinds, margin and several data clocks; fills at mids, priced from the quotes",
        prepare_backtrader, run_backtrader,
    ),
    Engine(
        "vectorbt", "vectorbt", 200_000,
        "also models many columns at once; one instrument here, SPY's leg is priced from the quotes",
        prepare_vectorbt, run_vectorbt,
    ),
    Engine(
        "nautilus_trader", "nautilus_trader", 20_000,
        "also models accounts, margin, order states, latency, books and the same code live",
        prepare_nautilus, run_nautilus,
    ),
)  # fmt: skip
