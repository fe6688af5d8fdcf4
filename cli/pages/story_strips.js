// SPDX-License-Identifier: BSD-2-Clause
// What several steps draw on the page of `decoct story`: strips of coloured cells, fingerprints (one
// square for each number of a long vector), lists of answers, rows with bars.
"use strict";
const WRITTEN = 16; // strips of up to this many cells have their numbers in them
const strength = (v, most) => most > 0 ? Math.pow(Math.min(1, Math.abs(v) / most), 0.7) : 0;
const largest = lists => lists.reduce((most, list) => list.reduce((m, v) => Math.max(m, Math.abs(v)), most), 0);
// The size that 98 of 100 values do not exceed: a few very large ones must not make the others pale.
function usual(values) {
  const sorted = Float32Array.from(values, Math.abs).sort();
  return sorted[Math.floor((sorted.length - 1) * 0.98)] || sorted[sorted.length - 1] || 1;
}
function paintCell(cell, v, most) {
  cell.classList.add(v < 0 ? "neg" : "pos");
  cell.style.setProperty("--strength", strength(v, most).toFixed(3));
}

// A strip: cells with numbers where figures are given and there are few of them, else colours only.
function strip(values, most, label, figures) {
  const written = figures && values.length <= WRITTEN;
  const box = make("div", written ? "strip written" : "strip");
  if (!written) {
    box.setAttribute("role", "img");
    box.setAttribute("aria-label", label + ": " + values.length + " numbers as colours");
    box.append(squares(values, most, values.length, 1));
    return box;
  }
  box.setAttribute("role", "group");
  box.setAttribute("aria-label", label);
  values.forEach((v, c) => {
    const cell = make("span", "cell");
    paintCell(cell, v, most);
    cell.append(datum(figures(c)));
    box.append(cell);
  });
  return box;
}

// One pixel a number; the style sheet makes it larger.
function squares(values, most, wide, high) {
  const canvas = make("canvas", "squares");
  [canvas.width, canvas.height] = [wide, high];
  canvas.setAttribute("aria-hidden", "true");
  canvas.paint = () => {
    const c = canvas.getContext("2d");
    c.clearRect(0, 0, wide, high);
    const [pos, neg] = [colour("--pos"), colour("--neg")];
    values.forEach((v, i) => {
      c.fillStyle = "rgba(" + (v < 0 ? neg : pos) + "," + strength(v, most).toFixed(3) + ")";
      c.fillRect(i % wide, Math.floor(i / wide), 1, 1);
    });
  };
  canvas.paint();
  return canvas;
}
onTheme(() => document.querySelectorAll("canvas.squares").forEach(canvas => canvas.paint()));

// A vector of the model's width as a small picture, somewhat wider than high.
function tileWidth(count) {
  const ideal = Math.sqrt(1.5 * count), away = wide => Math.abs(Math.log(wide / ideal));
  let best = Math.ceil(ideal);
  for (let wide = 1, least = Math.log(2); wide <= count; wide++)
    if (count % wide === 0 && away(wide) < least) [best, least] = [wide, away(wide)];
  return best;
}
function tile(values, most, label) {
  const wide = tileWidth(values.length), box = make("span", "tile");
  box.setAttribute("role", "img");
  box.setAttribute("aria-label", label + ": " + values.length + " numbers as colours");
  box.style.aspectRatio = wide + " / " + Math.ceil(values.length / wide);
  box.append(squares(values, most, wide, Math.ceil(values.length / wide)));
  return box;
}
// Tiles with a caption each and the signs between them: [{values, label, caption}, "+", ...].
function tileSum(box, parts) {
  const most = Math.max(...parts.filter(p => p.values).map(p => usual(p.values)));
  box.replaceChildren(...parts.map(part => {
    if (!part.values) return make("span", "sign", part);
    const figure = make("figure", "tiled");
    figure.append(tile(part.values, most, part.label), make("figcaption", "", part.label));
    return figure;
  }));
}

// A bar as long as its value is large.
function bar(p, className = "") {
  const track = make("span", "track " + className), fill = make("span", "fill");
  fill.style.width = Math.max(0, Math.min(1, p)) * 100 + "%";
  track.append(fill);
  return track;
}
// A bar from the smallest value up: the longer, the larger, wherever zero is; a thin line marks zero.
function level(v, low, high) {
  const span = Math.max(high - low, 1e-9), start = low - 0.06 * span, track = bar((v - start) / (high - start));
  if (low < 0) {
    const zero = make("i", "zero");
    zero.style.left = Math.min(100, -start / (high - start) * 100) + "%";
    track.append(zero);
  }
  return track;
}
// A bar to the left or right of zero.
function sided(v, most) {
  const track = make("span", "track sided"), fill = make("span", v < 0 ? "fill left" : "fill right");
  fill.style.width = (most > 0 ? Math.abs(v) / most : 0) * 50 + "%";
  track.append(fill);
  return track;
}
// Words with their probabilities; path names the list in the data.
function answers(list, path, count = list.length) {
  const box = make("ol", "answers");
  list.slice(0, count).forEach((entry, k) => {
    const li = make("li");
    li.append(make("span", "word", seen(entry.text)), bar(entry.p), datum(at(...path, k, "p"), share));
    box.append(li);
  });
  return box;
}
// Text with numbers and elements in it.
const says = (box, ...parts) => box.replaceChildren(...parts);
const strong = text => make("b", "", text);

// A word keeps its colour on the whole page; those that mattered most come first. After twelve words the colours
// begin again. In a flask the six largest shares have theirs.
const COLOURS = 6, PALETTE = 12;
const byEffect = [...data.influence].sort((a, b) => b.effect - a.effect).map(e => e.word);
for (let w = 0; w < data.words.length; w++) if (!byEffect.includes(w)) byEffect.push(w);
const colourOf = w => "var(--c" + byEffect.indexOf(w) % PALETTE + ")";
function pouring() {
  const shares = row("weights", state.layer, state.head, state.token).subarray(0, state.token + 1);
  const order = ranked(shares), colours = new Array(shares.length).fill("var(--rest)");
  order.slice(0, COLOURS).forEach(j => { colours[j] = colourOf(tokens[j].word); });
  return { shares, order, colours };
}
function dot(paint) {
  const d = make("span", "dot");
  d.style.background = paint;
  d.setAttribute("aria-hidden", "true");
  return d;
}
