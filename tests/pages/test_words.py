"""Names, units and periods as a page spells them."""

import pytest
from html_text import Page

from arbcore.pages.words import (
    data_rows,
    label_of,
    parameters,
    period,
    readable,
    sentence_case,
    setting,
    valued,
)
from arbcore.research.research_settings import BacktestSettings


def test_every_setting_is_shown_with_its_value() -> None:
    page = Page(parameters(BacktestSettings(entry_bps=12.5, stop_bps=7).document()))
    shown = {row[0].split()[-1]: row[1] for row in page.tables[0][1:]}
    assert set(shown) == set(BacktestSettings().document())
    assert (shown["entry_bps"], shown["stop_bps"], shown["max_hold_days"]) == ("12.5 bps", "7 bps", "off")
    assert shown["r"] == "0.045 a year (4.500%)"


def test_an_unknown_name_is_spelled_from_itself() -> None:
    assert label_of("brand_new_ratio") == "brand new ratio"
    assert sentence_case("P&L of the basis") == "P&L of the basis"
    assert sentence_case("sharpe") == "Sharpe"


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "none"), (True, "yes"), (0.30000000000000004, "0.3"), (-1.5, "\N{MINUS SIGN}1.5"),
     (12_000, "12,000"), ("touch", "touch")],
)  # fmt: skip
def test_values_are_short(value: object, text: str) -> None:
    assert setting(value) == text


def test_units_follow_the_names() -> None:
    assert valued("es_slippage_ticks", 1.0) == "1 ticks"
    assert valued("expiry", None) == "the front contract of each row"
    assert valued("contracts", 3) == "3"


def test_skipped_rows_are_shown_by_reason() -> None:
    skipped = {"missing": 2, "crossed": 1_000, "malformed": 0, "late": 3}
    page = Page(data_rows({"rows": 5_000, "rows_used": 3_995, "rows_skipped": skipped}))
    shown = dict(tuple(row) for row in page.tables[0][1:])
    assert shown["skipped: crossed, a bid above its ask"] == "1,000"
    assert shown["skipped: late"] == "3"
    assert (shown["rows in the data"], shown["rows used"]) == ("5,000", "3,995")


def test_periods_are_readable() -> None:
    assert readable("2013-10-07T13:31:00Z") == "2013-10-07 13:31 UTC"
    assert readable("2013-10-07T13:31:05Z") == "2013-10-07 13:31:05 UTC"
    assert readable("2013-10-07T13:31:05.123456789Z") == "2013-10-07 13:31:05 UTC"
    nothing = {"first_ts": None, "last_ts": None, "rows": 7, "rows_used": 0}
    assert period(nothing) == "None of 7 rows was usable."
