from dataclasses import dataclass

@dataclass
class OrderRow:
    ref: str
    trade_id: int
    leg: str
    side: int
    quantity: int
    kind: str
    limit: float | None
    tif: str
    role: str
    approved: int
    con_id: int
    created_ns: int
    state: str = "sent"
    filled: int = 0
    perm_id: int = 0
    reason: str = ""

@dataclass
class ExecutionRow:
    key: str
    exec_id: str
    revision: int
    ref: str
    perm_id: int
    trade_id: int
    leg: str
    side: int
    quantity: int
    price: float
    multiplier: float
    ts_ns: int
    commission: float | None = None

@dataclass
class TradeRow:
    trade_id: int
    side: int
    phase: str
    con_id: int
    expiry_ns: int
    multiplier: float
    wanted_contracts: int
    wanted_shares: int
    entry_ns: int
    entry_dev_bps: float
    contracts: int = 0
    shares: int = 0
    es_entry: float | None = None
    es_exit: float | None = None
    spy_entry: float | None = None
    spy_exit: float | None = None
    exit_ns: int | None = None
    exit_dev_bps: float | None = None
    exit_reason: str = ""
    tries: int = 0
    gross: float = 0.0
    commission: float | None = None

@dataclass
class DayRow:
    day: int
    start_value: float
    margin_checked: bool = False
    tripped: bool = False

@dataclass
class Draft:
    leg: str
    side: int
    quantity: int
    kind: str
    limit: float | None
    tif: str
    role: str
    held: int
    reduces: bool
    blind: bool = False
