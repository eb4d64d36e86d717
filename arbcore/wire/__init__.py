"""The exchange's language: its instruments, its messages, and both directions of its codec.

What ``trading`` and ``venue`` share. It knows no market state, no order and no socket.
"""
