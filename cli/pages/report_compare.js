// SPDX-License-Identifier: BSD-2-Clause
// Two series against each other: a dot and an interval a case, on a logarithmic axis.
"use strict";
const PORTION = 20; // cases that are shown before one asks for all: the first half and the last

function compareSection() {
  const pair = firstPair();
  if (!pair) {
    return nothing(
      "compare",
      series.length < 2
        ? "There is only one series here, so nothing to compare it with. " +
            "Give decoct report a second file, or measure with a second backend."
        : "No two series have a case in common."
    );
  }
  const box = body("compare"),
    controls = box.appendChild(make("div", "pickers"));
  const says = box.appendChild(make("p", "says"));
  says.setAttribute("aria-live", "polite");
  const forest = box.appendChild(make("div", "forest"));
  const more = box.appendChild(make("button", "plain more"));
  more.type = "button";
  const state = { a: pair[0], b: pair[1], op: "", sort: "ratio", all: false };
  const choices = series.map((s, i) => [i, s.label]);
  const a = picker(controls, "A", choices, v => {
    state.a = Number(v);
    paint();
  });
  const swap = controls.appendChild(make("button", "plain", "\u21c4"));
  swap.type = "button";
  swap.title = "Swap A and B";
  swap.setAttribute("aria-label", swap.title);
  const b = picker(controls, "B", choices, v => {
    state.b = Number(v);
    paint();
  });
  swap.onclick = () => {
    [state.a, state.b] = [state.b, state.a];
    [a.value, b.value] = [state.a, state.b];
    paint();
  };
  const kinds = ops(cases.filter(isWork));
  if (kinds.length > 1) {
    picker(controls, "Operation", [["", "all"], ...kinds.map(o => [o, o])], v => {
      state.op = v;
      paint();
    });
  }
  picker(
    controls,
    "Order",
    [
      ["ratio", "by ratio"],
      ["name", "by case"],
      ["slow", "by time"]
    ],
    v => {
      state.sort = v;
      paint();
    }
  );
  const filter = make("input");
  filter.type = "search";
  filter.placeholder = "Filter, such as seq 512";
  filter.setAttribute("aria-label", "Filter the cases");
  filter.oninput = () => paint();
  controls.append(filter);
  more.onclick = () => {
    state.all = !state.all;
    paint();
  };
  [a.value, b.value] = [state.a, state.b];

  function wanted() {
    const fits = matcher(filter.value),
      list = [];
    cases.forEach((c, i) => {
      const hay = (caseWords(c) + " " + c.name).toLowerCase();
      if ((!state.op || c.op === state.op) && fits(hay)) list.push(i);
    });
    return list;
  }
  function paint() {
    forest.textContent = "";
    const p = against(state.a, state.b, wanted()),
      [nameA, nameB] = names(state.a, state.b);
    more.hidden = p.list.length <= PORTION;
    more.textContent = state.all ? "Show fewer" : "Show all " + count(p.list.length) + " cases";
    if (state.a === state.b) says.textContent = "A and B are the same series.";
    else if (!p.list.length) says.textContent = "No case of these two fits.";
    else {
      says.textContent =
        pairWords(p, state.a, state.b) +
        " (geometric mean over " +
        plural(p.list.length, "case") +
        (p.low === null
          ? "; " + p.verdict.why
          : (p.verdict.kind === "unknown" ? "; " + p.verdict.why : "") +
            "; ratio " +
            digits(p.ratio) +
            ", interval " +
            digits(p.low) +
            " to " +
            digits(p.high)) +
        "; single cases " +
        digits(p.least) +
        " to " +
        digits(p.most) +
        (apartWords(state.a, state.b) && "; " + apartWords(state.a, state.b)) +
        "). B is faster in " +
        p.b +
        ", A in " +
        p.a +
        "; " +
        p.none +
        " too close to tell" +
        (p.unknown ? "; " + p.unknown + " without an interval." : ".");
    }
    if (state.a === state.b || !p.list.length) return;
    const by = {
      ratio: (x, y) => y.ratio - x.ratio,
      name: (x, y) => order(cases[x.c].name, cases[y.c].name),
      slow: (x, y) => value("time", state.a, y.c) - value("time", state.a, x.c)
    };
    p.list.sort(by[state.sort]);
    drawForest(forest, p, state, state.all || p.list.length <= PORTION ? p.list : null, nameA, nameB);
  }
  paint();
  watchers.push(paint);
}

// The axis reaches as far to the left of 1 as it must, and to the right.
function forestAxis(p) {
  let low = 1,
    high = 1;
  for (const r of p.list) {
    low = Math.min(low, r.low || r.ratio);
    high = Math.max(high, r.high || r.ratio);
  }
  const room = Math.max(1.03, (high / low) ** 0.06);
  low /= room;
  high *= room;
  const span = Math.log(high / low);
  const steps =
    high / low > 200
      ? [1, 10, 100, 1000]
      : high / low > 12
        ? [1, 2, 5, 10, 20, 50, 100]
        : high / low > 3
          ? [1, 1.5, 2, 3, 4, 6, 8]
          : high / low > 1.5
            ? [1, 1.2, 1.5, 2]
            : high / low > 1.2
              ? [1, 1.05, 1.1, 1.2]
              : [1, 1.02, 1.05, 1.1];
  const ticks = distinct([...steps.map(s => 1 / s), ...steps]).filter(t => t >= low && t <= high);
  return { place: r => (Math.log(r / low) / span) * 100, ticks };
}

