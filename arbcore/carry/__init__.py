"""The carry arithmetic, without IO: calendar, rates, dividends, the factor and fair value of ES against SPY.

It imports the errors, ``core`` and the compiled kernels. It knows nothing of the exchange bot, of an exchange
or of any wire format. Times are UTC nanoseconds since 1970; a date is the number of days since 1970-01-01.
"""
