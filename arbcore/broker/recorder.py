"""Records pairs of quotes as a CSV that the backtest reads: what was seen can be backtested.

A shell: it owns a file, which it appends to.
"""

import os
from pathlib import Path

from arbcore.carry.civil import iso_time
from arbcore.errors import RunError, UsageError
from arbcore.text import printable

HEADER = "ts,es_bid,es_ask,spy_bid,spy_ask\n"


class QuoteRecorder:
    """Appends a row for every change of either leg, once both have a price on both sides.

    A file that is there and does not begin with our header is refused: it was named by mistake.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            with path.open("a+", encoding="utf-8", newline="") as file:
                file.seek(0)
                head = file.read(len(HEADER))
            if head not in ("", HEADER):
                raise UsageError(
                    f"{printable(str(path))} exists and is no recording; name another file with --record."
                )
            if not head:
                path.write_text(HEADER, encoding="utf-8", newline="")
            self._descriptor = os.open(path, os.O_WRONLY | os.O_APPEND)
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "it is no text"
            raise RunError(
                f"The recording {printable(str(path))} cannot be written ({why}); name another file."
            ) from None
        self._waiting: list[str] = []
        self._last: tuple[float, ...] = ()

    def note(self, ts_ns: int, *, es: tuple[float, float], spy: tuple[float, float]) -> None:
        """One pair of touches, bid and ask of each leg; 0 is a side without a price."""
        prices = (*es, *spy)
        if prices == self._last or min(prices) <= 0.0:
            return
        self._last = prices
        self._waiting.append(f"{iso_time(ts_ns)},{','.join(map(str, prices))}\n")

    def flush(self) -> None:
        """Hands what has gathered to the operating system, whole rows only."""
        data = "".join(self._waiting).encode()
        self._waiting.clear()
        try:
            while data:
                data = data[os.write(self._descriptor, data) :]
        except OSError as error:
            raise RunError(
                f"The recording {printable(str(self.path))} cannot be written any more ({error.strerror}); "
                "free some space or leave --record out."
            ) from None

    def close(self) -> None:
        """Writes the rest and closes."""
        try:
            self.flush()
        finally:
            os.close(self._descriptor)
