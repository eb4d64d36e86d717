"""The writers: golden lines to the byte, text that is escaped, numbers to their ends, a bounded buffer."""

import json

import pytest

from arbcore.errors import RunError, UsageError
from arbcore.wire import _decode, _encode, _request
from arbcore.wire.instruments import SYMBOLS

GOLDEN = [
    (_encode.hello("TEAMNAME"), b'{"type":"hello","team":"TEAMNAME"}'),
    (
        _encode.add(5, "BOND", "BUY", price=1002, size=50),
        b'{"type":"add","order_id":5,"symbol":"BOND","dir":"BUY","price":1002,"size":50}',
    ),
    (
        _encode.convert(4, "VALE", "BUY", size=10),
        b'{"type":"convert","order_id":4,"symbol":"VALE","dir":"BUY","size":10}',
    ),
    (_encode.cancel(5), b'{"type":"cancel","order_id":5}'),
    (
        _encode.hello_positions({"GS": -3, "XLF": 7}, cash=-30_000),
        (
            b'{"type":"hello","symbols":[{"symbol":"BOND","position":0},{"symbol":"GS","position":-3},'
            b'{"symbol":"MS","position":0},{"symbol":"USD","position":-30000},{"symbol":"VALBZ","position":0},'
            b'{"symbol":"VALE","position":0},{"symbol":"WFC","position":0},{"symbol":"XLF","position":7}]}'
        ),
    ),
    (
        _encode.opened(SYMBOLS),
        b'{"type":"open","symbols":["BOND","GS","MS","VALBZ","VALE","WFC","XLF"]}',
    ),
    (_encode.closed(["BOND"]), b'{"type":"close","symbols":["BOND"]}'),
    (_encode.closed([]), b'{"type":"close","symbols":[]}'),
    (_encode.error("PROTOCOL_ERROR:MALFORMED"), b'{"type":"error","error":"PROTOCOL_ERROR:MALFORMED"}'),
    (
        _encode.book("XLF", [[4285, 5], [4257, 1]], [[4333, 7], [4342, 3]]),
        b'{"type":"book","symbol":"XLF","buy":[[4285,5],[4257,1]],"sell":[[4333,7],[4342,3]]}',
    ),
    (_encode.book("GS", [], []), b'{"type":"book","symbol":"GS","buy":[],"sell":[]}'),
    (_encode.trade("MS", 4106, 1), b'{"type":"trade","symbol":"MS","price":4106,"size":1}'),
    (_encode.ack(2), b'{"type":"ack","order_id":2}'),
    (_encode.reject(42, "LIMIT:PRICE_BAND"), b'{"type":"reject","order_id":42,"error":"LIMIT:PRICE_BAND"}'),
    (
        _encode.fill(3, "BOND", "SELL", price=999, size=10),
        b'{"type":"fill","order_id":3,"symbol":"BOND","dir":"SELL","price":999,"size":10}',
    ),
    (_encode.out(3), b'{"type":"out","order_id":3}'),
]


@pytest.mark.parametrize(("written", "line"), GOLDEN)
def test_every_writer_gives_the_handout_s_line_and_a_newline(written, line):
    assert written == line + b"\n"
    assert json.dumps(json.loads(line), separators=(",", ":")).encode() == line


NUMBERS = sorted({n for k in range(11) for n in (10**k - 1, 10**k, 10**k + 1, 5 * 10**k)} | {2**32 - 1})


@pytest.mark.parametrize("number", [n for n in NUMBERS if n < 2**32])
def test_order_ids_are_written_exactly(number):
    assert _encode.ack(number) == b'{"type":"ack","order_id":%d}\n' % number


@pytest.mark.parametrize(
    "cash",
    [0, -1, 9, 10, 99, -100, 12345, 2**63 - 1, -(2**63), -(2**63) + 1, *[-(10**k) for k in range(1, 19)]],
)
def test_cash_is_written_exactly_to_the_ends_of_64_bits(cash):
    assert f'{{"symbol":"USD","position":{cash}}}'.encode() in _encode.hello_positions({}, cash)
    assert _decode.decode(_encode.hello_positions({}, cash))["cash"] == cash


