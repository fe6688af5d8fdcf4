// SPDX-License-Identifier: BSD-2-Clause
// The first screen, which fits a page of paper: the score (the program computed it: score.c), the
// machine, and tokens per second. What there are no data for is left out.
"use strict";
const RANKED = 20; // CPUs that are listed before one asks for all
const scores = data.score ? data.score.list : [];
const scored = scores.filter(s => s.best && s.rows > 0);
const scoreWords = v => (v === null || v === undefined ? DASH : digits(v));

// The series that shows a machine: the one whose score counts, or else its first.
function mainSeries(g) {
  const best = scores.find(s => s.best && s.group === g);
  return best ? best.series : series.findIndex(s => s.group === g);
}
// The bar of a score among others: the longest is the best one.
function scoreBar(v, most) {
  const track = make("span", "sbar");
  if (v === null) return track;
  track.appendChild(make("i")).style.width = (v / most) * 100 + "%";
  if (data.score.base < most) track.appendChild(make("b")).style.left = (data.score.base / most) * 100 + "%";
  track.setAttribute("aria-hidden", "true");
  return track;
}
function headRow(table, words) {
  const row = table.createTHead().insertRow();
  words.forEach(([text, className, span]) => {
    const cell = row.appendChild(make("th", className || "", text));
    cell.scope = "col";
    if (span) cell.colSpan = span;
  });
}

// ---- The score ----

function referenceWords() {
  const r = data.score.reference;
  return (
    r.cpu +
    ", " +
    [
      r.cpus && plural(r.cpus, "CPU"),
      r.hypervisor && r.hypervisor !== "none" && r.hypervisor !== UNKNOWN && "a virtual machine (" + r.hypervisor + ")",
      "backend " + r.backend,
      "measured " + String(r.date || "on an unknown day").slice(0, 10)
    ]
      .filter(w => w)
      .join(", ")
  );
}
function definition(box) {
  const base = data.score.base;
  const p = box.appendChild(make("p", "hint defines"));
  p.append(
    make("b", "", base + " is the reference CPU, " + base * 2 + " is twice as fast."),
    " The score is the geometric mean of its " +
      data.score.classes.length +
      " classes, and a class that of its rows: " +
      base +
      " \u00d7 time of the reference / time here, both medians (or rate / rate, where the work depends on the size of " +
      "caches and memory). All is with one thread and with all threads of each CPU. Reference: " +
      referenceWords() +
      "."
  );
}
const rowsWords = s => (s.rows < s.of ? "from " + s.rows + " of " + s.of + " rows" : "from all " + s.of + " rows");

