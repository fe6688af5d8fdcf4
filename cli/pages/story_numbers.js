// SPDX-License-Identifier: BSD-2-Clause
// The numbers of the page of `decoct story`. A figure is {of, value}: the value, and the path or the
// formula that names it for the tests. datum() is the only way in which a number comes into the page.
"use strict";
const data = JSON.parse(get("data").textContent);
const { layers: LAYERS, heads: HEADS, head_dim: HEAD_DIM, d_model: D_MODEL } = data.model;
const PRE_NORM = data.model.norm_order !== "post";
const tokens = data.tokens, N = tokens.length, LAST = N - 1;

// A packed array, {shape, f32: little-endian bytes in base64}, unpacked when it is first read.
const unpacked = new Map();
function arrayOf(packed) {
  if (!unpacked.has(packed)) {
    const bytes = Uint8Array.from(atob(packed.f32), c => c.charCodeAt(0)), view = new DataView(bytes.buffer);
    const values = new Float32Array(bytes.length / 4);
    for (let i = 0; i < values.length; i++) values[i] = view.getFloat32(4 * i, true);
    unpacked.set(packed, values);
  }
  return unpacked.get(packed);
}
// The array or the plain value at a path; the indices that are left over when an array was reached.
function walk(path) {
  let here = data, used = 0;
  for (; used < path.length && !here.f32; used++) here = here[path[used]];
  return { here, rest: path.slice(used) };
}
// The values behind leading indices: row("weights", layer, head, token) has a value for each token.
function row(...path) {
  const { here, rest } = walk(path), values = arrayOf(here);
  let from = 0, size = values.length;
  rest.forEach((index, k) => {
    size /= here.shape[k];
    from += index * size;
  });
  return values.subarray(from, from + size);
}
const has = name => Boolean(data[name]);
// The columns of one head in a row of q, k, v or mix.
const headRow = (name, layer, token, head) =>
  row(name, layer, token).subarray(head * HEAD_DIM, (head + 1) * HEAD_DIM);

function at(...path) {
  const { here, rest } = walk(path);
  return { of: path.join("/"), value: here.f32 ? row(...path)[0] : here };
}
const times = (a, b) => ({ of: a.of + "*" + b.of, value: a.value * b.value });

// The shares that a token pours at a temperature: one figure for each token up to itself.
function sharesAt(layer, head, reader, temperature) {
  const scores = row("scores", layer, head, reader).subarray(0, reader + 1);
  const most = Math.max(...scores), of = "(scores/" + [layer, head, reader].join("/") + ")@" + temperature;
  const raised = Array.from(scores, s => Math.exp((s - most) / temperature));
  const total = raised.reduce((a, b) => a + b, 0);
  return {
    shares: raised.map((e, j) => ({ of: "softmax" + of + "[" + j + "]", value: e / total })),
    relative: raised.map((e, j) => ({ of: "relative" + of + "[" + j + "]", value: e })),
    rest: list => ({ of: "sum(softmax" + of + ")[" + list + "]",
      value: list.reduce((sum, j) => sum + raised[j] / total, 0) }),
    sum: { of: "sum(softmax" + of + ")", value: raised.reduce((a, e) => a + e / total, 0) }
  };
}
function dotAt(layer, head, reader, read) {
  const q = headRow("q", layer, reader, head), k = headRow("k", layer, read, head);
  return { of: "dot(q/" + layer + "/" + reader + ",k/" + layer + "/" + read + ")[" + head + "]",
    value: q.reduce((sum, x, c) => sum + x * k[c], 0) };
}
// The products of all columns but those that are listed.
function restOfDot(layer, head, reader, read, columns) {
  const q = headRow("q", layer, reader, head), k = headRow("k", layer, read, head), first = head * HEAD_DIM;
  return { of: "rest(q/" + layer + "/" + reader + ",k/" + layer + "/" + read + ")[" + head + "][" + columns + "]",
    value: q.reduce((sum, x, c) => columns.includes(first + c) ? sum : sum + x * k[c], 0) };
}
function sumOfShares(layer, head, reader, list) {
  const shares = row("weights", layer, head, reader);
  return { of: "sum(weights/" + [layer, head, reader].join("/") + ")[" + list + "]",
    value: list.reduce((sum, j) => sum + shares[j], 0) };
}
const root = () => ({ of: "sqrt(model/head_dim)", value: Math.sqrt(HEAD_DIM) });
const raisedScore = k => ({ of: "exp(answer/" + k + "/score-answer_rest/max)",
  value: Math.exp(data.answer[k].score - data.answer_rest.max) });
const raisedTotal = () => ({ of: "exp(answer_rest/log_sum)", value: Math.exp(data.answer_rest.log_sum) });
const restOfAnswer = () => ({ of: "1-sum(answer/p)", value: 1 - data.answer.reduce((sum, a) => sum + a.p, 0) });

// How numbers are written: a true minus sign, as many digits as one can use.
const sign = text => text.replace("-", "\u2212");
const decimal = v => sign(Math.abs(v) >= 100 ? v.toFixed(0) : Math.abs(v) >= 10 ? v.toFixed(1) :
  v !== 0 && Math.abs(v) < 0.005 ? "0.00" : v.toFixed(2));
const whole = v => apart(String(v));
const share = p => p > 0 && p < 0.0005 ? "<0.1\u00a0%" : (100 * p).toFixed(1) + "\u00a0%";
const effect = p => p > 0 && p < 0.5 ? "<1\u00a0%" : Math.round(p) + "\u00a0%";
const relativeSize = v => v >= 0.0001 || v === 0 ? v.toFixed(v < 0.1 ? 4 : 2) : "<0.0001";
const twoPlaces = v => sign(v.toFixed(2));
// Numbers of any size: 0.0012, 3.4, 12 000.
const anySize = v => v !== 0 && Math.abs(v) < 0.001 ? "<0.001" : sign(digits(v, 3));

function datum(figure, format = decimal) {
  const element = make("data", "", format(figure.value));
  element.value = String(figure.value);
  element.dataset.of = figure.of;
  return element;
}
// Numbers that the template names: <data data-of="model/layers"></data>.
function fillTemplate() {
  for (const element of document.querySelectorAll("data[data-of]:not([value])"))
    element.replaceWith(datum(at(...element.dataset.of.split("/")), whole));
}

// Tokens as one sees them: without the space in front, breaks and blanks as signs.
const seen = text => {
  const short = text.replace(/\n/g, "\u21b5").trim();
  return short === "" ? "\u2423" : short;
};
const word = i => seen(tokens[i].text);
const quoted = text => "\u201c" + seen(text) + "\u201d";
const named = i => quoted(tokens[i].text);

// Where the largest values are, largest first.
const ranked = values => Array.from(values, (v, i) => i).sort((a, b) => values[b] - values[a] || a - b);
