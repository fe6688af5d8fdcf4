# SPDX-License-Identifier: BSD-2-Clause
# ci/ab-study: test_ab_study.py BUILD. Its tables on made-up runs, how it continues, that a killed call
# leaves no half file and no process behind, and the library in which one call is slowed. `decoct ab`
# is replaced by a script here, but for the last. Exit code 77 where scipy is missing.
import gzip
import json
import os
import select
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import unittest

import own_libraries

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BUILD = os.path.abspath(sys.argv.pop(1)) if len(sys.argv) > 1 else os.path.join(TOP, "build")
STUDY = os.path.join(TOP, "ci", "study")
COMPARE = "/usr/share/benchmark/compare.py"
sys.path.insert(0, STUDY)
try:
    import rules
except ImportError:
    print("skipped: scipy is not installed (Debian: python3-scipy)")
    sys.exit(77)
import builds
import hog
import runs
import store
import tables

# ci/ab-study with the builds in the folder argv[1].
DRIVER = """
import importlib.machinery, importlib.util, sys
loader = importlib.machinery.SourceFileLoader("ab_study", %r)
study = importlib.util.module_from_spec(importlib.util.spec_from_loader("ab_study", loader))
loader.exec_module(study)
place = sys.argv.pop(1)
study.get, study.sources = lambda: place, lambda: "made-up"
sys.exit(study.main())
""" % os.path.join(TOP, "ci", "ab-study")

# `decoct ab`: notes its arguments, waits if it is asked to, and finds no change in two cases.
REPLACEMENT = """#!%s
import json, os, sys, time
place = os.path.dirname(os.path.abspath(__file__)) + "/../../"
with open(place + "calls", "a") as file:
    file.write(json.dumps(sys.argv[1:]) + "\\n")
if os.path.exists(place + "fail"):
    sys.exit("this machine is on fire")
while os.path.exists(place + "wait"):
    time.sleep(0.05)
launch = {"seconds": 0.5, "control_ns": 100.0, "run_ns": [50.0, 50.0]}
case = lambda name: {"name": name, "verdict": "no change", "change": {"estimate": 0.0}, "launches": [launch]}
if "DECOCT_STUDY_CALLS" in os.environ:
    with open(os.environ["DECOCT_STUDY_CALLS"], "w") as file:
        file.write("1 0 0 0 0\\n3 %%d 0 0 0\\n" %% len(sys.argv[sys.argv.index("--filter") + 1]))
with open(sys.argv[sys.argv.index("--json") + 1], "w") as file:
    json.dump({"ab": {"cases": [case("one"), case("other")]}}, file)
""" % sys.executable


def made_case(name, verdict, estimate=0.0, launches=(), count=2):
    launches = list(launches) or [{"seconds": 2.0, "control_ns": 100.0}] * count
    return {"name": name, "verdict": verdict, "change": {"estimate": estimate}, "launches": launches}


def made_run(name, cases, **more):
    return {"part": name.split("-")[0], "name": name, "commit": "0123456789abcdef", "cpu_model": "A CPU", "cpus": 2,
            "date": "2026-01-02T03:04:05+00:00", "load_before": [1.5, 1.0, 1.0], "seconds": 100.0,
            "hog": [[10.0, 1, 5.0], [98.0, 0, 8.0]], "ab": {"ab": {"cases": cases}}, **more}


def sampled(a, b):
    return {"seconds": 2.0, "control_ns": 100.0, "samples": {"wall_ns": [a, b], "cpu_ns": [a, a]}}


class Folder(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.folder)

    def path(self, *names):
        return os.path.join(self.folder, *names)


