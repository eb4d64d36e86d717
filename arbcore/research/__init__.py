"""The backtest and the sweep as computation over rows: signal, fills, money, cells, lookahead check."""
