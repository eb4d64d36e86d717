"""The embedded exchange in process: orders matched per second, and a five-minute round in virtual time."""

import time
from collections.abc import Callable

from tools.bench.harness import GOAL, OURS, Disagreement, Options, Ratio, Row, Table, measure

SECOND_NS = 1_000_000_000
ORDERS_GOAL = 300_000
ROUND_GOAL_S = 2
#: Orders that one team sends at a time: within BOND's limit, so none is rejected.
BATCH = 50
LEVELS = 5


def adds(first_id: int, *, buy: bool, orders: int = BATCH) -> bytes:
    """Returns one batch of a team's lines: orders of one share over five prices, the best price last."""
    side = "BUY" if buy else "SELL"
    prices = [1000 + (level if buy else -level) for level in range(LEVELS)]
    return b"".join(
        b'{"type":"add","order_id":%d,"symbol":"BOND","dir":"%s","price":%d,"size":1}\n'
        % (first_id + index, side.encode(), prices[index * LEVELS // orders])
        for index in range(orders)
    )


def batches(orders: int) -> list[tuple[int, bytes]]:
    """Returns (team, lines): one team's batch rests, the other's matches it, and then the sides change."""
    found = []
    for turn in range(orders // (2 * BATCH)):
        first_id = 1 + turn * BATCH
        found.append((turn % 2, adds(first_id, buy=bool(turn // 2 % 2))))
        found.append((1 - turn % 2, adds(first_id, buy=not turn // 2 % 2)))
    return found


def matched_on_the_wire(lines: list[tuple[int, bytes]]) -> tuple[float, int]:
    """Returns (seconds, trades) from request lines to both teams' messages, with every book sent."""
    from arbcore.venue._engine import Engine
    from arbcore.venue.venue_config import VenueConfig

    config = VenueConfig(mode="empty", messages_per_second_max=0, queue_bytes_max=1 << 26)
    engine = Engine(config, 1)
    engine.start(0)
    connections = [engine.connect(0), engine.connect(0)]
    for team, connection in zip(("LEFT", "RIGHT"), connections, strict=True):
        engine.receive(connection, b'{"type":"hello","team":"%s"}\n' % team.encode(), 0)
    now_ns = config.closed_ns
    engine.advance(now_ns)
    take, receive = engine.take, engine.receive
    start = time.perf_counter()
    for team, data in lines:
        now_ns += 1000
        receive(connections[team], data, now_ns)
        for connection in connections:
            take(connection)
    return time.perf_counter() - start, engine.trades


def matching_table(options: Options) -> Table:
    """Every order trades: half of them rest first, half of them take."""
    lines = batches(options.sized(100_000, 2_000))
    orders = len(lines) * BATCH
    _, trades = matched_on_the_wire(lines)
    if trades * 2 != orders:
        raise Disagreement(f"{orders} orders that all meet made {trades} trades, so nothing was timed")
    rows = [Row("arbcore, lines in and out", OURS), Row("goal", GOAL)]
    measure(rows, {
        "arbcore, lines in and out": lambda: orders / matched_on_the_wire(lines)[0],
        "goal": lambda: ORDERS_GOAL,
    }, options)
    ratios = [Ratio("arbcore against the goal", rows[0], rows[1], at_least=1)]
    notes = [f"{orders:,} orders, every one filled, in batches of {BATCH}; all messages are written"]
    return Table("venue", "orders matched in process", "orders a second", rows, ratios, notes)


def round_table(options: Options) -> Table:
    """One prod-like round with the bot, and one of the exchange alone."""
    from arbcore.play.rounds import RoundPlan, play
    from arbcore.venue._engine import Engine
    from arbcore.venue.venue_config import VenueConfig

    length_s = options.sized(300, 5)

    def with_bot() -> None:
        play(RoundPlan(seed=options.seed, round_ns=length_s * SECOND_NS))

    def alone() -> None:
        config = VenueConfig(round_ns=length_s * SECOND_NS)
        engine = Engine(config, options.seed)
        engine.start(0)
        engine.advance(config.closed_ns + length_s * SECOND_NS)

    rows = [Row("exchange and bot", OURS), Row("exchange alone", OURS), Row("goal", GOAL)]
    measure(rows, {
        "exchange and bot": seconds(with_bot), "exchange alone": seconds(alone), "goal": lambda: ROUND_GOAL_S,
    }, options)
    ratios = [Ratio("arbcore against the goal", rows[0], rows[2], at_most=1)]
    title = f"a round of {length_s} s in virtual time, prod-like, all strategies on"
    return Table("venue", title, "seconds", rows, ratios)


def seconds(run: Callable[[], None]) -> Callable[[], float]:
    """Returns a function that runs ``run`` and returns its seconds."""
    def engine() -> float:
        start = time.perf_counter()
        run()
        return time.perf_counter() - start

    return engine


def run(options: Options) -> list[Table]:
    """The tables of this area."""
    return [matching_table(options), round_table(options)]
