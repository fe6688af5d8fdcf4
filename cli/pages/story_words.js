// SPDX-License-Identifier: BSD-2-Clause
// Steps 1 to 3 of the page of `decoct story`: tokens, positions, and the label, potion and recipe of a word.
"use strict";
function buildTokens() {
  const most = usual(arrayOf(data.token_vectors)), box = get("tokens");
  box.classList.toggle("many", N > 20);
  const cards = tokens.map((token, i) => {
    const card = make("li", "token" + (i && tokens[i - 1].word === token.word ? " joined" : ""));
    const id = make("small", "", "token no. ");
    id.append(datum(at("tokens", i, "id"), whole));
    card.append(tile(row("token_vectors", i), most, "Fingerprint of " + named(i)), make("b", "", word(i)), id);
    card.onclick = () => update({ token: i });
    box.append(card);
    return card;
  });
  const split = [...new Set(data.words.filter(w => w.count > 1).map(w => quoted(w.text)))];
  get("tokens-split").textContent = split.length ? "In this text the model has no single token for " +
    split.join(", ") + "; it reads " + (split.length === 1 ? "it" : "them") + " in pieces." :
    "In this text every token is a whole word or a punctuation mark.";
  view(["token"], () => {
    cards.forEach((card, i) => card.classList.toggle("on", i === state.token));
    const first = Math.min(8, D_MODEL), values = row("token_vectors", state.token).subarray(0, first);
    says(get("tokens-first"), "The first " + first + " numbers of ", strong(named(state.token)), ": ",
      strip(values, most, "The first numbers of " + named(state.token), c => at("token_vectors", state.token, c)));
  });
}

function buildPositions() {
  const known = has("position_vectors");
  get("place-sum").hidden = !known;
  get("place-none").hidden = known;
  if (known)
    view(["token"], () => tileSum(get("place-sum"), [
      { values: row("token_vectors", state.token), label: "the word " + named(state.token) }, "+",
      { values: row("position_vectors", state.token), label: "place " + (state.token + 1) + " of the text" }, "=",
      { values: row("positions_sum", state.token), label: "what goes into layer 1" }]));
}

// The experiment with the words shuffled: three pairs of answers. How far the best answers moved, 0 .. 1:
const moved = (a, b) => Math.max(...a.map(e => Math.abs(e.p - (b.find(m => m.id === e.id) || { p: 0 }).p)));
const HARDLY = 0.05; // a move up to this is hardly a change
const same = (a, b) => a.length === b.length && a.every((e, k) => e.id === b[k].id && Math.abs(e.p - b[k].p) < 2e-5);
function compared(straight, mixed) {
  if (same(straight, mixed)) return "Exactly the same answer: here the model cannot see any order.";
  if (straight[0].id !== mixed[0].id)
    return "Another answer: " + quoted(mixed[0].text) + " instead of " + quoted(straight[0].text) + ".";
  return moved(straight, mixed) > HARDLY ? "The same first word, with another probability." : "Nearly the same answer, but not quite.";
}
function buildShuffle() {
  const s = data.shuffled;
  const short = s.order.every((j, k) => j === k);
  get("too-short").hidden = !short;
  get("shuffled-says").hidden = short;
  if (short) return;
  const kept = data.answer[0].id === s.with_positions[0].id && moved(data.answer.slice(0, s.with_positions.length), s.with_positions) <= HARDLY;
  get("order-says").textContent = kept ? "For this text the order hardly matters: shuffled, its answer is nearly the same." :
    "For this text the order matters: shuffled, its answer changes.";
  get("shuffled-text").textContent = s.order.map(word).join(" ");
  const plain = data.answer.slice(0, s.with_positions.length);
  for (const [title, straight, straightPath, mixed, mixedPath] of [
    ["With positions, as the model was made", plain, ["answer"], s.with_positions, ["shuffled", "with_positions"]],
    ["Without positions", s.straight_without_positions, ["shuffled", "straight_without_positions"],
      s.shuffled_without_positions, ["shuffled", "shuffled_without_positions"]],
    ["Without positions and without the mask", s.straight_without_positions_and_mask,
      ["shuffled", "straight_without_positions_and_mask"], s.shuffled_without_positions_and_mask,
      ["shuffled", "shuffled_without_positions_and_mask"]]]) {
    const card = make("div", "trial"), sides = make("div", "sides");
    const side = (name, list, path) => {
      const part = make("div");
      part.append(make("h4", "", name), answers(list, path, 3));
      sides.append(part);
    };
    side("as written", straight, straightPath);
    side("shuffled", mixed, mixedPath);
    card.append(make("h3", "", title), sides, make("p", "verdict", compared(straight, mixed)));
    card.classList.toggle("same", same(straight, mixed));
    get("trials").append(card);
  }
}

