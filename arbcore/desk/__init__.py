"""The live carry desk without IO: events and times in, commands out. ``session.Session`` is its one door."""
