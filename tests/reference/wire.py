"""Decodes every line of the protocol with ``json.loads``: the twin of ``arbcore.wire``.

The checks of a line have a fixed order, so both decoders report the same fault:

1. the line is UTF-8, then one JSON value, nested at most ``MAX_DEPTH`` deep, then an object;
2. its ``type`` is present and a string, then known;
3. its fields, in the order in which the protocol writes them: each one's presence, then its JSON type, then
   its range. Elements of a list are checked one after the other.
"""

import json
import re
from typing import Any, NoReturn

from arbcore.errors import WireError
from arbcore.wire.instruments import (
    BOOK_LEVELS_MAX,
    ORDER_ID_MAX,
    POSITION_MAX,
    PRICE_MAX,
    SYMBOL_ID,
    SYMBOLS,
    TEAM_LENGTH_MAX,
)

MAX_DEPTH = 32
CASH_MIN, CASH_MAX = -(2**63), 2**63 - 1

_NUMBER = re.compile(r"(-?)([0-9]+)(?:\.([0-9]+))?(?:[eE]([-+]?)([0-9]+))?")
_OUTSIDE_STRINGS = re.compile(r'"(?:[^"\\]|\\.)*(?:"|\Z)|[][{}]', re.DOTALL)


class _Number(str):
    """A JSON number as text, so that its exact value is not lost."""


def decode(line: bytes) -> dict[str, Any]:
    """Returns a line from the exchange in canonical form. Raises WireError if it is not a legal message."""
    fields = _parse(line)
    kind = _kind(fields, _MESSAGES)
    return {"type": kind} | _MESSAGES[kind](fields)


def decode_request(line: bytes) -> dict[str, Any]:
    """Returns a line from a client in canonical form. Raises WireError if it is not a legal request."""
    fields = _parse(line)
    kind = _kind(fields, _REQUESTS)
    return {"type": kind} | _REQUESTS[kind](fields)


def request_outcome(line: bytes) -> tuple[str, str, int]:
    """Returns (fault's name, type or "", order id or -1): the known parts of a request that may be faulty."""
    fault, kind, order_id = "none", "", -1
    try:
        fields = _parse(line)
        kind = _kind(fields, _REQUESTS)
        if kind != "hello":
            order_id = _order_id(fields)
        _REQUESTS[kind](fields)
    except WireError as error:
        fault = error.kind
    return fault, kind, order_id


# --- JSON


def _parse(line: bytes) -> dict[str, Any]:
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError:
        _fault("not_json")
    deep = _first_bracket_too_deep(text)
    if deep is not None:
        # The text before the bracket decides whether this is JSON: it must be valid if a plain value replaces
        # the bracket and all open brackets are closed.
        at, closers = deep
        _loads(text[:at] + " 0" + closers)
        _fault("too_deep")
    value = _loads(text)
    if not isinstance(value, dict):
        _fault("not_object")
    return value


def _loads(text: str) -> Any:
    try:
        return json.loads(text, parse_int=_Number, parse_float=_Number, parse_constant=_no_constant)
    except ValueError:
        _fault("not_json")


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _first_bracket_too_deep(text: str) -> tuple[int, str] | None:
    closers: list[str] = []
    for match in _OUTSIDE_STRINGS.finditer(text):
        token = match.group()
        if token in ("[", "{"):
            if len(closers) == MAX_DEPTH:
                return match.start(), "".join(reversed(closers))
            closers.append("]" if token == "[" else "}")
        elif token in ("]", "}") and closers:
            closers.pop()
    return None


# --- single fields


def _fault(kind: str) -> NoReturn:
    raise WireError(kind, f"The line is not a legal message: {kind}")


def _kind(fields: dict[str, Any], known: dict[str, Any]) -> str:
    kind = fields.get("type")
    if not _is_string(kind):
        _fault("no_type")
    if kind not in known:
        _fault("unknown_type")
    return str(kind)


def _is_string(value: Any) -> bool:
    return isinstance(value, str) and not isinstance(value, _Number)


def _field(fields: dict[str, Any], name: str) -> Any:
    if name not in fields:
        _fault("missing_field")
    return fields[name]


def _string(value: Any) -> str:
    if not _is_string(value):
        _fault("wrong_type")
    return str(value)


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        _fault("wrong_type")
    return value


def _integer(value: Any, low: int, high: int) -> int:
    """Returns ``value`` if it is a number whose exact value is an integer from ``low`` to ``high``."""
    if not isinstance(value, _Number):
        _fault("wrong_type")
    exact = exact_integer(value)
    if exact is None or not low <= exact <= high:
        _fault("out_of_range")
    return exact


def exact_integer(spelled: str) -> int | None:
    """Returns the exact integer of a JSON number; None if it is not an integer or has more than 19 digits."""
    match = _NUMBER.fullmatch(spelled)
    if match is None:
        raise ValueError(f"{spelled!r} is no JSON number")
    sign, whole, fraction, exponent_sign, exponent = match.groups(default="")
    digits = (whole + fraction).lstrip("0")
    significant = digits.rstrip("0")
    if not significant:
        return 0
    exponent = exponent.lstrip("0")
    if len(exponent) > 18:
        return None
    power = int(exponent_sign + (exponent or "0")) - len(fraction) + len(digits) - len(significant)
    if power < 0 or len(significant) + power > 19:
        return None
    return int(sign + significant + "0" * power)


