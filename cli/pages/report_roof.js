// SPDX-License-Identifier: BSD-2-Clause
// The roofline, and the ladder of instruction sets.
"use strict";
const seriesOf = g => series.map((s, i) => i).filter(i => series[i].group === g);
// From the weakest to the strongest, as the machine itself ranks them: files name the priority of each
// backend. One that they do not name, such as a plugin since removed, comes last.
function rung(s) {
  const list = lookUp(groups[series[s].group].context, "machine.backends"),
    known = (Array.isArray(list) ? list : []).filter(b => b && b.name === series[s].backend && Number.isFinite(b.priority));
  return known.length ? Math.max(...known.map(b => b.priority)) : Infinity;
}

// A case's place: GFLOP/s over FLOP a byte.
function placeOf(s, c) {
  const x = value("intensity", s, c),
    rate = value("gflops", s, c),
    moved = value("gbs", s, c);
  if (!(x > 0) || isWrong(s, c) || !isWork(cases[c])) return null;
  const y = rate || (moved ? moved * x : roofPart(s, c, x));
  return y > 0 ? { x, y } : null;
}
function roofPart(s, c, x) {
  const share = value("pct", s, c),
    rate = value("roof_rate", s, c);
  return share && rate ? (share / 100) * rate * (text("roof", s, c) === "memory" ? x : 1) : null;
}
// A dot's name on the chart; the tip has all of it.
function dotWords(c) {
  const usual = cases.filter(o => o.op === c.op && !o.block).map(o => o.heads + " " + o.head_dim),
    most = distinct(usual).sort((a, b) => usual.filter(v => v === b).length - usual.filter(v => v === a).length)[0];
  return [
    c.op,
    c.block || c.model,
    c.seq,
    !c.block && !c.model && c.heads !== null && c.heads + " " + c.head_dim !== most
      ? c.heads + (c.head_dim === null ? " heads" : "\u00d7" + c.head_dim)
      : null,
    isUsual("dtype", c.dtype) ? null : c.dtype
  ]
    .filter(w => w !== null && w !== undefined && w !== "")
    .join(" ");
}
// Which labels are placed first: of each operation its fastest dot, then its slowest, then the others.
function rankLabels(marks) {
  const op = m => m.label.split(" ")[0];
  for (const kind of distinct(marks.map(op))) {
    const mine = marks.filter(m => op(m) === kind).sort((a, b) => b.y - a.y);
    mine.forEach((m, i) => { m.rank = i === 0 ? 0 : i === mine.length - 1 ? 1 : 1 + i; });
  }
}
// What the machine can do with this many threads: measured by decoct roofline, or else the ceilings
// that the cases were compared with.
function ceilings(list, workers) {
  const flat = [],
    slanted = new Map();
  const each = (test, act) =>
    list.forEach(s =>
      cases.forEach((c, i) => {
        if (c.workers === workers && test(c, s, i)) act(s, i, c);
      })
    );
  const types = dimension(cases, "dtype");
  for (const [s, type] of list.flatMap(one => types.map(t => [one, t]))) {
    const own = [],
      held = [];
    cases.forEach((c, i) => {
      if (c.workers !== workers || c.dtype !== type) return;
      if (c.op === "fma" && value("gflops", s, i)) own.push(value("gflops", s, i));
      else if (text("roof", s, i) === "compute" && value("roof_rate", s, i))
        held.push(value("roof_rate", s, i));
    });
    if (own.length || held.length)
      flat.push({ s, type, rate: own.length ? Math.max(...own) : median(held), own: own.length > 0 });
  }
  each(
    (c, s, i) => c.op === "read" && value("gbs", s, i),
    (s, i, c) => {
      const level = c.level === null ? "memory" : c.level;
      slanted.set(level, Math.max(slanted.get(level) || 0, value("gbs", s, i)));
    }
  );
  const own = slanted.size > 0;
  if (!own) {
    const held = [];
    each(
      (c, s, i) => text("roof", s, i) === "memory" && value("roof_rate", s, i),
      (s, i) => held.push(value("roof_rate", s, i))
    );
    if (held.length) slanted.set("memory", median(held));
  }
  return {
    flat,
    slanted: [...slanted].map(([level, rate]) => ({ level, rate })).sort((a, b) => b.rate - a.rate),
    own: own || flat.some(f => f.own)
  };
}

