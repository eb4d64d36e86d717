"""By how much the event loop's turn is late, by two clocks that this test turns."""

from collections.abc import Callable

import pytest

from arbcore.broker import pauses
from arbcore.broker.pauses import LATE_S, PERIOD_S, PauseWatch

SECOND_NS = 10**9


class Handle:
    """A timer that may be called off."""

    def __init__(self, delay_s: float, callback: Callable[[], None]) -> None:
        self.delay_s, self.callback, self.cancelled = delay_s, callback, False

    def cancel(self) -> None:
        self.cancelled = True


class Machine:
    """Two clocks, and a loop that runs a timer when it is said to."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.monotonic, self.wall = 5 * SECOND_NS, 10**18
        self.timers: list[Handle] = []
        monkeypatch.setattr(pauses.time, "monotonic_ns", lambda: self.monotonic)
        monkeypatch.setattr(pauses.time, "time_ns", lambda: self.wall)
        monkeypatch.setattr(pauses.asyncio, "get_running_loop", lambda: self)

    def call_later(self, delay_s: float, callback: Callable[[], None]) -> Handle:
        self.timers.append(Handle(delay_s, callback))
        return self.timers[-1]

    def pass_s(self, seconds: float, *, wall_s: float | None = None) -> None:
        self.monotonic += round(seconds * SECOND_NS)
        self.wall += round((seconds if wall_s is None else wall_s) * SECOND_NS)

    def turn(self) -> None:
        self.timers[-1].callback()


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    return Machine(monkeypatch)


def test_the_two_bounds_are_these() -> None:
    assert (PERIOD_S, LATE_S) == (0.1, 1.0)


@pytest.mark.parametrize(
    ("monotonic_s", "wall_s", "late_s"),
    [
        (0.0, 0.0, 0.0), (0.1, 0.1, 0.0), (1.0, 1.0, 0.0), (1.099, 1.099, 0.0), (1.2, 1.2, 1.1),
        (60.0, 60.0, 59.9),
        # A monotonic clock that stood still while the machine slept, and a wall clock that was set back.
        (0.1, 60.0, 59.9), (60.0, 0.1, 59.9), (60.0, -3600.0, 59.9), (0.1, -3600.0, 0.0),
    ],
)  # fmt: skip
def test_a_turn_is_late_by_the_clock_that_shows_more(
    machine: Machine, monotonic_s: float, wall_s: float, late_s: float
) -> None:
    watch = PauseWatch(lambda: None)
    machine.pass_s(monotonic_s, wall_s=wall_s)
    assert watch.late_s == pytest.approx(late_s)
    watch.turned()
    assert watch.late_s == 0.0


def test_time_before_it_begins_is_no_pause(machine: Machine) -> None:
    watch = PauseWatch(lambda: pytest.fail("nothing was late"))
    machine.pass_s(60.0)
    watch.begin()
    assert watch.late_s == 0.0
    machine.pass_s(PERIOD_S)
    machine.turn()


def test_each_turn_is_marked_and_only_a_late_one_calls(machine: Machine) -> None:
    late: list[float] = []
    watch = PauseWatch(lambda: late.append(watch.late_s))
    watch.begin()
    for number, passed_s in enumerate((0.1, 0.5, 30.0, 0.1, 2.0, 0.1), 1):
        assert len(machine.timers) == number
        assert machine.timers[-1].delay_s == PERIOD_S
        machine.pass_s(passed_s)
        machine.turn()
    # It is called before the turn is marked, so that who is called still sees by how much it is late.
    assert late == [pytest.approx(29.9), pytest.approx(1.9)]


def test_what_met_the_pause_first_is_not_told_again(machine: Machine) -> None:
    watch = PauseWatch(lambda: pytest.fail("it was known already"))
    watch.begin()
    machine.pass_s(30.0)
    assert watch.late_s == pytest.approx(29.9)
    watch.turned()
    machine.turn()


def test_after_its_end_nothing_is_marked(machine: Machine) -> None:
    watch = PauseWatch(lambda: None)
    watch.end()
    watch.begin()
    machine.pass_s(0.1)
    machine.turn()
    first, second = machine.timers
    watch.end()
    assert (first.cancelled, second.cancelled) == (False, True)
