"""Mutates lines of the protocol and compares the compiled codec with its twin, ``tests/reference/wire.py``.

For all bytes both must return the same message or the same fault; nothing else may happen.

    python -m tools.fuzz_wire --seconds 60
    python -m tools.fuzz_wire --cases 100000 --seed 7

Prints counts of what it ran. At the first difference it prints the line and the command that repeats it, and
exits with 1.
"""

import copy
import json
import random
import sys
from collections.abc import Callable
from typing import Any

from reference import wire as twin

from arbcore.errors import WireError
from arbcore.wire import _decode, _request
from tools.fuzzer import Fuzzer

CORPUS = [
    b'{"type":"hello","symbols":[{"symbol":"BOND","position":0},{"symbol":"USD","position":-30000}]}',
    b'{"type":"hello","symbols":[{"symbol":"VALE","position":-4294967295},{"position":7,"symbol":"SPY"}]}',
    b'{"type":"hello","symbols":[]}',
    b'{"type":"open","symbols":["BOND","GS","MS","VALBZ","VALE","WFC","XLF"]}',
    b'{"type":"close","symbols":["BOND"]}',
    b'{"type":"error","error":"PROTOCOL_ERROR:MALFORMED \\"x\\" \\ud83d\\ude00 \xc3\xa9"}',
    b'{"type":"book","symbol":"XLF","buy":[[4285,5],[4257,1]],"sell":[[4333,7],[4342,3]]}',
    b'{"type":"book","symbol":"BOND","buy":[],"sell":[[1001,99]]}',
    b'{"type": "book", "symbol": "VALBZ", "buy": [[2, 3], [1, 4]], "sell": [[999999, 999999]]}',
    b'{"type":"book","symbol":"MS","buy":[' + b",".join([b"[9,1]"] * 15) + b'],"sell":[]}',
    b'{"type":"trade","symbol":"MS","price":4106,"size":1}',
    b'{"size": 1e3, "price": 41.06E+2, "symbol": "\\u0047S", "type": "tr\\u0061de", "extra": [{"a": null}]}',
    b'{"type":"ack","order_id":2}',
    b'{"type":"reject","order_id":42,"error":"LIMIT:PRICE_BAND"}',
    b'{"type":"fill","order_id":3,"symbol":"BOND","dir":"SELL","price":999,"size":10}',
    b'{"type":"fill","order_id":4294967295,"symbol":"WFC","dir":"BUY","price":1,"size":999999}',
    b'{"type":"out","order_id":0}',
    b'{"type":"hello","team":"TEAMNAME"}',
    b'{"type":"add","order_id":5,"symbol":"BOND","dir":"BUY","price":1002,"size":50}',
    b'{"type": "convert", "order_id": 4, "symbol": "VALE", "dir": "BUY", "size": 10}',
    b'{"type":"cancel","order_id":5}',
]

TOKENS = [
    b"{", b"}", b"[", b"]", b",", b":", b'"', b"\\", b"\\u0022", b"\\ud800", b"\\udc00", b"\\n", b"\\x",
    b" ", b"\t", b"\r", b"\n", b"\x00", b"\x1f", b"\x7f", b"\x80", b"\xc3\xa9", b"\xc0\x80",
    b"\xed\xa0\x80", b"\xf0\x9f\x98\x80", b"\xf4\x90\x80\x80", b"\xef\xbb\xbf", b"null", b"true", b"false",
    b"NaN", b"Infinity", b"-Infinity", b"-", b"-0", b"0", b"00", b"1", b"1.0", b"1.5", b"1e3", b"1e-3",
    b"1000e-3", b"1E+400", b"-1", b"999999", b"1000000", b"0999999", b"4294967295", b"4294967296",
    b"9223372036854775807", b"-9223372036854775808", b"9223372036854775808",
    b"123456789012345678901234567890", b"1e99999999999999999999", b"0e99999999999999999999", b'"type"',
    b'"symbol"', b'"order_id"', b'"price"', b'"size"', b'"dir"', b'"buy"', b'"sell"', b'"symbols"',
    b'"position"', b'"error"', b'"team"', b'"BOND"', b'"VALBZ"', b'"VALE"', b'"GS"', b'"GS\\","', b'"MS"',
    b'"WFC"', b'"XLF"', b'"USD"', b'"SPY"', b'"BUY"', b'"SELL"', b'"buy"', b'"type":"book",',
    b'"type":"trade",', b'"type":"ack",', b'"order_id":7,', b'"price":5,', b'"size":6,', b'"symbol":"GS",',
    b'"dir":"BUY",', b"[1,2],", b"[" * 33, b'{"a":' * 33, b"]" * 33, b"[]" * 33,
]  # fmt: skip


