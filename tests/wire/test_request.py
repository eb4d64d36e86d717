"""The exchange's decoder: what clients send, and what is still known of a request that is faulty."""

import json

import pytest
from reference import wire as twin

from arbcore.errors import WireError
from arbcore.wire._request import decode, outcome

GOLDEN = [
    (b'{"type":"hello","team":"TEAMNAME"}', {"type": "hello", "team": "TEAMNAME"}),
    (
        b'{"type":"add","order_id":5,"symbol":"BOND","dir":"BUY","price":1002,"size":50}',
        {"type": "add", "order_id": 5, "symbol": "BOND", "dir": "BUY", "price": 1002, "size": 50},
    ),
    (
        b'{"type":"convert","order_id":4,"symbol":"VALE","dir":"BUY","size":10}',
        {"type": "convert", "order_id": 4, "symbol": "VALE", "dir": "BUY", "size": 10},
    ),
    (b'{"type":"cancel","order_id":5}', {"type": "cancel", "order_id": 5}),
]


def fault_of(line: bytes) -> str:
    with pytest.raises(WireError) as caught:
        decode(line)
    with pytest.raises(WireError) as expected:
        twin.decode_request(line)
    assert caught.value.kind == expected.value.kind
    return caught.value.kind


def known(line: bytes) -> tuple[str, str, int]:
    assert outcome(line) == twin.request_outcome(line)
    return outcome(line)


@pytest.mark.parametrize(("line", "meaning"), GOLDEN)
def test_the_lines_of_the_handout_mean_what_they_say_in_any_spelling(line, meaning):
    assert decode(line) == twin.decode_request(line) == meaning
    backwards = dict(reversed(json.loads(line).items()))
    assert decode(json.dumps(backwards, indent=1).encode()) == meaning
    escaped = "".join(f"\\u{ord(character):04x}" for character in meaning["type"])
    assert decode(line.replace(meaning["type"].encode(), escaped.encode(), 1)) == meaning


@pytest.mark.parametrize(("line", "meaning"), GOLDEN)
def test_each_field_must_be_there(line, meaning):
    for name in meaning:
        fault = "no_type" if name == "type" else "missing_field"
        assert fault_of(line.replace(b'"%b":' % name.encode(), b'"x":')) == fault


@pytest.mark.parametrize(("line", "meaning"), GOLDEN)
def test_every_strict_prefix_is_a_fault(line, meaning):
    for length in range(len(line)):
        assert fault_of(line[:length]) == "not_json"
        assert known(line[:length]) == ("not_json", "", -1)


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        (b'{"type":"add","order_id":5,"symbol":"ABC","dir":"BUY","price":1,"size":1}', "unknown_symbol"),
        (b'{"type":"add","order_id":5,"symbol":"USD","dir":"BUY","price":1,"size":1}', "unknown_symbol"),
        (b'{"type":"add","order_id":5,"symbol":"GS","dir":"buy","price":1,"size":1}', "bad_direction"),
        (b'{"type":"add","order_id":5,"symbol":"GS","dir":"BUY","price":0,"size":1}', "out_of_range"),
        (b'{"type":"add","order_id":5,"symbol":"GS","dir":"BUY","price":1,"size":1000000}', "out_of_range"),
        (b'{"type":"add","order_id":5,"symbol":"GS","dir":"BUY","price":"1","size":1}', "wrong_type"),
        (b'{"type":"add","order_id":5,"symbol":"GS","dir":"BUY","size":1}', "missing_field"),
        (b'{"type":"convert","order_id":5,"symbol":"XLF","dir":"SELL","size":-10}', "out_of_range"),
    ],
)
def test_a_faulty_order_can_still_be_tied_to_its_id(line, fault):
    assert known(line) == (fault, json.loads(line)["type"], 5)


@pytest.mark.parametrize("spelled", [b'"5"', b"-1", b"4294967296", b"1.5", b"null"])
def test_an_order_without_a_legal_id_has_none(spelled):
    fault, kind, order_id = known(b'{"type":"add","order_id":' + spelled + b',"symbol":"GS"}')
    assert fault in ("wrong_type", "out_of_range")
    assert (kind, order_id) == ("add", -1)


def test_a_message_of_the_exchange_is_no_request():
    assert fault_of(b'{"type":"ack","order_id":1}') == "unknown_type"


@pytest.mark.parametrize("team", ["A", "TEAMNAME", "a" * 32, "Team-2_b 3", "\\u0041" * 32, '\\"', "~"])
def test_a_team_has_1_to_32_printable_characters(team):
    line = b'{"type":"hello","team":"' + team.encode() + b'"}'
    assert decode(line) == twin.decode_request(line)


@pytest.mark.parametrize("team", ["", "a" * 33, "\\u0041" * 33, "É", "\\n", "\\u001b[2J", "\x7f", "\\ud800"])
def test_any_other_team_is_out_of_range(team):
    assert fault_of(b'{"type":"hello","team":"' + team.encode() + b'"}') == "out_of_range"


def test_the_sentence_names_a_client():
    with pytest.raises(WireError, match="A line from a client is not one JSON value"):
        decode(b"garbage")
