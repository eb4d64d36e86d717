"""The market data that lies beside the checkout on some machines and is no part of it."""

import csv
from pathlib import Path

import pytest

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"


def rows_of(name: str) -> list[dict[str, str]]:
    """The rows of one of its CSV files; the test is skipped where the file is absent."""
    path = data_file(name)
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def data_file(name: str) -> Path:
    """The path of one of its files; the test is skipped where the file is absent."""
    for folder in (DATA, DATA.parents[2] / "shared" / "data"):
        if (folder / name).is_file():
            return folder / name
    pytest.skip(f"{name} is not on this machine")
