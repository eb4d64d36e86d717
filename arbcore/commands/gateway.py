"""``arbcore gateway``: runs the simulated Trader Workstation until Ctrl-C."""

import argparse
import json
import math
import secrets
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from arbcore.carry.pairs import DEFAULT_PAIR, PAIRS, Pair, pair_named
from arbcore.commands._arguments import port_number, whole_number
from arbcore.commands._ending import ServerEnding
from arbcore.core.text import printable
from arbcore.errors import InputError, UsageError

if TYPE_CHECKING:
    from arbcore.gateway.carrying import CarryingTerms
    from arbcore.gateway.faults import Planned
    from arbcore.gateway.history import PastStretch
    from arbcore.gateway.own_contracts import OwnContract
    from arbcore.gateway.quote_source import Row

DESCRIPTION = """\
A look-alike of Trader Workstation and IB Gateway over TCP: index futures and their ETFs with quotes, orders,
fills, positions and executions, for any program that speaks the IB API. No account, no internet. Its quotes
are made from a seed, of every pair at once, or replayed from a file in the backtest's format. It ends with
Ctrl-C."""
EPILOG = """\
A fault is NAME[=ARG]@SECONDS[xCOUNT], the seconds those of the gateway's clock since its first quotes; @0 is
before anybody connects. --list-faults shows all of them.

examples:
  arbcore gateway                                      quotes in real time; connect to 127.0.0.1:7400
  arbcore gateway --pair nq-qqq --etf 612              ... the market of NQ and QQQ as it is set here
  arbcore gateway --replay quotes.csv --speed 60       a recorded day in minutes
  arbcore gateway --replay quotes.csv --speed inf      as fast as a client that knows about rows takes them
  arbcore gateway --fault held_short=5@20 --fault disconnect@60
  arbcore gateway --fault-seed 7 --faults-per-minute 2

Anybody who can reach the address can trade on it: there are no passwords, and no money either. It listens on
this machine only, unless --host says otherwise. What it cannot show: a queue at a price, your own orders in
the market, a broker's real margin and borrow.
"""
#: How far ahead faults are drawn from the seed.
FAULT_HORIZON_S = 86_400.0
SCHEMA = "arbcore.gateway/1"


