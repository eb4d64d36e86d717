"""Reads Databento's binary files (DBN) as one instrument's quotes, with the extra ``dbn``.

Owns what is specific to them: which schemas have quotes, which contract an instrument's number means on a
date, and whether a compressed file is complete. Sources: Databento, "Databento Binary Encoding" and "Schemas"
(databento.com/docs); RFC 8878 for the frames of Zstandard.
"""

import os
from array import array
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO, TypeGuard

from arbcore.core.civil import NS_PER_DAY, iso_date
from arbcore.core.text import printable
from arbcore.errors import InputError
from arbcore.quotes._legs import ColumnsLeg, SortedLeg
from arbcore.quotes.input_contracts import Contracts
from arbcore.quotes.legs import Leg, Reading, roll
from arbcore.quotes.source import is_file
from arbcore.system.extras import library

#: The schemas that have a bid and an ask in every record.
SCHEMAS = ("bbo-1s", "bbo-1m", "mbp-1", "tbbo")
_MAGIC = b"DBN"
_ZSTD = b"\x28\xb5\x2f\xfd"
_PIECE_BYTES = 1024 * 1024
_BATCH_ROWS = 65_536
_UNDEFINED = 2**63 - 1
_NAN = float("nan")


def is_dbn(data: object) -> TypeGuard[str | os.PathLike[str]]:
    """Whether a path names a DBN file, by its first bytes; if those are Zstandard's, by its name."""
    if not is_file(data):
        return False
    try:
        with Path(data).open("rb") as file:
            head = file.read(4)
    except OSError:
        return False
    return head[:3] == _MAGIC or (head == _ZSTD and ".dbn" in Path(data).name.lower())


