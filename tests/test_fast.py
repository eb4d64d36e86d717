"""The shared kernels: every test runs over the compiled module and over its plain Python twin."""

import importlib.util
import itertools
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reference import kernels as reference
from twins import (
    EDGES,
    EDGES_64,
    INT64_MAX,
    INT64_MIN,
    ODD_ARGUMENTS,
    compiled_face,
    int64s,
    outcome,
    written_face,
)

from arbcore import _fast
from arbcore.core._build import build_info
from arbcore.wire import instruments


@pytest.fixture(params=["c", "py"])
def kernels(request):
    return {"c": _fast, "py": reference}[request.param]


# --- rolling mean ---------------------------------------------------------------------------------------


def rolling(kernels, window, values):
    ring = kernels.RollingMean(window)
    for value in values:
        ring.push(value)
    return ring


def test_the_mean_is_of_the_last_values_only(kernels):
    ring = rolling(kernels, 3, [10, 20, 30, 40, 51])
    assert (ring.total, ring.count, ring.mean) == (121, 3, 121 / 3)


def test_values_come_oldest_first_through_every_turn_of_the_ring(kernels):
    ring = kernels.RollingMean(3)
    pushed = []
    for value in range(10):
        ring.push(value)
        pushed.append(value)
        assert ring.values() == pushed[-3:]


def test_a_window_of_one_is_the_last_value(kernels):
    ring = rolling(kernels, 1, [7, -9])
    assert (ring.values(), ring.mean, ring.full) == ([-9], -9.0, True)


def test_full_only_once_the_window_is_filled(kernels):
    ring = kernels.RollingMean(2)
    seen = []
    for value in (1, 2, 3):
        seen.append(ring.full)
        ring.push(value)
    assert seen == [False, False, True]


def test_an_empty_window_has_no_mean(kernels):
    ring = kernels.RollingMean(5)
    assert (ring.mean, ring.mean_floor, ring.mean_ceil, ring.total, ring.count) == (None, None, None, 0, 0)


@pytest.mark.parametrize(
    ("values", "floor", "ceil"),
    [
        ([7, 8], 7, 8), ([-7, -8], -8, -7), ([6, 8], 7, 7),
        ([-6, -8], -7, -7), ([-1, 0], -1, 0), ([0, 0], 0, 0),
    ],
)
def test_floor_and_ceil_round_towards_their_side_below_zero_too(kernels, values, floor, ceil):
    ring = rolling(kernels, 2, values)
    assert (ring.mean_floor, ring.mean_ceil) == (floor, ceil)


def test_the_mean_is_the_nearest_float_where_the_total_itself_is_not_a_float(kernels):
    ring = rolling(kernels, 3, [2**60 + 1, 2**60, 2**60 + 1])
    assert ring.mean == float(Fraction(3 * 2**60 + 2, 3))
    ring = rolling(kernels, 3, [2**53, 2, 1])
    assert ring.mean == float(Fraction(2**53 + 3, 3)) != float(2**53 + 3) / 3


@pytest.mark.parametrize("window", [1, 2, 3, 1000])
def test_a_window_full_of_the_largest_value_sums_and_one_more_is_refused(kernels, window):
    bound = INT64_MAX // window
    for sign in (1, -1):
        ring = rolling(kernels, window, [sign * bound] * (window + 1))
        assert ring.total == sign * bound * window
        with pytest.raises(OverflowError):
            ring.push(sign * (bound + 1))
        assert (ring.total, ring.count) == (sign * bound * window, window)


@pytest.mark.parametrize("value", [1.0, "1", None, b"1"])
def test_only_integers_are_pushed(kernels, value):
    ring = rolling(kernels, 2, [5])
    with pytest.raises(TypeError):
        ring.push(value)
    assert ring.values() == [5]


@pytest.mark.parametrize("window", [0, -1, 2**31, 2**63, -(2**70)])
def test_a_window_is_at_least_one_and_fits_32_bits(kernels, window):
    with pytest.raises(ValueError, match="between 1 and 2147483647"):
        kernels.RollingMean(window)


def test_clear_forgets_all_but_the_window(kernels):
    ring = rolling(kernels, 2, [1, 2, 3])
    ring.clear()
    assert (ring.values(), ring.total, ring.window) == ([], 0, 2)
    ring.push(9)
    assert (ring.values(), ring.total) == ([9], 9)


