// SPDX-License-Identifier: BSD-2-Clause
// Charts: uPlot lays out scales, axes and grid; guides, bands, lines and marks are drawn here, so
// that all look alike. A mark can be pointed at, or reached with the arrow keys; then the tip
// describes it.
//
// chart(box, build): build() returns what to draw, and is called again for another width or scheme:
//   {label, height, x: axis, y: axis, lines: [{colour, dash, x, y, low, high}],
//    marks: [{x, y, low, high, colour, shape, hollow, lines: [heading, ...], label, rank}],
//    guides: [{from: [x, y], to: [x, y], colour, dash, text, end}], drawn(how many labels)}
//   label: drawn beside the mark where there is room, those of the smallest rank first.
//   axis: {log (its base, or nothing), label, min, max, splits, format}
"use strict";
const SHAPES = ["circle", "square", "triangle", "diamond", "cross", "down", "plus", "ring"];
const DASHES = [[], [7, 4], [2, 3], [9, 3, 2, 3], [12, 4], [4, 2], [1, 2], [6, 2, 2, 2]];

function drawShape(c, shape, x, y, r, hollow) {
  c.beginPath();
  if (shape === "square") c.rect(x - r * 0.88, y - r * 0.88, r * 1.76, r * 1.76);
  else if (shape === "triangle" || shape === "down") {
    const s = shape === "down" ? -1 : 1;
    c.moveTo(x, y - 1.15 * r * s);
    c.lineTo(x + 1.1 * r, y + 0.8 * r * s);
    c.lineTo(x - 1.1 * r, y + 0.8 * r * s);
    c.closePath();
  } else if (shape === "diamond") {
    c.moveTo(x, y - 1.25 * r);
    c.lineTo(x + 1.1 * r, y);
    c.lineTo(x, y + 1.25 * r);
    c.lineTo(x - 1.1 * r, y);
    c.closePath();
  } else if (shape === "cross" || shape === "plus") {
    const d = shape === "cross" ? r * 0.85 : 0,
      e = shape === "cross" ? r * 0.85 : r * 1.15;
    c.moveTo(x - e, y - d);
    c.lineTo(x + e, y + d);
    c.moveTo(x + (d ? e : 0), y - e);
    c.lineTo(x - (d ? e : 0), y + e);
    c.lineWidth = r * 0.6;
    c.stroke();
    return;
  } else c.arc(x, y, r, 0, 2 * Math.PI);
  if (hollow || shape === "ring") {
    c.lineWidth = r * 0.5;
    c.stroke();
  } else c.fill();
}

// How a series looks beside its name: its dash and its mark, as in the charts.
function swatch(look) {
  const canvas = make("canvas", "swatch"),
    scale = devicePixelRatio || 1;
  canvas.width = 30 * scale;
  canvas.height = 12 * scale;
  canvas.setAttribute("aria-hidden", "true");
  const paint = () => {
    if (!canvas.isConnected && canvas.painted) return;
    canvas.painted = true;
    const c = canvas.getContext("2d");
    c.setTransform(scale, 0, 0, scale, 0, 0);
    c.clearRect(0, 0, 30, 12);
    c.strokeStyle = c.fillStyle = colour(look.colour);
    c.lineWidth = 2;
    c.setLineDash(look.dash);
    c.beginPath();
    c.moveTo(1, 6);
    c.lineTo(29, 6);
    c.stroke();
    c.setLineDash([]);
    drawShape(c, look.shape, 15, 6, 4, false);
  };
  paint();
  return { canvas, paint };
}

const range = axis =>
  axis.log ? [axis.min, axis.max] : [axis.min, axis.max > axis.min ? axis.max : axis.min + 1];

