"""The rate that the carry bot uses, from the setting, a file or FRED, and the notes about it.

A shell over the FRED fetcher; it never waits for the fetcher.
"""

import time
from collections.abc import Callable
from typing import NamedTuple

from arbcore.broker.fred import FredRate, rate_of
from arbcore.carry.terms import RateHistory
from arbcore.core.civil import iso_date

#: The rate for a quarter of a year is used for every traded expiry.
YEARS = 0.25
SETTING = "RISK_FREE_RATE_ANNUAL"


class RateNews(NamedTuple):
    """``rate`` is None while the setting's rate is used; ``text`` gives the rate and its source."""

    rate: float | None
    text: str
    failed: bool = False


def rate_as_set(r: float) -> Callable[[], RateNews]:
    """A source that always gives the setting's rate."""
    return lambda: RateNews(None, f"The rate is {r:.4%}, from {SETTING}.")


def rate_of_file(history: RateHistory) -> Callable[[], RateNews]:
    """A source for rates by date, which the desk reads itself; the text gives the last date."""
    last = iso_date(history.days[-1])
    return lambda: RateNews(None, f"The rate comes from {history.name}, whose last date is {last}.")


class RateOfFred:
    """A source for FRED's rate, or the setting's ``r`` until FRED's is known."""

    def __init__(self, fred: FredRate, r: float, *, clock_ns: Callable[[], int] = time.time_ns) -> None:
        self._fred = fred
        self._until = f"the rate is {r:.4%}, from {SETTING}"
        self._clock_ns = clock_ns

    def __call__(self) -> RateNews:
        """The present rate, at once."""
        known, trouble = self._fred.latest, self._fred.last_error
        if known is None:
            if trouble:
                return RateNews(None, f"{trouble} Until FRED answers, {self._until}.", failed=True)
            return RateNews(
                None, f"Requesting {self._fred.settings.series} from FRED; until it answers, {self._until}."
            )
        rate = rate_of(known, YEARS)
        text = f"The rate is {rate:.4%}: {known.said(self._clock_ns())}."
        return RateNews(rate, f"{trouble} {text}" if trouble else text, failed=bool(trouble))
