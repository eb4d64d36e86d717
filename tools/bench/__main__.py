"""``python -m tools.bench``: chooses the areas and the length of the run, and prints the result."""

import argparse
import json
import sys
from pathlib import Path

from tools.bench.areas import AREAS, runner
from tools.bench.harness import Disagreement, Options, machine, render, table_json

#: Programs of an earlier study; if they are present, the floors here are compared with them.
BASELINES = Path("..") / "shared" / "baselines"


def parse(argv: list[str] | None) -> argparse.Namespace:
    """Parses and checks the command line; for a wrong one argparse ends the program with code 2."""
    areas = "\n".join(f"  {name:10} {text}" for name, text in AREAS.items())
    parser = argparse.ArgumentParser(
        prog="python -m tools.bench", description="Compare this project with its peers and with the floor.",
        epilog=f"areas:\n{areas}", formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("areas", nargs="*", metavar="AREA", help="areas to run; all without")
    parser.add_argument("--json", action="store_true", help="JSON: the machine, then a table a line")
    parser.add_argument("--quick", action="store_true", help="small inputs: shows that it works, no more")
    parser.add_argument("--repetitions", type=int, default=5, metavar="N", help="of every engine (5)")
    parser.add_argument("--seed", type=int, default=7, help="seed of every generated input (7)")
    parser.add_argument(
        "--baselines", type=Path, metavar="DIR",
        help=f"other floors to hold these against ({BASELINES}, if it is there)",
    )
    arguments = parser.parse_args(argv)
    for area in arguments.areas:
        if area not in AREAS:
            parser.error(f"no area is called {area!r}; choose from {', '.join(AREAS)}")
    if arguments.repetitions < 1:
        parser.error("--repetitions must be 1 or more")
    return arguments


def main(argv: list[str] | None = None) -> int:
    """Runs the chosen areas; returns 1 if compared engines disagree."""
    arguments = parse(argv)
    baselines = arguments.baselines or BASELINES
    options = Options(
        quick=arguments.quick, repetitions=arguments.repetitions, seed=arguments.seed,
        baselines=baselines.resolve() if baselines.is_dir() else None,
    )
    about = machine()
    if arguments.json:
        print(json.dumps({"schema": "arbcore.bench.machine/1", **about, "quick": options.quick}))
    else:
        print(", ".join(f"{name} {value}" for name, value in about.items()) + " (quick)" * options.quick)
    for area in arguments.areas or AREAS:
        try:
            tables = runner(area)(options)
        except Disagreement as error:
            print(f"{area}: {error}", file=sys.stderr)
            return 1
        for table in tables:
            print(json.dumps(table_json(table)) if arguments.json else "\n" + render(table), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
