"""The embedded exchange: matching, accounts, rounds and a marketplace, all deciding without IO.

It knows the wire package and the kernels, and nothing of the bot. ``play.exchange_server``
connects it to sockets.
"""
