// SPDX-License-Identifier: BSD-2-Clause
// Steps 9 to 12 of the page of `decoct story`: chemistry, the layers, the assembly, and what mattered.
"use strict";

// Answers before and after the feed-forward, for the chosen word and layer.
function chemistryOf(layer, token) {
  const before = data.lens_before_ffn[layer][token], after = data.lens[layer + 1][token];
  const now = new Map(after.map(e => [e.id, e.p])), was = new Map(before.map(e => [e.id, e.p]));
  let moved = 0;
  for (const id of new Set([...now.keys(), ...was.keys()])) moved += Math.abs((now.get(id) || 0) - (was.get(id) || 0));
  return moved / 2;
}
function buildChemistry() {
  let jump = null; // where the button of the strongest reaction came from and led to
  view(["layer", "token"], () => {
    const { layer, token } = state, before = data.lens_before_ffn[layer][token], after = data.lens[layer + 1][token];
    get("before-ffn").replaceChildren(answers(before, ["lens_before_ffn", layer, token]));
    get("after-ffn").replaceChildren(answers(after, ["lens", layer + 1, token]));
    const was = datum(at("lens_before_ffn", layer, token, 0, "p"), share), now = datum(at("lens", layer + 1, token, 0, "p"), share);
    if (before[0].id === after[0].id)
      says(get("chemistry-says"), strong(quoted(after[0].text)), " stays the most probable word; its probability goes from ", was, " to ", now, ".");
    else says(get("chemistry-says"), "The most probable word was ", strong(quoted(before[0].text)), " with ", was, "; now it is ",
      strong(quoted(after[0].text)), " with ", now, ".");
    const moves = data.lens_before_ffn.map((l, k) => chemistryOf(k, token)), most = ranked(moves)[0];
    const b = get("most-chemistry");
    b.textContent = "Show the strongest reaction of " + named(token) + ": layer " + (most + 1);
    b.hidden = most === layer;
    if (b.hidden) get("chemistry-says").append(" It is the strongest reaction of this word.");
    b.onclick = () => {
      jump = { from: state.layer, to: most };
      update({ layer: most });
    };
    if (jump && jump.to !== layer) jump = null;
    const back = get("back-from-chemistry");
    back.hidden = !jump;
    back.textContent = "Back to layer " + ((jump ? jump.from : layer) + 1);
    back.onclick = () => update({ layer: jump.from });
  });
}

// Which word each layer would name for the chosen one: a rung a layer, from the embedding upward.
function buildLadder() {
  view(["token"], () => {
    let last = null;
    get("ladder").replaceChildren(...data.lens.map((layer, l) => {
      const best = layer[state.token][0], line = make("li", "rung" + (last !== best.id ? " new" : ""));
      last = best.id;
      line.append(make("small", "", l === 0 ? "start" : "layer " + l), make("b", "", seen(best.text)),
        bar(best.p), datum(at("lens", l, state.token, 0, "p"), share));
      return line;
    }));
  });
}
function buildRise() {
  const start = data.lens[0][LAST][0];
  get("rise-says").textContent = start.id === tokens[LAST].id && data.rise.tokens.some(t => t.id === start.id) ?
    "Before any layer the list still spells the word itself, " +
    named(LAST) + ": that is why its line begins high." : "";
  const series = data.rise.tokens.map((token, k) => ({ text: seen(token.text), colour: "var(--r" + k + ")",
    dash: DASHES[k % DASHES.length], p: data.lens.map((x, l) => row("rise", "p", l)[k]) }));
  riseChart(get("rise"), series, "How probable " + series.map(s => s.text).join(", ") +
    " would be if the model stopped after each layer. The table below has the numbers.", () => state.layer + 1);
  const table = get("rise-table"), head = table.createTHead().insertRow();
  for (const text of ["after", ...series.map(s => s.text)]) {
    const th = head.appendChild(make("th", "", text));
    th.scope = "col";
  }
  const body = table.createTBody();
  data.lens.forEach((x, l) => {
    const line = body.insertRow(), th = line.appendChild(make("th", "", l === 0 ? "the start" : "layer " + l));
    th.scope = "row";
    series.forEach((s, k) => line.insertCell().append(datum(at("rise", "p", l, k), share)));
  });
}

function buildAssembly() {
  get("final").append(tile(row("final", LAST), usual(row("final", LAST)), "The last list of " + named(LAST)));
  const body = get("votes").createTBody();
  data.answer.forEach((entry, k) => {
    const line = body.insertRow(), name = line.appendChild(make("th", "", seen(entry.text)));
    name.scope = "row";
    line.insertCell().append(datum(at("answer", k, "score"), twoPlaces));
    line.insertCell().append(datum(raisedScore(k), relativeSize));
    line.insertCell().append(bar(entry.p));
    line.insertCell().append(datum(at("answer", k, "p"), share));
  });
  const rest = body.insertRow(), name = rest.appendChild(make("th", "", ""));
  name.scope = "row";
  says(name, "all other tokens");
  rest.insertCell();
  rest.insertCell();
  rest.insertCell().append(bar(restOfAnswer().value));
  rest.insertCell().append(datum(restOfAnswer(), share));
  says(get("votes-sum"), "Over all ", datum(at("model", "vocabulary"), whole), " tokens the third column adds up to ",
    datum(raisedTotal(), anySize), "; each entry divided by that sum is the probability.");
}

function buildInfluence() {
  const box = get("influence"), list = data.influence.map((entry, k) => ({ ...entry, k }));
  list.sort((a, b) => b.effect - a.effect);
  box.replaceChildren(...list.map(entry => {
    const line = make("li", "mattered"), without = make("span", "without", "without it: ");
    const best = entry.answer[0];
    if (best) without.append(strong(seen(best.text)), " ", datum(at("influence", entry.k, "answer", 0, "p"), share));
    if (best && data.answer[0] && best.id !== data.answer[0].id) line.classList.add("turns");
    line.append(make("span", "word", seen(data.words[entry.word].text)), bar(entry.effect / 100),
      datum(at("influence", entry.k, "effect"), effect), without);
    return line;
  }));
  get("influence-none").hidden = list.length > 0;
}
