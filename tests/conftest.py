"""Which arbcore the suite tests, and how the programs it starts find the same one.

An installed arbcore wins over the checkout: the root is appended to the path, never put before it.
"""

import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
if str(ROOT) not in sys.path:
    sys.path.append(str(ROOT))  # tests import tools.*, and a build in place is found here

import arbcore  # noqa: E402 -- only now can it be found

HOME = Path(arbcore.__file__).resolve().parents[1]
# Programs started from another directory must run the arbcore that is under test.
os.environ["PYTHONPATH"] = os.pathsep.join([str(HOME), *filter(None, [os.environ.get("PYTHONPATH")])])
# What the machine's owner has configured is no part of any test.
for name in [name for name in os.environ if name.startswith("ARBCORE_") or name == "KILL_SWITCH"]:
    del os.environ[name]


def pytest_report_header() -> str:
    return f"arbcore {arbcore.__version__} from {Path(arbcore.__file__).parent}"
