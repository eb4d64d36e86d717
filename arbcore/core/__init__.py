"""What both sides of the package share and only decides: no file, clock, socket or unseeded random number."""
