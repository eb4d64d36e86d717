"""``arbcore doctor``: what is well, what is not, and what to do about it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from stores import opened

from arbcore.broker.carry_settings import LIBRARIES
from arbcore.broker.doctor import FAILED, OK, WARNING, Finding, MachineCheck


def looked(directory: Path, **environ: str) -> dict[str, Finding]:
    examination = MachineCheck(directory, environ, live=False)
    examination.here()
    return {finding.name: finding for finding in examination.found}


def test_a_machine_on_which_all_is_well(tmp_path: Path) -> None:
    found = looked(tmp_path)
    assert {name: one.status for name, one in found.items() if one.status == FAILED} == {}
    assert found["settings"].status == OK
    assert "does not exist yet" in found["store"].seen


def test_every_finding_that_is_not_well_has_advice(tmp_path: Path) -> None:
    (tmp_path / "KILL_SWITCH").touch()
    (tmp_path / ".env").write_text("IB_PROT=4002\n")
    (tmp_path / "arb_bot.sqlite3").write_text("notes")
    found = looked(tmp_path)
    assert (found["settings"].status, found["kill switch"].status) == (WARNING, WARNING)
    assert "did you mean IB_PORT?" in found["settings"].seen
    assert found["store"].status == FAILED
    assert found["store"].seen.endswith("is not a store of arbcore")
    assert found["store"].advice == "Name another file with --db or DB_PATH."
    assert all(one.advice for one in found.values() if one.status != OK)


def test_a_setting_out_of_range_is_found_and_the_rest_still_looked_at(tmp_path: Path) -> None:
    found = looked(tmp_path, IB_PORT="70000")
    assert found["settings"].status == FAILED
    assert "IB_PORT (environment) must be between 1 and 65535" in found["settings"].seen
    assert found["settings"].advice == "Correct what it names, then run the check again."
    assert found["interpreter"].status == OK


def test_a_missing_library_is_told_with_how_to_get_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in LIBRARIES:
        monkeypatch.setitem(sys.modules, name, None)
    found = looked(tmp_path)["library"]
    assert found.seen.endswith("and neither ib_insync nor ib_async is installed")
    assert found.advice.startswith("Install it with `pip install '.[ibkr]'`")
    missing = looked(tmp_path, ARBCORE_IB_LIBRARY="ib_async")["library"]
    assert missing.seen.endswith("and ib_async is not installed")


def test_a_store_is_opened_and_told(tmp_path: Path) -> None:
    opened(tmp_path / "arb_bot.sqlite3").close()
    assert looked(tmp_path)["store"].seen.endswith("paper account DU1234567, es-spy, 0 trades")


def test_a_store_in_no_folder(tmp_path: Path) -> None:
    assert looked(tmp_path, DB_PATH="nowhere/x.sqlite3")["store"].status == FAILED


def run(*words: str, cwd: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), **environ}
    command = [sys.executable, "-m", "arbcore", "doctor", *words]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=100, env=env)


@pytest.mark.parametrize("words", [(), ("--json",)])
def test_no_tws_is_a_finding_and_exit_code_1(words: tuple[str, ...], tmp_path: Path) -> None:
    done = run("--ibkr", *words, cwd=tmp_path, IB_PORT="1")
    assert (done.returncode, done.stderr) == (1, "")
    if words:
        findings = {one["name"]: one for one in json.loads(done.stdout)["findings"]}
        assert findings["link"]["status"] == FAILED
    assert "Nothing listens at 127.0.0.1 port 1" in done.stdout


def test_it_dials_what_it_is_told_to(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "arbcore", "gateway", "--port", "0", "--json", "--until-stdin-closes"]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    gateway = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=env)
    try:
        assert gateway.stdout is not None
        port = json.loads(gateway.stdout.readline())["port"]
        done = run("--ibkr", "--json", cwd=tmp_path, IB_PORT=str(port))
    finally:
        gateway.communicate()
    document = json.loads(done.stdout)
    findings = {one["name"]: one["status"] for one in document["findings"]}
    assert done.returncode == 0
    expected = (
        "account", "broker's clock", "contract ES", "contract SPY", "market data ES", "market data SPY",
    )  # fmt: skip
    assert {name: findings[name] for name in expected} == dict.fromkeys(expected, OK)
