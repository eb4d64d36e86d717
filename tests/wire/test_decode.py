"""The client's decoder: the handout's lines, every rule of every field, and the spellings that are legal."""

import json
import random
from collections import Counter

import pytest
from reference import wire as twin

from arbcore.errors import WireError
from arbcore.wire import _decode
from arbcore.wire._decode import FAULT_NAMES, count_messages, decode
from arbcore.wire._lines import LineSplitter

GOLDEN = [
    (
        b'{"type":"hello","symbols":[{"symbol":"BOND","position":-7},{"symbol":"USD","position":-250}]}',
        {"type": "hello", "positions": {"BOND": -7}, "cash": -250},
    ),
    (b'{"type":"open","symbols":["BOND","GS"]}', {"type": "open", "symbols": ["BOND", "GS"]}),
    (b'{"type":"close","symbols":["XLF"]}', {"type": "close", "symbols": ["XLF"]}),
    (b'{"type":"error","error":"what?"}', {"type": "error", "error": "what?"}),
    (
        b'{"type":"book","symbol":"XLF","buy":[[4285,5],[4257,1]],"sell":[[4333,7],[4342,3]]}',
        {"type": "book", "symbol": "XLF", "buy": [[4285, 5], [4257, 1]], "sell": [[4333, 7], [4342, 3]]},
    ),
    (
        b'{"type":"trade","symbol":"MS","price":4106,"size":1}',
        {"type": "trade", "symbol": "MS", "price": 4106, "size": 1},
    ),
    (b'{"type":"ack","order_id":2}', {"type": "ack", "order_id": 2}),
    (
        b'{"type":"reject","order_id":42,"error":"LIMIT:PRICE_BAND"}',
        {"type": "reject", "order_id": 42, "error": "LIMIT:PRICE_BAND"},
    ),
    (
        b'{"type":"fill","order_id":3,"symbol":"BOND","dir":"SELL","price":999,"size":10}',
        {"type": "fill", "order_id": 3, "symbol": "BOND", "dir": "SELL", "price": 999, "size": 10},
    ),
    (b'{"type":"out","order_id":3}', {"type": "out", "order_id": 3}),
]


def fault_of(line: bytes) -> str:
    with pytest.raises(WireError) as caught:
        decode(line)
    with pytest.raises(WireError) as expected:
        twin.decode(line)
    assert caught.value.kind == expected.value.kind
    return caught.value.kind


def same(line: bytes) -> dict:
    decoded = decode(line)
    assert decoded == twin.decode(line)
    return decoded


@pytest.mark.parametrize(("line", "meaning"), GOLDEN)
def test_the_lines_of_the_handout_mean_what_they_say(line, meaning):
    assert same(line) == meaning


@pytest.mark.parametrize(("line", "meaning"), GOLDEN)
def test_blanks_between_tokens_change_nothing(line, meaning):
    assert same(json.dumps(json.loads(line)).encode()) == meaning
    assert same(json.dumps(json.loads(line), indent="\t ", separators=(" \r,", " \r: ")).encode()) == meaning


@pytest.mark.parametrize(("line", "meaning"), GOLDEN)
def test_every_strict_prefix_is_a_fault(line, meaning):
    for length in range(len(line)):
        assert fault_of(line[:length]) == "not_json"


@pytest.mark.parametrize(("line", "meaning"), GOLDEN)
def test_trailing_bytes_are_a_fault_unless_blank(line, meaning):
    for tail in (b"}", b"]", b"0", b",", b"\x00", line):
        assert fault_of(line + tail) == "not_json"
    assert same(line + b" \t\r\n") == meaning


@pytest.mark.parametrize("symbol", ["BOND", "VALBZ", "VALE", "GS", "MS", "WFC", "XLF"])
@pytest.mark.parametrize("blank", [b"", b" "])
def test_every_symbol_is_known_on_both_paths(symbol, blank):
    line = b'{"type":' + blank + b'"trade","symbol":"' + symbol.encode() + b'","price":1,"size":2}'
    assert same(line)["symbol"] == symbol