// What the score leaves out, by name.
function leftOut(box, s) {
  const lists = [
    [s.missing.length, "of the reference are missing here", s.missing.map(m => m.row + ", " + (m.threads === "1" ? "1 thread" : "all threads") + ": " + m.why)],
    [s.unused, "here are in no score: the reference does not have them", s.unused_rows]
  ];
  for (const [n, words, names] of lists) {
    if (!n) continue;
    const details = box.appendChild(make("details", "left-out"));
    details.append(make("summary", "", plural(n, "row") + " " + words));
    const list = details.appendChild(make("ul"));
    names.forEach(name => list.append(make("li", "", name)));
    if (n > names.length) list.append(make("li", "soft", "and " + count(n - names.length) + " more"));
  }
}
function oneScore(box, s) {
  const top = box.appendChild(make("div", "score"));
  const number = top.appendChild(make("p", "number"));
  number.append(make("b", "", scoreWords(s.score)), make("span", "", s.score === null ? "no score: " + s.why : rowsWords(s)));
  if (s.one !== null && s.all !== null)
    number.append(make("span", "", "one thread " + scoreWords(s.one)), make("span", "", "all threads " + scoreWords(s.all)));
  const table = top.appendChild(make("table", "classes"));
  headRow(table, [["Class"], [""], ["score", "right"], ["1 thread", "right"], ["all", "right"], ["rows", "right"]]);
  const most = Math.max(data.score.base, ...s.classes.map(c => c.score || 0)) * 1.04,
    tbody = table.createTBody();
  s.classes.forEach((c, i) => {
    const about = data.score.classes[i],
      row = tbody.insertRow(),
      name = row.appendChild(make("th", "", capital(about.name)));
    name.scope = "row";
    name.append(make("span", "soft", about.meaning));
    row.insertCell().append(scoreBar(c.score, most));
    row.append(make("td", "right", scoreWords(c.score)), make("td", "right soft", scoreWords(c.one)));
    row.append(make("td", "right soft", scoreWords(c.all)));
    row.append(make("td", "right soft", c.rows < about.rows ? c.rows + " of " + about.rows : String(c.rows)));
  });
  const others = scores.filter(o => !o.best && o.group === s.group && o.rows > 0);
  if (others.length)
    box.append(
      make("p", "hint", "Other backends: " +
        others.map(o => series[o.series].backend + " " + scoreWords(o.score)).join(", ") + ".")
    );
}
function rankedScores(box) {
  const scroll = box.appendChild(make("div", "scroll")),
    table = scroll.appendChild(make("table", "ranked"));
  headRow(table, [["#", "right"], ["CPU"], [""], ["score", "right"], ...data.score.classes.map(c => [c.name, "right"]), ["rows", "right"]]);
  const most = Math.max(data.score.base, ...scored.map(s => s.score || 0)) * 1.04,
    tbody = table.createTBody();
  scored.forEach((s, i) => {
    const row = tbody.insertRow();
    row.hidden = i >= RANKED;
    row.append(make("td", "right soft", s.rank === null ? DASH : String(s.rank)));
    const name = row.appendChild(make("th", "", groups[s.group].label)),
      several = series.filter(o => o.group === s.group).length > 1;
    name.scope = "row";
    name.append(make("span", "soft", [several && series[s.series].backend, day(groups[s.group]).slice(0, 10), s.why].filter(w => w).join(", ")));
    row.insertCell().append(scoreBar(s.score, most));
    row.append(make("td", "right total", scoreWords(s.score)));
    s.classes.forEach(c => row.append(make("td", "right", scoreWords(c.score))));
    row.append(make("td", "right soft", s.rows < s.of ? s.rows + " of " + s.of : String(s.rows)));
  });
  if (scored.length > RANKED) {
    const more = box.appendChild(make("button", "plain more", "Show all " + count(scored.length) + " CPUs"));
    more.type = "button";
    more.onclick = () => {
      [...tbody.rows].forEach(row => { row.hidden = false; });
      more.remove();
    };
  }
  const some = scored.filter(s => s.rows < s.of).length;
  if (some) box.append(make("p", "hint after", plural(some, "score") + " from a part of the rows: compare the classes that are whole."));
}
function scoreSection() {
  const box = body("score");
  if (!scored.length) return false;
  if (scored.length === 1) oneScore(box, scored[0]);
  else {
    get("t-score").textContent = "CPUs by score";
    rankedScores(box);
  }
  definition(box);
  if (scored.length === 1) leftOut(box, scored[0]);
  return true;
}

// ---- The machine ----

