#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""table.py FILE.json...: the rows of `decoct peers -o` as Markdown, for docs/performance.md."""
import json
import sys


def peers(row):
    best = row.get("best_peer")
    rest = sorted(((rate, name) for name, rate in row["peers"].items() if name != best), reverse=True)
    wrong = {name for name, note in row["notes"].items() if "as far from ours" in note}
    return ", ".join("%s %.4g%s" % (name, rate, " (differs)" if name in wrong else "")
                     for rate, name in rest)


def ratio(row):
    if not row.get("best_peer"):
        return "–"
    return "%.2f [%.2f, %.2f]" % (row["ratio_to_best"], row["ratio_low"], row["ratio_high"])


def line(row):
    best = row.get("best_peer")
    return "| %s %s | %d | %.4g %s | %.0f %% | %s | %s | %s |" % (
        row["op"], row["shape"].replace("/", " "), row["threads"], row["ours"], row["unit"],
        row["pct_of_peak"], ratio(row),
        "%s %.4g" % (best, row["peers"][best]) if best else "–", peers(row))


print("| row | threads | decoct | of the ceiling | ratio to the best peer | best peer | the others |")
print("|---|---|---|---|---|---|---|")
for path in sys.argv[1:]:
    with open(path) as file:
        for row in json.load(file)["rows"]:
            print(line(row))
