"""A look-alike of Trader Workstation and IB Gateway for use without a broker: the protocol and the pairs.

It speaks server versions 100 to 178; ``ibapi`` 9.81.1, ``ib_insync`` 0.9.86 and ``ib_async`` 2.1.0 connect
unmodified. This package does no IO: ``gateway.Gateway`` takes bytes and the time and returns bytes;
``arbcore.broker.gateway_server`` is its only shell. It uses the carry library (fair value, calendar, New
York's clock) and knows neither the exchange bot nor its exchange.

**Rows.** Quotes come as rows: both legs at one instant, several ticks each, and the client libraries drop
ticks that change nothing. A client that wants to decide once a row subscribes, after its other subscriptions,
to the gateway's own contract, qualified like any other: ``Contract(secType="IND", symbol="CLOCK",
exchange="ARBCORE", currency="USD")``. No broker knows this contract. After the ticks of every row its ticker
gets

* ``last``, the row's time in whole seconds since 1970, with ``lastSize``, the nanoseconds beyond them: a
  double holds both exactly, so ``int(last) * 10**9 + int(lastSize)`` is the gateway's clock;
* ``volume``, the row's number from 1, the last tick of the row;
* before both, if the row quotes another future than the row before, ``bid`` with ``bidSize``: that future's
  expiry, in the same form; and in the last row of a contract ``ask`` with ``askSize``, the next contract's
  expiry, if the recording itself names expiries. The first row at or after an expiry quotes the contract
  that ended for the last time; positions in it are then settled in cash at that row's index.

They nearly always arrive in one packet with the row, but a packet may end anywhere: a row is complete when
``volume`` shows its number. ``halted`` = 1 on that ticker means that there are no more rows.

**Flow control.** The gateway holds the next row back until every subscriber of the clock has sent
``ib.client.updateDisplayGroup(0, str(row_number))``, at any speed. If the client has had a message about its
orders since the row's end, or has subscribed to another contract, the gateway then sends the same row's end
once more (the same number), so that the client can act on its fills at the same quotes; if not, it sends the
next row. At ``--speed inf`` there is no other clock: an order fills at the quotes of the row that it was
decided on, and executions and ``reqCurrentTime`` have the row's time. The libraries throttle themselves to 45
messages a second: set ``ib.client.MaxRequests = 0`` for a faster replay.

Clients that do not use rows ignore the clock, and get the ticks at ``--speed`` times real time.
"""
