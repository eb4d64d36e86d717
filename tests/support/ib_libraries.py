"""Runs the unmodified IB libraries against a gateway on loopback, with one event loop per test."""

import asyncio
import importlib.util
import logging
import math
import threading

import pytest

from arbcore.broker.gateway_server import GatewayServer
from arbcore.gateway.faults import planned
from arbcore.gateway.gateway import Gateway, GatewayConfig

NAMES = ("ib_insync", "ib_async")
PATIENCE_S = 20.0
#: A wait ends after a number of checks, not after a time: on a busy machine the checks are late too.
LOOKS_MAX, LOOK_S = 4_000, 0.005


def load(name):
    """Imports and returns the library, or skips the test if it is not installed."""
    # The import needs an event loop from the policy; we make one, so there is no warning and none stays open.
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    try:
        return pytest.importorskip(name)
    finally:
        asyncio.set_event_loop(None)
        loop.close()


def need(name):
    """Skips a test if the library that its programs import is not installed, without importing it here."""
    if importlib.util.find_spec(name) is None:
        pytest.skip(f"{name} is not installed")


class Served:
    """``with Served(rows) as served:`` runs a gateway with its server in a thread."""

    def __init__(self, rows, past=(), beside=(), **config):
        self.gateway = Gateway(GatewayConfig(**config), iter(rows), past=past, beside=beside)
        self.server = GatewayServer(self.gateway, host="127.0.0.1", port=0)
        self.port = self.server.port
        self._over = False
        self._failure = None
        self._thread = threading.Thread(target=self._run)

    def _run(self):
        try:
            self.server.serve(lambda: self._over)
        except BaseException as error:  # noqa: BLE001  It is raised again on the test's own thread.
            self._failure = error

    def do(self, act):
        """Calls ``act`` with the gateway between two of its events, and waits for the result."""
        done, results = threading.Event(), []

        def call(gateway):
            try:
                results.append(act(gateway))
            finally:
                done.set()

        self.server.call(call)
        assert done.wait(PATIENCE_S)
        return results[0]

    def fault(self, name, arg=None, count=0):
        self.do(lambda gateway: gateway.inject(planned(name, arg, count=count)))

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, kind, *_):
        self._over = True
        self.server.wake()
        self._thread.join(PATIENCE_S)
        assert not self._thread.is_alive()
        if self._failure is not None and kind is None:
            raise self._failure


class Session:
    """One library's connection, with the steps that every test needs."""

    def __init__(self, library, served):
        self.library = library
        self.served = served
        self.ib = library.IB()
        self.errors = []
        self.ib.errorEvent += lambda req_id, code, *_: self.errors.append((req_id, code))

    async def connect(self, client_id=1, **options):
        await self.ib.connectAsync("127.0.0.1", self.served.port, clientId=client_id, timeout=10, **options)
        return self

    async def contracts(self):
        """Returns (ES of the front month, SPY), qualified."""
        details = await self.ib.reqContractDetailsAsync(self.library.Future("ES", exchange="CME"))
        spy = self.library.Stock("SPY", "SMART", "USD")
        await self.ib.qualifyContractsAsync(spy)
        return details[0].contract, spy

    async def clock(self):
        """Returns the ticker of the gateway's clock."""
        contract = self.library.Contract(secType="IND", symbol="CLOCK", exchange="ARBCORE", currency="USD")
        await self.ib.qualifyContractsAsync(contract)
        return self.ib.reqMktData(contract)

    async def until(self, condition):
        """Waits until the condition is true; checks it after everything that arrives."""
        for _ in range(LOOKS_MAX):
            if condition():
                return
            await asyncio.sleep(LOOK_S)
        raise AssertionError("it did not come to be")

    def limit(self, action, quantity, price, **more):
        return self.library.LimitOrder(action, quantity, price, **{"tif": "IOC"} | more)

    async def close(self):
        self.ib.disconnect()
        # The loop must still handle the end of the transport before it is closed.
        await asyncio.sleep(0.01)


def play(library, served, script):
    """Runs ``script(session)`` in its own loop and closes what it opened."""

    async def main():
        session = Session(library, served)
        try:
            return await script(session)
        finally:
            await session.close()

    return asyncio.run(main())


def quiet(name):
    """Silences the library's log of received errors; tests read the errors from its events."""
    logging.getLogger(name).setLevel(logging.CRITICAL + 1)


def fast(**config):
    """Returns the configuration of a replay that is as fast as its reader."""
    return {"speed": math.inf, "waits": True} | config


__all__ = ["LOOKS_MAX", "LOOK_S", "NAMES", "PATIENCE_S", "Served", "Session", "fast", "load", "play", "quiet"]
