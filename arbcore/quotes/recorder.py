"""Records pairs of quotes as a CSV that the backtest reads: what was seen can be backtested.

A shell: it owns a file, which it appends to.
"""

import os
from pathlib import Path

from arbcore.carry.pairs import Pair
from arbcore.core.civil import iso_time
from arbcore.core.text import printable
from arbcore.errors import RunError, UsageError
from arbcore.system.regular_file import open_regular, read_regular

#: Bid and ask of a leg come as two messages, and nothing says that they belong together: a bid above its ask
#: that the next change ends within this time was half of an update.
HALF_NS = 250_000_000


def header_of(pair: Pair) -> str:
    """The first line of a recording: the columns are the symbols' own, so that the file says its pair, and
    ``expiry`` says whose the future's quotes are.
    """
    columns = [f"{symbol.lower()}_{side}" for symbol in (pair.future, pair.etf) for side in ("bid", "ask")]
    return f"ts,{','.join(columns)},expiry\n"


def check_recording(path: Path, pair: Pair) -> None:
    """Before anything else is touched: UsageError for a file that is not a recording of the pair, RunError
    where there is no folder.
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
    """Appends a row for every change of either leg, once both have a price on both sides.

    A file that is there and does not begin with our header is refused: it was named by mistake.
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
        #: What the last row said, but for its time.
        self._last: tuple[float | int, ...] = ()
        #: A row with a leg whose bid is above its ask, until it is known to be more than half an update.
        self._crossed: tuple[int, str] | None = None

    def note(
        self, ts_ns: int, *, fut: tuple[float, float], etf: tuple[float, float], expiry_ns: int
    ) -> None:
        """One pair of touches, bid and ask of each leg; 0 is a side without a price.

        ``expiry_ns`` is that of the contract whose the future's quotes are.
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
        """Keeps a crossed row that lasted, and drops one that was half of an update."""
        if self._crossed is not None:
            since_ns, row = self._crossed
            if ts_ns - since_ns >= HALF_NS:
                self._waiting.append(row)
            self._crossed = None

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

    def close(self, ts_ns: int) -> None:
        """Writes the rest and closes."""
        self._settle(ts_ns)
        try:
            self.flush()
        finally:
            os.close(self._descriptor)
