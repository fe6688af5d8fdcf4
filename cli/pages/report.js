// SPDX-License-Identifier: BSD-2-Clause
// The report's data, what every section asks of it, the verdict, and which series are drawn.
"use strict";
const data = JSON.parse(get("data").textContent);
const series = data.series,
  cases = data.cases,
  groups = data.groups;
cases.forEach((c, i) => {
  c.index = i;
});
const MACHINE_OPS = VERDICT.filter(([line]) => line === "MACHINE_OP").map(([, op]) => op); // the roofline's own rows
// The fields of a row that the page has: bench/rows/rows.def.
const FIELDS = ROWS.filter(([line]) => ["ROW_TEXT", "ROW_WHOLE", "ROW_FIGURE"].includes(line)).map(
  ([line, id, , kind, unit, , meaning, heading, label, shown]) => {
    const places = [shown].flat();
    return {
      key: id.toLowerCase(),
      number: line !== "ROW_TEXT" && kind !== "FLAG",
      ...{ kind, unit, meaning, heading, label },
      isCase: places.includes("ROW_IS_CASE"),
      isRate: places.includes("ROW_IS_RATE"),
      shownIn: place => places.includes("ROW_IN_" + place)
    };
  }
);
const CASE_FIELDS = FIELDS.filter(f => f.isCase);
// What a sweep may range over. Cases that differ in one of these are different work.
const SHAPE_KEYS = CASE_FIELDS.map(f => f.key).filter(key => key !== "op" && key !== "level");
// Values that are not shown.
const isUsual = (key, v) => (key === "dtype" && v === "f32") || (key === "pin" && v === "none");
const capital = words => words.charAt(0).toUpperCase() + words.slice(1);
const KEY_WORDS = Object.fromEntries(CASE_FIELDS.map(f => [f.key, capital(f.label)]));

function text(key, s, c) {
  const v = data.values[key] && data.values[key][s] ? data.values[key][s][c] : null;
  return v === undefined || v === null ? null : String(v);
}
function value(key, s, c) {
  const v = data.values[key] && data.values[key][s] ? data.values[key][s][c] : null;
  return typeof v === "number" && Number.isFinite(v) ? v : null;
}
const isWork = c => !MACHINE_OPS.includes(c.op);
const isWrong = (s, c) => value("correct", s, c) === 0;
const hasRow = (s, c) => value("time", s, c) !== null;

// What can be drawn over a dimension. Rates have the interval of their time, turned round.
const CHARTED = FIELDS.filter(f => f.shownIn("CHART"));
const RATES = Object.fromEntries(CHARTED.filter(f => f.isRate).map(f => [f.key, capital(f.label)]));
// "Clock, MHz"; a time is shown with the unit that fits it, and "% of the roof" has its unit.
const withUnit = (words, unit) =>
  unit === "us" || !unit || words.includes(unit) ? words : words + ", " + unit;
const METRICS = {
  ...RATES,
  ...Object.fromEntries(CHARTED.map(f => [f.key, capital(withUnit(f.label, f.unit))]))
};
function measured(metric, s, c) {
  const y = value(metric, s, c),
    time = value("time", s, c);
  if (y === null || isWrong(s, c)) return null;
  let low = null,
    high = null;
  if (metric in RATES && time) {
    low = value("time_high", s, c) && (y * time) / value("time_high", s, c);
    high = value("time_low", s, c) && (y * time) / value("time_low", s, c);
  } else if (metric === "time" || metric === "pct") {
    low = value(metric + "_low", s, c);
    high = value(metric + "_high", s, c);
  }
  return { y, low: low || null, high: high || null };
}
const formatMetric = (metric, v) =>
  metric === "time"
    ? duration(v)
    : digits(v) + " " + (RATES[metric] || CHARTED.find(f => f.key === metric).unit);

