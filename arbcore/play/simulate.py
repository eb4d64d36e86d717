"""Shell: plays many rounds in virtual time, here or in other processes, and collects the results.

Owns the worker processes, the caller's executor, and the progress. The numbers depend on none of them: round
i of a regime has the seed ``seed + i`` wherever it is played, and rounds are counted in order.
"""

import contextlib
import pickle
import random
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, Future, ProcessPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TextIO

from arbcore._version import __version__
from arbcore.core.text import plural, printable
from arbcore.errors import ArbcoreError, RunError, UsageError
from arbcore.play.bot import made, session_with
from arbcore.play.exchange_settings import exchange_settings
from arbcore.play.outcome import (
    PlayedRound,
    Score,
    Setup,
    decided,
    document,
    error_notes,
    table_columns,
    table_rows,
)
from arbcore.play.round_record import limits_of
from arbcore.play.rounds import TEAM, RoundPlan, RoundReport, play
from arbcore.system.configuration import load
from arbcore.system.interrupts import deferred_interrupts
from arbcore.system.output_file import OutputFile
from arbcore.system.processors import processors
from arbcore.trading import journal
from arbcore.trading.round_history import RoundHistory
from arbcore.trading.trading_settings import SECOND_NS, SessionSettings
from arbcore.venue.regimes import REGIMES

if TYPE_CHECKING:
    from arbcore.trading._session import Session

#: ``auto``: rounds per regime before the first look, between two looks, and at most.
AUTO_FIRST, AUTO_STEP, AUTO_MAX = 50, 25, 2_000
ROUNDS_MAX = 1_000_000
ROUND_S_MAX = 86_400.0
SEED_END = 2**63
#: Points of a P&L path.
PATH_POINTS = 60
#: Virtual time of one piece of work: long enough for few requests to workers, short enough to show progress.
PIECE_S = 1_500.0
POLL_S = 0.2

#: Called with the rounds done and the rounds in total; the total is the maximum while it is open.
Progress = Callable[[int, int], None]


#: A bot's own strategies: each class with its keyword arguments.
Own = Sequence[tuple[type, Mapping[str, object]]]


@dataclass(frozen=True)
class Entrant:
    """A bot: its settings by full name, its own strategies, and whether the built-in ones play."""

    name: str
    values: Mapping[str, object]
    own: Own = ()
    builtin: bool = True

    def session(self) -> "Session":
        """Makes a new session with new strategies. Raises UsageError if one cannot be made."""
        own = [made(kind, parameters, "strategy") for kind, parameters in self.own]
        return session_with(self.values, own, team=TEAM, builtin=self.builtin)


@dataclass(frozen=True)
class Piece:
    """Consecutive rounds of one regime, for every entrant."""

    entrants: tuple[Entrant, ...]
    regime: str
    first: int
    seeds: tuple[int, ...]
    round_ns: int


def play_piece(piece: Piece) -> list[PlayedRound]:
    """Plays a piece; this is the work of a worker. Output of a strategy goes to standard error.

    Raises:
        RunError: a strategy ended the round instead of being switched off.
    """
    found = []
    with contextlib.redirect_stdout(sys.stderr):
        for at, seed in enumerate(piece.seeds):
            try:
                scores = tuple(_score(entrant, piece, seed) for entrant in piece.entrants)
            except (ArbcoreError, KeyboardInterrupt):
                raise
            except BaseException as error:
                what = f"{type(error).__name__}: {printable(str(error))}"
                raise RunError(
                    f"A strategy ended a round with {what} (seed {seed}, regime {piece.regime}); only an "
                    "exception in a hook switches a strategy off."
                ) from error
            found.append(PlayedRound(piece.first + at, seed, piece.regime, scores))
    return found


