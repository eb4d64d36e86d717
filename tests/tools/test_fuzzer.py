"""The loop that the fuzzers share, over cases of which some may differ."""

import pytest

from tools.fuzzer import Fuzzer

SEEN = "seed 5: 4 files\n          2 even\n          1 odd\n"


def fuzzer(differs_at: int | None) -> Fuzzer:
    def examine(seed: int, index: int) -> tuple[str, str | None]:
        found = f"{seed} of {index}" if index == differs_at else None
        return "odd" if index % 2 else "even", found

    return Fuzzer("fuzz_numbers", "numbers", "files", 3, examine)


def test_cases_are_counted_by_how_they_ended() -> None:
    assert fuzzer(None).run(1, 5) == (5, {"even": 3, "odd": 2}, None)


def test_cases_before_the_first_are_left_out() -> None:
    assert fuzzer(1).run(1, 3, first=2) == (3, {"even": 2, "odd": 1}, None)


def test_a_difference_ends_it_with_the_command_that_repeats_it() -> None:
    done, outcomes, report = fuzzer(12).run(7, 100, first=10)
    assert (done, outcomes) == (3, {"even": 1, "odd": 1})
    assert report == "7 of 12\nrepeat with: python -m tools.fuzz_numbers --seed 7 --first 12 --cases 1"
    assert fuzzer(12).run(7, 1, first=12)[2] == report


def test_no_time_is_no_case() -> None:
    assert fuzzer(None).run(1, seconds=-1.0) == (0, {}, None)


def test_its_command_says_what_it_did(capsys: pytest.CaptureFixture[str]) -> None:
    assert fuzzer(None).main([]) == 0
    assert capsys.readouterr().out == (
        "seed 1: 3 files\n          2 even\n          1 odd\ncompiled and twin agree on every one\n"
    )


def test_its_command_fails_with_a_difference(capsys: pytest.CaptureFixture[str]) -> None:
    assert fuzzer(3).main(["--seed", "5", "--cases", "9"]) == 1
    assert capsys.readouterr().out == SEEN + (
        "DIFFERENCE in\n5 of 3\nrepeat with: python -m tools.fuzz_numbers --seed 5 --first 3 --cases 1\n"
    )
