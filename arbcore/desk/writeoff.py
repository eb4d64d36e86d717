"""What changed at the broker without an execution of ours, written off once it is certain what it was.

Two things may be: a future that expired was settled in cash by the exchange, which is seen by itself; and
somebody closed a pair by hand, which is believed only when a person says so (``AcceptAccount``). Owns which
difference may be written off and how. No price is made up: what such a pair brought stays unknown.
"""

from arbcore.carry.pairs import ETF, FUT, LEGS
from arbcore.desk.commands import SaveAdjustment
from arbcore.desk.day import Day
from arbcore.desk.desk_core import DeskCore
from arbcore.desk.pair import PairTrader
from arbcore.desk.records import AdjustmentRow
from arbcore.desk.trade import Trade

SETTLED, BY_HAND = "settled", "by_hand"
#: What ``WriteOff.explains`` says of a difference.
DONE, AGAIN = "done", "again"


class WriteOff:
    """``accepting``: a person said that the account is right, for the next rounds of answers."""

    #: So many rounds of answers must tell the same positions: an account's page may lag behind.
    SAME_ROUNDS = 3

    def __init__(self, core: DeskCore, pairs: PairTrader, day: Day) -> None:
        self.core = core
        self.pairs = pairs
        self.day = day
        self.accepting = False
        self._told: dict[str, int] = {}
        self._rounds = 0

    def refuse(self, why: str) -> None:
        """The account is not accepted after all; another start may ask for it again."""
        if self.accepting:
            self.accepting = False
            self.core.alarm("not accepted", f"The account was not accepted: {why} Then start again with it.")

    def agreed(self) -> None:
        """A whole round found no difference: there is nothing to accept."""
        self.accepting = False
        self._rounds = 0

    def explains(self, told: dict[str, int], *, strange: bool, foreign_orders: bool) -> str:
        """done, where the books were brought to what the broker says; again, where one more round may bring
        them there; else nothing. ``strange``: another future is held there.
        """
        ended = [] if strange else self._settled(told)
        if not ended and not (self.accepting and self._acceptable(told, strange, foreign_orders)):
            return ""
        self._rounds = self._rounds + 1 if told == self._told else 1
        self._told = told
        if self._rounds < self.SAME_ROUNDS:
            return AGAIN
        if ended:
            self._settle(ended)
        else:
            self._accept(told)
        self._rounds = 0
        self.accepting = False
        self.day.count_anew()
        return DONE

    def _acceptable(self, told: dict[str, int], strange: bool, foreign_orders: bool) -> bool:
        """Whether a person's word may be taken; it is said why not."""
        fut, etf = self.core.pair.future, self.core.pair.etf
        if foreign_orders:
            self.refuse(f"orders in {fut} or {etf} are open that are not the bot's; cancel them.")
        elif strange:
            self.refuse(f"it holds another {fut} contract than the bot's pair; close that position by hand.")
        elif any(not _less(told[leg], self.core.positions[leg]) for leg in LEGS):
            self.refuse(
                f"it holds {self.core.held_words(told)}, which is not a part of the bot's "
                f"{self.core.positions[FUT]} and {self.core.positions[ETF]}; close what is not the bot's."
            )
        return self.accepting

    def _settled(self, told: dict[str, int]) -> list[Trade]:
        """The pairs whose futures have expired, where these are gone and nothing else is."""
        core = self.core
        ended = [trade for trade in self.pairs.open.values() if trade.expired and trade.position[FUT]]
        gone = sum(trade.position[FUT] for trade in ended)
        if not gone or told[ETF] != core.positions[ETF] or told[FUT] != core.positions[FUT] - gone:
            return []
        return ended

    def _settle(self, ended: list[Trade]) -> None:
        for trade in ended:
            self.core.alarm(
                f"settled {trade.trade_id}",
                f"The future of pair {trade.trade_id} has expired and was settled in cash, at a price that "
                f"is not known here: neither is what the pair brought. {trade.position[ETF]} "
                f"{self.core.pair.etf} are left.",
            )
            self._write(trade, FUT, -trade.position[FUT], SETTLED)
            self.pairs.adjusted(trade, "expiry")

    def _accept(self, told: dict[str, int]) -> None:
        core = self.core
        core.alarm(
            "accepted",
            f"The account was accepted as it is: {core.held_words(told)}, where the bot's "
            f"executions came to {core.positions[FUT]} and {core.positions[ETF]}. What the pair brought is "
            "not known; the day's loss is counted from here.",
        )
        for trade in list(self.pairs.open.values()):
            changed = False
            for leg in LEGS:
                excess = core.positions[leg] - told[leg]
                part = min(abs(excess), abs(trade.position[leg])) if excess * trade.position[leg] > 0 else 0
                if part:
                    self._write(trade, leg, -part if excess > 0 else part, BY_HAND)
                    changed = True
            if changed:
                self.pairs.adjusted(trade, BY_HAND)

    def _write(self, trade: Trade, leg: str, quantity: int, reason: str) -> None:
        core = self.core
        key = f"{trade.trade_id}-{leg}-{len(trade.adjustments) + 1}"
        row = AdjustmentRow(key, trade.trade_id, leg, quantity, reason, core.clock.utc_ns)
        trade.adjust(row)
        core.positions[leg] += quantity
        core.out.append(SaveAdjustment(row))


def _less(told: int, held: int) -> bool:
    """Whether a position is a part of another one, or all of it, or nothing."""
    return 0 <= told <= held or held <= told <= 0
