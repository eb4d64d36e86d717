"""The compiled parts once more in plain Python, written for obviousness: the specification.

Nothing in the package imports this folder; the tests and the benchmarks hold the compiled code against it.
"""
