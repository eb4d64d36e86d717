"""A look-alike of Trader Workstation and IB Gateway for use without a broker: the protocol and the pairs.

It speaks server versions 100 to 178; ``ibapi`` 9.81.1, ``ib_insync`` 0.9.86 and ``ib_async`` 2.1.0 connect
unmodified. Everything here decides without IO: ``session.Gateway`` takes bytes and the time and gives bytes;
``server`` is the one shell. It stands on the carry desk (fair value, calendar, New York's clock) and knows
neither the exchange bot nor its exchange.

**Rows.** Quotes come as rows: both legs at one instant, several ticks each, and the client libraries drop
ticks that change nothing. A client that wants to decide once a row subscribes, after its other subscriptions,
to the gateway's own contract, qualified like any other: ``Contract(secType="IND", symbol="CLOCK",
exchange="ARBCORE", currency="USD")``. No broker knows it. Behind the ticks of every row its ticker gets

* ``last``, the row's time in whole seconds since 1970, with ``lastSize``, the nanoseconds beyond them: a
  double holds both exactly, ``int(last) * 10**9 + int(lastSize)`` is the gateway's clock;
* ``volume``, the row's number from 1, the last tick of the row;
* before both, when it is another one than before, ``bid`` with ``bidSize``: the expiry of the future that the
  row quotes, in the same form; and in the last row of a contract ``ask`` with ``askSize``, the next one's
  expiry, where the recording itself names expiries. The first row at or after an expiry quotes the contract
  that ended for the last time; whatever is held of it then is settled in cash at that row's index.

Both arrive in one packet with the row nearly always, but a packet may end anywhere: a row is complete when
``volume`` shows its number. ``halted`` = 1 on that ticker says that there are no more rows.

**Flow control.** The next row is held back until every subscriber of the clock has said
``ib.client.updateDisplayGroup(0, str(row_number))``, whatever the speed. Where the client has been told
anything of its orders since the row's end, or has subscribed to another contract, that answer brings the same
row's end once more (the same number), so that it can act on its fills at the quotes that it decided on; where
not, the next row. At ``--speed inf``
there is no other clock: an order is filled at the quotes of the row that it was decided on, executions carry
the row's time, and so does ``reqCurrentTime``. The libraries throttle themselves to 45 messages a second: set
``ib.client.MaxRequests = 0`` for a replay that is faster than that.

Clients that know nothing of rows leave the clock alone, and get the ticks at ``--speed`` times real time.
"""
