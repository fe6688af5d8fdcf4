// SPDX-License-Identifier: BSD-2-Clause
// The page of `decoct attend -o map.html`: words as rows and columns, heads, and what comes next.
"use strict";
const data = JSON.parse(document.getElementById("data").textContent);
const words = data.words, n = words.length, triangle = n * (n + 1) / 2;
const shown = w => (w = w.replace(/\n/g, "\u21b5")).trim() === "" ? "\u2423" : w;
// A word that the text has more than once carries its number, as `decoct why` does.
const named = i => shown(words[i]).trim() +
  (words.filter(w => w === words[i]).length > 1 ? " (" + (i + 1) + ")" : "");
const quoted = i => "\u201c" + named(i) + "\u201d";
const exact = p => p > 0 && p < 0.0005 ? "<0.1 %" : (p * 100).toFixed(1) + " %"; // what is not 0 never reads as 0

// Weights: for each head of each layer the lower triangle, 16 bits a weight, little-endian.
const bytes = Uint8Array.from(atob(data.weights), c => c.charCodeAt(0));
const raw = (head, at) => {
  const i = 2 * (head * triangle + at);
  return (bytes[i] | bytes[i + 1] << 8) / 65535;
};
const at = (reader, read) => reader * (reader + 1) / 2 + read;

const state = { layer: data.layer, head: data.head, reader: n - 1, read: -1, kept: null,
                larger: false };
let mean = new Float64Array(triangle);

function heads() {
  const list = [];
  for (let l = 0; l < data.layers; l++)
    for (let h = 0; h < data.heads; h++)
      if ((state.layer < 0 || state.layer === l) && (state.head < 0 || state.head === h))
        list.push(l * data.heads + h);
  return list;
}
function compute() {
  const list = heads();
  mean = new Float64Array(triangle);
  for (const head of list)
    for (let i = 0; i < triangle; i++) mean[i] += raw(head, i) / list.length;
}
const isCut = (from, to) => data.cuts.some(c => c[0] === from && c[1] === to);

// The sources of a reader, the largest first.
function sources(reader) {
  const list = [];
  for (let j = 0; j <= reader; j++) list.push({ j, p: mean[at(reader, j)] });
  return list.sort((a, b) => b.p - a.p || a.j - b.j);
}
// The word a reader looks at most, itself left out if possible.
const favourite = reader => (sources(reader).find(s => s.j !== reader) || { j: reader }).j;

const chips = [], cells = [], rows = [], cols = [];
function select(reader, read, keep) {
  state.reader = reader;
  state.read = read === undefined ? favourite(reader) : read;
  if (keep) state.kept = [state.reader, state.read];
  paint();
  if (keep) bringIntoView();
}
// A map that is too wide is scrolled, the page is not.
function bringIntoView() {
  const box = get("map"), edge = 12, outer = box.getBoundingClientRect();
  const cell = cells[at(state.reader, state.read)].getBoundingClientRect();
  box.scrollLeft += Math.max(0, cell.right + edge - outer.right) - Math.max(0, outer.left + edge - cell.left);
}
function unhover() {
  select(...(state.kept || [n - 1]));
}

function buildSentence() {
  words.forEach((w, i) => {
    const box = make("span", "word-box"), chip = make("button", "chip");
    chip.type = "button";
    chip.append(make("b", "", shown(w)), make("i", "", ""));
    chip.onmouseenter = () => select(i);
    chip.onmouseleave = unhover;
    chip.onfocus = () => select(i);
    chip.onclick = () => select(i, undefined, true);
    chips.push(chip);
    box.append(chip);
    if (effects[i]) box.append(buildSnip(i));
    get("sentence").append(box);
  });
  const blank = make("span", "chip blank");
  blank.append(make("b"), make("i"));
  get("sentence").append(blank);
}

