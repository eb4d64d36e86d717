"""Writes the generated pages and pictures of the documentation.

    python -m tools.docs [FOLDER]        FOLDER is docs/generated without one

`make docs` runs it before Sphinx. Its output is not committed, so the pages always match the code.
"""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# The twin in tests/reference has the names of an order's events. The labels of the metrics come from the
# snapshots in the tests of the live pages.
sys.path += [str(ROOT / "tests"), str(ROOT / "tests" / "support")]

from tools.docs.diagrams import pictures  # noqa: E402
from tools.docs.reference import pages  # noqa: E402


def main(words: list[str]) -> int:
    folder = Path(words[0]) if words else ROOT / "docs" / "generated"
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in {**pages(), **pictures()}.items():
        (folder / name).write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
