from arbcore.trading._market import Market
from arbcore.trading._orders import Orders

class Worth:
    def __init__(self, market: Market, orders: Orders) -> None: ...
