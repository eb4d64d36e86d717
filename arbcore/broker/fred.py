"""The FRED fetcher, a shell: the newest value of a series of the St. Louis Fed, cached on disk.

Owns one series: the request, the cache file in the user's cache folder, the value's age, and the pauses after
failures. ``latest`` returns the known value at once. ``refresh`` waits for the server, so call it only where
waiting is allowed; ``start`` refreshes on a thread of its own. The key goes only to the server: no error, log
line or file has it. It decides nothing.
"""

import json
import logging
import math
import os
import sys
import tempfile
import threading
import time
import urllib.parse
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from arbcore._version import __version__
from arbcore.carry.calendar import trading_date
from arbcore.carry.rates import from_bank_discount, from_simple
from arbcore.carry.terms import RateHistory, read_rates
from arbcore.core.civil import NS_PER_DAY, NS_PER_S, iso_date, read_date
from arbcore.core.text import printable
from arbcore.errors import ConfigError, InputError, RunError
from arbcore.system.regular_file import read_regular
from arbcore.system.web_request import RequestFailed, request

URL = "https://api.stlouisfed.org/fred/series/observations"
#: FRED publishes once a business day.
REFRESH_S = 6 * 3_600.0
#: The first pause after a failure; it doubles up to the ordinary refresh.
BACK_OFF_S = 30.0
TIMEOUT_S = 10.0
ANSWER_BYTES_MAX = 1 << 20
OBSERVATIONS = 10
#: A history begins at the earliest time that rows may have; an observation has about a hundred bytes.
HISTORY_SINCE, HISTORY_BYTES_MAX = "1990-01-01", 1 << 24
#: Series with a history; a row takes the value of the day before.
HISTORIES = ("DTB3", "SOFR", "EFFR", "DFF")
FORMAT, FORMAT_VERSION = "arbcore.broker.fred", 1

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Observation:
    """One value of a series: ``percent`` as published for ``day`` (days since 1970), and when it came."""

    series: str
    day: int
    percent: float
    fetched_ns: int

    def age_days(self, now_ns: int) -> float:
        """Days from the beginning of its date, UTC, to an instant."""
        return (now_ns - self.day * NS_PER_DAY) / NS_PER_DAY

    def said(self, now_ns: int) -> str:
        """Such as ``DTB3 3.63% of 2026-11-18 (3 days old)``."""
        return (
            f"{self.series} {self.percent:g}% of {iso_date(self.day)} ({self.age_days(now_ns):.0f} days old)"
        )


@dataclass(frozen=True, slots=True)
class FredSettings:
    """The series and how to fetch it. ``repr`` hides ``key``; times are seconds."""

    series: str = "DTB3"
    key: str = field(default="", repr=False)
    url: str = URL
    refresh_s: float = REFRESH_S
    back_off_s: float = BACK_OFF_S
    timeout_s: float = TIMEOUT_S
    folder: Path | None = None

    def __post_init__(self) -> None:
        if not self.series.isascii() or not self.series.isalnum() or len(self.series) > 64:
            name = printable(self.series)
            raise ConfigError(f"FRED_SERIES_ID is '{name}'; it must be letters and digits such as DTB3.")


def cache_folder() -> Path:
    """The user's cache folder for arbcore: XDG_CACHE_HOME, LOCALAPPDATA or Library/Caches, by platform."""
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA")
        fallback = Path.home() / "AppData" / "Local"
    elif sys.platform == "darwin":
        base, fallback = None, Path.home() / "Library" / "Caches"
    else:
        base, fallback = os.environ.get("XDG_CACHE_HOME"), Path.home() / ".cache"
    return (Path(base) if base else fallback) / "arbcore"


