# SPDX-License-Identifier: BSD-2-Clause
"""One run of `decoct ab` beside the hog, and what each part of a study runs."""
import datetime
import json
import os
import random
import re
import shutil
import statistics
import subprocess
import sys
import time

import builds
import hog

LEVELS = (3, 5, 10)
# The truths of six blinded runs, before they are shuffled.
BLINDED = [(level, arm) for level in (0, 3, 5) for arm in "AB"]
BLINDED_CASES = 8
# Enough for the time of a case, not for a verdict.
SHORT = ("--launches", "12:12", "--pairs", "5")


class RunError(Exception):
    """A run that gave no result; a message for the user."""


def plan(counts, seed):
    """All runs, the parts in turns, so that an early end leaves some of each; A/A is ahead."""
    todo = []
    for number in range(counts["aa"]):
        todo.append((0.6 * number / counts["aa"], {"part": "aa", "name": "aa-%02d" % (number + 1)}))
    for number in range(counts["injected"]):
        for level in LEVELS:
            todo.append((number / counts["injected"], {"part": "injected", "level": level,
                                                       "name": "injected-%02d-%d" % (level, number + 1)}))
    for number in range(counts["blinded"]):
        todo.append((number / counts["blinded"], {"part": "blinded", "number": number,
                                                  "name": "blinded-%02d" % (number + 1)}))
    for _, run in todo:
        run["seed"] = "%s %s" % (seed, run["name"])
    return [run for _, run in sorted(todo, key=lambda item: item[0])]


# ---- One run ----

def environment(**more):
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("DECOCT_", "LD_"))}
    return {**clean, **more}


def cpu_model():
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        found = re.search(r"^model name\s*:\s*(.*)$", file.read(), re.M)
    return found.group(1) if found else "unknown"


def start_hog(seed):
    return subprocess.Popen([sys.executable, hog.__file__, seed], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                            text=True, preexec_fn=hog.dies_with_this())


def end_hog(process):
    """Its busy spells: [seconds since its start, CPU, seconds]."""
    process.kill()
    lines = process.communicate()[0].splitlines()
    return [[float(a), int(b), float(c)] for a, b, c in (line.split() for line in lines if line.count(" ") == 2)]


