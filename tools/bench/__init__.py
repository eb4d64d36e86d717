"""The project's own benchmark: this project, its peers and the floor, side by side in one run.

    python -m tools.bench [AREA...] [--json] [--quick]

Absolute times differ from machine to machine; what is claimed is a ratio, taken within one run from
interleaved repetitions. Engines that are compared are first shown to do the same work: where their results
differ, nothing is timed. A peer that is not installed is named as such.
"""
