"""What a session says of itself has the keys, and the kinds, that its types name."""

from typing import Any, get_origin, get_type_hints

import pytest

from arbcore.play.rounds import RoundPlan, compiled_session, play
from arbcore.trading._session import Session
from arbcore.trading.session_documents import (
    FillDocument,
    HoldingDocument,
    OrderDocument,
    RefusedDocument,
    SessionSummary,
    StrategyDocument,
)
from arbcore.trading.trading_settings import SECOND_NS


@pytest.fixture(scope="module")
def session() -> Session:
    """One that has traded for ten seconds."""
    made: list[Session] = []

    def make(*asked: Any) -> Session:
        made.append(compiled_session(*asked))
        return made[0]

    play(RoundPlan(3, round_ns=10 * SECOND_NS), make)
    return made[0]


def check(document: Any, kind: type) -> None:
    hints = get_type_hints(kind)
    assert list(document) == list(hints)
    for name, hint in hints.items():
        assert isinstance(document[name], get_origin(hint) or hint), name


def test_the_summary_and_its_strategies(session: Session) -> None:
    found = session.summary()
    assert found["fills"] > 0
    check(found, SessionSummary)
    for each in found["strategies"].values():
        check(each, StrategyDocument)
    for row in found["refused"]:
        check(row, RefusedDocument)


def test_orders_and_holdings(session: Session) -> None:
    orders = session.recent_orders(3)
    assert len(orders) == 3
    for order in orders:
        check(order, OrderDocument)
    check(session.owner_holding(0), HoldingDocument)
    fills = session.recent_fills()
    assert 0 < len(fills) <= 16
    for fill in fills:
        check(fill, FillDocument)
