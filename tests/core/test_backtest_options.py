"""Every setting of a backtest is declared once, and all that names settings has what is declared."""

import argparse
import inspect
from dataclasses import fields
from typing import Any, get_args, get_type_hints

import pytest

import arbcore
from arbcore.carry.pairs import DEFAULT_PAIR
from arbcore.commands import backtest, sweep
from arbcore.commands._backtest_arguments import chosen_settings, name_of
from arbcore.core.backtest_options import (
    BACKTEST_OPTIONS,
    BacktestKeywords,
    BacktestOption,
    BacktestOptions,
    Range,
    SweepKeywords,
    option,
)
from arbcore.errors import ConfigError
from arbcore.research._sweep import can_jump
from arbcore.research.grid import split_ranges
from arbcore.research.research_settings import BacktestSettings

OPTIONS = list(BACKTEST_OPTIONS.values())
NUMBERS = [item for item in OPTIONS if item.bounds is not None]
ENDINGS = {"_bps": "bps", "_days": "days", "_s": "s", "_ticks": "ticks", "_rows": "rows", "_rate": "a year"}


def name(item: BacktestOption) -> str:
    return item.name


def parser_of(command: Any) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    return parser


def members(hint: Any) -> set[Any]:
    """The types that a union is of, or the one type."""
    return set(get_args(hint)) if "|" in str(hint) or "Union" in str(hint) else {hint}


def test_the_settings_are_the_declared_ones() -> None:
    assert [item.name for item in fields(BacktestSettings)] == list(BACKTEST_OPTIONS)
    assert BACKTEST_OPTIONS["pair"].default == DEFAULT_PAIR.name
    with pytest.raises(TypeError):
        option(0.0, boundz=(0.0, 1.0))


def test_what_the_library_takes_by_name_is_what_is_declared() -> None:
    declared = get_type_hints(BacktestOptions)
    single, ranged = get_type_hints(BacktestKeywords), get_type_hints(SweepKeywords)
    assert list(single) == list(ranged) == list(declared)
    for item in OPTIONS:
        if item.reads != "file":
            assert members(single[item.name]) >= members(declared[item.name]), item.name
        assert (members(ranged[item.name]) >= members(Range)) == item.varies, item.name
        nothing = type(None) in members(declared[item.name])
        assert (type(None) in members(single[item.name])) == nothing, item.name
        assert (type(None) in members(ranged[item.name])) == nothing, item.name


@pytest.mark.parametrize("item", NUMBERS, ids=name)
def test_a_number_is_taken_up_to_its_bounds_and_not_beyond(item: BacktestOption) -> None:
    assert item.bounds is not None
    low, high = item.bounds
    for value in (low, high):
        assert getattr(BacktestSettings(**{item.name: value}), item.name) == value
    step = 1 if item.whole else abs(high) * 1e-9
    for value in (low - step, high + step, float("nan"), 10**400):
        with pytest.raises(ConfigError, match=f"{item.name} is .*; it may be from "):
            BacktestSettings(**{item.name: value})
    if item.whole:
        with pytest.raises(ConfigError, match="must be a whole number"):
            BacktestSettings(**{item.name: low + 0.5})
    for value in (True, "2", [2.0]):
        with pytest.raises(ConfigError, match="is not a number"):
            BacktestSettings(**{item.name: value})


@pytest.mark.parametrize("item", OPTIONS, ids=name)
def test_a_setting_is_one_option_of_both_commands(item: BacktestOption) -> None:
    for command in (backtest, sweep):
        found = [
            action for action in parser_of(command)._actions if f"--{item.flag}" in action.option_strings
        ]
        if item.reads == "":
            assert not found
            continue
        [action] = found
        assert f"--{name_of(item.flag)}" in action.option_strings
        assert (f"--{item.alias}" in action.option_strings) == bool(item.alias)
        assert action.default in (None, False)
        if item.help:
            assert str(action.help).startswith(item.help)
            assert action.choices == (item.choices or None)
            assert (action.metavar is None) == (item.reads in ("word", "switch"))


def test_a_command_without_options_chooses_nothing() -> None:
    for command in (backtest, sweep):
        assert chosen_settings(parser_of(command).parse_args(["quotes.csv"])) == {}


def test_what_help_calls_the_default_is_the_default() -> None:
    assert BACKTEST_OPTIONS["entry_bps"].help_text.endswith("(default 3)")
    assert BACKTEST_OPTIONS["stop_bps"].help_text.endswith("(default off)")
    assert BACKTEST_OPTIONS["d"].help_text.endswith("(default 0.014)")
    assert BACKTEST_OPTIONS["cost_bps"].help_text.endswith(f"es-spy {DEFAULT_PAIR.cost_bps:g})")
    assert BACKTEST_OPTIONS["multiplier"].help_text.endswith(f"es-spy {DEFAULT_PAIR.multiplier:g})")
    assert "(default" not in BACKTEST_OPTIONS["rates"].help_text


@pytest.mark.parametrize("item", OPTIONS, ids=name)
def test_only_what_varies_takes_a_range(item: BacktestOption) -> None:
    if item.varies:
        fixed, axes = split_ranges({item.name: "1:3:1"})
        assert (fixed, [(axis.name, axis.values) for axis in axes]) == ({}, [(item.name, (1.0, 2.0, 3.0))])
    elif item.reads in ("name", "word", "switch"):
        with pytest.raises(ConfigError, match="only a setting that is a number can vary"):
            split_ranges({item.name: "1:3:1"})


def test_a_cell_goes_from_event_to_event_where_every_setting_lets_it() -> None:
    assert can_jump(BacktestSettings())
    for item in NUMBERS:
        value = item.bounds[1] if item.bounds is not None else 0
        assert can_jump(BacktestSettings(**{item.name: value})) == item.jumps, item.name
    assert {item.name for item in OPTIONS if not item.jumps} == {"es_latency_rows", "spy_latency_rows"}


@pytest.mark.parametrize("item", NUMBERS, ids=name)
def test_a_unit_is_that_of_the_name(item: BacktestOption) -> None:
    for ending, unit in ENDINGS.items():
        assert not item.name.endswith(ending) or item.unit == unit


@pytest.mark.parametrize("function", [arbcore.backtest, arbcore.sweep])
def test_a_signature_names_every_setting_with_its_default(function: Any) -> None:
    shown = inspect.signature(function).parameters
    assert not [each for each in shown.values() if each.kind is each.VAR_KEYWORD]
    assert {item.name: item.default for item in OPTIONS}.items() <= {
        name: each.default for name, each in shown.items()
    }.items()
    assert "Any" not in str(inspect.signature(function))
    with pytest.raises(ConfigError, match="no backtest setting 'entry_bp'"):
        function("quotes.csv", entry_bp="1:3:1")