@pytest.mark.parametrize(
    "symbol",
    [
        "",
        "B",
        "BON",
        "BONDS",
        "bond",
        "VAL",
        "VALB",
        "VALBZX",
        "GSS",
        "G",
        "XLE",
        "USD",
        "SPY",
        'GS\\",\\"',
        "GS ",
    ],
)
@pytest.mark.parametrize("blank", [b"", b" "])
def test_any_other_symbol_is_unknown_on_both_paths(symbol, blank):
    line = b'{"type":' + blank + b'"trade","symbol":"' + symbol.encode() + b'","price":1,"size":2}'
    assert fault_of(line) == "unknown_symbol"


@pytest.mark.parametrize(
    ("spelled", "value"),
    [
        (b"1", 1),
        (b"999999", 999_999),
        (b"4285.0", 4285),
        (b"1e3", 1000),
        (b"1E+3", 1000),
        (b"12.5e1", 125),
        (b"1000e-3", 1),
        (b"0.001e3", 1),
        (b"100000000000000000000e-20", 1),
        (b"1" + b"0" * 5000 + b"e-5000", 1),
        (b"0." + b"0" * 5000 + b"7e5001", 7),
    ],
)
def test_a_number_counts_by_its_exact_value(spelled, value):
    assert same(b'{"type":"trade","symbol":"GS","price":' + spelled + b',"size":1}')["price"] == value


@pytest.mark.parametrize(
    "spelled",
    [
        b"0",
        b"-0",
        b"0.0",
        b"-1",
        b"1000000",
        b"1.5",
        b"1e6",
        b"1e-1",
        b"999999.5",
        b"18446744073709551617",
        b"999999.00000000000000000000000000000001",
        b"1e99999999999999999999999",
        b"0e99999999999999999999",
        b"1e-99999999999999999999999",
        b"4294967297",
        b"-4294967295",
        b"1" * 6000,
    ],
)
def test_a_number_out_of_range_or_not_whole_is_out_of_range(spelled):
    assert fault_of(b'{"type":"trade","symbol":"GS","price":' + spelled + b',"size":1}') == "out_of_range"
    assert fault_of(b'{"type":"trade","symbol":"GS","price":1,"size":' + spelled + b"}") == "out_of_range"


@pytest.mark.parametrize(
    "spelled",
    [
        b"01",
        b"00",
        b"-",
        b"+1",
        b".5",
        b"1.",
        b"1e",
        b"1e+",
        b"0x1",
        b"1_0",
        b"NaN",
        b"Infinity",
        b"-Infinity",
        b"1 2",
    ],
)
def test_what_is_no_json_number_is_not_json(spelled):
    assert fault_of(b'{"type":"trade","symbol":"GS","price":' + spelled + b',"size":1}') == "not_json"


@pytest.mark.parametrize("value", [b"null", b"true", b"false", b'"1"', b"[1]", b'{"a":1}', b"[]", b"{}"])
@pytest.mark.parametrize("field", ["price", "size", "order_id"])
def test_only_a_number_is_a_number(value, field):
    fields = {"order_id": b"1", "price": b"2", "size": b"3"} | {field: value}
    line = b'{"type":"fill","order_id":%b,"symbol":"GS","dir":"BUY","price":%b,"size":%b}' % tuple(
        fields[name] for name in ("order_id", "price", "size")
    )
    assert fault_of(line) == "wrong_type"


@pytest.mark.parametrize(
    ("spelled", "value"), [(b"0", 0), (b"-0", 0), (b"4294967295", 2**32 - 1), (b"4294967295.0", 2**32 - 1)]
)
def test_order_ids_reach_from_zero_to_the_end_of_32_bits(spelled, value):
    assert same(b'{"type":"ack","order_id":' + spelled + b"}")["order_id"] == value


@pytest.mark.parametrize(
    "spelled", [b"-1", b"4294967296", b"9999999999", b"10000000000", b"0.5", b"18446744073709551616"]
)
def test_order_ids_end_there(spelled):
    assert fault_of(b'{"type":"ack","order_id":' + spelled + b"}") == "out_of_range"


