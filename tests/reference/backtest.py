"""Twin of ``carry/_backtest``: from rows of quotes to trades, equity and statistics, in simple steps.

The numbers follow the definitions: fills cross the spread, half of the cost is charged at each end, equity is
marked at mids. All stored state is in lists.

With a latency orders take time: an order decided on row i fills, each leg separately, at the quotes of the
valid row i + latency of that leg. The rest follows from these rules:

- The number of shares is fixed on the deciding row, from the prices at which both legs would fill there.
- No decision is made while a leg is pending, nor on the row that fills the last leg.
- Time, deviation and carry factor of an entry or exit are those of the row that filled its last leg;
  dividends and financing of the SPY leg follow that leg's own fills.
- Events known in advance have no latency: the expiry, a roll and the end of the data fill all pending legs at
  once, at the row on which they close. An entry with one filled leg is completed there and closed; an entry
  without a filled leg is dropped, and counted.
- A leg is marked from the row that fills it, the entry's half of the cost from the row that completes it.
"""

import copy
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import pairwise

from arbcore.carry.settlement import settlement_day_at
from arbcore.research.research_settings import DAY_NS, BacktestSettings
from reference.carry import (
    carry_factor,
    edge_cash_and_carry_bps,
    edge_reverse_bps,
    years_to_expiry,
)
from reference.envelope import Envelope
from reference.level import Seen, auto, tracked
from reference.quotes import Row
from reference.signal import Quote, Rules, Signal

ES_TICK, SPY_TICK = 0.25, 0.01
SHARPE_DATES_MIN = 20
SIDE_NAMES = {-1: "cash_and_carry", 1: "reverse"}


@dataclass
class Prices:
    """One price per leg."""

    es: float
    spy: float


@dataclass
class Order:
    """Both legs of an entry (``reason`` None) or an exit. ``wanted`` has the deciding row's prices."""

    es_side: int
    reason: str | None
    wanted: Prices
    waited_rows: int = 0
    es: float | None = None
    spy: float | None = None
    spy_ns: int = 0

    @property
    def started(self) -> bool:
        return self.es is not None or self.spy is not None


@dataclass
class Position:
    """An open or pending position; ``entry`` has the fills. ``c`` and ``dev_bps`` are those at entry."""

    side: int
    expiry_ns: int
    shares: int
    entry: Order
    entry_ns: int = 0
    dev_bps: float = 0.0
    c: float = 0.0
    cost: float = 0.0
    fees: float = 0.0


@dataclass
class Trade:
    """One closed trade: the fields of the ledger, then the parts of its P&L.

    ``carry`` is the gross from the passing of time alone, ``slippage`` the part because fills differ from the
    prices of the deciding rows (below 0: a loss), ``fees`` a part of ``cost``.
    """

    trade_id: int
    side: str
    entry_ts: int
    exit_ts: int
    contracts: int
    shares: int
    fut_entry: float
    fut_exit: float
    etf_entry: float
    etf_exit: float
    entry_dev_bps: float
    exit_dev_bps: float
    gross_pnl: float
    cost: float
    financing: float
    dividends: float
    net_pnl: float
    exit_reason: str
    carry: float
    slippage: float
    fees: float


@dataclass
class Last:
    """The last valid row, whose equity becomes final when the next row is seen."""

    ts_ns: int
    quote: Quote
    c: float
    equity: float
    held: bool
    final: bool = False


