// SPDX-License-Identifier: BSD-2-Clause
"use strict";
const DATA = JSON.parse(document.getElementById("data").textContent);

function make(tag, text, kind) {
  const e = document.createElement(tag);
  if (text !== undefined && text !== null) { e.textContent = text; }
  if (kind) { e.className = kind; }
  return e;
}

function put(id, ...children) { document.getElementById(id).append(...children); }

function row(cells, tag) {
  const tr = make("tr");
  for (const cell of cells) {
    if (cell instanceof Node && cell.nodeName.startsWith("T")) {
      tr.append(cell);
    } else {
      const td = make(tag || "td");
      td.append(cell);
      tr.append(td);
    }
  }
  return tr;
}

function table(head, rows) {
  const t = make("table"), top = make("thead"), body = make("tbody");
  top.append(row(head, "th"));
  body.append(...rows);
  t.append(top, body);
  return t;
}

function time(seconds) {
  return seconds >= 1 ? seconds.toFixed(2) + " s" : seconds >= 1e-3 ? (seconds * 1e3).toFixed(2) + " ms"
    : seconds >= 1e-6 ? (seconds * 1e6).toFixed(2) + " µs" : (seconds * 1e9).toFixed(0) + " ns";
}

function plural(count, noun) { return count + " " + noun + (count === 1 ? "" : "s"); }

// ---- The verdict ----

function headline() {
  const b = DATA.backend, name = b.name || b.given;
  const wrong = DATA.failed > 0;
  const verdict = DATA.conforms ? "conforms" : wrong ? "does not conform" : "was not tried";
  const h = document.getElementById("headline");
  h.textContent = name + " ";
  h.append(make("span", verdict, DATA.conforms ? "good" : wrong ? "bad" : "unknown"));
  document.title = name + " " + verdict;
  const level = { quick: "the quick tests", ordinary: "the ordinary tests", full: "all tests" }[DATA.level];
  const parts = [b.version ? "Version " + b.version : null, b.given, "priority " + b.priority,
    b.needs ? "needs " + b.needs : "needs nothing of the CPU", b.lacks ? "this CPU lacks " + b.lacks : null];
  put("lede", parts.filter(Boolean).join(", ") + ". " + DATA.verdict + " " + level[0].toUpperCase() + level.slice(1) +
    ", seed " + DATA.seed + ".");
}

// ---- Operations ----

function reasons(unit) {
  const found = new Set();
  for (const t of DATA.tests) {
    for (const f of t.unit === unit ? t.findings : []) {
      if (f.kind === "failure") { found.add(f.reason); }
    }
  }
  return [...found].join(", ");
}

function meter(error) {
  const cell = make("td");
  if (error !== null) {
    const bar = make("span", null, "meter"), fill = make("i");
    fill.style.width = Math.min(100, error * 100) + "%";
    bar.append(fill);
    cell.append(bar, make("span", error.toFixed(2), "num"));
  }
  return cell;
}

function unitRow(u) {
  const tried = u.not_tried < u.tests;
  const state = u.failed ? make("td", "wrong: " + reasons(u.name), "bad") : !tried ? make("td", "not tried", "unknown")
    : make("td", u.bits === "exact" ? "bit-exact" : "accurate, other bits", "good");
  return row([make("td", u.name, "name"), state, make("td", String(u.tests), "right"),
    make("td", u.failed ? String(u.failed) : "", "right"), meter(u.worst_error)]);
}

function units() {
  const asked = DATA.units.filter((u) => u.tests > 0);
  const count = make("th", "Tests", "right"), failed = make("th", "Failed", "right");
  put("units", table(["Operation", "Result", count, failed, "Largest error"], asked.map(unitRow)));
}

// ---- Findings ----

function finding(test, f) {
  const box = make("div", null, "finding " + (f.kind === "failure" ? "failure" : "other"));
  const title = make("h3", test.name + " ");
  title.append(make("span", f.kind === "failure" ? f.reason + (f.meaning ? ": " + f.meaning : "") : f.kind));
  box.append(title);
  if (f.case) { box.append(make("p", f.case, "case")); }
  box.append(make("p", f.text));
  return box;
}

// The first one of each reason: one is enough to see what is wrong.
function findingsOf(t, wrong, other) {
  const seen = new Set();
  let shown = 0;
  for (const f of t.findings) {
    if (f.kind !== "failure") {
      other.push(finding(t, f));
      shown++;
    } else if (!seen.has(f.reason)) {
      wrong.push(finding(t, f));
      seen.add(f.reason);
      shown++;
    }
  }
  if (t.findings_count > shown && seen.size) {
    wrong.push(make("p", "and " + (t.findings_count - shown) + " more of " + t.name, "hint"));
  }
}

function findings() {
  const wrong = [], other = [];
  for (const t of DATA.tests) { findingsOf(t, wrong, other); }
  for (const text of DATA.not_tried) { other.push(make("p", text)); }
  put("findings", ...wrong);
  put("notes", ...other);
  document.getElementById("findings-card").hidden = wrong.length === 0;
  document.getElementById("notes-card").hidden = other.length === 0;
}

// ---- Speed, and all tests ----

function speedRow(s, others) {
  const cells = [make("td", s.unit, "name"), s.shape, make("td", time(s.seconds), "right")];
  for (const name of others) {
    const ratio = s.others[name] ? s.others[name] / s.seconds : null;
    cells.push(make("td", ratio ? ratio.toFixed(2) + "×" : "", "right" + (ratio >= 1 ? " up" : "")));
  }
  cells.push(make("td", s.share === null ? "" : (100 * s.share).toFixed(0) + " % of " + s.roof, "right"));
  return row(cells);
}

function speed() {
  const others = [...new Set(DATA.speed.flatMap((s) => Object.keys(s.others)))];
  document.getElementById("speed-card").hidden = DATA.speed.length === 0;
  const heads = others.map((name) => make("th", "beside " + name, "right"));
  put("speed", table(["Operation", "Shape", make("th", "Time", "right"), ...heads, make("th", "Share", "right")],
    DATA.speed.map((s) => speedRow(s, others))));
}

function tests() {
  document.getElementById("tests-summary").textContent = "Show the " + plural(DATA.tests.length, "test");
  const kinds = { passed: "good", failed: "bad", "not tried": "unknown" };
  put("tests", table(["Test", "Result", make("th", "Time", "right"), "Largest error"], DATA.tests.map((t) => row([
    make("td", t.name, "name"), make("td", t.verdict, kinds[t.verdict]), make("td", time(t.seconds), "right"),
    meter(t.worst_error)]))));
}

headline();
units();
findings();
speed();
tests();
put("footer", "Made by decoct " + DATA.decoct + ". The JSON of this page: decoct conform --json FILE.");
