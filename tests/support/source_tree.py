"""Reads the package's own sources, Python and Cython, for the tests of the architecture."""

import ast
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import arbcore

PACKAGE = Path(arbcore.__file__).resolve().parent
COMPILED_SUFFIXES = (".pyx", ".pxd")

_STRINGS_AND_COMMENTS = re.compile(
    r'''[rbfuRBFU]{0,2}("""(?:[^\\]|\\.)*?"""|\'\'\'(?:[^\\]|\\.)*?\'\'\'|"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')|\#[^\n]*''',
    re.DOTALL,
)
_FROM = re.compile(r"^[ \t]*from[ \t]+([\w.]+)[ \t]+c?import[ \t]+(\([^)]*\)|[^\n;]*)", re.MULTILINE)
_IMPORT = re.compile(r"^[ \t]*c?import[ \t]+([\w., \t]+)", re.MULTILINE)
_EXTERN = re.compile(r"^[ \t]*cdef[ \t]+extern[ \t]+from[ \t]+[\"<]+([\w./]+)", re.MULTILINE)


def sources(*suffixes: str) -> list[Path]:
    """Returns all source files of the package with these suffixes, in a fixed order."""
    return sorted(path for path in PACKAGE.rglob("*") if path.suffix in suffixes and path.is_file())


def module_name(path: Path) -> str:
    parts = ["arbcore", *path.relative_to(PACKAGE).with_suffix("").parts]
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def text_of(path: Path) -> str:
    return path.read_text(encoding="utf-8")


@cache
def code_of(path: Path) -> str:
    """Returns the text with comments and the contents of strings blanked out; line numbers are kept."""

    def blank(match: re.Match[str]) -> str:
        lines = match[0].count("\n")
        return ("''" if match[1] else "") + "\n" * lines

    return _STRINGS_AND_COMMENTS.sub(blank, text_of(path))


@cache
def known_modules() -> frozenset[str]:
    return frozenset(module_name(path) for path in sources(".py", ".pyx", ".pxd"))


@cache
def imports_of(path: Path) -> frozenset[str]:
    """Returns the modules that a source imports or cimports, also in functions, except if TYPE_CHECKING."""
    pairs = _python_imports(path) if path.suffix == ".py" else _cython_imports(path)
    found = set()
    for base, name in pairs:
        full = f"{base}.{name}"
        found.add(full if full in known_modules() else base)
    return frozenset(found)


def _python_imports(path: Path) -> list[tuple[str, str]]:
    pairs = []
    skipped: set[ast.AST] = set()
    for node in ast.walk(ast.parse(text_of(path))):
        if isinstance(node, ast.If) and ast.unparse(node.test) in {"TYPE_CHECKING", "typing.TYPE_CHECKING"}:
            skipped.update(inner for child in node.body for inner in ast.walk(child))
        if node in skipped:
            continue
        if isinstance(node, ast.Import):
            pairs += [(alias.name, "") for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = "." * node.level + (node.module or "")
            pairs += [(base, alias.name) for alias in node.names]
    return pairs


def _cython_imports(path: Path) -> list[tuple[str, str]]:
    code = code_of(path)
    pairs = []
    for base, names in _FROM.findall(code):
        pairs += [(base, name.split()[0]) for name in names.strip("()").split(",") if name.strip()]
    for names in _IMPORT.findall(code):
        pairs += [(name.split()[0], "") for name in names.split(",") if name.strip()]
    return pairs


def c_headers_of(path: Path) -> set[str]:
    """Returns the C headers from which a Cython source declares functions."""
    return set(_EXTERN.findall(text_of(path)))


@dataclass(frozen=True)
class Function:
    """A function with a body: its first line, its length, and its header and body as text."""

    name: str
    line: int
    length: int
    header: str
    body: str


@cache
def functions_of(path: Path) -> tuple[Function, ...]:
    if path.suffix == ".py":
        return tuple(_python_functions(path))
    return tuple(_cython_functions(path))


def _python_functions(path: Path) -> list[Function]:
    found = []
    lines = text_of(path).split("\n")
    for node in ast.walk(ast.parse(text_of(path))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            end = node.end_lineno or node.lineno
            header, body = lines[node.lineno - 1], "\n".join(lines[node.lineno:end])
            found.append(Function(node.name, node.lineno, end - node.lineno + 1, header, body))
    return found


_DEF = re.compile(r"^([ \t]*)(?:async[ \t]+def|def|cdef|cpdef)[ \t]+(?!class\b)[^\n]*?\b(\w+)[ \t]*\(")


def _cython_functions(path: Path) -> list[Function]:
    lines = code_of(path).split("\n")
    found = []
    for start, line in enumerate(lines):
        match = _DEF.match(line)
        if match is None:
            continue
        stop, depth, header = start, 0, ""
        while stop < len(lines):
            header += lines[stop] + "\n"
            depth = header.count("(") + header.count("[") - header.count(")") - header.count("]")
            stop += 1
            if depth <= 0:
                break
        if not header.rstrip().endswith(":"):
            continue  # a declaration, or a whole function on one line
        indent = len(match[1].expandtabs())
        end = stop
        for index in range(stop, len(lines)):
            text = lines[index]
            if text.strip() and len(text) - len(text.lstrip()) <= indent:
                break
            if text.strip():
                end = index + 1
        found.append(Function(match[2], start + 1, end - start, header, "\n".join(lines[stop:end])))
    return found