function rooflineSection() {
  const has = (g, w) =>
    seriesOf(g).some(s => cases.some((c, i) => (w === undefined || c.workers === w) && placeOf(s, i)));
  const able = groups.map((g, i) => i).filter(g => has(g));
  if (!able.length)
    return nothing(
      "roofline",
      "No row says how much it computes for each byte, so there is no roofline to draw."
    );
  const box = body("roofline"),
    controls = box.appendChild(make("div", "pickers"));
  const keys = box.appendChild(make("p", "legend")),
    place = box.appendChild(make("div"));
  const note = box.appendChild(make("p", "hint after")),
    rest = box.appendChild(make("p", "hint after"));
  const state = { g: able[0], w: null, op: "" };
  let drawing = { paint() {} };
  const mine = () => {
    const all = seriesOf(state.g),
      some = all.filter(s => slots.includes(s));
    return some.length ? some : all.slice(0, 8);
  };
  function controlsAnew() {
    controls.textContent = "";
    const counts = dimension(cases, "workers").filter(w => has(state.g, w));
    if (!counts.includes(state.w)) state.w = counts[0];
    if (able.length > 1)
      picker(
        controls,
        "Machine",
        able.map(g => [g, groups[g].label]),
        v => {
          state.g = Number(v);
          controlsAnew();
          paint();
        }
      ).value = state.g;
    if (counts.length > 1)
      picker(
        controls,
        "Threads",
        counts.map((w, i) => [i, w === null ? "unknown" : w]),
        v => {
          state.w = counts[Number(v)];
          paint();
        }
      ).value = counts.indexOf(state.w);
    const kinds = ops(cases.filter((c, i) => mine().some(s => placeOf(s, i))));
    if (!kinds.includes(state.op)) state.op = "";
    if (kinds.length > 1)
      picker(controls, "Operation", [["", "all"], ...kinds.map(o => [o, o])], v => {
        state.op = v;
        paint();
      }).value = state.op;
  }
  function build() {
    const marks = [],
      list = mine(),
      top = ceilings(list, state.w);
    for (const s of list) {
      cases.forEach((c, i) => {
        if (c.workers !== state.w || (state.op && c.op !== state.op)) return;
        const p = placeOf(s, i);
        if (!p) return;
        marks.push({
          ...look(s),
          ...p,
          faint: true,
          label: dotWords(c),
          lines: [
            caseWords(c),
            series[s].label,
            digits(p.y) + " GFLOP/s at " + digits(p.x) + " FLOP a byte",
            value("pct", s, i) === null
              ? ""
              : digits(value("pct", s, i)) + " % of the roof (" + (text("roof", s, i) || "unknown") + ")",
            text("disturbed", s, i) && "disturbed: " + text("disturbed", s, i)
          ]
        });
      });
    }
    marks.sort((a, b) => a.x - b.x);
    rankLabels(marks);
    if (!marks.length) return { label: "Roofline", marks };
    const peak = Math.max(...top.flat.map(f => f.rate), ...marks.map(m => m.y));
    const fastest = top.slanted.length ? top.slanted[0].rate : 0,
      slowest = top.slanted.length ? top.slanted[top.slanted.length - 1].rate : 0;
    const x = {
      log: 10,
      label: "FLOP a byte",
      min: Math.min(...marks.map(m => m.x), fastest ? peak / fastest : Infinity) / 4,
      max: Math.max(...marks.map(m => m.x), slowest ? (peak / slowest) * 1.5 : 0) * 2
    };
    const y = {
      log: 10,
      label: "GFLOP/s",
      min: Math.min(...marks.map(m => m.y), ...top.flat.map(f => f.rate)) / 2,
      max: peak * 1.8
    };
    const guides = top.flat.map(f => ({
      from: [Math.max(x.min, fastest ? f.rate / fastest : 0), f.rate],
      to: [x.max, f.rate],
      colour: look(f.s).colour,
      dash: look(f.s).dash,
      text:
        [series[f.s].backend, ...(isUsual("dtype", f.type) ? [] : [f.type]), digits(f.rate)].join(" ") + " GFLOP/s",
      end: true
    }));
    top.slanted.forEach(l => {
      const from = Math.max(x.min, y.min / l.rate),
        to = Math.min(x.max, peak / l.rate);
      if (to > from)
        guides.push({
          from: [from, from * l.rate],
          to: [to, to * l.rate],
          colour: "--soft",
          text: l.level + " " + digits(l.rate) + " GB/s"
        });
    });
    return {
      label: "Roofline of " + groups[state.g].label + ", " + plural(marks.length, "case"),
      height: innerWidth < 640 ? 380 : 540,
      x,
      y,
      marks,
      guides,
      drawn: named => {
        rest.textContent =
          named < marks.length ? named + " of " + marks.length + " dots have room for a name; point at the others." : "";
      }
    };
  }
  function paint() {
    drawing.paint();
    legend(keys, mine(), true);
    const top = ceilings(mine(), state.w);
    note.textContent = top.own
      ? "The lines were measured by decoct roofline on this machine."
      : top.flat.length || top.slanted.length
        ? "There are no rows of decoct roofline here; the lines are the medians of what the cases were held against."
        : "No ceiling is known.";
  }
  controlsAnew();
  drawing = chart(place, build);
  paint();
  watchers.push(paint);
  onTheme(paint);
}

