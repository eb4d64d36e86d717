"""Where settings come from: defaults, then ``.env`` in the working directory, the environment, and flags.

Owns the names, ranges and sources of every setting, and the kill switch. Reads the environment and two
files of the working directory, so it stands on the shells' floor. It knows nothing of sockets or of what
a strategy does with its numbers.
"""

import contextlib
import dataclasses
import difflib
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from arbcore.errors import ConfigError
from arbcore.regular_file import read_regular
from arbcore.text import printable
from arbcore.trading.settings import STRATEGY_SETTINGS, SessionSettings
from arbcore.wire.instruments import MESSAGES_PER_SECOND_MAX, POSITION_LIMITS, SIZE_MAX, TEAM_LENGTH_MAX

PREFIX = "ARBCORE_"
#: A name that begins so is meant for arbcore: an unknown one is worth a warning.
PREFIXES = (PREFIX, "IB_", "FUT_", "SPY_", "FRED_")
DOTENV_NAME = ".env"
DOTENV_BYTES_MAX = 1 << 20
KILL_SWITCH_NAME = "KILL_SWITCH"

# Switches of the build (setup.py) and of the test suite share the prefix and are nobody's typing mistake.
_NOT_SETTINGS = frozenset({"ARBCORE_SANITIZE", "ARBCORE_TRACE", "ARBCORE_ANNOTATE"})

#: Names that settings had once, and what they are called now.
RENAMED = {"ARBCORE_ALERT_WEBHOOK": "ARBCORE_ALERT_URL"}

#: Names are alike from here on, as difflib measures it, and if their lengths differ by no more than this.
NEAR, NEAR_LENGTHS = 0.85, 5
#: An environment has short names of others, such as LOGLEVEL; a longer one that is near is no accident.
OTHERS_LENGTH_MIN = 12


@dataclass(frozen=True)
class Setting:
    """One setting; ``kind`` is text, team, address, integer, number, switch, limits, factor,
    addresses, words or choice."""

    name: str
    kind: str
    default: Any
    help: str
    minimum: float | None = None
    maximum: float | None = None
    secret: bool = False
    options: tuple[str, ...] = ()


@dataclass(frozen=True)
class Resolved:
    """A setting's value and where it came from, in words: ``default``, ``environment``, ``.env line 3``."""

    setting: Setting
    value: Any
    source: str

    def shown(self) -> Any:
        """The value as it may be printed; a secret is only said to be set or not."""
        if self.setting.secret:
            return "(set)" if self.value else "(not set)"
        return self.value


@dataclass(frozen=True)
class Config:
    """Every setting resolved, by full name, and what looked wrong but stops nothing."""

    settings: Mapping[str, Resolved]
    warnings: tuple[str, ...]

    def __getitem__(self, name: str) -> Any:
        """A value, by the full name or by that without ``ARBCORE_``."""
        return self._entry(name).value

    def source(self, name: str) -> str:
        return self._entry(name).source

    def _entry(self, name: str) -> Resolved:
        return self.settings[name if name in self.settings else PREFIX + name]

    def values(self) -> dict[str, Any]:
        """Full name -> value of everything that is no secret: what a journal needs to rerun a session."""
        return {name: entry.value for name, entry in self.settings.items() if not entry.setting.secret}


BASE_SETTINGS = (
    Setting(
        "ARBCORE_TEAM", "team", "", "team name, letters only; named, --test dials the real test exchange"
    ),
    Setting("ARBCORE_HOST", "text", "", "host of the exchange"),
    Setting("ARBCORE_PORT", "integer", None, "final port of the exchange", 1, 65_535),
    Setting(
        "ARBCORE_POSITION_LIMITS",
        "limits",
        dict(POSITION_LIMITS),
        "largest position either way, such as VALE=10,XLF=100; above the default where the exchange's is",
    ),
)
# More of the exchange would be lost: what comes beyond its own cap is ignored.
_NARROWER = {"ARBCORE_MESSAGE_CAP": MESSAGES_PER_SECOND_MAX}


