from collections.abc import Iterable
from typing import SupportsIndex, TypeAlias

_Levels: TypeAlias = Iterable[tuple[SupportsIndex, SupportsIndex]]

def basket_cost(
    leg_asks: Iterable[_Levels], leg_quantities: Iterable[SupportsIndex], lots: SupportsIndex
) -> int | None: ...
def basket_proceeds(
    leg_bids: Iterable[_Levels], leg_quantities: Iterable[SupportsIndex], lots: SupportsIndex
) -> int | None: ...
def conversion_edge(
    *,
    etf_bids: _Levels,
    etf_asks: _Levels,
    leg_bids: Iterable[_Levels],
    leg_asks: Iterable[_Levels],
    leg_quantities: Iterable[SupportsIndex],
    unit: SupportsIndex,
    fee: SupportsIndex,
    lots: SupportsIndex,
    lot_fee: SupportsIndex = 0,
) -> tuple[int | None, int | None]: ...
def best_lots(
    *,
    etf_bids: _Levels,
    etf_asks: _Levels,
    leg_bids: Iterable[_Levels],
    leg_asks: Iterable[_Levels],
    leg_quantities: Iterable[SupportsIndex],
    unit: SupportsIndex,
    fee: SupportsIndex,
    max_lots: SupportsIndex,
    lot_fee: SupportsIndex = 0,
) -> tuple[tuple[int, int] | None, tuple[int, int] | None]: ...
