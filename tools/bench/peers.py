"""The session as a Python programmer would write it for speed, over json and over msgspec."""

from arbcore.reference.arbitrage import Pairs, XlfArbitrage
from arbcore.reference.quoting import Bond, MarketMaking, ValeQuoting
from arbcore.reference.strategy import Strategy
from arbcore.trading import settings as s


def twin_strategies(session: s.SessionSettings) -> list[Strategy]:
    """Every built-in strategy with its defaults, as plain Python."""
    return [
        XlfArbitrage(s.XlfArbitrageSettings()), Pairs(s.PairsSettings(), session), Bond(s.BondSettings()),
        ValeQuoting(s.ValeQuotingSettings()), MarketMaking(s.MarketMakingSettings(), session),
    ]