// In cells of this size there is room for figures.
const FIGURES = 20, LARGE = 28;
let cellSize = 0;
function sizeMap() {
  const box = get("cells"), longest = Math.max(...words.map(w => w.length));
  const room = get("map").clientWidth - Math.min(150, Math.max(9 * longest, 105)) - 20;
  const fits = Math.max(4, Math.min(44, Math.floor(room / n) - 2));
  get("larger").hidden = fits >= FIGURES;
  cellSize = state.larger && fits < FIGURES ? LARGE : fits;
  box.classList.toggle("small", cellSize < FIGURES);
  box.style.setProperty("--head-room", Math.min(130, 9 * longest + 10) + "px");
  box.style.gridTemplateColumns = "max-content repeat(" + n + ", " + cellSize + "px)";
  box.style.gridTemplateRows = "auto repeat(" + n + ", minmax(" + cellSize + "px, auto))";
}
function buildMap() {
  const box = get("cells");
  sizeMap();
  box.append(make("span"));
  words.forEach((w, j) => cols.push(box.appendChild(make("span", "col", shown(w)))));
  for (let i = 0; i < n; i++) {
    const row = make("span", "row", shown(words[i]));
    row.onmouseenter = () => select(i);
    row.onmouseleave = unhover;
    row.onclick = () => select(i, undefined, true);
    rows.push(box.appendChild(row));
    for (let j = 0; j < n; j++) {
      const cell = make("span", j <= i ? "cell" : "");
      if (j <= i) {
        cell.append(make("s"));
        cell.onmouseenter = () => select(i, j);
        cell.onmouseleave = unhover;
        cell.onclick = () => select(i, j, true);
        tells(cell, () => [pairText(i, j), exact(mean[at(i, j)])]);
        if (isCut(i, j)) cell.classList.add("is-cut");
        cells.push(cell);
      }
      box.append(cell);
    }
  }
  if (data.influence.length) buildMattered(box);
}

// Figures on a shade are in the ink, or in the black or white that is easier to read there.
const bright = rgb => rgb.map(v => v <= 10 ? v / 3294 : ((v / 255 + 0.055) / 1.055) ** 2.4)
  .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
const hex = name => colour(name).match(/[0-9a-f]{2}/g).map(h => parseInt(h, 16));
let palette;
function readPalette() {
  palette = { accent: colour("--accent").split(",").map(Number), ink: bright(hex("--ink")),
              cell: hex("--cell"), paper: hex("--paper") };
}
function shade(element, p, under) {
  const a = Math.pow(p, 0.75), below = palette[under];
  const b = bright(below.map((v, i) => v + (palette.accent[i] - v) * a)) + 0.05;
  const far = (Math.max(b, palette.ink + 0.05) / Math.min(b, palette.ink + 0.05));
  element.style.background = "rgba(var(--accent), " + a.toFixed(3) + ")";
  element.style.color = far >= 4.6 ? "var(--ink)" : b / 0.05 > 1.05 / b ? "#000" : "#fff";
}
function paintMap() {
  for (let i = 0, k = 0; i < n; i++)
    for (let j = 0; j <= i; j++, k++) {
      const mark = cells[k].firstChild, p = mean[k], cut = isCut(i, j);
      shade(mark, p, "cell");
      if (cut) mark.style.color = "";
      mark.textContent = cut ? "\u2702" : cellSize >= FIGURES && p >= (state.larger ? 0.005 : 0.05) ? Math.round(p * 100) : "";
    }
}

function buildFlask() {
  for (let i = 0; i < 7; i++) {
    const rect = document.createElementNS("http://www.w3.org/2000/svg", "rect");
    rect.setAttribute("class", "layer");
    rect.setAttribute("x", "0");
    rect.setAttribute("width", "132");
    rect.style.fill = i < 6 ? "var(--c" + i + ")" : "var(--rest)";
    get("liquid").append(rect);
  }
}
// The belly is filled: equal heights there are equal shares.
function paintFlask() {
  const list = sources(state.reader), top = list.slice(0, 6);
  const rest = list.slice(6).reduce((sum, s) => sum + s.p, 0);
  const total = list.reduce((sum, s) => sum + s.p, 0);
  const floor = 218, room = 100;
  let level = floor;
  [...get("liquid").children].forEach((rect, i) => {
    const p = i < 6 ? (top[i] ? top[i].p : 0) : rest;
    const height = total > 0 ? p * room : 0;
    level -= height;
    rect.style.y = level + "px";
    rect.style.height = height + 0.5 + "px";
    rect.style.opacity = height > 0.2 ? 1 : 0;
  });
  get("sources").textContent = "";
  const line = (to, paint, s, figure) => {
    const li = make("li"), dot = make("span", "dot");
    dot.style.background = paint;
    const text = named(s.j) + (s.j === state.reader ? " (itself)" : "");
    li.append(dot, make("span", "word", text), make("span", "num", figure(s.p)));
    to.append(li);
  };
  top.forEach((s, i) => line(get("sources"), "var(--c" + i + ")", s, percent));
  const [summary, others] = get("more").children;
  get("more").hidden = list.length <= 6;
  summary.textContent = (list.length - 6) + " more, together " + percent(rest);
  others.textContent = "";
  list.slice(6).forEach(s => line(others, "var(--rest)", s, exact));
  get("who").textContent = quoted(state.reader);
}