// 1, 2 and 5 in each decade, thinned where there are many; for base 2 the powers.
function logSplits(axis) {
  const list = [];
  const decades = Math.log10(axis.max / axis.min);
  if (axis.log === 2) {
    for (let e = Math.ceil(Math.log2(axis.min)); 2 ** e <= axis.max; e++) list.push(2 ** e);
    return list;
  }
  const steps = decades < 1.2 ? [1, 1.5, 2, 3, 4, 5, 7] : decades < 3.5 ? [1, 2, 5] : [1];
  for (let e = Math.floor(Math.log10(axis.min)); 10 ** e <= axis.max; e++)
    for (const s of steps) {
      const v = s * 10 ** e;
      if (v >= axis.min && v <= axis.max) list.push(v);
    }
  return list;
}

function uplotAxis(axis, side) {
  const format = axis.format || brief;
  const all = axis.splits || (axis.log ? logSplits(axis) : null);
  return {
    side,
    label: axis.label,
    labelSize: side === 2 ? 18 : 22,
    labelGap: 2,
    gap: 6,
    size: side === 2 ? 28 : 56,
    font: "12px " + colour("--sans"),
    labelFont: "12px " + colour("--sans"),
    stroke: colour("--soft"),
    grid: { stroke: colour("--line"), width: 1 },
    ticks: { show: false },
    border: { show: side === 2, stroke: colour("--rest"), width: 1 },
    splits: all && (() => all),
    filter: (u, splits) => splits,
    values: (u, splits) => {
      if (!all) return splits.map(format);
      // If labels would touch, only some are written.
      const [min, max] = range(axis),
        place = v => u.valToPos(v, side === 2 ? "x" : "y");
      let last = -Infinity;
      const room = side === 2 ? 40 : 18;
      return splits.map(v => {
        if (v < min || v > max || Math.abs(place(v) - last) < room) return null;
        last = place(v);
        return format(v);
      });
    }
  };
}

