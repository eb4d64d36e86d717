"""A slice of the carry bot's soak: one night in which the gateway restarts."""

import os
import subprocess
import sys

from ib_libraries import need


def test_the_bot_comes_back_after_a_nightly_restart_without_an_alarm() -> None:
    need("ib_insync")
    done = subprocess.run(
        [sys.executable, "-m", "tools.soak_bot", "--nights", "1", "--every-s", "60"],
        capture_output=True, text=True, timeout=100, check=False,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1,439 rows" in done.stdout
    assert "alarms                  none" in done.stdout
