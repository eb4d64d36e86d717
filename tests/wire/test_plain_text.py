"""The plain-text form against the JSON codec: every message there and back, every bad line with its fault."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as some

from arbcore.errors import WireError
from arbcore.wire import _encode, _request
from arbcore.wire.instruments import ORDER_ID_MAX, PRICE_MAX, SYMBOLS
from arbcore.wire.plain_text import error_text, messages_text, request_json

ids = some.integers(0, ORDER_ID_MAX)
amounts = some.integers(1, PRICE_MAX)
symbols = some.sampled_from(SYMBOLS)
sides = some.sampled_from(("BUY", "SELL"))
texts = some.text(some.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=32)
gaps = some.sampled_from((" ", "  ", "\t"))


def levels(best):
    prices = some.lists(amounts, unique=True, max_size=15).map(lambda found: sorted(found, reverse=best > 0))
    return prices.flatmap(
        lambda found: some.lists(amounts, min_size=len(found), max_size=len(found)).map(
            lambda sizes: [list(pair) for pair in zip(found, sizes, strict=True)]
        )
    )


@given(ids, symbols, sides, amounts, amounts, gaps)
def test_an_add_and_a_convert_in_words_are_those_of_the_json_form(order_id, symbol, side, price, size, gap):
    line = gap.join(["ADD", str(order_id), symbol, side, str(price), str(size)]).encode()
    asked = {"type": "add", "order_id": order_id, "symbol": symbol, "dir": side, "price": price, "size": size}
    assert _request.decode(request_json(line)) == asked
    del asked["price"]
    line = gap.join(["CONVERT", str(order_id), symbol, side, str(size)]).encode()
    assert _request.decode(request_json(line)) == asked | {"type": "convert"}


@given(ids, texts)
def test_a_cancel_and_a_hello_in_words_are_those_of_the_json_form(order_id, team):
    assert _request.decode(request_json(b"CANCEL %d" % order_id)) == {"type": "cancel", "order_id": order_id}
    assert _request.decode(request_json(f"HELLO {team}".encode())) == {"type": "hello", "team": team}


@given(symbols, levels(1), levels(-1))
def test_a_book_in_words_has_all_levels_of_the_json_form(symbol, buy, sell):
    words = messages_text(_encode.book(symbol, buy, sell)).decode().split()
    assert words[:3] == ["BOOK", symbol, "BUY"]
    at = words.index("SELL")
    sides = (words[3:at], words[at + 1 :])
    read = [[[int(part) for part in word.split(":")] for word in side] for side in sides]
    assert read == [buy, sell]


@given(ids, symbols, sides, amounts, amounts)
def test_what_happens_to_orders_is_said_in_the_order_of_the_protocol(order_id, symbol, side, price, size):
    lines = [
        _encode.ack(order_id), _encode.fill(order_id, symbol, side, price=price, size=size),
        _encode.out(order_id), _encode.trade(symbol, price, size), _encode.reject(order_id, "BAD_SIZE x"),
    ]  # fmt: skip
    assert messages_text(b"".join(lines)).decode().splitlines() == [
        f"ACK {order_id}", f"FILL {order_id} {symbol} {side} {price} {size}", f"OUT {order_id}",
        f"TRADE {symbol} {price} {size}", f"REJECT {order_id} BAD_SIZE x",
    ]  # fmt: skip


@given(some.dictionaries(symbols, some.integers(-(10**6), 10**6)), some.integers(-(10**12), 10**12))
def test_a_hello_in_words_has_every_position_and_the_cash(positions, cash):
    words = messages_text(_encode.hello_positions(positions, cash)).decode().split()
    told = {name: int(number) for name, _, number in (word.partition(":") for word in words[1:])}
    assert words[0] == "HELLO"
    assert list(told) == sorted([*SYMBOLS, "USD"])
    assert told == dict.fromkeys(SYMBOLS, 0) | positions | {"USD": cash}


def test_open_close_and_error():
    assert messages_text(_encode.opened(["XLF", "BOND"])) == b"OPEN BOND XLF\n"
    assert messages_text(_encode.closed(SYMBOLS)) == b"CLOSE BOND GS MS VALBZ VALE WFC XLF\n"
    assert messages_text(_encode.error("no such thing")) == b"ERROR no such thing\n"
    assert error_text("no such thing") == b"ERROR no such thing\n"


def test_an_empty_side_of_a_book_is_its_word_alone():
    assert messages_text(_encode.book("GS", [], [[8000, 2]])) == b"BOOK GS BUY SELL 8000:2\n"
    assert messages_text(_encode.book("GS", [[8000, 2]], [])) == b"BOOK GS BUY 8000:2 SELL\n"
    assert messages_text(_encode.book("GS", [], [])) == b"BOOK GS BUY SELL\n"


@given(some.text())
def test_a_text_from_outside_is_one_line(text):
    said = messages_text(_encode.reject(1, text))
    assert said.count(b"\n") == 1
    assert said.startswith(b"REJECT 1 ")


@pytest.mark.parametrize(
    ("line", "fault", "kind", "order_id"),
    [
        (b"DANCE", "unknown_type", "", -1),
        (b"add 5 BOND BUY 999 10", "unknown_type", "", -1),
        (b"ADD", "missing_field", "add", -1),
        (b"ADD 5", "missing_field", "add", 5),
        (b"ADD 5 BOND BUY 999", "missing_field", "add", 5),
        (b"ADD 5 SPY BUY 999 10", "unknown_symbol", "add", 5),
        (b"ADD 5 BOND HOLD 999 10", "bad_direction", "add", 5),
        (b"ADD 5 BOND BUY 0 10", "out_of_range", "add", 5),
        (b"ADD 5 BOND BUY 1000000 10", "out_of_range", "add", 5),
        (b"ADD 5 BOND BUY 999.5 10", "out_of_range", "add", 5),
        (b"ADD 5 BOND BUY many 10", "wrong_type", "add", 5),
        (b"ADD 5 BOND BUY 999 -3", "out_of_range", "add", 5),
        (b"ADD 4294967296 BOND BUY 999 1", "out_of_range", "add", -1),
        (b"ADD " + b"9" * 5000 + b" BOND BUY 999 1", "wrong_type", "add", -1),
        (b"CONVERT 5 XLF BUY", "missing_field", "convert", 5),
        (b"CANCEL", "missing_field", "cancel", -1),
        (b"CANCEL x", "wrong_type", "cancel", -1),
        (b"HELLO", "missing_field", "hello", -1),
        (b"HELLO " + b"A" * 33, "out_of_range", "hello", -1),
    ],
)
def test_a_bad_line_has_the_fault_of_its_json_form(line, fault, kind, order_id):
    found = _request.outcome(request_json(line))
    assert found[0] == fault
    assert found[2] == order_id


@pytest.mark.parametrize("number", [b"007", b"7", b"00000000000000000000000000000007"])
def test_leading_zeros_are_no_fault(number):
    assert _request.decode(request_json(b"CANCEL " + number))["order_id"] == 7


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        (b"", "no_type"),
        (b" \t ", "no_type"),
        (b"\xff\xfe", "not_text"),
        (b"ADD 5 BOND\x00 BUY 1 1", "not_text"),
        ("HELLO ÄÖ".encode(), "not_text"),
        (b"ADD 5 BOND BUY 999 10 7", "too_many_words"),
        (b"CANCEL 5 6", "too_many_words"),
        (b"HELLO A B C", "too_many_words"),
    ],
)
def test_what_is_no_line_of_words_is_said(line, kind):
    with pytest.raises(WireError) as caught:
        request_json(line)
    assert caught.value.kind == kind


@given(some.binary(max_size=80))
def test_any_bytes_are_a_request_or_a_fault(line):
    try:
        made = request_json(line)
    except WireError:
        return
    json.loads(made)
    assert _request.outcome(made)[0] not in ("not_json", "not_object", "no_type")
