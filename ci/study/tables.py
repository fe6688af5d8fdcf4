# SPDX-License-Identifier: BSD-2-Clause
"""The tables of a study in Markdown, from whatever is in its folder."""
import collections
import math
import statistics

import rules

VERDICTS = ("regression", "improvement", "no change")
OTHER = "cannot tell"  # and a case that failed: an inconclusive case is not found


def verdict(case):
    return case["verdict"] if case["verdict"] in VERDICTS else OTHER


def seconds(case):
    return sum(launch["seconds"] for launch in case["launches"])


def cases_of(runs):
    return [case for run in runs for case in run["ab"]["ab"]["cases"]]


def counts(cases):
    return collections.Counter(verdict(case) for case in cases)


def table(heads, rows):
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join("| %s |" % " | ".join(str(cell) for cell in line) for line in lines)


def rate(part, whole):
    return "-" if not whole else "%.*f %%" % (0 if part in (0, whole) or 100 * part >= 10 * whole else 1,
                                              100.0 * part / whole)


def at_most(whole):
    """What 0 of `whole` shows: the upper end of the exact 95 % interval."""
    return "%.2g %%" % (100 * (1 - 0.05 ** (1 / whole)))


def percent(log_ratio):
    return "%+.1f %%" % (100 * math.expm1(log_ratio))


def middle(values, form="%.0f"):
    return " (at most ".join(form % v for v in (statistics.median(values), max(values))) + ")" if values else "-"


def measured(estimates):
    """Of the changes that were measured: the median and the range."""
    known = [e for e in estimates if e is not None]
    return "%s (%s .. %s)" % tuple(percent(f(known)) for f in (statistics.median, min, max)) if known else "-"


def is_alarm(case):
    return verdict(case) in ("regression", "improvement")


# ---- The machine ----

