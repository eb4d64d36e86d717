"""The brakes: which state the desk is in and why.

Owns the reasons for REDUCING and HALTED. What may leave in which state is the gate's business (``gate``).
"""

ACTIVE, REDUCING, HALTED = "ACTIVE", "REDUCING", "HALTED"
_LEVEL = {REDUCING: 1, HALTED: 2}

#: What each reason makes of the state. REDUCING sends only what makes a position smaller, HALTED nothing
#: but cancels: where positions are not known for certain, any order may be the wrong one.
BRAKES = {
    "not connected": HALTED, "reconciling": HALTED, "unanswered": HALTED, "mismatch": HALTED,
    "account": HALTED, "overfill": HALTED, "unwind failed": HALTED, "contract": HALTED,
    "unknown order": HALTED,
    "kill switch": REDUCING, "daily loss": REDUCING, "stopping": REDUCING, "clock": REDUCING,
    "entries refused": REDUCING,
}  # fmt: skip

#: Reasons that every run meets: the state says them, nobody is alarmed.
ORDINARY = frozenset({"not connected", "reconciling", "stopping"})

#: Pauses of the gate: after a missed entry, after a missed exit.
ENTRY_PAUSE, EXIT_PAUSE = 0, 1


class Brakes:
    """The reasons that hold; the state is that of the worst one."""

    def __init__(self) -> None:
        self.sentences: dict[str, str] = {}
        self.state = ACTIVE
        self.changed = False

    def put(self, reason: str, sentence: str) -> bool:
        """A reason begins to hold; False where it did already."""
        known = reason in self.sentences
        self.sentences[reason] = sentence
        if not known:
            self._judge()
        return not known

    def lift(self, *reasons: str) -> None:
        """Reasons no longer hold."""
        before = len(self.sentences)
        for reason in reasons:
            self.sentences.pop(reason, None)
        if len(self.sentences) != before:
            self._judge()

    def __contains__(self, reason: str) -> bool:
        return reason in self.sentences

    def _judge(self) -> None:
        self.changed = True
        worst = max((_LEVEL[BRAKES[reason]] for reason in self.sentences), default=0)
        self.state = (ACTIVE, REDUCING, HALTED)[worst]
