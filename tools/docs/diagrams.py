"""The pictures of the documentation as SVG: the life of an order, fair value and level, the three ways.

Every function returns text. The arrows of the two order diagrams come from the tables in the code. Only the
places of the states are written here; a state without a place is an error.
"""

import math
from collections.abc import Mapping
from html import escape

from reference import orders as exchange_orders

from arbcore.carry._carry import carry_factor
from arbcore.desk import order_table
from arbcore.trading._orders import LIFECYCLE, STATE_NAMES

BOX_WIDTH, BOX_HEIGHT = 150, 40
LIVE_X, OVER_X = 265, 660
INK, FAINT, LIVE_FILL, OVER_FILL = "#333333", "#8a8a8a", "#e8f0fb", "#eeeeee"

#: (from, to) -> the events of this transition, in the order of the table.
Arrows = dict[tuple[str, str], list[str]]


def pictures() -> dict[str, str]:
    """Returns every picture by its file name."""
    return {
        "order-states-exchange.svg": states(
            exchange_arrows(), EXCHANGE_PLACES, "An order of the exchange bot"
        ),
        "order-states-carry.svg": states(carry_arrows(), CARRY_PLACES, "An order of the carry bot"),
        "level.svg": level_picture(),
        **{f"way-{name}.svg": way(name, steps) for name, steps in WAYS.items()},
    }


# --- the life of an order -----------------------------------------------------------------------

#: The places of the live states (left) and of the final ones (right).
EXCHANGE_PLACES = {
    "unacknowledged": (LIVE_X, 0), "open": (LIVE_X, 1), "cancel_pending": (LIVE_X, 2),
    "unknown": (LIVE_X, 3), "out": (OVER_X, 1), "rejected": (OVER_X, 2),
}  # fmt: skip
CARRY_PLACES = {
    order_table.SENT: (LIVE_X, 0), order_table.WORKING: (LIVE_X, 1), order_table.UNKNOWN: (LIVE_X, 2),
    order_table.FILLED: (OVER_X, 0), order_table.CANCELLED: (OVER_X, 1), order_table.REJECTED: (OVER_X, 2),
    order_table.GONE: (OVER_X, 3),
}  # fmt: skip
ROW_HEIGHT, TOP = 130, 60


def exchange_arrows() -> Arrows:
    """Returns the arrows of ``trading._orders.LIFECYCLE``, without events that do not change the state."""
    events = {
        value: name.removeprefix("ON_").lower()
        for name, value in vars(exchange_orders).items() if name.startswith("ON_")
    }  # fmt: skip
    arrows: Arrows = {}
    for state, row in enumerate(LIFECYCLE):
        for event, after in enumerate(row):
            if after != state:
                arrows.setdefault((STATE_NAMES[state], STATE_NAMES[after]), []).append(events[event])
    return arrows


def carry_arrows() -> Arrows:
    """Returns the arrows of ``desk.order_table.NEXT``."""
    arrows: Arrows = {}
    for (state, event), after in order_table.NEXT.items():
        arrows.setdefault((state, after), []).append(event)
    return arrows


def states(arrows: Arrows, places: Mapping[str, tuple[int, int]], title: str) -> str:
    """Returns a state diagram with live states on the left and final ones on the right."""
    drawn = []
    leaving: dict[str, int] = {}
    # Sorted from the top, so that arrows from one state to the final states do not cross.
    for (start, end), events in sorted(arrows.items(), key=lambda item: places[item[0][1]][1]):
        label = ", ".join(events)
        number = leaving[start] = leaving.get(start, 0) + (places[end][0] == OVER_X)
        drawn.append(arrow(start, end, label, places=places, number=number))
    for name, (x, row) in places.items():
        y = TOP + row * ROW_HEIGHT
        fill = LIVE_FILL if x == LIVE_X else OVER_FILL
        drawn.append(
            f'<rect x="{x - BOX_WIDTH // 2}" y="{y - BOX_HEIGHT // 2}" width="{BOX_WIDTH}" '
            f'height="{BOX_HEIGHT}" rx="8" fill="{fill}" stroke="{INK}"/>{words(x, y + 5, name)}'
        )
    height = TOP + ROW_HEIGHT * max(row for _, row in places.values()) + 50
    return svg(760, height, title, "".join(drawn))


