"""Writes files of one instrument's quotes for the tests of joining, in any spelling."""

import csv
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timezone
from pathlib import Path

#: Monday, 2 March 2026, 10:00 in New York.
TEN = 1_772_463_600 * 10**9
SECOND = 10**9


def iso(ts_ns: int) -> str:
    whole, rest = divmod(ts_ns, 10**9)
    text = datetime.fromtimestamp(whole, timezone.utc).strftime("%Y-%m-%dT%H:%M:%S")
    decimals = f".{rest:09d}".rstrip("0") if rest else ""
    return f"{text}{decimals}Z"


def price(value: float | None) -> str:
    return "" if value is None else repr(value)


def write_leg(path: Path, rows: Iterable[Sequence], *, header: str = "ts,bid,ask",
              time: Callable[[int], object] = iso) -> Path:  # fmt: skip
    """Writes rows of (ts_ns, bid, ask, further cells …)."""
    lines = [header]
    for ts_ns, bid, ask, *rest in rows:
        lines.append(",".join(map(str, (time(ts_ns), price(bid), price(ask), *rest))))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def read_rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))
