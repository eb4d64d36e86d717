"""A carry bot that can be killed anywhere: ``python crashing_bot.py LIBRARY`` reads lives from its input.

Each line is one life, ``{"port": N, "directory": D, "kill_at": K, "kill_after_s": S, "hasty": H,
"live_orders": L}``. It runs in a child forked from this process, which has imported everything and has no
threads. The life ends by SIGKILL at its K-th boundary between storing and sending, or S seconds after its
first connection, or in order at the end of its data; if L is not null, it decides on live quotes and stops in
order after L orders. A hasty bot sends before it stores. The response to each life is a line about its end.
"""

import asyncio
import json
import logging
import os
import select
import signal
import sys
from pathlib import Path
from typing import Any

from carry_bots import bot_of, plan_of

from arbcore.broker.command_executor import CommandExecutor
from arbcore.broker.ib_link import IbLink, load_library
from arbcore.broker.store import Store
from arbcore.desk.records import OrderRow
from arbcore.errors import ArbcoreError
from arbcore.ibkr import Bot

LIFE_SECONDS_MAX = 90.0


class Reaper:
    """Counts boundaries and kills its own process at one of them."""

    def __init__(self, kill_at: int, pipe: int) -> None:
        self.kill_at = kill_at
        self.passed = 0
        self._pipe = pipe

    def boundary(self, where: str) -> None:
        self.passed += 1
        if self.passed == self.kill_at:
            self.say({"killed": where})
            os.kill(os.getpid(), signal.SIGKILL)

    def say(self, what: dict[str, Any]) -> None:
        os.write(self._pipe, json.dumps(what).encode() + b"\n")

    def watch(self, owner: type, name: str) -> None:
        """Makes a boundary before and after each call of a method."""
        inner = getattr(owner, name)

        def outer(*arguments: Any, **named: Any) -> Any:
            self.boundary(f"before {name}")
            result = inner(*arguments, **named)
            self.boundary(f"after {name}")
            return result

        setattr(owner, name, outer)


def send_before_storing() -> None:
    """Plants the bug that these tests must detect: an order is sent before its intent is stored."""
    save, send = CommandExecutor.save, CommandExecutor.send

    def later(executor: CommandExecutor, rows: list[Any]) -> bool:
        if any(isinstance(row, OrderRow) and row.state == "sent" for row in rows):
            executor.unsaved = rows
            return True
        return save(executor, rows)

    def at_once(executor: CommandExecutor, command: Any) -> None:
        send(executor, command)
        save(executor, executor.unsaved)

    CommandExecutor.save, CommandExecutor.send = later, at_once


def stop_after(bot: Bot, orders: int) -> None:
    """Stops the bot in order once it has sent ``orders`` orders."""
    send = bot.executor.send

    def sent(command: Any) -> None:
        before = bot.tally.orders
        send(command)
        if before < orders <= bot.tally.orders:
            asyncio.get_running_loop().call_soon(bot.stop, "enough orders were sent")

    bot.executor.send = sent  # type: ignore[method-assign]


def live(life: dict[str, Any], library: str, pipe: int) -> None:
    """Runs one life, in its own process."""
    reaper = Reaper(life["kill_at"] or 0, pipe)
    reaper.watch(Store, "save")
    reaper.watch(IbLink, "place")
    connect = IbLink.connect

    async def connected(link: IbLink) -> Any:
        reaper.say({"connected": True})
        return await connect(link)

    IbLink.connect = connected  # type: ignore[method-assign]
    if life["hasty"]:
        send_before_storing()
    alarms: list[str] = []
    enough = life["live_orders"]
    bot = bot_of(
        plan_of(life["port"], Path(life["directory"]), library=library, rows=enough is None),
        told=lambda level, text: alarms.append(text) if level == "alarm" else None,
    )
    if enough is not None:
        stop_after(bot, enough)
    try:
        asyncio.run(bot.run())
    except ArbcoreError as error:
        reaper.say({"error": str(error)})
    session = bot.session
    assert session is not None
    reaper.say(
        {"state": session.state, "reasons": list(session.reasons), "positions": bot.heartbeat.ours(),
         "boundaries": reaper.passed, "alarms": alarms}
    )  # fmt: skip


def child(life: dict[str, Any], library: str, pipe: int) -> None:
    try:
        live(life, library, pipe)
    except BaseException as error:  # noqa: BLE001  It is reported; a forked child must not return.
        os.write(pipe, json.dumps({"error": repr(error)}).encode() + b"\n")
    finally:
        os._exit(0)


def answer(life: dict[str, Any], library: str) -> dict[str, Any]:
    """Runs one life, kills it from outside if the plan requires it, and collects its output."""
    read_end, write_end = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(read_end)
        child(life, library, write_end)
    os.close(write_end)
    data, patience_s = b"", LIFE_SECONDS_MAX
    while True:
        ready, _, _ = select.select([read_end], [], [], patience_s)
        if not ready:
            os.kill(pid, signal.SIGKILL)
            patience_s = LIFE_SECONDS_MAX
            continue
        more = os.read(read_end, 65_536)
        if not more:
            break
        if not data and life["kill_after_s"] is not None:
            patience_s = life["kill_after_s"]
        data += more
    os.close(read_end)
    _, status = os.waitpid(pid, 0)
    known: dict[str, Any] = {"signal": os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0}
    for line in data.splitlines():
        known |= json.loads(line)
    return known


def main() -> None:
    library = sys.argv[1]
    logging.disable()
    load_library(library)
    for line in sys.stdin:
        print(json.dumps(answer(json.loads(line), library)), flush=True)


if __name__ == "__main__":
    main()
