"""Shell: converts settings given as files or texts (rates, yields, a schedule) to the forms of a run."""

import os
import re
from collections.abc import Mapping
from pathlib import Path

from arbcore.carry.terms import parse_yields, read_dividends, read_rates
from arbcore.core.text import printable
from arbcore.errors import ConfigError, InputError

_NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,3})?")


def text_of(path: str | Path, flag: str) -> str:
    """The text of a file. InputError if it cannot be read."""
    name = printable(str(path))
    try:
        return Path(path).read_text(encoding="utf-8-sig")
    except OSError as error:
        raise InputError(f"{name} cannot be read ({error.strerror}); check {flag}.") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{name} is not text in UTF-8; check {flag}.") from error


def read_terms(settings: Mapping[str, object]) -> dict[str, object]:
    """Converts ``r`` or ``rates``, ``d`` and ``dividends``, which may be files or texts, to a run's forms.

    ``r`` may be the name of a file, ``d`` a yield with contracts' own (``0.013,ESH26:0.011``), ``dividends``
    the name of a schedule. Raises InputError and DataError for a file, ConfigError for exclusive settings.
    """
    found = dict(settings)
    r, rates = found.get("r"), found.pop("rates", None)
    if isinstance(r, str | os.PathLike) and not _is_values(str(r)):
        if rates is not None:
            raise ConfigError("r and rates both name a file of rates; give one of them.")
        rates = found.pop("r")
        flag = "--r"
    else:
        flag = "--rates"
    if isinstance(rates, str | os.PathLike):
        if found.get("r") is not None:
            raise ConfigError("r and rates exclude each other; give a number or a file of rates.")
        lines = text_of(str(rates), flag).splitlines(keepends=True)
        history = read_rates(lines, name=printable(str(rates)))
        found["rates"] = (history.name, history.quoting.value, history.days, history.values)
    elif rates is not None:
        found["rates"] = rates
    d = found.get("d")
    if isinstance(d, str) and re.search("[A-Za-z]", d.replace("e", "").replace("E", "", 0)):
        yields = parse_yields(d)
        found["d"], found["yields"] = yields.default, tuple(sorted(yields.by_expiry_day.items()))
    schedule = found.get("dividends")
    if isinstance(schedule, str | os.PathLike):
        if d is not None:
            raise ConfigError("A schedule of dividends replaces the yield d; give one of them.")
        lines = text_of(str(schedule), "--dividends").splitlines(keepends=True)
        paid = read_dividends(lines, name=printable(str(schedule)))
        found["dividends"] = tuple((each.ex_ns, each.amount, each.points) for each in paid)
        found["dividends_file"] = (printable(str(schedule)), tuple(each.line for each in paid))
    return found


def _is_values(text: str) -> bool:
    """Whether a text is a number, a range or a list of numbers."""
    return all(_NUMBER.fullmatch(part.strip()) for part in re.split("[:,]", text))
