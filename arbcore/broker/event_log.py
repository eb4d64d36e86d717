"""The event log of a run of the carry bot: writes to the log, the terminal, the store and the alerts.

Part of the shell; it owns no file of its own and decides nothing.
"""

import logging
from collections import Counter, deque
from collections.abc import Callable, Iterable
from typing import Any

from arbcore.broker.alerts import Alerts
from arbcore.broker.news import TRADE, held_words
from arbcore.broker.store import Row, SignalRow, Store
from arbcore.carry.pairs import ETF, FUT, Pair
from arbcore.desk import commands as cmd
from arbcore.desk import events as ev
from arbcore.desk.desk_session import DeskSession
from arbcore.desk.limits import ORDINARY
from arbcore.desk.pair import CLOSED, HELD
from arbcore.desk.records import SIDE_NAMES, TradeRow

_log = logging.getLogger(__name__)
_LEVELS = {"info": logging.INFO, "warning": logging.WARNING, "alarm": logging.ERROR}

Quotes = tuple[ev.Quote, ev.Quote]
#: How many of the last alarms a live page shows.
ALARMS_KEPT = 8


class EventLog:
    """Logs one run. ``show(level, text)`` prints a line; ``utc_ns`` is the market's clock.

    The run sets store and session at its first connection.
    """

    def __init__(
        self, pair: Pair, *, alerts: Alerts, show: Callable[[str, str], None], utc_ns: Callable[[], int]
    ) -> None:
        self.store: Store | None = None
        self.session: DeskSession | None = None
        self.alarms: Counter[str] = Counter()
        self.signals = 0
        self.last_alarm = ""
        #: (time in UTC ns, kind, text) of the last alarms, oldest first.
        self.alarm_lines: deque[tuple[int, str, str]] = deque(maxlen=ALARMS_KEPT)
        self._had_state = False
        self._phases: dict[int, str] = {}
        self._farms_ok = True
        self._skipped: Counter[str] = Counter()
        self._pair = pair
        self._alerts = alerts
        self._show = show
        self._utc_ns = utc_ns

    def note(self, level: str, kind: str, text: str, *, shown: bool = True) -> None:
        """Logs a line; ``level`` is info, warning or alarm. Prints it too if ``shown``."""
        _log.log(_LEVELS[level], "%s", text)
        if shown:
            self._show(level, text)
        if self.store is not None:
            self.store.note_event(self._utc_ns(), level=level, kind=kind, text=text)

    def alarm(self, kind: str, text: str) -> None:
        """Logs an alarm and sends it as an alert."""
        self.alarms[kind] += 1
        self.last_alarm = text
        self.alarm_lines.append((self._utc_ns(), kind, text))
        self.note("alarm", kind, text)
        self._alerts.alarm(kind, text)

    def failed(self, text: str) -> None:
        """Logs the error that ends the run; the command prints it."""
        _log.error("%s", text)
        self._alerts.alarm("failed", text)
        if self.store is not None:
            self.store.note_event(self._utc_ns(), level="alarm", kind="failed", text=text)

    def state(self, state: cmd.StateShown) -> None:
        """Logs a change of the risk state. This is not an alarm: serious reasons raise their own."""
        because = f": {'; '.join(state.reasons)}" if state.reasons else ""
        ordinary = all(reason in ORDINARY for reason in state.reasons)
        # The first state comes before the desk knows of the connection, which was printed just before.
        first, self._had_state = not self._had_state, True
        self.note("info" if ordinary else "warning", "state", f"{state.state}{because}", shown=not first)

    def restore(self, trades: Iterable[TradeRow]) -> None:
        """Notes the pairs of earlier runs, so that no message is sent about them."""
        self._phases.update((trade.trade_id, trade.phase) for trade in trades)

    def saved(self, rows: Iterable[Row]) -> None:
        """Sends a message about each stored pair that was entered or closed."""
        for row in rows:
            if not isinstance(row, TradeRow) or self._phases.get(row.trade_id) == row.phase:
                continue
            self._phases[row.trade_id] = row.phase
            side = SIDE_NAMES[row.side]
            if row.phase == HELD:
                signed = self._pair.by_symbol({FUT: row.side * row.contracts, ETF: -row.side * row.shares})
                self._alerts.news(
                    TRADE, f"Entered pair {row.trade_id}, {side} at {row.entry_dev_bps:+.2f} bps: "
                    f"{held_words(signed)}."
                )  # fmt: skip
            elif row.phase == CLOSED:
                net = "unknown"
                if row.commission is not None:
                    net = f"{row.gross - row.commission + row.financing + row.dividends:+,.2f} USD"
                self._alerts.news(
                    TRADE, f"Closed pair {row.trade_id}, {side} ({row.exit_reason}): net {net} so far."
                )  # fmt: skip

    def farm(self, farm: ev.Farm) -> None:
        """Logs a data farm that breaks and the first that recovers; TWS repeats both at each login."""
        if farm.ok != self._farms_ok:
            self._farms_ok = farm.ok
            self.note("info" if farm.ok else "warning", "farm", f"TWS says {farm.text}")

    def saw(self, seen: cmd.Seen, quotes: Quotes) -> None:
        """Stores a signal, acted on or refused, with the quotes of both legs."""
        self.signals += 1
        refused = f", refused: {seen.refusal}" if seen.refusal else ""
        where = "without a level" if seen.dev_bps is None else f"at {seen.dev_bps:+.2f} bps"
        _log.info("%s %s%s", seen.action, where, refused)
        self._keep(
            quotes, action=seen.action, refusal=seen.refusal, dev_bps=seen.dev_bps,
            edge_cc_bps=seen.edge_cc_bps, edge_rev_bps=seen.edge_rev_bps,
        )  # fmt: skip

    def sample(self, quotes: Quotes) -> None:
        """Stores a sample of the quotes, with or without a signal."""
        found = None if self.session is None else self.session.deviation(*quotes)
        names = ("dev_bps", "edge_cc_bps", "edge_rev_bps")
        known = {} if found is None else dict(zip(names, found, strict=True))
        self._keep(quotes, action="sample", **known)

    def count_skipped(self) -> None:
        """Stores how many quotes the desk has skipped since the last call, by reason."""
        if self.store is None or self.session is None:
            return
        for reason, count in self.session.status()["skipped"].items():
            if more := count - self._skipped[reason]:
                self._skipped[reason] = count
                self.store.note_skipped(self._utc_ns(), reason=reason, count=more)

    def _keep(self, quotes: Quotes, *, action: str, **known: Any) -> None:
        if self.store is not None:
            fut, etf = quotes
            if self.session is not None:
                known["implied_repo"] = self.session.implied_repo(
                    fut, etf, action="" if action == "sample" else action
                )
            # A price of 0 means that the side has none.
            signal = SignalRow(
                self._utc_ns(), action, fut_bid=fut.bid or None, fut_ask=fut.ask or None,
                etf_bid=etf.bid or None, etf_ask=etf.ask or None, **known,
            )  # fmt: skip
            self.store.note_signal(signal)