#: Settings of the generated market that have a flag; their defaults are those of ``market_of``.
_MARKET = (
    ("etf", ("--etf", "--spy"), "about today's", "price of the ETF at the start"),
    ("factor", ("--factor",), "the pair's", "index points per USD of the ETF"),
    ("r", ("--r",), "0.045", "rate a year"),
    ("d", ("--d",), "0.014", "dividend yield a year"),
    (
        "basis_bps", ("--basis-bps",), "a little more than the bot enters at",
        "how far the future goes from fair value",
    ),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the command's arguments."""
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default %(default)s)")
    parser.add_argument(
        "--port", type=port_number(0), default=7400, help="port, 0 for any free one (default %(default)s)"
    )
    source = parser.add_mutually_exclusive_group()
    source.add_argument("--replay", metavar="DATA", help="replay this file of quotes (CSV, - for stdin)")
    source.add_argument(
        "--seed",
        type=whole_number(0, 2**63 - 1),
        metavar="N",
        help="seed of the generated quotes (default: a random one)",
    )
    parser.add_argument(
        "--pair", choices=[pair.name for pair in PAIRS], metavar="PAIR",
        help=f"whose quotes a replay has, where its columns do not say it, and whose the settings below are "
        f"(default {DEFAULT_PAIR.name})",
    )  # fmt: skip
    made = parser.add_argument_group(
        "generated quotes", "the future around fair value, ETF x factor x e^((r-d)t)"
    )
    for name, flags, default, text in _MARKET:
        made.add_argument(
            *flags, dest=name, type=_finite, metavar="X", help=f"{text} (default {default})"
        )
    parser.add_argument(
        "--speed",
        type=_speed,
        metavar="X",
        help="speed of the gateway's clock; inf: as fast as the client takes the rows (default 1)",
    )
    parser.add_argument(
        "--expiry", metavar="DATE",
        help="contract of a replay's future (default: each row's front contract)",
    )
    parser.add_argument(
        "--contracts", type=Path, metavar="FILE",
        help="more contracts (CSV: symbol,sec_type,price and more; docs/gateway.md lists the columns)",
    )  # fmt: skip
    parser.add_argument(
        "--account", metavar="ID", action="append", help="account id, more than once for several"
    )
    parser.add_argument(
        "--cash",
        type=_money,
        metavar="USD",
        default=10_000_000.0,
        help="cash at the start (default 10000000)",
    )
    _add_money(parser)
    parser.add_argument(
        "--data",
        choices=("live", "frozen", "delayed", "none"),
        default="live",
        help="what market data the account may see (default %(default)s)",
    )
    parser.add_argument(
        "--hours",
        choices=("always", "real"),
        default="always",
        help="trading hours: without a break, or the calendar's (default %(default)s)",
    )
    parser.add_argument(
        "--fault", metavar="FAULT", action="append", default=[], help="NAME[=ARG]@SECONDS[xCOUNT]"
    )
    parser.add_argument(
        "--fault-seed", type=whole_number(0, 2**63 - 1), metavar="N", help="draw faults from this seed"
    )
    parser.add_argument(
        "--faults-per-minute", type=_money, metavar="X", default=1.0, help="how many (default %(default)s)"
    )
    parser.add_argument("--list-faults", action="store_true", help="show every fault, and exit")
    parser.add_argument("--json", action="store_true", help="one JSON object per line")
    parser.add_argument("--quiet", action="store_true", help="print nothing but errors and where it listens")
    parser.add_argument("--until-stdin-closes", action="store_true", help=argparse.SUPPRESS)


def _add_money(parser: argparse.ArgumentParser) -> None:
    money = parser.add_argument_group(
        "interest and dividends", "booked in the account by New York date; a position keeps its entry's rate"
    )
    money.add_argument(
        "--funding-rate", type=_finite, metavar="X", help="what shares held pay a year (default: --r)"
    )
    money.add_argument("--rates", type=Path, metavar="FILE", help="... by date (date,rate or DTB3, SOFR)")
    money.add_argument(
        "--short-rate", type=_finite, metavar="X", default=0.0, help="what a short earns (default 0)"
    )
    money.add_argument(
        "--broker-rates", action="store_true",
        help="as a backtest with --fees ibkr: shares held pay 1.5%% more, and a short earns by tiers",
    )
    money.add_argument(
        "--borrow-rate", type=_finite, metavar="X", default=0.0, help="what it costs to borrow (default 0)"
    )
    money.add_argument(
        "--dividends", type=Path, metavar="FILE", help="those of the pair's ETF (ex_date,amount[,unit])"
    )


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan


def _finite(text: str) -> float:
    value = _number(text)
    if not math.isfinite(value):
        raise argparse.ArgumentTypeError(f"'{printable(text, 40)}' is not a number")
    return value


def _speed(text: str) -> float:
    speed = _number(text)
    if not speed > 0.0:
        raise argparse.ArgumentTypeError(f"'{printable(text, 40)}' is not a speed; write 1, 60 or inf")
    return speed


def _money(text: str) -> float:
    value = _number(text)
    if not 0.0 <= value < math.inf:
        raise argparse.ArgumentTypeError(f"'{printable(text, 40)}' is not a number of 0 or more")
    return value


