"""The exchange's language: its instruments, its messages, and both directions of its codec.

``trading`` and ``venue`` share it. It knows no market state, no order and no socket.
"""
