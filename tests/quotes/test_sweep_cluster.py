"""A real Dask cluster on this machine: two worker processes, one of them killed half-way."""

import json
import logging
import subprocess
import sys
import types
from pathlib import Path
from typing import Any

import pytest
from dask_cluster import NEEDS_DASK, processes, scheduler, worker

import arbcore
from arbcore.cli import main
from arbcore.errors import ConfigError, ConnectError, RunError
from arbcore.system import cluster

SUPPORT = Path(__file__).resolve().parents[1] / "support"
ROOT = SUPPORT.parents[1]
SAMPLE = ROOT / "examples" / "es_spy_synthetic.csv"
SETTINGS: dict[str, Any] = {
    "factor": 10.03, "r": 0.043, "d": 0.0125, "cost_bps": 0.5, "entry_bps": "0:7.75:0.25",
    "exit_bps": "-2:2:0.25", "full": True,
}  # fmt: skip


@pytest.fixture
def quotes(tmp_path: Path) -> Path:
    path = tmp_path / "quotes.csv"
    with path.open("w") as stream:
        words = [sys.executable, "tools/make_sample.py", "--rows", "60000", "--seed", "3"]
        subprocess.run(words, cwd=ROOT, stdout=stream, check=True, timeout=60)
    return path


class TestOnACluster:
    pytestmark = NEEDS_DASK

    def test_a_worker_killed_half_way_changes_no_bit(self, quotes: Path) -> None:
        with processes() as started:
            address = scheduler(started)
            pids = [worker(started, address) for _ in range(2)]
            words = [sys.executable, str(SUPPORT / "cluster_run.py"), address, str(quotes)]
            words += [json.dumps(SETTINGS), *map(str, pids)]
            done = subprocess.run(words, capture_output=True, text=True, timeout=100)
        assert done.returncode == 0, done.stderr
        found: dict[str, Any] = json.loads(done.stdout)
        expected = arbcore.sweep(quotes, **SETTINGS).table
        assert found["killed"] is not None, "no worker had work when one was to be killed"
        assert found["killed"] not in found["left"]
        assert len(found["left"]) == 1
        assert found["table"] == {name: list(column) for name, column in expected.items()}

    def test_the_command_and_an_executor_give_the_result_of_local_threads(self) -> None:
        words = [sys.executable, "-m", "arbcore", "sweep", str(SAMPLE), "--entry-bps", "1:5:1", "--json"]
        with processes() as started:
            address = scheduler(started)
            worker(started, address)
            far = subprocess.run([*words, "--dask", address], capture_output=True, text=True, timeout=60)
            script = (
                "import json, sys, arbcore; from distributed import Client\n"
                "with Client(sys.argv[1]) as client, client.get_executor() as executor:\n"
                "    result = arbcore.sweep(sys.argv[2], entry_bps='1:5:1', executor=executor)\n"
                "print(json.dumps(dict(result.table.items())))"
            )
            library = subprocess.run(
                [sys.executable, "-c", script, address, str(SAMPLE)],
                capture_output=True,
                text=True,
                timeout=60,
            )
        near = subprocess.run(words, capture_output=True, text=True, timeout=60)
        assert (far.returncode, far.stdout, far.stderr) == (0, near.stdout, near.stderr)
        assert (library.returncode, library.stderr) == (0, "")
        assert json.loads(library.stdout) == json.loads(near.stdout)["table"]

    def test_a_scheduler_without_workers_and_one_that_is_none_are_a_sentence_each(self) -> None:
        script = (
            "import sys; from arbcore.system import cluster; from arbcore.cli import main\n"
            "cluster.CONNECT_S = cluster.NO_WORKER_S = 1.0\n"
            "sys.exit(main(['sweep', sys.argv[1], '--entry-bps', '1:5:1', '--dask', sys.argv[2]]))"
        )
        words = [sys.executable, "-c", script, str(SAMPLE)]
        with processes() as started:
            address = scheduler(started)
            alone = subprocess.run([*words, address], capture_output=True, text=True, timeout=60)
        gone = subprocess.run([*words, address], capture_output=True, text=True, timeout=60)
        for done, part in ((alone, "has no worker; start some with"), (gone, "No Dask scheduler answers at")):
            assert (done.returncode, done.stdout) == (1, "")
            assert part in done.stderr
            assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("address", ["", "box", "box:", "box:0", "box:99999", "box:1:2", "a b:1", ":1"])
def test_what_is_no_address_is_wrong_usage(address: str) -> None:
    with pytest.raises(ConfigError, match="is not the address of a Dask scheduler; write HOST:PORT"):
        arbcore.sweep(SAMPLE, entry_bps="1:2:1", dask=address)


def test_dask_that_is_not_installed_names_the_extra(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(RunError, match="not installed"), cluster.open_cluster("127.0.0.1:1"):
        pass
    assert main(["sweep", str(SAMPLE), "--entry-bps", "1:2:1", "--dask", "127.0.0.1:1"]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert "`pip install '.[dask]'` in the checkout" in err
    assert err.count("\n") == 1


class FakeClient:
    """As much of Dask's client as opening a cluster asks for; it notes the levels that it works under."""

    def __init__(self, address: str, **_: object) -> None:
        if address.endswith(":1"):
            raise OSError("nobody is there")

    def get_executor(self, *, pure: bool) -> object:
        return object()

    def nthreads(self) -> dict[str, int]:
        return {"one": 1}

    def close(self, timeout: float) -> None:
        self.timeout = timeout


@pytest.mark.parametrize("port", [1, 2])
def test_the_levels_of_other_libraries_loggers_are_put_back(
    monkeypatch: pytest.MonkeyPatch, port: int
) -> None:
    monkeypatch.setitem(sys.modules, "distributed", types.SimpleNamespace(Client=FakeClient))
    levels = {"distributed": logging.INFO, "distributed.comm": logging.NOTSET, "distributed.core": 40}
    others = {"distributedly": logging.INFO, "dask": logging.WARNING}
    for name, level in (levels | others).items():
        monkeypatch.setattr(logging.getLogger(name), "level", level)
    failed = False
    try:
        with cluster.open_cluster(f"127.0.0.1:{port}"):
            assert {logging.getLogger(name).level for name in levels} == {logging.CRITICAL}
            assert {name: logging.getLogger(name).level for name in others} == others
    except ConnectError:
        failed = True
    assert failed == (port == 1)
    assert {name: logging.getLogger(name).level for name in levels | others} == levels | others
