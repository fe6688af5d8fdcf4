# SPDX-License-Identifier: BSD-2-Clause
# `decoct ab`: test_ab.py BUILD. What it refuses, what its file holds, and its exit codes. The
# verdicts themselves are tested on made-up and recorded launches (test_verdict, test_trial): here no
# timing is judged. Exit code 77 where the benchmarks or the worker are not in the build.
import json
import math
import os
import re
import shutil
import signal
import statistics
import subprocess
import tempfile
import unittest

from ab_kit import BUILD, DECOCT, PLUGINS, SHORT, SMALL, decoct, environment, main

HERE = os.path.dirname(os.path.abspath(__file__))


def ab(*args, env=None):
    return decoct("ab", *args, env=env)


class Ab(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.folder)

    def path(self, name):
        return os.path.join(self.folder, name)

    def refused(self, words, *args, code=64):
        got, out, err = ab(*args)
        self.assertEqual(got, code, out + err)
        self.assertIn(words, err)

    def test_the_worker_starts_with_a_library_of_release_0_1_0(self):
        """What that release lacks may be looked up, not needed: else no case at all could be compared with it."""
        nm = shutil.which("nm")
        if not nm:
            self.skipTest("binutils are missing")
        symbols = subprocess.run([nm, "-D", "-P", os.path.join(BUILD, "bench", "decoct-ab-worker")],
                                 stdout=subprocess.PIPE, text=True, check=True).stdout
        there = set()
        for name in ("base.h", "decoct.h"):
            with open(os.path.join(HERE, "fixtures", "headers-0.1.0", "decoct", name), encoding="utf-8") as file:
                there.update(re.findall(r"\b(decoct_\w+)\(", file.read()))
        needed = re.findall(r"^(decoct_\w+)(?:@\S+)? U", symbols, re.M)
        self.assertGreater(len(needed), 10)
        self.assertEqual(sorted(set(needed) - there), [])
        self.assertIn("decoct_rows", re.findall(r"^(decoct_\w+)(?:@\S+)? w", symbols, re.M))

    def test_invalid_requests(self):
        self.refused("name two builds")
        self.refused("name two builds", BUILD)
        self.refused("unexpected argument", BUILD, BUILD, BUILD)
        self.refused("one backend at a time", BUILD, BUILD, "--backend", "scalar,avx2")
        self.refused("no libdecoct.so.0 there", BUILD, self.folder)
        self.refused("one thread", BUILD, BUILD, "--threads", "2")
        self.refused("--launches takes", BUILD, BUILD, "--launches", "5:3")
        self.refused("alpha 0.001 needs at least 10", BUILD, BUILD, *SMALL, "--launches", "8:8")
        self.refused("alpha 1e-30 needs more than 64", BUILD, BUILD, *SMALL, "--alpha", "1e-30")
        self.refused("for 1 case with 1 look each: no change could be reported; use at least --launches 2:14",
                     BUILD, BUILD, *SMALL, "--launches", "2:2", "--alpha", "0.3")
        # 11 launches are asked for, but the last look is at 8.
        self.refused("the last look, at 8 launches", BUILD, BUILD, *SMALL, "--launches", "2:11")
        self.refused("for 200 cases with 2 looks each", BUILD, BUILD, "--op", "softmax", "--seq", "1..50+1",
                     "--heads", "1,2,4,8", "--launches", "12:18")
        self.refused("--margin", BUILD, BUILD, "--margin", "nan")
        self.refused("--suite has its own shapes", BUILD, BUILD, "--suite", "ci", "--seq", "8")
        self.refused("not a regular expression", BUILD, BUILD, *SMALL, "--filter", "(")
        self.refused("no case matches", BUILD, BUILD, *SMALL, "--filter", "nothing", code=14)

    def test_what_cannot_be_written_is_said_before_measuring(self):
        for name in ("", self.folder, self.path("missing/ab.json")):
            code, out, err = ab(BUILD, BUILD, *SMALL, *SHORT, "--json", name)
            self.assertEqual((code, out), (70, ""), err)
            self.assertIn("cannot write", err)
        self.assertEqual(os.listdir(self.folder), [])

    def test_the_file_holds_every_launch(self):
        code, out, err = ab(BUILD, BUILD, *SMALL, *SHORT, "--json", self.path("ab.json"))
        self.assertEqual(code, 0, out + err)
        with open(self.path("ab.json"), encoding="utf-8") as file:
            found = json.load(file)
        self.assertIn("decoct", found["context"])
        self.assertEqual(found["ab"]["rule"]["launches"], [10, 6, 10])
        self.assertEqual(len(found["ab"]["arms"]), 2)
        (case,) = found["ab"]["cases"]
        self.assertEqual(case["name"], "softmax/seq:8/heads:2")
        self.assertIn(case["verdict"], ("no change", "regression", "improvement", "cannot tell"))
        self.assertEqual(case["bits"], "same")
        self.assertEqual(len(case["launches"]), 10)
        for launch in case["launches"]:
            self.assertGreater(launch["control_ns"], 0)
            self.assertIn(launch["cpu"], os.sched_getaffinity(0))
            self.assertLessEqual(launch["undisturbed"], 2)
            self.check_samples(launch)
        self.assertIn("softmax/seq:8/heads:2", out)

    def check_samples(self, launch):
        """The figures of a launch are those of its samples: medians over pairs of log(B / A)."""
        samples, pairs = launch["samples"], len(launch["samples"]["first"])
        self.assertEqual(pairs, 2)
        ratio = lambda key, only=range(pairs): statistics.median(
            [math.log(samples[key][1][i] / samples[key][0][i]) for i in only])
        for key, figure in (("quickest_ns", "quickest"), ("cpu_ns", "mean"), ("control_ns", "control_ratio")):
            self.assertAlmostEqual(ratio(key), launch[figure], delta=2e-5, msg=key)
        quiet = [i for i in range(pairs) if not samples["disturbed"][i]]
        self.assertEqual(len(quiet), launch["undisturbed"])
        if quiet:
            self.assertAlmostEqual(ratio("wall_ns", quiet), launch["wall"], delta=2e-5)
        for arm in 0, 1:
            self.assertEqual(len(samples["quickest_ns"][arm]), pairs)
            for quickest, mean in zip(samples["quickest_ns"][arm], samples["cpu_ns"][arm]):
                self.assertLessEqual(quickest, mean * 1.00001)
            self.assertEqual(samples["quickest_ns"][arm][-1], launch["run_ns"][arm])
        self.assertLessEqual(set(samples["first"] + samples["disturbed"]), {0, 1})
        self.assertEqual(launch["arithmetic"][0], launch["arithmetic"][1])
        self.assertTrue(launch["has_hash"] and launch["same_bits"])

    def test_the_injected_delay_is_fine_enough_for_short_runs(self):
        """It follows each call of at least 50 us; after each run of 100 ns it could only be 0 or 2 %."""
        tiny = ("--op", "layer_norm", "--seq", "1", "--heads", "1")
        for inject, least in ((("--inject", "5%"), 100), ((), 0)):
            code, out, err = ab(BUILD, BUILD, *tiny, *SHORT, *inject, "--json", self.path("ab.json"))
            self.assertEqual(code, 0, out + err)
            with open(self.path("ab.json"), encoding="utf-8") as file:
                (case,) = json.load(file)["ab"]["cases"]
            for launch in case["launches"]:
                self.assertGreaterEqual(launch["delay_steps"], least)
                self.assertTrue(inject or launch["delay_steps"] == 0)

    def test_an_installed_file_is_found(self):
        library = os.path.realpath(os.path.join(BUILD, "lib", "libdecoct.so.0"))
        tree = self.path("usr/lib/some-machine")
        os.makedirs(tree)
        shutil.copy(library, os.path.join(tree, "libdecoct.so.0"))
        code, out, err = ab(self.folder, library, *SMALL, *SHORT)
        self.assertEqual(code, 0, out + err)
        self.assertIn(os.path.join(os.path.realpath(tree), "libdecoct.so.0"), out)

    def test_what_is_no_library_is_not_compared_in_its_place(self):
        other = self.path("libdecoct.so.0")
        with open(other, "w", encoding="utf-8") as file:
            file.write("nothing\n")
        code, out, err = ab(BUILD, self.folder, *SMALL, *SHORT)
        self.assertEqual(code, 70, out + err)
        self.assertIn("is not a libdecoct", out)

    def test_other_bits_are_an_error_unless_allowed(self):
        plugins = environment(DECOCT_BACKEND_PATH=os.path.join(PLUGINS, "late"))
        wide = ("--op", "block", "--seq", "16", "--heads", "2", "--backend", "scalar,vendor")
        code, out, err = ab(BUILD, *wide, *SHORT, env=plugins)
        self.assertEqual(code, 12, out + err)
        self.assertIn("DIFFERENT BITS", out)
        code, out, err = ab(BUILD, *wide, *SHORT, "--allow-different-bits", env=plugins)
        self.assertEqual(code, 0, out + err)

    def test_the_budget_ends_it(self):
        code, out, err = ab(BUILD, BUILD, *SMALL, "--pairs", "1", "--budget", "0.001s")
        self.assertEqual(code, 0, out + err)
        self.assertIn("the budget was spent", out)

    def test_ctrl_c_leaves_a_file(self):
        run = subprocess.Popen([DECOCT, "ab", BUILD, BUILD, "--op", "softmax", "--seq", "8,16,32,64",
                                "--heads", "2", "--json", self.path("ab.json")], env=environment(),
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.assertIn("libdecoct", run.stdout.readline())  # it has begun
        run.send_signal(signal.SIGINT)
        out, err = run.communicate(timeout=600)
        self.assertEqual(run.returncode, 130, out + err)
        self.assertIn("interrupted", out)
        with open(self.path("ab.json"), encoding="utf-8") as file:
            self.assertEqual(len(json.load(file)["ab"]["cases"]), 4)


if __name__ == "__main__":
    main()