@pytest.mark.parametrize(
    "text", ["", 'say "x"\\', "\x00\x01\x0f\x10\x1f\n\r\t", "\x7f é € 😀", "a" * 10_000, "\x01" * 10_000]
)
def test_texts_are_escaped_so_that_they_come_back(text):
    for line in (_encode.error(text), _encode.reject(1, text)):
        assert line.count(b"\n") == 1
        assert json.loads(line)["error"] == text
        assert _decode.decode(line)["error"] == text


def test_text_that_is_no_utf8_is_still_sent_as_legal_json():
    assert json.loads(_encode.error("lone \ud800 surrogate"))["error"] == "lone ? surrogate"
    assert _encode.escaped(b"a\xffb\xc3") == b"a\\ufffdb\\ufffd"


def test_team_names_are_escaped_too():
    assert _request.decode(_encode.hello('A"B\\'))["team"] == 'A"B\\'


@pytest.mark.parametrize(
    "call",
    [
        lambda: _encode.add(-1, "GS", "BUY", price=1, size=1),
        lambda: _encode.add(2**32, "GS", "BUY", price=1, size=1),
        lambda: _encode.add(1, "SPY", "BUY", price=1, size=1),
        lambda: _encode.add(1, "GS", "buy", price=1, size=1),
        lambda: _encode.add(1, "GS", "BUY", price=0, size=1),
        lambda: _encode.add(1, "GS", "BUY", price=1, size=1_000_000),
        lambda: _encode.add(1, "GS", "BUY", price=True, size=1),
        lambda: _encode.add(1, "GS", "BUY", price=1.0, size=1),
        lambda: _encode.convert(1, "XLF", "BUY", size=0),
        lambda: _encode.cancel("5"),
        lambda: _encode.hello(""),
        lambda: _encode.hello("x" * 33),
        lambda: _encode.hello_positions({"GS": 2**32}),
        lambda: _encode.hello_positions({"USD": 1}),
        lambda: _encode.hello_positions({}, 2**63),
        lambda: _encode.opened(["USD"]),
        lambda: _encode.book("GS", [[1, 1]] * 16, []),
        lambda: _encode.book("GS", [], [[1, 0]]),
        lambda: _encode.trade("GS", 1_000_000, 1),
        lambda: _encode.fill(1, "GS", "HOLD", price=1, size=1),
    ],
)
def test_what_the_protocol_does_not_allow_is_not_written(call):
    with pytest.raises(UsageError):
        call()


def test_the_numbers_of_the_compiled_code_are_those_of_the_facts():
    from arbcore.wire import instruments

    constants = _decode.type_constants()
    assert {name: constants[name] for name in SYMBOLS} == instruments.SYMBOL_ID
    assert constants["N_SYMBOLS"] == len(SYMBOLS)
    assert constants["MAX_LEVELS"] == instruments.BOOK_LEVELS_MAX
    assert constants["PRICE_END"] == instruments.PRICE_MAX + 1 == instruments.SIZE_MAX + 1
    assert constants["LINE_BYTES_DEFAULT"] == instruments.LINE_BYTES_MAX
    assert [constants[name] for name in ("SELL", "BUY")] == [-1, 1]


# --- the buffer


def test_a_buffer_grows_and_is_empty_after_it_was_taken():
    buffer = _encode.OutBuffer()
    assert buffer.take() == b""
    for order_id in range(3000):
        _encode.append_cancel(buffer, order_id)
    lines = buffer.take().splitlines()
    assert [json.loads(line)["order_id"] for line in lines] == list(range(3000))
    assert len(buffer) == 0
    assert buffer.take() == b""


def test_a_buffer_refuses_to_grow_beyond_its_bound_and_keeps_what_it_has():
    buffer = _encode.OutBuffer(max_bytes=4096)
    while len(buffer) < 3800:
        _encode.append_cancel(buffer, 7)
    with pytest.raises(RunError, match="may not grow beyond 4096"):
        _encode.append_reject(buffer, 7, "x" * 300)
    assert 3800 <= len(buffer) <= 4096
    kept = buffer.take()
    assert kept.endswith(b"}\n")
    assert [json.loads(line)["type"] for line in kept.splitlines()] == ["cancel"] * kept.count(b"\n")
    _encode.append_cancel(buffer, 1)
    assert buffer.take() == b'{"type":"cancel","order_id":1}\n'


def test_a_bound_too_small_for_a_line_is_refused():
    with pytest.raises(UsageError, match="at least 4096"):
        _encode.OutBuffer(max_bytes=10)
