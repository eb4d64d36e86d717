from arbcore.venue._floor import Floor
from arbcore.venue._participant import Participant
from arbcore.venue.regimes import Makers

class Maker(Participant):
    def __init__(
        self,
        floor: Floor,
        name: str,
        role: str,
        symbol: int,
        slowdown: int,
        group: Makers,
        half_spread_ticks: int,
    ) -> None: ...
