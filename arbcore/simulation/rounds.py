"""One whole round of bot and embedded exchange in virtual time, from a seed, and what came of it.

The unit of every simulated figure: the tools and the tests run many of these. It owns how a round is put
together; the world plays it and the checker watches it.
"""

from dataclasses import dataclass, field, replace
from typing import Any

from arbcore.simulation.checker import Checker
from arbcore.simulation.link import STORMS
from arbcore.simulation.world import World
from arbcore.trading._session import Session
from arbcore.trading.settings import SECOND_NS, STRATEGY_SETTINGS, SessionSettings
from arbcore.trading.strategies import build
from arbcore.venue.config import VenueConfig
from arbcore.venue._engine import Engine

TEAM = "ARBCORE"
#: Time after the last order for cancels, outs and fills that are still under way.
SETTLE_NS = SECOND_NS


@dataclass(frozen=True)
class RoundPlan:
    """What is played. ``strategies`` maps names to settings objects; None takes every one at its defaults."""

    seed: int
    mode: str = "prod-like"
    regime: str = "normal"
    storm: str = "none"
    round_ns: int = 300 * SECOND_NS
    latency_ns: int = 200_000
    strategies: dict[str, Any] | None = None
    settings: SessionSettings = field(default_factory=lambda: SessionSettings(team=TEAM))
    check: bool = False


@dataclass(frozen=True)
class RoundResult:
    """What came of a round. P&L is at hidden fair value, in ticks; violations are sentences."""

    seed: int
    fair_pnl: int
    trace_hash: str
    summary: dict[str, Any]
    limit_rejects: int
    connections: int
    violations: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        return {
            "seed": self.seed, "fair_pnl": self.fair_pnl, "trace_hash": self.trace_hash,
            "orders": self.summary["orders_sent"], "fills": self.summary["fills"],
            "limit_breaches": self.summary["limit_breaches"], "limit_rejects": self.limit_rejects,
            "connections": self.connections, "violations": list(self.violations),
            "strategies": self.summary["strategies"],
        }  # fmt: skip


def default_strategies() -> dict[str, Any]:
    """The built-in strategies that are on unless somebody says otherwise, with their default settings."""
    return {name: kind() for name, kind in STRATEGY_SETTINGS.items()}


def play(plan: RoundPlan) -> RoundResult:
    """Play one round to its end and settle it."""
    chosen = default_strategies() if plan.strategies is None else plan.strategies
    session = Session(plan.settings, [build(name, chosen[name], plan.settings) for name in chosen])
    config = VenueConfig(mode=plan.mode, regime=plan.regime, round_ns=plan.round_ns)
    engine = Engine(config, plan.seed)
    world = World(engine, seed=plan.seed)
    checker = Checker(session, plan.settings) if plan.check else None
    seat = world.seat(
        session,
        faults=STORMS[plan.storm],
        latency_ns=plan.latency_ns,
        observer=None if checker is None else checker.observe,
    )
    world.run(config.closed_ns + plan.round_ns - 1, after_event=None if checker is None else checker.hold)
    score = engine.score(plan.settings.team)
    summary = session.summary()
    return RoundResult(
        seed=plan.seed,
        fair_pnl=score["fair_pnl"],
        trace_hash=world.trace_hash,
        summary=summary,
        limit_rejects=sum(count for text, count in summary["rejects"].items() if text.startswith("LIMIT")),
        connections=seat.connections,
        violations=() if checker is None else tuple(str(violation) for violation in checker.violations),
    )


def alone(plan: RoundPlan, name: str) -> RoundPlan:
    """The same round with one built-in strategy only, at its defaults."""
    return replace(plan, strategies={name: STRATEGY_SETTINGS[name]()})