class Tables(Folder):
    def markdown(self, *made, keys=()):
        place = store.Store(self.folder)
        place.open_to_write()
        self.addCleanup(place.lock.close)
        for run in made:
            place.put_run(run["name"], run)
        for name, key in keys:
            place.put("keys/" + name, key)
        return tables.markdown(place)

    def test_equal_builds(self):
        text = self.markdown(
            made_run("aa-01", [made_case("x", "no change"), made_case("y", "cannot tell"), made_case("z", "failed")]),
            made_run("aa-02", [made_case("x", "no change"), made_case("y", "no change"),
                               made_case("z", "regression")], seconds=200.0))
        self.assertIn("| 2 | 6 | 3 | 2 | 1 | 0 | 1 | 150 (at most 200) |", text)
        self.assertIn("Alarms: `z` (1).", text)
        self.assertIn("Cannot tell: `y` (1), `z` (1).", text)
        self.assertNotIn("Without an alarm", text)
        self.assertIn("The hog was busy in 6.7 % of the time", text)  # 5 + 2 + 5 + 8 s of 300: one spell was cut off

    def test_without_an_alarm_the_bound_is_given(self):
        text = self.markdown(*(made_run("aa-%02d" % i, [made_case("x", "no change")] * 26) for i in range(20)))
        self.assertIn("the rate is at most 14 % of the runs and 0.57 % of the cases", text)

    def test_injected(self):
        text = self.markdown(
            made_run("injected-03-1", [made_case("x", "regression", 0.03), made_case("y", "cannot tell", 0.02, count=3),
                                       made_case("z", "no change", 0.01), made_case("v", "improvement", None)], level=3),
            made_run("injected-10-1", [made_case("x", "regression", 0.1)], level=10))
        self.assertIn("| +3 % | 4 | 1 (25 %) | 1 | 1 | 1 | +2.0 % (+1.0 % .. +3.0 %) | 4 (at most 6) |", text)
        self.assertIn("| +10 % | 1 | 1 (100 %) | 0 | 0 | 0 |", text)
        self.assertIn("`y +3 %` (1)", text)

    def test_blinded(self):
        text = self.markdown(
            made_run("blinded-01", [made_case("x", "regression"), made_case("y", "no change")]),
            made_run("blinded-02", [made_case("x", "cannot tell"), made_case("y", "improvement")]),
            made_run("blinded-03", [made_case("x", "improvement"), made_case("y", "no change")]),
            made_run("blinded-04", [made_case("x", "no change"), made_case("y", "cannot tell")]),
            keys=[("blinded-01", {"level": 5, "arm": "B", "case": "x"}),
                  ("blinded-02", {"level": 3, "arm": "B", "case": "x"}),
                  ("blinded-03", {"level": 3, "arm": "A", "case": "x"}),
                  ("blinded-04", {"level": 0, "arm": "A", "case": "x"})])
        self.assertIn("| not slowed | 5 | 0 | 1 | 3 | 1 | 3 (60 %) |", text)
        self.assertIn("| B slower by 3 % | 1 | 0 | 0 | 0 | 1 | 0 (0 %) |", text)
        self.assertIn("| B slower by 5 % | 1 | 1 | 0 | 0 | 0 | 1 (100 %) |", text)
        self.assertIn("| A slower by 3 % | 1 | 0 | 1 | 0 | 0 | 1 (100 %) |", text)
        self.assertIn("False alarms: `y` (1).", text)
        self.assertIn("Missed: `x, B slower by 3 %` (1).", text)

    def test_other_rules(self):
        quiet = [100.0 + 0.1 * i for i in range(15)]
        loud = [1.2 * x for x in quiet]
        # Within each launch both are equal; the second half of the launches is slower.
        equal = made_case("x", "no change", launches=[sampled(quiet, quiet), sampled(loud, loud)])
        slowed = made_case("x", "regression", launches=[sampled(quiet, [1.07 * x for x in quiet])] * 2)
        text = self.markdown(made_run("aa-01", [equal]), made_run("injected-05-1", [slowed], level=5))
        self.assertIn("| **decoct ab** | 0 % | 0 % | 100 % |", text)
        self.assertIn("| compare.py (U test, p < 0.05), real time, two jobs | 100 % | 100 % | 100 % |", text)
        self.assertIn("| compare.py (U test, p < 0.05), real time, interleaved | 0 % | 0 % | 100 % |", text)
        self.assertIn("| compare.py (U test, p < 0.05), CPU time, interleaved | 0 % | 0 % | 0 % |", text)
        self.assertIn("| means more than 5 % apart, real time, two jobs | 100 % | 100 % | 100 % |", text)
        self.assertIn("| means more than 10 % apart, real time, two jobs | 100 % | 100 % | 0 % |", text)

    def test_nothing_yet(self):
        self.assertIn("no finished runs", self.markdown())


