// SPDX-License-Identifier: BSD-2-Clause
// The forest plot of an A/B comparison: a line a case, with its estimate, its interval, the margin
// and every launch. Changes are logarithms of B's time / A's; texts show per cent.
"use strict";
// What a case is: its colour, sign and word. A gate's outcome, where there is one, is in the word.
const AB_KINDS = {
  slower: { word: "slower", sign: "\u25b2", rank: 1 },
  failed: { word: "not measured", sign: "\u2715", rank: 0 },
  bits: { word: "different bits", sign: "\u2715", rank: -1 },
  unjudged: { word: "not judged", sign: "?", rank: 2 },
  unclear: { word: "cannot tell", sign: "?", rank: 2 },
  faster: { word: "faster", sign: "\u25bc", rank: 3 },
  same: { word: "no change", sign: "\u2713", rank: 4 }
};
const AB_VERDICTS = { failed: "failed", regression: "slower", improvement: "faster", "no change": "same", "not judged": "unjudged" };
const abKind = c => AB_VERDICTS[c.verdict] || "unclear";
// As it is drawn: different bits are worse than any time.
const abLook = c => (c.wrong ? "bits" : abKind(c));
// Beyond the verdict: what a gate makes of it, and bits.
function abNotes(c) {
  const outcome = c.more.outcome,
    beyond = c.verdict === "regression" && c.quickest !== "regression";
  return [
    beyond && (c.guard === "regression" ? "mean of all calls" : "waiting"),
    ["accepted", "quarantined"].includes(outcome) && outcome,
    c.bits === "different" && !c.wrong && "different bits"
  ].filter(v => v);
}
const abWord = c => [c.wrong && AB_KINDS.bits.word, AB_KINDS[abKind(c)].word, ...abNotes(c)].filter(v => v).join(", ");

// "+5.1 %"; a change that is very large is a factor.
function abPercent(v) {
  if (v === null) return DASH;
  const percent = Math.expm1(v) * 100;
  if (percent > 900) return "\u00d7" + digits(Math.exp(v));
  const text = Math.abs(percent) >= 100 ? String(Math.round(percent)) : percent.toFixed(1);
  return (Number(text) > 0 ? "+" : Number(text) < 0 ? "\u2212" : "\u00b1") + text.replace("-", "") + "\u202f%";
}
// The launches of the figure that decided: dots belong to the interval beside them.
function abDotValues(c) {
  const l = c.launches;
  return l[c.decided_by].filter((v, i) => v !== null && (c.decided_by !== "wall" || l.undisturbed[i] > 0));
}
const abEnd = (v, sign) => (v === null ? sign + "\u221e" : abPercent(v));
function abInterval(c) {
  if (c.verdict === "not judged") return "";
  if (!c.looked) return "no look yet";
  return c.low === null && c.high === null
    ? "no bound yet"
    : abEnd(c.low, "\u2212") + " to " + abEnd(c.high, "+");
}

// From a change to 0..100. Linear where all is within some margins; else the ends are drawn closer
// together, so that one huge interval does not flatten the others.
function abAxis(ab) {
  const margin = Math.log1p(ab.margin),
    ends = ab.cases.flatMap(c => (c.looked && c.estimate !== null ? [c.estimate, c.low, c.high] : abDotValues(c)));
  const far = (sign, list) => Math.max(0, ...list.filter(v => v !== null).map(v => sign * v));
  const right = Math.max(2.2 * margin, far(1, ends) * 1.08),
    left = Math.max(2.2 * margin, far(-1, ends) * 1.08);
  const bends = Math.max(right, left) > 8 * margin;
  const scale = bends ? v => Math.asinh(v / (2 * margin)) : v => v;
  const from = scale(-left),
    span = scale(right) - from;
  const place = v => Math.min(100, Math.max(0, ((scale(v) - from) / span) * 100));
  const steps = bends
    ? [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 10000, 1e6, 1e9].map(p => p / 100)
    : [1, 2, 3, 4, 5, 6].map(k => (k * niceStep(Math.max(right, left))) / 100);
  const ticks = [0, ...steps.flatMap(p => [Math.log1p(p), p < 1 ? Math.log1p(-p) : null])];
  return { place, bends, ticks: ticks.filter(t => t !== null && t > -left && t < right) };
}
// Per cent between two ticks of a linear axis.
const niceStep = far => [0.1, 0.2, 0.5, 1, 2, 5].find(s => Math.expm1(far) * 100 < 5 * s) || 10;

