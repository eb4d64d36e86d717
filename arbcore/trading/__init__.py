"""The exchange bot without IO: market state, orders, risk gate, strategies, session, journal format.

It knows the wire package and the kernels. It must not know the venue, a socket, a file or a clock.
"""
