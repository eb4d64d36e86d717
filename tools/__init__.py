"""Programs about arbcore that are no part of the package: benchmarks and other runners."""
