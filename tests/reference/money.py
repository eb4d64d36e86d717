"""Twin of the backtest with its money and its level: from rows to ledger and summary, one step at a time.

A pair's fair value is (P − paid)·c. P is the ETF's price, c = f·e^((r−d)·t) with f the level, and paid is the
present value of the scheduled dividends up to expiry in USD a share (index points count as points/f). Every
valid row updates the level of the contract that values it; while a position is open, that is its contract.

With a latency orders take time, as ``backtest`` describes. Money is booked as ``carry/money`` defines it:
interest between settlement days at the rates of the entry, dividends by the schedule, fees or costs half at
each end. All stored state is in lists.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from reference.carry import carry_factor, exponential, years_to_expiry
from reference.level import Seen, auto, middle, tracked
from reference.signal import Quote, Rules, Signal

DAY_NS = 86_400 * 10**9
SIDE_NAMES = {-1: "cash_and_carry", 1: "reverse"}
DATES_MIN, BLOCKS, SHARPE_DATES_MIN = 40, 48, 20


@dataclass
class Row:
    """One valid row; ``expiry_ns`` and ``factor`` are None if the file has no such column."""

    ts_ns: int
    fut_bid: float
    fut_ask: float
    etf_bid: float
    etf_ask: float
    expiry_ns: int | None = None
    factor: float | None = None


@dataclass
class Dividend:
    """One dividend of a schedule: USD a share, or index points."""

    ex_ns: int
    amount: float
    points: bool = False


@dataclass
class Terms:
    """All parameters of a run besides its rows.

    ``mode`` determines the meaning of ``level``: a half-life in seconds (``track``), a number of rows
    (``auto``), a factor (``number``), or None (``column``). ``rate`` maps a time and the years to expiry to r
    without the spread; a ``funding_rate`` of None means that r at the entry. ``fees_of`` maps (future's side,
    shares, ETF's price, time) to a broker's fees for one side of a pair; None charges ``cost_bps`` instead.
    """

    front_expiry_ns: Callable[[int], int]
    settlement_day: Callable[[int], int]
    fixed_expiry_ns: int | None = None
    mode: str = "track"
    level: float | None = 3_600.0
    rate: Callable[[int, float], float] = lambda _now_ns, _t: 0.045
    financing_spread_bps: float = 0.0
    yield_of: Callable[[int], float] = lambda _expiry_ns: 0.014
    schedule: Sequence[Dividend] | None = None
    entry_bps: float = 3.0
    exit_bps: float = 0.75
    cost_bps: float = 0.5
    stop_bps: float = 0.0
    max_hold_ns: int = 0
    cooldown_ns: int = 0
    contracts: int = 1
    multiplier: float = 50.0
    fut_tick: float = 0.25
    etf_tick: float = 0.01
    fill: str = "touch"
    fut_slippage_ticks: float = 0.0
    etf_slippage_ticks: float = 0.0
    fut_latency_rows: int = 0
    etf_latency_rows: int = 0
    funding_rate: float | None = None
    short_rate: float = 0.0
    borrow_rate: float = 0.0
    rates_of: Callable[[float, float], tuple[float, float]] | None = None
    fees_of: Callable[[int, float, float, int], float] | None = None
    close_at_end: bool = False

    @property
    def notional(self) -> float:
        """USD per index point."""
        return self.contracts * self.multiplier


@dataclass
class Value:
    """The values for a row: the level, c, and the dividends that the ETF's price still includes."""

    f: float
    c: float
    paid: float
    r: float
    t: float

    def net_of(self, quote: Quote) -> Quote:
        """Returns the quote with the ETF's prices less the dividends; c times these is the fair future."""
        return Quote(quote.es_bid, quote.es_ask, quote.spy_bid - self.paid, quote.spy_ask - self.paid)


@dataclass
class Order:
    """Both legs of an entry (``reason`` None) or an exit. ``fut_side`` +1 buys the future, sells the ETF."""

    fut_side: int
    reason: str | None
    waited_rows: int = 0
    fut: float | None = None
    etf: float | None = None
    etf_ns: int = 0

    @property
    def started(self) -> bool:
        return self.fut is not None or self.etf is not None

    @property
    def done(self) -> bool:
        return self.fut is not None and self.etf is not None


@dataclass
class Position:
    """An open or pending position; ``entry`` has the fills."""

    side: int
    expiry_ns: int
    shares: int
    entry: Order
    entry_ns: int = 0
    dev_bps: float = 0.0
    factor: float = 0.0
    funding: float = 0.0
    short: float = 0.0
    entry_cost: float = 0.0


@dataclass
class Trade:
    """One closed trade: the columns of the ledger."""

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


@dataclass
class Last:
    """The last valid row. Its equity is final when the next row is seen."""

    ts_ns: int
    quote: Quote
    value: Value
    equity: float
    accrued: float
    final: bool = False


@dataclass
class Backtest:
    """Takes rows by ``row``, then ``end``.

    ``equity`` has (time, equity) of each valid row, without interest and dividends of an open pair, which are
    in ``accrued``. ``decided`` has the rows with a decision: (time, level, deviation, better edge, r, t).
    """

    terms: Terms
    trades: list[Trade] = field(default_factory=list)
    equity: list[tuple[int, float]] = field(default_factory=list)
    accrued: list[float] = field(default_factory=list)
    decided: list[tuple[int, float, float, float, float, float]] = field(default_factory=list)
    seen: list[float] = field(default_factory=list)
    warming_up: int = 0
    held_rows: int = 0
    unfilled_entries: int = 0
    open_pnl: float = 0.0

    def __post_init__(self) -> None:
        t = self.terms
        self.signal = Signal(
            Rules(t.entry_bps, t.exit_bps, t.cost_bps, t.stop_bps, t.max_hold_ns, t.cooldown_ns)
        )
        self.position: Position | None = None
        self.order: Order | None = None
        self.last: Last | None = None
        self.closed_net = 0.0
        self.learn = self._level()

    def _level(self) -> Callable[[Seen], float | None]:
        mode, level = self.terms.mode, self.terms.level
        if mode == "track" and level is not None:
            return tracked(level)
        if mode == "auto" and level is not None:
            return auto(int(level))
        return lambda _seen: level

    # --- one row ------------------------------------------------------------------------------------------

    def row(self, row: Row) -> None:
        expiry_ns = self._expiry(row)
        if self.position is not None and row.expiry_ns is not None and expiry_ns != self.position.expiry_ns:
            self._settle_at_last("roll")
        self._commit()
        quote = Quote(row.fut_bid, row.fut_ask, row.etf_bid, row.etf_ask)
        valued_ns = self.position.expiry_ns if self.position is not None else expiry_ns
        value = self._value(row, quote, valued_ns)
        if value is None:
            self.warming_up += 1
            nothing = Value(math.nan, math.nan, 0.0, math.nan, 0.0)
            self.last = Last(row.ts_ns, quote, nothing, self.closed_net, 0.0)
            return
        net = value.net_of(quote)
        if row.ts_ns < valued_ns:
            edge = max(self._edges(net, value.c))
            self.decided.append((row.ts_ns, value.f, net.deviation_bps(value.c), edge, value.r, value.t))
        else:
            self.decided.append((row.ts_ns, value.f, net.deviation_bps(value.c), -math.inf, value.r, value.t))
        if self.order is not None:
            self._wait(row.ts_ns, quote, value)
        else:
            self._decide(row.ts_ns, expiry_ns, quote, value)
        self.last = Last(
            row.ts_ns, quote, value, self.closed_net + self.unrealised(quote), self._accrued(row.ts_ns)
        )

    def end(self) -> None:
        """Ends the data: an open pair stays open and is counted, or is closed if the settings require it."""
        if self.position is not None and (self.terms.close_at_end or not self._held()):
            self._settle_at_last("end_of_data")
        self._commit()
        self.open_pnl = self._open_pnl()

    def _expiry(self, row: Row) -> int:
        if row.expiry_ns is not None:
            return row.expiry_ns
        if self.terms.fixed_expiry_ns is not None:
            return self.terms.fixed_expiry_ns
        return self.terms.front_expiry_ns(row.ts_ns)

    def _value(self, row: Row, quote: Quote, expiry_ns: int) -> Value | None:
        """Returns the values for the row; None while the level is not known. The level learns from it."""
        terms = self.terms
        t = years_to_expiry(row.ts_ns, expiry_ns)
        r = terms.rate(row.ts_ns, t) + terms.financing_spread_bps * 1e-4
        d = terms.yield_of(expiry_ns) if terms.schedule is None else 0.0
        usd, points = self._present_values(row.ts_ns, expiry_ns, r)
        growth = carry_factor(factor=1.0, r=r, d=d, t=t)
        fut_mid, etf_mid = _mids(quote)
        x = (fut_mid + points * growth) / ((etf_mid - usd) * growth)
        self.seen.append(x)
        f = self.learn(Seen(row.ts_ns, expiry_ns, terms.settlement_day(row.ts_ns), x, r, d))
        if terms.mode == "column":
            f = row.factor
        if f is None:
            return None
        paid = usd + points / f if terms.schedule is not None else 0.0
        return Value(f, f * growth, paid, r, t)

    def _present_values(self, now_ns: int, expiry_ns: int, r: float) -> tuple[float, float]:
        """Returns the present values of dividends with now < ex <= expiry: USD a share, and index points."""
        usd = points = 0.0
        for each in self.terms.schedule or ():
            if now_ns < each.ex_ns <= expiry_ns:
                worth = each.amount * exponential(-r * years_to_expiry(now_ns, each.ex_ns))
                if each.points:
                    points += worth
                else:
                    usd += worth
        return usd, points

    @staticmethod
    def _edges(net: Quote, c: float) -> tuple[float, float]:
        fair_ask, fair_bid = net.spy_ask * c, net.spy_bid * c
        return 1e4 * (net.es_bid - fair_ask) / fair_ask, 1e4 * (fair_bid - net.es_ask) / fair_bid

    # --- orders -------------------------------------------------------------------------------------------

    def _fills(self, quote: Quote, fut_side: int) -> tuple[float, float]:
        """Returns the fill prices (future, ETF)."""
        terms = self.terms
        if terms.fill == "mid":
            fut, etf = _mids(quote)
        else:
            fut, etf = (quote.es_ask, quote.spy_bid) if fut_side > 0 else (quote.es_bid, quote.spy_ask)
        fut += fut_side * (terms.fut_slippage_ticks * terms.fut_tick)
        etf -= fut_side * (terms.etf_slippage_ticks * terms.etf_tick)
        return fut, etf

    def _decide(self, now_ns: int, expiry_ns: int, quote: Quote, value: Value) -> None:
        action = self.signal.decide(now_ns, expiry_ns, value.net_of(quote), value.c)
        if action is None:
            return
        if action == "expiry":
            self._settle(now_ns, quote, value, "expiry")
            return
        if isinstance(action, int):
            self.order = Order(action, None)
            fut, etf = self._fills(quote, action)
            shares = max(1, math.floor(self.terms.notional * fut / etf + 0.5))
            self.position = Position(action, expiry_ns, shares, self.order)
        elif self.position is not None:
            self.order = Order(-self.position.side, action)
        self._fill(now_ns, quote, value)

    def _wait(self, now_ns: int, quote: Quote, value: Value) -> None:
        """Handles a row while an order is pending."""
        if self.position is None or self.order is None:
            return
        self.order.waited_rows += 1
        if now_ns >= self.position.expiry_ns:
            self._settle(now_ns, quote, value, "expiry")
        else:
            self._fill(now_ns, quote, value)

    def _settle(self, now_ns: int, quote: Quote, value: Value, reason: str) -> None:
        """Closes on this row, also if legs are pending."""
        if self.position is None:
            return
        if self.order is not None and not self.order.started and self.order.reason is None:
            self.position = self.order = None
            self.unfilled_entries += 1
            return
        if self.order is not None:
            self._fill(now_ns, quote, value, at_once=True)
        if self.position is not None:
            self.order = Order(-self.position.side, reason)
            self._fill(now_ns, quote, value, at_once=True)

    def _fill(self, now_ns: int, quote: Quote, value: Value, *, at_once: bool = False) -> None:
        """Fills each leg that is due."""
        order, position, terms = self.order, self.position, self.terms
        if order is None or position is None:
            return
        fut, etf = self._fills(quote, order.fut_side)
        if order.fut is None and (at_once or order.waited_rows >= terms.fut_latency_rows):
            order.fut = fut
        if order.etf is None and (at_once or order.waited_rows >= terms.etf_latency_rows):
            order.etf, order.etf_ns = etf, now_ns
            if order.reason is None:
                self._rates(position, etf, value)
        dev_bps = value.net_of(quote).deviation_bps(value.c)
        if order.reason is None and order.started:
            position.entry_ns, position.dev_bps, position.factor = now_ns, dev_bps, value.f
        if not order.done:
            return
        self.order = None
        if order.reason is None:
            position.entry_cost = self._half_cost(position, order, now_ns)
            self.signal.entered(position.side, position.entry_ns, position.expiry_ns, position.dev_bps)
        else:
            self._close(position, order, now_ns, dev_bps)

    # --- money --------------------------------------------------------------------------------------------

    def _rates(self, p: Position, etf: float, value: Value) -> None:
        """Fixes the ETF leg's rates at its fill: the run's r without the spread, or the settings' rates."""
        terms = self.terms
        r = value.r - terms.financing_spread_bps * 1e-4
        p.funding, p.short = r, terms.short_rate
        if terms.rates_of is not None:
            p.funding, p.short = terms.rates_of(r, p.shares * etf)
        if terms.funding_rate is not None:
            p.funding = terms.funding_rate

    def _half_cost(self, p: Position, order: Order, now_ns: int) -> float:
        """Returns the cost of one end of a trade: half of the entry's ``cost_bps``, or a broker's fees."""
        if self.terms.fees_of is not None and order.etf is not None:
            return self.terms.fees_of(order.fut_side, p.shares, order.etf, now_ns)
        return 0.5 * (self.terms.cost_bps * 1e-4 * self.terms.notional * (p.entry.fut or 0.0))

    def _financing(self, p: Position, until_ns: int) -> float:
        """Returns simple interest on the ETF leg's entry value over the days between the settlements."""
        if p.entry.etf is None:
            return 0.0
        rate = -p.funding if p.side < 0 else p.short - self.terms.borrow_rate
        days = self.terms.settlement_day(until_ns) - self.terms.settlement_day(p.entry.etf_ns)
        # Adding 0.0 turns -0.0 into 0.0.
        return rate * (p.shares * p.entry.etf) * (float(days) / 365.0) + 0.0

    def _dividends(self, p: Position, until_ns: int) -> float:
        """Returns the scheduled dividends with entry < ex <= until."""
        total = 0.0
        if p.entry.etf is None:
            return total
        for each in self.terms.schedule or ():
            if p.entry.etf_ns < each.ex_ns <= until_ns:
                total += -p.side * p.shares * (each.amount / p.factor if each.points else each.amount)
        return total

    def _accrued(self, now_ns: int) -> float:
        p = self.position
        return self._financing(p, now_ns) + self._dividends(p, now_ns) if p is not None else 0.0

    def _close(self, p: Position, order: Order, now_ns: int, dev_bps: float) -> None:
        entry = p.entry
        if entry.fut is None or entry.etf is None or order.fut is None or order.etf is None:
            return
        gross = p.side * self.terms.notional * (order.fut - entry.fut) - p.side * p.shares * (
            order.etf - entry.etf
        )
        cost = p.entry_cost + self._half_cost(p, order, now_ns)
        financing, dividends = self._financing(p, order.etf_ns), self._dividends(p, order.etf_ns)
        self.trades.append(
            Trade(
                trade_id=len(self.trades) + 1,
                side=SIDE_NAMES[p.side],
                entry_ts=p.entry_ns,
                exit_ts=now_ns,
                contracts=self.terms.contracts,
                shares=p.shares,
                fut_entry=entry.fut,
                fut_exit=order.fut,
                etf_entry=entry.etf,
                etf_exit=order.etf,
                entry_dev_bps=p.dev_bps,
                exit_dev_bps=dev_bps,
                gross_pnl=gross,
                cost=cost,
                financing=financing,
                dividends=dividends,
                net_pnl=gross - cost + financing + dividends,
                exit_reason=order.reason or "",
            )
        )
        self.closed_net += self.trades[-1].net_pnl
        self.position = None
        self.signal.left(now_ns)

    def _settle_at_last(self, reason: str) -> None:
        last = self.last
        if last is None:
            return
        self._settle(last.ts_ns, last.quote, last.value, reason)
        last.equity, last.accrued = self.closed_net, 0.0

    def _held(self) -> bool:
        """Whether a leg is held."""
        return self.position is not None and self.position.entry.started

    def _legs(self, fut: float, etf: float) -> float:
        """Returns the P&L of the position's filled legs at these prices, or at those of their exits."""
        p, order = self.position, self.order
        if p is None:
            return 0.0
        if order is not None and order.reason is not None:
            fut = fut if order.fut is None else order.fut
            etf = etf if order.etf is None else order.etf
        fut_leg = 0.0 if p.entry.fut is None else p.side * self.terms.notional * (fut - p.entry.fut)
        etf_leg = 0.0 if p.entry.etf is None else p.side * p.shares * (etf - p.entry.etf)
        return fut_leg - etf_leg

    def unrealised(self, quote: Quote) -> float:
        """Returns the legs marked at mids, less the cost that was charged at the entry."""
        p = self.position
        return self._legs(*_mids(quote)) - p.entry_cost if p is not None else 0.0

    def _open_pnl(self) -> float:
        """Returns the open pair's P&L if closed at the last valid row, as ``close_at_end`` would."""
        if self.position is None or self.last is None:
            return 0.0
        kept = (self.position, self.order, self.closed_net, list(self.trades))
        held, order = self.position, self.order
        copies = (_copy(held.entry), None if order is None or order is held.entry else _copy(order))
        self.position = Position(**{**vars(held), "entry": copies[0]})
        self.order = copies[1] if order is not held.entry else copies[0]
        state = dict(vars(self.signal))
        self._settle(self.last.ts_ns, self.last.quote, self.last.value, "end_of_data")
        found = self.trades[-1].net_pnl if len(self.trades) > len(kept[3]) else 0.0
        self.position, self.order, self.closed_net, self.trades = kept
        vars(self.signal).update(state)
        return found

    def _commit(self) -> None:
        """Makes the last row's equity final."""
        last = self.last
        if last is None or last.final:
            return
        last.final = True
        self.equity.append((last.ts_ns, last.equity))
        self.accrued.append(last.accrued)
        self.held_rows += self._held()

    # --- the results --------------------------------------------------------------------------------------

    def summary(self) -> dict[str, object]:
        """Returns the numbers of a result by their names."""
        nets = [trade.net_pnl for trade in self.trades]
        levels = [f for _, f, *_ in self.decided]
        best = max(self.decided, key=lambda each: each[3], default=None)
        dates = {ts_ns // DAY_NS for ts_ns, _ in self.equity}
        return {
            "rows_used": len(self.equity),
            "warming_up": self.warming_up,
            "trades": len(self.trades),
            "wins": sum(net > 0 for net in nets),
            "gross_pnl": _total(trade.gross_pnl for trade in self.trades),
            "costs": _total(trade.cost for trade in self.trades),
            "financing": _total(trade.financing for trade in self.trades),
            "dividends": _total(trade.dividends for trade in self.trades),
            "net_pnl": self.closed_net,
            "open_pnl": self.open_pnl,
            "total_pnl": self.closed_net + self.open_pnl,
            "unrealised_pnl": self.unrealised(self.last.quote) if self.last is not None else 0.0,
            "max_drawdown": drawdown_of([value for _, value in self.equity]),
            "sharpe": sharpe_of(self.equity),
            "sharpe_dates": len(dates),
            "exposure": self.held_rows / len(self.equity) if self.equity else None,
            "factor": {"first": levels[0] if levels else None, "last": levels[-1] if levels else None},
            "largest_edge_bps": (
                None if best is None or best[3] == -math.inf else {"before_costs": best[3], "ts_ns": best[0]}
            ),
            "deviation_bps": (
                median([deviation for _, _, deviation, *_ in self.decided]) if self.decided else None
            ),
        }

    def periods(self) -> list[float]:
        """Returns P&L by UTC date from 40 dates on, else by 48 blocks of rows; its sum is ``total_pnl``.

        The P&L of a period is the change of marked equity, with the open pair's interest and dividends; the
        last period marks an open pair as ``open_pnl`` does. Empty below 48 rows.
        """
        marks = [value + accrued for (_, value), accrued in zip(self.equity, self.accrued, strict=True)]
        if not marks:
            return []
        marks[-1] = self.closed_net + self.open_pnl
        days = [ts_ns // DAY_NS for ts_ns, _ in self.equity]
        if len(set(days)) >= DATES_MIN:
            ends = [at for at in range(len(days)) if at + 1 == len(days) or days[at + 1] != days[at]]
        elif len(marks) >= BLOCKS:
            ends = [(block + 1) * len(marks) // BLOCKS - 1 for block in range(BLOCKS)]
        else:
            return []
        return [after - before for before, after in pairwise([0.0, *(marks[at] for at in ends)])]


def _copy(order: Order) -> Order:
    return Order(**vars(order))


def drawdown_of(values: Sequence[float]) -> float:
    """Returns the largest drawdown from the running peak, which starts at 0."""
    peak, deepest = 0.0, 0.0
    for value in values:
        peak = max(peak, value)
        deepest = max(deepest, peak - value)
    return deepest


def sharpe_of(equity: Sequence[tuple[int, float]]) -> float | None:
    """Returns the annualised Sharpe ratio of daily changes (UTC); None below 20 dates or if all are equal."""
    closes = {ts_ns // DAY_NS: value for ts_ns, value in equity}
    changes = [after - before for before, after in pairwise([0.0, *closes.values()])]
    if len(changes) < SHARPE_DATES_MIN:
        return None
    mean = math.fsum(changes) / len(changes)
    spread = math.sqrt(math.fsum((x - mean) * (x - mean) for x in changes) / (len(changes) - 1))
    return mean / spread * math.sqrt(252) if spread > 0 else None


def median(values: Sequence[float]) -> float:
    """Returns the middle value, or the mean of the middle two."""
    return middle(sorted(values))


def _total(values: Iterable[float]) -> float:
    total = 0.0
    for value in values:
        total += value
    return total


def _mids(quote: Quote) -> tuple[float, float]:
    return (quote.es_bid + quote.es_ask) / 2, (quote.spy_bid + quote.spy_ask) / 2
