from dataclasses import dataclass

from arbcore.carry.desk.rows import AdjustmentRow, DayRow, ExecutionRow, FactorRow, OrderRow, TradeRow

@dataclass
class Place:
    orders: tuple[OrderRow, ...]

@dataclass
class Cancel:
    ref: str
    perm_id: int

@dataclass
class Ask:
    query: int
    kind: str
    side: int = 0
    contracts: int = 0
    shares: int = 0

@dataclass
class AskContract:
    expires_after_ns: int
    con_id: int = 0

@dataclass
class Resubscribe:
    leg: str

@dataclass
class Reconnect:
    reason: str

@dataclass
class SaveOrder:
    row: OrderRow

@dataclass
class SaveExecution:
    row: ExecutionRow

@dataclass
class SaveAdjustment:
    row: AdjustmentRow

@dataclass
class SaveTrade:
    row: TradeRow

@dataclass
class SaveDay:
    row: DayRow

@dataclass
class SaveFactor:
    row: FactorRow

@dataclass
class Seen:
    ts_ns: int
    action: str
    refusal: str
    dev_bps: float
    edge_cc_bps: float
    edge_rev_bps: float

@dataclass
class State:
    state: str
    reasons: tuple[str, ...]

@dataclass
class Alarm:
    kind: str
    message: str

@dataclass
class Note:
    kind: str
    message: str

@dataclass
class RaiseKillSwitch:
    reason: str