def ring_state(ring):
    return (ring.window, ring.count, ring.total, ring.full, repr(ring.mean), ring.mean_floor, ring.mean_ceil,
            ring.values())


@settings(deadline=None, max_examples=200)
@given(
    window=st.one_of(st.integers(1, 6), st.sampled_from([-1, 0, 2**31, 100])),
    values=st.lists(st.one_of(int64s(), st.sampled_from(ODD_ARGUMENTS), st.just("clear")), max_size=40),
)
def test_rolling_means_agree_step_by_step(window, values):
    made = outcome(_fast.RollingMean, window), outcome(reference.RollingMean, window)
    if "raised" in (made[0][0], made[1][0]):
        assert made[0] == made[1]
        return
    compiled, plain = made[0][1][1], made[1][1][1]
    for value in values:
        if value == "clear":
            compiled.clear()
            plain.clear()
        else:
            assert outcome(compiled.push, value) == outcome(plain.push, value)
        assert ring_state(compiled) == ring_state(plain)


# --- message cap ----------------------------------------------------------------------------------------


def test_the_window_slides_exactly(kernels):
    window = kernels.MessageWindow(2, 10)
    assert [window.take(now_ns) for now_ns in (0, 4, 9, 10, 13, 14)] == [True, True, False, True, False, True]


def test_room_counts_down_and_comes_back_one_by_one(kernels):
    window = kernels.MessageWindow(3, 10)
    for now_ns in (0, 4, 4):
        window.take(now_ns)
    assert [window.room(now_ns) for now_ns in (4, 9, 10, 13, 14)] == [0, 0, 1, 1, 3]


def test_a_refused_message_takes_no_room(kernels):
    window = kernels.MessageWindow(1, 10)
    assert [window.take(0), window.take(9), window.take(10)] == [True, False, True]


def test_a_time_that_goes_back_is_the_last_message_s_time(kernels):
    window = kernels.MessageWindow(2, 10)
    window.take(100)
    assert window.take(50)
    assert [window.room(109), window.room(110), window.room(-5)] == [0, 2, 0]


def test_open_ns_is_now_where_there_is_room(kernels):
    window = kernels.MessageWindow(2, 10)
    window.take(100)
    assert (window.open_ns(3), window.open_ns(100), window.open_ns(500)) == (3, 100, 500)


def test_a_window_that_opens_beyond_the_end_of_time_never_opens(kernels):
    window = kernels.MessageWindow(1, INT64_MAX)
    assert window.take(1)
    assert window.open_ns(2) == INT64_MAX
    assert not window.take(INT64_MAX)


def test_spans_are_exact_across_the_whole_range_of_time(kernels):
    window = kernels.MessageWindow(1, INT64_MAX)
    assert window.take(INT64_MIN)
    assert not window.take(-2)
    assert window.open_ns(-2) == -1
    assert [window.take(now_ns) for now_ns in (-1, INT64_MAX - 2, INT64_MAX - 1)] == [True, False, True]


def test_clear_gives_all_room_back(kernels):
    window = kernels.MessageWindow(2, 10)
    window.take(5)
    window.clear()
    assert (window.room(0), window.cap, window.span_ns) == (2, 2, 10)


@pytest.mark.parametrize(("cap", "span_ns"), [(0, 1), (-1, 1), (2**31, 1), (1, 0), (1, -1), (1, 2**63)])
def test_cap_and_span_are_positive_and_fit(kernels, cap, span_ns):
    with pytest.raises(ValueError, match="must be between 1 and"):
        kernels.MessageWindow(cap, span_ns)


CLOSE_TIMES = st.one_of(
    st.integers(0, 60), st.integers(INT64_MAX - 30, INT64_MAX), st.integers(INT64_MIN, INT64_MIN + 30)
)


@settings(deadline=None, max_examples=150)
@given(
    cap=st.integers(1, 5), span_ns=st.integers(1, 20), times_ns=st.lists(st.integers(0, 120), max_size=60)
)
@pytest.mark.parametrize("module", [_fast, reference], ids=["c", "py"])
def test_no_span_ever_holds_more_than_the_cap_and_open_ns_is_the_first_chance(module, cap, span_ns, times_ns):
    window = module.MessageWindow(cap, span_ns)
    taken_ns = []
    for now_ns in sorted(times_ns):
        open_ns = window.open_ns(now_ns)
        assert (window.room(now_ns) > 0) == (open_ns == now_ns)
        if open_ns > now_ns:
            assert window.room(open_ns - 1) == 0
            assert window.room(open_ns) > 0
        if window.take(now_ns):
            taken_ns.append(now_ns)
    for start_ns in taken_ns:
        assert sum(start_ns <= at_ns < start_ns + span_ns for at_ns in taken_ns) <= cap


