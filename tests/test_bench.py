# SPDX-License-Identifier: BSD-2-Clause
# `decoct bench` as CI uses it: test_bench.py PATH-OF-DECOCT. Names, figures and exit codes; no
# timing is judged. Exit code 77 where the benchmarks are not in the build.
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

DECOCT = os.path.abspath(sys.argv.pop(1)) if len(sys.argv) > 1 else "decoct"
QUICK = "--benchmark_min_time=0.001"


def bench(*args):
    env = {k: v for k, v in os.environ.items() if not k.startswith(("BENCHMARK_", "DECOCT_"))}
    done = subprocess.run([DECOCT, "bench", *args], stdin=subprocess.DEVNULL, text=True, env=env,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=600)
    return done.returncode, done.stdout, done.stderr


def names(*args):
    code, out, err = bench("--benchmark_list_tests", *args)
    return out.splitlines() if code == 0 else (code, err)


class Names(unittest.TestCase):
    def test_cross_product(self):
        given = names("--op", "softmax,attention", "--seq", "16..64*2", "--heads", "1..3+2",
                      "--head-dim", "8", "--threads", "1,2", "--pin", "none,compact",
                      "--backend", "scalar")
        self.assertEqual(given, [
            "%s/seq:%d/heads:%d/%sthreads:%d/pin:%s/backend:scalar" % (op, s, h, dim, t, pin)
            for op, dim in (("softmax", ""), ("attention", "dim:8/")) for s in (16, 32, 64) for h in (1, 3)
            for t in (1, 2) for pin in ("none", "compact")])

    def test_defaults(self):
        given = names()
        self.assertEqual(len(given), len(set(given)))
        self.assertEqual({name.split("/")[0] for name in given},
                         {"matmul", "softmax", "attention", "prefill", "decode"})

    def test_twice_is_once(self):
        self.assertEqual(len(names("--op", "softmax,softmax", "--seq", "8,8", "--threads", "1,1")), 1)

    def test_all(self):
        given = names("--op", "softmax", "--seq", "8", "--backend", "all", "--threads", "all")
        self.assertIn("scalar", {name.rsplit(":", 1)[1] for name in given})
        self.assertNotIn("/threads:0/", given[0])

    def test_all_and_best_are_alone(self):
        for given in ("all,scalar", "scalar,all", "best,scalar"):
            code, err = names("--op", "softmax", "--seq", "8", "--backend", given)
            self.assertEqual(code, 64)
            self.assertIn("cannot be combined with others", err)

    def test_filter_sees_the_name_as_it_is_shown(self):
        args = ("--op", "softmax,attention", "--seq", "16,161", "--backend", "scalar")
        self.assertEqual(len(names(*args, "--benchmark_filter=^softmax.*seq:16/.*:scalar$")), 1)
        self.assertEqual(len(names(*args, "--benchmark_filter=scalar$")), 4)
        self.assertEqual(names(*args, "--benchmark_filter=sca$")[0], 14)


class Whole(unittest.TestCase):
    MODEL = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "models", "potion")

    def test_names(self):
        self.assertEqual(names("--model", self.MODEL, "--seq", "4", "--backend", "scalar"),
                         ["%s/seq:4/model:potion/threads:1/pin:none/backend:scalar" % op
                          for op in ("prefill", "decode")])

    def test_runs(self):
        code, out, err = bench("--model", self.MODEL, "--seq", "4", QUICK)
        self.assertEqual(code, 0, err)
        self.assertIn("tokens/s", out)

    def test_no_model(self):
        code, out, err = bench("--model", "/nonexistent", "--seq", "4", QUICK)
        self.assertEqual(code, 70)
        self.assertIn("/nonexistent", out + err)

    def test_barrier(self):
        code, out, err = bench("--op", "barrier", "--seq", "1", "--threads", "1,2", QUICK)
        self.assertEqual(code, 0, err)


class Figures(unittest.TestCase):
    SHAPES = ("--op", "matmul,softmax,attention,block,prefill,decode", "--seq", "7,64", "--heads", "3",
              "--head-dim", "16", "--layers", "5", "--threads", "1,2")

    @classmethod
    def setUpClass(cls):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "out.json")
            cls.code, cls.out, cls.err = bench(
                *cls.SHAPES, QUICK,
                "--benchmark_out=" + path, "--benchmark_out_format=json",
                "--benchmark_context=commit=abc")
            with open(path, encoding="utf-8") as file:
                cls.json = json.load(file, parse_constant=lambda x: 1 / 0)  # no NaN, no Infinity

    def test_ran(self):
        self.assertEqual(self.code, 0, self.err)
        rows = self.json["benchmarks"]
        self.assertEqual([row["name"] for row in rows],
                         names(*self.SHAPES))
        for row in rows:
            self.assertNotIn("error_occurred", row)
            self.assertEqual(row["name"], row["run_name"])
            self.assertIn(row["name"], self.out)

    def test_context(self):
        context = self.json["context"]
        for key in ("date", "host_name", "num_cpus", "caches", "library_build_type"):
            self.assertIn(key, context)
        self.assertIn(context["decoct_build_type"],
                      ("plain", "debug", "debugoptimized", "release", "minsize", "custom"))
        self.assertEqual(context["commit"], "abc")
        self.assertNotIn("Library was built as DEBUG", self.err)

    def test_counters(self):
        # A rate times the time is what one run does.
        d = 3 * 16
        for row in self.json["benchmarks"]:
            op, s = row["name"].split("/")[0], int(re.search(r"seq:(\d+)", row["name"]).group(1))
            half = 4 * 3 * 16 * s * (s + 1) / 2  # every query and the keys up to it
            flop = {"matmul": 6 * s * d * d, "attention": half, "block": 24 * s * d * d + half,
                    "prefill": 5 * (24 * s * d * d + half),
                    "decode": 5 * (24 * d * d + 4 * d * (s + 1))}.get(op)
            byte = {"softmax": 8 * 3 * s * s, "decode": 5 * 4 * (12 * d * d + 2 * s * d)}.get(op)
            token = {"block": s, "prefill": s, "decode": 1}.get(op)
            for key, amount in (("GFLOP/s", flop), ("GB/s", byte), ("tokens/s", token)):
                self.assertEqual(key in row, amount is not None, row["name"])
                if amount is not None:
                    unit = 1 if key == "tokens/s" else 1e9
                    done = row[key] * unit * row["real_time"] * 1e-6
                    self.assertAlmostEqual(done / amount, 1.0, 4, row["name"] + " " + key)


