"""A Ctrl-C that is held back until the next step, and what it does not change."""

import os
import signal
import threading

import pytest

from arbcore.system.interrupts import deferred_interrupts

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")


@pytest.fixture(autouse=True)
def handler():
    """Each test begins and ends with Python's own handler."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    signal.signal(signal.SIGINT, before)


def interrupted(after):
    """What was done of ``after(check, steps)`` before the interrupt came out of the block."""
    steps = []

    def block():
        with deferred_interrupts() as check:
            check()
            signal.raise_signal(signal.SIGINT)
            steps.append("held back")
            after(check, steps)

    with pytest.raises(KeyboardInterrupt):
        block()
    return steps


def test_it_is_raised_by_the_next_look_and_not_before():
    assert interrupted(lambda check, steps: (check(), steps.append("never"))) == ["held back"]


def test_it_is_raised_at_the_end_where_nobody_looks():
    assert interrupted(lambda check, steps: steps.append("the end")) == ["held back", "the end"]


def test_the_second_is_raised_at_once():
    def again(check, steps):
        signal.raise_signal(signal.SIGINT)
        steps.append("never")

    assert interrupted(again) == ["held back"]


def test_another_error_is_not_hidden_by_it():
    def fail(check, steps):
        raise ValueError("mine")

    with pytest.raises(ValueError, match="mine"):
        interrupted(fail)


def test_a_handler_that_only_takes_note_gets_it_once_for_each_look():
    told = []
    signal.signal(signal.SIGINT, lambda number, _: told.append(number))
    with deferred_interrupts() as check:
        signal.raise_signal(signal.SIGINT)
        assert told == []
        check()
        check()
    assert told == [signal.SIGINT]
    signal.signal(signal.SIGINT, signal.default_int_handler)


def test_where_it_is_ignored_it_stays_so():
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with deferred_interrupts() as check:
        signal.raise_signal(signal.SIGINT)
        check()
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    signal.signal(signal.SIGINT, signal.default_int_handler)


def test_another_thread_changes_no_handler():
    found = []

    def look() -> None:
        with deferred_interrupts() as check:
            check()
            found.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    assert found == [signal.default_int_handler]
