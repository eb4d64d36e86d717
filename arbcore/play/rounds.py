"""Plays one whole round of bot and embedded exchange in virtual time, from a seed, and reports the result.

Every simulated figure is built from these; the tools and the tests run many. This module assembles a round;
the world plays it and the checker watches it.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from arbcore.play.checker import Checker
from arbcore.play.simulated_link import STORMS
from arbcore.play.world import Observer, Seat, World
from arbcore.trading._session import Session
from arbcore.trading.session_documents import SessionSummary
from arbcore.trading.strategies import build
from arbcore.trading.trading_settings import SECOND_NS, STRATEGY_SETTINGS, Ranged, SessionSettings
from arbcore.venue._engine import Engine
from arbcore.venue.venue_config import VenueConfig

TEAM = "ARBCORE"
#: How a plan may end the bot before the round ends.
ENDINGS = ("", "stop", "kill")


@dataclass(frozen=True)
class RoundPlan:
    """A plan. ``strategies`` maps names to settings objects; None takes all of them with their defaults.

    ``rounds`` are played one after the other over the exchange's restarts. ``ending`` is "stop" or "kill":
    the call made to the bot at ``ending_ns`` of virtual time; the rounds then go on without its orders. A
    checked run ends at its first violation. ``venue`` has further fields of the exchange's VenueConfig.
    ``path_step_ns`` is the time between two samples of the P&L, 0 for none.
    """

    seed: int
    mode: str = "prod-like"
    regime: str = "normal"
    storm: str = "none"
    round_ns: int = 300 * SECOND_NS
    latency_ns: int = 200_000
    strategies: dict[str, Ranged] | None = None
    settings: SessionSettings = field(default_factory=lambda: SessionSettings(team=TEAM))
    check: bool = False
    rounds: int = 1
    ending: str = ""
    ending_ns: int = 0
    venue: dict[str, Any] = field(default_factory=dict)
    path_step_ns: int = 0


@dataclass(frozen=True)
class RoundReport:
    """The result of a plan. P&L is at hidden fair value over all rounds, in ticks.

    ``strategies`` is each strategy's P&L by the session's own positions, and the P&L that belongs to none;
    ``symbols`` is the last round's by the exchange's positions. ``path`` is the P&L at every ``path_step_ns``
    from the open on.
    """

    seed: int
    fair_pnl: int
    trace_hash: str
    summary: SessionSummary
    limit_rejects: int
    connections: int
    violations: tuple[str, ...]
    strategies: dict[str, float] = field(default_factory=dict)
    symbols: dict[str, float] = field(default_factory=dict)
    path: tuple[int, ...] = ()

    def as_dict(self) -> dict[str, object]:
        return {
            "seed": self.seed, "fair_pnl": self.fair_pnl, "trace_hash": self.trace_hash,
            "orders": self.summary["orders_sent"], "fills": self.summary["fills"],
            "limit_breaches": self.summary["limit_breaches"], "limit_rejects": self.limit_rejects,
            "connections": self.connections, "violations": list(self.violations),
            "strategies": self.summary["strategies"],
        }  # fmt: skip


def default_strategies() -> dict[str, Ranged]:
    """The built-in strategies that are on by default, with their default settings."""
    return {name: kind() for name, kind in STRATEGY_SETTINGS.items()}


def compiled_session(settings: SessionSettings, chosen: dict[str, Ranged]) -> Session:
    """Makes the session that trades, from its settings and its strategies' settings by name."""
    return Session(settings, [build(name, chosen[name], settings) for name in chosen])


def play(
    plan: RoundPlan,
    make: Callable[[SessionSettings, dict[str, Ranged]], Session] = compiled_session,
    *,
    observer: Observer | None = None,
) -> RoundReport:
    """Plays a plan to its end and reports it. ``make`` builds the bot, which needs a session's methods.

    ``observer`` receives every event of an unchecked plan's bot.
    """
    chosen = default_strategies() if plan.strategies is None else plan.strategies
    session = make(plan.settings, chosen)
    config = VenueConfig(mode=plan.mode, regime=plan.regime, round_ns=plan.round_ns, **plan.venue)
    engine = Engine(config, plan.seed)
    world = World(engine, seed=plan.seed)
    checker = Checker(session, plan.settings) if plan.check else None
    seat = world.seat(
        session,
        faults=STORMS[plan.storm],
        latency_ns=plan.latency_ns,
        observer=observer if checker is None else checker.observe,
    )
    end_ns = plan.rounds * (config.closed_ns + plan.round_ns + config.restart_ns) - config.restart_ns - 1
    if plan.ending:
        _run(world, checker, plan.ending_ns)
        _tell(plan, world, seat, checker)
    path = _noted(plan, world, engine, config.closed_ns, end_ns)
    _run(world, checker, end_ns)
    engine.check()
    summary = session.summary()
    scores = [*(result["scores"] for result in engine.results), engine.scores()]
    return RoundReport(
        seed=plan.seed,
        fair_pnl=sum(
            score[plan.settings.team]["fair_pnl"] for score in scores if plan.settings.team in score
        ),
        trace_hash=world.trace_hash,
        summary=summary,
        limit_rejects=sum(count for text, count in summary["rejects"].items() if text.startswith("LIMIT")),
        connections=seat.connections,
        violations=() if checker is None else tuple(str(violation) for violation in checker.violations),
        strategies=_by_strategy(session, summary, engine.fair_values()),
        symbols=engine.pnl_by_symbol(plan.settings.team) if plan.settings.team in engine.teams() else {},
        path=path,
    )


def _noted(plan: RoundPlan, world: World, engine: Engine, open_ns: int, end_ns: int) -> tuple[int, ...]:
    """Plays an unchecked plan's first round and returns its P&L at every step."""
    if plan.path_step_ns == 0 or plan.check:
        return ()
    team, path = plan.settings.team, []
    for at_ns in range(open_ns, min(end_ns, open_ns + plan.round_ns) + 1, plan.path_step_ns):
        world.run(max(at_ns, world.now_ns))
        path.append(engine.score(team)["fair_pnl"] if team in engine.teams() else 0)
    return tuple(path)


def _by_strategy(session: Session, summary: SessionSummary, fair: dict[str, float]) -> dict[str, float]:
    """Every strategy's P&L at fair value, by name in the order of the summary."""
    found = {}
    for owner, name in enumerate(summary["strategies"]):
        holding = session.owner_holding(owner)
        held = sum(shares * fair[symbol] for symbol, shares in holding["positions"].items())
        found[name] = holding["carried_pnl"] + holding["cash"] + held
    return found


def _run(world: World, checker: Checker | None, until_ns: int) -> None:
    if checker is None:
        world.run(until_ns)
        return
    while world.now_ns < until_ns and not checker.violations:
        world.run(min(until_ns, world.now_ns + SECOND_NS), after_event=checker.hold)


def _tell(plan: RoundPlan, world: World, seat: Seat, checker: Checker | None) -> None:
    """Stops or kills the bot, as the shell does on a signal or on the kill switch."""
    if checker is not None:
        (checker.stop if plan.ending == "stop" else checker.kill)()
    world.tell(seat, getattr(seat.bot, plan.ending)(world.now_ns, "told by the plan"))


def alone(plan: RoundPlan, name: str) -> RoundPlan:
    """The same plan with one built-in strategy only, at its defaults."""
    return replace(plan, strategies={name: STRATEGY_SETTINGS[name]()})
