"""The score board of an exchange: every team's P&L of this round and of all rounds so far, as lines of text.

Decides which lines to show and their order, from plain data. It must not know the terminal or the server.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from arbcore.core.text import plural, printable
from arbcore.venue.venue_documents import ScoreDocument, StandingDocument, StandingsDocument

#: How long a team that looked like two bots is marked.
MARKED_S = 60.0
NAME_WIDTH = 20
#: Number of lines of the board that belong to no team.
HEAD_LINES = 3


@dataclass
class ScoreBoard:
    """Standings over all rounds. P&L is in ticks, at the hidden fair value.

    ``notice`` is a line above the table, shown as long as the exchange runs.
    """

    title: str
    notice: str = ""
    totals: dict[str, int] = field(default_factory=dict)
    rounds: dict[str, int] = field(default_factory=dict)
    _marked_until_s: dict[str, float] = field(default_factory=dict)

    def end_round(self, scores: Mapping[str, ScoreDocument]) -> None:
        """Adds the scores of a round that has ended."""
        for team, score in scores.items():
            self.totals[team] = self.totals.get(team, 0) + score["fair_pnl"]
            self.rounds[team] = self.rounds.get(team, 0) + 1

    def mark(self, team: str, now_s: float) -> None:
        """Marks a team for which two programs seem to log in."""
        self._marked_until_s[team] = now_s + MARKED_S

    def ranking(self, standings: StandingsDocument) -> list[tuple[str, int, int]]:
        """Rows (team, P&L of this round, P&L of all rounds including this one), best total first."""
        now: dict[str, int] = {
            team: score["fair_pnl"] for team, score in standings["teams"].items()
        }
        found = [
            (team, now.get(team, 0), self.totals.get(team, 0) + now.get(team, 0))
            for team in {**self.totals, **now}
        ]
        return sorted(found, key=lambda row: (-row[2], row[0]))

    def lines(self, standings: StandingsDocument, *, now_s: float, height: int) -> list[str]:
        """The board in at most ``height`` lines of 79 columns; a last line counts the teams left out."""
        rows = self.ranking(standings)
        head = [self.title, *([self.notice] if self.notice else []), clock_text(standings)]
        if not rows:
            return [*head, "no team has logged in yet"]
        head.append(
            f"{'':>3} {'team':<{NAME_WIDTH}} {'this round':>12} {'all rounds':>13} {'rounds':>6} {'fills':>7}"
        )
        room = max(height - len(head), 1)
        shown = rows if len(rows) <= room else rows[: max(room - 1, 0)]
        made = [
            self._row(place, row, standings["teams"].get(row[0]), now_s) for place, row in enumerate(shown, 1)
        ]
        if len(shown) < len(rows):
            made.append(f"{'':>3} and {len(rows) - len(shown):,} more")
        return [*head, *made]

    def line(self, standings: StandingsDocument) -> str:
        """The board on one line: the first teams, by name."""
        rows = self.ranking(standings)
        told = ", ".join(f"{short_name(team)} {total:+,}" for team, _, total in rows[:5])
        more = f" and {len(rows) - 5:,} more" if len(rows) > 5 else ""
        return f"{clock_text(standings)}: {told or 'no team'}{more}"

    def state(self, team: str, score: StandingDocument | None, now_s: float) -> str:
        """The team's state, in a word or two."""
        if score is not None and score["stopped"]:
            return "stopped"
        if self._marked_until_s.get(team, 0.0) > now_s:
            return "two bots?"
        return "playing" if score is not None and score["connections"] else "gone"

    def _row(
        self, place: int, row: tuple[str, int, int], score: StandingDocument | None, now_s: float
    ) -> str:
        team, this, total = row
        state = self.state(team, score, now_s)
        fills = score["fills"] if score is not None else 0
        return (
            f"{place:>3} {short_name(team):<{NAME_WIDTH}} {this:>+12,} {total:>+13,} "
            f"{self.rounds.get(team, 0):>6} {fills:>7,} {state}"
        )


def short_name(team: str) -> str:
    """A team's name made printable, and cut to its column."""
    shown = printable(team)
    return shown if len(shown) <= NAME_WIDTH else shown[: NAME_WIDTH - 1] + "…"


def clock_text(standings: StandingsDocument) -> str:
    """The round's number and its remaining time."""
    teams = sum(1 for score in standings["teams"].values() if score["connections"])
    left = ""
    if standings["phase"] != "open":
        left = f" ({standings['phase']})"
    elif standings["left_s"] is not None:
        minutes, seconds = divmod(int(standings["left_s"]), 60)
        left = f", {minutes:02d}:{seconds:02d} left"
    return f"round {standings['round']}{left}, {plural(teams, 'team')} connected"