def run(args: argparse.Namespace) -> int:
    """Runs the command and returns its exit code."""
    if args.list_faults:
        _list_faults(as_json=args.json)
        return 0
    from arbcore.broker.gateway_server import GatewayServer
    from arbcore.gateway.gateway import Gateway, GatewayConfig

    config = GatewayConfig(
        accounts=tuple(args.account or ["DUSIM000001"]),
        cash=args.cash,
        rights=args.data,
        hours=args.hours,
        speed=1.0 if args.speed is None else args.speed,
        waits=args.replay is not None or args.speed == math.inf,
        faults=_plan(args),
    )
    seed = secrets.randbits(32) if args.seed is None else args.seed
    rows, beside, past = _rows(args, seed)
    config = replace(config, contracts=_contracts(args), contracts_seed=seed)
    # The column names of a replay may determine the pair.
    first = next(rows, None)
    if first is not None:
        config = replace(config, carrying=_carrying(args, first.pair))
        own = {each.listing.symbol for each in config.contracts} & {first.pair.future, first.pair.etf}
        if own:
            name = printable(str(args.contracts))
            raise UsageError(f"{name} lists {min(own)}, which the gateway quotes itself; leave it out.")
        rows = chain([first], rows)
    whole = bool(past) and args.replay is not None
    gateway = Gateway(config, rows, beside=beside, past=past, past_is_whole=whole)
    gateway.show_line = _warn
    if args.replay is not None and not gateway.has_rows:
        raise InputError(f"{printable(args.replay)} has no row that can be used; there is nothing to replay.")
    server = GatewayServer(gateway, host=args.host, port=args.port)
    ending = ServerEnding(server.wake, with_stdin=args.until_stdin_closes)
    _say_where(args, server.port, None if args.replay is not None else seed)
    server.serve(lambda: ending.over)
    _say_what_was(args, gateway)
    return ending.exit_code


def _plan(args: argparse.Namespace) -> "tuple[Planned, ...]":
    from arbcore.gateway.faults import parse, random_plan

    drawn: tuple[Planned, ...] = ()
    if args.fault_seed is not None:
        drawn = random_plan(args.fault_seed, horizon_s=FAULT_HORIZON_S, per_minute=args.faults_per_minute)
    return (*(parse(text) for text in args.fault), *drawn)


def _warn(line: str) -> None:
    print(f"arbcore: {line}", file=sys.stderr, flush=True)


def _carrying(args: argparse.Namespace, pair: Pair) -> "CarryingTerms":
    """Reads the account's interest, and the dividends of the pair's ETF."""
    from arbcore.carry.terms import read_dividends, read_rates
    from arbcore.gateway.carrying import CarryingTerms
    from arbcore.gateway.quote_source import MarketSettings
    from arbcore.quotes.terms_files import text_of

    if args.rates is not None and args.funding_rate is not None:
        raise UsageError("--rates and --funding-rate both say what shares pay; give one of them.")
    if args.broker_rates and args.short_rate:
        raise UsageError("--broker-rates and --short-rate both say what a short earns; give one of them.")
    made = MarketSettings().r if args.r is None else args.r
    funding = made if args.funding_rate is None else args.funding_rate
    dividends = {}
    if args.dividends is not None:
        lines = text_of(args.dividends, "--dividends").splitlines(keepends=True)
        dividends[pair.etf] = read_dividends(lines, name=printable(str(args.dividends)))
    history = None
    if args.rates is not None:
        lines = text_of(args.rates, "--rates").splitlines(keepends=True)
        history = read_rates(lines, name=printable(str(args.rates)))
    return CarryingTerms(
        funding if history is None else history, args.short_rate, args.borrow_rate, dividends,
        broker=args.broker_rates,
    )


def _contracts(args: argparse.Namespace) -> "tuple[OwnContract, ...]":
    from arbcore.gateway.own_contracts import read_contracts

    if args.contracts is None:
        return ()
    try:
        with args.contracts.open(encoding="utf-8-sig", newline="") as lines:
            return read_contracts(lines, str(args.contracts))
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{printable(str(args.contracts))} cannot be read: {error}") from error