class FredRate:
    """The newest known value of one series.

    ``clock_ns`` gives the time in UTC nanoseconds. Any thread may read while another one refreshes.
    """

    def __init__(self, settings: FredSettings, *, clock_ns: Callable[[], int] = time.time_ns) -> None:
        self.settings = settings
        self._clock_ns = clock_ns
        self._path = (settings.folder or cache_folder()) / f"fred-{settings.series}.json"
        self._latest = read_cache(self._path, settings.series)
        self._refreshing = threading.Lock()
        self._failures = 0
        self._next_ns = 0
        self._last_error = ""
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        if self._latest is not None:
            self._next_ns = self._latest.fetched_ns + round(settings.refresh_s * NS_PER_S)

    @property
    def latest(self) -> Observation | None:
        """The newest known value, at once; None if none was ever fetched."""
        return self._latest

    @property
    def last_error(self) -> str:
        """One sentence about the failure of the last refresh; empty if it succeeded."""
        return self._last_error

    def due_in_s(self) -> float:
        """Seconds until ``refresh`` sends a request again; 0 if it would now."""
        # A clock that was set back must not delay the next refresh for longer than the longest pause.
        wait_s = max(0, self._next_ns - self._clock_ns()) / NS_PER_S
        return min(wait_s, self.settings.refresh_s)

    def refresh(self, *, force: bool = False) -> bool:
        """Sends a request if one is due or ``force``, and waits for the response. True if a value came.

        A failure sets ``last_error`` and is logged, the last value stays, and the pause before the next try
        grows. Nothing is raised, because the rate may well be a day old.
        """
        with self._refreshing:
            if not force and self.due_in_s() > 0.0:
                return False
            try:
                observation = fetch(self.settings, now_ns=self._clock_ns())
            except (RunError, ConfigError) as error:
                self._failed(error)
                return False
            self._latest = observation
            self._failures, self._last_error = 0, ""
            self._next_ns = observation.fetched_ns + round(self.settings.refresh_s * NS_PER_S)
            try:
                write_cache(self._path, observation)
            except OSError as error:
                _log.warning("FRED's value cannot be saved in %s (%s).", self._path, error.strerror)
            return True

    def _failed(self, error: Exception) -> None:
        pause_s = min(self.settings.back_off_s * 2.0 ** min(self._failures, 30), self.settings.refresh_s)
        self._failures += 1
        self._next_ns = self._clock_ns() + round(pause_s * NS_PER_S)
        known = self._latest
        kept = f"keeping {known.said(self._clock_ns())}" if known else "no value is known yet"
        self._last_error = str(error)
        _log.warning("%s Next try in %.0f s; %s.", error, pause_s, kept)

    def start(self) -> None:
        """Refreshes on a thread of its own until ``stop``; the thread does not keep the program alive."""
        if self._thread is None:
            self._thread = threading.Thread(
                target=self._run, name=f"fred-{self.settings.series}", daemon=True
            )
            self._thread.start()

    def stop(self) -> None:
        """Ends the thread; does not wait for an open request."""
        self._stopping.set()

    def _run(self) -> None:
        while not self._stopping.is_set():
            self.refresh()
            self._stopping.wait(max(self.due_in_s(), 0.01))


#: How each known series is quoted: the days of a bill's discount yield, or 0 for a simple rate.
CONVENTIONS = {"DTB4WK": 28, "DTB3": 91, "DTB6": 182, "DTB1YR": 364, "SOFR": 0, "EFFR": 0, "DFF": 0}


def convention(series: str) -> int:
    """How a series is quoted, from ``CONVENTIONS``. Raises ConfigError for an unknown series."""
    days = CONVENTIONS.get(series)
    if days is None:
        known = ", ".join(CONVENTIONS)
        raise ConfigError(
            f"FRED's series {printable(series)} is not supported; set FRED_SERIES_ID to one of {known}."
        )
    return days


def rate_of(observation: Observation, t: float) -> float:
    """The observation as a continuously compounded rate over ``t`` years. Raises as ``convention``."""
    days = convention(observation.series)
    decimal = observation.percent / 100
    return from_bank_discount(decimal, days=days) if days else from_simple(decimal, t=t)


def fetch(settings: FredSettings, *, now_ns: int, before_day: int | None = None) -> Observation:
    """The newest value that FRED has dated before a New York date; skips missing ones (".").

    Args:
        settings: which series, from where.
        now_ns: the time, UTC nanoseconds.
        before_day: the date, in days since 1970-01-01; None is that of ``now_ns``.

    Raises:
        ConfigError: there is no key.
        RunError: the server does not answer, or its response is malformed. No message has the address,
            because the key is part of it.
    """
    query = {"sort_order": "desc", "limit": str(OBSERVATIONS)}
    if before_day is not None:
        query["observation_end"] = iso_date(before_day - 1)
    text = _answer(settings, query, bytes_max=ANSWER_BYTES_MAX)
    day, percent = _newest(
        text, settings.series, trading_date(now_ns) if before_day is None else before_day
    )
    return Observation(settings.series, day, percent, now_ns)


