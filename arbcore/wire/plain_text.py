"""The plain-text form of the protocol: the same messages as words on a line, for clients without JSON.

Only converts the spelling of messages. The exchange works on the JSON form: a text client's line becomes the
JSON line of the same request, and every JSON line for that client becomes words. One decoder checks both
forms, so they have the same types, ranges and faults.
"""

import json
import re
from collections.abc import Callable
from typing import Any

from arbcore.core.text import printable
from arbcore.errors import WireError

#: Words of each request after its first word, in order, as keys of the JSON form.
_REQUESTS = {
    "HELLO": ("team", "password"),
    "ADD": ("order_id", "symbol", "dir", "price", "size"),
    "CONVERT": ("order_id", "symbol", "dir", "size"),
    "CANCEL": ("order_id",),
}
_NUMBERS = {"order_id", "price", "size"}
_NUMBER = re.compile(r"(-?)0*([0-9]{1,20}(?:\.[0-9]{1,20})?)")


def request_json(line: bytes) -> bytes:
    """The JSON line, without its newline, of a text client's line.

    A missing word is left out, and the decoder reports it. A word that is not a number in the place of a
    number becomes a string.

    Raises:
        WireError: of kind ``not_text`` (other bytes than printable ASCII), ``no_type`` (no word at all) or
            ``too_many_words``.

    >>> request_json(b"ADD 5 BOND BUY 999 10")
    b'{"type":"add","order_id":5,"symbol":"BOND","dir":"BUY","price":999,"size":10}'
    """
    if not all(0x20 <= byte <= 0x7E or byte == 0x09 for byte in line):
        raise WireError("not_text", "The line holds other bytes than printable ASCII.")
    kind, *words = line.decode("ascii").split() or [""]
    if not kind:
        raise WireError("no_type", "The line holds no word.")
    keys = _REQUESTS.get(kind)
    if keys is None:
        # The JSON form has no such type either: its types are lower-case.
        return json.dumps({"type": kind.upper()}).encode()
    if len(words) > len(keys):
        raise WireError("too_many_words", f"{kind} takes {len(keys)} words after it at most.")
    pairs = [f'"type":"{kind.lower()}"']
    pairs += [f'"{key}":{_value(key, word)}' for key, word in zip(keys, words, strict=False)]
    return ("{" + ",".join(pairs) + "}").encode()


def _value(key: str, word: str) -> str:
    match = _NUMBER.fullmatch(word) if key in _NUMBERS else None
    return json.dumps(word) if match is None else match[1] + match[2]


def messages_text(lines: bytes) -> bytes:
    """The plain-text form of whole JSON lines that the exchange writes, each line ended by a newline.

    >>> messages_text(b'{"type":"book","symbol":"BOND","buy":[[999,3]],"sell":[]}' + bytes([10]))
    b'BOOK BOND BUY 999:3 SELL\\n'
    """
    return b"".join(_message(json.loads(line)) for line in lines.splitlines())


def error_text(text: str) -> bytes:
    """One error message in plain text."""
    return _line("ERROR", text)


def _message(message: dict[str, Any]) -> bytes:
    kind: str = message["type"]
    return _line(kind.upper(), *_WORDS[kind](message))


def _line(*words: object) -> bytes:
    text = " ".join(str(word) for word in words)
    return printable(text, len(text)).encode() + b"\n"


def _levels(levels: list[list[int]]) -> list[str]:
    return [f"{price}:{size}" for price, size in levels]


def _values(*keys: str) -> Callable[[dict[str, Any]], list[object]]:
    return lambda message: [message[key] for key in keys]


_WORDS: dict[str, Callable[[dict[str, Any]], list[Any]]] = {
    "hello": lambda message: [f"{row['symbol']}:{row['position']}" for row in message["symbols"]],
    "open": lambda message: message["symbols"],
    "close": lambda message: message["symbols"],
    "error": _values("error"),
    "book": lambda message: [
        message["symbol"], "BUY", *_levels(message["buy"]), "SELL", *_levels(message["sell"]),
    ],
    "trade": _values("symbol", "price", "size"),
    "ack": _values("order_id"),
    "reject": _values("order_id", "error"),
    "fill": _values("order_id", "symbol", "dir", "price", "size"),
    "out": _values("order_id"),
}  # fmt: skip
