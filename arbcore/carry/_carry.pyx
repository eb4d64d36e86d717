"""Carry arithmetic: time to expiry, the carry factor, deviation and edges in basis points of fair value.

Owns the only exponential and the only order of operations. Backtest, sweep and the live bot share them, so
their numbers are equal bit by bit; ``reference.carry`` is the specification. The C functions are inline in
``_carry.pxd``; this module is their Python interface. It knows no dates, contracts or rates.
"""
from libc.stdint cimport int64_t

from arbcore.carry._carry cimport carry_of, deviation_of, edge_cc_of, edge_rev_of, exp_of, years_between


def exponential(double x) -> float:
    """e to the power ``x``, within 1e-15 relative, with the same bits on every machine; never raises.

    NaN gives NaN; a value above 709.78 gives infinity, one below -745.13 gives 0.
    """
    return exp_of(x)


def years_to_expiry(int64_t now_ns, int64_t expiry_ns) -> float:
    """Years of 365 days from ``now_ns`` to ``expiry_ns`` (UTC nanoseconds); 0 at and after expiry."""
    return years_between(now_ns, expiry_ns)


def carry_factor(*, double factor, double r, double d, double t) -> float:
    """factor · e^((r − d) · t): multiplied by a SPY price it gives the future's fair value.

    ``r`` and ``d`` are continuously compounded annual rates as decimals, ``t`` years.
    """
    return carry_of(factor, r, d, t)


def deviation_bps(*, double es_bid, double es_ask, double spy_bid, double spy_ask, double c) -> float:
    """The future's mid less its fair value (the SPY mid times ``c``), in bps of fair value."""
    return deviation_of(es_bid, es_ask, spy_bid, spy_ask, c)


def edge_cash_and_carry_bps(*, double es_bid, double spy_ask, double c) -> float:
    """The gain of selling the future at its bid and buying SPY at its ask, in bps of ``spy_ask * c``."""
    return edge_cc_of(es_bid, spy_ask, c)


def edge_reverse_bps(*, double es_ask, double spy_bid, double c) -> float:
    """The gain of buying the future at its ask and selling SPY at its bid, in bps of ``spy_bid * c``."""
    return edge_rev_of(es_ask, spy_bid, c)
