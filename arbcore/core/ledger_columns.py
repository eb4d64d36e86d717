"""The ledger of closed trades: one list of columns, used for rows, files, tables and the documentation.

A column is a field of ``LedgerRow``, the only place with its name, type, unit and meaning. Rows are read by
name, so a column may be added anywhere in the list.
"""

from collections.abc import Callable, Iterable
from operator import attrgetter
from typing import Annotated, NamedTuple, get_args, get_origin, get_type_hints

from arbcore.core.civil import iso_time


class LedgerRow(NamedTuple):
    """One closed trade; each field gives (unit, meaning). Prices are those of the fills."""

    trade_id: Annotated[int, "", "number of the trade, from 1"]
    side: Annotated[str, "", "`cash_and_carry` (future sold, ETF bought) or `reverse`"]
    entry_ts: Annotated[int, "time", "row on which the last leg of the entry was filled"]
    exit_ts: Annotated[int, "time", "row on which the last leg of the exit was filled"]
    contracts: Annotated[int, "contracts", "of the future"]
    shares: Annotated[int, "shares", "of the ETF"]
    fut_entry: Annotated[float, "index points", "price of the future at the entry"]
    fut_exit: Annotated[float, "index points", "price of the future at the exit"]
    etf_entry: Annotated[float, "USD", "price of the ETF at the entry"]
    etf_exit: Annotated[float, "USD", "price of the ETF at the exit"]
    entry_dev_bps: Annotated[float, "bps of fair value", "deviation on the row of the entry"]
    exit_dev_bps: Annotated[float, "bps of fair value", "deviation on the row of the exit"]
    gross_pnl: Annotated[float, "USD", "P&L of both legs before costs, financing and dividends"]
    cost: Annotated[float, "USD", "of the round trip, fees included"]
    financing: Annotated[float, "USD", "interest on the ETF leg; below 0 paid"]
    dividends: Annotated[float, "USD", "of the ETF leg; below 0 paid"]
    net_pnl: Annotated[float, "USD", "gross P&L - cost + financing + dividends"]
    exit_reason: Annotated[str, "", "why the position was closed"]


class LedgerColumn(NamedTuple):
    """One column: ``kind`` is the type of its cells; ``unit`` is ``time`` for instants, UTC in ns."""

    name: str
    kind: type
    unit: str
    meaning: str


def _columns() -> tuple[LedgerColumn, ...]:
    found = []
    for name, hint in get_type_hints(LedgerRow, include_extras=True).items():
        if get_origin(hint) is not Annotated:
            raise TypeError(f"The column {name} has no unit and no meaning.")
        found.append(LedgerColumn(name, *get_args(hint)))
    return tuple(found)


#: All columns, in the order of the files.
LEDGER_COLUMNS = _columns()
LEDGER_NAMES = tuple(column.name for column in LEDGER_COLUMNS)
#: The cells of a row in the order of the columns.
ledger_cells: Callable[[object], tuple[object, ...]] = attrgetter(*LEDGER_NAMES)


def _time_text(cell: object) -> str:
    return iso_time(cell) if isinstance(cell, int) else _cell_text(cell)


def _cell_text(cell: object) -> str:
    return "" if cell is None else str(cell)


_WRITERS = tuple(_time_text if column.unit == "time" else _cell_text for column in LEDGER_COLUMNS)


def ledger_header() -> str:
    """The first line of a ledger's CSV file."""
    return ",".join(LEDGER_NAMES) + "\n"


def ledger_line(cells: Iterable[object]) -> str:
    """One trade as a line of the CSV file.

    Args:
        cells: in the order of the columns; times in ns or as ISO 8601, None for a number that is not known.
    """
    return ",".join([write(cell) for write, cell in zip(_WRITERS, cells, strict=True)]) + "\n"
