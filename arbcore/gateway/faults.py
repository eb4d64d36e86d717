"""The faults that the gateway injects: the table of named faults, their script, and a plan from a seed.

A fault is written ``NAME[=ARG]@SECONDS[xCOUNT]``, such as ``held_short=3@10`` or ``reject=201@0x5``; the
seconds are those of the gateway's clock since its first quotes. An *event* happens at that time, COUNT times,
a second apart. An *armed* fault waits from that time for the next COUNT occasions. Owns names, defaults and
the armed faults; ``fault_injection`` and the order desk inject them.
"""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from arbcore.carry.pairs import DEFAULT_PAIR, PAIRS
from arbcore.core.text import printable
from arbcore.errors import ConfigError

EVENT, ARMED = "event", "armed"
FOREVER = 1_000_000_000

_SPELLED = re.compile(
    r"(?P<name>[a-z0-9_]+)(?:=(?P<arg>[^@]+))?@(?P<at>[0-9]+(?:\.[0-9]+)?)(?:x(?P<count>[0-9]{1,9}))?"
)

#: Requests that ``silent`` may leave unanswered.
SILENT_REQUESTS = (
    "positions", "open_orders", "completed_orders", "executions", "account", "account_multi",
    "account_summary", "contract_details", "quotes", "current_time", "orders", "cancels", "ids",
)  # fmt: skip
DATA_RIGHTS = ("live", "frozen", "delayed", "none")
SYMBOLS = tuple(dict.fromkeys(symbol for pair in PAIRS for symbol in (pair.future, pair.etf)))
#: Forms of times: with the zone's name, IB's UTC form, without a zone, or in an unknown zone.
TIME_FORMS = ("new_york", "utc", "utc_dash", "no_zone", "unknown_zone")
UNREADABLE = ("execution", "order", "status", "position")


@dataclass(frozen=True, slots=True)
class Fault:
    """One entry of the table. ``arg`` is its default; ``choices`` is empty if it is a number."""

    name: str
    kind: str
    text: str
    arg: float | str | None = None
    choices: tuple[str, ...] = ()
    count: int = 1
    #: Whether a plan from a seed may draw it; False for faults that only a person ends.
    random: bool = True


def _table(*faults: Fault) -> dict[str, Fault]:
    return {fault.name: fault for fault in faults}


