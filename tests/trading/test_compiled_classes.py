"""No use of a compiled class, however odd, may end the interpreter: what cannot be is a Python exception."""

import subprocess
import sys
import threading
from typing import Any

import pytest

from arbcore.errors import UsageError
from arbcore.trading._plugin import Plugin
from arbcore.trading._quoting import MarketMaking
from arbcore.trading._session import Session
from arbcore.trading.trading_settings import MarketMakingSettings, SessionSettings

PROBE = """
import importlib, inspect, pkgutil, sys
import arbcore.trading, arbcore.wire
from arbcore.trading.trading_settings import BondSettings, SessionSettings

settings = SessionSettings()
odd = [None, 0, -1, 1, 2**31 - 1, 2**31, 2**63 - 1, -2**63, 2**64, 1.5, "GS", "x", b"x", (), [], {}, settings]
modules = ["arbcore.play._spin", "arbcore.play._watchdog"]
for package in (arbcore.trading, arbcore.wire):
    modules += [f"{package.__name__}.{found.name}" for found in pkgutil.iter_modules(package.__path__)
                if found.name.startswith("_")]
tried = 0

def attempt(call, *arguments, **named):
    global tried
    tried += 1
    try:
        return call(*arguments, **named)
    except BaseException:
        return None

def use(thing):
    for name in dir(type(thing)):
        if name.startswith("__") and name not in ("__len__", "__repr__"):
            continue
        member = attempt(getattr, thing, name)
        if not callable(member) or name == "stop" and "Watchdog" in type(thing).__name__:
            continue
        attempt(member)
        for one in odd:
            attempt(member, one)
            attempt(member, one, 5)
            attempt(member, "GS", one)
            attempt(member, one, "GS", one)
            attempt(member, one, one, one)
            attempt(member, "GS", 5, one)
            attempt(member, 3, now_ns=one) if isinstance(one, int) else None

from arbcore.trading._session import Session
for name in modules:
    for kind in vars(importlib.import_module(name)).values():
        if not inspect.isclass(kind) or kind.__module__ != name or issubclass(kind, (BaseException, tuple)):
            continue
        empty = attempt(type, "Skips" + kind.__name__, (kind,), {"__init__": lambda self, *_, **__: None})
        for made in (kind, empty):
            if made is None:
                continue
            bond = BondSettings()
            for arguments in ((), (settings,), (settings, []), (3,), (bond,), (bond, settings)):
                thing = attempt(made, *arguments)
                if thing is not None:
                    use(thing)
                    session = attempt(Session, settings, [thing])
                    if session is not None:
                        use(session)
                thing = attempt(made.__new__, made, *arguments)
                if thing is not None:
                    use(thing)
session = Session(settings, [])
for part in (session.gate, session.market, session.orders, session.audit):
    use(part)
use(session)
print(tried)
"""


def test_no_odd_use_of_a_compiled_class_ends_the_interpreter() -> None:
    done = subprocess.run(
        [sys.executable, "-X", "faulthandler", "-c", PROBE], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert int(done.stdout) > 1000


def test_a_strategy_that_skips_its_init_is_refused() -> None:
    class Skips(MarketMaking):
        def __init__(self, *_: Any) -> None:
            pass

    class SkipsAll(Plugin):
        def __init__(self) -> None:
            pass

    for strategy in (Skips(MarketMakingSettings(), SessionSettings()), SkipsAll()):
        with pytest.raises(UsageError, match="super"):
            Session(SessionSettings(), [strategy])


def test_room_time_beyond_the_cap_is_an_error() -> None:
    gate = Session(SessionSettings(message_cap=20), []).gate
    assert gate.room_time(19, 0) == 0
    for room in (20, 21, 2**31 - 1):
        with pytest.raises(ValueError, match="cap of 20"):
            gate.room_time(room, 0)


HELLO = b'{"type":"hello","symbols":[]}\n'
BOOK = b'{"type":"book","symbol":"GS","buy":[[99,1]],"sell":[[101,1]]}\n'


def test_an_event_from_a_hook_or_another_thread_meanwhile_is_refused() -> None:
    said: list[BaseException] = []

    def call(*arguments: Any) -> None:
        try:
            session.receive(BOOK, 10**9)
        except UsageError as error:
            said.append(error)

    class Meddles:
        def on_book(self, desk: Any, symbol: str) -> None:
            call()
            thread = threading.Thread(target=call)
            thread.start()
            thread.join()

    session = Session(SessionSettings(), [Meddles()])
    session.connected(0)
    session.receive(HELLO + BOOK, 1)
    assert len(said) == 2
    assert session.messages_in == 2
    session.receive(BOOK, 2)
    assert session.messages_in == 3