// A case as text. Fields without a text here are named.
const WORDED = ["op", "dtype", "model", "layers", "seq", "heads", "head_dim", "level", "workers", "pin"];
function caseWords(c, without = []) {
  const parts = without.includes("op") ? [] : [c.op];
  const add = (key, words) => {
    if (c[key] !== null && c[key] !== undefined && !without.includes(key)) parts.push(words(c[key]));
  };
  add("model", v => v);
  add("layers", v => plural(v, "layer"));
  add("seq", v => "seq " + v);
  add(
    "heads",
    v => v + (c.head_dim === null || without.includes("head_dim") ? " heads" : " \u00d7 " + c.head_dim)
  );
  add("level", v => v);
  if (!isUsual("dtype", c.dtype)) add("dtype", v => v);
  add("workers", v => plural(v, "thread"));
  if (!isUsual("pin", c.pin)) add("pin", v => "pin " + v);
  for (const f of CASE_FIELDS) if (!WORDED.includes(f.key)) add(f.key, v => f.label + " " + v);
  return parts.join(" \u00b7 ");
}
const distinct = list => [...new Set(list)];
const order = (a, b) =>
  typeof a === "number" && typeof b === "number"
    ? a - b
    : String(a).localeCompare(String(b), "en", { numeric: true });
// What a dimension takes among the cases, in order; null is one of the values.
const dimension = (list, key) => distinct(list.map(c => (c[key] === undefined ? null : c[key]))).sort(order);
const ops = list => distinct(list.map(c => c.op)).sort(order);
const median = list => {
  const l = [...list].sort((a, b) => a - b),
    half = l.length >> 1;
  return l.length ? (l.length % 2 ? l[half] : (l[half - 1] + l[half]) / 2) : null;
};
// Names as short as possible while they differ.
function names(a, b) {
  const x = series[a],
    y = series[b];
  const backend = s => s.backend || "no backend";
  if (x.backend !== y.backend && x.group === y.group) return [backend(x), backend(y)];
  if (x.backend === y.backend && groups[x.group].label !== groups[y.group].label)
    return [groups[x.group].label, groups[y.group].label];
  return groups[x.group].label !== groups[y.group].label
    ? [x, y].map(s => backend(s) + " on " + groups[s.group].label)
    : [x.label, y.label];
}

// A filter: every word must occur; a number must be one, so that 1 is not found in 12.
function matcher(query) {
  const wanted = query
    .toLowerCase()
    .split(/\s+/)
    .filter(w => w)
    .map(w => (/^\d+$/.test(w) ? new RegExp("\\b" + w + "\\b") : w));
  return line => wanted.every(w => (typeof w === "string" ? line.includes(w) : w.test(line)));
}

// The body of a section, and the plain sentence where it has nothing to show.
const body = id => get(id).querySelector(".body");
function nothing(id, words) {
  get(id).classList.add("nothing");
  get(id).querySelector(".hint").hidden = true;
  get(id)
    .querySelectorAll(".formulas")
    .forEach(e => {
      e.hidden = true;
    });
  body(id).append(make("p", "hint", words));
  const link = get("bar").querySelector('a[href="#' + id + '"]');
  if (link) link.hidden = true;
}
function picker(box, words, choices, onChange) {
  const label = make("label", "", words + " "),
    select = make("select");
  for (const [v, shown] of choices) option(select, v, shown);
  select.setAttribute("aria-label", words); // or the name would hold all the choices
  select.onchange = () => onChange(select.value);
  label.append(select);
  box.append(label);
  return select;
}

