// SPDX-License-Identifier: BSD-2-Clause
// The pages in Chromium: test_pages.mjs PATH-OF-CHROMIUM FOLDER, called by test_pages.py, which
// puts the pages there. Each test gets a page of its own that can reach no network; afterwards
// there must have been no request, no message on the console and nothing that the page's policy
// refused.
import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";
import playwright from "playwright-core";
import comparisons from "./test_pages_ab.mjs";
import maps from "./test_pages_map.mjs";
import stories from "./test_pages_story.mjs";

const [chromium, folder] = process.argv.slice(2);
const shots = process.env.DECOCT_TEST_SCREENSHOTS;
if (shots) fs.mkdirSync(shots, { recursive: true });
const tests = [];
const test = (name, file, run, options = {}) => tests.push({ name, file, run, options });
const SECTIONS = ["machines", "compare", "sweep", "scaling", "roofline", "ladder", "rows", "context", "raw"];

async function picture(page, name, what) {
  if (shots) await (what || page).screenshot({ path: path.join(shots, name + ".png"), ...(what ? {} : { fullPage: true }) });
}
// How many of the canvas's pixels have a colour (grid and text are nearly grey), and how light all
// that is painted is on average.
const painted = canvas => canvas.evaluate(c => {
  const copy = document.createElement("canvas"); // the browser warns when one is read often
  [copy.width, copy.height] = [c.width, c.height];
  const drawing = copy.getContext("2d", { willReadFrequently: true });
  drawing.drawImage(c, 0, 0);
  const { data } = drawing.getImageData(0, 0, c.width, c.height);
  let all = 0, count = 0, light = 0;
  for (let i = 0; i < data.length; i += 4)
    if (data[i + 3] > 40) {
      const [r, g, b] = [data[i], data[i + 1], data[i + 2]];
      all++;
      count += Math.max(r, g, b) - Math.min(r, g, b) > 60;
      light += r + g + b;
    }
  return { count, light: all ? light / all / 3 : 0 };
});
const HANG = 120000; // ms after which nothing more is to be expected; no test measures how fast a page is
// What the browser does later: checked again until it holds.
async function eventually(holds, words) {
  for (const end = Date.now() + HANG; !await holds(); await new Promise(done => setTimeout(done, 5)))
    assert.ok(Date.now() < end, words);
}
// The browser has handled what came before, and painted it.
const settled = page => page.evaluate(() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done))));
const drawn = (canvas, words) => eventually(async () => (await painted(canvas)).count > 500, words);
const shown = (page, id) => page.locator("#" + id + " .body").innerText();
const noOverflow = async page => assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth),
  "the page is wider than the window");
const column = (page, heading) => page.evaluate(word => {
  const table = document.querySelector("table.rows");
  const at = [...table.tHead.rows[0].cells].findIndex(c => c.textContent === word);
  return [...table.tBodies[0].rows].map(r => r.cells[at].textContent);
}, heading);
const rowCount = async page => Number(await page.locator(".pager .num").getAttribute("data-count"));
// The count of rows once it has changed. (The page's policy forbids waitForFunction.)
async function filtered(page, words) {
  const before = await rowCount(page);
  await page.fill("#rows-filter", words);
  await eventually(async () => await rowCount(page) !== before, "the filter \"" + words + "\" changed nothing");
  return rowCount(page);
}

