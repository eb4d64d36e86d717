"""Translates order ids to refs over several connections, as a shell does; the broker may reuse ids.

Statuses and errors name an order by its id. The ids of orders sent on this connection are known. For other
orders the broker's permanent number identifies the ref, once both have come in one message.
"""

from dataclasses import replace
from random import Random

from arbcore.desk import events as ev


class Ids:
    """``sent`` gives an order its id; ``heard`` returns an event as the desk receives it, or None."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._next = 1
        self._first = 1
        self._id_of: dict[str, int] = {}
        self._ref_of_id: dict[int, str] = {}
        self._ref_of_perm: dict[int, str] = {}

    def connected(self, rolled_back: bool) -> None:
        """Begins a connection; with ``rolled_back`` the broker's next id may be one that was used before."""
        self._ref_of_id.clear()
        self._ref_of_perm.clear()
        if rolled_back and self._next > 1:
            self._next = self._random.randrange(1, self._next + 1)

    def sent(self, ref: str) -> None:
        """Gives the next id to an order that is sent."""
        self._id_of[ref] = self._next
        self._ref_of_id[self._next] = ref
        self._next += 1

    def heard(self, event: ev.Event) -> ev.Event | None:
        """Returns the event with its order's ref, or None if the order is not known."""
        if isinstance(event, ev.OpenOrders):
            for line in event.orders:
                self._know(line.perm_id, line.ref)
        elif isinstance(event, ev.Execution):
            self._know(event.perm_id, event.ref)
        elif isinstance(event, ev.Executions):
            for execution in event.executions:
                self._know(execution.perm_id, execution.ref)
        elif isinstance(event, ev.OrderStatus):
            ref = self._ref_of_perm.get(event.perm_id) or self._by_id(event.ref)
            if ref:
                self._know(event.perm_id, ref)
            return replace(event, ref=ref) if ref else None
        elif isinstance(event, ev.OrderError):
            ref = self._by_id(event.ref)
            return replace(event, ref=ref) if ref else None
        return event

    def _by_id(self, ref: str) -> str:
        return self._ref_of_id.get(self._id_of.get(ref, 0), "")

    def _know(self, perm_id: int, ref: str) -> None:
        if perm_id and ref:
            self._ref_of_perm[perm_id] = ref
