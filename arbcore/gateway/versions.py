"""Converts messages from the newest layout to the layout of an older server version.

Clients from server version 100 on are served. Every message is written once, in the newest layout. This table
has the version in which each field was added, the version fields that older layouts have, and the numbers
that had to be whole. It knows no contract, no order and no client.
"""

from collections.abc import Callable
from dataclasses import dataclass

from arbcore.gateway.frames import LENGTH_BYTES, frame_of

OLDEST, NEWEST = 100, 178
#: From this version on sizes may have decimals.
_FRACTIONAL_SIZES = 163
#: From this version on quantities of orders and positions may have decimals.
_FRACTIONAL_QUANTITIES = 101


@dataclass(frozen=True, slots=True)
class MessageLayout:
    """The older layouts of one message. ``came`` lists (version, first, beyond): fields that it added.

    ``numbered``: before this version, the message's own version followed its number.
    """

    came: tuple[tuple[int, int, int | None], ...] = ()
    numbered: tuple[int, str] | None = None
    sizes: tuple[int, ...] = ()
    quantities: tuple[int, ...] = ()
    #: A change that the table cannot express, applied last: (fields, version).
    rest: Callable[[list[str], int], list[str]] | None = None


def _with_size_multiplier(fields: list[str], version: int) -> list[str]:
    """Adds the size multiplier, which contract details had after the tick in versions 110 to 163."""
    return [*fields[:15], "1", *fields[15:]] if 110 <= version < 164 else fields


def _with_gaps(fields: list[str], version: int) -> list[str]:
    """Adds a bar's field about gaps, which it had before its count until version 124."""
    if version >= 124:
        return fields
    head, bars = fields[:6], fields[6:]
    cut = [[*bars[at : at + 7], "false", bars[at + 7]] for at in range(0, len(bars) - 7, 8)]
    return head + [field for bar in cut for field in bar]


#: By message number. Indexes refer to the newest layout; negative ones count from its end.
LAYOUTS = {
    1: MessageLayout(sizes=(5,)),
    2: MessageLayout(sizes=(4,)),
    3: MessageLayout(((131, -1, None),), (131, "6"), quantities=(2, 3)),
    4: MessageLayout(((166, 5, 6),)),
    5: MessageLayout(
        (
            (170, -5, None), (162, -6, -5), (160, -7, -6), (158, -8, -7), (151, -9, -8), (148, -10, -9),
            (145, -11, -10), (141, -12, -11), (111, -13, -12), (106, -16, -13), (102, -25, -16),
            (142, -41, -35), (103, 35, 36),
        ),
        (145, "34"), quantities=(14,),
    ),
    7: MessageLayout(quantities=(13,)),
    10: MessageLayout(
        ((164, -3, None), (152, -4, -3), (134, -5, -4), (126, -6, -5), (122, -8, -6), (121, -9, -8)),
        (164, "8"), rest=_with_size_multiplier,
    ),
    11: MessageLayout(((136, 30, 31), (103, 29, 30)), (136, "10"), quantities=(19,)),
    17: MessageLayout(numbered=(124, "3"), rest=_with_gaps),
    61: MessageLayout(quantities=(14,)),
    94: MessageLayout(((129, 3, 4), (135, 4, 5))),
    95: MessageLayout(((129, 4, 5), (135, 5, 6)), sizes=(2,)),
}  # fmt: skip


def for_version(messages: bytes, version: int) -> bytes:
    """The same messages, one or several frames, in the layout of ``version``."""
    if version >= 176:
        return messages
    out, at = bytearray(), 0
    while at < len(messages):
        end = at + LENGTH_BYTES + int.from_bytes(messages[at : at + LENGTH_BYTES], "big")
        out += _older(messages[at:end], version)
        at = end
    return bytes(out)


def _older(message: bytes, version: int) -> bytes:
    # Our own responses may be longer than any request, so apply no bound.
    fields = message[LENGTH_BYTES:-1].decode().split("\0")
    layout = LAYOUTS.get(int(fields[0])) if fields[0].isdigit() else None
    if layout is None:
        return message
    whole = layout.sizes if version < _FRACTIONAL_SIZES else ()
    whole += layout.quantities if version < _FRACTIONAL_QUANTITIES else ()
    for index in whole:
        if index < len(fields):
            fields[index] = _whole(fields[index])
    lost: set[int] = set()
    for since, first, beyond in layout.came:
        if version < since:
            lost.update(range(*slice(first, beyond).indices(len(fields))))
    fields = [field for index, field in enumerate(fields) if index not in lost]
    if layout.numbered is not None and version < layout.numbered[0]:
        fields.insert(1, layout.numbered[1])
    if layout.rest is not None:
        fields = layout.rest(fields, version)
    return frame_of(fields)


def _whole(text: str) -> str:
    try:
        return str(round(float(text)))
    except (ValueError, OverflowError):
        return text
