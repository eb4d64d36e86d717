"""Where settings come from: defaults, then ``.env`` in the working directory, the environment, and flags."""

import difflib
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from arbcore.core.settings import PREFIXES, Config, Resolved, Setting, parse_value
from arbcore.core.text import printable
from arbcore.errors import ConfigError
from arbcore.system.regular_file import read_regular

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
    """A warning where a name is probably meant for arbcore and is not a setting."""
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
            raise ConfigError(f"{path} has more than {DOTENV_BYTES_MAX:,} bytes: it is not a settings file.")
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
