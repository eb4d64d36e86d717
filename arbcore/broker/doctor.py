"""Checks what the bots need: this machine, its settings, the store, and on request the links to TWS and FRED.

A shell: it reads files and the environment, and connects only on request. Every finding says what was found
and, if something is wrong, what to do. It changes nothing and trades nothing.
"""

import asyncio
import importlib
import platform
import shutil
import sqlite3
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from arbcore._version import __version__
from arbcore.broker.carry_settings import (
    IbkrSettings,
    carry_settings,
    desk_settings,
    ibkr_settings,
    pair_of_settings,
)
from arbcore.broker.fred import FredSettings, fetch
from arbcore.broker.guards import LIVE, PAPER, account_to_trade
from arbcore.broker.ib_link import IbLink, load_library
from arbcore.broker.store_file import open_to_read
from arbcore.carry.pairs import LEGS, Pair
from arbcore.core.settings import Config, Setting
from arbcore.core.text import plural, printable
from arbcore.desk import events as ev
from arbcore.desk.desk_settings import DeskSettings, seconds_ns
from arbcore.desk.hours import within
from arbcore.errors import ArbcoreError
from arbcore.system.configuration import load
from arbcore.system.kill_switch import KillSwitch

OK, WARNING, FAILED = "ok", "warning", "failed"
DISK_LOW_BYTES, DISK_FULL_BYTES = 2 << 30, 100 << 20
CLOCK_SLIP_S = 2.0
#: How long to wait for both legs' first quotes.
QUOTES_S = 8.0
DATA_TYPES = {0: "none", 1: "live", 2: "frozen", 3: "delayed", 4: "delayed and frozen"}


@dataclass(frozen=True)
class Finding:
    """The result of one check. ``advice`` is empty if all is well."""

    name: str
    status: str
    seen: str
    advice: str = ""

    def document(self) -> dict[str, str]:
        return asdict(self)


