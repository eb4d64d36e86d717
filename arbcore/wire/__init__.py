"""The exchange's language: its instruments, its messages, and both directions of its codec.

The floor under ``trading`` and ``venue``. It knows no market state, no order and no socket.
"""
