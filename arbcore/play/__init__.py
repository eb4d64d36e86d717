"""Bot and exchange in one process under a virtual clock, with seeded links and faults.

Above both wings and below the shells: no socket, no file, no clock, and randomness only from a seed.
"""
