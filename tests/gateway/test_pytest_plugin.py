"""The pytest plugin: the example of the documentation runs, and a plain start imports nothing of arbcore."""

import os
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import pytest
from ib_libraries import need

import arbcore_pytest

#: Where arbcore is installed, pytest finds the plugin by itself.
INSTALLED = any(each.value == "arbcore_pytest" for each in entry_points(group="pytest11"))
PLUGIN = () if INSTALLED else ("-p", "arbcore_pytest")
PLUGIN_FOLDER = Path(arbcore_pytest.__file__).parent
EXAMPLES = Path(__file__).parents[2] / "examples"


def run_pytest(tmp_path, *words):
    paths = [str(PLUGIN_FOLDER), os.environ.get("PYTHONPATH", "")]
    return subprocess.run(
        [
            sys.executable, "-m", "pytest", "-q", *PLUGIN, "-p", "no:cacheprovider", "--strict-markers",
            *words,
        ],
        cwd=tmp_path, capture_output=True, text=True, timeout=60,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(paths)},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("library", "example"),
    [
        ("ib_insync", "test_ib_program.py"), ("ib_async", "test_ib_program.py"),
        ("ibapi", "test_ibapi_program.py"),
    ],
)  # fmt: skip
def test_the_example_of_the_documentation_passes(tmp_path, library, example):
    need(library)
    program = tmp_path / example
    text = (EXAMPLES / example).read_text(encoding="utf-8")
    program.write_text(text.replace("from ib_insync", f"from {library}"), encoding="utf-8")
    done = run_pytest(tmp_path, str(program))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 passed" in done.stdout


def test_nothing_of_arbcore_is_imported_before_the_fixture_is_used(tmp_path):
    program = tmp_path / "test_plain.py"
    program.write_text(
        "import sys\n\ndef test_plain():\n"
        "    assert not [name for name in sys.modules if name == 'arbcore' or name.startswith('arbcore.')]\n",
        encoding="utf-8",
    )
    done = run_pytest(tmp_path, str(program))
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_fixture_has_where_it_is_and_what_happened(tmp_path):
    program = tmp_path / "test_log.py"
    program.write_text(
        "import socket\n\ndef test_log(arbcore_gateway):\n"
        "    with socket.create_connection((arbcore_gateway.host, arbcore_gateway.port)) as link:\n"
        "        link.sendall(b'API\\0\\0\\0\\0\\x09v201..225')\n"
        "        assert b'178' in link.recv(100)\n"
        "        while link.recv(1000):\n            pass\n"
        "    assert arbcore_gateway.account == 'DUSIM000001'\n"
        "    assert any('201 to 225' in line for line in arbcore_gateway.log)\n",
        encoding="utf-8",
    )
    done = run_pytest(tmp_path, str(program))
    assert done.returncode == 0, done.stdout + done.stderr
