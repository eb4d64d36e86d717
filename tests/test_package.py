"""The package as a whole: what importing it costs, what it calls itself, how it is started."""

import re
import subprocess
import sys
from pathlib import Path

import arbcore


def python(*args: str, cwd: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([sys.executable, *args], cwd=cwd, capture_output=True, text=True, timeout=60)


def test_version_is_one_of_three_numbers() -> None:
    assert re.fullmatch(r"\d+\.\d+\.\d+", arbcore.__version__)


def test_package_is_marked_as_typed() -> None:
    assert (Path(arbcore.__file__).parent / "py.typed").is_file()


def test_import_loads_no_compiled_module_and_nothing_heavy(tmp_path: Path) -> None:
    # Counted rather than timed: a slow machine must not fail it, and a heavy import must.
    code = "import sys; before = set(sys.modules); import arbcore; print(*sorted(set(sys.modules) - before))"
    done = python("-I" if "site-packages" in arbcore.__file__ else "-s", "-c", code, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    loaded = set(done.stdout.split())
    foreign = {name for name in loaded if not name.startswith("arbcore")}
    assert foreign <= {"__future__", "importlib", "typing"}
    assert not [name for name in loaded if name.rpartition(".")[2].startswith("_")], loaded
