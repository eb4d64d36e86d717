"""Which rate the carry bot works with, and what people are told of it: the setting's, or FRED's.

A shell over the fetcher, which it never waits for.
"""

import time
from collections.abc import Callable
from typing import NamedTuple

from arbcore.broker.fred import FredRate, rate_of
from arbcore.carry.terms import RateHistory
from arbcore.core.civil import iso_date

#: The rate to a quarter from now stands for every expiry that is traded.
YEARS = 0.25
SETTING = "RISK_FREE_RATE_ANNUAL"


class RateNews(NamedTuple):
    """``rate`` is None while the setting's holds; ``text`` says which it is and why."""

    rate: float | None
    text: str
    failed: bool = False


def rate_as_set(r: float) -> Callable[[], RateNews]:
    """The setting's rate, whatever happens."""
    return lambda: RateNews(None, f"The rate is {r:.4%}, as {SETTING} says.")


def rate_of_file(history: RateHistory) -> Callable[[], RateNews]:
    """Rates by date, which the desk takes by itself: how far they reach is said once."""
    last = iso_date(history.days[-1])
    return lambda: RateNews(None, f"The rate is that of {history.name}, whose last one is of {last}.")


class RateOfFred:
    """FRED's rate as far as it is known, and the setting's ``r`` until then."""

    def __init__(self, fred: FredRate, r: float, *, clock_ns: Callable[[], int] = time.time_ns) -> None:
        self._fred = fred
        self._until = f"the rate is {r:.4%}, as {SETTING} says"
        self._clock_ns = clock_ns

    def __call__(self) -> RateNews:
        """What is known now, at once."""
        known, trouble = self._fred.latest, self._fred.last_error
        if known is None:
            if trouble:
                return RateNews(None, f"{trouble} Until it answers {self._until}.", failed=True)
            return RateNews(
                None, f"FRED is asked for {self._fred.settings.series}; until then {self._until}."
            )
        rate = rate_of(known, YEARS)
        text = f"The rate is {rate:.4%}: {known.said(self._clock_ns())}."
        return RateNews(rate, f"{trouble} {text}" if trouble else text, failed=bool(trouble))