const threadsOf = s => Math.max(0, ...cases.filter((c, i) => hasRow(s, i)).map(c => c.workers || 0));
// A ceiling with one thread and with all: "145, 289".
function ceilingOf(s, metric, op, level) {
  const of = w => {
    const i = cases.findIndex((c, k) => c.op === op && (c.level || null) === level && c.workers === w && value(metric, s, k) > 0);
    return i < 0 ? null : value(metric, s, i);
  };
  return [of(1), threadsOf(s) > 1 ? of(threadsOf(s)) : null];
}
function ceilingTable(box, s) {
  const rows = [["Multiply-adds, GFLOP/s", ceilingOf(s, "gflops", "fma", null)]];
  for (const level of dimension(cases.filter(c => c.op === "read"), "level"))
    rows.push(["Read " + (level || "memory") + ", GB/s", ceilingOf(s, "gbs", "read", level)]);
  const known = rows.filter(([, [one, all]]) => one !== null || all !== null);
  if (!known.length) return;
  const table = box.appendChild(make("table", "ceilings")),
    order = ["L1", "L2", "L3", "DRAM"];
  known.sort(([a], [b]) => order.findIndex(l => a.includes(l)) - order.findIndex(l => b.includes(l)));
  headRow(table, [["Ceilings"], ["1 thread", "right"], ["all " + threadsOf(s), "right"]]);
  const tbody = table.createTBody();
  known.forEach(([name, [one, all]]) => {
    const row = tbody.insertRow(),
      head = row.appendChild(make("th", "", name.replace("DRAM", "memory")));
    head.scope = "row";
    row.append(make("td", "right", digits(one)), make("td", "right", digits(all)));
  });
}
function disturbedWords(g) {
  let rows = 0,
    disturbed = 0,
    invalid = 0;
  series.forEach((s, i) =>
    cases.forEach((c, j) => {
      if (s.group !== g || !hasRow(i, j)) return;
      rows++;
      disturbed += text("disturbed", i, j) !== null;
      invalid += text("invalid", i, j) !== null;
    })
  );
  return disturbed || invalid
    ? disturbed + " of " + plural(rows, "row") + " disturbed" + (invalid ? ", " + invalid + " invalid" : "")
    : "no row was disturbed";
}
function machineSection() {
  if (groups.length !== 1) return false;
  const box = body("machine"),
    g = groups[0],
    at = path => asWords(lookUp(g.context, path));
  const memory = lookUp(g.context, "machine.memory_bytes"),
    list = make("dl", "facts brief");
  for (const [name, words] of [
    ["CPU", asWords(g.cpu)],
    ["Cores", coreWords(g.context)],
    ["Caches", cacheWords(g.context)],
    ["Memory", typeof memory === "number" ? byteSize(memory) : DASH],
    ["System", [at("machine.kernel"), at("machine.hypervisor")].filter(v => v !== DASH && v !== UNKNOWN && v !== "none").join(", ") || DASH],
    ["Measured", day(g) + (g.files > 1 ? ", " + plural(g.files, "file") : "")],
    ["With", "Decoct " + at("decoct.version") + ", " + asWords(g.commit) + ", " + at("decoct.compiler")],
    ["State", disturbedWords(0)]
  ])
    if (words !== DASH) {
      const fact = list.appendChild(make("div"));
      fact.append(make("dt", "", name), make("dd", "", words));
    }
  box.append(list);
  ceilingTable(box, mainSeries(0));
  return true;
}

// ---- Tokens per second ----

const TOKEN_OPS = ["prefill", "generate"];
const isScaled = c => c.layers_timed !== null && c.layers_timed < c.layers;
const tokenCases = s => cases.map((c, i) => i).filter(i => cases[i].block && TOKEN_OPS.includes(cases[i].op) && value("tokens", s, i) > 0 && !isWrong(s, i));
// "prefill 512": an operation with its length.
const workloads = list =>
  distinct(list.map(i => cases[i].op + " " + cases[i].seq)).sort((a, b) => TOKEN_OPS.indexOf(a.split(" ")[0]) - TOKEN_OPS.indexOf(b.split(" ")[0]) || order(a, b));
const modelKeys = list =>
  distinct(list.map(i => cases[i].block + "\t" + cases[i].dtype))
    .map(k => k.split("\t"))
    .sort((a, b) => order(a[0], b[0]) || isUsual("dtype", b[1]) - isUsual("dtype", a[1]) || order(a[1], b[1]));
