"""The result of many simulated rounds: the document, the table and the notes, from plain rows.

Pure: rows in, numbers out, in the order of the rounds, whatever the order in which they finished.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypedDict

from arbcore.core.text import plural, printable
from arbcore.play.round_statistics import Interval, always_valid_interval, compare, figures, t_interval

SCHEMA = "arbcore.simulate/1"


@dataclass(frozen=True)
class Score:
    """One bot's round. P&L is in ticks at the hidden fair value; ``path`` is the P&L during the round."""

    fair_pnl: int
    strategies: dict[str, float]
    symbols: dict[str, float]
    path: tuple[int, ...]
    strategy_errors: dict[str, str]
    limit_breaches: int


@dataclass(frozen=True)
class PlayedRound:
    """A round by its number in its regime, with the bot's score and, in a comparison, the other bot's."""

    number: int
    seed: int
    regime: str
    scores: tuple[Score, ...]


@dataclass(frozen=True)
class Setup:
    """A simulation's parameters. ``settings`` are those that are not defaults; ``names`` are the bots'."""

    seed: int
    round_s: float
    regimes: tuple[str, ...]
    names: tuple[str, ...]
    settings: dict[str, object]
    auto: bool

    @property
    def interval(self) -> Interval:
        """The kind of interval: valid at every look if the number of rounds depends on the results."""
        return always_valid_interval if self.auto else t_interval


def document(setup: Setup, rounds: Sequence[PlayedRound]) -> dict[str, object]:
    """The JSON document of a simulation without ``elapsed_s``."""
    interval = setup.interval
    worst = min(rounds, key=lambda played: played.scores[0].fair_pnl)
    found: dict[str, Any] = {
        "schema": SCHEMA,
        "seed": setup.seed,
        "rounds": len(rounds) // max(len(setup.regimes), 1),
        "round_s": setup.round_s,
        "auto": setup.auto,
        "bot": setup.names[0],
        "settings": setup.settings,
        "all": figures(_pnl(rounds), interval).as_dict(),
        "worst_round": {
            "seed": worst.seed, "regime": worst.regime, "fair_pnl": worst.scores[0].fair_pnl,
        },
        "regimes": {
            name: figures(_pnl(played for played in rounds if played.regime == name), interval).as_dict()
            for name in setup.regimes
        },
        "strategies": _parts([played.scores[0].strategies for played in rounds], interval),
        "symbols": _parts([played.scores[0].symbols for played in rounds], interval),
        "strategy_errors": strategy_errors(rounds, 0),
        "limit_breaches": sum(played.scores[0].limit_breaches for played in rounds),
    }  # fmt: skip
    if len(setup.names) > 1:
        other = _pnl(rounds, 1)
        found["against"] = {
            "bot": setup.names[1],
            "all": figures(other, interval).as_dict(),
            "strategy_errors": strategy_errors(rounds, 1),
        }
        found["paired"] = compare(_pnl(rounds), other, interval).as_dict()
    return found


def decided(setup: Setup, rounds: Sequence[PlayedRound]) -> bool:
    """Whether an always-valid interval excludes 0: of the difference, or of the P&L if one bot plays."""
    if len(setup.names) > 1:
        return compare(_pnl(rounds), _pnl(rounds, 1), always_valid_interval).different
    low, high = always_valid_interval(_pnl(rounds))
    return low is not None and high is not None and (low > 0 or high < 0)


class FailedStrategy(TypedDict):
    """The number of rounds in which a strategy was switched off, its first error, and that round's seed."""

    rounds: int
    first: str
    seed: int


def strategy_errors(rounds: Sequence[PlayedRound], bot: int) -> dict[str, FailedStrategy]:
    """By strategy: the number of rounds in which its own error switched it off, and the first error."""
    found: dict[str, FailedStrategy] = {}
    for played in rounds:
        for name, error in played.scores[bot].strategy_errors.items():
            entry = found.setdefault(name, {"rounds": 0, "first": error, "seed": played.seed})
            entry["rounds"] += 1
    return found


def error_notes(setup: Setup, rounds: Sequence[PlayedRound]) -> list[str]:
    """One sentence for each strategy that failed."""
    return [
        f"{printable(name)} failed in {plural(entry['rounds'], 'round')} of {len(rounds):,}, first on seed "
        f"{entry['seed']}: {printable(entry['first'])}. It was off for the rest of each."
        for bot in range(len(setup.names))
        for name, entry in strategy_errors(rounds, bot).items()
    ]


def table_columns(setup: Setup, rounds: Sequence[PlayedRound]) -> list[str]:
    """The header of the table: ``round,seed,regime,fair_pnl``, a column per strategy, the other bot's P&L."""
    strategies = list(rounds[0].scores[0].strategies) if rounds else []
    paired = ["against_fair_pnl", "difference"] if len(setup.names) > 1 else []
    return ["round", "seed", "regime", "fair_pnl", *paired, *(f"pnl_{name}" for name in strategies)]


def table_rows(setup: Setup, rounds: Sequence[PlayedRound]) -> Iterator[list[object]]:
    """One row per round, under ``table_columns``."""
    for played in rounds:
        first = played.scores[0]
        paired = []
        if len(setup.names) > 1:
            paired = [played.scores[1].fair_pnl, first.fair_pnl - played.scores[1].fair_pnl]
        yield [
            played.number, played.seed, played.regime, first.fair_pnl, *paired,
            *(round(value, 3) for value in first.strategies.values()),
        ]  # fmt: skip


def _pnl(rounds: Iterable[PlayedRound], bot: int = 0) -> list[float]:
    return [float(played.scores[bot].fair_pnl) for played in rounds]


def _parts(rows: Sequence[dict[str, float]], interval: Interval) -> dict[str, dict[str, Any]]:
    """Figures of each part that occurs in any round; a round without it counts as 0."""
    names = dict.fromkeys(name for row in rows for name in row)
    return {
        name: {"pnl": figures([row.get(name, 0.0) for row in rows], interval).as_dict()} for name in names
    }
