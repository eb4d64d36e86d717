"""The pytest plugin of arbcore: a look-alike of Trader Workstation for the tests of anybody's program.

``arbcore_gateway`` is a gateway of the test's own on a free port of this machine, with ``host``, ``port``,
``account`` and ``log``; ``@pytest.mark.arbcore_faults("disconnect@5", "reject=201@0")`` gives it faults.
Nothing of arbcore is imported until a test uses the fixture.
"""

import threading
import time
from collections.abc import Iterator

import pytest

_PATIENCE_S = 20.0


def pytest_configure(config: pytest.Config) -> None:
    """Registers the marker."""
    config.addinivalue_line(
        "markers",
        "arbcore_faults(*faults): what the test's arbcore_gateway does wrong, "
        "each NAME[=ARG]@SECONDS[xCOUNT] "
        "as "
        "`arbcore gateway --list-faults` shows them",
    )


class ArbcoreGateway:
    """A gateway that serves in a thread of its own until ``stop``."""

    host = "127.0.0.1"

    def __init__(self, faults: tuple[str, ...] = (), seed: int = 1) -> None:
        from arbcore.broker.gateway_server import GatewayServer
        from arbcore.gateway.faults import parse
        from arbcore.gateway.gateway import Gateway, GatewayConfig
        from arbcore.gateway.seeded import seeded_market

        config = GatewayConfig(faults=tuple(parse(text) for text in faults))
        market = seeded_market(seed, time.time_ns())
        self._gateway = Gateway(config, market.rows, beside=market.beside, past=market.past)
        self._server = GatewayServer(self._gateway, host=self.host, port=0)
        self.port: int = self._server.port
        self.account: str = config.accounts[0]
        self._over = False
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="arbcore gateway", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._server.serve(lambda: self._over)
        except BaseException as error:  # noqa: BLE001  It is raised again where the test ends.
            self._failure = error

    @property
    def log(self) -> list[str]:
        """What happened so far, a line each: connections, requests, orders, positions."""
        return list(self._gateway.log)

    def stop(self) -> None:
        """Ends it; an error of its own is raised here."""
        self._over = True
        self._server.wake()
        self._thread.join(_PATIENCE_S)
        if self._failure is not None:
            raise self._failure


@pytest.fixture
def arbcore_gateway(request: pytest.FixtureRequest) -> Iterator[ArbcoreGateway]:
    """A gateway of the test's own on a free port, with the faults of its ``arbcore_faults`` marker."""
    faults = [text for marker in request.node.iter_markers("arbcore_faults") for text in marker.args]
    gateway = ArbcoreGateway(tuple(map(str, faults)))
    try:
        yield gateway
    finally:
        gateway.stop()