def machine(runs):
    controls = [launch["control_ns"] for case in cases_of(runs) for launch in case["launches"]]
    slow = 0.0
    if controls:
        usual = sorted(controls)[len(controls) // 20]
        slow = sum(c > 1.1 * usual for c in controls) / len(controls)
    dates = sorted(run["date"][:16].replace("T", " ") for run in runs)
    hog = sum(min(busy, run["seconds"] - begin) for run in runs for begin, _, busy in run["hog"])
    total = sum(run["seconds"] for run in runs)
    lines = ["Machine: %s" % ", ".join(sorted({"%s, %d CPUs" % (run["cpu_model"], run["cpus"]) for run in runs})),
             "Commit: %s" % ", ".join(sorted({run["commit"][:10] for run in runs})),
             "Measured: %s to %s, %d runs, %.1f hours" % (dates[0], dates[-1], len(runs), total / 3600),
             "Load average before a run: %s" % middle([run["load_before"][0] for run in runs], "%.1f"),
             "The hog was busy in %s of the time; in %s of the launches the control kernel was more than 10 %% slower "
             "than usual" % (rate(hog, total), rate(slow, 1.0))]
    return "\n".join("- " + line for line in lines)


# ---- A/A ----

def equal(runs):
    cases = cases_of(runs)
    found = counts(cases)
    alarmed = sum(any(map(is_alarm, run["ab"]["ab"]["cases"])) for run in runs)
    rows = [[len(runs), len(cases), found["no change"], found[OTHER], found["regression"], found["improvement"],
             alarmed, middle([run["seconds"] for run in runs])]]
    text = table(["runs", "cases judged", "no change", "cannot tell", "regression", "improvement",
                  "runs with a false alarm", "seconds a run"], rows)
    if not alarmed:
        text += "\n\nWithout an alarm in %d run%s and %d cases, the rate is at most %s of the runs and %s of the cases " \
                "(95 %% confidence)." % (len(runs), "s"[len(runs) == 1:], len(cases), at_most(len(runs)), at_most(len(cases)))
    return text + listed("Alarms", [case["name"] for case in cases if is_alarm(case)]) + listed(
        "Cannot tell", [case["name"] for case in cases if verdict(case) == OTHER])


def listed(title, names):
    """A line that names each once, with its number."""
    if not names:
        return ""
    return "\n\n%s: %s." % (title, ", ".join("`%s` (%d)" % item for item in sorted(
        collections.Counter(names).items(), key=lambda item: (-item[1], item[0]))))


# ---- Injected ----

def injected(runs):
    rows, missed = [], []
    for level in sorted({run["level"] for run in runs}):
        cases = cases_of(run for run in runs if run["level"] == level)
        found = counts(cases)
        span = measured(case["change"]["estimate"] for case in cases)
        rows.append(["+%d %%" % level, len(cases), "%d (%s)" % (found["regression"], rate(found["regression"], len(cases))),
                     found[OTHER], found["no change"], found["improvement"], span,
                     middle([seconds(case) for case in cases])])
        missed += ["%s +%d %%" % (case["name"], level) for case in cases if verdict(case) != "regression"]
    return table(["slowed by", "cases", "found", "cannot tell", 'called "no change"', 'called "improvement"',
                  "change that was measured: median (range)", "seconds a case"], rows) + listed("Not found", missed)


# ---- Blinded ----

# In the order of the table; an arm A that is slowed is an improvement of B.
TRUTHS = [("not slowed", "no change"), ("B slower by 3 %", "regression"), ("B slower by 5 %", "regression"),
          ("A slower by 3 %", "improvement"), ("A slower by 5 %", "improvement")]


def truth_of(case, key):
    if case["name"] != key["case"] or key["level"] == 0:
        return "not slowed"
    return "%s slower by %d %%" % (key["arm"], key["level"])


def blinded(runs, keys):
    found = {truth: collections.Counter() for truth, _ in TRUTHS}
    changes = collections.defaultdict(list)
    missed, alarms = [], []
    for run in runs:
        for case in run["ab"]["ab"]["cases"]:
            truth = truth_of(case, keys[run["name"]])
            found[truth][verdict(case)] += 1
            changes[truth].append(case["change"]["estimate"])
            if truth == "not slowed" and is_alarm(case):
                alarms.append(case["name"])
            elif truth != "not slowed" and verdict(case) != dict(TRUTHS)[truth]:
                missed.append("%s, %s" % (case["name"], truth))
    rows = []
    for truth, right in TRUTHS:
        row, whole = found[truth], sum(found[truth].values())
        rows.append([truth, whole, *(row[v] for v in ("regression", "improvement", "no change", OTHER)),
                     "%d (%s)" % (row[right], rate(row[right], whole)), measured(changes[truth])])
    text = table(["truth", "cases", "regression", "improvement", "no change", "cannot tell", "right",
                  "change that was measured"], rows)
    text += "\n\n%d runs; seconds a run: %s." % (len(runs), middle([run["seconds"] for run in runs]))
    return text + listed("False alarms", alarms) + listed("Missed", missed)


# ---- The other rules ----

def share(verdicts, of):
    return rate(sum(v in of for v in verdicts), len(verdicts))


def by_rule(runs):
    """For each rule the verdicts of all its stored runs, and how many suites alarm, of how many."""
    verdicts, suites = collections.defaultdict(list), collections.defaultdict(lambda: [0, 0])
    for run in runs:
        judged = [rules.judge(case) for case in run["ab"]["ab"]["cases"]]
        for name in rules.NAMES:
            each = [j[name] for j in judged if j[name]]
            verdicts[name] += [v for verdicts_of_case in each for v in verdicts_of_case]
            for at in range(min(map(len, each), default=0)):
                suites[name][0] += any(v[at] != "no change" for v in each)
                suites[name][1] += 1
    return verdicts, suites


def compared(equal_runs, injected_runs):
    levels = sorted({run["level"] for run in injected_runs})
    cases = cases_of(equal_runs)
    alarmed = sum(any(map(is_alarm, run["ab"]["ab"]["cases"])) for run in equal_runs)
    first = ["**decoct ab**", rate(sum(map(is_alarm, cases)), len(cases)), rate(alarmed, len(equal_runs))]
    verdicts, suites = by_rule(equal_runs)
    rows = {name: [name, share(verdicts[name], ("regression", "improvement")), rate(*suites[name])]
            for name in rules.NAMES}
    for level in levels:
        at_level = [run for run in injected_runs if run["level"] == level]
        first.append(share([verdict(case) for case in cases_of(at_level)], ("regression",)))
        verdicts, _ = by_rule(at_level)
        for name, row in rows.items():
            row.append(share(verdicts[name], ("regression",)))
    rows = table(["rule", "false alarms, of equal cases", "suites with a false alarm",
                  *("+%d %% found" % level for level in levels)], [first, *rows.values()])
    return rows + "\n\nA suite here is a whole run for `decoct ab`, and one launch of every case for the other rules."


def markdown(store):
    runs = list(store.runs())
    parts = {name: [run for run in runs if run["part"] == name] for name in ("aa", "injected", "blinded")}
    keys = {run["name"]: store.get("keys/" + run["name"]) for run in parts["blinded"]}
    if not runs:
        return "There are no finished runs yet.\n"
    texts = [machine(runs)]
    if parts["aa"]:
        texts.append("### Equal builds, with the hog\n\n" + equal(parts["aa"]))
    if parts["injected"]:
        texts.append("### An injected slowdown, with the hog\n\n" + injected(parts["injected"]))
    if parts["blinded"]:
        texts.append("### Blinded runs, with the hog\n\n" + blinded(parts["blinded"], keys))
    if parts["aa"] and any(rules.samples(case) for case in cases_of(parts["aa"])):
        texts.append("### Other rules, on the same samples\n\n" + compared(parts["aa"], parts["injected"]))
    return "\n\n".join(texts) + "\n"
