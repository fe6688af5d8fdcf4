# SPDX-License-Identifier: BSD-2-Clause
# `decoct gate`: test_gate.py BUILD. What it refuses, its reports and its exit codes. Which code
# follows from which verdicts is tested on made-up trials (test_gate.c): here no timing is judged.
# Exit code 77 where the benchmarks or the worker are not in the build.
import json
import os
import resource
import shutil
import signal
import subprocess
import tempfile
import time
import unittest
import xml.etree.ElementTree

from ab_kit import BUILD, DECOCT, SHORT, SMALL, decoct, environment, main

REPORTS = ["junit.xml", "summary.md", "verdict.json"]
SAME = ("--baseline", BUILD, "--candidate", BUILD)
AT_ONCE = ("--budget", "0.001s")  # before the first launch


class Gate(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.folder)
        self.temporary = self.path("tmp")
        os.mkdir(self.temporary)

    def path(self, *names):
        return os.path.join(self.folder, *names)

    def gate(self, *args, **env):
        env = {**environment(TMPDIR=self.temporary), **env}
        return decoct("gate", *args, "--out", self.path("out"), env=env)

    def read(self, name):
        with open(self.path("out", name), encoding="utf-8") as file:
            return file.read()

    def write(self, name, text):
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.write(text)
        return self.path(name)

    def refused(self, words, *args, code=64):
        got, out, err = self.gate(*args)
        self.assertEqual((got, out), (code, ""), err)
        self.assertIn(words, err)

    def check_reports(self, code, out):
        """The three reports and the exit code agree; returns verdict.json."""
        self.assertEqual(sorted(os.listdir(self.path("out"))), REPORTS)
        found = json.loads(self.read("verdict.json"))
        self.assertEqual(found["gate"]["exit_code"], code)
        if code == 130 or not all(case["launches"] or case["verdict"] == "failed" for case in found["ab"]["cases"]):
            self.assertIs(found["context"]["decoct"]["complete"], False)
        first = "## Performance gate: " + found["gate"]["verdict"]
        self.assertEqual(self.read("summary.md").splitlines()[0], first)
        self.assertEqual(out.splitlines()[0], first)
        root = xml.etree.ElementTree.fromstring(self.read("junit.xml"))
        bad = root.findall(".//failure") + root.findall(".//error")
        self.assertEqual(bool(bad), code != 0)
        for element in [root, *root.findall("testsuite")]:
            for counted, name in (("tests", "testcase"), ("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
                self.assertEqual(int(element.get(counted)), len(element.findall(".//" + name)), counted)
        self.assertEqual(os.listdir(self.temporary), [])  # the copy is gone
        return found

    def test_reports(self):
        summary = self.path("step-summary.md")
        self.write("step-summary.md", "before\n")
        code, out, err = self.gate(*SAME, *SMALL, *SHORT, "--inject", "40%", "--baseline-name", "v1", "--candidate-name", "v2",
                                   GITHUB_STEP_SUMMARY=summary)
        # Whether ten launches are enough depends on the machine; that the codes and the three
        # files agree does not.
        self.assertIn(code, (0, 10, 13), out + err)
        found = self.check_reports(code, out)
        self.assertEqual(found["gate"]["self_check"]["passed"], "Self-check passed" in self.read("summary.md"))
        # The injected slowdown is one of the self-check only, whose launches are all in the file.
        self.assertEqual(found["ab"]["rule"]["inject"], 0)
        self.assertEqual(found["equal"]["rule"]["inject"], 0)
        self.assertEqual(found["slowed"]["rule"]["inject"], 0.4)
        self.assertEqual(found["slowed"]["rule"]["alarm"], found["slowed"]["rule"]["alpha"])
        for part in ("ab", "equal", "slowed"):
            (case,) = found[part]["cases"]
            self.assertEqual(case["name"], "softmax/seq:8/heads:2")
            self.assertTrue(case["launches"])
            self.assertNotEqual(found["equal"]["arms"][0]["library"], found["equal"]["arms"][1]["library"])
        with open(summary, encoding="utf-8") as file:
            self.assertEqual(file.read(), "before\n" + self.read("summary.md"))
        suites = xml.etree.ElementTree.fromstring(self.read("junit.xml")).findall("testsuite")
        self.assertEqual([s.get("name") for s in suites], ["decoct gate self-check", "decoct gate"])
        self.assertEqual([len(s.findall("testcase")) for s in suites], [3, 2])
        properties = {p.get("name"): p.get("value") for p in suites[1].find("properties")}
        self.assertEqual(properties["verdict"], found["gate"]["verdict"])
        self.assertTrue(properties["baseline"].startswith("v1, ") and properties["candidate"].startswith("v2, "))
        self.assertIn("kernel " + os.uname().release, properties["machine"])

    def test_the_budget_may_end_before_the_self_check(self):
        code, out, err = self.gate(*SAME, *SMALL, *AT_ONCE, GITHUB_ACTIONS="true")
        self.assertEqual(code, 13, out + err)
        found = self.check_reports(code, out)
        self.assertEqual(found["gate"]["verdict"], "could not judge 1 of 1 cases: the self-check did not finish")
        self.assertIn("not decided: the budget was spent", found["gate"]["self_check"]["why"])
        self.assertIn("\n::error title=Performance gate::could not judge 1 of 1 cases", out)
        self.assertIn("Run the gate again with a larger --budget.", out)
        self.assertEqual(found["ab"]["cases"][0]["launches"], [])

    def test_cases_take_turns(self):
        shapes = ("--op", "softmax", "--seq", "8,16,24,32,40,48", "--heads", "2")
        # No case has a verdict before its 64th launch, so that all of them are open when the budget ends.
        code, out, err = self.gate(*SAME, *shapes, "--pairs", "1", "--launches", "64:64", "--budget", "3s")
        self.assertEqual(code, 13, out + err)
        found = self.check_reports(code, out)
        counts = [len(c["launches"]) for part in ("equal", "slowed", "ab") for c in found[part]["cases"]]
        self.assertEqual(len(counts), 8)
        self.assertLessEqual(max(counts) - min(counts), 1)

    def test_invalid_requests(self):
        self.refused("name both builds", "--baseline", BUILD)
        self.refused("not a regular expression", "--accept", "(")
        self.refused("not a regular expression", "--quarantine", "(")
        self.refused("No such file", "--accepted", "/nowhere")
        self.refused("given twice", *SAME, "--accept", "^a", "--accept", "^a")
        self.refused("unexpected argument", "build")
        self.refused("no backend has this name; did you mean 'scalar'? There are ", *SAME, *SMALL, "--backend", "scalra",
                     code=70)
        self.refused("--inject must be larger than the margin of 2 %", *SAME, "--inject", "2%")
        self.refused("--inject must be larger than the margin of 8 %", *SAME, "--inject", "5%", "--margin", "8%")
        self.refused("--twin: ", *SAME, *SMALL, "--twin", "/nowhere")
        self.refused("--twin is the baseline itself", *SAME, *SMALL, "--twin", BUILD)
        self.refused("no case matches", *SAME, *SMALL, "--filter", "nothing", code=14)
        self.refused("all 1 cases are in quarantine", *SAME, *SMALL, "--quarantine", "soft", code=14)
        self.assertEqual(os.listdir(self.folder), ["tmp"])

    def test_help_says_what_options_mean_for_the_self_check(self):
        code, out, err = decoct("gate", "--help")
        self.assertEqual(code, 0, err)
        words = " ".join(out.split())
        self.assertIn("--inject=PERCENT The slowdown of the self-check", words)
        self.assertEqual(words.count("also of the self-check"), 2)
        self.assertIn("--inject=PERCENT Slow B down", " ".join(decoct("ab", "--help")[1].split()))

    def test_a_wide_margin_needs_a_larger_slowdown(self):
        self.assertEqual(self.gate(*SAME, *SMALL, *AT_ONCE, "--margin", "8%")[0], 13)
        self.assertEqual(json.loads(self.read("verdict.json"))["slowed"]["rule"]["inject"], 0.2)

    def test_entries(self):
        entries = self.write("accepted", "2020-01-01 ^softmax/ | <b>old</b> |\n2999-01-01 ^gone/ for later\n"
                                         "2999-01-01 quarantine seq:8/ noisy here\n")
        shapes = ("--op", "softmax", "--seq", "8,16", "--heads", "2")
        code, out, err = self.gate(*SAME, *shapes, *AT_ONCE, "--accepted", entries)
        self.assertEqual(code, 13, out + err)
        whole = self.check_reports(code, out)
        found = whole["gate"]
        self.assertEqual([(e["kind"], e["until"], e["expired"], len(e["matches"])) for e in found["entries"]],
                         [("accepted", "2020-01-01", True, 2), ("accepted", "2999-01-01", False, 0),
                          ("quarantine", "2999-01-01", False, 1)])
        cases = {c["name"]: (c["outcome"], c.get("until"), c.get("reason")) for c in whole["ab"]["cases"]}
        self.assertEqual(cases["softmax/seq:8/heads:2"], ("quarantined", "2999-01-01", "noisy here"))
        self.assertEqual(cases["softmax/seq:16/heads:2"], ("undecided", None, None))
        self.assertIn("until 2020-01-01 has expired", out)
        self.assertIn("\\| &lt;b&gt;old&lt;/b&gt; \\|", out)
        self.assertIn("`^gone/`, until 2999-01-01 names no case", out)

    def leave_old_reports(self):
        os.makedirs(self.path("out"), exist_ok=True)
        for name in REPORTS:
            self.write(os.path.join("out", name), "old")
        self.write(os.path.join("out", "other"), "kept")

    def test_reports_of_an_earlier_run_do_not_survive(self):
        for code, args in ((64, ("--baseline", "/nowhere", "--candidate", BUILD)),
                           (14, (*SAME, *SMALL, "--filter", "nothing")),
                           (14, (*SAME, *SMALL, "--quarantine", "."))):
            self.leave_old_reports()
            self.assertEqual(self.gate(*args)[0], code)
            self.assertEqual(os.listdir(self.path("out")), ["other"])
        self.leave_old_reports()
        os.unlink(self.path("out", "junit.xml"))
        os.mkdir(self.path("out", "junit.xml"))
        self.refused("cannot remove the report of an earlier run", *SAME, *SMALL, code=70)

    def test_a_folder_that_cannot_be_written(self):
        self.write("out", "kept")
        self.refused("verdict.json", *SAME, *SMALL, code=70)
        self.assertEqual(os.listdir(self.temporary), [])
        for out in ("/proc/decoct-gate", self.path("missing", "out"), ""):
            code, out, err = decoct("gate", *SAME, *SMALL, "--out", out)
            self.assertEqual((code, out), (70, ""), err)
            self.assertIn("cannot ", err)

    def limited(self, limit, *args):
        def limit_files():
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
        return subprocess.run([DECOCT, "gate", *args, "--out", self.path("out")], env=environment(TMPDIR=self.temporary),
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                              timeout=600, check=False, preexec_fn=limit_files)

    def test_no_room_for_the_copy(self):
        done = self.limited(16384, *SAME, *SMALL, *SHORT)
        self.assertEqual(done.returncode, 70, done.stdout + done.stderr)
        self.assertIn("the self-check could not run: " + self.temporary, done.stderr)
        self.assertIn("File too large", done.stderr)
        found = self.check_reports(70, done.stdout)
        self.assertEqual(found["gate"]["self_check"]["result"], "could not run")
        self.assertEqual(found["ab"]["cases"][0]["launches"], [])

    def test_no_room_for_the_reports(self):
        done = self.limited(1024, *SAME, *SMALL, "--out", self.path("out"))
        self.assertEqual(done.returncode, 70, done.stdout + done.stderr)
        self.assertIn("verdict.json: File too large", done.stderr)
        self.assertNotIn("verdict.json", os.listdir(self.path("out")))
        self.assertEqual(os.listdir(self.temporary), [])

    def test_where_the_copy_goes(self):
        for place, words in ((self.path("missing"), "No such file or directory (set TMPDIR)"),
                             (self.path("a b"), "cannot be preloaded")):
            if "missing" not in place:
                os.mkdir(place)
            code, out, err = self.gate(*SAME, *SMALL, *AT_ONCE, TMPDIR=place)
            self.assertEqual(code, 70, out + err)
            self.assertIn(words, err)
            self.assertIn("**Self-check could not run**", out)
        self.assertEqual(os.listdir(self.path("a b")), [])

    def test_a_place_that_code_cannot_be_loaded_from(self):
        with open("/proc/mounts", encoding="utf-8") as file:
            mounts = [line.split() for line in file]
        places = [m[1] for m in mounts if m[2] == "tmpfs" and "noexec" in m[3].split(",") and os.access(m[1], os.W_OK)]
        if not places:
            self.skipTest("no writable file system is mounted noexec here")
        before = os.listdir(places[0])
        code, out, err = self.gate(*SAME, *SMALL, *AT_ONCE, TMPDIR=places[0])
        self.assertEqual(code, 70, out + err)
        self.assertIn("code cannot be loaded from there", err)
        self.assertEqual(os.listdir(places[0]), before)

    def test_another_build_of_the_baseline(self):
        twin = self.path("twin", "lib")
        os.makedirs(twin)
        shutil.copy(os.path.realpath(os.path.join(BUILD, "lib", "libdecoct.so.0")), os.path.join(twin, "libdecoct.so.0"))
        with open(os.path.join(twin, "libdecoct.so.0"), "ab") as file:
            file.write(b"\0")  # the loader does not mind
        code, out, err = self.gate(*SAME, *SMALL, *AT_ONCE, "--twin", self.path("twin"), TMPDIR="/nowhere")
        self.assertEqual(code, 13, out + err)
        found = json.loads(self.read("verdict.json"))
        self.assertEqual(found["gate"]["self_check"]["twin"], self.path("twin"))
        self.assertEqual(found["slowed"]["arms"][1]["library"], os.path.join(os.path.realpath(twin), "libdecoct.so.0"))
        for part in "equal", "slowed":  # each arm's own digest and version
            first, second = found[part]["arms"]
            self.assertNotEqual(first["build_sha256"], second["build_sha256"])
            self.assertEqual(first["version"], second["version"])

    def test_a_candidate_that_dies_is_not_a_pass(self):
        self.write("libdecoct.so.0", "not a library\n")
        code, out, err = self.gate("--baseline", BUILD, "--candidate", self.folder, *SMALL, *SHORT)
        self.assertEqual(code, 70, out + err)
        found = self.check_reports(code, out)
        self.assertEqual(found["gate"]["verdict"], "could not measure 1 of 1 cases")
        self.assertLessEqual(len(found["equal"]["cases"][0]["launches"]), 1)  # it ended at once

    def test_no_common_abi(self):
        os.makedirs(self.path("next", "lib", "some-machine"))
        self.write("next/lib/some-machine/libdecoct.so.1", "")
        self.refused("libdecoct.so.1 has another C ABI", "--baseline", BUILD, "--candidate", self.path("next"), code=77)
        compiler = os.environ.get("DECOCT_TEST_CC", "cc").split()
        if not shutil.which(compiler[0]):
            self.skipTest("a compiler is missing")
        source = self.write("few.c", "unsigned decoct_version(void) { return 0; }\n")
        subprocess.run([*compiler, "-shared", "-fPIC", "-Wl,-soname,libdecoct.so.0", source, "-o", self.path("libdecoct.so.0")],
                       check=True)
        code, out, err = self.gate("--baseline", BUILD, "--candidate", self.folder, *SMALL, *SHORT)
        self.assertEqual(code, 77, out + err)
        self.assertEqual(self.check_reports(code, out)["gate"]["verdict"], "baseline and candidate have no common C ABI")
        self.assertIn("libdecoct.so.0 lacks a function of the C ABI", out)
        self.assertEqual(decoct("ab", BUILD, self.folder, *SMALL, *SHORT)[0], 77)

    def test_signals_leave_reports_and_no_copy(self):
        for send, number in ((os.kill, signal.SIGINT), (os.kill, signal.SIGTERM), (os.killpg, signal.SIGTERM)):
            run = subprocess.Popen([DECOCT, "gate", *SAME, "--op", "softmax", "--seq", "8,16,32", "--heads", "2",
                                    "--out", self.path("out")], env=environment(TMPDIR=self.temporary), start_new_session=True,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            while not os.listdir(self.temporary) and run.poll() is None:
                time.sleep(0.01)
            send(run.pid, number)
            out, err = run.communicate(timeout=600)
            self.assertEqual(run.returncode, 130, out + err)
            self.assertEqual(self.check_reports(130, out)["gate"]["verdict"], "interrupted")


if __name__ == "__main__":
    main()
