"""Plays a stored recording repeatedly to one engine: the child process whose instructions are counted.

``python -m tools.bench.counted all|none|floor RECORDING TIMES``.
"""

import json
import sys
from pathlib import Path

from tools.bench import engines, stream
from tools.bench.area_session import SETTINGS
from tools.bench.floors import stream_runner


def store(recording: stream.Recording, path: Path) -> None:
    """Writes a recording's chunks, one per line."""
    with path.open("w", encoding="utf-8") as file:
        for data, now_ns in recording.chunks:
            print(json.dumps([data.decode(), now_ns]), file=file)


def load(path: Path) -> stream.Recording:
    """Reads the chunks that ``store`` wrote."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return stream.Recording([(text.encode(), now_ns) for text, now_ns in map(json.loads, lines)])


def run(engine: str, recording: stream.Recording, times: int) -> None:
    """Plays the recording ``times`` times, each time to a new engine."""
    if engine == "floor":
        floor, data = stream_runner(native=False), recording.lines
        for _ in range(times):
            floor(data, False)
        return
    for _ in range(times):
        session = engines.ours(SETTINGS) if engine == "all" else engines.ours(SETTINGS, [])
        stream.drive(session, recording)


if __name__ == "__main__":
    run(sys.argv[1], load(Path(sys.argv[2])), int(sys.argv[3]))
