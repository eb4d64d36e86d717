"""Rows kept in memory: the same rows by window, by bytes and by copy."""

import copy

import pytest
from quotes import random_rows

from arbcore.research._sweep_rows import SweepRows, rows_from


def kept(seed: int, count: int) -> SweepRows:
    rows = SweepRows()
    for row in random_rows(seed, count):
        rows.feed_row(
            row.ts_ns, row.es_bid, row.es_ask, row.spy_bid, row.spy_ask, factor=10.0, expiry_ns=None
        )
    return rows


def test_a_window_is_a_copy_of_its_rows() -> None:
    rows = kept(1, 50)
    window = rows.window(10, 30)
    size = len(rows.to_bytes()) // 50
    assert window.to_bytes() == rows.to_bytes()[10 * size : 30 * size]
    assert (window.count, window.first_ns, window.last_ns) == (20, rows.ts_ns(10), rows.ts_ns(29))
    assert (window.has_expiry, window.has_factor) == (False, True)
    assert rows.window(50, 50).count == 0


@pytest.mark.parametrize(("first", "last"), [(-1, 3), (3, 2), (0, 51)])
def test_a_window_lies_within_the_rows(first: int, last: int) -> None:
    with pytest.raises(IndexError):
        kept(1, 50).window(first, last)
    with pytest.raises(IndexError):
        kept(1, 50).ts_ns(50)


def test_bytes_and_copies_are_the_same_rows() -> None:
    rows = kept(2, 20)
    for other in (rows_from(rows.to_bytes(), False, True), copy.copy(rows)):
        assert other.to_bytes() == rows.to_bytes()
        assert (other.has_expiry, other.has_factor) == (False, True)
    with pytest.raises(ValueError, match="cut short"):
        rows_from(rows.to_bytes()[:-1], False, True)