function ladderSection() {
  const able = groups
    .map((g, i) => i)
    .filter(g => distinct(seriesOf(g).map(s => series[s].backend)).length > 1);
  if (!able.length || !cases.some(isWork)) {
    return nothing("ladder", "Every machine here was measured with one set of instructions only.");
  }
  const box = body("ladder"),
    controls = box.appendChild(make("div", "pickers"));
  const keys = box.appendChild(make("p", "legend")),
    bars = box.appendChild(make("div", "ladder"));
  const more = box.appendChild(make("button", "plain more"));
  more.type = "button";
  more.onclick = () => {
    state.all = !state.all;
    paint();
  };
  const state = { g: able[0], op: null, w: null, all: false };
  const shapes = () =>
    cases.map((c, i) => i).filter(i => isWork(cases[i]) && seriesOf(state.g).some(s => hasRow(s, i)));
  function controlsAnew() {
    controls.textContent = "";
    const again = key => v => {
      state[key] = v;
      controlsAnew();
    };
    const kinds = ops(shapes().map(i => cases[i]));
    if (!kinds.includes(state.op)) state.op = kinds.includes("matmul") ? "matmul" : kinds[0];
    const counts = dimension(
      shapes()
        .map(i => cases[i])
        .filter(c => c.op === state.op),
      "workers"
    );
    if (!counts.includes(state.w)) state.w = counts[0];
    if (able.length > 1)
      picker(
        controls,
        "Machine",
        able.map(g => [g, groups[g].label]),
        v => again("g")(Number(v))
      ).value = state.g;
    picker(
      controls,
      "Operation",
      kinds.map(o => [o, o]),
      again("op")
    ).value = state.op;
    if (counts.length > 1)
      picker(
        controls,
        "Threads",
        counts.map((w, i) => [i, w === null ? "unknown" : w]),
        v => again("w")(counts[v])
      ).value = counts.indexOf(state.w);
    paint();
  }
  function paint() {
    bars.textContent = "";
    const rungs = seriesOf(state.g)
      .sort((a, b) => (rung(a) === rung(b) ? a - b : rung(a) - rung(b)))
      .slice(0, 8);
    const list = shapes().filter(i => cases[i].op === state.op && cases[i].workers === state.w);
    const portion = Math.max(4, Math.floor(24 / rungs.length)); // about as high as the roofline beside it
    const metric = Object.keys(RATES).find(m => list.some(i => rungs.some(s => value(m, s, i) > 0))) || null;
    legend(keys, []);
    more.hidden = true;
    if (!metric) {
      bars.append(make("p", "hint", "These rows have no rate."));
      return;
    }
    const most = Math.max(
      ...list.flatMap(i => rungs.map(s => (isWrong(s, i) ? 0 : value(metric, s, i) || 0)))
    );
    for (const i of list.slice(0, state.all ? 60 : portion)) {
      const one = bars.appendChild(make("div", "shape"));
      one.append(make("h3", "", caseWords(cases[i], ["op", "workers"])));
      const base = value(
        metric,
        rungs.find(s => value(metric, s, i) > 0 && !isWrong(s, i)),
        i
      );
      rungs.forEach(s => {
        const v = value(metric, s, i),
          line = one.appendChild(make("div", "rung")),
          track = make("span", "track");
        const clock = value("clock", s, i);
        line.append(
          make("span", "who", series[s].backend),
          track,
          make("span", "much", v === null || isWrong(s, i) ? DASH : digits(v)),
          make("span", "clock", clock === null ? "" : (clock / 1000).toFixed(2) + " GHz")
        );
        if (v > 0 && !isWrong(s, i)) {
          const bar = track.appendChild(make("i"));
          bar.style.width = (v / most) * 100 + "%";
          bar.style.background = "var(" + (slots.includes(s) ? look(s).colour : "--rest") + ")";
        }
        tells(line, () => [
          series[s].backend + ": " + formatMetric(metric, v === null ? NaN : v),
          caseWords(cases[i]),
          clock === null ? "clock unknown" : "clock " + digits(clock, 4) + " MHz",
          base && v ? digits(v / base) + " times the first" : "",
          isWrong(s, i) ? "The output was wrong." : ""
        ]);
      });
    }
    keys.append(make("span", "soft", RATES[metric] + ", and the effective clock"));
    more.hidden = list.length <= portion;
    more.textContent = state.all
      ? "Show fewer"
      : "Show " + (list.length > 60 ? "60 of " : "all ") + list.length + " shapes";
  }
  controlsAnew();
  watchers.push(paint);
}
rooflineSection();
ladderSection();
