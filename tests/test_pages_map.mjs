// SPDX-License-Identifier: BSD-2-Clause
// The page of `decoct attend -o map.html` in Chromium, as something to play with: called by test_pages.mjs.
import assert from "node:assert/strict";
import { contrasts } from "./test_pages_story.mjs";

const data = page => page.locator("#data").evaluate(e => JSON.parse(e.textContent));
const one = p => p > 0 && p < 0.0005 ? "<0.1 %" : (p * 100).toFixed(1) + " %";
const list = page => page.locator("#answer li").evaluateAll(all => all.map(li => {
  const [, p, change] = li.querySelector(".num").textContent.match(/^(<?[\d.]+ %)(?: \((.*)\))?$/);
  return { text: li.querySelector(".word").textContent, p, change };
}));
// What the page must list while word i is hidden: each answer with both probabilities, the new best first.
function expected(d, i) {
  const item = d.influence[i], all = new Map(d.answer.map((a, k) => [a.id, { text: a.text, p: item.listed[k], was: a.p }]));
  for (const a of item.answer) {
    if (all.has(a.id)) assert.equal(all.get(a.id).p, a.p);
    else all.set(a.id, { text: a.text, p: a.p, was: a.before });
  }
  return [...all.values()].sort((a, b) => b.p - a.p);
}

