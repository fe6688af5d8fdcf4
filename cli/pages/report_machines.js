// SPDX-License-Identifier: BSD-2-Clause
// Machines side by side, the disclosure of each, and the files that the page contains.
"use strict";
const UNKNOWN = "unknown";
function lookUp(object, path) {
  for (const key of path.split(".")) {
    if (object === null || typeof object !== "object") return undefined;
    object = object[key];
  }
  return object;
}
function asWords(v) {
  if (v === undefined || v === null || v === "") return DASH;
  if (Array.isArray(v)) return v.map(asWords).join(", ") || DASH;
  if (typeof v === "object")
    return Object.entries(v)
      .map(([k, x]) => k + " " + asWords(x))
      .join(", ");
  return v === true ? "yes" : v === false ? "no" : String(v);
}
function cacheWords(context) {
  const list = lookUp(context, "machine.topology.caches");
  if (!Array.isArray(list) || !list.length) return DASH;
  return list
    .map(c => "L" + c.level + " " + byteSize(c.size) + (c.count > 1 ? " \u00d7 " + c.count : ""))
    .join(", ");
}
function coreWords(context) {
  const t = lookUp(context, "machine.topology") || {};
  if (!t.cores) return DASH;
  return (
    plural(t.cores, "core") +
    ", " +
    plural(t.cpus, "CPU") +
    (t.packages > 1 ? ", " + t.packages + " packages" : "") +
    (t.numa > 1 ? ", " + t.numa + " NUMA nodes" : "")
  );
}
const day = g => (g.date ? String(g.date).slice(0, 16).replace("T", " ") : DASH);
const at = path => g => asWords(lookUp(g.context, path));
// Of the program: newer files may state it beside the machine.
const disclosed = (g, key) => {
  const own = lookUp(g.context, "decoct." + key);
  return own === undefined ? lookUp(g.context, key) : own;
};
const treeWords = dirty =>
  dirty === true ? "uncommitted changes" : dirty === false ? "none" : asWords(dirty);
// Two binaries of one commit differ here; older files have the library's SHA-256 only.
const buildWords = g =>
  asWords(disclosed(g, "build_id") || String(lookUp(g.context, "decoct.library") || "").slice(0, 16));
const MACHINE_ROWS = [
  ["CPU", g => asWords(g.cpu)],
  [
    "Model",
    g =>
      asWords(
        [
          lookUp(g.context, "machine.cpu_family"),
          lookUp(g.context, "machine.model"),
          lookUp(g.context, "machine.stepping")
        ]
          .filter(v => v !== undefined && v !== null)
          .join(" / ")
      )
  ],
  ["Microcode", at("machine.microcode")],
  ["Features", at("machine.features")],
  ["Cores", g => coreWords(g.context)],
  ["Usable CPUs", at("machine.usable_cpus")],
  ["CPU quota", at("machine.quota")],
  ["SMT", at("machine.smt")],
  ["Caches", g => cacheWords(g.context)],
  [
    "Memory",
    g => {
      const n = lookUp(g.context, "machine.memory_bytes");
      return typeof n === "number" ? byteSize(n) : asWords(n);
    }
  ],
  ["Hypervisor", at("machine.hypervisor")],
  ["Kernel", at("machine.kernel")],
  ["Governor", at("machine.governor")],
  ["Turbo", at("machine.turbo")],
  ["Huge pages", at("machine.huge_pages")],
  ["NUMA balancing", at("machine.numa_balancing")],
  ["Clock source", at("machine.clock_source")],
  ["Compiler", at("decoct.compiler")],
  ["Flags", at("decoct.flags")],
  ["Build", at("decoct.build_type")],
  ["Decoct", g => asWords(lookUp(g.context, "decoct.version"))],
  ["Commit", g => asWords(g.commit)],
  ["Changes", g => treeWords(disclosed(g, "tree_dirty"))],
  ["Build id", buildWords],
  ["Repetitions", at("decoct.repetitions")],
  [
    "Command",
    g => {
      const c = lookUp(g.context, "decoct.command");
      return Array.isArray(c) ? c.map(asWords).join(" ") : asWords(c);
    }
  ],
  ["Date", day],
  ["File", g => asWords(g.file)],
  ["Files", g => asWords(g.files)],
  ["Complete", g => (g.complete === null || g.complete === undefined ? UNKNOWN : asWords(g.complete))]
];

