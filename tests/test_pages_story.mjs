// SPDX-License-Identifier: BSD-2-Clause
// The pages of `decoct story` in Chromium: called by test_pages.mjs. Besides, what each page shows for
// several words, heads and temperatures is written to FOLDER/PAGE.jsonl (or to the folder that
// DECOCT_STORY_FIGURES names), the lines of story_shown.mjs: story_figures.py judges them.
import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import { shown } from "./story_shown.mjs";

const STEPS = 12;
const value = (page, selector) => page.locator(selector).first().evaluate(e => Number(e.value));
const values = (page, selector) => page.locator(selector).evaluateAll(list => list.map(e => Number(e.value)));
const press = async (page, key, times) => { for (let i = 0; i < times; i++) await page.keyboard.press(key); };
const chip = (page, i) => page.locator("#sentence button").nth(i);

// Adds all numbers of the page now to the lines. A name has one value, however it is shown.
async function figures(page, lines, values) {
  for (const f of await shown(page)) {
    lines.add(JSON.stringify(f));
    if (f.loose) continue;
    assert.ok(f.of && Number.isFinite(Number(f.value)) && f.value !== "", JSON.stringify(f));
    assert.ok(!values.has(f.of) || values.get(f.of) === f.value, "two values of " + f.of);
    values.set(f.of, f.value);
  }
}
const slide = (page, at) => page.locator("#temperature").evaluate((e, at) => {
  e.value = at;
  e.dispatchEvent(new Event("input"));
}, at);

// Text and what is behind it, as light as WCAG 2 measures it; the lowest contrasts first.
export const contrasts = page => page.evaluate(() => {
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const parse = text => {
    canvas.clearRect(0, 0, 1, 1);
    const srgb = text.match(/^color\(srgb ([\d.e-]+) ([\d.e-]+) ([\d.e-]+)(?: \/ ([\d.]+))?\)$/);
    if (srgb) return [srgb[1] * 255, srgb[2] * 255, srgb[3] * 255, srgb[4] === undefined ? 1 : Number(srgb[4])];
    const [r, g, b, a = "1"] = text.match(/[\d.]+/g);
    return [r, g, b, a].map(Number);
  };
  const over = (top, below) => [0, 1, 2].map(i => top[i] * top[3] + below[i] * (1 - top[3]));
  const behind = element => {
    const layers = [];
    for (let e = element; e; e = e.parentElement) layers.unshift(parse(getComputedStyle(e).backgroundColor));
    return layers.reduce((below, top) => over(top, below), [255, 255, 255]);
  };
  const light = rgb => {
    const [r, g, b] = rgb.map(v => v / 255).map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT), seen = new Set(), list = [];
  for (let node; (node = walker.nextNode());) {
    const e = node.parentElement;
    if (!node.data.trim() || seen.has(e) || e.closest("script, style, noscript, :disabled, option") || !e.checkVisibility()) continue;
    seen.add(e);
    const style = getComputedStyle(e), ground = behind(e);
    const ink = over(parse(e instanceof SVGElement ? style.fill : style.color), ground);
    const [a, b] = [light(ink), light(ground)];
    list.push({ ratio: (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05), text: node.data.trim().slice(0, 40), tag: e.tagName + "." + e.className });
  }
  return list.sort((a, b) => a.ratio - b.ratio);
});
async function readable(page) {
  const list = await contrasts(page);
  assert.ok(list.length > 100);
  assert.ok(list[0].ratio >= 4.5, JSON.stringify(list.slice(0, 5)));
}

