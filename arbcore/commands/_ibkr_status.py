"""The carry bot's status: what the console shows of a run while it lasts."""

import asyncio
import logging
import time
from functools import partial

from arbcore.broker.news import held_words
from arbcore.commands._live_carry import carry_snapshot
from arbcore.core.text import printable
from arbcore.desk.limits import HALTED
from arbcore.desk.records import ES, SPY
from arbcore.ibkr import Bot
from arbcore.system.live_feed import LiveFeed
from arbcore.system.terminal import Console

_log = logging.getLogger(__name__)

EVERY_S = 0.25


class IbkrStatus:
    """Shows a bot on a console until it is cancelled."""

    def __init__(self, bot: Bot, console: Console, feed: LiveFeed | None = None) -> None:
        self._bot = bot
        self._feed = feed
        self._console = console
        self._began_s = time.monotonic()

    async def show(self) -> None:
        """Redraws now and then. A status that fails is said once and ends; the run goes on without it."""
        try:
            while True:
                await asyncio.sleep(EVERY_S)
                if self._feed is not None:
                    running_s = time.monotonic() - self._began_s
                    self._feed.publish(time.monotonic_ns(), partial(carry_snapshot, self._bot, running_s))
                if self._bot.session is not None:
                    self._console.show(time.monotonic_ns(), block=self.block, line=self.line)
        except Exception as error:  # noqa: BLE001  What is held is not left alone for a picture's sake.
            _log.debug("The status ends.", exc_info=error)
            what = f"{type(error).__name__}: {printable(str(error))}"
            self._bot.chronicle.alarm("status", f"The status cannot be shown ({what}); the run goes on.")

    def block(self) -> list[str]:
        """The block on a terminal."""
        bot = self._bot
        if bot.session is None:
            return []
        status, tally = bot.session.status(), bot.tally
        because = f": {printable('; '.join(status['reasons']))}" if status["reasons"] else ""
        because += f"  waiting: {status['waiting']}" if status["waiting"] else ""
        held = self._held("  ", " ")
        speed = tally.latency.summary_us()
        measured = "   ".join(
            f"{name} {speed[name]:,.0f} µs" for name in ("p50", "p99", "max") if speed[name] is not None
        )
        pnl = status["day_pnl"]
        alarms = sum(bot.chronicle.alarms.values())
        lines = [
            f"{bot.plan.mode} {printable(bot.account)}  {self._elapsed()}  {status['state']}{because}",
            f"P&L today {'unknown' if pnl is None else f'{pnl:+,.2f} USD'}   positions  {held}",
            f"quotes {tally.quotes:,}   signals {bot.chronicle.signals:,}   alarms {alarms:,}",
            f"orders {tally.orders:,}   cancels {tally.cancels:,}   latency {measured or '-'}",
        ]
        if status["state"] == HALTED and bot.chronicle.last_alarm:
            lines.append(f"last alarm  {bot.chronicle.last_alarm}")
        for leg in (ES, SPY):
            quote = bot.touch(leg)
            if quote is not None:
                lines.append(
                    f"  {leg:<4} {quote.bid:>10,.2f} {quote.ask:>10,.2f}   {quote.bid_size:,.0f} x "
                    f"{quote.ask_size:,.0f}"
                )
        if status["pair"] is not None:
            pair = status["pair"]
            naked = ", NAKED" if pair["naked"] else ""
            lines.append(f"pair {pair['trade_id']}  {pair['side']}, {pair['phase']}{naked}")
        return lines

    def _held(self, between: str, equals: str) -> str:
        """What the account holds, or that it is unknown; with our executions' sum where that is another."""
        heartbeat = self._bot.heartbeat
        account, ours = heartbeat.account(), heartbeat.ours()
        text = between.join(f"{leg}{equals}{size:+d}" for leg, size in ours.items())
        if account == ours:
            return text
        return f"{held_words(account)} at the broker, {text} by our executions"

    def line(self) -> str:
        """The line every few seconds when the output is no terminal."""
        bot = self._bot
        if bot.session is None:
            return "connecting"
        status, tally = bot.session.status(), bot.tally
        waiting = f" (waiting: {status['waiting']})" if status["waiting"] else ""
        held = self._held(" ", "=")
        pnl = "unknown" if status["day_pnl"] is None else f"{status['day_pnl']:+.2f}"
        return (
            f"{self._elapsed()} {status['state']} pnl_today={pnl} {held} "
            f"orders={tally.orders} quotes={tally.quotes}{waiting}"
        )

    def _elapsed(self) -> str:
        minutes, seconds = divmod(int(time.monotonic() - self._began_s), 60)
        return f"{minutes:02d}:{seconds:02d}"
