from typing import Any

from arbcore.venue._floor import Floor

class Participant:
    @property
    def role(self) -> str: ...
    @property
    def symbol(self) -> int: ...
    @property
    def account(self) -> int: ...
    def __init__(
        self, floor: Floor, name: str, role: str, symbol: int, slowdown: int, *rest: Any
    ) -> None: ...
