// SPDX-License-Identifier: BSD-2-Clause
// A/B comparisons and gates: a section for each file, with its verdict, a forest plot, a table, and
// how it was measured.
"use strict";
const AB_SHOWN = 6; // cases that a sentence names

const objects = v => (Array.isArray(v) ? v.filter(one => one && typeof one === "object") : []);
// Different bits that no other arithmetic explains and no gate allowed.
function abWrong(ab, c) {
  const [a, b] = objects(ab.arms).map(arm => arm.arithmetic),
    outcome = c.more.outcome;
  return c.bits === "different" && (typeof outcome === "string" ? outcome === "different bits" : a === b);
}
data.ab.forEach((ab, i) => {
  ab.id = data.ab.length > 1 ? "ab-" + (i + 1) : "ab";
  ab.cases.forEach((c, k) => {
    c.index = k;
    c.wrong = abWrong(ab, c);
  });
  ab.tally = Object.fromEntries(
    Object.keys(AB_KINDS).map(kind => [kind, ab.cases.filter(c => abKind(c) === kind)])
  );
});
const abAlone = data.ab.length > 0 && !data.verdict.rows;

// ---- The verdict ----

const abState = ab =>
  ab.gate && ab.gate.exit_code !== 0
    ? [10, 12].includes(ab.gate.exit_code)
      ? "bad"
      : "warn"
    : (ab.tally.slower.length && !ab.gate) || ab.cases.some(c => c.wrong)
      ? "bad"
      : ab.tally.unclear.length + ab.tally.failed.length > ab.cases.length / 4
        ? "warn"
        : "good";
const abShort = c => (c.name.length > 100 ? c.name.slice(0, 99) + "\u2026" : c.name);
const abNamed = (list, says) =>
  list
    .slice(0, AB_SHOWN)
    .map(c => abShort(c) + says(c))
    .join("; ") + (list.length > AB_SHOWN ? "; and " + (list.length - AB_SHOWN) + " more" : "");
const abChange = c =>
  (c.looked ? " " + abPercent(c.estimate) + " (" + abInterval(c) + ")" : "") + (c.why ? ": " + c.why : "") +
  (["accepted", "quarantined"].includes(c.more.outcome) ? ", " + c.more.outcome : "");
// Why there is no verdict, each reason once.
function abReasons(list) {
  const why = c => c.why || (c.looked ? "still undecided at the last look" : "no look yet");
  return distinct(list.map(why))
    .map(words => plural(list.filter(c => why(c) === words).length, "case") + ": " + words)
    .join("; ");
}
function abTiles(ab) {
  const tile = (kind, state) => {
    const cases = ab.tally[kind],
      item = make("li");
    const of = outcome => (kind === "unjudged" ? 0 : cases.filter(c => c.more.outcome === outcome).length);
    const counted = cases.length - of("accepted") - of("quarantined");
    const sign = counted && ["slower", "faster", "failed"].includes(kind) ? AB_KINDS[kind].sign + " " : "";
    item.className = "figure " + (counted ? state : "");
    item.append(
      make("b", "", sign + count(counted)),
      make(
        "span",
        "",
        AB_KINDS[kind].word +
          ["accepted", "quarantined"].map(o => (of(o) ? ", " + of(o) + " more " + o : "")).join("")
      )
    );
    return item;
  };
  const list = make("ul", "figures");
  list.setAttribute("aria-label", "In short");
  if (ab.tally.unjudged.length) list.append(tile("unjudged", "warn"));
  else list.append(tile("slower", "bad"), tile("faster", "good"), tile("same", ""), tile("unclear", "warn"));
  if (ab.tally.failed.length) list.append(tile("failed", "bad"));
  return list;
}
function abSentence(box, className, label, words) {
  const p = box.appendChild(make("p", className));
  p.append(make("b", "", label + " "), words);
}
function abBanner(box, ab) {
  const { slower, faster, unclear, failed } = ab.tally,
    bits = ab.cases.filter(c => c.bits === "different");
  if (!(abAlone && data.ab.length === 1))
    box.append(make("p", "ab-verdict " + abState(ab), capital(ab.headline)));
  box.append(abTiles(ab));
  if (bits.length)
    abSentence(
      box,
      "alert",
      "Different bits:",
      abNamed(bits, () => "") + " (B\u2019s results are not those of A)."
    );
  if (ab.inject > 0)
    abSentence(box, "alert", "A test:", "B was slowed by " + brief(ab.inject * 100) + " % on purpose (--inject).");
  if (ab.complete === 0) abSentence(box, "alert", "Incomplete:", "the run was ended early.");
  if (slower.length) abSentence(box, "says", "Slower:", abNamed(slower, abChange) + ".");
  if (faster.length) abSentence(box, "says", "Faster:", abNamed(faster, abChange) + ".");
  if (unclear.length) abSentence(box, "says", "Cannot tell:", abReasons(unclear) + ".");
  if (failed.length)
    abSentence(box, "says", "Not measured:", abNamed(failed, c => ": " + (c.error || "unknown")) + ".");
}

