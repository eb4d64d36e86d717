"""The level of a pair: the factor between index and ETF from which a deviation is measured.

Ten times the ETF is not the index, the market finances at its own rate, and an ETF accumulates its dividends.
Together they make one level of future/ETF that moves slowly and is as large as a threshold. Owns the four
modes: learnt from earlier rows (``track``), calibrated once (``auto``), a number, or a column of the file. It
knows no files, stores or positions: the caller names the contract of each row. Times are UTC nanoseconds.
"""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from statistics import median

from arbcore.carry._carry import exponential
from arbcore.core.text import printable
from arbcore.errors import BrokenInvariant, ConfigError

YEAR_S = 31_536_000.0
HALF_LIFE_S = 3_600.0
#: The number of rows of ``auto``: one trading day of minutes.
AUTO_ROWS = 390
#: The longest age of a stored level that is used again, for the same contract.
RESUME_NS = 7 * 86_400 * 10**9

_LN2 = 0.6931471805599453
#: How far a row may move a known level, as a fraction of it.
_REACH = 0.001
_GAP_S_MIN = 60.0
_HALF_LIFE_S_MAX = 10_000_000.0
_ROWS_MAX = 10_000_000
_FACTOR_MIN, _FACTOR_MAX = 1e-6, 1e6
_DURATION = re.compile(r"([0-9]+(?:\.[0-9]+)?)([smh]?)")
_UNITS_S = {"s": 1.0, "m": 60.0, "h": 3_600.0, "": 60.0}


class LevelMode(Enum):
    """How the factor is found; the values are those of ``factor.mode`` in a result."""

    TRACK = "track"
    AUTO = "auto"
    NUMBER = "number"
    COLUMN = "column"


@dataclass(frozen=True, slots=True)
class LevelRule:
    """The value of ``--factor``. Each field except ``mode`` belongs to one mode."""

    mode: LevelMode = LevelMode.TRACK
    half_life_s: float = HALF_LIFE_S
    rows: int = AUTO_ROWS
    factor: float = math.nan

    def __str__(self) -> str:
        if self.mode is LevelMode.TRACK:
            return f"track:{self.half_life_s:g}s"
        if self.mode is LevelMode.AUTO:
            return f"auto:{self.rows}"
        return repr(self.factor) if self.mode is LevelMode.NUMBER else "column"


def parse_level(text: str | float, *, name: str = "factor") -> LevelRule:
    """Reads ``--factor`` or its setting: ``track[:HALF_LIFE]``, ``auto[:ROWS]``, a number, or ``column``.

    Args:
        text: the setting's text; a half-life is ``30m``, ``2h``, ``5400s``, or a bare number of minutes.
        name: the setting's name, for an error message.

    Raises:
        ConfigError: the text has none of these forms, or is out of range.

    >>> parse_level("track:30m").half_life_s, parse_level("auto").rows, parse_level("10.03").factor
    (1800.0, 390, 10.03)
    """
    words = str(text).strip()
    word, colon, rest = words.lower().partition(":")
    if word == "column" and not colon:
        return LevelRule(LevelMode.COLUMN)
    if word == "track":
        return LevelRule(half_life_s=_half_life_s(rest, words, name) if colon else HALF_LIFE_S)
    if word == "auto":
        rows = int(rest) if rest.isascii() and rest.isdigit() and len(rest) < 9 else 0
        if colon and not 1 <= rows <= _ROWS_MAX:
            raise ConfigError(f"{name} is '{printable(words)}'; auto:ROWS takes 1 to {_ROWS_MAX:,} rows.")
        return LevelRule(LevelMode.AUTO, rows=rows if colon else AUTO_ROWS)
    try:
        factor = float(words)
    except ValueError:
        raise ConfigError(
            f"{name} is '{printable(words)}'; it may be track, track:HALF_LIFE such as track:30m, auto, "
            "auto:ROWS, column, or a number such as 10.03."
        ) from None
    if not _FACTOR_MIN <= factor <= _FACTOR_MAX:
        raise ConfigError(
            f"{name} is {printable(words)}; a factor may be from {_FACTOR_MIN:g} to {_FACTOR_MAX:g}."
        )
    return LevelRule(LevelMode.NUMBER, factor=factor)


def _half_life_s(text: str, words: str, name: str) -> float:
    match = _DURATION.fullmatch(text.strip())
    half_life_s = float(match[1]) * _UNITS_S[match[2]] if match else math.nan
    if not 0.0 < half_life_s <= _HALF_LIFE_S_MAX:
        raise ConfigError(
            f"{name} is '{printable(words)}'; a half-life is above 0 and at most {_HALF_LIFE_S_MAX:,.0f} s, "
            "written as 30m, 2h, 5400s, or a number of minutes."
        )
    return half_life_s