export default function maps({ test, picture, noOverflow }) {
  for (const [how, act] of [["a click", snip => snip.click()], ["the keyboard", snip => snip.press("Enter")],
    ["the space bar", snip => snip.press(" ")]])
    test("map: " + how + " hides a word and brings it back", "snow", async page => {
      const d = await data(page), before = await list(page), snow = d.words.indexOf("snow");
      const snip = page.locator(".snip").nth(snow), state = () => snip.getAttribute("aria-pressed");
      assert.equal(await page.locator(".snip").count(), d.words.length - 1);
      assert.deepEqual(before.map(a => a.text), d.answer.map(a => a.text));
      await act(snip);
      assert.equal(await state(), "true");
      const now = await list(page), wanted = expected(d, snow);
      assert.equal(now[0].text, d.influence[snow].answer[0].text);
      for (const a of now) {
        const w = wanted.find(w => w.text === a.text), change = Math.abs(w.p - w.was) * 100;
        assert.equal(a.p, one(w.p));
        assert.equal(a.change.replace(/^[+\u2212]/, ""), change < 0.05 ? "0" : change.toFixed(1));
        if (change >= 0.05) assert.equal(a.change[0], w.p >= w.was ? "+" : "\u2212");
      }
      assert.ok(wanted.slice(0, 6).every((w, k) => now[k].text === w.text), JSON.stringify(now));
      assert.ok(now.some(a => a.text === d.answer[0].text), "the old best answer is missing");
      const said = await page.locator("#hidden").innerText();
      assert.ok(said.includes("\u201csnow\u201d") && said.includes("(" + one(wanted[0].p) + ")") &&
        said.includes("changes by " + one(d.influence[snow].effect / 100)), said);
      assert.equal(await page.locator(".chip.blank b").innerText(), now[0].text + "?");
      await page.locator(".snip").first().click(); // another word: the first one is back
      assert.equal(await state(), "false");
      assert.equal(await page.locator(".word-box.gone").count(), 1);
      await act(page.locator(".snip").first());
      assert.deepEqual(await list(page), before);
      assert.match(await page.locator("#hidden").innerText(), /^Nothing is hidden. Try . at \u201csnow\u201d/);
      assert.equal(await page.locator(".gone").count(), 0);
    });
  test("map: what mattered is below its columns", "snow", async page => {
    const d = await data(page), bars = page.locator("#cells .matter");
    assert.equal(await page.locator(".matter-name").innerText(), "What mattered");
    assert.deepEqual(await bars.locator("span").allInnerTexts(), d.influence.map(i => String(Math.round(i.effect))));
    const tall = await bars.locator("s").evaluateAll(all => all.map(s => s.getBoundingClientRect().height));
    d.influence.forEach((item, i) => assert.ok(Math.abs(tall[i] - 1 - item.effect * 0.63) < 0.5, String(tall)));
    const left = await bars.evaluateAll(all => all.map(b => b.getBoundingClientRect().left));
    const above = await page.locator("#cells .cell").evaluateAll((all, n) => all.slice(-n).map(c => c.getBoundingClientRect().left), d.words.length);
    left.forEach((x, i) => assert.ok(Math.abs(x - above[i]) < 1));
    await bars.nth(4).click();
    assert.equal(await page.locator(".snip").nth(4).getAttribute("aria-pressed"), "true");
    await picture(page, "map-hidden");
  });
  test("map: words hidden after a cut are compared with the cut", "cut", async page => {
    const d = await data(page);
    await page.locator(".snip").nth(5).click();
    assert.match(await page.locator("#answer-hint").innerText(), /both after your cut/);
    const best = expected(d, 5)[0], shown = (await list(page))[0];
    assert.equal(shown.text, best.text);
    assert.equal(shown.p, one(best.p));
    assert.equal(Number(shown.change.replace("\u2212", "-")), Number(((best.p - best.was) * 100).toFixed(1)));
  });
  test("map: opens with the head that matters most", "snow", async page => {
    const d = await data(page), { effects, layer, head } = d.head_effects;
    assert.equal(effects.indexOf(Math.max(...effects)), layer * d.heads + head);
    const name = "Layer " + (layer + 1) + ", head " + (head + 1) + ".", scope = () => page.locator("#scope").innerText();
    assert.equal(await scope(), name);
    const said = await page.locator("#opened").innerText();
    assert.match(said, new RegExp("opens with l" + name.slice(1, -1) + ", .*changes by " + Math.round(Math.max(...effects)) + " %; no other of the " + effects.length));
    await page.click("#reset");
    assert.equal(await scope(), "Mean over all layers and heads.");
    await page.click("#matters");
    assert.equal(await scope(), name);
    assert.equal(await page.locator("#heads .most").getAttribute("class"), "head most on");
  });
  for (const [file, scope] of [["chosen", "Layer 11, head 2."], ["all", "Mean over all layers and heads."]])
    test("map: the user's choice wins: " + file, file, async page => {
      assert.equal(await page.locator("#scope").innerText(), scope);
      assert.match(await page.locator("#opened").innerText(), /^The head that matters most is layer \d+, head \d+: if/);
    });
  test("map: one word", "word", async page => {
    assert.equal(await page.locator(".snip, .matter").count(), 0);
    assert.equal(await page.locator("#matters").isVisible(), false);
    assert.equal(await page.locator("#opened").innerText(), "");
    assert.equal(await page.locator("#scope").innerText(), "Mean over all layers and heads.");
  });
  test("map: a long text keeps its figures", "long", async page => {
    const d = await data(page), n = d.words.length;
    assert.ok(n > 45, String(n));
    const row = page.locator("#cells .cell"), last = row.nth(n * (n + 1) / 2 - 3), cells = () => row.locator("s").allInnerTexts();
    assert.equal((await cells()).filter(t => t).length, 0);
    await last.hover();
    const figure = (await page.locator(".tip").innerText()).match(/[\d.]+ %$/)[0];
    assert.match(await page.locator("#point").innerText(), new RegExp("looks at .* with " + figure.replace(".", "\\.") + "\\.$"));
    await page.mouse.move(0, 0);
    await page.locator("#map").focus();
    await page.keyboard.press("ArrowLeft");
    assert.match(await page.locator("#point").innerText(), /^Layer \d+, head \d+: .* looks at .* with \d+\.\d %\.$/);
    await page.click("#larger");
    assert.ok((await cells()).filter(t => t).length > n);
    assert.equal(await page.locator(".matter span").last().innerText(), String(Math.round(d.influence.at(-1).effect)));
    await noOverflow(page);
    await picture(page, "map-long-larger");
  });
  test("map: what is behind \u201cmore\u201d", "long", async page => {
    const n = (await data(page)).words.length, more = page.locator("#more"), rest = more.locator("li");
    await page.locator("#map").focus();
    const summary = more.locator("summary");
    assert.match(await summary.innerText(), new RegExp("^" + (n - 6) + " more, together \\d+ %$"));
    assert.equal(await rest.first().isVisible(), false);
    await summary.focus();
    await page.keyboard.press("Enter");
    assert.ok(await rest.first().isVisible());
    assert.equal(await rest.count(), n - 6);
    const shares = (await rest.locator(".num").allInnerTexts()).map(parseFloat), together = parseFloat((await summary.innerText()).match(/together (\d+)/)[1]);
    assert.ok(Math.abs(shares.reduce((sum, p) => sum + p, 0) - together) < 0.5 + 0.05 * n);
    assert.deepEqual(shares, [...shares].sort((a, b) => b - a));
    await picture(page, "map-long");
  });
  test("map: the keyboard reaches everything", "long", async page => {
    const reached = new Set();
    for (let i = 0; i < 400; i++) {
      await page.keyboard.press("Tab");
      const id = await page.evaluate(() => {
        const e = document.activeElement;
        return e === document.body ? "" : e.id || e.parentNode.id || e.className || e.tagName;
      });
      if (!id && i > 0) break;
      reached.add(id);
    }
    for (const id of ["chip", "snip", "layer", "head", "matters", "reset", "larger", "map", "mattered-how", "more", "strongest"])
      assert.ok([...reached].some(r => r.split(" ").includes(id)), id + " is not among " + [...reached].join());
  });
  for (const colorScheme of ["light", "dark"])
    for (const file of ["snow", "long"])
      test("map: contrast, " + colorScheme + ", " + file, file, async page => {
        for (const act of [() => {}, () => page.click("#reset"), () => page.locator(".snip").nth(4).click()]) {
          await act();
          const low = (await contrasts(page)).filter(c => c.ratio < 4.5);
          assert.deepEqual(low, []);
        }
        await picture(page, "map-" + file + "-" + colorScheme);
      }, { colorScheme });
  for (const file of ["snow", "long"])
    test("map: on a phone: " + file, file, async page => {
      await page.locator(".snip").nth(4).tap();
      assert.equal(await page.locator(".word-box.gone").count(), 1);
      const box = await page.locator(".snip").nth(4).boundingBox();
      assert.ok(box.width >= 44 && box.height >= 36, JSON.stringify(box));
      await page.locator("#more summary").tap();
      await noOverflow(page);
      await picture(page, "map-" + file + "-narrow");
    }, { viewport: { width: 380, height: 800 }, hasTouch: true });
  for (const width of [380, 1120])
    test("map: opens where the chosen cell is, at " + width, "long", async page => {
      const inside = () => page.locator(".cell.on").evaluate(cell => {
        const c = cell.getBoundingClientRect(), map = document.getElementById("map").getBoundingClientRect();
        return c.left >= map.left && c.right <= map.right && scrollY === 0;
      });
      assert.ok(await inside());
      await page.click("#larger");
      await page.evaluate(() => scrollTo(0, 0));
      assert.ok(await inside());
    }, { viewport: { width, height: 800 } });
  test("map: a word that is there twice has its number", "long", async page => {
    const { words } = await data(page), twice = w => words.filter(other => other === w).length > 1;
    const shown = await page.locator("#sources .word, #more li .word").allTextContents();
    const expected = words.map((w, i) => (twice(w) ? w + " (" + (i + 1) + ")" : w) + (i === words.length - 1 ? " (itself)" : ""));
    assert.ok(words.some(twice));
    assert.deepEqual([...shown].sort(), expected.sort());
  });
  test("map: on paper", "snow", async page => {
    await page.locator(".snip").nth(4).click();
    await page.emulateMedia({ media: "print" });
    assert.equal(await page.locator("#use").isVisible(), false);
    assert.ok(await page.locator("#hidden").isVisible());
    await picture(page, "map-print");
  }, { colorScheme: "dark" });
}
