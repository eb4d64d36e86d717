"""The carry bot's parts around ``arbcore.ibkr``: the link to the broker, its guards, clock, and records.

All of them are shells. What decides is in ``carry/desk`` and knows none of them.
"""