@dataclass(frozen=True, slots=True)
class LevelRow:
    """The values of one valid row that a level needs.

    ``expiry_ns`` is the contract that the row is valued with; with a position, the position's contract.
    ``settlement_day`` is ``settlement.settlement_day_at`` of its time, ``x`` the factor at which the row is
    fair (``factor_of``), ``r`` the rate of its fair value with the spread, and ``d`` the contract's dividend
    yield, 0 with a schedule. ``factor`` is the value of the file's factor column, if it has one.
    """

    ts_ns: int
    expiry_ns: int
    settlement_day: int
    x: float
    r: float
    d: float
    factor: float = math.nan


def factor_of(
    *, fut_mid: float, etf_mid: float, growth: float, paid_usd: float = 0.0, paid_points: float = 0.0
) -> float:
    """The factor at which a row is fair.

    Args:
        fut_mid: index points.
        etf_mid: USD.
        growth: e^((r − d)·t), or e^(r·t) with a schedule.
        paid_usd: today's value of the scheduled dividends up to expiry that are in USD a share.
        paid_points: today's value of those in index points.

    >>> factor_of(fut_mid=6060.0, etf_mid=600.0, growth=1.01)
    10.0
    """
    return (fut_mid + paid_points * growth) / ((etf_mid - paid_usd) * growth)


@dataclass(frozen=True, slots=True)
class TrackState:
    """A tracked level between two rows, as a bot stores it.

    ``known_s`` is w, the seconds of rows learnt from; ``gap_s`` the seconds between the last two rows.
    """

    expiry_ns: int
    factor: float
    known_s: float
    last_ns: int
    gap_s: float
    settlement_day: int


