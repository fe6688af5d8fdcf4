// SPDX-License-Identifier: BSD-2-Clause
// A against B: the ratio of each case, all of them in one number, and a verdict on it. There are
// three verdicts: they differ, they are equal within some per cent, or cannot tell.
//
// The interval of a case comes from the samples of its two rows. That is noise within a run, and
// two runs of one program also differ by the state of the machine, which no sample shows. What is
// known of it is added: the ceilings measured between the samples, where both runs had the same one
// to reach, else a fixed allowance. (On shared machines the runs of one program differ by several
// per cent though all samples agree; only runs in turns, or many of them, see less.)
//
// The cases are a fixed list and no random draw: how much they differ among themselves says nothing
// about the error of their mean, and is a statement of its own. That error comes from the
// measurements. The noise of samples is independent from case to case, so in the mean of n cases
// its square is the sum of their squares over n^2. What all cases of a file share does not average
// out: of medians over files the widths add up, and so do the allowances.
//
// The program computes the same for the terminal and for Markdown (against.c); tests compare both.
"use strict";
// The rule's constants: verdict.def describes each one.
const RULE = Object.fromEntries(
  VERDICT.filter(([line]) => line === "VERDICT").map(([, name, v]) => [name, v])
);
// "How this is computed" names them: counts as they are, factors and shares in per cent.
document.querySelectorAll("[data-rule]").forEach(e => {
  const v = RULE[e.dataset.rule];
  e.textContent = v >= 2 ? v : brief((v > 1 ? v - 1 : v) * 100) + "\u00a0%";
});
const MANY = 500000; // values of which a page can judge every series while it opens

const hasWork = (s, c) => isWork(cases[c]) && value("time", s, c) > 0 && !isWrong(s, c);
const isInvalid = (s, c) => text("invalid", s, c) !== null;
// The median over files is disturbed if half of them were; the text says how many: "3 of 7 files".
const isDisturbed = (s, c) =>
  (text("disturbed", s, c) !== null &&
    !(value("n", s, c) > 1 && 2 * parseInt(text("disturbed", s, c), 10) < value("n", s, c))) ||
  isInvalid(s, c);

// What both ends of a ratio's interval are moved by, as a factor.
function allowance(a, b, c) {
  const x = series[a],
    y = series[b];
  const nA = value("n", a, c),
    nB = value("n", b, c),
    files = groups[x.group].files;
  // In a folder one file may have the rows of a, another one those of b.
  const together = x.group === y.group && nA === files && nB === files;
  if (together || (nA >= RULE.RUNS && nB >= RULE.RUNS)) return RULE.SAME_RUN;
  const roofA = value("roof_rate", a, c),
    roofB = value("roof_rate", b, c);
  const control = x.backend === y.backend && groups[x.group].cpu === groups[y.group].cpu;
  return control && roofA > 0 && roofB > 0
    ? Math.max(RULE.OTHER_RUN, Math.exp(2 * Math.abs(Math.log(roofA / roofB))))
    : RULE.OTHER_MACHINE;
}

// Of a time's interval, as a logarithm. That of a single sample has no width: it is not known.
function width(s, c) {
  const low = value("time_low", s, c),
    high = value("time_high", s, c);
  return low > 0 && high > low ? Math.log(high / low) : null;
}

function compareCase(a, b, c) {
  const widths = [width(a, c), width(b, c)],
    known = widths.every(w => w !== null);
  const room = Math.log(allowance(a, b, c)),
    ratio = value("time", a, c) / value("time", b, c);
  const half = known ? Math.hypot(...widths) / 2 + room : null;
  const low = known ? ratio * Math.exp(-half) : null,
    high = known ? ratio * Math.exp(half) : null;
  return {
    c,
    ratio,
    low,
    high,
    known,
    widths,
    room,
    files: [a, b].map(s => value("n", s, c) > 1), // the intervals are over files, not over samples
    disturbed: isDisturbed(a, c) || isDisturbed(b, c),
    side: !known || (low <= 1 && high >= 1) ? 0 : low > 1 ? 1 : -1
  };
}

// The error of the mean, as a logarithm.
function meanError(list) {
  const sum = of => list.reduce((all, r) => all + of(r), 0);
  const own = sum(r => r.widths.reduce((all, w, side) => all + (r.files[side] ? 0 : w * w), 0));
  const shared = [0, 1].map(side => sum(r => (r.files[side] ? r.widths[side] : 0)));
  return (Math.hypot(Math.sqrt(own), ...shared) / 2 + sum(r => r.room)) / list.length;
}

// Each case that both have, all of them in one number, and the verdict.
function against(a, b, wanted = cases.map((c, i) => i)) {
  const both = wanted.filter(c => hasWork(a, c) && hasWork(b, c));
  const list = both.filter(c => !isInvalid(a, c) && !isInvalid(b, c)).map(c => compareCase(a, b, c));
  const ratio = Math.exp(list.reduce((sum, r) => sum + Math.log(r.ratio), 0) / list.length);
  const known = list.length > 0 && list.every(r => r.known),
    error = known ? Math.exp(meanError(list)) : null;
  const p = {
    list,
    invalid: both.length - list.length,
    ratio: list.length ? ratio : null,
    low: known ? ratio / error : null,
    high: known ? ratio * error : null,
    least: Math.min(...list.map(r => r.ratio)),
    most: Math.max(...list.map(r => r.ratio)),
    b: list.filter(r => r.side > 0).length,
    a: list.filter(r => r.side < 0).length,
    none: list.filter(r => r.known && r.side === 0).length,
    unknown: list.filter(r => !r.known).length
  };
  p.verdict = judge(p);
  return p;
}

