"""The project's own benchmark: this project, its peers and the floor, side by side in one run.

    python -m tools.bench [AREA...] [--json] [--quick]

Absolute times differ between machines, so every claim is a ratio from interleaved repetitions within one run.
Before engines are timed, their results are compared: if these differ, nothing is timed. The output names each
peer that is not installed.
"""