@settings(deadline=None, max_examples=250)
@given(
    cap=st.integers(1, 5),
    span_ns=st.one_of(st.integers(1, 20), st.sampled_from([INT64_MAX, INT64_MAX - 1, 2**62])),
    steps=st.lists(
        st.tuples(st.sampled_from(["take", "take", "take", "room", "open_ns", "clear"]),
                  st.one_of(CLOSE_TIMES, int64s(), st.sampled_from(ODD_ARGUMENTS))),
        max_size=40,
    ),
)
def test_message_windows_agree_step_by_step(cap, span_ns, steps):
    windows = [module.MessageWindow(cap, span_ns) for module in (_fast, reference)]
    probes_ns = {0, INT64_MIN, INT64_MAX}
    for name, now_ns in steps:
        args = () if name == "clear" else (now_ns,)
        compiled, plain = (outcome(getattr(window, name), *args) for window in windows)
        assert compiled == plain
        if type(now_ns) is int:
            around = (now_ns, now_ns + span_ns - 1, now_ns + span_ns)
            probes_ns |= {at_ns for at_ns in around if INT64_MIN <= at_ns <= INT64_MAX}
        for at_ns in probes_ns:
            compiled, plain = ((window.room(at_ns), window.open_ns(at_ns)) for window in windows)
            assert compiled == plain


# --- cooldown -------------------------------------------------------------------------------------------


def test_a_slot_never_marked_is_ready(kernels):
    cooldown = kernels.Cooldown(2, 100)
    assert cooldown.ready(1, INT64_MIN)
    assert cooldown.open_ns(1) == INT64_MIN


def test_a_marked_slot_is_ready_again_exactly_after_the_cooldown(kernels):
    cooldown = kernels.Cooldown(2, 100)
    cooldown.mark(0, 50)
    assert [cooldown.ready(0, now_ns) for now_ns in (50, 149, 150, 151)] == [False, False, True, True]
    assert cooldown.open_ns(0) == 150


def test_slots_do_not_disturb_each_other(kernels):
    cooldown = kernels.Cooldown(3, 100)
    cooldown.mark(1, 50)
    assert [cooldown.ready(slot, 60) for slot in range(3)] == [True, False, True]


def test_a_mark_that_goes_back_does_not_shorten_the_pause(kernels):
    cooldown = kernels.Cooldown(1, 100)
    cooldown.mark(0, 50)
    cooldown.mark(0, 10)
    assert cooldown.open_ns(0) == 150
    assert not cooldown.ready(0, 5)


def test_no_cooldown_is_always_ready(kernels):
    cooldown = kernels.Cooldown(1, 0)
    cooldown.mark(0, 50)
    assert cooldown.ready(0, 50)
    assert cooldown.ready(0, 49)


def test_a_pause_beyond_the_end_of_time_never_ends(kernels):
    cooldown = kernels.Cooldown(1, 100)
    cooldown.mark(0, INT64_MAX - 99)
    assert cooldown.open_ns(0) == INT64_MAX
    assert not cooldown.ready(0, INT64_MAX)


def test_a_pause_from_the_beginning_of_time_ends(kernels):
    cooldown = kernels.Cooldown(1, INT64_MAX)
    cooldown.mark(0, INT64_MIN)
    assert [cooldown.ready(0, now_ns) for now_ns in (-2, -1, INT64_MAX)] == [False, True, True]


@pytest.mark.parametrize("slot", [-1, 2, 2**40, 10**5000], ids=["below", "above", "far", "endless"])
def test_a_slot_out_of_range_is_an_index_error(kernels, slot):
    cooldown = kernels.Cooldown(2, 100)
    for name, args in (("ready", (slot, 0)), ("mark", (slot, 0)), ("open_ns", (slot,))):
        with pytest.raises(IndexError):
            getattr(cooldown, name)(*args)


