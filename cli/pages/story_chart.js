// SPDX-License-Identifier: BSD-2-Clause
// The chart of step 10 of the page of `decoct story`: probabilities over the layers, as lines in an SVG that is drawn
// in the size that it has, so that its text never shrinks. A table in the page has its numbers.
"use strict";
const DASHES = ["", "8 4", "2 4", "10 3 2 3", "14 5", "5 3"];
function riseChart(box, series, label, chosen) {
  const NS = "http://www.w3.org/2000/svg", count = series[0].p.length;
  const put = (parent, tag, attributes, text) => {
    const e = parent.appendChild(document.createElementNS(NS, tag));
    for (const [key, value] of Object.entries(attributes)) e.setAttribute(key, value);
    if (text !== undefined) e.textContent = text;
    return e;
  };
  // Labels at the right end, moved apart; a line that has sunk by then has its label at its peak.
  function labels(svg, X, Y, right) {
    const ends = [], peaks = [];
    for (const s of series) {
      const end = s.p[count - 1], peak = Math.max(...s.p);
      if (end >= peak / 4 || end > 0.1) ends.push({ s, y: Y(end) });
      else peaks.push({ s, at: s.p.indexOf(peak), peak });
    }
    ends.sort((a, b) => a.y - b.y);
    for (let i = 1; i < ends.length; i++) ends[i].y = Math.max(ends[i].y, ends[i - 1].y + 17);
    for (const { s, y } of ends)
      put(svg, "text", { x: right + 10, y: y + 4, class: "line-name", style: "fill:" + s.colour }, s.text);
    const taken = [];
    for (const { s, at, peak } of peaks.sort((a, b) => a.at - b.at)) {
      const width = 8.5 * s.text.length, from = at === 0 ? X(0) : X(at) - width / 2;
      let y = Y(peak) - 9;
      while (taken.some(t => from < t.to && from + width > t.from && Math.abs(t.y - y) < 15)) y -= 15;
      taken.push({ from, to: from + width, y });
      put(svg, "text", { x: from, y, class: "line-name", style: "fill:" + s.colour }, s.text);
    }
  }
  function draw() {
    const width = Math.max(280, box.clientWidth), height = width < 520 ? 250 : 330;
    const longest = Math.max(...series.map(s => s.text.length));
    const left = 46, right = width - Math.min(150, 9 * longest + 22), top = 26, bottom = height - 44;
    const X = l => left + (right - left) * (count > 1 ? l / (count - 1) : 0), Y = p => bottom - (bottom - top) * p;
    const svg = document.createElementNS(NS, "svg");
    for (const [key, value] of Object.entries({ width, height, viewBox: "0 0 " + width + " " + height, role: "img",
      "aria-label": label })) svg.setAttribute(key, value);
    for (const p of [0, 0.25, 0.5, 0.75, 1]) {
      put(svg, "line", { x1: left, x2: right, y1: Y(p), y2: Y(p), class: p ? "grid" : "axis" });
      put(svg, "text", { x: left - 8, y: Y(p) + 4, class: "tick", "text-anchor": "end" }, p * 100 + " %");
    }
    const every = Math.ceil(count / ((right - left) / 30));
    for (let l = 0; l < count; l += every)
      put(svg, "text", { x: X(l), y: bottom + 18, class: "tick", "text-anchor": "middle" }, l === 0 ? "start" : l);
    put(svg, "text", { x: (left + right) / 2, y: height - 6, class: "tick", "text-anchor": "middle" }, "after layer");
    put(svg, "line", { x1: X(chosen()), x2: X(chosen()), y1: top, y2: bottom, class: "chosen" });
    for (const s of [...series].reverse()) {
      put(svg, "polyline", { points: s.p.map((p, l) => X(l) + "," + Y(p)).join(" "), class: "line" + (s === series[0] ? " first" : ""),
        style: "stroke:" + s.colour, "stroke-dasharray": s.dash });
      s.p.forEach((p, l) => put(svg, "circle", { cx: X(l), cy: Y(p), r: s === series[0] ? 4 : 2.5, style: "fill:" + s.colour }));
    }
    labels(svg, X, Y, right);
    box.replaceChildren(svg);
  }
  let drawn = 0;
  new ResizeObserver(() => {
    if (Math.abs(box.clientWidth - drawn) < 2) return;
    drawn = box.clientWidth;
    draw();
  }).observe(box);
  view(["layer"], draw);
}