function abPut(track, className, left, width) {
  const e = track.appendChild(make("i", className));
  e.style.left = left + "%";
  if (width !== undefined) e.style.width = width + "%";
  return e;
}
// Every launch as a dot: one path, drawn in the units of the track, whose round ends are the dots.
function abDots(track, axis, values) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg"),
    path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  svg.setAttribute("viewBox", "0 0 100 26");
  svg.setAttribute("preserveAspectRatio", "none");
  // They alternate between three heights, so that equal ones are seen as several.
  path.setAttribute(
    "d",
    values.map((v, i) => "M" + axis.place(v).toFixed(2) + " " + (8 + 5 * (i % 3)) + "h0").join("")
  );
  svg.append(path);
  track.append(svg);
}
function abScale(box, ab, axis, names) {
  const head = box.appendChild(make("div", "frow abrow fhead")),
    scale = make("span", "track");
  head.append(make("span", "fname"), scale, make("span", "fnum", "time of B against A"), make("span"));
  const taken = [],
    nearest = x => Math.min(...taken.map(other => Math.abs(other - x)));
  for (const [room, className] of [
    [15, "tick"],
    [6, "tick minor"] // not on narrow screens and paper
  ])
    axis.ticks.forEach(t => {
      const x = axis.place(t);
      if (nearest(x) < room || x < 2 || x > 96) return; // beside the axis are other texts
      taken.push(x);
      abPut(scale, className + (t === 0 ? " one" : ""), x).append(
        make("b", "", t === 0 ? "0" : abPercent(t).replace(".0", ""))
      );
    });
  if (!names) return;
  const sides = box.appendChild(make("div", "frow abrow fsides")),
    both = make("span", "track");
  sides.append(make("span", "fname"), both, make("span"), make("span"));
  if (axis.place(0) > 25) abPut(both, "side left", axis.place(0)).textContent = "\u2190 B faster";
  if (axis.place(0) < 75) abPut(both, "side right", axis.place(0)).textContent = "B slower \u2192";
}
const AB_OF = { quickest: "", mean: " (mean of all calls)", wall: " (wall time)" };
// The estimate of the quickest calls, where something else decided.
const abCalls = c => (c.decided_by === "quickest" ? null : c.calls_estimate);
function abTip(ab, c) {
  const known = c.launches.undisturbed.filter(n => n >= 0),
    pairs = known.reduce((sum, n) => sum + n, 0);
  return [
    c.name,
    abWord(c) + (c.why ? ": " + c.why : ""),
    c.error,
    c.looked && c.estimate !== null && abPercent(c.estimate) + ", interval " + abInterval(c) + AB_OF[c.decided_by],
    abCalls(c) !== null && "the quickest calls alone: " + abPercent(abCalls(c)),
    plural(c.launches.quickest.length, "launch", "launches") +
      (c.looked ? "" : "; the first look needs " + ab.first),
    c.verdict === "no change" && c.smallest > 0 && "a change above about " + abPercent(Math.log1p(c.smallest)) + " would probably have been found",
    ab.pairs !== null &&
      known.length > 0 &&
      "undisturbed: " + count(pairs) + " of " + plural(known.length * ab.pairs, "pair"),
    c.more.reason && c.more.outcome + ": " + c.more.reason + (c.more.until ? " (until " + c.more.until + ")" : "")
  ];
}
function abLine(box, ab, axis, c) {
  const kind = abLook(c),
    line = box.appendChild(make("div", "frow abrow ab-" + kind)),
    track = make("span", "track");
  const margin = [-ab.margin, ab.margin].map(m => axis.place(Math.log1p(m)));
  abPut(track, "band", margin[0], margin[1] - margin[0]);
  axis.ticks.forEach(t => abPut(track, "grid" + (t === 0 ? " one" : ""), axis.place(t)));
  abDots(track, axis, abDotValues(c));
  if (c.looked && c.estimate !== null) {
    const low = c.low === null ? 0 : axis.place(c.low),
      high = c.high === null ? 100 : axis.place(c.high);
    abPut(
      track,
      "interval" + (c.low === null ? " open-left" : "") + (c.high === null ? " open-right" : ""),
      low,
      high - low
    );
    abPut(track, "point", axis.place(c.estimate));
  }
  const number = make("span", "fnum");
  if (c.looked && c.estimate !== null) number.append(make("b", "", abPercent(c.estimate)), " ");
  number.append(make("span", "soft", abInterval(c)));
  const word = make("span", "abword");
  word.append(make("b", "", AB_KINDS[kind].sign), " " + abWord(c));
  const name = make("span", "fname", c.name);
  name.title = c.name;
  line.append(name, track, number, word);
  tells(line, () => abTip(ab, c));
}
const AB_ORDERS = {
  verdict: (x, y) =>
    AB_KINDS[abLook(x)].rank - AB_KINDS[abLook(y)].rank || (y.estimate || 0) - (x.estimate || 0) || x.index - y.index,
  file: (x, y) => x.index - y.index,
  change: (x, y) =>
    (x.estimate === null) - (y.estimate === null) || y.estimate - x.estimate || x.index - y.index
};
const AB_PORTION = 60; // cases that are drawn before one asks for all

function abForest(box, ab) {
  const state = { order: "verdict", all: false },
    controls = box.appendChild(make("div", "pickers"));
  const forest = make("div", "forest ab-forest"),
    more = make("button", "plain more");
  if (ab.cases.length > 1)
    picker(
      controls,
      "Order",
      [
        ["verdict", "by verdict"],
        ["change", "by change"],
        ["file", "as measured"]
      ],
      v => {
        state.order = v;
        paint();
      }
    );
  const key = controls.appendChild(make("span", "abkey hint"));
  for (const [className, words] of [
    ["band", "margin \u00b1" + brief(ab.margin * 100) + "\u00a0%"],
    ["dot", "a launch"],
    ["interval", "interval and estimate"]
  ]) {
    const one = key.appendChild(make("span"));
    one.append(make("i", className), " " + words);
  }
  more.type = "button";
  more.onclick = () => {
    state.all = !state.all;
    paint();
  };
  box.append(forest, more);
  const axis = abAxis(ab);
  forest.setAttribute("role", "img");
  forest.setAttribute(
    "aria-label",
    "Forest plot of " + plural(ab.cases.length, "case") + "; the table below has the same figures"
  );
  function paint() {
    const list = [...ab.cases].sort(AB_ORDERS[state.order]),
      shown = state.all ? list : list.slice(0, AB_PORTION);
    forest.textContent = "";
    abScale(forest, ab, axis, true);
    shown.forEach(c => abLine(forest, ab, axis, c));
    if (shown.length > 15) abScale(forest, ab, axis, false);
    more.hidden = list.length <= AB_PORTION;
    more.textContent = state.all ? "Show fewer" : "Show all " + count(list.length) + " cases";
  }
  paint();
  if (axis.bends)
    box.append(make("p", "hint after", "The axis is drawn closer together away from 0, so that all cases fit."));
}