// The three lists of the chosen word, and the pair's in small for all words.
const KINDS = [["k", "Label", "key", "#i-label"], ["v", "Potion", "value", "#i-potion"],
  ["q", "Recipe", "query", "#i-recipe"]];
function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const use = svg.appendChild(document.createElementNS("http://www.w3.org/2000/svg", "use"));
  use.setAttribute("href", name);
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  return svg;
}
const kindMost = name => largest(tokens.map((t, i) => headRow(name, state.layer, i, state.head)));
function buildKinds() {
  view(["layer", "head", "token"], () => {
    get("kinds").replaceChildren(...KINDS.map(([name, tale, field, sign]) => {
      const line = make("div", "kind"), heading = make("h3");
      heading.append(icon(sign), tale, make("small", "", field));
      line.append(heading, strip(headRow(name, state.layer, state.token, state.head), kindMost(name),
        tale + " of " + named(state.token),
        c => at(name, state.layer, state.token, state.head * HEAD_DIM + c)));
      return line;
    }));
  });
  view(["layer", "head", "token"], () => {
    const most = KINDS.map(([name]) => kindMost(name));
    const head = make("div", "shelf-row shelf-head");
    head.append(make("span"), ...KINDS.map(([, tale]) => make("span", "", tale)));
    get("shelf").replaceChildren(head, ...tokens.map((t, i) => {
      const line = make("div", "shelf-row" + (i === state.token ? " on" : i > state.token ? " later" : ""));
      line.append(make("span", "word", word(i)), ...KINDS.map(([name, tale], k) =>
        strip(headRow(name, state.layer, i, state.head), most[k], tale + " of " + named(i))));
      line.onclick = () => update({ token: i });
      return line;
    }));
  });
  get("strip-count").textContent = HEAD_DIM > WRITTEN ? "All " + HEAD_DIM + " cells are drawn, too small for " +
    "numbers in them; step 4 has the numbers." : "";
}

// All heads of all layers: how much the answer changes without each of them.
function buildSurvey() {
  const box = get("survey"), values = row("heads_tell"), most = largest([values]), list = [];
  box.style.setProperty("--heads", HEADS);
  box.append(make("span", "tag axis", "layer \u2193"), make("span", "tag axis heads", "head \u2192"));
  for (let l = 0; l < LAYERS; l++) {
    box.append(make("span", "tag", String(l + 1)));
    for (let h = 0; h < HEADS; h++) {
      const b = button("square", "Layer " + (l + 1) + ", head " + (h + 1));
      b.style.setProperty("--strength", strength(values[l * HEADS + h], most).toFixed(3));
      b.onclick = () => update({ layer: l, head: h });
      list.push(box.appendChild(b));
    }
  }
  const mark = roving(box, list, () => HEADS);
  const how = data.opens.how, phrase = how[0] === how[0].toLowerCase();
  const first = "layer " + (data.opens.layer + 1) + ", head " + (data.opens.head + 1);
  get("opens-how").textContent = "The page opens with " + first + (phrase ? ": " + how + "." : ", the strongest one.");
  get("back-to-opens").textContent = "Back to " + first;
  view(["layer", "head"], () => {
    mark(state.layer * HEADS + state.head);
    says(get("survey-says"), "With ", strong(headName()), " blind, the answer moves by ",
      datum(at("heads_tell", state.layer, state.head), share), ".");
    get("back-to-opens").disabled = state.layer === data.opens.layer && state.head === data.opens.head;
  });
  get("back-to-opens").onclick = () => update({ layer: data.opens.layer, head: data.opens.head });
}
