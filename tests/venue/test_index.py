"""The index of open orders held against a dict."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arbcore.venue._index import OrderIndex

kinds = st.sampled_from(("put", "pop"))
ids = st.one_of(st.integers(0, 40), st.sampled_from((2**32 - 1, 2**31, 2**31 - 1)))


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(kinds, st.integers(0, 3), ids, st.integers(0, 2**31 - 1))))
def test_puts_and_pops_equal_a_dict(commands):
    index, expected = OrderIndex(), {}
    for command, account, order_id, value in commands:
        if command == "put":
            index[account, order_id] = value
            expected[account, order_id] = value
        else:
            assert index.pop(account, order_id) == expected.pop((account, order_id), -1)
        assert len(index) == len(expected)
        for key, value in expected.items():
            assert index[key] == value


@pytest.mark.parametrize("seed", range(3))
def test_thousands_of_entries_survive_growth_and_removal_around_them(seed):
    rng = random.Random(seed)
    index, expected = OrderIndex(), {}
    for step in range(6000):
        key = (rng.randrange(5), rng.randrange(3000))
        if rng.random() < 0.6:
            index[key] = step
            expected[key] = step
        else:
            assert index.pop(*key) == expected.pop(key, -1), f"seed {seed}, step {step}"
    assert {key: index[key] for key in expected} == expected, f"seed {seed}"
    assert len(index) == len(expected)


def test_one_id_of_two_accounts_is_two_entries():
    index = OrderIndex()
    index[1, 7] = 10
    index[2, 7] = 20
    assert index.pop(1, 7) == 10
    assert index[2, 7] == 20


def test_an_absent_entry_is_a_key_error_and_pops_as_minus_one():
    index = OrderIndex()
    with pytest.raises(KeyError):
        index[1, 1]
    assert index.pop(1, 1) == -1
