"""Reads the header of a file of one instrument: finds the vendor, and the role of each column.

Owns the vendors' column names and the errors about a vendor's file that lacks something.

Sources: Databento, "Schemas and data formats" (databento.com/docs/schemas: BBO, MBP-1, TBBO);
Interactive Brokers, TWS API, "Historical Bar Data" (BID_ASK: open is the time average of the bid, close that
of the ask, low the least bid, high the greatest ask) and "Historical Time and Sales".
"""

import csv
import enum
import re
from collections.abc import Sequence
from dataclasses import dataclass

from arbcore.core.text import printable
from arbcore.errors import DataError, InputError
from arbcore.quotes.symbols import ETFS, FUTURES


class Vendor(enum.Enum):
    """The vendor of a file; the value is its name in messages."""

    PLAIN = "a file of quotes"
    RECORDED = "a file of both legs"
    DATABENTO = "Databento's CSV"
    IB_BARS = "Interactive Brokers' BID_ASK bars"
    IB_TICKS = "Interactive Brokers' BID_ASK ticks"


#: The possible names of a column of times.
TIMES = ("ts", "timestamp", "time", "datetime", "date")
_CODES = ("symbol", "contract", "localsymbol")
_OHLC = ("open", "high", "low", "close")
_DATABENTO_ONLY = ("publisherid", "instrumentid", "tsrecv", "bidpx00", "askpx00", "rtype")
_TICK_ONLY = ("pricebid", "priceask", "sizebid", "sizeask", "tickattribbidask")
NEEDS_QUOTES = "a backtest across the spread needs quotes, a bid and an ask; get those"


@dataclass(frozen=True)
class Layout:
    """The places of the columns of a row.

    ``places`` is the column of each role of ``_legs.ROLES``, ``symbol`` the symbol in the columns' names.
    """

    vendor: Vendor
    places: dict[str, int]
    symbol: str | None = None


def plain(name: str) -> str:
    """A column's name in lower case, without blanks, underscores and hyphens."""
    return re.sub(r"[ _\-]", "", name.strip().lower())


def delimiter_of(line: str) -> str:
    """The separator of a header: comma, semicolon or tab, the most frequent one."""
    return max(",;\t", key=line.count)


def fields_of(line: str, delimiter: str) -> list[str]:
    """The fields of a header line."""
    return next(csv.reader([line], delimiter=delimiter), [])


def layout_of(header: Sequence[str], name: str, *, leg: str, line: int | None = 1) -> Layout:
    """The layout of a header. DataError if a column is missing or comes twice, InputError for trades.

    Args:
        header: the columns' names.
        name: the file's name in errors.
        leg: ``fut`` or ``etf``: the leg whose columns are used if a file has both.
        line: the line of the header, None for data without lines.
    """
    names = [plain(each) for each in header]
    where = name if line is None else f"{name}, line {line}"
    found = _Header(names, list(header), where, line)
    if any(each in names for each in _DATABENTO_ONLY):
        return _databento(found)
    own = _own_columns(found, leg)
    if own is not None:
        return own
    if any(each in names for each in _TICK_ONLY):
        return _ib_ticks(found)
    if "bid" not in names and "ask" not in names and "bidprice" not in names and "askprice" not in names:
        # Three of the four names are bars that lack one; fewer are prices of another kind.
        if sum(each in names for each in _OHLC) >= 3:
            return _ib_bars(found)
        if any(each in names for each in _OHLC) and "volume" in names:
            raise InputError(f"{where}: these are bars of trades; {NEEDS_QUOTES}.")
    places = found.time() | {
        "bid": found.needed("bid", "bidprice", shown="bid"),
        "ask": found.needed("ask", "askprice", shown="ask"),
    }
    return Layout(Vendor.PLAIN, places | found.optional())


