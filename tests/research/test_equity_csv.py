"""The lines of an equity file are those that ``iso_time`` and ``repr`` write, for any time and any double."""

import math
from array import array
from collections.abc import Sequence

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from arbcore.core.civil import iso_time
from arbcore.research._equity_csv import equity_lines

TIMES = st.integers(-(2**63) + 1, 2**63 - 1) | st.integers(0, 9_000).map(lambda step: step * 10**15)
VALUES = (
    st.floats() | st.integers(-(10**12), 10**12).map(lambda cents: cents / 100)
    | st.integers(-(10**16), 10**16).map(lambda millionths: millionths / 10**6)
)  # fmt: skip


def lines_of(rows: Sequence[tuple[int, float]]) -> bytes:
    times, values = array("q", [ts for ts, _ in rows]), array("d", [value for _, value in rows])
    return equity_lines(times.tobytes(), values.tobytes())


@given(st.lists(st.tuples(TIMES, VALUES), max_size=20))
@example(
    [(0, 0.0), (1, -0.0), (2, 0.0), (3, 5e-324), (4, 1.7976931348623157e308), (5, math.nan), (6, -math.inf)]
)
@example([(-1, 1.5), (0, 1.5), (10**9, 1.5), (86_400 * 10**9, 1.5), (86_400 * 10**9, -1.5)])
@example(
    [(0, 1e15), (0, 1e16), (0, 999999999.999999), (0, 0.001), (0, 0.0009), (0, 123.45000000000002), (0, 1e-5)]
)
def test_lines_are_those_of_python(rows: list[tuple[int, float]]) -> None:
    assert lines_of(rows) == "".join(f"{iso_time(ts)},{value!r}\n" for ts, value in rows).encode()


def test_columns_of_two_lengths_are_refused() -> None:
    for times, values in ((b"\0" * 8, b""), (b"", b"\0" * 8), (b"\0" * 7, b"\0" * 7)):
        with pytest.raises(ValueError, match="one length"):
            equity_lines(times, values)