def _score(entrant: Entrant, piece: Piece, seed: int) -> Score:
    # A strategy may use Python's own generator, and its rounds must still repeat.
    random.seed(seed)
    plan = RoundPlan(
        seed, regime=piece.regime, round_ns=piece.round_ns, settings=SessionSettings(team=TEAM),
        path_step_ns=max(piece.round_ns // PATH_POINTS, 1),
    )  # fmt: skip
    result = play(plan, lambda *_: entrant.session())
    return Score(
        fair_pnl=result.fair_pnl,
        strategies=result.strategies,
        symbols=result.symbols,
        path=result.path,
        strategy_errors=dict(result.summary["strategy_errors"]),
        limit_breaches=result.summary["limit_breaches"],
    )


#: The virtual world's events as kinds of journal records.
RECORDS = {
    "connect": journal.CONNECT, "disconnect": journal.DISCONNECT, "in": journal.IN, "out": journal.OUT,
    "tick": journal.TICK,
}  # fmt: skip


def seen_round(
    entrant: Entrant, *, seed: int, regime: str = "normal", round_s: float = 300.0
) -> tuple[RoundHistory, RoundReport]:
    """Plays the round of one seed again; returns its history and its report."""
    history, held = RoundHistory(), []

    def made_session(*_: object) -> "Session":
        session = entrant.session()
        history.limits |= limits_of(session)
        held.append(session)
        return session

    def observe(now_ns: int, what: str, data: bytes) -> None:
        if what == "out":
            history.own_sent(held[0], data)
        history.take(RECORDS[what], now_ns, data)

    random.seed(seed)
    plan = RoundPlan(
        seed, regime=regime, round_ns=round(round_s * SECOND_NS), settings=SessionSettings(team=TEAM)
    )
    with contextlib.redirect_stdout(sys.stderr):
        report = play(plan, made_session, observer=observe)
    history.finish()
    return history, report


@dataclass(frozen=True)
class SimulationResult:
    """The result of a simulation, as ``arbcore.simulate`` returns it; a notebook shows P&L by regime.

    Attributes:
        summary: the document of ``arbcore simulate --json``; P&L in ticks.
        rounds: every round with its seed, its regime and the fair P&L of each bot.
        setup: the parameters of the simulation.
        notes: sentences that the user should read.

    >>> import arbcore
    >>> arbcore.simulate(rounds=2, round_s=5, workers=1).rounds[1].seed
    2
    """

    summary: dict[str, Any]
    rounds: tuple[PlayedRound, ...] = field(repr=False)
    setup: Setup = field(repr=False)
    notes: tuple[str, ...] = ()

    def _repr_html_(self) -> str:
        """The fair P&L of a round by regime, for a notebook."""
        from arbcore.pages.notebook import shown, small_table

        names = ("rounds", "mean", "low", "high", "worst")
        parts = {"all": self.summary["all"], **self.summary["regimes"]}
        rows = [[part, *(shown(found[name]) for name in names)] for part, found in parts.items()]
        head = ["regime", "rounds", "mean", "95% from", "to", "worst"]
        return small_table("Fair P&L of a round", head, rows)

    def to_html(self) -> str:
        """The page of the simulation, a document that loads nothing."""
        from arbcore.pages.simulate_page import simulate_page

        return simulate_page(
            self.summary,
            rounds=[
                {
                    "seed": played.seed, "regime": played.regime,
                    "pnl": [score.fair_pnl for score in played.scores], "path": played.scores[0].path,
                }
                for played in self.rounds
            ],
            notes=self.notes,
            version=__version__,
        )  # fmt: skip

    def write_csv(self, stream: TextIO) -> None:
        """Writes one row per round: ``round,seed,regime,fair_pnl`` and more."""
        stream.write(",".join(table_columns(self.setup, self.rounds)) + "\n")
        stream.writelines(
            ",".join(str(cell) for cell in row) + "\n" for row in table_rows(self.setup, self.rounds)
        )

    def to_csv(self, path: str) -> None:
        """Writes the rows of ``write_csv`` to a file, which appears whole or not at all."""
        from pathlib import Path

        with OutputFile(Path(path)) as stream:
            self.write_csv(stream)


def simulate(
    strategy: type | Sequence[type] = (),
    *,
    rounds: int | str = 200,
    against: type | Sequence[type] | None = None,
    regime: str = "normal",
    seed: int = 1,
    round_s: float = 300.0,
    builtin: bool = True,
    parameters: Mapping[str, object] | None = None,
    against_parameters: Mapping[str, object] | None = None,
    settings: Mapping[str, str] | None = None,
    against_settings: Mapping[str, str] | None = None,
    workers: int | None = None,
    executor: Executor | None = None,
    dask: str | None = None,
    progress: Progress | None = None,
) -> SimulationResult:
    """Plays rounds against the simulated marketplace, in virtual time and from seeds.

    Args:
        strategy: your strategy's class, several, or none; each round has a fresh object of it.
        rounds: rounds per regime, or ``"auto"``: until an interval that is valid at every look excludes 0.
        against: the other bot's classes, on the same seeds; ``()`` is the built-in strategies alone.
        regime: the regime of the market, or ``"all"``.
        seed: seed of the first round; round i of every regime has ``seed + i``.
        round_s: seconds of a round, of virtual time.
        builtin: whether the built-in strategies trade beside yours; in both bots, if each has one of yours.
        parameters: keyword arguments of ``strategy``, which is then one class.
        against_parameters: keyword arguments of ``against``, or without it of ``strategy`` in the other bot.
        settings: settings by name as in ``arbcore config show``, such as {"ARBCORE_BOND_ENABLED": "0"}.
        against_settings: settings of the other bot on top of these.
        workers: processes of this machine; default: one per processor.
        executor: any ``concurrent.futures.Executor`` instead.
        dask: the address of a Dask scheduler instead.
        progress: called with (rounds done, rounds in total) now and then.

    Returns:
        ``summary`` (the document of ``arbcore simulate --json``), ``rounds``, ``to_html()``, ``to_csv()``.

    Raises:
        UsageError, ConfigError: an argument or a setting is wrong.
        RunError: a worker or a strategy ended the simulation.

    >>> import arbcore
    >>> found = arbcore.simulate(rounds=2, round_s=5, workers=1)
    >>> found.summary["all"]["rounds"]
    2
    """
    values = _values(settings or {}, {})
    kinds = _classes(strategy, "strategy")
    if parameters and len(kinds) != 1:
        raise UsageError("parameters are the keyword arguments of one strategy; give one class.")
    own = tuple((kind, dict(parameters or {})) for kind in kinds)
    entrants = [Entrant(named(own, builtin), values, own, builtin)]
    if against is not None or against_parameters or against_settings:
        others = kinds if against is None else _classes(against, "against")
        given = against_parameters or (parameters if against is None else None) or {}
        if given and len(others) != 1:
            raise UsageError("against_parameters are the keyword arguments of one strategy; give one class.")
        other = tuple((kind, dict(given)) for kind in others)
        beside = builtin or not other
        name = named(other, beside) + (" with other settings" if against_settings else "")
        entrants.append(Entrant(name, _values(settings or {}, against_settings or {}), other, beside))
    return run(
        entrants, rounds=rounds, regime=regime, seed=seed, round_s=round_s, workers=workers,
        executor=executor, dask=dask, progress=progress,
    )  # fmt: skip


def run(
    entrants: Sequence[Entrant],
    *,
    rounds: int | str = 200,
    regime: str = "normal",
    seed: int = 1,
    round_s: float = 300.0,
    workers: int | None = None,
    executor: Executor | None = None,
    dask: str | None = None,
    progress: Progress | None = None,
) -> SimulationResult:
    """Plays one or two bots on the same seeds; see ``simulate``."""
    began_s = time.monotonic()
    auto = rounds == "auto"
    _check(rounds, seed=seed, round_s=round_s, workers=workers)
    _check_places(workers, executor, dask)
    if regime != "all" and regime not in REGIMES:
        raise UsageError(f"regime is {printable(regime)!r}; choose all or one of {', '.join(REGIMES)}.")
    regimes = tuple(REGIMES) if regime == "all" else (regime,)
    setup = Setup(
        seed, round_s, regimes, tuple(entrant.name for entrant in entrants),
        _changed(entrants[0].values), auto,
    )  # fmt: skip
    for entrant in entrants:
        entrant.session()  # reports an error of a strategy before any round is played
    notes: list[str] = []
    found: list[PlayedRound] = []
    most = AUTO_MAX if auto else int(rounds)
    with _place(entrants, workers, executor, dask, notes, pieces=most * len(regimes)) as place:
        done = 0
        while done < most:
            upto = min(AUTO_FIRST if done == 0 else done + AUTO_STEP, most) if auto else most
            pieces = list(_pieces(entrants, regimes, range(done, upto), seed=seed, round_s=round_s))
            count = _Count(progress, len(found), most * len(regimes))
            found += _play_all(pieces, place, count)
            done = upto
            if auto and decided(setup, found):
                break
    found.sort(key=lambda played: (regimes.index(played.regime), played.number))
    notes += error_notes(setup, found)
    if auto and not decided(setup, found):
        notes.append(f"Nothing was decided in {plural(most, 'round')} per regime, the most that auto plays.")
    summary = document(setup, found) | {"notes": notes, "elapsed_s": round(time.monotonic() - began_s, 3)}
    return SimulationResult(summary, tuple(found), setup, tuple(notes))


@dataclass(frozen=True)
class _Count:
    """Reports how many rounds are done, including those of earlier looks."""

    progress: Progress | None
    before: int
    total: int

    def __call__(self, done: int) -> None:
        if self.progress is not None:
            self.progress(self.before + done, self.total)


# --- arguments ----------------------------------------------------------------------------------------


def _check(rounds: int | str, *, seed: int, round_s: float, workers: int | None) -> None:
    whole = isinstance(rounds, int) and not isinstance(rounds, bool) and 1 <= rounds <= ROUNDS_MAX
    if not whole and rounds != "auto":
        raise UsageError(f"rounds is {printable(str(rounds))}; give 1 to {ROUNDS_MAX:,}, or auto.")
    if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed < SEED_END - ROUNDS_MAX:
        raise UsageError(f"seed is {printable(str(seed))}; give a whole number from 0 up.")
    if not isinstance(round_s, int | float) or not 0.1 <= round_s <= ROUND_S_MAX:
        shown = printable(str(round_s))
        raise UsageError(f"round_s is {shown}; give seconds from 0.1 to {ROUND_S_MAX:,.0f}.")
    if workers is not None and (isinstance(workers, bool) or not isinstance(workers, int) or workers < 1):
        raise UsageError(f"workers is {printable(str(workers))}; it is how many processes play, 1 or more.")


def _check_places(workers: int | None, executor: Executor | None, dask: str | None) -> None:
    named = {"workers": workers, "executor": executor, "dask": dask}
    chosen = [name for name, value in named.items() if value is not None]
    if len(chosen) > 1:
        raise UsageError(f"{' and '.join(chosen)} exclude each other; name one place to play.")


def _classes(given: object, what: str) -> tuple[type, ...]:
    kinds = tuple(given) if isinstance(given, list | tuple) else (given,)
    for kind in kinds:
        if not isinstance(kind, type):
            shown = printable(repr(kind))
            raise UsageError(f"{what} is {shown}; give a strategy's class, not an object of it.")
    return kinds


def named(own: Own, builtin: bool) -> str:
    """The name of a bot. Raises UsageError if it has no strategy at all."""
    names = ["built-in"] if builtin else []
    for kind, parameters in own:
        given = ", ".join(f"{name}={value!r}" for name, value in parameters.items())
        names.append(f"{kind.__name__}({given})" if given else kind.__name__)
    if not names:
        raise UsageError("There is nothing to play: no strategy, and the built-in ones are left out.")
    return " + ".join(names)


def _values(settings: Mapping[str, str], others: Mapping[str, str]) -> dict[str, object]:
    """Settings of the exchange bot by full name, from these texts alone: no environment and no file."""
    from pathlib import Path

    flags = {name: (str(text), "settings") for name, text in {**settings, **others}.items()}
    nowhere = Path(__file__).parent / "no-such-folder"
    return load(exchange_settings(), nowhere, {}, flags=flags).values()


def _changed(values: Mapping[str, object]) -> dict[str, object]:
    return {
        setting.name: values[setting.name]
        for setting in exchange_settings()
        if setting.name in values and values[setting.name] != setting.default
    }


# --- where it is played -------------------------------------------------------------------------------


def _pieces(
    entrants: Sequence[Entrant], regimes: Sequence[str], numbers: range, *, seed: int, round_s: float
) -> Iterator[Piece]:
    size = max(1, min(int(PIECE_S / round_s / len(entrants)), 50))
    for name in regimes:
        for first in range(numbers.start, numbers.stop, size):
            seeds = tuple(seed + at for at in range(first, min(first + size, numbers.stop)))
            yield Piece(tuple(entrants), name, first, seeds, round(round_s * SECOND_NS))


@dataclass(frozen=True)
class _Place:
    """The place where rounds are played: an executor, or None for this process.

    ``look`` raises RunError if no worker can play any more.
    """

    executor: Executor | None
    look: Callable[[], object] = lambda: None


@contextmanager
def _place(
    entrants: Sequence[Entrant], workers: int | None, executor: Executor | None, dask: str | None,
    notes: list[str], *, pieces: int,
) -> Iterator[_Place]:  # fmt: skip
    if dask is not None:
        from arbcore.system.cluster import open_cluster

        with open_cluster(dask) as cluster:
            yield _Place(cluster.executor, cluster.count_workers)
        return
    if executor is not None:
        yield _Place(executor)
        return
    wanted = min(workers or processors(), pieces)
    stuck = [kind for entrant in entrants for kind, _ in entrant.own if not _importable(kind)]
    if stuck and wanted > 1:
        notes.append(
            f"{printable(stuck[0].__qualname__)} cannot be imported by another process, so one process "
            "plays; put it into a module of its own to use all processors."
        )
    if stuck or wanted == 1:
        yield _Place(None)
        return
    pool = _Workers(wanted, initializer=_ignore_interrupts)
    try:
        yield _Place(pool)
    except BaseException:
        # A round in play ends with its process; otherwise a strategy that never returns would block the exit.
        for process in list((pool._processes or {}).values()):
            process.terminate()
        pool.shutdown(wait=False, cancel_futures=True)
        raise
    pool.shutdown()


class _Workers(ProcessPoolExecutor):
    """The worker processes of this run, which end with it."""


def _ignore_interrupts() -> None:
    """Makes a worker ignore Ctrl-C, which reaches the whole group; the parent ends its workers."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _importable(kind: type) -> bool:
    if kind.__module__ == "__main__":
        return False
    try:
        return pickle.loads(pickle.dumps(kind)) is kind  # noqa: S301  Bytes that the same line has made.
    except Exception:  # noqa: BLE001  Any error means that the class cannot be sent.
        return False


def _play_all(
    pieces: Sequence[Piece], place: _Place, count: Callable[[int], None]
) -> list[PlayedRound]:
    """Plays the pieces and returns all their rounds, in order."""
    if place.executor is None:
        found = []
        for piece in pieces:
            found += play_piece(piece)
            count(len(found))
        return found
    futures: dict[Future[list[PlayedRound]], int] = {}
    results: list[list[PlayedRound]] = [[] for _ in pieces]
    try:
        with deferred_interrupts() as check:
            for at, piece in enumerate(pieces):
                futures[place.executor.submit(play_piece, piece)] = at
                check()
            left = set(futures)
            while left:
                done, left = wait(left, timeout=POLL_S, return_when=FIRST_COMPLETED)
                if not done:
                    place.look()
                for future in done:
                    results[futures[future]] = future.result()
                count(sum(len(result) for result in results))
                check()
    except ArbcoreError:
        raise
    except BrokenExecutor as error:
        raise RunError("A worker died while it played; its strategy may have ended the process.") from error
    except Exception as error:
        place.look()
        raise RunError(
            f"A worker failed ({type(error).__name__}: {printable(str(error))}); each worker needs this "
            "arbcore and the module of the strategy."
        ) from error
    finally:
        # The pool itself fails pending work when its processes end; a future that was cancelled before makes
        # the pool's thread print a traceback.
        if not isinstance(place.executor, _Workers):
            for future in futures:
                future.cancel()
    return [played for result in results for played in result]