def _symbol(fields: dict[str, Any]) -> str:
    symbol = _string(_field(fields, "symbol"))
    if symbol not in SYMBOL_ID:
        _fault("unknown_symbol")
    return symbol


def _direction(fields: dict[str, Any]) -> str:
    direction = _string(_field(fields, "dir"))
    if direction not in ("BUY", "SELL"):
        _fault("bad_direction")
    return direction


def _order_id(fields: dict[str, Any]) -> int:
    return _integer(_field(fields, "order_id"), 0, ORDER_ID_MAX)


def _amount(fields: dict[str, Any], name: str) -> int:
    """Reads a price or a size; both have the same range."""
    return _integer(_field(fields, name), 1, PRICE_MAX)


def _levels(fields: dict[str, Any], name: str, best: int) -> list[list[int]]:
    """Reads all levels of a side; ``best`` is +1 if the highest price comes first, -1 if the lowest does."""
    levels: list[list[int]] = []
    for pair in _list(_field(fields, name)):
        if len(_list(pair)) != 2:
            _fault("wrong_type")
        price, size = (_integer(number, 1, PRICE_MAX) for number in pair)
        if levels and (price - levels[-1][0]) * best > 0:
            _fault("bad_book")
        levels.append([price, size])
    return levels


# --- messages and requests, their fields in the protocol's order


def _hello(fields: dict[str, Any]) -> dict[str, Any]:
    positions: dict[str, int] = {}
    cash = 0
    for entry in _list(_field(fields, "symbols")):
        if not isinstance(entry, dict):
            _fault("wrong_type")
        symbol = _string(_field(entry, "symbol"))
        position = _field(entry, "position")
        if symbol == "USD":
            cash = _integer(position, CASH_MIN, CASH_MAX)
        elif symbol in SYMBOL_ID:
            positions[symbol] = _integer(position, -POSITION_MAX, POSITION_MAX)
        elif not isinstance(position, _Number):
            _fault("wrong_type")
    return {"positions": {name: positions[name] for name in SYMBOLS if name in positions}, "cash": cash}


def _symbol_list(fields: dict[str, Any]) -> dict[str, Any]:
    if fields["type"] == "close" and "symbols" not in fields:
        return {"symbols": list(SYMBOLS)}
    named = {_string(symbol) for symbol in _list(_field(fields, "symbols"))}
    return {"symbols": [symbol for symbol in SYMBOLS if symbol in named]}


def _error(fields: dict[str, Any]) -> dict[str, Any]:
    return {"error": _string(_field(fields, "error"))}


def _book(fields: dict[str, Any]) -> dict[str, Any]:
    symbol, buy, sell = _symbol(fields), _levels(fields, "buy", 1), _levels(fields, "sell", -1)
    book = {"symbol": symbol, "buy": buy[:BOOK_LEVELS_MAX], "sell": sell[:BOOK_LEVELS_MAX]}
    return book | ({"deep": True} if max(len(buy), len(sell)) > BOOK_LEVELS_MAX else {})


def _trade(fields: dict[str, Any]) -> dict[str, Any]:
    return {"symbol": _symbol(fields), "price": _amount(fields, "price"), "size": _amount(fields, "size")}


def _order(fields: dict[str, Any]) -> dict[str, Any]:
    return {"order_id": _order_id(fields)}


def _reject(fields: dict[str, Any]) -> dict[str, Any]:
    return _order(fields) | _error(fields)


def _add(fields: dict[str, Any]) -> dict[str, Any]:
    """Reads the fields of an add, which a fill has too."""
    return {
        "order_id": _order_id(fields),
        "symbol": _symbol(fields),
        "dir": _direction(fields),
        "price": _amount(fields, "price"),
        "size": _amount(fields, "size"),
    }


def _convert(fields: dict[str, Any]) -> dict[str, Any]:
    return {
        "order_id": _order_id(fields),
        "symbol": _symbol(fields),
        "dir": _direction(fields),
        "size": _amount(fields, "size"),
    }


def _team(fields: dict[str, Any]) -> dict[str, Any]:
    """Reads a team: printable ASCII of the right length. Capitals are usual, but not all clients use them."""
    team = _string(_field(fields, "team"))
    if not 1 <= len(team) <= TEAM_LENGTH_MAX or not all(" " <= character <= "~" for character in team):
        _fault("out_of_range")
    return {"team": team}


_MESSAGES = {
    "hello": _hello,
    "open": _symbol_list,
    "close": _symbol_list,
    "error": _error,
    "book": _book,
    "trade": _trade,
    "ack": _order,
    "reject": _reject,
    "fill": _add,
    "out": _order,
}
_REQUESTS = {"hello": _team, "add": _add, "convert": _convert, "cancel": _order}
