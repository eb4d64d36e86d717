"""Everything public says what it takes, gives and raises, with an example."""

import inspect
import re

import pytest

import arbcore
import arbcore.quotes
from arbcore import statistics

PUBLIC = {
    **{name: getattr(arbcore, name) for name in arbcore.__all__ if name != "statistics"},
    **{f"statistics.{name}": getattr(statistics, name) for name in statistics.__all__},
    **{f"quotes.{name}": getattr(arbcore.quotes, name) for name in arbcore.quotes.__all__},
}
ERRORS = {name for name, item in PUBLIC.items() if isinstance(item, type) and issubclass(item, Exception)}
#: What a function returns; its example is the function's.
RESULTS = {"quotes.Checked", "quotes.Converted", "quotes.Joined"}
FUNCTIONS = [name for name, item in PUBLIC.items() if not isinstance(item, type)]


def sections(text: str) -> set[str]:
    return set(re.findall(r"^ *(Args|Attributes|Returns|Raises):$", text, re.MULTILINE))


def arguments_of(text: str) -> set[str]:
    """The names below ``Args:``, without the stars of keywords."""
    found = re.search(r"^( *)Args:\n((?:\1 +.*\n)+)", text, re.MULTILINE)
    return set(re.findall(r"^ {8}\**(\w+):", found[2], re.MULTILINE)) if found else set()


@pytest.mark.parametrize("name", PUBLIC)
def test_it_has_an_example(name: str) -> None:
    """``tests/test_docs.py`` runs it, as it runs those of every module."""
    text = inspect.getdoc(PUBLIC[name]) or ""
    assert text, f"{name} has no docstring"
    assert name in ERRORS | RESULTS or ">>> " in text, f"{name} has no example"


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_says_what_it_takes_gives_and_raises(name: str) -> None:
    text = inspect.cleandoc(PUBLIC[name].__doc__)
    assert sections(text) >= {"Args", "Returns"}, name
    # An answer is always possible where every number is one.
    assert "Raises" in sections(text) or name.startswith("exposure_"), name


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_argument_is_explained(name: str) -> None:
    text = "    " + inspect.cleandoc(PUBLIC[name].__doc__).replace("\n", "\n    ")
    explained = arguments_of(text)
    taken = set(inspect.signature(PUBLIC[name]).parameters)
    assert explained - {"settings"} <= taken, name
    if name == "sweep":
        # What is as for `backtest` is named in a sentence there.
        explained |= set(re.findall(r"``(\w+)``", text))
    settings = set(arbcore.BacktestSettings.__dataclass_fields__) if "settings" in explained else set()
    if name == "best_lots":
        settings = set(inspect.signature(arbcore.conversion_edge).parameters)
    assert taken - explained - settings == set(), name


def test_help_lists_what_there_is() -> None:
    text = arbcore.__doc__ or ""
    for name in arbcore.__all__:
        assert re.search(rf"\b{name}\b", text), name
    listed = re.findall(r"\b[A-Z]\w+[a-z]\w*[A-Z]\w*", text)  # such as BacktestResult
    assert set(listed) <= set(arbcore.__all__)
    assert {*arbcore.__all__} <= set(dir(arbcore))
