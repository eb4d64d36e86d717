"""The embedded exchange: matching, accounts, rounds and a marketplace, all without IO.

It uses the wire package and the kernels, and knows nothing of the bot. ``play.exchange_server``
connects it to sockets.
"""
