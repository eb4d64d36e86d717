"""The shell of ``arbcore exchange`` on one strategy, without cooldown: what the loopback ticks are sent to.

``python -m tools.bench.client PORT spin|block``. The loop is the program's own; only the settings are the
benchmark's, because the command line keeps every run within the exchange's 500 messages a second.
"""

import sys
from typing import Any

from arbcore.exchange import ExchangeRun, RunOptions, Target
from arbcore.trading.trading_settings import SessionSettings
from tools.bench.engines import ours

SETTINGS = SessionSettings(
    team="BENCH", order_cooldown_ns=0, message_cap=100_000, cancel_reserve=0, loss_limit=10**9
)


class Silent:
    """Nobody watches."""

    def event(self, text: str) -> None:
        """Nothing is told."""

    def refresh(self, run: ExchangeRun, now_ns: int) -> None:
        """Nothing is shown."""


def play(port: int, session: Any, *, busy_poll: bool) -> ExchangeRun:
    """Plays one round against a port of loopback and returns the run."""
    options = RunOptions(rounds=1, busy_poll=busy_poll)
    run = ExchangeRun(session, Target("address", "127.0.0.1", port, "BENCH"), options, observer=Silent())
    run.play()
    return run


if __name__ == "__main__":
    play(int(sys.argv[1]), ours(SETTINGS, ["vale_quoting"]), busy_poll=sys.argv[2] == "spin")
