"""Charts as inline SVG that fill any width: lines, envelopes, bars, marks and heat maps, with their axes.

Curves are in an inner drawing that is stretched to the width. Text and marks are outside it, placed in shares
of the width, so type has the same size on a phone and on paper. Every chart has a title and a description for
screen readers. Colours are classes of the page's style; a chart must not know what it shows.
"""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

from arbcore.pages.markup import Markup, tag
from arbcore.pages.scale import EDGE, Scale

# Units of the inner drawing: fine enough for every pixel of a wide screen.
_WIDE, _HIGH = 10_000, 2_000
#: More names than this do not fit side by side on a phone.
_NAMES_MAX = 12
#: If there are more marks of one kind, they are drawn as strokes at the edge.
_MARKS_MAX = 300
_SYMBOLS = {
    "down": "M-4.5,-8 L4.5,-8 L0,0 Z",
    "up": "M-4.5,8 L4.5,8 L0,0 Z",
    "cross": "M-3.5,-3.5 L3.5,3.5 M-3.5,3.5 L3.5,-3.5",
    "ring": "M-3,0 a3,3 0 1,0 6,0 a3,3 0 1,0 -6,0 Z",
}

Values = Sequence[float | None]


@dataclass
class Chart:
    """One chart; ``key`` makes the ids of its elements unique on the page.

    ``labels`` are (share, text) along the bottom, each with a grid line; ``names`` are the same without grid
    lines. ``whole`` allows only whole numbers at the side; ``sides`` are (share, text) in place of numbers.
    """

    key: str
    title: str
    description: str
    y: Scale
    height: int = 240
    unit: str = ""
    whole: bool = False
    sides: Sequence[tuple[float, str]] | None = None
    labels: Sequence[tuple[float, str]] = ()
    names: Sequence[tuple[float, str]] = ()
    _ink: list[Markup] = field(default_factory=list)
    _over: list[Markup] = field(default_factory=list)
    _hover: list[Markup] = field(default_factory=list)

    def band(
        self,
        xs: Sequence[float],
        lows: Values,
        highs: Values,
        *,
        style: str,
        breaks: AbstractSet[int] = frozenset(),
    ) -> None:
        """Adds the area between two curves; ``xs`` are shares of the width."""
        for piece in _pieces(lows, highs, breaks):
            top = [(xs[at], self.y(highs[at] or 0.0)) for at in piece]
            bottom = [(xs[at], self.y(lows[at] or 0.0)) for at in reversed(piece)]
            self._ink.append(tag("path", d=Markup(_path([*top, *bottom]) + "Z"), class_=style))

    def line(
        self, xs: Sequence[float], ys: Values, *, style: str, breaks: AbstractSet[int] = frozenset()
    ) -> None:
        """Adds a curve. It is interrupted at None and before every index in ``breaks``."""
        for piece in _pieces(ys, ys, breaks):
            points = [(xs[at], self.y(ys[at] or 0.0)) for at in piece]
            # A single point is a stroke of length 0, which the round caps show as a dot.
            self._ink.append(tag("path", d=_path(points if len(points) > 1 else points * 2), class_=style))

    def strokes(self, pieces: Sequence[tuple[float, float, float]], *, style: str) -> None:
        """Adds horizontal strokes (from, to, value) as one path; a stroke of length 0 is a dot."""
        if pieces:
            found = []
            for left, right, value in pieces:
                start, end = round(left * _WIDE), round(right * _WIDE)
                found.append(f"M{start},{round((1 - self.y(value)) * _HIGH)}h{end - start}")
            self._ink.append(tag("path", d=Markup("".join(found)), class_=style))

    def rule(self, value: float, *, style: str) -> None:
        """Adds a horizontal line across the chart."""
        height = _percent(1 - self.y(value))
        self._over.append(tag("line", x1="0", x2="100%", y1=height, y2=height, class_=style))

    def marks(self, points: Sequence[tuple[float, float]], *, symbol: str, style: str) -> None:
        """Adds a symbol at each (share, value); if there are too many to distinguish, strokes at the edge."""
        if len(points) > _MARKS_MAX:
            top, bottom = (0, 7) if symbol == "down" else (self.height - 7, self.height)
            if symbol == "ring":
                top, bottom = self.height - 16, self.height - 9
            strokes = {round(x, 3) for x, _ in points}
            self._over += [
                tag("line", x1=_percent(x), x2=_percent(x), y1=top, y2=bottom, class_=f"rug {style}")
                for x in sorted(strokes)
            ]
            return
        self._over += [
            tag("use", href=f"#{self.key}-{symbol}", x=_percent(x), y=f"{self._y(value):.1f}", class_=style)
            for x, value in points
        ]

    def bars(self, edges: Sequence[tuple[float, float]], values: Sequence[float], *, styles: Sequence[str],
             texts: Sequence[str]) -> None:  # fmt: skip
        """Adds bars from 0; ``edges`` are their left and right ends, ``texts`` their tooltips."""
        self.spans(edges, [(0.0, value) for value in values], styles=styles, texts=texts)

    def spans(self, edges: Sequence[tuple[float, float]], reaches: Sequence[tuple[float, float]], *,
              styles: Sequence[str], texts: Sequence[str], written: Sequence[str] = ()) -> None:  # fmt: skip
        """Adds bars from one value to another; ``written`` is the text above each."""
        for at, ((left, right), (low, high)) in enumerate(zip(edges, reaches, strict=True)):
            top, bottom = sorted((self._y(low), self._y(high)))
            self._over.append(
                tag(
                    "rect", tag("title", texts[at]), x=_percent(left), width=_percent(max(0.0, right - left)),
                    y=f"{top:.2f}", height=f"{max(0.75 if low != high else 0.0, bottom - top):.2f}",
                    class_=styles[at],
                )
            )  # fmt: skip
            if written:
                middle = _percent((left + right) / 2)
                words = tag("text", written[at], x=middle, y=f"{top - 5:.1f}", text_anchor="middle")
                self._over.append(words)

    def readouts(self, xs: Sequence[float], texts: Sequence[str], *, count: int = 200) -> None:
        """Adds texts that appear above the chart at the pointer, for up to ``count`` evenly chosen places."""
        chosen = sorted({round(at * (len(xs) - 1) / max(1, count - 1)) for at in range(count)}) if xs else []
        for place, at in enumerate(chosen):
            left = (xs[chosen[place - 1]] + xs[at]) / 2 if place else 0.0
            right = (xs[chosen[place + 1]] + xs[at]) / 2 if place + 1 < len(chosen) else 1.0
            self._hover.append(
                tag(
                    "g",
                    tag("rect", x=_percent(left), width=_percent(right - left), y="0", height="100%"),
                    tag("line", x1=_percent(xs[at]), x2=_percent(xs[at]), y1="0", y2="100%"),
                    tag("text", texts[at], x="100%", y="-8", text_anchor="end"),
                )
            )

    def markup(self) -> Markup:
        """Returns the chart as an SVG element."""
        title, description = f"{self.key}-t", f"{self.key}-d"
        symbols = [tag("path", d=path, id=f"{self.key}-{name}") for name, path in _SYMBOLS.items()]
        return tag(
            "svg",
            tag("title", self.title, id=title),
            tag("desc", self.description, id=description),
            tag("defs", *symbols),
            self._grid(),
            tag(
                "svg", *self._ink, viewBox=f"0 0 {_WIDE} {_HIGH}", preserveAspectRatio="none", width="100%",
                height=self.height, class_="ink",
            ),
            tag("g", *self._over, class_="over"),
            tag("g", *self._hover, class_="hover", aria_hidden="true") if self._hover else "",
            class_="chart", role="img", aria_labelledby=f"{title} {description}", width="100%",
            height=self.height,
        )  # fmt: skip

    def _grid(self) -> Markup:
        parts: list[Markup] = []
        numbers = self.y.labels(max(2, self.height // 48), whole=self.whole)
        for share, text in numbers if self.sides is None else self.sides:
            height = _percent(1 - share)
            parts.append(tag("line", x1="0", x2="100%", y1=height, y2=height))
            parts.append(tag("text", text, x="-8", y=height, dy="0.32em", text_anchor="end"))
        for at, (share, text) in enumerate(self.labels):
            anchor = "start" if share < EDGE else "end" if share > 1 - EDGE else "middle"
            # A narrow screen leaves out every second label.
            wide = "wide" if at % 2 else None
            place = _percent(share)
            parts.append(tag("line", x1=place, x2=place, y1="0", y2="100%", class_="faint"))
            if text:
                parts.append(tag("text", text, x=place, y=self.height + 18, text_anchor=anchor, class_=wide))
        many = len(self.names) > _NAMES_MAX
        for at, (share, text) in enumerate(self.names):
            # If there are many names, a narrow screen shows every third.
            wide = "wide" if many and at % 3 else None
            spot = {"x": _percent(share), "y": self.height + 18, "text_anchor": "middle", "class_": wide}
            parts.append(tag("text", text, **spot))
        if self.unit:
            parts.append(tag("text", self.unit, x="0", y="-8", class_="unit"))
        return tag("g", *parts, class_="grid")

    def _y(self, value: float) -> float:
        return (1 - self.y(value)) * self.height


def heat_map(
    values: Sequence[Values],
    *,
    key: str,
    title: str,
    description: str,
    down: str,
    across: str,
    rows: Sequence[str],
    columns: Sequence[str],
    texts: Sequence[Sequence[str]],
    outlined: Sequence[tuple[int, int, str]] = (),
    counts: bool = False,
) -> Markup:
    """Returns a heat map: ``values[row][column]`` by sign, each sign on a scale from 0 to its largest value.

    Cells have the class ``gain``, ``loss``, ``zero`` or, for None, ``idle``. With ``counts`` the values are
    counts instead of gains, and cells have the class ``rows``. ``down`` and ``across`` name the axes;
    ``rows`` and ``columns`` are their values. ``texts`` has each cell's tooltip; ``outlined`` has
    (row, column, style) of the cells with a frame.
    """
    high = max(14, min(30, 480 // max(1, len(rows))))
    wide = 1.0 / max(1, len(columns))
    known = [value for row in values for value in row if value is not None]
    largest = {"gain": max(known, default=0.0), "loss": -min(known, default=0.0)}
    parts = []
    for at, row in enumerate(values):
        for column, value in enumerate(row):
            style = cell_class(value)
            strength = None
            if value is not None and style in largest:
                strength = f"{0.08 + 0.92 * abs(value) / largest[style]:.3f}"
                style = "rows" if counts else style
            parts.append(
                tag(
                    "rect", tag("title", texts[at][column]), x=_percent(column * wide), y=at * high,
                    width=_percent(wide), height=high, class_=style, fill_opacity=strength,
                )
            )  # fmt: skip
    for at, column, style in outlined:
        place = {"x": _percent(column * wide), "y": at * high, "width": _percent(wide), "height": high}
        parts.append(tag("rect", **place, class_=style))
    every_row, every_column = -(-len(rows) * 14 // 480) or 1, -(-len(columns) // 12)
    foot = len(rows) * high
    words = [
        tag("text", text, x="-8", y=at * high + high / 2, dy="0.32em", text_anchor="end")
        for at, text in enumerate(rows)
        if at % every_row == 0
    ] + [
        tag(
            "text", text, x=_percent((at + 0.5) * wide), y=foot + 18, text_anchor="middle",
            class_="wide" if (at // every_column) % 2 else None,
        )
        for at, text in enumerate(columns)
        if at % every_column == 0
    ]
    words.append(tag("text", f"{down} \N{DOWNWARDS ARROW}", x="0", y="-8", class_="unit"))
    words.append(
        tag("text", f"{across} \N{RIGHTWARDS ARROW}", x="100%", y=foot + 36, text_anchor="end", class_="unit")
    )
    return tag(
        "svg", tag("title", title, id=f"{key}-t"), tag("desc", description, id=f"{key}-d"),
        tag("g", *words, class_="grid"), tag("g", *parts, class_="heat"), class_="chart", role="img",
        aria_labelledby=f"{key}-t {key}-d", width="100%", height=foot + 18,
    )  # fmt: skip


def cell_class(value: float | None) -> str:
    """Returns the class of a cell of a heat map: ``gain``, ``loss``, ``zero``, or ``idle`` for None."""
    if value is None:
        return "idle"
    return "gain" if value > 0.0 else "loss" if value < 0.0 else "zero"


def swatch(style: str, *, symbol: str | None = None) -> Markup:
    """Returns the small sample of a style or a symbol that a legend shows."""
    shape = (
        tag("path", d=_SYMBOLS[symbol], transform={"down": "translate(9 10)", "up": "translate(9 2)"}.get(
            symbol, "translate(9 6)"), class_=style)
        if symbol is not None
        else tag("rect", x="0", y="1", width="18", height="10", class_=style)
        if style.startswith("fill")
        else tag("line", x1="0", x2="18", y1="6", y2="6", class_=style)
    )  # fmt: skip
    return tag("svg", shape, width="18", height="12", class_="swatch", aria_hidden="true")


def legend(*items: tuple[Markup, str]) -> Markup:
    """Returns a legend from pairs (swatch, meaning)."""
    return tag("ul", *(tag("li", picture, " ", text) for picture, text in items), class_="legend")


def _pieces(lows: Values, highs: Values, breaks: AbstractSet[int]) -> list[list[int]]:
    """Runs of indices at which both values are present, split before every break."""
    pieces: list[list[int]] = []
    going = False
    for at, (low, high) in enumerate(zip(lows, highs, strict=True)):
        if low is None or high is None:
            going = False
            continue
        if not going or at in breaks:
            pieces.append([])
        pieces[-1].append(at)
        going = True
    return pieces


def _path(points: Sequence[tuple[float, float]]) -> Markup:
    return Markup("M" + "L".join(f"{round(x * _WIDE)},{round((1 - y) * _HIGH)}" for x, y in points))


def _percent(share: float) -> str:
    return f"{100 * share:.4f}".rstrip("0").rstrip(".") + "%"
