"""Public functions and methods are typed without ``Any``, in every part of the package that is named here."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from source_tree import sources

#: Folders and modules of the root whose signatures are done, but for those in LEFT.
DONE = (
    "core", "research", "quotes", "trading", "venue", "play", "desk", "broker", "ibkr", "system", "wire",
    "commands", "statistics", "cli", "__init__",
)  # fmt: skip
#: Modules that take apart the columns of libraries which may not be installed.
FOREIGN = {"_arrow", "_columns", "column_legs", "column_shapes", "outputs", "tables"}
#: Documents of the live pages, of a check and of a simulation, whose keys are not types yet.
LEFT = {
    ("live_feed", "LiveFeed.publish"), ("live_server", "View.take"), ("live_server", "Board.health"),
    ("live_server", "LiveServer.process_request"), ("live_server", "LiveServer.process_request_thread"),
    ("live_server", "LiveServer.handle_error"), ("live_server", "LiveHandler.log_message"),
    ("_live_carry", "carry_snapshot"), ("_live_exchange", "exchange_snapshot"),
    ("_live_exchange", "serve_snapshot"), ("quotes", "check_lines"), ("exchange", "summary_lines"),
    ("simulate", "summary_lines"),
}  # fmt: skip
#: What gives or takes what it does not know: another library's tables, argparse's keywords, and the value of
#: a setting, whose kind is the one that its declaration names.
UNKNOWN = {
    ("table", "Table.to_pandas"), ("table", "Table.to_polars"), ("table", "Table.to_arrow"),
    ("cli", "Parser.__init__"), ("settings", "Config.__getitem__"),
}  # fmt: skip


def part_of(path: Path) -> str:
    """The folder of the package that a file is in, or its own name in the root."""
    inside = path.parts[len(path.parts) - 1 - path.parts[::-1].index("arbcore") + 1 :]
    return inside[0].removesuffix(path.suffix)


def signatures(body: list[ast.stmt], owner: str = "") -> Iterator[tuple[str, ast.FunctionDef]]:
    """The public functions and methods, ``Class.name`` and the node."""
    for node in body:
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            yield from signatures(node.body, f"{node.name}.")
        elif isinstance(node, ast.FunctionDef):
            name = node.name
            if not name.startswith("_") or (name.startswith("__") and name.endswith("__")):
                yield owner + name, node


def hints_of(node: ast.FunctionDef) -> Iterator[ast.expr]:
    arguments = node.args
    every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    every += [each for each in (arguments.vararg, arguments.kwarg) if each is not None]
    yield from (each.annotation for each in every if each.annotation is not None)
    if node.returns is not None:
        yield node.returns


def names_in(hint: ast.expr) -> set[str]:
    found = {node.id for node in ast.walk(hint) if isinstance(node, ast.Name)}
    for node in ast.walk(hint):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            found |= names_in(ast.parse(node.value, mode="eval").body)
    return found


def has_any(node: ast.FunctionDef) -> bool:
    return any("Any" in names_in(hint) for hint in hints_of(node))


PUBLIC = [
    path for path in sources(".py", ".pyi") if part_of(path) in DONE and path.stem not in FOREIGN
]


def test_the_reader_sees_any() -> None:
    tree = ast.parse("def f(a: 'dict[str, Any]') -> None: ...\nclass B:\n    def g(self) -> Any: ...\n")
    found = [name for name, node in signatures(tree.body) if has_any(node)]
    assert found == ["f", "B.g"]
    assert {part_of(path) for path in PUBLIC} >= {"core", "research", "quotes"}


@pytest.mark.parametrize("path", PUBLIC, ids=lambda path: f"{part_of(path)}/{path.name}")
def test_no_public_signature_has_any(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for name, node in signatures(tree.body):
        # One that is done leaves the list.
        assert has_any(node) == ((path.stem, name) in UNKNOWN | LEFT), f"{path}:{node.lineno} {name}"