function machineTable() {
  if (!groups.length) return nothing("machines", "There is no machine in this report.");
  const box = body("machines");
  document.querySelector("main").classList.toggle("few", groups.length < 3);
  if (groups.length === 1) {
    get("machines").querySelector(".hint").textContent = "Where and how it was measured.";
    get("t-machines").textContent = "The machine: " + groups[0].label;
    const facts = box.appendChild(make("dl", "facts"));
    for (const [name, ask] of MACHINE_ROWS) {
      if (ask(groups[0]) === DASH || (name === "CPU" && groups[0].cpu === groups[0].label)) continue;
      const fact = facts.appendChild(make("div"));
      fact.append(make("dt", "", name), make("dd", "", ask(groups[0])));
    }
    return;
  }
  const scroll = make("div", "scroll"),
    table = scroll.appendChild(make("table", "machines"));
  scroll.tabIndex = 0;
  scroll.setAttribute("role", "region");
  scroll.setAttribute("aria-label", "Table of the machines");
  const head = table.createTHead().insertRow();
  head.append(make("th", "", ""));
  groups.forEach(g => head.append(make("th", "", g.label)));
  [...head.cells].forEach(cell => {
    cell.scope = "col";
  });
  const tbody = table.createTBody();
  for (const [name, ask] of MACHINE_ROWS) {
    const cells = groups.map(ask);
    if (cells.every(v => v === DASH) || (name === "CPU" && groups.every(g => g.cpu === g.label))) continue;
    const row = tbody.insertRow(),
      usual = distinct(cells).sort(
        (x, y) => cells.filter(v => v === y).length - cells.filter(v => v === x).length
      )[0];
    const differs = distinct(cells).length > 1;
    row.className = differs ? "differs" : "same";
    const th = row.appendChild(make("th", "", name));
    th.scope = "row";
    cells.forEach(v => {
      const cell = row.appendChild(make("td"));
      cell.append(
        differs && !["Date", "File", "Files"].includes(name) && (v !== usual || groups.length === 2)
          ? make("mark", "", v)
          : v
      );
    });
  }
  if (groups.length > 1 && tbody.querySelector(".same") && tbody.querySelector(".differs")) {
    const label = make("label", "check"),
      check = make("input");
    check.type = "checkbox";
    check.onchange = () => table.classList.toggle("only-differs", check.checked);
    label.append(check, " Only what differs");
    box.append(label);
  }
  box.append(scroll);
}

// Any JSON as nested lists of keys and values.
function tree(v) {
  if (v === null || typeof v !== "object") return make("span", "", v === null ? "null" : asWords(v));
  if (Array.isArray(v) && v.every(x => x === null || typeof x !== "object"))
    return make("span", "", v.map(asWords).join(", ") || "none");
  const list = make("dl", "tree");
  for (const [key, x] of Object.entries(v)) {
    list.append(make("dt", "", key));
    list.appendChild(make("dd")).append(tree(x));
  }
  return list.children.length ? list : make("span", "", "none");
}
function disclosure() {
  const box = body("context");
  if (!groups.length) return nothing("context", "There is nothing to disclose.");
  groups.forEach(g => {
    const details = box.appendChild(make("details", "group"));
    const title = make("summary", "", g.label);
    title.append(
      make(
        "span",
        "soft",
        " " +
          [g.file, g.files > 1 ? plural(g.files, "file") : "", day(g)]
            .filter(v => v && v !== DASH)
            .join(" \u00b7 ")
      )
    );
    details.append(title);
    if ((g.mixed || []).length) {
      const p = details.appendChild(make("p", "mixed", "The files of this group differ in: "));
      g.mixed.forEach((key, i) => p.append(i ? ", " : "", make("mark", "", key)));
    }
    const fill = () => {
      if (details.querySelector(".tree, .empty") === null)
        details.append(
          Object.keys(g.context || {}).length
            ? tree(g.context)
            : make("p", "hint empty", "The file does not contain it.")
        );
    };
    details.addEventListener("toggle", fill); // a fleet's are many: made when looked at
    details.fill = fill;
  });
}
// Paper cannot be clicked: there all is open, of a fleet only the formulas.
function openOnPaper() {
  let opened = [];
  onTheme(() => {
    opened.forEach(d => {
      d.open = false;
    });
    opened = document.documentElement.hasAttribute("data-print")
      ? [
          ...document.querySelectorAll(
            groups.length < 5 ? "main details:not([open])" : "details.formulas:not([open])"
          )
        ]
      : [];
    opened.forEach(d => {
      d.open = true;
      if (d.fill) d.fill();
    });
  });
}

function rawData() {
  const box = body("raw"),
    row = box.appendChild(make("p", "pickers"));
  const button = (words, act) => {
    const b = row.appendChild(make("button", "plain", words));
    b.type = "button";
    b.onclick = act;
  };
  if (data.verdict.rows) button("The table as CSV", () => download("decoct.csv", "text/csv;charset=utf-8", csv()));
  const files = [...document.querySelectorAll("script.raw")];
  files.forEach(f =>
    button(f.dataset.name || "result.json", () =>
      download((f.dataset.name || "result.json").replace(/[^\w.-]+/g, "_"), "application/json", f.textContent)
    )
  );
  if (!files.length) box.append(make("p", "hint", "The result files themselves are not in this page."));
}
machineTable();
disclosure();
openOnPaper();
rawData();
