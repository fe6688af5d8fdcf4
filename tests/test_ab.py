# SPDX-License-Identifier: BSD-2-Clause
# `decoct ab` and `decoct gate`: test_ab.py BUILD. What it refuses, what its file holds, and its
# exit codes. The verdicts themselves are tested on made-up and recorded launches (test_verdict,
# test_trial, test_gate): here no timing is judged. Exit code 77 where the benchmarks or the worker
# are not in the build.
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree

HERE = os.path.dirname(os.path.abspath(__file__))
BUILD = os.path.abspath(sys.argv.pop(1)) if len(sys.argv) > 1 else "build"
DECOCT = os.path.join(BUILD, "cli", "decoct")
PLUGINS = os.path.join(BUILD, "tests", "plugin")
SMALL = ("--op", "softmax", "--seq", "8", "--heads", "2")
SHORT = ("--launches", "8:8", "--alpha", "0.005", "--pairs", "2")  # fewer cannot reach alpha


def environment(**more):
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("BENCHMARK_", "DECOCT_", "LD_"))}
    return {**clean, **more}


def ab(*args, env=None):
    return decoct("ab", *args, env=env)


def decoct(*args, env=None):
    done = subprocess.run([DECOCT, *args], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, timeout=600, env=env or environment())
    return done.returncode, done.stdout, done.stderr


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
        self.refused("too few launches for this alpha", BUILD, BUILD, *SMALL, "--launches", "8:8", "--alpha", "0.001")
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
        with open(self.path("file"), "w") as file:
            file.write("kept")
        code, out, err = decoct("gate", "--baseline", BUILD, "--candidate", BUILD, *SMALL, "--out", self.path("file"))
        self.assertEqual((code, out), (70, ""), err)
        self.assertIn("verdict.json", err)

    def test_the_file_holds_every_launch(self):
        code, out, err = ab(BUILD, BUILD, *SMALL, *SHORT, "--json", self.path("ab.json"))
        self.assertEqual(code, 0, out + err)
        with open(self.path("ab.json"), encoding="utf-8") as file:
            found = json.load(file)
        self.assertIn("decoct", found["context"])
        self.assertEqual(found["ab"]["rule"]["launches"], [8, 6, 8])
        self.assertEqual(len(found["ab"]["arms"]), 2)
        (case,) = found["ab"]["cases"]
        self.assertEqual(case["name"], "softmax/seq:8/heads:2")
        self.assertIn(case["verdict"], ("no change", "regression", "improvement", "cannot tell"))
        self.assertEqual(case["bits"], "same")
        self.assertEqual(len(case["launches"]), 8)
        for launch in case["launches"]:
            self.assertGreater(launch["control_ns"], 0)
            self.assertIn(launch["cpu"], os.sched_getaffinity(0))
            self.assertLessEqual(launch["undisturbed"], 2)
        self.assertIn("softmax/seq:8/heads:2", out)

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


class Gate(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.folder)

    def gate(self, *args, env=None):
        env = {**environment(TMPDIR=self.folder), **(env or {})}
        return decoct("gate", *args, "--out", os.path.join(self.folder, "out"), env=env)

    def read(self, name):
        with open(os.path.join(self.folder, "out", name), encoding="utf-8") as file:
            return file.read()

    def test_reports(self):
        summary = os.path.join(self.folder, "step-summary.md")
        code, out, err = self.gate("--baseline", BUILD, "--candidate", BUILD, *SMALL, *SHORT,
                                   env={"GITHUB_STEP_SUMMARY": summary})
        # Whether eight launches of two pairs are enough depends on the machine; that the codes and
        # the three files agree does not.
        self.assertIn(code, (0, 10, 13), out + err)
        found = json.loads(self.read("verdict.json"))
        self.assertEqual(found["gate"]["exit_code"], code)
        self.assertEqual(found["gate"]["self_check"]["passed"], code != 13)
        first = self.read("summary.md").splitlines()[0]
        self.assertEqual(first, "# Performance gate: " + found["gate"]["verdict"])
        self.assertIn(first, out)
        with open(summary, encoding="utf-8") as file:
            self.assertEqual(file.read(), self.read("summary.md"))
        suites = xml.etree.ElementTree.fromstring(self.read("junit.xml")).findall("testsuite")
        self.assertEqual([s.get("name") for s in suites], ["decoct gate self-check", "decoct gate"])
        self.assertEqual(len(suites[0].findall("testcase")), 1)
        self.assertEqual(os.listdir(self.folder).count("out"), 1)
        self.assertFalse([f for f in os.listdir(self.folder) if "twin" in f])  # the copy is gone

    def test_invalid_requests(self):
        for words, args in (("name both builds", ("--baseline", BUILD)),
                            ("not a regular expression", ("--accept", "(")),
                            ("No such file", ("--accepted", "/nowhere")),
                            ("unexpected argument", ("build",))):
            code, out, err = self.gate(*args)
            self.assertEqual(code, 64, out + err)
            self.assertIn(words, err)


if __name__ == "__main__":
    if ab("--help")[0] == 77 or not os.path.exists(os.path.join(BUILD, "bench", "decoct-ab-worker")):
        print("skipped: decoct ab is not in this build")
        sys.exit(77)
    unittest.main()