def arrow(
    start: str, end: str, label: str, *, places: Mapping[str, tuple[int, int]], number: int
) -> str:
    """Returns one arrow with its events beside it. A test reads its <title>."""
    (x0, row0), (x1, row1) = places[start], places[end]
    y0, y1 = TOP + row0 * ROW_HEIGHT, TOP + row1 * ROW_HEIGHT
    half = BOX_WIDTH // 2
    if x1 == OVER_X:
        y0 += 12 * (number - 1) - 8
        y1 += 3 * (row0 - row1)
        path = f"M{x0 + half} {y0} L{x1 - half - 3} {y1}"
        along = 0.3 + 0.13 * (number - 1)
        at_x, at_y = x0 + half + along * (x1 - x0 - 2 * half), y0 + along * (y1 - y0)
    else:
        # Arrows downwards bend left, arrows upwards bend right; longer ones bend further.
        side = -1 if row1 > row0 else 1
        out = side * (30 + 45 * abs(row1 - row0)) if side < 0 else 30 + 12 * abs(row1 - row0)
        shift = 9 if row1 > row0 else -9
        edge, tip = x0 + side * half, x1 + side * (half + 3)
        path = f"M{edge} {y0 + shift} C{edge + out} {y0 + shift} {tip + out} {y1 - shift} {tip} {y1 - shift}"
        at_x, at_y = edge + 0.75 * out, (y0 + y1) / 2
    return (
        f'<g><title>{escape(f"{start} -> {end}: {label}")}</title>'
        f'<path d="{path}" fill="none" stroke="{FAINT}" marker-end="url(#tip)"/>'
        f"{words(at_x, at_y, label, small=True)}</g>"
    )


# --- fair value and level -----------------------------------------------------------------------


def level_picture() -> str:
    """Draws a future's distance from its index over a quarter: theory, the market's own level, and the band.

    The index is 6,000 points, r 4.5%, d 1.4%; the market finances at 60 bps a year above r, and the entry
    threshold is 3 bps after a cost of 0.5. The quotes are an invented wave around the level.
    """
    index, r, d, spread = 6_000.0, 0.045, 0.014, 0.006
    band = 3.5e-4
    days = range(90, -1, -1)
    theory, market, quotes, above, below = [], [], [], [], []
    for day in days:
        t = day / 365
        fair = carry_factor(factor=index, r=r, d=d, t=t)
        level = carry_factor(factor=index, r=r + spread, d=d, t=t)
        waves = 1.6 * math.sin(day / 2.3) + 1.2 * math.sin(day / 0.9) + 1.5 * math.sin(day / 17)
        wave = index * 1e-4 * waves
        theory.append((day, fair - index))
        market.append((day, level - index))
        quotes.append((day, level + wave - index))
        above.append((day, level * (1 + band) - index))
        below.append((day, level * (1 - band) - index))
    lines = [
        f'<polygon points="{points(above + below[::-1])}" fill="{LIVE_FILL}"/>',
        polyline(theory, "#b5651d", dash="6 4"),
        polyline(market, "#1f5fa8"),
        polyline(quotes, FAINT),
        "".join(
            f'<line x1="60" x2="730" y1="{plot_y(value)}" y2="{plot_y(value)}" stroke="#dddddd"/>'
            + words(30, plot_y(value) + 4, f"{value}", small=True)
            for value in (0, 20, 40, 60)
        ),
        *(words(plot_x(day), 345, f"{day}", small=True) for day in (90, 60, 30, 0)),
        words(395, 368, "days to expiry; points of the future above the index on the left", small=True),
        words(400, 118, "the market's level, with the band of entry", small=True, colour="#1f5fa8"),
        words(200, 235, "fair value at your rate", small=True, colour="#b5651d"),
        words(520, 192, "quotes of the future", small=True, colour=FAINT),
    ]
    return svg(760, 380, "Fair value, the market's level and the band of entry", "".join(lines))


