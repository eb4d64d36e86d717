"""A Dask cluster of processes on loopback, for the tests marked ``cluster``."""

import importlib.util
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

NEEDS_DASK = [
    pytest.mark.cluster,
    pytest.mark.skipif(importlib.util.find_spec("distributed") is None, reason="needs the extra dask"),
]


@contextmanager
def processes() -> Iterator[list[subprocess.Popen[str]]]:
    started: list[subprocess.Popen[str]] = []
    try:
        yield started
    finally:
        for process in started:
            process.kill()
        for process in started:
            process.communicate(timeout=30)


def start(started: list[subprocess.Popen[str]], ready: str, *words: str) -> subprocess.Popen[str]:
    """Starts a Dask program and waits until it prints that it is ready."""
    process = subprocess.Popen(
        [sys.executable, "-m", "dask", *words, "--no-dashboard"],
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    started.append(process)
    assert process.stderr is not None
    for line in process.stderr:
        if ready in line:
            return process
    raise AssertionError(f"{words[0]} never was ready")


def scheduler(started: list[subprocess.Popen[str]]) -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    start(started, "Scheduler at", "scheduler", "--host", "127.0.0.1", "--port", str(port))
    return f"127.0.0.1:{port}"


def worker(started: list[subprocess.Popen[str]], address: str) -> int:
    words = ("worker", address, "--host", "127.0.0.1", "--nthreads", "1", "--no-nanny")
    return start(started, "Registered to", *words).pid