class ExitCodes(unittest.TestCase):
    def check(self, code, words, *args):
        with self.subTest(args=args):
            given, out, err = bench(*args)
            self.assertEqual(given, code, err)
            self.assertIn(words, err + out)

    def test_usage(self):
        for args in (["--seq", "x"], ["--seq", "0"], ["--seq", "8..4*2"], ["--seq", "8..64"],
                     ["--seq", "8,"], ["--seq", "8..64*1"], ["--seq", "1..99+1"],
                     ["--heads", "99999"], ["--threads", "0"], ["--threads", "alle"],
                     ["--op", "atention"], ["--op", ""], ["word"], ["--benchmark_nonsense=1"],
                     ["--benchmark_format=csv"], ["--benchmark_min_time=x"],
                     ["--table", "--op", "softmax"], ["--table", "--pin", "none,compact"],
                     ["--table", "--benchmark_min_time=1"],
                     ["--seq", "1..64+1", "--heads", "1..64+1", "--head-dim", "1..64+1"]):
            self.check(64, "decoct bench", *args)

    def test_nothing_matched(self):
        self.check(14, "nosuchname", "--benchmark_filter=nosuchname")

    def test_refused(self):
        shape = ("--op", "softmax", "--seq", "8", QUICK)
        self.check(70, "nosuch", *shape, "--backend", "nosuch")
        self.check(64, "nowhere", *shape, "--pin", "nowhere")
        self.check(70, "4095", *shape, "--pin", "4095")
        self.check(70, "/nonexistent/out.json", *shape, "--benchmark_out=/nonexistent/out.json")

    def test_one_failure_among_good_ones(self):
        self.check(70, "nosuch", "--op", "softmax", "--seq", "8", "--backend", "nosuch,scalar",
                   QUICK)

    def test_table(self):
        code, out, err = bench("--table", "--seq", "16,32", "--heads", "1,2", "--threads", "1,2",
                               "--backend", "scalar")
        self.assertEqual((code, err), (0, ""))
        rows = re.findall(r"(?m)^ *(16|32) +(1|2)((?: +\d[\d.]*){4})$", out)
        self.assertEqual([row[:2] for row in rows],
                         [("16", "1"), ("16", "2"), ("32", "1"), ("32", "2")])
        for row in rows:
            self.assertTrue(all(float(x) > 0 for x in row[2].split()))
        self.check(70, "nosuch", "--table", "--backend", "nosuch")


class Alone(unittest.TestCase):
    """A machine with one backend: the program and its library without the plugins beside them."""

    def setUp(self):
        library = os.path.join(os.path.dirname(DECOCT), "..", "lib", "libdecoct.so.0")
        if not os.path.exists(library):
            self.skipTest("this build has no library to copy")
        self.folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.folder)
        for name, file in (("cli", DECOCT), ("lib", library)):
            os.mkdir(os.path.join(self.folder, name))
            shutil.copy(file, os.path.join(self.folder, name))

    def suite(self, *args):
        path = os.path.join(self.folder, "out.json")
        env = {k: v for k, v in os.environ.items() if not k.startswith(("BENCHMARK_", "DECOCT_"))}
        done = subprocess.run([os.path.join(self.folder, "cli", "decoct"), "bench", "--suite", "ci", "--op", "softmax",
                               "--threads", "1", "--pin", "none", "--repetitions", "1", "--min-time", "0.001",
                               "--overwrite", "-o", path, *args],
                              stdin=subprocess.DEVNULL, text=True, env=env, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, timeout=600)
        with open(path, encoding="utf-8") as file:
            rows = [row for row in json.load(file)["benchmarks"] if row["name"].startswith("softmax")]
        return done.returncode, done.stderr, rows

    def test_rows_of_a_suite_are_never_unchecked(self):
        code, err, rows = self.suite("--backend", "scalar")
        self.assertEqual((code, [row["reference"] for row in rows]), (0, ["golden"] * 3), err)
        code, err, rows = self.suite("--backend", "scalar", "--seed", "2")
        if code == 0:  # this library has other backends built in
            self.assertNotIn("unchecked", [row["reference"] for row in rows])
            return
        self.assertEqual(code, 70)
        self.assertIn("cannot be checked here", err)
        self.assertEqual([row.get("error_occurred") for row in rows], [True] * 3)


if __name__ == "__main__":
    if bench("--help")[0] == 77:
        print("skipped: no benchmarks in this build")
        sys.exit(77)
    unittest.main()