// Where the text of a guide is, as an upright box around it.
function guideBox(x, y, angle, from, wide, scale) {
  const corners = [from, from + wide].flatMap(along => [-1, -14].map(up => [
    x + along * Math.cos(angle) - up * scale * Math.sin(angle),
    y + along * Math.sin(angle) + up * scale * Math.cos(angle)
  ]));
  const [xs, ys] = [0, 1].map(k => corners.map(corner => corner[k]));
  return { left: Math.min(...xs), right: Math.max(...xs), top: Math.min(...ys), bottom: Math.max(...ys) };
}
function drawAll(u, what) {
  const c = u.ctx,
    scale = devicePixelRatio || 1;
  const X = v => u.valToPos(v, "x", true),
    Y = v => u.valToPos(v, "y", true);
  c.save();
  c.beginPath();
  c.rect(
    u.bbox.left - 8 * scale,
    u.bbox.top - 8 * scale,
    u.bbox.width + 16 * scale,
    u.bbox.height + 16 * scale
  );
  c.clip();
  c.lineJoin = "round";
  for (const line of what.lines || []) {
    c.fillStyle = colour(line.colour);
    c.globalAlpha = 0.16;
    let from = 0;
    const ok = i => line.low && line.low[i] !== null && line.high[i] !== null && line.y[i] !== null;
    while (from < line.x.length) {
      // a band for each run of values
      while (from < line.x.length && !ok(from)) from++;
      let to = from;
      while (to < line.x.length && ok(to)) to++;
      if (to > from) {
        c.beginPath();
        for (let i = from; i < to; i++) c.lineTo(X(line.x[i]), Y(line.high[i]));
        for (let i = to - 1; i >= from; i--) c.lineTo(X(line.x[i]), Y(line.low[i]));
        c.closePath();
        c.fill();
      }
      from = to;
    }
    c.globalAlpha = 1;
    c.strokeStyle = colour(line.colour);
    c.lineWidth = 2 * scale;
    c.setLineDash((line.dash || []).map(d => d * scale));
    c.beginPath();
    line.x.forEach((x, i) => {
      if (line.y[i] !== null) c.lineTo(X(x), Y(line.y[i]));
    });
    c.stroke();
  }
  c.font = 12 * scale + "px " + colour("--sans");
  const taken = [];
  for (const g of what.guides || []) {
    c.strokeStyle = c.fillStyle = colour(g.colour);
    c.lineWidth = 1.5 * scale;
    c.setLineDash((g.dash || []).map(d => d * scale));
    c.beginPath();
    c.moveTo(X(g.from[0]), Y(g.from[1]));
    c.lineTo(X(g.to[0]), Y(g.to[1]));
    c.stroke();
    if (!g.text) continue;
    // The text runs along the guide, near its end or its beginning.
    const dx = X(g.to[0]) - X(g.from[0]),
      dy = Y(g.to[1]) - Y(g.from[1]);
    const long = Math.hypot(dx, dy),
      wide = c.measureText(g.text).width;
    if (long < wide + 12 * scale) continue;
    const at = g.end ? long - 6 * scale : 6 * scale;
    const px = X(g.from[0]) + (dx / long) * at,
      py = Y(g.from[1]) + (dy / long) * at;
    if (taken.some(t => Math.abs(t[0] - px) < wide && Math.abs(t[1] - py) < 12 * scale)) continue;
    taken.push([px, py, guideBox(px, py, Math.atan2(dy, dx), g.end ? -wide : 0, wide, scale)]);
    c.save();
    c.translate(px, py);
    c.rotate(Math.atan2(dy, dx));
    c.setLineDash([]);
    c.textAlign = g.end ? "right" : "left";
    c.lineWidth = 4 * scale;
    c.strokeStyle = colour("--card");
    c.strokeText(g.text, 0, -7 * scale);
    c.fillText(g.text, 0, -7 * scale);
    c.restore();
  }
  c.setLineDash([]);
  for (const m of what.marks || []) {
    c.fillStyle = c.strokeStyle = colour(m.colour);
    c.globalAlpha = m.faint ? 0.65 : 1;
    if (m.low !== undefined && m.low !== null && m.bar) {
      c.lineWidth = 1.5 * scale;
      c.beginPath();
      c.moveTo(X(m.x), Y(m.low));
      c.lineTo(X(m.x), Y(m.high));
      c.stroke();
    }
    drawShape(c, m.shape, X(m.x), Y(m.y), (m.size || 4) * scale, m.hollow);
  }
  c.globalAlpha = 1;
  what.placed = placeLabels(u, what.marks || [], taken.map(t => t[2]));
  c.restore();
}

const touch = (a, b) => a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
// Writes the labels of marks where they touch no other one, no mark and no text of a guide, and stay
// inside; those without such a place are left out. What was written: [{text, left, top, right, bottom}].
function placeLabels(u, marks, others) {
  const c = u.ctx,
    scale = devicePixelRatio || 1,
    high = 13 * scale,
    away = 7 * scale;
  const room = { left: u.bbox.left, top: u.bbox.top, right: u.bbox.left + u.bbox.width, bottom: u.bbox.top + u.bbox.height };
  const dots = marks.map(m => {
    const x = u.valToPos(m.x, "x", true),
      y = u.valToPos(m.y, "y", true),
      r = (m.size || 4) * scale;
    return { left: x - r, top: y - r, right: x + r, bottom: y + r, x, y };
  });
  const placed = [];
  c.font = 11 * scale + "px " + colour("--sans");
  c.textAlign = "left";
  c.textBaseline = "middle";
  const byRank = marks.map((m, i) => i).filter(i => marks[i].label).sort((a, b) => marks[a].rank - marks[b].rank || a - b);
  for (const i of byRank) {
    const wide = c.measureText(marks[i].label).width,
      { x, y } = dots[i];
    const box = (left, middle) => ({ text: marks[i].label, left, top: middle - high / 2, right: left + wide, bottom: middle + high / 2 });
    const found = [[away, 0], [-away - wide, 0], [-wide / 2, -high], [-wide / 2, high], [away, -high * 0.7], [away, high * 0.7],
      [-away - wide, -high * 0.7], [-away - wide, high * 0.7]]
      .map(([right, down]) => box(x + right, y + down))
      .find(b => b.left >= room.left && b.right <= room.right && b.top >= room.top && b.bottom <= room.bottom &&
        ![...placed, ...others, ...dots].some(o => touch(b, o)));
    if (!found) continue;
    placed.push(found);
    c.lineWidth = 3 * scale;
    c.strokeStyle = colour("--card");
    c.strokeText(found.text, found.left, (found.top + found.bottom) / 2);
    c.fillStyle = colour(marks[i].colour);
    c.fillText(found.text, found.left, (found.top + found.bottom) / 2);
  }
  return placed;
}

