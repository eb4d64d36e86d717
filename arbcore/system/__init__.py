"""Shells that both sides share: files written whole, settings from the environment, the kill switch, TCP, the terminal."""
