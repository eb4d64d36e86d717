"""The settings engine: the type of a setting, how its text becomes a value, and values with their sources.

It knows no setting by name and reads nothing: ``system.configuration`` reads the environment and ``.env``.
"""

import dataclasses
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from arbcore.core.text import printable
from arbcore.errors import ConfigError

PREFIX = "ARBCORE_"
#: A name with one of these prefixes is meant for arbcore, so an unknown one gives a warning.
PREFIXES = (PREFIX, "IB_", "FUT_", "SPY_", "FRED_")


@dataclass(frozen=True)
class Setting:
    """One setting.

    ``kind`` is text, address, addresses, integer, number, switch, words or choice. A setting with its own
    ``parse`` may have any other word; ``parse`` raises ValueError for a text that is not a value.
    """

    name: str
    kind: str
    default: Any
    help: str
    minimum: float | None = None
    maximum: float | None = None
    secret: bool = False
    options: tuple[str, ...] = ()
    parse: Callable[[str], Any] | None = None


#: The token of the live page, for both bots.
LISTEN_TOKEN = Setting(
    f"{PREFIX}LISTEN_TOKEN", "text", "", "token of the live page (--listen); needed beyond loopback",
    secret=True,
)  # fmt: skip


@dataclass(frozen=True)
class Resolved:
    """A setting's value and its source in words: ``default``, ``environment``, ``.env line 3``."""

    setting: Setting
    value: Any
    source: str

    def shown(self) -> object:
        """The value for printing; a secret is shown only as set or not set."""
        if self.setting.secret:
            return "(set)" if self.value else "(not set)"
        return self.value


@dataclass(frozen=True)
class Config:
    """Every resolved setting by full name, and warnings about names or values that stop nothing."""

    settings: Mapping[str, Resolved]
    warnings: tuple[str, ...]

    def __getitem__(self, name: str) -> Any:
        """A value by the full name, or by the name without ``ARBCORE_``."""
        return self._entry(name).value

    def source(self, name: str) -> str:
        return self._entry(name).source

    def _entry(self, name: str) -> Resolved:
        return self.settings[name if name in self.settings else PREFIX + name]

    def values(self) -> dict[str, object]:
        """The values that are not secret, by full name: what a journal needs to rerun a session."""
        return {name: entry.value for name, entry in self.settings.items() if not entry.setting.secret}


def declared(
    group: type, prefix: str, *, narrower: Mapping[str, int] | None = None
) -> list[Setting]:
    """The settings of all ranged fields of a dataclass."""
    found: list[Setting] = []
    for item in dataclasses.fields(group):
        if "low" not in item.metadata:
            continue
        scale = 1_000_000 if item.name.endswith("_ns") else 1
        name = prefix + setting_name(item.name)
        low, high = -(-item.metadata["low"] // scale), item.metadata["high"] // scale
        found.append(
            Setting(
                name,
                "integer",
                int(getattr(group, item.name)) // scale,
                item.metadata["help"],
                low,
                min(high, (narrower or {}).get(name, high)),
            )
        )
    return found


def setting_name(field_name: str) -> str:
    """``ack_timeout_ns`` -> ``ACK_TIMEOUT_MS``."""
    return (field_name[:-3] + "_ms" if field_name.endswith("_ns") else field_name).upper()


def fill(group: type, values: Mapping[str, object], prefix: str) -> dict[str, int]:
    """The keyword arguments of ``group``, a dataclass of ranged fields, from values by full name."""
    arguments = {}
    for item in dataclasses.fields(group):
        name = prefix + setting_name(item.name)
        if "low" in item.metadata and name in values:
            value = values[name]
            # A switch is a bool, and bool is a subclass of int.
            if not isinstance(value, int | float) or int(value) != value:
                raise ConfigError(f"{name} is {value!r}; give a whole number")
            whole = int(value)
            arguments[item.name] = whole * (1_000_000 if item.name.endswith("_ns") else 1)
    return arguments


def parse_value(setting: Setting, text: str, source: str) -> object:
    """Converts ``text`` to a value of ``setting``; ConfigError names the setting and the source."""
    text = text.strip()
    try:
        if setting.kind == "choice":
            value: Any = _choice(setting, text)
        else:
            value = (setting.parse or _PARSERS[setting.kind])(text)
        if setting.kind == "words" and not set(value) <= set(setting.options):
            raise ValueError(f"words of {', '.join(setting.options)}, separated by commas")
    except ValueError as error:
        reason = str(error) or f"one of {', '.join(setting.options)}"
        shown = "something else, not shown here" if setting.secret else f"{printable(text)!r}"
        raise ConfigError(f"{setting.name} ({source}) must be {reason}, but is {shown}.") from None
    low, high = setting.minimum, setting.maximum
    if (low is not None and value < low) or (high is not None and value > high):
        raise ConfigError(f"{setting.name} ({source}) must be {_range(low, high)}, but is {printable(text)}.")
    return value


def _choice(setting: Setting, text: str) -> str:
    for option in setting.options:
        if text.lower() == option.lower():
            return option
    raise ValueError


def _range(low: float | None, high: float | None) -> str:
    if low is None:
        return f"at most {high}"
    return f"at least {low}" if high is None else f"between {low} and {high}"


def _integer(text: str) -> int:
    # int() would also accept "1_000", "０" and a thousand digits.
    if not re.fullmatch(r"[+-]?[0-9]{1,18}", text):
        raise ValueError("a whole number")
    return int(text)


def _number(text: str) -> float:
    if not re.fullmatch(r"[+-]?([0-9]{1,18}(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,3})?", text):
        raise ValueError("a number")
    value = float(text)
    if value in (float("inf"), float("-inf")):
        raise ValueError("a finite number")
    return value


def is_on(text: str) -> bool:
    """Reads a switch: 1, true, yes, on (in any case) or 0, false, no, off; ValueError otherwise."""
    lowered = text.strip().lower()
    if lowered in {"1", "true", "yes", "on"}:
        return True
    if lowered in {"", "0", "false", "no", "off"}:
        return False
    raise ValueError("1 or 0 (or yes, no, true, false, on, off)")


def _address(text: str) -> str:
    if not re.fullmatch(r"https?://[^\s/]+(/\S*)?", text, re.IGNORECASE):
        raise ValueError("an address that begins with http:// or https://")
    return text


def _addresses(text: str) -> tuple[str, ...]:
    return tuple(_address(part.strip()) for part in text.split(",") if part.strip())


def _words(text: str) -> tuple[str, ...]:
    return tuple(part.strip().lower() for part in text.split(",") if part.strip())


_PARSERS: dict[str, Any] = {
    "text": str,
    "address": _address,
    "addresses": _addresses,
    "words": _words,
    "integer": _integer,
    "number": _number,
    "switch": is_on,
}
