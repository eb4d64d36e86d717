"""The settings of a backtest: every number that a result depends on besides the data.

Owns how the settings depend on each other and the errors about values out of range; each setting is declared
in ``core.backtest_options``. It must not know where the values come from (flags, a notebook), nor how the
data is read.
"""

import math
from dataclasses import dataclass, fields
from itertools import pairwise
from numbers import Real

from arbcore.carry.level import LevelMode, LevelRule, parse_level
from arbcore.carry.money import PaidDividend
from arbcore.carry.pairs import Pair, pair_named
from arbcore.carry.row_terms import RowTerms
from arbcore.carry.terms import Quoting, RateHistory, Yields
from arbcore.core.backtest_options import BACKTEST_OPTIONS, BacktestOption, BacktestOptions
from arbcore.core.text import printable
from arbcore.errors import ConfigError

DAY_NS = 86_400 * 10**9
#: The exit threshold as a fraction of the entry threshold, if it is not set.
EXIT_PART = 0.25


@dataclass(frozen=True, kw_only=True)
class BacktestSettings(BacktestOptions):
    """Settings of one backtest; rates are annual decimals, continuously compounded.

    ``factor`` is ``track[:HALF_LIFE]``, ``auto[:ROWS]``, ``column`` or a number. ``rates`` (a name, how they
    are quoted, days and values) replace ``r``, ``yields`` (expiry days and yields) replace ``d``, and
    ``dividends`` (ex instant in ns, amount, whether in index points, in order of time) replace both yields.
    ``dividends_file`` is the name of their file and the line of each, for an error message. With None,
    ``exit_bps`` is a quarter of the entry, ``cost_bps`` and ``multiplier`` are the pair's, and
    ``funding_rate`` is the run's rate at the entry. A ``stop_bps`` or ``max_hold_days`` of 0 switches the
    rule off. A leg is filled its latency after the row that decided, counted in valid rows. Fees are USD a
    side, in addition to ``cost_bps``: ``es_fee`` per contract, ``spy_fee`` per share and at least
    ``spy_fee_min`` per order; ``fees`` charges a broker's fees instead of all of them.

    Raises:
        ConfigError: a value is out of range.

    >>> import arbcore
    >>> settings = arbcore.BacktestSettings(entry_bps=4)
    >>> settings.exit_wanted_bps, settings.multiplier
    (1.0, 50.0)
    """

    def __post_init__(self) -> None:
        pair = self._checked_pair()
        for name, open_value in (("cost_bps", pair.cost_bps), ("multiplier", pair.multiplier)):
            if getattr(self, name) is None:
                object.__setattr__(self, name, open_value)
        for name, item in BACKTEST_OPTIONS.items():
            value: object = getattr(self, name)
            if item.bounds is not None:
                object.__setattr__(self, name, _within(item, value))
            elif item.choices and value not in item.choices and value != item.default:
                words = " or ".join(item.choices)
                raise ConfigError(f"{name} is {printable(repr(value), 60)}; it may be {words}.")
        if not isinstance(self.close_at_end, bool):
            raise ConfigError(
                f"close_at_end is {printable(repr(self.close_at_end), 60)}; it may be True or False."
            )
        self._check_factor()
        self._check_dividends()

    def _checked_pair(self) -> Pair:
        if not isinstance(self.pair, str):
            raise ConfigError(f"pair is {printable(repr(self.pair), 60)}, which is no pair's name.")
        pair = pair_named(self.pair)
        object.__setattr__(self, "pair", pair.name)
        return pair

    def _check_factor(self) -> None:
        factor: object = self.factor
        if isinstance(factor, bool) or not isinstance(factor, str | Real):
            raise ConfigError(
                f"factor is {printable(repr(factor), 60)}; it may be track, auto, column or a number."
            )
        rule = parse_level(factor if isinstance(factor, str) else float(factor))
        text = rule.factor if rule.mode is LevelMode.NUMBER else str(factor).strip().lower()
        object.__setattr__(self, "factor", text)

    def _check_dividends(self) -> None:
        try:
            # A pair (ex instant, amount) without the third item is in USD a share.
            schedule = tuple(
                (int(ex_ns), float(amount), bool(points[0]) if points else False)
                for ex_ns, amount, *points in self.dividends
            )
        except (TypeError, ValueError, OverflowError):
            raise ConfigError("dividends are pairs of an ex instant in ns and USD a share.") from None
        object.__setattr__(self, "dividends", schedule)
        if any(later[0] <= earlier[0] for earlier, later in pairwise(self.dividends)):
            raise ConfigError("dividends must be in order of their ex-dates, each date once.")

    @property
    def the_pair(self) -> Pair:
        """The pair's row in the table of pairs."""
        return pair_named(self.pair)

    @property
    def level(self) -> LevelRule:
        """How the factor (the level) is found."""
        return parse_level(self.factor)

    @property
    def exit_wanted_bps(self) -> float:
        """The deviation at which a position is closed."""
        return EXIT_PART * self.entry_bps if self.exit_bps is None else self.exit_bps

    @property
    def schedule(self) -> tuple[PaidDividend, ...]:
        """The dividends, each with the line of its file."""
        lines = (0,) * len(self.dividends) if self.dividends_file is None else self.dividends_file[1]
        return tuple(PaidDividend(*each, line) for each, line in zip(self.dividends, lines, strict=True))

    @property
    def row_terms(self) -> RowTerms:
        """The terms that the rows are valued with."""
        rates = None
        if self.rates is not None:
            name, quoting, days, values = self.rates
            rates = RateHistory(name, Quoting(quoting), days, values)
        return RowTerms(
            level=self.level,
            r=self.r,
            rates=rates,
            yields=Yields(self.d, dict(self.yields)),
            schedule=self.schedule if self.dividends else None,
            financing_spread_bps=self.financing_spread_bps,
        )

    @property
    def max_hold_ns(self) -> int:
        """The longest hold in ns; 0 if the rule is off."""
        return round(self.max_hold_days * DAY_NS)

    @property
    def cooldown_ns(self) -> int:
        return round(self.cooldown_s * 10**9)

    def document(self) -> dict[str, object]:
        """The settings as the ``params`` of a result."""
        shown: dict[str, object] = {item.name: getattr(self, item.name) for item in fields(self)}
        shown["exit_bps"] = self.exit_wanted_bps
        shown["rates"] = None if self.rates is None else self.rates[0]
        shown["yields"] = {str(day): value for day, value in self.yields}
        shown["dividends"] = len(self.dividends)
        shown["dividends_file"] = None if self.dividends_file is None else self.dividends_file[0]
        return shown


def _within(item: BacktestOption, value: object) -> float | None:
    """A number in the type that the settings store, so the same settings always print the same text."""
    if value is None and item.default is None:
        return None
    # NumPy's numbers are real too.
    if isinstance(value, bool) or not isinstance(value, Real):
        raise ConfigError(f"{item.name} is {printable(repr(value), 60)}, which is not a number.")
    low, high = item.bounds or (-math.inf, math.inf)
    # Compared before the conversion to float, which fails for a very large integer.
    if value < low or not value <= high:
        raise ConfigError(f"{item.name} is {value!r}; it may be from {low:g} to {high:g}.")
    number = float(value)
    if not item.whole:
        return number
    if number != int(number):
        raise ConfigError(f"{item.name} is {value!r}; it must be a whole number.")
    return int(number)
