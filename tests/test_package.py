"""The package as a whole: what importing it costs, what it calls itself and offers, how it is started."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

import arbcore


def python(*args: str, cwd: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([sys.executable, *args], cwd=cwd, capture_output=True, text=True, timeout=60)


def test_version_is_one_of_three_numbers() -> None:
    assert re.fullmatch(r"\d+\.\d+\.\d+", arbcore.__version__)


def test_package_is_marked_as_typed() -> None:
    assert (Path(arbcore.__file__).parent / "py.typed").is_file()


def test_import_loads_nothing_but_itself(tmp_path: Path) -> None:
    # Counted rather than timed: a slow machine must not fail it, and a heavy import must. What the package
    # loads of its own accord is nothing, so the 50 ms that an import may take are the file system's.
    code = "import sys; before = set(sys.modules); import arbcore; print(*sorted(set(sys.modules) - before))"
    done = python("-c", code, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["arbcore", "arbcore._version"]


def test_every_public_name_is_there_and_typed_where_it_lives() -> None:
    source = Path(arbcore.__file__).read_text(encoding="utf-8")
    blocks = [node for node in ast.parse(source).body if isinstance(node, ast.If)]
    typed = {
        (node.module, alias.name)
        for block in blocks
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    homes = {(module, name) for module, names in arbcore._HOME.items() for name in names}
    assert typed == homes | {("arbcore", name) for name in arbcore._MODULES}
    assert arbcore.__all__ == sorted(name for _, name in typed)


@pytest.mark.parametrize("name", arbcore.__all__)
def test_public_names_load_and_are_documented(name: str) -> None:
    value = getattr(arbcore, name)
    assert name in dir(arbcore)
    assert value.__doc__


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nothing_of_the_kind'"):
        _ = arbcore.nothing_of_the_kind


@pytest.mark.parametrize("optimised", [[], ["-O"]], ids=["plain", "optimised"])
def test_module_and_version(tmp_path: Path, optimised: list[str]) -> None:
    done = python(*optimised, "-m", "arbcore", "--version", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    version = re.escape(arbcore.__version__)
    assert re.match(rf"arbcore {version} \((release|sanitized|traced) build, .*Cython 3\.", done.stdout)