// ---- The gate ----

const abText = v => (typeof v === "string" || typeof v === "number" ? String(v) : "");
function abCheck(box, gate) {
  const check = gate.self_check;
  if (!check || typeof check !== "object") return;
  box.append(make("h3", "", "Self-check: " + (check.passed ? "passed" : "failed")));
  box.append(
    make(
      "p",
      "hint",
      "The baseline was compared with a copy of itself, which must be \u201cno change\u201d, and with a copy slowed by " +
        brief((check.inject || 0) * 100) +
        " %, which must be found. " +
        (abText(check.why) || abText(check.error)
          ? "It failed: " + (abText(check.why) || abText(check.error)) + "."
          : check.passed
            ? "Both held in every case."
            : "They did not hold: nothing on this page can be relied on.")
    )
  );
  const cases = objects(check.cases);
  if (cases.length)
    abPlainTable(
      box,
      ["Case", "Against its copy", "Against the slowed copy"],
      cases.map(c => [c.name, c.copy, c.slowed].map(abText))
    );
}
// Accepted changes and quarantined cases.
function abEntries(box, gate) {
  const list = objects(gate.entries);
  if (!list.length) return;
  box.append(make("h3", "", "Accepted changes and quarantined cases"));
  abPlainTable(
    box,
    ["Kind", "Cases", "Until", "Reason", "Matches"],
    list.map(e => [
      abText(e.kind) + (e.expired ? ", expired" : ""),
      abText(e.cases),
      abText(e.until) || "for ever",
      abText(e.reason),
      Array.isArray(e.matches) ? e.matches.map(abText).join(", ") || "no case" : ""
    ])
  );
}
function abPlainTable(box, headings, rows) {
  const scroll = box.appendChild(make("div", "scroll")),
    table = scroll.appendChild(make("table")),
    head = table.createTHead().insertRow();
  headings.forEach(words => {
    head.appendChild(make("th", "", words)).scope = "col";
  });
  const tbody = table.createTBody();
  rows.forEach(cells => {
    const row = tbody.insertRow();
    cells.forEach(words => row.append(make("td", "", words)));
  });
}

// ---- What was disturbed ----

