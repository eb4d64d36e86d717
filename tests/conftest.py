"""Which arbcore the suite tests, and how the programs it starts find the same one.

An installed arbcore wins over the checkout: the root is appended to the path, never put before it.
"""

import os
import signal
import sys
from pathlib import Path

import pytest
import seeds

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

# An ignored signal is inherited, as under nohup or behind a script's &; a handled one is not.
for number in (signal.SIGINT, getattr(signal, "SIGHUP", signal.SIGINT)):
    if signal.getsignal(number) is signal.SIG_IGN:
        signal.signal(number, lambda *_: None)

# No test depends on speed: sanitized and traced builds are many times slower.
PATIENT = [HealthCheck.too_slow]
settings.register_profile("arbcore", deadline=None, print_blob=True, suppress_health_check=PATIENT)
settings.load_profile("arbcore")


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("seeds", "other seeds for tests that take some")
    group.addoption(
        "--seeds-from", type=int, default=0, metavar="N",
        help="adds N to every seed that a test is parametrised with or shifts, and seeds Hypothesis with it",
    )  # fmt: skip
    group.addoption(
        "--seeds", type=int, metavar="COUNT",
        help="runs so many seeds of each test that is parametrised with them, from its first on",
    )  # fmt: skip


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    seeds.FIRST = config.getoption("--seeds-from")
    if seeds.FIRST:
        config.option.hypothesis_seed = seeds.FIRST


@pytest.hookimpl(tryfirst=True)
def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Tests that are parametrised with ``seed`` alone take the seeds that the options ask for."""
    marks = metafunc.definition.own_markers
    for at, mark in enumerate(marks):
        if mark.name == "parametrize" and mark.args[0] == "seed":
            given = seeds.shifted(mark.args[1])
            count = metafunc.config.getoption("--seeds")
            chosen = given if count is None else range(given[0], given[0] + count)
            marks[at] = pytest.mark.parametrize("seed", chosen, **mark.kwargs).mark


def pytest_report_header() -> str:
    from arbcore.cli import version_line

    return f"{version_line()} from {Path(arbcore.__file__).parent}"
