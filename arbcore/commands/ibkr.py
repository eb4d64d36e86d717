"""``arbcore ibkr``: the carry bot at Interactive Brokers, or on our own gateway."""

import argparse
import asyncio
import json
import logging
import os
import secrets
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict, cast

from arbcore.commands._arguments import (
    add_listen_arguments,
    port_number,
    positive_seconds,
    seconds,
    whole_number,
    working_directory,
)
from arbcore.commands._ending import exit_code_of, hung_up, stop_signals
from arbcore.commands._output import refuse_overlap, show_result
from arbcore.commands.config import add_set_argument, set_flags, warn
from arbcore.core.settings import Config
from arbcore.core.text import plural, printable
from arbcore.errors import EXIT_FAILED, RunError
from arbcore.play.exchange_settings import exchange_settings
from arbcore.system.configuration import load
from arbcore.system.kill_switch import KillSwitch
from arbcore.system.service_manager import ServiceManager
from arbcore.system.terminal import LINE_MAX

if TYPE_CHECKING:
    from arbcore.broker.report import AlarmDocument

DESCRIPTION = """\
Trades an index future against its ETF (by default ES against SPY) through Trader Workstation or IB Gateway
when the future leaves its fair value: paper by default, in a simulated market with --simulate, and live only
with two more settings."""
EPILOG = """\
examples:
  arbcore ibkr --paper --simulate --duration 30      thirty seconds on our own gateway; nothing to configure
  arbcore ibkr --paper --simulate quotes.csv         replay recorded quotes through the whole bot
  arbcore ibkr --paper --simulate quotes.csv --like-backtest         ... to compare it with a backtest
  arbcore ibkr --paper                               TWS paper trading on port 7497: watches, orders nothing
  TRADING_ENABLED=1 arbcore ibkr --paper             ... and trades the paper account
  TRADING_ENABLED=1 ARBCORE_LIVE_ACCOUNT=U1234567 arbcore ibkr --live      real money

Settings come from .env, the environment and --set; `arbcore config show` lists them. Ctrl-C, SIGTERM and
SIGHUP stop in order: working orders are cancelled, positions stay unless --flatten. A file named KILL_SWITCH
in the working directory closes everything, and nothing new is opened until a person deletes it. With
TRADING_ENABLED=0 the only orders are those that close an open pair at the kill switch or --flatten. What
happened is in the store: `arbcore report` shows it, and `arbcore status` while the bot runs.

The bot halts where the account does not hold what the bot bought and sold. If somebody closed the pair, or a
leg of it, by hand: cancel what is open in both symbols, and start once with --accept-account. Once the
broker's answers agree three times, the difference is recorded as closed at unknown prices, and the bot closes
what is left of the pair.
"""
#: The level of a generated market if no setting gives one.
_SIMULATED_LEVEL = "track:8s"
LIBRARY_LOGGERS = ("ib_insync", "ib_async", "eventkit")
#: Alarms after which a person must check the account, however the run ended.
LOOK_AFTER = ("mismatch", "foreign fill", "overfill", "unwind failed", "unknown order", "cut off")
# A backtest has none of these limits, so --like-backtest switches them off. A limit that the user sets
# explicitly still holds.
_NOT_IN_A_BACKTEST = {
    "DAILY_LOSS_LIMIT_USD": ("daily_loss_usd", 1e12),
    "ARBCORE_DESK_ROLL_BEFORE_S": ("roll_before_s", 0.0),
    "ARBCORE_DESK_DEVIATION_MAX_BPS": ("deviation_max_bps", 1e6),
    "ARBCORE_DESK_COLLAR_BPS": ("collar_bps", 10_000.0),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the command's arguments."""
    kind = parser.add_mutually_exclusive_group(required=True)
    kind.add_argument("--paper", action="store_true", help="a paper account, or our own gateway (--simulate)")
    kind.add_argument("--live", action="store_true", help="real money; needs two settings, see the examples")
    parser.add_argument(
        "--simulate", nargs="?", const="", metavar="DATA",
        help="on our own gateway: quotes from a seed, or those of a file as fast as they can be taken",
    )  # fmt: skip
    parser.add_argument(
        "--like-backtest", action="store_true",
        help="replay without the limits that a backtest does not have: daily loss, roll, price collar",
    )  # fmt: skip
    parser.add_argument("--host", metavar="HOST", help="host of TWS or IB Gateway (IB_HOST)")
    parser.add_argument("--port", type=port_number(), metavar="N", help="its port (IB_PORT)")
    parser.add_argument(
        "--client-id", type=whole_number(0, 2**31 - 1), metavar="N", help="client id (IB_CLIENT_ID)"
    )
    parser.add_argument(
        "--duration", type=positive_seconds, metavar="S", help="stop in order after S seconds"
    )
    parser.add_argument(
        "--record", type=Path, metavar="FILE", help="append every pair of quotes, as the backtest reads them"
    )
    parser.add_argument(
        "--wait", type=seconds, metavar="S", default=0.0,
        help="how long to try for the first connection (default 0: one attempt)",
    )  # fmt: skip
    parser.add_argument("--flatten", action="store_true", help="close positions when the run ends")
    parser.add_argument(
        "--accept-account", action="store_true",
        help="after somebody closed the pair by hand: write off once what the account no longer holds",
    )  # fmt: skip
    parser.add_argument("--db", metavar="FILE", help="the store (DB_PATH)")
    parser.add_argument(
        "--seed", type=whole_number(0, 2**63 - 1), metavar="N",
        help="seed of the simulated market (default: a random one, shown)",
    )  # fmt: skip
    add_set_argument(parser)
    add_listen_arguments(parser)
    parser.add_argument("--json", action="store_true", help="the result as one JSON document")
    parser.add_argument("--quiet", action="store_true", help="no status while it runs")


def run(args: argparse.Namespace) -> int:
    """Runs the command and returns its exit code."""
    from arbcore.broker.carry_settings import carry_settings, pair_of_settings
    from arbcore.errors import UsageError
    from arbcore.quotes.recorder import check_recording

    if args.live and args.simulate is not None:
        raise UsageError("--live is for real money and --simulate for none; leave one of them out.")
    if args.simulate is not None and (args.host or args.port):
        raise UsageError("--simulate starts a gateway of its own; leave --host and --port out.")
    if args.like_backtest and not args.simulate:
        raise UsageError("--like-backtest is for a replay; use it with --simulate FILE.")
    if args.simulate is not None and args.accept_account:
        raise UsageError("--simulate starts with an empty store and has nothing to accept; leave one out.")
    if args.simulate == "-":
        raise UsageError("--simulate replays a file, not standard input; name the file.")
    if args.seed is not None and args.simulate != "":
        raise UsageError("--seed is that of a simulated market; use it with --simulate and no file.")
    if args.record is not None:
        refuse_overlap(inputs=[("the data", args.simulate or None)], outputs=[("--record", args.record)])
    others = [setting.name for setting in exchange_settings()]
    resolved = load(
        carry_settings(), working_directory(), os.environ, flags=_flags(args), elsewhere=others
    )
    warn(resolved)
    if args.record is not None:
        check_recording(args.record, pair_of_settings(resolved))
    return _Play(args, resolved).run()


def _flags(args: argparse.Namespace) -> dict[str, tuple[str, str]]:
    flags = set_flags(args)
    named = {"host": "IB_HOST", "port": "IB_PORT", "client_id": "IB_CLIENT_ID", "db": "DB_PATH"}
    for flag, name in named.items():
        if getattr(args, flag) is not None:
            flags[name] = (str(getattr(args, flag)), f"--{flag.replace('_', '-')}")
    return flags


async def _signs_of_life(manager: ServiceManager) -> None:
    """Reports to the service manager that the run is ready, then at intervals that its loop still runs."""
    manager.tell("READY=1")
    while manager.every_s is not None:
        manager.tell("WATCHDOG=1")
        await asyncio.sleep(manager.every_s)


class _Play:
    """One run from the command line, with the gateway of a simulation and the report at the end."""

    def __init__(self, args: argparse.Namespace, resolved: Config) -> None:
        self._args = args
        self._resolved = resolved
        self._gateway: Any = None
        self._seed: int | None = None
        #: The first signal that stopped the run; 0 if there was none.
        self._signal = 0
        self._stopping = False
        #: Set while the bot runs: the first call stops it in order, the second one at once.
        self._interrupt: Callable[[], object] | None = None

    def run(self) -> int:
        from arbcore.system.safe_log import loggers_restored

        with loggers_restored("", "arbcore", *LIBRARY_LOGGERS):
            return self._run()

    def _run(self) -> int:
        from arbcore.broker.alerts import Alerts
        from arbcore.commands._ibkr_status import IbkrStatus
        from arbcore.commands._live import open_feed
        from arbcore.ibkr import Bot
        from arbcore.system.terminal import Console, ConsoleHandler

        args = self._args
        console = Console(quiet=args.quiet)
        logging.getLogger().handlers = [ConsoleHandler(console)]
        plan, bot, alerts, feed = None, None, None, None
        for number in stop_signals():
            signal.signal(number, self._signalled)
        began_s = time.monotonic()
        try:
            feed = open_feed(args, "carry", console.event)
            plan = self._plan(console)
            log = self._log_to_file(plan.settings, console)
            alerts = Alerts(
                plan.settings.receivers, mode=plan.mode, kinds=plan.settings.alert_kinds,
                heartbeat_url=plan.settings.heartbeat_url,
            )  # fmt: skip
            switch = KillSwitch(working_directory(), os.environ)
            bot = Bot(plan, kill_switch=switch, alerts=alerts, told=lambda _, text: console.event(text))
            status = IbkrStatus(bot, console, feed)
            asyncio.run(self._main(bot, status))
        except asyncio.CancelledError:
            if self._signal == signal.SIGINT:
                raise KeyboardInterrupt from None
            raise RunError(f"Ended at once by a second signal. {bot.ending if bot else ''}".strip()) from None
        finally:
            if alerts is not None:
                alerts.close()
                for text in alerts.failures():
                    console.event(text)
            if self._gateway is not None:
                self._gateway.end()
            if feed is not None:
                feed.close()
            console.close()
        log.close()
        document = self._document(plan, bot, time.monotonic() - began_s)
        code = self._exit_code(bot)
        text = json.dumps(document) if args.json else "\n".join(summary_lines(document))
        show_result(text, sys.stdout, lenient=hung_up([self._signal]))
        if code == EXIT_FAILED:
            print(f"arbcore: {printable(failure_words(document), LINE_MAX)}", file=sys.stderr)
        return code

    def _exit_code(self, bot: Any) -> int:
        """Returns EXIT_FAILED if a person must check the account after the run."""
        alarms = bot.event_log.alarms
        if bot.killed or not bot.heartbeat.in_order() or any(alarms[kind] for kind in LOOK_AFTER):
            return EXIT_FAILED
        return exit_code_of(self._signal) if self._signal else 0

    async def _main(self, bot: Any, status: Any) -> None:
        loop, main = asyncio.get_running_loop(), asyncio.current_task()

        def interrupt() -> None:
            if self._stopping and main is not None:
                # Does nothing if the run is already over. Raising here would break the loop that ends it.
                main.cancel()
                return
            self._stopping = True
            name = signal.Signals(self._signal).name if self._signal != signal.SIGINT else "interrupted"
            bot.stop(f"{name}; a second one ends at once")

        self._interrupt = lambda: loop.call_soon_threadsafe(interrupt)
        shown = loop.create_task(status.show())
        manager = ServiceManager(os.environ)
        signs = loop.create_task(_signs_of_life(manager))
        try:
            await bot.run()
        finally:
            manager.tell("STOPPING=1")
            signs.cancel()
            self._interrupt = None
            shown.cancel()

    def _signalled(self, number: int, _: object) -> None:
        """Handles Ctrl-C, SIGTERM and SIGHUP at any moment of the command."""
        again, self._signal = self._signal, self._signal or number
        if self._interrupt is not None:
            self._interrupt()
        elif not again:
            raise KeyboardInterrupt if number == signal.SIGINT else SystemExit(0)
        # Otherwise the run has stopped already, and only its summary remains to be printed.

    # --- the plan of the run ----------------------------------------------------------------------------

    def _plan(self, console: Any) -> Any:
        from dataclasses import replace

        from arbcore.broker.carry_settings import (
            check_guards,
            desk_settings,
            dividends_as_set,
            ibkr_settings,
            rate_history,
        )
        from arbcore.broker.fred import FredRate, FredSettings, convention
        from arbcore.broker.guards import LIVE, PAPER, check_before
        from arbcore.broker.plan import Plan
        from arbcore.broker.rate_source import RateOfFred, rate_as_set, rate_of_file

        args, resolved = self._args, self._resolved
        if args.simulate is not None:
            return self._simulated_plan(console)
        mode = LIVE if args.live else PAPER
        settings = ibkr_settings(resolved, live=args.live)
        desk = desk_settings(resolved)
        check_guards(resolved, desk)
        check_before(
            mode=mode, port=settings.port, trading_enabled=desk.trading_enabled,
            live_account=settings.live_account,
        )  # fmt: skip
        if not desk.trading_enabled:
            console.event(
                "TRADING_ENABLED is 0: signals are written down, and nothing is ordered but what closes an "
                "open pair at the kill switch or --flatten."
            )
        rates = rate_history(resolved, first_ns=time.time_ns())
        rate: Any = rate_as_set(desk.r) if rates is None else rate_of_file(rates)
        if settings.fred_key and rates is None:
            # Raises for an unknown series before any connection is made.
            convention(settings.fred_series)
            fred = FredRate(FredSettings(series=settings.fred_series, key=settings.fred_key))
            fred.start()
            rate = RateOfFred(fred, desk.r)

        plan = Plan(settings, desk, mode)
        return replace(
            plan, duration_s=args.duration, wait_s=args.wait, flatten=args.flatten,
            accept_account=args.accept_account, record=args.record, rate=rate,
            dividends=dividends_as_set(resolved, first_ns=time.time_ns()), rates=rates,
        )  # fmt: skip

    def _simulated_plan(self, console: Any) -> Any:
        """Starts our own gateway for this run, with its own account and store, and returns the plan."""
        from dataclasses import replace

        from arbcore.broker.carry_settings import (
            check_guards,
            desk_settings,
            dividends_as_set,
            ibkr_settings,
            rate_history,
            resolved_rates,
            simulated_store,
        )
        from arbcore.broker.guards import SIMULATED
        from arbcore.broker.ib_link import load_library
        from arbcore.broker.plan import Plan
        from arbcore.broker.rate_source import rate_as_set, rate_of_file
        from arbcore.broker.store_file import clear_simulated
        from arbcore.errors import UsageError
        from arbcore.play.embedded import EmbeddedGateway

        args, resolved = self._args, self._resolved
        changes: dict[str, Any] = {"trading_enabled": True}
        if args.simulate:
            changes["decide_on"] = "row"
        elif resolved.source("SPY_TO_INDEX_FACTOR") == "default":
            # A generated market may last a minute, and its deviations some seconds: a level averaged over an
            # hour would come too late.
            changes["factor"] = _SIMULATED_LEVEL
            console.event(
                f"The generated market is quick, so its level is learnt with {_SIMULATED_LEVEL}; live it is "
                f"{resolved['SPY_TO_INDEX_FACTOR']}, an hour of quotes. SPY_TO_INDEX_FACTOR sets it."
            )
        if args.like_backtest:
            for name, (field, value) in _NOT_IN_A_BACKTEST.items():
                if resolved.source(name) == "default":
                    changes[field] = value
        settings = ibkr_settings(resolved, live=False)
        if settings.front_offset:
            raise UsageError(
                "A simulated market quotes one contract; leave FUT_FRONT_MONTH_OFFSET out, and name the "
                "contract of recorded quotes with FUT_USE_FRONT_MONTH=0 and ARBCORE_FUT_EXPIRY."
            )
        if resolved.source("DB_PATH") == "default":
            settings = replace(settings, store_path=simulated_store(settings.store_path))
        # A missing library raises here, before anything is replaced or started.
        load_library(settings.library)
        desk = desk_settings(resolved, **changes)
        first = _first_row(args.simulate, desk.pair.name)
        level = (first.fut_bid + first.fut_ask) / 2 if first else None
        check_guards(resolved, desk, fut_level=level)
        first_ns = first.ts_ns if first else time.time_ns()
        dividends = dividends_as_set(resolved, first_ns=first_ns)
        rates = rate_history(resolved, first_ns=first_ns)
        if args.like_backtest:
            console.event(
                "--like-backtest: no daily loss limit, roll or price collar but those that were set; a "
                "backtest has none."
            )
        self._seed = None if args.simulate else (args.seed if args.seed is not None else secrets.randbits(32))
        data = Path(args.simulate) if args.simulate else None
        self._gateway = EmbeddedGateway(
            pair=desk.pair.name, data=data, seed=self._seed, expiry_ns=settings.expiry_ns,
            flags=_money_flags(desk, rates=resolved_rates(resolved), dividends=resolved["DIVIDENDS_FILE"]),
        )  # fmt: skip
        port = self._gateway.start()
        # Deletes the earlier run's store, or raises. It comes last: if a step before fails, the store stays.
        clear_simulated(settings.store_path)
        what = f"replaying {args.simulate}" if args.simulate else f"seed {self._seed}"
        console.event(f"Gateway started ({what}); the store is {settings.store_path}.")
        return Plan(
            replace(settings, host="127.0.0.1", port=port), desk, SIMULATED,
            duration_s=args.duration, flatten=args.flatten, record=args.record, rows=bool(args.simulate),
            dividends=dividends, rates=rates, clocked=True, gone=self._gateway_gone,
            rate=rate_as_set(desk.r) if rates is None else rate_of_file(rates),
        )  # fmt: skip

    def _gateway_gone(self) -> Any:
        if self._gateway is None or self._gateway.alive():
            return None
        return self._gateway.failure("ended")

    def _log_to_file(self, settings: Any, console: Any) -> logging.Handler:
        """Opens the rotating log, in addition to the console; the library's own lines go to the log only."""
        from arbcore.system.safe_log import LogFile, SafeFormatter

        handler = LogFile(settings.log_path, said=console.event)
        handler.setFormatter(SafeFormatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
        ours = logging.getLogger("arbcore")
        ours.setLevel(settings.log_level)
        ours.addHandler(handler)
        # The console shows the bot's own events instead.
        ours.propagate = False
        for name in LIBRARY_LOGGERS:
            library = logging.getLogger(name)
            library.propagate = False
            library.setLevel(logging.WARNING)
            library.handlers = [handler]
        return handler

    def _document(self, plan: Any, bot: Any, duration_s: float) -> "IbkrDocument":
        from arbcore.broker.report import document, read_store

        tally, session = bot.tally, bot.session
        # Without a first connection the run knows no account and has no store.
        found = {} if session is None else document(read_store(plan.settings.store_path))
        kept = (
            "account", "mode", "trades", "wins", "gross_pnl", "commissions", "net_pnl", "slippage",
            "financing", "dividends", "sources", "positions", "open_trades", "unrealised_pnl", "executions",
            "signals", "not_decided", "alarms", "last_alarm",
        )  # fmt: skip
        answer = {
            "schema": "arbcore.ibkr/1",
            "store": str(plan.settings.store_path),
            "address": f"{plan.settings.host}:{plan.settings.port}",
            "seed": self._seed,
            "duration_s": duration_s,
            "state": None if session is None else session.state,
            "reasons": [] if session is None else list(session.reasons),
            "waiting": "" if session is None else session.status()["waiting"],
            # The positions of the account, or null; "positions" has the sums of our executions.
            "position": bot.heartbeat.account(),
            "ending": bot.ending,
            "factor": None if session is None else session.status()["factor"],
            "implied_financing": None if session is None else session.status()["implied_financing"],
            # The books of the simulated account; only the broker knows those of a real one.
            "books": None if self._gateway is None else self._gateway.books,
            "connections": tally.connections,
            "quotes": tally.quotes,
            "orders_sent": tally.orders,
            "cancels_sent": tally.cancels,
            "latency_us": tally.latency.summary_us(),
            **{name: found.get(name) for name in kept},
        }
        return cast("IbkrDocument", answer)


def _money_flags(desk: Any, *, rates: str, dividends: str) -> list[str]:
    """Returns gateway flags that make the simulated account pay and earn the rates that the bot assumes."""
    funding = desk.r if desk.funding_rate is None else desk.funding_rate
    flags = [f"--funding-rate={funding!r}"]
    if rates and desk.funding_rate is None:
        flags = [f"--rates={Path(rates).absolute()}"]
    flags += ["--broker-rates"] if desk.broker_rates else [f"--short-rate={desk.short_rate!r}"]
    flags.append(f"--borrow-rate={desk.borrow_rate!r}")
    # The gateway process runs in another working directory.
    return [*flags, f"--dividends={Path(dividends).absolute()}"] if dividends else flags


def _first_row(data: str, pair: str) -> Any:
    """Returns the first row of a replay; None if it cannot be read.

    The replay itself reports what is wrong with the data.
    """
    from arbcore.broker.replay_file import replay
    from arbcore.errors import ArbcoreError, UsageError

    if not data or not os.path.isfile(data):
        return None
    try:
        return next(replay(data, pair=pair), None)
    except UsageError as error:
        raise UsageError(f"{error} The bot trades {pair}, by FUT_SYMBOL and SPY_SYMBOL.") from None
    except ArbcoreError:
        return None


def _books_lines(books: Mapping[str, float] | None) -> list[str]:
    """Lines with the simulated account's own figures, to compare with the sums of our executions."""
    if books is None:
        return []
    kinds = f"financing {books['financing']:+,.2f}, dividends {books['dividends']:+,.2f} of it"
    return [f"  the account     {books['pnl']:+,.2f} USD   ({kinds}; what is held at the middle)"]


class IbkrDocument(TypedDict):
    """The document of ``arbcore ibkr --json``. Money is USD, None while unknown; positions are by symbol."""

    schema: str
    store: str
    address: str
    seed: int | None
    duration_s: float
    state: str | None
    reasons: list[str]
    waiting: str
    position: dict[str, int] | None
    ending: str
    factor: float | None
    implied_financing: float | None
    books: dict[str, float] | None
    connections: int
    quotes: int
    orders_sent: int
    cancels_sent: int
    latency_us: dict[str, float | None]
    account: str | None
    mode: str | None
    trades: int
    wins: int
    gross_pnl: float | None
    commissions: float | None
    net_pnl: float | None
    slippage: float | None
    financing: float | None
    dividends: float | None
    sources: Mapping[str, str]
    positions: dict[str, int]
    open_trades: Sequence[Mapping[str, object]]
    unrealised_pnl: float | None
    executions: int
    signals: Mapping[str, object]
    not_decided: dict[str, int]
    alarms: dict[str, int]
    last_alarm: "AlarmDocument | None"


def position_words(document: IbkrDocument) -> str:
    """Returns the account's positions, or "unknown"; with the sum of our executions if it differs."""
    from arbcore.broker.news import held_words

    account, ours = document["position"], document["positions"]
    if account == ours:
        return "  ".join(f"{leg} {held:+d}" for leg, held in ours.items())
    return f"{held_words(account)} at the broker, {held_words(ours)} by our executions"


def failure_words(document: IbkrDocument) -> str:
    """Returns the reason why a person must check the account after a run."""
    alarm = document["last_alarm"]
    reasons = "; ".join(document["reasons"])
    state = f"{document['state']}: {reasons}" if reasons else document["state"]
    last = f" The last alarm: {alarm['text']}" if alarm else ""
    return f"The run ended {state}. {document['ending']}{last}"


def summary_lines(document: IbkrDocument) -> list[str]:
    """Returns the result as text for the user."""
    from arbcore.broker.report import counted, usd
    from arbcore.desk.limits import HALTED
    from arbcore.pages.words import state_words

    if document["state"] is None:
        return [f"{document['address']}: stopped before there was a connection; nothing was sent."]
    latency = document["latency_us"]
    measured = (
        "   ".join(f"{name} {value:,.1f}" for name, value in latency.items())
        if latency["p50"] is not None
        else "no orders were sent"
    )
    net = "unknown" if document["net_pnl"] is None else f"{document['net_pnl']:+,.2f} USD"
    positions = position_words(document)
    sent = f"{plural(document['orders_sent'], 'order')}, {plural(document['cancels_sent'], 'cancel')}"
    where = f"{document['mode']} account {document['account']} on {document['address']}"
    received = f"{plural(document['quotes'], 'quote')}, {plural(document['executions'], 'execution')}"
    state = document["state"] + (f": {'; '.join(document['reasons'])}" if document["reasons"] else "")
    lines = [
        f"{where}, {document['duration_s']:,.1f} s.",
        f"  net P&L         {net}   ({plural(document['trades'], 'closed trade')}, {document['wins']:,} won)",
        *([f"  unrealised      {usd(document['unrealised_pnl'])}"] if document["open_trades"] else []),
        *_books_lines(document["books"]),
        f"  positions       {positions}",
        f"  sent            {sent}",
        f"  received        {received}",
        f"  latency, µs     {measured}   (from a quote to its orders handed on, written to the store first)",
        f"  state           {state_words(state)}",
    ]
    if document["factor"] is not None:
        implied = document["implied_financing"]
        words = "" if implied is None else f"   (it implies financing at {implied:.3%})"
        lines.append(f"  level           {document['factor']:.6f}{words}")
    if document["waiting"]:
        lines.append(f"  waiting         {document['waiting']}")
    if document["not_decided"]:
        lines.append(f"  not decided     {counted(document['not_decided'])}")
    if document["alarms"]:
        lines.append(f"  alarms          {counted(document['alarms'])}")
    if document["state"] == HALTED and document["last_alarm"]:
        lines.append(f"  last alarm      {document['last_alarm']['text']}")
    lines.append(f"  more            arbcore report --db {document['store']}")
    lines.append(document["ending"])
    return [printable(line, LINE_MAX) for line in lines]
