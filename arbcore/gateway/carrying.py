"""Interest by settlement day and dividends on the shares that an account holds.

Owns the lots of shares and the booking of both, with the arithmetic of ``carry.money``. A lot keeps the rates
of the time at which it was opened, so a later change of the rates does not affect it. Times are arguments in
UTC nanoseconds; this module knows no orders and no quotes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from arbcore.carry._carry import years_to_expiry
from arbcore.carry.money import PaidDividend, Rates, broker_rates, dividends_of, financing_of
from arbcore.carry.settlement import date_around, settlement_day_at
from arbcore.carry.terms import RateHistory
from arbcore.errors import InputError

NEVER_NS = 2**62


@dataclass(frozen=True, slots=True)
class CarryingTerms:
    """The broker's rates for the account: annual decimals; ``funding`` is a number or rates by date.

    With ``broker`` a long pays more than ``funding`` and a short earns by tiers (``money.broker_rates``).
    ``dividends`` are the schedules by the symbol of the shares.
    """

    funding: float | RateHistory = 0.0
    short: float = 0.0
    borrow: float = 0.0
    dividends: Mapping[str, Sequence[PaidDividend]] = field(default_factory=dict)
    broker: bool = False


class Booked(NamedTuple):
    """Booked amounts in USD; negative if paid."""

    financing: float
    dividends: float


NOTHING = Booked(0.0, 0.0)


@dataclass(slots=True)
class Lot:
    """Shares that were opened at one price and time; ``quantity`` is negative for a short position."""

    symbol: str
    quantity: float
    price: float
    opened_ns: int
    rates: Rates
    factor: float
    #: The settlement day up to which interest is booked, and the instant up to which dividends are.
    settled_day: int
    paid_ns: int

    def book(self, now_ns: int, schedule: Sequence[PaidDividend]) -> Booked:
        """Interest and dividends since the last booking."""
        side = -1 if self.quantity > 0.0 else 1
        shares, day = abs(self.quantity), settlement_day_at(now_ns)
        booked = Booked(
            financing_of(side, shares * self.price, days=day - self.settled_day, rates=self.rates),
            dividends_of(
                side, shares, schedule, entry_ns=self.paid_ns, exit_ns=now_ns, factor=self.factor
            ),
        )  # fmt: skip
        self.settled_day, self.paid_ns = day, now_ns
        return booked


class Carrying:
    """The lots of one account. Call ``advance`` before any event, and ``traded`` after each fill."""

    def __init__(self, terms: CarryingTerms) -> None:
        self.terms = terms
        self.total = NOTHING
        self._lots: list[Lot] = []
        self._now_ns = 0
        self._factor = 1.0
        self._funding = None if isinstance(terms.funding, RateHistory) else terms.funding
        # Nothing is due before this time.
        self._next_ns = NEVER_NS

    def advance(self, now_ns: int, *, expiry_ns: int, factor: float) -> Booked:
        """Books what is due up to now.

        Args:
            now_ns: the market's time.
            expiry_ns: the expiry of the quoted future, up to which a simple rate is converted.
            factor: index points per USD of the ETF, to convert dividends in points into USD.

        Returns:
            The booked amounts.

        Raises:
            InputError: the rates begin after this time.
        """
        self._now_ns, self._factor = now_ns, factor
        self._funding = self._funding_at(now_ns, expiry_ns)
        if now_ns < self._next_ns:
            return NOTHING
        financing = dividends = 0.0
        for lot in self._lots:
            booked = lot.book(now_ns, self.schedule_of(lot.symbol))
            financing, dividends = financing + booked.financing, dividends + booked.dividends
        self.total = Booked(self.total.financing + financing, self.total.dividends + dividends)
        self._look_ahead()
        return Booked(financing, dividends)

    def traded(self, symbol: str, signed: float, price: float) -> None:
        """Takes shares bought (``signed`` > 0) or sold: first closes the oldest opposite lots."""
        for lot in [each for each in self._lots if each.symbol == symbol and each.quantity * signed < 0.0]:
            closed = min(abs(signed), abs(lot.quantity))
            lot.quantity += closed if signed > 0.0 else -closed
            signed -= closed if signed > 0.0 else -closed
            if not lot.quantity:
                self._lots.remove(lot)
            if not signed:
                break
        if signed:
            self._lots.append(
                Lot(
                    symbol, signed, price, self._now_ns,
                    self._rates_of(symbol, signed, price), self._factor,
                    settlement_day_at(self._now_ns), self._now_ns,
                )
            )  # fmt: skip
        self._look_ahead()

    def _rates_of(self, symbol: str, signed: float, price: float) -> Rates:
        """What shares that are opened now pay and earn until they are closed."""
        terms = self.terms
        if not terms.broker:
            return Rates(self.funding, terms.short, terms.borrow)
        held = sum(
            -lot.quantity * lot.price for lot in self._lots if lot.symbol == symbol and lot.quantity < 0.0
        )
        return broker_rates(self.funding, abs(signed) * price, borrow=terms.borrow, before=held)

    def corrected(self, symbol: str, change: float) -> None:
        """Corrects the price of the last fill by ``change``, in the lot that it opened."""
        if self._lots and self._lots[-1].symbol == symbol:
            self._lots[-1].price += change

    def _funding_at(self, now_ns: int, expiry_ns: int) -> float:
        """The rate of a long lot opened now; after the end of rates by date, the last one."""
        funding = self.terms.funding
        if not isinstance(funding, RateHistory):
            return funding
        try:
            return funding.at(now_ns, years_to_expiry(now_ns, expiry_ns))
        except InputError:
            if self._funding is None:
                raise
            return self._funding

    @property
    def funding(self) -> float:
        """The rate that a long lot opened now pays, an annual decimal."""
        return self._funding or 0.0

    def schedule_of(self, symbol: str) -> Sequence[PaidDividend]:
        """The known dividends of a symbol."""
        return self.terms.dividends.get(symbol, ())

    def _look_ahead(self) -> None:
        """Sets the next due time: a New York date begins, or a dividend goes ex."""
        if not self._lots:
            self._next_ns = NEVER_NS
            return
        due = [date_around(self._now_ns)[2]]
        for symbol in {lot.symbol for lot in self._lots}:
            due += [each.ex_ns for each in self.schedule_of(symbol) if each.ex_ns > self._now_ns]
        self._next_ns = min(due)
