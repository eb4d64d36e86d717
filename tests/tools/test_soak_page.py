"""A day of simulated running of each live page in a real Chromium, waiting for the browser now and then."""

import os
import subprocess
import sys

import pytest
from chromium import find_chromium
from live_snapshots import SNAPSHOTS

pytestmark = pytest.mark.browser


@pytest.mark.timeout(900)
@pytest.mark.parametrize("kind", SNAPSHOTS)
def test_a_day_of_a_live_page_grows_nothing(kind: str) -> None:
    if find_chromium() is None:
        pytest.skip("no Chromium on this machine; install it (Debian: apt-get install chromium)")
    done = subprocess.run(
        [sys.executable, "-m", "tools.soak_page", kind, "--looked", "500"], capture_output=True, text=True,
        check=False, env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert " 24.0 h  heap " in done.stdout
