"""The seven instruments, their limits, their conversions, and the protocol's numeric ranges.

Facts only, as the exchange publishes them. A symbol's id is its index in ``SYMBOLS``; the compiled modules
use the same numbers (``_types.pxd``), and a test compares the two.
"""

from dataclasses import dataclass

SYMBOLS = ("BOND", "VALBZ", "VALE", "GS", "MS", "WFC", "XLF")
SYMBOL_ID = {name: index for index, name in enumerate(SYMBOLS)}

#: Largest position, long or short, that the exchange allows, in shares.
POSITION_LIMITS = {"BOND": 100, "VALBZ": 10, "VALE": 10, "GS": 100, "MS": 100, "WFC": 100, "XLF": 100}

BOND_FAIR_PRICE = 1000
PRICE_MAX = 999_999
SIZE_MAX = 999_999
ORDER_ID_MAX = 2**32 - 1
POSITION_MAX = 2**32 - 1
BOOK_LEVELS_MAX = 15
LINE_BYTES_MAX = 64 * 1024
TEAM_LENGTH_MAX = 32
MESSAGES_PER_SECOND_MAX = 500
LOSS_STOP = -30_000


@dataclass(frozen=True)
class Conversion:
    """``unit`` shares of ``etf`` exchange for ``legs`` of (symbol, shares); ``fee`` is charged each time."""

    etf: str
    unit: int
    legs: tuple[tuple[str, int], ...]
    fee: int


CONVERSIONS = {
    "VALE": Conversion("VALE", 1, (("VALBZ", 1),), 10),
    "XLF": Conversion("XLF", 10, (("BOND", 3), ("GS", 2), ("MS", 3), ("WFC", 2)), 100),
}
