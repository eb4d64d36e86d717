"""The grid of a sweep: the settings that vary, their values, and every cell by number.

Owns the format of ranges, their exact values and the largest number of cells. The first setting named varies
slowest. It must not know the data, nor where the cells are run.
"""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from arbcore.carry.level import parse_level
from arbcore.core.backtest_options import BACKTEST_OPTIONS
from arbcore.core.text import printable
from arbcore.errors import ConfigError
from arbcore.research.research_settings import BacktestSettings

#: The most cells: each one is a row of the result, and more than 500 by 500 are too many to read.
CELLS_MAX = 250_000
#: A number above the bounds of every setting.
LARGEST = 10**15

_NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,3})?")
_MARKS = re.compile(r"[:,]")
_NUMBERS = {item.name for item in BACKTEST_OPTIONS.values() if item.varies}
#: Settings that cannot vary: words, switches, and schedules (which are sequences already).
_WORDS = {item.name for item in BACKTEST_OPTIONS.values() if item.reads in ("name", "word", "switch")}


#: A number, or for the factor also a word such as ``track:30m``.
AxisValue = float | str


@dataclass(frozen=True)
class Axis:
    """One setting that varies, and its values in the order of the grid."""

    name: str
    values: tuple[AxisValue, ...]


class Grid:
    """Every combination of the axes' values; other settings are fixed. Raises ConfigError for a bad value."""

    def __init__(self, base: BacktestSettings, axes: Sequence[Axis]) -> None:
        if not axes:
            raise ConfigError(
                "Nothing varies; give at least one setting as LO:HI:STEP or as a list such as 1,2,5."
            )
        self.base = base
        self.axes = tuple(axes)
        self.cells = math.prod(len(axis.values) for axis in axes)
        if self.cells > CELLS_MAX:
            raise ConfigError(
                f"The ranges make {self.cells:,} cells and a sweep has at most {CELLS_MAX:,}; "
                "take larger steps or fewer ranges."
            )
        document = settings_of(base)
        checked = []
        for axis in axes:
            # The bounds of a setting do not depend on other settings, so one pass along each axis checks all
            # cells.
            kept = [
                getattr(BacktestSettings(**(document | {axis.name: value})), axis.name)  # type: ignore[arg-type]
                for value in axis.values
            ]
            checked.append(tuple(kept))
        self._values = tuple(checked)

    @property
    def names(self) -> tuple[str, ...]:
        """The settings that vary."""
        return tuple(axis.name for axis in self.axes)

    @property
    def shape(self) -> tuple[int, ...]:
        """The number of values of each axis."""
        return tuple(len(values) for values in self._values)

    def place_of(self, cell: int) -> tuple[int, ...]:
        """A cell's place: the index of its value on each axis."""
        place = []
        for length in reversed(self.shape):
            cell, at = divmod(cell, length)
            place.append(at)
        return tuple(reversed(place))

    def cell_at(self, place: Sequence[int]) -> int:
        """The number of the cell at a place."""
        cell = 0
        for at, length in zip(place, self.shape, strict=True):
            cell = cell * length + at
        return cell

    def values_of(self, cell: int) -> tuple[AxisValue, ...]:
        """A cell's values, in the order of the axes."""
        return tuple(values[at] for values, at in zip(self._values, self.place_of(cell), strict=True))

    def settings(self, cells: Iterable[int]) -> list[BacktestSettings]:
        """The settings of the given cells."""
        return [settings_with(self.base, self.names, self.values_of(cell)) for cell in cells]

    def columns(self) -> dict[str, list[AxisValue]]:
        """The settings of every cell that vary, one column for each."""
        places = [self.values_of(cell) for cell in range(self.cells)]
        return {name: [values[at] for values in places] for at, name in enumerate(self.names)}


def settings_of(settings: BacktestSettings) -> dict[str, object]:
    """All settings by name."""
    return dict(vars(settings))


def settings_with(
    base: BacktestSettings, names: Sequence[str], values: Sequence[AxisValue]
) -> BacktestSettings:
    """``base`` with some settings replaced; the new values must have been checked before."""
    # Checking a quarter of a million cells again would take longer than running them.
    made = object.__new__(BacktestSettings)
    vars(made).update(vars(base))
    vars(made).update(zip(names, values, strict=True))
    return made


