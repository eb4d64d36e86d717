"""The client of ``arbcore exchange`` with one strategy and no cooldown; it receives the loopback ticks.

``python -m tools.bench.client PORT spin|block [page]``. The loop is that of the program. Only the settings
are the benchmark's, because the command line limits every run to the exchange's 500 messages per second. With
``page`` it has a live page: it prints the page's address, and connects when standard input has a line.
"""

import sys
from typing import Any

from arbcore.exchange import ExchangeRun, Observer, RunOptions, Target
from arbcore.trading.trading_settings import SessionSettings
from tools.bench.engines import ours

# With a position limit of 10, a new quote of six shares would have to wait for the out of the old one.
SETTINGS = SessionSettings(
    team="BENCH", order_cooldown_ns=0, message_cap=100_000, cancel_reserve=0, loss_limit=10**9,
    position_limits={"VALE": 100},
)


class Silent:
    """An observer that shows nothing."""

    def event(self, text: str) -> None:
        """Ignores an event."""

    def refresh(self, run: ExchangeRun, now_ns: int) -> None:
        """Shows nothing."""


def play(port: int, session: Any, *, busy_poll: bool, observer: Observer | None = None) -> ExchangeRun:
    """Plays one round against a loopback port and returns the run."""
    options = RunOptions(rounds=1, busy_poll=busy_poll)
    target = Target("address", "127.0.0.1", port, "BENCH")
    run = ExchangeRun(session, target, options, observer=observer or Silent())
    run.play()
    return run


def main(words: list[str]) -> None:
    """Plays one round, with a live page if ``page`` is given."""
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
