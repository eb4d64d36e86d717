"""Shell: reads a file of cash dividends, one ex-date and amount a line."""

import csv
from pathlib import Path

from arbcore.carry.calendar import expiry_instant
from arbcore.carry.civil import read_date
from arbcore.errors import ArbcoreError, DataError, InputError
from arbcore.text import printable


def read_dividends(path: Path) -> tuple[tuple[int, float], ...]:
    """Pairs (ex instant in ns, USD a share), by time, of a CSV with the columns ``ex_date,amount``.

    The ex instant is 09:30 New York on the ex-date. Raises InputError or DataError (with the line).
    """
    name = printable(str(path))
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            rows = list(csv.reader(stream))
    except OSError as error:
        raise InputError(f"{name} cannot be read ({error.strerror}); check --dividends.") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{name} cannot be read as CSV: {error}.") from error
    header = [cell.strip().lower() for cell in rows[0]] if rows else []
    if "ex_date" not in header or "amount" not in header:
        raise DataError(
            "missing_column", f"{name}, line 1: the header must be ex_date,amount.", line=1, column="ex_date"
        )
    pairs = []
    for line, cells in enumerate(rows[1:], 2):
        if not any(cell.strip() for cell in cells):
            continue
        try:
            day = read_date(cells[header.index("ex_date")])
            amount = float(cells[header.index("amount")])
            if not 0 <= amount < 1e6:
                raise ValueError("the amount is out of range")
            pairs.append((expiry_instant(day), amount))
        except (ArbcoreError, ValueError, IndexError) as error:
            sentence = f"{name}, line {line}: {error}; write a date and an amount in USD a share."
            raise DataError("not_a_number", sentence, line=line, column=None) from error
    return tuple(sorted(pairs))
