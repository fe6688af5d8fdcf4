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
import time
import unittest

from ab_kit import BUILD, DECOCT, PLUGINS, SHORT, SMALL, decoct, environment, is_running, main, on_terminal, slow_library, wait_for

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
        self.refused("with one setting", BUILD, BUILD, "--backend", "scalar,avx2")
        self.refused("no libdecoct.so.0 there", BUILD, self.folder)
        self.refused("with one setting", BUILD, BUILD, "--threads", "1,2")
        self.refused("with one setting", BUILD, BUILD, "--pin", "compact,spread")
        self.refused("exactly one option with two values", BUILD, "--threads", "1,2", "--pin", "none,core")
        self.refused("exactly one option with two values", BUILD, "--threads", "1,1")
        self.refused("at most two values", BUILD, "--pin", "none,core,l3")
        for builds in ((BUILD, BUILD, "--backend", "scalra"), (BUILD, "--backend", "scalar,scalra")):
            self.refused("no backend has this name; did you mean 'scalar'? There are ", *builds, code=70)
        self.refused("all cannot be compared", BUILD, BUILD, "--backend", "all")
        self.refused("each thread needs its own", BUILD, BUILD, *SMALL, "--threads", "4096")
        self.refused("--launches takes", BUILD, BUILD, "--launches", "5:3")
        self.refused("alpha 0.001 needs at least 10", BUILD, BUILD, *SMALL, "--launches", "8:8")
        self.refused("alpha 1e-30 needs more than 64", BUILD, BUILD, *SMALL, "--alpha", "1e-30")
        self.refused("for 1 case with 1 look each: no change could be reported; use at least --launches 2:14",
                     BUILD, BUILD, *SMALL, "--launches", "2:2", "--alpha", "0.3")
        # 11 launches are asked for, but the last look is at 8.
        self.refused("the last look, at 8 launches", BUILD, BUILD, *SMALL, "--launches", "2:11")
        self.refused("for 200 cases with 2 looks each", BUILD, BUILD, "--op", "softmax", "--seq", "1..50+1",
                     "--heads", "1,2,4,8", "--launches", "12:18")
        self.refused("--pairs takes one number, not \"3,5\"", BUILD, BUILD, *SMALL, "--pairs", "3,5")
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

    def test_quick_leaves_what_was_named(self):
        named = ("--margin", "5%", "--launches", "12:23", "--alpha", "0.002")
        for options, rule in ((("--quick", *named), (0.05, 0.002, [12, 4, 23])), ((*named, "--quick"), (0.05, 0.002, [12, 4, 23])),
                              (("--margin", "3%", "--quick"), (0.03, 0.005, [8, 4, 32]))):
            code, out, err = ab(BUILD, BUILD, *SMALL, *options, "--budget", "0.001s", "--json", self.path("ab.json"))
            self.assertEqual(code, 0, out + err)
            with open(self.path("ab.json"), encoding="utf-8") as file:
                found = json.load(file)["ab"]["rule"]
            self.assertEqual((found["margin"], found["alpha"], found["launches"]), rule)

    def check_samples(self, launch):
        """The figures of a launch are those of its samples: medians over pairs of log(B / A), and all CPU time."""
        samples, pairs = launch["samples"], len(launch["samples"]["first"])
        self.assertEqual(pairs, 2)
        ratio = lambda key, only=range(pairs): statistics.median(
            [math.log(samples[key][1][i] / samples[key][0][i]) for i in only])
        for key, figure in (("quickest_ns", "quickest"), ("control_ns", "control_change")):
            self.assertAlmostEqual(ratio(key), launch[figure], delta=2e-5, msg=key)
        a, b = (sum(samples["cpu_ns"][arm]) for arm in (0, 1))
        self.assertAlmostEqual(math.log(b / a), launch["mean"], delta=2e-5)
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

    def test_the_table_says_what_else_happened(self):
        """Made-up launches, continued: disturbed pairs, a noisy host, waiting that was not looked at, and a
        case of several threads, of which it is not known whether they ran together."""
        rule = ("--launches", "12:60", "--pairs", "4", "--budget", "0.001s")
        many = ("--op", "softmax", "--seq", "8,16", "--heads", "2", "--json", self.path("ab.json"))
        self.assertEqual(ab(BUILD, BUILD, *many, *rule, "--budget", "0.2s")[0], 0)  # at least one launch
        with open(self.path("ab.json"), encoding="utf-8") as file:
            document = json.load(file)
        template = document["ab"]["cases"][0]["launches"][0]
        order = 0
        for case, scatter, several in zip(document["ab"]["cases"], (0.0001, 0.2), (False, True)):
            case["launches"] = []
            for i in range(12):
                samples = {**template["samples"], "disturbed": [0, 1, 1, 1], "control_ns": [[1000, 1000, 1200, 1200]] * 2}
                case["launches"].append({**template, "samples": samples, "undisturbed": 1, "woke": int(order == 0), "order": order,
                                         "several": several, "together": -1 if several else 1,
                                         "quickest": scatter * (i - 5.5) - 1e-5, "mean": 0.0001 * i})
                order += 1
        with open(self.path("ab.json"), "w", encoding="utf-8") as file:
            json.dump(document, file)
        code, out, err = ab(BUILD, BUILD, *many, *rule, "--resume")
        self.assertEqual(code, 0, out + err)
        self.assertRegex(out, r"softmax/seq:8/heads:2  +no change  .* 12  a change above about 2\.\d % would probably have been found")
        self.assertRegex(out, r"softmax/seq:16/heads:2  +cannot tell  .* 12  too noisy: the launches scatter")
        self.assertIn("1 no change, 0 regression, 0 improvement, 1 cannot tell;", out)
        self.assertNotIn("-0.0 ", out)
        self.assertIn("In 1 turn the worker", out)
        self.assertIn("Disturbed: in 72 of 96 pairs", out)
        self.assertIn("Noisy host: 50 % of the control kernels were slow", out)
        self.assertIn("Not looked at in 1 of 2 cases: waiting", out)
        self.assertIn("Not known here: whether the threads ran at the same time", out)
        with open(self.path("ab.json"), encoding="utf-8") as file:
            self.assertEqual(json.load(file)["ab"]["noise"], {
                "pairs": 96, "disturbed": 72, "woke": 1, "waiting_not_looked_at": 1, "together_not_known": 1,
                "slow_share": 0.5, "noisy": True})

    def test_waiting_that_is_not_decided(self):
        """Made-up launches: the calls are equal, the wall time may be 4 % longer, and the budget ends."""
        rule = (*SMALL, "--launches", "12:60", "--pairs", "6", "--budget", "0.001s", "--json", self.path("ab.json"))
        self.assertEqual(ab(BUILD, BUILD, *rule, "--budget", "0.2s")[0], 0)  # at least one launch
        with open(self.path("ab.json"), encoding="utf-8") as file:
            document = json.load(file)
        (case,) = document["ab"]["cases"]
        template = case["launches"][0]
        template["samples"]["disturbed"] = [0] * 6
        case["launches"] = [{**template, "undisturbed": 6, "woke": 0, "order": i, "quickest": 0.0001 * i, "mean": 0.0001 * i,
                             "wall": 0.04 + 0.004 * (i - 5.5)} for i in range(12)]
        with open(self.path("ab.json"), "w", encoding="utf-8") as file:
            json.dump(document, file)
        code, out, err = ab(BUILD, BUILD, *rule, "--resume")
        self.assertEqual(code, 0, out + err)
        self.assertRegex(out, r"no change  .* 1[23]  a change above about 2\.\d % would probably have been found; "
                              r"the CPU time is equal, the wall time is not decided")
        self.assertNotIn("the budget was spent", out)

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

    def test_progress_line(self):
        """Launches, time to the next looks, look and launch of the case, pairs so far, open cases, the case."""
        small = ("ab", BUILD, BUILD, "--op", "softmax", "--seq", "8,16", "--heads", "2", "--launches", "12:12", "--pairs", "2")
        lines = re.findall(r"\r\x1b\[K([^\r\n]*)", on_terminal(*small))
        self.assertEqual(lines[0], "0/24, ? to the next looks  look 1, launch 1 of 12, 0 pairs, 2 open: softmax/seq")
        known = [re.match(r"(\d+)/24, (\d+) s to the next looks  look 1, launch (\d+) of 12, (\d+) pairs", line)
                 for line in lines[1:-1]]
        self.assertTrue(known and all(known), lines)
        for found in known:
            done, _, launch, pairs = (int(g) for g in found.groups())
            self.assertEqual((launch, pairs), (done // 2 + 1, 2 * done))
        many = ("ab", BUILD, BUILD, "--op", "softmax", "--seq", "1..64+1", "--heads", "2", "--budget", "4s")
        lines = re.findall(r"\r\x1b\[K([^\r\n]*)", on_terminal(*many))
        self.assertTrue(any(re.match(r"\d+/768, [0-4] s left of the budget", line) for line in lines[1:]), lines)

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
            found = json.load(file)
        self.assertEqual(len(found["ab"]["cases"]), 4)
        self.assertIs(found["context"]["decoct"]["complete"], False)

    def test_sigterm_to_the_whole_group_is_not_a_crash(self):
        """As timeout and the runners of CI services send it."""
        run = subprocess.Popen([DECOCT, "ab", BUILD, BUILD, "--op", "softmax", "--seq", "8,16,32,64", "--heads", "2",
                                "--json", self.path("ab.json")], env=environment(), start_new_session=True,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.assertIn("libdecoct", run.stdout.readline())
        self.assertTrue(wait_for(lambda: os.path.exists(self.path("ab.json")) and os.path.getsize(self.path("ab.json"))))
        time.sleep(0.1)  # the workers of the next launch measure
        os.killpg(run.pid, signal.SIGTERM)
        out, err = run.communicate(timeout=600)
        self.assertEqual(run.returncode, 130, out + err)
        self.assertIn("4 cannot tell;", out)
        self.assertNotIn("failed", out)

    def test_no_worker_stays(self):
        """Whatever ends the driver, also while a worker is still being loaded."""
        library, started = slow_library(self.folder), self.path("started")
        if not library:
            self.skipTest("a compiler or nm is missing")
        for number, code in (signal.SIGKILL, -signal.SIGKILL), (signal.SIGINT, 130), (signal.SIGTERM, 130):
            # A driver that is interrupted waits until its worker is loaded. When it was killed, the worker must end before that.
            seconds = "300" if number == signal.SIGKILL else "1"
            run = subprocess.Popen([DECOCT, "ab", library, BUILD, *SMALL], env=environment(DECOCT_TEST_LOAD=seconds),
                                   start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            self.assertTrue(wait_for(lambda: os.path.exists(started) and os.path.getsize(started)))
            with open(started, encoding="utf-8") as file:
                worker = int(file.read())
            os.unlink(started)
            if number == signal.SIGKILL:
                run.kill()
            else:
                os.killpg(run.pid, number)
            self.assertEqual(run.wait(timeout=600), code)
            self.assertTrue(wait_for(lambda: not is_running(worker)), number)


class Resume(unittest.TestCase):
    CASES = ("--op", "softmax", "--seq", "8,16,32", "--heads", "2")
    RULE = ("--launches", "12:12", "--alpha", "0.005", "--pairs", "2")  # three cases need 12

    def setUp(self):
        self.folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.folder)
        self.file = os.path.join(self.folder, "ab.json")

    def ab(self, *args, builds=(BUILD, BUILD), cases=CASES, rule=RULE, env=None):
        return ab(*builds, *cases, *rule, "--json", self.file, *args, env=env)

    def load(self):
        with open(self.file, encoding="utf-8") as file:
            return json.load(file)

    def save(self, document):
        with open(self.file, "w", encoding="utf-8") as file:
            json.dump(document, file)

    def start(self):
        """A run that is still measuring and has written its file."""
        run = subprocess.Popen([DECOCT, "ab", BUILD, BUILD, *self.CASES, "--json", self.file], env=environment(),
                               stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(6000):
            if os.path.exists(self.file) and os.path.getsize(self.file) or run.poll() is not None:
                break
            time.sleep(0.01)
        self.assertIsNone(run.poll())
        return run

    def test_after_kill(self):
        run = self.start()
        run.kill()
        run.wait()
        killed = self.load()
        self.assertIs(killed["context"]["decoct"]["complete"], False)
        launches = [l for case in killed["ab"]["cases"] for l in case["launches"]]
        self.assertTrue(launches)
        self.assertEqual(sorted(l["order"] for l in launches), list(range(len(launches))))
        code, out, err = self.ab("--resume", "--budget", "0.001s", rule=())
        self.assertEqual(code, 0, out + err)
        self.assertIn("continues", err)
        self.assertIs(self.load()["context"]["decoct"]["complete"], False)
        for old, new in zip(killed["ab"]["cases"], self.load()["ab"]["cases"]):
            self.assertEqual(new["launches"][:len(old["launches"])], old["launches"])
        self.assertEqual(os.listdir(self.folder), ["ab.json"])

    def test_the_rest_is_measured(self):
        self.assertEqual(self.ab("--budget", "0.001s")[0], 0)
        part = self.load()
        self.assertIs(part["context"]["decoct"]["complete"], False)
        code, out, err = self.ab("--resume")
        self.assertEqual(code, 0, out + err)
        whole = self.load()
        self.assertIs(whole["context"]["decoct"]["complete"], True)
        self.assertEqual([len(c["launches"]) for c in whole["ab"]["cases"]], [12, 12, 12])
        code, again, err = self.ab("--resume")  # nothing is left: the same verdicts
        self.assertEqual((code, again), (0, out), err)
        self.assertEqual(self.load()["ab"], whole["ab"])

    def test_verdicts_follow_from_the_order_of_the_launches(self):
        """The second case is found at its first look, since the first one was found before: interleaved it would not be."""
        rule = ("--launches", "9:15", "--alpha", "0.005", "--pairs", "2")
        cases = ("--op", "softmax", "--seq", "8,16", "--heads", "2")
        self.assertEqual(self.ab("--budget", "1h", cases=cases, rule=rule)[0], 0)
        document = self.load()
        order = 0
        for case, count in zip(document["ab"]["cases"], (15, 9)):
            launch = case["launches"][0]
            case["launches"] = [{**launch, "quickest": 0.1 + 0.001 * i, "mean": 0.1, "order": order + i} for i in range(count)]
            order += count
        self.save(document)
        code, out, err = self.ab("--resume", "--budget", "0.001s", cases=cases, rule=rule)
        self.assertEqual(code, 0, out + err)
        self.assertEqual([c["verdict"] for c in self.load()["ab"]["cases"]], ["regression", "regression"])
        self.assertEqual([len(c["launches"]) for c in self.load()["ab"]["cases"]], [15, 9])
        document["ab"]["cases"][0]["launches"][14]["order"] = 23  # now it is found too late
        document["ab"]["cases"][1]["launches"] = [
            {**l, "order": l["order"] - 1} for l in document["ab"]["cases"][1]["launches"]]
        self.save(document)
        code, out, err = self.ab("--resume", "--budget", "0.001s", cases=cases, rule=rule)
        self.assertEqual(code, 0, out + err)
        self.assertEqual([c["verdict"] for c in self.load()["ab"]["cases"]], ["regression", "cannot tell"])

    def refused(self, words, *args, **more):
        code, out, err = self.ab("--resume", *args, **more)
        self.assertEqual(code, 64, out + err)
        self.assertIn(words, err)

    def test_what_is_something_else_is_refused(self):
        self.assertEqual(self.ab()[0], 0)
        with open(self.file, "rb") as file:
            before = file.read()
        self.refused('another pairs (rule)', "--pairs", "3")
        self.refused('another margin (rule)', "--margin", "3%")
        self.refused('another inject (rule)', "--inject", "5%")
        self.refused("number 2 is softmax/seq:16/heads:2 there and softmax/seq:9/heads:2 here",
                     cases=("--op", "softmax", "--seq", "8,9,32", "--heads", "2"))
        self.refused("number 3 is softmax/seq:32/heads:2 there and absent here",
                     cases=("--op", "softmax", "--seq", "8,16", "--heads", "2"))
        self.refused("another backend of A", "--backend", "scalar")
        self.refused("another seed", "--seed", "7")
        self.refused("another environment", env=environment(DECOCT_TEST_OTHER="1"))
        with open(self.file, "rb") as file:
            self.assertEqual(file.read(), before)
        for path, value, words in ((("context", "host_name"), "elsewhere", "another machine"),
                                   (("context", "machine", "cpu"), "Potion 1", "another CPU"),
                                   (("ab", "worker_sha256"), "0", "another worker_sha256")):
            document = json.loads(before)
            at = document
            for key in path[:-1]:
                at = at[key]
            at[path[-1]] = value
            self.save(document)
            self.refused(words)

    def test_another_build_is_refused(self):
        tree = os.path.join(self.folder, "tree")
        plugins = os.path.join(tree, "lib", "decoct", "backends")
        os.makedirs(plugins)
        library = shutil.copy(os.path.realpath(os.path.join(BUILD, "lib", "libdecoct.so.0")),
                              os.path.join(tree, "lib", "libdecoct.so.0"))
        plugin = shutil.copy(os.path.join(PLUGINS, "late", "vendor.so"), plugins)
        self.assertEqual(self.ab(builds=(BUILD, tree))[0], 0)
        moved = os.path.join(self.folder, "moved")  # the same build under another path
        os.rename(tree, moved)
        code, out, err = self.ab("--resume", builds=(BUILD, moved))
        self.assertEqual(code, 0, out + err)
        self.refused("another build (library or plugins) of B", builds=(BUILD, BUILD))
        self.refused("another build (library or plugins) of A", builds=(moved, BUILD))
        for changed in (plugin, library):
            changed = changed.replace(tree, moved)
            with open(changed, "ab") as file:
                file.write(b"x")
            self.refused("another build (library or plugins) of B", builds=(BUILD, moved))

    def test_a_damaged_file_is_refused(self):
        self.assertEqual(self.ab()[0], 0)
        whole = self.load()
        name = "launch 3 of softmax/seq:16/heads:2"
        for change, words in ((lambda l: l.pop("mean"), name),
                              (lambda l: l.update(quickest="x"), name),
                              (lambda l: l.update(undisturbed=3), name),
                              (lambda l: l["samples"]["cpu_ns"][1].pop(), name),
                              (lambda l: l["samples"]["wall_ns"][0].__setitem__(1, None), name),
                              (lambda l: l.update(order=2), "is damaged: launch")):
            document = json.loads(json.dumps(whole))
            change(document["ab"]["cases"][1]["launches"][2])
            self.save(document)
            self.refused(words)
        document = json.loads(json.dumps(whole))  # more than the rule asks for
        document["ab"]["cases"][0]["launches"].append({**whole["ab"]["cases"][0]["launches"][0], "order": 36})
        self.save(document)
        self.refused("launches after a verdict")
        for text, words in (("", None), ("{", "line 1"), ("[]", "not a result file"),
                            ('{"context": {"decoct": {"format": 1}}, "benchmarks": []}', 'no "ab"')):
            with open(self.file, "w", encoding="utf-8") as file:
                file.write(text)
            if words:
                self.refused(words)
        code, _, err = self.ab("--resume", rule=("--pairs", "1"))
        self.assertEqual(code, 64, err)
        os.truncate(self.file, 0)
        code, _, err = self.ab("--resume", "--budget", "0.001s")
        self.assertEqual(code, 0, err)
        self.assertIn("is empty: nothing to continue", err)

    def test_one_run_a_file(self):
        run = self.start()
        try:
            for more in ((), ("--resume",)):
                code, out, err = self.ab(*more)
                self.assertEqual((code, out), (64, ""), err)
                self.assertIn("another process is writing", err)
        finally:
            run.kill()
            run.wait()

    def test_resume_needs_a_file(self):
        code, _, err = ab(BUILD, BUILD, *SMALL, "--resume")
        self.assertEqual(code, 64)
        self.assertIn("-o FILE", err)
        code, _, err = ab(BUILD, BUILD, *SMALL, *SHORT, "--resume", "--json", "-")
        self.assertEqual(code, 64)
        self.assertIn("is not a file", err)


if __name__ == "__main__":
    main()
