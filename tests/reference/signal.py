"""Twin of ``carry/_signal``: when the carry desk enters and leaves, one quote at a time."""

from dataclasses import dataclass

from reference.carry import deviation_bps, edge_cash_and_carry_bps, edge_reverse_bps

CASH_AND_CARRY = -1  # short ES, long SPY
REVERSE = 1  # long ES, short SPY

#: A time before all others.
NEVER = -(2**63)


@dataclass
class Quote:
    """One valid row: best prices of both legs."""

    es_bid: float
    es_ask: float
    spy_bid: float
    spy_ask: float

    def deviation_bps(self, c: float) -> float:
        return deviation_bps(
            es_bid=self.es_bid, es_ask=self.es_ask, spy_bid=self.spy_bid, spy_ask=self.spy_ask, c=c
        )


@dataclass(frozen=True)
class Rules:
    """Thresholds in bps of fair value; a stop or a longest hold of 0 is off."""

    entry_bps: float
    exit_bps: float
    cost_bps: float
    stop_bps: float = 0.0
    max_hold_ns: int = 0
    cooldown_ns: int = 0


class Signal:
    """Decides when to enter (``side`` 0) and to leave; the caller reports fills by ``entered``, ``left``."""

    def __init__(self, rules: Rules) -> None:
        self.rules = rules
        self.side = 0
        self.entry_ns = 0
        self.entry_x = 0.0
        self.expiry_ns = 0
        self.blocked_until_ns = NEVER

    def decide(self, now_ns: int, expiry_ns: int, quote: Quote, c: float) -> str | int | None:
        """Returns a side to enter, the reason to leave, or None.

        ``expiry_ns`` and ``c`` are the row's when flat, otherwise those of the position.
        """
        if self.side == 0:
            return self._entry(now_ns, expiry_ns, quote, c)
        return self._exit(now_ns, quote, c)

    def _entry(self, now_ns: int, expiry_ns: int, quote: Quote, c: float) -> int | None:
        if now_ns >= expiry_ns or now_ns < self.blocked_until_ns:
            return None
        wanted = self.rules.entry_bps + self.rules.cost_bps
        if edge_cash_and_carry_bps(es_bid=quote.es_bid, spy_ask=quote.spy_ask, c=c) >= wanted:
            return CASH_AND_CARRY
        if edge_reverse_bps(es_ask=quote.es_ask, spy_bid=quote.spy_bid, c=c) >= wanted:
            return REVERSE
        return None

    def _exit(self, now_ns: int, quote: Quote, c: float) -> str | None:
        rules = self.rules
        x = -self.side * quote.deviation_bps(c)
        if now_ns >= self.expiry_ns:
            return "expiry"
        if rules.stop_bps > 0 and x - self.entry_x >= rules.stop_bps:
            return "stop_loss"
        if rules.max_hold_ns > 0 and now_ns - self.entry_ns >= rules.max_hold_ns:
            return "max_hold"
        if x <= rules.exit_bps:
            return "converged"
        return None

    def entered(self, side: int, now_ns: int, expiry_ns: int, dev_bps: float) -> None:
        self.side = side
        self.entry_ns = now_ns
        self.entry_x = -side * dev_bps
        self.expiry_ns = expiry_ns

    def left(self, now_ns: int) -> None:
        self.side = 0
        self.blocked_until_ns = now_ns + self.rules.cooldown_ns
