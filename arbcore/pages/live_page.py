"""A page that updates by itself: its document, its script and style, and curves of the last minutes.

Owns the frame; the content comes from ``live_carry``, ``live_exchange`` and ``live_serve``. Every part is
rendered as escaped HTML in Python; the script only puts each part into its element.
"""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from arbcore.core.metrics import Family, exposition
from arbcore.pages.chart import Chart
from arbcore.pages.markup import Markup, join, tag
from arbcore.pages.page import page, policy_of, section
from arbcore.pages.scale import Scale
from arbcore.pages.style import SHEET

#: A run is shown as dead after this many seconds without a snapshot.
OLD_S = 5
#: Points kept of a curve; a curve covers this many times ``every_s``.
POINTS_MAX = 600
#: How many levels of each side of a book are shown.
_DEPTH = 3

SCRIPT = """"use strict";
(() => {
  const find = id => document.getElementById(id);
  let heard = Date.now(), age = 0;
  const tellAge = () => {
    const seconds = Math.round(age + (Date.now() - heard) / 1000), old = seconds >= OLD_S;
    const text = old ? "No news from the run for " + seconds + " s: what is shown here is old." : "";
    const link = find("link");
    if (link.textContent !== text) link.textContent = text;
    link.hidden = !old;
    document.body.classList.toggle("old", old);
  };
  const put = (at, html) => {
    const picked = getSelection();
    if (picked && !picked.isCollapsed && at.contains(picked.anchorNode)) return;
    const before = [...at.querySelectorAll(".scroll")];
    const places = before.map(one => [one.scrollLeft, one === document.activeElement]);
    at.innerHTML = html;
    at.querySelectorAll(".scroll").forEach((one, index) => {
      if (!places[index]) return;
      one.scrollLeft = places[index][0];
      if (places[index][1]) one.focus({preventScroll: true});
    });
  };
  const source = new EventSource("events" + location.search);
  source.onmessage = event => {
    const news = JSON.parse(event.data);
    heard = Date.now();
    age = news.age_s;
    for (const id in news.parts) {
      if (id === "title") document.title = news.parts[id];
      else if (find(id)) put(find(id), news.parts[id]);
    }
    tellAge();
  };
  setInterval(tellAge, 1000);
})();
""".replace("OLD_S", str(OLD_S))

#: Styles that distinguish the curves of one chart.
LINE_STYLES = ("line-curve", "line-a", "line-b", "line-c", "line-d", "line-e")

LIVE_SHEET = (
    SHEET
    + """
header.top{padding:26px 0 10px}
#link{background:var(--loss);color:var(--ground);padding:8px 14px;font-weight:600;max-width:none}
.old h1,.old h1 *,.old main>:not(header) *{color:var(--soft)}
.old .ink{opacity:.55}
.headline{font-family:var(--serif);font-size:26px;line-height:1.25;margin:6px 0;max-width:none}
.good{color:var(--gain)}.doubt{color:var(--reverse)}.bad{color:var(--loss)}
.use{display:block;width:100%;min-width:90px;height:10px;margin-top:5px;overflow:visible}
.use .room{fill:var(--faint)}.use .used{fill:var(--curve)}
.use .near{fill:var(--reverse)}.use .full{fill:var(--loss)}
.own{font-weight:600;color:var(--curve)}
main>section{padding:18px 0 14px}
.line-a{stroke:var(--gain)}.line-b{stroke:var(--carry)}.line-c{stroke:var(--reverse)}
.line-d{stroke:var(--loss)}.line-e{stroke:var(--soft)}
.wall td,.wall th{font-size:20px}
@media (max-width:640px){.wall td,.wall th{font-size:15px}}
"""
)


class Trail:
    """The last values of named numbers, at most one per ``every_s``, in bounded memory."""

    def __init__(self, every_s: float) -> None:
        self.every_s = every_s
        self.points: deque[tuple[float, dict[str, float | None]]] = deque(maxlen=POINTS_MAX)

    def add(self, at_s: float, values: Mapping[str, float | None]) -> None:
        """Adds the values at a time. A time too soon is skipped; a time before the last clears the trail."""
        if self.points:
            since_s = at_s - self.points[-1][0]
            if 0.0 <= since_s < self.every_s:
                return
            if since_s < 0.0:
                self.points.clear()
        self.points.append((at_s, dict(values)))
        while at_s - self.points[0][0] > POINTS_MAX * self.every_s:
            self.points.popleft()

    def names(self) -> list[str]:
        """Returns all names that any point has, in order of appearance."""
        return list(dict.fromkeys(name for _, values in self.points for name in values))

    def chart(
        self, names: Sequence[tuple[str, str]], *, key: str, title: str, unit: str,
        rules: Sequence[tuple[float, str]] = (),
    ) -> Markup:  # fmt: skip
        """Draws (name, style) as curves over time, and (value, style) in ``rules`` as horizontal lines.

        Returns "" without two points.
        """
        known = [
            value for _, values in self.points for name, _ in names
            if (value := values.get(name)) is not None
        ]  # fmt: skip
        if len(self.points) < 2 or not known:
            return Markup("")
        first_s, last_s = self.points[0][0], self.points[-1][0]
        span_s = last_s - first_s
        xs = [(at_s - first_s) / span_s for at_s, _ in self.points]
        gaps = {
            at for at in range(1, len(self.points))
            if self.points[at][0] - self.points[at - 1][0] > 10 * self.every_s
        }  # fmt: skip
        low_high = [*known, *(value for value, _ in rules)]
        labels = [(share, f"{_ago((1 - share) * span_s)} ago") for share in (0.0, 0.25, 0.5, 0.75)]
        chart = Chart(
            key=key, title=title, description=f"The last {_ago(span_s)}; now {known[-1]:,.2f} {unit}.",
            y=Scale.around(low_high), height=200, unit=unit, labels=[*labels, (1.0, "now")],
        )  # fmt: skip
        for value, style in rules:
            chart.rule(value, style=style)
        for name, style in names:
            chart.line(xs, [values.get(name) for _, values in self.points], style=style, breaks=gaps)
        return chart.markup()


