"""The session journal's format: every input and output of a session, with its time.

Two lines of text come first: the name, the format's version and the program that wrote it (``arbcore-journal
1 arbcore/0.1.0``), then one line of JSON with the settings to rebuild the session. Records follow, all
little-endian: a checksum (4 bytes, CRC-32 of all that follows), a kind (1), the length of the payload (4),
the time in nanoseconds (8), and the payload. Pure functions over bytes: no file and no clock.
"""

import json
import struct
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from arbcore.errors import JournalError

NAME = "arbcore-journal"
VERSION = 2
#: A payload is one read of the socket or the bytes that one event sent; both are far below this size.
PAYLOAD_BYTES_MAX = 1 << 26
HEADER_BYTES_MAX = 1 << 20
#: Enough bytes for both header lines.
HEAD_BYTES_MAX = HEADER_BYTES_MAX + 256

IN = 1  # payload: bytes received from the exchange
OUT = 2  # payload: the bytes that the session returned for the record before
TICK = 3  # a timer ran
CONNECT = 4  # a connection was made
DISCONNECT = 5  # the connection was lost
STOP = 6  # payload: the reason, UTF-8
KILL = 7  # payload: the reason, UTF-8
FULL = 8  # the journal reached its size bound; later events are not in it
END = 9  # the run ended in order; without it the end of the journal was lost
HOLD = 10  # the process was paused: only cancels are sent until the waiting bytes are read (version 2)
RESUME = 11  # the waiting bytes are read (version 2)

KIND_NAMES = {
    IN: "in",
    OUT: "out",
    TICK: "tick",
    CONNECT: "connect",
    DISCONNECT: "disconnect",
    STOP: "stop",
    KILL: "kill",
    FULL: "full",
    END: "end",
    HOLD: "hold",
    RESUME: "resume",
}

_HEAD = struct.Struct("<BIq")
_CRC = struct.Struct("<I")
RECORD_OVERHEAD = _CRC.size + _HEAD.size


@dataclass(frozen=True)
class Record:
    """One event: its kind, time, payload, and its number in the file, from 1."""

    number: int
    kind: int
    time_ns: int
    payload: bytes
    end: int = 0  # the offset of the next record in the file


def header(made_by: str, settings: Mapping[str, object]) -> bytes:
    """The two header lines. ``made_by`` is one word such as ``arbcore/0.1.0``; ``settings`` must be JSON."""
    return f"{NAME} {VERSION} {made_by}\n{json.dumps(dict(settings), sort_keys=True)}\n".encode()


def record(kind: int, time_ns: int, payload: bytes | bytearray | memoryview = b"") -> bytes:
    """One record as bytes."""
    head = _HEAD.pack(kind, len(payload), time_ns)
    return _CRC.pack(zlib.crc32(payload, zlib.crc32(head))) + head + payload


def read_header(data: bytes) -> tuple[dict[str, object], int]:
    """The settings, and the offset of the first record.

    ``data`` is the file's first HEAD_BYTES_MAX bytes, or all of it. Raises JournalError if it is not a
    journal of arbcore, or of a newer version.
    """
    first_end = data.find(b"\n", 0, 256)
    words = data[: max(first_end, 0)].split(b" ")
    if first_end < 0 or len(words) != 3 or words[0] != NAME.encode():
        raise JournalError(
            "it is not an arbcore journal; give a file written by `arbcore exchange --journal FILE`."
        )
    if not words[1].isdigit() or len(words[1]) > 9:
        raise JournalError("its first line names no version; the file is damaged.")
    if int(words[1]) > VERSION:
        raise JournalError(
            f"its format is version {int(words[1])} and this arbcore reads up to version {VERSION}; "
            "replay it with a newer arbcore."
        )
    end = data.find(b"\n", first_end + 1, first_end + 1 + HEADER_BYTES_MAX)
    try:
        settings = json.loads(data[first_end + 1 : end]) if end >= 0 else None
    except (ValueError, RecursionError):
        settings = None
    if not isinstance(settings, dict):
        raise JournalError("its second line does not hold the session's settings; the file is damaged.")
    return settings, end + 1


def read_records(chunks: Iterable[bytes], start: int = 0) -> Iterator[Record]:
    """Yields every whole record after the header, from bytes that come in pieces and begin at byte ``start``.

    Holds one piece and one record at a time. A torn tail, which a crash or a full disk leaves, ends the
    records without an error; the last record is then neither END nor FULL. Raises JournalError for damage
    before the end.
    """
    source = iter(chunks)
    held = bytearray()
    offset = number = 0
    place = start  # offset of the next record in the file

    def hold(size: int) -> bool:
        """Whether so many bytes are available from ``offset`` on."""
        nonlocal offset
        while len(held) - offset < size:
            piece = next(source, b"")
            if not piece:
                return False
            del held[:offset]
            offset = 0
            held.extend(piece)
        return True

    while hold(RECORD_OVERHEAD):
        number += 1
        kind, length, time_ns = _HEAD.unpack_from(held, offset + _CRC.size)
        if length > PAYLOAD_BYTES_MAX or kind not in KIND_NAMES:
            raise JournalError(f"record {number} at byte {place} is damaged; what comes before it is whole.")
        size = RECORD_OVERHEAD + length
        if not hold(size):
            return
        whole = bytes(memoryview(held)[offset : offset + size])
        if zlib.crc32(memoryview(whole)[_CRC.size :]) != _CRC.unpack_from(whole)[0]:
            # The last record may be torn inside although its length is right: disks write blocks in any
            # order.
            if not hold(size + 1):
                return
            raise JournalError(
                f"record {number} at byte {place} is damaged (its checksum differs); what comes before it is "
                "whole."
            )
        offset += size
        place += size
        yield Record(number, kind, time_ns, whole[RECORD_OVERHEAD:], place)
