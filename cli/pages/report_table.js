// SPDX-License-Identifier: BSD-2-Clause
// All rows, a page of them at a time; and the same as CSV.
"use strict";
const COLUMNS = [
  // key, heading, from (s, c), shown as
  ["op", "Operation", (s, c) => cases[c].op],
  ["series", "Series", s => series[s].label],
  ["seq", "Seq", (s, c) => cases[c].seq, v => count(v)],
  ["heads", "Heads", (s, c) => cases[c].heads, v => count(v)],
  ["head_dim", "Size", (s, c) => cases[c].head_dim, v => count(v)],
  ["workers", "Threads", (s, c) => cases[c].workers, v => count(v)],
  ["pin", "Pin", (s, c) => cases[c].pin],
  ["time", "Time", (s, c) => value("time", s, c), duration],
  ["spread", "\u00b1", spread, v => (v === null ? DASH : digits(v, 2) + " %")],
  ["gflops", "GFLOP/s", (s, c) => value("gflops", s, c), digits3],
  ["gbs", "GB/s", (s, c) => value("gbs", s, c), digits3],
  ["tokens", "Tokens/s", (s, c) => value("tokens", s, c), digits3],
  ["pct", "% of roof", (s, c) => value("pct", s, c), digits3],
  ["roof", "Roof", (s, c) => text("roof", s, c)],
  ["clock", "MHz", (s, c) => value("clock", s, c), v => digits(v, 4)],
  ["model", "Model", (s, c) => cases[c].model],
  ["layers", "Layers", (s, c) => cases[c].layers, v => count(v)],
  ["level", "Level", (s, c) => cases[c].level],
  ["n", "Files", (s, c) => value("n", s, c), v => count(v)],
  ["state", "State", stateWords]
];
function digits3(v) {
  return digits(v);
}
// Half the interval as a share of the median.
function spread(s, c) {
  const low = value("time_low", s, c),
    high = value("time_high", s, c),
    mid = value("time", s, c);
  return low !== null && high !== null && mid > 0 ? ((high - low) / 2 / mid) * 100 : null;
}
function stateWords(s, c) {
  const parts = [];
  if (isWrong(s, c)) parts.push("wrong");
  if (text("pin_error", s, c)) parts.push("pin refused");
  if (text("invalid", s, c)) parts.push("invalid");
  if (text("disturbed", s, c)) parts.push("disturbed");
  return parts.join(", ") || (value("correct", s, c) === null ? "unchecked" : "correct");
}

const allRows = [];
series.forEach((one, s) =>
  cases.forEach((c, i) => {
    if (hasRow(s, i)) allRows.push({ s, c: i });
  })
);

