"""The broker's message codes by meaning, as named sets; add every new code here.

The sets are never ranges: 1300 (this connection is being dropped) lies above 1102 (the link is back). If a
code is in no set and its message names an order that the broker has not acknowledged, the broker refused that
order.
"""

from enum import Enum, auto

#: The connection to TWS ends, or there is none: send nothing on it any more.
CONNECTION_DROPPED = frozenset({502, 504, 1300})
#: TWS lost its link to the broker's servers; our connection to TWS is still open.
SERVER_LOST = frozenset({1100, 2110})
#: TWS reached the broker's servers again: subscriptions are lost (1101), or kept (1102).
SERVER_BACK = frozenset({1101, 1102})
FARM_BROKEN = frozenset({2103, 2105, 2157})
FARM_FINE = frozenset({2104, 2106, 2158})
#: A data farm is idle until a request needs it, or TWS is connecting to it.
FARM_IDLE = frozenset({2107, 2108, 2119})
#: No permission for live quotes of a contract, or another session of this user receives them now.
NO_DATA = frozenset({354, 10089, 10090, 10168, 10197})
#: Delayed quotes come instead of live ones.
DELAYED_DATA = frozenset({10167})
#: Errors of a cancel or a change. The order may be alive or over; only a request to the broker settles which.
CHANGE_DOUBTED = frozenset({105, 135, 161, 10147, 10148})
#: The notice of a cancel; an order status follows.
CANCEL_NOTICES = frozenset({202})
#: Messages about an order that do not end it: notices, held orders, presets.
ORDER_NOTICES = CANCEL_NOTICES | frozenset({
    399, 404, 2100, 2101, 2102, 2109, 2111, 2112, 2113, 2114, 2115, 2116, 2117, 2118, 2119, 2120, 2121,
    2122, 2123, 2124, 2125, 2126, 2127, 2128, 2129, 2130, 2131, 2132, 2133, 2134, 2135, 2136, 2137, 2138,
    2148, 2152, 2168, 2169, 10167, 10349,
})  # fmt: skip
CLIENT_ID_IN_USE = frozenset({326})
#: A request that is not valid. If the text has one of these words, the API is set to Read-Only.
VALIDATION = frozenset({321})
READ_ONLY_WORDS = ("read-only", "read only", "readonly")


class OrderSays(Enum):
    """What an error message means for the order of ours that it names."""

    NOTICE = auto()
    #: The order never traded and never will.
    REFUSED = auto()
    #: The order may be alive or over; only a request to the broker settles which.
    DOUBT = auto()


def order_says(code: int, *, acknowledged: bool) -> OrderSays:
    """What an error means for its order. ``acknowledged``: the broker has reported the order as working.

    An acknowledged order may stay alive after an error: libraries report it as cancelled, and brokers have
    filled it afterwards.
    """
    if code in ORDER_NOTICES:
        return OrderSays.NOTICE
    if code in CHANGE_DOUBTED or acknowledged:
        return OrderSays.DOUBT
    return OrderSays.REFUSED


def is_read_only(code: int, text: str) -> bool:
    """Whether the broker refused a request because its API is set to Read-Only."""
    lowered = text.lower()
    return code in VALIDATION and any(words in lowered for words in READ_ONLY_WORDS)
