"""The rate that the bot works with is always said: its value, its source and its age."""

from types import SimpleNamespace

import pytest

from arbcore.broker.fred import Observation
from arbcore.broker.rate_source import RateOfFred, rate_as_set
from arbcore.core.civil import NS_PER_DAY, read_date

DAY = read_date("2026-11-18")
NOW_NS = (DAY + 3) * NS_PER_DAY


def fred(latest: Observation | None = None, last_error: str = "") -> RateOfFred:
    known = SimpleNamespace(latest=latest, last_error=last_error, settings=SimpleNamespace(series="DTB3"))
    return RateOfFred(known, 0.045, clock_ns=lambda: NOW_NS)  # type: ignore[arg-type]


def test_without_a_key_it_is_the_setting() -> None:
    assert rate_as_set(0.045)() == (None, "The rate is 4.5000%, from RISK_FREE_RATE_ANNUAL.", False)


def test_until_fred_answers_it_is_the_setting() -> None:
    said = "Requesting DTB3 from FRED; until it answers, the rate is 4.5000%, from RISK_FREE_RATE_ANNUAL."
    assert fred()() == (None, said, False)


def test_a_failure_is_said_with_what_holds_meanwhile() -> None:
    trouble = "FRED cannot be reached for DTB3 (gaierror); check the network."
    news = fred(last_error=trouble)()
    assert news.failed
    assert news.text == (f"{trouble} Until FRED answers, the rate is 4.5000%, from RISK_FREE_RATE_ANNUAL.")


@pytest.mark.parametrize(
    "trouble", ["", "FRED answered 500 to the request for DTB3; the server failed; try later."]
)
def test_a_value_is_said_with_its_date_and_age(trouble: str) -> None:
    news = fred(Observation("DTB3", DAY, 3.63, NOW_NS), trouble)()
    assert news.rate == pytest.approx(0.0368, abs=2e-4)
    assert f"The rate is {news.rate:.4%}: DTB3 3.63% of 2026-11-18 (3 days old)." in news.text
    assert (news.failed, news.text.startswith(trouble or "The rate is")) == (bool(trouble), True)
