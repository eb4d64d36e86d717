from typing import Any

from arbcore.errors import WireError
from arbcore.wire._lines import LineSplitter

FAULT_NAMES: tuple[str, ...]
KIND_NAMES: tuple[str, ...]
FAULT_SENTENCES: dict[str, str]

def text_of(text: bytes, length: int) -> str: ...
def fault_error(kind: str, line: bytes, source: str = "the other side") -> WireError: ...
def decode(line: bytes) -> dict[str, Any]: ...
def count_messages(
    data: bytes | bytearray | memoryview, *, splitter: LineSplitter | None = None
) -> dict[str, int]: ...
