// SPDX-License-Identifier: BSD-2-Clause
// What the pages share. Text that comes with the data is put in by textContent only.
"use strict";
const get = id => document.getElementById(id);
const make = (tag, className, text) => {
  const e = document.createElement(tag);
  if (className) e.className = className;
  if (text !== undefined) e.textContent = text;
  return e;
};
const percent = p => p > 0 && p < 0.01 ? "<1 %" : Math.round(p * 100) + " %";
function option(select, value, text) {
  const o = make("option", "", text);
  o.value = value;
  select.append(o);
}

// Numbers: three significant digits, thousands apart from 10 000 on; null is a dash.
const apart = s => s.length > 4 ? s.replace(/\B(?=(\d{3})+$)/g, "\u2009") : s;
const DASH = "\u2013";
function digits(v, count = 3) {
  if (v === null || v === undefined || !Number.isFinite(v)) return DASH;
  if (v === 0) return "0";
  if (Math.abs(v) < 10 ** count) v = Number(v.toPrecision(count)); // 0.9996 has as many digits as 1
  const places = Math.max(0, Math.min(6, count - 1 - Math.floor(Math.log10(Math.abs(v)))));
  const [whole, rest] = v.toFixed(places).split(".");
  return apart(whole) + (rest ? "." + rest : "");
}
// A count as it is; other numbers without zeros at the end, as on an axis.
const count = v => Number.isInteger(v) ? apart(String(v)) : brief(v);
const brief = v => digits(v).replace(/(\.\d*?)0+$/, "$1").replace(/\.$/, "");
function duration(us) {
  if (us === null || !Number.isFinite(us)) return DASH;
  if (us < 1) return digits(us * 1e3) + " ns";
  if (us < 1e3) return digits(us) + " \u00b5s";
  return us < 1e6 ? digits(us / 1e3) + " ms" : digits(us / 1e6) + " s";
}
function byteSize(n) {
  if (!Number.isFinite(n)) return DASH;
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let i = 0;
  for (; n >= 1024 && i < units.length - 1; i++) n /= 1024;
  return brief(n) + "\u00a0" + units[i];
}
const plural = (n, one, many) => count(n) + " " + (n === 1 ? one : many || one + "s");

// Colours as the style sheets have them now, for what is drawn on a canvas. The drawing code is
// called again when the scheme changes, and for paper.
const colour = name => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const painters = [];
function repaint() {
  for (const paint of painters) paint();
}
const onTheme = paint => painters.push(paint);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", repaint);
function forPaper(on) {
  document.documentElement.toggleAttribute("data-print", on);
  repaint();
}
matchMedia("print").addEventListener("change", event => forPaper(event.matches));
addEventListener("beforeprint", () => forPaper(true));
addEventListener("afterprint", () => forPaper(false));

// The tip: one box for the whole page. The first line is its heading.
const tip = make("div", "tip");
tip.hidden = true;
tip.setAttribute("role", "status");
function showTip(x, y, lines) {
  if (!tip.isConnected) document.body.append(tip);
  tip.textContent = "";
  lines.filter(text => text).forEach((text, i) => tip.append(make(i ? "span" : "b", "", text)));
  tip.hidden = false;
  const box = tip.getBoundingClientRect();
  const left = x + 14 + box.width > innerWidth ? x - 14 - box.width : x + 14;
  const top = y + 14 + box.height > innerHeight ? y - 14 - box.height : y + 14;
  tip.style.left = Math.max(4, left) + "px";
  tip.style.top = Math.max(4, top) + "px";
}
const hideTip = () => { tip.hidden = true; };
// An element with a tip: lines() is called when it is pointed at or has the focus.
function tells(element, lines) {
  element.addEventListener("mousemove", e => showTip(e.clientX, e.clientY, lines()));
  element.addEventListener("mouseleave", hideTip);
  element.addEventListener("focus", () => {
    const box = element.getBoundingClientRect();
    showTip(box.left + box.width / 2, box.bottom - 10, lines());
  });
  element.addEventListener("blur", hideTip);
}
addEventListener("keydown", event => { if (event.key === "Escape") hideTip(); });
addEventListener("scroll", hideTip, { passive: true });

function download(name, type, text) {
  const link = make("a");
  link.href = URL.createObjectURL(new Blob([text], { type }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}