// Which series the charts draw: up to eight, each with a colour, a dash and a mark of its own.
const slots = series.slice(0, 8).map((s, i) => i);
while (slots.length < 8) slots.push(null);
const drawn = () => slots.filter(s => s !== null).sort((a, b) => a - b);
const watchers = [];
function look(s) {
  const slot = slots.indexOf(s);
  return slot < 0
    ? { colour: "--rest", dash: [], shape: "circle" }
    : { colour: "--s" + slot, dash: DASHES[slot], shape: SHAPES[slot] };
}
function legend(box, list, onlyMarks) {
  box.textContent = "";
  for (const s of list) {
    const item = make("span", "key"),
      l = look(s);
    item.append(swatch(onlyMarks ? { ...l, dash: [0, 99] } : l).canvas, make("span", "", series[s].label));
    box.append(item);
  }
}
function buildPicker() {
  const title = () => {
    get("picker-title").textContent = "Series: " + drawn().length + " of " + series.length;
  };
  const boxes = [];
  series.forEach((s, i) => {
    const label = make("label", "choice"),
      box = make("input"),
      key = make("span", "dot");
    box.type = "checkbox";
    const show = () => {
      box.checked = slots.includes(i);
      box.disabled = (!box.checked && !slots.includes(null)) || (box.checked && drawn().length === 1);
      key.style.background = box.checked ? "var(" + look(i).colour + ")" : "";
    };
    box.onchange = () => {
      slots[slots.indexOf(box.checked ? null : i)] = box.checked ? i : null;
      boxes.forEach(b => b.show());
      title();
      watchers.forEach(w => w());
    };
    label.append(box, key, make("span", "", s.label));
    boxes.push({ label, show, words: s.label.toLowerCase() });
    show();
    get("picker-list").append(label);
  });
  get("picker-filter").oninput = () => {
    const wanted = get("picker-filter").value.toLowerCase();
    boxes.forEach(b => {
      b.label.hidden = !b.words.includes(wanted);
    });
  };
  get("picker-filter").hidden = series.length < 9;
  get("picker").hidden = series.length < 2;
  document.addEventListener("click", e => {
    if (!get("picker").contains(e.target)) get("picker").open = false;
  });
  get("picker").addEventListener("keydown", e => {
    if (e.key === "Escape") get("picker").open = false;
  });
  title();
}

