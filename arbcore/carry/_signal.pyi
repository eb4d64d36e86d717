ACTION_NAMES: tuple[str, ...]

class Signal:
    def __init__(
        self,
        *,
        entry_bps: float,
        exit_bps: float,
        cost_bps: float,
        stop_bps: float = 0.0,
        max_hold_ns: int = 0,
        cooldown_ns: int = 0,
    ) -> None: ...
    @property
    def side(self) -> int: ...
    def decide(
        self,
        now_ns: int,
        expiry_ns: int,
        *,
        es_bid: float,
        es_ask: float,
        spy_bid: float,
        spy_ask: float,
        c: float,
    ) -> str: ...
    def entered(self, side: int, now_ns: int, expiry_ns: int, *, dev_bps: float) -> None: ...
    def left(self, now_ns: int) -> None: ...