VALUES = [
    None, True, False, 0, 1, -1, 5, 1000, 999_999, 1_000_000, 2**32 - 1, 2**32, 1 - 2**32, 2**63 - 1,
    -(2**63), 2**63, 0.5, 1e22, "", "BUY", "SELL", "BOND", "GS", "VALE", "USD", "SPY", "bond", "book",
    "ack", "x" * 33, "\ud800", "é€😀", [], {}, [1], [1, 2], [1, 2, 3], [[1, 2]], [[2, 1], [1, 1]],
    [[1, 1], [2, 1]], [[5, 5]] * 16, ["BOND"], [{"symbol": "BOND", "position": 1}], [{"symbol": "BOND"}],
    [{"position": 1}],
]  # fmt: skip


def _any_value(rng: random.Random) -> Any:
    return copy.deepcopy(rng.choice(VALUES))


def spell(value: Any, rng: random.Random) -> str:
    """Returns a random legal JSON spelling of ``value``: blanks, key order, escapes and numbers vary.

    Only the meaning is kept: a key may also occur twice, with a wrong value first.
    """

    def blank() -> str:
        return "".join(rng.choice(" \t\r\n") for _ in range(rng.choice((0, 0, 0, 1, 2))))

    def listed(items: list[str], brackets: str) -> str:
        return brackets[0] + blank() + (blank() + "," + blank()).join(items) + blank() + brackets[1]

    if isinstance(value, dict):
        members = list(value.items())
        rng.shuffle(members)
        if members and rng.random() < 0.1:
            members.insert(0, (members[-1][0], _any_value(rng)))
        return listed([spell(k, rng) + blank() + ":" + blank() + spell(v, rng) for k, v in members], "{}")
    if isinstance(value, list):
        return listed([spell(item, rng) for item in value], "[]")
    if isinstance(value, str):
        return '"' + "".join(_spell_character(character, rng) for character in value) + '"'
    if isinstance(value, int) and not isinstance(value, bool):
        data = bytearray(str(value).encode())
        if rng.random() < 0.2:
            _respell_number(data, rng, exact=True)
        return data.decode()
    return json.dumps(value)


def _spell_character(character: str, rng: random.Random) -> str:
    must = character in '"\\' or character < " " or "\ud800" <= character <= "\udfff"
    if not must and rng.random() < 0.9:
        return character
    if character in '"\\/' and rng.random() < 0.5:
        return "\\" + character
    escaped = json.dumps(character)[1:-1] if ord(character) > 0x7E else f"\\u{ord(character):04x}"
    return escaped.replace("\\u", "\\U").upper().replace("\\U", "\\u") if rng.random() < 0.5 else escaped


def rearrange(line: bytes, rng: random.Random) -> bytes:
    """Returns ``line`` with up to two values or keys of its object replaced, in a legal spelling."""
    fields = json.loads(line)
    for _ in range(rng.choice((0, 0, 1, 1, 2))):
        if not fields:
            break
        key = rng.choice(sorted(fields))
        edit = rng.randrange(5)
        inside = fields[key]
        if edit == 0:
            del fields[key]
        elif edit == 1:
            fields[rng.choice(("type", "symbol", "price", "size", "Price", "order_id", "extra"))] = inside
        elif edit == 2 and isinstance(inside, list) and inside:
            inside[rng.randrange(len(inside))] = _any_value(rng)
        else:
            fields[key] = _any_value(rng)
    return spell(fields, rng).encode("utf-8", "surrogatepass")