@settings(deadline=None, max_examples=200)
@given(
    n_slots=st.integers(1, 3),
    cooldown_ns=st.one_of(st.integers(0, 20), st.sampled_from([INT64_MAX, 2**62])),
    steps=st.lists(
        st.tuples(st.sampled_from(["mark", "mark", "ready", "open_ns", "clear"]),
                  st.one_of(st.integers(0, 2), st.sampled_from(ODD_ARGUMENTS)),
                  st.one_of(CLOSE_TIMES, int64s(), st.sampled_from(ODD_ARGUMENTS))),
        max_size=40,
    ),
)
def test_cooldowns_agree_step_by_step(n_slots, cooldown_ns, steps):
    compiled, plain = (module.Cooldown(n_slots, cooldown_ns) for module in (_fast, reference))
    for name, slot, now_ns in steps:
        args = {"clear": (), "open_ns": (slot,)}.get(name, (slot, now_ns))
        assert outcome(getattr(compiled, name), *args) == outcome(getattr(plain, name), *args)
        for index in range(n_slots):
            assert compiled.open_ns(index) == plain.open_ns(index)
            assert outcome(compiled.ready, index, now_ns) == outcome(plain.ready, index, now_ns)


@pytest.mark.parametrize("name", ["MessageWindow", "Cooldown"])
def test_constructors_agree_on_odd_arguments(name):
    for args in itertools.product((1, *ODD_ARGUMENTS), repeat=2):
        compiled, plain = (outcome(getattr(module, name), *args) for module in (_fast, reference))
        assert compiled[0] == plain[0]
        if compiled[0] == "raised":
            assert compiled == plain


# --- exposure -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("position", "working", "side", "limit", "room"),
    [
        (0, 0, 1, 100, 100),
        (40, 10, 1, 100, 50),
        (40, 10, -1, 100, 130),
        (-40, 0, -1, 100, 60),
        (100, 0, 1, 100, 0),
        (150, 0, 1, 100, 0),
        (150, 0, -1, 100, 250),
        (INT64_MIN, 0, 1, INT64_MAX, INT64_MAX),
        (INT64_MAX, INT64_MAX, 1, INT64_MAX, 0),
        (INT64_MIN, INT64_MIN, 1, INT64_MAX, INT64_MAX),
        (INT64_MIN, 0, -1, INT64_MAX, 0),
        (INT64_MIN, INT64_MIN, -1, 0, 0),
        (INT64_MIN, INT64_MIN, -1, 1, 1),
    ],
)
def test_room_is_what_position_and_working_leave_of_the_limit(kernels, position, working, side, limit, room):
    assert kernels.exposure_room(position, working, side, limit=limit) == room


def test_an_order_may_reach_the_limit_and_not_pass_it(kernels):
    assert kernels.exposure_allows(40, 10, 1, size=50, limit=100)
    assert not kernels.exposure_allows(40, 10, 1, size=51, limit=100)


def test_an_order_of_nothing_is_not_allowed(kernels):
    assert not kernels.exposure_allows(0, 0, 1, size=0, limit=100)
    assert not kernels.exposure_allows(0, 0, 1, size=-5, limit=100)


@pytest.mark.parametrize("side", [0, 2, -2, 2**64])
def test_a_side_is_plus_or_minus_one(kernels, side):
    with pytest.raises(ValueError, match="side"):
        kernels.exposure_room(0, 0, side, limit=1)


def test_exposure_agrees_on_every_combination_of_edges():
    numbers = (*EDGES_64, 100, -100)
    for position, working, limit in itertools.product(numbers, repeat=3):
        for side in (1, -1):
            compiled = _fast.exposure_room(position, working, side, limit=limit)
            plain = reference.exposure_room(position, working, side, limit=limit)
            assert compiled == plain, (position, working, side, limit)


@settings(deadline=None, max_examples=500)
@given(st.tuples(int64s(), int64s(), st.sampled_from([1, -1, 1, -1, 0]), int64s(), int64s()))
def test_exposure_agrees_on_any_numbers(numbers):
    position, working, side, size, limit = numbers
    assert outcome(_fast.exposure_room, position, working, side, limit=limit) == outcome(
        reference.exposure_room, position, working, side, limit=limit
    )
    # Sizes next to the room are where the answer turns.
    room = max(limit - side * position - working, 0)
    for tried in (size, room - 1, room, room + 1):
        assert outcome(_fast.exposure_allows, position, working, side, size=tried, limit=limit) == outcome(
            reference.exposure_allows, position, working, side, size=tried, limit=limit
        )


