from typing import Any

from arbcore.quotes._columns import ColumnReader

class ArrowColumns:
    names: list[str]
    def __init__(self, source: Any, where: str) -> None: ...
    def next_into(self, reader: ColumnReader, places: dict[str, int], where: str) -> bool: ...