def plot_x(day: float) -> float:
    return round(60 + (90 - day) * 670 / 90, 1)


def plot_y(value: float) -> float:
    return round(320 - value * 300 / 70, 1)


def points(line: list[tuple[int, float]]) -> str:
    return " ".join(f"{plot_x(day)},{plot_y(value)}" for day, value in line)


def polyline(line: list[tuple[int, float]], colour: str, *, dash: str = "") -> str:
    dashes = f' stroke-dasharray="{dash}"' if dash else ""
    return f'<polyline points="{points(line)}" fill="none" stroke="{colour}" stroke-width="1.5"{dashes}/>'


# --- the three ways -----------------------------------------------------------------------------

#: The steps of a message or a quote, in order: the name of a module and what it does.
WAYS: dict[str, tuple[tuple[str, str], ...]] = {
    "message": (
        ("play/exchange_link", "reads bytes"), ("wire/_decode", "line to message"),
        ("trading/_market", "books, averages"), ("trading/_arbitrage, _quoting", "strategies ask"),
        ("trading/_risk", "the gate"), ("trading/_orders", "counts the order"),
        ("wire/_encode", "message to bytes"),
    ),
    "backtest": (
        ("quotes/_csv, _columns", "reads rows"), ("carry/_carry", "fair value"),
        ("carry/_signal", "decides"), ("research/_position", "fills at the touch"),
        ("research/_money", "costs, equity"), ("quotes/backtest_run", "result"),
    ),
    "broker": (
        ("broker/ib_link, listener", "events, now_ns"), ("desk/leg_quotes", "fresh and live?"),
        ("carry/_signal", "decides"), ("desk/gate", "the gate"), ("broker/store", "intent on disk"),
        ("broker/command_executor", "sends the order"),
    ),
}  # fmt: skip


def way(name: str, steps: tuple[tuple[str, str], ...]) -> str:
    """Draws the steps of one way from top to bottom."""
    drawn = []
    for number, (module, what) in enumerate(steps):
        y = 30 + 58 * number
        drawn.append(
            f'<rect x="20" y="{y - 18}" width="230" height="36" rx="6" fill="{LIVE_FILL}" stroke="{INK}"/>'
            f'{words(135, y + 5, module)}<text x="270" y="{y + 5}" fill="{INK}">{escape(what)}</text>'
        )
        if number:
            drawn.append(f'<path d="M135 {y - 40} L135 {y - 21}" stroke="{INK}" marker-end="url(#tip)"/>')
    return svg(460, 30 + 58 * len(steps), f"The way of a {name}", "".join(drawn))


# --- SVG ----------------------------------------------------------------------------------------


def words(x: float, y: float, text: str, *, small: bool = False, colour: str = INK) -> str:
    size = ' font-size="12"' if small else ""
    halo = ' stroke="#ffffff" stroke-width="4" paint-order="stroke"' if small else ""
    at = f'x="{x:.1f}" y="{y:.1f}" text-anchor="middle"'
    return f'<text {at} fill="{colour}"{size}{halo}>{escape(text)}</text>'


def svg(width: int, height: int, title: str, body: str) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" '
        f'font-family="sans-serif" font-size="14"><title>{escape(title)}</title>'
        f'<rect width="{width}" height="{height}" fill="#ffffff"/><defs><marker id="tip" markerWidth="9" '
        'markerHeight="8" refX="7" refY="4" orient="auto" markerUnits="userSpaceOnUse">'
        f'<path d="M0 0 L8 4 L0 8 z" fill="{INK}"/></marker></defs>{body}</svg>\n'
    )