const AB_CONTROL = {
  "no change": "as long next to B as next to A",
  regression: "longer next to B than next to A: the machine changed",
  improvement: "less time next to B than next to A: the machine changed"
};
function abDisturbed(box, ab) {
  const noise = ab.noise || {},
    control = (ab.gate && ab.gate.self_check && ab.gate.self_check.control) || {},
    words = ["This does not make the verdicts wrong: it explains why some cases take longer or stay undecided."];
  if (noise.pairs > 0 && noise.disturbed >= 0)
    words.push(
      "In " + count(noise.disturbed) + " of " + plural(noise.pairs, "pair") + " (" +
        percent(noise.disturbed / noise.pairs) + ") something took the CPU from a worker."
    );
  if (noise.woke) words.push("In " + plural(noise.woke, "pair") + " the worker that should have slept did not.");
  if (typeof noise.slow_share === "number")
    words.push(
      "The control kernel, which never changes, was slow in " + percent(noise.slow_share) + " of its runs" +
        (noise.noisy ? ": a noisy host." : ".")
    );
  if (AB_CONTROL[control.verdict]) words.push("The control kernel took " + AB_CONTROL[control.verdict] + ".");
  words.push(
    "All of this is recorded, and nothing was dropped for it: the rule uses every pair of every launch. Measured, dropping " +
      "disturbed pairs gains nothing and loses launches."
  );
  box.append(make("h3", "", "What was disturbed"), make("p", "hint", words.join(" ")));
  const looked = ab.cases.filter(c => c.waiting_looked_at === 1).length;
  box.append(
    make("h3", "", "Beyond the quickest calls"),
    make(
      "p",
      "hint",
      "The mean of all calls is judged too (margin " +
        (ab.guard_margin === null ? "unknown" : "\u00b1" + brief(ab.guard_margin * 100) + " %") +
        "): slower in " +
        ab.cases.filter(c => c.guard === "regression").length +
        " of " +
        plural(ab.cases.length, "case") +
        ". Waiting (sleep, locks) shows only in the wall time of undisturbed pairs: " +
        (looked
          ? "looked at in " +
            plural(looked, "case") +
            ", longer in " +
            ab.cases.filter(c => c.waiting === "regression").length +
            "."
          : "there were too few of them, so that it was not looked at.")
    )
  );
}

// ---- How it was measured ----

function abFacts(box, heading, facts) {
  const list = make("dl", "facts");
  facts.forEach(([name, words]) => {
    if (words === "" || words === DASH) return;
    const fact = list.appendChild(make("div"));
    fact.append(make("dt", "", name), make("dd", "", words));
  });
  if (list.children.length) box.append(make("h3", "", heading), list);
}
const AB_RULE_WORDS = {
  alpha: "Error at each end, one look",
  alarm: "Chance of an alarm, one look",
  pairs: "Pairs in a launch",
  sample_seconds: "A sample, s",
  calls_least: "Calls in a sample, at least",
  threads: "Threads"
};
function abRule(box, ab) {
  const rule = ab.rule || {};
  const known = ["margin", "launches", "inject", "guard_margin"];
  abFacts(box, "The rule", [
    ["Margin", "\u00b1" + brief(ab.margin * 100) + " %"],
    ["Launches", ab.first + " at the first look, " + ab.step + " more for each, " + ab.last + " at most"],
    ["Margin of the mean", ab.guard_margin === null ? "" : "\u00b1" + brief(ab.guard_margin * 100) + " %"],
    ...Object.entries(rule)
      .filter(([key]) => !known.includes(key))
      .map(([key, v]) => [AB_RULE_WORDS[key] || capital(key.replace(/_/g, " ")), asWords(v)])
  ]);
}
function abBuilds(box, ab) {
  const arms = objects(ab.arms),
    gate = ab.gate || {};
  const served = key => distinct(ab.cases.map(c => c[key]).filter(v => v)).join(", ") || DASH;
  const keys = distinct(arms.flatMap(a => Object.keys(a))).filter(k => k !== "library" && k !== "backend");
  const rows = [
    ["Build", [abText(gate.baseline), abText(gate.candidate)]],
    ["Library", arms.map(a => asWords(a.library))],
    ["Backend asked for", arms.map(a => a.backend || "the best one")],
    ["Backend that served", [served("served_a"), served("served_b")]],
    ...keys.map(key => [capital(key.replace(/_/g, " ")), arms.map(a => asWords(a[key]))])
  ].filter(([, cells]) => cells.some(v => v && v !== DASH));
  box.append(make("h3", "", "The two builds"));
  const scroll = box.appendChild(make("div", "scroll")),
    table = scroll.appendChild(make("table", "machines builds")),
    head = table.createTHead().insertRow();
  ["", ab.gate ? "A, baseline" : "A", ab.gate ? "B, candidate" : "B"].forEach(words => {
    head.appendChild(make("th", "", words)).scope = "col";
  });
  const tbody = table.createTBody();
  rows.forEach(([name, cells]) => {
    const row = tbody.insertRow(),
      th = row.appendChild(make("th", "", name));
    th.scope = "row";
    cells.forEach(v => {
      row.appendChild(make("td")).append(cells[0] !== cells[1] ? make("mark", "", v || DASH) : v || DASH);
    });
  });
}
function abMachine(box, ab) {
  const g = { ...ab, label: "", files: 1, complete: ab.complete === null ? null : ab.complete === 1 };
  abFacts(
    box,
    "The machine",
    MACHINE_ROWS.filter(([name]) => name !== "Files" && name !== "Repetitions").map(([name, ask]) => [name, ask(g)])
  );
}
function abHow(box, ab) {
  const details = box.appendChild(make("details", "formulas")),
    inside = make("div", "ab-how");
  details.append(make("summary", "", "How it was measured: builds, rule, machine"), inside);
  abBuilds(inside, ab);
  abRule(inside, ab);
  abMachine(inside, ab);
}

