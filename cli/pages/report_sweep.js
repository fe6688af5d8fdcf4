// SPDX-License-Identifier: BSD-2-Clause
// Lines over one dimension of the shape, and speed-up over threads.
"use strict";

// A numeric axis over the values that occur; logarithmic to base 2 where it spans more than 3 : 1.
function axisOver(xs, label) {
  const numeric = xs.every(x => typeof x === "number" && x > 0);
  if (!numeric) {
    return {
      place: x => xs.indexOf(x),
      axis: {
        label,
        min: -0.5,
        max: xs.length - 0.5,
        splits: xs.map((x, i) => i),
        format: i => (xs[i] === null ? DASH : String(xs[i]))
      }
    };
  }
  const low = Math.min(...xs),
    high = Math.max(...xs),
    log = high / low > 3;
  const pad = log ? (high / low) ** 0.04 : 0,
    room = log ? 0 : (high - low || 1) * 0.12;
  return {
    place: x => x,
    axis: {
      label,
      log: log ? 2 : undefined,
      min: log ? low / pad : low - room,
      max: log ? high * pad : high + room,
      splits: xs.length > 6 ? null : xs, // of many, round ones
      format: v => count(v)
    }
  };
}
// From zero, or logarithmic around what there is.
function axisFor(values, log, label, format) {
  const low = Math.min(...values),
    high = Math.max(...values);
  if (!values.length) return { min: 0, max: 1, label, format };
  return log && low > 0
    ? { log: 10, min: low / 1.25, max: high * 1.25, label, format }
    : { min: 0, max: high * 1.08, label, format };
}

