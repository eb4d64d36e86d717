"""The rules that choose the contract whose rows are taken on a New York date.

Owns the two rules, by volume and by days before the expiry. Prices are never adjusted for a roll.
"""

from collections.abc import Iterable, Mapping, Sequence

#: The rule without volumes: the first contract that expires more than this many days after the date.
ROLL_DAYS = 8


def by_volume(expiries: Sequence[int], volumes: Mapping[tuple[int, int], float]) -> dict[int, int]:
    """{date: contract} by the volumes of the previous date that has rows.

    Args:
        expiries: the day of expiry of each contract, by its number.
        volumes: {(date, contract): volume} for every date and contract with rows.

    Returns:
        The contract with the largest volume on the previous date, of two equal ones the nearer. It never
        expires before the contract of the previous date. On the first date it is the front contract.
    """
    dates = sorted({date for date, _ in volumes})
    order = sorted(range(len(expiries)), key=expiries.__getitem__)
    chosen: dict[int, int] = {}
    for at, date in enumerate(dates):
        if at == 0:
            chosen[date] = _first_after(expiries, date, order)
            continue
        before = dates[at - 1]
        held = chosen[before]
        best = max(order, key=lambda contract: volumes.get((before, contract), 0.0))
        chosen[date] = best if expiries[best] >= expiries[held] else held
    return chosen


def by_days(expiries: Sequence[int], dates: Iterable[int], *, days: int) -> dict[int, int]:
    """{date: contract}: the first contract that expires more than ``days`` days after the date.

    If no contract expires so late, it is the last one.
    """
    order = sorted(range(len(expiries)), key=expiries.__getitem__)
    return {date: _first_after(expiries, date + days, order) for date in dates}


def _first_after(expiries: Sequence[int], date: int, order: Sequence[int]) -> int:
    return next((contract for contract in order if expiries[contract] > date), order[-1])
