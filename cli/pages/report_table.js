// SPDX-License-Identifier: BSD-2-Clause
// All rows, a page of them at a time; and the same as CSV.
"use strict";
// A column: key, heading, from (s, c), how a number is shown (texts: nothing), what it means.
function fieldColumn(f) {
  const from = f.isCase
    ? (s, c) => cases[c][f.key]
    : f.number
      ? (s, c) => value(f.key, s, c)
      : (s, c) => text(f.key, s, c);
  const shows = { us: duration, MHz: v => digits(v, 4) };
  const show = !f.number ? undefined : shows[f.unit] || (f.kind === "WHOLE" ? v => count(v) : v => digits(v));
  return [f.key, capital(withUnit(f.heading, f.unit)), from, show, f.meaning];
}
// The fields of rows.def, and what follows from several of them.
const COLUMNS = FIELDS.filter(f => f.shownIn("TABLE")).map(fieldColumn);
const behind = (key, column) => COLUMNS.splice(COLUMNS.findIndex(c => c[0] === key) + 1, 0, column);
behind("op", ["series", "Series", s => series[s].label]);
behind("time", [
  "spread",
  "\u00b1",
  spread,
  v => (v === null ? DASH : digits(v, 2) + " %"),
  "half the interval, as a share of the median"
]);
COLUMNS.push(
  ["n", "Files", (s, c) => value("n", s, c), v => count(v), "files that have this row"],
  ["state", "State", stateWords]
);
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
  const checked = value("correct", s, c) !== null;
  const other = (text("reference", s, c) || "").startsWith("other bits");
  const away = value("distance", s, c);
  const near = "near (other bits" + (away === null ? ")" : `, ${away.toPrecision(2)} away)`);
  return parts.join(", ") || (!checked ? "unchecked" : other ? near : "correct");
}

const TIPS = FIELDS.filter(f => f.shownIn("TIP"));
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
    if (key === "n" || key === "pin" || key === "dtype") return allRows.some(r => String(ask(r.s, r.c)) !== String(first));
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
    if (column[4]) button.title = capital(column[4].replace(/`|\[|\]\([^)]*\)/g, ""));
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
            text("roof", r.s, r.c) || "",
            cases[r.c].dtype || ""
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
      ...TIPS.map(f => t(f.key) !== null && f.label + " " + t(f.key))
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
          cell.className = v.includes("wrong") ? "wrong" : /^(unchecked|near)/.test(v) ? "soft" : "warn";
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
  // Spreadsheets run what begins with one of these, and the texts come from a file.
  const cell = v => {
    if (v === null || v === undefined) return "";
    if (typeof v === "number") return String(v);
    const words = /^[=+@\t\r-]/.test(v) ? "'" + v : String(v);
    return /[",\n\r]/.test(words) ? '"' + words.replace(/"/g, '""') + '"' : words;
  };
  const keys = CASE_FIELDS.map(f => f.key);
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
