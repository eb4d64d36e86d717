"""Every test of this folder runs the whole bot, through each of the libraries that is installed."""

import functools

import pytest
from bot_runs import play as play_run
from ib_libraries import NAMES, load, quiet

from arbcore import ibkr


@pytest.fixture(params=NAMES)
def library(request):
    quiet(request.param)
    return load(request.param).__name__


@pytest.fixture
def play(library, tmp_path, monkeypatch):
    """``play(script, **changes)``; a bot that was cut off notices at once, and comes back at once."""
    monkeypatch.setattr(ibkr, "RECONNECT_FIRST_S", 0.05)
    monkeypatch.setattr(ibkr, "HEARTBEAT_S", 0.5)
    return functools.partial(play_run, directory=tmp_path, library=library)