function sweepSection() {
  const work = cases.filter(isWork);
  if (!work.length || !series.length)
    return nothing("sweep", "There are no rows of products, attention or models here.");
  const box = body("sweep"),
    controls = box.appendChild(make("div", "pickers"));
  const more = box.appendChild(make("div", "pickers"));
  const keys = box.appendChild(make("p", "legend")),
    facets = box.appendChild(make("div", "facets"));
  const state = { op: ops(work)[0], x: "seq", metric: null, log: false, fixed: {} };
  if (ops(work).includes("attention")) state.op = "attention";
  let charts = [],
    syncs = [];

  const ofOp = () => work.filter(c => c.op === state.op);
  const dims = () => SHAPE_KEYS.filter(k => dimension(ofOp(), k).length > 1);
  const metrics = () =>
    Object.keys(METRICS).filter(m => ofOp().some(c => series.some((s, i) => measured(m, i, c.index))));
  function controlsAnew() {
    controls.textContent = more.textContent = "";
    syncs = [];
    const can = dims().filter(k => ["seq", "heads", "workers", "pin"].includes(k));
    if (!can.includes(state.x)) state.x = can[0] || "seq";
    const list = metrics();
    if (!list.includes(state.metric)) state.metric = list[0] || "time";
    const set = key => v => {
      state[key] = v;
      controlsAnew();
    };
    picker(
      controls,
      "Operation",
      ops(work).map(o => [o, o]),
      set("op")
    ).value = state.op;
    picker(
      controls,
      "Over",
      can.map(k => [k, KEY_WORDS[k].toLowerCase()]),
      set("x")
    ).value = state.x;
    picker(
      controls,
      "Show",
      list.map(m => [m, METRICS[m]]),
      set("metric")
    ).value = state.metric;
    const label = make("label", "check"),
      check = make("input");
    check.type = "checkbox";
    check.checked = state.log;
    check.onchange = () => {
      state.log = check.checked;
      paint();
    };
    label.append(check, " Logarithmic");
    controls.append(label);
    // Of the other dimensions one may have a chart for each of its values.
    const rest = dims().filter(k => k !== state.x);
    const few = rest.find(k => dimension(ofOp(), k).length <= 6);
    state.fixed = {};
    for (const k of rest) {
      const values = dimension(ofOp(), k),
        most = values.map(v => ofOp().filter(c => c[k] === v).length);
      state.fixed[k] = k === few ? "each" : values[most.lastIndexOf(Math.max(...most))];
      const select = picker(
        more,
        KEY_WORDS[k],
        [["each", "each"], ...values.map((v, i) => [i, v === null ? "none" : String(v)])],
        v => {
          if (v === "each") {
            // one at a time
            for (const other of rest)
              if (state.fixed[other] === "each") state.fixed[other] = dimension(ofOp(), other)[0];
          }
          state.fixed[k] = v === "each" ? v : values[Number(v)];
          syncs.forEach(s => s());
          paint();
        }
      );
      const sync = () => {
        select.value = state.fixed[k] === "each" ? "each" : values.indexOf(state.fixed[k]);
      };
      syncs.push(sync);
      sync();
    }
    paint();
  }
  function facetValues() {
    const key = Object.keys(state.fixed).find(k => state.fixed[k] === "each");
    return key
      ? dimension(ofOp(), key)
          .slice(0, 12)
          .map(v => ({ key, v }))
      : [{ key: null }];
  }
  function buildFacet(facet) {
    return () => {
      const here = ofOp().filter(c =>
        Object.keys(state.fixed).every(k =>
          k === facet.key ? c[k] === facet.v : state.fixed[k] === "each" || c[k] === state.fixed[k]
        )
      );
      const xs = dimension(ofOp(), state.x),
        x = axisOver(xs, KEY_WORDS[state.x]);
      const lines = [],
        marks = [],
        all = [];
      for (const s of drawn()) {
        const line = { ...look(s), x: [], y: [], low: [], high: [] };
        for (const v of xs) {
          const c = here.find(k => k[state.x] === v && hasRow(s, k.index));
          const i = c && c.index,
            m = c && measured(state.metric, s, i);
          if (!m) continue;
          line.x.push(x.place(v));
          for (const key of ["y", "low", "high"]) line[key].push(m[key]);
          marks.push({
            ...look(s),
            x: x.place(v),
            size: xs.length > 12 ? 3 : 4,
            y: m.y,
            lines: [
              formatMetric(state.metric, m.y),
              series[s].label,
              caseWords(c),
              m.low &&
                "interval " + formatMetric(state.metric, m.low) + " to " + formatMetric(state.metric, m.high),
              text("disturbed", s, i) && "disturbed: " + text("disturbed", s, i)
            ]
          });
        }
        if (line.x.length) lines.push(line);
      }
      // The same scale for all facets, so that they can be compared.
      for (const c of ofOp()) {
        if (!Object.keys(state.fixed).every(k => state.fixed[k] === "each" || c[k] === state.fixed[k]))
          continue;
        const i = c.index;
        for (const s of drawn()) {
          const m = measured(state.metric, s, i);
          if (m) all.push(m.y, m.high || m.y);
        }
      }
      return {
        label:
          METRICS[state.metric] +
          " of " +
          state.op +
          " over " +
          KEY_WORDS[state.x].toLowerCase() +
          ", " +
          plural(lines.length, "series", "series"),
        height: 280,
        x: x.axis,
        lines,
        marks,
        y: axisFor(all, state.log, METRICS[state.metric], state.metric === "time" ? duration : undefined),
        empty: "No row of the chosen series has this value here."
      };
    };
  }
  function paint() {
    facets.textContent = "";
    get("sweep").classList.toggle("many", facetValues().length > 2);
    charts = facetValues().map(f => {
      const one = facets.appendChild(make("div", "facet"));
      if (f.key) one.append(make("h3", "", KEY_WORDS[f.key] + " " + (f.v === null ? "none" : f.v)));
      return chart(one, buildFacet(f));
    });
    legend(keys, drawn());
  }
  controlsAnew();
  watchers.push(paint);
  onTheme(() => {
    charts.forEach(c => c.paint());
    legend(keys, drawn());
  });
}

