"""``python -m arbcore``: the same program as ``arbcore``."""

from arbcore.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
