"""Rounds on a real Dask cluster: the numbers of this machine, and a sentence where its scheduler dies."""

import json
import subprocess
import sys
from typing import Any

from dask_cluster import NEEDS_DASK, processes, scheduler, worker

import arbcore

pytestmark = NEEDS_DASK

#: Plays on a cluster and kills a process of it once the first rounds are done.
SCRIPT = """
import json, os, signal, sys
import arbcore

killed = []

def kill_once(done, total):
    if done and not killed:
        killed.append(os.kill(int(sys.argv[2]), signal.SIGKILL))

try:
    found = arbcore.simulate(
        rounds=int(sys.argv[3]), seed=500, round_s=60, dask=sys.argv[1], progress=kill_once
    )
except arbcore.ArbcoreError as error:
    sys.exit(str(error))
assert killed
print(json.dumps(found.summary))
"""


def played(address: str, pid: int, *, rounds: int) -> "subprocess.CompletedProcess[str]":
    words = [sys.executable, "-c", SCRIPT, address, str(pid), str(rounds)]
    return subprocess.run(words, capture_output=True, text=True, timeout=120)


def without_times(summary: Any) -> dict[str, Any]:
    return {key: value for key, value in summary.items() if key != "elapsed_s"}


def test_a_cluster_that_loses_a_worker_plays_the_rounds_of_this_machine() -> None:
    with processes() as started:
        address = scheduler(started)
        worker(started, address)
        far = played(address, worker(started, address), rounds=60)
    assert (far.returncode, far.stderr) == (0, "")
    near = arbcore.simulate(rounds=60, seed=500, round_s=60, workers=1)
    assert without_times(json.loads(far.stdout)) == without_times(json.loads(json.dumps(near.summary)))


def test_a_scheduler_that_goes_away_is_a_sentence() -> None:
    with processes() as started:
        address = scheduler(started)
        worker(started, address)
        far = played(address, started[0].pid, rounds=2000)
    assert (far.returncode, far.stdout) == (1, "")
    assert far.stderr.startswith(f"The Dask scheduler at {address} does not answer any more (")
    assert far.stderr.count("\n") == 1
