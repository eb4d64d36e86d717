"""Quotes of one's own: joining two files of one instrument each, examining and converting rows of both.

The parts are imported when they are used, so that importing this costs nothing.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from arbcore.quotes.joining import Joined as Joined
    from arbcore.quotes.joining import join as join

_HOMES = {"join": "arbcore.quotes.joining", "Joined": "arbcore.quotes.join"}

__all__ = ["Joined", "join"]


def __getattr__(name: str) -> object:
    import importlib

    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)
