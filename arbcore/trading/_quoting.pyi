from arbcore.trading._strategy import CompiledStrategy
from arbcore.trading.trading_settings import (
    BondSettings,
    MarketMakingSettings,
    SessionSettings,
    ValeSettings,
)

class Bond(CompiledStrategy):
    def __init__(self, settings: BondSettings) -> None: ...

class AverageQuoting(CompiledStrategy):
    def __init__(self, settings: MarketMakingSettings, session: SessionSettings) -> None: ...

class MarketMaking(CompiledStrategy):
    def __init__(self, settings: MarketMakingSettings, session: SessionSettings) -> None: ...

class Vale(CompiledStrategy):
    def __init__(self, settings: ValeSettings) -> None: ...

class AverageVale(Vale):
    def __init__(self, settings: ValeSettings, session: SessionSettings) -> None: ...
