"""Shells that both bots share: output files, settings from the environment, kill switch, TCP, terminal."""