function scopeText() {
  if (state.layer < 0 && state.head < 0) return "Mean over all layers and heads.";
  if (state.layer < 0) return "Head " + (state.head + 1) + " of every layer, the mean.";
  if (state.head < 0) return "Layer " + (state.layer + 1) + ", mean over its heads.";
  return "Layer " + (state.layer + 1) + ", head " + (state.head + 1) + ".";
}
const pairText = (reader, read) => reader === read ? quoted(reader) + " looks at itself" :
  quoted(reader) + " looks at " + quoted(read);
function says() {
  const a = quoted(state.reader), b = quoted(state.read);
  const p = mean[at(state.reader, state.read)];
  if (isCut(state.reader, state.read)) return a + " cannot see " + b + ": this edge is cut.";
  if (state.reader === state.read)
    return a + " keeps " + percent(p) + " of its flask for its own potion.";
  return b + " fills " + percent(p) + " of the flask of " + a + ".";
}

// The head in which the reader takes most from the word it looks at.
function strongest() {
  let best = 0;
  for (let i = 1; i < data.layers * data.heads; i++)
    if (raw(i, at(state.reader, state.read)) > raw(best, at(state.reader, state.read))) best = i;
  return best;
}
function paintStrongest() {
  const head = strongest(), p = raw(head, at(state.reader, state.read));
  const layer = Math.floor(head / data.heads);
  get("strongest").hidden = p <= 0 || (state.layer === layer && state.head === head % data.heads);
  get("strongest").textContent = "Most in layer " + (layer + 1) + ", head " +
    (head % data.heads + 1) + ": " + percent(p) + ". Show it";
  get("strongest").onclick = () => chooseForPair(layer, head % data.heads);
}

function buildHeads() {
  const box = get("heads");
  box.style.gridTemplateColumns = "max-content repeat(" + data.heads + ", 17px)";
  const tag = (text, label, layer, head) => {
    const b = make("button", "tag", text);
    b.type = "button";
    b.title = label;
    b.onclick = () => choose(layer, head);
    box.append(b);
  };
  for (let l = 0; l < data.layers; l++) {
    tag(String(l + 1), "Layer " + (l + 1) + ", mean over its heads", l, -1);
    for (let h = 0; h < data.heads; h++) {
      const b = make("button", "head");
      b.type = "button";
      b.append(make("s"));
      b.classList.toggle("most", most.effect > 0 && most.layer === l && most.head === h);
      b.onclick = () => {
        const again = state.layer === l && state.head === h; // back to the mean
        chooseForPair(again ? -1 : l, again ? -1 : h);
      };
      box.append(b);
    }
  }
}
function paintHeads() {
  [...get("heads").querySelectorAll(".head")].forEach((b, i) => {
    const l = Math.floor(i / data.heads), h = i % data.heads;
    const p = raw(i, at(state.reader, state.read));
    shade(b.firstChild, p, "cell");
    b.title = "Layer " + (l + 1) + ", head " + (h + 1) + ": " + percent(p) +
      "; without it the answer changes by " + percent(data.head_effects.effects[i] / 100);
    b.setAttribute("aria-label", b.title);
    b.classList.toggle("on", state.layer === l && state.head === h);
  });
  get("heads-hint").textContent = "One square a head, a row of them a layer. The stronger its colour, " +
    "the more " + quoted(state.reader) + " takes from " + quoted(state.read) +
    " there. Click one to see its map." + (most.effect > 0 ? " The dot is in the head that matters most." : "");
}

