"""The level that the desk decides with: learnt from its quotes, stored, and continued after a restart.

Owns the choice of the quotes to learn from (those that a recording would write, if they are good and within
hours), when the level is stored, and the notes about it. ``carry.level`` does the learning. A replay decides
and learns once a row, as the backtest does. Live, the desk decides each quote with the level of earlier rows.
"""

import math

from arbcore.carry.level import Level, LevelMode, LevelRow, LevelRule, TrackState, factor_of, parse_level
from arbcore.carry.settlement import settlement_day_at
from arbcore.core.civil import iso_time
from arbcore.desk.commands import Note, SaveLevel
from arbcore.desk.desk_core import DeskCore
from arbcore.desk.desk_settings import DAY_NS, SECOND_NS
from arbcore.desk.pair import PairTrader
from arbcore.desk.records import StoredLevel

#: A stored level may be used for this long, in its own contract.
KEPT_DAYS = 7
#: The level is stored this often, and when the run ends.
SAVE_NS = 60 * SECOND_NS


class LiveLevel:
    """One desk's level. ``factor`` gives the value for a decision; NaN while it is not known."""

    def __init__(self, core: DeskCore, pairs: PairTrader, stored: StoredLevel | None) -> None:
        self._core = core
        self._pairs = pairs
        self._rule = parse_level(core.settings.factor, name="factor")
        self._level = Level(self._rule)
        self._stored = stored
        self._replay = core.settings.decide_on == "row"
        self._prices: tuple[float, ...] = ()
        # The level that decided the last row of a replay.
        self._decided = math.nan
        self._expiry_ns = 0
        self._saved_ns = -SAVE_NS
        self._said = False
        self._was_known = False
        self._rows = 0
        if self._rule.mode is LevelMode.NUMBER:
            core.gate.set_factor(self._rule.factor)

    # --- the present level ----------------------------------------------------------------------

    @property
    def known(self) -> bool:
        """Whether the level is known, so that the desk can decide."""
        return not math.isnan(self.factor(self._core.clock.utc_ns))

    def factor(self, utc_ns: int) -> float:
        """The factor for a decision at an instant; NaN while it is not known."""
        if self._replay and self._rule.mode is not LevelMode.NUMBER:
            return self._decided
        expiry_ns = self.expiry_ns
        state = self._level.state
        if state is not None and state.expiry_ns == expiry_ns:
            utc_ns = max(utc_ns, state.last_ns)
        return _or_nan(self._level.at(self._row(utc_ns, expiry_ns, x=math.nan)))

    @property
    def expiry_ns(self) -> int:
        """The expiry of the contract to decide with: the pair's own while one is held."""
        trade = next(iter(self._pairs.open.values()), None)
        return self._core.fut.expiry_ns if trade is None else trade.expiry_ns

    def shown(self) -> float | None:
        """The factor to show; None while it is not known."""
        factor = self.factor(self._core.clock.utc_ns)
        return None if math.isnan(factor) else factor

    def waiting(self) -> str:
        """What is still missing to know the level; empty once it is known."""
        if self.known:
            return ""
        if self._rule.mode is LevelMode.AUTO:
            return f"the level is measured, {self._rows:,} of {self._rule.rows:,} rows"
        return f"the level warms up, {_span(self._level.warm_in_s(self.expiry_ns))} of quotes to go"

    def implied_financing(self) -> float | None:
        """The rate that the level implies; None if the true factor is not set."""
        true_factor, level = self._core.settings.true_factor, self.shown()
        if not true_factor or level is None:
            return None
        return self._core.terms.implied_financing(
            self._core.clock.utc_ns, self.expiry_ns, level=level, true_factor=true_factor
        )

    # --- learning -------------------------------------------------------------------------------

    def see(self, ts_ns: int, *, quoted_ns: int = 0) -> None:
        """Takes the present quotes as a row of this time, and learns from it if the quotes are good.

        ``quoted_ns`` is the expiry of the future that a recorded row quotes, 0 for the desk's own.
        """
        core = self._core
        fut, etf = core.fut, core.etf
        prices = (fut.bid, fut.ask, etf.bid, etf.ask)
        if min(prices) <= 0.0 or (not self._replay and prices == self._prices):
            return
        self._prices = prices
        now_ns, utc_ns = core.clock.now_ns, core.clock.utc_ns
        if core.gate.doubts or core.clock.slipped or not fut.expiry_ns:
            return
        if any(leg.fault(now_ns, utc_ns, may_lock=True) for leg in (fut, etf)):
            return
        expiry_ns = quoted_ns or self.expiry_ns
        state = self._level.state
        if state is not None and state.expiry_ns == expiry_ns and ts_ns < state.last_ns:
            return
        # A pair whose contract has ended exits at that contract's level, while the next one's begins.
        own = math.nan
        if expiry_ns != self.expiry_ns:
            own = _or_nan(self._level.at(self._row(ts_ns, self.expiry_ns, x=math.nan)))
        if self._expiry_ns not in (0, expiry_ns) and self._rule.mode is LevelMode.AUTO and not self._replay:
            # The level of another contract is of no use for this one.
            self._level, self._rows, self._saved_ns = Level(self._rule), 0, -SAVE_NS
        self._expiry_ns = expiry_ns
        paid = core.terms.paid(ts_ns, expiry_ns)
        x = factor_of(
            fut_mid=(fut.bid + fut.ask) / 2.0, etf_mid=(etf.bid + etf.ask) / 2.0,
            growth=core.terms.carry(ts_ns, expiry_ns), paid_usd=paid.usd, paid_points=paid.points,
        )  # fmt: skip
        found = _or_nan(self._level.decide(self._row(ts_ns, expiry_ns, x=x)))
        self._decided = found if expiry_ns == self.expiry_ns else own
        self._rows += 1
        if self._rule.mode is LevelMode.NUMBER:
            return
        self._tell_known()
        # A replay begins without a level, so only its last level needs storing.
        if not self._replay and ts_ns - self._saved_ns >= SAVE_NS:
            self.save()

    def _row(self, ts_ns: int, expiry_ns: int, *, x: float) -> LevelRow:
        terms = self._core.terms
        return LevelRow(
            ts_ns, expiry_ns, settlement_day_at(ts_ns), x, terms.rate(ts_ns, expiry_ns),
            terms.dividend_yield(expiry_ns),
        )  # fmt: skip

    def save(self) -> None:
        """Stores the present level."""
        level, mode = self._level, self._rule.mode
        state = level.state
        if level.rule.mode is LevelMode.AUTO and self.known and self._saved_ns < 0:
            # The median is constant: store only its value and the time of its measurement, not its rows.
            factor, utc_ns = self.factor(self._core.clock.utc_ns), self._core.clock.utc_ns
            state = TrackState(self._expiry_ns, factor, 0.0, utc_ns, 0.0, settlement_day_at(utc_ns))
        if state is not None:
            self._saved_ns = state.last_ns
            self._core.out.append(
                SaveLevel(
                    StoredLevel(
                        state.expiry_ns, mode.value, state.factor, state.known_s, state.last_ns, state.gap_s,
                        state.settlement_day,
                    )
                )
            )

    # --- notes ----------------------------------------------------------------------------------

    def look(self) -> None:
        """Continues a stored level once the contract is known, and writes a note about the level."""
        core, rule = self._core, self._rule
        if not core.fut.con_id or self._said:
            return
        self._said = True
        if rule.mode is LevelMode.NUMBER:
            self._note(f"The level is {rule.factor:.6f}, from SPY_TO_INDEX_FACTOR.")
            return
        why = "a replay starts without one" if self._replay else self._resume()
        if not why:
            return
        wanted = (
            f"{rule.rows:,} rows" if rule.mode is LevelMode.AUTO
            else f"{_span(self._level.warm_in_s(self.expiry_ns))} of quotes"
        )  # fmt: skip
        self._note(f"The bot first learns the level, from {wanted}, and enters no pair meanwhile: {why}.")

    def _resume(self) -> str:
        """Continues the stored level; returns why that is not possible, or an empty text."""
        stored, now_ns = self._stored, self._core.clock.utc_ns
        if stored is None:
            return "no level is stored"
        if stored.mode != self._rule.mode.value:
            return f"the stored level was learnt in mode {stored.mode}"
        if stored.expiry_ns != self.expiry_ns:
            return f"the stored level is for the contract of {iso_time(stored.expiry_ns)[:10]}"
        age_ns = now_ns - stored.last_ns
        if age_ns > KEPT_DAYS * DAY_NS:
            return f"the stored level is {age_ns / DAY_NS:.1f} days old, more than {KEPT_DAYS} days"
        if age_ns < 0:
            return "the stored level is of a time later than now"
        if self._rule.mode is LevelMode.AUTO:
            # The stored median is constant, so measure no new one.
            self._level = Level(LevelRule(LevelMode.NUMBER, factor=stored.factor))
        elif not self._level.resume(stored.state(), now_ns=now_ns):
            return "the stored level cannot be continued"
        when = iso_time(stored.last_ns - stored.last_ns % SECOND_NS)
        if not self.known:
            return f"the stored level, of {when}, was learnt from only {_span(stored.known_s)} of quotes"
        self._expiry_ns = stored.expiry_ns
        self._was_known = True
        core = self._core
        core.gate.set_factor(self.factor(core.clock.utc_ns))
        self._note(f"The level is {self._shown_words()}, learnt in this contract until {when} and stored.")
        return ""

    def _tell_known(self) -> None:
        known = not math.isnan(self._decided)
        if known and not self._was_known:
            self._note(f"The level is known: {self._shown_words()}.")
        elif self._was_known and not known:
            self._note("The contract has changed; the bot first learns its level and enters no pair yet.")
        self._was_known = known

    def _shown_words(self) -> str:
        rate = self.implied_financing()
        implied = "" if rate is None else f" (it implies financing at {rate:.3%})"
        return f"{self.factor(self._core.clock.utc_ns):.6f}{implied}"

    def _note(self, text: str) -> None:
        self._core.out.append(Note("level", text))


def _or_nan(factor: float | None) -> float:
    return math.nan if factor is None else factor


def _span(seconds: float) -> str:
    """A text such as ``59 min`` or ``40 s``, rounded up so that it is never 0."""
    return f"{math.ceil(seconds / 60.0)} min" if seconds > 90.0 else f"{math.ceil(seconds)} s"
