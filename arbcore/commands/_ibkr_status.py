"""The carry bot's status, which the console shows during a run."""

import asyncio
import logging
import time
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from arbcore.broker.news import held_words
from arbcore.commands._live_carry import carry_snapshot, next_words
from arbcore.core.text import printable, time_span
from arbcore.desk.limits import HALTED
from arbcore.desk.shown import DeskStatus
from arbcore.ibkr import Bot
from arbcore.system.live_feed import LiveFeed
from arbcore.system.terminal import Console, Toned, tone_of

_log = logging.getLogger(__name__)

EVERY_S = 0.25
#: How many of the last orders the panel shows.
LAST_ORDERS = 4
STATE_TONES = {"ACTIVE": "good", "REDUCING": "doubt", "HALTED": "bad"}


class IbkrStatus:
    """Shows a bot on a console until it is cancelled."""

    def __init__(self, bot: Bot, console: Console, feed: LiveFeed | None = None) -> None:
        self._bot = bot
        self._feed = feed
        self._console = console
        self._began_s = time.monotonic()

    async def show(self) -> None:
        """Redraws at intervals. If that fails, it raises one alarm and ends; the run goes on without it."""
        try:
            while True:
                await asyncio.sleep(EVERY_S)
                if self._feed is not None:
                    running_s = time.monotonic() - self._began_s
                    self._feed.publish(time.monotonic_ns(), partial(carry_snapshot, self._bot, running_s))
                if self._bot.session is not None:
                    self._console.show(time.monotonic_ns(), block=self.block, line=self.line)
        except Exception as error:  # noqa: BLE001  A broken display must not stop a bot that has a position.
            _log.debug("The status ends.", exc_info=error)
            what = f"{type(error).__name__}: {printable(str(error))}"
            self._bot.event_log.alarm("status", f"The status cannot be shown ({what}); the run goes on.")

    def block(self) -> list[str]:
        """The lines of the panel on a terminal."""
        bot = self._bot
        if bot.session is None:
            return []
        status, tally = bot.session.status(), bot.tally
        because = f": {printable('; '.join(status['reasons']))}" if status["reasons"] else ""
        told = next_words(status)
        because += f"  waits{':' if told == status['waiting'] else ' for'} {printable(told)}"
        held = self._held("  ", " ")
        speed = tally.latency.summary_us()
        measured = "   ".join(
            f"{name} {speed[name]:,.0f} µs" for name in ("p50", "p99", "max") if speed[name] is not None
        )
        pnl = status["day_pnl"]
        alarms = sum(bot.event_log.alarms.values())
        lines: list[str] = [
            Toned(
                f"{bot.plan.mode} {printable(bot.account)}  {self._elapsed()}  ",
                (status["state"], STATE_TONES[status["state"]]), because,
            ),
            Toned(
                "P&L today ", ("unknown" if pnl is None else f"{pnl:+,.2f} USD", tone_of(pnl)),
                f"   positions  {held}",
            ),
            *self._pair_lines(bot),
            f"quotes {tally.quotes:,}   signals {bot.event_log.signals:,}   alarms {alarms:,}",
            f"orders {tally.orders:,}   cancels {tally.cancels:,}   latency {measured or '-'}",
            f"level {_level_words(status)}",
        ]
        if status["state"] == HALTED and bot.event_log.last_alarm:
            lines.append(f"last alarm  {bot.event_log.last_alarm}")
        return lines

    def _pair_lines(self, bot: Bot) -> list[str]:
        """Lines for the open pair, both legs, deviation and no-trade band, contract, limits, last orders."""
        told = carry_snapshot(bot, time.monotonic() - self._began_s)
        if told is None:
            return []
        lines: list[str] = []
        one = told["pair"]
        if one is not None:
            open_usd = one["unrealised"]
            lines.append(Toned(
                f"pair {one['trade_id']}  {one['side']}, {one['phase']}",
                (", NAKED" if one["naked"] else "", "bad"),
                f"  for {time_span(max(0.0, one['since_s']))} at {_bps(one['entry_dev_bps'])}  unrealised ",
                ("unknown" if open_usd is None else f"{open_usd:+,.2f} USD", tone_of(open_usd)),
            ))  # fmt: skip
        for leg, quote in told["legs"].items():
            age = "no quote" if quote["age_s"] is None else f"{quote['age_s']:.1f} s old"
            text = f"  {leg:<4} {quote['bid']:>10,.2f} {quote['ask']:>10,.2f}   {age:>12}  "
            lines.append(Toned(text, (quote["fault"], "doubt")))
        lines.append(
            f"deviation {_bps(told['deviation_bps'])}   enters beyond {told['enter_at_bps']:.2f}, leaves at "
            f"{told['exit_bps']:.2f}"
        )
        if told["expiry"]:
            lines.append(f"contract {told['expiry']}   {told['days_to_roll']:.1f} days to the roll")
        lines.append(Toned("limits used  ", *self._limit_parts(told["limits"])))
        lines += [
            f"  {row['ts'][11:19]}  {row['role']} {'buy' if row['side'] > 0 else 'sell'} {row['quantity']:,} "
            f"{row['symbol']}  {row['state']}, {row['filled']:,} filled"
            for row in told["orders"][:LAST_ORDERS]
        ]
        return lines

    @staticmethod
    def _limit_parts(limits: Sequence[Mapping[str, Any]]) -> list[str | tuple[str, str]]:
        parts: list[str | tuple[str, str]] = []
        for row in limits:
            used, limit = row["used"], row["limit"]
            text = f"{row['name']} {'unknown' if used is None else f'{used:,.0f}'} of {limit:,.0f}"
            parts += [(text, "doubt" if used is not None and 4 * abs(used) >= 3 * limit else ""), "   "]
        return parts[:-1]

    def _held(self, between: str, equals: str) -> str:
        """The account's positions, or "unknown"; with the sum of our executions if it differs."""
        heartbeat = self._bot.heartbeat
        account, ours = heartbeat.account(), heartbeat.ours()
        text = between.join(f"{leg}{equals}{size:+d}" for leg, size in ours.items())
        if account == ours:
            return text
        return f"{held_words(account)} at the broker, {text} by our executions"

    def line(self) -> str:
        """The line that is printed every few seconds if the output is not a terminal."""
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


def _bps(value: float | None) -> str:
    return "unknown" if value is None else f"{value:+.2f} bps"


def _level_words(status: DeskStatus) -> str:
    """The level with six digits, and the financing that it implies if known."""
    if status["factor"] is None:
        return "not known yet"
    implied = status["implied_financing"]
    return f"{status['factor']:.6f}" + ("" if implied is None else f"   implied financing {implied:.3%}")
