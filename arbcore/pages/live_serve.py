"""The live page and the metrics of the embedded exchange, for a screen that all teams see. Money is in ticks.

It shows nothing that a team may not know: no fair values, and no team's orders.
"""

from collections.abc import Mapping
from typing import Any

from arbcore.core.metrics import Family, counter, gauge, labelled
from arbcore.core.text import plural
from arbcore.pages.chart import legend, swatch
from arbcore.pages.live_page import LINE_STYLES, LiveView, Parts, Trail, best, clock_words, levels
from arbcore.pages.markup import Markup, join, number, tag
from arbcore.pages.page import facts, figure, signed, table

Snapshot = Mapping[str, Any]
SECTIONS = (
    ("board", "Score board"), ("curves", "P&L of the first teams"), ("books", "Books"), ("trades", "Trades"),
)  # fmt: skip
#: How many teams have their own curve.
_LINES = 6


def serve_view(version: str) -> LiveView:
    """Returns the view of an exchange; its curves cover five minutes."""
    return LiveView(
        SECTIONS, title="arbcore exchange", version=version, every_s=0.5,
        track=lambda told: {row["team"]: row["total"] for row in told["teams"][:_LINES]},
        parts=_parts, families=_families,
    )  # fmt: skip


def _parts(told: Snapshot, trail: Trail) -> Parts:
    left = clock_words(told["left_s"])
    clock = f"{left} left" if left and told["phase"] == "open" else told["phase"]
    return {
        "title": f"round {told['round']}, {clock} · arbcore",
        "headline": join([f"Round {told['round']:,}: ", tag("span", clock, class_="good")]),
        "facts": _facts(told),
        "board": _board(told),
        "curves": _curves(told, trail),
        "books": _books(told),
        "trades": _trades(told),
    }


def _facts(told: Snapshot) -> Markup:
    connected = sum(1 for row in told["teams"] if row["connections"])
    return facts([
        ("teams connected", number(connected, 0), f"of {plural(len(told['teams']), 'team')}"),
        ("trades", number(told["trades"], 0), "since the exchange began"),
        ("messages", number(told["messages_in"], 0), "read"),
        ("market", told["mode"], f"regime {told['regime']}"),
        ("address", tag("small", told["address"]), told["text_address"]),
    ])  # fmt: skip


def _board(told: Snapshot) -> Markup:
    rows = [
        [number(place, 0), row["team"], signed(number(row["this"], 0, signed=True), row["this"]),
         signed(number(row["total"], 0, signed=True), row["total"]), number(row["rounds"], 0),
         number(row["fills"], 0), row["state"]]
        for place, row in enumerate(told["teams"], 1)
    ]  # fmt: skip
    if not rows:
        return tag("p", "No team has logged in yet.", class_="soft")
    head = ["", "team", "this round", "all rounds", "rounds", "fills", ""]
    made = table("P&L in ticks at the hidden fair value", head, rows, numbers=(0, 2, 3, 4, 5))
    return tag("div", made, class_="wall")


def _curves(told: Snapshot, trail: Trail) -> Markup:
    shown = {row["team"]: LINE_STYLES[at] for at, row in enumerate(told["teams"][:_LINES])}
    chart = trail.chart(
        list(shown.items()), key="teams", title="P&L of the first teams", unit="ticks",
        rules=[(0.0, "line-zero")],
    )  # fmt: skip
    if not chart:
        return tag("p", "No line yet.", class_="soft")
    keys = legend(*((swatch(style), name) for name, style in shown.items()))
    return figure(chart, caption="All rounds, over the last five minutes.", legend=keys)


def _books(told: Snapshot) -> Markup:
    rows = [[name, levels(book["buy"], {}), levels(book["sell"], {})] for name, book in told["books"].items()]
    return table("Size at price, best first", ["symbol", "bids", "asks"], rows)


def _trades(told: Snapshot) -> Markup:
    if not told["recent_trades"]:
        return tag("p", "Nothing was traded yet.", class_="soft")
    rows = [
        [row["symbol"], number(row["price"], 0), number(row["size"], 0), number(row["ago_s"], 1)]
        for row in told["recent_trades"]
    ]
    return table("Newest first", ["symbol", "price", "size", "s ago"], rows, numbers=(1, 2, 3))


def _families(told: Snapshot) -> list[Family]:
    teams = {row["team"]: row for row in told["teams"]}
    return [
        gauge("arbcore_up", "1 while the exchange runs.", told["health"]["ok"]),
        gauge("arbcore_running_seconds", "Seconds since the exchange began.", told["running_s"]),
        gauge("arbcore_round", "Number of the round, from 1.", told["round"]),
        gauge("arbcore_round_left_seconds", "Time left in the round; absent where it has no end.",
              told["left_s"]),
        labelled("arbcore_team_pnl_ticks", "P&L of this round at the hidden fair value.",
                 {name: row["this"] for name, row in teams.items()}, by="team"),
        labelled("arbcore_team_pnl_all_rounds_ticks", "P&L of all rounds at the hidden fair value.",
                 {name: row["total"] for name, row in teams.items()}, by="team"),
        labelled("arbcore_team_connections", "Connections of a team.",
                 {name: row["connections"] for name, row in teams.items()}, by="team"),
        labelled("arbcore_team_fills", "Fills of a team in this round.",
                 {name: row["fills"] for name, row in teams.items()}, by="team"),
        labelled("arbcore_bid_ticks", "Best bid.", best(told["books"], "buy"), by="symbol"),
        labelled("arbcore_ask_ticks", "Best ask.", best(told["books"], "sell"), by="symbol"),
        counter("arbcore_messages_total", "Messages received.", told["messages_in"]),
        counter("arbcore_trades_total", "Trades since the exchange began.", told["trades"]),
    ]  # fmt: skip
