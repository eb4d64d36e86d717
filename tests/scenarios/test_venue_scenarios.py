"""Every story in ``venue/`` is played against the embedded exchange's engine."""

from pathlib import Path

import pytest
from scenario import load
from venue_player import VenuePlayer

STORIES = sorted((Path(__file__).parent / "venue").glob("*.txt"))


@pytest.mark.parametrize("path", STORIES, ids=lambda path: path.stem)
def test_venue_scenario(path: Path) -> None:
    VenuePlayer(load(path)).play()


def test_there_are_enough_stories() -> None:
    assert len(STORIES) >= 30
