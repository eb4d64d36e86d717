"""The carry bot's parts around ``arbcore.ibkr``: the link to the broker, its guards, clock, and records.

All of them are shells. The decisions are in ``arbcore.desk``, which knows none of these parts.
"""