def compare(program, words, scratch, **more):
    """`decoct ab WORDS`: the content of its file."""
    path = os.path.join(scratch, "ab.json")
    run = subprocess.Popen([program, "ab", *words, "--json", path], stdin=subprocess.DEVNULL, text=True,
                           stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environment(**more),
                           preexec_fn=hog.dies_with_this())
    try:
        out = run.communicate()[0]
    finally:
        run.kill()
        run.wait()
    if run.returncode:
        raise RunError("decoct ab %s: exit code %d\n%s" % (" ".join(words), run.returncode, out[-2000:]))
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def measure(run, program, words, scratch):
    """The record of a run: what `decoct ab` found, and around it."""
    record = {"format": 1, **run, "commit": builds.commit(), "cpu_model": cpu_model(), "cpus": os.cpu_count(),
              "command": ["ab", *words], "load_before": os.getloadavg(),
              "date": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")}
    neighbour, begin = start_hog(run["seed"]), time.monotonic()
    try:
        record["ab"] = compare(program, words, scratch)
    finally:
        spells = end_hog(neighbour)
    return {**record, "seconds": round(time.monotonic() - begin, 1), "load_after": os.getloadavg(), "hog": spells}


# ---- The parts ----

class Study:
    """Builds, folder and options: runs one item of the plan."""

    def __init__(self, store, place, options, say=print):
        self.store, self.place, self.options, self.say = store, place, list(options), say
        self.program = builds.program(place)

    def tree(self, name):
        return os.path.join(self.place, name)

    def run(self, item):
        do = {"aa": self.run_equal, "injected": self.run_injected, "blinded": self.run_blinded}[item["part"]]
        record = do(item)
        self.store.put_run(item["name"], record)
        return record

    def run_equal(self, item):
        words = [self.tree("plain"), self.tree("twin"), *self.options]
        return measure(item, self.program, words, self.store.scratch())

    def run_injected(self, item):
        words = [self.tree("plain"), self.tree("twin"), *self.options, "--inject", "%d%%" % item["level"]]
        return measure(item, self.program, words, self.store.scratch())

    # -- Blinded --

    def calibrate_case(self, name):
        """A run of a case, in measurements of the control kernel, and the call that it consists of."""
        calls = os.path.join(self.store.scratch(), "calls")
        if os.path.exists(calls):
            os.remove(calls)
        words = [self.tree("delayed")] * 2 + [*self.options, "--filter", "^%s$" % re.escape(name), *SHORT]
        found = compare(self.program, words, self.store.scratch(), DECOCT_STUDY_CALLS=calls)
        launches = found["ab"]["cases"][0]["launches"]
        known = {"run": statistics.median(r / launch["control_ns"] for launch in launches for r in launch["run_ns"])}
        if os.path.exists(calls):
            with open(calls, encoding="utf-8") as file:
                known["call"] = file.read().splitlines()[-1]
            layers = re.search(r"/layers:(\d+)", name)
            known["calls"] = int(layers.group(1)) if layers else 1
        return known

    def calibration(self):
        """Made once, without the hog."""
        cases = self.store.get("calibration")
        if cases is None:
            self.say("Measuring each case once, for the blinded runs")
            words = [self.tree("plain"), self.tree("twin"), *self.options, "--budget", "0.001s"]
            listed = compare(self.program, words, self.store.scratch())["ab"]["cases"]
            cases = {case["name"]: self.calibrate_case(case["name"]) for case in listed}
            self.store.put("calibration", cases)
        return cases

    def draw(self, item, cases):
        """The cases of a blinded run, and the truth."""
        calls = [known.get("call") for known in cases.values()]
        can_be_slowed = [name for name, known in cases.items() if known.get("call") and calls.count(known["call"]) == 1]
        if not can_be_slowed:
            raise RunError("no case of the suite can be slowed in the library: see the list in ci/study/delay.c")
        block, at = divmod(item["number"], len(BLINDED))
        truths = BLINDED[:]
        random.Random("%s block %d" % (item["seed"].split()[0], block)).shuffle(truths)
        rng = random.Random(item["seed"])
        slowed = rng.choice(can_be_slowed)
        others = [name for name in cases if name != slowed]
        chosen = [slowed] + rng.sample(others, min(BLINDED_CASES - 1, len(others)))
        level, arm = truths[at]
        return sorted(chosen, key=list(cases).index), {"level": level, "arm": arm, "case": slowed}

    def make_arm(self, name, call, delay):
        tree = os.path.join(self.store.scratch(), name)
        shutil.copytree(os.path.join(self.tree("delayed"), "lib"), os.path.join(tree, "lib"), symlinks=True)
        with open(os.path.join(tree, "lib", "delay"), "w", encoding="utf-8") as file:
            file.write("%s %.9f\n" % (call, delay))
        return tree

    def run_blinded(self, item):
        cases = self.calibration()
        chosen, truth = self.draw(item, cases)
        known = cases[truth["case"]]
        delay = truth["level"] / 100.0 * known["run"] / known["calls"]
        trees = {}
        for arm, name in (("A", "first"), ("B", "second")):
            shutil.rmtree(os.path.join(self.store.scratch(), name), ignore_errors=True)
            trees[arm] = self.make_arm(name, known["call"], delay if arm == truth["arm"] else 0.0)
        self.store.put("keys/" + item["name"], truth)
        pattern = "^(%s)$" % "|".join(re.escape(name) for name in chosen)
        words = [trees["A"], trees["B"], *self.options, "--filter", pattern]
        return measure(item, self.program, words, self.store.scratch())
