"""Backtest and sweep as computation over rows: signal, fills, money, cells, and the lookahead check."""
