from arbcore.trading._strategy import CompiledStrategy
from arbcore.trading.trading_settings import (
    BondSettings,
    MarketMakingSettings,
    SessionSettings,
    ValeQuotingSettings,
)

class Bond(CompiledStrategy):
    def __init__(self, settings: BondSettings) -> None: ...

class AverageQuoting(CompiledStrategy):
    def __init__(self, settings: MarketMakingSettings, session: SessionSettings) -> None: ...

class MarketMaking(CompiledStrategy):
    def __init__(self, settings: MarketMakingSettings, session: SessionSettings) -> None: ...

class ValeQuoting(CompiledStrategy):
    def __init__(self, settings: ValeQuotingSettings) -> None: ...
