"""The exchange's random numbers against a plain Python twin, and their distributions over fixed seeds."""

import math

import pytest

from arbcore.venue._random import Random

MASK = 2**64 - 1
DRAWS = 250_000
SEEDS = (0, 1, 7, 2**63, 2**64 - 1)


class Twin:
    """splitmix64 and xoshiro256** as their authors publish them, in Python integers."""

    def __init__(self, seed: int, stream: int = 0) -> None:
        self.state = seed
        self.state = (self.splitmix() + stream * 0xD1342543DE82EF95) & MASK
        self.s = [self.splitmix() for _ in range(4)]

    def splitmix(self) -> int:
        self.state = (self.state + 0x9E3779B97F4A7C15) & MASK
        mixed = self.state
        mixed = ((mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        mixed = ((mixed ^ (mixed >> 27)) * 0x94D049BB133111EB) & MASK
        return mixed ^ (mixed >> 31)

    def next(self) -> int:
        s = self.s
        result = (rotated(s[1] * 5 & MASK, 7) * 9) & MASK
        shifted = (s[1] << 17) & MASK
        s[2] ^= s[0]
        s[3] ^= s[1]
        s[1] ^= s[2]
        s[0] ^= s[3]
        s[2] ^= shifted
        s[3] = rotated(s[3], 45)
        return result

    def below(self, end: int) -> int:
        return int_below(self, end)

    def normal_q16(self) -> int:
        words = [self.next() for _ in range(3)]
        return sum((word >> shift) & 0xFFFF for word in words for shift in (0, 16, 32, 48)) - 6 * 65535

    def exponential_q20(self) -> int:
        whole = 0
        while whole < 39:
            run = [self.next()]
            while True:
                run.append(self.next())
                if run[-1] >= run[-2]:
                    break
            if len(run) % 2 == 0:
                return (whole << 20) + (run[0] >> 44)
            whole += 1
        return (whole << 20) + (self.next() >> 44)


def rotated(value: int, by: int) -> int:
    return ((value << by) | (value >> (64 - by))) & MASK


def int_below(twin: Twin, end: int) -> int:
    threshold = 2**32 % end
    while True:
        product = (twin.next() >> 32) * end
        if product % 2**32 >= threshold:
            return product >> 32


def test_splitmix_and_xoshiro_give_their_published_numbers():
    twin = Twin(0)
    twin.state = 1234567
    assert [twin.splitmix() for _ in range(2)] == [6457827717110365317, 3203168211198807973]
    twin.s = [1, 2, 3, 4]
    assert [twin.next() for _ in range(4)] == [11520, 0, 1509978240, 1215971899390074240]


@pytest.mark.parametrize("seed", SEEDS)
def test_bits_equal_the_twin(seed):
    random, twin = Random(seed, 3), Twin(seed, 3)
    assert [random.next() for _ in range(100)] == [twin.next() for _ in range(100)]


@pytest.mark.parametrize("seed", SEEDS)
def test_every_draw_equals_the_twin_in_any_order(seed):
    random, twin = Random(seed), Twin(seed)
    for end in (1, 2, 3, 1000, 2**31 + 1, 2**32 - 1):
        assert random.below(end) == twin.below(end)
        assert random.normal_q16() == twin.normal_q16()
        assert random.exponential_q20() == twin.exponential_q20()


def test_streams_and_seeds_are_different():
    starts = {Random(seed, stream).next() for seed in range(50) for stream in range(50)}
    assert len(starts) == 2500


def near(found: float, expected: float, deviation: float) -> bool:
    """Whether the mean of DRAWS draws of that standard deviation is within six standard errors."""
    return abs(found - expected) < 6 * deviation / DRAWS**0.5


@pytest.mark.parametrize("seed", [11, 12])
def test_normal_has_mean_nought_and_variance_one(seed):
    random = Random(seed)
    draws = [random.normal_q16() / 65536 for _ in range(DRAWS)]
    assert near(sum(draws) / DRAWS, 0, 1)
    assert near(sum(draw * draw for draw in draws) / DRAWS, 1, 2**0.5)
    for beyond, share in ((-1, 0.841345), (0, 0.5), (1, 0.158655), (2, 0.022750)):
        assert near(sum(draw > beyond for draw in draws) / DRAWS, share, (share * (1 - share)) ** 0.5)


@pytest.mark.parametrize("seed", [11, 12])
def test_exponential_has_the_right_tail(seed):
    random = Random(seed)
    draws = [random.exponential_q20() / 2**20 for _ in range(DRAWS)]
    assert near(sum(draws) / DRAWS, 1, 1)
    for beyond in (0.5, 1, 2, 4):
        share = math.exp(-beyond)
        assert near(sum(draw > beyond for draw in draws) / DRAWS, share, (share * (1 - share)) ** 0.5)


def test_waiting_time_has_its_mean_and_does_not_overflow():
    random = Random(5)
    waits = [random.wait_ns(1_000_000_000) for _ in range(20_000)]
    assert abs(sum(waits) / len(waits) - 1e9) < 3e7
    assert random.wait_ns(0) == 0
    assert all(0 <= random.wait_ns(10**14) <= 40 * 10**14 for _ in range(1_000))


def test_between_reaches_both_ends():
    random = Random(9)
    assert {random.between(-2, 2) for _ in range(500)} == {-2, -1, 0, 1, 2}
    assert random.between(7, 7) == 7


@pytest.mark.parametrize(
    "bad",
    [
        lambda r: r.below(0),
        lambda r: r.below(2**32),
        lambda r: r.between(2, 1),
        lambda r: r.wait_ns(-1),
        lambda r: r.wait_ns(10**14 + 1),
    ],
)
def test_draws_out_of_range_are_refused(bad):
    with pytest.raises(ValueError, match="must"):
        bad(Random(1))