// What takes the focus is reached by Tab, or within a group by its arrow keys.
async function reached(page) {
  await page.evaluate(() => {
    document.querySelectorAll("a[href], button, select, input, summary, [tabindex]").forEach((e, i) => { e.dataset.control = i; });
  });
  const here = () => page.evaluate(() => ({ control: document.activeElement.dataset.control, group: Boolean(document.activeElement.closest("[data-roving]")) }));
  const found = new Set();
  for (let i = 0; i < 500; i++) {
    await page.keyboard.press("Tab");
    const { control, group } = await here();
    if (control === undefined || found.has(control)) break;
    found.add(control);
    if (!group) continue;
    await page.keyboard.press("Home");
    for (let last; last !== (last = (await here()).control); await page.keyboard.press("ArrowRight")) found.add(last);
    await page.evaluate(first => document.querySelector('[data-control="' + first + '"]').focus(), control);
  }
  return page.evaluate(list => [...document.querySelectorAll("[data-control]")].filter(e => !list.includes(e.dataset.control) &&
    !e.disabled && e.checkVisibility()).map(e => e.outerHTML.slice(0, 100)), [...found]);
}

export default function stories({ test, picture, noOverflow, folder, pages }) {
  for (const name of pages) {
    test("story opens: " + name, name, async page => {
      assert.equal(await page.locator(".step").count(), STEPS);
      const text = await page.locator("body").innerText();
      assert.ok(!/undefined|NaN|Infinity|\[object|null/.test(text), text.match(/.*(undefined|NaN|Infinity|\[object|null).*/)?.[0]);
      await noOverflow(page);
      await readable(page);
      await picture(page, name + "-light");
    });
    test("story, narrow: " + name, name, async page => {
      await noOverflow(page);
      await picture(page, name + "-narrow");
    }, { viewport: { width: 380, height: 800 } });
    test("story, dark: " + name, name, async page => {
      await readable(page);
      await picture(page, name + "-dark");
    }, { colorScheme: "dark" });
    test("story, its numbers: " + name, name, async page => {
      const lines = new Set(), values = new Map(), count = await page.locator("#sentence button").count();
      const layers = await page.locator("#layer option").count(), heads = await page.locator("#head option").count();
      await figures(page, lines, values);
      for (const [token, layer, head, temperature] of [[0, 0, 0, 0], [count - 1, layers - 1, heads - 1, 40], [count >> 1, layers >> 1, heads >> 1, 13]]) {
        await chip(page, token).click();
        await page.selectOption("#layer", String(layer));
        await page.selectOption("#head", String(head));
        await slide(page, temperature);
        await figures(page, lines, values);
        await page.locator("#lift").setChecked(true);
        await figures(page, lines, values);
        await page.locator("#lift").setChecked(false);
      }
      fs.writeFileSync(path.join(process.env.DECOCT_STORY_FIGURES || folder, name + ".jsonl"), [...lines].join("\n"));
    });
  }

  const first = "story-bed";
  test("story: a click on a word changes the steps", first, async page => {
    const parts = ["#tokens-first", "#place-sum", "#kinds", "#matches", "#shares", "#pours", "#mask-says", "#heads", "#before-ffn", "#ladder"];
    const texts = async () => Promise.all(parts.map(p => page.locator(p).innerText()));
    const before = await texts();
    await chip(page, 1).click();
    (await texts()).forEach((text, k) => assert.notEqual(text, before[k], parts[k]));
    assert.equal(await page.locator("#matches button:visible").count(), 2); // itself and the one before it
    assert.equal(await page.locator("#shares li").count(), 2);
    assert.equal(await chip(page, 1).getAttribute("aria-pressed"), "true");
    assert.match(await page.locator("#h-kinds ~ p .which-word").innerText(), /lies/);
  });
  test("story: a pair has its bill", first, async page => {
    for (const j of [0, 2]) {
      await page.locator("#matches button").nth(j).click();
      const products = await values(page, ".bill-line > data"), sum = products.reduce((a, b) => a + b, 0);
      assert.ok(products.length > 2 && Math.abs(sum - await value(page, "#bill-sum data")) < 1e-4 * (1 + Math.abs(sum)));
      const score = await value(page, "#bill-score > data");
      assert.ok(Math.abs(sum / await value(page, "#bill-score span data") - score) < 1e-4 * (1 + Math.abs(score)));
      assert.equal(score, (await values(page, "#matches data"))[j]);
    }
  });
  test("story: the slider moves the shares, and they sum to 1", first, async page => {
    const shares = () => values(page, "#shares data:last-child"), text = page.locator("#temperature-value");
    const own = await shares();
    assert.match(await text.innerText(), /as in the model/);
    await page.locator("#temperature").focus();
    const largest = list => Math.max(...list), seen = [largest(own)];
    for (let i = 0; i < 3; i++) {
      await press(page, "ArrowRight", 5);
      const now = await shares(), sum = now.reduce((a, b) => a + b, 0);
      assert.ok(Math.abs(sum - 1) < 1e-6, "the shares sum to " + sum);
      assert.ok(largest(now) < seen.at(-1));
      assert.equal(Math.round(1e9 * await value(page, "#shares-sum data")), 1e9);
      seen.push(largest(now));
    }
    assert.match(await text.innerText(), /less picky/);
    assert.ok(await page.locator("#shares .own").count() > 0); // the model's own value is marked
    await page.click("#own-temperature");
    assert.deepEqual(await shares(), own);
    await press(page, "Home", 1);
    await page.locator("#temperature").focus();
    await press(page, "Home", 1);
    assert.ok(largest(await shares()) > seen[0]);
  });
  test("story: the bill is for the word that fits best", first, async page => {
    for (let i = 0; i < 7; i++) {
      await chip(page, i).click();
      const says = await page.locator("#match-says b").innerText();
      assert.equal(says, await page.locator("#step-match h3 .which-pair").innerText());
      const scores = await values(page, "#matches button:visible data");
      assert.equal(scores[await page.locator("#matches button:visible").evaluateAll(l => l.findIndex(b => b.ariaPressed === "true"))], Math.max(...scores));
    }
  });
  test("story: what mattered has one scale and one colour", first, async page => {
    const rows = await page.locator(".mattered").evaluateAll(list => list.map(e => ({ word: e.querySelector(".word").textContent,
      effect: Number(e.querySelector("data").value), wide: parseFloat(e.querySelector(".fill").style.width) })));
    for (const { effect, wide } of rows) assert.ok(Math.abs(wide - effect) < 1e-3);
    const marked = await page.locator("#hero .brewed").evaluateAll(list => list.map(e => [e.textContent, e.style.getPropertyValue("--mark")]));
    assert.deepEqual(marked.map(([word]) => word).sort(), rows.filter(r => r.effect >= 10).map(r => r.word).sort());
    await page.locator("#mixes-more, #heads button").first().evaluate(e => e.click());
    const dots = await page.locator("#pours .word").evaluateAll(list => list.map(e => [e.textContent, e.querySelector(".dot").style.background]));
    for (const [word, colour] of marked) for (const [poured, dot] of dots) if (poured === word && dot !== "var(--rest)") assert.equal(dot, colour);
  });
  test("story: the strongest reaction and back", first, async page => {
    const before = await page.inputValue("#layer");
    if (!await page.locator("#most-chemistry").isVisible()) return;
    assert.ok(await page.locator("#back-from-chemistry").isHidden());
    await page.click("#most-chemistry");
    await page.click("#back-from-chemistry");
    assert.equal(await page.inputValue("#layer"), before);
    assert.ok(await page.locator("#back-from-chemistry").isHidden());
  });
  test("story: the mask is lifted", first, async page => {
    await chip(page, 1).click();
    assert.equal(await page.locator(".seen.future").count(), 0);
    const closed = await page.locator(".seen.closed").count(), answer = await page.locator("#mask-answer").innerText();
    assert.ok(closed > 0);
    await page.locator("#lift").focus();
    await page.keyboard.press("Space");
    assert.equal(await page.locator(".seen.future").count(), closed);
    assert.match(await page.locator("#mask-says").innerText(), /From what follows it would take/);
    assert.notEqual(await page.locator("#mask-answer").innerText(), answer);
    assert.ok(await page.locator("#mask-answer-own").isVisible()); // to compare with
    const [own, lifted] = [await value(page, "#mask-answer-own data"), await value(page, "#mask-answer data")];
    const said = await values(page, "#lifted-says data");
    assert.deepEqual(said, [own, lifted]);
    const [was, now] = await Promise.all(["#mask-answer-own", "#mask-answer"].map(box => page.locator(box + " .word").first().innerText()));
    assert.match(await page.locator("#lifted-says").innerText(), was !== now ? /changes:/ : Math.abs(own - lifted) > 0.05 ? /stays/ : /hardly|stays/);
    assert.match(await page.locator("#mask-key-says").innerText(), /frame/);
    await page.locator("#mask").focus();
    await page.keyboard.press("ArrowDown");
    assert.equal(await chip(page, 2).getAttribute("aria-pressed"), "true");
  });
  test("story: heads and layers are shared by the steps", first, async page => {
    await page.locator("#heads button").nth(2).click();
    assert.equal(await page.inputValue("#head"), "2");
    assert.match(await page.locator("#survey-says").innerText(), /head 3/);
    await page.locator("#survey button").nth(0).click();
    assert.deepEqual([await page.inputValue("#layer"), await page.inputValue("#head")], ["0", "0"]);
    await page.click("#back-to-opens");
    assert.ok(await page.locator("#back-to-opens").isDisabled());
    if (await page.locator("#most-chemistry").isVisible()) await page.click("#most-chemistry");
    assert.ok(await page.locator("#most-chemistry").isHidden());
  });
  test("story: the keyboard reaches every control", first, async page => assert.deepEqual(await reached(page), []));
  test("story: every control has a name", first, async page => {
    assert.deepEqual(await page.evaluate(() => [...document.querySelectorAll("a[href], button, select, input, [tabindex='0'], [role=img], [role=group]")].filter(e =>
      !(e.getAttribute("aria-label") || e.textContent.trim() || (e.labels && e.labels.length))).map(e => e.outerHTML.slice(0, 100))), []);
  });
  test("story: the answer rises", first, async page => {
    const lines = page.locator("#rise-table tbody tr"), last = page.locator("#rise-table tbody tr:last-child data");
    assert.equal(await lines.count(), await page.locator("#layer option").count() + 1);
    assert.ok(await value(page, "#rise-table tbody tr:last-child data") > 5 * await value(page, "#rise-table tbody tr:nth-child(2) data"));
    assert.equal(await page.locator("#rise polyline").count(), await last.count());
    assert.ok((await page.locator("#rise svg").getAttribute("aria-label")).length > 20);
    assert.equal(await page.locator("#ladder li").count(), await lines.count());
  });
  test("story: without order and mask the answers are equal", first, async page => {
    const trials = page.locator(".trial");
    assert.equal(await trials.count(), 3);
    assert.match(await trials.nth(2).locator(".verdict").innerText(), /Exactly the same/);
    assert.ok(!/Exactly/.test(await trials.nth(0).locator(".verdict").innerText()));
  });
  test("story: on paper all steps are open", first, async page => {
    assert.ok(await page.locator("#rise-table").isHidden());
    await page.emulateMedia({ media: "print" });
    await page.locator("#rise-table").waitFor();
    for (const step of await page.locator(".step").all()) assert.ok((await step.innerText()).length > 150);
    assert.equal(await page.evaluate(() => getComputedStyle(document.documentElement).getPropertyValue("--paper").trim()), "#fff");
    assert.equal(await page.locator(".screen:visible").count(), 0); // nothing asks a sheet of paper to be clicked
    assert.ok(await page.locator("#contents").isHidden() && await page.locator("#own-temperature").isHidden());
    await readable(page);
    await picture(page, first + "-print");
    assert.ok((await page.pdf({ format: "A4" })).length > 50000);
    await page.emulateMedia({ media: "screen" });
    await page.locator("#rise-table").waitFor({ state: "hidden" });
  }, { colorScheme: "dark" });
  test("story: nothing moves if the system asks for that", first, async page => {
    await page.locator("html.ready").waitFor();
    const moving = () => page.evaluate(() => [...document.querySelectorAll("*")].filter(e =>
      !/^0s(, 0s)*$/.test(getComputedStyle(e).transitionDuration) || getComputedStyle(e).animationName !== "none").length);
    assert.equal(await moving(), 0);
    await page.emulateMedia({ reducedMotion: "no-preference" });
    assert.ok(await moving() > 0);
  }, { reducedMotion: "reduce" });
}