@dataclass
class Backtest:
    """Feed rows with ``row``, then ``end``. ``fixed_expiry_ns`` None takes the front one of each row."""

    settings: BacktestSettings
    front_expiry_ns: Callable[[int], int]
    fixed_expiry_ns: int | None = None
    envelope: Envelope | None = None
    trades: list[Trade] = field(default_factory=list)
    equity: list[tuple[int, float]] = field(default_factory=list)
    held_rows: int = 0
    unfilled_entries: int = 0
    warming_up: int = 0

    def __post_init__(self) -> None:
        s = self.settings
        self.signal = Signal(
            Rules(s.entry_bps, s.exit_wanted_bps, s.cost_bps, s.stop_bps, s.max_hold_ns, s.cooldown_ns)
        )
        self.position: Position | None = None
        self.order: Order | None = None
        self.last: Last | None = None
        self.closed_net = 0.0
        self.peak = 0.0
        self.learn = self._level()
        self.expiries: list[int] = []

    def row(self, row: Row) -> None:
        expiry_ns = self._expiry(row)
        if self.position is not None and row.expiry_ns is not None and expiry_ns != self.position.expiry_ns:
            self._settle_at_last("roll")
        self._commit()
        quote = Quote(row.es_bid, row.es_ask, row.spy_bid, row.spy_ask)
        valued_ns = self.position.expiry_ns if self.position is not None else expiry_ns
        c = self._carry(row, quote, valued_ns)
        if c is None:
            self.warming_up += 1
            self.last = Last(row.ts_ns, quote, math.nan, self.closed_net, False)
            return
        if self.envelope is not None:
            # The deviation of the mid at which each entry would happen, with the row's spreads.
            dev, wanted = quote.deviation_bps(c), self.settings.entry_bps + self.settings.cost_bps
            upper = dev + (wanted - edge_cash_and_carry_bps(es_bid=quote.es_bid, spy_ask=quote.spy_ask, c=c))
            lower = dev - (wanted - edge_reverse_bps(es_ask=quote.es_ask, spy_bid=quote.spy_bid, c=c))
            self.envelope.basis(row.ts_ns, dev, upper=upper, lower=lower)
        if self.order is not None:
            self._wait(row.ts_ns, quote, c)
        else:
            self._decide(row.ts_ns, expiry_ns, quote, c)
        self.last = Last(row.ts_ns, quote, c, self._marked(quote), self._held())

    def end(self) -> None:
        if self.position is not None and (self.settings.close_at_end or not self._held()):
            self._settle_at_last("end_of_data")
        self._commit()

    def _expiry(self, row: Row) -> int:
        if row.expiry_ns is not None:
            expiry_ns = row.expiry_ns
        elif self.fixed_expiry_ns is not None:
            expiry_ns = self.fixed_expiry_ns
        else:
            expiry_ns = self.front_expiry_ns(row.ts_ns)
        if expiry_ns not in self.expiries:
            self.expiries.append(expiry_ns)
        return expiry_ns

    def _level(self) -> Callable[[Seen], float | None]:
        rule = self.settings.level
        if rule.mode.value == "track":
            return tracked(rule.half_life_s)
        if rule.mode.value == "auto":
            return auto(rule.rows)
        return lambda _seen: rule.factor

    def _carry(self, row: Row, quote: Quote, expiry_ns: int) -> float | None:
        """Returns c, or None while the level is not known; the level learns from the row."""
        s = self.settings
        growth = carry_factor(factor=1.0, r=s.r, d=s.d, t=years_to_expiry(row.ts_ns, expiry_ns))
        es_mid, spy_mid = _mids(quote)
        x = es_mid / (spy_mid * growth)
        found = self.learn(Seen(row.ts_ns, expiry_ns, settlement_day_at(row.ts_ns), x, s.r, s.d))
        f = row.factor if s.factor == "column" else found
        return None if f is None else f * growth

    def _wanted(self, quote: Quote, es_side: int) -> Prices:
        """Returns the prices of both legs before slippage; ``es_side`` +1 buys ES and sells SPY."""
        if self.settings.fill == "mid":
            return Prices(*_mids(quote))
        if es_side > 0:
            return Prices(quote.es_ask, quote.spy_bid)
        return Prices(quote.es_bid, quote.spy_ask)

    def _fills(self, quote: Quote, es_side: int) -> Prices:
        """Returns the fill prices of both legs: the wanted prices, worsened by the ticks of slippage."""
        wanted = self._wanted(quote, es_side)
        es_slip = self.settings.es_slippage_ticks * ES_TICK
        spy_slip = self.settings.spy_slippage_ticks * SPY_TICK
        if es_side > 0:
            return Prices(wanted.es + es_slip, wanted.spy - spy_slip)
        return Prices(wanted.es - es_slip, wanted.spy + spy_slip)

    def _decide(self, now_ns: int, expiry_ns: int, quote: Quote, c: float) -> None:
        action = self.signal.decide(now_ns, expiry_ns, quote, c)
        if action is None:
            return
        if action == "expiry":
            self._settle(now_ns, quote, c, "expiry")
            return
        if isinstance(action, int):
            self.order = self._order(action, None, quote)
            fills = self._fills(quote, action)
            notional = self.settings.contracts * self.settings.multiplier
            shares = max(1, math.floor(notional * fills.es / fills.spy + 0.5))
            self.position = Position(action, expiry_ns, shares, self.order)
        elif self.position is not None:
            self.order = self._order(-self.position.side, action, quote)
        self._fill(now_ns, quote, c)

    def _order(self, es_side: int, reason: str | None, quote: Quote) -> Order:
        return Order(es_side, reason, self._wanted(quote, es_side))

    def _wait(self, now_ns: int, quote: Quote, c: float) -> None:
        """Handles a row while an order is pending."""
        if self.position is None or self.order is None:
            return
        self.order.waited_rows += 1
        if now_ns >= self.position.expiry_ns:
            self._settle(now_ns, quote, c, "expiry")
        else:
            self._fill(now_ns, quote, c)

    def _settle(self, now_ns: int, quote: Quote, c: float, reason: str) -> None:
        """Closes on this row, also if legs are pending."""
        if self.position is None:
            return
        if self.order is not None and not self.order.started and self.order.reason is None:
            self.position = self.order = None
            self.unfilled_entries += 1
            return
        if self.order is not None:
            self._fill(now_ns, quote, c, at_once=True)
        if self.position is not None:
            self.order = self._order(-self.position.side, reason, quote)
            self._fill(now_ns, quote, c, at_once=True)

    def _fill(self, now_ns: int, quote: Quote, c: float, *, at_once: bool = False) -> None:
        """Fills each leg that is due."""
        order, position, s = self.order, self.position, self.settings
        if order is None or position is None:
            return
        fills = self._fills(quote, order.es_side)
        if order.es is None and (at_once or order.waited_rows >= s.es_latency_rows):
            order.es = fills.es
        if order.spy is None and (at_once or order.waited_rows >= s.spy_latency_rows):
            order.spy, order.spy_ns = fills.spy, now_ns
        if order.reason is None and order.started:
            position.entry_ns, position.dev_bps, position.c = now_ns, quote.deviation_bps(c), c
        if order.es is None or order.spy is None:
            return
        self.order = None
        if order.reason is None:
            self._entered(position, order.es)
        else:
            self._close(position, order, now_ns, quote, c)

    def _entered(self, position: Position, es: float) -> None:
        s = self.settings
        notional = s.contracts * s.multiplier
        position.fees = self._fees(position.shares)
        position.cost = s.cost_bps * 1e-4 * notional * es + position.fees
        self.signal.entered(position.side, position.entry_ns, position.expiry_ns, position.dev_bps)
        if self.envelope is not None:
            self.envelope.entry(position.entry_ns, position.side, dev=position.dev_bps)

    def _fees(self, shares: int) -> float:
        """Returns the round trip's fees: per contract and side, and per share with a minimum per side."""
        s = self.settings
        return 2.0 * (s.contracts * s.es_fee + max(shares * s.spy_fee, s.spy_fee_min))

    def _close(self, p: Position, order: Order, now_ns: int, quote: Quote, c: float) -> None:
        entry, s = p.entry, self.settings
        if entry.es is None or entry.spy is None or order.es is None or order.spy is None:
            return
        notional = s.contracts * s.multiplier
        gross = p.side * notional * (order.es - entry.es) - p.side * p.shares * (order.spy - entry.spy)
        es_missed = (order.es - order.wanted.es) - (entry.es - entry.wanted.es)
        spy_missed = (order.spy - order.wanted.spy) - (entry.spy - entry.wanted.spy)
        financing = self._financing(p, entry.spy, entry.spy_ns, order.spy_ns)
        dividends = 0.0
        for ex_ns, amount, _points in s.dividends:
            if entry.spy_ns < ex_ns <= order.spy_ns:
                dividends += -p.side * p.shares * amount
        self.trades.append(
            Trade(
                trade_id=len(self.trades) + 1,
                side=SIDE_NAMES[p.side],
                entry_ts=p.entry_ns,
                exit_ts=now_ns,
                contracts=s.contracts,
                shares=p.shares,
                fut_entry=entry.es,
                fut_exit=order.es,
                etf_entry=entry.spy,
                etf_exit=order.spy,
                entry_dev_bps=p.dev_bps,
                exit_dev_bps=quote.deviation_bps(c),
                gross_pnl=gross,
                cost=p.cost,
                financing=financing,
                dividends=dividends,
                net_pnl=gross - p.cost + financing + dividends,
                exit_reason=order.reason or "",
                carry=p.side * notional * _mids(quote)[1] * (c - p.c),
                slippage=p.side * notional * es_missed - p.side * p.shares * spy_missed,
                fees=p.fees,
            )
        )
        self.closed_net += self.trades[-1].net_pnl
        self.position = None
        self.signal.left(now_ns)
        if self.envelope is not None:
            self.envelope.exit(now_ns, dev=quote.deviation_bps(c))

    def _financing(self, p: Position, spy_entry: float, from_ns: int, to_ns: int) -> float:
        """Returns interest on the SPY leg's entry value: paid if long; received, less the fee, if short."""
        s = self.settings
        funding = s.r if s.funding_rate is None else s.funding_rate
        rate = -funding if p.side < 0 else s.short_rate - s.borrow_rate
        days = settlement_day_at(to_ns) - settlement_day_at(from_ns)
        # Adding 0.0 turns -0.0 into 0.0.
        return rate * (p.shares * spy_entry) * (float(days) / 365.0) + 0.0

    def _settle_at_last(self, reason: str) -> None:
        last = self.last
        if last is None:
            return
        self._settle(last.ts_ns, last.quote, last.c, reason)
        last.equity = self.closed_net
        last.held = False

    def _held(self) -> bool:
        """Whether a leg is held."""
        return self.position is not None and self.position.entry.started

    def unrealised(self, quote: Quote) -> float:
        """Each filled leg marked at mid (or at its exit), less the half of the cost charged at entry."""
        p = self.position
        if p is None:
            return 0.0
        es, spy = _mids(quote)
        if self.order is not None and self.order.reason is not None:
            es = es if self.order.es is None else self.order.es
            spy = spy if self.order.spy is None else self.order.spy
        notional = self.settings.contracts * self.settings.multiplier
        es_leg = 0.0 if p.entry.es is None else p.side * notional * (es - p.entry.es)
        spy_leg = 0.0 if p.entry.spy is None else p.side * p.shares * (spy - p.entry.spy)
        return es_leg - spy_leg - 0.5 * p.cost

    def open_pnl(self) -> float:
        """Returns the open position's net if closed at the last row's touch; pending legs fill there."""
        aside = copy.copy(self)
        aside.trades, aside.envelope = [], None
        aside.position, aside.order = copy.deepcopy((self.position, self.order))
        aside.signal, aside.last = copy.deepcopy((self.signal, self.last))
        aside._settle_at_last("end_of_data")
        return aside.trades[0].net_pnl if aside.trades else 0.0

    def _marked(self, quote: Quote) -> float:
        return self.closed_net + self.unrealised(quote)

    def _commit(self) -> None:
        """Makes the last row's equity final."""
        last = self.last
        if last is None or last.final:
            return
        last.final = True
        self.equity.append((last.ts_ns, last.equity))
        self.peak = max(self.peak, last.equity)
        if self.envelope is not None:
            self.envelope.equity(last.ts_ns, last.equity, drawdown=self.peak - last.equity)
        self.held_rows += last.held

    def summary(self) -> dict[str, object]:
        """Returns every statistic by its name in the result."""
        trades = self.trades
        nets = [trade.net_pnl for trade in trades]
        won = _total(net for net in nets if net > 0)
        lost = -_total(net for net in nets if net < 0)
        drawdown, under_water_ns = drawdown_of(self.equity)
        gross, carry = _total(t.gross_pnl for t in trades), _total(t.carry for t in trades)
        slippage = _total(t.slippage for t in trades)
        reasons = [trade.exit_reason for trade in trades]
        return {
            "rows_used": len(self.equity),
            "trades": len(trades),
            "wins": sum(net > 0 for net in nets),
            "gross_pnl": gross,
            "costs": _total(t.cost for t in trades),
            "fees": _total(t.fees for t in trades),
            "financing": _total(t.financing for t in trades),
            "dividends": _total(t.dividends for t in trades),
            "net_pnl": self.closed_net,
            "open_pnl": self.open_pnl(),
            "total_pnl": self.closed_net + self.open_pnl(),
            "carry_pnl": carry,
            "slippage_pnl": slippage,
            "basis_pnl": gross - carry - slippage,
            "unfilled_entries": self.unfilled_entries,
            "max_drawdown": drawdown,
            "max_drawdown_ns": under_water_ns,
            "max_drawdown_closed": closed_drawdown_of(nets),
            "exposure": self.held_rows / len(self.equity) if self.equity else None,
            "winning_pnl": won,
            "losing_pnl": -lost,
            "profit_factor": won / lost if lost > 0 else None,
            "expectancy": self.closed_net / len(trades) if trades else None,
            "average_hold_ns": (
                float(sum(t.exit_ts - t.entry_ts for t in trades)) / len(trades) if trades else None
            ),
            "exit_reasons": {reason: reasons.count(reason) for reason in reasons},
            "unrealised_pnl": self.unrealised(self.last.quote) if self.last is not None else 0.0,
            **daily_statistics(daily_changes(self.equity), drawdown),
        }


