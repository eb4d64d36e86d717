"""Every story in ``venue/`` is played against the embedded exchange's engine, in JSON and in words."""

from pathlib import Path

import pytest
from scenario import load
from venue_player import VenuePlayer

STORIES = sorted((Path(__file__).parent / "venue").glob("*.txt"))
PLAYED = [
    pytest.param(path, form, id=f"{path.stem}-{form}")
    for path in STORIES
    for form in ("json", "text")
    if load(path).over in ("both", form)
]


@pytest.mark.parametrize(("path", "form"), PLAYED)
def test_venue_scenario(path: Path, form: str) -> None:
    VenuePlayer(load(path), text=form == "text").play()


def test_there_are_enough_stories() -> None:
    assert len(STORIES) >= 30
    assert len(PLAYED) >= len(STORIES) + 40