// The head on which the answer depends most.
const most = { layer: data.head_effects.layer, head: data.head_effects.head,
               effect: Math.max(...data.head_effects.effects) };
function buildOpened() {
  const name = "layer " + (most.layer + 1) + ", head " + (most.head + 1), count = data.layers * data.heads;
  get("matters").textContent = "Head that matters most";
  get("matters").onclick = () => choose(most.layer, most.head);
  get("matters").hidden = !(most.effect > 0);
  if (!(most.effect > 0)) return;
  get("opened").textContent = (data.head_effects.found ? "The page opens with " + name +
    ", the head that matters most: if" : "The head that matters most is " + name + ": if") + " the last word sees only itself there, the answer changes by " +
    percent(most.effect / 100) + (count > 1 ? "; no other of the " + count + " heads changes it more." : ".");
  get("opened").title = data.head_effects.how;
}

function buildCuts() {
  if (data.cuts.length === 0) return;
  get("cut").hidden = false;
  get("cut").textContent = "Cut: " + data.cuts.map(c => quoted(c[0]) + " no longer sees " + quoted(c[1])).join("; ") +
    ". The map is the one after the cut.";
}

function buildNotes() {
  get("notes").hidden = data.notes.length === 0;
  for (const note of data.notes) get("notes").append(make("li", "", note));
}

function paint() {
  chips.forEach((chip, i) => {
    const p = i <= state.reader ? mean[at(state.reader, i)] : 0;
    shade(chip.firstChild, p, "paper");
    if (i > state.reader) chip.firstChild.style.color = "";
    chip.lastChild.textContent = i <= state.reader ? percent(p) : "\u00a0";
    chip.classList.toggle("reader", i === state.reader);
    chip.classList.toggle("later", i > state.reader);
  });
  rows.forEach((r, i) => r.classList.toggle("on", i === state.reader));
  cols.forEach((c, j) => c.classList.toggle("on", j === state.read));
  document.querySelectorAll(".cell.on").forEach(c => c.classList.remove("on"));
  cells[at(state.reader, state.read)].classList.add("on");
  paintFlask();
  paintHeads();
  get("scope").textContent = scopeText();
  get("says").textContent = says();
  get("point").textContent = scopeText().replace(/\.$/, ": ") + pairText(state.reader, state.read) +
    " with " + exact(mean[at(state.reader, state.read)]) + ".";
  paintStrongest();
}
function choose(layer, head) {
  state.layer = layer;
  state.head = head;
  get("layer").value = layer;
  get("head").value = head;
  compute();
  if (!state.kept) state.read = favourite(state.reader);
  paintMap();
  paint();
}
// For the pair that is looked at: it stays, whatever else the head does.
function chooseForPair(layer, head) {
  state.kept = [state.reader, state.read];
  choose(layer, head);
}
option(get("layer"), -1, "all");
for (let l = 0; l < data.layers; l++) option(get("layer"), l, l + 1);
option(get("head"), -1, "all");
for (let h = 0; h < data.heads; h++) option(get("head"), h, h + 1);
get("layer").onchange = get("head").onchange =
  () => choose(Number(get("layer").value), Number(get("head").value));
get("reset").onclick = () => choose(-1, -1);
get("larger").onclick = () => {
  state.larger = !state.larger;
  get("larger").setAttribute("aria-pressed", state.larger);
  sizeMap();
  paintMap();
  paintHidden();
  bringIntoView();
};
onTheme(() => {
  readPalette();
  paintMap();
  paint();
});
document.addEventListener("keydown", event => {
  if (event.target.tagName === "SELECT" || event.ctrlKey || event.metaKey || event.altKey) return;
  const steps = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
  const step = steps[event.key];
  if (!step) return;
  const reader = Math.min(n - 1, Math.max(0, state.reader + step[0]));
  select(reader, Math.min(reader, Math.max(0, state.read + step[1])), true);
  event.preventDefault();
});
readPalette();
readEffects();
buildNotes();
buildSentence();
buildMap();
buildFlask();
buildHeads();
buildOpened();
buildCuts();
paintHidden();
get("made").textContent = "Made by decoct attend: a " + data.type + " model of " + data.layers +
  " layers with " + data.heads + " heads, backend " + data.backend + ".";
choose(data.layer, data.head);
bringIntoView();
