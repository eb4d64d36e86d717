from arbcore.trading._strategy import Strategy
from arbcore.trading.trading_settings import (
    BondSettings,
    MarketMakingSettings,
    SessionSettings,
    ValeQuotingSettings,
)

class Bond(Strategy):
    def __init__(self, settings: BondSettings) -> None: ...

class MarketMaking(Strategy):
    def __init__(self, settings: MarketMakingSettings, session: SessionSettings) -> None: ...

class ValeQuoting(Strategy):
    def __init__(self, settings: ValeQuotingSettings) -> None: ...