@pytest.mark.parametrize("line", [line for line, _ in GOLDEN])
def test_each_field_must_be_there(line):
    fields = twin._parse(line)
    named = [name for name in fields if name != "type" and (fields["type"], name) != ("close", "symbols")]
    for missing in named:
        kept = line.replace(b'"%b":' % missing.encode(), b'"other":')
        assert fault_of(kept) == "missing_field", missing


@pytest.mark.parametrize(
    ("direction", "fault"),
    [
        (b'"buy"', "bad_direction"),
        (b'""', "bad_direction"),
        (b'"BUYS"', "bad_direction"),
        (b"1", "wrong_type"),
    ],
)
def test_a_direction_is_buy_or_sell(direction, fault):
    line = b'{"type":"fill","order_id":3,"symbol":"BOND","dir":%b,"price":999,"size":10}'
    assert fault_of(line % direction) == fault


# --- books


def book(buy: str, sell: str = "[]", blank: str = "") -> bytes:
    return f'{{"type":{blank}"book","symbol":"GS","buy":{buy},"sell":{sell}}}'.encode()


def ladder(count: int, step: int) -> str:
    return "[" + ",".join(f"[{500 + step * i},{i + 1}]" for i in range(count)) + "]"


@pytest.mark.parametrize("blank", ["", " "])
@pytest.mark.parametrize("count", [15, 16, 17, 200])
def test_of_a_deeper_book_the_best_fifteen_levels_a_side_are_taken(blank, count):
    deep = {"deep": True} if count > 15 else {}
    base = {"type": "book", "symbol": "GS"}
    bids, asks = json.loads(ladder(count, -1)), json.loads(ladder(count, 1))
    found = same(book(ladder(count, -1), ladder(15, 1), blank))
    assert found == {**base, "buy": bids[:15], "sell": asks[:15], **deep}
    found = same(book("[]", ladder(count, 1), blank))
    assert found == {**base, "buy": [], "sell": asks[:15], **deep}


@pytest.mark.parametrize("blank", ["", " "])
def test_levels_that_are_left_out_must_be_legal_too(blank):
    worse = ladder(15, 1)[:-1]
    assert fault_of(book("[]", worse + ",[500,1]]", blank)) == "bad_book"
    assert fault_of(book("[]", worse + ",[700,0]]", blank)) == "out_of_range"
    assert fault_of(book("[]", worse + ",[700]]", blank)) == "wrong_type"


def test_close_without_symbols_closes_all():
    everything = ["BOND", "VALBZ", "VALE", "GS", "MS", "WFC", "XLF"]
    for line in (b'{"type":"close"}', b'{ "type" : "close" }'):
        assert same(line) == {"type": "close", "symbols": everything}
    assert same(b'{"type":"close","symbols":[]}') == {"type": "close", "symbols": []}
    assert fault_of(b'{"type":"close","symbols":null}') == "wrong_type"
    assert fault_of(b'{"type":"open"}') == "missing_field"


@pytest.mark.parametrize("blank", ["", " "])
def test_a_book_of_fifteen_levels_a_side_is_whole(blank):
    full = same(book(ladder(15, -1), ladder(15, 1), blank))
    assert full["buy"][14] == [486, 15]
    assert full["sell"][14] == [514, 15]
    assert "deep" not in full


@pytest.mark.parametrize("blank", ["", " "])
def test_a_book_is_best_first_and_equal_prices_are_allowed(blank):
    same(book("[[5,1],[5,2],[4,1]]", "[[6,1],[6,2],[7,1]]", blank))
    assert fault_of(book("[[4,1],[5,1]]", "[]", blank)) == "bad_book"
    assert fault_of(book("[]", "[[7,1],[6,1]]", blank)) == "bad_book"


def test_a_crossed_book_is_not_for_the_decoder_to_judge():
    assert same(book("[[9,1]]", "[[3,1]]"))["buy"] == [[9, 1]]


