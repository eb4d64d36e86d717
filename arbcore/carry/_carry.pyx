"""Carry arithmetic: time to expiry, the carry factor, deviation and edges in basis points of fair value.

Owns the one exponential and the one order of operations that backtest, sweep and the live bot share, so that
their numbers are equal bit by bit; ``reference.carry`` is the specification. The functions proper
are inline in ``_carry.pxd``; here is their Python interface. It knows no dates, contracts or rates.
"""
from libc.stdint cimport int64_t

from arbcore.carry._carry cimport carry_of, deviation_of, edge_cc_of, edge_rev_of, exp_of, years_between


def exponential(double x) -> float:
    """e to the power ``x``: within 1e-15 relative, the same bits on every machine; never raises.

    NaN gives NaN; above 709.78 infinity; below -745.13 zero.
    """
    return exp_of(x)


def years_to_expiry(int64_t now_ns, int64_t expiry_ns) -> float:
    """Years of 365 days from ``now_ns`` to ``expiry_ns`` (UTC nanoseconds); 0 at and after expiry."""
    return years_between(now_ns, expiry_ns)


def carry_factor(*, double factor, double r, double d, double t) -> float:
    """factor · e^((r − d) · t), which turns a SPY price into the fair future.

    ``r`` and ``d`` are continuously compounded annual rates as decimals, ``t`` years.
    """
    return carry_of(factor, r, d, t)


def deviation_bps(*, double es_bid, double es_ask, double spy_bid, double spy_ask, double c) -> float:
    """How far the future's mid is above its fair value (the SPY mid times ``c``), in bps of fair value."""
    return deviation_of(es_bid, es_ask, spy_bid, spy_ask, c)


def edge_cash_and_carry_bps(*, double es_bid, double spy_ask, double c) -> float:
    """What selling the future at its bid and buying SPY at its ask gains, in bps of ``spy_ask * c``."""
    return edge_cc_of(es_bid, spy_ask, c)


def edge_reverse_bps(*, double es_ask, double spy_bid, double c) -> float:
    """What buying the future at its ask and selling SPY at its bid gains, in bps of ``spy_bid * c``."""
    return edge_rev_of(es_ask, spy_bid, c)
