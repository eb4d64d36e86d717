"""The broker's codes: each in the set of its meaning, none by its size, and what nobody listed refuses."""

from pathlib import Path

import pytest

import arbcore
from arbcore.desk import codes
from arbcore.desk.codes import OrderSays, is_read_only, order_says

SETS = {
    "CONNECTION_DROPPED": {502, 504, 1300},
    "SERVER_LOST": {1100, 2110},
    "SERVER_BACK": {1101, 1102},
    "FARM_BROKEN": {2103, 2105, 2157},
    "FARM_FINE": {2104, 2106, 2158},
    "FARM_IDLE": {2107, 2108, 2119},
    "NO_DATA": {354, 10089, 10090, 10168, 10197},
    "DELAYED_DATA": {10167},
    "CHANGE_DOUBTED": {105, 135, 161, 10147, 10148},
    "CANCEL_NOTICES": {202},
    "CLIENT_ID_IN_USE": {326},
    "VALIDATION": {321},
}
#: Refusals that were seen for real, and some that nobody has listed.
REFUSALS = (
    103, 109, 110, 200, 201, 203, 321, 382, 383, 387, 388, 403, 434, 435, 451, 460, 463, 10052, 10268, 10311,
    10318, 1, 133, 1099, 2099, 2200, 9_999, 10_999, 77_777,
)  # fmt: skip
NOTICES = (202, 399, 404, 2109, 10167, 10349, 2100, 2137, 2148, 2169)


@pytest.mark.parametrize("name", SETS)
def test_each_set_holds_its_codes(name: str) -> None:
    assert getattr(codes, name) == SETS[name]


def test_about_the_link_no_code_means_two_things() -> None:
    names = ("CONNECTION_DROPPED", "SERVER_LOST", "SERVER_BACK", "FARM_BROKEN", "FARM_FINE", "FARM_IDLE")
    assert sum(len(SETS[name]) for name in names) == len(set().union(*(SETS[name] for name in names)))


@pytest.mark.parametrize("code", REFUSALS)
def test_an_error_about_an_order_that_nobody_acknowledged_refuses_it(code: int) -> None:
    assert order_says(code, acknowledged=False) is OrderSays.REFUSED
    assert order_says(code, acknowledged=True) is OrderSays.DOUBT


@pytest.mark.parametrize("code", sorted(SETS["CHANGE_DOUBTED"]))
@pytest.mark.parametrize("acknowledged", [True, False])
def test_an_error_about_a_cancel_or_a_change_ends_nothing(code: int, acknowledged: bool) -> None:
    assert order_says(code, acknowledged=acknowledged) is OrderSays.DOUBT


@pytest.mark.parametrize("code", NOTICES)
@pytest.mark.parametrize("acknowledged", [True, False])
def test_a_notice_ends_nothing(code: int, acknowledged: bool) -> None:
    assert order_says(code, acknowledged=acknowledged) is OrderSays.NOTICE


@pytest.mark.parametrize(
    ("code", "text", "read_only"),
    [
        (321, "Error validating request.-'bN' : cause - The API interface is in Read-Only mode.", True),
        (321, "the API is READ ONLY", True), (321, "readonly", True),
        (321, "Error validating request.-'bW' : cause - Invalid account code.", False),
        (201, "The API interface is currently in Read-Only mode.", False),
    ],
)  # fmt: skip
def test_read_only_is_a_validation_error_with_these_words(code: int, text: str, read_only: bool) -> None:
    assert is_read_only(code, text) == read_only


def test_nobody_compares_a_code_by_its_size() -> None:
    package = Path(arbcore.__file__).parent
    folders = (package / "broker", package / "desk")
    files = [package / "ibkr.py", *(path for folder in folders for path in folder.glob("*.py"))]
    texts = {path.name: path.read_text(encoding="utf-8") for path in files}
    for name, text in texts.items():
        for line in text.splitlines():
            assert not any(f"ode {sign} " in line for sign in ("<", "<=", ">", ">=")), f"{name}: {line}"
            assert not any(f" {sign} errorCode" in line for sign in ("<", "<=")), f"{name}: {line}"
