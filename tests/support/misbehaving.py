"""Strategies that misbehave: each may be switched off, but none may end the run."""

import asyncio
import os
import re
import signal
import sys
import threading
import time
from pathlib import Path

#: A file that is created in the working directory once the hook hangs.
HANGS = "hangs"


class Quoter:
    """Quotes two symbols at the touch; in a later turn its ``hang`` misbehaves in the way of its subclass."""

    quoted = False

    def on_tick(self, desk):
        if self.quoted:
            Path(HANGS).touch()
            self.hang()
        for symbol in ("GS", "MS"):
            bid, ask = desk.bid(symbol), desk.ask(symbol)
            if bid and ask:
                desk.quote(symbol, "BUY", bid[0], 1)
                desk.quote(symbol, "SELL", ask[0], 1)
                self.quoted = True


class SleepsInC(Quoter):
    def hang(self):
        time.sleep(3600)


class Spins(Quoter):
    def hang(self):
        while True:
            pass


class CatchesAll(Quoter):
    def hang(self):
        while True:
            try:
                while True:
                    pass
            except BaseException:  # noqa: BLE001, PERF203  This is what it is for.
                continue


class HoldsTheInterpreter(Quoter):
    def hang(self):
        re.match(r"(a+)+$", "a" * 60 + "b")


class TakesTheSignals(Quoter):
    def hang(self):
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM, signal.SIGHUP})
        while True:
            time.sleep(0.01)


class Exits:
    def on_tick(self, desk):
        sys.exit(7)


class Cancels:
    def on_tick(self, desk):
        raise asyncio.CancelledError


class Interrupts:
    def on_tick(self, desk):
        raise KeyboardInterrupt


class EndsAGenerator:
    def on_tick(self, desk):
        raise GeneratorExit


class Unspeakable(BaseException):
    def __str__(self):
        raise ValueError("no words")

    __repr__ = __str__


class RaisesUnspeakably:
    def on_tick(self, desk):
        raise Unspeakable


class RaisesABaseException:
    def on_tick(self, desk):
        raise BaseException("of its own")


class Recurses:
    def on_tick(self, desk):
        self.on_tick(desk)


class StartFails:
    def on_start(self, desk):
        raise OSError("no data file")


class AwaitsAtRunTime:
    def __init__(self):
        self.on_tick = lambda desk: asyncio.sleep(0)


class LeavesAThread:
    def on_start(self, desk):
        threading.Thread(target=time.sleep, args=(3600,)).start()


class Prints:
    def on_tick(self, desk):
        print("hello from a strategy")
        sys.__stdout__.write("hello past the redirection\n")
        sys.__stdout__.flush()
        os.write(1, b"hello from below\n")


class Slow:
    turns = 0

    def on_tick(self, desk):
        self.turns += 1
        print(f"slow turn {self.turns};")
        time.sleep(0.3)


class RefusedForEver:
    def on_tick(self, desk):
        desk.quote("GS", "BUY", -5, 1)
        desk.quote("GS", "SELL", 7900, 1000)


class Asynchronous:
    async def on_tick(self, desk):
        desk.quote("GS", "BUY", 1, 1)


class AsynchronousGenerator:
    async def on_tick(self, desk):
        yield desk


class Generates:
    def on_tick(self, desk):
        yield desk.quote("GS", "BUY", 1, 1)


class Mistyped:
    def on_trad(self, desk, symbol, price, size):
        pass

    def on_tick(self, desk):
        pass


class TakesTooLittle:
    def on_trade(self, desk, symbol):
        pass


class TakesTooMuch:
    def on_tick(self, desk, symbol):
        pass


class HooksAValue:
    on_tick = 5


class OneSymbolAsText:
    symbols = "GS"

    def on_tick(self, desk):
        pass


class PropertyFails:
    @property
    def on_tick(self):
        raise RuntimeError("not yet")


if __name__ == "misbehaving" and "exchange" in sys.argv:
    print("hello from the import")
