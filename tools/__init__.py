"""Programs about arbcore that are not part of the package: benchmarks, simulations, fuzzers.

They run from a checkout as ``python -m tools.NAME``. The checkout is added at the end of the path because an
installed arbcore must win over the checkout's sources, which may not be built in place. After it comes its
folder ``tests``, which has the twins in plain Python (``reference``).
"""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:] = [entry for entry in sys.path if Path(entry or ".").resolve() != ROOT]
sys.path += [str(ROOT), str(ROOT / "tests")]
