from arbcore.trading._market import Market
from arbcore.trading._orders import Orders
from arbcore.trading._risk import Gate
from arbcore.trading._strategy import StrategyDesk

class Closer:
    def __init__(
        self, market: Market, orders: Orders, gate: Gate, desk: StrategyDesk, *, owner: int
    ) -> None: ...
