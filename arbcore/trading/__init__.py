"""The exchange bot without IO: market state, orders, risk gate, strategies, session, journal format.

It uses the wire package and the kernels. It must not import the venue, or use a socket, a file or a clock.
"""
