"""The framing of the TWS protocol: bytes in slices of any size to frames, frames to fields and back.

A frame is its length (four bytes, big-endian) and a body of fields, each ended by a NUL. A client first sends
``API`` and a NUL, then a frame with the versions that it speaks. Owns the bounds on the bytes kept for a
client; it does not know what any field means.
"""

import re
from collections.abc import Iterable

from arbcore.core.text import printable
from arbcore.errors import WireError

GREETING = b"API\0"
LENGTH_BYTES = 4
#: The longest frame accepted from a client. A plain order has 115 fields and under one kilobyte.
FRAME_BYTES_MAX = 1 << 16
#: More fields than any request has, and few enough to bound the work of a hostile one.
FIELDS_MAX = 2_000
#: The servers' text for a double that is not set.
UNSET_DOUBLE = "1.7976931348623157E308"

_VERSIONS = re.compile(r"v([0-9]{1,6})(?:\.\.([0-9]{1,6}))?(?: .*)?", re.DOTALL)

Field = str | int | float | bool | None


class FrameReader:
    """Cuts a client's bytes into frame bodies. After a WireError it reads nothing more."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._greeted = False
        self._broken = False

    @property
    def kept_bytes(self) -> int:
        """The number of bytes of an incomplete frame."""
        return len(self._buffer)

    def feed(self, data: bytes) -> list[bytes]:
        """The frames that ``data`` completes. Raises WireError for bytes that break the framing.

        Frames completed before the error in the same ``data`` are lost; the connection ends anyway.
        """
        if self._broken:
            raise WireError("closed", "Nothing can be read after a broken frame; close the connection.")
        buffer = self._buffer
        buffer += data
        try:
            if not self._greeted and not self._take_greeting():
                return []
            return self._take_frames()
        except WireError:
            self._broken = True
            buffer.clear()
            raise

    def _take_greeting(self) -> bool:
        head = bytes(self._buffer[: len(GREETING)])
        if not GREETING.startswith(head):
            raise WireError(
                "greeting",
                f"A client of this protocol begins with 'API' and a NUL, not with '{printable(head)}'; "
                "check that it is an IB API program.",
            )
        if len(head) < len(GREETING):
            return False
        del self._buffer[: len(GREETING)]
        self._greeted = True
        return True

    def _take_frames(self) -> list[bytes]:
        buffer = self._buffer
        frames: list[bytes] = []
        start = 0
        while len(buffer) - start >= LENGTH_BYTES:
            length = int.from_bytes(buffer[start : start + LENGTH_BYTES], "big")
            if length > FRAME_BYTES_MAX:
                raise WireError(
                    "frame_length",
                    f"A frame of {length} bytes is longer than the {FRAME_BYTES_MAX} that are taken; the "
                    "stream is out of step.",
                )
            end = start + LENGTH_BYTES + length
            if len(buffer) < end:
                break
            frames.append(bytes(buffer[start + LENGTH_BYTES : end]))
            start = end
        del buffer[:start]
        return frames


def fields_of(body: bytes) -> list[str]:
    """The fields of a frame's body. Raises WireError if it is empty, not UTF-8, or a field has no end."""
    if not body.endswith(b"\0"):
        raise WireError("unterminated", "A frame's last field has no NUL after it.")
    if body.count(b"\0") > FIELDS_MAX:
        raise WireError("too_many_fields", f"A frame has more than {FIELDS_MAX} fields.")
    try:
        return body[:-1].decode("utf-8").split("\0")
    except UnicodeDecodeError:
        raise WireError("not_text", f"A frame is not UTF-8: '{printable(body, 40)}'.") from None


def client_versions(body: bytes) -> tuple[int, int]:
    """(lowest, highest) version that a client speaks, from its first frame, such as ``v157..178``."""
    text = body.rstrip(b"\0").decode("utf-8", "replace")
    match = _VERSIONS.fullmatch(text)
    if match is None:
        raise WireError(
            "versions",
            f"'{printable(text, 40)}' does not say which versions a client speaks, as v157..178 does.",
        )
    lowest = int(match[1])
    return lowest, int(match[2] or lowest)


def frame(*fields: Field) -> bytes:
    """One frame of the server."""
    return frame_of(fields)


def frame_of(fields: Iterable[Field]) -> bytes:
    """One frame of the server, from any iterable of fields."""
    body = "\0".join([_text(field) for field in fields]).encode("utf-8", "replace") + b"\0"
    return len(body).to_bytes(LENGTH_BYTES, "big") + body


def _text(field: Field) -> str:
    if type(field) is str:
        # A NUL inside a field would shift every field after it.
        return field.replace("\0", "") if "\0" in field else field
    if field is None:
        return ""
    if field is True:
        return "1"
    if field is False:
        return "0"
    return repr(field)
