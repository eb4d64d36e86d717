"""What systemd is told, and the unit that it reads."""

import os
import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from arbcore.system.service_manager import ServiceManager

UNIT = Path(__file__).resolve().parents[2] / "examples" / "systemd" / "arbcore-carry.service"


@pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="needs Unix sockets")
@pytest.mark.parametrize("abstract", [False, True])
def test_news_arrive_as_they_are(tmp_path: Path, abstract: bool) -> None:
    if abstract and sys.platform != "linux":
        pytest.skip("abstract names are Linux's")
    name = f"@arbcore-test-{os.getpid()}" if abstract else str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as heard:
        heard.bind(name.replace("@", "\0", 1) if abstract else name)
        heard.settimeout(5)
        manager = ServiceManager({"NOTIFY_SOCKET": name, "WATCHDOG_USEC": "60000000"})
        manager.tell("READY=1")
        assert heard.recv(100) == b"READY=1"
        assert manager.every_s == 20.0


@pytest.mark.parametrize("environ", [
    {}, {"NOTIFY_SOCKET": ""}, {"WATCHDOG_USEC": "60000000"},
    {"NOTIFY_SOCKET": "nowhere", "WATCHDOG_USEC": "60000000", "WATCHDOG_PID": "1"},
    {"NOTIFY_SOCKET": "nowhere", "WATCHDOG_USEC": "x"}, {"NOTIFY_SOCKET": "nowhere", "WATCHDOG_USEC": "0"},
])  # fmt: skip
def test_where_nobody_waits_nothing_is_told_and_nothing_fails(environ: dict[str, str]) -> None:
    manager = ServiceManager(environ)
    manager.tell("READY=1")
    assert manager.every_s is None


def test_the_unit_says_what_the_exit_codes_mean() -> None:
    text = UNIT.read_text()
    told = dict(re.findall(r"^(\w+)=(.*)$", text, re.MULTILINE))
    assert told["Type"] == "notify"
    assert told["Restart"] == "on-failure"
    assert told["RestartPreventExitStatus"] == "1 2 3"
    assert told["SuccessExitStatus"] == "130"
    assert int(told["TimeoutStopSec"]) > 60
    assert "--wait" in told["ExecStart"]


def test_the_unit_passes_systemds_own_check(tmp_path: Path) -> None:
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        pytest.skip("no systemd on this machine")
    # The program of the unit is not installed here.
    text = re.sub(r"(?m)^ExecStart=\S+", f"ExecStart={sys.executable}", UNIT.read_text())
    path = tmp_path / UNIT.name
    path.write_text(text)
    done = subprocess.run([analyze, "verify", "--man=no", str(path)], capture_output=True, text=True)
    assert (done.returncode, [line for line in done.stderr.split("\n") if UNIT.name in line]) == (0, [])