class MachineCheck:
    """``here()`` checks this machine, ``ibkr()`` TWS, ``fred()`` FRED; findings go to ``found``."""

    def __init__(
        self,
        directory: Path,
        environ: Mapping[str, str],
        *,
        live: bool,
        others: Sequence[Setting] = (),
    ) -> None:
        #: Settings of the other bot, which are also read and checked.
        self._others = others
        self._directory = directory
        self._environ = environ
        self._live = live
        self._resolved: Config | None = None
        self.found: list[Finding] = []

    def _say(self, name: str, status: str, seen: str, advice: str = "") -> None:
        self.found.append(Finding(name, status, seen, advice))

    def _try(self, name: str, look: Callable[[], None]) -> None:
        """Runs a check; an arbcore error becomes a finding, and its last part the advice."""
        try:
            look()
        except ArbcoreError as error:
            seen, parted, advice = str(error).rpartition("; ")
            if not parted:
                seen, advice = str(error), "correct what it names, then run the check again."
            self._say(name, FAILED, seen, f"{advice[:1].upper()}{advice[1:]}")

    # --- this machine -----------------------------------------------------------------------------------

    def here(self) -> None:
        """Checks interpreter, build, settings, kill switch, clock, store, disk and library."""
        self._interpreter()
        self._build()
        self._try("settings", self._settings)
        self._kill_switch()
        self._clock()
        if self._resolved is not None:
            self._try("store", lambda: self._store(self._path("DB_PATH")))
            self._disk(self._path("DB_PATH"))
            self._try("library", self._library)

    def _interpreter(self) -> None:
        # The package does not install on a Python older than 3.10, so the version needs no check.
        python = f"{platform.python_implementation()} {platform.python_version()}"
        self._say("interpreter", OK, f"{python} on {platform.system()} {platform.machine()}")

    def _build(self) -> None:
        folder = Path(__file__).parents[1]
        names = sorted(path.relative_to(folder.parent).with_suffix("") for path in folder.rglob("*.pyx"))
        missing = []
        for name in names:
            module = ".".join(name.parts)
            if not _imports(module):
                missing.append(module)
        if missing:
            seen = f"{len(missing)} of {len(names)} compiled modules are missing ({missing[0]})"
            advice = "Build again: `make run` in the checkout, or `pip install --force-reinstall .` there."
            self._say("build", FAILED, seen, advice)
            return
        from arbcore.core._build import build_info

        info = build_info()
        built = f"{len(names)} compiled modules, {info['compiler']}"
        self._say("build", OK, f"arbcore {__version__}, {built}")

    def _settings(self) -> None:
        resolved = load((*self._others, *carry_settings()), self._directory, self._environ)
        desk_settings(resolved)
        ibkr_settings(resolved, live=self._live)
        self._resolved = resolved
        changed = sum(entry.source != "default" for entry in resolved.settings.values())
        if resolved.warnings:
            self._say("settings", WARNING, resolved.warnings[0], "Correct the name, or remove the line.")
        else:
            self._say("settings", OK, f"{len(resolved.settings)} settings, {changed} not at their default")

    def _kill_switch(self) -> None:
        switch = KillSwitch(self._directory, self._environ)
        reason = switch.peek()
        if reason is None:
            self._say("kill switch", OK, "off")
        else:
            advice = f"To trade again, delete {switch.path} and unset KILL_SWITCH."
            self._say("kill switch", WARNING, reason, advice)

    def _clock(self) -> None:
        year = time.gmtime().tm_year
        if not 2024 <= year <= 2100:
            self._say("clock", FAILED, f"its year is {year}", "Set the machine's clock.")
        else:
            shown = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
            self._say("clock", OK, f"{shown} (--ibkr compares it with the broker's)")

    def _path(self, name: str) -> Path:
        return self._directory / str(self._get(name))

    def _get(self, name: str) -> Any:
        if self._resolved is None:
            raise KeyError(name)
        return self._resolved[name]

    def _store(self, path: Path) -> None:
        if not path.exists():
            if not path.parent.is_dir():
                seen = f"the folder {path.parent} does not exist"
                self._say("store", FAILED, seen, "Create it, or set DB_PATH.")
            else:
                self._say("store", OK, f"{path} does not exist yet; the first run creates it")
            return
        with closing(open_to_read(path)) as connection:
            meta = dict(connection.execute("SELECT key, value FROM meta"))
            try:
                damage = connection.execute("PRAGMA quick_check").fetchone()[0]
            except sqlite3.Error as error:
                damage = str(error)
            trades = connection.execute("SELECT count(*) FROM trades").fetchone()[0]
        if damage != "ok":
            self._say("store", FAILED, f"{path} is damaged: {printable(damage)}", "Restore a copy of it.")
        else:
            theirs = meta.get("pair")
            ours = None if self._resolved is None else pair_of_settings(self._resolved).name
            whose = printable(f"{meta.get('mode')} account {meta.get('account')}, {theirs or 'no pair yet'}")
            seen = f"{path}: {whose}, {plural(trades, 'trade')}"
            if theirs not in (None, ours):
                self._say("store", FAILED, f"{seen}; the settings trade {ours}", "Set DB_PATH for this pair.")
            else:
                self._say("store", OK, seen)

    def _disk(self, path: Path) -> None:
        folder = path.parent if path.parent.is_dir() else self._directory
        free = shutil.disk_usage(folder).free
        seen = f"{free / (1 << 30):,.1f} GiB free at {folder}"
        if free < DISK_FULL_BYTES:
            self._say("disk", FAILED, seen, "Free some space: an order is only sent once it is stored.")
        elif free < DISK_LOW_BYTES:
            self._say("disk", WARNING, seen, "Free some space before it runs out.")
        else:
            self._say("disk", OK, seen)

    def _library(self) -> None:
        library = load_library(self._get("ARBCORE_IB_LIBRARY"))
        self._say("library", OK, f"{library.__name__} {library.__version__}")

    # --- links ------------------------------------------------------------------------------------------

    def fred(self) -> None:
        """Requests the newest value of the series from FRED."""
        if self._resolved is None:
            return
        if not self._get("FRED_API_KEY"):
            rate = self._get("RISK_FREE_RATE_ANNUAL")
            self._say("FRED", OK, f"no key; the rate is RISK_FREE_RATE_ANNUAL={rate}")
            return

        def look() -> None:
            chosen = FredSettings(series=self._get("FRED_SERIES_ID"), key=self._get("FRED_API_KEY"))
            now_ns = time.time_ns()
            self._say("FRED", OK, fetch(chosen, now_ns=now_ns).said(now_ns))

        self._try("FRED", look)

    def ibkr(self) -> None:
        """Connects to TWS and checks account, clock, contracts, hours and market-data permissions."""
        if self._resolved is None:
            return
        settings = ibkr_settings(self._resolved, live=self._live)
        desk = desk_settings(self._resolved)
        self._try("link", lambda: asyncio.run(self._dial(settings, desk)))

    async def _dial(self, settings: IbkrSettings, desk: DeskSettings) -> None:
        received: list[ev.Event] = []
        link = IbLink(
            load_library(settings.library), settings, sink=received.append, on_link=lambda *_: None,
            on_lost=lambda _: None, on_row=lambda *_: None, on_trouble=lambda _: None,
        )  # fmt: skip
        accounts = await link.connect()
        try:
            self._say("link", OK, f"connected to {printable(settings.host)}:{settings.port}")
            self._try("account", lambda: self._account(settings, accounts))
            broker_ns = await link.clock_ns(settings.connect_timeout_s)
            self._compare_clock(broker_ns)
            legs = await link.resolve(
                expires_after_ns=time.time_ns() + seconds_ns(desk.roll_before_s),
                timeout_s=settings.connect_timeout_s,
            )
            for leg in legs:
                self._contract(settings.pair, leg.told, broker_ns)
            link.subscribe()
            await self._market_data(settings.pair, received)
        finally:
            link.disconnect()

    def _account(self, settings: IbkrSettings, accounts: tuple[str, ...]) -> None:
        mode = LIVE if self._live else PAPER
        account = account_to_trade(accounts, mode=mode, live_account=settings.live_account,
                                   chosen=settings.account, before="")
        self._say("account", OK, f"{printable(account)}, fit for --{mode}")

    def _compare_clock(self, broker_ns: int) -> None:
        # The broker's clock has whole seconds.
        slip_s = (time.time_ns() - broker_ns) / 1e9
        seen = f"{slip_s:+.1f} s against the broker's"
        if not -CLOCK_SLIP_S <= slip_s <= CLOCK_SLIP_S + 1.0:
            self._say("broker's clock", FAILED, seen, "Set this machine's clock, best by NTP.")
        else:
            self._say("broker's clock", OK, seen)

    def _contract(self, pair: Pair, contract: ev.ContractFound, now_ns: int) -> None:
        name = f"contract {pair.symbol(contract.leg)}"
        seen = f"{contract.con_id}, tick {contract.min_tick:g}"
        if contract.expiry_ns is not None:
            seen += f", expires {time.strftime('%Y-%m-%d', time.gmtime(contract.expiry_ns // 10**9))}"
        if within(contract.liquid_hours, now_ns):
            self._say(name, OK, f"{seen}, in its hours now")
        else:
            self._say(name, WARNING, f"{seen}, closed now", "The bot trades only while both legs are open.")

    async def _market_data(self, pair: Pair, received: list[ev.Event]) -> None:
        deadline_s = time.monotonic() + QUOTES_S
        while time.monotonic() < deadline_s and not all(_quoted(received, leg) for leg in LEGS):
            await asyncio.sleep(0.1)
        for leg in LEGS:
            name = f"market data {pair.symbol(leg)}"
            kinds = [one.kind for one in received if isinstance(one, ev.DataType) and one.leg == leg]
            kind = DATA_TYPES.get(kinds[-1], "unknown") if kinds else "unknown"
            if kinds and kinds[-1] != 1:
                advice = "The bot trades on live quotes only; subscribe to them at the broker."
                self._say(name, FAILED, kind, advice)
            elif not _quoted(received, leg):
                seen = f"no quote within {QUOTES_S:.0f} s"
                self._say(name, WARNING, seen, "Check that the market is open and that you subscribe to it.")
            else:
                self._say(name, OK, kind if kinds else "quotes come")


def _imports(module: str) -> bool:
    try:
        importlib.import_module(module)
    except ImportError:
        return False
    return True


def _quoted(received: list[ev.Event], leg: str) -> bool:
    return any(isinstance(one, ev.Quote) and one.leg == leg and one.bid > 0.0 < one.ask for one in received)
