"""Programs about arbcore that are no part of the package: benchmarks, simulations, fuzzers.

They run from a checkout as ``python -m tools.NAME``. An installed arbcore wins over the checkout's sources,
which may not have been built in place: so the checkout goes to the end of the path, and behind it its
``tests``, where the plain twins are (``reference``).
"""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:] = [entry for entry in sys.path if Path(entry or ".").resolve() != ROOT]
sys.path += [str(ROOT), str(ROOT / "tests")]
