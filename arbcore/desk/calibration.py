"""Which factor the desk works with: the one that was set, one measured before, or one that is measured now.

Owns how long a measured factor holds. How it is measured is the decider's business. A replay of recorded
rows measures once, as the backtest does.
"""

from arbcore.core.civil import iso_time
from arbcore.core.text import plural
from arbcore.desk.commands import Note
from arbcore.desk.decide import Decider
from arbcore.desk.desk_core import DeskCore
from arbcore.desk.desk_settings import DAY_NS, SECOND_NS
from arbcore.desk.pair import PairTrader
from arbcore.desk.records import FactorRow

#: SPY gathers dividends of some 0.4 bps a day and the index does not: after a week that is nearly 3 bps, and
#: an entry wants 20. A week also bridges every weekend and holiday.
KEPT_DAYS = 7


class Calibration:
    """``look`` whenever the contract may have changed or a day has begun."""

    def __init__(self, core: DeskCore, pairs: PairTrader, decider: Decider) -> None:
        self._core = core
        self._pairs = pairs
        self._decider = decider
        self._con_id = 0
        self._said = False

    def look(self) -> None:
        """Takes the factor of the contract that is known by now, or has it measured."""
        core, decider = self._core, self._decider
        if not core.es.con_id:
            return
        decisions = core.settings.calibration_rows
        if not decisions:
            self._say(f"The factor is {core.settings.factor:g}, as it was set.")
            return
        live = core.settings.decide_on == "quote"
        moved, self._con_id = self._con_id not in (0, core.es.con_id), core.es.con_id
        if decider.calibrating:
            if moved and live:
                # The other contract's prices say nothing of this one.
                decider.measure()
            why = self._fault(decider.measured)
            if why or decider.measured is None:
                self._say(f"The factor is measured over {decisions:,} decisions first: {why}.")
                return
            decider.calibrated(decider.measured.factor)
            self._say(self._known(decider.measured), anew=True)
        elif live and (why := self._fault(decider.measured)):
            decider.measure()
            self._say(f"The factor is measured anew over {decisions:,} decisions: {why}.", anew=True)

    def _fault(self, row: FactorRow | None) -> str:
        """Why a measured factor is not to be used; empty where it is."""
        if row is None:
            return "none is stored"
        if row.con_id != self._core.es.con_id:
            return f"the stored one is contract {row.con_id}'s and this is {self._core.es.con_id}"
        # A pair is left on the factor that it was entered on.
        if not self._pairs.open and self._age_ns(row) > KEPT_DAYS * DAY_NS:
            return f"the stored one is {_ago(self._age_ns(row))} old, and {KEPT_DAYS} days are the most"
        return ""

    def _age_ns(self, row: FactorRow) -> int:
        return self._core.clock.utc_ns - row.measured_ns

    def _known(self, row: FactorRow) -> str:
        when = iso_time(row.measured_ns - row.measured_ns % SECOND_NS)
        return (
            f"The factor is {row.factor:.6g}, measured over {row.decisions:,} decisions in this contract "
            f"{_ago(self._age_ns(row))} ago ({when}) and stored."
        )

    def _say(self, text: str, *, anew: bool = False) -> None:
        if anew or not self._said:
            self._said = True
            self._core.out.append(Note("factor", text))


def _ago(age_ns: int) -> str:
    """``3.2 days``, ``5 hours``, ``2 minutes``."""
    if age_ns >= 2 * DAY_NS:
        return f"{age_ns / DAY_NS:.1f} days"
    hours, minutes = divmod(max(0, age_ns) // (60 * SECOND_NS), 60)
    return plural(hours, "hour") if hours > 1 else plural(60 * hours + minutes, "minute")