@settings(deadline=None, max_examples=150)
@given(st.lists(st.one_of(st.sampled_from(ODD_ARGUMENTS), st.sampled_from(EDGES)), min_size=5, max_size=5))
def test_exposure_agrees_on_odd_arguments(args):
    *three, size, limit = args
    assert outcome(_fast.exposure_room, *three, limit=limit) == outcome(
        reference.exposure_room, *three, limit=limit
    )
    assert outcome(_fast.exposure_allows, *three, size=size, limit=limit) == outcome(
        reference.exposure_allows, *three, size=size, limit=limit
    )


# --- depth ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("quantity", "value"), [(0, 0), (1, 10), (2, 20), (3, 31), (7, 75), (8, None), (INT64_MAX, None)]
)
def test_depth_is_walked_level_by_level(kernels, quantity, value):
    assert kernels.depth_value([(10, 2), (11, 5)], quantity) == value


def test_no_levels_hold_only_nothing(kernels):
    assert kernels.depth_value([], 0) == 0
    assert kernels.depth_value([], 1) is None


def test_the_largest_side_of_a_book_is_summed_exactly(kernels):
    levels = [(999_999, 999_999)] * 15
    assert kernels.depth_value(iter(levels), 15 * 999_999) == 15 * 999_999**2


@pytest.mark.parametrize(
    "levels",
    [
        [(1, 1)] * 16, [(0, 1)], [(1, 0)], [(-1, 1)], [(10**6, 1)], [(1, 10**6)], [(1,)], [(1, 2, 3)],
        [1], [(1.0, 1)], [("1", 1)], 5, None,
    ],
    ids=str,
)
def test_levels_that_are_none_are_refused_alike(levels):
    compiled = outcome(_fast.depth_value, levels, 1)
    assert compiled[0] == "raised"
    assert compiled[1] in (TypeError, ValueError)
    assert compiled == outcome(reference.depth_value, levels, 1)


@settings(deadline=None, max_examples=300)
@given(
    levels=st.lists(st.tuples(st.integers(1, 30), st.integers(1, 9)), max_size=16),
    quantity=st.one_of(st.integers(0, 80), int64s(), st.sampled_from(ODD_ARGUMENTS)),
)
def test_depth_agrees(levels, quantity):
    assert outcome(_fast.depth_value, levels, quantity) == outcome(reference.depth_value, levels, quantity)


# --- the face itself ------------------------------------------------------------------------------------


def stub_of(module):
    return Path(module.__file__).parent / f"{module.__name__.rpartition('.')[2]}.pyi"


@pytest.mark.parametrize("module", [_fast], ids=["_fast"])
def test_stub_and_compiled_module_have_the_same_face(module):
    assert compiled_face(module) == written_face(stub_of(module))


def test_twin_and_compiled_modules_have_the_same_face():
    compiled = compiled_face(_fast)
    assert compiled == written_face(Path(reference.__file__))


def test_the_bounds_are_the_protocol_s():
    assert reference.LEVELS_MAX == instruments.BOOK_LEVELS_MAX
    assert reference.QUANTITY_MAX == instruments.PRICE_MAX == instruments.SIZE_MAX
    for conversion in instruments.CONVERSIONS.values():
        assert len(conversion.legs) <= reference.LEGS_MAX


MEMORY_BOUNDED = """
import resource
resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))
from arbcore import _fast
for make in (lambda: _fast.RollingMean(2**31 - 1), lambda: _fast.MessageWindow(2**31 - 1, 1),
             lambda: _fast.Cooldown(2**31 - 1, 1)):
    try:
        make()
    except MemoryError:
        continue
    raise SystemExit("no MemoryError")
# Thirty gigabytes in all, if any of it were kept.
for _ in range(3000):
    _fast.RollingMean(400_000), _fast.MessageWindow(400_000, 1), _fast.Cooldown(200_000, 1)
"""


@pytest.mark.skipif(
    importlib.util.find_spec("resource") is None or not sys.platform.startswith("linux"),
    reason="only Linux bounds a process's address space",
)
@pytest.mark.skipif(build_info()["flavour"] == "sanitized", reason="the sanitizer needs all addresses")
def test_no_memory_is_a_memory_error_and_what_was_taken_is_given_back():
    done = subprocess.run([sys.executable, "-c", MEMORY_BOUNDED], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