def drawdown_of(equity: list[tuple[int, float]]) -> tuple[float, int]:
    """Returns the largest drawdown from the running peak, which starts at 0, and the longest one in ns."""
    peak, deepest, longest_ns = 0.0, 0.0, 0
    peak_ns = equity[0][0] if equity else 0
    for ts_ns, value in equity:
        if value >= peak:
            peak, peak_ns = value, ts_ns
        else:
            deepest = max(deepest, peak - value)
            longest_ns = max(longest_ns, ts_ns - peak_ns)
    return deepest, longest_ns


def closed_drawdown_of(nets: list[float]) -> float:
    """Returns the largest drawdown of the closed net from its running peak, which starts at 0."""
    closed, peak, deepest = 0.0, 0.0, 0.0
    for net in nets:
        closed += net
        peak = max(peak, closed)
        deepest = max(deepest, peak - closed)
    return deepest


def daily_changes(equity: list[tuple[int, float]]) -> list[float]:
    """Returns the changes of the last equity of each UTC date, the first from 0."""
    closes = {ts_ns // DAY_NS: value for ts_ns, value in equity}
    values = [0.0, *closes.values()]
    return [after - before for before, after in pairwise(values)]


def daily_statistics(changes: list[float], max_drawdown: float) -> dict[str, float | None]:
    """Returns Sharpe, Sortino and Calmar, each None if it is not defined."""
    none: dict[str, float | None] = {"sharpe": None, "sortino": None, "calmar": None}
    if len(changes) < SHARPE_DATES_MIN:
        return none
    mean = math.fsum(changes) / len(changes)
    spread = math.sqrt(math.fsum((x - mean) * (x - mean) for x in changes) / (len(changes) - 1))
    falls = [x for x in changes if x < 0]
    if spread > 0:
        none["sharpe"] = mean / spread * math.sqrt(252)
    if falls:
        none["sortino"] = mean / math.sqrt(math.fsum(x * x for x in falls) / len(falls)) * math.sqrt(252)
    if max_drawdown > 0:
        none["calmar"] = mean * 252 / max_drawdown
    return none


def _total(values: Iterable[float]) -> float:
    total = 0.0
    for value in values:
        total += value
    return total


def _mids(quote: Quote) -> tuple[float, float]:
    return (quote.es_bid + quote.es_ask) / 2, (quote.spy_bid + quote.spy_ask) / 2
