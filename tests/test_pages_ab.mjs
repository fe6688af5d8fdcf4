// SPDX-License-Identifier: BSD-2-Clause
// Comparisons of builds on the report page: tests for test_pages.mjs, with the files of
// sample_ab.py.
import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";

const KINDS = ["single", "suite", "nothing", "equal", "long_names", "gated", "unfit", "distrusted", "odd", "two", "mixed"];
const rows = page => page.locator(".ab-forest .abrow:not(.fhead):not(.fsides)");
const row = (page, name) => rows(page).filter({ has: page.locator('.fname[title="' + name + '"]') });
const middle = async what => {
  const box = await what.boundingBox();
  return box.x + box.width / 2;
};

export default function comparisons({ test, picture, noOverflow, column, folder }) {
  const file = name => JSON.parse(fs.readFileSync(path.join(folder, name + ".json"), "utf8"));
  for (const kind of KINDS) {
    test("a comparison opens: " + kind, "ab-" + kind, async page => {
      for (const summary of await page.locator("section.ab summary").all()) await summary.click();
      const text = await page.locator("section.ab").first().innerText() + await page.locator("header").innerText();
      assert.ok(!/undefined|NaN|Infinity|\[object|null/.test(text), text.match(/.*(undefined|NaN|Infinity|\[object|null).*/));
      await noOverflow(page);
      await picture(page, "ab-" + kind + "-light");
    });
    test("a comparison, narrow: " + kind, "ab-" + kind, async page => {
      await noOverflow(page);
      await picture(page, "ab-" + kind + "-narrow");
    }, { viewport: { width: 380, height: 800 } });
  }
  test("a comparison: its verdict as sentences and figures", "ab-suite", async page => {
    assert.equal(await page.locator("h1").innerText(), "B is slower in 4 of 26 cases");
    assert.match(await page.locator("#lede").innerText(), /^Slower in 4, faster in 1, no change in 17, cannot tell in 3, .*A is \/builds\/old/);
    const tiles = (await page.locator("section.ab .figure").allInnerTexts()).map(t => t.replace(/\s+/g, " "));
    assert.deepEqual(tiles, ["\u25b2 4 slower", "\u25bc 1 faster", "17 no change", "3 cannot tell", "\u2715 1 not measured"]);
    const says = await page.locator("section.ab .says").allInnerTexts();
    assert.match(says[0], /^Slower: softmax\/seq:1\/heads:12 \+7\.\d/);
    assert.match(says[0], /softmax\/seq:64\/heads:12 \+7\.3.% \(\+6\.2.% to \+8\.3.%\): the quickest calls are equal, the mean of all calls is slower/);
    assert.match(says[1], /^Faster: attention\/seq:64\S* \u22123\.\d/);
    assert.match(says[2], /1 case: the budget was spent/);
    assert.match(says[3], /^Not measured: prefill\/seq:1\S* the worker of B ended: out of memory/);
    assert.match(await page.locator("section.ab .alert").innerText(), /Different bits: prefill\/seq:8/);
    assert.equal(await page.locator("nav a:visible").allInnerTexts().then(t => t.join()), "Build against build,Data");
    assert.equal(await page.locator("main > section:visible").count(), 2); // and no empty ones of result files
    assert.ok(await page.locator("#figures").isHidden());
  });
  test("a forest plot: a line a case, a dot a launch, beside the margin", "ab-suite", async page => {
    const { cases, rule } = file("suite").ab;
    assert.equal(await rows(page).count(), cases.length);
    for (const one of cases) {
      const line = row(page, one.name), dots = await line.locator("path").getAttribute("d");
      assert.equal(dots.split("M").length - 1, one.launches.length, one.name);
      const looked = one.launches.length >= rule.launches[0];
      assert.equal(await line.locator(".point").count(), looked ? 1 : 0, one.name);
      if (!looked) {
        assert.match(await line.innerText(), /no look yet/);
        continue;
      }
      // The point is on that side of the margin on which the estimate is.
      const band = await line.locator(".band").boundingBox(), point = await middle(line.locator(".point"));
      const change = one.decided.estimate, wanted = Math.abs(change) < Math.log1p(rule.margin) ? 0 : Math.sign(change);
      assert.equal(point < band.x ? -1 : point > band.x + band.width ? 1 : 0, wanted, one.name);
      if (one.change.low !== null) {
        const interval = await line.locator(".interval").boundingBox();
        assert.ok(interval.x <= point && point <= interval.x + interval.width, one.name);
      }
    }
    const unbounded = row(page, "block/seq:2048/heads:12/dim:64");
    assert.ok((await unbounded.locator(".interval").boundingBox()).width >= (await unbounded.locator(".track").boundingBox()).width - 1);
    assert.match(await unbounded.innerText(), /no bound yet/);
    assert.match(await row(page, "softmax/seq:64/heads:12").innerText(), /slower, mean of all calls/);
    assert.match(await row(page, file("suite").ab.cases[6].name).innerText(), /slower, waiting/);
    assert.match(await row(page, "softmax/seq:8/heads:12").getAttribute("class"), /ab-slower/);
    await row(page, "softmax/seq:64/heads:12").hover();
    assert.match(await page.locator(".tip").innerText(), /\+7\.3.%, interval .* \(mean of all calls\)\s*the quickest calls alone: /);
    await row(page, "softmax/seq:8/heads:12").hover();
    assert.match(await page.locator(".tip").innerText(), /slower.*interval.*12 launches.*undisturbed: \d+ of 180 pairs/s);
  });
  test("different bits come first, in red", "ab-suite", async page => {
    const first = rows(page).first();
    assert.match(await first.innerText(), /prefill\/seq:8\/.*\u2715 different bits, no change/s);
    const ink = line => line.locator(".abword").evaluate(e => getComputedStyle(e).color);
    assert.equal(await ink(first), await ink(row(page, "softmax/seq:8/heads:12")));
  });
  test("after a failed self-check no verdict is shown", "ab-distrusted", async page => {
    const tiles = (await page.locator("section.ab .figure").allInnerTexts()).map(t => t.replace(/\s+/g, " "));
    assert.deepEqual(tiles, ["25 not judged", "\u2715 1 not measured"]);
    assert.match(await page.locator("#lede").innerText(), /^25 cases not judged/);
    assert.ok(!/%/.test((await rows(page).allInnerTexts()).join()));
    assert.equal(await page.locator(".ab-forest .point").count(), 0);
    await page.locator("section.ab summary", { hasText: "Table" }).click();
    for (const words of await column(page, "Verdict")) assert.match(words, /^not (judged|measured)/);
  });
  test("a forest plot in another order", "ab-suite", async page => {
    assert.match(await rows(page).nth(1).innerText(), /not measured/);
    await page.locator("section.ab").getByLabel("Order").selectOption("file");
    assert.deepEqual(await page.locator(".ab-forest .fname[title]").allInnerTexts(), file("suite").ab.cases.map(c => c.name));
  });
  test("one case has an axis around its margin", "ab-single", async page => {
    const track = await rows(page).locator(".track").boundingBox(), band = await rows(page).locator(".band").boundingBox();
    assert.ok(band.width > track.width / 4 && band.width < track.width / 1.5, band.width + " of " + track.width);
    assert.equal(await page.locator("section.ab").getByLabel("Order").count(), 0);
  });
  test("the table of a comparison sorts", "ab-suite", async page => {
    await page.locator("section.ab summary", { hasText: "Table" }).click();
    const button = word => page.locator("table.ab-rows").getByRole("button", { name: word, exact: true });
    const changes = async () => (await column(page, "Change")).filter(t => t !== "\u2013")
      .map(t => Number(t.replace("\u2212", "-").replace(/[+\u00b1%\s\u202f]/g, "")));
    await button("Change").click();
    const down = await changes();
    assert.equal(down.length, 24);
    assert.deepEqual(down, [...down].sort((a, b) => b - a));
    await button("Change").click();
    assert.deepEqual(await changes(), [...down].reverse());
    assert.equal(await page.locator("table.ab-rows th[aria-sort=ascending]").innerText().then(t => t.slice(0, 6)), "Change");
    assert.equal((await column(page, "Change")).at(-1), "\u2013"); // cases without one come last
  });
  test("nothing was dropped, and it says so", "ab-suite", async page => {
    const text = await page.locator("section.ab").innerText();
    assert.match(text, /In \d+ of \d+ pairs \(\d+ %\) something took the CPU.*nothing was dropped for it/s);
    assert.match(text, /The mean of all calls is judged too \(margin \u00b14 %\): slower in 1 of 26 cases/);
    await page.locator("section.ab summary", { hasText: "How it was measured" }).click();
    assert.match(await page.locator(".ab-how").innerText(), /Library\s+\/builds\/old\S+\s+\/builds\/new.*\u00b12 %.*12 at the first look, 6 more for each, 60 at most.*Microcode/s);
  });
  test("a gate: its self-check, and what was accepted", "ab-gated", async page => {
    assert.equal(await page.locator("h1").innerText(), "3 of 26 cases became slower");
    const text = await page.locator("section.ab").innerText();
    assert.match(text, /Self-check: passed.*slowed by 5 %.*block\/seq:8\S+\s+no change\s+regression/s);
    assert.match(text, /accepted\s+\^softmax\/seq:1\/\s+2027-01-31\s+exact to one ULP\s+softmax\/seq:1\/heads:12/);
    assert.match(text, /accepted, expired\s+\^decode\//);
    assert.match(text, /slow in 7 % of its runs/);
    assert.match(await row(page, "softmax/seq:1/heads:12").innerText(), /slower, accepted/);
    assert.match(await page.locator("section.ab .figure").first().innerText(), /^\u25b2 3\s+slower, 1 more accepted/);
    assert.match(await page.locator("#lede").innerText(), /A is 0\.1\.0 of commit e010a5e3b277/);
  });
  test("a gate whose self-check failed", "ab-unfit", async page => {
    assert.equal(await page.locator("h1").innerText(), "Could not judge: the self-check failed on this machine");
    assert.match(await page.locator("section.ab").innerText(), /Self-check: failed.*nothing on this page can be relied on/s);
  });
  test("several comparisons, each in its section", "ab-two", async page => {
    assert.equal(await page.locator("h1").innerText(), "2 comparisons of builds: 1 with slower cases");
    assert.deepEqual(await page.locator(".ab-verdict").allInnerTexts(), ["B is slower in 4 of 26 cases", "No change in 1 of 1 case"]);
    assert.deepEqual(await page.locator("nav a:visible").allInnerTexts(), ["suite.json", "single.json", "Data"]);
  });
  test("comparisons beside result files", "ab-mixed", async page => {
    assert.match(await page.locator("h1").innerText(), /is 2.00 times as fast as/);
    assert.equal(await page.locator(".ab-verdict").innerText(), "3 of 26 cases became slower");
    assert.ok(await page.locator("#compare").isVisible() && await page.locator("#rows").isVisible());
    assert.equal(await page.locator("#raw button").count(), 4); // the table, and three files
  });
  test("the file of a comparison comes out of the page", "ab-gated", async page => {
    const wait = page.waitForEvent("download");
    await page.locator("#raw").getByRole("button", { name: "gated.json" }).click();
    assert.deepEqual(JSON.parse(fs.readFileSync(await (await wait).path(), "utf8")), file("gated"));
    assert.equal(await page.locator("#raw button").count(), 1);
  });
  test("texts of a comparison stay texts", "ab-hostile", async page => {
    for (const summary of await page.locator("section.ab summary").all()) await summary.click();
    await rows(page).first().hover();
    assert.equal(await page.evaluate(() => window.hit), undefined);
    assert.equal(await page.locator("img").count(), 0);
    assert.match(await page.locator(".tip").innerText(), /<script>/);
    await noOverflow(page);
  });
  test("a comparison: dark", "ab-suite", async page => {
    await picture(page, "ab-suite-dark");
  }, { colorScheme: "dark" });
  test("a comparison on paper: light and open", "ab-gated", async page => {
    await page.emulateMedia({ media: "print" });
    await page.locator("table.ab-rows").waitFor();
    assert.ok(await page.locator(".ab-how").isVisible());
    assert.ok(await page.locator("#bar").isHidden());
    assert.equal(await rows(page).count(), 26);
    await picture(page, "ab-gated-print");
    assert.ok((await page.pdf({ format: "A4" })).length > 20000);
  }, { colorScheme: "dark" });
}
