"""Every story in ``bot/`` is played against the compiled session and against its twin."""

from pathlib import Path

import pytest
from scenario import BotPlayer, load
from sessions import make_session

STORIES = sorted((Path(__file__).parent / "bot").glob("*.txt"))


@pytest.mark.parametrize("path", STORIES, ids=lambda path: path.stem)
@pytest.mark.parametrize("build", ["c", "py"])
def test_bot_scenario(path: Path, build: str) -> None:
    BotPlayer(load(path), lambda settings, chosen: make_session(build, settings, chosen)).play()


def test_there_are_enough_stories() -> None:
    assert len(STORIES) >= 40