@dataclass(frozen=True)
class _Header:
    names: list[str]
    shown: list[str]
    where: str
    line: int | None

    def at(self, *spellings: str) -> int | None:
        """The place of a column with one of these names; an error if there are two of them."""
        for spelling in spellings:
            count = self.names.count(spelling)
            if count > 1:
                raise DataError(
                    "duplicate_column",
                    f"{self.where}: column {printable(spelling)} is there twice; remove or rename one.",
                    line=self.line,
                    column=spelling,
                )
            if count:
                return self.names.index(spelling)
        return None

    def needed(self, *spellings: str, shown: str, vendor: Vendor | None = None) -> int:
        place = self.at(*spellings)
        if place is not None:
            return place
        header = ", ".join(printable(each, 40) for each in self.shown[:12])
        taken = f"; it was taken for {vendor.value}" if vendor is not None else ""
        what = f"it needs {shown}" if vendor is not None else "ts, bid and ask are needed"
        raise DataError(
            "missing_column",
            f"{self.where}: there is no column {shown} in the header ({header}){taken}: {what}.",
            line=self.line,
            column=shown,
        )

    def time(self, shown: str = "ts", vendor: Vendor | None = None) -> dict[str, int]:
        """The column of times, or the columns of dates and of times of day."""
        date, clock = self.at("date"), self.at("time")
        if date is not None and clock is not None and self.at("ts", "timestamp", "datetime") is None:
            return {"time": date, "clock": clock}
        return {"time": self.needed(*TIMES, shown=shown, vendor=vendor)}

    def optional(self) -> dict[str, int]:
        code, volume = self.at(*_CODES), self.at("volume")
        return ({} if code is None else {"code": code}) | ({} if volume is None else {"volume": volume})


def _databento(found: _Header) -> Layout:
    vendor = Vendor.DATABENTO
    if all(each in found.names for each in _OHLC):
        raise InputError(
            f"{found.where}: these are Databento's bars of trades (ohlcv); {NEEDS_QUOTES} as bbo-1s, bbo-1m, "
            "mbp-1 or tbbo."
        )
    places = {
        "time": found.needed("tsrecv", shown="ts_recv", vendor=vendor),
        "bid": found.needed("bidpx00", shown="bid_px_00", vendor=vendor),
        "ask": found.needed("askpx00", shown="ask_px_00", vendor=vendor),
    }
    code = found.at("symbol")
    return Layout(vendor, places if code is None else places | {"code": code})


def _ib_ticks(found: _Header) -> Layout:
    vendor = Vendor.IB_TICKS
    places = {
        "time": found.needed(*TIMES, shown="time", vendor=vendor),
        "bid": found.needed("pricebid", "bidprice", shown="priceBid", vendor=vendor),
        "ask": found.needed("priceask", "askprice", shown="priceAsk", vendor=vendor),
    }
    code = found.at(*_CODES)
    return Layout(vendor, places if code is None else places | {"code": code})


def _ib_bars(found: _Header) -> Layout:
    """Open is the average bid, close the average ask. Only the rows show whether these are bars of trades."""
    vendor = Vendor.IB_BARS
    places = found.time("date", vendor) | {
        "bid": found.needed("open", shown="open", vendor=vendor),
        "ask": found.needed("close", shown="close", vendor=vendor),
    }
    return Layout(vendor, places | found.optional())


def _own_columns(found: _Header, leg: str) -> Layout | None:
    """The columns of a file of both legs, or of one named by its symbol; None if there are none."""
    symbols = {symbol.lower(): symbol for symbol in (FUTURES if leg == "fut" else ETFS)} | {leg: None}
    there = [each for each in symbols if f"{each}bid" in found.names or f"{each}ask" in found.names]
    if not there:
        return None
    if len(there) > 1:
        raise InputError(
            f"{found.where}: there are columns of {there[0]} and of {there[1]}; one instrument is read "
            "from one input, so remove one."
        )
    own = there[0]
    places = found.time() | {
        "bid": found.needed(f"{own}bid", shown=f"{own}_bid"),
        "ask": found.needed(f"{own}ask", shown=f"{own}_ask"),
    }
    return Layout(Vendor.RECORDED, places, symbols[own])
