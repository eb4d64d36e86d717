"""The typed keys of a result are those of its JSON Schema."""

import json
from pathlib import Path
from types import UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

import pytest

from arbcore.core.result_documents import (
    BacktestEvidence,
    BacktestRequired,
    BacktestSummary,
    EdgeDocument,
    HeldPosition,
    ImpliedFinancing,
    LevelDocument,
    LookaheadDocument,
)

ROOT = Path(__file__).resolve().parents[2]
SCHEMA = json.loads((ROOT / "docs" / "schemas" / "backtest.json").read_text("utf-8"))
TYPES = {int: {"integer"}, float: {"number"}, str: {"string"}, bool: {"boolean"}, type(None): {"null"}}


def kinds_of(rule: dict[str, Any]) -> set[str]:
    if "const" in rule or "enum" in rule:
        return {"string"}
    kinds = rule.get("type", [])
    return set(kinds) if isinstance(kinds, list) else {kinds}


def test_a_backtest_has_the_keys_of_its_schema() -> None:
    assert set(get_type_hints(BacktestSummary)) == set(SCHEMA["properties"])
    assert set(get_type_hints(BacktestRequired)) == set(SCHEMA["properties"]) - {"lookahead"}


@pytest.mark.parametrize(
    ("kind", "key"),
    [(BacktestEvidence, "evidence"), (EdgeDocument, "largest_edge_bps"), (HeldPosition, "open_position"),
     (ImpliedFinancing, "implied_financing"), (LevelDocument, "factor"), (LookaheadDocument, "lookahead")],
)  # fmt: skip
def test_a_part_has_the_keys_of_its_schema(kind: type, key: str) -> None:
    assert set(get_type_hints(kind)) == set(SCHEMA["properties"][key]["properties"])


@pytest.mark.parametrize("key", list(SCHEMA["properties"]))
def test_a_number_or_text_is_of_the_type_that_its_schema_says(key: str) -> None:
    hint: Any = get_type_hints(BacktestSummary)[key]
    members = get_args(hint) if get_origin(hint) in (UnionType, Union) else (hint,)
    kinds = set().union(*(TYPES.get(kind, set()) for kind in members))
    assert kinds - {"null"} <= kinds_of(SCHEMA["properties"][key]), key
