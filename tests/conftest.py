"""Which arbcore the suite tests, and how the programs it starts find the same one.

An installed arbcore wins over the checkout: the root is appended to the path, never put before it.
"""

import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
if str(ROOT) not in sys.path:
    sys.path.append(str(ROOT))  # tests import tools.*, and a build in place is found here

from hypothesis import HealthCheck, settings  # noqa: E402 -- after the path, like all that follow

import arbcore  # noqa: E402

HOME = Path(arbcore.__file__).resolve().parents[1]
# Programs started from another directory must run the arbcore that is under test.
os.environ["PYTHONPATH"] = os.pathsep.join([str(HOME), *filter(None, [os.environ.get("PYTHONPATH")])])
# What the machine's owner has configured is no part of any test.
for name in [name for name in os.environ if name.startswith("ARBCORE_") or name == "KILL_SWITCH"]:
    del os.environ[name]

# No test depends on speed: sanitized and traced builds are many times slower.
PATIENT = [HealthCheck.too_slow]
settings.register_profile("arbcore", deadline=None, print_blob=True, suppress_health_check=PATIENT)
settings.load_profile("arbcore")


def pytest_report_header() -> str:
    from arbcore.cli import version_line

    return f"{version_line()} from {Path(arbcore.__file__).parent}"