// One case that makes half of the mean or more.
function soleCause(p) {
  const n = p.list.length,
    all = Math.log(p.ratio);
  return p.list.find(r => Math.abs(all - (all * n - Math.log(r.ratio)) / (n - 1)) > Math.abs(all) / 2);
}

const cannotTell = why => ({ kind: "unknown", why });
function judge(p) {
  const n = p.list.length;
  const bad = p.invalid + p.list.filter(r => r.disturbed).length;
  if (n < RULE.FEWEST) return cannotTell((n ? "only " : "") + plural(n, "case") + " can be compared");
  if (bad * 2 > n + p.invalid)
    return cannotTell("most rows were disturbed or invalid (" + bad + " of " + (n + p.invalid) + ")");
  if (p.low === null) return cannotTell("rows have no interval");
  if (p.low <= 1 && p.high >= 1) return judgeNear(p);
  const faster = p.low > 1 ? 1 : -1;
  const same = p.list.filter(r => Math.sign(Math.log(r.ratio)) === faster).length;
  if (same < RULE.ONE_WAY * n)
    return cannotTell("the cases disagree: " + same + " of " + n + " go with the mean");
  const sole = soleCause(p);
  if (sole) return cannotTell("one case alone makes the difference: " + caseWords(cases[sole.c]));
  return { kind: "differs" };
}
// The interval holds 1.
function judgeNear(p) {
  const within = Math.max(p.high, 1 / p.low);
  if (p.a + p.b > (1 - RULE.ONE_WAY) * p.list.length)
    return cannotTell("the cases disagree: each is faster in some");
  return within <= RULE.EQUAL
    ? { kind: "equal", percent: digits((within - 1) * 100, 2) }
    : cannotTell("the interval of the mean holds 1");
}

// The first two series that have cases in common. Of all that have one case these are the first
// two, so one pass over the values is enough.
function firstPair() {
  let first = null;
  cases.forEach((c, i) => {
    const pair = [];
    for (let s = 0; s < series.length && pair.length < 2; s++)
      if (hasWork(s, i) && !isInvalid(s, i)) pair.push(s);
    if (pair.length < 2) return;
    if (!first || pair[0] < first[0] || (pair[0] === first[0] && pair[1] < first[1])) first = pair;
  });
  return first;
}
// What the headline leaves out: the other series against its first one.
function othersWords(a, b) {
  if (series.length * cases.length > MANY) return " The other series can be compared below.";
  const kinds = { differs: 0, equal: 0, unknown: 0 };
  let all = 0;
  series.forEach((s, i) => {
    const p = i === a || i === b ? null : against(a, i);
    if (!p || !p.list.length) return;
    kinds[p.verdict.kind]++;
    all++;
  });
  return all === 0
    ? ""
    : " Of " +
        plural(all, "more series", "more series") +
        " compared with " +
        series[a].label +
        ", " +
        [
          [kinds.differs, kinds.differs === 1 ? " differs" : " differ"],
          [kinds.equal, kinds.equal === 1 ? " is equally fast" : " are equally fast"],
          [kinds.unknown, kinds.unknown === 1 ? " has no verdict" : " have no verdict"]
        ]
          .filter(([n]) => n)
          .map(([n, words]) => count(n) + words)
          .join(", ") +
        ".";
}
// "1.62×"; near 1 "4.1 %", since a factor would hide it.
const gain = r => Math.max(r, 1 / r);
const times = r => (gain(r) < 1.2 ? digits((gain(r) - 1) * 100, 2) + " %" : digits(gain(r)) + "\u00d7");
function pairWords(p, a, b) {
  const [nameA, nameB] = names(a, b);
  const on =
    groups.length > 1 && series[a].group === series[b].group ? " on " + groups[series[a].group].label : "";
  const kind = p.verdict.kind;
  if (kind === "equal")
    return (
      nameA + " and " + nameB + on + " are equally fast within \u00b1" + p.verdict.percent + " %" +
      (p.a + p.b ? " on average" : "")
    );
  if (kind !== "differs") return "Cannot tell whether " + nameA + " or " + nameB + on + " is faster";
  const [fast, slow] = p.ratio >= 1 ? [nameB, nameA] : [nameA, nameB];
  return gain(p.ratio) < 1.2
    ? fast + " is " + times(p.ratio) + " faster than " + slow + on
    : fast + " is " + digits(gain(p.ratio)) + " times as fast as " + slow + on;
}
// The ends of an interval or of a spread, as seen from the faster one.
const endsWords = (p, low, high) =>
  p.ratio < 1 ? digits(1 / high) + " to " + digits(1 / low) : digits(low) + " to " + digits(high);
// How far the cases are apart; it says nothing about the error of their mean.
function spreadWords(p) {
  if (p.list.length < 2) return "";
  const [more, less] = p.ratio < 1 ? [p.a, p.b] : [p.b, p.a];
  return (
    "single cases " +
    endsWords(p, p.least, p.most) +
    (p.low === null
      ? ""
      : ": faster in " + more + ", slower in " + less + ", too close to tell in " + p.none)
  );
}
// What two files do not share, beside the moment.
function apartWords(a, b) {
  const g = groups[series[a].group],
    h = groups[series[b].group],
    single = g.files === 1 && h.files === 1;
  if (g === h) return "";
  if (g.cpu !== h.cpu) return "measured on two machines";
  if (single && g.host && h.host && g.host !== h.host) return "measured on two machines of one model";
  const [x, y] = [g, h].map(one => String(one.date || "").slice(0, 10));
  if (single && x && y && x !== y) return "measured on two days, " + x + " and " + y;
  return single ? "measured in two runs" : "";
}
