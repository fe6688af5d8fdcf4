// SPDX-License-Identifier: BSD-2-Clause
// What is chosen on the page of `decoct story` (word, pair, layer, head, temperature, mask), the bar that
// shows it, and how the steps follow: view(keys, paint) is called when one of the keys has changed.
"use strict";
const state = { layer: data.opens.layer, head: data.opens.head, token: data.focus, read: 0,
  temperature: 1, lifted: false };
const views = [];
const view = (keys, paint) => views.push({ keys, paint });

// The word that fits the chosen one best, which may be itself.
const favourite = (layer, head, reader) => ranked(row("scores", layer, head, reader).subarray(0, reader + 1))[0];
function update(change) {
  const before = { ...state };
  Object.assign(state, change);
  if (!("read" in change) && ["layer", "head", "token"].some(key => state[key] !== before[key]))
    state.read = favourite(state.layer, state.head, state.token);
  const changed = Object.keys(state).filter(key => state[key] !== before[key]);
  for (const { keys, paint } of views) if (keys.some(key => changed.includes(key))) paint();
}
function paintAll() {
  state.read = favourite(state.layer, state.head, state.token);
  for (const { paint } of views) paint();
}

// Many buttons of which one is chosen are one stop of the Tab key; arrows, Home and End move between
// them. columns() of a grid, 1 for a list from top to bottom, or nothing for a line.
function roving(box, buttons, columns) {
  box.dataset.roving = "";
  const usable = () => buttons.filter(b => !b.hidden);
  box.addEventListener("keydown", event => {
    const list = usable(), here = list.indexOf(document.activeElement);
    if (here < 0 || event.ctrlKey || event.metaKey || event.altKey) return;
    const wide = columns ? columns() : list.length;
    const to = { ArrowRight: here + 1, ArrowLeft: here - 1, Home: 0, End: list.length - 1,
      ArrowDown: here + (columns ? wide : 1), ArrowUp: here - (columns ? wide : 1) }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    if (list[to]) list[to].focus();
  });
  box.addEventListener("focusin", event => {
    for (const b of buttons) b.tabIndex = b === event.target ? 0 : -1;
  });
  return chosen => {
    const reachable = buttons[chosen] && !buttons[chosen].hidden ? chosen : buttons.findIndex(b => !b.hidden);
    buttons.forEach((b, i) => {
      b.setAttribute("aria-pressed", String(i === chosen));
      if (!box.contains(document.activeElement)) b.tabIndex = i === reachable ? 0 : -1;
    });
  };
}
const button = (className, label) => {
  const b = make("button", className);
  b.type = "button";
  if (label) b.setAttribute("aria-label", label);
  return b;
};
const headName = () => "layer " + (state.layer + 1) + ", head " + (state.head + 1);

// The sentence in the bar: a button for each token; its colour is the share that it gives to the
// chosen one in the chosen head.
function buildSentence() {
  const box = get("sentence");
  const chips = tokens.map((token, i) => {
    const chip = button("chip" + (i && tokens[i - 1].word === token.word ? " joined" : ""));
    chip.append(make("span", "", word(i)));
    chip.onclick = () => update({ token: i });
    box.append(chip);
    return chip;
  });
  const best = data.answer[0];
  if (best) box.append(make("span", "chip blank", seen(best.text) + "?"));
  showMore(box);
  const mark = roving(box, chips);
  view(["layer", "head", "token"], () => {
    const shares = row("weights", state.layer, state.head, state.token);
    chips.forEach((chip, i) => {
      chip.style.setProperty("--share", i <= state.token ? Math.pow(shares[i], 0.75).toFixed(3) : 0);
      chip.classList.toggle("later", i > state.token);
    });
    mark(state.token);
    keepInView(box, chips[state.token]);
  });
}
// On narrow screens the sentence is one line: its ends fade where more of it is hidden.
function showMore(box) {
  const paint = () => {
    box.classList.toggle("more-left", box.scrollLeft > 4);
    box.classList.toggle("more-right", box.scrollLeft + box.clientWidth < box.scrollWidth - 4);
  };
  box.addEventListener("scroll", paint, { passive: true });
  new ResizeObserver(paint).observe(box);
}
// Scrolls the box alone, never the page.
function keepInView(box, child) {
  const outer = box.getBoundingClientRect(), inner = child.getBoundingClientRect();
  if (inner.left < outer.left) box.scrollLeft -= outer.left - inner.left + 24;
  if (inner.right > outer.right) box.scrollLeft += inner.right - outer.right + 24;
  if (inner.top < outer.top) box.scrollTop -= outer.top - inner.top + 4;
  if (inner.bottom > outer.bottom) box.scrollTop += inner.bottom - outer.bottom + 4;
}

function buildPickers() {
  const [layer, head] = [get("layer"), get("head")];
  for (let l = 0; l < LAYERS; l++) option(layer, l, l + 1);
  for (let h = 0; h < HEADS; h++) option(head, h, h + 1);
  layer.onchange = () => update({ layer: Number(layer.value) });
  head.onchange = () => update({ head: Number(head.value) });
  view(["layer", "head"], () => {
    layer.value = state.layer;
    head.value = state.head;
    for (const e of document.querySelectorAll(".which-head")) e.textContent = headName();
    for (const e of document.querySelectorAll(".which-layer")) e.textContent = "layer " + (state.layer + 1);
  });
  view(["token"], () => {
    for (const e of document.querySelectorAll(".which-word")) e.textContent = named(state.token);
  });
  view(["read", "token"], () => {
    for (const e of document.querySelectorAll(".which-pair")) e.textContent = named(state.read);
  });
}

// The contents: where one is, and a flask that fills on the way.
function buildContents() {
  const steps = [...document.querySelectorAll(".step")], list = get("contents-list");
  const links = steps.map((step, i) => {
    if (step.dataset.part) list.append(make("li", "part", step.dataset.part));
    const title = step.querySelector("h2").textContent, link = make("a");
    link.href = "#" + step.id;
    link.append(make("b", "", String(i + 1)), make("span", "", title));
    list.appendChild(make("li")).append(link);
    return link;
  });
  const follow = () => {
    const line = get("bar").getBoundingClientRect().bottom + innerHeight * 0.25;
    let here = -1;
    steps.forEach((step, i) => { if (step.getBoundingClientRect().top <= line) here = i; });
    if (innerHeight + scrollY >= document.documentElement.scrollHeight - 4) here = steps.length - 1;
    links.forEach((link, i) => {
      if (i === here) link.setAttribute("aria-current", "step");
      else link.removeAttribute("aria-current");
      link.classList.toggle("done", i < here);
    });
    get("progress").style.setProperty("--done", (here + 1) / steps.length);
  };
  addEventListener("scroll", follow, { passive: true });
  addEventListener("resize", follow);
  const measure = () => document.documentElement.style.setProperty("--bar",
    Math.ceil(get("bar").getBoundingClientRect().height) + "px");
  new ResizeObserver(() => { measure(); follow(); }).observe(get("bar"));
  measure();
  follow();
}

// On paper everything is open.
let opened = [];
onTheme(() => {
  const paper = document.documentElement.hasAttribute("data-print");
  if (paper && !opened.length) {
    opened = [...document.querySelectorAll("details:not([open])")];
    for (const d of opened) d.open = true;
  } else if (!paper) {
    for (const d of opened) d.open = false;
    opened = [];
  }
});
