"""House rules that a program can check: small rooms, finished work, nothing that vanishes or is swallowed."""

import ast
import re
from pathlib import Path

import pytest
from source_tree import COMPILED_SUFFIXES, Function, code_of, functions_of, module_name, sources, text_of

MODULE_LINES_MAX = 900
FUNCTION_LINES_MAX = 90
POSITIONAL_MAX = 3
# Hot loops that are one function on purpose, with the reason beside them in the source; 200 lines at most.
LONG_BY_DESIGN: set[tuple[str, str]] = set()
LONG_BY_DESIGN_LINES_MAX = 200

ROOT = Path(__file__).resolve().parents[1]
PACKAGE_SOURCES = sources(".py", ".pyx", ".pxd", ".pyi")
OWN = [path for folder in ("tests", "tools") for path in sorted((ROOT / folder).rglob("*.py"))]
# Spelled in halves, so that this file may be checked like the others.
HALVES = (("TO", "DO"), ("FIX", "ME"), ("XX", "X"), ("HA", "CK"), ("place", "holder"), ("for ", "now"),
          ("not ", "implemented"), ("NotImplemented", "Error"))
UNFINISHED = re.compile(rf"\b({'|'.join(first + second for first, second in HALVES)})\b", re.IGNORECASE)
MACHINE_PATH = re.compile(r"(?<![\w.])/(?:home|root|Users|work|opt)/\w")


def identity(path: Path) -> str:
    return path.name


@pytest.mark.parametrize("path", [*PACKAGE_SOURCES, *OWN], ids=identity)
def test_modules_are_short_and_finished(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.count("\n") <= MODULE_LINES_MAX, f"{path} has {text.count(chr(10))} lines"
    for number, line in enumerate(text.split("\n"), 1):
        assert not UNFINISHED.search(line), f"{path}:{number}: {line.strip()}"
        assert not MACHINE_PATH.search(line), f"{path}:{number} names a place of one machine: {line.strip()}"


@pytest.mark.parametrize("path", sources(".py", ".pyx"), ids=identity)
def test_modules_say_what_they_own(path: Path) -> None:
    assert re.match(r'(#[^\n]*\n|\s)*"""\S', text_of(path)), f"{path} begins without a docstring"


@pytest.mark.parametrize("path", sources(".py", ".pyx", ".pxd"), ids=identity)
def test_functions_are_short(path: Path) -> None:
    for function in functions_of(path):
        by_design = (module_name(path), function.name) in LONG_BY_DESIGN
        limit = LONG_BY_DESIGN_LINES_MAX if by_design else FUNCTION_LINES_MAX
        assert function.length <= limit, f"{path}:{function.line} {function.name} has {function.length} lines"


def test_long_functions_are_still_there() -> None:
    compiled = sources(".pyx")
    present = {(module_name(path), function.name) for path in compiled for function in functions_of(path)}
    assert present >= LONG_BY_DESIGN


def positional_of(node: ast.FunctionDef | ast.AsyncFunctionDef, *, method: bool) -> int:
    static = any(ast.unparse(decorator) == "staticmethod" for decorator in node.decorator_list)
    return len(node.args.posonlyargs) + len(node.args.args) - (method and not static)


# The twins are left out: they mirror functions of C, which has no keywords.
PUBLIC = [path for path in sources(".py") if "reference" not in path.parts]


@pytest.mark.parametrize("path", PUBLIC, ids=identity)
def test_public_functions_take_few_positional_parameters(path: Path) -> None:
    tree = ast.parse(text_of(path))
    owners: list[tuple[ast.AST, bool]] = [(tree, False)]
    owners += [(node, True) for node in tree.body if isinstance(node, ast.ClassDef) and node.name[0] != "_"]
    for owner, method in owners:
        for node in ast.iter_child_nodes(owner):
            if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) or node.name.startswith("_"):
                continue
            # A hook of a user's strategy is written by the user, who should not have to name its parameters.
            if path.name == "strategy.py" and path.parent.name == "trading" and node.name.startswith("on_"):
                continue
            count = positional_of(node, method=method)
            assert count <= POSITIONAL_MAX, f"{path}:{node.lineno} {node.name} takes {count} by position"


@pytest.mark.parametrize("path", sources(".py", ".pyx"), ids=identity)
def test_invariants_do_not_vanish_under_optimisation(path: Path) -> None:
    # `python -O` drops bare asserts; the package raises BrokenInvariant instead.
    assert not re.search(r"^\s*assert\b", code_of(path), re.MULTILINE), path.name


def noexcept_functions(path: Path) -> list[Function]:
    return [function for function in functions_of(path) if re.search(r"\)\s*noexcept\b", function.header)]


@pytest.mark.parametrize("path", sources(*COMPILED_SUFFIXES), ids=identity)
def test_noexcept_bodies_raise_nothing(path: Path) -> None:
    # A raise there would print and return 0.
    for function in noexcept_functions(path):
        raises = re.search(r"^\s*raise\b", function.body, re.MULTILINE)
        assert raises is None, f"{path}:{function.line} {function.name}"


def test_the_reader_sees_noexcept_functions() -> None:
    names = {function.name for path in sources(*COMPILED_SUFFIXES) for function in noexcept_functions(path)}
    assert {"ring_clear", "depth_value"} <= names
