"""The user's own contracts: shares, futures and currencies from a file, with quotes around a price.

Owns the reader of that file (CSV) and the quotes: a random walk from a seed, moved by the time of each row.
"""

import csv
from collections.abc import Iterable
from dataclasses import dataclass, field
from random import Random

from arbcore.carry.calendar import expiry_instant
from arbcore.core.civil import NS_PER_S, day_of, is_date
from arbcore.core.text import printable
from arbcore.errors import DataError
from arbcore.gateway.broker_book import Touch
from arbcore.gateway.contract_table import Listing, listing_of
from arbcore.gateway.quote_source import touch_around

FIRST_ID, _ID_MAX = 900_000_001, 2**31 - 1
#: Default exchange and tick of each kind.
DEFAULTS = {"STK": ("SMART", 0.01), "FUT": ("CME", 0.25), "CASH": ("IDEALPRO", 0.00005)}
REQUIRED = ("symbol", "sec_type", "price")
OPTIONAL = (
    "con_id", "exchange", "primary_exchange", "local_symbol", "trading_class", "name", "tick", "multiplier",
    "expiry", "volatility", "currency",
)  # fmt: skip
_SECONDS_A_YEAR = 252 * 6.5 * 3_600
_SIZE = {"STK": 5_000.0, "FUT": 500.0, "CASH": 5_000_000.0}


@dataclass(frozen=True, slots=True)
class OwnContract:
    """One contract of a file; ``volatility`` is an annual decimal."""

    listing: Listing
    price: float
    volatility: float


def read_contracts(lines: Iterable[str], name: str) -> tuple[OwnContract, ...]:
    """The contracts of a CSV file's lines. Raises DataError with the line number for a malformed line."""
    rows = csv.DictReader(lines)
    columns = [column.strip() for column in rows.fieldnames or ()]
    rows.fieldnames = columns
    missing = [column for column in REQUIRED if column not in columns]
    unknown = [column for column in columns if column not in (*REQUIRED, *OPTIONAL)]
    if missing or unknown:
        unwanted = printable(unknown[0]) if unknown else ""
        what = f"lacks the column {missing[0]}" if missing else f"has an unknown column {unwanted}"
        raise DataError(
            "columns",
            f"{printable(name)} {what}; a file of contracts has {', '.join(REQUIRED)} and may have "
            f"{', '.join(OPTIONAL)}.",
            line=1, column=None,
        )  # fmt: skip
    found: list[OwnContract] = []
    for number, cells in enumerate(rows, 2):
        values = {key: (value or "").strip() for key, value in cells.items() if isinstance(key, str)}
        found.append(_contract(values, number, name=name, con_id=FIRST_ID + len(found)))
    ids = [each.listing.con_id for each in found]
    if len(set(ids)) != len(ids):
        text = f"{printable(name)} has two contracts with the same con_id; give each its own."
        raise DataError("repeated", text, line=None, column=None)
    if not found:
        raise DataError("empty", f"{printable(name)} lists no contract.", line=1, column=None)
    return tuple(found)


def _contract(values: dict[str, str], line: int, *, name: str, con_id: int) -> OwnContract:
    def wrong(what: str) -> DataError:
        return DataError("contract", f"{printable(name)}, line {line}: {what}.", line=line, column=None)

    def number(column: str, default: float) -> float:
        text = values.get(column, "")
        if not text:
            return default
        try:
            value = float(text)
        except ValueError:
            value = -1.0
        if not 0.0 < value < 1e12:
            raise wrong(f"{column} is '{printable(text, 30)}', not a number above 0")
        return value

    symbol, sec_type = values["symbol"], values["sec_type"].upper()
    if not symbol:
        raise wrong("the symbol is missing")
    if sec_type not in DEFAULTS:
        raise wrong(f"sec_type is '{printable(sec_type, 20)}'; STK, FUT and CASH are served")
    if values.get("currency", "") not in {"", "USD"}:
        raise wrong("the currency must be USD, as the gateway's account is")
    if not values["price"]:
        raise wrong("the price is missing")
    exchange, tick = DEFAULTS[sec_type]
    expiry_day = _expiry(values.get("expiry", ""))
    if (sec_type == "FUT") != (expiry_day is not None):
        raise wrong("a FUT needs an expiry such as 20261218, and other kinds must have none")
    expiry_text = values.get("expiry", "").replace("-", "")
    own_id = number("con_id", con_id)
    if own_id != int(own_id) or own_id > _ID_MAX:
        raise wrong(f"con_id is '{printable(values['con_id'], 30)}', not a whole number up to {_ID_MAX}")
    taken = listing_of(int(own_id))
    if taken is not None:
        raise wrong(f"con_id {own_id:.0f} is {taken.symbol}'s, which every gateway lists")
    local = values.get("local_symbol") or (f"{symbol}.USD" if sec_type == "CASH" else symbol)
    listing = Listing(
        int(own_id), symbol, sec_type, f"own{own_id:.0f}", values.get("exchange") or exchange,
        values.get("primary_exchange", ""), local, values.get("trading_class") or symbol,
        values.get("name") or symbol, number("tick", tick), multiplier=number("multiplier", 1.0),
        expiry_day=expiry_day, expiry_ns=None if expiry_day is None else expiry_instant(expiry_day),
        contract_month=expiry_text[:6],
    )  # fmt: skip
    return OwnContract(listing, number("price", 0.0), number("volatility", 0.2))


def _expiry(text: str) -> int | None:
    digits = text.replace("-", "")
    if len(digits) != 8 or not digits.isdecimal():
        return None
    parts = int(digits[:4]), int(digits[4:6]), int(digits[6:])
    return day_of(*parts) if is_date(*parts) else None


@dataclass(slots=True)
class OwnMarket:
    """The quotes of own contracts, moved by the time between rows."""

    contracts: tuple[OwnContract, ...]
    seed: int = 0
    touches: dict[str, Touch] = field(default_factory=dict)
    _prices: dict[str, float] = field(default_factory=dict)
    _rng: Random = field(init=False)
    _last_ns: int = 0

    def __post_init__(self) -> None:
        self._rng = Random(self.seed)
        for each in self.contracts:
            self._prices[each.listing.leg] = each.price
            self.touches[each.listing.leg] = Touch()

    def show(self, now_ns: int) -> None:
        """Makes fresh quotes at an instant."""
        passed_s = max(0.0, (now_ns - self._last_ns) / NS_PER_S) if self._last_ns else 0.0
        self._last_ns = now_ns
        for each in self.contracts:
            leg = each.listing.leg
            step = each.volatility * (min(passed_s, 86_400.0) / _SECONDS_A_YEAR) ** 0.5
            self._prices[leg] *= 1.0 + self._rng.gauss(0.0, step)
            tick, touch = each.listing.tick, self.touches[leg]
            touch.bid, touch.ask = touch_around(max(self._prices[leg], 2.0 * tick), tick, 1)
            touch.bid_size = touch.ask_size = _SIZE[each.listing.sec_type]