def dbn_leg(
    paths: Sequence[str | Path], name: str, *, leg: str, reading: Reading, counted: Callable[[int], None]
) -> Leg:
    """One instrument from DBN files, read in order of their start times.

    Raises as ``open_leg``; RunError if the extra is not installed.

    Args:
        paths: the files: those of a folder, or the one that was named.
        name: the name of all files together in messages.
        leg: ``fut`` or ``etf``.
        reading: how they are read.
        counted: called with the number of bytes read.
    """
    dbn = library("databento_dbn", "dbn", f"{name} is DBN data of Databento's, which")
    heads = [(_metadata(dbn, path), path) for path in paths]
    heads.sort(key=lambda head: head[0].start)
    contracts = Contracts(name, leg=leg, day=heads[0][0].start // NS_PER_DAY)
    # The contracts of all files must be known before the first row is used.
    parts = [(_Numbers(metadata, contracts, printable(str(path))), path) for metadata, path in heads]

    def batches() -> Iterator[tuple[Any, ...]]:
        for numbers, path in parts:
            with _opened(path) as file:
                shown = printable(str(path))
                yield from _batches(_records(dbn, file, shown, counted), numbers, shown)

    rows = ColumnsLeg(batches(), name, ordered=not reading.sort)
    made = Leg(SortedLeg(rows) if reading.sort else rows, name, contracts.root)
    roll(made, contracts, volumes={}, reading=reading)
    return made


def _opened(path: Any) -> BinaryIO:
    try:
        return Path(path).open("rb")
    except OSError as error:
        raise InputError(
            f"{printable(str(path))} cannot be read ({error.strerror}); check its permissions."
        ) from error


def _metadata(dbn: Any, path: Any) -> Any:
    """The metadata of a file. Raises InputError if they are incomplete, or the file has no quotes."""
    name = printable(str(path))
    with _opened(path) as file:
        metadata = next(_records(dbn, file, name, lambda _: None), None)
    if metadata is None or not hasattr(metadata, "mappings"):
        raise InputError(f"{name} is not a whole DBN file of Databento's; get it again.")
    schema = None if metadata.schema is None else str(metadata.schema)
    if schema is not None and schema not in SCHEMAS:
        raise InputError(
            f"{name} is a DBN file of Databento's schema {printable(schema)}, which has no bid_px_00 and "
            f"ask_px_00; get one of {', '.join(SCHEMAS)}."
        )
    return metadata


def _records(dbn: Any, file: BinaryIO, name: str, counted: Callable[[int], None]) -> Iterator[Any]:
    """The metadata and the records of a file. Raises InputError if it is damaged or cut short."""
    compressed = file.read(4) == _ZSTD
    if compressed and not whole_frames(file):
        raise InputError(f"{name} is cut short: its compressed data ends early; get it again.")
    file.seek(0)
    decoder = dbn.DBNDecoder(compression=dbn.Compression.ZSTD if compressed else dbn.Compression.NONE)
    seen = False
    try:
        while piece := file.read(_PIECE_BYTES):
            counted(len(piece))
            decoder.write(piece)
            while found := decoder.decode():
                seen = True
                yield from found
    except dbn.DBNError as error:
        raise InputError(
            f"{name} is not a whole DBN file of Databento's ({printable(str(error), 120)}); get it again."
        ) from error
    if decoder.buffer() or not seen:
        raise InputError(f"{name} is cut short: it ends within a record; get it again.")


def whole_frames(file: BinaryIO) -> bool:
    """Whether Zstandard data ends with the end of a frame; it reads only the headers of the blocks."""
    size = file.seek(0, 2)
    at = 0
    while at < size:
        file.seek(at)
        head = file.read(14)
        if len(head) < 5:
            return False
        magic = int.from_bytes(head[:4], "little")
        if 0x184D2A50 <= magic <= 0x184D2A5F:
            at += 8 + int.from_bytes(head[4:8], "little")
            continue
        flags = head[4]
        single = flags >> 5 & 1
        content = (single, 2, 4, 8)[flags >> 6]
        at += 5 + (1 - single) + (0, 1, 2, 4)[flags & 3] + content
        last = False
        while not last:
            file.seek(at)
            block = file.read(3)
            if len(block) < 3:
                return False
            word = int.from_bytes(block, "little")
            last = bool(word & 1)
            # A block of one repeated byte stores only that byte.
            at += 3 + (1 if word >> 1 & 3 == 1 else word >> 3)
        at += 4 * (flags >> 2 & 1)
    return at == size


class _Numbers:
    """Finds the number of an instrument id's contract on a date, by the mappings of the metadata."""

    def __init__(self, metadata: Any, contracts: Contracts, name: str) -> None:
        self._name = name
        self._contracts = contracts
        self._found: dict[tuple[int, int], int] = {}
        #: {instrument id: [(first date, date after the last, number)]}
        self._intervals: dict[int, list[tuple[str, str, int]]] = {}
        self._only: int | None = None
        for symbol, intervals in metadata.mappings.items():
            for interval in intervals:
                there, other = str(symbol), str(interval["symbol"])
                if there.isdigit() and not other.isdigit():
                    there, other = other, there
                if not other.isdigit():
                    continue
                part = (str(interval["start_date"]), str(interval["end_date"]), contracts.number(there))
                self._intervals.setdefault(int(other), []).append(part)
        if not self._intervals and len(metadata.symbols) == 1:
            self._only = contracts.number(str(metadata.symbols[0]))

    def __call__(self, instrument: int, day: int) -> int:
        """Raises InputError if the metadata have no mapping for the instrument."""
        key = (instrument, day)
        number = self._found.get(key)
        if number is None:
            number = self._found[key] = self._look_up(instrument, iso_date(day))
        return number

    def _look_up(self, instrument: int, date: str) -> int:
        if self._only is not None:
            return self._only
        parts = self._intervals.get(instrument, [])
        for first, after, number in parts:
            if first <= date < after:
                return number
        # Records of the last seconds of a day are received on the next one.
        if len({number for _, _, number in parts}) == 1:
            return parts[0][2]
        raise InputError(
            f"{self._name}: its metadata do not say what instrument {instrument} is on {date}; get it "
            "again with its symbols."
        )


def _batches(records: Iterator[Any], numbers: _Numbers, name: str) -> Iterator[tuple[Any, ...]]:
    """Batches in the form of ``ColumnsLeg``; the time of a row is its receive time."""
    times, bids, asks, contracts = array("q"), array("d"), array("d"), array("i")
    for record in records:
        levels = getattr(record, "levels", None)
        if not levels:
            # A live stream's records about itself: mappings of symbols, heartbeats.
            continue
        ts_ns = record.ts_recv
        if ts_ns > _UNDEFINED:
            raise InputError(f"{name}: a record of Databento's has no ts_recv; get the file again.")
        bid, ask = levels[0].bid_px, levels[0].ask_px
        times.append(ts_ns)
        bids.append(_NAN if bid == _UNDEFINED else bid / 1e9)
        asks.append(_NAN if ask == _UNDEFINED else ask / 1e9)
        contracts.append(numbers(record.instrument_id, ts_ns // NS_PER_DAY))
        if len(times) == _BATCH_ROWS:
            yield times, bids, asks, contracts, None
            times, bids, asks, contracts = array("q"), array("d"), array("d"), array("i")
    yield times, bids, asks, contracts, None
