"""One run of the carry bot in a test: the real library connects over TCP to a gateway in a thread."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from carry_bots import Market, books_of, bot_of, differences, plan_of
from ib_libraries import LOOK_S, LOOKS_MAX, Served

from arbcore.desk.commands import SendOrder
from arbcore.errors import ArbcoreError
from arbcore.gateway.faults import parse


class Run:
    """The bot, its broker, and the market of both."""

    def __init__(self, served: Served, market: Market, *, directory: Path, library: str, **changes: Any):
        self.served = served
        self.market = market
        self.directory = directory
        self.library = library
        self.told: list[tuple[str, str]] = []
        plan = plan_of(served.port, directory, library=library, **changes)
        self.bot = bot_of(plan, told=lambda level, text: self.told.append((level, text)))
        self.task = asyncio.get_running_loop().create_task(self.bot.run())

    # --- the broker ---------------------------------------------------------------------------------------

    def fault(self, name: str, arg: Any = None, count: int = 0) -> None:
        self.served.fault(name, arg, count)

    @property
    def books(self) -> dict[str, Any]:
        return self.served.do(books_of)

    @property
    def sent(self) -> int:
        """The number of orders that the broker received."""
        return len(self.books["orders"])

    def used(self, name: str) -> bool:
        """Whether a fault has occurred as often as it was planned."""
        return bool(self.served.do(lambda gateway: name not in gateway.armed.names()))

    async def rows(self, count: int) -> None:
        """Waits until the gateway has shown ``count`` more rows."""

        def shown() -> int:
            return int(self.served.do(lambda gateway: gateway.row_number))

        wanted = shown() + count
        await self.until(lambda: shown() >= wanted)

    def listen(self) -> list[int]:
        """Returns a list to which the codes of all later errors on this connection are added."""
        codes: list[int] = []
        assert self.bot.link is not None
        self.bot.link._ib.errorEvent += lambda _, code, *__: codes.append(code)
        return codes

    # --- the bot ------------------------------------------------------------------------------------------

    @property
    def state(self) -> str:
        return "" if self.bot.session is None else self.bot.session.state

    @property
    def phase(self) -> str:
        """The phase of the open pair; empty without one."""
        pair = self.bot.session.status()["pair"] if self.bot.session is not None else None
        return pair["phase"] if pair else ""

    @property
    def quiet(self) -> bool:
        """Whether no order may still fill and no request is open."""
        return self.bot.session is not None and self.bot.session.settled

    def reasons_to_send(self) -> set[str]:
        """Returns a set of the events that cause orders from now on: ``Quote``, or ``Tick`` for time."""
        session = self.bot.session
        assert session is not None
        handle, kinds = session.handle, set()

        def handled(event: Any, **times: int) -> Any:
            wanted = handle(event, **times)
            if any(isinstance(command, SendOrder) for command in wanted):
                kinds.add(type(event).__name__)
            return wanted

        session.handle = handled  # type: ignore[method-assign]
        return kinds

    def heard(self, text: str) -> bool:
        """Whether the time line has a line with this text."""
        return any(text in line for _, line in self.told)

    async def until(self, condition: Callable[[], Any]) -> None:
        """Waits until the condition is true. Fails if the run ends before."""
        for _ in range(LOOKS_MAX):
            if condition():
                return
            if self.task.done():
                self.task.result()
            await asyncio.sleep(LOOK_S)
        raise AssertionError(f"it did not come to be; {self.state} {self.phase}, told {self.told[-5:]}")

    async def active(self) -> None:
        await self.until(lambda: self.state == "ACTIVE" and self.quiet)

    async def held(self) -> None:
        await self.until(lambda: self.phase == "held" and self.quiet)

    async def flat(self) -> None:
        await self.until(lambda: not self.phase and self.quiet)

    async def enter(self, dev_bps: float) -> None:
        """Sets the deviation and waits until a pair is open."""
        await self.active()
        self.market.dev_bps = dev_bps
        await self.held()

    async def decisions(self, count: int = 5) -> None:
        """Waits until ``count`` more quotes were decided on, or skipped for a reason."""
        assert self.bot.session is not None
        session = self.bot.session

        def looked() -> int:
            status = session.status()
            return int(status["decisions"]) + sum(status["skipped"].values())

        wanted = looked() + count
        await self.until(lambda: looked() >= wanted)

    async def end(self) -> None:
        if not self.task.done():
            self.bot.stop("the test is over")
        await self.task


def play(
    script: Callable[[Run], Awaitable[None]], *, directory: Path, library: str, market: Market | None = None,
    gateway: dict[str, Any] | None = None, compare: bool = True, faults: tuple[str, ...] = (), **changes: Any,
) -> Run:  # fmt: skip
    """Runs the bot while ``script`` runs, and stops it in order; its store must then agree with the broker.

    ``faults`` are those of the gateway from the start, as ``"silent=positions@0"``.
    """
    market = market or Market()
    config = (gateway or {}) | {"faults": tuple(parse(text) for text in faults)}

    async def main(served: Served) -> Run:
        run = Run(served, market, directory=directory, library=library, **changes)
        try:
            await script(run)
            await run.end()
        finally:
            run.task.cancel()
            with contextlib.suppress(asyncio.CancelledError, ArbcoreError):
                await run.task
            # The loop must still handle the end of the transport before it is closed.
            await asyncio.sleep(0.01)
        if compare:
            assert differences(directory, run.books) == []
        return run

    with Served(market, **config) as served:
        return asyncio.run(main(served))


__all__ = ["Run", "play"]
