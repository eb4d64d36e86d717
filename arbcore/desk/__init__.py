"""The carry bot without IO: legs, orders, gate, pairs, recovery, and the session that events go into."""
