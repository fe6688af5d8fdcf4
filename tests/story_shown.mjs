// SPDX-License-Identifier: BSD-2-Clause
// The numbers that a page of `decoct story` shows now: {of, value, text} of each <data> element, and
// {loose, in} of each digit in other texts and in attributes that are read out. tests/story_figures.py
// judges both.
export const shown = page => page.evaluate(() => {
  const apart = "data, script, style, noscript, template";
  const lines = [...document.querySelectorAll("data")].map(e => ({ of: e.dataset.of, value: e.value, text: e.textContent }));
  const name = e => e.localName + (e.id ? "#" + e.id : "") + [...e.classList].map(c => "." + c).join("");
  const place = e => {
    const names = [];
    for (; e && e !== document.body; e = e.parentElement) names.unshift(name(e));
    return names.join(" ");
  };
  const loose = (text, where) => {
    if (/\d/.test(text)) lines.push({ loose: text.trim().replace(/\s+/g, " "), in: where });
  };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node; (node = walker.nextNode());)
    if (!node.parentElement.closest(apart)) loose(node.data, place(node.parentElement));
  for (const attribute of ["title", "aria-label", "aria-valuetext", "aria-description", "alt", "placeholder"])
    for (const e of document.querySelectorAll("[" + attribute + "]")) loose(e.getAttribute(attribute), place(e) + " @" + attribute);
  return lines;
});
