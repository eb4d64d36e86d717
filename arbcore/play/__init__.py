"""The exchange side's shells: connections, journals and their replay, the embedded exchange, simulated rounds."""
