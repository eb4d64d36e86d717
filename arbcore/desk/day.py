"""The New York date: its profit and loss, its loss limit, and what starts again with each date.

P&L of a date is the money of its executions less commissions, plus the value of the positions at the mids,
less their value when the date began, plus the financing and dividends of the date. An unknown commission
counts with its assumed amount, never as 0.
"""

from arbcore.carry.pairs import ETF, FUT
from arbcore.core.civil import iso_date, new_york_to_utc
from arbcore.desk.commands import SaveCarried, SaveDay
from arbcore.desk.desk_core import DeskCore
from arbcore.desk.market_clock import day_of
from arbcore.desk.pair import PairTrader
from arbcore.desk.records import CarriedRow, DayRow
from arbcore.desk.trade import NOTHING_CARRIED, Carried


class Day:
    """The present date; ``end_ns`` is when the next one begins (UTC)."""

    def __init__(self, core: DeskCore, pairs: PairTrader, row: DayRow | None) -> None:
        self.core = core
        self.pairs = pairs
        self.row = row
        self.end_ns = -(2**63)
        # Positions were carried into the date and have no known price: the first quotes give their value.
        self._unpriced = False
        self._past = 0.0  # the date's money when counting of its P&L began
        self._flat_money = 0.0
        # Financing and dividends of the date by pair, as last booked.
        self._booked: dict[int, Carried] = {}

    def begin(self) -> None:
        """Begins a date, or continues one if the desk starts in the middle of it."""
        core = self.core
        day, start_ns, self.end_ns = day_of(core.clock.utc_ns)
        if self.row is not None:
            # Book financing and dividends on the dates they belong to, also on dates the desk did not run.
            for past in range(self.row.day, day):
                self._book_date(past, {}, upto_ns=new_york_to_utc(past + 1, 0) - 1)
        self._booked = {}
        core.ledger.begin_day(start_ns)
        if self.row is None or self.row.day != day:
            value = self._value()
            self._unpriced, self._past = value is None, 0.0
            self.row = DayRow(day, value or 0.0, not core.settings.margin_check)
            core.out.append(SaveDay(self.row))
            core.risk_state.remove("daily loss")
        elif self.row.tripped:
            self._trip()
        self.book()

    def book(self) -> None:
        """Books the financing and dividends of the date's pairs up to now, if they changed."""
        if self.row is not None:
            self._book_date(self.row.day, self._booked, upto_ns=self.core.clock.utc_ns)

    def _book_date(self, day: int, booked: dict[int, Carried], *, upto_ns: int) -> None:
        """Books a date's financing and dividends up to an instant, unless ``booked`` has them already."""
        start_ns = new_york_to_utc(day, 0)
        for trade in (*self.pairs.open.values(), *self.pairs.over.values()):
            if trade.exit_ns is not None and trade.exit_ns < start_ns:
                continue
            now, before = trade.carried(upto_ns), trade.carried(start_ns - 1)
            carried = Carried(now.financing - before.financing, now.dividends - before.dividends)
            if carried != booked.get(trade.trade_id, NOTHING_CARRIED):
                booked[trade.trade_id] = carried
                row = CarriedRow(f"{iso_date(day)} {trade.trade_id}", day, trade.trade_id, *carried)
                self.core.out.append(SaveCarried(row))

    @property
    def margin_checked(self) -> bool:
        """Whether the broker confirmed today that the margin is enough for an entry, or need not be asked."""
        return self.row is not None and self.row.margin_checked

    def carries_margin(self) -> None:
        """Records that the broker confirmed today that the margin is enough for an entry."""
        if self.row is not None:
            self._save(DayRow(self.row.day, self.row.start_value, True, self.row.tripped))

    def pnl(self) -> float | None:
        """Dollars of the date so far; None while a position has no price."""
        value = self._value()
        if value is None or self.row is None:
            return None
        ledger = self.core.ledger
        carried = sum(sum(each) for each in self._booked.values())
        return ledger.day_money - ledger.day_commission + value - self.row.start_value + carried

    def count_anew(self) -> None:
        """Counts the date's P&L from now on, after positions changed at unknown prices."""
        if self.row is not None:
            ledger = self.core.ledger
            self._past = ledger.day_money - ledger.day_commission
            value = self._value()
            self._unpriced = value is None
            start_value = self._past + (value or 0.0)
            self._save(DayRow(self.row.day, start_value, self.row.margin_checked, self.row.tripped))

    def check(self) -> None:
        """Adds the halt reason "daily loss" when the date's loss reaches its limit, at good prices only."""
        core = self.core
        self.book()
        row = self.row
        if row is None or row.tripped:
            return
        now_ns, utc_ns = core.clock.now_ns, core.clock.utc_ns
        held = core.positions[FUT] or core.positions[ETF]
        if not held:
            # While flat, only executions, commissions, financing and dividends change the P&L.
            money = core.ledger.day_money - core.ledger.day_commission
            money += sum(sum(each) for each in self._booked.values())
            if money == self._flat_money:
                return
            self._flat_money = money
        elif core.gate.doubts or core.fut.fault(now_ns, utc_ns) or core.etf.fault(now_ns, utc_ns):
            return
        if self._unpriced:
            self._unpriced = False
            row = DayRow(row.day, self._past + (self._value() or 0.0), row.margin_checked, row.tripped)
            self._save(row)
        loss = self.pnl()
        if loss is not None and loss <= -core.settings.daily_loss_usd:
            self._save(DayRow(row.day, row.start_value, row.margin_checked, True))
            self._trip()

    def _trip(self) -> None:
        self.core.restrict(
            "daily loss",
            f"The day's loss reached {self.core.settings.daily_loss_usd:g} USD; no entries until tomorrow.",
        )

    def _save(self, row: DayRow) -> None:
        self.row = row
        self.core.out.append(SaveDay(row))

    def _value(self) -> float | None:
        """The value of all positions at the last mids; None if one has no price."""
        core = self.core
        fut, etf = core.positions[FUT], core.positions[ETF]
        if not fut and not etf:
            return 0.0
        fut_mid, etf_mid = core.fut.mid, core.etf.mid
        if (fut and not fut_mid) or (etf and not etf_mid):
            return None
        return fut * core.fut.multiplier * fut_mid + etf * etf_mid
