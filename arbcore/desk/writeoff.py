"""Writes off changes of positions that none of our executions made, once their cause is certain.

There are two causes. The exchange settled an expired future in cash: the desk detects this by itself. Or
somebody closed a pair by hand: the desk writes that off only if a person confirms it (``AcceptAccount``).
Owns which differences may be written off and how. It invents no price: the P&L of such a pair stays unknown.
"""

from arbcore.carry.pairs import ETF, FUT, LEGS
from arbcore.desk.commands import SaveAdjustment
from arbcore.desk.day import Day
from arbcore.desk.desk_core import DeskCore
from arbcore.desk.pair import PairTrader
from arbcore.desk.records import AdjustmentRow
from arbcore.desk.trade import Trade

SETTLED, BY_HAND = "settled", "by_hand"
#: What ``WriteOff.explains`` returns for a difference.
DONE, AGAIN = "done", "again"


class WriteOff:
    """``accepting``: a person confirmed the account's positions, for the next rounds of responses."""

    #: This many rounds must report the same positions, because the broker's account page may lag behind.
    SAME_ROUNDS = 3

    def __init__(self, core: DeskCore, pairs: PairTrader, day: Day) -> None:
        self.core = core
        self.pairs = pairs
        self.day = day
        self.accepting = False
        self._reported: dict[str, int] = {}
        self._rounds = 0

    def refuse(self, why: str) -> None:
        """Stops accepting and raises an alarm; a restart with --accept-account may try again."""
        if self.accepting:
            self.accepting = False
            self.core.alarm(
                "not accepted",
                f"--accept-account did not accept the account: {why} Then start again with --accept-account.",
            )

    def agreed(self) -> None:
        """Notes that a whole round found no difference: there is nothing to accept."""
        self.accepting = False
        self._rounds = 0

    def explains(self, reported: dict[str, int], *, strange: bool, foreign_orders: bool) -> str:
        """Returns "done" if the difference was written off, "again" if another round must confirm it first,
        else an empty text. ``strange``: the account holds a future that is not the bot's.
        """
        ended = [] if strange else self._settled(reported)
        if not ended and not (self.accepting and self._acceptable(reported, strange, foreign_orders)):
            return ""
        self._rounds = self._rounds + 1 if reported == self._reported else 1
        self._reported = reported
        if self._rounds < self.SAME_ROUNDS:
            return AGAIN
        if ended:
            self._settle(ended)
        else:
            self._accept(reported)
        self._rounds = 0
        self.accepting = False
        self.day.count_anew()
        return DONE

    def _acceptable(self, reported: dict[str, int], strange: bool, foreign_orders: bool) -> bool:
        """Whether the difference may be accepted; if not, raises an alarm that says why."""
        fut, etf = self.core.pair.future, self.core.pair.etf
        if foreign_orders:
            self.refuse(f"orders in {fut} or {etf} are open that are not the bot's; cancel them.")
        elif strange:
            self.refuse(f"it holds another {fut} contract than the bot's pair; close that position by hand.")
        elif any(not _less(reported[leg], self.core.positions[leg]) for leg in LEGS):
            self.refuse(
                f"it holds {self.core.held_words(reported)}, which is not a part of the bot's "
                f"{self.core.positions[FUT]} and {self.core.positions[ETF]}; close what is not the bot's."
            )
        return self.accepting

    def _settled(self, reported: dict[str, int]) -> list[Trade]:
        """The pairs with an expired future, if those futures are gone and nothing else changed."""
        core = self.core
        ended = [trade for trade in self.pairs.open.values() if trade.expired and trade.position[FUT]]
        gone = sum(trade.position[FUT] for trade in ended)
        if not gone or reported[ETF] != core.positions[ETF] or reported[FUT] != core.positions[FUT] - gone:
            return []
        return ended

    def _settle(self, ended: list[Trade]) -> None:
        for trade in ended:
            self.core.alarm(
                f"settled {trade.trade_id}",
                f"The future of pair {trade.trade_id} has expired and was settled in cash. The bot does not "
                f"know the settlement price, so the pair's P&L is unknown. {trade.position[ETF]} "
                f"{self.core.pair.etf} are left and are being closed.",
            )
            self._write(trade, FUT, -trade.position[FUT], SETTLED)
            self.pairs.adjusted(trade, "expiry")

    def _accept(self, reported: dict[str, int]) -> None:
        core = self.core
        core.alarm(
            "accepted",
            f"The account was accepted as it is: {core.held_words(reported)}, while the bot's "
            f"executions came to {core.positions[FUT]} and {core.positions[ETF]}. The pair's P&L is "
            "unknown; the day's loss counts from now on.",
        )
        for trade in list(self.pairs.open.values()):
            changed = False
            for leg in LEGS:
                excess = core.positions[leg] - reported[leg]
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


def _less(reported: int, held: int) -> bool:
    """Whether ``reported`` is ``held`` or a part of it, including 0."""
    return 0 <= reported <= held or held <= reported <= 0
