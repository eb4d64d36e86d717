"""Pure computation that both bots share: no file, clock, socket or unseeded random number."""
