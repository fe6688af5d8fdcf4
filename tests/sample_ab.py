# SPDX-License-Identifier: BSD-2-Clause
# Files of `decoct ab -o` and `decoct gate` that no machine has measured, for tests of their readers and for
# looking at their page: sample_ab.py KIND OUT.json. The kinds are the functions named in KINDS.
import json
import math
import os
import random
import statistics
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE]
sys.dont_write_bytecode = True
import results  # noqa: E402

HOSTILE = '<script>window.hit=1</script><img src=x onerror="window.hit=1">'
MARGIN = 0.02
RULE = {"margin": MARGIN, "alpha": 0.001, "alarm": 0.00002, "launches": [12, 6, 60], "pairs": 15, "sample_seconds": 0.006,
        "calls_least": 4, "inject": 0.0, "guard_margin": 0.04}
NAMES = ["%s/seq:%d/heads:12%s" % (op, seq, "" if op == "softmax" else "/dim:64") for op in
         ("matmul", "softmax", "attention", "block", "prefill", "decode") for seq in (1, 8, 64, 512, 2048)][:26]


def launch(rng, change, noise):
    """One launch of a case whose B takes exp(change) times as long."""
    quickest = change + rng.gauss(0, noise)
    run = 1e5 * rng.uniform(0.99, 1.01)
    undisturbed = rng.choice([0, 0, 3, 9, 15])
    return {"cpu": rng.choice([0, 1]), "quickest": quickest, "mean": quickest + abs(rng.gauss(0, 2 * noise)),
            "wall": quickest + rng.gauss(0, 2 * noise) if undisturbed else 0.0, "undisturbed": undisturbed, "woke": 0,
            "control_ns": 144000 * rng.choice([1, 1, 1, 1.2]), "seconds": rng.uniform(0.4, 0.7),
            "run_ns": [run, run * math.exp(quickest)]}


def trial(name, verdict="no change", change=0.0, count=12, noise=0.004, seed=None, **more):
    """One case; the interval of its estimate is about that of the median."""
    rng = random.Random(name if seed is None else seed)
    launches = [launch(rng, change, noise) for _ in range(count)]
    values = sorted(one["quickest"] for one in launches)
    cut = count // 6
    found = {"estimate": statistics.median(values), "low": values[cut], "high": values[-1 - cut]} if count >= 12 else {
        "estimate": 0.0, "low": 0.0, "high": 0.0}
    made = {"name": name, "verdict": verdict, "why": None, "error": None, "change": found, "decided_by": "quickest",
            "decided": dict(found),
            "quickest": "not decided" if verdict == "failed" else verdict, "guard": "no change", "waiting": "cannot tell",
            "waiting_looked_at": False, "smallest_found": 0.0226, "bits": "same" if count else "none",
            "served": ["avx512", "avx512"], "launches": launches}
    made.update(more)
    return made


def document(trials, gate=None, **rule):
    doc = {"context": results.context(), "ab": {
        "format": 1, "rule": {**RULE, **rule},
        "arms": [{"library": "/builds/%s/lib/libdecoct.so.0.1.0" % which, "backend": ""} for which in ("old", "new")],
        "cases": trials, "noise": {"pairs": 15 * sum(len(t["launches"]) for t in trials), "disturbed": sum(
            15 - one["undisturbed"] for t in trials for one in t["launches"]), "woke": 0, "waiting_not_looked_at": len(trials),
            "slow_share": 0.07, "noisy": False}}}
    doc["context"]["date"] = "2026-11-26T07:30:16+00:00"
    if gate:
        doc["gate"] = gate
    return doc


def gate(code, verdict, passed=True, **more):
    return {"exit_code": code, "verdict": verdict, "seconds": 181.5, "self_check": {
        "passed": passed, "inject": 0.05, "error": "", "cases": [
            {"name": name, "copy": "no change" if passed else "cannot tell", "slowed": "regression"} for name in
            ("softmax/seq:64/heads:12", "block/seq:8/heads:12/dim:64")]}, **more}


def single():
    return document([trial("softmax/seq:64/heads:12")])


def suite():
    """26 cases with every verdict, every bound and a failed one."""
    trials = [trial(name) for name in NAMES]
    for at in (5, 6, 9):
        trials[at] = trial(NAMES[at], "regression", 0.05 + 0.004 * at, why=None)
    trials[6].update(quickest="cannot tell", waiting="regression")
    trials[7] = trial(NAMES[7], "regression", 0.0, quickest="no change", guard="regression",
                      why="the quickest calls are equal, the mean of all calls is slower", decided_by="mean",
                      decided={"estimate": 0.07, "low": 0.06, "high": 0.08})
    for one in trials[7]["launches"]:
        one["mean"] += 0.06
    trials[12] = trial(NAMES[12], "improvement", -0.034)
    trials[14] = trial(NAMES[14], "cannot tell", 0.015, 60, 0.03)
    trials[18] = trial(NAMES[18], "cannot tell", 0.0, 3, why="the budget was spent", quickest="not decided")
    trials[19] = trial(NAMES[19], "cannot tell", 0.3, 12, 0.4)
    for key in ("change", "decided"):
        trials[19][key].update(low=None, high=None)
    trials[20] = trial(NAMES[20], "failed", 0.0, 2, error="the worker of B ended: out of memory")
    trials[21] = trial(NAMES[21], bits="different")
    return document(trials)