class OtherRules(Folder):
    @unittest.skipUnless(os.path.exists(COMPARE), "libbenchmark-tools is not installed")
    def test_the_p_value_is_that_of_compare_py(self):
        for first, second in ((range(15), [x * 1.3 + 1.6 for x in range(15)]), (range(9), range(4, 19))):
            for name, values in (("a", first), ("b", second)):
                rows = [{"name": "x", "run_name": "x", "run_type": "iteration", "real_time": 50.0 + v,
                         "cpu_time": 50.0, "time_unit": "ns"} for v in values]
                with open(self.path(name), "w", encoding="utf-8") as file:
                    json.dump({"benchmarks": rows}, file)
            subprocess.run([sys.executable, COMPARE, "--no-color", "-d", self.path("out"), "benchmarks",
                            self.path("a"), self.path("b")], stdout=subprocess.PIPE, check=True)
            with open(self.path("out"), encoding="utf-8") as file:
                found = json.load(file)[0]["utest"]["time_pvalue"]
            self.assertAlmostEqual(float(rules.u_test(list(first), list(second))), found, places=12)
            rows = rules.u_test([list(second)] * 2, [list(first)] * 2)
            self.assertAlmostEqual(float(rows[1]), found, places=12)


class Plan(unittest.TestCase):
    def test_parts_come_in_turns_and_equal_builds_are_ahead(self):
        plan = runs.plan({"aa": 20, "injected": 2, "blinded": 40}, "1")
        self.assertEqual(len(plan), len({run["name"] for run in plan}))
        self.assertEqual(len(plan), 20 + 2 * 3 + 40)
        early = [run["part"] for run in plan[:30]]
        self.assertEqual(early[0], "aa")
        self.assertGreaterEqual(early.count("aa") / 20, early.count("blinded") / 40)
        self.assertEqual({run["part"] for run in plan[:5]}, {"aa", "injected", "blinded"})
        self.assertEqual([r["name"] for r in plan if r["part"] == "aa"], ["aa-%02d" % i for i in range(1, 21)])

    def test_draws(self):
        study = runs.Study(None, "", ())
        cases = {"case%d" % i: {"run": 1.0, "call": str(min(i, 10)), "calls": 1} for i in range(12)}
        cases["case3"].pop("call")
        plan = [run for run in runs.plan({"aa": 1, "injected": 1, "blinded": 36}, "7") if run["part"] == "blinded"]
        drawn = [study.draw(run, cases) for run in plan]
        self.assertEqual(drawn, [study.draw(run, cases) for run in plan])
        for level in (0, 3, 5):
            for arm in "AB":
                self.assertEqual(sum((t["level"], t["arm"]) == (level, arm) for _, t in drawn), 6)
        for chosen, truth in drawn:
            self.assertEqual(len(set(chosen)), 8)
            self.assertIn(truth["case"], chosen)
            # Not a case whose call is unknown, or is also the call of another case.
            self.assertNotIn(truth["case"], ("case3", "case10", "case11"))
        self.assertGreater(len({truth["case"] for _, truth in drawn}), 4)
        orders = {tuple((t["level"], t["arm"]) for _, t in drawn[first:first + 6]) for first in range(0, 36, 6)}
        self.assertGreater(len(orders), 3)


