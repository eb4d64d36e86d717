"""Shell: reads a file of cash dividends, one ex-date and amount a line."""

from pathlib import Path

from arbcore.carry.dividends import read_schedule
from arbcore.core.text import printable
from arbcore.errors import InputError


def text_of(path: Path) -> str:
    """What a file of dividends holds. InputError where it cannot be read."""
    name = printable(str(path))
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise InputError(f"{name} cannot be read ({error.strerror}); check --dividends.") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{name} is not text in UTF-8; check --dividends.") from error


def read_dividends(path: Path) -> tuple[tuple[int, float], ...]:
    """Pairs (ex instant in ns, USD a share), by time, of a CSV with the columns ``ex_date,amount``.

    The ex instant is 09:30 New York on the ex-date. Raises InputError (with the line).
    """
    lines = text_of(path).splitlines(keepends=True)
    schedule = read_schedule(lines, name=printable(str(path)), factor=None)
    return tuple((each.ex_ns, each.points) for each in schedule.dividends)
