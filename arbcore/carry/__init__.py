"""The carry desk, without IO: calendar, rates, dividends, the factor and fair value of ES against SPY.

It stands on the errors and the compiled kernels, and knows nothing of the exchange bot, of an exchange or of
any wire. Time is UTC nanoseconds since 1970, a date is its number of days since 1970-01-01.
"""
