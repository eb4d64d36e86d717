"""Records pairs of quotes as a CSV that the backtest reads, to backtest what the bot saw.

A shell: it owns a file and appends to it.
"""

import os
from pathlib import Path

from arbcore.carry.pairs import Pair
from arbcore.core.civil import iso_time
from arbcore.core.text import printable
from arbcore.errors import RunError, UsageError
from arbcore.system.regular_file import open_regular, read_regular

#: Bid and ask of a leg come as two separate messages. If a bid is above its ask and the next change ends this
#: within this time, the row was only half of an update.
HALF_NS = 250_000_000


def header_of(pair: Pair) -> str:
    """The first line of a recording. The columns have the symbols' names, so the file identifies its pair;
    ``expiry`` is that of the future's contract.
    """
    columns = [f"{symbol.lower()}_{side}" for symbol in (pair.future, pair.etf) for side in ("bid", "ask")]
    return f"ts,{','.join(columns)},expiry\n"


def check_recording(path: Path, pair: Pair) -> None:
    """Checks the path before anything else is done. UsageError for a file that is not a recording of the
    pair, RunError if the folder does not exist.
    """
    header = header_of(pair)
    try:
        head = read_regular(path, len(header))
    except FileNotFoundError:
        if path.parent.is_dir():
            return
        raise _refusal(path, f"there is no folder {printable(str(path.parent))}") from None
    except OSError as error:
        raise _refusal(path, str(error.strerror)) from None
    if head not in (b"", header.encode()):
        raise UsageError(
            f"{printable(str(path))} exists and is not a recording of {pair.name}; name another file with "
            "--record."
        )


def _refusal(path: Path, why: str) -> RunError:
    return RunError(f"The recording {printable(str(path))} cannot be written ({why}); name another file.")


class QuoteRecorder:
    """Appends a row for every change of either leg, once both have a bid and an ask.

    A file that does not begin with this header is refused: its name was probably a mistake.
    """

    def __init__(self, path: Path, pair: Pair) -> None:
        self.path = path
        check_recording(path, pair)
        try:
            self._descriptor = open_regular(
                path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, owner_only=True
            )
        except OSError as error:
            raise _refusal(path, str(error.strerror)) from None
        self._waiting: list[str] = [] if os.fstat(self._descriptor).st_size else [header_of(pair)]
        #: The last row without its time.
        self._last: tuple[float | int, ...] = ()
        #: A row with a bid above its ask, kept until it is known whether it is half of an update.
        self._crossed: tuple[int, str] | None = None

    def note(
        self, ts_ns: int, *, fut: tuple[float, float], etf: tuple[float, float], expiry_ns: int
    ) -> None:
        """Adds the touch of both legs, bid and ask of each; 0 is a side without a price.

        ``expiry_ns`` is the expiry of the future's contract.
        """
        prices = (*fut, *etf)
        row_but_time = (*prices, expiry_ns)
        if row_but_time == self._last or min(prices) <= 0.0:
            return
        self._last = row_but_time
        self._settle(ts_ns)
        row = f"{iso_time(ts_ns)},{','.join(map(str, prices))},{iso_time(expiry_ns)}\n"
        if fut[0] > fut[1] or etf[0] > etf[1]:
            self._crossed = (ts_ns, row)
        else:
            self._waiting.append(row)

    def _settle(self, ts_ns: int) -> None:
        """Stores a crossed row that lasted, and drops one that was half of an update."""
        if self._crossed is not None:
            since_ns, row = self._crossed
            if ts_ns - since_ns >= HALF_NS:
                self._waiting.append(row)
            self._crossed = None

    def flush(self) -> None:
        """Writes the waiting rows to the file; whole rows only."""
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

    def close(self, ts_ns: int) -> None:
        """Writes the rest and closes the file."""
        self._settle(ts_ns)
        try:
            self.flush()
        finally:
            os.close(self._descriptor)
