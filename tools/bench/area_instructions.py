"""Instructions per message, counted by valgrind: the count does not depend on the machine's load.

Each engine runs in a child process over the same stored recording, once with few repetitions and once with
more; the difference is the cost of the further repetitions, without Python's start.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from tools.bench import engines, floors, peers, stream
from tools.bench.area_loopback import environment
from tools.bench.area_session import CHUNK_BYTES, SETTINGS
from tools.bench.counted import store
from tools.bench.harness import FLOOR, OURS, Options, Ratio, Row, Table

FEW, MORE = 1, 6
TIMEOUT_S = 300


def counted(engine: str, path: Path, times: int) -> int:
    """Counts the instructions of a whole child process."""
    command = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={os.devnull}",
               sys.executable, "-m", "tools.bench.counted", engine, str(path), str(times)]
    # A fixed hash seed makes Python's start cost the same each time.
    settings = {**environment(), "PYTHONHASHSEED": "0"}
    done = subprocess.run(
        command, capture_output=True, text=True, check=True, timeout=TIMEOUT_S, env=settings
    )
    found = re.search(r"Collected : (\d+)", done.stderr)
    if found is None:
        raise ValueError(f"valgrind printed no count: {done.stderr[-200:]}")
    return int(found.group(1))


def run(options: Options) -> list[Table]:
    """Returns the table of this area: one count per engine, because it does not vary."""
    ours, floor = engines.missing_reason(), floors.missing_reason()
    valgrind = "" if shutil.which("valgrind") else "valgrind is not installed"
    named = {
        "all": Row("arbcore, all strategies", OURS, missing=valgrind or ours),
        "none": Row("arbcore, no strategy", OURS, missing=valgrind or ours),
        "floor": Row("C floor, generic build", FLOOR, missing=valgrind or floor),
    }
    session = peers.JsonSession(SETTINGS, peers.tuned_strategies(SETTINGS))
    messages = options.sized(10_000, 1_000)
    recording = stream.record(session, messages=messages, chunk_bytes=CHUNK_BYTES, seed=options.seed)
    path = floors.build_directory() / "counted.jsonl"
    store(recording, path)
    for engine, row in named.items():
        if not row.missing:
            further = counted(engine, path, MORE) - counted(engine, path, FEW)
            row.samples.append(further / ((MORE - FEW) * recording.messages))
    ratios = [Ratio("all strategies against the C floor", named["all"], named["floor"])]
    title = "every strategy and check"
    return [Table("instructions", title, "instructions a message", list(named.values()), ratios,
                  [recording.describe()])]
