"""A histogram of durations in bounded memory: 32 buckets an octave, so a quantile is off by at most 3%.

It has no clock: the caller records durations in nanoseconds.
"""

_SUB_BITS = 5
_EXACT = 1 << (_SUB_BITS + 1)  # below this every value has its own bucket
_OCTAVES = 38  # the last bucket holds all durations from about 70 minutes on
_BUCKETS = (_OCTAVES << _SUB_BITS) + _EXACT


class LatencyHistogram:
    """Counts of durations in log-linear buckets. ``max_ns`` is exact."""

    def __init__(self) -> None:
        self._counts = [0] * _BUCKETS
        self.count = 0
        self.max_ns = 0

    def record(self, duration_ns: int) -> None:
        """Counts one duration; a negative one counts as 0."""
        if duration_ns >= _EXACT:
            shift = duration_ns.bit_length() - _SUB_BITS - 1
            index = (shift << _SUB_BITS) + (duration_ns >> shift)
            if index >= _BUCKETS:
                index = _BUCKETS - 1
        else:
            index = max(0, duration_ns)
        self._counts[index] += 1
        self.count += 1
        if duration_ns > self.max_ns:
            self.max_ns = duration_ns

    def quantile_ns(self, fraction: float) -> int:
        """The upper edge of the first bucket up to which ``fraction`` of all durations lie; 0 if empty."""
        if self.count == 0:
            return 0
        wanted = max(1, -int(-fraction * self.count // 1))
        seen = 0
        for index, count in enumerate(self._counts):
            seen += count
            if seen >= wanted:
                return min(_upper_edge(index), self.max_ns)
        return self.max_ns

    def summary_us(self) -> dict[str, float | None]:
        """``{p50, p99, p999, max}`` in microseconds; each is None without a duration."""
        if self.count == 0:
            return dict.fromkeys(("p50", "p99", "p999", "max"))
        return {
            "p50": self.quantile_ns(0.5) / 1000,
            "p99": self.quantile_ns(0.99) / 1000,
            "p999": self.quantile_ns(0.999) / 1000,
            "max": self.max_ns / 1000,
        }


def _upper_edge(index: int) -> int:
    if index < _EXACT:
        return index
    shift = (index >> _SUB_BITS) - 1
    mantissa = index - (shift << _SUB_BITS)
    return ((mantissa + 1) << shift) - 1
