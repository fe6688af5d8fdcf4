#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""table.py FILE.json...: the rows of `decoct peers -o` as Markdown, for docs/performance.md, with the
versions of the peers and what the machine did meanwhile."""
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
    text = "%.2f [%.2f, %.2f]" % (row["ratio_to_best"], row["ratio_low"], row["ratio_high"])
    return text if row.get("judged", True) else "cannot be judged (%s)" % text


def line(row):
    best = row.get("best_peer")
    return "| %s %s | %d | %.4g %s | %.0f %% | %s | %s | %s |" % (
        row["op"], row["shape"].replace("/", " "), row["threads"], row["ours"], row["unit"],
        row["pct_of_peak"], ratio(row),
        "%s %.4g" % (best, row["peers"][best]) if best else "–", peers(row))


def lowest(row):
    return "%s %.2f [%.2f, %.2f] of %s (%s)" % (row["op"], row["ratio_to_best"], row["ratio_low"], row["ratio_high"],
                                              row["best_peer"], row["shape"].replace("/", " "))


def footer(context):
    """The peers, and how busy the machine was."""
    found = ["%s: %s" % (name, peer["note"]) for name, peer in context["peers"].items() if peer["found"]]
    missing = ["%s (%s)" % (name, peer["note"]) for name, peer in context["peers"].items() if not peer["found"]]
    lines = ["Peers: " + "; ".join(found) + "."] if found else []
    lines += ["Missing: " + ", ".join(missing) + "."] if missing else []
    if not context.get("complete", True):
        lines += ["**Not complete**: the run %s, and did not measure %s." % (
            "was interrupted" if context["interrupted"] else "failed", ", ".join(context["not_measured"]))]
    if "seed" in context:
        lines += ["The rows were drawn with `--seed %s`; the worst ratio of each kind: %s." % (
            context["seed"], ", ".join(lowest(row) for kind, row in sorted(context["worst"].items())) or "–")]
        if context["unjudged_worst"]:
            lines += ["%d rows cannot be judged; the lowest of each kind: %s." % (
                sum(context["unjudged"].values()),
                ", ".join(lowest(row) for kind, row in sorted(context["unjudged_worst"].items())))]
    used = context.get("machine_used")
    if used:
        lines += ["The run took %.0f s; the CPUs were idle for %.1f %% of it, %.1f %% was used by other programs, "
                  "%.1f %% stolen by the hypervisor." % (used["seconds"], used["idle_pct"], used["others_pct"],
                                                         used["steal_pct"])]
    return lines


def heading(context):
    """How the peers were limited: a row's ratio means nothing without it."""
    if "peers_isa" not in context:
        return []
    settings = ["%s (`%s`)" % (name, peer["limited_by"]) for name, peer in context["peers"].items() if peer["found"]]
    without = [name for name, peer in context["peers"].items() if not peer["found"]]
    return ["**All peers are limited to %s**: %s.%s" % (context["peers_isa"].upper(), ", ".join(settings),
                                                      " Left out: %s." % ", ".join(without) if without else "")]


runs = []
for path in sys.argv[1:]:
    with open(path) as file:
        runs.append(json.load(file))
for text in dict.fromkeys(text for run in runs for text in heading(run["context"])):
    print(text + "\n")
print("| row | threads | decoct | of the ceiling | ratio to the best peer | best peer | the others |")
print("|---|---|---|---|---|---|---|")
notes = []
for run in runs:
    notes += [text for text in footer(run["context"]) if text not in notes]
    for row in run["rows"]:
        print(line(row))
print()
print("\n".join(notes))