FAULTS = _table(
    # the connection
    Fault("disconnect", EVENT, "closes every connection"),
    Fault("disconnect_mid_frame", EVENT, "closes every connection in the middle of a message"),
    Fault("reset", EVENT, "resets every connection (RST instead of FIN)"),
    Fault("refuse", EVENT, "closes new connections at once for ARG seconds", 2.0),
    Fault(
        "restart", EVENT, "a gateway's restart: all cut, refused for ARG seconds, order ids start at 1", 1.0
    ),
    Fault("black_hole", EVENT, "sends nothing for ARG seconds, then everything at once", 2.0),
    Fault("slow_bytes", EVENT, "the next ARG bytes are sent one by one", 200.0),
    Fault("huge_frame", EVENT, "announces a message of 100 MB that never comes", random=False),
    Fault("garbage", EVENT, "sends unknown messages, with fields of the wrong type"),
    Fault("client_id_in_use", ARMED, "the next login gets error 326 and is closed"),
    Fault("id_rollback", EVENT, "order ids start at 1 again at the next login"),
    Fault("clock_skew", EVENT, "currentTime is off by ARG seconds from then on", 3600.0, random=False),
    Fault("rate_limit", ARMED, "the next request gets error 100"),
    Fault("pacing", ARMED, "more than 50 requests in a second get error 100", count=FOREVER),
    # the link behind the gateway
    Fault("link_lost", EVENT, "1100: no quotes, no order messages, new orders wait", random=False),
    Fault("link_back_1101", EVENT, "1101: back, subscriptions lost, messages about fills lost"),
    Fault("link_back_1102", EVENT, "1102: back, subscriptions kept, messages about fills lost"),
    Fault("link_back_silent", EVENT, "the link is back, and no message says so"),
    Fault("link_blip", EVENT, "1100, and 1102 after ARG seconds", 2.0),
    Fault("port_changed", EVENT, "1300, then every connection is closed"),
    Fault("server_link_broken", EVENT, "2110, and nothing else"),
    Fault("farm_blip", EVENT, "2103, 2104 after ARG seconds, feeds dead until subscribed anew", 3.0),
    Fault("farm_lost", EVENT, "2103, 2105 and 2157, feeds dead until subscribed anew", random=False),
    Fault("farm_back", EVENT, "2104, 2106 and 2158"),
    Fault("farm_idle", EVENT, "2107 and 2108"),
    Fault("notice", EVENT, "an error message without an id, of code ARG", 2100.0),
    # quotes
    Fault("data", EVENT, "market-data rights become ARG", "delayed", DATA_RIGHTS, random=False),
    Fault("no_rights", ARMED, "the next subscription gets error ARG and no quotes", 10089.0),
    Fault(
        "competing_session", EVENT, "10197: another session has the data; feeds stop until subscribed anew"
    ),
    Fault("stale_quotes", EVENT, "no quotes for ARG seconds, and no message says so", 10.0),
    Fault("no_quote", EVENT, "both sides show -1 for ARG seconds", 2.0),
    Fault("nan_quote", EVENT, "prices are NaN, once"),
    Fault("crossed", EVENT, "bid above ask for ARG seconds", 2.0),
    Fault("spike", EVENT, "the next row of the ETF is off by ARG bps", 500.0),
    Fault("halt", EVENT, "trading in ARG is halted", DEFAULT_PAIR.etf, SYMBOLS, random=False),
    Fault("resume", EVENT, "trading in ARG resumes", DEFAULT_PAIR.etf, SYMBOLS),
    Fault("hard_to_borrow", EVENT, "shortable falls to the lowest level, no shares"),
    # orders
    Fault("reject", ARMED, "the next order gets error ARG (201, 203, 321, ...)", 201.0),
    Fault("reject_inactive", ARMED, "the next order gets 201, then the status Inactive"),
    Fault("reject_late", ARMED, "the next order is acknowledged, gets error ARG and is over", 201.0),
    Fault("preset_tif", ARMED, "an order without a tif gets 10349 and works nevertheless", count=FOREVER),
    Fault("held_short", ARMED, "404: the next short sale of shares is held for ARG seconds", 3.0),
    Fault("held_message", ARMED, "399: the next order is held for ARG seconds", 3.0),
    Fault("stray_error", ARMED, "the next order gets error ARG and works nevertheless", 10148.0),
    Fault("order_lost", ARMED, "the next order never reaches the broker; no message says so", random=False),
    Fault("ack_lost", ARMED, "no message says that the next order was accepted"),
    Fault("ack_twice", ARMED, "the next order is acknowledged twice"),
    Fault("fill_before_ack", ARMED, "the next order's fill comes before it is acknowledged"),
    Fault("no_status", ARMED, "the next order fills without any orderStatus"),
    Fault("late_fill", ARMED, "the next fill is reported ARG seconds later", 1.0),
    Fault("fill_after_cancel", ARMED, "the next order is shown as cancelled, fills ARG seconds later", 1.0),
    Fault("silent_fill", ARMED, "the next fill is only in a response about executions"),
    Fault("fill_twice", ARMED, "the next execution is reported twice"),
    Fault("partial", ARMED, "the next order gets the part ARG of what it could", 0.5),
    Fault("burst", ARMED, "the next fill comes in ARG executions", 10.0),
    Fault("miss", ARMED, "the next order finds nothing at its price"),
    Fault("slow_commission", ARMED, "the next commission report comes ARG seconds later", 5.0),
    Fault("no_commission", ARMED, "the next commission report never comes"),
    Fault("cancel_refused", ARMED, "the next cancel gets error ARG and the order lives", 10148.0),
    Fault("cancel_lost", ARMED, "the next cancel is never answered", random=False),
    Fault("broker_cancel", EVENT, "the broker cancels every working order"),
    Fault("correction", EVENT, "the last execution is corrected by ARG ticks", 1.0),
    Fault("foreign_fill", EVENT, "a fill of another client's order with the same id as the last order"),
    Fault(
        "foreign_trade", EVENT, "another person trades ARG shares of the ETF in the account (sells below 0)",
        -502.0, random=False,
    ),
    Fault("unreadable", ARMED, "the next message about ARG has fields missing", "execution", UNREADABLE),
    Fault("time_form", EVENT, "times are written in the form ARG", "unknown_zone", TIME_FORMS, random=False),
    # queries
    Fault("silent", ARMED, "no response to ARG", "positions", SILENT_REQUESTS, FOREVER, random=False),
    Fault("positions_partial", ARMED, "the next response about positions lacks the first one"),
    Fault("wrong_positions", ARMED, "the next response about positions doubles them", random=False),
    Fault(
        "read_only", ARMED, "orders and order requests get 321: Read-Only", count=FOREVER, random=False
    ),
    Fault("unknown_contract", ARMED, "the next contract query gets error 200"),
    Fault("heal", EVENT, "disarms all faults, ends halts and dead links"),
)