@pytest.mark.parametrize(
    ("side", "fault"),
    [
        ("null", "wrong_type"),
        ("{}", "wrong_type"),
        ("5", "wrong_type"),
        ("[5]", "wrong_type"),
        ("[[]]", "wrong_type"),
        ("[[5]]", "wrong_type"),
        ("[[5,1,1]]", "wrong_type"),
        ('[["5",1]]', "wrong_type"),
        ("[[5,null]]", "wrong_type"),
        ("[[0,1]]", "out_of_range"),
        ("[[5,0]]", "out_of_range"),
        ("[[1000000,1]]", "out_of_range"),
        ("[[5,1],[1.5,1]]", "out_of_range"),
        ("[[0,1,2]]", "wrong_type"),
        ("[[5,1],[6,0]]", "out_of_range"),
        ("[[5,1],[6,1],[0]]", "bad_book"),
        ("[[5,1],]", "not_json"),
        ("[[05,1]]", "not_json"),
    ],
)
def test_every_level_is_a_pair_of_numbers_in_range(side, fault):
    assert fault_of(book(side)) == fault
    assert fault_of(book(side, blank=" ")) == fault


# --- hello, open, close


def test_a_hello_takes_any_order_skips_unknown_symbols_and_the_last_entry_counts():
    line = (
        b'{"type":"hello","symbols":[{"position":9,"symbol":"SPY"},{"symbol":"GS","position":1},'
        b'{"position":1.5,"symbol":"EUR"},{"symbol":"GS","position":2,"note":[]},{"symbol":"BOND","position":3}]}'
    )
    assert same(line) == {"type": "hello", "positions": {"BOND": 3, "GS": 2}, "cash": 0}


@pytest.mark.parametrize(
    ("entry", "fault"),
    [
        ('{"symbol":"GS"}', "missing_field"),
        ('{"position":1}', "missing_field"),
        ('{"symbol":"SPY"}', "missing_field"),
        ('{"symbol":"SPY","position":"1"}', "wrong_type"),
        ('{"symbol":1,"position":1}', "wrong_type"),
        ('{"symbol":"GS","position":null}', "wrong_type"),
        ('["GS",1]', "wrong_type"),
        ('"GS"', "wrong_type"),
        ('{"symbol":"GS","position":4294967296}', "out_of_range"),
        ('{"symbol":"GS","position":0.5}', "out_of_range"),
        ('{"symbol":"GS","position":-4294967296}', "out_of_range"),
        ('{"symbol":"USD","position":9223372036854775808}', "out_of_range"),
        ('{"symbol":"USD","position":-9223372036854775809}', "out_of_range"),
    ],
)
def test_every_entry_of_a_hello_has_a_symbol_and_a_position(entry, fault):
    assert fault_of(f'{{"type":"hello","symbols":[{entry}]}}'.encode()) == fault


def test_positions_and_cash_reach_their_ends():
    line = (
        b'{"type":"hello","symbols":[{"symbol":"GS","position":-4294967295},{"symbol":"MS","position":4294967295},'
        b'{"symbol":"USD","position":-9223372036854775808}]}'
    )
    assert same(line) == {
        "type": "hello",
        "positions": {"GS": -(2**32) + 1, "MS": 2**32 - 1},
        "cash": -(2**63),
    }
    assert (
        same(b'{"type":"hello","symbols":[{"symbol":"USD","position":9223372036854775807}]}')["cash"]
        == 2**63 - 1
    )


def test_open_and_close_skip_unknown_symbols_but_not_other_types():
    assert same(b'{"type":"open","symbols":["SPY","XLF","USD","BOND","XLF"]}')["symbols"] == ["BOND", "XLF"]
    assert same(b'{"type":"close","symbols":[ ]}')["symbols"] == []
    assert fault_of(b'{"type":"open","symbols":["XLF",1]}') == "wrong_type"
    assert fault_of(b'{"type":"open","symbols":"XLF"}') == "wrong_type"


# --- JSON itself


def test_keys_come_in_any_order_with_others_among_them():
    line = b'{"x":{"price":1},"size":2,"y":[{"type":"ack"}],"price":5,"symbol":"GS","type":"trade","z":null}'
    assert same(line) == {"type": "trade", "symbol": "GS", "price": 5, "size": 2}


def test_of_equal_keys_the_last_counts_and_the_others_need_only_be_json():
    line = b'{"type":"ack","type":"trade","symbol":7,"symbol":"GS","price":5,"price":6,"size":1e9,"size":2}'
    assert same(line) == {"type": "trade", "symbol": "GS", "price": 6, "size": 2}
    assert fault_of(b'{"type":"ack","order_id":1,"order_id":null}') == "wrong_type"


