// SPDX-License-Identifier: BSD-2-Clause
// Where the CPUs of each machine are, which of them the runs used, and by which worker; what was
// counted there.
"use strict";
const DRAWN_MACHINES = 4;
// The places of a machine, a list of {cpu, package, numa, l3, core}; null: the file does not have them.
function placesOf(g) {
  const columns = lookUp(g.context, "machine.topology.places");
  if (!columns || !Array.isArray(columns.cpu) || !columns.cpu.length) return null;
  const at = (key, i) => {
    const v = (Array.isArray(columns[key]) ? columns[key] : [])[i];
    return Number.isInteger(v) ? v : null;
  };
  return columns.cpu
    .map((cpu, i) => ({
      cpu: Number.isInteger(cpu) ? cpu : null,
      ...Object.fromEntries(["package", "numa", "l3", "core"].map(key => [key, at(key, i)]))
    }))
    .filter(p => p.cpu !== null);
}
// How runs were placed: "2 threads, compact" and the rows of it.
function placings(g) {
  const found = new Map();
  series.forEach((one, s) => {
    if (one.group !== groups.indexOf(g)) return;
    cases.forEach((c, i) => {
      const cpus = text("seen", s, i);
      if (!hasRow(s, i) || cpus === null) return;
      const name = plural(c.workers || 1, "thread") + ", " + (c.pin && c.pin !== "none" ? "pin " + c.pin : "not pinned");
      if (!found.has(name)) found.set(name, { name, workers: c.workers || 1, rows: [] });
      found.get(name).rows.push(cpus);
    });
  });
  return [...found.values()].sort((a, b) => b.workers - a.workers);
}
// CPU to the workers that were seen on it.
function workersOn(rows) {
  const on = new Map();
  for (const row of rows)
    row.split(",").forEach((word, worker) => {
      const cpu = /^\d+$/.test(word.trim()) ? Number(word) : null;
      if (cpu === null) return;
      if (!on.has(cpu)) on.set(cpu, new Set());
      on.get(cpu).add(worker);
    });
  return on;
}
// The list by one key: [[number, places], ...] in their order.
function split(places, key) {
  const parts = new Map();
  for (const p of places) parts.set(p[key], [...(parts.get(p[key]) || []), p]);
  return [...parts];
}
function kindNames(g) {
  const kinds = lookUp(g.context, "machine.topology.kinds");
  const names = new Map();
  if (!Array.isArray(kinds) || kinds.length < 2) return names;
  kinds.forEach((kind, i) => {
    const letter = kinds.length === 2 ? ["E", "P"][i] : String(i + 1);
    (kind && Array.isArray(kind.cpus) ? kind.cpus : []).forEach(cpu =>
      names.set(cpu, { letter, first: i === 0, words: String(kind.parts || kind.type || "kind " + letter) })
    );
  });
  return names;
}
function cpuCell(p, m, on, siblings) {
  const workers = [...(on.get(p.cpu) || [])].sort((a, b) => a - b),
    allowed = !m.allowed || m.allowed.has(p.cpu);
  const few = workers.length > 2 ? "\u2217" : workers.join(" ");
  const cell = make("span", "tcpu" + (workers.length ? " used" : allowed ? "" : " shut"), few || (allowed ? "" : "\u00d7"));
  tells(cell, () => [
    "CPU " + p.cpu,
    workers.length ? (workers.length > 1 ? "workers " : "worker ") + workers.join(", ") : allowed ? "not used" : "not allowed to this process",
    p.core !== null && "core " + p.core + (siblings > 1 ? ", " + siblings + " threads" : ""),
    p.l3 !== null && "L3 " + p.l3,
    p.numa !== null && "NUMA node " + p.numa,
    p.package !== null && "package " + p.package,
    m.kinds.has(p.cpu) && m.kinds.get(p.cpu).words
  ]);
  return cell;
}
function drawCores(box, places, m, on) {
  const cores = box.appendChild(make("div", "tcores"));
  for (const [, cpus] of split(places, "core")) {
    const kind = m.kinds.get(cpus[0].cpu);
    const core = cores.appendChild(make("span", "tcore" + (kind && kind.first ? " little" : "")));
    cpus.forEach(p => core.append(cpuCell(p, m, on, cpus.length)));
    if (kind) core.append(make("small", "", kind.letter));
  }
}
// Packages, in them NUMA nodes, in them L3 caches; a level that all share is not drawn again.
function drawLevel(box, places, m, on, keys) {
  if (!keys.length) return drawCores(box, places, m, on);
  const [[key, word], ...rest] = keys,
    parts = split(places, key);
  const drawn = key === "package" || (parts.some(([n]) => n !== null) && (key === "l3" || parts.length > 1));
  if (!drawn) return drawLevel(box, places, m, on, rest);
  const line = box.appendChild(make("div", "tparts"));
  for (const [number, inside] of parts) {
    const part = line.appendChild(make("div", "tpart t" + key));
    const name = number === null ? (key === "l3" ? "no L3" : word + " unknown") : word + " " + number;
    part.append(make("p", "tname", name + (key === "l3" && number !== null ? m.l3 : "")));
    drawLevel(part, inside, m, on, rest);
  }
}
function countedWords(g) {
  const first = key => {
    for (let s = 0; s < series.length; s++)
      if (series[s].group === groups.indexOf(g))
        for (let c = 0; c < cases.length; c++) if (text(key, s, c) !== null) return text(key, s, c);
    return null;
  };
  const words = [];
  if (first("counters_unknown")) words.push("Counters that are unknown: " + first("counters_unknown") + ".");
  if (first("energy_unknown")) words.push("Energy is unknown: " + first("energy_unknown") + ".");
  if (first("ipc") || first("joules")) words.push("Counters and energy are columns of the table of all rows.");
  return words.join(" ");
}
function describeMachine(g, places) {
  const allowed = lookUp(g.context, "machine.topology.allowed"),
    caches = lookUp(g.context, "machine.topology.caches");
  const l3 = (Array.isArray(caches) ? caches : []).filter(c => c && c.level === 3);
  return {
    places,
    allowed: Array.isArray(allowed) && allowed.length ? new Set(allowed) : null,
    kinds: kindNames(g),
    l3: l3.length === 1 ? ", " + byteSize(l3[0].size) : ""
  };
}
function topologyLegend(box, m, ways) {
  const legend = box.appendChild(make("p", "tlegend"));
  const entry = (name, mark, words) => {
    const item = legend.appendChild(make("span"));
    item.append(make("span", "tcpu " + name, mark), " " + words);
  };
  entry("used", "0", "used, by this worker");
  if (ways.some(w => [...workersOn(w.rows).values()].some(on => on.size > 2))) entry("used", "\u2217", "by more than two in turn");
  entry("", "", "not used");
  if (m.allowed && m.places.some(p => !m.allowed.has(p.cpu))) entry("shut", "\u00d7", "not allowed");
  const kinds = new Map([...m.kinds.values()].map(k => [k.letter, k.words]));
  for (const [letter, words] of kinds) legend.append(make("span", "", letter + ": " + words));
  if (split(m.places, "core").some(([, cpus]) => cpus.length > 1)) legend.append(make("span", "", "A frame is a core, its cells are its threads."));
}
function drawMachine(box, g) {
  const part = box.appendChild(make("div", "tmachine")),
    places = placesOf(g);
  if (groups.length > 1) part.append(make("h3", "", g.label));
  if (places) {
    const m = describeMachine(g, places),
      ways = placings(g),
      controls = part.appendChild(make("div", "pickers")),
      drawing = make("div", "topology");
    const draw = index => {
      const on = workersOn(ways[index] ? ways[index].rows : []);
      drawing.textContent = "";
      drawLevel(drawing, places, m, on, [["package", "Package"], ["numa", "NUMA node"], ["l3", "L3"]]);
      drawing.setAttribute("role", "img");
      drawing.setAttribute("aria-label", coreWords(g.context) + "; " + (on.size ? plural(on.size, "CPU") + " used: " + [...on.keys()].sort((a, b) => a - b).join(", ") : "it is not known which were used"));
    };
    if (ways.length > 1)
      picker(controls, "Runs with", ways.map((w, i) => [i, w.name]), v => draw(Number(v)));
    else if (ways.length) controls.append(make("span", "soft", ways[0].name));
    part.append(drawing);
    draw(0);
    topologyLegend(part, m, ways);
    if (ways.some(w => w.rows.includes("differs"))) part.append(make("p", "hint", "The files of this group used different CPUs."));
  } else part.append(make("p", "hint", "The file does not say where the CPUs are."));
  if (countedWords(g)) part.append(make("p", "hint after", countedWords(g)));
}
function topologySection() {
  const shown = groups.filter(placesOf).slice(0, DRAWN_MACHINES);
  if (!shown.length && !groups.some(countedWords)) return; // older files
  const section = make("section", "card");
  section.id = "topology";
  section.setAttribute("aria-labelledby", "t-topology");
  const title = make("h2", "", "Where it ran");
  title.id = "t-topology";
  section.append(title, make("p", "hint", "Packages, NUMA nodes, caches that cores share, cores and their threads. A filled cell is a CPU that a worker was seen on; its number is the worker\u2019s."), make("div", "body"));
  get("compare").after(section);
  const link = make("a", "", "Topology");
  link.href = "#topology";
  document.querySelector(".bar nav a[href='#sweep']").before(link);
  const list = shown.length ? shown : groups.filter(countedWords).slice(0, DRAWN_MACHINES);
  list.forEach(g => drawMachine(body("topology"), g));
  if (groups.length > list.length) body("topology").append(make("p", "hint after", "Drawn are " + list.length + " of " + plural(groups.length, "machine") + "."));
}
topologySection();
