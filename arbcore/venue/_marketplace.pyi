from arbcore.venue._floor import Floor, Marketplace
from arbcore.venue._participant import Participant
from arbcore.venue.venue_config import VenueConfig

class PopulatedMarketplace(Marketplace):
    @property
    def participants(self) -> list[Participant]: ...
    def __init__(self, floor: Floor, config: VenueConfig) -> None: ...
