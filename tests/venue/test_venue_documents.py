"""What the exchange says of its teams and rounds has the keys that its types name."""

from typing import get_type_hints

from arbcore.venue._engine import Engine
from arbcore.venue.venue_config import VenueConfig
from arbcore.venue.venue_documents import RoundDocument, ScoreDocument, SecondLogin

SECOND_NS = 1_000_000_000


def keys_of(kind: type) -> list[str]:
    return list(get_type_hints(kind))


def test_scores_rounds_and_second_logins() -> None:
    engine = Engine(VenueConfig(mode="empty", round_ns=SECOND_NS), 1)
    engine.start(0)
    for now_ns in (1, 2):
        conn = engine.connect(now_ns)
        engine.receive(conn, b'{"type":"hello","team":"ABC"}\n', now_ns)
    assert list(engine.score("ABC")) == keys_of(ScoreDocument)
    [login] = engine.take_second_logins()
    assert list(login) == keys_of(SecondLogin)
    engine.advance(5 * SECOND_NS)
    result = engine.results[0]
    assert list(result) == keys_of(RoundDocument)
    assert list(result["scores"]["ABC"]) == keys_of(ScoreDocument)
