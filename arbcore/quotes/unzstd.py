"""Shell: decompresses a Zstandard stream, with the extra ``zstd``.

Owns the frames and their two faults: damaged, and cut short.
"""

import io
from typing import TYPE_CHECKING, BinaryIO

from arbcore.system.extras import library

if TYPE_CHECKING:
    from typing_extensions import Buffer

#: Compressed bytes per step. A block of four bytes may hold 128 KiB, so a step gives at most 32 MiB of
#: data.
_PIECE_BYTES = 1024
_READ_BYTES = 64 * 1024


class DamagedError(OSError):
    """Compressed data that cannot be read."""


class Unzstd(io.RawIOBase):
    """Decompressed Zstandard data, frame after frame.

    Raises EOFError if the data ends within a frame, OSError if it is damaged.
    """

    def __init__(self, stream: BinaryIO, name: str) -> None:
        self._zstd = library("zstandard", "zstd", f"{name} is Zstandard data, which")
        self._stream = stream
        self._frame = self._zstd.ZstdDecompressor().decompressobj()
        self._begun = False
        self._packed = memoryview(b"")
        self._held = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, room: "Buffer") -> int:
        while not self._held:
            if not self._more():
                return 0
        into = memoryview(room).cast("B")
        count = min(len(into), len(self._held))
        into[:count] = self._held[:count]
        self._held = self._held[count:]
        return count

    def _more(self) -> bool:
        """Decompresses the next piece; returns False at the end of the data."""
        piece = self._frame.unused_data if self._frame.eof else b""
        if self._frame.eof:
            self._frame, self._begun = self._zstd.ZstdDecompressor().decompressobj(), False
        if not piece:
            piece, self._packed = self._packed[:_PIECE_BYTES], self._packed[_PIECE_BYTES:]
        if not piece:
            self._packed = memoryview(self._stream.read(_READ_BYTES))
            piece, self._packed = self._packed[:_PIECE_BYTES], self._packed[_PIECE_BYTES:]
        if not piece:
            if self._begun:
                raise EOFError
            return False
        self._begun = True
        try:
            self._held = memoryview(self._frame.decompress(piece))
        except self._zstd.ZstdError as error:
            raise DamagedError(str(error)) from error
        return True