def nothing():
    return document([trial(name, "cannot tell", 0.0, 3, why="the budget was spent") for name in NAMES[:4]])


def equal():
    return document([trial(name) for name in NAMES])


def long_names():
    return document([trial("/".join(["attention"] + ["part%d:%d" % (i, 10 ** 9 + i) for i in range(12)]) + str(k),
                           seed=k) for k in range(3)] + [trial("x" * 400, "regression", 3.1, seed=9, noise=0.3)])


def gated():
    """A gate with accepted and quarantined cases."""
    doc = suite()
    for case in doc["ab"]["cases"]:
        case["outcome"] = {"regression": "slower", "improvement": "faster", "cannot tell": "undecided"}.get(
            case["verdict"], case["verdict"])
    doc["ab"]["cases"][5].update(outcome="accepted", until="2027-01-31", reason="exact to one ULP")
    doc["ab"]["cases"][14].update(outcome="quarantined", until=None, reason="noisy since the new kernel")
    for arm, digest in zip(doc["ab"]["arms"], ("ab" * 32, "cd" * 32)):
        arm["build_sha256"] = digest
    doc["gate"] = gate(10, "3 of 26 cases became slower", budget=None, strict=False, machine="AMD EPYC, 2 CPUs",
                       baseline="0.1.0 of commit e010a5e3b277", candidate="0.1.0 of commit afe8997b1c22", entries=[
                           {"kind": "accepted", "cases": "^softmax/seq:1/", "until": "2027-01-31", "reason": "exact to one ULP",
                            "expired": False, "matches": [NAMES[5]]},
                           {"kind": "quarantine", "cases": "^attention/seq:2048", "until": None,
                            "reason": "noisy since the new kernel", "expired": False, "matches": [NAMES[14]]},
                           {"kind": "accepted", "cases": "^decode/", "until": "2026-01-31", "reason": "larger table",
                            "expired": True, "matches": []}])
    doc["gate"]["self_check"].update(result="passed", why=None, computes=True, twin=None, control={
        "verdict": "no change", "estimate": 0.001, "low": -0.004, "high": 0.003, "rounds": 24, "slow_share": 0.07, "noisy": False})
    return doc


def unfit():
    """The self-check failed, so that nothing was compared."""
    return document([trial(name, "not decided", 0.0, 0) for name in NAMES[:5]],
                    gate(13, "could not judge: the self-check failed on this machine", False))


def distrusted():
    """The self-check failed after all was measured: its verdicts are not to be shown."""
    doc = gated()
    doc["gate"].update(exit_code=13, verdict="could not judge: the self-check failed on this machine")
    doc["gate"]["self_check"].update(passed=False, result="failed", why="softmax/seq:64/heads:12: a build and its copy "
                                     "measured as \"regression\" (+3.0 %)")
    return doc


def hostile():
    """Every text is an attack."""
    doc = gated()

    def poison(value, key=""):
        if isinstance(value, dict):
            return {k: poison(v, k) for k, v in value.items()}
        if isinstance(value, list):
            return [poison(v, key) for v in value]
        fixed = ("verdict", "quickest", "guard", "waiting", "bits", "copy", "slowed", "outcome",
                 "decided_by")
        return value + HOSTILE if isinstance(value, str) and key not in fixed else value
    return {"context": poison(doc["context"]), "ab": poison(doc["ab"]),
            "gate": poison({**doc["gate"], "verdict": "gate", "more": HOSTILE})}


def odd():
    """What a gate states beyond the known keys may be of any type."""
    doc = gated()
    doc["gate"].update(entries=[None, 3, {"kind": [], "matches": 5}], baseline={"a": 1}, candidate=None)
    doc["gate"]["self_check"].update(control=[1], cases=None, why=4, inject=None)
    doc["ab"]["cases"][0].update(outcome=3, reason=["x"], until={})
    doc["ab"]["rule"].update(later={"a": [1]}, pairs=None)
    return doc


KINDS = [single, suite, nothing, equal, long_names, gated, unfit, distrusted, hostile, odd]


def write(path, doc):
    with open(path, "w", encoding="utf-8") as file:
        json.dump(doc, file, indent=1)
    return path


if __name__ == "__main__":
    write(sys.argv[2], next(k for k in KINDS if k.__name__ == sys.argv[1])())
