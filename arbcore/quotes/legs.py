"""One instrument as an input of a join: how it is read, its rows, and the notes about it.

Owns the choice of contract by date, made while rows are read, and the notes about an input.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from arbcore.core.civil import iso_date
from arbcore.core.zones import check_order, check_zone
from arbcore.errors import InputError
from arbcore.quotes._legs import LegSource, RolledLeg
from arbcore.quotes.column_shapes import Spelling
from arbcore.quotes.input_contracts import Contracts
from arbcore.quotes.rolls import ROLL_DAYS, by_days, by_volume
from arbcore.quotes.spans import date_around, span_text


@dataclass(frozen=True)
class Reading:
    """How inputs are read.

    ``roll_days`` is None if volumes decide, ``bar_ns`` None if the times show the length of bars. ``tz`` is
    the zone of times without one, ``time_order`` the order of 03/02/2026. Raises ConfigError for another
    value of these two.
    """

    sort: bool = False
    skip_bad: bool = False
    tz: str | None = None
    time_order: str = "mdy"
    roll_days: int | None = None
    bar_ns: int | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "tz", check_zone(self.tz))
        check_order(self.time_order)

    @property
    def spelling(self) -> Spelling:
        """How times in text are read."""
        return Spelling(self.tz, self.time_order == "dmy")


@dataclass
class Leg:
    """One instrument's rows and the facts known about them."""

    source: LegSource
    name: str
    symbol: str | None = None
    expiries: list[int] | None = None
    contracts: Contracts | None = None
    notes: list[str] = field(default_factory=list)
    #: Whether times had a zone, or the settings gave one; known after the first row.
    zoned: Callable[[], bool] = lambda: True
    #: [(day, contract)]: the contract taken from each of these dates on.
    rolls: list[tuple[int, int]] = field(default_factory=list)

    def closing_notes(self) -> list[str]:
        """The notes about the input, complete after it was read."""
        notes = list(self.notes)
        if self.contracts is not None and self.contracts.note is not None:
            notes.append(self.contracts.note)
        if not self.zoned():
            notes.append(zone_note(self.name))
        if self.source.others:
            notes.append(f"{self.name}: {self.source.others:,} rows of other contracts were left out.")
        if self.source.malformed:
            notes.append(f"{self.name}: {self.source.malformed:,} malformed rows were skipped.")
        if len(self.rolls) > 1 and self.expiries is not None:
            parts = [
                f"the contract of {iso_date(self.expiries[contract])} from {iso_date(day)}"
                for day, contract in self.rolls
            ]
            notes.append(f"{self.name}: rolled, {', '.join(parts)}.")
        return notes


def zone_note(name: str) -> str:
    """The note about times without a zone."""
    return f"{name}: its times name no zone and were taken as UTC; --tz says what they mean."


def averages_note(name: str, bar_ns: int) -> str:
    """The note about BID_ASK bars."""
    return (
        f"{name}: Interactive Brokers' BID_ASK bars of {span_text(bar_ns)}, dated by their ends; their "
        "bids and asks are time averages, at which nobody could trade."
    )


def commonest(steps: dict[int, int], name: str) -> int:
    """The most frequent difference of times, which is the length of bars; of equal counts the smallest."""
    if not steps:
        raise InputError(
            f"{name}: one bar does not tell how long it is; say it with --bar, such as --bar 1m."
        )
    return min(steps, key=lambda step: (-steps[step], step))


def roll(made: Leg, contracts: Contracts, *, volumes: dict[tuple[int, int], float], reading: Reading) -> None:
    """Takes the rows of one contract on each date, if there are several."""
    made.contracts = contracts
    expiries = contracts.expiries
    made.expiries = None if expiries is None else list(expiries)
    if expiries is None or len(expiries) < 2:
        return
    traded = sum(volumes.values()) > 0
    chosen = by_volume(expiries, volumes) if traded and reading.roll_days is None else {}
    days = ROLL_DAYS if reading.roll_days is None else reading.roll_days

    def chosen_at(ts_ns: int) -> tuple[int, int, int]:
        first, last, day = date_around(ts_ns)
        contract = chosen[day] if chosen else by_days(expiries, [day], days=days)[day]
        if not made.rolls or made.rolls[-1][1] != contract:
            made.rolls.append((day, contract))
        return first, last, contract

    made.source = RolledLeg(made.source, chosen_at)
