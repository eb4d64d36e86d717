"""The desk on recorded rows, with a model broker that fills everything at the touch at once."""

from collections import deque
from collections.abc import Iterable
from random import Random
from typing import Any

from arbcore.carry.pairs import ETF, FUT
from arbcore.desk import events as ev
from arbcore.desk.commands import Ask, Cancel, Command, SaveTrade, SendOrder
from arbcore.desk.desk_session import DeskSession
from arbcore.desk.desk_settings import DeskSettings
from arbcore.desk.records import Snapshot, TradeRow
from tools.desk_simulation.desk_broker import Broker, DeskFaults
from tools.desk_simulation.desk_store import MemoryStore

ALWAYS = ((-(2**62), 2**62),)
MILLISECOND_NS = 1_000_000


class Replay:
    """Feeds rows one by one, each until the desk is settled."""

    def __init__(self, settings: DeskSettings, *, faults: DeskFaults | None = None, seed: int = 1) -> None:
        self.settings = settings
        self.session: Any = None
        self.store = MemoryStore("DUSIM1")
        self.now_ns = self.utc_ns = 0
        self.inbox: deque[ev.Event] = deque()
        self.delayed: deque[Any] = deque()
        self.commands: list[Command] = []
        self.broker = Broker(
            Random(seed), faults or DeskFaults(), say=lambda event, _: self.inbox.append(event),
            later=lambda _, action: self.delayed.append(action), utc=lambda: self.utc_ns,
        )  # fmt: skip
        self.broker.con_ids = {FUT: 1, ETF: 2}

    def start(self, ts_ns: int, expiry_ns: int, snapshot: Snapshot | None = None) -> "Replay":
        """Connects and reconciles."""
        self.utc_ns = ts_ns
        self.session = DeskSession(self.settings, "rp", snapshot or self.store.snapshot())
        multiplier = self.settings.multiplier
        self.tell(ev.ContractFound(FUT, 1, 0.25, ALWAYS, ALWAYS, expiry_ns, multiplier))
        self.tell(ev.ContractFound(ETF, 2, 0.01, ALWAYS, ALWAYS))
        self.tell(ev.Hello("DUSIM1", ts_ns))
        for leg in (FUT, ETF):
            self.tell(ev.DataType(leg, 1))
        return self

    def tell(self, event: ev.Event) -> list[Command]:
        """Sends one event and everything that follows from it."""
        found: list[Command] = []
        self.inbox.append(event)
        while self.inbox or self.delayed:
            if not self.inbox:
                self.delayed.popleft()()
                continue
            self.now_ns += MILLISECOND_NS
            commands = self.session.handle(self.inbox.popleft(), now_ns=self.now_ns, utc_ns=self.utc_ns)
            found += commands
            for command in commands:
                self._carry_out(command)
        self.commands += found
        return found

    def _carry_out(self, command: Command) -> None:
        self.store.write(command)
        if isinstance(command, SendOrder):
            for row in command.orders:
                self.delayed.append(lambda row=row: self.broker.place(row))
        elif isinstance(command, Cancel):
            self.delayed.append(lambda: self.broker.cancel(command.ref))
        elif isinstance(command, Ask):
            self.delayed.append(lambda: self.broker.ask(command))

    def row(self, ts_ns: int, prices: Iterable[float], expiry_ns: int = 0) -> list[Command]:
        """Sends one recorded row, with one decision; ``expiry_ns`` identifies the quoted future."""
        self.utc_ns = ts_ns
        es_bid, es_ask, spy_bid, spy_ask = prices
        for leg, bid, ask in ((FUT, es_bid, es_ask), (ETF, spy_bid, spy_ask)):
            self.broker.market[leg].bid, self.broker.market[leg].ask = bid, ask
            self.tell(ev.Quote(leg, bid, ask))
        found = self.tell(ev.RowComplete(ts_ns, expiry_ns))
        assert self.session.settled, (ts_ns, self.session.status())
        return found

    def trades(self) -> list[TradeRow]:
        """Returns the closed pairs that traded, in their order."""
        return [row for _, row in sorted(self.store.trades.items()) if row.phase == "closed"]

    def saved(self) -> list[TradeRow]:
        """Returns every saved state of every pair."""
        return [command.row for command in self.commands if isinstance(command, SaveTrade)]
