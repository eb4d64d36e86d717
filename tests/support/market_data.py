"""The market data beside the checkout, which only some machines have and which is not part of it."""

import csv
from pathlib import Path

import pytest

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"


def rows_of(name: str) -> list[dict[str, str]]:
    """Returns the rows of one of its CSV files; skips the test if the file is absent."""
    path = data_file(name)
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def data_file(name: str) -> Path:
    """Returns the path of one of its files; skips the test if the file is absent."""
    for folder in (DATA, DATA.parents[2] / "shared" / "data"):
        if (folder / name).is_file():
            return folder / name
    pytest.skip(f"{name} is not on this machine")