// ---- The table ----

const AB_COLUMNS = [
  ["Case", c => c.name],
  ["Verdict", c => abWord(c)],
  ["Change", c => c.estimate, abPercent],
  ["Low", c => (c.looked ? c.low : null), abPercent],
  ["High", c => (c.looked ? c.high : null), abPercent],
  ["Launches", c => c.launches.quickest.length, v => count(v)],
  [
    "Probably found above",
    c => (c.verdict === "no change" && c.smallest > 0 ? Math.log1p(c.smallest) : null),
    abPercent
  ],
  ["Quickest calls alone", abCalls, abPercent],
  ["Mean of all calls", c => c.guard],
  ["Waiting", c => (c.waiting_looked_at === 0 ? "not looked at" : c.waiting)],
  ["Time of A", c => median(c.launches.run_a.filter(v => v > 0)), v => (v === null ? DASH : duration(v / 1e3))],
  ["Bits", c => c.bits],
  ["Reason", c => [c.error, c.why, c.more.reason].filter(v => v).join("; ") || null]
];
function abTable(box, ab) {
  const details = box.appendChild(make("details", "formulas")),
    scroll = make("div", "scroll"),
    table = scroll.appendChild(make("table", "rows ab-rows"));
  details.append(make("summary", "", "Table of the " + plural(ab.cases.length, "case")), scroll);
  scroll.tabIndex = 0;
  scroll.setAttribute("role", "region");
  scroll.setAttribute("aria-label", "Table of the cases of " + ab.file);
  const head = table.createTHead().insertRow(),
    tbody = table.createTBody(),
    columns = AB_COLUMNS.filter(([, ask]) => ab.cases.some(c => ask(c) !== null && ask(c) !== undefined)),
    state = { sort: null, down: false };
  function paint() {
    const list = [...ab.cases];
    if (state.sort) {
      const ask = state.sort[1],
        sign = state.down ? -1 : 1;
      list.sort((x, y) => {
        const [u, v] = [ask(x), ask(y)];
        return u === null || v === null ? (u === null) - (v === null) : sign * order(u, v);
      });
    }
    tbody.textContent = "";
    list.forEach(c => {
      const row = tbody.insertRow();
      columns.forEach(([name, ask, show]) => {
        const v = ask(c),
          words = show ? show(v) : v || DASH,
          cell = row.appendChild(make(name === "Case" ? "th" : "td", show ? "right" : "", words));
        if (name === "Case") cell.scope = "row";
        if (name === "Verdict") cell.classList.add("ab-" + abLook(c));
        if (name === "Reason") cell.title = words;
        if (words === DASH) cell.classList.add("empty");
      });
    });
  }
  columns.forEach(column => {
    const th = head.appendChild(make("th", column[2] ? "right" : "")),
      button = th.appendChild(make("button", "sort", column[0]));
    th.scope = "col";
    button.type = "button";
    button.onclick = () => {
      if (state.sort === column) state.down = !state.down;
      else [state.sort, state.down] = [column, Boolean(column[2])];
      [...head.cells].forEach(cell => cell.removeAttribute("aria-sort"));
      th.setAttribute("aria-sort", state.down ? "descending" : "ascending");
      paint();
    };
  });
  paint();
}

