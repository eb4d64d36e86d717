"""The events that the desk handles. The shell builds them from the broker's messages, without library types.

Legs are ``pairs.FUT`` and ``pairs.ETF``; sides are +1 to buy and -1 to sell; quantities are whole; times
that end in ``_ns`` are UTC nanoseconds since 1970.

A connection begins with ``Hello`` once the account is verified: at start, after each reconnect, and after
1101 or 1102. It ends with ``LinkLost`` when the socket or the broker's server is gone, also on 1100. In
between the desk sends requests (``commands.Ask``). Each request gets one response with its number, or
``QueryFailed``; the desk itself times out a request without a response. An empty response is not a failed
one.
"""

from dataclasses import dataclass

from arbcore.desk.hours import Intervals

# --- connection -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Hello:
    """Connected, account verified. ``broker_utc_ns`` is the broker's clock, if it was requested.

    Quotes, subscriptions and open requests of an earlier connection are void.
    """

    account: str
    broker_utc_ns: int | None = None


@dataclass(frozen=True, slots=True)
class LinkLost:
    """No link to the broker; every order that is not known to be over is in doubt."""

    reason: str


@dataclass(frozen=True, slots=True)
class Farm:
    """A market-data farm broke (2103, 2105, 2157, 2110) or works again (2104, 2106, 2158)."""

    ok: bool
    code: int
    text: str = ""


# --- market ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ContractFound:
    """A leg's contract as resolved. Hours are the spans of ``hours.read_hours``.

    ``expiry_ns`` is 09:30 New York of the broker's ``realExpirationDate`` for the future, None for
    the ETF. The desk refuses a future while it holds a pair in another one; resolve the future that
    ``DeskSession.held_con_id`` names.
    """

    leg: str
    con_id: int
    min_tick: float
    liquid_hours: Intervals
    trading_hours: Intervals
    expiry_ns: int | None = None
    multiplier: float = 1.0


@dataclass(frozen=True, slots=True)
class Quote:
    """The present best prices of a leg; sizes are 0 if they are not known."""

    leg: str
    bid: float
    ask: float
    bid_size: float = 0.0
    ask_size: float = 0.0


@dataclass(frozen=True, slots=True)
class Alive:
    """Another tick of a leg came that changed no price: its prices are still valid."""

    leg: str


@dataclass(frozen=True, slots=True)
class DataType:
    """marketDataType of a leg: 1 live, 2 frozen, 3 delayed, 4 delayed and frozen; 0 none (354, 10197).

    ``why`` is the broker's text.
    """

    leg: str
    kind: int
    why: str = ""


@dataclass(frozen=True, slots=True)
class Halted:
    """Trading in a leg was halted or resumed."""

    leg: str
    halted: bool


@dataclass(frozen=True, slots=True)
class Shortable:
    """Shares of the ETF that can be borrowed (tick 89); advisory."""

    shares: int


@dataclass(frozen=True, slots=True)
class RowSeen:
    """Live: both legs' present quotes are one row of ``ts_ns``, as a recording would write it."""

    ts_ns: int


@dataclass(frozen=True, slots=True)
class RowComplete:
    """Replay only: both legs' quotes of one recorded row have come. Decide once, at ``ts_ns``.

    ``expiry_ns`` is the expiry of the contract that the row quotes, 0 for the contract last resolved. At the
    first row after an expiry this is the next contract, while a pair may still be held in the one before.
    Feed the next row once ``DeskSession.settled`` is true again.
    """

    ts_ns: int
    expiry_ns: int = 0


@dataclass(frozen=True, slots=True)
class ContractEnds:
    """Replay only, after ``RowComplete``: from the next row on, the data quotes another future.

    The desk closes a held pair at this row's quotes, as a backtest does.
    """

    ts_ns: int


@dataclass(frozen=True, slots=True)
class Terms:
    """A new rate or dividend yield (annual decimals, continuous); None keeps the old one."""

    r: float | None = None
    d: float | None = None


# --- orders ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class OrderStatus:
    """The broker's own orderStatus, never a status that a library inferred from an error.

    ``filled`` and ``remaining`` are the broker's numbers. ``ref`` is the orderRef.
    """

    ref: str
    perm_id: int
    status: str
    filled: int
    remaining: int