class Level:
    """One level, updated with every valid row in order. ``decide`` returns the level that decides a row.

    It counts the rows that were not decided (``warming_up``) and keeps the factors of the ``first`` and the
    ``last`` decided row, None if no row was decided.
    """

    def __init__(self, rule: LevelRule) -> None:
        self.rule = rule
        self.warming_up = 0
        self.first: float | None = None
        self.last: float | None = None
        self._track: TrackState | None = None
        self._seen: list[float] = []
        self._calibrated = math.nan

    def decide(self, row: LevelRow) -> float | None:
        """The factor that decides a row, learnt from the rows before it; None while it is not known.

        The row is decided first; then the level learns from it. Rows must come in order of time.

        Raises:
            BrokenInvariant: a row is older than the previous one, or its ``x`` is not a positive number.
        """
        if not 0.0 < row.x < math.inf:
            raise BrokenInvariant(f"A row at which the factor {row.x} is fair cannot be learnt from.")
        mode = self.rule.mode
        if mode is LevelMode.TRACK:
            found = self._tracked(row)
        elif mode is LevelMode.AUTO:
            found = self._auto(row)
        else:
            found = self.rule.factor if mode is LevelMode.NUMBER else row.factor
        if not found > 0.0:
            self.warming_up += 1
            return None
        if self.first is None:
            self.first = found
        self.last = found
        return found

    def decide_all(
        self, times: Sequence[int], xs: Sequence[float], *, expiry_ns: int, settlement_day: int, r: float,
        d: float,
    ) -> list[float]:  # fmt: skip
        """``decide`` for successive rows of one contract and one settlement day; NaN while it is not known.

        Use it for many rows: a row takes a fifth of the time.
        """
        found: list[float] = []
        tracks = self.rule.mode is LevelMode.TRACK
        # The first row may have another contract or another settlement day than the row before it.
        for ts_ns, x in zip(times[: 1 if tracks else None], xs, strict=False):
            decided = self.decide(LevelRow(ts_ns, expiry_ns, settlement_day, x=x, r=r, d=d))
            found.append(math.nan if decided is None else decided)
        track = self._track
        if not tracks or track is None or len(times) < 2:
            return found
        if not 0.0 < min(xs) <= max(xs) < math.inf:
            raise BrokenInvariant("A row whose factor is no positive number cannot be learnt from.")
        self._decide_tracked(track, times[1:], xs[1:], found, r=r, d=d)
        known = len(found)
        for at, factor in enumerate(found):
            if factor == factor:
                known = at
                break
        # ``decide`` has counted the first row.
        self.warming_up += max(0, known - 1)
        if known < len(found):
            self.first = found[known] if self.first is None else self.first
            self.last = found[-1]
        return found

    def _decide_tracked(
        self, track: TrackState, times: Sequence[int], xs: Sequence[float], found: list[float], *, r: float,
        d: float,
    ) -> None:  # fmt: skip
        """``_tracked`` for rows of one contract and settlement day; it caches the exponentials by row gap."""
        half_life_s = self.rule.half_life_s
        factor, known_s, last_ns, before_s = track.factor, track.known_s, track.last_ns, track.gap_s
        moves: dict[int, tuple[float, float]] = {}
        gains: dict[float, float] = {}
        for ts_ns, x in zip(times, xs, strict=True):
            move = moves.get(ts_ns - last_ns)
            if move is None:
                gap_s = float(ts_ns - last_ns) / 1e9
                if gap_s < 0.0:
                    raise BrokenInvariant(f"A row came {-gap_s} s before the one before it.")
                gap_years = gap_s / YEAR_S
                move = gap_s, exponential(-d * gap_years - r * (0.0 - gap_years))
                moves[ts_ns - last_ns] = move
            gap_s, growth = move
            factor = factor * growth
            step_s = gap_s
            if gap_s > _GAP_S_MIN and gap_s > before_s:
                step_s = max(_GAP_S_MIN, before_s)
            total_s = known_s + step_s
            if known_s >= half_life_s:
                found.append(factor)
                if x < factor * (1.0 - _REACH):
                    x = factor * (1.0 - _REACH)
                elif x > factor * (1.0 + _REACH):
                    x = factor * (1.0 + _REACH)
            else:
                found.append(math.nan)
            if total_s > 0.0:
                gain = gains.get(step_s)
                if gain is None:
                    gain = gains[step_s] = 1.0 - exponential(-_LN2 * (step_s / half_life_s))
                factor += max(gain, step_s / total_s) * (x - factor)
            known_s, last_ns, before_s = total_s, ts_ns, gap_s
        self._track = TrackState(
            track.expiry_ns, factor, known_s, last_ns, before_s, track.settlement_day
        )

    def at(self, row: LevelRow) -> float | None:
        """Returns the factor that ``decide`` would return, and learns nothing; ``x`` may have any value.

        A bot decides on every tick, but learns only from complete rows.
        """
        mode = self.rule.mode
        if mode is LevelMode.TRACK:
            factor, known_s, _, _ = self._moved(row)
            return factor if known_s >= self.rule.half_life_s else None
        if mode is LevelMode.AUTO:
            return None if math.isnan(self._calibrated) else self._calibrated
        return self.rule.factor if mode is LevelMode.NUMBER else row.factor

    @property
    def state(self) -> TrackState | None:
        """The tracked level as a bot stores it; None before the first row and for the other modes."""
        return self._track

    def resume(self, state: TrackState, *, now_ns: int) -> bool:
        """Continues from a stored level, before the first row; returns False if it is older than a week.

        Rows of another contract start a new level.
        """
        if self.rule.mode is not LevelMode.TRACK or not 0 <= now_ns - state.last_ns <= RESUME_NS:
            return False
        self._track = state
        return True

    def warm_in_s(self, expiry_ns: int) -> float:
        """The seconds of a contract's rows that a tracked level still needs; 0 if it is known."""
        track = self._track
        known_s = track.known_s if track is not None and track.expiry_ns == expiry_ns else 0.0
        return max(0.0, self.rule.half_life_s - known_s)

    def document(self) -> dict[str, object]:
        """The ``factor`` of a result document."""
        track = self.rule.mode is LevelMode.TRACK
        return {
            "mode": self.rule.mode.value,
            "half_life_s": self.rule.half_life_s if track else None,
            "first": self.first,
            "last": self.last,
        }

    def _moved(self, row: LevelRow) -> tuple[float, float, float, float]:
        """The level at a row: factor, seconds learnt, seconds since the last row, and those that count."""
        track = self._track
        if track is None or track.expiry_ns != row.expiry_ns:
            return row.x, 0.0, 0.0, 0.0
        gap_s = float(row.ts_ns - track.last_ns) / 1e9
        if gap_s < 0.0:
            raise BrokenInvariant(f"A row came {-gap_s} s before the one before it.")
        # Financing accrues between settlement days, dividends with clock time.
        gap_years = gap_s / YEAR_S
        settled_years = float(row.settlement_day - track.settlement_day) / 365.0
        factor = track.factor * exponential(-row.d * gap_years - row.r * (settled_years - gap_years))
        return factor, track.known_s, gap_s, min(gap_s, max(_GAP_S_MIN, track.gap_s))

    def _tracked(self, row: LevelRow) -> float:
        """Step 1 moves the level to the row, step 2 decides, step 3 learns; NaN while the level warms up."""
        factor, known_s, gap_s, step_s = self._moved(row)
        warm = known_s >= self.rule.half_life_s
        decided = factor if warm else math.nan
        total_s = known_s + step_s
        if total_s > 0.0:
            seen = row.x
            if warm:
                seen = min(max(seen, factor * (1.0 - _REACH)), factor * (1.0 + _REACH))
            gain = max(1.0 - exponential(-_LN2 * (step_s / self.rule.half_life_s)), step_s / total_s)
            factor += gain * (seen - factor)
        self._track = TrackState(row.expiry_ns, factor, total_s, row.ts_ns, gap_s, row.settlement_day)
        return decided

    def _auto(self, row: LevelRow) -> float:
        """Returns the median of the first rows for every row after them, and NaN for the first rows."""
        if len(self._seen) < self.rule.rows:
            self._seen.append(row.x)
            if len(self._seen) == self.rule.rows:
                self._calibrated = median(self._seen)
            return math.nan
        return self._calibrated
