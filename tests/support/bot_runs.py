"""One run of the carry bot inside a test: the real library over TCP to a gateway in a thread."""

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
    """The bot, the broker that it talks to, and the market that both see."""

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
        """Orders that the broker took."""
        return len(self.books["orders"])

    def used(self, name: str) -> bool:
        """Whether a fault that waited for its occasions has had all of them."""
        return bool(self.served.do(lambda gateway: name not in gateway.armed.names()))

    async def rows(self, count: int) -> None:
        """So many rows more were shown to whoever may see them."""

        def shown() -> int:
            return int(self.served.do(lambda gateway: gateway.row_number))

        wanted = shown() + count
        await self.until(lambda: shown() >= wanted)

    def listen(self) -> list[int]:
        """The codes of all that this connection is sent as an error from now on."""
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
        """That of the open pair; empty where there is none."""
        pair = self.bot.session.status()["pair"] if self.bot.session is not None else None
        return pair["phase"] if pair else ""

    @property
    def quiet(self) -> bool:
        """Nothing may still fill and nothing is being asked."""
        return self.bot.session is not None and self.bot.session.settled

    def reasons_to_send(self) -> set[str]:
        """The kinds of events that orders leave on from here on, as ``Quote``; ``Tick`` is time alone."""
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
        """Whether the time line has a line with such a text."""
        return any(text in line for _, line in self.told)

    async def until(self, condition: Callable[[], Any]) -> None:
        """Waits for something to be so; a run that ends meanwhile is an error of its own."""
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
        """A pair is entered and held."""
        await self.active()
        self.market.dev_bps = dev_bps
        await self.held()

    async def decisions(self, count: int = 5) -> None:
        """So many quotes more were decided on, or skipped for a reason."""
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
    """Runs the bot beside ``script`` and ends it in order; its store must then agree with the broker.

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
            # The transport's end is the loop's to see before it is gone.
            await asyncio.sleep(0.01)
        if compare:
            assert differences(directory, run.books) == []
        return run

    with Served(market, **config) as served:
        return asyncio.run(main(served))


__all__ = ["Run", "play"]