def _ago(seconds: float) -> str:
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 100 * 60 else f"{seconds / 3600:.1f} h"


#: HTML by the id of the element that it fills; ``title`` is plain text.
Parts = dict[str, str]


class LiveView:
    """Shows the snapshots of one kind of run. Each function receives the newest snapshot."""

    def __init__(
        self,
        sections: Sequence[tuple[str, str]],
        *,
        title: str,
        version: str,
        every_s: float,
        track: Callable[[Mapping[str, Any]], Mapping[str, float | None]],
        parts: Callable[[Mapping[str, Any], Trail], Parts],
        families: Callable[[Mapping[str, Any]], Sequence[Family]],
    ) -> None:
        """``sections`` are (id of a part, heading); ``track`` returns the numbers that curves show."""
        self.policy = policy_of(sheet=LIVE_SHEET, script=SCRIPT, live=True)
        self._sections = sections
        self._title = title
        self._version = version
        self._track = track
        self._make = parts
        self._families = families
        self._trail = Trail(every_s)
        self._snapshot: Mapping[str, Any] = {}
        self._parts: dict[str, str] | None = None

    def take(self, snapshot: Mapping[str, Any]) -> None:
        """Takes the newest snapshot."""
        self._snapshot = snapshot
        self._trail.add(snapshot["running_s"], self._track(snapshot))
        self._parts = None

    def parts(self) -> dict[str, str]:
        """Returns the changing parts by the id of the element that they fill; ``title`` is plain text."""
        if not self._snapshot:
            return {"headline": "Nothing is known yet: the run has no connection, or has just begun."}
        if self._parts is None:
            self._parts = dict(self._make(self._snapshot, self._trail))
        return self._parts

    def metrics(self) -> str:
        """Returns the text of a scrape; empty before the first snapshot."""
        return exposition(self._families(self._snapshot)) if self._snapshot else ""

    def page(self) -> str:
        """Returns the whole document, with the newest snapshot."""
        parts = self.parts()

        def part(name: str) -> Markup:
            return tag("div", Markup(parts.get(name, "")), id=name)

        top = tag(
            "header",
            tag("p", self._title, class_="kicker"),
            tag("h1", part("headline"), aria_live="polite"),
            tag("p", "", id="link", role="status", hidden=True),
            tag("noscript", tag("p", "Without JavaScript this page does not update by itself: reload it.")),
            class_="top",
        )
        rest = [section(f"at-{name}", title, part(name)) for name, title in self._sections]
        return page(
            top, part("facts"), *rest, title=parts.get("title", self._title), version=self._version,
            sheet=LIVE_SHEET, script=SCRIPT, live=True,
        )  # fmt: skip


def usage(used: float | None, limit: float | None) -> Markup:
    """Returns a bar of how much of a limit is used: amber from three quarters on, red beyond the limit."""
    if used is None or not limit:
        return Markup("")
    share = min(1.0, abs(used) / limit)
    style = "full" if abs(used) > limit else "near" if share >= 0.75 else "used"
    return tag(
        "svg",
        tag("rect", x="0", y="0", width="100%", height="10", class_="room"),
        tag("rect", x="0", y="0", width=f"{100 * share:.1f}%", height="10", class_=style),
        class_="use", role="img", aria_label=f"{100 * share:.0f}% used",
    )  # fmt: skip


def levels(side: Sequence[Sequence[int]], own: Mapping[str, int]) -> Markup:
    """Returns the best levels of a side of a book; ``own`` has our own quantity by price."""
    told = []
    for price, size in side[:_DEPTH]:
        ours = own.get(str(price), 0)
        text = f"{size:,} at {price:,}"
        told.append(tag("span", f"{text} ({ours:,})", class_="own") if ours else text)
    return join(told, ", ") if told else Markup("–")


def best(books: Mapping[str, Mapping[str, Sequence[Sequence[int]]]], side: str) -> dict[str, float | None]:
    """Returns the best price of a side by symbol, None if the side is empty."""
    return {name: book[side][0][0] if book[side] else None for name, book in books.items()}


def clock_words(seconds: float | None) -> str:
    """Formats seconds as ``04:31``; empty for None."""
    if seconds is None:
        return ""
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes:02d}:{rest:02d}"
