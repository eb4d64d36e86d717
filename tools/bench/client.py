"""The shell of ``arbcore exchange`` on one strategy, without cooldown: what the loopback ticks are sent to.

``python -m tools.bench.client PORT spin|block [page]``. The loop is the program's own; only the settings are
the benchmark's, because the command line keeps every run within the exchange's 500 messages a second. With
``page`` it has a live page: it prints the page's address, and dials when a line comes on its standard input.
"""

import sys
from typing import Any

from arbcore.exchange import ExchangeRun, Observer, RunOptions, Target
from arbcore.trading.trading_settings import SessionSettings
from tools.bench.engines import ours

# At a limit of 10 a new quote of six shares would wait for the out of the old one.
SETTINGS = SessionSettings(
    team="BENCH", order_cooldown_ns=0, message_cap=100_000, cancel_reserve=0, loss_limit=10**9,
    position_limits={"VALE": 100},
)


class Silent:
    """Nobody watches."""

    def event(self, text: str) -> None:
        """Nothing is told."""

    def refresh(self, run: ExchangeRun, now_ns: int) -> None:
        """Nothing is shown."""


def play(port: int, session: Any, *, busy_poll: bool, observer: Observer | None = None) -> ExchangeRun:
    """Plays one round against a port of loopback and returns the run."""
    options = RunOptions(rounds=1, busy_poll=busy_poll)
    target = Target("address", "127.0.0.1", port, "BENCH")
    run = ExchangeRun(session, target, options, observer=observer or Silent())
    run.play()
    return run


def main(words: list[str]) -> None:
    """Plays one round, with a live page where that is asked for."""
    session, spin = ours(SETTINGS, ["vale"]), words[1] == "spin"
    if words[2:] != ["page"]:
        play(int(words[0]), session, busy_poll=spin)
        return
    from arbcore.commands._status import ExchangeConsole
    from arbcore.system.live_feed import LiveFeed

    console = ExchangeConsole(quiet=True)
    console.feed = LiveFeed("arbcore.commands._live", "exchange", told=print)
    page_port = console.feed.start(host="127.0.0.1", port=0, token="")
    try:
        print(f"http://127.0.0.1:{page_port}/", flush=True)
        sys.stdin.readline()
        play(int(words[0]), session, busy_poll=spin, observer=console)
    finally:
        console.close()


if __name__ == "__main__":
    main(sys.argv[1:])
