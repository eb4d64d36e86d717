"""Shells that both sides share: whole files, settings of the environment, kill switch, TCP, terminal."""
