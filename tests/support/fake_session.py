"""A session for tests of the shells: it sends hello, responds to every book with one order, and counts."""

import json

NEVER_NS = 2**63 - 1
SYMBOLS = ("BOND", "VALBZ", "VALE", "GS", "MS", "WFC", "XLF")


class FakeSession:
    """The interface of the real one. It decides per line and keeps partial lines, like the real one."""

    def __init__(self, team="TEST", salt=""):
        self.team = team
        self.salt = salt
        self.hello_seen = False
        self.round_closed = False
        self.needs_resync = False
        self.stopped = False
        self.halted_reason = ""
        self.next_deadline_ns = NEVER_NS
        self.calls = []
        self.texts = []
        self.orders = 0
        self.live = set()
        self.held = dict.fromkeys(SYMBOLS, 0)
        self._partial = b""
        self._stopping = False
        self.messages = 0
        self.faults = {}
        self.errors = {}
        self.strategy_errors = {}
        self.strategy_stops = {}
        self.slow_hooks = {}
        self.refused = []
        self.first_refusals = []
        self.first_refusals = []
        self.rounds_reset = []
        self.doubt = "unanswered"

    def exposure(self):
        return {name: {"position": held, "limit": 100} for name, held in self.held.items()}

    def connected(self, now_ns):
        self.calls.append("connected")
        self.hello_seen = self.round_closed = self.needs_resync = False
        self.live.clear()
        self._partial = b""
        return json.dumps({"type": "hello", "team": self.team}).encode() + b"\n"

    def receive(self, data, now_ns):
        *lines, self._partial = (self._partial + bytes(data)).split(b"\n")
        return b"".join(self._line(line) for line in lines)

    def _line(self, line):
        self.messages += 1
        try:
            message = json.loads(line)
        except ValueError:
            self.faults["not_json"] = self.faults.get("not_json", 0) + 1
            return b""
        kind = message["type"]
        if kind == "hello":
            self.hello_seen = True
            self.held.update(
                (row["symbol"], row["position"]) for row in message["symbols"] if row["symbol"] != "USD"
            )
        elif kind == "close":
            self.round_closed = True
        elif kind == "error":
            self.texts.append(message["error"])
        elif kind == "out":
            self.live.discard(message["order_id"])
            self._settle()
        elif kind == "book" and not self._stopping:
            self.orders += 1
            self.live.add(self.orders)
            return b'{"type":"add","order_id":%d,"note":"%s"}\n' % (self.orders, self.salt.encode())
        return b""

    def tick(self, now_ns):
        self.calls.append("tick")
        self.next_deadline_ns = NEVER_NS
        return b""

    def hold(self, now_ns):
        self.calls.append("hold")
        return b""

    def resume(self, now_ns):
        self.calls.append("resume")
        return b""

    def disconnected(self, now_ns):
        self.calls.append("disconnected")

    def stop(self, now_ns, reason):
        self.calls.append(f"stop: {reason}")
        self._stopping = True
        self._settle()
        return b"".join(b'{"type":"cancel","order_id":%d}\n' % number for number in sorted(self.live))

    def kill(self, now_ns, reason):
        self.calls.append(f"kill: {reason}")
        self.halted_reason = reason
        return b'{"type":"add","order_id":999}\n'

    def _settle(self):
        self.stopped = self._stopping and not self.live

    def pnl(self):
        return 12

    def pnl_at_middle(self):
        return 15

    def positions(self):
        return dict(self.held)

    def recent_orders(self, count):
        return []

    def recent_fills(self):
        return []

    def summary(self):
        return {
            "messages_in": self.messages,
            "orders_sent": self.orders,
            "cancels_sent": 0,
            "converts_sent": 0,
            "fills": 0,
            "rejects": {},
            "faults": dict(self.faults),
            "errors": dict(self.errors),
            "strategy_errors": dict(self.strategy_errors),
            "strategy_stops": dict(self.strategy_stops),
            "slow_hooks": dict(self.slow_hooks),
            "refused": list(self.refused),
            "open_inferred": [],
            "anomalies": {},
            "refusals": {},
            "positions": self.positions(),
            "cash": 0,
            "pnl": 0,
            "strategies": {},
            "limit_breaches": 0,
            "halted_reason": self.halted_reason,
        }
