"""Compares two implementations: turns the outcome of a call into a comparable value."""

import ast
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

INT64_MAX = 2**63 - 1
INT64_MIN = -(2**63)

#: The limits of 32 and 64 bits, and the numbers next to them.
EDGES = tuple(
    sign * edge + step for edge in (0, 2**31, 2**32, 2**62, 2**63) for sign in (1, -1) for step in (-1, 0, 1)
)
EDGES_64 = tuple(sorted({edge for edge in EDGES if INT64_MIN <= edge <= INT64_MAX}))

#: Arguments that are invalid for all numeric parameters, or for some; the last one is too long to print.
ODD_ARGUMENTS = (None, 1.5, 2.0, "3", b"3", True, -1, 0, 2**31, 2**63, -(2**63) - 1, 10**5000)


def int64s(low: int = -100, high: int = 100) -> st.SearchStrategy[int]:
    """Returns a strategy for mostly small numbers, often edges, sometimes any 64-bit number."""
    return st.one_of(
        st.integers(low, high), st.sampled_from(EDGES_64), st.integers(INT64_MIN, INT64_MAX)
    )


def outcome(call: Callable[..., Any], *args: Any, **kwargs: Any) -> tuple[str, Any]:
    """Returns the outcome of a call: ("value", value) with its exact type, or ("raised", exception type)."""
    try:
        value = call(*args, **kwargs)
    except Exception as error:  # noqa: BLE001  Any type is a valid outcome.
        return "raised", type(error)
    return "value", (type(value), value)


Face = dict[str, list[tuple[str, str, bool]] | None]


def _parameters(arguments: ast.arguments) -> list[tuple[str, str, bool]]:
    plain = [*arguments.posonlyargs, *arguments.args]
    first_default = len(plain) - len(arguments.defaults)
    return [
        *((plain[i].arg, "plain", i >= first_default) for i in range(len(plain))),
        *((arg.arg, "keyword", default is not None)
          for arg, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)),
    ]


def written_face(path: Path) -> Face:
    """Returns the parameters of a source file's public functions and methods; None for a property."""
    face: Face = {}

    def collect(body: list[ast.stmt], prefix: str) -> None:
        for node in body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                collect(node.body, f"{node.name}.")
            if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
                is_property = any(ast.unparse(mark) == "property" for mark in node.decorator_list)
                face[prefix + node.name] = None if is_property else _parameters(node.args)

    collect(ast.parse(path.read_text(encoding="utf-8")).body, "")
    return face


def compiled_face(module: Any) -> Face:
    """Returns the same for an imported compiled module."""
    face: Face = {}

    def add(name: str, member: Any) -> None:
        if not callable(member):
            face[name] = None
            return
        face[name] = [
            (parameter.name, "keyword" if parameter.kind is parameter.KEYWORD_ONLY else "plain",
             parameter.default is not parameter.empty)
            for parameter in inspect.signature(member).parameters.values()
        ]

    for name, member in vars(module).items():
        if name.startswith("_") or inspect.ismodule(member):
            continue
        if inspect.isclass(member):
            for inner, attribute in vars(member).items():
                if not inner.startswith("_"):
                    add(f"{name}.{inner}", attribute)
        else:
            add(name, member)
    return face