@dataclass(frozen=True, slots=True)
class Planned:
    """A fault with its time in seconds of the gateway's clock."""

    fault: Fault
    arg: float | str | None
    at_s: float
    count: int

    def __str__(self) -> str:
        arg = "" if self.arg is None else f"={self.arg:g}" if isinstance(self.arg, float) else f"={self.arg}"
        times = "" if self.count == self.fault.count else f"x{self.count}"
        return f"{self.fault.name}{arg}@{self.at_s:g}{times}"


def planned(name: str, arg: str | float | None = None, *, at_s: float = 0.0, count: int = 0) -> Planned:
    """A fault by name. Raises ConfigError for an unknown name or a wrong argument."""
    fault = FAULTS.get(name)
    if fault is None:
        raise ConfigError(
            f"There is no fault '{printable(name, 40)}'; `arbcore gateway --list-faults` shows them all."
        )
    return Planned(fault, _argument(fault, arg), at_s, count or fault.count)


def _argument(fault: Fault, arg: str | float | None) -> float | str | None:
    if arg is None:
        return fault.arg
    if fault.arg is None:
        raise ConfigError(f"The fault {fault.name} takes no argument; leave '{printable(str(arg), 40)}' out.")
    if fault.choices:
        if arg not in fault.choices:
            choices, shown = ", ".join(fault.choices), printable(str(arg), 40)
            raise ConfigError(f"The fault {fault.name} takes one of {choices}, not '{shown}'.")
        return arg
    try:
        number = float(arg)
    except ValueError:
        number = math.nan
    if not 0.0 <= abs(number) <= 1e6:
        raise ConfigError(f"The fault {fault.name} takes a number, not '{printable(str(arg), 40)}'.")
    return number


def parse(text: str) -> Planned:
    """The fault of a text ``NAME[=ARG]@SECONDS[xCOUNT]``. Raises ConfigError for another text."""
    match = _SPELLED.fullmatch(text.strip())
    if match is None:
        raise ConfigError(
            f"'{printable(text, 60)}' is not a fault; write NAME@SECONDS, such as disconnect@10 or "
            "held_short=3@10x2."
        )
    return planned(match["name"], match["arg"], at_s=float(match["at"]), count=int(match["count"] or 0))


def random_plan(seed: int, *, horizon_s: float, per_minute: float) -> tuple[Planned, ...]:
    """Faults drawn from a seed over a stretch of time; the same seed gives the same plan."""
    rng = Random(seed)
    drawable = [fault for fault in FAULTS.values() if fault.random and fault.name != "heal"]
    plan, at_s = [], 0.0
    while per_minute > 0.0:
        at_s += rng.expovariate(per_minute / 60.0)
        if at_s >= horizon_s:
            break
        plan.append(planned(rng.choice(drawable).name, at_s=round(at_s, 3)))
    return tuple(plan)


class Armed:
    """The faults that wait for their occasion."""

    def __init__(self) -> None:
        self._waiting: dict[tuple[str, str], tuple[int, float | str | None]] = {}

    def arm(self, plan: Planned) -> None:
        """Arms a fault for its next occasions; a fault with choices is armed for its choice only."""
        choice = plan.arg if plan.fault.choices and isinstance(plan.arg, str) else ""
        self._waiting[plan.fault.name, choice] = (plan.count, plan.arg)

    def take(self, name: str, choice: str = "") -> float | str | None:
        """Uses an armed fault once: returns its argument, True without one, None if it is not armed."""
        waiting = self._waiting.get((name, choice))
        if waiting is None:
            return None
        count, arg = waiting
        if count <= 1:
            del self._waiting[name, choice]
        else:
            self._waiting[name, choice] = (count - 1, arg)
        return True if arg is None else arg

    def number(self, name: str) -> float | None:
        """Like ``take`` for a fault whose argument is a number."""
        arg = self.take(name)
        return float(arg) if arg is not None else None

    def active(self, name: str) -> bool:
        """Whether a fault without choices is armed."""
        return (name, "") in self._waiting

    def clear(self) -> None:
        """Disarms all faults."""
        self._waiting.clear()

    def names(self) -> Sequence[str]:
        """The names of the armed faults."""
        return sorted(name for name, _ in self._waiting)