function chart(box, build) {
  const frame = box.appendChild(make("div", "chart"));
  const ring = make("div", "ring");
  frame.tabIndex = 0;
  frame.setAttribute("role", "img");
  let plot = null,
    what = null,
    width = 0,
    current = -1;

  function point(i) {
    current = i;
    const m = what.marks[i],
      over = plot.over.getBoundingClientRect();
    const x = plot.valToPos(m.x, "x"),
      y = plot.valToPos(m.y, "y");
    ring.style.transform = "translate(" + x + "px," + y + "px)";
    ring.hidden = false;
    showTip(over.left + x, over.top + y, m.lines);
  }
  function leave() {
    current = -1;
    ring.hidden = true;
    hideTip();
  }
  function paint() {
    const next = Math.floor(
      document.documentElement.hasAttribute("data-print")
        ? Math.min(frame.clientWidth || 640, 640)
        : frame.clientWidth
    );
    if (next < 40) return;
    width = next;
    what = build();
    if (plot) plot.destroy();
    plot = null;
    frame.querySelectorAll(".none").forEach(e => e.remove());
    frame.setAttribute("aria-label", what.label + ". Arrow keys go from value to value.");
    if (!(what.marks || []).length) {
      frame.append(make("p", "none hint", what.empty || "No row has these values."));
      return;
    }
    const scaleOf = axis => ({
      time: false,
      distr: axis.log ? 3 : 1,
      log: axis.log || 10,
      range: () => range(axis)
    });
    plot = new uPlot(
      {
        width,
        height: what.height || 300,
        pxAlign: false,
        padding: [12, 14, 0, 0],
        legend: { show: false },
        cursor: { show: false },
        scales: { x: scaleOf(what.x), y: scaleOf(what.y) },
        axes: [uplotAxis(what.x, 2), uplotAxis(what.y, 3)],
        series: [{}, { paths: () => null, points: { show: false } }],
        hooks: {
          draw: [
            u => {
              drawAll(u, what);
              frame.labels = what.placed; // for tests
              if (what.drawn) what.drawn(what.placed.length);
            }
          ]
        }
      },
      [range(what.x), range(what.y)],
      frame
    );
    ring.className = "ring";
    ring.hidden = true;
    plot.over.append(ring);
    plot.over.addEventListener("mousemove", event => {
      const over = plot.over.getBoundingClientRect();
      let best = -1,
        least = 26;
      what.marks.forEach((m, i) => {
        const away = Math.hypot(
          plot.valToPos(m.x, "x") - (event.clientX - over.left),
          plot.valToPos(m.y, "y") - (event.clientY - over.top)
        );
        if (away < least) [best, least] = [i, away];
      });
      if (best < 0) leave();
      else point(best);
    });
    plot.over.addEventListener("mouseleave", leave);
  }
  frame.addEventListener("keydown", event => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (!step || !plot) return;
    point((current + step + what.marks.length) % what.marks.length);
    event.preventDefault();
  });
  frame.addEventListener("blur", leave);
  new ResizeObserver(() => {
    if (box.isConnected && Math.abs(frame.clientWidth - width) > 1) paint();
  }).observe(frame);
  paint();
  return { paint, frame };
}