def processes(word):
    """The numbers of the processes with this word on their command line."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open("/proc/%s/cmdline" % pid, "rb") as file:
                if word.encode() in file.read():
                    found.append(int(pid))
        except OSError:
            pass
    return found


class Hog(unittest.TestCase):
    def test_it_reports_its_spells_and_ends(self):
        cpus = sorted(os.sched_getaffinity(0))
        seed = next(s for s in map(str, range(1000)) if next(hog.spells(s, cpus))[0] < 2.1) # idle at first
        _, cpu, busy = next(hog.spells(seed, cpus))
        process = runs.start_hog(seed)
        self.assertTrue(select.select([process.stdout], [], [], 60)[0])
        spells = runs.end_hog(process)
        self.assertIsNotNone(process.poll())
        self.assertEqual(spells[0][1:], [cpu, round(busy, 2)])

    def test_it_is_busy_half_of_the_time_on_every_cpu(self):
        some = [spell for spell, _ in zip(hog.spells("x", [0, 1]), range(1000))]
        for idle, _, busy in some:
            self.assertTrue(2 <= idle <= 8 and 2 <= busy <= 8)
        self.assertEqual({cpu for _, cpu, _ in some}, {0, 1})
        self.assertAlmostEqual(sum(busy for _, _, busy in some) / sum(idle for idle, _, _ in some), 1, delta=0.1)


class Continues(Folder):
    def setUp(self):
        super().setUp()
        for name in ("plain", "twin", "delayed"):
            os.makedirs(self.path("builds", name, "lib"))
        os.makedirs(self.path("builds", "build", "cli"))
        program = self.path("builds", "build", "cli", "decoct")
        with open(program, "w", encoding="utf-8") as file:
            file.write(REPLACEMENT)
        os.chmod(program, 0o755)
        self.seed = "seed-%d-%d" % (os.getpid(), time.monotonic_ns())

    def start(self, *args):
        words = [sys.executable, "-c", DRIVER, self.path("builds"), "--out", self.path("out"), "--seed", self.seed, *args]
        return subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def study(self, *args, code=0):
        run = self.start(*args)
        out, err = run.communicate(timeout=100)
        self.assertEqual(run.returncode, code, out + err)
        return out + err

    def finished(self):
        return sorted(name.split(".")[0] for name in os.listdir(self.path("out", "runs")))

    def calls(self):
        with open(self.path("builds", "calls"), encoding="utf-8") as file:
            return [json.loads(line) for line in file]

    def touch(self, name):
        with open(self.path("builds", name), "w", encoding="utf-8"):
            pass

    def wait_for(self, condition, seconds=20):
        for _ in range(20 * seconds):
            if condition():
                return True
            time.sleep(0.05)
        return False

    def test_only_what_is_missing_is_run(self):
        some = ("--aa", "2", "--injected", "1", "--blinded", "0")
        out = self.study(*some, "--only", "aa")
        self.assertIn("All runs are finished", out)
        self.assertEqual(self.finished(), ["aa-01", "aa-02"])
        os.remove(self.path("out", "runs", "aa-01.json.gz"))
        self.study(*some)
        self.assertEqual(self.finished(), ["aa-01", "aa-02", "injected-03-1", "injected-05-1", "injected-10-1"])
        self.assertEqual(len(self.calls()), 2 + 1 + 3)
        self.study(*some)
        self.assertEqual(len(self.calls()), 2 + 1 + 3)
        with gzip.open(self.path("out", "runs", "injected-05-1.json.gz")) as file:
            run = json.load(file)
        self.assertEqual(run["command"][-2:], ["--inject", "5%"])
        for key in ("load_before", "load_after", "hog", "date", "cpu_model", "commit", "seconds", "ab"):
            self.assertIn(key, run)

    def test_a_folder_has_one_rule(self):
        few = ("--aa", "1", "--injected", "0", "--blinded", "0")
        self.study(*few)
        self.assertIn("another options", self.study(*few, "--options=--quick", code=64))

    def test_no_run_starts_that_would_end_too_late(self):
        out = self.study("--minutes", "0.5")
        self.assertIn("66 runs are missing", out)
        self.assertEqual(self.finished(), [])

    def test_a_run_that_fails_is_not_stored(self):
        self.touch("fail")
        out = self.study("--aa", "5", code=70)
        self.assertEqual(out.count("this machine is on fire"), 3)
        self.assertEqual(self.finished(), [])

    def test_blinded_runs_keep_their_truth_apart(self):
        self.study("--aa", "0", "--injected", "0", "--blinded", "6")
        truths = []
        for number in range(1, 7):
            with open(self.path("out", "keys", "blinded-%02d.json" % number), encoding="utf-8") as file:
                truths.append(json.load(file))
            with gzip.open(self.path("out", "runs", "blinded-%02d.json.gz" % number), "rt") as file:
                text = file.read()
            self.assertNotIn("level", text)
            self.assertEqual(json.loads(text)["command"][1:3],
                             [self.path("out", ".scratch", arm) for arm in ("first", "second")])
        self.assertEqual(sorted((t["level"], t["arm"]) for t in truths), sorted(runs.BLINDED))
        # The last run's arms: half a control kernel long, slowed in one arm by the truth.
        for arm, name in (("A", "first"), ("B", "second")):
            with open(self.path("out", ".scratch", name, "lib", "delay"), encoding="utf-8") as file:
                words = file.read().split()
            self.assertEqual(words[0], "3")  # the last call, not the one before it
            slowed = truths[-1]["arm"] == arm
            self.assertAlmostEqual(float(words[-1]), 0.5 * truths[-1]["level"] / 100 if slowed else 0.0)

    def test_a_killed_call_leaves_nothing_behind(self):
        self.touch("wait")
        run = self.start("--aa", "1", "--injected", "0", "--blinded", "0")
        try:
            self.assertTrue(self.wait_for(lambda: os.path.exists(self.path("builds", "calls"))))
            # This call, the hog and what replaces `decoct ab`.
            self.assertEqual(len(processes(self.seed)), 2)
            self.assertEqual(len(processes(self.path("out", ".scratch", "ab.json"))), 1)
            # A stopped hog cannot find out by printing that it is alone.
            hog, = set(processes(self.seed)) - {run.pid}
            os.kill(hog, signal.SIGSTOP)
        finally:
            run.send_signal(signal.SIGKILL)
            run.wait()
        gone = self.wait_for(lambda: not processes(self.seed))
        if not gone:
            os.kill(hog, signal.SIGKILL)
        run.communicate()
        self.assertTrue(gone, "the hog lives")
        self.assertTrue(self.wait_for(lambda: not processes(self.path("out"))), "decoct ab lives")
        self.assertEqual(self.finished(), [])
        with open(self.path("out", "runs", "aa-07.json.gz.partial"), "w", encoding="utf-8") as file:
            file.write("half")
        os.remove(self.path("builds", "wait"))
        self.study("--aa", "1", "--injected", "0", "--blinded", "0")
        self.assertEqual(os.listdir(self.path("out", "runs")), ["aa-01.json.gz"])

    def test_ctrl_c(self):
        self.touch("wait")
        run = self.start("--aa", "1", "--injected", "0", "--blinded", "0")
        self.assertTrue(self.wait_for(lambda: os.path.exists(self.path("builds", "calls"))))
        second = self.study(code=64)
        self.assertIn("another ci/ab-study writes to it", second)
        run.send_signal(signal.SIGINT)
        _, err = run.communicate(timeout=60)
        self.assertEqual(run.returncode, 130, err)
        self.assertFalse(processes(self.seed))
        self.assertEqual(self.finished(), [])


class Delayed(Folder):
    """The library with delay.c around its operations."""

    @classmethod
    def setUpClass(cls):
        if not shutil.which("objcopy") or not os.path.exists(os.path.join(BUILD, "lib", "libdecoct.so.0")):
            raise unittest.SkipTest("objcopy or a shared library is missing")
        if not os.path.exists(os.path.join(BUILD, "bench", "decoct-ab-worker")):
            raise unittest.SkipTest("decoct ab is not in this build")

    def setUp(self):
        super().setUp()
        os.makedirs(self.path("lib", "decoct"))
        builds.link_delayed(BUILD, TOP, self.path("lib", "libdecoct.so.0"))

    def compare(self, **more):
        words = [BUILD, self.folder, "--op", "layer_norm,gelu_tanh,block", "--seq", "8", "--heads", "2", "--backend", "scalar",
                 "--launches", "12:12", "--pairs", "1"]
        found = runs.compare(os.path.join(BUILD, "cli", "decoct"), words, self.folder, **more)
        return {case["name"].split("/")[0]: case for case in found["ab"]["cases"]}

    def test_it_exports_the_same(self):
        names = [sorted(line.split()[0] for line in subprocess.run(
            ["nm", "-D", "-P", "--defined-only", path], stdout=subprocess.PIPE, text=True, check=True).stdout.splitlines())
            for path in (os.path.join(BUILD, "lib", "libdecoct.so.0"), self.path("lib", "libdecoct.so.0"))]
        self.assertEqual(*names)
        self.assertIn("decoct_softmax", builds.wrapped())

    def test_one_call_is_slowed(self):
        calls = self.path("calls")
        self.compare(DECOCT_STUDY_CALLS=calls)
        with open(calls, encoding="utf-8") as file:
            found = sorted(set(file.read().splitlines()))
        self.assertEqual(found, ["4 8 128 0 0", "5 0 8 128 0", "7 8 0 1 128"])  # with one block of 128 columns
        with open(self.path("lib", "delay"), "w", encoding="utf-8") as file:
            file.write("4 8 128 0 0 0.2\n")  # some 50 microseconds, where a run takes a few
        cases = self.compare()
        # A run that was disturbed is in one launch: the median of them is not.
        slower = {name: statistics.median(b / a for a, b in (launch["run_ns"] for launch in case["launches"]))
                  for name, case in cases.items()}
        self.assertGreater(slower["layer_norm"], 4)
        self.assertLess(slower["gelu_tanh"], 2)
        self.assertEqual({case["bits"] for case in cases.values()}, {"same"})


if __name__ == "__main__":
    unittest.main()
