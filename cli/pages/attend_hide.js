// SPDX-License-Identifier: BSD-2-Clause
// Words that are hidden from all words after them: the answer without each was computed ahead
// (data.influence). What it changed, and the list of what could come next.
"use strict";
const effects = []; // of a word: {word, effect, answer, listed}; the last word has no entry
let hidden = -1; // the word that is hidden
const snips = [], columns = [];

function readEffects() {
  for (const item of data.influence) effects[item.word] = item;
}
function toggleHidden(i) {
  hidden = hidden === i ? -1 : i;
  paintHidden();
}
function buildSnip(i) {
  const snip = make("button", "snip"), bar = make("s");
  snip.type = "button";
  bar.style.width = effects[i].effect + "%";
  snip.append(make("span"), bar);
  snip.onclick = () => toggleHidden(i);
  snips[i] = snip;
  return snip;
}
// Below the map's columns: a bar a word. The buttons of the sentence do the same for the keyboard.
function buildMattered(box) {
  box.append(make("span", "matter-name", "What mattered"));
  words.forEach((w, i) => {
    const column = make("span", effects[i] ? "matter" : "");
    if (effects[i]) {
      const bar = make("s");
      bar.style.height = 1 + effects[i].effect * 0.63 + "px";
      column.append(make("span"), bar);
      column.onclick = () => toggleHidden(i);
      tells(column, () => ["Without " + quoted(i) + " the answer changes by " + exact(effects[i].effect / 100),
                           hidden === i ? "Click to bring it back" : "Click to hide it"]);
      columns[i] = column;
    }
    box.append(column);
  });
  box.append(make("span"));
  words.forEach(w => box.append(make("span", "foot", shown(w))));
  get("mattered-how").lastElementChild.textContent = data.influence_how;
}

const best = list => list.reduce((a, b) => b.p > a.p ? b : a);
// What could come next: {text, p}, with what it is compared with as `was` (or undefined).
function answerNow() {
  if (hidden < 0)
    return data.answer.map(a => ({ text: a.text, p: a.p, was: data.cuts.length ? a.before : undefined }));
  const item = effects[hidden], known = new Set(data.answer.map(a => a.id));
  const list = data.answer.map((a, k) => ({ text: a.text, p: item.listed[k], was: a.p }));
  for (const a of item.answer)
    if (!known.has(a.id)) list.push({ text: a.text, p: a.p, was: a.before });
  return list.sort((a, b) => b.p - a.p).filter((a, k) => k < 6 || Math.max(a.p, a.was) >= 0.01);
}
function answerHint() {
  if (hidden >= 0)
    return "Thin bar: with " + quoted(hidden) + ". Thick bar: without it" +
      (data.cuts.length ? ", both after your cut." : ".");
  return data.cuts.length ? "Thin bar: before the cut. Thick bar: after it." :
    "After " + quoted(n - 1) + ", by the model\u2019s own probabilities.";
}
function paintAnswer() {
  const list = answerNow(), most = Math.max(...list.map(a => Math.max(a.p, a.was || 0)));
  get("answer-hint").textContent = answerHint();
  get("answer").textContent = "";
  for (const a of list) {
    const li = make("li"), bars = make("span", "bars"), num = make("span", "num", exact(a.p));
    if (a.was !== undefined) {
      const was = make("span", "bar was"), change = exact(Math.abs(a.p - a.was)).slice(0, -2);
      was.style.width = a.was / most * 100 + "%";
      bars.append(was);
      num.append(make("span", a.p >= a.was ? "up" : "down",
        change === "0.0" ? " (0)" : " (" + (a.p >= a.was ? "+" : "\u2212") + change + ")"));
    }
    const now = make("span", "bar");
    now.style.width = a.p / most * 100 + "%";
    bars.append(now);
    li.append(make("span", "word", shown(a.text)), bars, num);
    get("answer").append(li);
  }
}

// "tired" falls from 97 % to 84 %; or the answer turns to another one.
function verdict() {
  const item = effects[hidden], old = best(data.answer), now = best(item.answer);
  const name = a => "\u201c" + shown(a.text) + "\u201d";
  const turn = old.id === now.id ? name(old) + " stays the answer: " + exact(old.p) + " before, " + exact(now.p) + " now." :
    "the answer turns from " + name(old) + " (" + exact(old.p) + ") to " + name(now) + " (" + exact(now.p) + ").";
  return "Without " + quoted(hidden) + " " + turn + " In all, the answer changes by " + exact(item.effect / 100) +
    ". Map and flask still show the run with nothing hidden.";
}
function invitation() {
  const strongest = data.influence.reduce((a, b) => b.effect > a.effect ? b : a, { effect: 0 });
  return strongest.effect > 0 ? "Nothing is hidden. Try \u2702 at " + quoted(strongest.word) +
    ": no other word changes the answer more." : "";
}
function paintBanner() {
  const box = get("hidden");
  box.classList.toggle("on", hidden >= 0);
  box.textContent = hidden < 0 ? invitation() : verdict();
  const blank = document.querySelector(".chip.blank"), now = best(hidden < 0 ? data.answer : effects[hidden].answer);
  blank.firstChild.textContent = shown(now.text) + "?";
  blank.lastChild.textContent = percent(now.p);
}
function paintHidden() {
  snips.forEach((snip, i) => {
    const on = hidden === i, change = percent(effects[i].effect / 100);
    snip.firstChild.textContent = on ? "\u21a9 back" : "\u2702 " + change;
    snip.setAttribute("aria-pressed", on);
    snip.setAttribute("aria-label", "Hide " + quoted(i) + ": the answer changes by " + change);
    snip.title = on ? "Bring " + quoted(i) + " back" : "Hide " + quoted(i) + " from all words after it";
    snip.parentNode.classList.toggle("gone", on);
    cols[i].classList.toggle("gone", on);
    columns[i].classList.toggle("gone", on);
    columns[i].firstChild.textContent = cellSize >= FIGURES ? Math.round(effects[i].effect) : "";
  });
  paintBanner();
  paintAnswer();
}
