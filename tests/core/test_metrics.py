"""The text of a scrape, held against Prometheus's own parser where it is installed, and JSON without NaN."""

import json
import math

import pytest

from arbcore.core.metrics import Family, counter, exposition, gauge, labelled, without_nan
from arbcore.errors import BrokenInvariant

NASTY = 'a"b\\c\nd\x1b[31m{x="y"} é'


def test_a_scrape_is_help_type_and_samples():
    text = exposition([
        gauge("arbcore_up", "Whether.", True),
        counter("arbcore_fills_total", "Fills.", 3),
        labelled("arbcore_position", "Held\nback\\slash.", {"ES": -1, "SPY": None}, by="symbol"),
    ])  # fmt: skip
    assert text.split("\n") == [
        "# HELP arbcore_up Whether.", "# TYPE arbcore_up gauge", "arbcore_up 1",
        "# HELP arbcore_fills_total Fills.", "# TYPE arbcore_fills_total counter", "arbcore_fills_total 3",
        "# HELP arbcore_position Held\\nback\\\\slash.", "# TYPE arbcore_position gauge",
        'arbcore_position{symbol="ES"} -1', "",
    ]  # fmt: skip
    assert exposition([]) == ""


@pytest.mark.parametrize("value", [None, math.nan, math.inf, -math.inf])
def test_what_is_no_number_has_no_line(value):
    lines = exposition([gauge("arbcore_x", "X.", value)]).split("\n")
    assert [line[:6] for line in lines] == ["# HELP", "# TYPE", ""]


@pytest.mark.parametrize("value", [0, -0.0, 1e-9, 0.1 + 0.2, 123456789.125, -2.5, 2**60, 1e300])
def test_a_number_is_told_to_its_last_digit(value):
    line = exposition([gauge("arbcore_x", "X.", value)]).split("\n")[2]
    assert float(line.partition(" ")[2]) == value


@pytest.mark.parametrize("make", [
    lambda: gauge("arbcore_x_total", "", 1),
    lambda: counter("arbcore_x", "", 1),
    lambda: gauge("x", "", 1),
    lambda: gauge("arbcore_X", "", 1),
    lambda: gauge("arbcore_x y", "", 1),
    lambda: exposition([gauge("arbcore_x", "", 1), gauge("arbcore_x", "", 2)]),
    lambda: exposition([Family("arbcore_x", "gauge", "", [({"0": "a"}, 1.0)])]),
])  # fmt: skip
def test_names_that_break_the_rules_are_refused(make):
    with pytest.raises(BrokenInvariant):
        make()


def test_prometheus_reads_what_others_named():
    parser = pytest.importorskip("prometheus_client.parser")
    text = exposition([labelled("arbcore_x_total", "X.", {NASTY: 2.5, "": 1}, by="reason", counts=True)])
    (family,) = parser.text_string_to_metric_families(text)
    assert family.type == "counter"
    found = {sample.labels["reason"]: sample.value for sample in family.samples}
    assert found[""] == 1
    (nasty,) = found.keys() - {""}
    assert nasty.startswith('a"b')
    assert "\x1b" not in text
    assert "\n\n" not in text


def test_json_has_no_nan_anywhere():
    value = {"a": [1.5, math.nan, (math.inf, {"b": -math.inf})], "c": None, 3: True}
    assert json.loads(json.dumps(without_nan(value), allow_nan=False)) == {
        "a": [1.5, None, [None, {"b": None}]], "c": None, "3": True,
    }  # fmt: skip
