"""The exchange side's shells: connections, journals, replay, the embedded exchange, simulated rounds."""
