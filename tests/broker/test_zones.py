"""Times as TWS writes them, on machines with and without a table of zones."""

import zoneinfo

import pytest

from arbcore.broker.broker_times import Zones
from arbcore.core.civil import read_time
from arbcore.errors import InputError

SUMMER, WINTER = read_time("2026-07-01T13:30:01Z"), read_time("2026-11-20T14:30:01Z")


@pytest.fixture(params=["with a table", "without"])
def zones(request, monkeypatch):
    if request.param == "without":
        def nothing(name):
            raise zoneinfo.ZoneInfoNotFoundError(name)

        monkeypatch.setattr(zoneinfo, "ZoneInfo", nothing)
    return Zones()


@pytest.mark.parametrize(
    ("text", "instant_ns"),
    [
        ("20261120 09:30:01 US/Eastern", WINTER), ("20260701 09:30:01 US/Eastern", SUMMER),
        ("20260701 09:30:01 America/New_York", SUMMER), ("20261120 09:30:01 EST", WINTER),
        ("20260701 09:30:01 EDT", SUMMER), ("20260701 08:30:01 US/Central", SUMMER),
        ("20261120 08:30:01 America/Chicago", WINTER), ("20260701 08:30:01 CST (Central)", SUMMER),
        ("20260701 13:30:01 UTC", SUMMER), ("20260701 13:30:01 GMT", SUMMER),
        ("20260701-13:30:01", SUMMER), ("20261120-14:30:01", WINTER), (" 20260701-13:30:01 ", SUMMER),
        ("2026-07-01 13:30:01.0 UTC", SUMMER), (str(SUMMER // 10**9), SUMMER),
    ],
)  # fmt: skip
def test_what_needs_no_table_is_read_on_any_machine(zones, text, instant_ns):
    assert zones.instant_ns(text) == instant_ns


@pytest.mark.parametrize(
    ("greeting", "text"),
    [
        ("20260701 22:30:01 JST", "20260701  22:30:01"),
        ("20260701 15:30:02 CET", "20260701 15:30:01 Nowhere/Near"),
        ("20260701 19:00:01 IST", "20260701 19:00:01"), ("20260701 09:30:01 US/Eastern", "20260701 09:30:01"),
        ("20260701 21:30:01 中国标准时间", "20260701 21:30:01 中国标准时间"),
        ("20260701-13:30:01", "20260701 13:30:01"),
    ],
)  # fmt: skip
def test_the_log_ins_zone_is_learnt_from_its_clock_under_whatever_name(zones, greeting, text):
    zones.learn(greeting, SUMMER + 3 * 10**9)
    assert zones.instant_ns(text) == SUMMER


def test_a_zone_that_nobody_knows_is_an_error_with_its_remedy(zones):
    with pytest.raises(InputError, match="install the package tzdata"):
        zones.instant_ns("20260701 13:30:01 Nowhere/Near")
    with pytest.raises(InputError, match="install the package tzdata"):
        zones.instant_ns("20260701  13:30:01")


def test_a_clock_that_cannot_be_a_zones_teaches_nothing(zones):
    zones.learn("20200101 00:00:00 US/Eastern", SUMMER)
    assert zones.login_offset_ns is None
    zones.learn("what time is it", SUMMER)
    assert zones.login_offset_ns is None


@pytest.mark.parametrize(
    "text", ["", "20260701", "20261301 09:30:01 UTC", "20260230 09:30:01 UTC", "20260701 24:30:01 UTC",
             "20260701 09:60:01 UTC", "soon", "20260701 09:30 UTC"],
)  # fmt: skip
def test_what_is_no_time_is_one_sentence(zones, text):
    with pytest.raises(InputError) as caught:
        zones.instant_ns(text)
    assert str(caught.value).endswith(".")


def test_other_zones_are_the_systems_where_it_has_them():
    assert Zones().instant_ns("20260701 22:30:01 Asia/Tokyo") == SUMMER
    assert Zones().known("Asia/Tokyo")
    assert Zones().known("US/Eastern")
    assert not Zones().known("Nowhere/Near")
    assert not Zones().known("../etc/passwd")