function drawForest(box, p, state, list, nameA, nameB) {
  const axis = forestAxis(p),
    own = s => (slots.includes(s) ? look(s).colour : null);
  // The colour of the one that is faster.
  box.style.setProperty("--a", "var(" + (own(state.a) || "--down") + ")");
  box.style.setProperty("--b", "var(" + (own(state.b) || "--strong") + ")");
  const put = (parent, className, x) => {
    const e = parent.appendChild(make("i", className));
    e.style.left = x + "%";
    return e;
  };
  const head = box.appendChild(make("div", "frow fhead")),
    scale = make("span", "track");
  head.append(make("span", "fname"), scale, make("span", "fnum", "ratio"));
  let last = -9;
  axis.ticks
    .sort((x, y) => x - y)
    .forEach(t => {
      const x = axis.place(t);
      if (t !== 1 && (x - last < 7 || Math.abs(x - axis.place(1)) < 7)) return;
      last = x;
      put(scale, "tick" + (t === 1 ? " one" : ""), x).append(
        make("b", "", t < 1 ? "1/" + brief(1 / t) : brief(t))
      );
    });
  const sides = box.appendChild(make("div", "frow fsides")),
    both = make("span", "track");
  sides.append(make("span", "fname"), both, make("span", "fnum"));
  const one = axis.place(1);
  if (one > 25) put(both, "side left", one).textContent = "\u2190 " + nameA + " faster";
  if (one < 75) put(both, "side right", one).textContent = nameB + " faster \u2192";

  const row = (name, r, className, lines) => {
    const line = box.appendChild(make("div", "frow " + className)),
      track = make("span", "track");
    const label = make("span", "fname", name);
    axis.ticks.forEach(t => put(track, "grid" + (t === 1 ? " one" : ""), axis.place(t)));
    if (r.low !== null) {
      const bar = put(track, "interval", axis.place(r.low));
      bar.style.width = Math.max(0, axis.place(r.high) - axis.place(r.low)) + "%";
    }
    put(track, "point", axis.place(r.ratio));
    line.append(label, track, make("span", "fnum", digits(r.ratio)));
    tells(line, lines);
  };
  const mean = (name, q, className) =>
    row(
      name,
      q,
      className + " " + sideName(q.verdict.kind !== "differs" ? 0 : q.ratio > 1 ? 1 : -1),
      () => [
        "Geometric mean of " + plural(q.list.length, "case"),
        "ratio " + digits(q.ratio, 4),
        q.low !== null && "interval " + digits(q.low, 4) + " to " + digits(q.high, 4)
      ]
    );
  const kinds = ops(p.list.map(r => cases[r.c]));
  mean("Geometric mean", p, kinds.length > 1 ? "mean" : "mean last");
  if (kinds.length > 1) {
    const parts = kinds.map(op => {
      const some = p.list.map(r => r.c).filter(c => cases[c].op === op);
      return [op, against(state.a, state.b, some)];
    });
    parts.sort(([, x], [, y]) => y.ratio - x.ratio);
    parts.forEach(([op, q], i) =>
      mean(op + " \u00b7 " + plural(q.list.length, "case"), q, i + 1 < parts.length ? "part" : "part last")
    );
  }
  // What is the same in all cases is shown once.
  const valuesOf = key =>
    dimension(
      p.list.map(r => cases[r.c]),
      key
    ).filter(v => v !== null);
  const same = SHAPE_KEYS.filter(
    k => p.list.length > 1 && valuesOf(k).length === 1 && !isUsual(k, valuesOf(k)[0])
  );
  const half = PORTION / 2;
  for (const r of list || [...p.list.slice(0, half), null, ...p.list.slice(-half)]) {
    if (!r) {
      box.append(
        make("div", "frow fgap", "\u22ee\u2002" + plural(p.list.length - PORTION, "case") + " between")
      );
      continue;
    }
    const c = cases[r.c];
    row(caseWords(c, same), r, sideName(r.side), () => [
      caseWords(c),
      "A: " + series[state.a].label + ", " + duration(value("time", state.a, r.c)),
      "B: " + series[state.b].label + ", " + duration(value("time", state.b, r.c)),
      "ratio " +
        digits(r.ratio, 4) +
        (r.known ? ", interval " + digits(r.low, 4) + " to " + digits(r.high, 4) : ", no interval known"),
      ...["a", "b"].map(
        k =>
          text("disturbed", state[k], r.c) &&
          k.toUpperCase() + " disturbed: " + text("disturbed", state[k], r.c)
      ),
      !r.known ? "" : r.side === 0 ? "Too close to tell." : (r.side > 0 ? "B" : "A") + " is faster."
    ]);
  }
  if (same.length) {
    box.append(
      make(
        "p",
        "hint after",
        "In all that have one: " +
          same
            .map(k => KEY_WORDS[k].toLowerCase() + " " + valuesOf(k)[0])
            .join(", ") +
          "."
      )
    );
  }
}
const sideName = side => (side > 0 ? "b-wins" : side < 0 ? "a-wins" : "unclear");
compareSection();
