from arbcore.trading._strategy import CompiledStrategy
from arbcore.trading.trading_settings import XlfArbitrageSettings

class XlfArbitrage(CompiledStrategy):
    def __init__(self, settings: XlfArbitrageSettings) -> None: ...
