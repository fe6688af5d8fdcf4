// SPDX-License-Identifier: BSD-2-Clause
// Steps 6 to 8 of the page of `decoct story`: the flask, the mask, and the heads side by side.
"use strict";
const POURED = 8; // that many potions have a row of their own

// Colours in a flask from the floor up: [[share, colour], ...]. Its belly is filled: equal heights are equal shares.
function fillFlask(flask, parts) {
  const liquid = flask.querySelector(".liquid"), floor = 218, room = 100;
  while (liquid.children.length < parts.length) {
    const rect = document.createElementNS("http://www.w3.org/2000/svg", "rect");
    rect.setAttribute("x", "0");
    rect.setAttribute("width", "132");
    liquid.append(rect);
  }
  let level = floor;
  [...liquid.children].forEach((rect, i) => {
    const [share, paint] = parts[i] || [0, "none"], height = share * room;
    level -= height;
    rect.style.fill = paint;
    rect.setAttribute("y", level);
    rect.setAttribute("height", height > 0.05 ? height + 0.5 : 0);
  });
}
// A head in which a token mixes its flask of several potions: of those, the one that matters most for the answer.
const largestShare = (layer, head, token) => largest([row("weights", layer, head, token).subarray(0, token + 1)]);
function mixingHead(token) {
  let best = null;
  for (let layer = 0; layer < LAYERS; layer++)
    for (let head = 0; head < HEADS; head++) {
      const effect = row("heads_tell", layer, head)[0];
      if (largestShare(layer, head, token) <= 0.6 && !(best && best.effect >= effect)) best = { layer, head, effect };
    }
  return best;
}
function paintMixing(layer, head, token) {
  const other = mixingHead(token), alone = largestShare(layer, head, token) > 0.8 && token > 0 && other;
  get("mixes").hidden = !alone;
  if (!alone) return;
  get("mixes-says").textContent = "This head mixes hardly anything here: nearly all comes from one word.";
  get("mixes-more").textContent = "A head that mixes more: layer " + (other.layer + 1) + ", head " + (other.head + 1);
  get("mixes-more").onclick = () => update({ layer: other.layer, head: other.head });
}
function buildFlask() {
  view(["layer", "head", "token"], () => {
    const { layer, head, token } = state, { shares, order, colours } = pouring();
    fillFlask(get("flask"), [...order.slice(0, COLOURS).map(j => [shares[j], colours[j]]),
      [order.slice(COLOURS).reduce((sum, j) => sum + shares[j], 0), "var(--rest)"]]);
    const potions = order.map(j => headRow("v", layer, j, head)), most = largest(potions);
    const lines = order.slice(0, POURED).map((j, k) => {
      const line = make("div", "pour"), name = make("span", "word");
      name.append(dot(colours[j]), word(j) + (j === token ? " (itself)" : ""));
      line.append(name, datum(at("weights", layer, head, token, j), share), make("span", "sign", "\u00d7"),
        strip(potions[k], most, "Potion of " + named(j)), make("span", "sign", "\u2192"),
        strip(potions[k].map(v => v * shares[j]), most, "What " + named(j) + " pours"));
      return line;
    });
    const rest = order.slice(POURED);
    if (rest.length) {
      const line = make("div", "pour"), name = make("span", "word"), mixed = new Float32Array(HEAD_DIM);
      rest.forEach((j, k) => potions[POURED + k].forEach((v, c) => { mixed[c] += v * shares[j]; }));
      name.append(dot("var(--rest)"), plural(rest.length, "other", "others"));
      line.append(name, datum(sumOfShares(layer, head, token, rest), share), make("span", "sign"), make("span"),
        make("span", "sign", "\u2192"), strip(mixed, most, "What the others pour"));
      lines.push(line);
    }
    get("pours").replaceChildren(...lines);
    get("filled").replaceChildren(strip(headRow("mix", layer, token, head), most, "The flask of " + named(token),
      c => at("mix", layer, token, head * HEAD_DIM + c)));
    paintMixing(layer, head, token);
  });
}

