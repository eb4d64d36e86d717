"""What is written comes back, any legal spelling means the same, and no cut makes a difference."""

import json
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reference import wire as twin

from arbcore.errors import WireError
from arbcore.wire import _decode, _encode, _request
from arbcore.wire._lines import LineSplitter
from arbcore.wire.instruments import SYMBOLS
from tools import fuzz_wire

symbols = st.sampled_from(SYMBOLS)
sides = st.sampled_from(["BUY", "SELL"])
amounts = st.integers(1, 999_999)
ids = st.integers(0, 2**32 - 1)
texts = st.text(max_size=40)
levels = st.lists(st.lists(amounts, min_size=2, max_size=2), max_size=15)
bids = levels.map(lambda pairs: sorted(pairs, key=lambda pair: -pair[0]))
asks = levels.map(lambda pairs: sorted(pairs, key=lambda pair: pair[0]))
symbol_lists = st.lists(symbols, unique=True).map(lambda names: sorted(names, key=SYMBOLS.index))


def record(**fields):
    return st.fixed_dictionaries({name: f if hasattr(f, "map") else st.just(f) for name, f in fields.items()})


order = {"order_id": ids, "symbol": symbols, "dir": sides, "price": amounts, "size": amounts}
messages = st.one_of(
    record(type="open", symbols=symbol_lists),
    record(type="close", symbols=symbol_lists),
    record(type="error", error=texts),
    record(type="book", symbol=symbols, buy=bids, sell=asks),
    record(type="trade", symbol=symbols, price=amounts, size=amounts),
    record(type="ack", order_id=ids),
    record(type="reject", order_id=ids, error=texts),
    record(type="fill", **order),
    record(type="out", order_id=ids),
)
requests = st.one_of(
    record(
        type="hello",
        team=st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=32),
    ),
    record(type="add", **order),
    record(type="convert", order_id=ids, symbol=symbols, dir=sides, size=amounts),
    record(type="cancel", order_id=ids),
)
hellos = st.tuples(
    st.dictionaries(symbols, st.integers(-(2**32) + 1, 2**32 - 1)), st.integers(-(2**63), 2**63 - 1)
)

WRITERS = {
    "open": lambda m: _encode.opened(m["symbols"]),
    "close": lambda m: _encode.closed(m["symbols"]),
    "error": lambda m: _encode.error(m["error"]),
    "book": lambda m: _encode.book(m["symbol"], m["buy"], m["sell"]),
    "trade": lambda m: _encode.trade(m["symbol"], m["price"], m["size"]),
    "ack": lambda m: _encode.ack(m["order_id"]),
    "reject": lambda m: _encode.reject(m["order_id"], m["error"]),
    "fill": lambda m: _encode.fill(m["order_id"], m["symbol"], m["dir"], price=m["price"], size=m["size"]),
    "out": lambda m: _encode.out(m["order_id"]),
    "hello": lambda m: _encode.hello(m["team"]),
    "add": lambda m: _encode.add(m["order_id"], m["symbol"], m["dir"], price=m["price"], size=m["size"]),
    "convert": lambda m: _encode.convert(m["order_id"], m["symbol"], m["dir"], size=m["size"]),
    "cancel": lambda m: _encode.cancel(m["order_id"]),
}


@settings(max_examples=300, deadline=None)
@given(messages)
def test_what_the_exchange_writes_comes_back(message):
    line = WRITERS[message["type"]](message)
    assert line.endswith(b"\n")
    assert _decode.decode(line[:-1]) == twin.decode(line[:-1]) == message


@settings(max_examples=200, deadline=None)
@given(requests)
def test_what_a_client_writes_comes_back(request):
    line = WRITERS[request["type"]](request)
    assert _request.decode(line[:-1]) == twin.decode_request(line[:-1]) == request


@settings(max_examples=100, deadline=None)
@given(hellos)
def test_a_hello_brings_every_position(hello):
    positions, cash = hello
    decoded = _decode.decode(_encode.hello_positions(positions, cash))
    assert decoded == {"type": "hello", "positions": {s: positions.get(s, 0) for s in SYMBOLS}, "cash": cash}


@settings(max_examples=500, deadline=None)
@given(messages, st.integers(0, 2**32), st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=2))
def test_any_legal_spelling_means_the_same(message, seed, extra):
    rng = random.Random(seed)
    spelled = fuzz_wire.spell({k: v for k, v in extra.items() if k not in message} | message, rng)
    line = spelled.encode("utf-8")
    assert json.loads(spelled) is not None
    assert _decode.decode(line) == twin.decode(line) == message, f"seed {seed}: {line!r}"