def _rows(
    args: argparse.Namespace, seed: int
) -> "tuple[Iterator[Row], Sequence[Iterator[Row]], Sequence[PastStretch]]":
    """Returns the rows to quote, the rows of the other indexes, and the rows of history."""
    from arbcore.broker.replay_file import replay
    from arbcore.carry.calendar import read_expiry
    from arbcore.gateway.history import stretch_of
    from arbcore.gateway.seeded import seeded_market

    made = {name: value for name, *_ in _MARKET if (value := getattr(args, name)) is not None}
    if args.replay is None:
        if args.expiry is not None:
            raise UsageError("--expiry is for a replay; generated quotes are of the front contract.")
        pair = DEFAULT_PAIR if args.pair is None else pair_named(args.pair)
        return seeded_market(seed, time.time_ns(), pair=pair, **made)
    if made:
        raise UsageError(f"--{next(iter(made)).replace('_', '-')} is for generated quotes, not for a replay.")
    try:
        expiry_ns = None if args.expiry is None else read_expiry(args.expiry)
    except InputError as error:
        raise UsageError(f"--expiry cannot be read: {error}") from error
    source = args.replay
    # Standard input can be read only once, and the replay reads it.

    def read() -> "Iterator[Row]":
        return replay(source, pair=args.pair, expiry_ns=expiry_ns)

    return read(), (), () if source == "-" else (stretch_of(read),)


def _say_where(args: argparse.Namespace, port: int, seed: int | None) -> None:
    account = (args.account or ["DUSIM000001"])[0]
    if args.json:
        event = {
            "schema": SCHEMA, "event": "listening", "host": args.host, "port": port, "account": account,
            "seed": seed, "replay": args.replay,
        }  # fmt: skip
        print(json.dumps(event), flush=True)
        return
    what = f"seed {seed}" if seed is not None else f"replay of {printable(args.replay)}"
    print(f"Gateway (account {printable(account)}, {what}) listening on {args.host}:{port}.", flush=True)
    if args.quiet:
        return
    print(
        f"arbcore: connect with ib.connect('{args.host}', {port}, clientId=1); Ctrl-C ends it.",
        file=sys.stderr,
    )


def _say_what_was(args: argparse.Namespace, gateway: Any) -> None:
    account = gateway.account
    held = {each.listing.local_symbol: each.quantity for each in account.positions.values() if each.quantity}
    summary = {
        "schema": SCHEMA, "event": "ended", "rows": gateway.row_number, "requests": gateway.requests,
        "orders": gateway.desk.book.placed, "executions": account.booked, "positions": held,
        "financing": round(account.carrying.total.financing, 2),
        "dividends": round(account.carrying.total.dividends, 2),
        "pnl": round(account.net_liquidation(gateway.market.mark) - account.start_cash, 2),
    }  # fmt: skip
    if args.json:
        print(json.dumps(summary), flush=True)
    elif not args.quiet:
        positions = ", ".join(f"{quantity:+g} {symbol}" for symbol, quantity in held.items()) or "flat"
        print(
            f"{summary['rows']:,} rows, {summary['requests']:,} requests, {summary['orders']:,} orders, "
            f"{summary['executions']:,} executions; {positions}; P&L {summary['pnl']:+,.2f} USD.",
            flush=True,
        )


def _list_faults(*, as_json: bool) -> None:
    from arbcore.gateway.faults import FAULTS

    if as_json:
        faults = [
            {"name": fault.name, "kind": fault.kind, "arg": fault.arg, "text": fault.text}
            for fault in FAULTS.values()
        ]
        print(json.dumps({"schema": "arbcore.gateway-faults/1", "faults": faults}))
        return
    for fault in FAULTS.values():
        arg = (
            ""
            if fault.arg is None
            else f"={fault.arg:g}"
            if isinstance(fault.arg, float)
            else f"={fault.arg}"
        )
        choices = f" (one of {', '.join(fault.choices)})" if fault.choices else ""
        print(f"{fault.name + arg:<26} {fault.text}{choices}")
