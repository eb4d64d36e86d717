"""``--param``: texts become what the class's ``__init__`` says it takes."""

import pytest

from arbcore.errors import UsageError
from arbcore.play.strategy_parameters import parameters_of


class Typed:
    def __init__(
        self, width: int = 2, edge: float = 0.5, fast: bool = False, *, name="x", sizes=(), free=None
    ):
        pass


class Later:
    def __init__(self, width: "int", edge: "float | None" = None):
        pass


class Nothing:
    pass


@pytest.mark.parametrize(
    ("kind", "texts", "found"),
    [
        (Typed, {}, {}),
        (Typed, {"width": "3", "edge": "2", "fast": "yes"}, {"width": 3, "edge": 2.0, "fast": True}),
        (Typed, {"fast": "OFF", "name": "5"}, {"fast": False, "name": "5"}),
        (Typed, {"free": "some text"}, {"free": "some text"}),
        (Later, {"width": "-4", "edge": "1.5"}, {"width": -4, "edge": 1.5}),
    ],
)
def test_texts_are_of_the_type_that_the_class_takes(kind, texts, found):
    made = parameters_of(kind, texts, where="--strategy mine:Kind")
    assert made == found
    assert [type(value) for value in made.values()] == [type(value) for value in found.values()]


@pytest.mark.parametrize(
    ("kind", "texts", "part"),
    [
        (Typed, {"widht": "3"}, "did you mean width?"),
        (Typed, {"width": "3.5"}, "a whole number"),
        (Typed, {"edge": "wide"}, "a number"),
        (Typed, {"fast": "maybe"}, "true or false"),
        (Nothing, {"x": "1"}, "it has none"),
        (Typed, {"width": "\x1b[31m"}, "x1b"),
    ],
)
def test_what_does_not_fit_is_one_sentence(kind, texts, part):
    with pytest.raises(UsageError) as caught:
        parameters_of(kind, texts, where="--strategy mine:Kind")
    assert part in str(caught.value)
    assert "\x1b" not in str(caught.value)
