"""What the desk is told. The shell builds these from the broker's messages; they carry no library types.

Legs are ``pairs.FUT`` and ``pairs.ETF``; sides are +1 to buy and -1 to sell; quantities are whole; times
that end in ``_ns`` are UTC nanoseconds since 1970.

How a connection is told: ``Hello`` once the account is verified (at start, after each reconnect, and after
1101 or 1102), ``LinkLost`` when the socket or the broker's server is gone (also on 1100). In between the
desk asks what it needs (``commands.Ask``) and each question is answered once with its number, or with
``QueryFailed``; one that is never answered times out by itself. An empty answer and a failed one are
different things.
"""

from dataclasses import dataclass

from arbcore.desk.hours import Intervals

# --- connection -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Hello:
    """Connected, account verified. ``broker_utc_ns`` is the broker's clock, where it was asked.

    Everything told over an earlier connection is over: quotes, subscriptions, open questions.
    """

    account: str
    broker_utc_ns: int | None = None


@dataclass(frozen=True, slots=True)
class LinkLost:
    """No link to the broker; every order that is not known to be done is in doubt."""

    reason: str


@dataclass(frozen=True, slots=True)
class Farm:
    """A market-data farm broke (2103, 2105, 2157, 2110) or is fine again (2104, 2106, 2158)."""

    ok: bool
    code: int
    text: str = ""


# --- market ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ContractFound:
    """A leg's contract as resolved. Hours are the spans of ``hours.read_hours``.

    ``expiry_ns`` is 09:30 New York of the broker's ``realExpirationDate`` for the future, None for
    the ETF. A future is refused while a position in another one is held (``Session.held_con_id`` says which
    one to resolve).
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
    """The best prices of a leg as they now stand; sizes are 0 where they are not known."""

    leg: str
    bid: float
    ask: float
    bid_size: float = 0.0
    ask_size: float = 0.0


@dataclass(frozen=True, slots=True)
class Alive:
    """Any other tick of a leg came, so that its prices still hold though they did not change."""

    leg: str


@dataclass(frozen=True, slots=True)
class DataType:
    """marketDataType of a leg: 1 live, 2 frozen, 3 delayed, 4 delayed and frozen; 0 none (354, 10197).

    ``why`` is what the broker says of it.
    """

    leg: str
    kind: int
    why: str = ""


@dataclass(frozen=True, slots=True)
class Halted:
    """Trading in a leg was halted, or goes on."""

    leg: str
    halted: bool


@dataclass(frozen=True, slots=True)
class Shortable:
    """Shares of the ETF that may be borrowed, by tick 89; advisory."""

    shares: int


@dataclass(frozen=True, slots=True)
class RowSeen:
    """Live: what was told together of both legs is a row of ``ts_ns``, as a recording would have it."""

    ts_ns: int


@dataclass(frozen=True, slots=True)
class RowComplete:
    """Replay only: both legs' quotes of one recorded row have been told. Decide once, at ``ts_ns``.

    ``expiry_ns`` says whose the future's quotes are: at the first row behind an expiry they are the next
    contract's, while a pair of the one before is still held; 0 is the contract that was told last. The next
    row may be fed once ``Session.settled`` is true again.
    """

    ts_ns: int
    expiry_ns: int = 0


@dataclass(frozen=True, slots=True)
class ContractEnds:
    """Replay only, behind ``RowComplete``: the data goes on with another future after this row.

    A pair that is held then is closed at this row's quotes, as in a backtest.
    """

    ts_ns: int


@dataclass(frozen=True, slots=True)
class Terms:
    """A new rate or dividend yield (annual decimals, continuous); None leaves one as it is."""

    r: float | None = None
    d: float | None = None


# --- orders ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class OrderStatus:
    """The broker's own orderStatus of an order, never a status that a library inferred from an error.

    ``filled`` and ``remaining`` are the broker's. ``ref`` is the orderRef.
    """

    ref: str
    perm_id: int
    status: str
    filled: int
    remaining: int


@dataclass(frozen=True, slots=True)
class OrderError:
    """An error message that carries one of our orders' ids, whatever the library made of it."""

    ref: str
    code: int
    message: str


@dataclass(frozen=True, slots=True)
class NotSent:
    """One of our orders was stored and never left: ``why`` is a few words."""

    ref: str
    why: str


@dataclass(frozen=True, slots=True)
class Execution:
    """One execDetails, live or out of an answer. ``ref`` is empty where an order had none."""

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


# --- answers --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class OpenOrder:
    """A line of the answer about open orders; those without one of our refs are somebody else's."""

    ref: str
    perm_id: int
    leg: str
    status: str


@dataclass(frozen=True, slots=True)
class OpenOrders:
    """All orders that the broker holds for us as working, to question ``query``."""

    query: int
    orders: tuple[OpenOrder, ...]


@dataclass(frozen=True, slots=True)
class Executions:
    """All executions that the broker still tells (today's), with their commissions where known."""

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
    """All positions of the account in the pair's two symbols; none where it is flat."""

    query: int
    lines: tuple[PositionLine, ...]


@dataclass(frozen=True, slots=True)
class PositionChanged:
    """The broker pushes a position of the account in one of the legs' instruments, whoever changed it."""

    line: PositionLine


@dataclass(frozen=True, slots=True)
class Undecoded:
    """A message about an order, an execution or a position came and could not be read: ``what`` it was."""

    what: str


@dataclass(frozen=True, slots=True)
class Margin:
    """Whether the account carries the pair that was asked about (whatIf), and the sentence to show."""

    query: int
    sufficient: bool
    sentence: str


@dataclass(frozen=True, slots=True)
class QueryFailed:
    """A question was answered with an error, or the library gave up."""

    query: int
    reason: str


# --- people and time ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Tick:
    """Time passed: due at ``Session.next_deadline_ns`` at the latest."""


@dataclass(frozen=True, slots=True)
class BrokerClock:
    """The broker's clock, asked now and then. ``doubt`` is the number of the last ``QuotesDoubted`` that was
    told before this was asked.
    """

    utc_ns: int
    doubt: int = 0


@dataclass(frozen=True, slots=True)
class QuotesDoubted:
    """What arrives from here on may be old: the process stood still, or subscriptions begin anew.

    Nothing is decided until a ``BrokerClock`` with this number comes: what the broker sent before that answer
    has then been read. ``why`` is a few words.
    """

    number: int
    why: str


@dataclass(frozen=True, slots=True)
class AcceptAccount:
    """A person says, before ``Hello``, that the broker's positions are right where the books differ: somebody
    closed the pair, or a part of it, by hand. It holds for a difference that three whole rounds of answers
    tell alike.
    """


@dataclass(frozen=True, slots=True)
class Stop:
    """Stop in order: working orders are cancelled, positions stay unless ``flatten``."""

    reason: str
    flatten: bool = False


@dataclass(frozen=True, slots=True)
class Kill:
    """The kill switch is on."""

    reason: str


@dataclass(frozen=True, slots=True)
class KillLifted:
    """A person deleted the kill switch's file: what it stopped may go on."""


Event = (
    Hello | LinkLost | Farm | ContractFound | Quote | Alive | DataType | Halted | Shortable | RowSeen
    | RowComplete | ContractEnds | Terms | OrderStatus | OrderError | Execution | Commission | OpenOrders
    | Executions | Positions | PositionChanged | Undecoded | Margin | QueryFailed | Tick | BrokerClock
    | QuotesDoubted | NotSent | AcceptAccount | Stop | Kill | KillLifted
)  # fmt: skip
