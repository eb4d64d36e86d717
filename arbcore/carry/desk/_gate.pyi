from typing import Any

from arbcore._fast import Cooldown
from arbcore.carry.desk._clock import MarketClock
from arbcore.carry.desk._leg import Leg
from arbcore.carry.desk._orders import Orders
from arbcore.carry.desk._records import Draft
from arbcore.carry.desk.risk import Brakes
from arbcore.carry.desk.rows import OrderRow
from arbcore.carry.desk.settings import DeskSettings

class Gate:
    settings: DeskSettings
    orders: Orders
    legs: dict[str, Leg]
    limits: dict[str, int]
    brakes: Brakes
    pauses: tuple[Cooldown, ...]
    factor: float
    window: Any
    passes: int
    closing: bool
    number: int
    store_id: str
    def __init__(
        self, settings: DeskSettings, orders: Orders, *, store_id: str, legs: dict[str, Leg], brakes: Brakes
    ) -> None: ...
    def set_factor(self, factor: float) -> None: ...
    def check(self, draft: Draft, positions: dict[str, int], clock: MarketClock) -> str: ...
    def refusal(self, drafts: list[Draft], positions: dict[str, int], clock: MarketClock) -> str: ...
    def paced(self, orders: int, pace_ns: int) -> bool: ...
    def passed(self, pace_ns: int) -> int: ...
    def ready(self, slot: int, now_ns: int) -> bool: ...
    def pause(self, slot: int, now_ns: int) -> None: ...
    def let_out(
        self, drafts: list[Draft], *, trade_id: int, es_con_id: int, clock: MarketClock
    ) -> tuple[OrderRow, ...]: ...
