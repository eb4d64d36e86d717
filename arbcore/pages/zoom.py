"""The script of a results page: a crosshair shared by the charts of a figure, and zoom.

The page shows everything without the script too. The script must not know what a chart shows.
"""

SCRIPT = """"use strict";
(() => {
  const share = text => text && text.endsWith("%") ? parseFloat(text) / 100 : null;
  const across = one => one.getAttribute("x1") === "0" && one.getAttribute("x2") === "100%";
  for (const figure of document.querySelectorAll("figure")) {
    const charts = [...figure.querySelectorAll("svg.chart")].filter(one => one.querySelector(".hover"));
    if (!charts.length) continue;
    let low = 0, high = 1, from = null, at = 0.5;
    const parts = charts.map(chart => {
      const ink = chart.querySelector("svg.ink"), moved = [];
      for (const one of chart.querySelectorAll(".grid *, .over *, .hover rect, .hover line")) {
        if (one.tagName === "line") {
          if (across(one)) continue;
          moved.push([one, share(one.getAttribute("x1")), share(one.getAttribute("x2")), "x1", "x2"]);
        } else {
          const x = share(one.getAttribute("x"));
          if (x === null || one.tagName === "title") continue;
          const wide = one.tagName === "rect" ? share(one.getAttribute("width")) : null;
          moved.push([one, x, wide === null ? x : x + wide, "x", wide === null ? "" : "width"]);
        }
      }
      const places = [...chart.querySelectorAll(".hover g")].map(one => {
        const line = one.querySelector("line");
        return [one, share(line.getAttribute("x1")) ?? 0];
      });
      return {chart, ink, moved, places};
    });
    const box = document.createElement("p");
    box.className = "note zoom";
    const all = document.createElement("button");
    all.type = "button";
    all.textContent = "Show all";
    all.hidden = true;
    box.append("Drag over a chart to zoom, or + and \\u2212; arrows move the crosshair. ", all);
    figure.append(box);
    const percent = value => (100 * value).toFixed(4) + "%";
    const draw = () => {
      const wide = high - low, zoomed = wide < 1;
      for (const {chart, ink, moved} of parts) {
        ink.setAttribute("viewBox", `${10000 * low} 0 ${10000 * wide} 2000`);
        chart.classList.toggle("zoomed", zoomed);
        for (const [one, left, right, start, end] of moved) {
          const a = (left - low) / wide, b = (right - low) / wide;
          one.classList.toggle("away", b < 0 || a > 1);
          const first = Math.max(0, Math.min(1, a)), last = Math.max(0, Math.min(1, b));
          one.setAttribute(start, percent(first));
          if (end === "x2") one.setAttribute(end, percent(last));
          else if (end) one.setAttribute(end, percent(last - first));
        }
      }
      all.hidden = !zoomed;
    };
    const zoom = (a, b) => {
      const wide = Math.max(0.002, Math.min(1, b - a));
      low = Math.max(0, Math.min(1 - wide, a));
      high = low + wide;
      draw();
    };
    const point = value => {
      at = Math.max(low, Math.min(high, value));
      for (const {places} of parts) {
        let best = null, least = 2;
        for (const [one, x] of places) {
          one.classList.remove("on");
          if (Math.abs(x - at) < least) { least = Math.abs(x - at); best = one; }
        }
        if (best) best.classList.add("on");
      }
    };
    const placeOf = event => {
      const edge = event.currentTarget.getBoundingClientRect();
      const seen = Math.max(0, Math.min(1, (event.clientX - edge.left) / edge.width));
      return low + seen * (high - low);
    };
    for (const {chart, places} of parts) {
      chart.setAttribute("tabindex", "0");
      chart.classList.add("live");
      chart.addEventListener("pointermove", event => point(placeOf(event)));
      chart.addEventListener("pointerleave", () => {
        for (const part of parts) for (const [one] of part.places) one.classList.remove("on");
      });
      chart.addEventListener("pointerdown", event => {
        if (event.button) return;
        from = placeOf(event);
        chart.setPointerCapture(event.pointerId);
      });
      chart.addEventListener("pointerup", event => {
        if (from === null) return;
        const to = placeOf(event), first = from;
        from = null;
        if (Math.abs(to - first) > 0.01 * (high - low)) zoom(Math.min(first, to), Math.max(first, to));
      });
      chart.addEventListener("dblclick", () => zoom(0, 1));
      chart.addEventListener("keydown", event => {
        const wide = high - low, step = wide / Math.min(100, places.length || 1);
        if (event.key === "+" || event.key === "=") zoom(at - wide / 4, at + wide / 4);
        else if (event.key === "-") zoom(at - wide, at + wide);
        else if (event.key === "Escape" || event.key === "0") zoom(0, 1);
        else if (event.key === "ArrowLeft") point(at - step);
        else if (event.key === "ArrowRight") point(at + step);
        else return;
        event.preventDefault();
      });
    }
    all.addEventListener("click", () => zoom(0, 1));
  }
})();
"""
