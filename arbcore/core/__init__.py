"""What both bots share, as pure computation: no file, clock, socket or unseeded random number."""
