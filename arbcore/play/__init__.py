"""Shells of the exchange bot: connections, journals, replay, the embedded exchange, simulated rounds."""
