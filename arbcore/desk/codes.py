"""The broker's message codes by what they mean, as named sets; whoever adds a code adds it here.

Sets and never ranges: 1300, which says that this connection is being dropped, lies above 1102, which says
that the link is back. What stands in no set and carries the id of an order that nobody acknowledged is a
refusal of that order, whatever its number.
"""

from enum import Enum, auto

#: This connection ends, or there is none: nothing may be sent on it any more.
CONNECTION_DROPPED = frozenset({502, 504, 1300})
#: TWS is there and lost the broker's servers; the connection to TWS lives on.
SERVER_LOST = frozenset({1100, 2110})
#: TWS has the broker's servers again: subscriptions are lost (1101), or kept (1102).
SERVER_BACK = frozenset({1101, 1102})
FARM_BROKEN = frozenset({2103, 2105, 2157})
FARM_FINE = frozenset({2104, 2106, 2158})
#: A farm sleeps until it is asked, or is being connected to.
FARM_IDLE = frozenset({2107, 2108, 2119})
#: No right to live quotes of a contract, or another session has it now.
NO_DATA = frozenset({354, 10089, 10090, 10168, 10197})
#: Delayed quotes come instead of live ones.
DELAYED_DATA = frozenset({10167})
#: About a cancel or a change of a live order: it may be alive, or done already. Only an answer settles it.
CHANGE_DOUBTED = frozenset({105, 135, 161, 10147, 10148})
#: The notice of a cancel, which a status follows.
CANCEL_NOTICES = frozenset({202})
#: About an order, and no end of it: notices, held orders, presets.
ORDER_NOTICES = CANCEL_NOTICES | frozenset({
    399, 404, 2100, 2101, 2102, 2109, 2111, 2112, 2113, 2114, 2115, 2116, 2117, 2118, 2119, 2120, 2121,
    2122, 2123, 2124, 2125, 2126, 2127, 2128, 2129, 2130, 2131, 2132, 2133, 2134, 2135, 2136, 2137, 2138,
    2148, 2152, 2168, 2169, 10167, 10349,
})  # fmt: skip
CLIENT_ID_IN_USE = frozenset({326})
#: A request that is not valid; with these words it is the API's Read-Only setting.
VALIDATION = frozenset({321})
READ_ONLY_WORDS = ("read-only", "read only", "readonly")


class OrderSays(Enum):
    """What an error that carries the id of one of our orders says of the order."""

    NOTICE = auto()
    #: The order never traded and never will.
    REFUSED = auto()
    #: Nobody knows: only the broker's answer to a question settles it.
    DOUBT = auto()


def order_says(code: int, *, acknowledged: bool) -> OrderSays:
    """What an error about an order says of it; ``acknowledged`` where the broker ever showed the order alive.

    An order that was acknowledged may live on after an error: libraries call it cancelled, and brokers have
    filled it afterwards.
    """
    if code in ORDER_NOTICES:
        return OrderSays.NOTICE
    if code in CHANGE_DOUBTED or acknowledged:
        return OrderSays.DOUBT
    return OrderSays.REFUSED


def is_read_only(code: int, text: str) -> bool:
    """Whether the broker refused a request since its API is set to Read-Only."""
    lowered = text.lower()
    return code in VALIDATION and any(words in lowered for words in READ_ONLY_WORDS)
