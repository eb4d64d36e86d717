"""The strategy that ``arbcore exchange --new-strategy FILE`` writes: a market maker to start from."""

TEMPLATE = '''"""A market maker for the exchange: quotes around a fair value, leaning against what it holds.

    arbcore exchange --test prod-like --duration 60 --strategy {module}:Maker --no-builtin
    arbcore exchange ... --strategy {module}:Maker --param size=4 --param edge=3

Prices are in ticks, sizes in shares. `python -c "import arbcore; help(arbcore.TraderDesk)"` shows what a
strategy may see and ask for, `help(arbcore.Strategy)` every hook. Whatever a hook raises switches the
strategy off for the run, and a slow hook holds up everything, so keep them short.

As written it earned 2,230 ticks a round at hidden fair value (95% interval of the mean: 2,150 to 2,309; the
worst round +41) over 200 five-minute rounds of the embedded exchange in virtual time: regime normal, seeds
100000 to 100199, which were not used to choose its numbers. It loses where prices jump or swing: -5,724 a
round in the regime jumps, -8,084 in volatile (15 rounds each). The next steps:

    arbcore simulate --strategy {module}:Maker --no-builtin --rounds 200 --seed 100000
    arbcore simulate --strategy {module}:Maker --no-builtin --against builtin --rounds auto
"""

import math

import arbcore


class Maker(arbcore.Strategy):
    # How many ticks from fair value each symbol is quoted at least.
    EDGES = {{"BOND": 1, "GS": 4, "MS": 3, "WFC": 3, "XLF": 5}}

    def __init__(self, size: int = 3, edge: int = 0, lean: float = 0.3, cap: int = 40) -> None:
        """size: shares a quote; edge: ticks beyond EDGES; lean: ticks per share held; cap: most shares."""
        self.size = size
        self.edge = edge
        self.lean = lean
        self.cap = cap

    def on_tick(self, desk):
        """Ten times a second: put every quote where it belongs. `quote` only sends what has changed."""
        for symbol, edge in self.EDGES.items():
            fair = self.fair(desk, symbol)
            if fair is None or (desk.time_left_s is not None and desk.time_left_s < 2):
                self.pull(desk, symbol)
                continue
            held = desk.position(symbol)
            # BOND is worth 1000 whatever is held; elsewhere a position moves both quotes, to reduce it.
            middle = fair if symbol == "BOND" else fair - self.lean * held
            wide = edge + (0 if symbol == "BOND" else self.edge)
            cap = desk.limit(symbol) if symbol == "BOND" else self.cap
            size = 30 if symbol == "BOND" else self.size
            bid, ask = math.floor(middle - wide), math.ceil(middle + wide)
            desk.quote(symbol, "BUY", bid, min(size, cap - held, desk.limit(symbol) - held))
            desk.quote(symbol, "SELL", ask, min(size, cap + held, desk.limit(symbol) + held))

    def fair(self, desk, symbol):
        """What a share is worth: the middle of the whole book by size; XLF half by its basket."""
        if symbol == "BOND":
            return desk.fair("BOND")
        bids, asks = desk.book(symbol)
        if not bids or not asks:
            return None
        own = (self.average(bids) + self.average(asks)) / 2
        if symbol == "XLF" and desk.fair("XLF") is not None:
            return (own + desk.fair("XLF")) / 2
        return own

    @staticmethod
    def average(levels):
        """The average price of one side of a book, by size."""
        return sum(price * size for price, size in levels) / sum(size for _, size in levels)

    @staticmethod
    def pull(desk, symbol):
        """No quote stands in the symbol any more."""
        for side in ("BUY", "SELL"):
            desk.quote(symbol, side, 1, 0)

    def on_round_end(self, desk):
        """How the round went; what is printed goes to standard error."""
        after = ", ".join(
            f"{{seconds}} s {{'unknown' if ticks is None else format(ticks, '+.2f')}}"
            for seconds, ticks in desk.markouts().items()
        )
        print(f"P&L {{desk.own_pnl:+,}}; fair value after our fills, in ticks a share: {{after}} (markouts)")
'''


def template(module: str) -> str:
    """Returns the file's text for a module called ``module``."""
    return TEMPLATE.format(module=module)