function tokenCell(s, list, [block, type], work, workers) {
  const i = list.find(k => cases[k].block === block && cases[k].dtype === type && cases[k].op + " " + cases[k].seq === work && cases[k].workers === workers);
  const cell = make("td", "right", i === undefined ? DASH : digits(value("tokens", s, i)));
  if (i !== undefined && isScaled(cases[i])) cell.append(make("sup", "", "s"));
  return cell;
}
function layersWords(list, [block, type]) {
  const mine = list.map(i => cases[i]).filter(c => c.block === block && c.dtype === type);
  return distinct(mine.map(c => (isScaled(c) ? c.layers_timed + " of " + c.layers : "all " + c.layers))).join("; ");
}
function tokensOfOne(box, s) {
  const list = tokenCases(s),
    works = workloads(list),
    counts = dimension(list.map(i => cases[i]), "workers");
  const some = counts.length > 2 ? [counts[0], counts[counts.length - 1]] : counts;
  const table = box.appendChild(make("div", "scroll")).appendChild(make("table", "tokens"));
  headRow(table, [["Model"], ["Weights"], ...works.map(w => [capital(w) + " tokens", "right", some.length]), ["Layers timed", "right"]]);
  const second = table.tHead.insertRow();
  ["", "", ...works.flatMap(() => some.map(w => plural(w, "thread"))), ""].forEach(w => second.append(make("th", "right soft", w)));
  const tbody = table.createTBody();
  let last = null;
  for (const key of modelKeys(list)) {
    const row = tbody.insertRow(),
      name = row.appendChild(make("th", "", key[0] === last ? "" : key[0]));
    name.scope = "row";
    row.className = key[0] === last ? "" : "first-of";
    last = key[0];
    row.append(make("td", "", key[1]));
    works.forEach(w => some.forEach(n => row.append(tokenCell(s, list, key, w, n))));
    row.append(make("td", "right soft", layersWords(list, key)));
  }
  return list;
}
function tokensOfMany(box, machines) {
  const all = distinct(machines.flatMap(([, s]) => tokenCases(s))),
    table = box.appendChild(make("div", "scroll")).appendChild(make("table", "tokens"));
  headRow(table, [["Model"], ["Weights"], [""], ...machines.map(([g]) => [groups[g].label, "right"])]);
  const tbody = table.createTBody();
  for (const key of modelKeys(all))
    for (const work of workloads(all)) {
      const row = tbody.insertRow(),
        name = row.appendChild(make("th", "", key[0]));
      name.scope = "row";
      row.append(make("td", "", key[1]), make("td", "soft", work));
      machines.forEach(([, s]) => row.append(tokenCell(s, tokenCases(s), key, work, Math.max(...tokenCases(s).map(i => cases[i].workers)))));
    }
  return all;
}
function tokensSection() {
  const box = body("tokens"),
    ranked = scored.map(s => s.group),
    order = [...ranked, ...groups.map((g, i) => i).filter(g => !ranked.includes(g))];
  const able = order.map(g => [g, mainSeries(g)]).filter(([, s]) => s >= 0 && tokenCases(s).length);
  if (!able.length) return false;
  const list = able.length === 1 && groups.length === 1 ? tokensOfOne(box, able[0][1]) : tokensOfMany(box, able.slice(0, 6));
  const words = [];
  if (able.length > 1) words.push("With all threads of each CPU.");
  if (able.length > 6) words.push("The first 6 of " + able.length + " CPUs.");
  if (list.some(i => isScaled(cases[i])))
    words.push("s: scaled. Only the layers named were timed, more than any cache holds; tokens/s are those of the whole model.");
  words.push("Prefill: the whole prompt at once. Generate: one token after another.");
  box.append(make("p", "hint after", words.join(" ")));
  return true;
}

function firstScreen() {
  const parts = { score: scoreSection(), machine: machineSection(), tokens: tokensSection() };
  const any = parts.score || parts.tokens;
  for (const [id, filled] of Object.entries(parts)) get(id).hidden = !filled || !any;
  get("first").hidden = !any;
  get("bar").querySelector('a[href="#first"]').hidden = !any;
}
firstScreen();
