from arbcore.venue._floor import Floor
from arbcore.venue._participant import Participant
from arbcore.venue.regimes import Arbitrageurs, Followers, Impatient, Informed, Noise, Programme

class NoiseTaker(Participant):
    def __init__(
        self, floor: Floor, name: str, role: str, symbol: int, slowdown: int, noise: Noise
    ) -> None: ...

class ProgrammeTrader(Participant):
    def __init__(
        self,
        floor: Floor,
        name: str,
        role: str,
        symbol: int,
        slowdown: int,
        programme: Programme,
        reach_ticks: int,
    ) -> None: ...

class InformedTaker(Participant):
    def __init__(
        self, floor: Floor, name: str, role: str, symbol: int, slowdown: int, informed: Informed
    ) -> None: ...

class Follower(Participant):
    def __init__(
        self, floor: Floor, name: str, role: str, symbol: int, slowdown: int, followers: Followers
    ) -> None: ...

class ImpatientTrader(Participant):
    def __init__(
        self, floor: Floor, name: str, role: str, symbol: int, slowdown: int, impatient: Impatient
    ) -> None: ...

class Arbitrageur(Participant):
    def __init__(
        self,
        floor: Floor,
        name: str,
        role: str,
        symbol: int,
        slowdown: int,
        rivals: Arbitrageurs,
        reach_ticks: int,
    ) -> None: ...
