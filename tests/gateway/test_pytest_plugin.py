"""The pytest plugin: the example of the documentation runs, and a plain start imports nothing of arbcore."""

import os
import subprocess
import sys
from pathlib import Path

from ib_libraries import need

import arbcore_pytest

PLUGIN_FOLDER = Path(arbcore_pytest.__file__).parent
EXAMPLE = Path(__file__).parents[2] / "examples" / "test_ib_program.py"


def run_pytest(tmp_path, *words):
    paths = [str(PLUGIN_FOLDER), os.environ.get("PYTHONPATH", "")]
    return subprocess.run(
        [
            sys.executable, "-m", "pytest", "-q", "-p", "arbcore_pytest", "-p", "no:cacheprovider",
            "--strict-markers", *words,
        ],
        cwd=tmp_path, capture_output=True, text=True, timeout=60,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(paths)},
    )  # fmt: skip


def test_the_example_of_the_documentation_passes(tmp_path):
    need("ib_insync")
    program = tmp_path / EXAMPLE.name
    program.write_text(EXAMPLE.read_text(encoding="utf-8"), encoding="utf-8")
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
