"""Named sets of settings for the whole bot, as texts by full name; ``--set`` overrides them.

``classic`` is the three strategies as they were first specified: it trades XLF whenever ten shares and the
fee cost less than the basket fetches, quotes around five-trade averages at 3 ticks for XLF and 1 for the rest
without the book and without skew, and trades VALE against VALBZ while their averages are more than 30 ticks
apart. It serves for comparisons.
"""

PROFILES: dict[str, dict[str, str]] = {
    "default": {},
    "classic": {
        "ARBCORE_BOND_ENABLED": "0",
        "ARBCORE_XLF_ARBITRAGE_EDGE_TICKS": "1",
        "ARBCORE_XLF_ARBITRAGE_MAX_LOTS": "1",
        "ARBCORE_XLF_ARBITRAGE_CONVERT_LOTS": "1",
        "ARBCORE_VALE_AVERAGES": "1",
        "ARBCORE_VALE_SIGNAL_TICKS": "30",
        "ARBCORE_MARKET_MAKING_AVERAGES": "1",
        "ARBCORE_MARKET_MAKING_SIZE": "3",
        "ARBCORE_MARKET_MAKING_INVENTORY_CAP": "100",
    },
}
