"""What becomes of our own orders, as a table of states in which UNKNOWN is one like any other.

An order is known by our ref, then by its permId; the broker's order ids are nobody's business here. It is
over only when executions fill it, the broker's own status or rejection says so and agrees with the
executions, or a whole answer to a question no longer shows it. The orders themselves are kept by ``_orders``.
"""

SENT, WORKING, UNKNOWN = "sent", "working", "unknown"
FILLED, CANCELLED, REJECTED, GONE = "filled", "cancelled", "rejected", "gone"
LIVE_STATES = frozenset({SENT, WORKING, UNKNOWN})
FINAL_STATES = frozenset({FILLED, CANCELLED, REJECTED, GONE})

ACK, FULL, OUT, REJECT, DOUBT, ABSENT = "ack", "full", "out", "reject", "doubt", "absent"
#: What news makes of a state. What is not listed changes nothing: a state that is over stays.
NEXT = {
    (SENT, ACK): WORKING, (UNKNOWN, ACK): WORKING,
    (SENT, FULL): FILLED, (WORKING, FULL): FILLED, (UNKNOWN, FULL): FILLED,
    (SENT, OUT): CANCELLED, (WORKING, OUT): CANCELLED, (UNKNOWN, OUT): CANCELLED,
    (SENT, REJECT): REJECTED, (WORKING, REJECT): REJECTED, (UNKNOWN, REJECT): REJECTED,
    (SENT, DOUBT): UNKNOWN, (WORKING, DOUBT): UNKNOWN,
    (UNKNOWN, ABSENT): GONE, (SENT, ABSENT): GONE, (WORKING, ABSENT): CANCELLED,
}  # fmt: skip

#: Statuses by which the broker says that an order is over, and those by which it says that it lives.
OUT_STATUSES = frozenset({"Cancelled", "ApiCancelled", "Inactive"})
LIVE_STATUSES = frozenset({"PreSubmitted", "Submitted", "PendingCancel"})
#: Errors after which an order certainly never traded, or does no more.
REJECT_CODES = frozenset({103, 110, 200, 201, 203, 321})
#: Messages that are about an order and change nothing: notices, held orders, and the notice of a cancel,
#: which a status follows.
NOTICE_CODES = frozenset({202, 399, 404, 2109})