// The mask: rows read, columns are read. Lifting it shows the weights of a second computation.
function buildMask() {
  const box = get("mask-cells"), cells = [], rows = [], columns = [];
  const size = N > 24 ? 12 : N > 12 ? 22 : 38, longest = Math.max(...tokens.map((t, i) => word(i).length));
  box.style.setProperty("--cell-size", size + "px");
  box.style.gridTemplateColumns = "max-content repeat(" + N + ", minmax(0, " + size + "px))";
  box.style.setProperty("--column-room", Math.min(110, 8.5 * longest + 10) + "px");
  box.classList.toggle("wide", N > 20);
  box.closest(".card").classList.toggle("long", N > 20);
  box.append(make("span"));
  tokens.forEach((t, j) => columns.push(box.appendChild(make("span", "column", word(j)))));
  tokens.forEach((t, i) => {
    rows.push(box.appendChild(make("span", "reader", word(i))));
    tokens.forEach((u, j) => {
      const cell = make("span", "seen");
      cell.onclick = () => update(j <= i || state.lifted ? { token: i, read: j } : { token: i });
      cells.push(box.appendChild(cell));
    });
  });
  get("mask").addEventListener("keydown", event => {
    const [down, right] = { ArrowDown: [1, 0], ArrowUp: [-1, 0], ArrowRight: [0, 1], ArrowLeft: [0, -1] }[event.key] || [];
    if (down === undefined || event.target !== get("mask")) return;
    event.preventDefault();
    const token = Math.max(0, Math.min(LAST, state.token + down)), end = state.lifted ? LAST : token;
    update({ token, read: Math.max(0, Math.min(end, state.read + right)) });
  });
  get("lift").onchange = () => update({ lifted: get("lift").checked });
  const names = () => state.lifted ? ["lifted", "weights"] : ["weights"];
  view(["layer", "head", "lifted"], () => tokens.forEach((t, i) => {
    const shares = row(...names(), state.layer, state.head, i);
    tokens.forEach((u, j) => {
      const cell = cells[i * N + j], closed = j > i && !state.lifted;
      cell.classList.toggle("closed", closed);
      cell.classList.toggle("future", j > i && state.lifted);
      cell.style.setProperty("--strength", closed ? 0 : Math.pow(shares[j], 0.75).toFixed(3));
    });
  }));
  view(["token", "read"], () => {
    rows.forEach((r, i) => r.classList.toggle("on", i === state.token));
    columns.forEach((c, j) => c.classList.toggle("on", j === state.read));
    for (const cell of box.querySelectorAll(".seen.on")) cell.classList.remove("on");
    cells[state.token * N + state.read].classList.add("on");
  });
  view(["layer", "head", "token", "read", "lifted"], () => {
    const { layer, head, token, read } = state, shares = row(...names(), layer, head, token);
    const parts = read > token && !state.lifted ? [strong(named(read)), " comes later: ", strong(named(token)), " cannot see it."] :
      [strong(named(token)), " takes ", datum(at(...names(), layer, head, token, read), share), " of its flask from ",
        strong(named(read)), "."];
    if (state.lifted && token < LAST)
      parts.push(" From what follows it would take ", datum({
        of: "sum(lifted/weights/" + [layer, head, token].join("/") + ")[" + tokens.map((t, j) => j).slice(token + 1) + "]",
        value: shares.subarray(token + 1).reduce((a, b) => a + b, 0) }, share), ".");
    says(get("mask-says"), ...parts);
  });
  view(["lifted"], () => {
    get("lift").checked = state.lifted;
    get("mask-lifted").hidden = !state.lifted;
    get("mask-key").className = "seen " + (state.lifted ? "future" : "closed");
    get("mask-key-says").textContent = state.lifted ? "with a frame: a word that comes later, now in view" :
      "hatched: closed, the word comes later";
  });
  get("mask-answer-own").append(answers(data.answer, ["answer"], 5));
  get("mask-answer").append(answers(data.lifted.answer, ["lifted", "answer"], 5));
  says(get("lifted-says"), ...liftedSays());
}
// How the best answer changed with the mask lifted.
function liftedSays() {
  const [was, now] = [data.answer[0], data.lifted.answer[0]], arrow = " \u2192 ";
  const own = datum(at("answer", 0, "p"), share), then = datum(at("lifted", "answer", 0, "p"), share);
  if (was.id !== now.id)
    return ["Here the best answer changes: ", strong(seen(was.text)), " ", own, arrow, strong(seen(now.text)), " ", then, "."];
  return [moved(data.answer.slice(0, 5), data.lifted.answer) <= HARDLY ? "Here the answer hardly changes: " :
    "Here the best answer stays, with another probability: ", strong(seen(was.text)), " ", own, arrow, then, "."];
}

// A card for each head of the layer: how it divides its flask, and what the word prefers in it.
function paintHead(card, h, shares, most) {
  const best = ranked(shares)[0], line = make("span", "spark");
  line.setAttribute("aria-hidden", "true");
  shares.forEach((p, j) => {
    const one = make("i", j === best ? "best" : "");
    one.style.height = Math.max(2, p / most * 100) + "%";
    line.append(one);
  });
  const prefers = make("b", "", best === state.token ? "itself" : word(best));
  card.replaceChildren(make("small", "", "head " + (h + 1)),
    datum(at("weights", state.layer, h, state.token, best), share), line, prefers);
}
function buildHeads() {
  const box = get("heads"), cards = [];
  for (let h = 0; h < HEADS; h++) {
    const card = button("alchemist");
    card.onclick = () => update({ head: h });
    cards.push(box.appendChild(card));
  }
  const mark = roving(box, cards);
  const sharesOf = h => row("weights", state.layer, h, state.token).subarray(0, state.token + 1);
  const paint = () => {
    const most = largest(cards.map((card, h) => sharesOf(h))); // one scale for all cards
    cards.forEach((card, h) => paintHead(card, h, sharesOf(h), most));
  };
  view(["layer", "token"], paint);
  view(["layer", "head", "token"], () => mark(state.head));
  view(["layer", "token"], () => {
    const { layer, token } = state;
    tileSum(get("poured"), [
      { values: layer === 0 ? row(has("positions_sum") ? "positions_sum" : "token_vectors", token) :
        row("after_ffn", layer - 1, token), label: "before layer " + (layer + 1) }, "+",
      { values: row("projected", layer, token), label: "all its flasks, mixed" },
      PRE_NORM ? "=" : "\u2192",
      { values: row("after_attention", layer, token), label: "after attention" }]);
  });
}