def split_ranges(settings: Mapping[str, object]) -> tuple[dict[str, object], list[Axis]]:
    """Splits settings into fixed ones and axes that vary, in the order in which they were named.

    A number is fixed. ``LO:HI:STEP``, a list such as ``1,2,5`` and a sequence of numbers vary. An unknown
    name counts as fixed; it is refused later when the settings are made. Raises ConfigError.
    """
    fixed: dict[str, object] = {}
    axes: list[Axis] = []
    for name, value in settings.items():
        several = isinstance(value, Sequence) and not isinstance(value, str)
        if name in _NUMBERS and (several or hasattr(value, "tolist")):
            axes.append(Axis(name, _listed(name, value)))
        elif name in _NUMBERS and isinstance(value, str):
            found = read_values(name, value)
            if isinstance(found, tuple):
                axes.append(Axis(name, found))
            else:
                fixed[name] = found
        elif name in _WORDS and (several or (isinstance(value, str) and _MARKS.search(value))):
            raise ConfigError(f"{name} is {value!r}; only a setting that is a number can vary.")
        else:
            fixed[name] = value
    return fixed, axes


def read_values(name: str, text: str) -> AxisValue | tuple[AxisValue, ...]:
    """Reads the text of a numeric setting: a number, or a tuple of the values to try.

    The factor also takes ``track:30m,track:2h``, ``auto`` and ``column``. Raises ConfigError.
    """
    if name == "factor" and (parts := [part.strip() for part in text.split(",")])[0][:1].isalpha():
        # A word such as track:30m has a colon of its own.
        for part in parts:
            parse_level(part)
        if len(set(parts)) < len(parts):
            raise ConfigError(f"factor varies over {text!r}, which names one twice; name each value once.")
        return tuple(parts) if len(parts) > 1 else parts[0]
    if ":" in text:
        return _ranged(name, text)
    if "," in text:
        return _listed(name, [float(_exact(name, part, text)) for part in text.split(",")])
    return float(_exact(name, text, text))


def _ranged(name: str, text: str) -> tuple[float, ...]:
    parts = text.split(":")
    if len(parts) != 3:
        raise ConfigError(f"{name} is {text!r}; a range is LO:HI:STEP, such as 5:30:1.")
    # Sums of fractions: 0.1:0.5:0.1 then has 0.3 and not 0.30000000000000004.
    low, high, step = (_exact(name, part, text) for part in parts)
    if step <= 0:
        raise ConfigError(f"{name} is {text!r}; the step of a range must be above 0.")
    if high < low:
        raise ConfigError(
            f"{name} is {text!r}, which runs backwards; write {parts[1]}:{parts[0]}:{parts[2]}."
        )
    steps, rest = divmod(high - low, step)
    if steps >= CELLS_MAX:
        raise ConfigError(
            f"{name} is {text!r}, which has more than {CELLS_MAX:,} values; take a larger step."
        )
    if rest:
        below = low + steps * step
        raise ConfigError(
            f"{name} is {text!r}, which does not reach {parts[1]} in steps of {parts[2]}; "
            f"end it at {shown(float(below))} or {shown(float(below + step))}."
        )
    return tuple(float(low + at * step) for at in range(steps + 1))


def _listed(name: str, values: object) -> tuple[AxisValue, ...]:
    found: dict[AxisValue, None] = {}
    given = values.tolist() if hasattr(values, "tolist") else values
    for value in given if isinstance(given, Iterable) else [given]:
        if name == "factor" and isinstance(value, str):
            found[value] = None
            continue
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ConfigError(f"{name} varies over {value!r}, which is not a number.")
        if value in found:
            raise ConfigError(f"{name} varies over {shown(value)} twice; name each value once.")
        found[float(value)] = None
    if not found:
        raise ConfigError(f"{name} varies over no value; name at least one.")
    return tuple(found)


def _exact(name: str, part: str, text: str) -> Fraction:
    if not _NUMBER.fullmatch(part.strip()):
        raise ConfigError(
            f"{name} is {printable(text)!r}; it may be a number, a range LO:HI:STEP, or a list such as 1,2,5."
        )
    value = Fraction(part.strip())
    if abs(value) > LARGEST:
        raise ConfigError(f"{name} is {printable(text)!r}; {printable(part)} is too large a number.")
    return value


def shown(value: float | str) -> str:
    """A value for people to read: 5 and not 5.0; words stay unchanged."""
    return value if isinstance(value, str) else repr(value).removesuffix(".0")