function figure(number, words, state, sign) {
  const item = make("li", "figure " + (state || ""));
  item.append(make("b", "", (sign ? sign + " " : "") + number), make("span", "", words));
  get("figures").append(item);
  return item;
}
// The large figure agrees with the verdict.
function pairFigure(p, a, b) {
  const kind = p.verdict.kind,
    fast = p.ratio >= 1 ? [b, a] : [a, b];
  return kind === "differs"
    ? figure(times(p.ratio), fast[0] + " over " + fast[1], "lead")
    : kind === "equal"
      ? figure("equal", a + " and " + b + ", within \u00b1" + p.verdict.percent + " %", "lead")
      : figure("cannot tell", a + " or " + b + ": " + p.verdict.why, "lead");
}
// What the doctor found on the machines before it was measured.
function findings() {
  const found = [];
  groups.forEach(g => {
    const context = g.context || {},
      list = context.findings || (context.decoct || {}).findings;
    (Array.isArray(list) ? list : []).forEach(f => {
      if (f && typeof f === "object" && ["bad", "warning"].includes(f.state))
        found.push((groups.length > 1 ? g.label + ": " : "") + (f.text || f.name || "unknown"));
    });
  });
  if (found.length)
    get("alerts").append(
      make(
        "p",
        "alert",
        "Found on the machine before it was measured: " +
          found.slice(0, 5).join("; ") +
          (found.length > 5 ? "; and " + (found.length - 5) + " more" : "") +
          "."
      )
    );
}
function verdict() {
  const v = data.verdict,
    pair = firstPair(),
    machines = groups.length;
  const backends = distinct(series.map(s => s.backend));
  const who =
    machines === 0
      ? "No machine"
      : machines === 1
        ? groups[0].label
        : machines <= 3
          ? groups.map(g => g.label).join(", ")
          : plural(machines, "CPU model");
  const what =
    backends.length === 1
      ? "the backend " + backends[0]
      : backends.length
        ? "the backends " + backends.join(", ")
        : "no backend";
  const files = groups.reduce((sum, g) => sum + (g.files || 0), 0);
  let checked = 0,
    unfinished = groups.filter(g => g.complete === false).length;
  series.forEach((s, i) =>
    cases.forEach((c, j) => {
      checked += value("correct", i, j) !== null;
    })
  );
  const outputs = v.wrong
    ? plural(v.wrong, "output is wrong", "outputs are wrong")
    : !v.rows
      ? "nothing was measured"
      : checked === 0
        ? "whether outputs were correct is not known"
        : checked < v.rows
          ? "all outputs that were checked are correct"
          : "every output is correct";
  const scope =
    who +
    ", " +
    what +
    ": " +
    plural(v.rows, "row") +
    (files > machines ? " of " + plural(files, "file") : "");

  if (pair) {
    const p = against(...pair),
      [a, b] = names(...pair);
    const words = pairWords(p, ...pair);
    get("headline").textContent = v.wrong ? capital(outputs) : words;
    get("lede").textContent =
      scope +
      "; " +
      (v.wrong ? words : outputs) +
      ". The comparison is the geometric mean over " +
      plural(p.list.length, "case") +
      " that both have" +
      (p.verdict.kind === "unknown" ? "; " + p.verdict.why : "") +
      (p.low === null
        ? ""
        : "; its interval runs from " + endsWords(p, p.low, p.high)) +
      "." +
      (spreadWords(p) && " " + capital(spreadWords(p)) + ".") +
      (apartWords(...pair) &&
        " " + capital(apartWords(...pair)) + ", so the machine's state is in it too: decoct ab measures in turns.") +
      othersWords(...pair);
    const tile = pairFigure(p, a, b);
    const won = p.ratio >= 1 ? [p.b, p.none + p.unknown, p.a] : [p.a, p.none + p.unknown, p.b];
    const bar = tile.appendChild(make("span", "tally"));
    bar.setAttribute("aria-hidden", "true");
    won.forEach((n, i) => {
      const part = bar.appendChild(make("i", ["won", "even", "lost"][i]));
      part.style.flexGrow = n;
    });
    tile.append(
      make(
        "span",
        "",
        (p.ratio >= 1 ? b : a) +
          " faster in " +
          won[0] +
          ", slower in " +
          won[2] +
          ", too close to tell in " +
          p.none +
          (p.unknown ? ", no interval in " + p.unknown : "")
      )
    );
  } else {
    get("headline").textContent = v.wrong
      ? capital(outputs)
      : v.rows
        ? machines === 1
          ? who
          : plural(v.rows, "row") + " of " + who
        : "Nothing was measured";
    get("lede").textContent = scope + "; " + outputs + ".";
  }
  figure(
    v.wrong || (checked ? count(checked) : "?"),
    v.wrong ? "wrong outputs" : checked ? "outputs checked, all correct" : "outputs: not known",
    v.wrong ? "bad" : checked ? "good" : "",
    v.wrong ? "\u2715" : checked ? "\u2713" : ""
  );
  figure(
    count(v.disturbed),
    v.disturbed === 1 ? "row disturbed" : "rows disturbed",
    v.disturbed ? "warn" : "good",
    v.disturbed ? "!" : "\u2713"
  );
  if (v.failed) figure(count(v.failed), v.failed === 1 ? "case could not run" : "cases could not run", "warn", "!");
  if (v.refused)
    figure(count(v.refused), v.refused === 1 ? "binding refused" : "bindings refused", "warn", "!");
  figure(
    unfinished || (files ? count(files) : 0),
    unfinished
      ? "incomplete, of " + plural(files, "file")
      : files === 1
        ? "complete file"
        : "files, all complete",
    unfinished ? "warn" : "good",
    unfinished ? "!" : "\u2713"
  );
  if (v.wrong) {
    const where = [];
    series.forEach((s, i) =>
      cases.forEach((c, j) => {
        if (isWrong(i, j)) where.push(s.label + ": " + caseWords(c));
      })
    );
    get("alerts").append(
      make(
        "p",
        "alert",
        "Wrong: " +
          where.slice(0, 5).join("; ") +
          (where.length > 5 ? "; and " + (where.length - 5) + " more" : "") +
          ". Rows with wrong outputs are in no comparison and no chart."
      )
    );
  }
  findings();
  const days = distinct(groups.map(g => String(g.date || "").slice(0, 10)).filter(d => d)).sort();
  get("eyebrow").textContent =
    "Decoct report" +
    (days.length
      ? " \u00b7 measured " + days[0] + (days.length > 1 ? " to " + days[days.length - 1] : "")
      : "");
  document.title = get("headline").textContent + " \u2013 Decoct report";
  get("made").textContent =
    "Made by decoct report " +
    data.decoct +
    " on " +
    data.made +
    ". One file, which needs no network. Charts drawn with uPlot (MIT licence; its text is in this file).";
}
verdict();
buildPicker();