def exchange_settings() -> tuple[Setting, ...]:
    """The exchange bot's settings: where it plays, the session's own, and one group a built-in strategy.

    A group is named ``ARBCORE_<STRATEGY>_<OPTION>``. Times that the classes hold in nanoseconds are set in
    milliseconds.
    """
    found = list(BASE_SETTINGS) + _declared(SessionSettings, PREFIX)
    for name, group in STRATEGY_SETTINGS.items():
        prefix = f"{PREFIX}{name.upper()}_"
        found.append(Setting(f"{prefix}ENABLED", "switch", True, f"trade with the strategy {name}"))
        found += _declared(group, prefix)
    return tuple(found)


def _declared(group: type, prefix: str) -> list[Setting]:
    """Settings of every ranged field of a dataclass."""
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
                min(high, _NARROWER.get(name, high)),
            )
        )
    return found


def setting_name(field_name: str) -> str:
    """``ack_timeout_ns`` -> ``ACK_TIMEOUT_MS``."""
    return (field_name[:-3] + "_ms" if field_name.endswith("_ns") else field_name).upper()


def fill(group: type, values: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    """The keyword arguments of ``group``, a dataclass of ranged fields, out of values by full name."""
    arguments = {}
    for item in dataclasses.fields(group):
        name = prefix + setting_name(item.name)
        if "low" in item.metadata and name in values:
            whole = int(values[name])
            if whole != values[name]:
                raise ConfigError(f"{name} is {values[name]!r}; give a whole number")
            arguments[item.name] = whole * (1_000_000 if item.name.endswith("_ns") else 1)
    return arguments


def load(
    settings: Iterable[Setting],
    directory: Path,
    environ: Mapping[str, str],
    *,
    flags: Mapping[str, tuple[str, str]] | None = None,
    elsewhere: Iterable[str] = (),
) -> Config:
    """Resolves ``settings``. ``flags`` maps a full name to (text, the flag's spelling) and comes last.

    ``elsewhere`` are names that the other bot has: they are nobody's typing mistake.
    An empty text counts as not given. Raises ConfigError for a value that is malformed or out of range,
    or a ``.env`` that cannot be read.
    """
    known = {setting.name: setting for setting in settings}
    all_names = {*known, *elsewhere, KILL_SWITCH_NAME}
    entries, warnings = read_dotenv(directory / DOTENV_NAME)
    layers: list[tuple[str, str, str]] = [
        (name, text, f"{DOTENV_NAME} line {line}") for name, text, line in entries
    ]
    layers += [(name, text, "environment") for name, text in sorted(environ.items())]
    resolved = {name: Resolved(setting, setting.default, "default") for name, setting in known.items()}
    for name, text, source in layers:
        if name in known:
            if text.strip():
                resolved[name] = Resolved(known[name], parse_value(known[name], text, source), source)
            elif source == "environment":
                # An empty variable takes a name back that .env gives, for one run.
                resolved[name] = Resolved(
                    known[name], known[name].default, "default (empty in the environment)"
                )
        elif (warning := _mistyped(name, source, all_names)) is not None:
            warnings.append(warning)
    for name, (text, flag) in (flags or {}).items():
        if name not in known:
            raise ConfigError(_unknown(name, flag, known))
        resolved[name] = Resolved(known[name], parse_value(known[name], text, flag), flag)
    return Config(resolved, tuple(warnings))


def _mistyped(name: str, source: str, known: set[str]) -> str | None:
    """A warning where a name is probably meant for arbcore and is no setting."""
    if name in known or name in _NOT_SETTINGS:
        return None
    if name.startswith(PREFIXES):
        return _unknown(name, source, known)
    if source == "environment" and len(name) < OTHERS_LENGTH_MIN:
        return None
    # Names without a prefix stand among everybody's: only a near one is worth a word.
    candidates = [each for each in known if abs(len(each) - len(name)) <= NEAR_LENGTHS]
    nearest = difflib.get_close_matches(name.upper(), candidates, n=1, cutoff=NEAR)
    if not nearest:
        return None
    return f"There is no setting {printable(name)} ({source}); did you mean {nearest[0]}?"


def _unknown(name: str, source: str, known: Iterable[str]) -> str:
    if name in RENAMED:
        return f"The setting {name} ({source}) is gone and does nothing; use {RENAMED[name]}."
    # A prefix that the names share would make any two alike.
    prefix = next((each for each in PREFIXES if name.startswith(each)), "")
    stems = [each.removeprefix(prefix) for each in known if each.startswith(prefix)]
    nearest = difflib.get_close_matches(name.removeprefix(prefix), stems, n=1, cutoff=0.5)
    hint = f"did you mean {prefix}{nearest[0]}?" if nearest else "`arbcore config show` lists all settings."
    return f"There is no setting {printable(name)} ({source}); {hint}"


def read_dotenv(path: Path) -> tuple[list[tuple[str, str, int]], list[str]]:
    """The (name, text, line number) entries of a ``.env`` file, and a warning for each line that is none."""
    try:
        raw = read_regular(path, DOTENV_BYTES_MAX + 1)
        if len(raw) > DOTENV_BYTES_MAX:
            raise ConfigError(f"{path} is larger than {DOTENV_BYTES_MAX:,} bytes, so it is no settings file.")
        text = raw.decode("utf-8-sig")
    except FileNotFoundError:
        return [], []
    except OSError as error:
        raise ConfigError(
            f"{path} cannot be read ({error.strerror}); make it readable or remove it."
        ) from None
    except UnicodeDecodeError:
        raise ConfigError(f"{path} is not UTF-8 text; save it as UTF-8.") from None
    entries: list[tuple[str, str, int]] = []
    warnings: list[str] = []
    for number, line in enumerate(text.splitlines(), 1):
        stripped = line.strip()
        if not stripped or stripped.startswith("#"):
            continue
        match = re.fullmatch(r"(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=\s*(.*)", stripped)
        if match is None:
            warnings.append(f"{DOTENV_NAME} line {number} is not NAME=VALUE and is ignored.")
        else:
            entries.append((match[1], _unquoted(match[2]), number))
    return entries, warnings


def _unquoted(text: str) -> str:
    quoted = re.fullmatch(r"""(["'])(.*?)\1\s*(?:#.*)?""", text)
    return quoted[2] if quoted else re.split(r"(?:^|\s)#", text, maxsplit=1)[0].rstrip()


def parse_value(setting: Setting, text: str, source: str) -> Any:
    """``text`` as a value of ``setting``; ConfigError names the setting and the source."""
    text = text.strip()
    try:
        value: Any = _choice(setting, text) if setting.kind == "choice" else _PARSERS[setting.kind](text)
        if setting.kind == "words" and not set(value) <= set(setting.options):
            raise ValueError(f"words of {', '.join(setting.options)}, parted by commas")
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
    # int() would also take "1_000", "０" and a thousand digits.
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
    """A switch's text: 1, true, yes, on (in any case) or 0, false, no, off; ValueError otherwise."""
    lowered = text.strip().lower()
    if lowered in {"1", "true", "yes", "on"}:
        return True
    if lowered in {"", "0", "false", "no", "off"}:
        return False
    raise ValueError("1 or 0 (or yes, no, true, false, on, off)")


def _team(text: str) -> str:
    if not re.fullmatch(f"[A-Za-z]{{1,{TEAM_LENGTH_MAX}}}", text):
        raise ValueError(f"1 to {TEAM_LENGTH_MAX} letters A to Z")
    return text.upper()


def _address(text: str) -> str:
    if not re.fullmatch(r"https?://[^\s/]+(/\S*)?", text, re.IGNORECASE):
        raise ValueError("an address that begins with http:// or https://")
    return text


def _addresses(text: str) -> tuple[str, ...]:
    return tuple(_address(part.strip()) for part in text.split(",") if part.strip())


def _words(text: str) -> tuple[str, ...]:
    return tuple(part.strip().lower() for part in text.split(",") if part.strip())


def _limits(text: str) -> dict[str, int]:
    limits = dict(POSITION_LIMITS)
    seen: set[str] = set()
    for item in text.split(","):
        symbol, equals, size = (part.strip() for part in item.partition("="))
        if not equals or symbol not in POSITION_LIMITS or not re.fullmatch(r"[0-9]{1,9}", size):
            raise ValueError(f"a list such as VALE=10,XLF=100 of the symbols {', '.join(POSITION_LIMITS)}")
        if symbol in seen:
            raise ValueError(f"a list that names {symbol} once")
        if int(size) > SIZE_MAX:
            raise ValueError(f"at most {SIZE_MAX} for {symbol}")
        seen.add(symbol)
        limits[symbol] = int(size)
    return limits


def _factor(text: str) -> float | str:
    word, _, rows = text.lower().partition(":")
    if word == "auto" and (not rows or re.fullmatch(r"[1-9][0-9]{0,6}", rows)):
        return text.lower()
    try:
        value = _number(text)
    except ValueError:
        raise ValueError("a number, auto or auto:ROWS") from None
    if not 1e-6 <= value <= 1e6:
        raise ValueError("a number between 1e-06 and 1e+06, auto or auto:ROWS")
    return value


_PARSERS: dict[str, Any] = {
    "text": str,
    "team": _team,
    "address": _address,
    "addresses": _addresses,
    "words": _words,
    "integer": _integer,
    "number": _number,
    "switch": is_on,
    "limits": _limits,
    "factor": _factor,
}


class KillSwitch:
    """The kill switch of a working directory: ``KILL_SWITCH`` in the environment, in ``.env``, or as a file.

    ``reason()`` is None while trading is allowed. Once it is not None it stays, and the file is written, so
    the switch holds across restarts until a person deletes the file. Call it at least every second.
    """

    def __init__(self, directory: Path, environ: Mapping[str, str]) -> None:
        self.path = directory / KILL_SWITCH_NAME
        self._dotenv = directory / DOTENV_NAME
        self._environ_text = environ.get(KILL_SWITCH_NAME, "")
        self._reason: str | None = None
        self._on_disk = False

    def peek(self) -> str | None:
        """Why trading would be off, or None; writes nothing."""
        return self._reason or self._look()

    def reason(self) -> str | None:
        """Why trading is off, or None. Reads the two files."""
        if self._reason is None:
            found = self._look()
            if found is not None:
                self.trip(found)
        return self._reason

    def lifted(self) -> bool:
        """Whether a person took away what switched trading off, the file that was written too.

        Where the file could not be written it holds for the whole run.
        """
        if self._reason is None or not self._on_disk or self._look() is not None:
            return False
        self._reason, self._on_disk = None, False
        return True

    def trip(self, reason: str) -> str | None:
        """Switches trading off and writes the file; returns a sentence where it could not be written."""
        if self._reason is None:
            self._reason = reason
        try:
            descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            self._on_disk = True
            return None
        except OSError as error:
            return (
                f"{self.path} could not be written ({error.strerror}), so the kill switch ends with this run."
            )
        # The file holds by being there; a full disk costs only what it says.
        with contextlib.suppress(OSError):
            os.write(descriptor, f"{reason}\nDelete this file to allow trading again.\n".encode())
        os.close(descriptor)
        self._on_disk = True
        return None

    def _look(self) -> str | None:
        if _tripped(self._environ_text):
            return "KILL_SWITCH is set in the environment"
        if os.path.lexists(self.path):
            return f"the file {self.path} exists{self._written_reason()}"
        try:
            entries = read_dotenv(self._dotenv)[0]
        except ConfigError as error:
            # A file that cannot be read cannot be seen to say "off"; the safe reading is "on".
            return str(error)
        last = [text for name, text, _ in entries if name == KILL_SWITCH_NAME][-1:]
        return "KILL_SWITCH is set in .env" if last and _tripped(last[0]) else None

    def _written_reason(self) -> str:
        try:
            first = read_regular(self.path, 400).partition(b"\n")[0].strip()
        except OSError:
            return ""
        return f" ({printable(first)})" if first else ""


def _tripped(text: str) -> bool:
    try:
        return is_on(text)
    except ValueError:
        # Anything that is not clearly "off" stops trading.
        return True
