"""Every alarm that the carry bot can raise has a line in the page that says what to do."""

import re
from pathlib import Path

import arbcore

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "running-for-weeks.md"
#: A kind, or its words before the instrument's symbol or the pair's number.
RAISED = re.compile(r'\b(?:alarm|Alarm|restrict)\(\s*f?"([a-z_ ]+?)(?:"| \{)')
#: Ordinary turns of a run, which raise none.
ORDINARY = {"comparing with the broker", "stopping"}


def test_every_alarm_says_what_to_do() -> None:
    package = Path(arbcore.__file__).parent
    sources = [package / "ibkr.py"]
    for folder in ("desk", "broker", "commands"):
        sources += (package / folder).glob("*.py")
    raised = {kind for path in sources for kind in RAISED.findall(path.read_text(encoding="utf-8"))}
    assert {"mismatch", "unwind failed", "daily loss", "cut off", "stale"} <= raised
    table = PAGE.read_text(encoding="utf-8").partition("## What to do at each alarm")[2]
    rows = [line for line in table.split("\n") if line.startswith("| `")]
    told = {kind for row in rows for kind in re.findall(r"`([a-z_ ]+)`", row.split("|")[1])}
    assert raised - ORDINARY - told == set()
    assert all(len(row.split("|")[3].strip()) > 5 for row in rows)
