"""The virtual link by itself: what it may spoil, and what it never does."""

import json
from random import Random

import pytest

from arbcore.play.simulated_link import NEVER_NS, NO_FAULTS, STORMS, Faults, Pipe

LINES = [
    b'{"type":"ack","order_id":%d}\n{"type":"fill","order_id":%d,"symbol":"GS","dir":"BUY","price":1,"size":1}\n'
    b'{"type":"out","order_id":%d}\n{"type":"trade","symbol":"GS","price":1,"size":1}\n' % (n, n, n)
    for n in range(200)
]


def carried(faults: Faults, *, seed: int = 1, to_bot: bool = True) -> tuple[list[int], bytes]:
    """When pieces arrive, and all of them together, of LINES sent a microsecond apart."""
    pipe = Pipe(Random(seed), latency_ns=1000, jitter_ns=500, faults=faults, to_bot=to_bot)
    for now_ns, line in enumerate(LINES):
        pipe.send(line, 1000 * now_ns)
    pieces = []
    while pipe.next_ns != NEVER_NS:
        pieces.append(pipe.take())
    return [at_ns for at_ns, _ in pieces], b"".join(data for _, data in pieces)


@pytest.mark.parametrize(
    "faults", [NO_FAULTS, Faults(slice=0.7, stall=0.1)], ids=["none", "slices and stalls"]
)
def test_bytes_arrive_whole_and_in_order(faults: Faults) -> None:
    arrivals, data = carried(faults)
    assert data == b"".join(LINES)
    assert arrivals == sorted(arrivals)


def test_nothing_arrives_before_the_latency() -> None:
    assert carried(NO_FAULTS)[0][0] >= 1000


def test_after_a_cut_nothing_arrives() -> None:
    pipe = Pipe(Random(3), latency_ns=0, jitter_ns=0, faults=Faults(cut=1.0), to_bot=True)
    pipe.send(b"0123456789", 0)
    assert pipe.broken
    kept = pipe.take()[1] if pipe.next_ns != NEVER_NS else b""
    assert b"0123456789".startswith(kept)
    pipe.send(b"more", 1)
    assert pipe.next_ns == NEVER_NS


@pytest.mark.parametrize("storm", STORMS)
@pytest.mark.parametrize("seed", range(5))
def test_fills_are_never_lost_doubled_or_changed(storm: str, seed: int) -> None:
    whole = STORMS[storm]
    faults = Faults(**{**vars(whole), "cut": 0.0})
    fills = [
        line for line in carried(faults, seed=seed)[1].split(b"\n") if line.startswith(b'{"type":"fill"')
    ]
    assert [json.loads(line)["order_id"] for line in fills] == list(range(200)), f"seed {seed}"


@pytest.mark.parametrize("seed", range(5))
def test_what_the_bot_says_is_never_spoilt(seed: int) -> None:
    faults = Faults(garble=1.0, duplicate=1.0, lose=1.0, noise=1.0, late=1.0, stray=1.0)
    assert carried(faults, seed=seed, to_bot=False)[1] == b"".join(LINES)


def test_late_acks_stand_behind_what_happened_to_their_order() -> None:
    lines = [json.loads(line) for line in carried(Faults(late=1.0))[1].splitlines()]
    assert [line["type"] for line in lines[:4]] == ["fill", "out", "ack", "trade"]


def test_every_fault_happens() -> None:
    _, data = carried(Faults(garble=0.2, duplicate=0.2, lose=0.2, noise=0.2, stray=0.2))
    lines = data.split(b"\n")
    kinds = [line[:14] for line in lines]
    assert kinds.count(b'{"type":"ack",') not in (0, 200)
    assert any(b'"order_id":2' in line or b'"order_id":3' in line for line in lines if len(line) > 35)
    assert any(not line.startswith(b"{") for line in lines[:-1])
