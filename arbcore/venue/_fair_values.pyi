from collections.abc import Mapping

from arbcore.venue.regimes import FairProcess

STEP_MS: int
SCALE: int
WALKING: tuple[str, ...]

class FairValues:
    step_ns: int
    def __init__(
        self, processes: Mapping[str, FairProcess], *, seed: int, start_ns: int = 0, slowdown: int = 1
    ) -> None: ...
    def at(self, now_ns: int) -> dict[str, int]: ...