function tableSection() {
  if (!allRows.length) return nothing("rows", "There are no rows.");
  const columns = COLUMNS.filter(([key, , ask]) => {
    const first = ask(allRows[0].s, allRows[0].c);
    if (key === "n" || key === "pin") return allRows.some(r => String(ask(r.s, r.c)) !== String(first));
    return allRows.some(r => ask(r.s, r.c) !== null && ask(r.s, r.c) !== undefined);
  });
  const box = body("rows"),
    controls = box.appendChild(make("div", "pickers"));
  const filter = make("input");
  filter.type = "search";
  filter.id = "rows-filter";
  filter.placeholder = "Filter, such as attention avx512 2 threads";
  filter.setAttribute("aria-label", "Filter the rows");
  controls.append(filter);
  const state = { op: "", series: "", sort: null, down: false, page: 0, size: 50 };
  const set = key => v => {
    state[key] = v;
    state.page = 0;
    choose();
  };
  const kinds = ops(cases);
  if (kinds.length > 1)
    picker(controls, "Operation", [["", "all"], ...kinds.map(o => [o, o])], set("op")).id = "rows-op";
  if (series.length > 1)
    picker(controls, "Series", [["", "all"], ...series.map((s, i) => [i, s.label])], set("series")).id =
      "rows-series";
  const only = picker(
    controls,
    "State",
    [
      ["", "all"],
      ["wrong", "wrong"],
      ["disturbed", "disturbed"],
      ["invalid", "invalid"],
      ["pin refused", "pin refused"]
    ],
    set("only")
  );
  only.value = "";
  const scroll = box.appendChild(make("div", "scroll")),
    table = scroll.appendChild(make("table", "rows"));
  scroll.tabIndex = 0;
  scroll.setAttribute("role", "region");
  scroll.setAttribute("aria-label", "Table of the rows");
  const head = table.createTHead().insertRow(),
    tbody = table.createTBody();
  const right = ([, , , show]) => (show ? "right" : "");
  columns.forEach(column => {
    const th = head.appendChild(make("th", right(column))),
      button = th.appendChild(make("button", "sort", column[1]));
    if (column[0] === "spread") button.title = "Half the interval, as a share of the median";
    th.scope = "col";
    button.type = "button";
    button.onclick = () => {
      // Numbers begin with the largest, words with the first.
      if (state.sort === column) state.down = !state.down;
      else [state.sort, state.down] = [column, Boolean(column[3])];
      [...head.cells].forEach(cell => cell.removeAttribute("aria-sort"));
      th.setAttribute("aria-sort", state.down ? "descending" : "ascending");
      state.page = 0;
      choose();
    };
  });
  const pager = box.appendChild(make("div", "pickers pager"));
  const step = (words, label, by) => {
    const b = pager.appendChild(make("button", "plain", words));
    b.type = "button";
    b.setAttribute("aria-label", label);
    b.onclick = () => {
      state.page = by(state.page);
      paint();
    };
    return b;
  };
  const back = step("\u2190", "Previous rows", p => p - 1);
  const where = pager.appendChild(make("span", "num"));
  where.setAttribute("aria-live", "polite");
  const forth = step("\u2192", "Next rows", p => p + 1);
  picker(
    pager,
    "Rows a page",
    [
      [50, 50],
      [200, 200],
      [1000, 1000]
    ],
    v => {
      state.size = Number(v);
      state.page = 0;
      paint();
    }
  );

  let list = allRows,
    words = null;
  function choose() {
    // One line of text a row, made once.
    words =
      words ||
      new Map(
        allRows.map(r => [
          r,
          [
            caseWords(cases[r.c]),
            cases[r.c].name,
            series[r.s].label,
            stateWords(r.s, r.c),
            text("disturbed", r.s, r.c) || "",
            text("roof", r.s, r.c) || ""
          ]
            .join(" ")
            .toLowerCase()
        ])
      );
    const fits = matcher(filter.value);
    list = allRows.filter(
      r =>
        (!state.op || cases[r.c].op === state.op) &&
        (state.series === "" || r.s === Number(state.series)) &&
        (!state.only || stateWords(r.s, r.c).includes(state.only)) &&
        fits(words.get(r))
    );
    if (state.sort) {
      const ask = state.sort[2],
        sign = state.down ? -1 : 1,
        empty = v => v === null || v === undefined;
      list = list
        .map(r => [ask(r.s, r.c), r])
        .sort(([x], [y]) => (empty(x) || empty(y) ? empty(x) - empty(y) : sign * order(x, y)))
        .map(pair => pair[1]);
    }
    paint();
  }
  function tipOf(r) {
    const t = key => text(key, r.s, r.c),
      v = key => value(key, r.s, r.c);
    return [
      caseWords(cases[r.c]),
      series[r.s].label,
      v("time_low") !== null &&
        v("time_high") !== null &&
        "time " + duration(v("time_low")) + " to " + duration(v("time_high")),
      v("pct_low") !== null &&
        v("pct_high") !== null &&
        digits(v("pct_low")) + " to " + digits(v("pct_high")) + " % of the roof",
      v("roof_rate") !== null &&
        "roof " + digits(v("roof_rate")) + (t("roof") === "memory" ? " GB/s" : " GFLOP/s"),
      t("bound") !== null && "bound to CPU " + t("bound"),
      t("seen") !== null && "seen on CPU " + t("seen"),
      t("pin_error") && "binding refused: " + t("pin_error"),
      t("served") && "served by other backends: " + t("served"),
      t("invalid") && "invalid: " + t("invalid"),
      t("disturbed") && "disturbed: " + t("disturbed")
    ];
  }
  function paint() {
    const pages = Math.max(1, Math.ceil(list.length / state.size));
    state.page = Math.min(state.page, pages - 1);
    const from = state.page * state.size,
      some = list.slice(from, from + state.size);
    tbody.textContent = "";
    for (const r of some) {
      const row = tbody.insertRow();
      for (const column of columns) {
        const v = column[2](r.s, r.c);
        const cell = row.appendChild(
          make(
            "td",
            right(column),
            column[3] ? column[3](v) : v === null || v === undefined ? DASH : String(v)
          )
        );
        if (cell.textContent === DASH) cell.classList.add("empty");
        if (column[0] === "state" && v !== "correct")
          cell.className = v.includes("wrong") ? "wrong" : v === "unchecked" ? "soft" : "warn";
      }
      row.tabIndex = -1;
      tells(row, () => tipOf(r));
    }
    where.textContent = list.length
      ? "Rows " + count(from + 1) + " to " + count(from + some.length) + " of " + count(list.length)
      : "No row fits.";
    where.dataset.count = list.length;
    back.disabled = state.page === 0;
    forth.disabled = state.page >= pages - 1;
  }
  let wait = 0;
  filter.oninput = () => {
    clearTimeout(wait);
    wait = setTimeout(set("filter"), 80);
  };
  // Up and down go from row to row.
  tbody.addEventListener("keydown", event => {
    const row = event.target.closest("tr"),
      next =
        event.key === "ArrowDown" ? row.nextSibling : event.key === "ArrowUp" ? row.previousSibling : null;
    if (next) {
      next.focus();
      event.preventDefault();
    }
  });
  scroll.addEventListener("keydown", event => {
    if (event.target === scroll && event.key === "ArrowDown" && tbody.rows.length) {
      tbody.rows[0].focus();
      event.preventDefault();
    }
  });
  paint();
}

function csv() {
  // Spreadsheets run what begins with one of these, and the words come from a file.
  const cell = v => {
    if (v === null || v === undefined) return "";
    if (typeof v === "number") return String(v);
    const words = /^[=+@\t\r-]/.test(v) ? "'" + v : String(v);
    return /[",\n\r]/.test(words) ? '"' + words.replace(/"/g, '""') + '"' : words;
  };
  const keys = ["op", "seq", "heads", "head_dim", "layers", "model", "workers", "pin", "level"];
  const columns = Object.keys(data.values);
  const lines = [["name", "group", "backend", ...keys, ...columns].join(",")];
  for (const { s, c } of allRows) {
    lines.push(
      [
        cases[c].name,
        groups[series[s].group].label,
        series[s].backend,
        ...keys.map(k => cases[c][k]),
        ...columns.map(k => (data.values[k][s] || [])[c])
      ]
        .map(cell)
        .join(",")
    );
  }
  return lines.join("\n") + "\n";
}
tableSection();
