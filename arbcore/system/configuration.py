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

# Switches of the build (setup.py) and of the test suite share the prefix; they are not mistyped settings.
_NOT_SETTINGS = frozenset({"ARBCORE_SANITIZE", "ARBCORE_TRACE", "ARBCORE_ANNOTATE"})

#: Former names of settings, and their present names.
RENAMED = {"ARBCORE_ALERT_WEBHOOK": "ARBCORE_ALERT_URL"}

#: Two names are alike if difflib's ratio is at least NEAR and their lengths differ by at most NEAR_LENGTHS.
NEAR, NEAR_LENGTHS = 0.85, 5
#: Shorter names in the environment, such as LOGLEVEL, belong to other programs and give no warning.
OTHERS_LENGTH_MIN = 12


def load(
    settings: Iterable[Setting],
    directory: Path,
    environ: Mapping[str, str],
    *,
    flags: Mapping[str, tuple[str, str]] | None = None,
    elsewhere: Iterable[str] = (),
) -> Config:
    """Resolves ``settings`` from the defaults, ``.env``, the environment and ``flags``; the last one wins.

    ``flags`` maps a full name to (text, the flag's spelling). ``elsewhere`` are the other bot's settings,
    which are not reported as mistyped. An empty text counts as not given. Raises ConfigError for a value that
    is malformed or out of range, or a ``.env`` that cannot be read.
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
                # An empty variable cancels, for one run, the value that .env gives.
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
    """A warning if a name looks like a mistyped setting of arbcore, else None."""
    if name in known or name in _NOT_SETTINGS:
        return None
    if name.startswith(PREFIXES):
        return _unknown(name, source, known)
    if source == "environment" and len(name) < OTHERS_LENGTH_MIN:
        return None
    # A name without a prefix may belong to any program: only one close to a setting's gives a warning.
    candidates = [each for each in known if abs(len(each) - len(name)) <= NEAR_LENGTHS]
    nearest = difflib.get_close_matches(name.upper(), candidates, n=1, cutoff=NEAR)
    if not nearest:
        return None
    return f"There is no setting {printable(name)} ({source}); did you mean {nearest[0]}?"


def _unknown(name: str, source: str, known: Iterable[str]) -> str:
    if name in RENAMED:
        return f"The setting {name} ({source}) is gone and does nothing; use {RENAMED[name]}."
    # Compare names without their prefix: the shared prefix would make any two look alike.
    prefix = next((each for each in PREFIXES if name.startswith(each)), "")
    stems = [each.removeprefix(prefix) for each in known if each.startswith(prefix)]
    nearest = difflib.get_close_matches(name.removeprefix(prefix), stems, n=1, cutoff=0.5)
    hint = f"did you mean {prefix}{nearest[0]}?" if nearest else "`arbcore config show` lists all settings."
    return f"There is no setting {printable(name)} ({source}); {hint}"


def read_dotenv(path: Path) -> tuple[list[tuple[str, str, int]], list[str]]:
    """The (name, text, line number) entries of a ``.env`` file, and a warning for each malformed line."""
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