def mutate(line: bytes, rng: random.Random) -> bytes:
    """Returns ``line`` after one to four random edits of its bytes."""
    data = bytearray(line)
    for _ in range(rng.choice((1, 1, 1, 2, 2, 3, 4))):
        at = rng.randrange(len(data) + 1)
        upto = min(len(data), at + rng.choice((0, 1, 1, 1, 2, 4, 8, 16)))
        edit = rng.randrange(7)
        if edit == 0 and at < len(data):
            data[at] ^= 1 << rng.randrange(8)
        elif edit == 1:
            del data[at:upto]
        elif edit == 2:
            data[at:upto] = rng.choice(TOKENS)
        elif edit == 3:
            data[at:at] = rng.choice(TOKENS)
        elif edit == 4:
            data[at:at] = data[rng.randrange(len(data) + 1) :][: rng.randrange(24)]
        elif edit == 5:
            other = rng.choice(CORPUS)
            data[at:] = other[rng.randrange(len(other)) :]
        else:
            _respell_number(data, rng)
    return bytes(data)


def _respell_number(data: bytearray, rng: random.Random, *, exact: bool = False) -> None:
    starts = [i for i in range(len(data)) if 48 <= data[i] <= 57 and (i == 0 or not 48 <= data[i - 1] <= 57)]
    if not starts:
        return
    start = rng.choice(starts)
    end = start
    while end < len(data) and 48 <= data[end] <= 57:
        end += 1
    digits = bytes(data[start:end])
    zeros = b"0" * rng.randrange(1, 30)
    spellings = [
        digits + b"." + zeros,
        (digits + zeros if digits != b"0" else b"0") + b"e-%d" % len(zeros),
        digits[:1] + b"." + (digits[1:] or b"0") + b"e%d" % (len(digits) - 1),
        b"0." + zeros + digits + b"E+%d" % (len(zeros) + len(digits)),
        digits + b"e0",
    ]
    if not exact:
        spellings += [
            b"-" + digits,
            digits + b"." + zeros + b"1",
            str(rng.randrange(10 ** rng.randrange(1, 25))).encode(),
        ]
    data[start:end] = rng.choice(spellings)


def _result(function: Callable[[bytes], Any], line: bytes) -> Any:
    try:
        return function(line)
    except WireError as error:
        return "fault: " + error.kind


def difference(line: bytes) -> str | None:
    """Describes how the compiled codec and the twin disagree; None if they agree."""
    for name, compiled, reference in (
        ("decode", _decode.decode, twin.decode),
        ("decode_request", _request.decode, twin.decode_request),
        ("request outcome", _request.outcome, twin.request_outcome),
    ):
        got, expected = _result(compiled, line), _result(reference, line)
        if got != expected:
            return f"{name}: compiled gives {got!r}, twin gives {expected!r}"
    return None


def case(seed: int, index: int) -> bytes:
    """Returns the line of one case, which depends only on its seed and index."""
    rng = random.Random(seed * 1_000_003 + index)
    line = rng.choice(CORPUS)
    way = rng.random()
    if way < 0.4:
        return rearrange(line, rng)
    return mutate(line if way < 0.9 else rearrange(line, rng), rng)


def examine(seed: int, index: int) -> tuple[str, str | None]:
    """Returns the kind of message or fault, and the line with the difference, if any."""
    line = case(seed, index)
    found = difference(line)
    if found is not None:
        return "different", f"{line!r}\n{found}"
    result = _result(_decode.decode, line)
    return result if isinstance(result, str) else result["type"], None


FUZZER = Fuzzer("fuzz_wire", "the wire codec", "lines", 20_000, examine)

if __name__ == "__main__":
    sys.exit(FUZZER.main())
