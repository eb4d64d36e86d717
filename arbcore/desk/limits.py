"""The risk state: ACTIVE, REDUCING or HALTED, and the reasons for it.

Owns the reasons for REDUCING and HALTED; ``gate`` decides which orders each state allows.
"""

ACTIVE, REDUCING, HALTED = "ACTIVE", "REDUCING", "HALTED"
#: The halt reason while open orders, executions and positions are compared with the broker's.
COMPARING = "comparing with the broker"
_LEVEL = {REDUCING: 1, HALTED: 2}

#: The state for each reason. REDUCING allows only orders that reduce a position. HALTED allows only cancels,
#: because any order may be wrong while positions are not certain.
REASONS = {
    "not connected": HALTED, COMPARING: HALTED, "unanswered": HALTED, "mismatch": HALTED,
    "account": HALTED, "overfill": HALTED, "unwind failed": HALTED, "contract": HALTED,
    "unknown order": HALTED,
    "kill switch": REDUCING, "daily loss": REDUCING, "stopping": REDUCING, "clock": REDUCING,
    "entries refused": REDUCING,
}  # fmt: skip

#: Reasons that occur in every run; they are shown with the state and raise no alarm.
ORDINARY = frozenset({"not connected", COMPARING, "stopping"})

#: Pauses of the gate: after a missed entry, after a missed exit.
ENTRY_PAUSE, EXIT_PAUSE = 0, 1


class RiskState:
    """The present reasons, each with its sentence; the worst reason sets the state."""

    def __init__(self) -> None:
        self.sentences: dict[str, str] = {}
        self.state = ACTIVE
        self.changed = False

    def add(self, reason: str, sentence: str) -> bool:
        """Adds a reason or replaces its sentence; returns whether the reason is new."""
        known = reason in self.sentences
        self.sentences[reason] = sentence
        if not known:
            self._judge()
        return not known

    def remove(self, *reasons: str) -> None:
        """Removes reasons that no longer hold."""
        before = len(self.sentences)
        for reason in reasons:
            self.sentences.pop(reason, None)
        if len(self.sentences) != before:
            self._judge()

    def __contains__(self, reason: str) -> bool:
        return reason in self.sentences

    def _judge(self) -> None:
        self.changed = True
        worst = max((_LEVEL[REASONS[reason]] for reason in self.sentences), default=0)
        self.state = (ACTIVE, REDUCING, HALTED)[worst]