// ---- The sections ----

function abSection(ab) {
  const section = make("section", "card ab"),
    title = section.appendChild(make("h2", "", (ab.gate ? "Gate: " : "Build against build: ") + ab.file));
  section.id = ab.id;
  title.id = "t-" + ab.id;
  section.setAttribute("aria-labelledby", title.id);
  section.append(
    make(
      "p",
      "hint",
      "Time of B against A: right of 0 B is slower. Both took turns on the same CPUs; a launch is a fresh start of both, and the " +
        "interval comes from the launches. " +
        [ab.cpu, ab.date && day(ab)].filter(v => v).join(", ")
    )
  );
  abBanner(section, ab);
  if (ab.cases.length) {
    abForest(section, ab);
    abTable(section, ab);
  }
  if (ab.gate) {
    abCheck(section, ab.gate);
    abEntries(section, ab.gate);
  }
  abDisturbed(section, ab);
  abHow(section, ab);
  return section;
}
// The head of a page without result files.
function abHead() {
  const [first] = data.ab,
    many = data.ab.length > 1;
  const slower = data.ab.filter(ab => ab.tally.slower.length).length;
  get("headline").textContent = many
    ? plural(data.ab.length, "comparison") + " of builds: " + (slower ? slower + " with slower cases" : "no case is slower")
    : capital(first.headline);
  get("headline").className = many ? (slower ? "bad" : "good") : abState(first);
  const gate = first.gate || {},
    arms = objects(first.arms).map((a, i) => abText([gate.baseline, gate.candidate][i]) || asWords(a.library));
  get("lede").textContent = many
    ? data.ab.map(ab => ab.file + ": " + ab.headline).join(". ") + "."
    : capital(first.counts) + ". A is " + arms[0] + ", B is " + arms[1] + "; changes up to \u00b1" +
      brief(first.margin * 100) + "\u00a0% count as no change.";
  const days = distinct(data.ab.map(ab => String(ab.date || "").slice(0, 10)).filter(v => v)).sort();
  get("eyebrow").textContent =
    "Decoct report" + (days.length ? " \u00b7 measured " + distinct([days[0], days[days.length - 1]]).join(" to ") : "");
  document.title = get("headline").textContent + " \u2013 Decoct report";
  get("figures").hidden = true;
  // What only result files have.
  for (const link of [...get("bar").querySelectorAll("nav a")])
    link.hidden = !["raw", ...data.ab.map(ab => ab.id)].includes(link.hash.slice(1));
  for (const section of document.querySelectorAll("main > section:not(.ab):not(#raw)")) section.hidden = true;
}
function abSections() {
  const main = document.querySelector("main"),
    nav = get("bar").querySelector("nav"),
    before = [main.firstElementChild, nav.firstElementChild];
  data.ab.forEach(ab => {
    main.insertBefore(abSection(ab), before[0]);
    const link = make("a", "", data.ab.length > 1 ? ab.file : ab.gate ? "Gate" : "Build against build");
    link.href = "#" + ab.id;
    nav.insertBefore(link, before[1]);
  });
  if (abAlone) abHead();
}
abSections();
