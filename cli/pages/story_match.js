// SPDX-License-Identifier: BSD-2-Clause
// Steps 4 and 5 of the page of `decoct story`: how well a recipe fits the labels, and the shares.
"use strict";
const LISTED = 12; // of more products or shares than a page can show, the largest are listed
// A row for each token up to the chosen one; a click makes it the pair that the bill shows.
function buildMatches() {
  const box = get("matches");
  const lines = tokens.map((t, j) => {
    const line = button("match");
    line.onclick = () => update({ read: j });
    return box.appendChild(line);
  });
  const mark = roving(box, lines, () => 1);
  view(["layer", "head", "token"], () => {
    const scores = row("scores", state.layer, state.head, state.token).subarray(0, state.token + 1);
    const low = Math.min(0, ...scores), high = Math.max(0, ...scores), best = ranked(scores)[0];
    lines.forEach((line, j) => {
      line.hidden = j > state.token;
      if (line.hidden) return line.replaceChildren();
      line.replaceChildren(make("span", "word", word(j)), level(scores[j], low, high),
        datum(at("scores", state.layer, state.head, state.token, j)));
    });
    says(get("match-says"), state.token === 0 ? "The first word can look only at itself: " : "", strong(named(best)), " fits best, with ", datum(at("scores", state.layer, state.head, state.token, best)),
      ". Only the differences between matches count (step 5 shows why)",
      scores[best] < 0 ? ": a match below zero can still be the best." : ".");
  });
  view(["layer", "head", "token", "read"], () => mark(state.read));
}

// The bill of one pair: recipe times label, number by number, then the sum, then the scaling.
function buildBill() {
  view(["layer", "head", "token", "read"], () => {
    const { layer, head, token, read } = state, from = head * HEAD_DIM;
    const products = [];
    for (let c = from; c < from + HEAD_DIM; c++)
      products.push([at("q", layer, token, c), at("k", layer, read, c)]);
    const most = largest([products.map(([q, k]) => q.value * k.value)]);
    const recipes = kindMost("q"), labels = kindMost("k");
    const size = products.map(([q, k]) => Math.abs(q.value * k.value));
    const listed = HEAD_DIM > WRITTEN ? ranked(size).slice(0, LISTED).sort((a, b) => a - b) : ranked(size).sort((a, b) => a - b);
    get("bill-lines").replaceChildren(...listed.map(c => products[c]).map(([q, k]) => {
      const line = make("div", "bill-line"), product = times(q, k);
      const cell = (figure, scale) => {
        const box = make("span", "cell");
        paintCell(box, figure.value, scale);
        box.append(datum(figure));
        return box;
      };
      line.append(cell(q, recipes), make("span", "sign", "\u00d7"), cell(k, labels), make("span", "sign", "="),
        datum(product), sided(product.value, most));
      return line;
    }));
    says(get("bill-rest"), ...(listed.length < HEAD_DIM ? ["the other " + (HEAD_DIM - listed.length) + " products, all smaller",
      datum(restOfDot(layer, head, token, read, listed.map(c => from + c)))] : []));
    says(get("bill-sum"), make("span", "", "together"), datum(dotAt(layer, head, token, read)));
    const divided = make("span", "", "divided by \u221a" + HEAD_DIM + " = ");
    divided.append(datum(root()));
    says(get("bill-score"), divided, datum(at("scores", layer, head, token, read)));
  });
}

// Temperatures of the slider: the model's own, 1, is in the middle.
const TEMPERATURES = Array.from({ length: 41 }, (_, i) => Number(Math.pow(10, (i - 20) / 20).toPrecision(2)));
function buildSlider() {
  const slider = get("temperature");
  [slider.min, slider.max, slider.step, slider.value] = [0, TEMPERATURES.length - 1, 1, 20];
  slider.oninput = () => update({ temperature: TEMPERATURES[slider.value] });
  get("own-temperature").onclick = () => update({ temperature: 1 });
  view(["temperature"], () => {
    const t = state.temperature;
    slider.value = TEMPERATURES.indexOf(t);
    const text = t === 1 ? "1, as in the model" : t + (t < 1 ? ", pickier" : ", less picky");
    get("temperature-value").textContent = text;
    slider.setAttribute("aria-valuetext", text);
    get("own-temperature").disabled = t === 1;
  });
}
function othersLine(result, listed) {
  const others = result.shares.map((s, j) => j).filter(j => !listed.includes(j)), rest = result.rest(others);
  const line = make("li", "share others"), track = bar(rest.value);
  track.firstChild.style.background = "var(--rest)";
  line.append(make("span", "word", others.length + " others"), make("span"), make("span"), track, datum(rest, share));
  return line;
}
function buildShares() {
  view(["layer", "head", "token", "temperature"], () => {
    const { layer, head, token, temperature } = state, { colours } = pouring();
    const result = sharesAt(layer, head, token, temperature);
    const own = row("weights", layer, head, token);
    const order = ranked(own.subarray(0, token + 1)), listed = order.length > WRITTEN ? order.slice(0, LISTED) : order;
    const lines = listed.sort((a, b) => a - b).map(j => {
      const figure = result.shares[j], line = make("li", "share"), track = bar(figure.value), mark = make("i", "own");
      track.firstChild.style.background = colours[j];
      mark.style.left = own[j] * 100 + "%";
      if (temperature !== 1) track.append(mark);
      line.append(make("span", "word", word(j)), datum(at("scores", layer, head, token, j)),
        datum(result.relative[j], relativeSize), track,
        datum(temperature === 1 ? at("weights", layer, head, token, j) : figure, share));
      return line;
    });
    get("shares").replaceChildren(...lines, ...(listed.length < order.length ? [othersLine(result, listed)] : []));
    says(get("shares-sum"), "All shares together: ", datum(result.sum, share), ".");
    const best = ranked(result.shares.map(s => s.value))[0];
    says(get("shares-says"), strong(named(best)), " gets the largest share, ",
      datum(result.shares[best], share), temperature === 1 ? "." : "; at the model\u2019s own temperature ",
      ...(temperature === 1 ? [] : [datum(at("weights", layer, head, token, best), share), "."]));
    get("shares-tick").hidden = temperature === 1;
    get("pipette").replaceChildren(...result.shares.map((figure, j) => {
      const part = make("span");
      part.style.width = figure.value * 100 + "%";
      part.style.background = colours[j];
      return part;
    }));
  });
}
