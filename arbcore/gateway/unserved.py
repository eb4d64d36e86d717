"""Requests that the gateway does not serve, and the response that ends each of them in every library.

A request with an id gets an error with that id and a code that no library treats as a warning; one without an
id gets the empty list that it waits for. Owns that table and the position of each request's id.
"""

from collections.abc import Callable

from arbcore.core.text import printable
from arbcore.gateway.frames import Field, frame

#: Codes that some library treats as a warning, after which it goes on waiting.
TAKEN_FOR_WARNINGS = frozenset({105, 110, 165, 202, 321, 329, 399, 404, 434, 492, 10167, *range(2100, 2200)})
NOT_SERVED = 10_000
#: By request number: its name, and the code of its error.
ERRORS: dict[int, tuple[str, int]] = {
    10: ("reqMktDepth", 10092), 21: ("exerciseOptions", 201), 22: ("reqScannerSubscription", 162),
    52: ("reqFundamentalData", 430), 54: ("calculateImpliedVolatility", 10091),
    55: ("calculateOptionPrice", 10091), 84: ("reqNewsArticle", 10172), 86: ("reqHistoricalNews", 10277),
    88: ("reqHistogramData", 162), 100: ("reqWshMetaData", 10276), 102: ("reqWshEventData", 10276),
}  # fmt: skip
#: By request number: its name, and the empty response, given its id.
EMPTY: dict[int, tuple[str, Callable[[int], tuple[Field, ...]]]] = {
    18: ("requestFA", lambda kind: (16, 1, kind, "")),
    24: ("reqScannerParameters", lambda _: (19, 1, "<ScanParameterResponse/>")),
    65: ("verifyRequest", lambda _: (66, 1, 0, "Verification is not served.")),
    66: ("verifyMessage", lambda _: (66, 1, 0, "Verification is not served.")),
    67: ("queryDisplayGroups", lambda req_id: (67, 1, req_id, "")),
    68: ("subscribeToGroupEvents", lambda req_id: (68, 1, req_id, "none")),
    72: ("verifyAndAuthRequest", lambda _: (70, 1, 0, "Verification is not served.")),
    73: ("verifyAndAuthMessage", lambda _: (70, 1, 0, "Verification is not served.")),
    78: ("reqSecDefOptParams", lambda req_id: (76, req_id)),
    79: ("reqSoftDollarTiers", lambda req_id: (77, req_id, 0)),
    80: ("reqFamilyCodes", lambda _: (78, 0)),
    82: ("reqMktDepthExchanges", lambda _: (80, 0)),
    83: ("reqSmartComponents", lambda req_id: (82, req_id, 0)),
    85: ("reqNewsProviders", lambda _: (85, 0)),
    104: ("reqUserInfo", lambda req_id: (107, req_id, "")),
}  # fmt: skip
_LAST_NUMBER = 104
#: The field with a request's id, if it is not the first after the number; 0 if there is none.
_ID_AT = {
    1: 2, 2: 2, 4: 2, 5: 0, 6: 0, 7: 2, 8: 0, 9: 2, 10: 2, 12: 0, 13: 0, 14: 0, 15: 0, 16: 0, 17: 0, 18: 2,
    19: 0, 21: 2, 22: 2, 24: 0, 49: 0, 50: 2, 52: 2, 54: 2, 55: 2, 58: 0, 59: 0, 61: 0, 62: 2, 64: 0, 65: 0,
    66: 0, 67: 2, 68: 2, 69: 2, 71: 0, 72: 0, 73: 0, 74: 2, 76: 2, 80: 0, 82: 0, 85: 0, 91: 0, 99: 0,
}  # fmt: skip


def id_of(fields: list[str], version: int) -> int:
    """A request's id; -1 if it has none or it cannot be read."""
    number = int(fields[0]) if fields[0].isdecimal() and len(fields[0]) < 6 else -1
    if not 0 < number <= _LAST_NUMBER:
        return -1
    at = _ID_AT.get(number, 1)
    if (number == 3 and version < 145) or (number == 20 and version < 124):
        at = 2
    if number == 22 and version >= 143:
        at = 1
    text = fields[at] if 0 < at < len(fields) else ""
    return int(text) if text.isdecimal() and len(text) < 16 else -1


def answer(fields: list[str], version: int) -> bytes | None:
    """The response to a request that is known and not served; None for any other."""
    number = int(fields[0]) if fields[0].isdecimal() and len(fields[0]) < 6 else -1
    req_id = id_of(fields, version)
    if number == 19:
        return _replaced(fields, version)
    if number in EMPTY:
        return frame(*EMPTY[number][1](req_id))
    if number in ERRORS:
        name, code = ERRORS[number]
        text = f"This gateway does not serve {printable(name)}; docs/gateway.md lists what it does serve."
        return frame(4, 2, req_id, code, text, "")
    return None


def _replaced(fields: list[str], version: int) -> bytes:
    """The response to ``replaceFA``: its end message in versions that have it, otherwise an error."""
    text = "Groups of a financial advisor are not served."
    if version < 157:
        return frame(4, 2, -1, NOT_SERVED, text, "")
    last = fields[-1] if fields[-1].isdecimal() else "-1"
    return frame(103, last, text)
