from array import array
from collections.abc import Iterable

from arbcore.carry._row_source import RowSource
from arbcore.carry._values import RowValues
from arbcore.core.result_documents import OpenPosition, RunNumbers
from arbcore.research._envelope import Envelope
from arbcore.research._ledger import Ledger
from arbcore.research._sweep_rows import SweepRows
from arbcore.research.research_settings import BacktestSettings

class Backtest:
    values: RowValues
    def __init__(
        self,
        settings: BacktestSettings,
        *,
        expiries_ns: Iterable[int],
        fixed: bool,
        keep_trades: bool = False,
        keep_equity: bool = False,
        keep_marks: bool = False,
        envelope: Envelope | None = None,
        beside: Backtest | None = None,
    ) -> None: ...
    def feed(self, source: RowSource) -> None: ...
    def feed_memory(self, rows: SweepRows) -> None: ...
    def feed_row(
        self,
        ts_ns: int,
        es_bid: float,
        es_ask: float,
        spy_bid: float,
        spy_ask: float,
        *,
        factor: float | None = None,
        expiry_ns: int | None = None,
    ) -> None: ...
    def end(self) -> None: ...
    def take_trades(self) -> Ledger: ...
    def take_equity(self) -> tuple[array[int], array[float]]: ...
    @property
    def expiries_ns(self) -> list[int]: ...
    def open_position_document(self) -> OpenPosition | None: ...
    def summary(self) -> RunNumbers: ...
    def daily(self) -> dict[str, float | None]: ...
    def daily_equity(self) -> list[tuple[int, float]]: ...
    def periods(self) -> list[float]: ...
