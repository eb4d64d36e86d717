"""The compiled parts again in plain Python, written for clarity: the specification.

Nothing in the package imports this folder; the tests and the benchmarks compare the compiled code with it.
"""