def test_escapes_count_for_what_they_stand_for_in_keys_and_values():
    line = b'{"\\u0074ype":"tr\\u0061de","s\\u0079mbol":"\\u0047\\u0053","pric\\u0065":5,"size":2}'
    assert same(line) == {"type": "trade", "symbol": "GS", "price": 5, "size": 2}
    assert fault_of(b'{"type":"trade","\\u0073ize":0,"symbol":"G\\u0000S","price":1}') == "unknown_symbol"


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b"plain", "plain"),
        (b"", ""),
        (b'\\"\\\\\\/\\b\\f\\n\\r\\t', '"\\/\b\f\n\r\t'),
        (b"\\u00e9\\u20AC", "é€"),
        (b"\\ud83d\\ude00", "😀"),
        (b"\\ud83d", "\ud83d"),
        (b"\\ude00\\ud83d", "\ude00\ud83d"),
        (b"\\ud83d\\ud83d\\ude00", "\ud83d😀"),
        (b"\\ud83dx\\ude00", "\ud83dx\ude00"),
        ("é😀".encode(), "é😀"),
        (b"\x7f", "\x7f"),
        (b"\\u0000", "\x00"),
    ],
)
def test_texts_are_carried_whole(body, text):
    assert same(b'{"type":"error","error":"' + body + b'"}')["error"] == text
    assert same(b'{"type":"reject","order_id":1,"error":"' + body + b'"}')["error"] == text
    assert same(b'{"type":"reject","order_id":1, "error":"' + body + b'"}')["error"] == text


@pytest.mark.parametrize(
    "body",
    [
        b"\x00",
        b"\x1f",
        b"\n",
        b"\\x",
        b"\\u12",
        b"\\u12g4",
        b"\\",
        b"\\U0041",
        b"\x80",
        b"\xc3",
        b"\xc0\x80",
        b"\xe0\x80\x80",
        b"\xed\xa0\x80",
        b"\xf0\x80\x80\x80",
        b"\xf4\x90\x80\x80",
        b"\xf8\x88\x80\x80\x80",
        b"\xff",
        b"\xe2\x82",
        b"\xf0\x9f\x98",
    ],
)
def test_what_is_no_json_string_is_not_json(body):
    assert fault_of(b'{"type":"error","error":"' + body + b'"}') == "not_json"
    assert fault_of(b'{"type":"error","error":"ok","' + body + b'":1}') == "not_json"


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b" ",
        b"\xef\xbb\xbf{}",
        b"{",
        b"}",
        b"{,}",
        b'{"a"}',
        b'{"a":}',
        b'{"a":1,}',
        b"{1:2}",
        b"{'a':1}",
        b"nul",
        b"truee",
        b"//",
        b"[1,]",
        b"[1 2]",
        b'{"a":1 "b":2}',
        b"\xff",
        b'"\xc3"',
    ],
)
def test_what_is_no_json_is_not_json(line):
    assert fault_of(line) == "not_json"


@pytest.mark.parametrize("line", [b"[]", b"1", b'"x"', b"null", b" true ", b"-0.5e-3", b'[{"type":"ack"}]'])
def test_json_that_is_no_object_says_so(line):
    assert fault_of(line) == "not_object"


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        (b"{}", "no_type"),
        (b'{"type":null}', "no_type"),
        (b'{"type":1}', "no_type"),
        (b'{"Type":"ack"}', "no_type"),
        (b'{"type":""}', "unknown_type"),
        (b'{"type":"ACK"}', "unknown_type"),
        (b'{"type":"acks"}', "unknown_type"),
        (b'{"type":"hello "}', "unknown_type"),
        (b'{"type":"add","order_id":1}', "unknown_type"),
    ],
)
def test_the_type_decides_first(line, fault):
    assert fault_of(line) == fault


def nested(depth: int, tail: bytes = b"") -> bytes:
    return b'{"type":"ack","order_id":1,"x":' + b"[" * (depth - 1) + tail + b"]" * (depth - 1) + b"}"