@settings(max_examples=200, deadline=None)
@given(requests, st.integers(0, 2**32))
def test_any_legal_spelling_of_a_request_means_the_same(request, seed):
    line = fuzz_wire.spell(request, random.Random(seed)).encode("utf-8")
    assert _request.decode(line) == twin.decode_request(line) == request, f"seed {seed}: {line!r}"


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=60))
def test_any_bytes_give_a_message_or_a_typed_fault(line):
    assert fuzz_wire.difference(line) is None


@pytest.mark.parametrize("price", [1, 98, 999, 1000, 4106, 9999, 10_000, 123_456, 999_999])
@pytest.mark.parametrize("size", [1, 9, 10, 99, 100, 1000, 54_321, 999_999])
def test_numbers_of_any_length_come_back(price, size):
    message = {"type": "book", "symbol": "GS", "buy": [[price, size]] * 2, "sell": [[price, size]] * 15}
    assert _decode.decode(WRITERS["book"](message)[:-1]) == message
    message = {"type": "trade", "symbol": "GS", "price": price, "size": size}
    assert _decode.decode(WRITERS["trade"](message)[:-1]) == message


@pytest.mark.parametrize(
    "line",
    [
        b'{"type":"book","symbol":"MS","buy":[[4105,5],[4100,12]],"sell":[[4107,31]]}',
        b'{"type":"trade","symbol":"MS","price":4106,"size":10}',
    ],
)
def test_any_byte_in_any_place_of_a_compact_line_means_what_the_twin_says(line):
    for place in range(len(line)):
        for byte in range(256):
            changed = line[:place] + bytes((byte,)) + line[place + 1 :]
            assert fuzz_wire.difference(changed) is None
        assert fuzz_wire.difference(line[:place]) is None
        assert fuzz_wire.difference(line[:place] + b"}") is None
        assert fuzz_wire.difference(line[:place] + line[place + 1 :]) is None


@settings(max_examples=100, deadline=None)
@given(st.lists(messages, max_size=6), st.binary(max_size=30), st.integers(0, 2**32))
def test_the_messages_do_not_depend_on_how_the_bytes_were_cut(sent, tail, seed):
    stream = b"".join(WRITERS[message["type"]](message) for message in sent) + tail.replace(b"\n", b"")
    rng = random.Random(seed)
    splitter = LineSplitter()
    lines = []
    while stream:
        cut = rng.choice((1, 2, 7, 64, len(stream)))
        lines += splitter.split(stream[:cut])
        stream = stream[cut:]
    assert [_decode.decode(line) for line in lines] == sent, f"seed {seed}"


numbers = st.from_regex(r"\A-?(0|[1-9][0-9]{0,25})(\.[0-9]{1,25})?([eE][-+]?[0-9]{1,3})?\Z")


@settings(max_examples=500, deadline=None)
@given(numbers)
def test_a_number_is_taken_by_its_exact_value(spelled):
    line = f'{{"type":"hello","symbols":[{{"symbol":"USD","position":{spelled}}}]}}'.encode()
    exact = twin.exact_integer(spelled)
    if exact is not None and -(2**63) <= exact < 2**63:
        assert _decode.decode(line)["cash"] == exact
    else:
        with pytest.raises(WireError) as caught:
            _decode.decode(line)
        assert caught.value.kind == "out_of_range"


@pytest.mark.parametrize("seed", [11, 12, 13])
def test_mutated_lines_agree_with_the_twin(seed):
    done, outcomes, report = fuzz_wire.FUZZER.run(seed, 3000)
    assert report is None, report
    assert done == 3000
    assert len(outcomes) >= 15, f"seed {seed} reaches too little: {outcomes}"


def test_the_fuzzer_finds_a_planted_difference(monkeypatch):
    honest = twin.decode

    def wrong(line):
        found = honest(line)
        if found.get("size") == 1:
            found["size"] = 2
        return found

    monkeypatch.setattr(twin, "decode", wrong)
    done, _, report = fuzz_wire.FUZZER.run(1, 20_000)
    assert report is not None
    assert f"--first {done - 1} --cases 1" in report


def test_the_exact_value_of_the_twin_is_that_of_fractions():
    from fractions import Fraction

    rng = random.Random(5)
    for _ in range(2000):
        spelled = f"{rng.choice(['', '-'])}{rng.randrange(10 ** rng.randrange(1, 12))}"
        if rng.random() < 0.5:
            spelled += f".{rng.randrange(10 ** rng.randrange(1, 6))}"
        if rng.random() < 0.5:
            spelled += f"e{rng.randrange(-8, 8)}"
        value = Fraction(spelled)
        expected = int(value) if value.denominator == 1 and abs(value) < 10**19 else None
        assert twin.exact_integer(spelled) == expected, spelled
