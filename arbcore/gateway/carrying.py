"""What an account pays and earns for the shares that it holds: interest by settlement day, and dividends.

Owns the lots of shares and the booking of both, by the arithmetic of ``carry.money``: a lot keeps the rates
of the moment at which it was opened, so that a pair that is held over a change of the rates does not notice.
Times are UTC nanoseconds that are handed in; it knows no orders and no quotes.
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
    """What the account's broker applies; annual decimals, ``funding`` a number or rates by date.

    With ``broker`` a long pays more than ``funding`` and a short earns by tiers (``money.broker_rates``).
    ``dividends`` are the schedules by the symbol of the shares.
    """

    funding: float | RateHistory = 0.0
    short: float = 0.0
    borrow: float = 0.0
    dividends: Mapping[str, Sequence[PaidDividend]] = field(default_factory=dict)
    broker: bool = False


class Booked(NamedTuple):
    """What was booked, in USD, below 0 where it was paid."""

    financing: float
    dividends: float


NOTHING = Booked(0.0, 0.0)


@dataclass(slots=True)
class Lot:
    """Shares that were opened at one price and time; ``quantity`` is below 0 of a short."""

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
        """What it paid and earned since it was booked last."""
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
    """The lots of one account. ``advance`` before what happens at a time, ``traded`` after each fill."""

    def __init__(self, terms: CarryingTerms) -> None:
        self.terms = terms
        self.total = NOTHING
        self._lots: list[Lot] = []
        self._now_ns = 0
        self._factor = 1.0
        self._funding = None if isinstance(terms.funding, RateHistory) else terms.funding
        # Nothing is to be booked before this time.
        self._next_ns = NEVER_NS

    def advance(self, now_ns: int, *, expiry_ns: int, factor: float) -> Booked:
        """Time passes: what is due by now.

        Args:
            now_ns: the market's time.
            expiry_ns: of the future that is quoted; a simple rate is turned over to it.
            factor: index points per USD of the ETF, by which dividends in points are USD.

        Returns:
            What was booked.

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
        """Shares were bought (above 0) or sold: the oldest lots of the other direction close first."""
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
        """The price of the last fill was another one, by ``change``: that of the lot that it opened."""
        if self._lots and self._lots[-1].symbol == symbol:
            self._lots[-1].price += change

    def _funding_at(self, now_ns: int, expiry_ns: int) -> float:
        """What a long pays that is opened now; rates by date that end go on with the last one."""
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
        """The rate of what is opened now, an annual decimal, which a long pays."""
        return self._funding or 0.0

    def schedule_of(self, symbol: str) -> Sequence[PaidDividend]:
        """The dividends of some shares that are known."""
        return self.terms.dividends.get(symbol, ())

    def _look_ahead(self) -> None:
        """When something is due next: a New York date begins, or a dividend goes ex."""
        if not self._lots:
            self._next_ns = NEVER_NS
            return
        due = [date_around(self._now_ns)[2]]
        for symbol in {lot.symbol for lot in self._lots}:
            due += [each.ex_ns for each in self.schedule_of(symbol) if each.ex_ns > self._now_ns]
        self._next_ns = min(due)