def test_nesting_is_bounded_at_32_brackets_of_either_shape():
    assert same(nested(32)) == {"type": "ack", "order_id": 1}
    assert fault_of(nested(33)) == "too_deep"
    assert fault_of(b'{"a":' * 33 + b"1" + b"}" * 33) == "too_deep"
    assert fault_of(b"[" * 100_000) == "too_deep"
    assert same(nested(31, b"[],[],{}")) == {"type": "ack", "order_id": 1}


def test_too_deep_is_said_only_of_what_was_json_so_far():
    assert fault_of(b"[1" + b"[" * 40) == "not_json"
    assert fault_of(b"[" * 31 + b"{} [[[") == "not_json"
    assert fault_of(b"[" * 32 + b"1," + b"[") == "too_deep"
    assert fault_of(b"[" * 40 + b"\xff") == "not_json"
    assert fault_of(b'{"' + b"[" * 40) == "not_json"
    assert fault_of(b"[" * 33 + b'"\\') == "too_deep"


# --- the face


def test_a_fault_tells_what_and_shows_the_beginning_of_the_line():
    with pytest.raises(WireError, match="is not one JSON value") as caught:
        decode(b"\xffabc" + b"x" * 500)
    sentence = str(caught.value)
    assert "\\xffabc" in sentence
    assert len(sentence) < 250
    assert caught.value.exit_code == 1


def test_every_fault_has_a_name_and_a_sentence():
    assert len(FAULT_NAMES) == 13
    for name in FAULT_NAMES[1:]:
        assert str(_decode.fault_error(name, b"{}")).startswith("A line from the other side ")


def test_a_buffer_is_counted_by_type_and_fault_without_an_object_a_line():
    data = (
        b"\n".join(line for line, _ in GOLDEN)
        + b'\n\n\r\nnonsense\n{"type":"ack"}\n'
        + b"x" * 70_000
        + b"\n{"
    )
    assert count_messages(data) == {
        "hello": 1,
        "open": 1,
        "close": 1,
        "error": 1,
        "book": 1,
        "trade": 1,
        "ack": 1,
        "reject": 1,
        "fill": 1,
        "out": 1,
        "not_json": 1,
        "missing_field": 1,
        "oversized": 1,
    }


def test_counting_may_span_calls():
    splitter = LineSplitter()
    assert count_messages(b'{"type":"ack","or', splitter=splitter) == {}
    assert count_messages(b'der_id":1}\n', splitter=splitter) == {"ack": 1}


def counted_line_by_line(stream: bytes, max_bytes: int) -> Counter[str]:
    """What ``count_messages`` should say: the stream split first, each line decoded by itself."""
    splitter = LineSplitter(max_bytes)
    found = Counter(type_or_fault(line) for line in splitter.split(stream) if line)
    return found + Counter(oversized=splitter.oversized)


def type_or_fault(line: bytes) -> str:
    try:
        return str(decode(line)["type"])
    except WireError as error:
        return error.kind


@pytest.mark.parametrize("seed", range(30))
def test_counting_agrees_with_lines_decoded_one_by_one_however_they_are_cut(seed):
    rng = random.Random(seed)
    compact = [line for line, _ in GOLDEN]
    other = [json.dumps(json.loads(line)).encode() for line in compact] + [b"", b"junk", b"\r", b"}", b"12"]
    lines = [rng.choice(compact if rng.random() < 0.7 else other) for _ in range(60)]
    lines = [line if rng.random() < 0.8 else line[: rng.randrange(len(line) + 1)] for line in lines]
    stream = b"".join(line + rng.choice((b"\n", b"\n", b"\n", b"\r\n", b"7\n", b" \n")) for line in lines)
    max_bytes = rng.choice((30, 60, 65536))
    expected = counted_line_by_line(stream, max_bytes)
    for longest in (1, 40, len(stream)):
        splitter, found, rest = LineSplitter(max_bytes), Counter(), stream
        while rest:
            size = rng.randint(1, longest)
            found.update(count_messages(rest[:size], splitter=splitter))
            rest = rest[size:]
        assert found == expected, f"seed {seed}, slices of up to {longest} bytes"
