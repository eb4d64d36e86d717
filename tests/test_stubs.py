"""The stubs tell the truth: names, members and signatures are those of the compiled modules."""

import ast
import importlib
import inspect
import re
from pathlib import Path

import pytest
from source_tree import code_of, module_name, sources, text_of


def identity(path: Path) -> str:
    return path.name


def compiled() -> list[Path]:
    return sources(".pyx")


@pytest.mark.parametrize("path", compiled(), ids=identity)
def test_every_compiled_module_has_a_stub(path: Path) -> None:
    assert path.with_suffix(".pyi").is_file()


def test_every_stub_has_a_compiled_module() -> None:
    assert [path for path in sources(".pyi") if not path.with_suffix(".pyx").is_file()] == []


def stub_names(tree: ast.Module) -> set[str]:
    names = set()
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            if not is_typing_only(node):
                names.add(node.name)
        elif isinstance(node, ast.AnnAssign) and ast.unparse(node.annotation) != "TypeAlias":
            names.add(ast.unparse(node.target))
    return {name for name in names if not name.startswith("_")}


def is_typing_only(node: ast.AST) -> bool:
    bases = {ast.unparse(base).rpartition(".")[2] for base in getattr(node, "bases", [])}
    return bool(bases & {"TypedDict", "Protocol", "NamedTuple"})


def module_names(path: Path, module: object) -> set[str]:
    # What the source imports is not its own; what it defines or assigns is.
    clauses = re.findall(r"\bimport\s+(\([^)]*\)|[^\n]*)", code_of(path))
    imported = set(re.findall(r"\w+", " ".join(clauses)))
    names = set()
    for name, value in vars(module).items():
        if name.startswith("_") or inspect.ismodule(value) or name in imported:
            continue
        if getattr(value, "__module__", module.__name__) == module.__name__:  # type: ignore[attr-defined]
            names.add(name)
    return names


@pytest.mark.parametrize("path", compiled(), ids=identity)
def test_stub_and_compiled_module_have_the_same_names(path: Path) -> None:
    module = importlib.import_module(module_name(path))
    assert stub_names(ast.parse(text_of(path.with_suffix(".pyi")))) == module_names(path, module)


def shape_of_stub(node: ast.FunctionDef, *, method: bool) -> list[tuple[str, str, bool]]:
    """(name, kind, has a default) of each parameter, self and cls left out."""
    args = node.args
    plain = [*args.posonlyargs, *args.args]
    defaults = [False] * (len(plain) - len(args.defaults)) + [True] * len(args.defaults)
    static = any(ast.unparse(decorator) == "staticmethod" for decorator in node.decorator_list)
    drop = 1 if method and not static else 0
    shape = [(arg.arg, "plain", default) for arg, default in zip(plain, defaults, strict=True)][drop:]
    shape += [("*", "rest", False)] if args.vararg else []
    shape += [
        (arg.arg, "keyword", default is not None)
        for arg, default in zip(args.kwonlyargs, args.kw_defaults, strict=True)
    ]
    return shape + ([("**", "rest", False)] if args.kwarg else [])


def shape_of_object(function: object, *, method: bool) -> list[tuple[str, str, bool]] | None:
    """The same of a compiled function; None where it does not carry its signature (constructors)."""
    try:
        parameters = list(inspect.signature(function).parameters.values())  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return None
    kinds = {inspect.Parameter.KEYWORD_ONLY: "keyword"}
    shape = []
    for parameter in parameters[1 if method else 0:]:
        if parameter.kind in {inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD}:
            shape.append(("*" if parameter.kind == inspect.Parameter.VAR_POSITIONAL else "**", "rest", False))
        else:
            default = parameter.default is not inspect.Parameter.empty
            shape.append((parameter.name, kinds.get(parameter.kind, "plain"), default))
    return shape


def shape_of_source(path: Path, name: str, *, owner: str | None) -> list[tuple[str, str, bool]] | None:
    """The same, read from the .pyx, for what does not carry its signature."""
    code = code_of(path)
    if owner is not None:
        start = re.search(rf"^cdef class {owner}\b|^class {owner}\b", code, re.MULTILINE)
        if start is None:
            return None
        code = code[code.index("\n", start.end()):]
        following = re.search(r"^\S", code, re.MULTILINE)
        code = code[: following.start()] if following else code
    match = re.search(rf"^[ \t]*(?:def|cpdef)\b[^\n(]*\b{name}\s*\(([^)]*)\)", code, re.MULTILINE)
    if match is None:
        return None
    shape = []
    kind = "plain"
    for part in filter(None, (piece.strip() for piece in match[1].split(","))):
        if part == "*":
            kind = "keyword"
        elif part == "/":
            pass
        elif part.startswith("**"):
            shape.append(("**", "rest", False))
        elif part.startswith("*"):
            shape.append(("*", "rest", False))
            kind = "keyword"
        else:
            head, default, _ = part.partition("=")
            head = head.partition(":")[0].replace(" not None", "").replace(" or None", "")
            shape.append((re.findall(r"\w+", head)[-1], kind, bool(default)))
    return shape[1:] if owner is not None else shape


@pytest.mark.parametrize("path", compiled(), ids=identity)
def test_stub_and_compiled_module_have_the_same_signatures(path: Path) -> None:
    module = importlib.import_module(module_name(path))
    tree = ast.parse(text_of(path.with_suffix(".pyi")))
    pairs: list[tuple[str | None, ast.FunctionDef]] = []
    for node in tree.body:
        if isinstance(node, ast.FunctionDef):
            pairs.append((None, node))
        elif isinstance(node, ast.ClassDef) and not is_typing_only(node):
            pairs += [(node.name, item) for item in node.body if isinstance(item, ast.FunctionDef)]
            check_members(path, node, getattr(module, node.name))
    for owner, node in pairs:
        decorators = " ".join(ast.unparse(decorator) for decorator in node.decorator_list)
        if re.search(r"\b(overload|property|setter)\b", decorators):
            continue
        home = module if owner is None else getattr(module, owner)
        shape = None
        if node.name != "__init__":
            static = "staticmethod" in decorators
            shape = shape_of_object(getattr(home, node.name, None), method=owner is not None and not static)
        if shape is None:
            shape = shape_of_source(path, node.name, owner=owner)
        if shape is None and node.name == "__init__":
            # A class without a constructor takes nothing.
            shape = shape_of_source(path, "__cinit__", owner=owner) or []
        where = f"{path.name}: {owner + '.' if owner else ''}{node.name}"
        assert shape is not None, f"{where} is in the stub only"
        assert shape_of_stub(node, method=owner is not None) == shape, where


def check_members(path: Path, stub: ast.ClassDef, compiled_class: type) -> None:
    declared = {item.name for item in stub.body if isinstance(item, ast.FunctionDef)}
    declared |= {ast.unparse(item.target) for item in stub.body if isinstance(item, ast.AnnAssign)}
    declared = {name for name in declared if not name.startswith("_")}
    present = {name for name in vars(compiled_class) if not name.startswith("_")}
    assert declared == present, f"{path.name}: {stub.name}"
