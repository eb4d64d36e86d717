"""The signal of the carry desk: decides for each quote whether to enter or exit, and why.

Backtest, simulation and live use the same kernel (inline in ``_signal.pxd``); this is its Python interface.
``reference.signal`` is the specification. It only decides; the caller handles fills, money and time.
"""
from libc.stdint cimport int64_t

#: The actions that ``decide`` returns, indexed by their number in C.
ACTION_NAMES = (
    "stay", "enter_cash_and_carry", "enter_reverse", "expiry", "stop_loss", "max_hold", "converged",
)


cdef class Signal:
    """The state of one pair: flat, or in a position. The caller reports fills with ``entered`` and ``left``.

    Thresholds are bps of fair value, times are UTC nanoseconds. A stop or a longest hold of 0 is off.
    """

    def __init__(self, *, double entry_bps, double exit_bps, double cost_bps, double stop_bps=0.0,
                 int64_t max_hold_ns=0, int64_t cooldown_ns=0):
        self.rules.wanted_bps = entry_bps + cost_bps
        self.rules.exit_bps = exit_bps
        self.rules.stop_bps = stop_bps
        self.rules.max_hold_ns = max_hold_ns
        self.rules.cooldown_ns = cooldown_ns
        signal_reset(&self.state)

    @property
    def side(self) -> int:
        """-1 for cash and carry (short ES), +1 for reverse, 0 when flat."""
        return self.state.side

    def decide(self, int64_t now_ns, int64_t expiry_ns, *, double es_bid, double es_ask, double spy_bid,
               double spy_ask, double c) -> str:
        """Returns one of ``ACTION_NAMES``. In a position, ``expiry_ns`` and ``c`` are the position's own."""
        cdef Quote quote = Quote(es_bid, es_ask, spy_bid, spy_ask)
        return ACTION_NAMES[signal_decide(&self.rules, &self.state, now_ns, expiry_ns, &quote, c)]

    def entered(self, int side, int64_t now_ns, int64_t expiry_ns, *, double dev_bps) -> None:
        """Records that a position was entered at the deviation ``dev_bps``."""
        signal_entered(&self.state, side, now_ns, expiry_ns, dev_bps)

    def left(self, int64_t now_ns) -> None:
        """Records that the position was closed, and starts the cooldown."""
        signal_left(&self.rules, &self.state, now_ns)
