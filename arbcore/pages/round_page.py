"""The page of a bot's rounds: P&L, positions, prices with its quotes and fills, every order.

From plain data (``RoundHistory.document``) to text. It must not know where the data came from.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from arbcore.pages.chart import Chart, legend, swatch
from arbcore.pages.markup import Markup, datum, escape, number, percent, tag
from arbcore.pages.page import bullets, facts, figure, heading, page, section, signed, table
from arbcore.pages.scale import Scale, ticks

#: Points of a curve: about one for every two pixels of a wide screen.
POINTS_MAX = 500
#: Styles of curves, one per strategy; with more strategies they repeat.
LOOKS = ("line-s0", "line-s1", "line-s2", "line-s3", "line-s4", "line-s5")

Row = Mapping[str, Any]


def round_page(
    data: Row,
    *,
    title: str,
    source: str,
    version: str,
    fair_pnl: float | None = None,
    latency_us: Mapping[str, float | None] | None = None,
    notes: Sequence[str] = (),
) -> str:
    """Returns a self-contained HTML document of a session.

    Args:
        data: the return value of ``RoundHistory.document``.
        title: the bot or the team.
        source: where the records came from, such as the journal's name.
        fair_pnl: P&L at the hidden fair value in ticks; None if the exchange does not reveal it.
        latency_us: from bytes read to bytes written, if measured: p50, p99, p999, max.
        notes: sentences for the reader of the page.
    """
    axis = _Axis(data)
    rounds = len(data["results"])
    total = sum(sum(pnl.values()) for pnl in data["results"].values())
    parts: list[object] = [
        heading(
            "arbcore \N{MIDDLE DOT} round", title,
            lede=f"{number(total, 0, signed=True)} ticks at the middle of the touch in "
            f"{_count(rounds, 'round')}, {_count(len(data['fills']), 'fill')} of "
            f"{_count(len(data['orders']), 'order')}.",
            detail=f"{source}, {data['seconds']:,.1f} s",
        ),
        _facts(data, total, fair_pnl),
        section("pnl", "P&L by strategy", *_pnl(data, axis)),
        section("earnings", "Spread earned against adverse selection", *_earnings(data)),
        section("positions", "Positions within their limits", _positions(data, axis)),
        section("prices", "Prices, our quotes and fills", *_prices(data, axis)),
        section("fates", "Orders by outcome", *_fates(data)),
        section("latency", "Latency", _latency(data, latency_us)),
        section("rows", "Every fill and every order", _fill_rows(data), _order_rows(data)),
        section("reading", "How to read it", bullets([*notes, *READING])),
    ]  # fmt: skip
    return page(*parts, title=f"Round: {title}", version=version)


READING = (
    (
        "The price of a symbol is the middle of its touch, our own quotes included, else its last trade; P&L "
        "values positions at this price."
    ),
    (
        "A markout is how far the price moved in our favour from the fill's price, in ticks a share, 1, 5 "
        "and 30 s later; it is left out where the round ended before."
    ),
    (
        "Spread earned is what fills were better than the price just before them; adverse selection is what "
        "the price did against them in the 30 s after."
    ),
    "Seconds of charts and orders count from the first record, those of fills from the round's open.",
)


class _Axis:
    """Maps time, from the first record to the last, to shares of a chart's width; chooses samples to draw."""

    def __init__(self, data: Row) -> None:
        self.seconds = max(float(data["seconds"]), 1e-9)
        samples = data["samples"]
        step = -(-len(samples) // POINTS_MAX) or 1
        last = len(samples) - 1
        self.samples = [row for at, row in enumerate(samples) if at % step == 0 or at == last]
        self.xs = [self.place(row["s"]) for row in self.samples]
        #: Indices of the samples at which a round begins.
        self.breaks = {
            at for at in range(1, len(self.samples))
            if self.samples[at]["round"] != self.samples[at - 1]["round"]
        }  # fmt: skip
        self.labels = [
            (self.place(value), f"{value:g} s") for value in ticks(0.0, self.seconds, 6) if value >= 0
        ]

    def place(self, seconds: float) -> float:
        """Returns the share of the width at a time in seconds."""
        return min(max(seconds / self.seconds, 0.0), 1.0)


def _count(count: int, noun: str) -> str:
    return f"{count:,} {noun}" + ("" if count == 1 else "s")


def _facts(data: Row, total: float, fair_pnl: float | None) -> Markup:
    orders = data["orders"]
    filled = sum(1 for order in orders if order["filled"])
    shares = sum(fill["size"] for fill in data["fills"])
    items: list[tuple[str, object, object]] = [
        ("P&L", datum(total, number(total, 0, signed=True), key="pnl"), "ticks, at the middle"),
    ]
    if fair_pnl is not None:
        items.append(
            ("Fair P&L", datum(fair_pnl, number(fair_pnl, 0, signed=True), key="fair_pnl"), "at hidden value")
        )
    items += [
        ("Orders", datum(len(orders), f"{len(orders):,}", key="orders"), f"{data['cancels']:,} cancels"),
        ("Fills", datum(len(data["fills"]), f"{len(data['fills']):,}", key="fills"), f"{shares:,} shares"),
        ("Orders with a fill", percent(filled / len(orders) if orders else None), "in part or in full"),
        ("Rejected", f"{sum(data['rejects'].values()):,}", "orders"),
    ]
    return facts(items)


def _look(at: int) -> str:
    return LOOKS[at % len(LOOKS)]


def _pnl(data: Row, axis: _Axis) -> list[object]:
    names = data["strategies"]
    if not axis.samples or not names:
        return [tag("p", "Nothing was traded.")]
    curves = {name: [float(row["pnl"].get(name, 0.0)) for row in axis.samples] for name in names}
    whole = [float(sum(row["pnl"].values())) for row in axis.samples]
    scale = Scale.around([0.0, *whole, *(value for curve in curves.values() for value in curve)])
    chart = Chart(
        "pnl-chart", "P&L by strategy over time",
        f"All together end at {number(whole[-1], 0, signed=True)} ticks.",
        scale, height=300, unit="ticks", labels=axis.labels,
    )  # fmt: skip
    chart.rule(0.0, style="line-zero")
    for at, name in enumerate(names):
        chart.line(axis.xs, list(curves[name]), style=_look(at), breaks=axis.breaks)
    chart.line(axis.xs, list(whole), style="line-all", breaks=axis.breaks)
    chart.readouts(
        axis.xs,
        [
            f"{row['s']:.1f} s: {number(value, 0, signed=True)} ticks"
            for row, value in zip(axis.samples, whole, strict=True)
        ],
    )
    looks = [(swatch("line-all"), "all")] + [(swatch(_look(at)), name) for at, name in enumerate(names)]
    rows = []
    for name in names:
        pnl = sum(result.get(name, 0.0) for result in data["results"].values())
        orders = sum(data["fates"].get(name, {}).values())
        fills = sum(1 for fill in data["fills"] if fill["strategy"] == name)
        rows.append([name, f"{orders:,}", f"{fills:,}", signed(number(pnl, 0, signed=True), pnl)])
    return [
        figure(chart.markup(), caption="Cash and positions at the middle of the touch, from 0 in each round.",
               legend=legend(*looks)),
        table("All rounds together, ticks", ("strategy", "orders", "fills", "P&L"), rows, numbers=(1, 2, 3)),
    ]  # fmt: skip


def _earnings(data: Row) -> list[object]:
    rows = data["earnings"]
    if not rows:
        return [tag("p", "Nothing was filled.")]
    groups = {name: [row for row in rows if row["strategy"] == name] for name in data["strategies"]}
    groups = {name: found for name, found in groups.items() if found}
    bars = [
        (name, what, sum(float(row[key]) for row in found))
        for name, found in groups.items()
        for what, key in (("spread earned", "spread"), ("the 30 s after", "moved"))
    ]
    count = len(groups)
    chart = Chart(
        "earned-chart", "Spread earned and adverse selection by strategy",
        "; ".join(f"{name}, {what}: {number(value, 0, signed=True)} ticks" for name, what, value in bars),
        Scale.around([0.0, *(value for _, _, value in bars)]), height=200, unit="ticks",
        names=[((at + 0.5) / count, name) for at, name in enumerate(groups)] if count <= 3 else (),
    )  # fmt: skip
    edges = [
        ((at // 2 + (0.14, 0.52)[at % 2]) / count, (at // 2 + (0.48, 0.86)[at % 2]) / count)
        for at in range(len(bars))
    ]
    chart.bars(
        edges, [value for _, _, value in bars],
        styles=["bar-total" if at % 2 == 0 else "bar-gain" if bars[at][2] >= 0 else "bar-loss"
                for at in range(len(bars))],
        texts=[f"{name}, {what}: {number(value, 0, signed=True)} ticks" for name, what, value in bars],
    )  # fmt: skip
    chart.rule(0.0, style="line-zero")
    head = ("strategy", "symbol", "fills", "shares", "spread earned", "30 s after",
            *(f"markout {seconds} s" for seconds in data["markout_seconds"]))  # fmt: skip
    body = [
        [
            row["strategy"], row["symbol"], f"{row['fills']:,}", f"{row['shares']:,}",
            signed(number(row["spread"], 0, signed=True), row["spread"]),
            _moved(row),
            *(signed(number(value, 2, signed=True), value) for value in row["markouts"]),
        ]
        for row in rows
    ]  # fmt: skip
    order = ", ".join(groups)
    return [
        figure(chart.markup(), caption=f"Left bar: spread earned; right bar: what the price did for us (up) "
               f"or against us (down) in the 30 s after. From left to right: {order}."),
        table("By strategy and symbol: ticks, and ticks a share for markouts", head, body,
              numbers=tuple(range(2, len(head)))),
    ]  # fmt: skip


def _moved(row: Row) -> Markup:
    """The price change in the 30 s after a fill; unknown if the round ended before any fill was that old."""
    known = None if row["markouts"][-1] is None else row["moved"]
    return signed(number(known, 0, signed=True), known)


def _positions(data: Row, axis: _Axis) -> Markup:
    charts = []
    for symbol in data["symbols"]:
        limit = data["limits"][symbol]
        held = [float(row["positions"][symbol]) for row in axis.samples]
        most = max([float(limit), 1.0, *(abs(value) for value in held)]) * 1.08
        last = held[-1] if held else 0.0
        chart = Chart(
            f"position-{symbol}", f"Position in {symbol}",
            f"Ends at {number(last, 0, signed=True)} of a limit of {limit}.",
            Scale(-most, most), height=84, unit=f"{symbol}, limit {limit}", labels=axis.labels,
            sides=[(0.5 + 0.5 * value / most, number(value, 0)) for value in (-limit, 0, limit)],
        )  # fmt: skip
        for edge in (-limit, limit):
            chart.rule(float(edge), style="line-loss")
        if held:
            xs, ys = _stairs(axis.xs, held)
            chart.line(xs, ys, style="line-curve")
            chart.readouts(
                axis.xs,
                [f"{row['s']:.1f} s: {number(value, 0, signed=True)}"
                 for row, value in zip(axis.samples, held, strict=True)],
                count=100,
            )  # fmt: skip
        charts.append(chart.markup())
    return figure(*charts, caption="Shares held over time; the red lines are the limits.")


def _stairs(xs: Sequence[float], ys: Sequence[float]) -> tuple[list[float], list[float | None]]:
    """A step curve, which keeps a value until the next one."""
    places, values = [xs[0]], [ys[0]]
    for at in range(1, len(xs)):
        if ys[at] != values[-1]:
            places += [xs[at], xs[at]]
            values += [values[-1], ys[at]]
    places.append(xs[-1])
    values.append(values[-1])
    return places, list(values)


def _prices(data: Row, axis: _Axis) -> list[object]:
    traded = {order["symbol"] for order in data["orders"]} | {fill["symbol"] for fill in data["fills"]}
    charts = [_price(data, axis, symbol) for symbol in data["symbols"] if symbol in traded]
    if not charts:
        return [tag("p", "Nothing was ordered.")]
    return [
        figure(
            *charts,
            caption="The touch over time, every order of ours from its sending to its end, and every fill.",
            legend=legend(
                (swatch("fill-touch"), "the touch"), (swatch("line-bid"), "our bids"),
                (swatch("line-offer"), "our offers"), (swatch("dot-bought"), "bought"),
                (swatch("dot-sold"), "sold"),
            ),
        )
    ]  # fmt: skip


def _price(data: Row, axis: _Axis, symbol: str) -> Markup:
    touch = [row["touch"].get(symbol, (0, 0)) for row in axis.samples]
    bids = [float(bid) if bid and ask else None for bid, ask in touch]
    asks = [float(ask) if bid and ask else None for bid, ask in touch]
    orders = [order for order in data["orders"] if order["symbol"] == symbol and not order["converts"]]
    fills = [fill for fill in data["fills"] if fill["symbol"] == symbol]
    seen = [value for value in (*bids, *asks) if value is not None]
    seen += [float(order["price"]) for order in orders] + [float(fill["price"]) for fill in fills]
    chart = Chart(
        f"price-{symbol}", f"{symbol}: the touch, our orders and fills",
        f"{_count(len(orders), 'order')} and {_count(len(fills), 'fill')} of ours.",
        Scale.around(seen), height=240, unit=f"{symbol}, ticks", labels=axis.labels,
    )  # fmt: skip
    chart.band(axis.xs, bids, asks, style="fill-touch", breaks=axis.breaks)
    for direction, style in (("BUY", "line-bid"), ("SELL", "line-offer")):
        chart.strokes(
            [
                (axis.place(order["s"]), axis.place(data["seconds"] if order["end_s"] is None
                                                    else order["end_s"]), float(order["price"]))
                for order in orders if order["dir"] == direction
            ],
            style=style,
        )  # fmt: skip
    for direction, style in (("BUY", "dot-bought"), ("SELL", "dot-sold")):
        chart.strokes(
            [
                (axis.place(fill["s"]), axis.place(fill["s"]), float(fill["price"]))
                for fill in fills if fill["dir"] == direction
            ],
            style=style,
        )  # fmt: skip
    return chart.markup()


def _fates(data: Row) -> list[object]:
    names = [
        name for name in data["fate_names"] if any(row[name] for row in data["fates"].values())
    ]
    if not names:
        return [tag("p", "No order was sent.")]
    head = ("strategy", *names, "all")
    body = [
        [strategy, *(f"{row[name]:,}" for name in names), f"{sum(row.values()):,}"]
        for strategy, row in data["fates"].items()
    ]
    sums = [sum(row[name] for row in data["fates"].values()) for name in names]
    found: list[object] = [
        table("Orders and conversions", head, body, numbers=tuple(range(1, len(head))),
              foot=["all", *(f"{value:,}" for value in sums), f"{sum(sums):,}"]),
    ]  # fmt: skip
    if data["rejects"]:
        rows = [[text, f"{count:,}"] for text, count in data["rejects"].items()]
        found.append(table("Rejects by the exchange's own text", ("text", "orders"), rows, numbers=(1,)))
    return found


def _latency(data: Row, latency_us: Mapping[str, float | None] | None) -> Markup:
    rows = [["from an order to its acknowledgement", *_micros(data["answers_us"])]]
    if latency_us is not None:
        rows.insert(0, ["from bytes read to bytes written", *_micros(latency_us)])
    head = ("", "p50", "p99", "p99.9", "largest")
    return table("Microseconds", head, rows, numbers=(1, 2, 3, 4))


def _micros(row: Mapping[str, float | None]) -> list[str]:
    return [number(row[name], 1) for name in ("p50", "p99", "p999", "max")]


def _fill_rows(data: Row) -> Markup:
    head = ("round", "s", "order", "strategy", "symbol", "dir", "price", "size", "position",
            *(f"{seconds} s" for seconds in data["markout_seconds"]))  # fmt: skip
    rows = (
        (
            fill["round"], f"{fill['time_s']:.3f}", fill["order_id"], fill["strategy"], fill["symbol"],
            fill["dir"], fill["price"], fill["size"], fill["position"],
            *("" if value is None else f"{value:g}" for value in fill["markouts"]),
        )
        for fill in data["fills"]
    )  # fmt: skip
    return _folded("fills", f"{_count(len(data['fills']), 'fill')}, with markouts", head, rows)


def _order_rows(data: Row) -> Markup:
    head = ("round", "s", "order", "strategy", "symbol", "dir", "price", "size", "filled", "fate", "end s")
    rows = (
        (
            order["round"], f"{order['s']:.3f}", order["order_id"], order["strategy"], order["symbol"],
            order["dir"], "convert" if order["converts"] else order["price"], order["size"],
            order["filled"], order["reason"] or order["fate"],
            "" if order["end_s"] is None else f"{order['end_s']:.3f}",
        )
        for order in data["orders"]
    )  # fmt: skip
    return _folded("orders", _count(len(data["orders"]), "order"), head, rows)


def _folded(key: str, summary: str, head: Sequence[str], rows: Any) -> Markup:
    """A long table that the reader can unfold; its HTML is brief because it may have thousands of rows."""
    body = "\n".join(
        "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows
    )
    made = tag(
        "table",
        tag("thead", tag("tr", *(tag("th", name, scope="col") for name in head))),
        tag("tbody", Markup(body)),
        class_="dense", id=f"{key}-table",
    )  # fmt: skip
    scroll = tag("div", made, class_="scroll", tabindex="0", role="region", aria_label=summary)
    return tag("details", tag("summary", summary), scroll)
