// SPDX-License-Identifier: BSD-2-Clause
// The page of `decoct story`: its head, and the steps in their order.
"use strict";
// The words that mattered most, and the text with these underlined.
const MATTERED = 10; // percent: the least effect that is worth a colour
function brewed() {
  const list = [...data.influence].sort((a, b) => b.effect - a.effect).slice(0, COLOURS).filter(e => e.effect >= MATTERED);
  return list.map(e => ({ ...e, colour: colourOf(e.word) }));
}
function underlined(brew) {
  const text = data.text.trim(), parts = [];
  let from = 0;
  data.words.forEach((w, i) => {
    const start = text.indexOf(w.text, from), mark = brew.find(e => e.word === i);
    if (start < 0 || w.text === "") return;
    if (start > from) parts.push(text.slice(from, start).replace(/\s+/g, " "));
    const span = make("span", mark ? "brewed" : "", w.text);
    if (mark) span.style.setProperty("--mark", mark.colour);
    parts.push(span);
    from = start + w.text.length;
  });
  return [...parts, text.slice(from)];
}
function buildHead() {
  const best = data.answer[0], hero = get("hero"), brew = brewed();
  const continues = best && /^\+./.test(best.text); // a piece of the word that the text ends with
  says(hero, ...underlined(brew), continues ? "" : " ",
    make("em", "", !best ? "\u2026" : continues ? best.text.slice(1) : seen(best.text)));
  const sum = brew.reduce((total, e) => total + e.effect, 0);
  get("brew").style.display = sum > 0 ? "" : "none";
  fillFlask(get("brew"), sum > 0 ? brew.map(e => [e.effect / sum, e.colour]) : []);
  get("brew-says").hidden = get("brew").style.display === "none";
  hero.classList.toggle("long", data.text.length > 70);
  document.title = "How \u201c" + (best ? seen(best.text) : "\u2026") + "\u201d came about";
  if (best)
    says(get("lede-answer"), continues ? "continued its last word with " : "named the next word: ",
      strong(continues ? best.text.slice(1) : seen(best.text)), ", with a probability of ",
      datum(at("answer", 0, "p"), share));
  for (const note of data.notes) get("notes").append(make("li", "", note));
  get("notes").hidden = data.notes.length === 0;
  for (const e of document.querySelectorAll(".last-word")) e.textContent = named(LAST);
  for (const e of document.querySelectorAll(".pre-norm")) e.hidden = !PRE_NORM;
  for (const e of document.querySelectorAll(".post-norm")) e.hidden = PRE_NORM;
  get("made").textContent = "Made by decoct story with the language model \u201c" + data.model.name + "\u201d (" + data.model.type +
    "), backend " + data.backend + ", all on the machine on which it was made. The page loads nothing from a network.";
  const parts = [at("model", "heads"), at("model", "head_dim")];
  says(get("side-by-side"), datum(parts[0], whole), " \u00d7 ", datum(parts[1], whole), " = ", datum(times(...parts), whole), " numbers");
  get("command-again").textContent = data.command;
}
fillTemplate();
buildHead();
buildSentence();
buildPickers();
buildTokens();
buildPositions();
buildShuffle();
buildSurvey();
buildKinds();
buildMatches();
buildBill();
buildSlider();
buildShares();
buildFlask();
buildMask();
buildHeads();
buildChemistry();
buildLadder();
buildRise();
buildAssembly();
buildInfluence();
buildContents();
paintAll();
// Nothing moves while the page opens.
setTimeout(() => document.documentElement.classList.add("ready"), 400);