function scalingSection() {
  // Shapes that were measured with one thread and with more.
  const shapes = new Map();
  cases.forEach((c, i) => {
    if (!isWork(c) || !(c.workers > 0)) return;
    const key = JSON.stringify([c.op, ...SHAPE_KEYS.filter(k => k !== "workers").map(k => c[k])]);
    if (!shapes.has(key)) shapes.set(key, new Map());
    shapes.get(key).set(c.workers, i);
  });
  const list = [...shapes.values()].filter(m => m.has(1) && m.size > 1);
  if (!list.length) {
    return nothing("scaling", "No case was measured both with one thread and with more.");
  }
  const box = body("scaling"),
    controls = box.appendChild(make("div", "pickers"));
  const keys = box.appendChild(make("p", "legend")),
    place = box.appendChild(make("div"));
  const kinds = ops(list.map(m => cases[m.get(1)]));
  const state = { op: kinds.includes("attention") ? "attention" : kinds[0], shape: "" };
  const ofOp = () => list.filter(m => cases[m.get(1)].op === state.op);
  function controlsAnew() {
    controls.textContent = "";
    state.shape = "";
    picker(
      controls,
      "Operation",
      kinds.map(o => [o, o]),
      v => {
        state.op = v;
        controlsAnew();
        drawing.paint();
      }
    ).value = state.op;
    const one = ofOp().map((m, i) => [i, caseWords(cases[m.get(1)], ["op", "workers"])]);
    picker(controls, "Shape", [["", "all, geometric mean"], ...one], v => {
      state.shape = v;
      drawing.paint();
    });
  }
  function build() {
    const some = state.shape === "" ? ofOp() : [ofOp()[Number(state.shape)]];
    const workers = distinct(ofOp().flatMap(m => [...m.keys()])).sort(order);
    const x = axisOver(workers, "Threads"),
      lines = [],
      marks = [],
      all = [Math.max(...workers)];
    for (const s of drawn()) {
      const ok = (m, w) => m.has(w) && value("time", s, m.get(w)) > 0 && !isWrong(s, m.get(w));
      // Only shapes with every count, or the mean would be of other shapes at other counts.
      const whole = some.filter(m => workers.every(w => ok(m, w)) || (state.shape !== "" && ok(m, 1)));
      const line = { ...look(s), x: [], y: [] };
      for (const w of workers) {
        const logs = whole
          .filter(m => ok(m, w))
          .map(m => Math.log(value("time", s, m.get(1)) / value("time", s, m.get(w))));
        if (!logs.length) continue;
        const y = Math.exp(logs.reduce((sum, v) => sum + v, 0) / logs.length);
        line.x.push(w);
        line.y.push(y);
        all.push(y);
        marks.push({
          ...look(s),
          x: w,
          y,
          lines: [
            digits(y) + "\u00d7 with " + plural(w, "thread"),
            series[s].label,
            percent(y / w) + " of the ideal",
            logs.length > 1 ? "mean over " + plural(logs.length, "shape") : ""
          ]
        });
      }
      if (line.x.length) lines.push(line);
    }
    const top = Math.max(...workers);
    return {
      label: "Speed-up of " + state.op + " over threads",
      height: 320,
      x: x.axis,
      lines,
      marks,
      y: x.axis.log
        ? { log: 2, min: Math.min(0.9, ...all), max: Math.max(...all) * 1.1, label: "Speed-up" }
        : { min: 0, max: Math.max(...all) * 1.12, label: "Speed-up" },
      guides: [{ from: [1, 1], to: [top, top], colour: "--soft", dash: [5, 4], text: "ideal", end: true }],
      empty: "The chosen series have no case with every count of threads."
    };
  }
  let drawing = { paint() {} };
  controlsAnew();
  drawing = chart(place, build);
  const paint = () => {
    drawing.paint();
    legend(keys, drawn());
  };
  watchers.push(paint);
  onTheme(paint);
  legend(keys, drawn());
}
sweepSection();
scalingSection();