@dataclass(frozen=True, slots=True)
class OrderError:
    """The broker's error message that names one of our orders, whatever the library inferred from it."""

    ref: str
    code: int
    message: str


@dataclass(frozen=True, slots=True)
class NotSent:
    """One of our orders was stored and could not be sent; ``why`` is a few words."""

    ref: str
    why: str


@dataclass(frozen=True, slots=True)
class Execution:
    """One execDetails, live or in a response. ``ref`` is empty if the order had none."""

    exec_id: str
    ref: str
    perm_id: int
    leg: str
    side: int
    quantity: int
    price: float
    ts_ns: int


@dataclass(frozen=True, slots=True)
class Commission:
    """One commissionReport; an unset amount (1.79e308) is unknown."""

    exec_id: str
    amount: float
    currency: str = "USD"


# --- responses ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class OpenOrder:
    """One order in the response about open orders; an order without one of our refs is not the bot's."""

    ref: str
    perm_id: int
    leg: str
    status: str


@dataclass(frozen=True, slots=True)
class OpenOrders:
    """The response to request ``query``: all orders of the account that the broker holds as working."""

    query: int
    orders: tuple[OpenOrder, ...]


@dataclass(frozen=True, slots=True)
class Executions:
    """The response to ``query``: all executions that the broker still reports (today's), with commissions."""

    query: int
    executions: tuple[Execution, ...]
    commissions: tuple[Commission, ...] = ()


@dataclass(frozen=True, slots=True)
class PositionLine:
    """A position of the account in one of the legs' instruments, any expiry."""

    leg: str
    con_id: int
    quantity: int


@dataclass(frozen=True, slots=True)
class Positions:
    """The response to ``query``: all positions of the account in the pair's symbols; empty if it is flat."""

    query: int
    lines: tuple[PositionLine, ...]


@dataclass(frozen=True, slots=True)
class PositionChanged:
    """The broker pushed a changed position in one of the legs' instruments, whoever traded it."""

    line: PositionLine


@dataclass(frozen=True, slots=True)
class Undecoded:
    """A message about an order, an execution or a position could not be read; ``what`` names it."""

    what: str


@dataclass(frozen=True, slots=True)
class Margin:
    """Whether the account's margin is enough for the pair of a whatIf, and the sentence to show."""

    query: int
    sufficient: bool
    sentence: str


@dataclass(frozen=True, slots=True)
class QueryFailed:
    """The broker refused a request, or the library gave up."""

    query: int
    reason: str


# --- people and time ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Tick:
    """Time passed; due by ``DeskSession.next_deadline_ns``."""


@dataclass(frozen=True, slots=True)
class BrokerClock:
    """The broker's clock, requested from time to time. ``doubt`` is the number of the last ``QuotesDoubted``
    before the request.
    """

    utc_ns: int
    doubt: int = 0


@dataclass(frozen=True, slots=True)
class QuotesDoubted:
    """Quotes from now on may be old: the process was suspended, or subscriptions begin anew.

    The desk decides nothing until a ``BrokerClock`` with this number comes: by then it has read everything
    that the broker sent before that response. ``why`` is a few words.
    """

    number: int
    why: str


@dataclass(frozen=True, slots=True)
class AcceptAccount:
    """A person confirms, before ``Hello``, that the broker's positions are right if they differ from the
    desk's: somebody closed the pair, or a part of it, by hand. The desk accepts a difference that three whole
    rounds of responses report alike.
    """


@dataclass(frozen=True, slots=True)
class Stop:
    """Stop the desk: it cancels working orders, and keeps positions unless ``flatten``."""

    reason: str
    flatten: bool = False


@dataclass(frozen=True, slots=True)
class Kill:
    """The kill switch is on."""

    reason: str


@dataclass(frozen=True, slots=True)
class KillLifted:
    """A person deleted the kill switch's file: trading may go on."""


Event = (
    Hello | LinkLost | Farm | ContractFound | Quote | Alive | DataType | Halted | Shortable | RowSeen
    | RowComplete | ContractEnds | Terms | OrderStatus | OrderError | Execution | Commission | OpenOrders
    | Executions | Positions | PositionChanged | Undecoded | Margin | QueryFailed | Tick | BrokerClock
    | QuotesDoubted | NotSent | AcceptAccount | Stop | Kill | KillLifted
)  # fmt: skip