for (const file of ["one", "backends", "two", "close", "drawn", "fleet", "nulls", "nothing", "big"]) {
  test("opens: " + file, file, async page => {
    for (const id of SECTIONS) {
      const text = await shown(page, id);
      assert.ok(text.length > 3, id + " is empty");
      assert.ok(!/undefined|NaN|Infinity|\[object|null/.test(text), id + " shows " + text.match(/.*(undefined|NaN|Infinity|\[object|null).*/));
    }
    assert.ok(!/undefined|NaN|Infinity/.test(await page.locator("header").innerText()));
    await noOverflow(page);
    await picture(page, file + "-light");
  });
  test("narrow: " + file, file, async page => {
    await noOverflow(page);
    await picture(page, file + "-narrow");
  }, { viewport: { width: 380, height: 800 } });
}

test("the machine is drawn, with its workers", "drawn", async page => {
  const machine = page.locator("#topology .tmachine"), cells = at => machine.nth(at).locator(".topology .tcpu");
  assert.deepEqual(await Promise.all([0, 1, 2].map(i => cells(i).count())), [256, 12, 2]);
  const all = machine.nth(0).locator(".topology");
  assert.deepEqual(await Promise.all([".tpackage", ".tl3", ".tcore", ".used", ".shut"].map(c => all.locator(c).count())), [2, 16, 128, 64, 64]);
  // "spread": even workers on package 0, odd ones on package 1.
  assert.deepEqual((await all.locator(".tl3").nth(8).locator(".used").allInnerTexts()).slice(0, 3), ["1", "3", "5"]);
  assert.match(await all.getAttribute("aria-label"), /^128 cores, 256 CPUs, 2 packages.*64 CPUs used: 0, 1, 2/);
  await machine.nth(0).locator("select").selectOption({ label: "2 threads, not pinned" });
  assert.deepEqual(await all.locator(".used").allInnerTexts(), ["0", "1"]);
  assert.equal(await machine.nth(1).locator(".topology .little").count(), 8); // the efficient kind
  assert.equal(await machine.nth(2).locator(".tl3").count(), 0);
  assert.match(await machine.nth(2).innerText(), /not offered by the CPU of this virtual machine.*Energy is unknown/s);
  assert.ok((await page.locator("table.rows th").allInnerTexts()).includes("IPC"));
  await picture(page, "section-topology", page.locator("#topology"));
});
test("a page of older files has no drawing", "backends", async page => {
  assert.equal(await page.locator("#topology, .bar a[href='#topology']").count(), 0);
  assert.ok(!(await page.locator("table.rows th").allInnerTexts()).includes("IPC"));
});
test("the score of the reference is 100, and its definition is there", "score-one", async page => {
  assert.equal(await page.locator("#score .number b").innerText(), "100");
  assert.match(await page.locator("#score .defines").innerText(), /100 is the reference CPU, 200 is twice as fast.*geometric mean of its 4 classes.*AMD EPYC, 2 CPUs/s);
  assert.equal(await page.locator("#score .classes tbody tr").count(), 4);
  assert.match(await page.locator("#tokens tbody").innerText(), /llama-3.2-1b\s+f32.*1 of 16/s);
  assert.match(await page.locator("#machine").innerText(), /L3 32\sMiB.*GFLOP\/s/s);
  await picture(page, "score-one");
});
test("CPUs are ranked by score, and parts say so", "score-many", async page => {
  const rows = await page.locator("#score .ranked tbody tr").allInnerTexts();
  assert.deepEqual(rows.map(r => r.match(/Alpha|Beta|Gamma/)[0]), ["Beta", "Alpha", "Gamma"]);
  assert.match(rows[0], /200/);
  assert.match(rows[2], /\d+ of 178/);
  assert.equal(await page.locator("#machine").isVisible(), false);
});
for (const file of ["score-one", "score-many"])
  test("the first screen fits a page of A4: " + file, file, async page => {
    await page.emulateMedia({ media: "print" });
    await settled(page);
    // 297 mm less two margins of 14 mm.
    const bottom = await page.locator("#first").evaluate(e => e.getBoundingClientRect().bottom + scrollY);
    assert.ok(bottom <= 269 / 25.4 * 96, "its end is at " + bottom);
    await picture(page, file + "-print");
  }, { viewport: { width: 688, height: 1017 } });
test("names of dots do not touch each other", "backends", async page => {
  const chart = page.locator("#roofline .chart");
  await chart.scrollIntoViewIfNeeded();
  await eventually(() => chart.evaluate(e => e.labels !== undefined), "no dot has a name");
  const boxes = await chart.evaluate(e => e.labels);
  assert.ok(boxes.length >= 3, boxes.length + " names");
  boxes.forEach((a, i) => boxes.slice(i + 1).forEach(b => assert.ok(
    a.right <= b.left || b.right <= a.left || a.bottom <= b.top || b.bottom <= a.top, a.text + " touches " + b.text)));
});
test("types are beside each other, never mixed", "types", async page => {
  assert.deepEqual([...new Set(await column(page, "Type"))].sort(), ["bf16", "f32"]);
  assert.equal(await filtered(page, "bf16"), 20);
  assert.ok((await column(page, "Type")).every(type => type === "bf16"));
  const choices = label => page.locator(label).locator("option").allInnerTexts();
  assert.deepEqual(await choices('#sweep select[aria-label="Type"]'), ["each", "bf16", "f32"]);
  const shapes = (await choices('#scaling select[aria-label="Shape"]')).slice(1);
  assert.equal(shapes.length, 10);
  assert.equal(shapes.filter(s => s.includes("bf16")).length, 5);
  assert.match(await page.locator("#compare .says").innerText(), /over 20 cases/);
  assert.ok((await page.locator("#compare .fname").allInnerTexts()).some(name => name.includes("bf16")));
  await picture(page, "section-types", page.locator("#rows"));
});
test("no column and no word for the usual type", "backends", async page => {
  const headings = await page.locator("table.rows th").allInnerTexts();
  assert.ok(headings.includes("Line, ns") && !headings.includes("Type"), headings);
  assert.ok(!(await page.locator("#compare").innerText()).includes("f32"));
});
test("a heading says what its column is", "backends", async page => {
  const title = name => page.locator("table.rows th button", { hasText: name }).first().getAttribute("title");
  assert.match(await title("Line, ns"), /^How long a cache line takes/);
  assert.match(await title("% of roof"), /paired with it piece by piece/);
});
test("the verdict names the faster one", "backends", async page => {
  assert.match(await page.locator("h1").innerText(), /^avx2 is [\d.]+ times as fast as scalar$/);
  assert.match(await page.locator("#lede").innerText(), /AMD EPYC.*scalar, avx2, avx512.*276 rows.*correct.*interval/s);
  assert.match(await page.locator("#figures").innerText(), /rows disturbed/);
});
// Made-up pairs of files whose truth is known: what the head of the page states about them.
const EQUAL = /^AMD EPYC \(before.json\) and AMD EPYC \(after.json\) are equally fast within \u00b1[\d.]+ %$/, CANNOT = /^Cannot tell whether/,
  RUNS_DIFFER = /^AMD EPYC \(after\) is 4\.0 % faster than AMD EPYC \(before\)$/;
for (const [file, headline, tile, why] of [
  ["many", /^AMD EPYC \(after.json\) is 1.20 times as fast as AMD EPYC \(before.json\)$/, /^1.20\u00d7$/],
  ["same", EQUAL, /^equal$/], ["four", EQUAL, /^equal$/],
  ["small", EQUAL, /^equal$/], ["inside", /^mine is 4\.0 % faster than avx2$/, /^4\.0 %$/],
  ["runs", RUNS_DIFFER, /^4\.0 %$/], ["busy", RUNS_DIFFER, /^4\.0 %$/], ["apart", /^avx2 and mine are equally fast within \u00b120 %$/, /^equal$/],
  ["moved", CANNOT, /^cannot tell$/, /holds 1/], ["lone", CANNOT, /^cannot tell$/, /holds 1|one case alone|disagree/],
  ["sole", CANNOT, /^cannot tell$/, /one case alone makes the difference/],
  ["few", CANNOT, /^cannot tell$/, /only 4 cases/], ["upset", CANNOT, /^cannot tell$/, /most rows were disturbed or invalid \(11 of 20\)/],
  ["void", CANNOT, /^cannot tell$/, /most rows were disturbed or invalid \(11 of 20\)/], ["mixed", CANNOT, /^cannot tell$/, /disagree/],
  ["split", CANNOT, /^cannot tell$/, /the cases disagree: 12 of 20 go with the mean/],
  ["slower", /^AMD EPYC \(before.json\) is 2.00 times as fast as AMD EPYC \(after.json\)$/, /^2.00\u00d7$/],
  ["double", /^AMD EPYC \(after.json\) is 2.00 times as fast as AMD EPYC \(before.json\)$/, /^2.00\u00d7$/]]) {
  for (const source of [file, "real-" + file])
    test("a verdict: " + source, source, async page => {
      assert.match(await page.locator("h1").innerText(), headline);
      assert.match(await page.locator("#figures .lead b").innerText(), tile);
      if (why) {
        assert.match(await page.locator("#figures .lead").innerText(), why);
        assert.match(await page.locator("#lede").innerText(), why);
        assert.match(await page.locator("#compare .says").innerText(), why);
      }
      await picture(page, "verdict-" + source, page.locator("header"));
    });
  test("the program and its page agree: " + file, "real-" + file, async page => {
    const said = fs.readFileSync(path.join(folder, "real-" + file + ".txt"), "utf8");
    const parts = said.match(/^(.*?)(?:: (.*))? \(geometric mean over (\d+ cases), interval (\S+ to \S+); (single cases .*)\)\n$/);
    assert.ok(parts, said);
    const [, words, reason, count, interval, spread] = parts, lede = await page.locator("#lede").innerText();
    assert.equal(words, (await page.locator("h1").innerText()).replace("\u00b1", ""));
    assert.ok(lede.includes(" over " + count + " that both have"), lede + said);
    const [cases, apart] = spread.split("; ");
    assert.ok(lede.includes("; its interval runs from " + interval + ". S" + cases.slice(1) + "."), lede + said);
    assert.ok(lede.includes(apart ? ". M" + apart.slice(1) + ", so" : cases.slice(1) + "."), lede + said);
    assert.equal(/ in turns/.test(lede), Boolean(apart), lede);
    assert.equal(reason !== undefined, headline === CANNOT);
    if (reason) assert.ok(lede.includes("; " + reason.replace(/(difference: ).*/, "$1")), lede + said);
  });
}
test("other series than the headline's are counted", "backends", async page => {
  assert.match(await page.locator("#lede").innerText(), /\. Of 1 more series compared with AMD EPYC, scalar, 1 differs\.$/);
});
test("two binaries of one commit, and what the doctor found", "double", async page => {
  const table = await page.locator("table.machines").innerText();
  assert.match(table, /Build id.*01f0.*11f0/s);
  assert.match(table, /Changes\s+uncommitted changes\s+none/);
  const head = await page.locator("#alerts").innerText();
  assert.match(head, /the governor is powersave/);
  assert.ok(!/no steal/.test(head));
  await page.locator("#rows-filter").fill("seq 66");
  await page.locator("table.rows tbody tr").nth(1).hover();
  assert.match(await page.locator(".tip").innerText(), /served by other backends: softmax: scalar/);
});
test("the rule is explained with its numbers", "backends", async page => {
  await page.locator("#compare details.formulas summary").click();
  const text = await page.locator("#compare details.formulas").innerText();
  assert.match(text, /cannot show, ln\(1 . x\): 2\s%\s+within.*where 6 files.*10\s%; otherwise 15\s%\./s);
  assert.match(text, /at least 75\s% of the cases.*at most 20\s%\).*fewer than 5 cases/s);
});
test("a mean for each operation", "backends", async page => {
  const names = await page.locator("#compare .part .fname").allInnerTexts();
  const ratios = (await page.locator("#compare .part .fnum").allInnerTexts()).map(Number);
  assert.deepEqual(names.map(n => n.split(" ")[0]).sort(), ["attention", "block", "decode", "matmul", "prefill", "softmax"]);
  assert.ok(Math.min(...ratios) < 2 && Math.max(...ratios) > 15);
});
test("the licence of what draws the charts is in the page", "one", async page => {
  assert.match(await page.content(), /Copyright \(c\) \d+ Leon Sorokin/);
});
test("machines beside each other mark what differs", "two", async page => {
  const marks = await page.locator("table.machines mark").allInnerTexts();
  assert.ok(marks.includes("6.18.44") && marks.includes("6.1.0-28-arm64") && !marks.includes("gcc 12.2.0"));
  const all = await page.locator("table.machines tbody tr:visible").count();
  await page.getByText("Only what differs").click();
  assert.ok(await page.locator("table.machines tbody tr:visible").count() < all);
});
test("charts are drawn", "backends", async page => {
  for (const id of ["sweep", "scaling", "roofline"]) {
    const canvas = page.locator("#" + id + " .uplot canvas").first();
    await drawn(canvas, id + " is blank");
    await picture(page, "section-" + id, page.locator("#" + id));
  }
  assert.ok(await page.locator("#ladder .rung i").count() > 8);
});
test("sweeps over another dimension", "backends", async page => {
  const select = word => page.locator("#sweep").getByLabel(word, { exact: true });
  assert.equal(await page.locator("#sweep .uplot").count(), 2); // one for each count of heads
  await select("Over").selectOption("workers");
  await select("Show").selectOption("pct");
  await select("Logarithmic").check();
  assert.match(await page.locator("#sweep .chart").first().getAttribute("aria-label"), /% of the roof of attention over threads/);
  await select("Operation").selectOption("softmax");
  await drawn(page.locator("#sweep .uplot canvas").first(), "the chart of softmax is blank");
});
test("a chart shows its values to pointer and keys", "backends", async page => {
  const chart = page.locator("#roofline .chart");
  await chart.focus();
  await page.keyboard.press("ArrowRight");
  assert.match(await page.locator(".tip").innerText(), /FLOP a byte.*% of the roof/s);
  await page.keyboard.press("Escape");
  assert.ok(await page.locator(".tip").isHidden());
  const sweep = page.locator("#sweep .u-over").first();
  await sweep.scrollIntoViewIfNeeded();
  const box = await sweep.boundingBox();
  const ring = async () => page.locator("#sweep .ring").first().isVisible();
  for (let y = 0; y < box.height && !await ring(); y += 12) {
    await page.mouse.move(box.x + box.width / 2, box.y + y);
    await settled(page);
  }
  assert.match(await page.locator(".tip").innerText(), /GFLOP\/s\n.*\n.*attention.*\n.*interval/);
  await page.mouse.move(2, 2);
  await page.locator(".tip").waitFor({ state: "hidden" });
});
test("the comparison picks, swaps and filters", "two", async page => {
  const says = () => page.locator("#compare .says").innerText();
  assert.match(await says(), /^avx512 on AMD EPYC is [\d.]+ times as fast as neon on Neoverse-N1 .*A in \d+/);
  const before = await page.locator("#compare .mean .fnum").innerText();
  await page.getByLabel("Swap A and B").click();
  const after = await page.locator("#compare .mean .fnum").innerText();
  assert.ok(Math.abs(before * after - 1) < .01, before + " and " + after);
  assert.ok(await page.locator("#compare .unclear .point").count() > 0);
  await page.locator("#compare").getByLabel("Filter the cases").fill("softmax seq 512");
  const names = await page.locator("#compare .frow:not(.fhead):not(.fsides):not(.mean):not(.part) .fname").allInnerTexts();
  assert.ok(names.length > 1 && names.every(n => n.includes("softmax")));
  await page.locator("#compare").getByLabel("B", { exact: true }).selectOption("2");
  assert.match(await says(), /AMD EPYC/);
  await picture(page, "section-compare", page.locator("#compare"));
});
test("an interval that holds 1 decides nothing", "close", async page => {
  await page.locator("#compare button.more").click();
  assert.ok(await page.locator("#compare .unclear").count() > 5);
  const [row] = await page.locator("#compare .unclear:not(.mean):not(.part)").all();
  await row.hover();
  assert.match(await page.locator(".tip").innerText(), /Too close to tell/);
});
test("all cases on demand", "two", async page => {
  const few = await page.locator("#compare .frow").count();
  await page.locator("#compare button.more").click();
  assert.ok(await page.locator("#compare .frow").count() > few + 50);
});
test("the table sorts", "backends", async page => {
  const button = word => page.locator("table.rows").getByRole("button", { name: word, exact: true });
  await button("GFLOP/s").click();
  let numbers = (await column(page, "GFLOP/s")).map(Number);
  assert.deepEqual(numbers, [...numbers].sort((a, b) => b - a));
  assert.ok(numbers[0] > 200);
  await button("GFLOP/s").click();
  numbers = (await column(page, "GFLOP/s")).map(Number);
  assert.deepEqual(numbers, [...numbers].sort((a, b) => a - b));
  assert.equal(await page.locator("th[aria-sort=ascending]").innerText().then(t => t.slice(0, 7)), "GFLOP/s");
  await button("Seq").click();
  await button("Seq").click();
  assert.equal((await column(page, "Seq"))[0], "128"); // rows without one come last
});
test("the table filters and pages", "backends", async page => {
  assert.equal(await rowCount(page), 276);
  assert.equal(await filtered(page, "attention avx512 1 thread"), 10);
  assert.ok((await column(page, "Operation")).every(v => v === "attention"));
  assert.equal(await filtered(page, ""), 276);
  await page.getByLabel("Next rows").click();
  assert.match(await page.locator(".pager .num").innerText(), /Rows 51 to 100 of 276/);
  await page.locator("#rows-op").selectOption("fma");
  assert.equal(await rowCount(page), 6);
  await page.locator("table.rows tbody tr").first().hover();
  assert.match(await page.locator(".tip").innerText(), /fma.*seen on CPU 0/s);
});
test("20 000 rows are filtered", "big", async page => {
  const rows = await rowCount(page);
  assert.ok(rows >= 20000);
  const start = Date.now();
  const some = await filtered(page, "softmax avx2 seq 512");
  assert.ok(some > 0 && some < rows / 10);
  console.log("(" + rows + " rows filtered in " + (Date.now() - start) + " ms)"); // a figure, no verdict
});
test("60 series: eight are drawn, and one finds the others", "fleet", async page => {
  await page.click("#picker summary");
  assert.equal(await page.locator("#picker-list input:checked").count(), 8);
  await page.fill("#picker-filter", "8322");
  assert.equal(await page.locator(".choice:visible").count(), 2);
  assert.ok(await page.locator(".choice:visible input").first().isDisabled()); // no colour is left
  await page.fill("#picker-filter", "");
  await page.locator("#picker-list input").first().uncheck();
  await page.fill("#picker-filter", "8322");
  await picture(page, "picker");
  await page.locator(".choice:visible input").first().check();
  const legend = await page.locator("#sweep .legend").innerText();
  assert.ok(legend.includes("Xeon Platinum 8322, avx2") && !legend.includes("Xeon Platinum 8100, avx2\n"));
  await page.keyboard.press("Escape");
  assert.ok(await page.locator("#picker-list").isHidden());
});
test("disclosure opens, and says what a group mixes", "fleet", async page => {
  await page.locator("details.group summary").first().click();
  await page.locator("details.group .tree").first().waitFor();
  const text = await page.locator("details.group").first().innerText();
  assert.match(text, /differ in: kernel, microcode/);
  assert.match(text, /clock_source/);
});
test("the data comes out of the page", "backends", async page => {
  for (const [name, look] of [["The table as CSV", t => assert.match(t, /^name,group,backend,op.*\nmatmul\/seq:128.*,AMD EPYC,scalar,matmul,f32,,,128/)],
    ["amd-epyc.json", t => assert.equal(JSON.parse(t).context.num_cpus, 2)]]) {
    const wait = page.waitForEvent("download");
    await page.locator("#raw").getByRole("button", { name }).click();
    look(fs.readFileSync(await (await wait).path(), "utf8"));
  }
});
test("words from a file stay words", "hostile", async page => {
  for (const summary of await page.locator("main summary").all()) await summary.click();
  await page.locator("table.rows tbody tr").first().hover();
  await page.locator("#sweep .chart").first().focus();
  await page.keyboard.press("ArrowRight");
  await settled(page);
  assert.equal(await page.evaluate(() => window.hit), undefined);
  assert.equal(await page.locator("img").count(), 0);
  assert.match(await page.locator("#alerts").innerText(), /Wrong: .*<script>/);
  assert.match(await page.locator("h1").innerText(), /^1 output is wrong/);
  await noOverflow(page);
  await picture(page, "hostile");
});
test("wrong outputs are in no comparison", "hostile", async page => {
  await page.locator("#rows").getByLabel("State").selectOption("wrong");
  assert.equal(await rowCount(page), 1);
});
test("dark", "backends", async page => {
  const canvas = page.locator("#roofline .uplot canvas");
  const dark = (await painted(canvas)).light;
  await picture(page, "backends-dark");
  await page.emulateMedia({ colorScheme: "light" });
  await eventually(async () => Math.abs((await painted(canvas)).light - dark) > 5, "the chart kept its colours");
}, { colorScheme: "dark" });
test("on paper: light, open, without controls", "two", async page => {
  await page.emulateMedia({ media: "print" });
  await page.locator(".formulas dl").waitFor();
  assert.equal(await page.evaluate(() => getComputedStyle(document.documentElement).getPropertyValue("--paper").trim()), "#fff");
  assert.ok(await page.locator("#bar").isHidden());
  assert.ok(await page.locator(".formulas dl").isVisible());
  assert.match(await page.locator("#context").innerText(), /clock_source/);
  await drawn(page.locator("#roofline .uplot canvas"), "the roofline is blank on paper");
  await picture(page, "two-print");
  assert.ok((await page.pdf({ format: "A4" })).length > 50000);
}, { colorScheme: "dark" });

test("attend: pointing at a word shows what it drew", "map", async page => {
  const chip = page.locator("#sentence .chip").nth(3);
  const sources = () => page.locator("#sources").innerText();
  const before = await sources();
  await chip.hover();
  assert.notEqual(await sources(), before);
  assert.equal(await page.locator("#who").innerText(), "\u201con\u201d");
  assert.equal(await page.locator("#sources li").count(), 4); // itself and the three before it
  assert.match(await page.locator("#says").innerText(), /fills \d+ % of the flask of/);
  assert.match(await chip.locator("i").innerText(), /%/);
  assert.match(await page.locator("#sentence .chip").nth(5).getAttribute("class"), /later/);
  await noOverflow(page);
  await picture(page, "attend-light");
});
test("attend: layers and heads", "map", async page => {
  await page.click("#reset");
  assert.equal(await page.locator("#scope").innerText(), "Mean over all layers and heads.");
  const cells = () => page.locator("#cells .cell s").evaluateAll(list => list.map(s => s.style.background).join());
  const mean = await cells();
  await page.selectOption("#layer", { value: "0" });
  await page.selectOption("#head", { value: "1" });
  assert.equal(await page.locator("#scope").innerText(), "Layer 1, head 2.");
  assert.notEqual(await cells(), mean);
  await page.click("#reset");
  assert.equal(await cells(), mean);
  await page.locator("#heads .head").first().click();
  assert.equal(await page.inputValue("#layer"), "0");
  await page.keyboard.press("ArrowUp");
  assert.notEqual(await page.locator("#who").innerText(), "\u201cfeeling\u201d");
});
test("attend: the map has words as rows and columns", "map", async page => {
  const words = await page.locator("#sentence .chip:not(.blank) b").allInnerTexts();
  assert.deepEqual(await page.locator("#cells .row").allInnerTexts(), words);
  assert.deepEqual(await page.locator("#cells .col").allInnerTexts(), words);
  assert.equal(await page.locator("#cells .cell").count(), words.length * (words.length + 1) / 2);
  assert.match(await page.locator("#answer li").first().innerText(), /tired/);
});
test("attend: a cut", "cut", async page => {
  assert.match(await page.locator("#cut").innerText(), /no longer sees/);
  assert.equal(await page.locator(".cell.is-cut").count(), 1);
});
test("attend: notes", "notes", async page => {
  const notes = await page.locator("#notes li").allInnerTexts();
  assert.match(notes[0], /^never seen: loses$/);
  assert.match(notes[1], /^outside my stories: /);
  await noOverflow(page);
  await picture(page, "attend-notes");
}, { viewport: { width: 380, height: 800 } });
test("attend: nothing to note", "map", async page => {
  assert.equal(await page.locator("#notes").isVisible(), false);
});
test("attend: dark and on paper", "map", async page => {
  await picture(page, "attend-dark");
  await page.emulateMedia({ media: "print" });
  await picture(page, "attend-print");
}, { colorScheme: "dark" });
test("attend: narrow", "map", async page => {
  await noOverflow(page);
  await picture(page, "attend-narrow");
}, { viewport: { width: 380, height: 800 } });

comparisons({ test, picture, noOverflow, column, folder });
maps({ test, picture, noOverflow });
stories({ test, picture, noOverflow, folder, pages: fs.readdirSync(folder).filter(f => /^story-.*\.html$/.test(f)).map(f => f.slice(0, -5)).sort() });

const browser = await playwright.chromium.launch({ executablePath: chromium, args: ["--no-sandbox"] });
const start = Date.now();
let bad = 0;
for (const { name, file, run, options } of tests) {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, offline: true, ...options });
  const page = await context.newPage();
  const complaints = [];
  const url = pathToFileURL(path.join(folder, file + ".html")).href;
  page.setDefaultTimeout(HANG);
  page.on("console", m => complaints.push(m.text()));
  page.on("pageerror", e => complaints.push(e.stack));
  page.on("request", r => { if (r.url() !== url && !r.url().startsWith("blob:")) complaints.push("asked for " + r.url().slice(0, 200)); });
  await page.addInitScript(() => {
    document.addEventListener("securitypolicyviolation", e => console.log("refused: " + e.violatedDirective));
  });
  try {
    await page.goto(url);
    await run(page);
    assert.deepEqual(complaints, []);
    console.log("ok      " + name);
  } catch (error) {
    bad++;
    console.log("FAILED  " + name + "\n" + error.stack + (complaints.length ? "\nand: " + complaints.join("\n") : ""));
  }
  await context.close();
}
await browser.close();
// In the form that ci/count.awk counts.
console.log("Ran " + tests.length + " tests in " + ((Date.now() - start) / 1000).toFixed(1) + "s");
console.log(bad ? "FAILED (failures=" + bad + ")" : "OK");
process.exit(bad ? 1 : 0);
