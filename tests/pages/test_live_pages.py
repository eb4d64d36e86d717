"""What the live pages say, out of one snapshot, without a browser."""

import html
import re
from typing import Any

import pytest
from live_snapshots import CARRY, EXCHANGE

from arbcore.commands._live_carry import LIFTED_BY, next_words
from arbcore.desk.limits import REASONS
from arbcore.pages.live_carry import carry_view
from arbcore.pages.live_exchange import exchange_view
from arbcore.pages.live_page import Trail


def parts_of(view: Any, snapshot: dict[str, Any]) -> dict[str, str]:
    view.take(snapshot)
    return {name: html.unescape(re.sub("<[^>]*>", "", text)) for name, text in view.parts().items()}


@pytest.mark.parametrize(("changes", "said"), [
    ({"connected": True}, "Holds a position. Connected."),
    ({"connected": False}, "Holds a position. Connecting."),
    ({"halted_reason": "LOSS_LIMIT"}, "Holds a position. Halted: LOSS_LIMIT."),
])  # fmt: skip
def test_the_exchange_bots_headline_is_sentences(changes: dict[str, Any], said: str) -> None:
    assert parts_of(exchange_view("1"), EXCHANGE | changes)["headline"] == said


def test_one_contract_is_no_contracts() -> None:
    limits = parts_of(carry_view("1"), CARRY)["limits"]
    assert "1 contract" in limits
    assert "1 contracts" not in limits


def test_the_carry_bots_page_says_what_comes_next() -> None:
    told = CARRY | {"state": "REDUCING", "reasons": ["daily loss"], "next": "the next New York day"}
    parts = parts_of(carry_view("1"), told)
    assert parts["headline"].endswith("REDUCING: daily loss. Waits for the next New York day.")
    assert "the next New York day" in parts["facts"]


def test_every_reason_says_what_ends_it() -> None:
    assert LIFTED_BY.keys() == REASONS.keys()
    status: dict[str, Any] = {"reasons": ["daily loss", "mismatch", "overfill"], "waiting": "", "pair": None}
    assert next_words(status) == "the next New York day, a person"
    status["reasons"] = []
    assert next_words(status) == "a signal to enter"
    assert next_words(status | {"pair": {}}) == "a signal to leave"
    assert next_words(status | {"waiting": "SPY closed"}) == "SPY closed"


def test_a_line_reaches_no_further_back_than_its_caption_says() -> None:
    trail = Trail(0.5)
    for at in range(2_000):
        # A snapshot is often a little late.
        trail.add(0.6 * at, {"pnl": float(at)})
    assert 299.0 <= trail.points[-1][0] - trail.points[0][0] <= 300.0
    chart = trail.chart([("pnl", "line-curve")], key="k", title="t", unit="ticks")
    assert "5 min ago" in chart