def fetch_history(settings: FredSettings) -> RateHistory:
    """Every value of a series since 1990, for the rows of a backtest: one request with one deadline.

    Raises ConfigError without a key or for a series not in ``HISTORIES``, RunError if the server does not
    answer or its response is malformed.
    """
    series = settings.series
    if series not in HISTORIES:
        raise ConfigError(f"--fred is {printable(series)}; it may be one of {', '.join(HISTORIES)}.")
    query = {"sort_order": "asc", "observation_start": HISTORY_SINCE}
    rows = _observations(_answer(settings, query, bytes_max=HISTORY_BYTES_MAX), series)
    name = f"FRED's {series}"
    try:
        return read_rates([f"date,{series}\n", *(f"{date},{value}\n" for date, value in rows)], name=name)
    except InputError:
        raise RunError(f"FRED's response for {series} has a value that is not a rate; try later.") from None


def _answer(settings: FredSettings, asked: dict[str, str], *, bytes_max: int) -> bytes:
    """Sends one request to FRED and returns the body of its response."""
    if not settings.key:
        raise ConfigError("FRED needs a key; set FRED_API_KEY, or give a constant rate.")
    query = {"series_id": settings.series, "api_key": settings.key, "file_type": "json", **asked}
    try:
        # Follow no redirect: it would send the key to another server.
        answer = request(
            f"{settings.url}?{urllib.parse.urlencode(query)}", headers={"Accept": "application/json"},
            deadline_s=settings.timeout_s, bytes_max=bytes_max + 1,
        )  # fmt: skip
    except RequestFailed as error:
        what = f"FRED cannot be reached for {settings.series} ({error})"
        raise RunError(f"{what}; check the network.") from None
    if not answer.ok:
        # Do not show the server's reason or body, because they may repeat the request.
        what = f"FRED answered {answer.status} to the request for {settings.series}"
        raise RunError(f"{what}; {_advice(answer.status)}.")
    if len(answer.body) > bytes_max:
        raise RunError(f"FRED answered more than {bytes_max:,} bytes for {settings.series}; try later.")
    return answer.body


def _advice(status: int) -> str:
    if status == 429:
        return "wait a minute, since it allows 120 requests a minute"
    if 300 <= status < 400:
        return "the redirect is not followed, since it would send the key elsewhere; check the network"
    return "check FRED_API_KEY and FRED_SERIES_ID" if 400 <= status < 500 else "the server failed; try later"


def _observations(text: bytes, series: str) -> list[tuple[str, str]]:
    """The dates and values of a response, without missing ones."""
    try:
        rows = [(row["date"], row["value"].strip()) for row in json.loads(text)["observations"]]
        for date, value in rows:
            read_date(date)
            if value not in {"", "."}:
                float(value)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, InputError):
        raise RunError(f"FRED's response for {series} is not a list of observations; try later.") from None
    return [(date, value) for date, value in rows if value not in {"", "."}]


def _newest(text: bytes, series: str, before_day: int) -> tuple[int, float]:
    """The day and the percent of the newest value of an answer that is dated before a day."""
    found = [(read_date(date), float(value)) for date, value in _observations(text, series)]
    believable = [(day, value) for day, value in found if -100.0 < value < 100.0 and day < before_day]
    if not believable:
        raise RunError(f"FRED has no value among the last {OBSERVATIONS} of {series}; check FRED_SERIES_ID.")
    return max(believable)


def read_cache(path: Path, series: str) -> Observation | None:
    """The value that an earlier run saved; None if there is none that can be used."""
    try:
        kept = json.loads(read_regular(path, ANSWER_BYTES_MAX))
        if kept["format"] != FORMAT or kept["version"] != FORMAT_VERSION or kept["series"] != series:
            _log.warning(
                "%s is not a cache file of %s in version %s and is ignored.", path, series, FORMAT_VERSION
            )
            return None
        value, fetched_ns = float(kept["percent"]), int(kept["fetched_ns"])
        observation = Observation(series, read_date(kept["date"]), value, fetched_ns)
    except FileNotFoundError:
        return None
    except (
        OSError,
        ValueError,
        KeyError,
        TypeError,
        AttributeError,
        RecursionError,
        OverflowError,
        InputError,
    ):
        _log.warning("The cache file %s is not readable and is ignored.", path)
        return None
    return observation if math.isfinite(value) and -100.0 < value < 100.0 else None


def write_cache(path: Path, observation: Observation) -> None:
    """Saves a value for the next run; the file is written whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    kept = {
        "format": FORMAT,
        "version": FORMAT_VERSION,
        "made_by": f"arbcore {__version__}",
        "series": observation.series,
        "date": iso_date(observation.day),
        "percent": observation.percent,
        "fetched_ns": observation.fetched_ns,
    }
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=path.name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(kept, file)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
