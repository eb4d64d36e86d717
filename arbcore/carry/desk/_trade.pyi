from dataclasses import dataclass

from arbcore.carry.desk.rows import AdjustmentRow, ExecutionRow, TradeRow

@dataclass
class Side:
    quantity: int
    value: float

NOTHING: Side

class Trade:
    trade_id: int
    side: int
    con_id: int
    expiry_ns: int
    multiplier: float
    wanted_contracts: int
    wanted_shares: int
    entry_ns: int
    entry_dev_bps: float
    phase: str
    exit_ns: int | None
    exit_dev_bps: float | None
    exit_reason: str
    contracts: int
    shares: int
    tries: int
    gross: float
    position: dict[str, int]
    sums: dict[tuple[str, int], Side]
    commissions: dict[str, float | None]
    averages: tuple[float | None, ...]
    commission: float | None
    second: str
    deadline_ns: int
    next_try_ns: int
    wake_ns: int
    naked_since_ns: int | None
    exit_from: tuple[int, int] | None
    misses: int
    forced: bool
    complete: bool
    adjustments: list[AdjustmentRow]
    expired: bool
    def __init__(self, row: TradeRow) -> None: ...
    def adjust(self, row: AdjustmentRow) -> None: ...
    def count(self, row: ExecutionRow, sign: int) -> None: ...
    def know_commission(self, row: ExecutionRow) -> None: ...
    @property
    def held(self) -> tuple[int, int]: ...
    @property
    def awaits_settlement(self) -> bool: ...
    def shares_of(self, contracts: int) -> int: ...
    @property
    def residual(self) -> int: ...
    def row(self) -> TradeRow: ...
